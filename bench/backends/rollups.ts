import { type GraphSource, runGraph } from '#engine/analytics/index.ts';
import type { TimescaleCapabilities } from '#engine/tsdb/timescale/capabilities.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { rollupName } from '#engine/tsdb/timescale/own-schema/settings.ts';
import { instant, literal, relation } from '#engine/tsdb/timescale/sql.ts';
import {
  createMetricRegistry,
  metricDeclaration,
  parseGraph,
  registeredMetric,
  type TimeSeriesResult,
} from '#shared/model/graph/index.ts';
import type { PostgresServer } from '#test/support/postgres.ts';
import { configOf, contextOf, makeTables, median, never, START, TAGS, timed, type Verdict, verdict } from './rig.ts';

const DAYS = 30;
const POINTS = 1_500;
const STEPS_S = [600];
const SCHEMA = 'month';

/** Ten tags over thirty days on a screen's width, from the samples alone and from a rollup; equal answers. */
export async function measureRollups(server: PostgresServer, rows: number, rounds: number): Promise<Verdict[]> {
  const { edition } = server;
  process.stderr.write(`${edition}: filling ${rows} rows of ${TAGS} tags over ${DAYS} days ...\n`);
  await fill(server, rows);
  const connection = await timescale.connect(configOf(server, SCHEMA), contextOf(server), never);
  try {
    const { capabilities } = connection;
    const found = (capabilities as TimescaleCapabilities).timescale;
    if (found.own === null || found.own.rollups.length === 0) throw new Error('The rollup was not found.');
    const plain: TimescaleCapabilities = {
      ...(capabilities as TimescaleCapabilities),
      timescale: { ...found, own: { ...found.own, rollups: [] } },
    };
    const by = (source: GraphSource): Promise<TimeSeriesResult> => {
      const context = { registry, source: () => source, now: START, zone: 'UTC' };
      return runGraph(graph, context, never);
    };
    const withRollup: GraphSource = { backend: timescale, connection };
    const without: GraphSource = { backend: timescale, connection: { ...connection, capabilities: plain } };
    const times = { with: [] as number[], without: [] as number[] };
    compare(await by(withRollup), await by(without));
    for (let round = 0; round < rounds; round++) {
      times.without.push(await timed(() => by(without)));
      times.with.push(await timed(() => by(withRollup)));
    }
    const [fast, slow] = [median(times.with), median(times.without)];
    const kind = edition === 'community' ? 'continuous aggregate' : 'rollup table';
    return [
      verdict(
        `month at ${POINTS} px: ${kind} to samples, ${edition}`,
        slow / fast,
        null,
        `${fast.toFixed(0)} ms, ${slow.toFixed(0)} ms; ${rows} rows`,
      ),
    ];
  } finally {
    await connection.close();
  }
}

const registry = createMetricRegistry([
  registeredMetric('bench.value', metricDeclaration.parse({ type: 'gauge', unit: 'm/min', labels: ['tag'] })).metric,
]);
const iso = (time: number): string => new Date(time / 1_000).toISOString();
const graph = parseGraph({
  version: 1,
  range: { from: iso(START), to: iso(START + DAYS * 86_400e6) },
  resolution: { maxPoints: POINTS, envelope: true },
  series: [{ id: 'A', metric: 'bench.value', aggregate: 'mean', limit: 100 }],
});

/** Sums of a rollup are added up in another order. */
const TOLERANCE = 1e-9;

function compare(a: TimeSeriesResult, b: TimeSeriesResult): void {
  if (a.series.length !== TAGS || b.series.length !== TAGS)
    throw new Error(`WRONG ANSWER: ${a.series.length} and ${b.series.length} series`);
  for (const [n, one] of a.series.entries()) {
    const other = b.series[n]!;
    for (let i = 0; i < one.value.length; i++) {
      const [x, y] = [one.value[i]!, other.value[i]!];
      const near = Object.is(x, y) || Math.abs(x - y) <= TOLERANCE * Math.max(1, Math.abs(x));
      const ends = one.envelope!.min[i] === other.envelope!.min[i] && one.envelope!.max[i] === other.envelope!.max[i];
      if (!near || !(ends || Number.isNaN(x)))
        throw new Error(`WRONG ANSWER: point ${i} of series ${n} is ${x} and ${y}`);
    }
  }
}

/** A day at a time, made by the server itself, compressed where it can be. */
async function fill(server: PostgresServer, rows: number): Promise<void> {
  const samples = relation(SCHEMA, 'samples');
  await makeTables(server, SCHEMA, STEPS_S);
  const packs = server.edition === 'community';
  if (packs) {
    await server.run(
      `ALTER TABLE ${samples} SET (timescaledb.compress, timescaledb.compress_segmentby = 'series', timescaledb.compress_orderby = 'time')`,
    );
  }
  for (let tag = 0; tag < TAGS; tag++) {
    await server.run(
      `INSERT INTO ${relation(SCHEMA, 'series')} (metric, type, unit, labels) VALUES ('bench.value', 'gauge', 'm/min', '{"tag": "${tag}"}')`,
    );
  }
  const each = Math.floor(rows / TAGS / DAYS);
  const gap = Math.floor(86_400e6 / each);
  for (let day = 0; day < DAYS; day++) {
    const begin = START + day * 86_400e6;
    await server.run(
      `INSERT INTO ${samples} (time, value, series, quality)
SELECT TIMESTAMPTZ '${instant(begin)}' + n * INTERVAL '${gap} microseconds', round((100 * s + 50 * sin(n / 300.0) + 5 * sin(n * 12.9898))::numeric, 3), s, 0
FROM generate_series(1, ${TAGS}) s, generate_series(0, ${each - 1}) n`,
    );
    if (packs) {
      await server.run(
        `SELECT compress_chunk(c) FROM show_chunks(${literal(samples)}, older_than => TIMESTAMPTZ '${instant(begin + 86_400e6)}', newer_than => TIMESTAMPTZ '${instant(begin)}') c`,
      );
      // The log of a server in WebAssembly lies in memory, 180 bytes a row, and nobody else cuts it off.
      await server.run('CHECKPOINT');
    }
  }
  for (const seconds of STEPS_S) {
    const rollup = relation(SCHEMA, rollupName(seconds));
    if (packs) await server.run(`CALL refresh_continuous_aggregate(${literal(rollup)}, NULL, NULL)`);
    else {
      // The same columns, by what every edition has.
      await server.run(`CREATE TABLE ${rollup} AS
SELECT series, date_bin('${seconds} seconds', time, TIMESTAMPTZ '1970-01-01 00:00:00Z') AS time, count(*) AS usable, 0::bigint AS other, max(quality) AS worst,
  min(value) AS min, max(value) AS max, sum(value) AS sum, (array_agg(value ORDER BY time))[1] AS first, (array_agg(value ORDER BY time DESC))[1] AS last
FROM ${samples} GROUP BY 1, 2`);
      await server.run(`CREATE INDEX ON ${rollup} (series, time)`);
    }
  }
  await server.run(packs ? 'ANALYZE' : `VACUUM ANALYZE`);
}
