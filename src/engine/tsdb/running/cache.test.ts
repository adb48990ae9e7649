import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlannedSeries, QueryPlan } from '#engine/tsdb/tsdb.ts';
import { gridOf, gridTimes, type TimeSeriesResult } from '#shared/model/graph/index.ts';
import { QUALITY, type TimeRange } from '#shared/model/index.ts';
import { createFakeClock, FAKE_START } from '#test/support/fake-clock.ts';
import { panZoomTrace } from '#test/support/pan-zoom-trace.ts';
import { createQueryCache, type QueryCacheOptions } from './cache.ts';

const never = new AbortController().signal;
const SECOND = 1_000_000;
const HOUR = 3_600 * SECOND;
/** A day before "now": nothing of it changes any more. */
const DAY = FAKE_START - 24 * HOUR;

const seriesOf = (tag: string, change: Partial<PlannedSeries> = {}): PlannedSeries => ({
  definition: tag,
  metric: { namespace: 'plant', name: 'x', unit: null, type: 'gauge' },
  override: null,
  match: { tag },
  aggregate: 'mean',
  groupBy: null,
  limit: 10,
  extension: {},
  ...change,
});

/** As a viewer asks: so many points at most, steps counted from 1970. */
const planOf = (range: TimeRange, points = 1_000, series: readonly PlannedSeries[] = [seriesOf('a')]): QueryPlan => {
  const { grid } = gridOf(range, { stepMs: null, maxPoints: points, align: 'epoch', envelope: true }, 1);
  return { range, grid, envelope: true, series };
};

/** The truth: a step's value is the middle of what of it lies in the range; hours divisible by seven are empty. */
const answer = ({ range, grid, series }: QueryPlan, offset = 0): TimeSeriesResult => {
  const time = gridTimes(grid!);
  return {
    range,
    grid,
    warnings: [],
    series: series.flatMap(({ definition, metric, match, aggregate }) => {
      const value = new Float64Array(time.length).fill(aggregate === 'count' ? 0 : Number.NaN);
      const quality = new Uint16Array(time.length).fill(aggregate === 'count' ? QUALITY.good : QUALITY.badNoData);
      let samples = 0;
      for (const [i, start] of time.entries()) {
        const from = Math.max(start, range.from);
        const to = Math.min(start + grid!.step, range.to);
        if (from >= to || Math.floor(start / HOUR) % 7 === 0) continue;
        samples++;
        value[i] = (from + to) / 2 + offset + String(match.tag).length;
        if (aggregate !== 'count') quality[i] = QUALITY.good;
      }
      const envelope =
        aggregate === 'count' ? null : { min: value.map((one) => one - 1), max: value.map((one) => one + 1) };
      return samples === 0
        ? []
        : [{ definition, metric, labels: { tag: String(match.tag) }, unit: null, time, value, quality, envelope }];
    }),
  };
};

const setUp = (change: Partial<QueryCacheOptions> = {}) => {
  const clock = createFakeClock();
  const asked: QueryPlan[] = [];
  const server = { offset: 0 };
  const cache = createQueryCache({
    bytes: 16 * 1024 * 1024,
    ttlMs: 300_000,
    clock,
    shortest: 32,
    ask: async (plan) => {
      asked.push(plan);
      return answer(plan, server.offset);
    },
    ...change,
  });
  const query = (plan: QueryPlan) =>
    cache.query({ plan, capabilities: {} as never, inner: { explain: () => '' }, explain: () => '' }, never);
  return { cache, clock, asked, server, query };
};

