import { timescale } from '#engine/tsdb/timescale/index.ts';
import { DEFAULT_LIMITS } from '#shared/model/index.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresEdition, startPostgres } from '#test/support/postgres.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';
import { describeIngestor, type IngestorFixture } from './ingestor.ts';
import { never } from './store-samples.ts';
import { settingsOf } from './tsdb-timescale.ts';

/** The tables are made as a user makes them: by a plan and the consent to it. */
const fixtureOf = (edition: PostgresEdition, missing: boolean): IngestorFixture => ({
  name: `timescale (${edition})`,
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
        return { backend: timescale, connection: await connect() };
      },
      stop: () => server.stop(),
    };
  },
});

describeIngestor(fixtureOf('none', needs('postgresql')));
describeIngestor(fixtureOf('apache', needs('timescaledb')));
describeIngestor(fixtureOf('community', false));
