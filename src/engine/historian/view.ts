import { isBad, QUALITY } from '#shared/model/index.ts';
import type { Pyramid } from './pyramid.ts';
import { addRow, addSamples, type Buckets, ceilTo, createBuckets, floorTo, LEVELS, TOP_LEVEL } from './rollup.ts';
import { eachSample, type Point, sampleBefore, sampleFrom, type TagSource } from './samples.ts';

export interface ViewTag extends TagSource {
  readonly pyramid: Pyramid;
  /** Bit n is set where a chunk of the tag enters the pyramid at level n. */
  readonly entryLevels: number;
  /** The rows were built with another decoding, or cannot be trusted: read raw. */
  readonly rollupsStale: boolean;
}

/** Columns of a view before scaling; `min` and `max` are null where nothing was merged. */
export interface ViewColumns {
  readonly length: number;
  readonly time: Float64Array<ArrayBuffer>;
  readonly value: Float64Array<ArrayBuffer>;
  readonly quality: Uint16Array<ArrayBuffer>;
  readonly envelope: { readonly min: Float64Array<ArrayBuffer>; readonly max: Float64Array<ArrayBuffer> } | null;
}

/** A view has at most this many samples or merged points per pixel, and two more at its ends. */
const POINTS_PER_PIXEL = 2;
/** Merged views have at most this many buckets per pixel; a bucket with good and bad samples takes two points. */
const BUCKETS_PER_PIXEL = 1.5;

/**
 * Width of the buckets that a view of a range is merged into: the smallest of the doubling widths of the pyramid with
 * at most one and a half buckets a pixel, or whole microseconds below the pyramid's finest level.
 */
export function bucketWidth(from: number, to: number, pixels: number): number {
  const wanted = (to - from) / (pixels * BUCKETS_PER_PIXEL);
  const finest = LEVELS[0]!;
  if (wanted <= finest / 2) return Math.max(1, Math.ceil(wanted));
  let width = finest;
  while (width < wanted) width *= 2;
  return width;
}

/** The times that a view looks at: its range, out to the ends of its buckets. */
export function viewReach(from: number, to: number, pixels: number): { readonly from: number; readonly to: number } {
  const width = bucketWidth(from, to, pixels);
  return { from: floorTo(from, width), to: ceilTo(to, width) };
}

/** The tag's history over [from, to), as raw samples where they are few and merged where they are many. */
export function viewOf(tag: ViewTag, from: number, to: number, pixels: number, check: () => void): ViewColumns {
  const limit = pixels * POINTS_PER_PIXEL;
  const raw = fewSamples(tag, from, to, limit, check);
  if (raw !== null) return raw;
  const width = bucketWidth(from, to, pixels);
  const { from: start, to: end } = viewReach(from, to, pixels);
  const buckets = createBuckets(start, end, width);
  fillBuckets(tag, buckets, start, end, check);
  return merged(buckets, sampleBefore(tag, start), sampleFrom(tag, end), tag.decoder.newest.recipe.form === 'text');
}

/** The raw samples of the range with one before and one after it; null if they are more than `limit`. */
function fewSamples(tag: ViewTag, from: number, to: number, limit: number, check: () => void): ViewColumns | null {
  let inside = 0;
  for (const chunk of tag.table.overlapping(tag.number, from, to)) {
    if (chunk.first >= from && chunk.last < to) inside += chunk.count;
    if (inside > limit) return null;
  }
  const columns = collector(limit + 2);
  const before = sampleBefore(tag, from);
  if (before !== null) columns.add(before.time, before.value, before.quality);
  let count = 0;
  try {
    eachSample(
      tag,
      from,
      to,
      (run, start, end) => {
        count += end - start;
        if (count > limit) throw tooMany;
        columns.addRun(run.time, run.value, run.quality, start, end);
      },
      check,
    );
  } catch (error) {
    if (error === tooMany) return null;
    throw error;
  }
  const after = sampleFrom(tag, to);
  if (after !== null) columns.add(after.time, after.value, after.quality);
  return columns.done(null);
}
const tooMany = new Error('more samples than a raw view takes');

/**
 * Adds every sample of [start, end) to the buckets, by rows of the pyramid where they are complete, by samples where
 * not. `start` and `end` are multiples of the buckets' width.
 */