describe('query cache', () => {
  it('answers any pan and zoom as the source itself does', async () => {
    const range = fc
      .record({ from: fc.integer({ min: 0, max: 20 * 3_600 }), span: fc.integer({ min: 1, max: 14 * 3_600 }) })
      .map(({ from, span }) => ({ from: DAY + from * SECOND + 137_003, to: DAY + (from + span) * SECOND + 991 }));
    const tags = fc.uniqueArray(fc.constantFrom('a', 'bb', 'ccc'), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ range, tags, points: fc.integer({ min: 1, max: 700 }) }), { minLength: 1, maxLength: 12 }),
        async (moves) => {
          const { query } = setUp();
          for (const { range: at, tags: names, points } of moves) {
            const plan = planOf(
              at,
              points,
              names.flatMap((tag) => [seriesOf(tag), seriesOf(tag, { definition: `n${tag}`, aggregate: 'count' })]),
            );
            expect(await query(plan)).toEqual(answer(plan));
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('answers the picture that comes back without asking, but for the steps that the range cuts', async () => {
    const { query, asked, cache } = setUp();
    const plan = planOf({ from: DAY + 17, to: DAY + 6 * HOUR + 17 });
    await query(plan);
    const before = asked.length;
    await query(plan);
    expect(asked.slice(before).map(({ grid }) => grid!.length)).toEqual([1, 1]);
    expect(cache.status().ratio).toBeGreaterThan(0.49);
    const whole = planOf({ from: DAY, to: DAY + 6 * HOUR });
    await query(whole);
    const again = asked.length;
    await query(whole);
    expect(asked.length).toBe(again);
  });

  it('keeps nothing of what may still change, and nothing that is older than it may be', async () => {
    const { query, asked, clock, server } = setUp();
    const live = planOf({ from: FAKE_START - HOUR, to: FAKE_START });
    await query(live);
    server.offset = 1_000;
    const answered = await query(live);
    const last = answered.series[0]!.value.length - 1;
    expect(answered.series[0]!.value[last]).toBe(answer(live, 1_000).series[0]!.value[last]);
    expect(asked.at(-1)!.range.to).toBe(FAKE_START);
    const old = planOf({ from: DAY, to: DAY + HOUR });
    await query(old);
    await clock.advance(299_000);
    const kept = asked.length;
    await query(old);
    expect(asked.length).toBe(kept);
    await clock.advance(2_000);
    await query(old);
    expect(asked.length).toBeGreaterThan(kept);
  });

  it('forgets what an own write touches, late ones included, and nothing else', async () => {
    const { query, asked, cache } = setUp();
    const early = planOf({ from: DAY, to: DAY + 2 * HOUR });
    const late = planOf({ from: DAY + 12 * HOUR, to: DAY + 14 * HOUR });
    await query(early);
    await query(late);
    const kept = asked.length;
    cache.written([{ time: Float64Array.of(FAKE_START) }]);
    await query(early);
    await query(late);
    expect(asked.length).toBe(kept);
    cache.written([{ time: Float64Array.of(DAY + HOUR) }]);
    await query(late);
    expect(asked.length).toBe(kept);
    await query(early);
    expect(asked.length).toBe(kept + 1);
    expect(asked.at(-1)!.grid!.length).toBe(128);
  });

  it('does not keep an answer that was on its way while samples were written', async () => {
    let release = (): void => undefined;
    const clock = createFakeClock();
    let asked = 0;
    const cache = createQueryCache({
      bytes: 1e6,
      ttlMs: 300_000,
      clock,
      shortest: 32,
      ask: async (plan) => {
        if (asked++ === 0) {
          await new Promise<void>((resolve) => {
            release = resolve;
          });
        }
        return answer(plan);
      },
    });
    const plan = planOf({ from: DAY, to: DAY + 2 * HOUR });
    const planned = { plan, capabilities: {} as never, inner: { explain: () => '' }, explain: () => '' };
    const first = cache.query(planned, never);
    cache.written([{ time: Float64Array.of(DAY + HOUR) }]);
    release();
    await first;
    await cache.query(planned, never);
    expect(asked).toBe(2);
  });

  it('stays within its bytes, and keeps nothing when it is off', async () => {
    const { query, cache } = setUp({ bytes: 50_000 });
    for (let hour = 0; hour < 20; hour++) await query(planOf({ from: DAY + hour * HOUR, to: DAY + (hour + 1) * HOUR }));
    expect(cache.status().bytes).toBeLessThanOrEqual(50_000);
    expect(cache.status().bytes).toBeGreaterThan(20_000);
    const off = setUp({ bytes: 0 });
    const plan = planOf({ from: DAY, to: DAY + HOUR });
    await off.query(plan);
    await off.query(plan);
    expect(off.asked.length).toBe(2);
    expect(off.cache.status()).toMatchObject({ bytes: 0, limit: 0, ratio: null });
  });

  it('sees that a tag has nothing in a picture, beside which it has something, without asking anew', async () => {
    const { query, asked } = setUp();
    const series = [seriesOf('a'), seriesOf('a', { definition: 'n', aggregate: 'count' })];
    // The first hour of seven is empty; tiles of ten-second steps reach into the next one.
    const begin = Math.ceil(DAY / (7 * HOUR)) * 7 * HOUR;
    const plan = { ...planOf({ from: begin, to: begin + HOUR }, 1_000, series) };
    expect(await query(plan)).toEqual(answer(plan));
    const before = asked.length;
    expect(await query(plan)).toMatchObject({ series: [] });
    expect(asked.length).toBe(before);
  });

  it('tells questions apart that differ in more than their time', async () => {
    const { query, asked } = setUp();
    const range = { from: DAY, to: DAY + HOUR };
    for (const series of [
      seriesOf('a'),
      seriesOf('a', { aggregate: 'max' }),
      seriesOf('a', { match: { tag: 'b' } }),
      seriesOf('a', { override: { source: 'table' } }),
      seriesOf('a', { override: { source: 'other' } }),
      seriesOf('a', { extension: { rollup: false } }),
    ]) {
      await query(planOf(range, 1_000, [series]));
    }
    expect(asked.length).toBe(6);
  });

  it('leaves it to the source what to do when the tiles together hold more series than the limit', async () => {
    const { query } = setUp({
      // Another series in each tile.
      ask: async (plan) => {
        const result = answer(plan);
        return {
          ...result,
          series: result.series.flatMap((one) => {
            const tiles = [...one.time.keys()].filter((at) => at % 128 === 0);
            return tiles.map((at) => ({
              ...one,
              labels: { tag: `t${one.time[at]}` },
              value: one.value.map((value, i) => (i >= at && i < at + 128 ? value : Number.NaN)),
              quality: one.quality.map((quality, i) => (i >= at && i < at + 128 ? quality : QUALITY.badNoData)),
            }));
          }),
        };
      },
    });
    // The source of this test does not mind.
    const result = await query(planOf({ from: DAY, to: DAY + 6 * HOUR }, 700, [seriesOf('a', { limit: 2 })]));
    expect(result.series.length).toBeGreaterThan(2);
  });

  it('answers four of five points of somebody who pans and zooms through a month', async () => {
    for (const seed of [7, 11, 23]) {
      const { query, cache, asked } = setUp({ bytes: 64 * 1024 * 1024 });
      const series = ['a', 'b', 'c'].map((tag) => seriesOf(tag));
      let pictures = 0;
      for (const range of panZoomTrace({ from: FAKE_START - 31 * 24 * HOUR, to: FAKE_START - HOUR }, 400, seed)) {
        await query(planOf(range, 1_500, series));
        pictures++;
      }
      expect(pictures).toBe(400);
      expect(cache.status().ratio).toBeGreaterThan(0.8);
      // Points that were read beyond what was shown, edges and whole tiles, stay far below what they saved.
      const read = asked.reduce((sum, { grid, series: of }) => sum + grid!.length * of.length, 0);
      const { hits, misses } = cache.status();
      expect(read).toBeLessThan(0.3 * (hits + misses));
    }
  });
});
