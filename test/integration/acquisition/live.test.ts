import { describe, expect, it } from 'vitest';
import {
  createLive,
  createTagTable,
  type Live,
  type LiveColumns,
  type NewRuntimeTag,
  type TagTable,
} from '#engine/live/index.ts';
import { type DecodeRecipe, PLAIN_RECIPE, QUALITY, type SampleBlock } from '#shared/model/index.ts';
import { createFakeClock, FAKE_START, type FakeClock, settle } from '#test/support/fake-clock.ts';

function runtimeTag(id: string, recipe: Partial<DecodeRecipe> = {}): NewRuntimeTag {
  return {
    id,
    name: id,
    description: '',
    kind: 'tag',
    connectionId: 'c',
    deviceId: 'd',
    address: id,
    wire: '',
    unit: null,
    decimals: null,
    range: null,
    periodMs: 100,
    timeKind: 'receive',
    demo: false,
    enabled: true,
    type: recipe.type ?? 'float64',
    recipe: { ...PLAIN_RECIPE, ...recipe },
    problem: null,
  };
}

interface Bench {
  readonly clock: FakeClock;
  readonly table: TagTable;
  readonly live: Live;
  readonly texts: string[];
  /** Delivers one sample per pair, a microsecond apart. */
  give(...samples: readonly (readonly [id: string, value: number | bigint, quality?: number])[]): void;
}

function bench(...ids: readonly (string | NewRuntimeTag)[]): Bench {
  const clock = createFakeClock();
  const table = createTagTable();
  table.update(ids.map((id) => (typeof id === 'string' ? runtimeTag(id) : id)));
  const texts: string[] = [];
  const live = createLive({ clock, table, textOf: (index) => texts[index] });
  let nudge = 0;
  return {
    clock,
    table,
    live,
    texts,
    give(...samples) {
      const block: SampleBlock = {
        length: samples.length,
        tag: Uint32Array.from(samples, ([id]) => table.byId(id)?.index ?? 0),
        time: Float64Array.from(samples, () => clock.now() + nudge++),
        value: new Float64Array(samples.length),
        quality: Uint16Array.from(samples, (sample) => sample[2] ?? QUALITY.good),
        received: null,
      };
      const bits = new BigUint64Array(block.value.buffer);
      samples.forEach(([, value], i) => {
        if (typeof value === 'bigint') bits[i] = value;
        else block.value[i] = value;
      });
      live.accept(block);
    },
  };
}

const rowsOf = (item: LiveColumns | undefined): [number, number, number][] =>
  item === undefined ? [] : [...item.position].map((position, i) => [position, item.value[i]!, item.quality[i]!]);

