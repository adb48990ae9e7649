import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { traceStatistics } from './statistics.ts';
import type { TraceColumns } from './trace-data.ts';

function columnsOf(
  rows: readonly (readonly [number, number, number?])[],
  gaps: TraceColumns['gaps'] = [],
): TraceColumns {
  return {
    time: Float64Array.from(rows, (row) => row[0]),
    value: Float64Array.from(rows, (row) => row[1]),
    quality: Uint16Array.from(rows, (row) => row[2] ?? 0),
    min: null,
    max: null,
    gaps,
  };
}
describe('statistics', () => {
  it('agree with adding up every microsecond', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 199 }), { minLength: 1, maxLength: 40 }),
        fc.array(fc.tuple(fc.integer({ min: -50, max: 50 }), fc.constantFrom(0, 0, 0x4000, 0x8000)), {
          minLength: 40,
          maxLength: 40,
        }),
        fc.integer({ min: 0, max: 150 }),
        fc.integer({ min: 1, max: 49 }),
        (times, values, from, length) => {
          const sorted = [...times].sort((a, b) => a - b);
          const rows = sorted.map((time, i) => [time, values[i]![0], values[i]![1]] as const);
          const to = from + length;
          const held: number[] = [];
          for (let t = from; t < to; t++) {
            const row = rows.filter((one) => one[0] <= t).at(-1);
            if (row !== undefined && row[2] < 0x8000) held.push(row[1]);
          }
          const result = traceStatistics([{ columns: columnsOf(rows), from: 0, to: 200 }], { from, to });
          if (held.length === 0) {
            expect(result).toBeNull();
            return;
          }
          const mean = held.reduce((sum, value) => sum + value, 0) / held.length;
          const variance = held.reduce((sum, value) => sum + (value - mean) ** 2, 0) / held.length;
          expect(result?.known).toBe(held.length);
          expect(result?.mean).toBeCloseTo(mean, 9);
          expect(result?.deviation).toBeCloseTo(Math.sqrt(variance), 6);
          expect(result?.min).toBe(Math.min(...held));
          expect(result?.max).toBe(Math.max(...held));
          expect(result?.count).toBe(rows.filter((row) => row[0] >= from && row[0] < to && row[2] < 0x8000).length);
        },
      ),
    );
  });
  it('weigh nothing inside a gap', () => {
    const gap = { range: { from: 20, to: 80 }, reason: 'asleep', quality: 0x8f83 };
    const result = traceStatistics(
      [
        {
          columns: columnsOf(
            [
              [0, 10],
              [80, 20],
            ],
            [gap],
          ),
          from: 0,
          to: 100,
        },
      ],
      { from: 0, to: 100 },
    );
    expect(result?.known).toBe(40);
    expect(result?.mean).toBe(15);
  });
  it('weigh nothing inside a gap that begins before the merged point of the piece before it', () => {
    const gap = { range: { from: 12, to: 80 }, reason: 'No sample.', quality: 0x809b };
    const left = {
      columns: columnsOf([
        [0, 10],
        [14, 10],
      ]),
      from: 0,
      to: 20,
    };
    const right = {
      columns: columnsOf(
        [
          [11, 10],
          [80, 20],
        ],
        [gap],
      ),
      from: 20,
      to: 100,
    };
    expect(traceStatistics([left, right], { from: 0, to: 100 })?.known).toBe(34);
  });
  it('weigh nothing in a stretch that was not read', () => {
    const columns = columnsOf([
      [0, 10],
      [60, 30],
    ]);
    const apart = [
      { columns, from: 0, to: 20 },
      { columns, from: 60, to: 100 },
    ];
    const result = traceStatistics(apart, { from: 0, to: 100 });
    expect(result?.known).toBe(60);
    expect(result?.mean).toBeCloseTo((10 * 20 + 30 * 40) / 60, 9);
  });
  it('say when points stand for several samples', () => {
    const merged = {
      ...columnsOf([
        [0, 5],
        [50, 6],
      ]),
      min: Float64Array.of(1, 2),
      max: Float64Array.of(9, 8),
    };
    const result = traceStatistics([{ columns: merged, from: 0, to: 100 }], { from: 0, to: 100 });
    expect(result).toMatchObject({ min: 1, max: 9, merged: true });
  });
});
