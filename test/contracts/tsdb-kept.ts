import { createLogger, systemClock } from '#engine/platform/index.ts';
import { createRunning } from '#engine/tsdb/index.ts';
import { DEFAULT_LIMITS } from '#shared/model/index.ts';
import type { BackendFixture } from './tsdb.ts';
import { localFixture } from './tsdb-local.ts';

/** The local backend as a source in use: with everything around it, and answers kept however short they are. */
export const keptFixture: BackendFixture = {
  ...localFixture,
  edition: 'kept',
  async start(directory) {
    const server = await localFixture.start(directory);
    return {
      ...server,
      async open(metrics, samples) {
        const { source, registry } = await server.open(metrics, samples);
        const { viewer: _, ...connection } = source.connection;
        const running = createRunning({
          name: 'kept',
          backend: source.backend,
          limits: DEFAULT_LIMITS,
          clock: systemClock(),
          log: createLogger(() => undefined),
          connect: async () => connection,
          onChange: () => undefined,
          shortestKept: 1,
        });
        const opened = await running.open(new AbortController().signal);
        return {
          source: { backend: running.backend, connection: { ...opened, close: () => running.close() } },
          registry,
        };
      },
    };
  },
};
