import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createReduction, createSketch, fillSketch, RUN_STARTS, reduceToColumns, UNCERTAIN } from './sketch.ts';
import type { TraceColumns, TraceSegment } from './trace-data.ts';

type Row = readonly [time: number, value: number, quality?: number];

function columnsOf(rows: readonly Row[], gaps: TraceColumns['gaps'] = []): TraceColumns {
  return {
    time: Float64Array.from(rows, (row) => row[0]),
    value: Float64Array.from(rows, (row) => row[1]),
    quality: Uint16Array.from(rows, (row) => row[2] ?? 0),
    min: null,
    max: null,
    gaps,
  };
}
const whole = (columns: TraceColumns): TraceSegment[] => [
  { columns, from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY },
];

const rows = fc
  .uniqueArray(fc.integer({ min: 0, max: 9_999 }), { minLength: 1, maxLength: 600 })
  .chain((times) =>
    fc.tuple(
      fc.constant(times.sort((a, b) => a - b)),
      fc.array(fc.tuple(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.constantFrom(0, 0, 0, 0x4000, 0x8000)), {
        minLength: times.length,
        maxLength: times.length,
      }),
    ),
  )
  .map(([times, values]) => times.map((time, i): Row => [time, values[i]![0], values[i]![1]]));

describe('reduction to pixel columns', () => {
  it('never loses a first, last, smallest or largest good value of a column', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 600 }), (data, columns, cut) => {
        const made = columnsOf(data);
        const into = createReduction(columns);
        const split = Math.min(cut, data.length);
        const open = reduceToColumns(made, 0, split, 0, columns / 10_000, columns, into, false);
        reduceToColumns(made, split, data.length, 0, columns / 10_000, columns, into, open);
        for (let c = 0; c < columns; c++) {
          const mine = data.filter(([t, , q]) => Math.floor(t * (columns / 10_000)) === c && (q ?? 0) < 0x8000);
          expect(into.count[c]).toBe(mine.length);
          if (mine.length === 0) continue;
          const values = mine.map((row) => row[1]);
          expect(into.first[c]).toBe(values[0]);
          expect(into.last[c]).toBe(values.at(-1));
          expect(into.low[c]).toBe(Math.min(...values));
          expect(into.high[c]).toBe(Math.max(...values));
        }
      }),
    );
  });

  it('takes the extremes of merged points, not their means', () => {
    const into = createReduction(1);
    const merged = { ...columnsOf([[0, 5]]), min: Float64Array.of(-3), max: Float64Array.of(9) };
    reduceToColumns(merged, 0, 1, 0, 1e-6, 1, into, false);
    expect([into.low[0], into.high[0], into.last[0]]).toEqual([-3, 9, 5]);
  });
});

