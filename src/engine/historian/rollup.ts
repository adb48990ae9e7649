import { isBad } from '#shared/model/index.ts';

/**
 * Widths of the rollup levels in microseconds: 15.625 ms and then four times the one before, so that level 3 is one
 * second. Buckets are aligned to 1970: bucket `n` of a level is [n * width, (n + 1) * width).
 */
export const LEVELS: readonly number[] = Array.from({ length: 17 }, (_, level) => 15_625 * 4 ** level);
export const TOP_LEVEL = LEVELS.length - 1;
/** A chunk's samples enter the pyramid at the first level where a bucket holds about this many of them or more. */
const SAMPLES_PER_BUCKET = 64;

export const floorTo = (time: number, width: number): number => Math.floor(time / width) * width;
export const ceilTo = (time: number, width: number): number => Math.ceil(time / width) * width;

/**
 * Level at which a chunk enters the pyramid. The tag's present level is kept while it is near, because a tag with
 * chunks of few levels is read faster; a chunk too small to tell its density keeps it always.
 */
export function entryLevel(first: number, last: number, count: number, present: number): number {
  if (count < SAMPLES_PER_BUCKET && present >= 0 && (last - first) / LEVELS[present]! < 1_000) return present;
  const wanted = count < 2 ? 10_000_000 * SAMPLES_PER_BUCKET : ((last - first) / (count - 1)) * SAMPLES_PER_BUCKET;
  let level = 0;
  while (level < TOP_LEVEL && LEVELS[level]! < wanted) level++;
  return present >= 0 && Math.abs(present - level) <= 1 ? present : level;
}

/** One rollup row as SQLite gives it in raw mode, in the order of ROLLUP_COLUMNS. */
export type RollupRow = [
  start: number,
  count: number,
  bad: number,
  quality: number,
  min: number | null,
  max: number | null,
  sum: number | null,
  first: number | null,
  last: number | null,
  firstTime: number,
  lastTime: number,
  minTime: number | null,
  maxTime: number | null,
];
export const ROLLUP_COLUMNS =
  'start, count, bad, quality, min, max, sum, first, last, first_time, last_time, min_time, max_time';

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
  const filled = (value: number): Float64Array => new Float64Array(length).fill(value);
  return {
    from,
    width,
    length,
    count: new Float64Array(length),
    bad: new Float64Array(length),
    quality: new Uint16Array(length),
    min: filled(Number.POSITIVE_INFINITY),
    max: filled(Number.NEGATIVE_INFINITY),
    sum: new Float64Array(length),
    first: filled(Number.NaN),
    last: filled(Number.NaN),
    firstTime: filled(Number.POSITIVE_INFINITY),
    lastTime: filled(Number.NEGATIVE_INFINITY),
    minTime: filled(Number.NaN),
    maxTime: filled(Number.NaN),
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

/** Adds a stored row of a level no wider than the buckets. */
export function addRow(buckets: Buckets, row: RollupRow): void {
  const bucket = Math.floor((row[0] - buckets.from) / buckets.width);
  buckets.count[bucket]! += row[1];
  buckets.bad[bucket]! += row[2];
  if (row[3] > buckets.quality[bucket]!) buckets.quality[bucket] = row[3];
  if (row[1] > 0) {
    const min = row[4] ?? Number.NaN;
    const max = row[5] ?? Number.NaN;
    const unset = Number.isNaN(buckets.minTime[bucket]!);
    const minTime = row[11] ?? Number.NaN;
    const maxTime = row[12] ?? Number.NaN;
    if (unset || min < buckets.min[bucket]! || (min === buckets.min[bucket]! && minTime < buckets.minTime[bucket]!)) {
      buckets.min[bucket] = min;
      buckets.minTime[bucket] = minTime;
    }
    if (unset || max > buckets.max[bucket]! || (max === buckets.max[bucket]! && maxTime < buckets.maxTime[bucket]!)) {
      buckets.max[bucket] = max;
      buckets.maxTime[bucket] = maxTime;
    }
    // A sum of both infinities is NaN, which SQLite keeps as null.
    buckets.sum[bucket]! += row[6] ?? Number.NaN;
  }
  if (row[9] < buckets.firstTime[bucket]!) {
    buckets.firstTime[bucket] = row[9];
    buckets.first[bucket] = row[7] ?? Number.NaN;
  }
  if (row[10] > buckets.lastTime[bucket]!) {
    buckets.lastTime[bucket] = row[10];
    buckets.last[bucket] = row[8] ?? Number.NaN;
  }
}

/** The buckets that hold anything, as rows in time order. */
export function rowsOf(buckets: Buckets): RollupRow[] {
  const rows: RollupRow[] = [];
  const known = (value: number): number | null => (Number.isNaN(value) ? null : value);
  for (let i = 0; i < buckets.length; i++) {
    const count = buckets.count[i]!;
    const bad = buckets.bad[i]!;
    if (count + bad === 0) continue;
    rows.push([
      buckets.from + i * buckets.width,
      count,
      bad,
      buckets.quality[i]!,
      count > 0 ? buckets.min[i]! : null,
      count > 0 ? buckets.max[i]! : null,
      count > 0 ? known(buckets.sum[i]!) : null,
      known(buckets.first[i]!),
      known(buckets.last[i]!),
      buckets.firstTime[i]!,
      buckets.lastTime[i]!,
      known(buckets.minTime[i]!),
      known(buckets.maxTime[i]!),
    ]);
  }
  return rows;
}

/** Rows of finer levels joined into rows of `width`; in any order, also with long empty times between them. */
export function joinRows(rows: readonly RollupRow[], width: number): RollupRow[] {
  const sorted = [...rows].sort((a, b) => a[9] - b[9]);
  const joined: RollupRow[] = [];
  let start = 0;
  while (start < sorted.length) {
    const from = floorTo(sorted[start]![0], width);
    let end = start;
    const one = createBuckets(from, from + width, width);
    while (end < sorted.length && sorted[end]![0] < from + width) addRow(one, sorted[end++]!);
    joined.push(...rowsOf(one));
    start = end;
  }
  return joined;
}
