import { AppError } from '#shared/errors.ts';
import { type AggregateFunction, type AggregateQuery, isBad } from '#shared/model/index.ts';
import type { QueryGridPlan } from './query.ts';
import { fillGrid, fillWidth } from './query-fill.ts';
import { createHold, createLine, type Holding, type Wanted } from './query-hold.ts';
import { createMoments, isPercentile, percentilesOf, percentOf } from './query-moments.ts';
import { percentileOfMany } from './query-rank.ts';
import { eachScaled, heldBefore, periodNear, pieceEnd, type QueryTag } from './query-source.ts';
import { addSamples, type Buckets, createBuckets } from './rollup.ts';
import { sampleFrom } from './samples.ts';

/** Those of a text whose numbers stand for strings. */
export const TEXT_FUNCTIONS: ReadonlySet<string> = new Set(['first', 'last', 'at']);
/** Answered from rollups where there are some. */
const ROLLED_UP: ReadonlySet<string> = new Set([
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
]);
const HELD: ReadonlySet<string> = new Set(['heldMin', 'heldMax', 'heldMean', 'heldDeviation', 'duty', 'known', 'at']);
const LINEAR: ReadonlySet<string> = new Set(['linearMean', 'linearAt']);
/** What a text's buckets can come to. */
const OF_TEXTS: ReadonlySet<string> = new Set([
  'count',
  'bad',
  'quality',
  'first',
  'last',
  'firstTime',
  'lastTime',
  'known',
  'at',
]);
/** Not values of the tag, so never filled; the first three are never unknown. */
const UNFILLED: ReadonlySet<string> = new Set([
  'count',
  'bad',
  'known',
  'quality',
  'minTime',
  'maxTime',
  'firstTime',
  'lastTime',
]);
/** Not of the tag's own size, so that the sample before the range says nothing of them. */
const DERIVED: ReadonlySet<string> = new Set(['sum', 'deviation', 'populationDeviation', 'heldDeviation', 'duty']);

/** Buckets that are worked on at a time: 2 MB. */
const WINDOW = 16_384;
/** The same where each is put together of many rollup buckets. */
const WINDOW_OF_PARTS = 512;

/**
 * One tag's columns over a grid, one per function. Yields null between pieces of some milliseconds. Holds the columns, a
 * window of buckets, a chunk, and for percentiles 8 MB.
 */
export function* aggregateTag(
  tag: QueryTag,
  functions: readonly AggregateFunction[],
  query: Pick<AggregateQuery, 'range' | 'fill' | 'maxHold'>,
  grid: QueryGridPlan,
  check: () => void,
): Generator<null, Float64Array<ArrayBuffer>[]> {
  const { start, step, length } = grid;
  const { from, to } = query.range;
  const wanted: Wanted = {};
  for (const name of functions) {
    if (tag.text && !OF_TEXTS.has(name)) {
      const message = `"${name}" cannot be asked of ${tag.id}, which is a text. Ask for first, last, at or count.`;
      throw new AppError('config.invalid', message, { details: { issues: [{ path: 'tags', message }] } });
    }
    const empty = name === 'count' || name === 'bad' || name === 'known' ? 0 : Number.NaN;
    wanted[name] ??= new Float64Array(length).fill(empty);
  }
  const asked = (names: ReadonlySet<string>): boolean => functions.some((name) => names.has(name));
  const rolledUp = asked(ROLLED_UP);
  // Clamped values do not sum up to what clamping their sum gives.
  const byRollups = functions.every((name) => ROLLED_UP.has(name)) && (tag.scaling.linear !== null || tag.text);
  if (byRollups) yield* fillFromRollups(tag, wanted, query, grid, check);
  else {
    const after = asked(LINEAR) ? sampleFrom(tag.source, to) : null;
    // A gap between the range and the sample behind it keeps a line from being drawn.
    const gapsTo = after?.time ?? to;
    const holdings = yield* startHoldings(tag, wanted, query, grid, asked(HELD), asked(LINEAR), gapsTo);
    const moments = functions.some((name) => isPercentile(name) || /eviation$/.test(name));
    const momentum = moments ? createMoments(grid, wanted) : null;
    let at = from;
    for (let n = 0; n < length; n += WINDOW) {
      const end = Math.min(to, start + (n + WINDOW) * step);
      const window = windowOf(grid, n, Math.min(length, n + WINDOW));
      while (at < end) {
        const piece = pieceEnd(tag.source, at, end);
        eachScaled(
          tag,
          at,
          piece,
          (time, value, quality, a, b) => {
            if (rolledUp) addSamples(window, time, value, quality, a, b);
            momentum?.add(time, value, quality, a, b);
            for (const holding of holdings) holding.add(time, value, quality, a, b);
          },
          check,
        );
        at = piece;
        yield null;
      }
      if (rolledUp) writeColumns(window, n, wanted);
    }
    for (const holding of holdings) {
      const value = after === null || isBad(after.quality) ? Number.NaN : tag.scaling.one(after.value);
      holding.finish(after === null ? null : { time: after.time, value });
    }
    for (const large of momentum?.finish() ?? []) yield* rankLarge(tag, wanted, query, grid, large, check);
  }
  fillEmpty(tag, wanted, query, grid);
  return functions.map((name, i) => {
    const column = wanted[name]!;
    return functions.indexOf(name) === i ? column : column.slice();
  });
}

