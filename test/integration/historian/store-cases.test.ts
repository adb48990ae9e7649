import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readGaps } from '#engine/historian/event-table.ts';
import { usedBytes } from '#engine/historian/retention.ts';
import { createTailStarts } from '#engine/historian/tail-starts.ts';
import { openDatabase, systemClock } from '#engine/platform/index.ts';
import { type DecodeRecipe, PLAIN_RECIPE, QUALITY } from '#shared/model/index.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { blockOf, EVER, leftBehind, openDirect, registration } from './direct.ts';
import { expectRollups } from './expect-rollups.ts';

const START = 1_700_000_000_000_000;
const SECOND = 1_000_000;
const DAY = 86_400 * SECOND;

describe('a store in unusual use', () => {
  const path = (): string => join(temporaryDirectory(), 'history.parx');

  it('keeps one sample a day for ten years, over many restarts, and draws it', async () => {
    const file = path();
    const days = 3_650;
    for (let year = 0; year < 10; year++) {
      const store = await openDirect(file);
      store.writer.register([registration(0)]);
      for (let day = year * 365; day < (year + 1) * 365; day++) {
        store.append([{ tag: 0, time: START + day * DAY, value: day, quality: 0 }]);
      }
      await store.close();
    }
    const store = await openDirect(file);
    const [series] = store.view(['tag-0'], { from: START, to: START + days * DAY }, 500);
    expect(series!.envelope!.max.at(-1)).toBe(days - 1);
    expect(store.raw(['tag-0'], EVER).flatMap((part) => [...part.value])).toEqual(
      Array.from({ length: days }, (_, i) => i),
    );
    await store.close();
    expectRollups(file);
    const database = openDatabase(file, { readonly: true });
    expect(database.prepare('SELECT count(*) FROM chunks').pluck().get(), 'small chunks are joined').toBeLessThan(8);
    database.close();
  });

  it('registers 20,000 tags and gives each its own samples', async () => {
    const file = path();
    const store = await openDirect(file);
    const tags = 20_000;
    store.writer.register(Array.from({ length: tags }, (_, i) => registration(i)));
    for (let poll = 0; poll < 3; poll++) {
      store.append(
        Array.from({ length: tags }, (_, tag) => ({ tag, time: START + poll, value: tag * 10 + poll, quality: 0 })),
      );
    }
    await store.close();
    const again = await openDirect(file);
    expect(again.writer.tags()).toHaveLength(tags);
    for (const tag of [0, 1, 9_999, 19_999]) {
      expect(again.raw([`tag-${tag}`], EVER).flatMap((part) => [...part.value])).toEqual([
        tag * 10,
        tag * 10 + 1,
        tag * 10 + 2,
      ]);
    }
    await again.close();
  }, 60_000);

  it('takes hours of samples that come after those that follow them', async () => {
    const file = path();
    const store = await openDirect(file, { chunkSamples: 200 });
    store.writer.register([registration(0)]);
    const hour = (from: number, backward: boolean): void => {
      store.append(
        Array.from({ length: 3_600 }, (_, i) => {
          const second = from * 3_600 + (backward ? 3_599 - i : i);
          return { tag: 0, time: START + second * SECOND, value: second, quality: 0 };
        }),
      );
    };
    for (const [from, backward] of [
      [4, false],
      [2, false],
      [0, true],
      [3, true],
      [1, false],
    ] as const) {
      hour(from, backward);
      await store.writer.seal([], EVER);
    }
    expect(store.raw(['tag-0'], EVER).flatMap((part) => [...part.value])).toEqual(
      Array.from({ length: 18_000 }, (_, i) => i),
    );
    await store.close();
    expect(expectRollups(file)).toBeGreaterThan(300);
  });

  it('goes on when the clock is set back, and keeps both passes where their times differ', async () => {
    const store = await openDirect(path());
    store.writer.register([registration(0)]);
    const pass = (from: number, count: number, value: number): void => {
      store.append(Array.from({ length: count }, (_, i) => ({ tag: 0, time: from + i * SECOND, value, quality: 0 })));
    };
    pass(START, 7_200, 1);
    await store.writer.flush();
    const until = store.writer.counts().storedUntil!;
    pass(START + 3_600 * SECOND + 500_000, 7_200, 2);
    await store.writer.flush();
    expect(store.writer.counts().storedUntil).toBeGreaterThanOrEqual(until);
    const values = store.raw(['tag-0'], EVER).flatMap((part) => [...part.value]);
    expect(values).toHaveLength(14_400);
    expect(values.filter((value) => value === 2)).toHaveLength(7_200);
    await store.close();
  });

  it('finds texts, 64-bit slots and receive times again that only the log had when the program was killed', async () => {
    const file = path();
    const text: DecodeRecipe = { ...PLAIN_RECIPE, form: 'text', type: 'string' };
    const wide: DecodeRecipe = { ...PLAIN_RECIPE, form: 'bits64', type: 'int64' };
    const store = await openDirect(file);
    store.writer.register([registration(0, text), registration(1, wide)]);
    store.writer.intern(1, 'Coil 4711');
    const block = blockOf([
      { tag: 0, time: START, value: 1, quality: 0, received: START + 7 },
      { tag: 1, time: START, value: 0, quality: 0, received: START + 9 },
    ]);
    new BigUint64Array(block.value.buffer)[1] = 0x7ff0_0000_0000_0001n;
    store.writer.append(1, block);
    await store.writer.flush();
    const killed = leftBehind(file);
    await store.close();

    const again = await openDirect(killed);
    expect(again.writer.started.strings).toEqual([{ number: 1, text: 'Coil 4711' }]);
    expect(again.raw(['tag-0'], EVER)[0]!.texts).toEqual({ 1: 'Coil 4711' });
    expect(again.raw(['tag-1'], EVER)[0]!.value[0]).toBe(Number(0x7ff0_0000_0000_0001n));
    await again.close();
    expect(readdirSync(join(killed, '..'))).toEqual(['history.parx']);
    const database = openDatabase(killed, { readonly: true });
    const slot = database.prepare<[], Uint8Array>('SELECT last_value FROM tags WHERE number = 2').pluck().get();
    expect(Buffer.from(slot!).toString('hex')).toBe('010000000000f07f');
    database.close();
  });

  it('leaves a log alone that a later version wrote, and says what to do', async () => {
    const file = path();
    const store = await openDirect(file);
    store.writer.register([registration(0)]);
    store.append([{ tag: 0, time: START, value: 7, quality: 0 }]);
    await store.writer.flush();
    const killed = leftBehind(file);
    await store.close();

    const name = join(killed, '..', readdirSync(join(killed, '..')).find((one) => one.includes('.log-'))!);
    const log = readFileSync(name);
    const later = Buffer.from(log);
    later.writeUInt32LE(2, 4);
    later.writeUInt32LE(crc32(later.subarray(0, 60)), 60);
    writeFileSync(name, later);
    await expect(openDirect(killed)).rejects.toMatchObject({
      code: 'store.too-new',
      message: expect.stringContaining('Open it with the later version'),
    });
    expect(readFileSync(name)).toEqual(later);
    writeFileSync(name, log);
    const again = await openDirect(killed);
    expect(again.raw(['tag-0'], EVER)[0]!.value[0]).toBe(7);
    await again.close();
  });

  it('makes overviews anew after a correction, and reads right meanwhile', async () => {
    const file = path();
    const words: DecodeRecipe = { ...PLAIN_RECIPE, form: 'bits', type: 'uint16' };
    const store = await openDirect(file, { chunkSamples: 500 });
    store.writer.register([registration(0, words)]);
    store.append(
      Array.from({ length: 40_000 }, (_, i) => ({
        tag: 0,
        time: START + i * SECOND,
        value: 65_535 - (i % 7),
        quality: 0,
      })),
    );
    await store.writer.seal([], EVER);
    store.writer.register([registration(0, { ...words, type: 'int16' })]);
    const range = { from: START, to: START + 40_000 * SECOND };
    expect(Math.min(...store.view(['tag-0'], range, 100)[0]!.envelope!.min)).toBe(-7);
    const stale = (): unknown => {
      const database = openDatabase(file, { readonly: true });
      try {
        return database.prepare('SELECT count(*) FROM rollups WHERE recipe < 2').pluck().get();
      } finally {
        database.close();
      }
    };
    expect(stale()).toBeGreaterThan(0);
    await expect.poll(stale, { timeout: 10_000 }).toBe(0);
    expect(Math.min(...store.view(['tag-0'], range, 100)[0]!.envelope!.min)).toBe(-7);
    await store.close();
    expect(expectRollups(file)).toBeGreaterThan(100);
  });

  it('asks whether to stop between any two chunks of a view', async () => {
    const store = await openDirect(path(), { chunkSamples: 200 });
    store.writer.register([registration(0)]);
    store.append(Array.from({ length: 20_000 }, (_, i) => ({ tag: 0, time: START + i * 1_000, value: i, quality: 0 })));
    await store.writer.seal([], EVER);
    let asked = 0;
    const stop = new Error('stop');
    const view = (limit: number) => () =>
      store.reader.view(['tag-0'], { from: START, to: START + 20 * SECOND }, 5_000, [], () => {
        if (++asked > limit) throw stop;
      });
    view(Number.POSITIVE_INFINITY)();
    expect(asked).toBeGreaterThanOrEqual(100);
    asked = 0;
    expect(view(50)).toThrow(stop);
    expect(view(Number.POSITIVE_INFINITY)()[0]!.time.length, 'the reader goes on').toBeGreaterThan(5_000);
    await store.close();
  });

  it('asks the writer for what is not in the file only where a view reaches it', async () => {
    const store = await openDirect(path(), { chunkSamples: 500 });
    store.writer.register([registration(0), registration(1)]);
    const starts = createTailStarts(store.writer.started.tailStarts);
    const asked = (to: number): string[] => store.reader.unsealed(['tag-0', 'tag-1', 'unknown'], to, starts);
    const put = (from: number, count: number): void => {
      store.append(
        Array.from({ length: count }, (_, i) => ({ tag: 0, time: START + (from + i) * SECOND, value: i, quality: 0 })),
      );
    };
    expect(asked(START), 'nothing anywhere').toEqual(['unknown']);
    put(0, 1_000);
    expect(asked(START - SECOND), 'the sample behind the range is not in the file').toEqual(['tag-0', 'unknown']);
    await store.writer.seal([], EVER);
    expect(asked(START + DAY), 'all in the file').toEqual(['unknown']);
    put(1_000, 10);
    expect(asked(START + 999 * SECOND)).toEqual(['unknown']);
    expect(asked(START + 999 * SECOND + 1), 'the sample behind the range is the first of the tail').toContain('tag-0');
    expect(asked(START + 1_001 * SECOND)).toContain('tag-0');
    // A late sample lies between those of a chunk: what stands behind it there cannot be told without looking.
    store.append([{ tag: 0, time: START + 700 * SECOND + 1, value: 0, quality: 0 }]);
    expect(asked(START + 100 * SECOND)).toEqual(['unknown']);
    expect(asked(START + 750 * SECOND)).toContain('tag-0');
    await store.writer.seal([], EVER);
    expect(asked(START + DAY)).toEqual(['unknown']);
    await store.close();
  });

  it('prunes by size down to what is asked, the oldest first', async () => {
    const file = path();
    const store = await openDirect(file, { chunkSamples: 1_000 });
    store.writer.register([registration(0), registration(1)]);
    for (let from = 0; from < 200_000; from += 20_000) {
      store.append(
        Array.from({ length: 20_000 }, (_, i) => ({
          tag: i % 2,
          time: START + (from + i) * SECOND,
          value: Math.sin(from + i),
          quality: 0,
        })),
      );
      await store.writer.seal([], EVER);
    }
    const reading = openDatabase(file, { readonly: true });
    const bytes = usedBytes(reading);
    reading.close();
    let rounds = 0;
    for (;;) {
      const before = store.writer.surplusBefore(bytes / 2);
      if (before === null) break;
      expect(before).toBeGreaterThan(START);
      await store.writer.prune(before);
      // Pages that are only half emptied stay, so that the first time may not be enough.
      expect(++rounds).toBeLessThan(4);
    }
    expect(rounds).toBeGreaterThan(0);
    const bounds = store.writer.bounds()!;
    expect(bounds.from).toBeGreaterThan(START + 50_000 * SECOND);
    expect(bounds.to).toBe(START + 199_999 * SECOND + 1);
    await store.close();
  });

  it('seals the asked tags alone, and thousands of them without keeping its thread for long', async () => {
    const file = path();
    const store = await openDirect(file);
    const tags = 8_000;
    store.writer.register(Array.from({ length: tags }, (_, i) => registration(i)));
    for (let poll = 0; poll < 20; poll++) {
      store.append(
        Array.from({ length: tags }, (_, tag) => ({ tag, time: START + poll, value: tag + poll, quality: 0 })),
      );
    }
    await store.writer.flush();
    const database = openDatabase(file, { readonly: true });
    const sealed = database.prepare('SELECT count(DISTINCT tag) FROM chunks').pluck();
    await store.writer.seal(['tag-3', 'tag-4'], { from: START - SECOND, to: START });
    expect(sealed.get(), 'of a time without samples').toBe(0);
    await store.writer.seal(['tag-3', 'tag-4'], { from: START, to: START + 1 });
    expect(sealed.get()).toBe(2);
    let longest = 0;
    let turns = 0;
    let at = performance.now();
    const ticking = setInterval(() => {
      longest = Math.max(longest, performance.now() - at);
      at = performance.now();
      turns++;
    }, 1);
    await store.writer.seal([], EVER);
    clearInterval(ticking);
    expect(sealed.get()).toBe(tags);
    database.close();
    expect(turns, 'turns of the thread meanwhile').toBeGreaterThan(3);
    expect(longest).toBeLessThan(400);
    expect(store.writer.count([], EVER)).toBe(0);
    await store.close();
    expectRollups(file);
  }, 60_000);

  it('stores the tags of a gap once, however often they are lost', async () => {
    const file = path();
    const store = await openDirect(file);
    const lost = Array.from({ length: 1_000 }, (_, i) => `tag-${i}`);
    for (let i = 0; i < 400; i++) {
      const at = START + i * SECOND;
      // The order in which tags are named makes no other set.
      const named = i % 2 === 0 ? lost : lost.toReversed();
      store.writer.addGap({ from: at, to: at + 1 }, 'The device does not answer.', 0x80_0a, named);
    }
    store.writer.addGap({ from: START, to: START + 1 }, 'One alone.', 0x80_0a, ['tag-7', 'tag-7']);
    const database = openDatabase(file, { readonly: true });
    const rows = database.prepare('SELECT count(*) FROM tag_set_tags').pluck();
    expect(rows.get()).toBe(1_001);
    const gaps = readGaps(database, { from: START, to: START + 2 * SECOND });
    expect(gaps.map((gap) => gap.tags.length)).toEqual([1_000, 1, 1_000]);
    store.writer.register([registration(7), registration(1_000)]);
    const [seven, other] = store.view(['tag-7', 'tag-1000'], { from: START, to: START + 2 * SECOND }, 100);
    expect(seven!.gaps.map((gap) => gap.reason)).toEqual([
      'The device does not answer.',
      'One alone.',
      'The device does not answer.',
    ]);
    expect(other!.gaps).toEqual([]);
    await store.writer.prune(START + 100 * SECOND);
    expect(rows.get(), 'the set that no gap names any more is gone').toBe(1_000);
    await store.writer.prune(START + 400 * SECOND);
    expect(rows.get()).toBe(0);
    database.close();
    await store.close();
  });

  it('keeps the form of samples that wait for the log while the next segment is begun, over a kill', async () => {
    const file = path();
    const words: DecodeRecipe = { ...PLAIN_RECIPE, form: 'bits', type: 'int16' };
    // Only what a full segment and explicit flushes write: samples of both forms wait together.
    const store = await openDirect(file, { flushMs: 60_000, segmentBytes: 4_000 });
    const put = (tag: number, from: number, count: number, value: number): void => {
      store.append(
        Array.from({ length: count }, (_, i) => ({ tag, time: START + (from + i) * SECOND, value, quality: 0 })),
      );
    };
    store.writer.register([registration(0, words), registration(1, words)]);
    put(1, 0, 400, 1);
    // Fills the segment: the next one is being made when the samples come.
    const flushed = store.writer.flush();
    await new Promise((resolve) => setImmediate(resolve));
    put(0, 0, 300, 65_535);
    store.writer.register([registration(0)]);
    put(0, 300, 300, 1.5);
    await flushed;
    await expect.poll(() => readdirSync(dirname(file)).some((name) => name.endsWith('.log-000002'))).toBe(true);
    await store.writer.flush();
    const lefts = [leftBehind(file)];
    const database = openDatabase(file, { readonly: true });
    const logFrom = database.prepare("SELECT value FROM meta WHERE key = 'log_from'").pluck();
    await expect.poll(() => logFrom.get()).toBe(2);
    database.close();
    lefts.push(leftBehind(file));
    await store.close();
    for (const left of lefts) {
      const again = await openDirect(left);
      const values = again.raw(['tag-0'], EVER).flatMap((part) => [...part.value]);
      expect(values).toEqual([...Array.from({ length: 300 }, () => -1), ...Array.from({ length: 300 }, () => 1.5)]);
      await again.close();
    }
  });

  it('makes samples bad whose tag was a text and is a number now, or the other way round', async () => {
    const file = path();
    const text: DecodeRecipe = { ...PLAIN_RECIPE, form: 'text', type: 'string' };
    const words: DecodeRecipe = { ...PLAIN_RECIPE, form: 'bits', type: 'int16' };
    const gain = { kind: 'gain', gain: 10, offset: 0 } as const;
    const store = await openDirect(file, { chunkSamples: 200 });
    const put = (from: number, count: number, value: number): void => {
      store.append(
        Array.from({ length: count }, (_, i) => ({ tag: 0, time: START + (from + i) * SECOND, value, quality: 0 })),
      );
    };
    const values = (): unknown[] =>
      store.raw(['tag-0'], EVER).flatMap((part) => Array.from(part.value, (value, i) => [value, part.quality[i]]));
    const bad = (count: number): unknown[] =>
      Array.from({ length: count }, () => [Number.NaN, QUALITY.badConfiguration]);
    const good = (count: number, value: number): unknown[] => Array.from({ length: count }, () => [value, 0]);

    store.writer.register([registration(0, words)]);
    put(0, 300, 65_535);
    store.writer.register([registration(0, text)]);
    store.writer.intern(1, 'Coil 1');
    expect(await store.writer.lastValues(0)).toMatchObject({
      value: Float64Array.of(Number.NaN),
      quality: Uint16Array.of(QUALITY.badConfiguration),
    });
    put(300, 300, 1);
    expect(values()).toEqual([...bad(300), ...good(300, 1)]);
    await store.writer.seal([], EVER);
    expect(store.raw(['tag-0'], EVER)[0]!.texts).toEqual({ 1: 'Coil 1' });
    expect(values()).toEqual([...bad(300), ...good(300, 1)]);
    store.writer.register([registration(0, { ...words, type: 'uint16', scaling: gain })]);
    put(600, 300, 7);
    expect(values(), 'by the newest recipe of their own class').toEqual([
      ...good(300, 655_350),
      ...bad(300),
      ...good(300, 70),
    ]);
    const range = { from: START, to: START + 900 * SECOND };
    const merged = (): unknown => {
      const { quality, envelope } = store.view(['tag-0'], range, 20)[0]!;
      return [Math.max(...quality), ...new Set(Array.from(envelope!.max).filter((value) => !Number.isNaN(value)))];
    };
    expect(merged()).toEqual([QUALITY.badConfiguration, 655_350, 70]);
    await store.close();

    const again = await openDirect(file);
    expect(await again.writer.lastValues(0)).toMatchObject({ value: Float64Array.of(70), quality: Uint16Array.of(0) });
    again.writer.register([registration(0, text)]);
    expect(await again.writer.lastValues(0)).toMatchObject({
      value: Float64Array.of(Number.NaN),
      quality: Uint16Array.of(QUALITY.badConfiguration),
    });
    await again.close();
    expectRollups(file);
  });

  it('forgets texts that no sample uses any more, and none that is on its way', async () => {
    const file = path();
    const text: DecodeRecipe = { ...PLAIN_RECIPE, form: 'text', type: 'string' };
    const store = await openDirect(file, { chunkSamples: 500, textGraceMs: 0 });
    store.writer.register([registration(0, text), registration(1, text)]);
    const database = openDatabase(file, { readonly: true });
    const stored = (): number[] => database.prepare<[], number>('SELECT number FROM strings').pluck().all();
    const tick = (from: number, to: number): void => {
      const samples = [];
      for (let second = from; second < to; second++) {
        store.writer.intern(second, `at ${second}`);
        samples.push({ tag: 0, time: START + second * SECOND, value: second, quality: 0 });
      }
      store.append(samples);
    };
    // Number 7 stands in another tag since long; number 9 is used again below, when it has been named unused.
    store.append([{ tag: 1, time: START, value: 7, quality: 0 }]);
    tick(1, 6_001);
    await store.writer.seal([], EVER);
    expect(stored()).toHaveLength(6_000);
    await store.writer.prune(START + 3_001 * SECOND);
    const [first] = store.texts;
    expect(first!.removed).toEqual([]);
    expect(first!.forget.length).toBeGreaterThan(2_000);
    expect(first!.forget).not.toContain(7);
    expect(first!.forget).toContain(9);
    tick(6_001, 6_501);
    store.append([{ tag: 1, time: START + 6_500 * SECOND, value: 9, quality: 0 }]);
    await store.writer.prune(START + 5_001 * SECOND);
    const second = store.texts[1]!;
    expect(second.removed).toEqual(first!.forget.filter((number) => number !== 9));
    expect(new Set(second.forget).size).toBeGreaterThan(1_000);
    const left = stored();
    expect(left).toContain(7);
    expect(left).toContain(9);
    const named = store.raw(['tag-0', 'tag-1'], EVER).flatMap((part) => [...part.value]);
    await store.writer.seal([], EVER);
    const have = new Set(stored());
    expect(named.filter((number) => !have.has(number))).toEqual([]);
    database.close();
    await store.close();
  });

  it('says when it was written for the last time, also where the clock of a device runs ahead', async () => {
    const file = path();
    const store = await openDirect(file);
    store.writer.register([registration(0)]);
    const clock = systemClock();
    const before = Math.round(clock.now());
    const ahead = before + 3_600 * SECOND;
    store.append([{ tag: 0, time: ahead, value: 1, quality: 0, received: before }]);
    await store.writer.flush();
    const killed = leftBehind(file);
    await store.close();
    for (const left of [killed, file]) {
      const again = await openDirect(left);
      const { lastSample, lastStored } = again.writer.started.recovery;
      expect(lastSample).toBe(ahead);
      expect(lastStored).toBeGreaterThanOrEqual(before);
      expect(lastStored).toBeLessThanOrEqual(clock.now());
      await again.close();
    }
  });
});
