import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Aggregation, aggregation, type GraphSeries, type Grid, gridTimes } from '#shared/model/graph/index.ts';
import { isBad, QUALITY } from '#shared/model/index.ts';
import { createSteps } from './steps.ts';
import { convertSeries, fillSeries, groupSeries, resampleSeries, stackSeries } from './transforms.ts';

const grid: Grid = { start: -40, step: 10, length: 12 };

type Sample = readonly [time: number, value: number, quality: number];
const quality = fc.oneof(
  { weight: 6, arbitrary: fc.constant<number>(QUALITY.good) },
  { weight: 1, arbitrary: fc.constantFrom<number>(QUALITY.uncertain, QUALITY.badTimeout, QUALITY.bad) },
);
const sample = fc.tuple(
  fc.integer({ min: grid.start, max: grid.start + grid.length * grid.step - 1 }),
  fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 50 }) },
    { weight: 1, arbitrary: fc.constant(Number.NaN) },
  ),
  quality,
);
/** In order of time, one a time. */
const samples = fc
  .array(sample, { maxLength: 60 })
  .map((all): Sample[] => [...new Map(all.map((one) => [one[0], one])).values()].sort((a, b) => a[0] - b[0]));

function collect(all: readonly Sample[], aggregate: Aggregation, cuts: readonly number[] = [], on = grid) {
  const steps = createSteps(on, aggregate, true);
  const edges = [0, ...cuts.filter((cut) => cut < all.length).toSorted((a, b) => a - b), all.length];
  for (let i = 1; i < edges.length; i++) {
    const part = all.slice(edges[i - 1], edges[i]);
    steps.add(
      Float64Array.from(part, (one) => one[0]),
      Float64Array.from(part, (one) => (isBad(one[2]) ? Number.NaN : one[1])),
      Uint16Array.from(part, (one) => one[2]),
    );
  }
  return steps.finish();
}

/** On the grid; `null` is a gap. */
const seriesOf = (values: readonly (number | null)[], change: Partial<GraphSeries> = {}): GraphSeries => ({
  definition: 'A',
  metric: { namespace: 'a', name: 'b', unit: 'm', type: 'gauge' },
  labels: {},
  unit: 'm',
  time: gridTimes({ ...grid, length: values.length }),
  value: Float64Array.from(values, (value) => value ?? Number.NaN),
  quality: Uint16Array.from(values, (value) => (value === null ? QUALITY.badNoData : QUALITY.good)),
  envelope: null,
  ...change,
});
const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const column = fc.array(fc.oneof({ weight: 4, arbitrary: value }, fc.constant(null)), {
  minLength: grid.length,
  maxLength: grid.length,
});

describe('steps', () => {
  it('do not depend on how samples are divided into blocks', () => {
    fc.assert(
      fc.property(
        samples,
        fc.array(fc.nat(60), { maxLength: 6 }),
        fc.constantFrom(...aggregation.options),
        (all, cuts, name) => {
          expect(collect(all, name, cuts)).toEqual(collect(all, name));
        },
      ),
    );
  });
  it('hold the smallest and largest of a step around its mean, and have no value where they are bad', () => {
    fc.assert(
      fc.property(samples, (all) => {
        const { value: mean, quality: of, envelope } = collect(all, 'mean');
        for (let i = 0; i < grid.length; i++) {
          if (isBad(of[i]!)) expect(mean[i]).toBeNaN();
          if (Number.isNaN(mean[i]!)) continue;
          expect(envelope!.min[i]!).toBeLessThanOrEqual(mean[i]! + 1e-9);
          expect(envelope!.max[i]!).toBeGreaterThanOrEqual(mean[i]! - 1e-9);
        }
      }),
    );
  });
  it('count the same growth of a counter whatever their width, and never a negative one', () => {
    const total = ({ value: all }: { readonly value: Float64Array }): number =>
      all.reduce((sum, one) => sum + (Number.isNaN(one) ? 0 : one), 0);
    fc.assert(
      fc.property(samples, fc.constantFrom(10, 20, 60, 120), (all, step) => {
        const wide = { ...grid, step, length: 120 / step };
        const narrow = collect(all, 'increase');
        expect(total(collect(all, 'increase', [], wide))).toBeCloseTo(total(narrow), 6);
        expect([...narrow.value].every((one) => Number.isNaN(one) || one >= 0)).toBe(true);
      }),
    );
  });
  it('give a counter that grows evenly its rate, with restarts or without', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 2, max: 6 }), (slope, every) => {
        const all = Array.from(
          { length: 120 / every },
          (_, n): Sample => [grid.start + n * every, n * every * slope, 0],
        );
        const { value: rates } = collect(all, 'rate');
        for (const rate of rates) expect(rate / 1e6).toBeCloseTo(slope, 9);
      }),
    );
  });
});

