import type { GraphSource } from '#engine/analytics/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { createRunning, type TsdbConnection } from '#engine/tsdb/index.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { DEFAULT_LIMITS } from '#shared/model/index.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresEdition, startPostgres } from '#test/support/postgres.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';
import { describeIngestor, type IngestorFixture } from './ingestor.ts';
import { never } from './store-samples.ts';
import { settingsOf } from './tsdb-timescale.ts';

/** The tables are made as a user makes them: by a plan and the consent to it. */
const fixtureOf = (edition: PostgresEdition, missing: boolean, inUse = false): IngestorFixture => ({
  name: `timescale (${edition}${inUse ? ', in use' : ''})`,
  missing,
  async start() {
    const server = await startPostgres(edition);
    let made = 0;
    return {
      async open() {
        const schema = `taken_${++made}`;
        const context = tsdbContext({
          secrets: { password: server.password },
          limits: { ...DEFAULT_LIMITS, connections: edition === 'community' ? 1 : 2 },
        });
        const connect = () =>
          timescale.connect(timescale.config.parse({ ...settingsOf(server, schema), write: true }), context, never);
        const bare = await connect();
        const manager = bare.schema!;
        const request = { action: 'install', settings: { schema, rollups: ['1m'] } } as const;
        const { token } = await manager.plan(request, never);
        for await (const _ of manager.apply(request, token, never));
        await bare.close();
        return inUse ? running(connect) : { backend: timescale, connection: await connect() };
      },
      stop: () => server.stop(),
    };
  },
});

/** With everything around it: writes are gathered, and answers kept however short they are. */
async function running(connect: () => Promise<TsdbConnection>): Promise<GraphSource> {
  const source = createRunning({
    name: 'in use',
    backend: timescale,
    limits: DEFAULT_LIMITS,
    clock: systemClock(),
    log: createLogger(() => undefined),
    connect,
    onChange: () => undefined,
    shortestKept: 1,
  });
  const connection = await source.open(never);
  return { backend: source.backend, connection: { ...connection, close: () => source.close() } };
}

describeIngestor(fixtureOf('none', needs('postgresql')));
describeIngestor(fixtureOf('none', needs('postgresql'), true));
describeIngestor(fixtureOf('apache', needs('timescaledb')));
describeIngestor(fixtureOf('community', false));
