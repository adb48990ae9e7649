import type { TimeRange, UnixMicros } from '#shared/model/index.ts';
import type { ValueRange } from './value-ticks.ts';

/** The narrowest window: below it double precision and microsecond times have nothing more to show. */
export const LEAST_SPAN = 50;
/** Sixty years. */
export const MOST_SPAN = 60 * 366 * 86_400 * 1e6;

const clampSpan = (span: number): number => Math.min(MOST_SPAN, Math.max(LEAST_SPAN, span));

/** Times are integer microseconds, also those of a window's edges. */
export function roundWindow(range: TimeRange): TimeRange {
  const from = Math.round(range.from);
  return { from, to: from + Math.round(clampSpan(range.to - range.from)) };
}

/** `factor` below 1 goes closer; `at` keeps its place. */
export function zoomWindow(range: TimeRange, at: UnixMicros, factor: number): TimeRange {
  const span = clampSpan((range.to - range.from) * factor);
  const share = (at - range.from) / (range.to - range.from);
  const from = at - share * span;
  return roundWindow({ from, to: from + span });
}

export function panWindow(range: TimeRange, by: number): TimeRange {
  return roundWindow({ from: range.from + by, to: range.to + by });
}

/** Moves the edges onto whole pixels of the time grid, so that pixel columns keep their samples while the window moves. */
export function snapWindow(range: TimeRange, pixels: number): TimeRange {
  const span = range.to - range.from;
  const perPixel = span / Math.max(1, pixels);
  const from = Math.floor(range.from / perPixel) * perPixel;
  return { from, to: from + span };
}

export function zoomValues(range: ValueRange, at: number, factor: number): ValueRange {
  const low = at - (at - range.low) * factor;
  const high = at + (range.high - at) * factor;
  const smallest = Math.max(Math.abs(low), Math.abs(high)) * 1e-12;
  return high - low > smallest && Number.isFinite(high - low) ? { low, high } : range;
}

export function panValues(range: ValueRange, by: number): ValueRange {
  return { low: range.low + by, high: range.high + by };
}

export interface ViewState<A> {
  readonly range: TimeRange;
  /** Whether the window follows the newest sample. */
  readonly follow: boolean;
  /** What else the view holds: ranges of the axes. */
  readonly axes: A;
}

/**
 * Steps back through what was looked at. A wheel turn or a drag is many changes and one step: changes less than `pauseMs`
 * apart are joined.
 */
export interface ZoomHistory<A> {
  /** Call with the view as it is before a change. */
  remember(view: ViewState<A>, nowMs: number): void;
  /** A hand goes down: until it lets go all changes are one step, however long it rests in between. */
  beginGesture(): void;
  /** The next change begins a step of its own, however soon it comes. */
  endGesture(): void;
  back(current: ViewState<A>): ViewState<A> | null;
  forward(current: ViewState<A>): ViewState<A> | null;
  readonly depth: number;
}

export function createZoomHistory<A>(limit = 100, pauseMs = 500): ZoomHistory<A> {
  const past: ViewState<A>[] = [];
  const future: ViewState<A>[] = [];
  let lastChange = Number.NEGATIVE_INFINITY;
  let gesture: 'none' | 'begun' | 'changed' = 'none';
  return {
    remember(view, nowMs) {
      const joins = gesture === 'changed' || (gesture === 'none' && nowMs - lastChange < pauseMs);
      lastChange = nowMs;
      if (gesture === 'begun') gesture = 'changed';
      if (joins && past.length > 0) return;
      past.push(view);
      if (past.length > limit) past.shift();
      future.length = 0;
    },
    beginGesture() {
      gesture = 'begun';
    },
    endGesture() {
      gesture = 'none';
      lastChange = Number.NEGATIVE_INFINITY;
    },
    back(current) {
      lastChange = Number.NEGATIVE_INFINITY;
      const view = past.pop();
      if (view === undefined) return null;
      future.push(current);
      return view;
    },
    forward(current) {
      lastChange = Number.NEGATIVE_INFINITY;
      const view = future.pop();
      if (view === undefined) return null;
      past.push(current);
      return view;
    },
    get depth() {
      return past.length;
    },
  };
}
