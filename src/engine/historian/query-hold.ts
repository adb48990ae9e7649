import { type AggregateFunction, isBad } from '#shared/model/index.ts';

/** Evenly spaced buckets: bucket `n` begins at `start + n * step`. */
export interface Grid {
  readonly start: number;
  readonly step: number;
  readonly length: number;
}

/** A column per function that is wanted; the others are left out. */
export type Wanted = Partial<Record<AggregateFunction, Float64Array<ArrayBuffer>>>;

/** What a value's hold over time comes to in each bucket. Samples come in time order, with the one before the range. */
export interface Holding {
  add(time: Float64Array, value: Float64Array, quality: Uint16Array, start: number, end: number): void;
  /** `after`: the first sample behind the range, which a line reaches toward. */
  finish(after: { readonly time: number; readonly value: number } | null): void;
}

export interface HoldRange {
  readonly from: number;
  readonly to: number;
  /** Begins of gaps, ascending. */
  readonly gaps: Float64Array;
  readonly maxHold: number;
}

/** Where the hold of a sample ends if no other sample comes; asked with ascending times. */
function holdEnds({ gaps, maxHold }: HoldRange): (time: number) => number {
  let next = 0;
  return (time) => {
    while (next < gaps.length && gaps[next]! < time) next++;
    const gap = next < gaps.length ? gaps[next]! : Number.POSITIVE_INFINITY;
    return Math.min(gap, time + maxHold);
  };
}

/** Stepwise: a value weighs from its time to the next sample. */
export function createHold(grid: Grid, range: HoldRange, wanted: Wanted): Holding {
  const { start, step } = grid;
  const endOf = holdEnds(range);
  const squares = wanted.heldDeviation !== undefined;
  let bucket = -1;
  let bucketStart = Number.NEGATIVE_INFINITY;
  let bucketEnd = Number.NEGATIVE_INFINITY;
  let weight = 0;
  let sum = 0;
  let nonZero = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let mean = 0;
  let spread = 0;
  let value = Number.NaN;
  let since = Number.NEGATIVE_INFINITY;
  let until = Number.NEGATIVE_INFINITY;

  const leave = (): void => {
    if (bucket < 0) return;
    if (wanted.known !== undefined) wanted.known[bucket] = weight;
    if (weight === 0) return;
    if (wanted.heldMean !== undefined) wanted.heldMean[bucket] = sum / weight;
    if (wanted.heldMin !== undefined) wanted.heldMin[bucket] = min;
    if (wanted.heldMax !== undefined) wanted.heldMax[bucket] = max;
    if (wanted.duty !== undefined) wanted.duty[bucket] = nonZero / weight;
    if (wanted.heldDeviation !== undefined) wanted.heldDeviation[bucket] = Math.sqrt(Math.max(0, spread / weight));
  };
  const enter = (time: number): void => {
    leave();
    bucket = Math.floor((time - start) / step);
    bucketStart = start + bucket * step;
    bucketEnd = bucketStart + step;
    weight = 0;
    sum = 0;
    nonZero = 0;
    min = Number.POSITIVE_INFINITY;
    max = Number.NEGATIVE_INFINITY;
    mean = 0;
    spread = 0;
  };
  /** The held value up to `time`. */
  const weigh = (time: number): void => {
    let from = since > range.from ? since : range.from;
    const end = time < until ? time : until;
    while (from < end) {
      if (from >= bucketEnd) enter(from);
      const to = end < bucketEnd ? end : bucketEnd;
      if (from === bucketStart && wanted.at !== undefined) wanted.at[bucket] = value;
      const length = to - from;
      weight += length;
      sum += value * length;
      if (value !== 0) nonZero += length;
      if (value < min) min = value;
      if (value > max) max = value;
      if (squares) {
        const distance = value - mean;
        mean = weight === length ? value : mean + (distance * length) / weight;
        spread += length * distance * (value - mean);
      }
      from = to;
    }
  };
  return {
    add(times, values, qualities, from, to) {
      for (let i = from; i < to; i++) {
        const time = times[i]!;
        if (until > since) weigh(time);
        since = time;
        value = values[i]!;
        until = isBad(qualities[i]!) || Number.isNaN(value) ? since : endOf(time);
      }
    },
    finish() {
      if (until > since) weigh(range.to);
      leave();
    },
  };
}

/** A straight line between usable samples; where there is none, the value holds. */
export function createLine(grid: Grid, range: HoldRange, wanted: Wanted): Holding {
  const { start, step } = grid;
  const endOf = holdEnds(range);
  let bucket = -1;
  let bucketStart = Number.NEGATIVE_INFINITY;
  let bucketEnd = Number.NEGATIVE_INFINITY;
  let weight = 0;
  let sum = 0;
  let value = Number.NaN;
  let since = Number.NEGATIVE_INFINITY;
  let until = Number.NEGATIVE_INFINITY;

  const leave = (): void => {
    if (weight > 0 && wanted.linearMean !== undefined) wanted.linearMean[bucket] = sum / weight;
  };
  /** From the last sample to `time`, where the value is `next` if a line leads there, NaN if not. */
  const weigh = (time: number, next: number): void => {
    const whole = time <= until && !Number.isNaN(next);
    const slope = whole ? (next - value) / (time - since) : 0;
    let from = since > range.from ? since : range.from;
    const end = Math.min(time, until, range.to);
    while (from < end) {
      if (from >= bucketEnd) {
        leave();
        bucket = Math.floor((from - start) / step);
        bucketStart = start + bucket * step;
        bucketEnd = bucketStart + step;
        weight = 0;
        sum = 0;
      }
      const to = end < bucketEnd ? end : bucketEnd;
      const atFrom = slope === 0 ? value : value + slope * (from - since);
      if (from === bucketStart && wanted.linearAt !== undefined) wanted.linearAt[bucket] = atFrom;
      const middle = slope === 0 ? value : value + slope * ((from - since) / 2 + (to - since) / 2);
      weight += to - from;
      sum += middle * (to - from);
      from = to;
    }
  };
  const add = (time: number, next: number): void => {
    if (until > since) weigh(time, next);
    since = time;
    value = next;
    until = Number.isNaN(next) ? since : endOf(time);
  };
  return {
    add(times, values, qualities, from, to) {
      for (let i = from; i < to; i++) add(times[i]!, isBad(qualities[i]!) ? Number.NaN : values[i]!);
    },
    finish(after) {
      if (after !== null) add(after.time, after.value);
      else if (until > since) weigh(range.to, Number.NaN);
      leave();
    },
  };
}
