import { isBad, isGood, type UnixMicros } from '#shared/model/index.ts';
import { lowerBound, type TraceColumns, type TraceSegment } from './trace-data.ts';

/** Marks of a line point. */
export const RUN_STARTS = 1;
export const UNCERTAIN = 2;

/**
 * What one trace puts on the canvas for one window, in device pixels across and axis units upward. One sketch per trace
 * lives as long as the plot and is filled again for each drawing; nothing is allocated once it has its size.
 */
export interface Sketch {
  /** Points of the line. */
  length: number;
  x: Float64Array;
  value: Float64Array;
  mark: Uint8Array;
  anyUncertain: boolean;
  /** Envelope per pixel column, NaN where there is none. */
  columns: number;
  low: Float64Array;
  high: Float64Array;
  anyBand: boolean;
  /** Stretches without a good value: pairs of pixels. */
  badLength: number;
  bad: Float64Array;
  /** Extremes of what is inside the window; `min > max` when it is empty. */
  min: number;
  max: number;
  /** Samples or points that were looked at. */
  points: number;
}

export function createSketch(): Sketch {
  return {
    length: 0,
    x: new Float64Array(1024),
    value: new Float64Array(1024),
    mark: new Uint8Array(1024),
    anyUncertain: false,
    columns: 0,
    low: new Float64Array(0),
    high: new Float64Array(0),
    anyBand: false,
    badLength: 0,
    bad: new Float64Array(64),
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
    points: 0,
  };
}

/** Above this many samples per pixel column the line gives way to an envelope with a line through its means. */
const DENSE = 2;
/** How far outside the window a line may reach, in pixels; beyond it the line is cut where it crosses. */
const MARGIN = 4;

/** Per pixel column, kept between calls; grows with the widest plot. */
export interface ColumnReduction {
  readonly count: Uint32Array;
  readonly first: Float64Array;
  readonly last: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly sum: Float64Array;
  /** `RUN_STARTS`, `UNCERTAIN`. */
  readonly mark: Uint8Array;
}

export function createReduction(columns: number): ColumnReduction {
  return {
    count: new Uint32Array(columns),
    first: new Float64Array(columns),
    last: new Float64Array(columns),
    low: new Float64Array(columns),
    high: new Float64Array(columns),
    sum: new Float64Array(columns),
    mark: new Uint8Array(columns),
  };
}

/**
 * Reduces samples `[start, end)` to pixel columns: column `c` takes the times in `[from + c / perMicro, from + (c + 1) /
 * perMicro)`. Keeps every column's first, last, smallest and largest value; allocates nothing. Bad samples and values
 * that are no numbers end the run: the next value's column is marked. Adds to what `into` holds, so that several
 * segments may follow each other. Returns whether the run is still open after the last sample.
 */
export function reduceToColumns(
  data: Pick<TraceColumns, 'time' | 'value' | 'quality' | 'min' | 'max'>,
  start: number,
  end: number,
  from: UnixMicros,
  perMicro: number,
  columns: number,
  into: ColumnReduction,
  runOpen: boolean,
): boolean {
  const { time, value, quality, min, max } = data;
  const { count, first, last, low, high, sum, mark } = into;
  let open = runOpen;
  for (let i = start; i < end; i++) {
    const v = value[i]!;
    const q = quality[i]!;
    if (q >= 0x8000 || Number.isNaN(v)) {
      open = false;
      continue;
    }
    let c = Math.floor((time[i]! - from) * perMicro);
    if (c < 0) c = 0;
    else if (c >= columns) c = columns - 1;
    const smallest = min === null ? v : min[i]!;
    const largest = max === null ? v : max[i]!;
    if (count[c] === 0) {
      count[c] = 1;
      first[c] = v;
      low[c] = Number.isNaN(smallest) ? v : smallest;
      high[c] = Number.isNaN(largest) ? v : largest;
      sum[c] = v;
      mark[c] = (open ? 0 : RUN_STARTS) | (q >= 0x4000 ? UNCERTAIN : 0);
    } else {
      count[c]!++;
      sum[c]! += v;
      if (smallest < low[c]!) low[c] = smallest;
      if (largest > high[c]!) high[c] = largest;
      if (q >= 0x4000) mark[c]! |= UNCERTAIN;
    }
    last[c] = v;
    open = true;
  }
  return open;
}

