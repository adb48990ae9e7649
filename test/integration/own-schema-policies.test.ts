import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GraphSource, runGraph } from '#engine/analytics/index.ts';
import type { TsdbBackend } from '#engine/tsdb/index.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { createSchemaManager } from '#engine/tsdb/timescale/own-schema/manager.ts';
import {
  createMetricRegistry,
  metricDeclaration,
  parseGraph,
  registeredMetric,
  type TimeSeriesResult,
} from '#shared/model/graph/index.ts';
import { DEFAULT_LIMITS } from '#shared/model/index.ts';
import type { SchemaManager, SchemaPolicy } from '#shared/model/own-schema.ts';
import { never } from '#test/contracts/store-samples.ts';
import { settingsOf } from '#test/contracts/tsdb-timescale.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { accessTo } from '#test/support/postgres-lease.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';

// The server in WebAssembly has no scheduler, so nothing here runs by itself; `run_job` does in the foreground what the
// scheduler would, with the same procedure and settings. What it leaves out is the scheduler's own book of runs.

const backend: TsdbBackend = timescale;
const MINUTE = 60e6;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SETTINGS = { compressAfterDays: 2, keepDays: 5, rollups: ['1m 30d', '1h'] };
const DAYS = 8;
/** Midnight after now, so that chunks and steps end where they do whatever the time of day. */
const END = Math.ceil((Date.now() * 1_000) / DAY) * DAY;
const NOW = Math.floor((Date.now() * 1_000) / MINUTE) * MINUTE;
const { metric } = registeredMetric(
  'mill.speed',
  metricDeclaration.parse({ type: 'gauge', unit: 'm/min', labels: ['stand'] }),
);

