import { isBad } from '#shared/model/index.ts';
import type { Run } from './run.ts';

/**
 * Bucket widths are this many microseconds times a power of two, and buckets are aligned to 1970: bucket `n` is
 * [n * width, (n + 1) * width). So buckets of one width lie wholly in those of any greater one.
 */
export const FINEST_WIDTH = 15_625;
const WIDEST_WIDTH = FINEST_WIDTH * 2 ** 38;
/** A bucket of a chunk holds about this many of its samples or more. */
const SAMPLES_PER_BUCKET = 64;
/** A row that sums others up has at most this many buckets. */
const MOST_BUCKETS = 512;
/** A row that sums others up has buckets at least this many times as wide as theirs. */
const WIDER = 4;

export const floorTo = (time: number, width: number): number => Math.floor(time / width) * width;
export const ceilTo = (time: number, width: number): number => Math.ceil(time / width) * width;

/** The narrowest width that is not below `wanted`. */
export function widthAtLeast(wanted: number): number {
  let width = FINEST_WIDTH;
  while (width < wanted && width < WIDEST_WIDTH) width *= 2;
  return width;
}

/** Width of the buckets that sum up a chunk of `count` samples from `first` to `last`. */
export function chunkWidth(first: number, last: number, count: number): number {
  return count < 2
    ? FINEST_WIDTH
    : widthAtLeast(Math.min(last - first, ((last - first) / (count - 1)) * SAMPLES_PER_BUCKET));
}

/**
 * Buckets of one row of the pyramid that hold samples, ascending; columns as in `Buckets`. Where `count` is 0, `min` and
 * `max` are infinite and their times NaN.
 */
export interface BucketList {
  readonly width: number;
  length: number;
  /** Number of the bucket: its begin divided by the width. */
  readonly number: Float64Array;
  readonly count: Uint32Array;
  readonly bad: Uint32Array;
  readonly quality: Uint16Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly sum: Float64Array;
  readonly first: Float64Array;
  readonly last: Float64Array;
  readonly firstTime: Float64Array;
  readonly lastTime: Float64Array;
  readonly minTime: Float64Array;
  readonly maxTime: Float64Array;
}
/** Memory that a bucket of a list takes: ten numbers, two counts, a quality. */
export const BUCKET_BYTES = 90;

/** Columns of so many numbers in one buffer, one after the other: to make a dozen takes longer than to fill them. */
function columnsIn(bytes: number, capacity: number) {
  const buffer = new ArrayBuffer(bytes * capacity);
  let at = 0;
  const place = (size: number): number => {
    at += size * capacity;
    return at - size * capacity;
  };
  return {
    numbers: (): Float64Array => new Float64Array(buffer, place(8), capacity),
    counts: (): Uint32Array => new Uint32Array(buffer, place(4), capacity),
    codes: (): Uint16Array => new Uint16Array(buffer, place(2), capacity),
  };
}

export function createBucketList(width: number, capacity: number): BucketList {
  const { numbers, counts, codes } = columnsIn(BUCKET_BYTES, capacity);
  return {
    width,
    length: 0,
    number: numbers(),
    min: numbers(),
    max: numbers(),
    sum: numbers(),
    first: numbers(),
    last: numbers(),
    firstTime: numbers(),
    lastTime: numbers(),
    minTime: numbers(),
    maxTime: numbers(),
    count: counts(),
    bad: counts(),
    quality: codes(),
  };
}

/** Lists whose columns are the same each time, and hold anything. */
function reusedList(): (width: number, capacity: number) => BucketList {
  let columns = createBucketList(FINEST_WIDTH, MOST_BUCKETS);
  return (width, capacity) => {
    if (columns.number.length < capacity) columns = createBucketList(width, capacity);
    return { ...columns, width, length: 0 };
  };
}
const summing = reusedList();
const joining = reusedList();

/**
 * Sums up a sorted run of decoded, unscaled samples; `sum` is added up in the order of the samples. What it gives is
 * valid until it is called again.
 */
export function bucketsOf(run: Run, width: number): BucketList {
  const { time, length } = run;
  const span = length === 0 ? 0 : Math.floor(time[length - 1]! / width) - Math.floor(time[0]! / width) + 1;
  const list = summing(width, Math.min(length, span));
  addRun(list, run);
  return list;
}

