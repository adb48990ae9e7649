import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GraphSource, runGraph } from '#engine/analytics/index.ts';
import type { PlannedSeries, QueryPlan, TsdbBackend } from '#engine/tsdb/index.ts';
import { isAppError } from '#shared/errors.ts';
import {
  aggregation,
  type BackendCapabilities,
  checkResult,
  type GraphDefinition,
  gridTimes,
  type LabelMatch,
  type Labels,
  type MetricRegistry,
  type MetricSamples,
  matchKind,
  metricDeclaration,
  parseGraph,
  type RegisteredMetric,
  registeredMetric,
} from '#shared/model/graph/index.ts';
import { QUALITY } from '#shared/model/index.ts';
import { expectNoNewHandles, type OpenHandles, openHandles } from '#test/support/leak-guard.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { never, SECOND, START } from './store-samples.ts';

/** One backend for the suites: its real server. */
export interface BackendFixture {
  readonly backend: TsdbBackend;
  /** Where one backend has several servers. */
  readonly edition?: string;
  /** Why its server is not here was said by `needs`; called once for each `describe`. */
  missing?(): boolean;
  /** `directory`: an empty folder that is removed after the suite. */
  start(directory: string): Promise<BackendServer>;
}
export interface BackendServer {
  /**
   * A source that holds these samples, apart from those of earlier calls, and a registry that names the metrics as the
   * backend has them there. The source is closed by the test.
   */
  open(
    metrics: readonly RegisteredMetric[],
    samples: readonly MetricSamples[],
  ): Promise<{ readonly source: GraphSource; readonly registry: MetricRegistry }>;
  stop(): Promise<void>;
}

export const nameOf = ({ backend, edition }: BackendFixture): string =>
  edition === undefined ? backend.id : `${backend.id} (${edition})`;

const declare = (key: string, labels: readonly string[] = ['stand']): RegisteredMetric =>
  registeredMetric(key, metricDeclaration.parse({ type: 'gauge', unit: 'm/min', labels })).metric;
const speed = declare('mill.speed');

const rows = (labels: Labels, values: readonly number[], metric = speed): MetricSamples => ({
  metric: metric.identifier,
  labels,
  time: Float64Array.from(values, (_, at) => START + at * SECOND),
  value: Float64Array.from(values),
  quality: new Uint16Array(values.length),
});

const iso = (time: number): string => new Date(time / 1_000).toISOString();
const graphOf = (change: object, series: object = {}): GraphDefinition =>
  parseGraph({
    version: 1,
    range: { from: iso(START), to: iso(START + 60 * SECOND) },
    resolution: { stepMs: 10_000, align: 'range' },
    series: [{ id: 'A', metric: 'mill.speed', aggregate: 'mean', ...series }],
    ...change,
  });

const codeOf = async (run: () => unknown): Promise<string> => {
  try {
    await run();
  } catch (error) {
    return isAppError(error) ? error.code : String(error);
  }
  return 'none';
};

const planOf = (change: Partial<QueryPlan> = {}, series: Partial<PlannedSeries> = {}): QueryPlan => ({
  range: { from: START, to: START + 60 * SECOND },
  grid: { start: START, step: 10 * SECOND, length: 6 },
  envelope: false,
  series: [
    {
      definition: 'A',
      metric: speed.identifier,
      override: { source: 'x' },
      match: {},
      aggregate: 'last',
      groupBy: null,
      limit: 10,
      extension: {},
      ...series,
    },
  ],
  ...change,
});