describe('units', () => {
  it('come back, with the envelope the right way round', () => {
    fc.assert(
      fc.property(column, fc.constantFrom(2, -3, 0.01), fc.integer({ min: -300, max: 300 }), (values, gain, offset) => {
        const given = seriesOf(values);
        const series = {
          ...given,
          envelope: { min: given.value.map((one) => one - 1), max: given.value.map((one) => one + 1) },
        };
        const there = convertSeries(series, { gain, offset }, 'x');
        const back = convertSeries(there, { gain: 1 / gain, offset: -offset / gain }, 'm');
        for (let i = 0; i < grid.length; i++) {
          if (Number.isNaN(series.value[i]!)) continue;
          expect(back.value[i]).toBeCloseTo(series.value[i]!, 6);
          expect(there.envelope!.min[i]!).toBeLessThanOrEqual(there.envelope!.max[i]!);
        }
      }),
    );
  });
});

describe('filling', () => {
  const fills = fc.constantFrom(
    { kind: 'previous', maxAge: null } as const,
    { kind: 'previous', maxAge: 20 } as const,
    { kind: 'linear', maxAge: null } as const,
    { kind: 'linear', maxAge: 30 } as const,
    { kind: 'constant', value: 7 } as const,
  );
  it('changes gaps alone, marks what it puts there, and is done at once', () => {
    fc.assert(
      fc.property(column, fills, fc.nat(grid.length - 1), (values, fill, badAt) => {
        const series = seriesOf(values);
        series.value[badAt] = Number.NaN;
        series.quality[badAt] = QUALITY.badTimeout;
        const before = series.value.slice();
        const filled = fillSeries(series, fill);
        expect(series.value, 'the given columns stay').toEqual(before);
        for (let i = 0; i < grid.length; i++) {
          if (series.quality[i] !== QUALITY.badNoData) {
            expect(filled.value[i]).toEqual(series.value[i]);
            expect(filled.quality[i]).toBe(series.quality[i]);
          } else if (!Number.isNaN(filled.value[i]!)) {
            expect(filled.quality[i]! & 0xc000).toBe(0x4000);
          }
        }
        if (fill.kind !== 'previous') expect(fillSeries(filled, fill)).toEqual(filled);
        if (fill.kind === 'constant') expect(filled.quality).not.toContain(QUALITY.badNoData);
      }),
    );
  });
});