/** Adds a sorted run that lies behind all that the list sums up; false where its buckets find no room, with some added. */
export function addRun(list: BucketList, { time, value, quality, length }: Run): boolean {
  const { width } = list;
  let i = 0;
  let at = list.length;
  while (i < length) {
    const number = Math.floor(time[i]! / width);
    const until = (number + 1) * width;
    if (at > 0 && list.number[at - 1] === number) at--;
    else {
      if (at === list.number.length) return false;
      list.number[at] = number;
      list.count[at] = 0;
      list.bad[at] = 0;
      list.quality[at] = 0;
      list.min[at] = Number.POSITIVE_INFINITY;
      list.max[at] = Number.NEGATIVE_INFINITY;
      list.minTime[at] = Number.NaN;
      list.maxTime[at] = Number.NaN;
      list.sum[at] = 0;
      list.first[at] = isBad(quality[i]!) ? Number.NaN : value[i]!;
      list.firstTime[at] = time[i]!;
    }
    const startedAt = i;
    const before = list.count[at]!;
    let count = before;
    let worst = list.quality[at]!;
    let min = list.min[at]!;
    let max = list.max[at]!;
    let minAt = -1;
    let maxAt = -1;
    let sum = list.sum[at]!;
    for (; i < length && time[i]! < until; i++) {
      const one = value[i]!;
      const state = quality[i]!;
      if (state > worst) worst = state;
      if (isBad(state) || Number.isNaN(one)) continue;
      sum += one;
      if (one < min || count === 0) {
        min = one;
        minAt = i;
      }
      if (one > max || count === 0) {
        max = one;
        maxAt = i;
      }
      count++;
    }
    list.count[at] = count;
    list.bad[at]! += i - startedAt - (count - before);
    list.quality[at] = worst;
    list.min[at] = min;
    list.max[at] = max;
    list.sum[at] = sum;
    list.last[at] = isBad(quality[i - 1]!) ? Number.NaN : value[i - 1]!;
    list.lastTime[at] = time[i - 1]!;
    if (minAt >= 0) list.minTime[at] = time[minAt]!;
    if (maxAt >= 0) list.maxTime[at] = time[maxAt]!;
    at++;
    list.length = at;
  }
  return true;
}

/**
 * Neighbouring lists in time order as one of wider buckets; sums are added up in the order of the buckets. What it gives
 * is valid until it is called again.
 */
export function joinLists(lists: readonly BucketList[]): BucketList {
  let width = Math.min(WIDEST_WIDTH, Math.max(...lists.map((list) => list.width)) * WIDER);
  let length = 0;
  for (;;) {
    length = countJoined(lists, width);
    if (length <= MOST_BUCKETS || width >= WIDEST_WIDTH) break;
    width *= 2;
  }
  const joined = joining(width, length);
  let at = -1;
  for (const list of lists) {
    const parts = width / list.width;
    for (let i = 0; i < list.length; i++) {
      const number = Math.floor(list.number[i]! / parts);
      if (at < 0 || joined.number[at] !== number) {
        at++;
        joined.number[at] = number;
        joined.min[at] = Number.POSITIVE_INFINITY;
        joined.max[at] = Number.NEGATIVE_INFINITY;
        joined.minTime[at] = Number.NaN;
        joined.maxTime[at] = Number.NaN;
        joined.first[at] = list.first[i]!;
        joined.firstTime[at] = list.firstTime[i]!;
        joined.count[at] = 0;
        joined.bad[at] = 0;
        joined.quality[at] = 0;
        joined.sum[at] = 0;
      }
      if (list.count[i]! > 0) {
        if (joined.count[at] === 0 || list.min[i]! < joined.min[at]!) {
          joined.min[at] = list.min[i]!;
          joined.minTime[at] = list.minTime[i]!;
        }
        if (joined.count[at] === 0 || list.max[i]! > joined.max[at]!) {
          joined.max[at] = list.max[i]!;
          joined.maxTime[at] = list.maxTime[i]!;
        }
        joined.sum[at]! += list.sum[i]!;
      }
      joined.count[at]! += list.count[i]!;
      joined.bad[at]! += list.bad[i]!;
      joined.quality[at] = Math.max(joined.quality[at]!, list.quality[i]!);
      joined.last[at] = list.last[i]!;
      joined.lastTime[at] = list.lastTime[i]!;
    }
  }
  joined.length = at + 1;
  return joined;
}

function countJoined(lists: readonly BucketList[], width: number): number {
  let length = 0;
  let last = Number.NaN;
  for (const list of lists) {
    const parts = width / list.width;
    for (let i = 0; i < list.length; i++) {
      const number = Math.floor(list.number[i]! / parts);
      if (number !== last) length++;
      last = number;
    }
  }
  return length;
}

/**
 * Accumulators for adjacent buckets of one width. `count`, `min`, `max` and `sum` speak of samples that are not bad and
 * are numbers; `bad` counts the others. `first` and `last` are NaN where that sample is bad.
 */
export interface Buckets {
  readonly from: number;
  readonly width: number;
  readonly length: number;
  readonly count: Float64Array;
  readonly bad: Float64Array;
  readonly quality: Uint16Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly sum: Float64Array;
  readonly first: Float64Array;
  readonly last: Float64Array;
  readonly firstTime: Float64Array;
  readonly lastTime: Float64Array;
  readonly minTime: Float64Array;
  readonly maxTime: Float64Array;
}