function ensurePoints(sketch: Sketch, needed: number): void {
  if (sketch.x.length >= needed) return;
  const size = Math.max(needed, sketch.x.length * 2);
  const x = new Float64Array(size);
  const value = new Float64Array(size);
  const mark = new Uint8Array(size);
  x.set(sketch.x);
  value.set(sketch.value);
  mark.set(sketch.mark);
  sketch.x = x;
  sketch.value = value;
  sketch.mark = mark;
}

function addBad(sketch: Sketch, from: number, to: number): void {
  const start = Math.max(0, from);
  const end = Math.min(sketch.columns, to);
  if (!(end > start)) return;
  const n = sketch.badLength;
  // Neighbouring stretches become one; a pulled plug gives one bad sample per poll.
  if (n > 0 && start <= sketch.bad[n - 1]! + 1) {
    if (end > sketch.bad[n - 1]!) sketch.bad[n - 1] = end;
    return;
  }
  if (n + 2 > sketch.bad.length) {
    const grown = new Float64Array(sketch.bad.length * 2);
    grown.set(sketch.bad);
    sketch.bad = grown;
  }
  sketch.bad[n] = start;
  sketch.bad[n + 1] = end;
  sketch.badLength = n + 2;
}

let shared = createReduction(0);

/**
 * Fills `sketch` for the window `[from, to)` on `columns` device pixels. The segments are ascending and do not overlap.
 * `step` traces hold their value until the next sample; others are joined by straight lines.
 */
export function fillSketch(
  sketch: Sketch,
  segments: readonly TraceSegment[],
  from: UnixMicros,
  to: UnixMicros,
  columns: number,
  step: boolean,
): void {
  sketch.length = 0;
  sketch.badLength = 0;
  sketch.points = 0;
  sketch.anyUncertain = false;
  sketch.anyBand = false;
  sketch.min = Number.POSITIVE_INFINITY;
  sketch.max = Number.NEGATIVE_INFINITY;
  sketch.columns = columns;
  if (sketch.low.length < columns) {
    sketch.low = new Float64Array(columns);
    sketch.high = new Float64Array(columns);
  }
  sketch.low.fill(Number.NaN, 0, columns);
  if (columns <= 0 || !(to > from)) return;
  let total = 0;
  for (const segment of segments) {
    if (segment.to <= from || segment.from >= to) continue;
    const { time } = segment.columns;
    total += lowerBound(time, Math.min(segment.to, to)) - lowerBound(time, Math.max(segment.from, from));
  }
  sketch.points = total;
  const perMicro = columns / (to - from);
  if (total > DENSE * columns) fillDense(sketch, segments, from, to, perMicro, step);
  else fillSparse(sketch, segments, from, to, perMicro, step);
  markBad(sketch, segments, from, to, perMicro);
}

function fillDense(
  sketch: Sketch,
  segments: readonly TraceSegment[],
  from: UnixMicros,
  to: UnixMicros,
  perMicro: number,
  step: boolean,
): void {
  const { columns } = sketch;
  if (shared.count.length < columns) shared = createReduction(columns);
  shared.count.fill(0, 0, columns);
  let open = false;
  let readTo = Number.NEGATIVE_INFINITY;
  for (const segment of segments) {
    if (segment.to <= from || segment.from >= to) continue;
    // No line over a stretch that was not read yet.
    if (segment.from > readTo) open = false;
    readTo = segment.to;
    const { time, gaps } = segment.columns;
    const end = lowerBound(time, Math.min(segment.to, to));
    let start = lowerBound(time, Math.max(segment.from, from));
    // Gaps cut the samples into runs even where no bad sample stands for them.
    for (const gap of gaps) {
      const cut = lowerBound(time, gap.range.to, start, end);
      if (gap.range.to <= from || gap.range.from >= to || cut >= end) continue;
      open = reduceToColumns(segment.columns, start, cut, from, perMicro, columns, shared, open);
      open = false;
      start = cut;
    }
    open = reduceToColumns(segment.columns, start, end, from, perMicro, columns, shared, open);
  }
  ensurePoints(sketch, columns + 2);
  const { x, value, mark, low, high } = sketch;
  let n = 0;
  for (let c = 0; c < columns; c++) {
    const count = shared.count[c]!;
    if (count === 0) continue;
    const smallest = shared.low[c]!;
    const largest = shared.high[c]!;
    x[n] = c + 0.5;
    value[n] = step ? shared.last[c]! : shared.sum[c]! / count;
    mark[n] = n === 0 ? shared.mark[c]! | RUN_STARTS : shared.mark[c]!;
    if ((mark[n]! & UNCERTAIN) !== 0) sketch.anyUncertain = true;
    n++;
    low[c] = smallest;
    high[c] = largest;
    if (largest > smallest) sketch.anyBand = true;
    widen(sketch, smallest, largest);
  }
  sketch.length = n;
}

