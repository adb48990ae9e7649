import { z } from 'zod';
import { timeRange, unixMicros } from './time.ts';

/** Limits of one question; above them it is refused, and the caller asks in parts. */
export const MOST_QUERY_TAGS = 1_000;
export const MOST_BUCKETS = 1_000_000;
/** Buckets times columns over all tags: 32 MB of numbers. */
export const MOST_CELLS = 4_000_000;
/** Samples that exact statistics are worked out from at one request: some ten seconds of one core. */
export const MOST_STATISTICS_SAMPLES = 100_000_000;
/** Conditions of one search, all groups together. */
export const MOST_CONDITIONS = 100;

const PLAIN_FUNCTIONS = [
  'count',
  'bad',
  'quality',
  'min',
  'max',
  'sum',
  'mean',
  'first',
  'last',
  'minTime',
  'maxTime',
  'firstTime',
  'lastTime',
  'deviation',
  'populationDeviation',
  'heldMin',
  'heldMax',
  'heldMean',
  'heldDeviation',
  'linearMean',
  'duty',
  'known',
  'at',
  'linearAt',
] as const;

/**
 * What a bucket's samples come to. A sample is usable when its quality is not bad and its value is a number.
 *
 * - `count`: usable samples; `bad`: the others; `quality`: the worst of all, as its number.
 * - `min`, `max`, `sum`, `mean`, `deviation` (of a sample, n - 1; needs two), `populationDeviation` (n), `p95`, `p99.9`
 *   (percentile, linear between the two nearest ranks): of the usable samples, each counting once.
 * - `first`, `last`: values of the first and the last sample, NaN where that one is not usable. `firstTime`, `lastTime`
 *   of these two, `minTime`, `maxTime`: the earliest time of the extreme.
 * - `heldMin`, `heldMax`, `heldMean`, `heldDeviation`: each value weighs as long as it holds: from its time to the next
 *   sample, to the begin of a noted gap, or for `maxHold`. The sample before the bucket reaches in.
 * - `linearMean`: the same, with a straight line from each usable sample to the next; where no line is known the value holds.
 * - `duty`: share of the known time in which the held value is not zero; `known`: that time, in microseconds.
 * - `at`, `linearAt`: the value at the bucket's beginning, held or on the line.
 */
export const aggregateFunction = z.union([
  z.enum(PLAIN_FUNCTIONS),
  z.templateLiteral(['p', z.number().min(0).max(100)]),
]);
export type AggregateFunction = z.infer<typeof aggregateFunction>;

const micros = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

/**
 * `step`: buckets [origin + n * step, origin + (n + 1) * step) that touch the range; the outer ones count only what lies in
 * it. `buckets`: at most so many, of the least width that rollups are kept for (15,625 us times a power of two; below
 * that, whole microseconds), aligned to 1970: the cheapest grid.
 */
export const queryGrid = z.union([
  z.object({ step: micros, origin: unixMicros.default(0) }),
  z.object({ buckets: z.number().int().min(1).max(MOST_BUCKETS) }),
]);
export type QueryGrid = z.infer<typeof queryGrid>;

/**
 * What stands in a bucket without a value. `previous`: the last value before it, no older than `maxAge` (counted between
 * beginnings of buckets, or from the last sample before the range); `linear`: on the line between its neighbours, no
 * further apart than `maxAge`. Counts, times and qualities are never filled.
 */
export const queryFill = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('none') }),
  z.object({ kind: z.literal('previous'), maxAge: micros.nullable() }),
  z.object({ kind: z.literal('linear'), maxAge: micros.nullable() }),
  z.object({ kind: z.literal('constant'), value: z.number() }),
]);
export type QueryFill = z.infer<typeof queryFill>;

export const aggregateQuery = z.object({
  tags: z
    .array(z.object({ tag: z.string().max(200), functions: z.array(aggregateFunction).min(1).max(40) }))
    .max(MOST_QUERY_TAGS),
  range: timeRange,
  grid: queryGrid,
  fill: queryFill.default({ kind: 'none' }),
  /** Longest time that a value holds without a newer sample, or that a line bridges; null: until the next sample. */
  maxHold: micros.nullable().default(null),
});
export type AggregateQuery = z.infer<typeof aggregateQuery>;

const tag = z.string().max(200);
const hysteresis = z.number().min(0).default(0);

/**
 * A condition on one tag's scaled values. Values hold until the next sample or the begin of a noted gap; a bad sample
 * ends what holds. With `hysteresis` a condition that holds goes on until the value has left by so much.
 *
 * - `rises`, `falls`, `changes` hold for one microsecond at the sample that does so, against a usable sample before it.
 * - `bad`: from a sample that is not usable to the next one that is.
 * - `silent`: between two samples further apart than `longerThan`, and where there is no sample beyond.
 */
export const searchCondition = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('compare'),
    tag,
    op: z.enum(['<', '<=', '>', '>=', '==', '!=']),
    value: z.number(),
    hysteresis,
  }),
  z.object({ kind: z.enum(['between', 'outside']), tag, low: z.number(), high: z.number(), hysteresis }),
  z.object({ kind: z.enum(['rises', 'falls']), tag, level: z.number(), hysteresis }),
  z.object({ kind: z.enum(['changes', 'bad']), tag }),
  z.object({ kind: z.literal('silent'), tag, longerThan: micros }),
]);
export type SearchCondition = z.infer<typeof searchCondition>;

export const searchQuery = z.object({
  range: timeRange,
  /** Any of the groups, in which all conditions hold. */
  where: z.array(z.array(searchCondition).min(1)).min(1),
  /** Shorter intervals are left out; an interval is measured inside the range. */
  minDuration: z.number().int().min(0).default(0),
  /** Latest first. */
  backward: z.boolean().default(false),
});
export type SearchQuery = z.infer<typeof searchQuery>;

/** The statistics of one tag over an interval; values are NaN where nothing is known. */
export const STATISTICS = [
  'count',
  'bad',
  'min',
  'max',
  'sum',
  'mean',
  'deviation',
  'first',
  'last',
  'heldMin',
  'heldMax',
  'heldMean',
  'heldDeviation',
  'known',
] as const satisfies readonly AggregateFunction[];
export type IntervalStatistics = { readonly tag: string } & {
  readonly [S in (typeof STATISTICS)[number]]: number;
};
