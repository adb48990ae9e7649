import type { TimeRange } from '#shared/model/index.ts';
import { lowerBound, type TraceSegment } from './trace-data.ts';

export interface TraceStatistics {
  readonly min: number;
  readonly max: number;
  /** Each value weighs as long as it holds. */
  readonly mean: number;
  /** Time-weighted standard deviation about that mean. */
  readonly deviation: number;
  /** Good samples in the range. */
  readonly count: number;
  /** Microseconds of the range in which a good value is known. */
  readonly known: number;
  /** Points stood for several samples: `min` and `max` are exact, `mean` and `deviation` are near, `count` counts points. */
  readonly merged: boolean;
}

/**
 * Over `[range.from, range.to)`. A value holds from its time until the next sample, so the sample before the range weighs
 * as far as it reaches in, but does not count. Bad samples, values that are no number and gaps weigh nothing. Null
 * where nothing is known.
 */
export function traceStatistics(segments: readonly TraceSegment[], range: TimeRange): TraceStatistics | null {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let count = 0;
  let weight = 0;
  let mean = 0;
  let squares = 0;
  let merged = false;
  let heldValue = Number.NaN;
  let heldSince = Number.NaN;
  let heldLow = Number.NaN;
  let heldHigh = Number.NaN;

  const weigh = (until: number): void => {
    if (Number.isNaN(heldValue)) return;
    const length = Math.min(until, range.to) - Math.max(heldSince, range.from);
    if (!(length > 0)) return;
    if (heldLow < min) min = heldLow;
    if (heldHigh > max) max = heldHigh;
    weight += length;
    const delta = heldValue - mean;
    mean += (delta * length) / weight;
    squares += length * delta * (heldValue - mean);
  };

  let first = true;
  let readTo = Number.NEGATIVE_INFINITY;
  for (const segment of segments) {
    if (segment.to <= range.from || segment.from >= range.to) continue;
    const { time, value, quality, min: lows, max: highs, gaps } = segment.columns;
    const begin = Math.max(segment.from, range.from);
    if (!first && segment.from > readTo) {
      // What holds in a stretch that was not read is not known.
      weigh(readTo);
      heldValue = Number.NaN;
    }
    readTo = segment.to;
    let start = lowerBound(time, begin);
    const end = lowerBound(time, Math.min(segment.to, range.to));
    if (first && start > 0) start--;
    first = false;
    let g = 0;
    for (let i = start; i < end; i++) {
      const at = time[i]!;
      while (g < gaps.length && gaps[g]!.range.from < at) {
        const gap = gaps[g]!.range;
        if (gap.to > heldSince) {
          weigh(gap.from);
          heldValue = Number.NaN;
        }
        g++;
      }
      weigh(at);
      const v = value[i]!;
      if (quality[i]! >= 0x8000 || Number.isNaN(v)) {
        heldValue = Number.NaN;
        continue;
      }
      heldValue = v;
      heldSince = at;
      const inside = at >= range.from;
      if (inside) count++;
      // A merged point from before the range has its extremes who knows where; only its value is known to reach in.
      heldLow = lows === null || !inside ? v : lows[i]!;
      heldHigh = highs === null || !inside ? v : highs[i]!;
      if (inside) {
        if (heldLow < min) min = heldLow;
        if (heldHigh > max) max = heldHigh;
      }
      if (lows !== null) merged = true;
    }
    // A gap behind the last sample ends what it holds.
    for (; g < gaps.length; g++) {
      const gap = gaps[g]!.range;
      if (gap.to <= heldSince || gap.from >= Math.min(segment.to, range.to)) continue;
      weigh(gap.from);
      heldValue = Number.NaN;
    }
  }
  if (!Number.isNaN(heldValue)) {
    const last = segments.findLast((segment) => segment.from < range.to);
    weigh(Math.min(range.to, last?.to ?? range.to));
  }
  if (!(max >= min)) return null;
  if (weight === 0) mean = (min + max) / 2;
  return {
    min,
    max,
    mean,
    deviation: weight > 0 ? Math.sqrt(Math.max(0, squares / weight)) : 0,
    count,
    known: weight,
    merged,
  };
}
