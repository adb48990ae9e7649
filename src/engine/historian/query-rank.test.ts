import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { percentileOf, percentileOfMany, selectRank } from './query-rank.ts';

function plain(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = ((sorted.length - 1) * p) / 100;
  const below = sorted[Math.floor(place)]!;
  const above = sorted[Math.ceil(place)]!;
  return below === above ? below : below + (above - below) * (place - Math.floor(place));
}

describe('ranks', () => {
  it('selects what sorting would put there, whatever the order and however often values repeat', () => {
    const number = fc.oneof(fc.double({ noNaN: true }), fc.integer({ min: -3, max: 3 }));
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 400 }), fc.nat(), (values, n) => {
        const k = n % values.length;
        const columns = Float64Array.from(values);
        expect(selectRank(columns, values.length, k) + 0).toBe([...values].sort((a, b) => a - b)[k]! + 0);
        expect(columns.slice(0, k).every((one) => one <= columns[k]!)).toBe(true);
        expect(columns.slice(k).every((one) => one >= columns[k]!)).toBe(true);
      }),
    );
  });

  it('puts a percentile on the line between its nearest ranks', () => {
    const values = Float64Array.of(40, 10, 30, 20);
    expect([0, 25, 50, 90, 100].map((p) => percentileOf(values, 4, p))).toEqual([10, 17.5, 25, 37, 40]);
    expect(percentileOf(Float64Array.of(7), 1, 99.9)).toBe(7);
  });

  it('gives the same where there are too many values to keep, over infinities, outliers and near equals', () => {
    const cases: Record<string, (i: number) => number> = {
      spread: (i) => (i * 7_919) % 1_000_003,
      'near equal': (i) => 1 + ((i * 31) % 1_009) * Number.EPSILON,
      'outliers at every scale': (i) => (i % 5 === 0 ? (i % 2 === 0 ? 1 : -1) * 10 ** ((i % 600) - 300) : (i % 97) / 7),
      'infinite ends': (i) => (i === 3 ? Number.POSITIVE_INFINITY : i === 5 ? Number.NEGATIVE_INFINITY : i % 11),
      zeros: (i) => (i % 2 === 0 ? -0 : 0),
    };
    const count = 20_000;
    for (const [name, value] of Object.entries(cases)) {
      const values = Array.from({ length: count }, (_, i) => value(i));
      let reads = 0;
      function* read(visit: (value: number) => void): Generator<null, void> {
        reads++;
        for (const one of values) visit(one);
        yield null;
      }
      const min = values.reduce((a, b) => Math.min(a, b));
      const max = values.reduce((a, b) => Math.max(a, b));
      for (const p of [0, 37.3, 50, 99.9, 100]) {
        const steps = percentileOfMany(read, count, min, max, p, 50);
        let step = steps.next();
        while (step.done !== true) step = steps.next();
        expect(step.value + 0, `${name}, p${p}`).toBe(plain(values, p) + 0);
      }
      expect(reads, name).toBeLessThanOrEqual(40);
    }
  });
});
