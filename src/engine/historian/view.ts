import { isBad, QUALITY } from '#shared/model/index.ts';
import { shareOf } from './chunk-table.ts';
import type { RollupInfo, RollupTable } from './pyramid.ts';
import {
  addList,
  addSamples,
  type BucketList,
  type Buckets,
  ceilTo,
  createBuckets,
  FINEST_WIDTH,
  floorTo,
  widthAtLeast,
} from './rollup.ts';
import { firstAtOrAfter } from './run.ts';
import { eachSample, type Point, sampleBefore, sampleFrom, type TagSource } from './samples.ts';

export interface ViewTag extends TagSource {
  /** Null where the file's structure cannot be trusted: everything is read from samples. */
  readonly rollups: RollupTable | null;
  /** Recipe version from which on rollups may be used. */
  readonly since: number;
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
  if (wanted <= FINEST_WIDTH / 2) return Math.max(1, Math.ceil(wanted));
  return widthAtLeast(wanted);
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
  return merged(
    buckets,
    lastBefore(tag, start, width),
    firstFrom(tag, end, width),
    tag.decoder.newest.recipe.form === 'text',
  );
}

/** The raw samples of the range with one before and one after it; null if they are more than `limit`. */
function fewSamples(tag: ViewTag, from: number, to: number, limit: number, check: () => void): ViewColumns | null {
  const chunks = tag.table.overlapping(tag.number, from, to, limit);
  let expected = tag.tail.length;
  let inside = 0;
  for (const chunk of chunks) {
    if (chunk.first >= from && chunk.last < to) inside += chunk.count;
    if (inside > limit) return null;
    expected += chunk.count * shareOf(chunk, { from, to });
  }
  const columns = collector(Math.min(limit, Math.ceil(expected * 1.25) + 64) + 2, false);
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
      chunks,
    );
  } catch (error) {
    if (error === tooMany) return null;
    throw error;
  }
  const [first, last] = [chunks[0], chunks.at(-1)];
  const before = sampleBefore(tag, from, first !== undefined && first.first < from ? first : undefined);
  if (before !== null) columns.before(before);
  const after = sampleFrom(tag, to, last !== undefined && last.last >= to ? last : undefined);
  if (after !== null) columns.add(after.time, after.value, after.quality);
  return columns.done(null);
}
const tooMany = new Error('more samples than a raw view takes');

/**
 * Adds every sample of [start, end) to the buckets: by the highest rows of the pyramid that are fine enough, by those
 * below where there are none, and by samples in the end. `start` and `end` are multiples of the buckets' width, which
 * is one of the pyramid's or less than its finest.
 */
export function fillBuckets(tag: ViewTag, buckets: Buckets, start: number, end: number, check: () => void): void {
  const { rollups, table, tail } = tag;
  /** What is still to be read, in time order. */
  let left: Stretch[] = start < end ? [{ from: start, to: end }] : [];
  // Between two rows that are parts of one row above there is nothing.
  const whole: RollupInfo[] = [];
  const inTail = (from: number, to: number): boolean => {
    const at = firstAtOrAfter(tail, from);
    return at < tail.length && tail.time[at]! < to;
  };
  const isEmpty = (from: number, to: number): boolean => {
    if (inTail(from, to)) return false;
    if (whole.some((row) => row.first < from && row.last >= to)) return true;
    const next = table.following(tag.number, from - 1);
    return next === null || next.first >= to;
  };
  const top = rollups === null || buckets.width < FINEST_WIDTH ? -1 : rollups.top(tag.number);
  for (let tier = top; rollups !== null && tier >= 0 && left.length > 0; tier--) {
    const below: Stretch[] = [];
    for (const { from, to } of left) {
      let at = from;
      /** A row that cannot be used lies behind `at`. */
      let skipped = false;
      for (const row of rollups.rows(tag.number, tier, from, to)) {
        check();
        const usable = row.width <= buckets.width && row.recipe >= tag.since && !inTail(row.first, row.last + 1);
        const list = usable ? rollups.buckets(row) : null;
        if (list === null) {
          if (!whole.some((above) => above.first <= row.first && above.last >= row.last)) whole.push(row);
          skipped = true;
          continue;
        }
        addList(buckets, list, start, end);
        if (row.first > at && (skipped || !isEmpty(at, row.first))) below.push({ from: at, to: row.first });
        at = row.last + 1;
        skipped = false;
      }
      if (at < to) below.push({ from: at, to });
    }
    left = below;
  }
  for (const { from, to } of left) {
    eachSample(tag, from, to, (run, a, b) => addSamples(buckets, run.time, run.value, run.quality, a, b), check);
  }
}

/** `sampleBefore` at a bucket's begin: told by the bucket before it, where all in that is good. */
function lastBefore(tag: ViewTag, time: number, width: number): Point | null {
  const { rollups, tail } = tag;
  if (rollups === null || firstAtOrAfter(tail, time) > 0) return sampleBefore(tag, time);
  const row = tag.table.preceding(tag.number, time - 1);
  const list = row === null ? null : bucketsAt(tag, rollups, row.first, width);
  if (list === null) return sampleBefore(tag, time);
  let at = list.length - 1;
  while (at >= 0 && list.firstTime[at]! >= time) at--;
  if (at < 0 || list.quality[at] !== 0 || list.bad[at] !== 0) return sampleBefore(tag, time);
  return { time: list.lastTime[at]!, value: list.last[at]!, quality: 0 };
}

