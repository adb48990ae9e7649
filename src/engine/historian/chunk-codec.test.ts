import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK_SAMPLES, chunkSum, createChunkBuilder, decodeChunk, decodeRange, encodeChunk } from './chunk-codec.ts';
import { emptyRun, firstAtOrAfter, type Run, sliceRun, wordsOf } from './run.ts';

function runOf(
  times: readonly number[],
  slots: readonly bigint[],
  qualities: readonly number[],
  delays: readonly number[] | null,
): Run {
  const run = emptyRun(times.length, delays !== null);
  run.length = times.length;
  run.time.set(times);
  new BigUint64Array(run.value.buffer, run.value.byteOffset, run.value.length).set(slots);
  run.quality.set(qualities);
  if (delays !== null) run.received?.set(times.map((time, i) => time + delays[i]!));
  return run;
}

function expectSame(run: Run): Uint8Array<ArrayBuffer> {
  const data = encodeChunk(run);
  expectRun(decodeChunk(data, emptyRun(1)), run);
  return data;
}

function expectRun(out: Run, run: Run): void {
  expect(out.length).toBe(run.length);
  expect([...out.time.subarray(0, out.length)]).toEqual([...run.time.subarray(0, run.length)]);
  expect([...wordsOf(out.value).subarray(0, out.length * 2)]).toEqual([
    ...wordsOf(run.value).subarray(0, run.length * 2),
  ]);
  expect([...out.quality.subarray(0, out.length)]).toEqual([...run.quality.subarray(0, run.length)]);
  const received = (run.received ?? run.time).subarray(0, run.length);
  expect([...(out.received ?? out.time).subarray(0, out.length)]).toEqual([...received]);
}

const bits = (value: number): bigint => new BigUint64Array(new Float64Array([value]).buffer)[0]!;
const steps = fc.oneof(
  fc.constant(100_000),
  fc.integer({ min: 1, max: 5_000 }).map((n) => n * 1_000),
  fc.integer({ min: 1, max: 1_000_000 }),
  fc.integer({ min: 1, max: 2 ** 45 }),
);
const slot = fc.oneof(
  fc.integer({ min: -70_000, max: 70_000 }).map(bits),
  fc.integer({ min: -1_000_000, max: 1_000_000 }).map((n) => bits(n / 100)),
  fc.nat({ max: 0xffff_ffff }).map(bits),
  fc.double().map(bits),
  fc.float().map(bits),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(
    0n,
    1n << 63n,
    0x7ff0_0000_0000_0000n,
    0xfff0_0000_0000_0000n,
    0x7ff8_0000_dead_beefn,
    0x7ff4_0000_0000_0001n,
  ),
);
/** Mostly one kind of value per run, as plants send; now and then anything. */
const column = (length: number): fc.Arbitrary<bigint[]> =>
  fc.oneof(
    fc.array(slot, { minLength: length, maxLength: length }),
    slot.map((one) => new Array<bigint>(length).fill(one)),
    fc.array(fc.integer({ min: 0, max: 65_535 }).map(bits), { minLength: length, maxLength: length }),
    fc.array(
      fc.integer({ min: -9_999, max: 9_999 }).map((n) => bits(n / 1000)),
      { minLength: length, maxLength: length },
    ),
    fc.array(fc.nat({ max: 0xffff_ffff }).map(bits), { minLength: length, maxLength: length }),
    fc.array(fc.float({ noNaN: true }).map(bits), { minLength: length, maxLength: length }),
  );

