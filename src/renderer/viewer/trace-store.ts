import { lowerBound, type PlotSource, type TraceSegment, type TraceStatistics } from '#renderer/plot/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { Sample, TimeRange, UnixMicros } from '#shared/model/index.ts';
import {
  createTileCache,
  EMPTY_SERIES,
  levelFor,
  type Piece,
  type ReceivedSeries,
  TILE_PIXELS,
  type TileAddress,
  tileOf,
  tileRange,
  tilesOver,
} from './tiles.ts';

/** Samples that arrive while one looks; as the client's trace feed gives them. */
export interface LiveTraces {
  /** Ascending; valid until the next append. Includes the sample before `from`. */
  read(
    tagId: string,
    from?: UnixMicros,
  ):
    | {
        readonly length: number;
        readonly time: Float64Array;
        readonly value: Float64Array;
        readonly quality: Uint16Array;
      }
    | undefined;
  /** From here on every sample is in memory; NaN while none came. */
  completeFrom(tagId: string): UnixMicros;
  texts(tagId: string): ReadonlyMap<number, string>;
  readonly revision: number;
}

type LiveView = NonNullable<ReturnType<LiveTraces['read']>>;

export interface ReadSeries {
  readonly series: readonly (ReceivedSeries & { readonly tag: string })[];
  /** Traces whose source did not answer, and why; they are asked for again. */
  readonly failed?: { readonly tags: readonly string[]; readonly reason: string };
}

/** How samples still come to a trace that has no live end. */
export interface TraceGrowth {
  /** Microseconds by which it is shown later: its present is so much after ours. */
  readonly shift: number;
  /** How soon what reaches into the present is asked for again, at the least. */
  readonly everyMs: number;
  /** How long after its time a sample may be stored, microseconds. */
  readonly settle: number;
}

/** What the store asks of the engine. Rejections are `AppError`s. */
export interface HistoryReader {
  view(
    input: { readonly tags: readonly string[]; readonly range: TimeRange; readonly pixels: number },
    signal: AbortSignal,
  ): AsyncIterable<ReadSeries>;
  neighbours(
    tagId: string,
    time: UnixMicros,
    signal: AbortSignal,
  ): Promise<{ readonly before: Sample | null; readonly after: Sample | null }>;
  /** Of every sample of the range, as tags are ready; `result` null where nothing is known. */
  statistics(
    tagIds: readonly string[],
    range: TimeRange,
    signal: AbortSignal,
  ): AsyncIterable<{ readonly tag: string; readonly result: TraceStatistics | null }>;
  /** Null for a trace that nothing is added to any more. Absent: with the live end, where there is one. */
  growth?(tagId: string): TraceGrowth | null;
}

export interface TraceStoreOptions {
  readonly history: HistoryReader;
  /** Null when an opened recording is looked at: nothing arrives there. */
  readonly live: LiveTraces | null;
  readonly now: () => UnixMicros;
  /** Finer data has come or a request has failed: draw anew. */
  readonly onChange: () => void;
  readonly onError: (error: unknown) => void;
  readonly maxBytes?: number;
  readonly timer?: { set(run: () => void, ms: number): unknown; clear(id: unknown): void };
}

export interface TraceStore extends PlotSource, Disposable {
  setTags(tagIds: readonly string[]): void;
  /** Segments over any range at the resolution of what is in memory; for statistics, hover and export of the picture. */
  segmentsOver(tagId: string, range: TimeRange): readonly TraceSegment[];
  textOf(tagId: string, value: number): string | undefined;
  /** The link was lost or the engine restarted: what reached into the present is asked for again. */
  refresh(): void;
  /** Requests that are still open. */
  readonly loading: number;
  /** A part of the window is still drawn from coarser or finer data, or not at all. */
  readonly incomplete: boolean;
  readonly bytes: number;
  readonly history: HistoryReader;
  /** Why a trace's source does not answer now; null while it does. What was read before stays. */
  problem(tagId: string): string | null;
  /** Rises when a problem begins or ends. */
  readonly problems: number;
}