/** What every backend must do, beyond the golden graphs; run over each one there is. */
export function describeBackend(fixture: BackendFixture): void {
  const { backend } = fixture;
  describe.skipIf(fixture.missing?.() ?? false)(`backend: ${nameOf(fixture)}`, () => {
    const directory = suiteDirectory();
    let server: BackendServer;
    let before: OpenHandles;
    beforeAll(async () => {
      before = openHandles();
      server = await fixture.start(directory.path);
    });
    afterAll(async () => {
      await server.stop();
      await expectNoNewHandles(before);
    });
    const opened = async (
      samples: readonly MetricSamples[],
      run: (
        ask: (graph: GraphDefinition, signal?: AbortSignal) => ReturnType<typeof runGraph>,
        source: GraphSource,
        registry: MetricRegistry,
      ) => Promise<void>,
      metrics: readonly RegisteredMetric[] = [speed],
    ): Promise<void> => {
      const { source, registry } = await server.open(metrics, samples);
      try {
        const context = { registry, source: () => source, now: START, zone: 'UTC' };
        await run((graph, signal = never) => runGraph(graph, context, signal), source, registry);
      } finally {
        await source.connection.close();
      }
    };

    it('has settings that its own schema takes, and says what it is', () => {
      expect(backend.config.safeParse(backend.sample).success).toBe(true);
      expect(backend.id).toMatch(/^[a-z][a-z0-9-]*$/);
      expect(backend.summary).toMatch(/\.$/);
    });

    it('compiles without input or output: the same plan gives the same text, and is left as it was', async () => {
      await opened([rows({ stand: '1' }, [1])], async (_, { connection }) => {
        const plan = planOf();
        const before = JSON.stringify(plan);
        const texts = [1, 2].map(() => backend.compile(plan, connection.capabilities).explain());
        expect(texts[0]).toBe(texts[1]);
        expect(texts[0]).not.toBe('');
        expect(JSON.stringify(plan)).toBe(before);
      });
    });

    it('refuses loudly whatever a capability excludes', async () => {
      await opened([rows({ stand: '1' }, [1])], async (_, { connection }) => {
        const { capabilities: can } = connection;
        const refused = (plan: QueryPlan, without: Partial<BackendCapabilities>) =>
          codeOf(() => backend.compile(plan, { ...can, ...without }));
        const code = 'tsdb.unsupported-feature';
        for (const aggregate of aggregation.options) {
          expect(await refused(planOf({}, { aggregate }), { aggregates: [] }), aggregate).toBe(code);
          if (!can.aggregates.includes(aggregate))
            expect(await refused(planOf({}, { aggregate }), {}), aggregate).toBe(code);
        }
        for (const kind of matchKind.options) {
          const list = kind === 'in' || kind === 'notIn';
          const match = { stand: { [kind]: list ? ['1'] : '1' } as LabelMatch };
          expect(await refused(planOf({}, { match }), { matches: [] }), kind).toBe(code);
          expect(await refused(planOf({}, { match }), {}), kind).toBe(can.matches.includes(kind) ? 'none' : code);
        }
        const groupBy = { labels: ['stand'], aggregate: 'sum' } as const;
        expect(await refused(planOf({}, { groupBy }), { groupBy: false })).toBe(code);
        expect(await refused(planOf({ envelope: true }), { envelope: false })).toBe(code);
        expect(await refused(planOf({ grid: null }), { raw: false })).toBe(code);
        expect(await refused(planOf(), { minStepMs: 60_000 })).toBe(code);
      });
    });

    it('gives every aggregate that it says it has, on the grid that is asked for', async () => {
      await opened([rows({ stand: '1' }, [3, 1, 2])], async (ask, { connection }) => {
        const expected = { first: 3, last: 2, mean: 2, min: 1, max: 3, sum: 6, count: 3 } as const;
        for (const [aggregate, value] of Object.entries(expected)) {
          const { series, grid } = await ask(graphOf({}, { aggregate }));
          expect(connection.capabilities.aggregates.includes(aggregate as 'mean') || connection.capabilities.raw).toBe(
            true,
          );
          expect(grid).toEqual({ start: START, step: 10 * SECOND, length: 6 });
          expect([...series[0]!.time], aggregate).toEqual([...gridTimes(grid!)]);
          expect(series[0]!.value[0], aggregate).toBe(value);
        }
      });
    });

    it('gives the same, aggregated by itself and worked out above it from its samples', async () => {
      // Values that make sums exact, so that the order of adding up does not show.
      const number = fc.oneof(
        { weight: 9, arbitrary: fc.integer({ min: -1_000, max: 1_000 }) },
        fc.constant(Number.NaN),
      );
      const quality = fc.constantFrom<number>(0, 0, 0, 0, 0, QUALITY.uncertain, QUALITY.badTimeout, QUALITY.bad);
      const sample = fc.tuple(fc.integer({ min: -20_000_000, max: 80_000_000 }), number, quality);
      await fc.assert(
        fc.asyncProperty(
          fc.array(sample, { maxLength: 80 }),
          fc.integer({ min: 500, max: 70_000 }),
          fc.constantFrom('epoch', 'range'),
          async (all, stepMs, align) => {
            const series = [...new Map(all.map((one) => [one[0], one])).values()];
            const samples: MetricSamples = {
              ...rows({ stand: '1' }, []),
              time: Float64Array.from(series, (one) => START + one[0]),
              value: Float64Array.from(series, (one) => one[1]),
              quality: Uint16Array.from(series, (one) => one[2]),
            };
            await opened([samples], async (ask, { connection }, registry) => {
              const { capabilities } = connection;
              if (!capabilities.raw) return;
              const above = {
                backend,
                connection: { ...connection, capabilities: { ...capabilities, aggregates: [] } },
              };
              const definitions = capabilities.aggregates
                .filter((name) => speed.aggregates.includes(name))
                .map((name) => ({ id: name, metric: 'mill.speed', aggregate: name }));
              const graph = graphOf({
                series: definitions,
                resolution: { stepMs, align, envelope: capabilities.envelope },
              });
              const itself = await ask(graph);
              const context = { registry, source: () => above, now: START, zone: 'UTC' };
              const worked = await runGraph(graph, context, never);
              expect(worked).toEqual(itself);
            });
          },
        ),
        { numRuns: 25 },
      );
    });

    it('keeps label values of any characters apart, and takes none for an instruction', async () => {
      const values = ['"', "'; DROP TABLE samples; --", 'Ölmühle', '\\', '{}', '%', '_', 'a\nb', '日本', '$1', ''];
      await opened(
        values.map((stand, at) => rows({ stand }, [at])),
        async (ask) => {
          for (const [at, stand] of values.entries()) {
            const { series } = await ask(graphOf({}, { match: { stand } }));
            expect(
              series.map(({ value }) => value[0]),
              JSON.stringify(stand),
            ).toEqual([at]);
          }
          expect((await ask(graphOf({}))).series).toHaveLength(values.length);
          expect((await ask(graphOf({}, { match: { stand: { like: '*"*' } } }))).series).toHaveLength(1);
          expect((await ask(graphOf({}, { match: { stand: { like: '%' } } }))).series).toHaveLength(1);
        },
      );
    });

    it('gives series in a stable order, and refuses more than the limit of a definition', async () => {
      const stands = ['10', '2', '1', 'b', 'a'];
      await opened(
        stands.map((stand) => rows({ stand }, [1])),
        async (ask) => {
          const { series } = await ask(graphOf({}));
          expect(series.map(({ labels }) => labels.stand)).toEqual(['1', '10', '2', 'a', 'b']);
          expect(await codeOf(() => ask(graphOf({}, { limit: 4 })))).toBe('query.too-many-samples');
          expect(await codeOf(() => ask(graphOf({}, { limit: 5 })))).toBe('none');
        },
      );
    });

    it('keeps to the most points, says so, and answers a step longer than the range', async () => {
      await opened([rows({ stand: '1' }, [1, 2, 3])], async (ask) => {
        const few = await ask(graphOf({ resolution: { stepMs: 1_000, maxPoints: 7, align: 'range' } }));
        expect(few.series[0]!.value.length).toBeLessThanOrEqual(7);
        expect(few.warnings).toEqual([expect.stringContaining('more than 7 points')]);
        const one = await ask(graphOf({ resolution: { stepMs: 3_600_000, align: 'range' } }));
        expect([...one.series[0]!.value]).toEqual([2]);
      });
    });

    it('says of a range without samples that it has none, and nothing else', async () => {
      await opened([rows({ stand: '1' }, [1])], async (ask) => {
        const early = { from: iso(START - 60 * SECOND), to: iso(START) };
        const { series, warnings } = await ask(graphOf({ range: early }));
        expect(series).toEqual([]);
        expect(warnings).toEqual(['A: there is no sample of mill.speed in this range.']);
      });
    });

    it('streams every sample in order, bad ones without a value', async () => {
      const samples = rows(
        { stand: '1' },
        Array.from({ length: 5_000 }, (_, at) => at),
      );
      samples.quality![7] = QUALITY.badTimeout;
      await opened([samples], async (ask, { connection: { client, capabilities } }, registry) => {
        if (!capabilities.raw) return;
        const override = registry.get('mill.speed')!.backends[backend.id] ?? null;
        const range = { from: START, to: START + 4_990 * SECOND };
        const plan = planOf({ grid: null, range }, { override });
        const found: number[] = [];
        let before = 0;
        for await (const block of client.stream(backend.compile(plan, capabilities), never)) {
          checkResult({ range, grid: null, series: block, warnings: [] }, backend.id);
          for (const { time, value } of block) {
            expect(time[0]).toBeGreaterThan(before);
            before = time.at(-1)!;
            found.push(...value);
          }
        }
        expect(found).toHaveLength(4_990);
        expect(found[7]).toBeNaN();
        expect(found[8]).toBe(8);
        expect(await client.series({ metric: speed.identifier, override }, 10, never)).toEqual([{ stand: '1' }]);
        expect((await ask(graphOf({}))).series[0]!.quality[0]).toBe(QUALITY.uncertain);
      });
    });

    it('stops when it is told to', async () => {
      await opened([rows({ stand: '1' }, [1])], async (ask) => {
        const told = new AbortController();
        told.abort(new Error('told'));
        await expect(ask(graphOf({}), told.signal)).rejects.toThrow('told');
      });
    });

    it('closes twice', async () => {
      const { source } = await server.open([speed], []);
      await source.connection.close();
      await source.connection.close();
    });
  });
}