/** `sampleFrom` at a bucket's begin, in the same way. */
function firstFrom(tag: ViewTag, time: number, width: number): Point | null {
  const { rollups, tail, table } = tag;
  if (rollups === null || tail.length > 0) return sampleFrom(tag, time);
  let row = table.preceding(tag.number, time);
  if (row === null || row.last < time) row = table.following(tag.number, time);
  const list = row === null ? null : bucketsAt(tag, rollups, row.first, width);
  if (list === null) return sampleFrom(tag, time);
  let at = 0;
  while (at < list.length && list.firstTime[at]! < time) at++;
  if (at === list.length || list.quality[at] !== 0 || list.bad[at] !== 0) return sampleFrom(tag, time);
  return { time: list.firstTime[at]!, value: list.first[at]!, quality: 0 };
}

/** The buckets of the chunk that begins at `first`, where they are there and no wider than `width`. */
function bucketsAt(tag: ViewTag, rollups: RollupTable, first: number, width: number): BucketList | null {
  const row = rollups.rows(tag.number, 0, first, first + 1)[0];
  return row === undefined || row.first !== first || row.width > width || row.recipe < tag.since
    ? null
    : rollups.buckets(row);
}

interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * One point per bucket: mean, least and greatest of its good samples, at the middle of its samples' times. Where a
 * bucket has bad samples as well, a second point with their quality keeps the line from being drawn across.
 */
function merged(buckets: Buckets, before: Point | null, after: Point | null, text: boolean): ViewColumns {
  const columns = collector(buckets.length * 2 + 2, true);
  if (before !== null) columns.before(before);
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

/** Columns in which views are put together, longer when one needs it; what is in them is worth nothing afterwards. */
let pool = emptyColumns(4_096, false);
let mergedPool = emptyColumns(0, true);

/** All columns lie in one buffer, since to make and to send three or five takes that many times as long. */
function emptyColumns(capacity: number, merged: boolean) {
  const buffer = new ArrayBuffer(capacity * (merged ? 34 : 18));
  const numbers = (at: number): Float64Array<ArrayBuffer> => new Float64Array(buffer, at * capacity * 8, capacity);
  return {
    time: numbers(0),
    value: numbers(1),
    min: merged ? numbers(2) : null,
    max: merged ? numbers(3) : null,
    quality: new Uint16Array(buffer, capacity * (merged ? 32 : 16), capacity),
  };
}
type Columns = ReturnType<typeof emptyColumns>;

function copyColumns(from: Columns, start: number, end: number, into: Columns): void {
  into.time.set(from.time.subarray(start, end));
  into.value.set(from.value.subarray(start, end));
  into.quality.set(from.quality.subarray(start, end));
  into.min?.set(from.min!.subarray(start, end));
  into.max?.set(from.max!.subarray(start, end));
}

/** Points of a view, `capacity` at first; it is done before another one is begun. */
function collector(capacity: number, merged: boolean) {
  let columns = merged ? mergedPool : pool;
  const keep = (): void => {
    if (merged) mergedPool = columns;
    else pool = columns;
  };
  /** The first place is free for a point before all others. */
  let first = 1;
  let length = 1;
  const room = (more: number): void => {
    if (length + more <= columns.time.length) return;
    const larger = emptyColumns(Math.max(columns.time.length * 2, length + more), merged);
    copyColumns(columns, 0, length, larger);
    columns = larger;
    keep();
  };
  room(capacity);
  /** A sample as it is; a bad one has no envelope. */
  const put = (index: number, at: number, number: number, state: number): void => {
    columns.time[index] = at;
    columns.value[index] = number;
    columns.quality[index] = state;
    if (!merged) return;
    columns.min![index] = columns.max![index] = isBad(state) ? Number.NaN : number;
  };
  return {
    before(point: Point): void {
      first = 0;
      put(0, point.time, point.value, point.quality);
    },
    merge(at: number, mean: number, state: number, least: number, most: number): void {
      room(1);
      columns.time[length] = at;
      columns.value[length] = mean;
      columns.quality[length] = state;
      columns.min![length] = least;
      columns.max![length++] = most;
    },
    add(at: number, number: number, state: number): void {
      room(1);
      put(length++, at, number, state);
    },
    addRun(times: Float64Array, values: Float64Array, states: Uint16Array, start: number, end: number): void {
      room(end - start);
      columns.time.set(times.subarray(start, end), length);
      columns.value.set(values.subarray(start, end), length);
      columns.quality.set(states.subarray(start, end), length);
      length += end - start;
    },
    done(envelope: 'envelope' | null): ViewColumns {
      const own = emptyColumns(length - first, envelope !== null);
      copyColumns(columns, first, length, own);
      const { time, value, quality, min, max } = own;
      return {
        length: length - first,
        time,
        value,
        quality,
        envelope: min === null || max === null ? null : { min, max },
      };
    },
  };
}