const anyRun = fc.integer({ min: 1, max: 60 }).chain((length) =>
  fc
    .record({
      start: fc.oneof(fc.integer({ min: -(2 ** 52), max: 2 ** 52 }), fc.constant(1.7e15)),
      steps: fc.oneof(
        fc.array(steps, { minLength: length, maxLength: length }),
        steps.map((step) => new Array<number>(length).fill(step)),
      ),
      slots: column(length),
      qualities: fc.array(fc.constantFrom(0, 0x4000, 0x8005, 0xffff), { minLength: length, maxLength: length }),
      delays: fc.option(fc.array(fc.integer({ min: -5_000, max: 1e9 }), { minLength: length, maxLength: length })),
    })
    .map(({ start, steps: gaps, slots, qualities, delays }) => {
      let at = start;
      return runOf(
        gaps.map((gap) => (at += gap)),
        slots,
        qualities,
        delays,
      );
    }),
);

/** Uniform in [0, 1) from a seed, so that runs of thousands of samples are cheap to make and to repeat. */
function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What tags do for a while. */
const VALUES: readonly ((random: () => number, i: number) => bigint)[] = [
  () => bits(12.5),
  (_, i) => bits(i),
  (_, i) => bits((i * 7_919) % 2 ** 32),
  (_, i) => bits((2 ** 32 - 500 + i) % 2 ** 32),
  (random) => bits(random() < 0.02 ? 1 : 0),
  (random, i) => bits(Math.round((50 + 40 * Math.sin(i / 300) + random()) * 100) / 100),
  (random, i) => bits(random() < 0.01 ? 1e6 : Math.round(300 * Math.sin(i / 90)) / 10),
  (random, i) => bits(Math.fround(20 * Math.sin(i / 70) + random() * 0.01)),
  (random, i) => bits(Math.fround(random() < 0.01 ? Number.NaN : 3e38 * Math.sin(i / 9))),
  (_, i) => bits(Math.fround(Math.round(5_000 * Math.sin(i / 90)) / 100)),
  (random, i) => BigInt.asUintN(64, bits(20 * Math.sin(i / 70) + random())),
  (_, i) => BigInt.asUintN(64, BigInt(i) * 100_003n - 3_000_000n),
  (random, i) => bits(new Uint32Array(new Float32Array([Math.sin(i / 50) + random() * 0.01]).buffer)[0]!),
  (random) => (BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32)),
  (random) => bits(Math.floor(random() * 2 ** 32)),
  (random) => (random() < 0.5 ? 1n << 63n : 0x7ff0_0000_0000_0001n),
  (_, i) => bits(Math.floor(i / 90) * 0.3),
];
const STEPS: readonly ((random: () => number, i: number) => number)[] = [
  () => 100_000,
  (random) => 100_000 + (Math.floor(random() * 5) - 2) * 1_000,
  () => 100_003,
  (random) => 1 + Math.floor(random() * 2_000_000),
  (random) => (random() < 0.01 ? 60_000_000 : 250_000),
  (random) => (random() < 0.01 ? 86_400_000_000 * 400 : 1_000_000),
  (_, i) => 1 + i * 977,
];

/** A run of up to four blocks that changes what it does now and then. */
const longRun = fc
  .record({
    seed: fc.integer(),
    length: fc.oneof(fc.integer({ min: 1, max: 3_500 }), fc.constantFrom(1, 1_023, 1_024, 1_025, 2_048)),
    start: fc.constantFrom(1.7e15, -1.7e15, 0, -(2 ** 53) + 1, 5e15),
    values: fc.array(fc.nat({ max: VALUES.length - 1 }), { minLength: 1, maxLength: 3 }),
    steps: fc.array(fc.nat({ max: STEPS.length - 1 }), { minLength: 1, maxLength: 2 }),
    bad: fc.constantFrom(0, 0, 0.001, 0.3),
    late: fc.constantFrom(0, 0, 2_000, 1e9),
  })
  .map(({ seed, length, start, values, steps: kinds, bad, late }) => {
    const random = randomOf(seed);
    let time = start;
    const times: number[] = [];
    const slots: bigint[] = [];
    const qualities: number[] = [];
    for (let i = 0; i < length; i++) {
      times.push(time);
      time += STEPS[kinds[Math.floor((i * kinds.length) / length)]!]!(random, i);
      slots.push(VALUES[values[Math.floor((i * values.length) / length)]!]!(random, i));
      qualities.push(random() < bad ? 0x8005 : 0);
    }
    return runOf(times, slots, qualities, late === 0 ? null : times.map(() => Math.floor(random() * late)));
  });
