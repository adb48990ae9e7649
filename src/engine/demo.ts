import type { Logger } from '#engine/platform/index.ts';
import type { ProjectStore } from '#engine/project/index.ts';
import { AppError } from '#shared/errors.ts';
import { type DocumentChange, documentKind, documentSchemas } from '#shared/model/index.ts';

export interface DemoAddress {
  readonly host: string;
  readonly port: number;
}

export const DEMO_CONNECTION = 'demo-modbus';
export const DEMO_TREND = 'demo-trend';

/**
 * Starts the demo line and puts its connection, tags and trend into the project. What is there already stays as the
 * user has it; only the connection's address follows the simulator, which takes whatever port is free.
 */
export async function addDemo(options: {
  readonly project: ProjectStore;
  readonly demoProject: string | undefined;
  readonly startDemo: (() => Promise<DemoAddress>) | undefined;
  readonly log: Logger;
}): Promise<{ connectionId: string; trendId: string }> {
  const { project, log } = options;
  if (options.startDemo === undefined || options.demoProject === undefined) {
    throw new AppError('config.invalid', 'The demo line is switched off. Start ParX without --no-demo to have it.', {
      details: { issues: [{ path: 'demo', message: 'Switched off.' }] },
    });
  }
  const address = await options.startDemo();
  const documents = JSON.parse(options.demoProject) as Readonly<Record<string, readonly unknown[]>>;
  const changes: DocumentChange[] = [];
  for (const kind of documentKind.options) {
    for (const raw of documents[kind] ?? []) {
      let document = documentSchemas[kind].parse(raw);
      const present = project.get(kind, document.id);
      if (kind === 'connection' && document.id === DEMO_CONNECTION) {
        const base = present?.document ?? document;
        const { settings } = base as { readonly settings: Record<string, unknown> };
        if (present !== undefined && settings.host === address.host && settings.port === address.port) continue;
        document = { ...base, enabled: true, settings: { ...settings, ...address } } as typeof document;
      } else if (present !== undefined) continue;
      changes.push({ kind, id: document.id, document, expected: present?.revision ?? null });
    }
  }
  if (changes.length > 0) {
    project.commit(changes);
    log.info('The demo line is in the project.', { documents: changes.length, port: address.port });
  }
  return { connectionId: DEMO_CONNECTION, trendId: DEMO_TREND };
}