/** The historian shows samples a moment after they were seen live: queue, commit and clock may take this long. */
const SETTLE = 2_500_000;
/** How soon a tile that reaches into the present is asked for again, at the least. */
const REFETCH_MS = 1500;
const DEBOUNCE_MS = 30;
/** A window that did not move for so long is asked for at once when it does: the next step is not a drag's. */
const STILL_MS = 200;
/** Parts of a picture that is not complete are drawn this far apart: drawing takes the time that reading the rest needs. */
const PARTIAL_MS = 250;
const IDLE_MS = 300;
const MAX_PARALLEL = 4;
/** Samples per tag that are reduced in each drawing; beyond it the historian's merged points serve the older ones. */
const LIVE_POINTS = 20_000;
const RETRY_MS = 3000;
/** A source that did not answer is left alone for so long. */
const REST_MS = 5000;
const DEFAULT_BYTES = 192 * 1024 * 1024;

const browserTimer = {
  set: (run: () => void, ms: number): unknown => setTimeout(run, ms),
  clear: (id: unknown): void => clearTimeout(id as Parameters<typeof clearTimeout>[0]),
};

interface Wanted {
  readonly address: TileAddress;
  readonly tags: string[];
  /** Smaller comes first. */
  readonly distance: number;
  /** Beside the window: wanted for the next drag. */
  readonly outside: boolean;
}

interface Running {
  readonly address: TileAddress;
  readonly tags: ReadonlySet<string>;
  readonly abort: AbortController;
}

const addressKey = (address: TileAddress): string => `${address.level}/${address.index}`;

/**
 * One picture of a tag out of two sources: tiles of the historian up to a border, and from there on the samples that
 * arrived since the page opened. Nothing is counted twice and nothing falls between, because both sides are cut at the
 * same time and a tile counts only as far as its answer was complete.
 */