const long = process.env.PARX_LONG === '1' ? { numRuns: 1_500 } : { numRuns: 150, seed: 11 };

describe('encodeChunk and decodeChunk', () => {
  it('gives back every bit of any run', () => {
    fc.assert(
      fc.property(anyRun, (run) => void expectSame(run)),
      process.env.PARX_LONG === '1' ? { numRuns: 30_000 } : { numRuns: 1_500, seed: 7 },
    );
  });

  it.each([
    ['a set point', 60, () => 1234.5],
    ['a bit that toggles rarely', 100, (i: number) => (i >> 9) & 1],
    ['a counter', 100, (i: number) => i],
    ['a reading with two decimals', 0.7 * 4096, (i: number) => Math.round((2_000 + 30 * Math.sin(i / 50)) * 100) / 100],
    ['a float32 sine', 2.2 * 4096, (i: number) => Math.fround(50 * Math.sin(i / 100))],
    ['a double sine', 6.4 * 4096, (i: number) => 50 * Math.sin(i / 100)],
  ])('keeps %s of 4,096 samples on a raster below %d bytes', (_name, limit, value) => {
    const times = Array.from({ length: 4096 }, (_, i) => 1.7e15 + i * 100_000);
    const run = runOf(
      times,
      times.map((_, i) => bits(value(i))),
      times.map(() => 0),
      null,
    );
    expect(expectSame(run).length).toBeLessThan(limit + 60);
  });

  it('gives back every bit of runs of several blocks', () => {
    fc.assert(
      fc.property(longRun, (run) => void expectSame(run)),
      long,
    );
  });

  it.each([
    ['at the ends of what a time can be', [-(2 ** 53), -(2 ** 53) + 1, 0, 2 ** 53 - 1, 2 ** 53]],
    ['between whole microseconds', [0.01, 0.5, 2 ** 49, 2 ** 50 + 0.25]],
    ['one alone', [4e15]],
    ['two', [-1, 1]],
  ])('keeps times %s', (_name, times) => {
    expectSame(
      runOf(
        times,
        times.map(() => 1n),
        times.map(() => 0),
        times.map((_, i) => i * 0.5),
      ),
    );
  });

  it('needs no more than the slots themselves for noise', () => {
    let seed = 1;
    const noise = (): bigint => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (BigInt(seed) << 32n) | BigInt(Math.imul(seed, 2_654_435_761) >>> 0);
    };
    const times = Array.from({ length: 2_000 }, (_, i) => 1.7e15 + i * 100_000);
    const data = expectSame(
      runOf(
        times,
        times.map(noise),
        times.map(() => 0),
        null,
      ),
    );
    expect(data.length).toBeLessThan(2_000 * 8 + 80);
  });

  it('has another checksum for every flipped byte and every other row', () => {
    const times = Array.from({ length: 300 }, (_, i) => 1.7e15 + i * 100_000 + ((i * 7) % 5) * 1_000);
    const data = encodeChunk(
      runOf(
        times,
        times.map((_, i) => bits(i / 100)),
        times.map(() => 0),
        null,
      ),
    );
    const row = { recipe: 1, level: 3, first: times[0]!, last: times.at(-1)!, count: times.length };
    const sum = chunkSum(1, row, data);
    expect(chunkSum(2, row, data)).not.toBe(sum);
    expect(chunkSum(1, { ...row, last: row.last + 1 }, data)).not.toBe(sum);
    for (let i = 0; i < data.length; i++) {
      const damaged = data.slice();
      damaged[i] = damaged[i]! ^ 0x10;
      expect(chunkSum(1, row, damaged)).not.toBe(sum);
    }
  });

  it('reads damaged bytes as some chunk or throws RangeError, and asks for no more memory than a chunk needs', () => {
    const out = emptyRun(1);
    fc.assert(
      fc.property(
        fc.oneof(anyRun, longRun),
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 }),
        fc.option(fc.nat()),
        (run, flips, cut) => {
          const data = encodeChunk(run);
          // Half of the flips near the head, where lengths and codes are.
          for (const [at, byte] of flips) data[at % (at % 2 === 0 ? data.length : Math.min(64, data.length))] = byte;
          try {
            decodeChunk(cut === null ? data : data.subarray(0, cut % data.length), out);
          } catch (error) {
            if (!(error instanceof RangeError)) throw error;
          }
          expect(out.length).toBeLessThanOrEqual(65_536);
          expect(out.time.length).toBeLessThanOrEqual(131_072);
        },
      ),
      process.env.PARX_LONG === '1' ? { numRuns: 20_000 } : { numRuns: 1_000, seed: 3 },
    );
  });
});