function windowOf({ start, step }: QueryGridPlan, from: number, to: number): Buckets {
  return createBuckets(start + from * step, start + to * step, step);
}

function* fillFromRollups(
  tag: QueryTag,
  wanted: Wanted,
  { range: { from, to } }: Pick<AggregateQuery, 'range'>,
  grid: QueryGridPlan,
  check: () => void,
): Generator<null, void> {
  const { start, step, length } = grid;
  const period = periodNear(tag.source, (from + to) / 2);
  const width = fillWidth(step, start, period);
  const size = width === step ? WINDOW : WINDOW_OF_PARTS;
  for (let n = 0; n < length; n += size) {
    const window = windowOf(grid, n, Math.min(length, n + size));
    const end = Math.min(to, start + (n + size) * step);
    let at = Math.max(from, start + n * step);
    while (at < end) {
      // Where there is nothing but samples to read, a pause after each chunk of them.
      const piece = width === 0 ? pieceEnd(tag.source, at, end) : end;
      fillGrid(tag, window, at, piece, width, period, check);
      at = piece;
      yield null;
    }
    scaleBuckets(tag, window);
    writeColumns(window, n, wanted);
  }
}

/** Puts unscaled sums into the tag's unit. */
function scaleBuckets({ scaling }: QueryTag, buckets: Buckets): void {
  if (scaling.identity || scaling.linear === null) return;
  const { gain, offset } = scaling.linear;
  const { length, min, max, minTime, maxTime, sum, count, first, last } = buckets;
  for (const column of [min, max, first, last]) scaling.apply(column, 0, length, column);
  for (let i = 0; i < length; i++) sum[i] = sum[i]! * gain + offset * count[i]!;
  if (gain > 0) return;
  for (let i = 0; i < length; i++) {
    const least = max[i]!;
    max[i] = min[i]!;
    min[i] = least;
    const time = maxTime[i]!;
    maxTime[i] = minTime[i]!;
    minTime[i] = time;
  }
}

function writeColumns(buckets: Buckets, at: number, wanted: Wanted): void {
  const { length, count, bad } = buckets;
  // Plain loops: a query's first answer comes before V8 has compiled what it calls for every bucket.
  const usable = (column: Float64Array | undefined, values: Float64Array): void => {
    if (column === undefined) return;
    for (let i = 0; i < length; i++) if (count[i]! > 0) column[at + i] = values[i]!;
  };
  const any = (column: Float64Array | undefined, values: Float64Array | Uint16Array): void => {
    if (column === undefined) return;
    for (let i = 0; i < length; i++) if (count[i]! + bad[i]! > 0) column[at + i] = values[i]!;
  };
  any(wanted.count, count);
  any(wanted.bad, bad);
  any(wanted.quality, buckets.quality);
  usable(wanted.min, buckets.min);
  usable(wanted.max, buckets.max);
  usable(wanted.sum, buckets.sum);
  const { mean } = wanted;
  usable(mean, buckets.sum);
  if (mean !== undefined) for (let i = 0; i < length; i++) if (count[i]! > 0) mean[at + i]! /= count[i]!;
  usable(wanted.minTime, buckets.minTime);
  usable(wanted.maxTime, buckets.maxTime);
  any(wanted.first, buckets.first);
  any(wanted.last, buckets.last);
  any(wanted.firstTime, buckets.firstTime);
  any(wanted.lastTime, buckets.lastTime);
}

