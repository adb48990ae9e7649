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

/** Stepwise: a value weighs from its time to the next sample. */
export function createHold(grid: Grid, range: HoldRange, wanted: Wanted): Holding {
  return createHolding(grid, range, {
    lines: false,
    reach(bucket, { weight, sum, nonZero, min, max, spread }) {
      if (wanted.known !== undefined) wanted.known[bucket] = weight;
      if (wanted.heldMean !== undefined) wanted.heldMean[bucket] = sum / weight;
      if (wanted.heldMin !== undefined) wanted.heldMin[bucket] = min;
      if (wanted.heldMax !== undefined) wanted.heldMax[bucket] = max;
      if (wanted.duty !== undefined) wanted.duty[bucket] = nonZero / weight;
      if (wanted.heldDeviation !== undefined) wanted.heldDeviation[bucket] = Math.sqrt(Math.max(0, spread / weight));
    },
    at: wanted.at,
    spread: wanted.heldDeviation !== undefined,
  });
}

/** A straight line between usable samples; where there is none, the value holds. */
export function createLine(grid: Grid, range: HoldRange, wanted: Wanted): Holding {
  return createHolding(grid, range, {
    lines: true,
    reach(bucket, { weight, sum }) {
      if (wanted.linearMean !== undefined) wanted.linearMean[bucket] = sum / weight;
    },
    at: wanted.linearAt,
    spread: false,
  });
}

interface HoldKind {
  readonly lines: boolean;
  /** A bucket in which something is known is complete. */
  reach(bucket: number, sums: Sums): void;
  /** Gets the value at the beginning of each bucket. */
  readonly at: Float64Array | undefined;
  readonly spread: boolean;
}

/** What the bucket in hand comes to so far; `mean` and `spread` by weight, as Welford does by number. */
interface Sums {
  weight: number;
  sum: number;
  nonZero: number;
  min: number;
  max: number;
  mean: number;
  spread: number;
}

function createHolding(grid: Grid, range: HoldRange, kind: HoldKind): Holding {
  const { start, step } = grid;
  const { gaps, maxHold } = range;
  const sums: Sums = { weight: 0.5, sum: 0.5, nonZero: 0.5, min: 0.5, max: 0.5, mean: 0.5, spread: 0.5 };
  let bucket = -1;
  let bucketStart = Number.NEGATIVE_INFINITY;
  let bucketEnd = Number.NEGATIVE_INFINITY;
  let nextGap = 0;
  // The sample in hand, and where its hold ends if no other comes.
  let value = Number.NaN;
  let since = Number.NEGATIVE_INFINITY;
  let until = Number.NEGATIVE_INFINITY;

  const leave = (): void => {
    if (bucket >= 0 && sums.weight > 0) kind.reach(bucket, sums);
  };
  const enter = (time: number): void => {
    leave();
    bucket = Math.floor((time - start) / step);
    bucketStart = start + bucket * step;
    bucketEnd = bucketStart + step;
    sums.weight = 0;
    sums.sum = 0;
    sums.nonZero = 0;
    sums.min = Number.POSITIVE_INFINITY;
    sums.max = Number.NEGATIVE_INFINITY;
    sums.mean = 0;
    sums.spread = 0;
  };
  /** One value from `from` to `to` in the bucket in hand. */
  const put = (held: number, from: number, to: number): void => {
    const length = to - from;
    const weight = sums.weight + length;
    sums.weight = weight;
    sums.sum += held * length;
    if (held !== 0) sums.nonZero += length;
    if (held < sums.min) sums.min = held;
    if (held > sums.max) sums.max = held;
    if (!kind.spread) return;
    const distance = held - sums.mean;
    const mean = weight === length ? held : sums.mean + (distance * length) / weight;
    sums.mean = mean;
    sums.spread += length * distance * (held - mean);
  };
  /** The sample in hand up to `time`, where the value is `next` if a line leads there; over any number of buckets. */
  const weigh = (time: number, next: number): void => {
    const straight = kind.lines && time <= until && !Number.isNaN(next);
    const slope = straight ? (next - value) / (time - since) : 0;
    let from = Math.max(since, range.from);
    const end = Math.min(time, until, range.to);
    while (from < end) {
      if (from >= bucketEnd) enter(from);
      const to = Math.min(end, bucketEnd);
      if (from === bucketStart && kind.at !== undefined) {
        kind.at[bucket] = slope === 0 ? value : value + slope * (from - since);
      }
      put(slope === 0 ? value : value + slope * ((from - since) / 2 + (to - since) / 2), from, to);
      from = to;
    }
  };
  const gapAfter = (time: number): number => {
    while (nextGap < gaps.length && gaps[nextGap]! < time) nextGap++;
    return nextGap < gaps.length ? gaps[nextGap]! : Number.POSITIVE_INFINITY;
  };
  return {
    add(times, values, qualities, from, to) {
      // Numbers that change with each sample are kept in locals: a closure's would be allocated anew each time.
      let heldValue = value;
      let heldSince = since;
      let heldUntil = until;
      let gap = gapAfter(heldSince);
      const { lines } = kind;
      const floor = range.from;
      for (let i = from; i < to; i++) {
        const time = times[i]!;
        const next = isBad(qualities[i]!) ? Number.NaN : values[i]!;
        if (heldUntil > heldSince) {
          // Mostly the hold lies in the bucket in hand, and is neither its beginning nor cut.
          if (heldSince > bucketStart && heldSince >= floor && time <= bucketEnd && time <= heldUntil) {
            put(lines && !Number.isNaN(next) ? (heldValue + next) / 2 : heldValue, heldSince, time);
          } else {
            value = heldValue;
            since = heldSince;
            until = heldUntil;
            weigh(time, next);
          }
        }
        if (gap < time) gap = gapAfter(time);
        heldValue = next;
        heldSince = time;
        heldUntil = Number.isNaN(next) ? time : Math.min(gap, time + maxHold);
      }
      value = heldValue;
      since = heldSince;
      until = heldUntil;
    },
    finish(after) {
      if (until > since) weigh(after?.time ?? range.to, after?.value ?? Number.NaN);
      leave();
    },
  };
}
