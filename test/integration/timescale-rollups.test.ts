import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GraphSource, runGraph } from '#engine/analytics/index.ts';
import type { TsdbBackend } from '#engine/tsdb/index.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { createRollup } from '#engine/tsdb/timescale/own-schema/migrations.ts';
import {
  createMetricRegistry,
  type MetricSamples,
  metricDeclaration,
  parseGraph,
  registeredMetric,
} from '#shared/model/graph/index.ts';
import { DEFAULT_LIMITS, QUALITY } from '#shared/model/index.ts';
import { never } from '#test/contracts/store-samples.ts';
import { makeOwnTables, settingsOf } from '#test/contracts/tsdb-timescale.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { seededRandom } from '#test/support/random.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';

// With continuous aggregates and without: the same numbers, whatever range and step.

const START = Date.parse('2026-01-01T00:00:00Z') * 1_000;
const SECOND = 1_000_000;
const HOURS = 6;
const backend: TsdbBackend = timescale;
const { metric } = registeredMetric(
  'mill.speed',
  metricDeclaration.parse({ type: 'gauge', unit: 'm/min', labels: ['stand'] }),
);

describe('continuous aggregates', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres('community');
    const random = seededRandom(7);
    const samples = [1, 2, 3].map((stand): MetricSamples => {
      const time: number[] = [];
      for (let at = 0; at < HOURS * 3_600 * SECOND; at += (1 + random.below(120)) * SECOND + random.below(SECOND)) {
        time.push(START + at);
      }
      return {
        metric: metric.identifier,
        labels: { stand: String(stand) },
        time: Float64Array.from(time),
        value: Float64Array.from(time, () => (random.below(30) === 0 ? Number.NaN : random.below(2_000) - 1_000)),
        quality: Uint16Array.from(time, () =>
          random.pick([0, 0, 0, 0, 0, 0, 0, QUALITY.uncertain, QUALITY.badTimeout]),
        ),
      };
    });
    await makeOwnTables(server, 'plain', samples);
    await makeOwnTables(server, 'rolled', samples);
    // One is filled, one in its middle alone: what comes after is worked out on reading, what was before is not there.
    for (const [seconds, from, until] of [
      [60, '2026-01-01T00:00:00Z', '2026-01-01T06:00:00Z'],
      [3_600, '2026-01-01T02:00:00Z', '2026-01-01T03:00:00Z'],
    ] as const) {
      const { sql } = createRollup('rolled', seconds);
      await server.run(sql);
      const name = `rolled.samples_1${seconds === 60 ? 'm' : 'h'}`;
      await server.run(`CALL refresh_continuous_aggregate('${name}', '${from}', '${until}')`);
    }
  });
  afterAll(() => server.stop());

  const open = async (schema: string): Promise<GraphSource> => {
    const limits = { ...DEFAULT_LIMITS, connections: 1 };
    const context = tsdbContext({ secrets: { password: server.password }, limits });
    return { backend, connection: await backend.connect(settingsOf(server, schema), context, never) };
  };

  it('give the same numbers as the samples, whatever range and step', { timeout: 60_000 }, async () => {
    const registry = createMetricRegistry([metric]);
    const aggregates = metric.aggregates.map((name) => ({ id: name, metric: 'mill.speed', aggregate: name }));
    const graphs = fc.sample(
      fc.record({
        from: fc.integer({ min: -100, max: HOURS * 3_600 }),
        seconds: fc.integer({ min: 1, max: HOURS * 3_600 }),
        stepMs: fc.constantFrom(60_000, 90_000, 300_000, 3_600_000, 7_200_000),
        align: fc.constantFrom('epoch', 'epoch', 'range'),
      }),
      { numRuns: 12, seed: 42 },
    );
    const answers: unknown[][] = [];
    const texts: string[][] = [];
    for (const schema of ['plain', 'rolled']) {
      const source = await open(schema);
      const seen: string[] = [];
      const spied: GraphSource = {
        ...source,
        backend: {
          ...backend,
          compile(plan, capabilities) {
            const query = backend.compile(plan, capabilities);
            seen.push(query.explain());
            return query;
          },
        },
      };
      const all: unknown[] = [];
      for (const { from, seconds, stepMs, align } of graphs) {
        const iso = (second: number): string => new Date(START / 1_000 + second * 1_000).toISOString();
        const graph = parseGraph({
          version: 1,
          range: { from: iso(from), to: iso(from + seconds) },
          resolution: { stepMs, align, envelope: true, maxPoints: 1_500 },
          series: aggregates,
        });
        const context = { registry, source: () => spied, now: START, zone: 'UTC' };
        const { series } = await runGraph(graph, context, never);
        all.push(
          series.map(({ definition, labels, value, quality, envelope }) => ({
            definition,
            labels,
            value,
            quality,
            envelope,
          })),
        );
      }
      answers.push(all);
      texts.push(seen);
      await source.connection.close();
    }
    expect(answers[1]).toEqual(answers[0]);
    expect(texts[0]!.filter((text) => text.includes('samples_1'))).toEqual([]);
    expect(texts[1]!.filter((text) => text.includes('"samples_1h"')).length).toBeGreaterThan(0);
    expect(texts[1]!.filter((text) => text.includes('"samples_1m"')).length).toBeGreaterThan(0);
  });
});