function* startHoldings(
  tag: QueryTag,
  wanted: Wanted,
  { range: { from, to }, maxHold }: Pick<AggregateQuery, 'range' | 'maxHold'>,
  grid: QueryGridPlan,
  held: boolean,
  linear: boolean,
  gapsTo: number,
): Generator<null, Holding[]> {
  if (!held && !linear) return [];
  const before = heldBefore(tag, from);
  const range = {
    from,
    to,
    gaps: tag.gapStarts(before?.time ?? from, gapsTo),
    maxHold: maxHold ?? Number.POSITIVE_INFINITY,
  };
  const holdings: Holding[] = [];
  if (held) holdings.push(createHold(grid, range, wanted));
  if (linear) holdings.push(createLine(grid, range, wanted));
  if (before !== null) {
    for (const one of holdings) {
      one.add(Float64Array.of(before.time), Float64Array.of(before.value), new Uint16Array(1), 0, 1);
    }
  }
  yield null;
  return holdings;
}

/** Percentiles of a bucket with more samples than are kept, by reading them again. */
function* rankLarge(
  tag: QueryTag,
  wanted: Wanted,
  { range }: Pick<AggregateQuery, 'range'>,
  { start, step }: QueryGridPlan,
  large: { readonly bucket: number; readonly count: number; readonly min: number; readonly max: number },
  check: () => void,
): Generator<null, void> {
  const from = Math.max(range.from, start + large.bucket * step);
  const to = Math.min(range.to, start + (large.bucket + 1) * step);
  function* read(visit: (value: number) => void): Generator<null, void> {
    let at = from;
    while (at < to) {
      const piece = pieceEnd(tag.source, at, to);
      eachScaled(
        tag,
        at,
        piece,
        (_time, value, quality, a, b) => {
          for (let i = a; i < b; i++) if (!isBad(quality[i]!) && !Number.isNaN(value[i]!)) visit(value[i]!);
        },
        check,
      );
      at = piece;
      yield null;
    }
  }
  for (const [name, column] of percentilesOf(wanted)) {
    const p = percentOf(name);
    column[large.bucket] = yield* percentileOfMany(read, large.count, large.min, large.max, p);
  }
}

function fillEmpty(
  tag: QueryTag,
  wanted: Wanted,
  { fill, range }: Pick<AggregateQuery, 'fill' | 'range'>,
  { start, step }: QueryGridPlan,
): void {
  if (fill.kind === 'none') return;
  const names = Object.keys(wanted).filter((name) => !UNFILLED.has(name));
  if (names.length === 0) return;
  const longest = fill.kind === 'constant' ? 0 : (fill.maxAge ?? Number.POSITIVE_INFINITY);
  const before = fill.kind === 'previous' ? heldBefore(tag, range.from) : null;
  for (const name of names) {
    const column = wanted[name as AggregateFunction]!;
    if (fill.kind === 'constant') {
      for (let i = 0; i < column.length; i++) if (Number.isNaN(column[i]!)) column[i] = fill.value;
    } else if (fill.kind === 'previous') {
      let known = before === null || DERIVED.has(name) ? Number.NaN : before.value;
      let since = before?.time ?? 0;
      for (let i = 0; i < column.length; i++) {
        const at = start + i * step;
        if (!Number.isNaN(column[i]!)) {
          known = column[i]!;
          since = at;
        } else if (at - since <= longest) column[i] = known;
      }
    } else if (!tag.text) fillLines(column, Math.floor(longest / step));
  }
}

/** Joins known values that are at most `longest` places apart. */
function fillLines(column: Float64Array, longest: number): void {
  let known = -1;
  for (let i = 0; i < column.length; i++) {
    if (Number.isNaN(column[i]!)) continue;
    if (known >= 0 && i - known > 1 && i - known <= longest) {
      const first = column[known]!;
      const slope = (column[i]! - first) / (i - known);
      for (let n = known + 1; n < i; n++) column[n] = first + slope * (n - known);
    }
    known = i;
  }
}