describe('groups', () => {
  const members = fc
    .array(fc.tuple(column, fc.constantFrom('1', '2', '3'), fc.constantFrom('a', 'b')), { minLength: 1, maxLength: 8 })
    .map((all) => all.map(([values, stand, side]) => seriesOf(values, { labels: { stand, side } })));
  it('of no labels are one, of all labels one each, and in two goes the same as in one', () => {
    fc.assert(
      fc.property(members, (all) => {
        const [one, ...none] = groupSeries(all, { labels: [], aggregate: 'sum' });
        expect(none).toEqual([]);
        const twice = groupSeries(groupSeries(all, { labels: ['stand'], aggregate: 'sum' }), {
          labels: [],
          aggregate: 'sum',
        });
        for (let i = 0; i < grid.length; i++) {
          if (Number.isNaN(one!.value[i]!)) expect(twice[0]!.value[i]).toBeNaN();
          else expect(twice[0]!.value[i]).toBeCloseTo(one!.value[i]!, 3);
        }
        const sets = new Set(all.map(({ labels }) => `${labels.stand} ${labels.side}`));
        expect(groupSeries(all, { labels: ['stand', 'side'], aggregate: 'max' })).toHaveLength(sets.size);
      }),
    );
  });
  it('lie between their members, count those with a value, and are uncertain where one has none', () => {
    fc.assert(
      fc.property(members, (all) => {
        const by = (aggregate: 'min' | 'max' | 'mean' | 'count'): GraphSeries =>
          groupSeries(all, { labels: [], aggregate })[0]!;
        const [min, max, mean, count] = [by('min'), by('max'), by('mean'), by('count')];
        for (let i = 0; i < grid.length; i++) {
          const known = all.filter((series) => !Number.isNaN(series.value[i]!)).length;
          expect(count.value[i]).toBe(known);
          expect(mean.quality[i]).toBe(
            known === 0 ? QUALITY.badNoData : known < all.length ? QUALITY.uncertain : QUALITY.good,
          );
          if (known === 0) continue;
          expect(min.value[i]!).toBeLessThanOrEqual(mean.value[i]! + 1e-6);
          expect(max.value[i]!).toBeGreaterThanOrEqual(mean.value[i]! - 1e-6);
        }
      }),
    );
  });
});

describe('stacks', () => {
  const positive = fc.array(
    fc.oneof({ weight: 4, arbitrary: fc.double({ min: 1, max: 1e6, noNaN: true }) }, fc.constant(null)),
    {
      minLength: grid.length,
      maxLength: grid.length,
    },
  );
  it('end at the sum, or at a hundred per cent, and never fall', () => {
    fc.assert(
      fc.property(fc.array(positive, { minLength: 1, maxLength: 6 }), (columns) => {
        const all = columns.map((values) => seriesOf(values));
        const values = stackSeries(all, 'values');
        const shares = stackSeries(all, 'share');
        expect(shares.every(({ unit }) => unit === '%')).toBe(true);
        for (let i = 0; i < grid.length; i++) {
          const known = all.map((series) => series.value[i]!).filter((one) => !Number.isNaN(one));
          const piles = values.map((series) => series.value[i]!).filter((one) => !Number.isNaN(one));
          expect(piles).toHaveLength(known.length);
          expect(piles).toEqual(piles.toSorted((a, b) => a - b));
          if (known.length === 0) continue;
          expect(piles.at(-1)).toBeCloseTo(
            known.reduce((a, b) => a + b, 0),
            3,
          );
          expect(shares.map((series) => series.value[i]!).findLast((one) => !Number.isNaN(one))).toBeCloseTo(100, 9);
        }
      }),
    );
  });
});

describe('resampling', () => {
  it('onto its own grid changes nothing', () => {
    fc.assert(
      fc.property(column, fc.constantFrom('hold' as const, 'linear' as const), (values, method) => {
        const series = seriesOf(values);
        expect(resampleSeries(series, grid, method)).toEqual(series);
      }),
    );
  });
  it('holds values that were there, and draws lines between neighbours only', () => {
    fc.assert(
      fc.property(
        column,
        fc.integer({ min: -70, max: 100 }),
        fc.integer({ min: 1, max: 25 }),
        (values, start, step) => {
          const series = seriesOf(values);
          const on = { start, step, length: 12 };
          const held = resampleSeries(series, on, 'hold', 15);
          const lines = resampleSeries(series, on, 'linear');
          for (let i = 0; i < on.length; i++) {
            const at = start + i * step;
            const before = Math.floor((at - grid.start) / grid.step);
            const own = before < 0 ? null : (values[Math.min(before, values.length - 1)] ?? null);
            const tooOld = at - (grid.start + Math.min(before, grid.length - 1) * grid.step) > 15;
            expect(held.value[i]).toBe(own === null || tooOld ? Number.NaN : own);
            if (Number.isNaN(lines.value[i]!)) continue;
            const ends = [values[before]!, values[Math.min(before + 1, values.length - 1)] ?? values[before]!];
            expect(lines.value[i]!).toBeGreaterThanOrEqual(Math.min(...ends) - 1e-6);
            expect(lines.value[i]!).toBeLessThanOrEqual(Math.max(...ends) + 1e-6);
          }
        },
      ),
    );
  });
});
