import { createMiniMap, type HueBook } from '#renderer/plot/index.ts';
import type { Gap, HistoryEvent, TimeRange, TrendDocument, UnixMicros } from '#shared/model/index.ts';
import { together } from './source-reader.ts';
import { isPlain } from './trace-key.ts';
import { createTraceStore } from './trace-store.ts';
import { allTagIds, isStep, type TraceTag } from './trend-model.ts';
import type { TrendSource } from './trend-source.ts';

export interface RecordingOverview extends Disposable {
  /**
   * Ends of the data, those of traces of other sources and shifted ones and the present where it is recorded included;
   * null while unknown or when there is none.
   */
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
/** How often the ends of what other sources have are asked for: their databases are spared. */
const ENDS_MS = 60_000;
const PAINT_MS = 250;
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * The strip below the plots and what it is made of: the whole recording with what the other traces have beyond it, its
 * gaps and events, one trace for a landmark. Of a landmark from elsewhere the gaps are its own.
 */
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
  /** Of the traces that are not the recording's own as they are, and which these were when they were asked for. */
  let beyond: TimeRange | null = null;
  let beyondOf = '';
  let beyondAt = Number.NEGATIVE_INFINITY;
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

  const ownWhole = (): TimeRange | null =>
    bounds === null || !live ? bounds : { from: bounds.from, to: Math.max(bounds.to, now()) };
  const whole = (): TimeRange | null => together(ownWhole(), beyond);

  async function loadEnds(): Promise<void> {
    const keys = trend === null ? [] : allTagIds(trend).filter((key) => !isPlain(key));
    const asked = keys.join('\n');
    if (asked === beyondOf && performance.now() - beyondAt < ENDS_MS) return;
    if (asked !== beyondOf) beyond = null;
    beyondOf = asked;
    beyondAt = performance.now();
    const found = keys.length === 0 ? null : await source.history.ends(keys, abort.signal);
    if (beyondOf !== asked) return;
    beyond = found;
    paint(true);
  }

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
    // What a trace of another source lacks is its own; where this recording had stopped says nothing of it.
    const elsewhere = tag !== undefined && outline !== null && !isPlain(tag.id);
    const missing = elsewhere ? joinGaps(outline!.segments.flatMap(({ columns }) => columns.gaps)) : gaps;
    map.update({ bounds: range, window: options.window(), gaps: missing, events, outline });
  }

  async function load(): Promise<void> {
    try {
      bounds = await source.bounds(abort.signal);
      options.onLoaded(bounds, events);
      void loadEnds().catch(ignoreAway);
      const range = ownWhole();
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
  // Whoever else asks says that the link is gone.
  const ignoreAway = (): void => undefined;
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
      void loadEnds().catch(ignoreAway);
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
