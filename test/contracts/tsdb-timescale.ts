import type { TsdbBackend } from '#engine/tsdb/index.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { migrations } from '#engine/tsdb/timescale/own-schema/migrations.ts';
import { ownSettings } from '#engine/tsdb/timescale/own-schema/settings.ts';
import { instant, relation } from '#engine/tsdb/timescale/sql.ts';
import { createMetricRegistry, keyOf, type MetricSamples } from '#shared/model/graph/index.ts';
import { DEFAULT_LIMITS } from '#shared/model/index.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresEdition, type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';
import { never } from './store-samples.ts';
import type { BackendFixture } from './tsdb.ts';

const backend: TsdbBackend = timescale;

/** Settings for a server of the tests; its password comes as a secret. */
export const settingsOf = ({ host, port, database, user }: PostgresServer, schema = 'parx'): object => ({
  ...timescale.sample,
  host,
  port,
  database,
  user,
  schema,
  tls: 'off',
});

/** Tables of our own, made and filled by plain statements, so that reading is not tested by our own writing. */
export async function makeOwnTables(
  server: PostgresServer,
  schema: string,
  samples: readonly MetricSamples[],
): Promise<void> {
  const settings = ownSettings.parse({ schema, compressAfterDays: 0, rollups: [] });
  const statements = migrations.flatMap((migration) => migration.statements(settings, server.edition));
  await server.run(statements.map(({ sql }) => sql).join(';\n'));
  if (samples.length === 0) return;
  await server.run(
    `INSERT INTO ${relation(schema, 'series')} (metric, type, unit, labels) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[])`,
    [
      samples.map(({ metric }) => keyOf(metric)),
      samples.map(({ metric }) => metric.type),
      samples.map(({ metric }) => metric.unit),
      samples.map(({ labels }) => JSON.stringify(labels)),
    ],
  );
  // The later of two rows of one time holds.
  const rows = samples.flatMap(({ time, value, quality }, at) => [
    ...new Map(
      [...time].map((when, n) => [when, [at + 1, instant(when), value[n]!, quality?.[n] ?? 0] as const]),
    ).values(),
  ]);
  // A message that does not come in one piece ends the server that runs in WebAssembly.
  const most = server.edition === 'community' ? 400 : 50_000;
  for (let from = 0; from < rows.length; from += most) {
    const part = rows.slice(from, from + most);
    await server.run(
      `INSERT INTO ${relation(schema, 'samples')} (series, time, value, quality) SELECT * FROM unnest($1::int[], $2::timestamptz[], $3::float8[], $4::int[])`,
      [0, 1, 2, 3].map((column) => part.map((row) => row[column as 0])),
    );
  }
}

function fixtureOf(edition: PostgresEdition, missing: () => boolean, inFolder = false): BackendFixture {
  return {
    backend,
    edition: inFolder ? `${edition}, Debian 13` : edition,
    missing,
    async start() {
      const server = await startPostgres(edition, { inFolder });
      let made = 0;
      return {
        async open(metrics, samples) {
          const schema = `own_${++made}`;
          await makeOwnTables(server, schema, samples);
          const context = tsdbContext({
            secrets: { password: server.password },
            limits: { ...DEFAULT_LIMITS, connections: edition === 'community' ? 1 : 2 },
          });
          return {
            source: { backend, connection: await backend.connect(settingsOf(server, schema), context, never) },
            registry: createMetricRegistry(metrics),
          };
        },
        stop: () => server.stop(),
      };
    },
  };
}

export const timescaleFixtures: readonly BackendFixture[] = [
  fixtureOf('none', () => needs('postgresql')),
  fixtureOf('none', () => needs('timescaledb'), true),
  fixtureOf('apache', () => needs('timescaledb')),
  fixtureOf('community', () => false),
];
