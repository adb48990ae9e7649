import {
  attachGestures,
  createHoverBox,
  createPlotStack,
  createZoomHistory,
  type HoverRow,
  heldAt,
  hoverDistance,
  type PlotSpec,
  type PlotTheme,
  panValues,
  panWindow,
  roundWindow,
  type TraceSegment,
  traceColour,
  type ValueRange,
  zoomValues,
  zoomWindow,
} from '#renderer/plot/index.ts';
import { formatNumber, formatTime, NO_VALUE } from '#renderer/ui/index.ts';
import { QUALITY, qualityText, type TimeRange } from '#shared/model/index.ts';
import { type GraphAnswer, plotOf } from './graph-answer.ts';
import type { Graph } from './graph-model.ts';

/** The segment without its steps that hold nothing, since the box tells the last value at or before the pointer. */
const filled = new WeakMap<TraceSegment, readonly TraceSegment[]>();
function known(segment: TraceSegment | undefined): readonly TraceSegment[] {
  if (segment === undefined) return [];
  let found = filled.get(segment);
  if (found === undefined) {
    const { time, value, quality } = segment.columns;
    const { min, max } = segment.columns;
    const at = Array.from(quality.keys()).filter((n) => quality[n] !== QUALITY.badNoData);
    const of = (column: Float64Array): Float64Array => Float64Array.from(at, (n) => column[n]!);
    const columns = {
      time: of(time),
      value: of(value),
      quality: Uint16Array.from(at, (n) => quality[n]!),
      min: min === null ? null : of(min),
      max: max === null ? null : of(max),
      gaps: [],
    };
    found = [{ ...segment, columns }];
    filled.set(segment, found);
  }
  return found;
}

/** What is looked at of the graph: null as long as it is its own range. */
export interface PreviewView {
  readonly window: TimeRange | null;
  readonly canBack: boolean;
}

/** The picture of a graph, with the hand's gestures of the trend: it only looks closer, and changes nothing of the graph. */
export interface PreviewPlots extends Disposable {
  /** The graph as it is now with its answer, which may be of another range than what is looked at; null: nothing is drawn. */
  show(graph: Graph, answer: GraphAnswer | null, zone: string | null): void;
  refreshColours(): void;
  zoom(factor: number): void;
  /** By a share of the window. */
  pan(share: number): void;
  back(): void;
  /** The graph's own range and axes again. */
  whole(): void;
}

type Axes = ReadonlyMap<string, ValueRange | null>;

