import { z } from 'zod';
import type { Clock, Logger } from '#engine/platform/index.ts';
import type { ProjectStore } from '#engine/project/index.ts';
import { AppError } from '#shared/errors.ts';
import {
  connectionDocument,
  type DocumentChange,
  deviceDocument,
  tagDocument,
  trendDocument,
} from '#shared/model/index.ts';

/**
 * Where the demo line's simulators listen: by protocol, the settings that lead a connection there. Protocols without a
 * simulator are absent.
 */
export type DemoAddress = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const demoDocuments = z.object({
  connection: z.array(connectionDocument).min(1),
  device: z.array(deviceDocument),
  tag: z.array(tagDocument),
  trend: z.array(trendDocument).min(1),
});

/**
 * Starts the demo line and leads the project's demo connections to its simulators, which take whatever ports are free.
 * With `restore`, connections that are missing come with their devices and tags, a missing trend comes too, and all are
 * switched on; whatever is there already stays as the user has it. Throws `config.invalid` where the demo is switched
 * off, `protocol.connect-failed` when it does not start in time.
 */
export async function addDemo(options: {
  readonly project: ProjectStore;
  readonly demoProject: string | undefined;
  readonly startDemo: (() => Promise<DemoAddress>) | undefined;
  readonly restore: boolean;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<{ connectionId: string; trendId: string }> {
  const { project, restore, log } = options;
  if (options.startDemo === undefined || options.demoProject === undefined) {
    throw new AppError('config.invalid', 'The demo line is switched off. Start ParX without --no-demo to have it.', {
      details: { issues: [{ path: 'demo', message: 'Switched off.' }] },
    });
  }
  const addresses = await withinLimit(options.clock, options.startDemo());
  const documents = demoDocuments.parse(JSON.parse(options.demoProject));
  const changes: DocumentChange[] = [];
  const add = (kind: DocumentChange['kind'], list: readonly { readonly id: string }[]): void => {
    for (const document of list) {
      if (project.get(kind, document.id) !== undefined) continue;
      changes.push({ kind, id: document.id, document: document as DocumentChange['document'], expected: null });
    }
  };
  for (const shipped of documents.connection) {
    const present = project.get('connection', shipped.id);
    const connection = present?.document ?? shipped;
    const wanted = present === undefined ? restore : restore || connection.enabled;
    if (!wanted) continue;
    const settings = { ...connection.settings, ...addresses[shipped.protocol] };
    if (
      present === undefined ||
      !connection.enabled ||
      JSON.stringify(settings) !== JSON.stringify(connection.settings)
    ) {
      const document = { ...connection, enabled: true, settings };
      changes.push({ kind: 'connection', id: shipped.id, document, expected: present?.revision ?? null });
    }
    // Devices and tags that the user has removed from a connection that is there stay removed.
    if (present !== undefined) continue;
    const devices = documents.device.filter((device) => device.connectionId === shipped.id);
    const ids = new Set(devices.map((device) => device.id));
    add('device', devices);
    add(
      'tag',
      documents.tag.filter((tag) => ids.has(tag.deviceId)),
    );
  }
  if (restore) add('trend', documents.trend);
  if (changes.length > 0) {
    project.commit(changes);
    log.info('The demo line is in the project.', { documents: changes.length });
  }
  return { connectionId: documents.connection[0]!.id, trendId: documents.trend[0]!.id };
}

/** The demo line's process starts in well under a second; a computer under full load gets this long. */
const LIMIT_MS = 10_000;

async function withinLimit(clock: Clock, starting: Promise<DemoAddress>): Promise<DemoAddress> {
  const answered = new AbortController();
  const late = clock.sleep(LIMIT_MS, answered.signal).then((): never => {
    throw new AppError(
      'protocol.connect-failed',
      `The demo line did not start within ${LIMIT_MS / 1000} s. Try again when this computer has less to do.`,
      { details: { endpoint: 'demo line' }, retryable: true },
    );
  });
  try {
    return await Promise.race([starting, late]);
  } finally {
    answered.abort();
  }
}
