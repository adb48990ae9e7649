import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SampleStore } from '#engine/historian/index.ts';
import { type DecodeRecipe, PLAIN_RECIPE, QUALITY, type Series } from '#shared/model/index.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { all, block, EVER, never, ramp, SECOND, START, type StoreFactory, tag } from './store-samples.ts';

/** What every store of samples must do; run over each one there is. */
export function describeStore(name: string, make: StoreFactory): void {
  describe(`sample store: ${name}`, () => {
    guardLeaks();
    const path = (): string => join(temporaryDirectory(), 'history.parx');

    it('gives back what was appended, at once and after a restart, and leaves one file', async () => {
      const file = path();
      const { store, recovery } = await make.open({ path: file });
      expect(recovery).toEqual({ clean: true, samplesReplayed: 0, sentences: [], lastSample: null, lastStored: null });
      expect(store.status().storedUntil).toBeNull();
      store.register([tag(0), tag(1)]);
      const stored = store.append(block([...ramp(0, 50), [1, START, 7, QUALITY.badTimeout]]));
      expect(await all(store, 'tag-0'), 'before it is durable').toHaveLength(50);
      await stored;
      expect(store.status()).toMatchObject({
        storedUntil: START + 4_900_001,
        backlog: 0,
        dropped: 0,
        samplesStored: 51,
      });
      await store.close();
      await store.close();
      expect(readdirSync(join(file, '..'))).toEqual(['history.parx']);

      const again = await make.open({ path: file });
      expect(again.recovery).toMatchObject({ clean: true, samplesReplayed: 0, lastSample: START + 4_900_000 });
      expect(await all(again.store, 'tag-0')).toEqual(ramp(0, 50).map(([, time, value]) => [time, value, 0]));
      expect((await all(again.store, 'tag-1')).map((one) => [one[0], one[2]])).toEqual([[START, QUALITY.badTimeout]]);
      expect(again.store.status().storedUntil).toBe(START + 4_900_001);
      await again.store.close();
    });

    it('resolves an append when its samples are durable, several together, within the flush interval', async () => {
      const { store } = await make.open({ path: path(), flushMs: 200 });
      store.register([tag(0)]);
      const order: number[] = [];
      await Promise.all([0, 1, 2, 3].map((i) => store.append(block([[0, START + i, i]])).then(() => order.push(i))));
      expect(order).toEqual([0, 1, 2, 3]);
      await store.close();
    });

    it('keeps time order, takes late samples and lets the last of equal times win', async () => {
      const { store } = await make.open({ path: path() });
      store.register([tag(0)]);
      await store.append(
        block([
          [0, START + 3_000, 3],
          [0, START + 1_000, 1],
          [0, START + 3_000, 33],
          [0, START + 2_000, 2],
        ]),
      );
      await store.append(
        block([
          [0, START + 1_000, 11],
          [0, START - 3_600 * SECOND, -1],
        ]),
      );
      const expected = [
        [START - 3_600 * SECOND, -1, 0],
        [START + 1_000, 11, 0],
        [START + 2_000, 2, 0],
        [START + 3_000, 33, 0],
      ];
      expect(await all(store, 'tag-0')).toEqual(expected);
      await store.close();
    });

    it('takes times before 1970 and after 2100, and refuses and counts what is no time or no tag', async () => {
      const file = path();
      const { store } = await make.open({ path: file });
      store.register([tag(0)]);
      const far = [-8e15, -1, 0, 4.2e15, 8e15];
      await store.append(
        block([...far.map((time, i) => [0, time, i] as const), [0, Number.NaN, 9], [0, 1e300, 9], [77, 5, 9]]),
      );
      expect(store.status().dropped).toBe(3);
      expect((await all(store, 'tag-0')).map((one) => one[0])).toEqual(far);
      expect(store.status().storedUntil, 'a clock that runs ahead promises nothing').toBeLessThan(4.2e15);
      await store.close();
      const { store: again } = await make.open({ path: file });
      expect((await all(again, 'tag-0')).map((one) => one[0])).toEqual(far);
      expect(await again.bounds(never)).toEqual({ from: -8e15, to: 8e15 + 1 });
      await again.close();
    });

    it('keeps 64-bit integers, NaN payloads and minus zero to the bit', async () => {
      const recipe: DecodeRecipe = { ...PLAIN_RECIPE, form: 'bits64', type: 'uint64' };
      const file = path();
      const { store } = await make.open({ path: file });
      store.register([tag(0, recipe), tag(1)]);
      const slots = block([
        [0, START, 0],
        [0, START + 1, 0],
        [1, START, -0],
      ]);
      const bits = new BigUint64Array(slots.value.buffer);
      bits[0] = 0x7ff4_0000_dead_beefn;
      bits[1] = 2n ** 53n + 2n;
      await store.append(slots);
      await store.close();
      const { store: again } = await make.open({ path: file });
      expect((await all(again, 'tag-0')).map((one) => one[1])).toEqual([Number(0x7ff4_0000_dead_beefn), 2 ** 53 + 2]);
      expect(Object.is((await all(again, 'tag-1'))[0]![1], -0)).toBe(true);
      await again.close();
    });

    it('decodes and scales everything by the newest recipe, without touching samples', async () => {
      const recipe: DecodeRecipe = { ...PLAIN_RECIPE, form: 'bits', type: 'uint16', order: 'ABCD' };
      const { store } = await make.open({ path: path() });
      store.register([tag(0, recipe)]);
      await store.append(block(ramp(0, 20_000).map(([at, time]) => [at, time, 0x00ff])));
      store.register([
        tag(0, { ...recipe, type: 'int16', order: 'BADC', scaling: { kind: 'gain', gain: 2, offset: 1 } }),
      ]);
      const [series] = await store.view(['tag-0'], { from: START, to: START + 2_000 * SECOND }, 100, never);
      expect(new Set(series!.value)).toEqual(new Set([-256 * 2 + 1]));
      expect(new Set(series!.envelope!.min)).toEqual(new Set([-511]));
      expect((await store.tags(never))[0]!.recipe).toMatchObject({ version: 2, order: 'BADC' });
      store.register([
        tag(0, { ...recipe, type: 'int16', order: 'BADC', scaling: { kind: 'gain', gain: 2, offset: 1 } }),
      ]);
      expect((await store.tags(never))[0]!.recipe.version, 'an equal recipe is not a new one').toBe(2);
      await store.close();
    });

    it('reads samples of another stored form by the newest recipe that fits them', async () => {
      const words: DecodeRecipe = { ...PLAIN_RECIPE, form: 'bits', type: 'uint16' };
      const file = path();
      const { store } = await make.open({ path: file });
      store.register([tag(0, words)]);
      await store.append(
        block([
          [0, START, 40_000],
          [0, START + 2, 41_000],
        ]),
      );
      store.register([tag(0, PLAIN_RECIPE)]);
      await store.append(
        block([
          [0, START + 1, 0.5],
          [0, START + 3, 1.5],
        ]),
      );
      const expected = [40_000, 0.5, 41_000, 1.5];
      expect((await all(store, 'tag-0')).map((one) => one[1])).toEqual(expected);
      await store.close();
      const { store: again } = await make.open({ path: file });
      expect((await all(again, 'tag-0')).map((one) => one[1])).toEqual(expected);
      await again.close();
    });

    it('numbers texts the same for the life of the file', async () => {
      const file = path();
      const text: DecodeRecipe = { ...PLAIN_RECIPE, form: 'text', type: 'string' };
      const { store } = await make.open({ path: file });
      store.register([tag(0, text)]);
      const a = store.intern('Coil 4711');
      const b = store.intern('Spule Ü 8 "x"');
      expect(store.intern('Coil 4711')).toBe(a);
      await store.append(
        block([
          [0, START, a],
          [0, START + 1, b],
          [0, START + 2, a],
        ]),
      );
      await store.close();
      const { store: again } = await make.open({ path: file });
      expect([again.intern('Spule Ü 8 "x"'), again.textOf(a)]).toEqual([b, 'Coil 4711']);
      const [series] = await again.view(['tag-0'], { from: START, to: START + 3 }, 100, never);
      expect([...series!.value].map((index) => series!.texts![index])).toEqual([
        'Coil 4711',
        'Spule Ü 8 "x"',
        'Coil 4711',
      ]);
      await again.close();
    });

    it('views: raw when near, merged with every minimum and maximum when far, one sample beyond each end', async () => {
      const { store } = await make.open({ path: path() });
      store.register([tag(0), tag(1)]);
      const samples = ramp(0, 30_000).map(
        ([at, time, value]) => [at, time, value === 12_345 ? 1e6 : value % 100] as const,
      );
      await store.append(block(samples));
      const near = { from: START + 10 * SECOND, to: START + 20 * SECOND };
      const [raw] = await store.view(['tag-0'], near, 100, never);
      expect(raw!.envelope).toBeNull();
      expect([raw!.time[0], raw!.time.at(-1), raw!.time.length]).toEqual([near.from - 100_000, near.to, 102]);
      const [far] = await store.view(['tag-0'], { from: START, to: START + 3_000 * SECOND }, 100, never);
      expect(far!.time.length).toBeLessThanOrEqual(202);
      expect(far!.time.length).toBeGreaterThan(70);
      expect(Math.max(...far!.envelope!.max)).toBe(1e6);
      expect(Math.min(...far!.envelope!.min)).toBe(0);
      expect(await store.view(['tag-1', 'nobody'], near, 100, never)).toMatchObject([{ tag: 'tag-1', gaps: [] }]);
      await store.close();
    });

    it('views: a merged bad sample is a point of its own, and gaps come with their reasons', async () => {
      const { store } = await make.open({ path: path() });
      store.register([tag(0), tag(1)]);
      await store.append(
        block(ramp(0, 10_000).map(([at, time, value]) => [at, time, value, value === 5_000 ? QUALITY.badTimeout : 0])),
      );
      await store.addGap({ from: START, to: START + SECOND }, 'The laptop was asleep.', QUALITY.badAsleep, ['tag-0']);
      await store.addGap({ from: START, to: START + SECOND }, 'Stopped.', QUALITY.badShutdown, []);
      const range = { from: START, to: START + 1_000 * SECOND };
      const [one, two] = await store.view(['tag-0', 'tag-1'], range, 50, never);
      expect([...one!.quality].filter((quality) => quality === QUALITY.badTimeout)).toHaveLength(1);
      expect([...one!.time]).toEqual([...one!.time].sort((a, b) => a - b));
      expect(one!.gaps.map((gap) => gap.reason)).toEqual(['The laptop was asleep.', 'Stopped.']);
      expect(two!.gaps.map((gap) => gap.reason)).toEqual(['Stopped.']);
      expect(await store.gaps({ from: START + SECOND, to: EVER.to }, never)).toEqual([]);
      await store.close();
    });

    it('refuses views that no screen asks for, and stops one at once when asked', async () => {
      const { store } = await make.open({ path: path() });
      store.register([tag(0)]);
      await store.append(block(ramp(0, 1_000)));
      await expect(store.view(['tag-0'], EVER, 20_000, never)).rejects.toMatchObject({ code: 'rpc.limit' });
      await expect(store.view(new Array(1_001).fill('tag-0'), EVER, 10, never)).rejects.toMatchObject({
        code: 'rpc.limit',
      });
      const controller = new AbortController();
      const view = store.view(['tag-0'], EVER, 100, controller.signal);
      controller.abort(new Error('not wanted any more'));
      await expect(view).rejects.toThrow('not wanted any more');
      expect(await store.view(['tag-0'], { from: START, to: START }, 100, never), 'the reader goes on').toHaveLength(1);
      await store.close();
    });

    it('finds the neighbours of a time, strictly before and after it', async () => {
      const { store } = await make.open({ path: path() });
      store.register([tag(0, { ...PLAIN_RECIPE, scaling: { kind: 'gain', gain: 10, offset: 0 } })]);
      await store.append(block(ramp(0, 3)));
      const at = (time: number) => store.neighbours('tag-0', time, never);
      expect(await at(START + 100_000)).toEqual({
        before: { time: START, value: 0, quality: 0 },
        after: { time: START + 200_000, value: 20, quality: 0 },
      });
      expect((await at(START)).before).toBeNull();
      expect((await at(START + 200_000)).after).toBeNull();
      expect(await store.neighbours('nobody', START, never)).toEqual({ before: null, after: null });
      await store.close();
    });

    it('streams raw samples of several tags in steps of common time, all of them once', async () => {
      const { store } = await make.open({ path: path() });
      store.register([tag(0), tag(1), tag(2)]);
      await store.append(
        block([...ramp(0, 60_000), ...ramp(2, 600).map(([at, , v]) => [at, START + v * 10 * SECOND, v] as const)]),
      );
      const range = { from: START + 55_000, to: START + 5_000 * SECOND };
      const counts = new Map<string, number>();
      let before = Number.NEGATIVE_INFINITY;
      for await (const part of store.raw(['tag-0', 'tag-1', 'tag-2'], range, never)) {
        const first = Math.min(...part.map((series: Series) => series.time[0]!));
        expect(first).toBeGreaterThan(before);
        for (const series of part) {
          counts.set(series.tag, (counts.get(series.tag) ?? 0) + series.time.length);
          expect(series.time.length).toBeLessThanOrEqual(65_536);
          before = Math.max(before, series.time.at(-1)!);
        }
      }
      expect([...counts]).toEqual([
        ['tag-0', 49_999],
        ['tag-2', 499],
      ]);
      for await (const part of store.raw(['tag-0'], range, never)) {
        expect(part).toHaveLength(1);
        break;
      }
      await store.close();
    });

    it('keeps events with their tags and labels, and finds them by range and kind', async () => {
      const file = path();
      const { store } = await make.open({ path: file });
      const note = {
        kind: 'note' as const,
        from: START,
        to: null,
        text: 'Strip broke at stand 4 "again"',
        tagIds: ['gone', 'tag-1'],
        author: 'op',
        labels: { coil: '4711' },
      };
      const stored = await store.addEvent(note);
      const batch = await store.addEvent({ ...note, kind: 'batch', from: START - 10, to: START + 10, labels: {} });
      expect(stored).toEqual({ ...note, id: stored.id });
      await store.close();
      const { store: again } = await make.open({ path: file });
      expect(await again.events({ from: START, to: START + 1 }, null, never)).toEqual([batch, stored]);
      expect(await again.events({ from: START, to: START + 1 }, ['note'], never)).toEqual([stored]);
      expect(await again.events({ from: START + 1, to: START + 2 }, ['note'], never)).toEqual([]);
      await again.close();
    });

    it('knows tags, ends and last values, also after a restart', async () => {
      const file = path();
      const { store } = await make.open({ path: file });
      const scaled = tag(0, { ...PLAIN_RECIPE, scaling: { kind: 'gain', gain: 2, offset: 0 } });
      store.register([scaled, tag(1)]);
      await store.append(block([...ramp(0, 5_000), [0, START - 5, 1]]));
      const check = async (one: SampleStore): Promise<void> => {
        const { index: _, ...described } = scaled;
        const { index: __, ...silent } = tag(1);
        expect(await one.tags(never)).toEqual([
          { ...described, first: START - 5, last: START + 499_900_000 },
          { ...silent, first: null, last: null },
        ]);
        expect(await one.bounds(never)).toEqual({ from: START - 5, to: START + 499_900_001 });
        expect(await one.lastValues()).toEqual([{ id: 'tag-0', time: START + 499_900_000, value: 9_998, quality: 0 }]);
      };
      await check(store);
      await check(store);
      await store.close();
      const { store: again } = await make.open({ path: file });
      await check(again);
      await again.close();
    });

    it('tells other last values once samples, tags or scalings have come', async () => {
      const { store } = await make.open({ path: path() });
      const scaled = (gain: number): ReturnType<typeof tag> =>
        tag(0, { ...PLAIN_RECIPE, scaling: { kind: 'gain', gain, offset: 0 } });
      const values = async (): Promise<number[]> => (await store.lastValues()).map(({ value }) => value);
      expect(await values()).toEqual([]);
      store.register([scaled(2)]);
      expect(await values()).toEqual([]);
      await store.append(block([[0, START, 5]]));
      expect(await values()).toEqual([10]);
      expect(await values()).toEqual([10]);
      const [before, stored] = [store.lastValues(), store.append(block([[0, START + 1, 6]]))];
      expect((await before)[0]).toMatchObject({ time: START, value: 10 });
      await stored;
      expect(await values()).toEqual([12]);
      store.register([scaled(3), tag(1)]);
      expect(await values()).toEqual([18]);
      await store.append(block([[1, START, 7]]));
      expect(await values()).toEqual([18, 7]);
      await store.close();
      await expect(store.lastValues()).rejects.toThrow();
    });
  });
}