/** `from` and `to` must be multiples of `width`. */
export function createBuckets(from: number, to: number, width: number): Buckets {
  const length = Math.max(0, Math.round((to - from) / width));
  // Eleven numbers and a quality.
  const { numbers, codes } = columnsIn(90, length);
  return {
    from,
    width,
    length,
    count: numbers(),
    bad: numbers(),
    sum: numbers(),
    min: numbers().fill(Number.POSITIVE_INFINITY),
    max: numbers().fill(Number.NEGATIVE_INFINITY),
    first: numbers().fill(Number.NaN),
    last: numbers().fill(Number.NaN),
    firstTime: numbers().fill(Number.POSITIVE_INFINITY),
    lastTime: numbers().fill(Number.NEGATIVE_INFINITY),
    minTime: numbers().fill(Number.NaN),
    maxTime: numbers().fill(Number.NaN),
    quality: codes(),
  };
}

/** Adds samples `start` to `end` of decoded, unscaled columns; those outside the buckets must have been left out. */
export function addSamples(
  buckets: Buckets,
  time: Float64Array,
  value: Float64Array,
  quality: Uint16Array,
  start: number,
  end: number,
): void {
  const { from, width } = buckets;
  let i = start;
  while (i < end) {
    const bucket = Math.floor((time[i]! - from) / width);
    const until = from + (bucket + 1) * width;
    let count = 0;
    let bad = 0;
    let worst = buckets.quality[bucket]!;
    let min = buckets.min[bucket]!;
    let max = buckets.max[bucket]!;
    let minTime = buckets.minTime[bucket]!;
    let maxTime = buckets.maxTime[bucket]!;
    let sum = 0;
    const startedAt = i;
    for (; i < end && time[i]! < until; i++) {
      const number = value[i]!;
      const state = quality[i]!;
      if (state > worst) worst = state;
      if (isBad(state) || Number.isNaN(number)) {
        bad++;
        continue;
      }
      count++;
      sum += number;
      if (number < min || (number === min && !(minTime <= time[i]!))) {
        min = number;
        minTime = time[i]!;
      }
      if (number > max || (number === max && !(maxTime <= time[i]!))) {
        max = number;
        maxTime = time[i]!;
      }
    }
    buckets.count[bucket]! += count;
    buckets.bad[bucket]! += bad;
    buckets.quality[bucket] = worst;
    buckets.min[bucket] = min;
    buckets.max[bucket] = max;
    buckets.minTime[bucket] = minTime;
    buckets.maxTime[bucket] = maxTime;
    buckets.sum[bucket]! += sum;
    if (time[startedAt]! < buckets.firstTime[bucket]!) {
      buckets.firstTime[bucket] = time[startedAt]!;
      buckets.first[bucket] = isBad(quality[startedAt]!) ? Number.NaN : value[startedAt]!;
    }
    if (time[i - 1]! > buckets.lastTime[bucket]!) {
      buckets.lastTime[bucket] = time[i - 1]!;
      buckets.last[bucket] = isBad(quality[i - 1]!) ? Number.NaN : value[i - 1]!;
    }
  }
}

/** Adds those buckets of a list that begin in [start, end), which are multiples of the wider buckets' width. */
export function addList(buckets: Buckets, list: BucketList, start: number, end: number): void {
  const { number, width } = list;
  const lowest = start / width;
  const highest = end / width;
  let at = 0;
  for (let high = list.length; at < high; ) {
    const middle = (at + high) >>> 1;
    if (number[middle]! < lowest) at = middle + 1;
    else high = middle;
  }
  const parts = buckets.width / width;
  const origin = buckets.from / buckets.width;
  for (; at < list.length && number[at]! < highest; at++) {
    const bucket = Math.floor(number[at]! / parts) - origin;
    if (list.count[at]! > 0) {
      const unset = buckets.count[bucket] === 0;
      const min = list.min[at]!;
      const max = list.max[at]!;
      const minTime = list.minTime[at]!;
      const maxTime = list.maxTime[at]!;
      if (unset || min < buckets.min[bucket]! || (min === buckets.min[bucket]! && minTime < buckets.minTime[bucket]!)) {
        buckets.min[bucket] = min;
        buckets.minTime[bucket] = minTime;
      }
      if (unset || max > buckets.max[bucket]! || (max === buckets.max[bucket]! && maxTime < buckets.maxTime[bucket]!)) {
        buckets.max[bucket] = max;
        buckets.maxTime[bucket] = maxTime;
      }
      buckets.sum[bucket]! += list.sum[at]!;
      buckets.count[bucket]! += list.count[at]!;
    }
    buckets.bad[bucket]! += list.bad[at]!;
    if (list.quality[at]! > buckets.quality[bucket]!) buckets.quality[bucket] = list.quality[at]!;
    if (list.firstTime[at]! < buckets.firstTime[bucket]!) {
      buckets.firstTime[bucket] = list.firstTime[at]!;
      buckets.first[bucket] = list.first[at]!;
    }
    if (list.lastTime[at]! > buckets.lastTime[bucket]!) {
      buckets.lastTime[bucket] = list.lastTime[at]!;
      buckets.last[bucket] = list.last[at]!;
    }
  }
}
