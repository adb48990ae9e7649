import type { Gap, Quality, UnixMicros } from '#shared/model/index.ts';

/** Columns of one tag over a stretch of time, ascending; nothing here is copied on the way to the canvas. */
export interface TraceColumns {
  readonly time: Float64Array;
  readonly value: Float64Array;
  readonly quality: Uint16Array;
  /** Present where points were merged: smallest and largest good value of the samples around a point. */
  readonly min: Float64Array | null;
  readonly max: Float64Array | null;
  readonly gaps: readonly Gap[];
}

/**
 * The part `[from, to)` of the columns that is to be drawn. Columns may reach beyond it: the sample before the first
 * segment and the one after the last let lines reach the edges.
 */
export interface TraceSegment {
  readonly columns: TraceColumns;
  readonly from: UnixMicros;
  readonly to: UnixMicros;
}

/** What holds at a time: the last sample at or before it. */
export interface HeldSample {
  readonly time: UnixMicros;
  readonly value: number;
  readonly quality: Quality;
  /** Extremes where the point stands for several samples. */
  readonly min: number | null;
  readonly max: number | null;
  /** A gap that covers the asked time and begins after the sample. */
  readonly gap: Gap | null;
}

/** Index of the first element at or after `time`, in `[low, high]`. */
export function lowerBound(column: Float64Array, time: number, low = 0, high = column.length): number {
  let first = low;
  let last = high;
  while (first < last) {
    const middle = (first + last) >>> 1;
    if (column[middle]! < time) first = middle + 1;
    else last = middle;
  }
  return first;
}

/** Index of the first element after `time`. */
export function upperBound(column: Float64Array, time: number, low = 0, high = column.length): number {
  let first = low;
  let last = high;
  while (first < last) {
    const middle = (first + last) >>> 1;
    if (column[middle]! <= time) first = middle + 1;
    else last = middle;
  }
  return first;
}

/**
 * The last sample at or before `time`, never the nearest. A segment's samples count only inside its own stretch, but
 * for the first segment, whose leading sample says what held when the stretch began. Null where no segment covers the
 * time: what an unread stretch holds is not known, and what came before it says nothing.
 */
export function heldAt(segments: readonly TraceSegment[], time: UnixMicros): HeldSample | null {
  for (let s = segments.length - 1; s >= 0; s--) {
    const segment = segments[s]!;
    if (segment.from > time) continue;
    const { columns } = segment;
    const later = segments[s + 1];
    if (time >= segment.to && (later === undefined || later.from !== segment.to)) return null;
    const end = time < segment.to ? upperBound(columns.time, time) : lowerBound(columns.time, segment.to);
    const index = end - 1;
    const known =
      index >= 0 && (s === 0 || segments[s - 1]!.to !== segment.from || columns.time[index]! >= segment.from);
    if (!known) continue;
    return heldSample(segments, s, index, time);
  }
  return null;
}

function heldSample(segments: readonly TraceSegment[], s: number, index: number, asked: UnixMicros): HeldSample {
  const { columns } = segments[s]!;
  const time = columns.time[index]!;
  let gap: Gap | null = null;
  for (let i = s; i < segments.length && gap === null; i++) {
    for (const candidate of segments[i]!.columns.gaps) {
      const { from, to } = candidate.range;
      // A merged point stands in the middle of its samples, which may be behind where the gap begins.
      const since = columns.min !== null || from >= time;
      if (since && from <= asked && asked < to) {
        gap = candidate;
        break;
      }
    }
  }
  return {
    time,
    value: columns.value[index]!,
    quality: columns.quality[index]!,
    min: columns.min?.[index] ?? null,
    max: columns.max?.[index] ?? null,
    gap,
  };
}

/** True where the point at `time` stands for several samples, so that a step by sample needs the historian. */
export function isMergedAt(segments: readonly TraceSegment[], time: UnixMicros): boolean {
  const segment = segments.find((one) => one.from <= time && time < one.to);
  return segment !== undefined && segment.columns.min !== null;
}