/** Beyond it no scale has steps: infinite values, and the largest numbers there are, which often stand for "none". */
const LARGEST = 1e300;

function widen(sketch: Sketch, smallest: number, largest: number): void {
  if (smallest < sketch.min && Math.abs(smallest) < LARGEST) sketch.min = smallest;
  if (largest > sketch.max && Math.abs(largest) < LARGEST) sketch.max = largest;
}

function fillSparse(
  sketch: Sketch,
  segments: readonly TraceSegment[],
  from: UnixMicros,
  to: UnixMicros,
  perMicro: number,
  step: boolean,
): void {
  ensurePoints(sketch, sketch.points * 2 + 2 * segments.length + 4);
  const right = sketch.columns + MARGIN;
  let runOpen = false;
  let previousTime = Number.NEGATIVE_INFINITY;
  let lastSegment = -1;
  for (let s = 0; s < segments.length; s++) if (segments[s]!.from < to && segments[s]!.to > from) lastSegment = s;
  let firstDone = false;
  let readTo = Number.NEGATIVE_INFINITY;
  for (let s = 0; s <= lastSegment; s++) {
    const segment = segments[s]!;
    if (segment.to <= from || segment.from >= to) continue;
    const { time, value, quality, min, max, gaps } = segment.columns;
    const begin = Math.max(segment.from, from);
    const finish = Math.min(segment.to, to);
    if (firstDone && segment.from > readTo) {
      if (step && runOpen) holdUntil(sketch, (readTo - from) * perMicro, right);
      runOpen = false;
    }
    readTo = segment.to;
    let start = lowerBound(time, begin);
    let end = lowerBound(time, finish);
    // One sample beyond each side of the window, so that lines come in from the edge and leave over it.
    if (start > 0 && (!firstDone || begin === from)) start--;
    if (s === lastSegment && end < time.length) end++;
    firstDone = true;
    let g = 0;
    for (let i = start; i < end; i++) {
      const at = time[i]!;
      if (at <= previousTime) continue;
      while (g < gaps.length && gaps[g]!.range.to <= at) {
        // A merged point stands in the middle of its samples, which may be behind where the gap begins.
        if (gaps[g]!.range.to > previousTime) {
          const ends = Math.max(gaps[g]!.range.from, previousTime);
          if (step && runOpen) holdUntil(sketch, (ends - from) * perMicro, right);
          runOpen = false;
        }
        g++;
      }
      previousTime = at;
      const v = value[i]!;
      const q = quality[i]!;
      const px = (at - from) * perMicro;
      if (isBad(q) || Number.isNaN(v)) {
        if (step && runOpen) holdUntil(sketch, px, right);
        runOpen = false;
        continue;
      }
      addPoint(sketch, px, v, (runOpen ? 0 : RUN_STARTS) | (isGood(q) ? 0 : UNCERTAIN), right, step);
      runOpen = true;
      const inside = px >= 0 && px < sketch.columns;
      const smallest = min === null ? v : min[i]!;
      const largest = max === null ? v : max[i]!;
      if (inside || (step && px < 0)) {
        widen(sketch, smallest, largest);
      }
      if (min !== null && largest > smallest) {
        // A merged point stands in the middle of the samples it stands for. Toward a stretch without points its band
        // ends as soon as toward the side that has some.
        const toPrevious = i > 0 ? (at - time[i - 1]!) * perMicro : 1;
        const toNext = i + 1 < time.length ? (time[i + 1]! - at) * perMicro : 1;
        const most = Math.min(toPrevious, toNext);
        const before = px - Math.min(toPrevious / 2, most);
        const after = px + Math.min(toNext / 2, most);
        const limit = (finish - from) * perMicro;
        if (px < limit)
          addBand(sketch, Math.max(before, (begin - from) * perMicro), Math.min(after, limit), smallest, largest);
      }
    }
  }
}

