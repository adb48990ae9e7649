import { FINEST_WIDTH, floorTo } from './rollup.ts';
import { eachSample, sampleBefore, type TagSource } from './samples.ts';
import type { Scaling } from './scaling.ts';
import type { ViewTag } from './view.ts';

/** One tag as a query reads it. */
export interface QueryTag {
  readonly id: string;
  readonly source: ViewTag;
  readonly scaling: Scaling;
  readonly text: boolean;
  /** Begins of the noted gaps in [from, to), ascending. */
  gapStarts(from: number, to: number): Float64Array;
}

/** Columns of scaled samples, valid during the call; `start` to `end` are meant. */
export type ScaledVisit = (
  time: Float64Array,
  value: Float64Array,
  quality: Uint16Array,
  start: number,
  end: number,
) => void;

/** `eachSample` with scaled values. */
export function eachScaled(tag: QueryTag, from: number, to: number, visit: ScaledVisit, check: () => void): void {
  let scaled = new Float64Array(0);
  eachSample(
    tag.source,
    from,
    to,
    (run, start, end) => {
      let { value } = run;
      if (!tag.scaling.identity) {
        if (scaled.length < end) scaled = new Float64Array(end * 2);
        tag.scaling.apply(run.value, start, end, scaled);
        value = scaled as Float64Array<ArrayBuffer>;
      }
      visit(run.time, value, run.quality, start, end);
    },
    check,
  );
}

/** End of the piece of [at, to) that holds about one chunk of samples, so that a long walk can pause between pieces. */
export function pieceEnd(tag: TagSource, at: number, to: number): number {
  const covering = tag.table.preceding(tag.number, at);
  const chunk = covering !== null && covering.last >= at ? covering : tag.table.following(tag.number, at);
  return chunk === null ? to : Math.min(to, chunk.last + 1);
}

/** Begin of the piece of [from, at) that holds about one chunk, for walks toward the past. */
export function pieceStart(tag: TagSource, from: number, at: number): number {
  const chunk = tag.table.preceding(tag.number, at - 1);
  return chunk === null ? from : Math.max(from, Math.min(chunk.first, at - 1));
}

/**
 * About the time between two samples near `at`, from one chunk; infinite where next to nothing is stored. What a query
 * costs depends on it, not what it answers.
 */
export function periodNear(tag: TagSource, at: number): number {
  const chunk = tag.table.preceding(tag.number, at) ?? tag.table.following(tag.number, at);
  return chunk === null || chunk.count < 2 ? Number.POSITIVE_INFINITY : (chunk.last - chunk.first) / (chunk.count - 1);
}

/** Samples that a bucket of the finest rollups holds at least; below, samples are read. */
const ROLLED_UP = 64;

/** The least width at which rollups are worth asking for, for samples of this period. */
export function finestWidth(period: number): number {
  const wanted = period * ROLLED_UP;
  let width = FINEST_WIDTH;
  while (width < wanted && width < Number.MAX_SAFE_INTEGER / 2) width *= 2;
  return width;
}

/** The widest doubling width of rollups that is not above `limit`; 0 if there is none. */
export function rollupWidth(limit: number): number {
  const finest = FINEST_WIDTH;
  if (!(limit >= finest)) return 0;
  let width = finest;
  while (width * 2 <= limit) width *= 2;
  return width;
}

export const isRollupWidth = (width: number, origin: number): boolean =>
  rollupWidth(width) === width && floorTo(origin, width) === origin;

/** The value that reaches into `time` from the sample before it. */
export interface Held {
  readonly time: number;
  /** Scaled; NaN where the sample is not usable. */
  readonly value: number;
}

export function heldBefore(tag: QueryTag, time: number): Held | null {
  const point = sampleBefore(tag.source, time);
  if (point === null) return null;
  const usable = point.quality < 0x8000;
  return { time: point.time, value: usable ? tag.scaling.one(point.value) : Number.NaN };
}

/** Index of the first entry of an ascending column at or after `time`, between `start` and `end`. */
export function lowerBound(column: Float64Array, time: number, start: number, end: number): number {
  let low = start;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (column[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
