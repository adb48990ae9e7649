import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GraphSource, runGraph } from '#engine/analytics/index.ts';
import { createIngestion } from '#engine/sources/index.ts';
import type { TsdbIngestor } from '#engine/tsdb/index.ts';
import {
  createMetricRegistry,
  keyOf,
  type Labels,
  labelsText,
  type MetricSamples,
  metricDeclaration,
  parseGraph,
  registeredMetric,
} from '#shared/model/graph/index.ts';
import { QUALITY } from '#shared/model/index.ts';
import { seededRandom } from '#test/support/random.ts';
import { never, SECOND, START } from './store-samples.ts';

/** A backend that takes samples, on its real server. */
export interface IngestorFixture {
  readonly name: string;
  /** Why its server is not here was said by `needs`. */
  readonly missing: boolean;
  start(): Promise<{
    /** A source that holds nothing yet, apart from those of earlier calls. The test closes it. */
    open(): Promise<GraphSource>;
    stop(): Promise<void>;
  }>;
}

const { metric: speed } = registeredMetric(
  'mill.speed',
  metricDeclaration.parse({ type: 'gauge', unit: 'm/min', labels: ['stand', 'side'] }),
);
const registry = createMetricRegistry([speed]);

const samplesOf = (labels: Labels, rows: readonly (readonly [number, number, number?])[]): MetricSamples => ({
  metric: speed.identifier,
  labels,
  time: Float64Array.from(rows, ([time]) => START + time * SECOND),
  value: Float64Array.from(rows, ([, value]) => value),
  quality: Uint16Array.from(rows, ([, , quality = QUALITY.good]) => quality),
});

const contextOf = (source: GraphSource) => ({ registry, source: () => source, now: START, zone: 'UTC' });
const iso = (time: number): string => new Date(time / 1_000).toISOString();
const minutesOf = (minutes: number) =>
  parseGraph({
    version: 1,
    range: { from: iso(START), to: iso(START + minutes * 60 * SECOND) },
    resolution: { stepMs: 60_000, align: 'range', envelope: true },
    series: [{ id: 'A', metric: 'mill.speed', aggregate: 'mean' }],
  });

/** Every sample of the metric, by its labels: "second value quality". */
async function readBack({ backend, connection }: GraphSource): Promise<Record<string, string[]>> {
  const series = {
    definition: 'A',
    metric: speed.identifier,
    override: null,
    match: {},
    aggregate: 'last',
    groupBy: null,
    limit: 1_000,
    extension: {},
  } as const;
  const range = { from: START - 3_600 * SECOND, to: START + 86_400 * SECOND };
  const plan = { range, grid: null, envelope: false, series: [series] };
  const found: Record<string, string[]> = {};
  for await (const part of connection.client.stream(backend.compile(plan, connection.capabilities), never)) {
    for (const { labels, time, value, quality } of part) {
      const rows = (found[labelsText(labels)] ??= []);
      rows.push(...Array.from(time, (at, n) => `${(at - START) / SECOND} ${value[n]} ${quality[n]}`));
    }
  }
  return found;
}