describe('decodeRange', () => {
  it('gives what the whole chunk has in the range, and no block that does not touch it', () => {
    const whole = emptyRun(1);
    const part = emptyRun(1);
    fc.assert(
      fc.property(longRun, fc.nat(), fc.nat(), fc.integer({ min: -1, max: 1 }), (run, a, b, nudge) => {
        const data = encodeChunk(run);
        decodeChunk(data, whole);
        const from = run.time[Math.min(a % run.length, b % run.length)]! + nudge;
        const to = run.time[Math.max(a % run.length, b % run.length)]! + nudge;
        decodeRange(data, from, to, part);
        const wanted = sliceRun(whole, firstAtOrAfter(whole, from), firstAtOrAfter(whole, to));
        const skipped = firstAtOrAfter(part, from);
        const end = firstAtOrAfter(part, to);
        expectRun(sliceRun(part, skipped, end), wanted);
        expect(skipped).toBeLessThanOrEqual(BLOCK_SAMPLES);
        expect(part.length - end).toBeLessThan(BLOCK_SAMPLES);
      }),
      long,
    );
  });

  it('gives nothing of a range before the chunk', () => {
    const data = encodeChunk(runOf([10, 20], [1n, 2n], [0, 0], null));
    expect(decodeRange(data, 0, 10, emptyRun(1)).length).toBe(0);
    expect(decodeRange(data, 0, 11, emptyRun(1)).length).toBe(2);
  });
});

describe('createChunkBuilder', () => {
  it('holds the same samples however they come, and is a valid chunk at any time', () => {
    fc.assert(
      fc.property(longRun, fc.array(fc.integer({ min: 1, max: 2 })), (run, parts) => {
        const builder = createChunkBuilder();
        let at = 0;
        for (const blocks of parts) {
          const end = at + blocks * BLOCK_SAMPLES;
          if (end >= run.length) break;
          builder.add(run, at, end);
          at = end;
          expect(builder.count).toBe(at);
          const data = builder.finish();
          expect(builder.bytes).toBe(data.length);
          expectRun(decodeChunk(data, emptyRun(1)), sliceRun(run, 0, at));
        }
        builder.add(run, at, run.length);
        const whole = builder.finish();
        expectRun(decodeChunk(whole, emptyRun(1)), run);
      }),
      long,
    );
  });

  it('takes nothing behind a block that is not full, until it is cleared', () => {
    const run = runOf([1, 2, 3], [1n, 2n, 3n], [0, 0, 0], null);
    const builder = createChunkBuilder();
    builder.add(run, 0, 2);
    expect(() => builder.add(run, 2, 3)).toThrow('not full');
    expect(builder.count).toBe(2);
    builder.clear();
    expect(() => builder.finish()).toThrow('one sample');
    builder.add(run, 2, 3);
    expect(decodeChunk(builder.finish(), emptyRun(1)).time[0]).toBe(3);
  });
});
