import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIngestor } from '#engine/tsdb/timescale/own-schema/ingestor.ts';
import { createSchemaManager } from '#engine/tsdb/timescale/own-schema/manager.ts';
import type { MetricSamples } from '#shared/model/graph/index.ts';
import { figures } from '#test/support/figures.ts';
import { heldMegabytes } from '#test/support/held-memory.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { accessTo } from '#test/support/postgres-lease.ts';
import { never, SECOND, START } from '../contracts/store-samples.ts';

const SERIES = 100_000;

/** One sample of every series at once, as a plant with that many tags gives them. */
const moment = (n: number): MetricSamples[] =>
  Array.from({ length: SERIES }, (_, at) => ({
    metric: { namespace: 'mill', name: 'speed', unit: 'm/min', type: 'gauge' },
    labels: { stand: String(at), line: String(at % 7) },
    time: Float64Array.of(START + n * SECOND),
    value: Float64Array.of(at + n),
    quality: null,
  }));

describe.skipIf(needs('postgresql'))(`${SERIES} series`, () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres('none');
    const manager = createSchemaManager(accessTo(server));
    const request = { action: 'install', settings: {} } as const;
    const { token } = await manager.plan(request, never);
    for await (const _ of manager.apply(request, token, never));
  });
  afterAll(() => server.stop());

  it('are written in one call each time, known the second time, and stored once', { timeout: 120_000 }, async () => {
    const ingestor = createIngestor({ ...accessTo(server), conflict: 'newer', copy: true });
    const seconds: number[] = [];
    const held: number[] = [];
    for (const n of [0, 1, 2, 1]) {
      const begun = performance.now();
      expect(await ingestor.write(moment(n), never)).toEqual({ rejected: [] });
      seconds.push(Math.round(performance.now() - begun) / 1_000);
      held.push(Math.round(heldMegabytes()));
    }
    figures({ first: seconds[0]!, second: seconds[1]!, megabytes: held.at(-1)! });
    const [stored] = await server.run(
      'SELECT count(*)::int AS rows, count(DISTINCT series)::int AS series, sum(value) AS sum, (SELECT count(*)::int FROM parx.series) AS known FROM parx.samples',
    );
    const sum = 3 * ((SERIES * (SERIES - 1)) / 2) + 3 * SERIES;
    expect(stored).toEqual({ rows: 3 * SERIES, series: SERIES, sum, known: SERIES });
    // What is remembered of a series does not grow with its samples.
    expect(held[3]! - held[1]!).toBeLessThan(10);
    const [, one] = await server.run(
      `SELECT value FROM parx.samples JOIN parx.series ON id = series WHERE labels @> '{"stand": "77777"}' ORDER BY time`,
    );
    expect(one).toEqual({ value: 77_778 });
  });
});