/** Extends a held value to where it ends. */
function holdUntil(sketch: Sketch, px: number, right: number): void {
  const n = sketch.length;
  if (n === 0 || px <= sketch.x[n - 1]!) return;
  ensurePoints(sketch, n + 1);
  sketch.x[n] = Math.min(px, right);
  sketch.value[n] = sketch.value[n - 1]!;
  sketch.mark[n] = sketch.mark[n - 1]! & UNCERTAIN;
  sketch.length = n + 1;
}

function addPoint(sketch: Sketch, px: number, v: number, mark: number, right: number, step: boolean): void {
  const n = sketch.length;
  ensurePoints(sketch, n + 1);
  const starts = (mark & RUN_STARTS) !== 0;
  // Far points are moved to the margin along their line: canvas coordinates are single precision.
  if (n > 0 && !starts && sketch.x[n - 1]! < -MARGIN) {
    const fromX = sketch.x[n - 1]!;
    if (!step) sketch.value[n - 1]! += ((v - sketch.value[n - 1]!) * (-MARGIN - fromX)) / (px - fromX);
    sketch.x[n - 1] = -MARGIN;
  }
  let atX = px;
  let atV = v;
  if (px > right) {
    if (n > 0 && !starts) {
      const fromX = sketch.x[n - 1]!;
      const fromV = sketch.value[n - 1]!;
      atV = step ? fromV : fromV + ((v - fromV) * (right - fromX)) / (px - fromX);
    }
    atX = right;
  }
  sketch.x[n] = atX;
  sketch.value[n] = atV;
  sketch.mark[n] = mark;
  if ((mark & UNCERTAIN) !== 0) sketch.anyUncertain = true;
  sketch.length = n + 1;
}

function addBand(sketch: Sketch, from: number, until: number, smallest: number, largest: number): void {
  const start = Math.max(0, Math.floor(from));
  const end = Math.min(sketch.columns, Math.max(start + 1, Math.ceil(until)));
  const { low, high } = sketch;
  for (let c = start; c < end; c++) {
    if (Number.isNaN(low[c]!)) {
      low[c] = smallest;
      high[c] = largest;
    } else {
      if (smallest < low[c]!) low[c] = smallest;
      if (largest > high[c]!) high[c] = largest;
    }
    sketch.anyBand = true;
  }
}

/** A bad sample holds until the next sample that is not bad, or to the end of what is known. */
function markBad(
  sketch: Sketch,
  segments: readonly TraceSegment[],
  from: UnixMicros,
  to: UnixMicros,
  perMicro: number,
): void {
  let badSince = Number.NaN;
  let knownTo = Number.NaN;
  for (const segment of segments) {
    if (segment.to <= from || segment.from >= to) continue;
    const { time, value, quality } = segment.columns;
    let start = lowerBound(time, Math.max(segment.from, from));
    const end = lowerBound(time, Math.min(segment.to, to));
    if (start > 0 && Number.isNaN(knownTo)) start--;
    for (let i = start; i < end; i++) {
      const bad = quality[i]! >= 0x8000 || Number.isNaN(value[i]!);
      if (bad === !Number.isNaN(badSince)) continue;
      const px = (time[i]! - from) * perMicro;
      if (bad) badSince = px;
      else {
        addBad(sketch, badSince, Math.max(px, badSince + 1));
        badSince = Number.NaN;
      }
    }
    if (end > 0) knownTo = (Math.min(segment.to, to) - from) * perMicro;
  }
  if (!Number.isNaN(badSince)) addBad(sketch, badSince, Math.max(badSince + 1, knownTo));
  const before = sketch.badLength;
  for (const segment of segments) {
    for (const gap of segment.columns.gaps) {
      const start = Math.max(gap.range.from, from, segment.from);
      const end = Math.min(gap.range.to, to, segment.to);
      if (end > start)
        addBad(sketch, (start - from) * perMicro, Math.max((end - from) * perMicro, (start - from) * perMicro + 1));
    }
  }
  if (sketch.badLength > before && before > 0) sortBad(sketch);
}

/** Gaps and bad samples may interleave; the strip wants them in order and joined. */
function sortBad(sketch: Sketch): void {
  const pairs: [number, number][] = [];
  for (let i = 0; i < sketch.badLength; i += 2) pairs.push([sketch.bad[i]!, sketch.bad[i + 1]!]);
  pairs.sort((a, b) => a[0] - b[0]);
  sketch.badLength = 0;
  for (const [start, end] of pairs) addBad(sketch, start, end);
}