/** What everything that takes samples must do: what it has acknowledged is what the same backend gives back. */
export function describeIngestor(fixture: IngestorFixture): void {
  describe.skipIf(fixture.missing)(`takes samples: ${fixture.name}`, () => {
    let server: Awaited<ReturnType<IngestorFixture['start']>>;
    beforeAll(async () => {
      server = await fixture.start();
    });
    afterAll(() => server.stop());
    const opened = async (run: (source: GraphSource, ingestor: TsdbIngestor) => Promise<void>): Promise<void> => {
      const source = await server.open();
      try {
        expect(source.connection.capabilities.ingest).toBe(true);
        await run(source, source.connection.ingestor!);
      } finally {
        await source.connection.close();
      }
    };

    it('gives back what was written, samples and steps, bad and not a number apart', () =>
      opened(async (source, ingestor) => {
        const random = seededRandom(11);
        const rows = Array.from({ length: 600 }, (_, at): readonly [number, number, number] => [
          at / 2,
          at % 97 === 5 ? Number.NaN : Math.round(random.next() * 1e6) / 1e3,
          at % 31 === 7 ? QUALITY.badTimeout : at % 13 === 3 ? QUALITY.uncertain : QUALITY.good,
        ]);
        const { write } = createIngestion(registryGet, ingestor);
        expect(await write([samplesOf({ stand: '1' }, rows)], never)).toEqual({ rows: 600, rejected: [], resets: [] });
        const expected = rows.map(
          ([at, value, quality]) => `${at} ${quality >= QUALITY.bad ? Number.NaN : value} ${quality}`,
        );
        expect(await readBack(source)).toEqual({ '{stand="1"}': expected });
        const { series } = await runGraph(minutesOf(5), contextOf(source), never);
        const [first] = series;
        for (let step = 0; step < 5; step++) {
          const usable = rows.filter(
            ([at, value, quality]) => Math.floor(at / 60) === step && quality < QUALITY.bad && !Number.isNaN(value),
          );
          const values = usable.map(([, value]) => value);
          expect(first!.value[step]).toBeCloseTo(values.reduce((a, b) => a + b, 0) / values.length, 9);
          expect(first!.envelope!.min[step]).toBe(Math.min(...values));
          expect(first!.envelope!.max[step]).toBe(Math.max(...values));
          expect(first!.quality[step]).toBe(QUALITY.uncertain);
        }
      }));

    it('stores a sample once, however often and in whatever order it comes', () =>
      opened(async (source, ingestor) => {
        const { write } = createIngestion(registryGet, ingestor);
        const rows = Array.from({ length: 120 }, (_, at) => [at, at * 2] as const);
        await write([samplesOf({ stand: '1' }, rows.slice(60))], never);
        await write([samplesOf({ stand: '1' }, rows.toReversed())], never);
        await write([samplesOf({ stand: '1' }, rows), samplesOf({ stand: '1' }, rows.slice(0, 30))], never);
        expect(await readBack(source)).toEqual({ '{stand="1"}': rows.map(([at, value]) => `${at} ${value} 0`) });
      }));

    it('lets the newer of two samples of one time win', () =>
      opened(async (source, ingestor) => {
        const { write } = createIngestion(registryGet, ingestor);
        await write(
          [
            samplesOf({ stand: '1' }, [
              [0, 1],
              [1, 2],
              [2, 3, QUALITY.badTimeout],
            ]),
          ],
          never,
        );
        await write(
          [
            samplesOf({ stand: '1' }, [
              [1, 20],
              [2, 30],
              [3, 4],
            ]),
          ],
          never,
        );
        expect(await readBack(source)).toEqual({ '{stand="1"}': ['0 1 0', '1 20 0', '2 30 0', '3 4 0'] });
      }));

    it('shows what has come late in a picture that was drawn before', () =>
      opened(async (source, ingestor) => {
        const { write } = createIngestion(registryGet, ingestor);
        const draw = async (): Promise<(readonly number[])[]> => {
          const { series } = await runGraph(minutesOf(5), contextOf(source), never);
          return series.map(({ value }) => [...value]);
        };
        const nothing = Number.NaN;
        await write(
          [
            samplesOf({ stand: '1' }, [
              [0, 1],
              [70, 2],
            ]),
          ],
          never,
        );
        expect(await draw()).toEqual([[1, 2, nothing, nothing, nothing]]);
        await write(
          [
            samplesOf({ stand: '1' }, [
              [10, 3],
              [130, 4],
            ]),
          ],
          never,
        );
        expect(await draw()).toEqual([[2, 2, 4, nothing, nothing]]);
        await write([samplesOf({ stand: '2' }, [[240, 9]])], never);
        expect(await draw()).toEqual([
          [2, 2, 4, nothing, nothing],
          [nothing, nothing, nothing, nothing, 9],
        ]);
      }));

    it('keeps series apart by labels of any characters, and takes none for an instruction', () =>
      opened(async (source, ingestor) => {
        const values = [
          '"',
          "'; DROP TABLE samples; --",
          'Ölmühle',
          '\\',
          '\\x41',
          '{}',
          '{"a":1}',
          '%',
          '_',
          'a\nb',
          '日本',
          '😀',
          '$1',
          'NULL',
          ',',
          'x'.repeat(1_000),
        ];
        const { write } = createIngestion(registryGet, ingestor);
        const stored = await write(
          [
            ...values.map((stand, at) => samplesOf({ stand }, [[at, at]])),
            samplesOf({ side: '"' }, [[0, 99]]),
            samplesOf({}, [[0, 98]]),
          ],
          never,
        );
        expect(stored).toEqual({ rows: values.length + 2, rejected: [], resets: [] });
        expect(await readBack(source)).toEqual({
          ...Object.fromEntries(values.map((stand, at) => [labelsText({ stand }), [`${at} ${at} 0`]])),
          [labelsText({ side: '"' })]: ['0 99 0'],
          '{}': ['0 98 0'],
        });
      }));

    it('names what it cannot take by the place that it was given in, and stores the rest', () =>
      opened(async (source, ingestor) => {
        const { write } = createIngestion(registryGet, ingestor);
        const broken = {
          ...samplesOf({ stand: '2' }, [
            [0, 1],
            [1, 2],
            [2, 3],
          ]),
          time: Float64Array.of(START + 2 * SECOND, Number.NaN, START),
        };
        const { rows, rejected } = await write(
          [
            samplesOf({ stand: 'a\0b' }, [
              [0, 1],
              [1, 1],
            ]),
            samplesOf({ stand: '1' }, [[0, 7]]),
            broken,
            { ...samplesOf({ stand: '3' }, [[0, 1]]), metric: { ...speed.identifier, unit: 'bar' } },
          ],
          never,
        );
        expect(rows).toBe(3);
        expect(rejected.map(({ series, row }) => `${series} ${row}`).toSorted()).toEqual(['0 null', '2 1', '3 null']);
        for (const { reason } of rejected) expect(reason).toMatch(/\.$/);
        expect(await readBack(source)).toEqual({ '{stand="1"}': ['0 7 0'], '{stand="2"}': ['0 3 0', '2 1 0'] });
      }));

    it('takes nothing when it is cancelled before it begins, and nothing of nothing', () =>
      opened(async (source, ingestor) => {
        const reason = new Error('not now');
        await expect(ingestor.write([samplesOf({}, [[0, 1]])], AbortSignal.abort(reason))).rejects.toBe(reason);
        expect(await ingestor.write([], never)).toEqual({ rejected: [] });
        expect(await readBack(source)).toEqual({});
      }));
  });
}

const registryGet = (key: string) => (key === keyOf(speed.identifier) ? speed.identifier : undefined);