describe('sketch of a trace', () => {
  it('spans the extremes of the window whatever the density', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 2, max: 400 }), (data, columns) => {
        const sketch = createSketch();
        fillSketch(sketch, whole(columnsOf(data)), 0, 10_000, columns, false);
        const good = data.filter(([, , q]) => (q ?? 0) < 0x8000).map((row) => row[1]);
        if (good.length === 0) {
          expect(sketch.max).toBeLessThan(sketch.min);
          return;
        }
        expect(sketch.min).toBe(Math.min(...good));
        expect(sketch.max).toBe(Math.max(...good));
        // What is drawn reaches them too: as a point of the line or as an edge of the band.
        const drawn = [...sketch.value.subarray(0, sketch.length)];
        for (let c = 0; c < columns; c++) {
          if (!Number.isNaN(sketch.low[c]!)) drawn.push(sketch.low[c]!, sketch.high[c]!);
        }
        expect(Math.max(...drawn)).toBe(Math.max(...good));
        expect(Math.min(...drawn)).toBe(Math.min(...good));
      }),
    );
  });

  it('gives the same picture for one segment and for the same samples cut in two', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 9_999 }), fc.boolean(), (data, cut, step) => {
        const one = createSketch();
        const two = createSketch();
        const columns = columnsOf(data);
        fillSketch(one, whole(columns), 0, 10_000, 300, step);
        fillSketch(
          two,
          [
            { columns, from: Number.NEGATIVE_INFINITY, to: cut },
            { columns, from: cut, to: Number.POSITIVE_INFINITY },
          ],
          0,
          10_000,
          300,
          step,
        );
        expect([...two.x.subarray(0, two.length)]).toEqual([...one.x.subarray(0, one.length)]);
        expect([...two.value.subarray(0, two.length)]).toEqual([...one.value.subarray(0, one.length)]);
        expect([...two.mark.subarray(0, two.length)]).toEqual([...one.mark.subarray(0, one.length)]);
        expect([...two.bad.subarray(0, two.badLength)]).toEqual([...one.bad.subarray(0, one.badLength)]);
      }),
    );
  });

  it('comes in from the sample before the window and leaves over the one after it', () => {
    const sketch = createSketch();
    fillSketch(
      sketch,
      whole(
        columnsOf([
          [-1_000_000, 0],
          [50, 10],
          [1_000_100, 20],
        ]),
      ),
      0,
      100,
      100,
      false,
    );
    expect(sketch.length).toBe(3);
    expect(sketch.x[0]).toBe(-4);
    expect(sketch.x[2]).toBe(104);
    // On the straight line between the samples, not at their values.
    expect(sketch.value[0]).toBeCloseTo(10 * (999_996 / 1_000_050), 6);
    expect(sketch.value[2]).toBeCloseTo(10 + 10 * (54 / 1_000_050), 6);
    expect([sketch.min, sketch.max]).toEqual([10, 10]);
  });

  it('holds the value of a step trace from before the window', () => {
    const sketch = createSketch();
    fillSketch(
      sketch,
      whole(
        columnsOf([
          [-500, 1],
          [60, 0],
          [500, 1],
        ]),
      ),
      0,
      100,
      100,
      true,
    );
    expect([...sketch.value.subarray(0, sketch.length)]).toEqual([1, 0, 0]);
    expect([sketch.min, sketch.max]).toEqual([0, 1]);
  });

  it('ends the line at a bad sample, marks the stretch, and starts anew', () => {
    const sketch = createSketch();
    fillSketch(
      sketch,
      whole(
        columnsOf([
          [0, 1],
          [10, 1],
          [20, 7, 0x8031],
          [40, 2],
          [50, 2],
        ]),
      ),
      0,
      100,
      100,
      false,
    );
    expect([...sketch.x.subarray(0, sketch.length)]).toEqual([0, 10, 40, 50]);
    expect([...sketch.mark.subarray(0, sketch.length)]).toEqual([RUN_STARTS, 0, RUN_STARTS, 0]);
    expect([...sketch.bad.subarray(0, sketch.badLength)]).toEqual([20, 40]);
    expect(sketch.max).toBe(2);
  });

  it('breaks the line at a gap without a bad sample and marks it', () => {
    const sketch = createSketch();
    const gap = { range: { from: 12, to: 38 }, reason: 'This computer was asleep.', quality: 0x8f83 };
    fillSketch(
      sketch,
      whole(
        columnsOf(
          [
            [0, 1],
            [10, 1],
            [40, 2],
          ],
          [gap],
        ),
      ),
      0,
      100,
      100,
      false,
    );
    expect([...sketch.mark.subarray(0, sketch.length)]).toEqual([RUN_STARTS, 0, RUN_STARTS]);
    expect([...sketch.bad.subarray(0, sketch.badLength)]).toEqual([12, 38]);
  });

  it('breaks the line at a gap that begins before the merged point of the piece before it', () => {
    const sketch = createSketch();
    const gap = { range: { from: 12, to: 38 }, reason: 'No sample.', quality: 0x809b };
    const merged = columnsOf([
      [5, 1],
      [14, 1],
    ]);
    const left: TraceSegment = { columns: { ...merged, min: merged.value, max: merged.value }, from: 0, to: 20 };
    const right: TraceSegment = {
      columns: columnsOf(
        [
          [11, 1],
          [40, 2],
          [50, 2],
        ],
        [gap],
      ),
      from: 20,
      to: 100,
    };
    fillSketch(sketch, [left, right], 0, 100, 100, false);
    expect([...sketch.x.subarray(0, sketch.length)]).toEqual([5, 14, 40, 50]);
    expect([...sketch.mark.subarray(0, sketch.length)]).toEqual([RUN_STARTS, 0, RUN_STARTS, 0]);
  });

  it('draws no line over a stretch that was not read', () => {
    const columns = columnsOf([
      [0, 1],
      [10, 1],
      [50, 2],
      [60, 2],
    ]);
    const apart = [
      { columns, from: 0, to: 20 },
      { columns, from: 40, to: 100 },
    ];
    const sketch = createSketch();
    fillSketch(sketch, apart, 0, 100, 100, false);
    expect([...sketch.mark.subarray(0, sketch.length)]).toEqual([RUN_STARTS, 0, RUN_STARTS, 0]);
    fillSketch(sketch, apart, 0, 100, 1, false);
    expect(sketch.min).toBe(1);
    fillSketch(sketch, apart, 0, 100, 100, true);
    expect([...sketch.x.subarray(0, sketch.length)]).toEqual([0, 10, 20, 50, 60]);
  });

  it('marks uncertain samples', () => {
    const sketch = createSketch();
    fillSketch(
      sketch,
      whole(
        columnsOf([
          [0, 1],
          [10, 1, 0x4090],
          [20, 1],
        ]),
      ),
      0,
      100,
      100,
      false,
    );
    expect(sketch.mark[1]! & UNCERTAIN).toBe(UNCERTAIN);
    expect(sketch.anyUncertain).toBe(true);
  });

  it.each([
    ['few points', 100],
    ['some in each column', 20],
  ])('keeps the scale to what can be drawn, whatever infinite or largest number stands between: %s', (_, columns) => {
    const odd = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MAX_VALUE, -Number.MAX_VALUE];
    const sketch = createSketch();
    const data = Array.from({ length: 100 }, (_, i): Row => [i, i % 20 === 7 ? odd[i % 4]! : i]);
    fillSketch(sketch, whole(columnsOf(data)), 0, 100, columns, false);
    expect(sketch.min).toBeLessThanOrEqual(5);
    expect(sketch.min).toBeGreaterThanOrEqual(0);
    expect(sketch.max).toBeGreaterThanOrEqual(94);
    expect(sketch.max).toBeLessThanOrEqual(99);
  });

  it('does not allocate columns when it is filled again', () => {
    const sketch = createSketch();
    const data = whole(columnsOf(Array.from({ length: 5_000 }, (_, i): Row => [i * 2, Math.sin(i)])));
    fillSketch(sketch, data, 0, 10_000, 1_400, false);
    const { x, value, mark, low, high, bad } = sketch;
    for (let i = 0; i < 50; i++) fillSketch(sketch, data, i, 10_000 + i, 1_400, i % 2 === 0);
    expect([sketch.x, sketch.value, sketch.mark, sketch.low, sketch.high, sketch.bad]).toEqual([
      x,
      value,
      mark,
      low,
      high,
      bad,
    ]);
    expect(sketch.x).toBe(x);
    expect(sketch.low).toBe(low);
  });
});
