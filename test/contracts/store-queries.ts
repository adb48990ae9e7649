import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type HistorySource, type SampleStore, statisticsOf, statisticsQuery } from '#engine/historian/index.ts';
import {
  type AggregateQuery,
  type DecodeRecipe,
  PLAIN_RECIPE,
  QUALITY,
  type SearchCondition,
  type SearchQuery,
  type TimeRange,
} from '#shared/model/index.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { block, never, ramp, SECOND, START, type StoreFactory, tag } from './store-samples.ts';

/** What every store must answer from its samples: aggregates, statistics, searches. */
export function describeStoreQueries(name: string, make: StoreFactory): void {
  describe(`questions to a sample store: ${name}`, () => {
    guardLeaks();
    const path = (): string => join(temporaryDirectory(), 'history.parx');
    const minute: TimeRange = { from: START, to: START + 60 * SECOND };
    const query = (change: Partial<AggregateQuery>): AggregateQuery => ({
      tags: [{ tag: 'tag-0', functions: ['mean'] }],
      range: minute,
      grid: { step: 10 * SECOND, origin: START },
      fill: { kind: 'none' },
      maxHold: null,
      ...change,
    });
    const search = (where: SearchCondition[][], change: Partial<SearchQuery> = {}): SearchQuery => ({
      range: minute,
      where,
      minDuration: 0,
      backward: false,
      ...change,
    });
    const above = (value: number, id = 'tag-0', hysteresis = 0): SearchCondition => ({
      kind: 'compare',
      tag: id,
      op: '>',
      value,
      hysteresis,
    });
    const found = async (source: HistorySource, asked: SearchQuery): Promise<[number, number][]> => {
      const intervals: [number, number][] = [];
      for await (const part of source.search(asked, never)) {
        for (const { from, to } of part.intervals) intervals.push([(from - START) / SECOND, (to - START) / SECOND]);
      }
      return intervals;
    };

    it('aggregates tags on one grid, also of a recording, and fills what is empty', async () => {
      const { store } = await make.open({ path: path() });
      store.register([tag(0), tag(1), tag(2)]);
      // Ten a second from 0 s to 30 s, one bad; tag 1 once in a while.
      await store.append(
        block([
          ...ramp(0, 300).map(
            ([at, time, value]) => [at, time, value, value === 150 ? QUALITY.badTimeout : 0] as const,
          ),
          [1, START - 5 * SECOND, 7],
          [1, START + 25 * SECOND, 3],
        ]),
      );
      const asked = query({
        tags: [
          { tag: 'tag-0', functions: ['count', 'bad', 'min', 'max', 'mean', 'first', 'last', 'p50', 'quality'] },
          { tag: 'nobody', functions: ['mean'] },
          { tag: 'tag-1', functions: ['at', 'heldMean', 'count', 'at'] },
          { tag: 'tag-2', functions: ['count', 'mean'] },
        ],
      });
      const check = async (source: HistorySource): Promise<void> => {
        const { start, step, length, series } = await source.aggregate(asked, never);
        expect([start, step, length]).toEqual([START, 10 * SECOND, 6]);
        const none = Number.NaN;
        expect(series.map((one) => [one.tag, one.columns.map((column) => [...column])])).toEqual([
          [
            'tag-0',
            [
              [100, 99, 100, 0, 0, 0],
              [0, 1, 0, 0, 0, 0],
              [0, 100, 200, none, none, none],
              [99, 199, 299, none, none, none],
              [49.5, (19_900 / 2 + 5_000 - 150) / 99, 249.5, none, none, none],
              [0, 100, 200, none, none, none],
              [99, 199, 299, none, none, none],
              [49.5, 149, 249.5, none, none, none],
              [0, QUALITY.badTimeout, 0, none, none, none],
            ],
          ],
          [
            'tag-1',
            [
              [7, 7, 7, 3, 3, 3],
              [7, 7, 5, 3, 3, 3],
              [0, 0, 1, 0, 0, 0],
              [7, 7, 7, 3, 3, 3],
            ],
          ],
          [
            'tag-2',
            [
              [0, 0, 0, 0, 0, 0],
              [none, none, none, none, none, none],
            ],
          ],
        ]);
      };
      await check(store);
      const copy = join(temporaryDirectory(), 'copy.parx');
      const whole = { from: START - 10 * SECOND, to: START + 60 * SECOND };
      await store.copyRange(copy, 'copy', whole, [], () => undefined, never);
      const file = await make.openRecording(copy);
      await check(file);
      await file.close();
      const column = async (fill: AggregateQuery['fill']): Promise<number[]> => [
        ...(await store.aggregate(query({ tags: [{ tag: 'tag-0', functions: ['last'] }], fill }), never)).series[0]!
          .columns[0]!,
      ];
      expect(await column({ kind: 'constant', value: 0 })).toEqual([99, 199, 299, 0, 0, 0]);
      expect(await column({ kind: 'previous', maxAge: 20 * SECOND })).toEqual([99, 199, 299, 299, 299, Number.NaN]);
      await store.close();
    });

    it('gives the exact numbers of an interval, for many tags, with what reaches in and stops at gaps', async () => {
      const { store } = await make.open({ path: path() });
      const many = Array.from({ length: 12 }, (_, i) => tag(i));
      store.register(many);
      await store.append(
        block(
          many.flatMap(({ index }) => [
            [index, START - SECOND, 10 * index],
            [index, START + 10 * SECOND, 20],
            [index, START + 30 * SECOND, 0, index === 3 ? QUALITY.badTimeout : 0],
          ]),
        ),
      );
      await store.addGap({ from: START + 40 * SECOND, to: START + 50 * SECOND }, 'asleep', QUALITY.badAsleep, [
        'tag-1',
      ]);
      const ids = many.map((one) => one.id);
      const numbers = statisticsOf(await store.aggregate(statisticsQuery(ids, minute), never));
      expect(numbers.map((one) => one.tag)).toEqual(ids);
      const of = (i: number) => numbers[i]!;
      expect(of(2)).toMatchObject({ count: 2, bad: 0, min: 0, max: 20, sum: 20, mean: 10, first: 20, last: 0 });
      expect(of(2)).toMatchObject({ heldMin: 0, heldMax: 20, known: 60 * SECOND, heldMean: (20 * 10 + 20 * 20) / 60 });
      expect(of(2).deviation).toBeCloseTo(Math.sqrt(200), 10);
      expect(of(1)).toMatchObject({ known: 40 * SECOND, heldMean: (10 * 10 + 20 * 20) / 40 });
      expect(of(3)).toMatchObject({ count: 1, bad: 1, known: 30 * SECOND, last: Number.NaN });
      await store.close();
    });

    it('searches for conditions of several tags, forward and backward, with hysteresis and shortest durations', async () => {
      const { store } = await make.open({ path: path() });
      store.register([tag(0), tag(1, { ...PLAIN_RECIPE, scaling: { kind: 'gain', gain: -1, offset: 0 } })]);
      const values = [0, 5, 4, 6, 1, 9, 9, 2];
      await store.append(
        block([
          ...values.map((value, i) => [0, START + i * 5 * SECOND, value] as const),
          [1, START + 12 * SECOND, -1],
          [1, START + 28 * SECOND, -8, QUALITY.badTimeout],
          [1, START + 33 * SECOND, -8],
        ]),
      );
      expect(await found(store, search([[above(4)]]))).toEqual([
        [5, 10],
        [15, 20],
        [25, 35],
      ]);
      expect(await found(store, search([[above(4, 'tag-0', 2)]]))).toEqual([
        [5, 20],
        [25, 35],
      ]);
      expect(await found(store, search([[above(4)]], { minDuration: 10 * SECOND }))).toEqual([[25, 35]]);
      const both = [above(4), above(0, 'tag-1')];
      expect(await found(store, search([both]))).toEqual([
        [15, 20],
        [25, 28],
        [33, 35],
      ]);
      expect(await found(store, search([[above(8)], [{ kind: 'bad', tag: 'tag-1' }]], { backward: true }))).toEqual([
        [25, 35],
      ]);
      expect(await found(store, search([both], { backward: true }))).toEqual([
        [33, 35],
        [25, 28],
        [15, 20],
      ]);
      const moment = 1e-6;
      expect(await found(store, search([[{ kind: 'rises', tag: 'tag-0', level: 5, hysteresis: 1 }]]))).toEqual([
        [5, expect.closeTo(5 + moment, 9)],
        [25, expect.closeTo(25 + moment, 9)],
      ]);
      expect(await found(store, search([[{ kind: 'changes', tag: 'tag-0' }]]))).toHaveLength(6);
      expect(await found(store, search([[{ kind: 'silent', tag: 'tag-1', longerThan: 10 * SECOND }]]))).toEqual([
        [0, 28],
        [33, 60],
      ]);
      await store.close();
    });

    it('says how far a search is, answers others meanwhile, and stops soon when asked', async () => {
      const { store } = await make.open({ path: path() });
      store.register([tag(0)]);
      for (let n = 0; n < 8; n++) await store.append(block(ramp(0, 50_000, n * 50_000)));
      const range = { from: START, to: START + 40_000 * SECOND };
      const changes: SearchCondition = { kind: 'changes', tag: 'tag-0' };
      const controller = new AbortController();
      let parts = 0;
      let reached = Number.POSITIVE_INFINITY;
      const walk = async (): Promise<void> => {
        for await (const part of store.search(search([[changes]], { range, backward: true }), controller.signal)) {
          expect(part.reached).toBeLessThanOrEqual(reached);
          reached = part.reached;
          parts++;
          if (parts === 3) {
            expect(await store.neighbours('tag-0', START + 5, never)).toMatchObject({ before: { value: 0 } });
            controller.abort(new Error('enough'));
          }
        }
      };
      await expect(walk()).rejects.toThrow('enough');
      expect(reached).toBeGreaterThan(range.from);
      for await (const part of store.search(search([[changes]], { range }), never)) {
        expect(part.intervals[0]).toEqual({ from: START + 100_000, to: START + 100_001 });
        break;
      }
      const deviations = query({ tags: [{ tag: 'tag-0', functions: ['deviation'] }], range, grid: { buckets: 1 } });
      const stopped = new AbortController();
      const asked = store.aggregate(deviations, stopped.signal);
      const began = performance.now();
      stopped.abort(new Error('not wanted any more'));
      await expect(asked).rejects.toThrow('not wanted any more');
      expect(await store.neighbours('tag-0', START + 5, never), 'the reader goes on').toMatchObject({
        before: { value: 0 },
      });
      expect(performance.now() - began).toBeLessThan(2_000);
      await store.close();
    });

    it('refuses by code what cannot be answered', async () => {
      const { store } = await make.open({ path: path() });
      const text: DecodeRecipe = { ...PLAIN_RECIPE, form: 'text', type: 'string' };
      store.register([tag(0), tag(1, text)]);
      const coil = store.intern('Coil 1');
      await store.append(block([[1, START, coil]]));
      const code = async (work: Promise<unknown>): Promise<unknown> =>
        work.then(
          () => 'answered',
          (error: { code?: string }) => error.code,
        );
      const reversed = { from: minute.to, to: minute.from };
      const refused = (change: Partial<AggregateQuery>): Promise<unknown> =>
        code(store.aggregate(query(change), never));
      expect(await refused({ range: reversed })).toBe('config.invalid');
      expect(await refused({ grid: { step: 1, origin: 0 } })).toBe('query.too-many-samples');
      expect(await refused({ tags: new Array(1_001).fill({ tag: 'tag-0', functions: ['mean'] }) })).toBe('rpc.limit');
      expect(await refused({ tags: [{ tag: 'tag-1', functions: ['mean'] }] })).toBe('config.invalid');
      const texts = await store.aggregate(query({ tags: [{ tag: 'tag-1', functions: ['last', 'count'] }] }), never);
      expect(texts.series[0]!.texts).toEqual({ [coil]: 'Coil 1' });
      expect(await code(found(store, search([[above(1)]], { range: reversed })))).toBe('config.invalid');
      expect(await code(found(store, search([[above(1, 'nobody')]])))).toBe('store.not-found');
      expect(await code(found(store, search([[above(1, 'tag-1')]])))).toBe('config.invalid');
      await expectReads(store);
      await store.close();
    });

    async function expectReads(store: SampleStore): Promise<void> {
      expect((await store.aggregate(query({}), never)).series).toHaveLength(1);
    }
  });
}