export function fillBuckets(tag: ViewTag, buckets: Buckets, start: number, end: number, check: () => void): void {
  let covered = start;
  const last = tag.table.preceding(tag.number, Number.MAX_SAFE_INTEGER)?.last ?? Number.NEGATIVE_INFINITY;
  // Rows know nothing of the tail: from its first sample on, samples are read.
  const known = Math.min(last + 1, tag.tail.length > 0 ? tag.tail.time[0]! : Number.POSITIVE_INFINITY);
  const add = (run: { time: Float64Array; value: Float64Array; quality: Uint16Array }, a: number, b: number): void =>
    addSamples(buckets, run.time, run.value, run.quality, a, b);
  for (let level = tag.rollupsStale ? -1 : topLevelOf(buckets.width); level >= 0 && covered < end; level--) {
    const until = Math.min(end, floorTo(known, LEVELS[level]!));
    if (!(until > covered)) continue;
    check();
    for (const row of tag.pyramid.rows(tag.number, level, covered, until)) addRow(buckets, row);
    if (tag.entryLevels >>> (level + 1) !== 0) eachChunkAbove(tag, level, covered, until, add, check);
    covered = until;
  }
  if (covered < end) eachSample(tag, covered, end, add, check);
}

function eachChunkAbove(
  tag: ViewTag,
  level: number,
  from: number,
  to: number,
  add: Parameters<typeof eachSample>[3],
  check: () => void,
): void {
  eachSample(tag, from, to, add, check, (chunk) => chunk.level > level);
}

/** Highest level whose rows fit wholly into buckets of this width; -1 if there is none. */
function topLevelOf(width: number): number {
  let level = -1;
  while (level < TOP_LEVEL && LEVELS[level + 1]! <= width) level++;
  // Widths below the finest level are any whole number of microseconds.
  return level;
}

/**
 * One point per bucket: mean, least and greatest of its good samples, at the middle of its samples' times. Where a
 * bucket has bad samples as well, a second point with their quality keeps the line from being drawn across.
 */
function merged(buckets: Buckets, before: Point | null, after: Point | null, text: boolean): ViewColumns {
  const columns = collector(buckets.length * 2 + 2);
  if (before !== null) columns.add(before.time, before.value, before.quality);
  for (let i = 0; i < buckets.length; i++) {
    const count = buckets.count[i]!;
    const bad = buckets.bad[i]!;
    if (count + bad === 0) continue;
    const worst = buckets.quality[i]!;
    const firstTime = buckets.firstTime[i]!;
    const lastTime = buckets.lastTime[i]!;
    if (count === 0) {
      columns.add(firstTime, Number.NaN, worst);
      continue;
    }
    const middle = Math.floor((firstTime + lastTime) / 2);
    const value = text ? lastText(buckets, i) : buckets.sum[i]! / count;
    if (bad === 0) {
      columns.merge(middle, value, worst, buckets.min[i]!, buckets.max[i]!);
    } else if (Number.isNaN(buckets.first[i]!)) {
      columns.add(firstTime, Number.NaN, worst);
      columns.merge(Math.max(middle, firstTime + 1), value, QUALITY.good, buckets.min[i]!, buckets.max[i]!);
    } else {
      columns.merge(middle, value, QUALITY.good, buckets.min[i]!, buckets.max[i]!);
      columns.add(Number.isNaN(buckets.last[i]!) ? lastTime : middle + 1, Number.NaN, worst);
    }
  }
  if (after !== null) columns.add(after.time, after.value, after.quality);
  return columns.done(text ? null : 'envelope');
}

function lastText(buckets: Buckets, index: number): number {
  const last = buckets.last[index]!;
  return Number.isNaN(last) ? buckets.max[index]! : last;
}

function collector(capacity: number) {
  const time = new Float64Array(capacity);
  const value = new Float64Array(capacity);
  const quality = new Uint16Array(capacity);
  const min = new Float64Array(capacity);
  const max = new Float64Array(capacity);
  let length = 0;
  const merge = (at: number, mean: number, state: number, least: number, most: number): void => {
    time[length] = at;
    value[length] = mean;
    quality[length] = state;
    min[length] = least;
    max[length++] = most;
  };
  return {
    merge,
    /** A sample as it is; a bad one has no envelope. */
    add(at: number, number: number, state: number): void {
      const known = isBad(state) ? Number.NaN : number;
      merge(at, number, state, known, known);
    },
    addRun(times: Float64Array, values: Float64Array, states: Uint16Array, start: number, end: number): void {
      time.set(times.subarray(start, end), length);
      value.set(values.subarray(start, end), length);
      quality.set(states.subarray(start, end), length);
      length += end - start;
    },
    done(envelope: 'envelope' | null): ViewColumns {
      return {
        length,
        time: time.slice(0, length),
        value: value.slice(0, length),
        quality: quality.slice(0, length),
        envelope: envelope === null ? null : { min: min.slice(0, length), max: max.slice(0, length) },
      };
    },
  };
}