describe('policies of our own tables, as they run', () => {
  let server: PostgresServer;
  let manager: SchemaManager;
  beforeAll(async () => {
    server = await startPostgres('community');
    manager = createSchemaManager(accessTo(server));
    const request = { action: 'install', settings: SETTINGS } as const;
    const { token } = await manager.plan(request, never);
    for await (const _ of manager.apply(request, token, never));
    await server.run(`
      INSERT INTO parx.series (metric, type, unit, labels) VALUES ('mill.speed', 'gauge', 'm/min', '{"stand": "1"}'), ('mill.speed', 'gauge', 'm/min', '{"stand": "2"}');
      INSERT INTO parx.samples (time, value, series, quality)
      SELECT to_timestamp(${NOW / 1e6}) - n * INTERVAL '1 minute', CASE WHEN n % 100 = 0 THEN 'NaN' ELSE n::float8 * s.id END, s.id, CASE WHEN n % 50 = 7 THEN 32778 ELSE 0 END
      FROM generate_series(0, ${DAYS} * 1440 - 1) AS n, parx.series AS s`);
  }, 60_000);
  afterAll(() => server.stop());

  /** What a job is called and does, by its name and table. */
  const jobs = async (): Promise<Map<string, number>> => {
    const rows = await server.run(
      `SELECT job_id, proc_name || ' ' || hypertable_name AS name FROM timescaledb_information.jobs WHERE hypertable_schema = 'parx'`,
    );
    return new Map(rows.map(({ name, job_id }) => [name as string, job_id as number]));
  };
  const run = async (name: string): Promise<void> => {
    const id = (await jobs()).get(name);
    expect(id, name).toBeDefined();
    await server.run(`CALL run_job(${id})`);
  };
  const policy = async (kind: SchemaPolicy['kind'], on: string): Promise<SchemaPolicy> =>
    (await manager.state(never)).policies.find((one) => one.kind === kind && one.on === on)!;
  const compressed = async (): Promise<unknown[]> =>
    (
      await server.run(
        "SELECT (extract(epoch FROM range_end) * 1000000)::float8 AS until, is_compressed FROM timescaledb_information.chunks WHERE hypertable_schema = 'parx' AND hypertable_name = 'samples' ORDER BY 1",
      )
    ).map(({ until, is_compressed }) => [(END - (until as number)) / DAY, is_compressed]);

  /** What is drawn, on steps of an hour and of a minute, with every aggregate; and how it was asked for. */
  const drawn = async (from: number, to: number): Promise<{ results: TimeSeriesResult[]; texts: string }> => {
    const limits = { ...DEFAULT_LIMITS, connections: 1 };
    const context = tsdbContext({ secrets: { password: server.password }, limits });
    const connection = await backend.connect(settingsOf(server), context, never);
    const texts: string[] = [];
    const source: GraphSource = {
      connection,
      backend: {
        ...backend,
        compile(plan, capabilities) {
          const query = backend.compile(plan, capabilities);
          texts.push(query.explain());
          return query;
        },
      },
    };
    try {
      const results: TimeSeriesResult[] = [];
      // Minutes of some hours, at the begin and so in what is compressed.
      for (const [stepMs, until] of [
        [3_600_000, to],
        [60_000, Math.min(to, from + 5 * HOUR)],
      ] as const) {
        const graph = parseGraph({
          version: 1,
          range: { from: new Date(from / 1_000).toISOString(), to: new Date(until / 1_000).toISOString() },
          resolution: { stepMs, align: 'epoch', envelope: true, maxPoints: 1_500 },
          series: metric.aggregates.map((name) => ({ id: name, metric: 'mill.speed', aggregate: name })),
        });
        const asked = { registry: createMetricRegistry([metric]), source: () => source, now: NOW, zone: 'UTC' };
        results.push(await runGraph(graph, asked, never));
      }
      return { results, texts: texts.join('\n') };
    } finally {
      await connection.close();
    }
  };
  const recent = () => drawn(END - 4 * DAY, NOW - 90 * MINUTE);

  it('compress what is old, fill the rollups and remove what is older; what is drawn stays the same', {
    timeout: 60_000,
  }, async () => {
    const before = await recent();
    expect(before.results[0]!.series).toHaveLength(2 * metric.aggregates.length);
    expect((await manager.state(never)).rollups.map(({ filled }) => filled)).toEqual([null, null]);
    expect(await compressed()).toEqual(Array.from({ length: DAYS + 1 }, (_, n) => [DAYS - n, false]));

    // Chunks that end more than two days ago: today's began at the last midnight.
    await run('policy_compression samples');
    expect(await compressed()).toEqual(Array.from({ length: DAYS + 1 }, (_, n) => [DAYS - n, DAYS - n > 2]));
    const { compression } = await manager.statistics({ exact: false }, never);
    expect(compression!.chunks).toBe(DAYS - 2);
    expect(compression!.ratio).toBeGreaterThan(2);
    expect((await recent()).results).toEqual(before.results);
    // What is compressed is written to all the same.
    await server.run(
      `INSERT INTO parx.samples (time, value, series, quality) VALUES (to_timestamp(${(END - 4 * DAY - 90e6) / 1e6}), 7, 1, 0)`,
    );
    expect(await manager.statistics({ exact: true }, never)).toMatchObject({ rows: 2 * DAYS * 1_440 + 1 });

    // Thousands of buckets one by one would take the server a thousand transactions.
    const [refresh] = await server.run(
      "SELECT config FROM timescaledb_information.jobs WHERE hypertable_name = 'samples_1m' AND proc_name LIKE '%refresh%'",
    );
    expect(refresh!.config).toMatchObject({ buckets_per_batch: 1_440 });
    for (const name of ['samples_1m', 'samples_1h']) await run(`policy_refresh_continuous_aggregate ${name}`);
    for (const { step, filled, policy: kept } of (await manager.state(never)).rollups) {
      expect(kept).toBe(true);
      // From the first whole step of the days that are kept to the last that has ended.
      expect(filled!.from).toBe(Math.ceil((filled!.from - 1) / (step * 1_000)) * step * 1_000);
      expect(NOW - filled!.from).toBeLessThanOrEqual(5 * DAY);
      expect(NOW - filled!.from).toBeGreaterThan(5 * DAY - 2 * step * 1_000 - 5 * MINUTE);
      expect(NOW - filled!.to).toBeGreaterThanOrEqual(0);
      expect(NOW - filled!.to).toBeLessThanOrEqual(2 * step * 1_000 + 5 * MINUTE);
    }
    const rolled = await recent();
    expect(rolled.results).toEqual(before.results);
    for (const name of ['"samples_1m"', '"samples_1h"']) expect(rolled.texts).toContain(name);

    await run('policy_retention samples');
    await run('policy_retention samples_1m');
    expect(await compressed()).toEqual(Array.from({ length: 6 }, (_, n) => [5 - n, 5 - n > 2]));
    const { first, rows } = await manager.statistics({ exact: true }, never);
    expect(first).toBe(END - 6 * DAY);
    expect(rows).toBe(2 * ((NOW - first!) / MINUTE + 1) + 1);
    expect((await recent()).results).toEqual(before.results);
    expect((await drawn(END - 9 * DAY, END - 7 * DAY)).results.flatMap(({ series }) => series)).toEqual([]);
    expect((await manager.state(never)).problems).toEqual([]);
  });

  it('are told as what they are: not run yet, run, failed', async () => {
    const neverRun = { lastRun: null, lastOk: null, runs: 0, failures: 0 };
    // What ran in the foreground is in no book.
    expect(await policy('compression', 'samples')).toMatchObject({
      ...neverRun,
      says: 'Compresses chunks older than 2 d.',
    });
    // As the scheduler writes it.
    const book = async (name: string, ok: boolean, runs: number, failures: number): Promise<void> => {
      const id = (await jobs()).get(name);
      await server.run(`INSERT INTO _timescaledb_internal.bgw_job_stat VALUES (${id}, to_timestamp(${NOW / 1e6}), to_timestamp(${NOW / 1e6}) + INTERVAL '3 s',
        to_timestamp(${NOW / 1e6}) + INTERVAL '1 hour', to_timestamp(${NOW / 1e6}) + INTERVAL '3 s', ${ok}, ${runs}, '3 s', '0 s', ${runs - failures}, ${failures}, 0, ${ok ? 0 : 1}, 0, 0)`);
    };
    await book('policy_compression samples', true, 7, 2);
    await book('policy_retention samples_1m', false, 3, 1);
    await book('policy_refresh_continuous_aggregate samples_1h', true, 11, 0);
    const ran = { lastRun: NOW, nextRun: NOW + HOUR };
    expect(await policy('compression', 'samples')).toMatchObject({ ...ran, lastOk: true, runs: 7, failures: 2 });
    expect(await policy('retention', 'samples_1m')).toMatchObject({ ...ran, lastOk: false, runs: 3, failures: 1 });
    expect(await policy('rollup', 'samples_1h')).toMatchObject({ ...ran, lastOk: true, runs: 11, failures: 0 });
    expect(await policy('rollup', 'samples_1m')).toMatchObject(neverRun);
    expect(await policy('retention', 'samples')).toMatchObject(neverRun);
  });
});
