import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BucketList, bucketsOf, joinLists } from './rollup.ts';
import { decodeBuckets, encodeBuckets } from './rollup-codec.ts';
import type { Run } from './run.ts';

const COLUMNS = [
  'number',
  'count',
  'bad',
  'quality',
  'min',
  'max',
  'sum',
  'first',
  'last',
  'firstTime',
  'lastTime',
  'minTime',
  'maxTime',
] as const;

function runOf(time: readonly number[], value: readonly number[], quality?: readonly number[]): Run {
  return {
    length: time.length,
    time: Float64Array.from(time),
    value: Float64Array.from(value),
    quality: quality === undefined ? new Uint16Array(time.length) : Uint16Array.from(quality),
    received: null,
  };
}

/** To the bit, but for the payload of a NaN, which stands for nothing. */
function expectBack(list: BucketList): number {
  const data = encodeBuckets(list);
  const back = decodeBuckets(data, list.number[0]!, list.width);
  expect(back.length).toBe(list.length);
  for (const column of COLUMNS) {
    expect(Array.from(back[column].subarray(0, list.length)), column).toEqual(
      Array.from(list[column].subarray(0, list.length)),
    );
  }
  return data.length;
}

const number = fc.oneof(
  fc.double(),
  fc.float(),
  fc.integer({ min: -500, max: 500 }),
  fc.integer({ min: -99_999, max: 99_999 }).map((whole) => whole / 100),
  fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-310, 2 ** 53, 1.5e308),
);
const values = fc.oneof(
  fc.array(number, { minLength: 1, maxLength: 400 }),
  fc.array(fc.double(), { minLength: 1, maxLength: 400 }),
  fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 400 }),
  fc.array(
    fc.integer({ min: -99_999, max: 99_999 }).map((whole) => whole / 1_000),
    { minLength: 1, maxLength: 400 },
  ),
);

describe('buckets as bytes', () => {
  it('come back to the bit, whatever was summed up', () => {
    fc.assert(
      fc.property(
        values,
        fc.array(fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 100_000 }), fc.nat({ max: 2 ** 40 })), {
          minLength: 400,
          maxLength: 400,
        }),
        fc.constantFrom(1, 1_000, 100_000),
        fc.constantFrom(-(2 ** 50), -1_000, 0, 1_700_000_000_000_000),
        fc.nat({ max: 30 }),
        fc.array(fc.constantFrom(0, 0, 0, 0, 0, 0x4000, 0x8005), { minLength: 400, maxLength: 400 }),
        (once, steps, unit, start, power, quality) => {
          let at = start;
          const time = once.map((_, i) => {
            at += (steps[i]! + 1) * unit;
            return at;
          });
          const run = runOf(time, once, quality.slice(0, once.length));
          if (time.at(-1)! > Number.MAX_SAFE_INTEGER) return;
          const list = bucketsOf(run, 15_625 * 2 ** power);
          expectBack(list);
          expectBack(joinLists([list]));
        },
      ),
      { numRuns: process.env.PARX_LONG === '1' ? 20_000 : 1_500, seed: 7 },
    );
  });

  it('keep a value that is too large for the decimals of another', () => {
    expectBack(bucketsOf(runOf([0, 1, 2, 3], [0, -44_969_947_561_984, -6.31, 66_048_712_704]), 15_625));
    expectBack(bucketsOf(runOf([0, 20_000], [2 ** 50, 0.5]), 15_625));
  });

  it('take a few bytes each for what plants send', () => {
    let seed = 1;
    const random = (): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return seed / 2 ** 32;
    };
    const samples = 16_384;
    const start = 1_700_000_000_000_000;
    const time = Array.from({ length: samples }, (_, i) => start + i * 100_000 + Math.floor(random() * 5) * 1_000);
    const bytes = (value: (i: number) => number): number => {
      const list = bucketsOf(
        runOf(
          time,
          time.map((_, i) => value(i)),
        ),
        15_625 * 2 ** 9,
      );
      return expectBack(list) / list.length;
    };
    const sizes = [
      bytes((i) => Math.round((50 + 40 * Math.sin(i / 3_000) + random()) * 100) / 100),
      bytes((i) => i),
      bytes(() => (random() < 0.5 ? 1 : 0)),
      bytes((i) => Math.fround(100 * Math.sin(i / 500) + random() * 0.01)),
      bytes((i) => 20 + Math.floor(i / 1_000)),
    ];
    expect(Math.max(...sizes)).toBeLessThan(14);
    expect(sizes.reduce((sum, one) => sum + one, 0) / sizes.length).toBeLessThan(6);
  });

  it('are read as they were written before values were expected to go one way', () => {
    const earlier =
      'AQ0AAAKgAYABDKiAgIAIAAAAAAAABwACqY7aBjcAAJVDC0GQxCBiiUHO/dSIi2yHGi+9rHqwjZeeHFqUrBzKxno+AAAAAKAxBwAIAQLSoxY2YEto' +
      '4IubUllm9LDI5fJdY24SAAAEVk7bzmcMAq+cwkLloYNadQcBARkr1Ehf3DSV3S9p8L1RSziia+nB9SgAAAAAAAAAAAAAAAAAAAAAAAAAAAABIQAA' +
      'LNRIAQAAMG6aAAAAZvdLAAAADr43AAAAtoQjAAAAXksPAH8BJwICqNKbCCYqQyAOe2REuUjeAgDsls4BAgUBAAAAAQAAAgKdAQcAAAAAADyfz+fz' +
      '+QQAAAfP5/P5fFIAAAAAAAA=';
    const width = 15_625 * 2 ** 9;
    const time = Array.from({ length: 1_000 }, (_, i) => 1_700_000_000_000_000 + i * 100_000);
    const list = bucketsOf(
      runOf(
        time,
        time.map((_, i) => Math.fround(30 - ((i - 500) * (i - 500)) / 10_000)),
      ),
      width,
    );
    const back = decodeBuckets(Uint8Array.from(Buffer.from(earlier, 'base64')), list.number[0]!, width);
    for (const column of COLUMNS) {
      expect([...back[column].subarray(0, back.length)], column).toEqual([...list[column].subarray(0, list.length)]);
    }
  });

  it('are refused when they are not whole', () => {
    const data = encodeBuckets(bucketsOf(runOf([0, 20_000, 40_000], [1, 2.5, 7]), 15_625));
    for (let length = 0; length < data.length; length++) {
      expect(() => decodeBuckets(data.slice(0, length), 0, 15_625)).toThrow(RangeError);
    }
    for (let at = 0; at < data.length; at++) {
      const changed = data.slice();
      changed[at] = changed[at]! ^ 0x55;
      try {
        decodeBuckets(changed, 0, 15_625);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }
  });
});
