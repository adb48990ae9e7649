import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDatabase } from '#engine/platform/index.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { type Direct, EVER, leftBehind, openDirect, registration, type WrittenSample } from './direct.ts';
import { expectRollups } from './expect-rollups.ts';

const START = 1_700_000_000_000_000;
const SECOND = 1_000_000;

describe('samples that are not in the file yet', () => {
  const path = (): string => join(temporaryDirectory(), 'history.parx');

  it('finds large blocks of a tag again after a kill, of which whole chunks went through the log', async () => {
    const file = path();
    const store = await openDirect(file, { chunkSamples: 200 });
    store.writer.register([registration(0), registration(1)]);
    const run = (tag: number, from: number, count: number, value: number): WrittenSample[] =>
      Array.from({ length: count }, (_, i) => ({
        tag,
        time: START + (from + i) * SECOND,
        value: value + i,
        quality: 0,
      }));
    store.append([...run(1, 0, 3, 0), ...run(0, 0, 1_050, 0), ...run(1, 3, 700, 3)]);
    // Once more over the same time, of which the samples that come last stay; and backward.
    store.append([...run(0, 500, 900, 10_000), ...run(1, 800, 450, 800).reverse()]);
    await store.writer.flush();
    const expected = [
      ...Array.from({ length: 500 }, (_, i) => i),
      ...Array.from({ length: 900 }, (_, i) => 10_000 + i),
    ];
    const other = [...Array.from({ length: 703 }, (_, i) => i), ...Array.from({ length: 450 }, (_, i) => 800 + i)];
    const check = (one: Direct): void => {
      expect(one.raw(['tag-0'], EVER).flatMap((series) => [...series.value])).toEqual(expected);
      expect(one.raw(['tag-1'], EVER).flatMap((series) => [...series.value])).toEqual(other);
    };
    check(store);
    const killed = leftBehind(file);
    // Sealed, but not yet away from the log: read twice and there once.
    await store.writer.seal(['tag-0'], EVER);
    const half = leftBehind(file);
    await store.close();
    for (const left of [killed, half]) {
      const again = await openDirect(left, { chunkSamples: 200 });
      expect(again.writer.started.recovery.samplesReplayed).toBe(1_050 + 900 + 703 + 450);
      check(again);
      expect(await again.writer.lastValues(0)).toMatchObject({ value: Float64Array.of(10_899, 1_249) });
      await again.close();
      expectRollups(left);
    }
  });

  it('carries what is open over in slices, among new samples, and loses nothing at a kill between any two', async () => {
    const tags = 100;
    const file = path();
    // Chunks are never full, so that each fold carries all over.
    const options = { flushMs: 60_000, foldMs: 1 };
    const store = await openDirect(file, options);
    store.writer.register(Array.from({ length: tags }, (_, i) => registration(i)));
    let polls = 0;
    const poll = (): void => {
      const samples: WrittenSample[] = [];
      for (let tag = 0; tag < tags; tag++) {
        samples.push({ tag, time: START + polls * SECOND, value: Math.sin(polls * tag), quality: 0 });
      }
      store.append(samples);
      polls++;
    };
    for (let i = 0; i < 900; i++) poll();
    const database = openDatabase(file, { readonly: true });
    const logFrom = database.prepare("SELECT value FROM meta WHERE key = 'log_from'").pluck();
    const lefts: { readonly path: string; readonly acknowledged: number }[] = [];
    const begun = store.writer.flush();
    for (let turn = 0; logFrom.get() !== 2; turn++) {
      poll();
      if (turn % 4 === 0 && lefts.length < 12) lefts.push({ path: leftBehind(file), acknowledged: store.durable() });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await begun;
    await store.writer.flush();
    lefts.push({ path: leftBehind(file), acknowledged: store.durable() });
    database.close();
    await store.close();
    expect(lefts.length, 'kills on the way').toBeGreaterThan(3);
    for (const left of lefts) {
      const again = await openDirect(left.path, options);
      for (const tag of [0, 1, tags - 1]) {
        const values = again.raw([`tag-${tag}`], EVER).flatMap((one) => [...one.value]);
        expect(values.length).toBeGreaterThanOrEqual(left.acknowledged);
        expect(values).toEqual(values.map((_, i) => Math.sin(i * tag)));
      }
      await again.close();
      expectRollups(left.path);
    }
  }, 60_000);

  it('grows chunks block by block, with samples a little and hours late, over folds and kills', async () => {
    const options = { chunkSamples: 4_096, segmentBytes: 300_000 };
    const tags = 3;
    let seed = 77;
    const random = (): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
    const model = Array.from({ length: tags }, () => new Map<number, number>());
    let file = path();
    let store = await openDirect(file, options);
    const register = (): void => store.writer.register(Array.from({ length: tags }, (_, i) => registration(i)));
    const check = (): void => {
      for (let tag = 0; tag < tags; tag++) {
        const expected = [...model[tag]!].sort(([a], [b]) => a - b);
        const series = store.raw([`tag-${tag}`], EVER);
        expect(series.flatMap((one) => [...one.time])).toEqual(expected.map(([time]) => time));
        expect(series.flatMap((one) => [...one.value])).toEqual(expected.map(([, value]) => value));
        expect(store.writer.count([`tag-${tag}`], EVER)).toBeGreaterThan(0);
      }
    };
    register();
    for (let poll = 0; poll < 14_000; poll++) {
      const samples: WrittenSample[] = [];
      for (let tag = 0; tag < tags; tag++) {
        // The second tag is a little out of order, the third now and then by hours.
        let at = poll * 10;
        if (tag === 1) at += Math.floor(random() * 300);
        if (tag === 2 && random() < 0.001) at = Math.floor(random() * poll) * 10 + 5;
        const time = START + at * 1_000;
        const value = Math.round(Math.sin(poll / 300) * 1_000) / 10;
        model[tag]!.set(time, value);
        samples.push({ tag, time, value, quality: 0, ...(tag === 0 ? { received: time + 3 } : {}) });
      }
      store.append(samples);
      if (poll % 500 === 499) await store.writer.flush();
      if (poll === 6_000 || poll === 12_500) {
        await store.writer.flush();
        check();
        const killed = leftBehind(file);
        await store.close();
        file = killed;
        store = await openDirect(file, options);
        check();
        register();
      }
    }
    check();
    await store.writer.seal(['tag-0'], EVER);
    expect(store.writer.count(['tag-0'], EVER)).toBe(0);
    expect(store.warnings).toEqual([]);
    await store.close();
    const database = openDatabase(file, { readonly: true });
    const chunks = database.prepare<[number], number>('SELECT count FROM chunks WHERE tag = ? ORDER BY first').pluck();
    for (const tag of [1, 2]) expect(chunks.all(tag).length, 'few chunks').toBeLessThan(9);
    expect(Math.max(...chunks.all(1))).toBeGreaterThan(3_000);
    database.close();
    expectRollups(file);
  }, 60_000);
});
