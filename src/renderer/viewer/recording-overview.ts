import { createMiniMap, type HueBook } from '#renderer/plot/index.ts';
import type { Gap, HistoryEvent, TimeRange, TrendDocument, UnixMicros } from '#shared/model/index.ts';
import { createTraceStore } from './trace-store.ts';
import { allTagIds, isStep, type TraceTag } from './trend-model.ts';
import type { TrendSource } from './trend-source.ts';

export interface RecordingOverview extends Disposable {
  /** Ends of the data, the present included where it is recorded; null while unknown or when there is none. */
  readonly whole: TimeRange | null;
  readonly events: readonly HistoryEvent[];
  setTrend(trend: TrendDocument, tags: ReadonlyMap<string, TraceTag>): void;
  /** Something has moved; drawn at most four times a second unless forced. */
  paint(force: boolean): void;
  /** Asks for the ends, gaps and events anew. */
  load(): Promise<void>;
  refreshColours(): void;
}

const LOAD_MS = 10_000;
const PAINT_MS = 250;
const MAX_BYTES = 8 * 1024 * 1024;

/** The strip below the plots and what it is made of: the whole recording, its gaps and events, one trace for a landmark. */
export function createRecordingOverview(options: {
  readonly host: HTMLElement;
  readonly source: TrendSource;
  readonly hues: HueBook;
  readonly now: () => UnixMicros;
  readonly window: () => TimeRange;
  readonly onWindow: (window: TimeRange) => void;
  readonly onBegin: () => void;
  readonly onEnd: () => void;
  readonly onLoaded: (bounds: TimeRange | null, events: readonly HistoryEvent[]) => void;
  readonly onError: (error: unknown) => void;
}): RecordingOverview {
  const { source, now } = options;
  const live = source.live !== null;
  let trend: TrendDocument | null = null;
  let tags: ReadonlyMap<string, TraceTag> = new Map();
  let bounds: TimeRange | null = null;
  let gaps: readonly TimeRange[] = [];
  let events: readonly HistoryEvent[] = [];
  let painted = Number.NEGATIVE_INFINITY;
  let timer: number | undefined;
  const abort = new AbortController();

  const store = createTraceStore({
    history: source.history,
    // The strip reaches into the present too, but a minute late is soon enough: no live samples there.
    live: live ? { read: () => undefined, completeFrom: () => Number.NaN, texts: () => new Map(), revision: 0 } : null,
    now,
    onChange: () => paint(true),
    // The plots ask for the same history and say what is wrong with it.
    onError: () => undefined,
    maxBytes: MAX_BYTES,
  });
  const map = createMiniMap({
    host: options.host,
    onWindow: options.onWindow,
    onBegin: options.onBegin,
    onEnd: options.onEnd,
  });

  const whole = (): TimeRange | null =>
    bounds === null || !live ? bounds : { from: bounds.from, to: Math.max(bounds.to, now()) };

  function paint(force: boolean): void {
    const at = performance.now();
    if (!force && at - painted < PAINT_MS) {
      timer ??= window.setTimeout(() => {
        timer = undefined;
        paint(true);
      }, PAINT_MS);
      return;
    }
    painted = at;
    const range = whole();
    const landmark = trend?.plots
      .flatMap((plot) => plot.traces)
      .find((trace) => trace.visible && tags.has(trace.tagId));
    const tag = landmark === undefined ? undefined : tags.get(landmark.tagId);
    let outline = null;
    if (range !== null && tag !== undefined && trend !== null) {
      store.setTags([tag.id]);
      store.prepare(range, Math.max(1, options.host.clientWidth));
      outline = {
        segments: store.segments(tag.id),
        hue: options.hues.hueOf(tag.id, allTagIds(trend)),
        step: isStep(tag),
      };
    }
    map.update({ bounds: range, window: options.window(), gaps, events, outline });
  }

  async function load(): Promise<void> {
    try {
      bounds = await source.bounds(abort.signal);
      options.onLoaded(bounds, events);
      const range = whole();
      if (range === null) return;
      const [foundGaps, foundEvents] = await Promise.all([
        source.gaps(range, abort.signal),
        source.events(range, abort.signal),
      ]);
      gaps = joinGaps(foundGaps);
      events = foundEvents;
      options.onLoaded(bounds, events);
      paint(true);
    } catch (error) {
      if (!abort.signal.aborted) options.onError(error);
    }
  }
  const loading = live ? window.setInterval(() => void load(), LOAD_MS) : undefined;

  return {
    get whole() {
      return whole();
    },
    get events() {
      return events;
    },
    setTrend(next, nextTags) {
      trend = next;
      tags = nextTags;
      paint(false);
    },
    paint,
    load,
    refreshColours: () => map.refreshColours(),
    [Symbol.dispose]() {
      abort.abort();
      clearInterval(loading);
      clearTimeout(timer);
      store[Symbol.dispose]();
      map[Symbol.dispose]();
    },
  };
}

/** Gaps of several tags as one list, each stretch once. */
function joinGaps(gaps: readonly Gap[]): TimeRange[] {
  const sorted = [...gaps].sort((a, b) => a.range.from - b.range.from);
  const joined: { from: number; to: number }[] = [];
  for (const { range } of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && range.from <= last.to) last.to = Math.max(last.to, range.to);
    else joined.push({ from: range.from, to: range.to });
  }
  return joined;
}