export function createPreviewPlots(options: {
  readonly host: HTMLElement;
  readonly theme: () => PlotTheme;
  readonly onView: (view: PreviewView) => void;
}): PreviewPlots {
  const history = createZoomHistory<Axes>();
  const segments = new Map<string, readonly TraceSegment[]>();
  let graph: Graph | null = null;
  let answer: GraphAnswer | null = null;
  let plot: PlotSpec | null = null;
  let zone: string | null = null;
  let axes: Axes = new Map();
  let window_: TimeRange | null = null;
  let hover: number | null = null;

  const timeText = (time: number): string => formatTime(time, zone, 'millisecond');
  const stack = createPlotStack({
    host: options.host,
    source: { prepare: () => undefined, segments: (key) => segments.get(key) ?? [] },
    timeText,
  });
  const tell = (): void => options.onView({ window: window_, canBack: history.depth > 0 });
  const draw = (): void => {
    plot = graph === null || answer === null ? null : plotOf(graph, answer.series, axes);
    stack.setPlots(plot === null ? [] : [plot]);
    const range = window_ ?? answer?.range;
    if (range !== undefined) stack.setWindow(range);
    stack.invalidate();
  };
  // The zoom history knows no window that is the graph's own: it is the one that follows.
  const state = () => ({ range: stack.window, follow: window_ === null, axes });
  const change = (window: TimeRange | null, next: Axes = axes): void => {
    if (answer === null) return;
    history.remember(state(), performance.now());
    window_ = window === null ? null : roundWindow(window);
    axes = next;
    draw();
    tell();
  };
  const changeAxes = (
    axisId: string | null,
    to: (range: ValueRange) => ValueRange | null,
    window: TimeRange | null = window_,
  ): void => {
    const next = new Map(axes);
    for (const { id } of plot?.axes ?? []) {
      const range = axisId === null || axisId === id ? stack.axisRange('preview', id) : null;
      if (range !== null) next.set(id, to(range));
    }
    change(window, next);
  };
  const within = (share: number, { low, high }: ValueRange): number => low + share * (high - low);

  const box = createHoverBox(options.host, {
    place: () => stack.place,
    timeText,
    content: (place) => {
      const rows = (plot?.traces ?? []).flatMap((trace, index): HoverRow[] => {
        const series = answer?.series[index];
        if (!trace.visible || series === undefined) return [];
        const held = heldAt(known(segments.get(series.key)?.[0]), place.time);
        const none = held === null || held.quality >= 0x8000 || !Number.isFinite(held.value);
        const words = held === null ? 'No sample of the range at or before this time.' : qualityText(held.quality);
        const merged =
          held === null || held.min === null || held.max === null || !(held.max > held.min)
            ? []
            : [`min ${formatNumber(held.min)}, max ${formatNumber(held.max)} of the step`];
        const told = held === null ? [words] : [`step from ${timeText(held.time)}`, words, ...merged];
        return [
          {
            id: series.key,
            name: series.title,
            text: none ? NO_VALUE : formatNumber(held.value),
            unit: series.unit ?? '',
            colour: traceColour(index % 12, options.theme()),
            words: held !== null && held.quality >= 0x4000 ? words : '',
            distance: hoverDistance(stack.axisRange('preview', trace.axisId), held, place.share),
            details: () => told.join(' · '),
          },
        ];
      });
      return { rows, notes: [] };
    },
  });
  const gestures = attachGestures(options.host, stack, {
    zoomTime: (at, factor) => change(zoomWindow(stack.window, at, factor)),
    panTime: (by) => change(panWindow(stack.window, by)),
    zoomAxis: (_, axisId, share, factor) =>
      changeAxes(axisId, (range) => zoomValues(range, within(share, range), factor)),
    panAxis: (_, axisId, by) => changeAxes(axisId, (range) => panValues(range, by * (range.high - range.low))),
    zoomRectangle: (_, range, low, high) =>
      low > 0 || high < 1
        ? changeAxes(null, (axis) => ({ low: within(low, axis), high: within(high, axis) }), range)
        : change(range),
    fit: (_, axisId) => (axisId === null ? whole() : changeAxes(axisId, () => null)),
    hover(hit, at) {
      hover = hit.kind === 'plot' || hit.kind === 'time-axis' ? hit.time : null;
      stack.setHover(hover);
      box.show(hit, at);
    },
    begin: () => history.beginGesture(),
    end: () => history.endGesture(),
    // It has no cursors, no second plot, nothing that is selected, and no commands of its own.
    moveCursor: () => undefined,
    resizePlots: () => undefined,
    click: () => undefined,
    menu: () => undefined,
  });

  function whole(): void {
    if (window_ !== null || axes.size > 0) change(null, new Map());
  }

  return {
    show(nextGraph, nextAnswer, nextZone) {
      graph = nextGraph;
      answer = nextAnswer;
      zone = nextZone;
      segments.clear();
      for (const { key, segment } of answer?.series ?? []) segments.set(key, [segment]);
      stack.setZone(zone);
      draw();
    },
    refreshColours: () => stack.refreshColours(),
    zoom(factor) {
      const { from, to } = stack.window;
      change(zoomWindow(stack.window, hover ?? (from + to) / 2, factor));
    },
    pan: (share) => change(panWindow(stack.window, (stack.window.to - stack.window.from) * share)),
    back() {
      const before = history.back(state());
      if (before === null) return;
      window_ = before.follow ? null : before.range;
      axes = before.axes;
      draw();
      tell();
    },
    whole,
    [Symbol.dispose]() {
      gestures[Symbol.dispose]();
      box[Symbol.dispose]();
      stack[Symbol.dispose]();
    },
  };
}
