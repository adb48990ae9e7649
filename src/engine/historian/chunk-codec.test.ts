import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkSum, decodeChunk, encodeChunk } from './chunk-codec.ts';
import { emptyRun, type Run, wordsOf } from './run.ts';

function runOf(
  times: readonly number[],
  slots: readonly bigint[],
  qualities: readonly number[],
  delays: readonly number[] | null,
): Run {
  const run = emptyRun(times.length, delays !== null);
  run.length = times.length;
  run.time.set(times);
  new BigUint64Array(run.value.buffer).set(slots);
  run.quality.set(qualities);
  if (delays !== null) run.received?.set(times.map((time, i) => time + delays[i]!));
  return run;
}

function expectSame(run: Run): Uint8Array {
  const data = encodeChunk(run);
  const out = decodeChunk(data, emptyRun(1));
  expect(out.length).toBe(run.length);
  expect([...out.time.subarray(0, out.length)]).toEqual([...run.time.subarray(0, run.length)]);
  expect([...wordsOf(out.value).subarray(0, out.length * 2)]).toEqual([
    ...wordsOf(run.value).subarray(0, run.length * 2),
  ]);
  expect([...out.quality.subarray(0, out.length)]).toEqual([...run.quality.subarray(0, run.length)]);
  const received = (run.received ?? run.time).subarray(0, run.length);
  expect([...(out.received ?? out.time).subarray(0, out.length)]).toEqual([...received]);
  return data;
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

describe('encodeChunk and decodeChunk', () => {
  it('gives back every bit of any run', () => {
    fc.assert(
      fc.property(anyRun, (run) => void expectSame(run)),
      process.env.PARX_LONG === '1' ? { numRuns: 30_000 } : { numRuns: 1_500, seed: 7 },
    );
  });

  it.each([
    ['a set point', 40, () => 1234.5],
    ['a bit that toggles rarely', 120, (i: number) => (i >> 9) & 1],
    ['a counter', 0.3 * 4096, (i: number) => i],
    ['a reading with two decimals', 1.6 * 4096, (i: number) => Math.round((2_000 + 30 * Math.sin(i / 50)) * 100) / 100],
    ['a float32 sine', 3.2 * 4096, (i: number) => Math.fround(50 * Math.sin(i / 100))],
    ['a double sine', 7.2 * 4096, (i: number) => 50 * Math.sin(i / 100)],
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

  it('never takes flipped bytes for a chunk without an error or another checksum', () => {
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
      try {
        decodeChunk(damaged, emptyRun(1));
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }
  });
});
