import { z } from 'zod';
import type { Clock, Logger } from '#engine/platform/index.ts';
import type { ProjectStore } from '#engine/project/index.ts';
import { AppError } from '#shared/errors.ts';
import {
  type ConnectionDocument,
  connectionDocument,
  type DocumentChange,
  deviceDocument,
  tagDocument,
  trendDocument,
} from '#shared/model/index.ts';

/** Where the demo line's simulator listens. */
export interface DemoAddress {
  readonly host: string;
  readonly port: number;
}

export const DEMO_CONNECTION = 'demo-modbus';
const DEMO_TREND = 'demo-trend';

const demoDocuments = z.object({
  connection: z.array(connectionDocument),
  device: z.array(deviceDocument),
  tag: z.array(tagDocument),
  trend: z.array(trendDocument),
});

/**
 * Starts the demo line and puts its connection, tags and trend into the project. What is there already stays as the
 * user has it; only the connection's address follows the simulator, which takes whatever port is free. Throws
 * `config.invalid` where the demo is switched off, `protocol.connect-failed` when it does not start in time.
 */
export async function addDemo(options: {
  readonly project: ProjectStore;
  readonly demoProject: string | undefined;
  readonly startDemo: (() => Promise<DemoAddress>) | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<{ connectionId: string; trendId: string }> {
  const { project, log } = options;
  if (options.startDemo === undefined || options.demoProject === undefined) {
    throw new AppError('config.invalid', 'The demo line is switched off. Start ParX without --no-demo to have it.', {
      details: { issues: [{ path: 'demo', message: 'Switched off.' }] },
    });
  }
  const { host, port } = await withinLimit(options.clock, options.startDemo());
  const address = { host, port };
  const documents = demoDocuments.parse(JSON.parse(options.demoProject));
  const changes: DocumentChange[] = [];
  const add = (kind: DocumentChange['kind'], list: readonly DocumentChange['document'][]): void => {
    for (const document of list) {
      if (document !== null && project.get(kind, document.id) === undefined) {
        changes.push({ kind, id: document.id, document, expected: null });
      }
    }
  };
  const present = project.get('connection', DEMO_CONNECTION);
  const connection = present?.document ?? documents.connection.find((one) => one.id === DEMO_CONNECTION);
  if (connection !== undefined && (present === undefined || !listensAt(connection, address) || !connection.enabled)) {
    const document = { ...connection, enabled: true, settings: { ...connection.settings, ...address } };
    changes.push({ kind: 'connection', id: DEMO_CONNECTION, document, expected: present?.revision ?? null });
  }
  // Devices and tags that the user has removed from a demo that is there stay removed.
  if (present === undefined) {
    add('device', documents.device);
    add('tag', documents.tag);
  }
  add('trend', documents.trend);
  if (changes.length > 0) {
    project.commit(changes);
    log.info('The demo line is in the project.', { documents: changes.length, port: address.port });
  }
  return { connectionId: DEMO_CONNECTION, trendId: DEMO_TREND };
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

function listensAt(connection: ConnectionDocument, address: DemoAddress): boolean {
  return connection.settings.host === address.host && connection.settings.port === address.port;
}