export function createTraceStore(options: TraceStoreOptions): TraceStore {
  const { history, live, now } = options;
  const timer = options.timer ?? browserTimer;
  const cache = createTileCache(options.maxBytes ?? DEFAULT_BYTES);
  const segments = new Map<string, TraceSegment[]>();
  const running = new Map<string, Running[]>();
  const askedAt = new Map<string, number>();
  /** Traces whose source failed: until when they rest, in milliseconds, and why. */
  const resting = new Map<string, { readonly until: number; readonly reason: string }>();
  let problems = 0;
  const pieces: Piece[] = [];
  let tagIds: readonly string[] = [];
  let window_: TimeRange = { from: 0, to: 0 };
  let pixels = 1;
  let level = 0;
  let planTimer: unknown;
  let built = '';
  let plannedTiles = '';
  let planDue = Number.POSITIVE_INFINITY;
  let failedUntil = 0;
  let disposed = false;
  let drawTimer: unknown;
  let drawnAt = 0;
  /** Something of the window has come since it was drawn. */
  let undrawn = false;
  let movedAt = 0;

  const growthOf = (tagId: string): TraceGrowth | null =>
    history.growth === undefined
      ? live === null
        ? null
        : { shift: 0, everyMs: REFETCH_MS, settle: SETTLE }
      : history.growth(tagId);
  /** Up to where a trace can have samples; infinite where nothing is added to it. */
  const presentOf = (growth: TraceGrowth | null): UnixMicros =>
    growth === null ? Number.POSITIVE_INFINITY : now() + growth.shift;
  const isResting = (tagId: string): boolean => (resting.get(tagId)?.until ?? 0) > now() / 1000;

  /** Draws what has come: at once where that is all or nothing is on the screen yet, else with what else comes soon. */
  const draw = (): void => {
    if (disposed || !undrawn) return;
    const blank = ![...segments.values()].some((shown) => shown.length > 0);
    const wait = blank || !isIncomplete() ? 0 : drawnAt + PARTIAL_MS - now() / 1000;
    if (wait > 0) {
      drawTimer ??= timer.set(drawParts, wait);
      return;
    }
    timer.clear(drawTimer);
    drawParts();
  };
  const drawParts = (): void => {
    drawTimer = undefined;
    if (disposed || !undrawn) return;
    drawnAt = now() / 1000;
    undrawn = false;
    options.onChange();
  };

  /**
   * Time from which live samples are to be drawn, infinite when there are none: from where they are complete, or later,
   * so that no drawing has to reduce more than `LIVE_POINTS` of them.
   */
  const liveStart = (tagId: string, view: LiveView | undefined): UnixMicros => {
    const from = live?.completeFrom(tagId) ?? Number.NaN;
    if (Number.isNaN(from) || view === undefined || view.length === 0) return Number.POSITIVE_INFINITY;
    const start = lowerBound(view.time, Math.max(from, window_.from), 0, view.length);
    const end = lowerBound(view.time, window_.to, start, view.length);
    return end - start <= LIVE_POINTS ? from : Math.max(from, view.time[end - LIVE_POINTS]!);
  };

  /** Where the live samples take over. Before `liveStart` only as far as the historian's answers leave no hole. */
  const border = (tagId: string, view: LiveView | undefined): UnixMicros => {
    const start = liveStart(tagId, view);
    const from = live?.completeFrom(tagId) ?? Number.NaN;
    if (!(start > from) || start === Number.POSITIVE_INFINITY) return start;
    let reached = Math.max(from, window_.from);
    for (const address of tilesOver({ from: reached, to: start }, level)) {
      const tile = cache.get(tagId, address);
      if (tile === undefined) break;
      const end = tileRange(address).to;
      reached = Math.max(reached, Math.min(end, tile.completeTo));
      if (tile.completeTo < end) break;
    }
    return Math.min(start, reached);
  };

  function build(tagId: string, range: TimeRange, atLevel: number): TraceSegment[] {
    const made: TraceSegment[] = [];
    const view = live?.read(tagId);
    const edge = border(tagId, view);
    if (range.from < edge) {
      cache.cover(tagId, { from: range.from, to: Math.min(range.to, edge) }, atLevel, pieces);
      for (const piece of pieces) made.push({ columns: piece.tile.columns, from: piece.from, to: piece.to });
    }
    if (view !== undefined && view.length > 0 && range.to > edge) {
      const { time, value, quality } = view;
      made.push({
        columns: { time, value, quality, min: null, max: null, gaps: [] },
        from: Math.max(range.from, edge),
        to: range.to,
      });
    }
    return made;
  }

  /** Tiles that the window wants: its own, then half a window on both sides, nearest first. */
  function plan(): readonly Wanted[] {
    const wanted = new Map<string, Wanted>();
    const span = window_.to - window_.from;
    if (!(span > 0) || tagIds.length === 0) return [];
    const middle = (window_.from + window_.to) / 2;
    const addresses = tilesOver({ from: window_.from - span / 2, to: window_.to + span / 2 }, level);
    for (const tagId of tagIds) {
      if (isResting(tagId)) continue;
      const growth = growthOf(tagId);
      const present = presentOf(growth);
      const refetchMs = Math.max(growth?.everyMs ?? 0, span / 1000 / 500);
      const start = liveStart(tagId, live?.read(tagId));
      for (const address of addresses) {
        const range = tileRange(address);
        if (range.from >= start || range.from > present) continue;
        const key = addressKey(address);
        const tile = cache.get(tagId, address);
        if (tile !== undefined) {
          if (growth === null || tile.completeTo >= Math.min(range.to, start, present - growth.settle)) continue;
          const asked = askedAt.get(`${tagId}/${key}`) ?? 0;
          if (now() / 1000 - asked < refetchMs) continue;
        }
        const entry = wanted.get(key);
        if (entry !== undefined) {
          entry.tags.push(tagId);
          continue;
        }
        const outside = range.to <= window_.from || range.from >= window_.to;
        const distance = Math.abs((range.from + range.to) / 2 - middle);
        wanted.set(key, { address, tags: [tagId], distance, outside });
      }
    }
    const all = [...wanted.values()].sort((a, b) => a.distance - b.distance);
    // What lies beside the window is fetched when the window itself is complete.
    const visible = all.filter((entry) => !entry.outside);
    return visible.length > 0 ? visible : all;
  }

  function pump(): void {
    planTimer = undefined;
    planDue = Number.POSITIVE_INFINITY;
    if (disposed) return;
    const present = now();
    if (present / 1000 < failedUntil) {
      schedule(Math.max(DEBOUNCE_MS, failedUntil - present / 1000));
      return;
    }
    const wanted = plan();
    let open = 0;
    for (const list of running.values()) {
      for (const request of list) {
        if (isNear(request.address)) open++;
        else request.abort.abort();
      }
    }
    for (const entry of wanted) {
      if (open >= MAX_PARALLEL) break;
      const key = addressKey(entry.address);
      const underWay = running.get(key) ?? [];
      const tags = entry.tags.filter((tagId) => !underWay.some((request) => request.tags.has(tagId)));
      if (tags.length === 0) continue;
      open++;
      void fetchTile(entry.address, tags);
    }
    const until = Math.min(...[...resting.values()].map((one) => one.until).filter((at) => at > present / 1000));
    if (until < Number.POSITIVE_INFINITY) schedule(until - present / 1000);
  }

  /** Whether an answer would still be of use for the window as it is now. */
  function isNear(address: TileAddress): boolean {
    const span = window_.to - window_.from;
    const range = tileRange(address);
    return address.level === level && range.to > window_.from - span / 2 && range.from < window_.to + span / 2;
  }

  const isVisible = ({ from, to }: TimeRange): boolean => to > window_.from && from < window_.to;

  /** Whether a tag lacks a tile of the window. */
  function isIncomplete(): boolean {
    const addresses = tilesOver(window_, level);
    return tagIds.some((tagId) => {
      if (isResting(tagId)) return false;
      const present = presentOf(growthOf(tagId));
      const start = liveStart(tagId, live?.read(tagId));
      return addresses.some((address) => {
        const { from } = tileRange(address);
        return from < start && from <= present && cache.get(tagId, address) === undefined;
      });
    });
  }

  async function fetchTile(address: TileAddress, tags: readonly string[]): Promise<void> {
    const key = addressKey(address);
    const abort = new AbortController();
    const request: Running = { address, tags: new Set(tags), abort };
    running.set(key, [...(running.get(key) ?? []), request]);
    const range = tileRange(address);
    const asked = now();
    for (const tagId of tags) askedAt.set(`${tagId}/${key}`, asked / 1000);
    const completeTo = (tagId: string): UnixMicros => {
      const growth = growthOf(tagId);
      return growth === null ? range.to : Math.min(range.to, asked + growth.shift - growth.settle);
    };
    const missing = new Set(tags);
    try {
      for await (const { series, failed } of history.view({ tags, range, pixels: TILE_PIXELS }, abort.signal)) {
        for (const one of series) {
          missing.delete(one.tag);
          cache.put(one.tag, tileOf(address, one, completeTo(one.tag)));
          if (resting.delete(one.tag)) problems++;
        }
        for (const tagId of failed?.tags ?? []) {
          missing.delete(tagId);
          if (resting.get(tagId)?.reason !== failed!.reason) problems++;
          resting.set(tagId, { until: now() / 1000 + REST_MS, reason: failed!.reason });
          undrawn = true;
        }
        undrawn ||= isVisible(range);
        draw();
      }
      // A tag that the source does not know has no samples there: that is an answer too.
      for (const tagId of missing) {
        cache.put(tagId, tileOf(address, EMPTY_SERIES, completeTo(tagId)));
        if (resting.delete(tagId)) problems++;
      }
      undrawn ||= missing.size > 0 && isVisible(range);
      if (askedAt.size > 20_000) askedAt.clear();
    } catch (error) {
      if (!isAppError(error, 'rpc.cancelled') && !abort.signal.aborted) {
        failedUntil = now() / 1000 + RETRY_MS;
        if (!isAppError(error, 'rpc.disconnected')) options.onError(error);
      }
    } finally {
      const left = (running.get(key) ?? []).filter((one) => one !== request);
      if (left.length === 0) running.delete(key);
      else running.set(key, left);
      if (!disposed) {
        draw();
        schedule(0);
      }
    }
  }

  /** The earliest of what was asked for decides; a long drag is answered while it goes on. */
  function schedule(ms: number): void {
    if (disposed) return;
    const due = now() / 1000 + ms;
    if (planTimer !== undefined && planDue <= due) return;
    timer.clear(planTimer);
    planDue = due;
    planTimer = timer.set(pump, ms);
  }

  return {
    history,
    problem: (tagId) => resting.get(tagId)?.reason ?? null,
    get problems() {
      return problems;
    },
    setTags(next) {
      if (next.length === tagIds.length && next.every((id, index) => id === tagIds[index])) return;
      tagIds = next;
      for (const id of segments.keys()) if (!next.includes(id)) segments.delete(id);
      built = '';
      schedule(0);
    },
    prepare(window, width) {
      const moved = window.from !== window_.from || window.to !== window_.to;
      window_ = window;
      pixels = width;
      level = levelFor(window.to - window.from, pixels);
      const key = `${window.from}/${window.to}/${pixels}/${cache.revision}/${live?.revision ?? 0}`;
      if (key === built) return;
      built = key;
      segments.clear();
      // A window that follows moves in each frame; the tiles it lies on change seldom.
      const span = window.to - window.from;
      const tiles = tilesOver({ from: window.from - span / 2, to: window.to + span / 2 }, level);
      const tilesKey = `${level}/${tiles[0]?.index}/${tiles.length}/${cache.revision}`;
      const present = now() / 1000;
      if (tilesKey === plannedTiles) schedule(IDLE_MS);
      // The drawing that follows keeps the thread busy: what the picture waits for is on its way meanwhile.
      else if (moved && present - movedAt > STILL_MS) {
        timer.clear(planTimer);
        pump();
      } else schedule(DEBOUNCE_MS);
      plannedTiles = tilesKey;
      if (moved) movedAt = present;
      drawnAt = present;
      undrawn = false;
    },
    segments(tagId) {
      let made = segments.get(tagId);
      if (made === undefined) {
        made = build(tagId, window_, level);
        segments.set(tagId, made);
      }
      return made;
    },
    segmentsOver: (tagId, range) => build(tagId, range, level),
    textOf(tagId, value) {
      const known = live?.texts(tagId).get(value);
      if (known !== undefined) return known;
      for (const piece of segmentsTexts(tagId)) {
        const text = piece[value];
        if (text !== undefined) return text;
      }
      return undefined;
    },
    refresh() {
      failedUntil = 0;
      for (const [tagId, { reason }] of resting) resting.set(tagId, { until: 0, reason });
      askedAt.clear();
      built = '';
      schedule(0);
      options.onChange();
    },
    get loading() {
      let count = 0;
      for (const list of running.values()) count += list.length;
      return count;
    },
    get incomplete() {
      return isIncomplete();
    },
    get bytes() {
      return cache.bytes;
    },
    [Symbol.dispose]() {
      disposed = true;
      timer.clear(planTimer);
      timer.clear(drawTimer);
      for (const list of running.values()) for (const request of list) request.abort.abort();
    },
  };

  function segmentsTexts(tagId: string): readonly Readonly<Record<number, string>>[] {
    cache.cover(tagId, window_, level, pieces);
    return pieces.flatMap((piece) => (piece.tile.texts === null ? [] : [piece.tile.texts]));
  }
}