describe('live values', () => {
  it('give everything first, the unknown and the silent included, then only what changed', async () => {
    const { clock, live, give } = bench('a', 'b', 'c');
    give(['a', 1], ['c', 3, QUALITY.uncertain]);
    const stop = new AbortController();
    const values = live.values({ tagIds: ['c', 'missing', 'a', 'b'], maxHz: 50 }, stop.signal);
    const first = (await values.next()).value;
    expect(rowsOf(first)).toEqual([
      [0, 3, QUALITY.uncertain],
      [1, Number.NaN, QUALITY.badConfiguration],
      [2, 1, QUALITY.good],
      [3, Number.NaN, QUALITY.badWaitingForFirst],
    ]);
    expect(first?.sequence).toBe(0);
    expect(first?.lastGood[0]).toBeNaN();
    expect(first?.lastGood[2]).toBe(FAKE_START);
    const second = values.next();
    await clock.advance(100);
    give(['b', 5]);
    expect(rowsOf((await second).value)).toEqual([[3, 5, QUALITY.good]]);
    stop.abort();
    await clock.advance(100);
    expect((await values.next()).done).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('give a late consumer newer data, not more, and hold nothing for it', async () => {
    const { clock, live, give } = bench('a', 'b');
    const stop = new AbortController();
    const values = live.values({ tagIds: ['a', 'b'], maxHz: 10 }, stop.signal);
    await values.next();
    for (let i = 0; i < 10_000; i++) give(['a', i]);
    const next = values.next();
    await clock.advance(100);
    expect(rowsOf((await next).value)).toEqual([[0, 9_999, QUALITY.good]]);
    stop.abort();
    await clock.advance(100);
    await values.return(undefined);
  });

  it('come at most maxHz times a second, also to a consumer that always asks', async () => {
    for (const [maxHz, expected] of [
      [5, 5],
      [1_000, 50],
    ] as const) {
      const { clock, live, give } = bench('a');
      const stop = new AbortController();
      let items = 0;
      const consumer = (async () => {
        for await (const _ of live.values({ tagIds: ['a'], maxHz }, stop.signal)) items++;
      })();
      for (let ms = 0; ms < 1_000; ms++) {
        give(['a', ms]);
        await clock.advance(1);
      }
      expect(items).toBeGreaterThanOrEqual(expected);
      expect(items).toBeLessThanOrEqual(expected + 1);
      stop.abort();
      await consumer;
    }
  });

  it('start to flow when a tag appears, and say so when it goes', async () => {
    const { clock, table, live, give } = bench('a');
    const stop = new AbortController();
    const values = live.values({ tagIds: ['later'], maxHz: 50 }, stop.signal);
    expect(rowsOf((await values.next()).value)).toEqual([[0, Number.NaN, QUALITY.badConfiguration]]);
    let next = values.next();
    await clock.advance(50);
    table.update([runtimeTag('a'), runtimeTag('later')]);
    await settle();
    expect(rowsOf((await next).value)).toEqual([[0, Number.NaN, QUALITY.badWaitingForFirst]]);
    next = values.next();
    await clock.advance(50);
    give(['later', 7]);
    expect(rowsOf((await next).value)).toEqual([[0, 7, QUALITY.good]]);
    next = values.next();
    await clock.advance(50);
    table.update([runtimeTag('a')]);
    expect(rowsOf((await next).value)).toEqual([[0, Number.NaN, QUALITY.badConfiguration]]);
    stop.abort();
    await clock.advance(50);
    await values.return(undefined);
  });

  it('show texts, and every digit of 64-bit integers that a number would round', async () => {
    const { live, give, texts } = bench(
      runtimeTag('text', { form: 'text', type: 'string' }),
      runtimeTag('u64', { form: 'bits64', type: 'uint64' }),
      runtimeTag('i64', { form: 'bits64', type: 'int64' }),
      runtimeTag('swapped', { form: 'bits64', type: 'uint64', order: 'DCBA' }),
      runtimeTag('f64', { form: 'bits64', type: 'float64' }),
      runtimeTag('scaled', { form: 'bits64', type: 'uint64', scaling: { kind: 'gain', gain: 0.001, offset: 0 } }),
    );
    texts.push('', 'Coil 4711');
    const float = new BigUint64Array(new Float64Array([-0.1]).buffer)[0] ?? 0n;
    give(
      ['text', 1],
      ['u64', 0xffff_ffff_ffff_fffen],
      ['i64', 0x8000_0000_0000_0001n],
      ['swapped', 0x0100_0000_0000_2000n],
      ['f64', float],
      ['scaled', 0xffff_ffff_ffff_fffen],
    );
    const stop = new AbortController();
    const ids = ['text', 'u64', 'i64', 'swapped', 'f64', 'scaled'];
    const item = (await live.values({ tagIds: ids, maxHz: 1 }, stop.signal).next()).value as LiveColumns;
    expect(item.texts).toEqual({
      0: 'Coil 4711',
      1: '18446744073709551614',
      2: '-9223372036854775807',
      3: '9007199254740993',
    });
    expect(item.value[4]).toBe(-0.1);
    expect(item.value[5]).toBeCloseTo(2 ** 64 / 1000, -1);
    expect(live.latest('u64')?.text).toBe('18446744073709551614');
    expect(live.latest('text')?.text).toBe('Coil 4711');
    stop.abort();
  });

  it('show another number at once when a scaling is corrected', async () => {
    const { clock, table, live, give } = bench('a');
    give(['a', 10]);
    const stop = new AbortController();
    const values = live.values({ tagIds: ['a'], maxHz: 50 }, stop.signal);
    await values.next();
    const next = values.next();
    await clock.advance(50);
    table.update([runtimeTag('a', { scaling: { kind: 'gain', gain: 2, offset: 1 } })]);
    expect(rowsOf((await next).value)).toEqual([[0, 21, QUALITY.good]]);
    stop.abort();
    await clock.advance(50);
    await values.return(undefined);
  });

  it('keep the value, its time and the cause of a tag that went bad', async () => {
    const { clock, live, give } = bench('a');
    give(['a', 42]);
    await clock.advance(1_000);
    give(['a', Number.NaN, QUALITY.badTimeout]);
    expect(live.latest('a')).toEqual({
      time: FAKE_START + 1_000_001,
      value: 42,
      quality: QUALITY.badTimeout,
      lastGood: FAKE_START,
      text: null,
    });
  });

  it('carry 50,000 tags to one subscriber', async () => {
    const ids = Array.from({ length: 50_000 }, (_, i) => `t${i}`);
    const { clock, live, give } = bench(...ids);
    const stop = new AbortController();
    const values = live.values({ tagIds: ids, maxHz: 50 }, stop.signal);
    expect((await values.next()).value.position.length).toBe(50_000);
    const next = values.next();
    await clock.advance(20);
    give(...ids.map((id, i) => [id, i] as const));
    const item = (await next).value as LiveColumns;
    expect(item.position.length).toBe(50_000);
    expect(item.value[49_999]).toBe(49_999);
    stop.abort();
    await clock.advance(20);
    await values.return(undefined);
  });
});

describe('live rows', () => {
  it('give the last sample first, then every one in order', async () => {
    const { clock, live, give } = bench('a', 'b', 'c');
    give(['a', 1], ['b', 2]);
    const stop = new AbortController();
    const rows = live.rows({ tagIds: ['b', 'a'] }, stop.signal);
    const first = (await rows.next()).value;
    expect([...(first?.position ?? [])]).toEqual([0, 1]);
    expect([...(first?.value ?? [])]).toEqual([2, 1]);
    const next = rows.next();
    await clock.advance(20);
    for (let i = 0; i < 500; i++)
      give(['a', i], ['c', -1], ['b', 1000 + i, i % 2 === 0 ? QUALITY.good : QUALITY.badTimeout]);
    const all = [(await next).value];
    const a = all.flatMap((part) =>
      [...(part?.position ?? [])].flatMap((position, i) => (position === 1 ? [part?.value[i]] : [])),
    );
    expect(a).toEqual(Array.from({ length: 500 }, (_, i) => i));
    const b = all.flatMap((part) =>
      [...(part?.position ?? [])].flatMap((position, i) => (position === 0 ? [part?.value[i]] : [])),
    );
    expect(b.slice(0, 4)).toEqual([1000, Number.NaN, 1002, Number.NaN]);
    expect(all[0]?.dropped).toBe(0);
    stop.abort();
    await clock.advance(20);
    expect((await rows.next()).done).toBe(true);
    expect(clock.pending).toBe(0);
    expect(live.pending()).toEqual({ subscriptions: 0, rows: 0, bytes: 0 });
  });

  it('bound what waits for a stuck consumer, keep the newest and count the rest', async () => {
    const { live, clock, give } = bench('a');
    const stop = new AbortController();
    const rows = live.rows({ tagIds: ['a'], maxPending: 1_000 }, stop.signal);
    await rows.next();
    for (let i = 0; i < 100_000; i++) give(['a', i]);
    expect(live.pending()).toEqual({ subscriptions: 1, rows: 1_000, bytes: 22_000 });
    const next = rows.next();
    await clock.advance(20);
    const item = (await next).value;
    expect(item?.dropped).toBe(99_000);
    expect(item?.value[0]).toBe(99_000);
    expect(item?.value.at(-1)).toBe(99_999);
    stop.abort();
    await clock.advance(20);
    await rows.return(undefined);
  });

  it('keep all bits and texts of rows that wait, and report unknown tags', async () => {
    const { clock, live, give, texts } = bench(
      runtimeTag('u64', { form: 'bits64', type: 'uint64' }),
      runtimeTag('text', { form: 'text', type: 'string' }),
    );
    const stop = new AbortController();
    const rows = live.rows({ tagIds: ['u64', 'text', 'gone'] }, stop.signal);
    const first = (await rows.next()).value;
    expect([first?.position[0], first?.quality[0], first?.time[0]]).toEqual([2, QUALITY.badConfiguration, FAKE_START]);
    texts.push('A', 'B');
    give(['text', 0], ['u64', 0xffff_ffff_ffff_ffffn], ['text', 1]);
    const next = rows.next();
    await clock.advance(20);
    expect((await next).value?.texts).toEqual({ 0: 'A', 1: '18446744073709551615', 2: 'B' });
    stop.abort();
    await clock.advance(20);
    await rows.return(undefined);
  });
});
