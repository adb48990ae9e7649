import { createStore, type StoreApi } from 'zustand/vanilla';
import {
  attachGestures,
  type CursorName,
  createMiniMap,
  createPlotStack,
  createZoomHistory,
  type HueBook,
  heldAt,
  isMergedAt,
  type MiniMap,
  type PlotCursors,
  type PlotHit,
  type PlotSpec,
  type PlotStack,
  panValues,
  panWindow,
  roundWindow,
  snapWindow,
  type ValueRange,
  type ViewState,
  zoomValues,
  zoomWindow,
} from '#renderer/plot/index.ts';
import type { Gap, HistoryEvent, TimeRange, TrendDocument, UnixMicros } from '#shared/model/index.ts';
import { type Direction, edgeBeside, sampleBeside, stepSamples } from './cursor-steps.ts';
import { createTraceStore, type HistoryReader, joinGaps, type LiveTraces, type TraceStore } from './trace-store.ts';
import { allTagIds, isStep, stacked, type TraceRef, type TraceTag } from './trend-model.ts';

/** Where one trend reads from. */
export interface TrendSource {
  readonly history: HistoryReader;
  readonly live:
    | (LiveTraces & { setTags(tagIds: readonly string[]): void; onFrame(listener: () => void): Disposable })
    | null;
  bounds(signal: AbortSignal): Promise<TimeRange | null>;
  gaps(range: TimeRange, signal: AbortSignal): Promise<readonly Gap[]>;
  events(range: TimeRange, signal: AbortSignal): Promise<readonly HistoryEvent[]>;
}

export interface TrendControllerOptions {
  readonly plots: HTMLElement;
  readonly map: HTMLElement;
  readonly source: TrendSource;
  readonly hues: HueBook;
  readonly now: () => UnixMicros;
  readonly timeText: (time: UnixMicros) => string;
  readonly onError: (error: unknown) => void;
  /** Heights of plots were changed by hand. */
  readonly onResizePlots: (above: string, below: string, share: number) => void;
  readonly onMenu: (hit: PlotHit, at: { readonly x: number; readonly y: number }) => void;
  /** Under the pointer; null when it is elsewhere. */
  readonly onHover: (hit: PlotHit, at: { readonly x: number; readonly y: number } | null) => void;
  readonly onDrawn: () => void;
}

/** What the page around the plots shows; never a sample. */
export interface TrendView {
  readonly follow: boolean;
  readonly stacked: boolean;
  readonly cursorActive: CursorName | null;
  readonly cursors: { readonly a: UnixMicros | null; readonly b: UnixMicros | null };
  readonly selected: TraceRef | null;
  readonly canBack: boolean;
  /** Null while it is not known; no recording at all is `none`. */
  readonly bounds: TimeRange | 'none' | null;
}

type AxisView = ValueRange | 'auto';
type AxisViews = ReadonlyMap<string, AxisView>;

export interface TrendController extends Disposable {
  readonly view: StoreApi<TrendView>;
  readonly stack: PlotStack;
  readonly store: TraceStore;
  readonly window: TimeRange;
  readonly hover: UnixMicros | null;
  setTrend(trend: TrendDocument, tags: ReadonlyMap<string, TraceTag>): void;
  setZone(zone: string | null): void;
  refreshColours(): void;
  showRange(range: TimeRange, follow: boolean): void;
  follow(on: boolean): void;
  pan(share: number): void;
  zoom(factor: number): void;
  fit(plotId: string | null, axisId: string | null): void;
  fitTime(): void;
  goHome(): void;
  goEnd(): void;
  back(): void;
  forward(): void;
  setCursor(name: CursorName): void;
  moveCursorTo(name: CursorName, time: UnixMicros): void;
  activateCursor(name: CursorName | null): void;
  clearCursors(): void;
  stepCursor(direction: Direction, how: 'sample' | 'coarse' | 'edge'): void;
  select(ref: TraceRef | null): void;
  setStacked(on: boolean): void;
  /** Range that the numbers are about: between the cursors, else what is visible. */
  readonly numbersRange: { readonly range: TimeRange; readonly between: boolean };
  readonly events: readonly HistoryEvent[];
  /** Plots as they are drawn, stacked ones among them. */
  readonly shownPlots: TrendDocument['plots'];
  /** What was zoomed on an axis by hand is forgotten: its own range decides again. */
  resetAxis(plotId: string, axisId: string): void;
  refresh(): void;
}

