import { createStore, type StoreApi } from 'zustand/vanilla';
import {
  attachGestures,
  type CursorName,
  createPlotStack,
  createZoomHistory,
  type HueBook,
  isMergedAt,
  type PlotCursors,
  type PlotHit,
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
import type { HistoryEvent, TimeRange, TrendDocument, UnixMicros } from '#shared/model/index.ts';
import { type Direction, edgeBeside, sampleBeside, stepSamples } from './cursor-steps.ts';
import { createRecordingOverview } from './recording-overview.ts';
import { traceNear } from './trace-near.ts';
import { createTraceStore, type TraceStore } from './trace-store.ts';
import { allTagIds, isStep, stacked, type TraceRef, type TraceTag } from './trend-model.ts';
import type { TrendSource } from './trend-source.ts';
import { type AxisView, type AxisViews, plotSpecs } from './trend-specs.ts';

export interface TrendControllerOptions {
  readonly plots: HTMLElement;
  readonly map: HTMLElement;
  readonly source: TrendSource;
  readonly hues: HueBook;
  /** What to show first; null begins with the trend's own span, or the whole of a recording. */
  readonly start: { readonly range: TimeRange; readonly follow: boolean } | null;
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
  /** Moves the window to the next or previous event that is not in its middle already; false when there is none. */
  goEvent(direction: Direction): boolean;
  /** Where a note belongs: between the cursors, at the one in hand, at the pointer, else at the right edge. */
  readonly notePlace: { readonly from: UnixMicros; readonly to: UnixMicros | null };
  /** Plots as they are drawn, stacked ones among them. */
  readonly shownPlots: TrendDocument['plots'];
  /** What was zoomed on an axis by hand is forgotten: its own range decides again. */
  resetAxis(plotId: string, axisId: string): void;
  refresh(): void;
}

const COARSE_STEPS = 20;
/** A change of a twentieth of what is visible is an edge; for steps any change is. */
const EDGE_SHARE = 0.05;

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
  let shownEvents: readonly HistoryEvent[] = [];
  const abort = new AbortController();

  const store = createTraceStore({
    history: source.history,
    live,
    now,
    onChange: () => stack.invalidate(),
    onError: options.onError,
  });
  const stack: PlotStack = createPlotStack({
    host: options.plots,
    source: store,
    timeText: options.timeText,
    onFrame: () => {
      if (view.getState().follow) moveToNow();
    },
    onDrawn: () => {
      overview.paint(false);
      options.onDrawn();
    },
  });
  const overview = createRecordingOverview({
    host: options.map,
    source,
    hues: options.hues,
    now,
    window: () => stack.window,
    onWindow: (window) => {
      remember();
      setFollow(false);
      setWindow(window);
    },
    onBegin: () => history.beginGesture(),
    onEnd: () => history.endGesture(),
    onLoaded: (bounds, events) => {
      const first = view.getState().bounds === null;
      view.setState({ bounds: bounds ?? 'none' });
      if (events !== shownEvents) {
        shownEvents = events;
        stack.setEvents(events);
      }
      if (first && bounds !== null && live === null && options.start === null) {
        const room = (bounds.to - bounds.from) * 0.01;
        setWindow({ from: bounds.from - room, to: bounds.to + room });
      }
    },
    onError: options.onError,
  });

  function moveToNow(): void {
    const to = now();
    stack.setWindow(snapWindow({ from: to - span, to }, stack.pixels));
  }
  function setWindow(window: TimeRange): void {
    const rounded = roundWindow(window);
    span = rounded.to - rounded.from;
    stack.setWindow(rounded);
    overview.paint(false);
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

  function applyPlots(): void {
    if (trend === null) return;
    const { stacked: apart, selected } = view.getState();
    shown = apart ? stacked(trend) : trend;
    const { textOf } = store;
    stack.setPlots(
      plotSpecs({ shown, whole: trend, tags, hues: options.hues, axes, selected, stacked: apart, textOf }),
    );
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
      return overview.events;
    },
    setTrend(next, nextTags) {
      const first = trend === null;
      trend = next;
      tags = nextTags;
      const ids = allTagIds(next).filter((id) => tags.has(id));
      store.setTags(ids);
      overview.setTrend(next, tags);
      live?.setTags(ids);
      if (first && live !== null && options.start === null) {
        span = next.spanS * 1e6;
        setFollow(true);
      }
      applyPlots();
    },
    setZone: (zone) => stack.setZone(zone),
    refreshColours() {
      stack.refreshColours();
      overview.refreshColours();
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
      const whole = overview.whole;
      if (whole === null) return;
      remember();
      setFollow(false);
      const room = (whole.to - whole.from) * 0.02;
      setWindow({ from: whole.from - room, to: whole.to + room });
    },
    goHome() {
      const whole = overview.whole;
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
      const whole = overview.whole;
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
    goEvent(direction) {
      const { from, to } = stack.window;
      const middle = (from + to) / 2;
      // Half a pixel of the window around its middle is "here".
      const slack = (to - from) / Math.max(1, stack.areaWidth);
      const ordered = [...overview.events].sort((a, b) => (a.from - b.from) * direction);
      const found = ordered.find((event) => (event.from - middle) * direction > slack);
      if (found === undefined) return false;
      remember();
      setFollow(false);
      setWindow({ from: found.from - (to - from) / 2, to: found.from + (to - from) / 2 });
      return true;
    },
    get notePlace() {
      const { cursors, cursorActive } = view.getState();
      const { a, b } = cursors;
      if (a !== null && b !== null && a !== b) return { from: Math.min(a, b), to: Math.max(a, b) };
      const at = (cursorActive === null ? null : cursors[cursorActive]) ?? hover ?? Math.min(stack.window.to, now());
      return { from: Math.round(at), to: null };
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
      void overview.load();
    },
    [Symbol.dispose]() {
      abort.abort();
      liveWatch?.[Symbol.dispose]();
      gestures[Symbol.dispose]();
      store[Symbol.dispose]();
      overview[Symbol.dispose]();
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
      else if (hit.kind === 'plot') controller.select(traceNear(hit, controller.shownPlots, stack, store));
    },
    menu: options.onMenu,
    begin: () => history.beginGesture(),
    end: () => history.endGesture(),
  });

  const liveWatch =
    live?.onFrame(() => {
      // A window in the past has nothing to gain from what arrives now.
      if (view.getState().follow || stack.window.to > now() - 5e6) stack.invalidate();
    }) ?? null;

  void overview.load();
  if (options.start !== null) setWindow(options.start.range);
  setFollow(options.start?.follow ?? true);
  return controller;
}
