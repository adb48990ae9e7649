import { heldAt, lowerBound, type TraceSegment, upperBound } from '#renderer/plot/index.ts';
import type { UnixMicros } from '#shared/model/index.ts';

export type Direction = 1 | -1;

/** Time of the next or previous sample strictly beside `time`; null at the end of what is in memory. */
export function sampleBeside(
  segments: readonly TraceSegment[],
  time: UnixMicros,
  direction: Direction,
): UnixMicros | null {
  if (direction > 0) {
    for (const { columns, from, to } of segments) {
      if (to <= time) continue;
      const index = upperBound(columns.time, Math.max(time, from - 1));
      const found = columns.time[index];
      if (found !== undefined && found < to) return found;
    }
    return null;
  }
  for (let s = segments.length - 1; s >= 0; s--) {
    const { columns, from, to } = segments[s]!;
    if (from >= time) continue;
    const found = columns.time[lowerBound(columns.time, Math.min(time, to)) - 1];
    if (found !== undefined && found >= from) return found;
  }
  return null;
}

/** `count` samples on, or as far as there are any. */
export function stepSamples(
  segments: readonly TraceSegment[],
  time: UnixMicros,
  direction: Direction,
  count: number,
): UnixMicros | null {
  let at: UnixMicros | null = null;
  for (let i = 0; i < count; i++) {
    const next = sampleBeside(segments, at ?? time, direction);
    if (next === null) break;
    at = next;
  }
  return at;
}

/**
 * The next place where the value changes by more than `threshold` from what holds at `time`, or where it becomes good or
 * bad. A merged point counts as an edge where its extremes lie farther apart than that.
 */
export function edgeBeside(
  segments: readonly TraceSegment[],
  time: UnixMicros,
  direction: Direction,
  threshold: number,
): UnixMicros | null {
  const start = heldAt(segments, time);
  let reference = start === null || start.quality >= 0x8000 ? Number.NaN : start.value;
  if (direction > 0) {
    for (const { columns, from, to } of segments) {
      if (to <= time) continue;
      const end = lowerBound(columns.time, to);
      for (let i = Math.max(upperBound(columns.time, time), lowerBound(columns.time, from)); i < end; i++) {
        const value = columns.quality[i]! >= 0x8000 ? Number.NaN : columns.value[i]!;
        if (differs(reference, value, threshold) || spread(columns, i) > threshold) return columns.time[i]!;
      }
    }
    return null;
  }
  // Backward: an edge is where the earlier sample differs from the later one, so the later one's time is it.
  let laterTime: UnixMicros | null = start?.time ?? null;
  for (let s = segments.length - 1; s >= 0; s--) {
    const { columns, from, to } = segments[s]!;
    if (from >= time) continue;
    const first = lowerBound(columns.time, from);
    for (let i = lowerBound(columns.time, Math.min(time, to)) - 1; i >= first; i--) {
      const at = columns.time[i]!;
      const value = columns.quality[i]! >= 0x8000 ? Number.NaN : columns.value[i]!;
      if (spread(columns, i) > threshold && at < time) return at;
      if (differs(reference, value, threshold)) {
        if (laterTime !== null && laterTime < time) return laterTime;
        // The cursor stands on the edge itself: look for the one before.
        reference = value;
      }
      laterTime = at;
    }
  }
  return null;
}

function differs(one: number, two: number, threshold: number): boolean {
  if (Number.isNaN(one) || Number.isNaN(two)) return Number.isNaN(one) !== Number.isNaN(two);
  return Math.abs(one - two) > threshold;
}

function spread(columns: TraceSegment['columns'], index: number): number {
  return columns.min === null || columns.max === null ? 0 : columns.max[index]! - columns.min[index]!;
}