const BOUNDS_MS = 10_000;
const COARSE_STEPS = 20;
/** A change of a twentieth of what is visible is an edge; for steps any change is. */
const EDGE_SHARE = 0.05;
const MAP_BYTES = 8 * 1024 * 1024;
const MAP_MS = 250;

export function createTrendController(options: TrendControllerOptions): TrendController {
  const { source, now } = options;
  const { live } = source;
  const view = createStore<TrendView>(() => ({
    follow: live !== null,
    stacked: false,
    cursorActive: null,
    cursors: { a: null, b: null },
    selected: null,
    canBack: false,
    bounds: null,
  }));
  const history = createZoomHistory<AxisViews>();
  let trend: TrendDocument | null = null;
  let shown: TrendDocument | null = null;
  let tags: ReadonlyMap<string, TraceTag> = new Map();
  let axes: AxisViews = new Map();
  let span = 120e6;
  let hover: UnixMicros | null = null;
  let events: readonly HistoryEvent[] = [];
  let gaps: readonly TimeRange[] = [];
  let bounds: TimeRange | null = null;
  let lastMap = 0;
  let mapTimer: number | undefined;
  const abort = new AbortController();

  const store = createTraceStore({
    history: source.history,
    live,
    now,
    onChange: () => stack.invalidate(),
    onError: options.onError,
  });
  const overview = createTraceStore({
    history: source.history,
    // The strip shows the present too, but a minute late is soon enough: no live samples there.
    live:
      live === null
        ? null
        : { read: () => undefined, completeFrom: () => Number.NaN, texts: () => new Map(), revision: 0 },
    now,
    onChange: () => paintMap(true),
    onError: () => undefined,
    maxBytes: MAP_BYTES,
  });
  const stack: PlotStack = createPlotStack({
    host: options.plots,
    source: store,
    timeText: options.timeText,
    onFrame: () => {
      if (view.getState().follow) moveToNow();
    },
    onDrawn: () => {
      paintMap(false);
      options.onDrawn();
    },
  });
  const map: MiniMap = createMiniMap({
    host: options.map,
    onWindow: (window) => {
      remember();
      setFollow(false);
      setWindow(window);
    },
    onEnd: () => history.endGesture(),
  });

  function moveToNow(): void {
    const to = now();
    stack.setWindow(snapWindow({ from: to - span, to }, stack.pixels));
  }
  function setWindow(window: TimeRange): void {
    const rounded = roundWindow(window);
    span = rounded.to - rounded.from;
    stack.setWindow(rounded);
    paintMap(false);
  }
  function setFollow(follow: boolean): void {
    const on = follow && live !== null;
    stack.setRunning(on);
    if (view.getState().follow !== on) view.setState({ follow: on });
    if (on) moveToNow();
  }
  const viewState = (): ViewState<AxisViews> => ({ range: stack.window, follow: view.getState().follow, axes });
  function remember(): void {
    history.remember(viewState(), performance.now());
    if (!view.getState().canBack) view.setState({ canBack: true });
  }
  function restore(state: ViewState<AxisViews> | null): void {
    if (state === null) return;
    axes = state.axes;
    setWindow(state.range);
    setFollow(state.follow);
    applyPlots();
    view.setState({ canBack: history.depth > 0 });
  }

  function paintMap(force: boolean): void {
    const at = performance.now();
    if (!force && at - lastMap < MAP_MS) {
      mapTimer ??= window.setTimeout(() => {
        mapTimer = undefined;
        paintMap(true);
      }, MAP_MS);
      return;
    }
    lastMap = at;
    const whole =
      bounds === null ? null : { from: bounds.from, to: live === null ? bounds.to : Math.max(bounds.to, now()) };
    const first = trend?.plots.flatMap((plot) => plot.traces).find((trace) => trace.visible);
    const tag = first === undefined ? undefined : tags.get(first.tagId);
    let outline = null;
    if (whole !== null && first !== undefined && tag !== undefined) {
      overview.prepare(whole, Math.max(1, options.map.clientWidth));
      outline = {
        segments: overview.segments(tag.id),
        hue: options.hues.hueOf(tag.id, trend === null ? [] : allTagIds(trend)),
        step: isStep(tag),
      };
    }
    map.update({ bounds: whole, window: stack.window, gaps, events, outline });
  }

  function applyPlots(): void {
    if (trend === null) return;
    shown = view.getState().stacked ? stacked(trend) : trend;
    const all = allTagIds(trend);
    const selected = view.getState().selected;
    const specs: PlotSpec[] = shown.plots.map((plot) => {
      const origin = plot.id.split('~')[0];
      return {
        id: plot.id,
        height: plot.height,
        axes: plot.axes.map((axis) => {
          // A stacked trace has little height: it fills it unless its axis was set by hand here.
          const own = axes.get(`${plot.id}/${axis.id}`) ?? (view.getState().stacked ? 'auto' : undefined);
          const fixed =
            axis.low !== null && axis.high !== null && axis.high > axis.low ? { low: axis.low, high: axis.high } : null;
          return { id: axis.id, label: axis.label, range: own === undefined ? fixed : own === 'auto' ? null : own };
        }),
        traces: plot.traces.map((trace) => {
          const tag = tags.get(trace.tagId);
          return {
            tagId: trace.tagId,
            name: tag?.name ?? trace.tagId,
            axisId: trace.axisId,
            hue: options.hues.hueOf(trace.tagId, all),
            step: tag !== undefined && isStep(tag),
            visible: trace.visible,
            selected: selected?.tagId === trace.tagId && selected.plotId === origin,
          };
        }),
      };
    });
    stack.setPlots(specs);
  }

  function changeAxis(plotId: string, axisId: string | null, change: (range: ValueRange) => AxisView): void {
    const plot = shown?.plots.find((one) => one.id === plotId);
    if (plot === undefined) return;
    const next = new Map(axes);
    for (const axis of plot.axes) {
      if (axisId !== null && axis.id !== axisId) continue;
      const range = stack.axisRange(plotId, axis.id);
      if (range !== null) next.set(`${plotId}/${axis.id}`, change(range));
    }
    axes = next;
    applyPlots();
  }

  function setCursors(change: Partial<TrendView['cursors']>, active?: CursorName | null): void {
    const state = view.getState();
    const cursors = { ...state.cursors, ...change };
    view.setState({ cursors, cursorActive: active === undefined ? state.cursorActive : active });
    const plotCursors: PlotCursors = { ...cursors, active: view.getState().cursorActive };
    stack.setCursors(plotCursors);
    options.onDrawn();
  }

  const wholeRange = (): TimeRange | null => {
    if (bounds === null) return null;
    return live === null ? bounds : { from: bounds.from, to: Math.max(bounds.to, now()) };
  };

  const controller: TrendController = {
    view,
    stack,
    store,
    get window() {
      return stack.window;
    },
    get hover() {
      return hover;
    },
    get events() {
      return events;
    },
    setTrend(next, nextTags) {
      const first = trend === null;
      trend = next;
      tags = nextTags;
      const ids = allTagIds(next).filter((id) => tags.has(id));
      store.setTags(ids);
      overview.setTags(ids.slice(0, 1));
      live?.setTags(ids);
      if (first && live !== null) {
        span = next.spanS * 1e6;
        setFollow(true);
      }
      applyPlots();
    },
    setZone: (zone) => stack.setZone(zone),
    refreshColours() {
      stack.refreshColours();
      map.refreshColours();
    },
    showRange(range, follow) {
      remember();
      setWindow(range);
      setFollow(follow);
    },
    follow(on) {
      remember();
      setFollow(on);
    },
    pan(share) {
      remember();
      setFollow(false);
      setWindow(panWindow(stack.window, (stack.window.to - stack.window.from) * share));
    },
    zoom(factor) {
      const { from, to } = stack.window;
      remember();
      const at = view.getState().follow ? to : (hover ?? (from + to) / 2);
      setWindow(zoomWindow(stack.window, at, factor));
    },
    fit(plotId, axisId) {
      remember();
      const plots = shown?.plots.filter((plot) => plotId === null || plot.id === plotId) ?? [];
      const keys = plots.flatMap((plot) =>
        plot.axes.filter((axis) => axisId === null || axis.id === axisId).map((axis) => `${plot.id}/${axis.id}`),
      );
      const isAuto = (key: string): boolean => axes.get(key) === 'auto';
      // What fits already is not what was meant: a second time the whole recording is fitted.
      if (axisId === null && keys.every(isAuto)) {
        controller.fitTime();
        return;
      }
      const next = new Map(axes);
      for (const key of keys) next.set(key, 'auto');
      axes = next;
      applyPlots();
    },
    fitTime() {
      const whole = wholeRange();
      if (whole === null) return;
      remember();
      setFollow(false);
      const room = (whole.to - whole.from) * 0.02;
      setWindow({ from: whole.from - room, to: whole.to + room });
    },
    goHome() {
      const whole = wholeRange();
      if (whole === null) return;
      remember();
      setFollow(false);
      setWindow({ from: whole.from, to: whole.from + span });
    },
    goEnd() {
      remember();
      if (live !== null) {
        setFollow(true);
        return;
      }
      const whole = wholeRange();
      if (whole !== null) setWindow({ from: whole.to - span, to: whole.to });
    },
    back: () => restore(history.back(viewState())),
    forward: () => restore(history.forward(viewState())),
    setCursor(name) {
      const { cursors, cursorActive } = view.getState();
      const known = cursors[name];
      const { from, to } = stack.window;
      if (hover !== null) setCursors({ [name]: hover }, name);
      else if (known !== null && known >= from && known < to) setCursors({}, cursorActive === name ? null : name);
      else setCursors({ [name]: Math.round(from + (to - from) * (name === 'a' ? 1 / 3 : 2 / 3)) }, name);
    },
    moveCursorTo: (name, time) => setCursors({ [name]: time }, name),
    activateCursor: (name) => setCursors({}, name),
    clearCursors: () => setCursors({ a: null, b: null }, null),
    stepCursor(direction, how) {
      const { cursorActive, cursors, selected } = view.getState();
      const at = cursorActive === null ? null : cursors[cursorActive];
      if (cursorActive === null || at === null) return;
      const traces = shown?.plots.flatMap((plot) => plot.traces.map((trace) => ({ trace, plot }))) ?? [];
      const chosen =
        traces.find(({ trace }) => trace.visible && trace.tagId === selected?.tagId) ??
        traces.find(({ trace }) => trace.visible);
      if (chosen === undefined) return;
      const { tagId } = chosen.trace;
      const window = stack.window;
      const reach = (window.to - window.from) * 2;
      const segments = store.segmentsOver(tagId, {
        from: Math.min(window.from, at - reach),
        to: Math.max(window.to, at + reach),
      });
      const go = (time: UnixMicros | null): void => {
        if (time === null) return;
        setCursors({ [cursorActive]: time }, cursorActive);
        const { from, to } = stack.window;
        if (time < from || time >= to) {
          setFollow(false);
          setWindow(
            panWindow(stack.window, time < from ? time - from - (to - from) * 0.1 : time - to + (to - from) * 0.1),
          );
        }
      };
      if (how === 'edge') {
        const tag = tags.get(tagId);
        const extremes = stack.extremes(chosen.plot.id, tagId);
        const threshold =
          tag !== undefined && isStep(tag) ? 0 : (extremes === null ? 0 : extremes.max - extremes.min) * EDGE_SHARE;
        go(edgeBeside(segments, at, direction, threshold));
        return;
      }
      if (how === 'sample' && isMergedAt(segments, at)) {
        // Points are merged here: only the historian knows where the next sample is.
        source.history
          .neighbours(tagId, at, abort.signal)
          .then(({ before, after }) => go((direction > 0 ? after : before)?.time ?? null))
          .catch(options.onError);
        return;
      }
      go(how === 'coarse' ? stepSamples(segments, at, direction, COARSE_STEPS) : sampleBeside(segments, at, direction));
    },
    select(ref) {
      view.setState({ selected: ref });
      applyPlots();
    },
    setStacked(on) {
      view.setState({ stacked: on });
      applyPlots();
    },
    get numbersRange() {
      const { a, b } = view.getState().cursors;
      if (a !== null && b !== null && a !== b)
        return { range: { from: Math.min(a, b), to: Math.max(a, b) }, between: true };
      return { range: stack.window, between: false };
    },
    get shownPlots() {
      return shown?.plots ?? [];
    },
    resetAxis(plotId, axisId) {
      const next = new Map(axes);
      next.delete(`${plotId}/${axisId}`);
      axes = next;
      applyPlots();
    },
    refresh() {
      store.refresh();
      void loadBounds();
    },
    [Symbol.dispose]() {
      abort.abort();
      clearInterval(boundsTimer);
      clearTimeout(mapTimer);
      liveWatch?.[Symbol.dispose]();
      gestures[Symbol.dispose]();
      store[Symbol.dispose]();
      overview[Symbol.dispose]();
      map[Symbol.dispose]();
      stack[Symbol.dispose]();
    },
  };

  const gestures = attachGestures(options.plots, stack, {
    zoomTime(at, factor) {
      remember();
      // While it follows the newest sample keeps its place, or the wheel would stop the following.
      setWindow(zoomWindow(stack.window, view.getState().follow ? stack.window.to : at, factor));
    },
    panTime(by) {
      remember();
      setFollow(false);
      setWindow(panWindow(stack.window, by));
    },
    zoomAxis(plotId, axisId, share, factor) {
      remember();
      changeAxis(plotId, axisId, (range) => zoomValues(range, range.low + share * (range.high - range.low), factor));
    },
    panAxis(plotId, axisId, by) {
      remember();
      changeAxis(plotId, axisId, (range) => panValues(range, by * (range.high - range.low)));
    },
    zoomRectangle(plotId, range, low, high) {
      remember();
      setFollow(false);
      setWindow(range);
      if (low > 0 || high < 1) {
        changeAxis(plotId, null, (axis) => ({
          low: axis.low + low * (axis.high - axis.low),
          high: axis.low + high * (axis.high - axis.low),
        }));
      }
    },
    fit: (plotId, axisId) => controller.fit(plotId, axisId),
    hover(hit, at) {
      hover = hit.kind === 'plot' || hit.kind === 'cursor' || hit.kind === 'time-axis' ? hit.time : null;
      stack.setHover(hover);
      options.onHover(hit, at);
    },
    moveCursor: (cursor, time) => controller.moveCursorTo(cursor, time),
    resizePlots: (above, below, share) => options.onResizePlots(above, below, share),
    click(hit) {
      if (hit.kind === 'cursor') controller.activateCursor(hit.cursor);
      else if (hit.kind === 'plot') selectNear(hit);
    },
    menu: options.onMenu,
    end: () => history.endGesture(),
  });

  /** A click near a trace selects it; beside all it selects none. */
  function selectNear(hit: Extract<PlotHit, { kind: 'plot' }>): void {
    const plot = shown?.plots.find((one) => one.id === hit.plotId);
    if (plot === undefined) return;
    let best: { readonly tagId: string; readonly distance: number } | null = null;
    for (const trace of plot.traces) {
      if (!trace.visible) continue;
      const range = stack.axisRange(plot.id, trace.axisId);
      const held = heldAt(store.segments(trace.tagId), hit.time);
      if (range === null || held === null || held.quality >= 0x8000) continue;
      const distance =
        Math.abs((held.value - range.low) / (range.high - range.low) - hit.share) * stack.areaHeight(plot.id);
      if (best === null || distance < best.distance) best = { tagId: trace.tagId, distance };
    }
    const ref =
      best !== null && best.distance < 12 ? { plotId: plot.id.split('~')[0] ?? plot.id, tagId: best.tagId } : null;
    controller.select(ref);
  }

  const liveWatch =
    live?.onFrame(() => {
      // A window in the past has nothing to gain from what arrives now.
      if (view.getState().follow || stack.window.to > now() - 5e6) stack.invalidate();
    }) ?? null;

  async function loadBounds(): Promise<void> {
    try {
      const found = await source.bounds(abort.signal);
      const first = view.getState().bounds === null;
      bounds = found;
      view.setState({ bounds: found ?? 'none' });
      if (found === null) return;
      const whole = { from: found.from, to: Math.max(found.to, now()) };
      if (first && live === null) {
        const room = (found.to - found.from) * 0.01;
        setWindow({ from: found.from - room, to: found.to + room });
      }
      const [foundGaps, foundEvents] = await Promise.all([
        source.gaps(whole, abort.signal),
        source.events(whole, abort.signal),
      ]);
      gaps = joinGaps(foundGaps);
      events = foundEvents;
      stack.setEvents(events);
      paintMap(true);
    } catch (error) {
      if (!abort.signal.aborted) options.onError(error);
    }
  }
  void loadBounds();
  const boundsTimer = live === null ? undefined : window.setInterval(() => void loadBounds(), BOUNDS_MS);
  if (live === null) view.setState({ follow: false });
  else setFollow(true);
  return controller;
}
