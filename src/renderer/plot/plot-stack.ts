import { type TimeRange, type UnixMicros, type Zone, zoneOf } from '#shared/model/index.ts';
import { type Box, joinStretches, paintHatch, paintTrace } from './paint.ts';
import { font, paintAxis, paintEvents, paintFrame, paintGrid, paintHead, paintTimeAxis } from './paint-frame.ts';
import { type OverlayDot, paintOverlay } from './paint-overlay.ts';
import { type PlotColours, readPlotColours } from './plot-colours.ts';
import { hitLayout } from './plot-hit.ts';
import { placePlots, type StackLayout } from './plot-layout.ts';
import type { PlotCursors, PlotEvent, PlotHit, PlotSource, PlotSpec, TraceSpec } from './plot-spec.ts';
import { createSketch, fillSketch, type Sketch } from './sketch.ts';
import { timeTicks } from './time-ticks.ts';
import { heldAt } from './trace-data.ts';
import { autoRange, type ValueRange } from './value-ticks.ts';

export interface PlotStackOptions {
  /** Gets two canvases; its size decides theirs. */
  readonly host: HTMLElement;
  readonly source: PlotSource;
  /** Runs in each animation frame while `setRunning(true)`, before the drawing: the place to move the window. */
  readonly onFrame?: () => void;
  /** Runs after each drawing, in the same frame. */
  readonly onDrawn?: () => void;
  /** Text of the time under the pointer. */
  readonly timeText: (time: UnixMicros) => string;
}

export interface PlotCounters {
  /** Animation frames in which something was drawn, and drawings of traces; the two are equal while it moves. */
  readonly frames: number;
  readonly drawings: number;
  readonly points: number;
}

/**
 * Stacked plots with one time axis on one canvas, drawn at most once per animation frame. It owns what is on the screen
 * and nothing else: window, axes and cursors are set from outside. Samples stay where they are and are read by column.
 */
export interface PlotStack extends Disposable {
  setPlots(plots: readonly PlotSpec[]): void;
  setWindow(window: TimeRange): void;
  setCursors(cursors: PlotCursors): void;
  setEvents(events: readonly PlotEvent[]): void;
  setZone(zone: string | null): void;
  /** Where the dots on the traces stand; null takes them away. */
  setHover(time: UnixMicros | null): void;
  setRectangle(from: { x: number; y: number } | null, to?: { x: number; y: number }): void;
  setDropTarget(target: { readonly plotId: string; readonly axisId: string | null } | null): void;
  /** Tokens of the page have changed. */
  refreshColours(): void;
  /** Data has changed: draw in the next frame. */
  invalidate(): void;
  setRunning(running: boolean): void;
  readonly window: TimeRange;
  /** Device pixels of the areas; what the history should be asked for. */
  readonly pixels: number;
  /** CSS pixels of one area's width. */
  readonly areaWidth: number;
  /** CSS pixels of a plot's height; 0 when it is not there. */
  areaHeight(plotId: string): number;
  readonly counters: PlotCounters;
  axisRange(plotId: string, axisId: string): ValueRange | null;
  /** Where the plots are on the page. */
  readonly place: DOMRect;
  /** What is at a point of the page, client coordinates. */
  hit(clientX: number, clientY: number): PlotHit;
  timeAt(clientX: number): UnixMicros;
  /** Edges of what the trace shows now; null when it shows nothing. */
  extremes(plotId: string, tagId: string): { readonly min: number; readonly max: number } | null;
  /** What is on the screen, in device pixels. */
  picture(): HTMLCanvasElement;
}

interface TraceState {
  readonly sketch: Sketch;
}

const NO_CURSORS: PlotCursors = { a: null, b: null, active: null };

export function createPlotStack(options: PlotStackOptions): PlotStack {
  const { host, source } = options;
  const base = document.createElement('canvas');
  const overlay = document.createElement('canvas');
  for (const canvas of [base, overlay]) {
    canvas.style.cssText = 'position:absolute;inset:0;width:100%;height:100%;display:block;pointer-events:none';
    host.append(canvas);
  }
  const baseContext = contextOf(base, false);
  const overlayContext = contextOf(overlay, true);

  let plots: readonly PlotSpec[] = [];
  let window_: TimeRange = { from: 0, to: 60e6 };
  let cursors = NO_CURSORS;
  let events: readonly PlotEvent[] = [];
  let zone: Zone = zoneOf(null);
  let colours: PlotColours = readPlotColours(host);
  let hover: UnixMicros | null = null;
  let rectangle: Box | null = null;
  let drop: { readonly plotId: string; readonly axisId: string | null } | null = null;
  let layout: (StackLayout & { readonly gutters: { left: number; right: number } }) | null = null;
  let ratio = window.devicePixelRatio || 1;
  let width = 0;
  let height = 0;
  let baseDirty = true;
  let overlayDirty = true;
  let frame = 0;
  let running = false;
  let disposed = false;
  let made = false;
  let frames = 0;
  let drawings = 0;
  let points = 0;
  const traces = new Map<string, TraceState>();
  const autos = new Map<string, ValueRange>();
  const dots: OverlayDot[] = [];
  const stretches: number[] = [];
  const widths = new Map<string, number>();

  /** Device pixels of a CSS pixel at the text size that is set; measure of all that is text or goes with it. */
  const unit = (): number => ratio * colours.textScale;
  const keyOf = (plotId: string, id: string): string => `${plotId}\n${id}`;
  const ask = (): void => {
    if (frame === 0 && !disposed) frame = requestAnimationFrame(run);
  };
  const dirty = (): void => {
    baseDirty = true;
    ask();
  };
  const textWidth = (text: string): number => {
    const known = widths.get(text);
    if (known !== undefined) return known;
    baseContext.font = font(colours, unit());
    const measured = baseContext.measureText(text).width;
    if (widths.size > 3000) widths.clear();
    widths.set(text, measured);
    return measured;
  };

  function resize(): void {
    forgetPlace();
    const box = host.getBoundingClientRect();
    const nextRatio = window.devicePixelRatio || 1;
    const nextWidth = Math.round(box.width * nextRatio);
    const nextHeight = Math.round(box.height * nextRatio);
    if (nextWidth === width && nextHeight === height && nextRatio === ratio) return;
    if (nextRatio !== ratio) widths.clear();
    width = nextWidth;
    height = nextHeight;
    ratio = nextRatio;
    for (const canvas of [base, overlay]) {
      canvas.width = Math.max(1, width);
      canvas.height = Math.max(1, height);
    }
    layout = null;
    // A canvas that was just sized is empty: draw before the browser shows it. The first time whoever made the stack
    // has not got it yet and is not to be called.
    baseDirty = true;
    if (frame !== 0) cancelAnimationFrame(frame);
    frame = 0;
    if (made) run();
    else ask();
  }

  function run(): void {
    frame = 0;
    if (disposed) return;
    if (running) options.onFrame?.();
    if (baseDirty || overlayDirty) {
      frames++;
      if (baseDirty) drawBase();
      drawOverlay();
      baseDirty = false;
      overlayDirty = false;
      options.onDrawn?.();
    }
    if (running) ask();
  }

  const sketchOf = (plotId: string, trace: TraceSpec): Sketch => {
    const key = keyOf(plotId, trace.tagId);
    let state = traces.get(key);
    if (state === undefined) {
      state = { sketch: createSketch() };
      traces.set(key, state);
    }
    return state.sketch;
  };

  /** Columns follow from the gutters, gutters from the labels, labels from the data: a second pass settles it. */
  function settle(): StackLayout {
    source.prepare(window_, Math.max(1, layout?.width ?? width));
    for (let pass = 0; pass < 2; pass++) {
      const columns = layout?.width ?? Math.max(10, width - Math.round(60 * unit()));
      points = 0;
      for (const plot of plots) {
        for (const trace of plot.traces) {
          if (!trace.visible) continue;
          const sketch = sketchOf(plot.id, trace);
          fillSketch(sketch, source.segments(trace.tagId), window_.from, window_.to, columns, trace.step);
          points += sketch.points;
        }
      }
      const next = placePlots(plots, rangeOf, { width, height, ratio: unit() }, textWidth, layout?.gutters ?? null);
      const settled = layout !== null && next.width === layout.width;
      layout = next;
      if (settled) break;
    }
    return layout!;
  }

  function rangeOf(plotId: string, axisId: string): ValueRange {
    const plot = plots.find((one) => one.id === plotId);
    const axis = plot?.axes.find((one) => one.id === axisId);
    if (plot === undefined || axis === undefined) return { low: 0, high: 1 };
    if (axis.range !== null && axis.range.high > axis.range.low) return axis.range;
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (const trace of plot.traces) {
      if (!trace.visible || trace.axisId !== axisId) continue;
      const sketch = sketchOf(plotId, trace);
      if (sketch.min < low) low = sketch.min;
      if (sketch.max > high) high = sketch.max;
    }
    const key = keyOf(plotId, axisId);
    const range = autoRange(low, high, autos.get(key) ?? null);
    autos.set(key, range);
    return range;
  }

  function drawBase(): void {
    if (width <= 0 || height <= 0) return;
    drawings++;
    const placed = settle();
    const context = baseContext;
    context.fillStyle = colours.background;
    context.fillRect(0, 0, width, height);
    paintAll(context, placed);
  }

  function paintAll(context: CanvasRenderingContext2D, placed: StackLayout): void {
    const ticks = timeTicks(window_, Math.max(2, Math.floor(placed.width / (110 * unit()))), zone);
    placed.plots.forEach((place, index) => {
      const plot = plots[index];
      if (plot === undefined) return;
      paintGrid(context, place, placed, ticks, window_, colours, unit());
      paintEvents(context, events, place, placed, window_, colours, unit());
      context.save();
      context.beginPath();
      context.rect(place.area.x, place.area.y, place.area.width, place.area.height);
      context.clip();
      const shown: Sketch[] = [];
      for (const emphasis of [false, true]) {
        for (const trace of plot.traces) {
          if (!trace.visible || trace.selected !== emphasis) continue;
          const axis = place.axes.find((one) => one.id === trace.axisId) ?? place.axes[0];
          if (axis === undefined) continue;
          const sketch = sketchOf(plot.id, trace);
          shown.push(sketch);
          paintTrace(context, sketch, place.area, axis.range, colourOf(trace), trace.step, unit(), emphasis);
        }
      }
      context.restore();
      joinStretches(shown, stretches);
      paintFrame(context, place, colours, unit());
      paintHatch(context, stretches, place.strip, colours.hatch, unit());
      for (const axis of place.axes) {
        const mine = plot.traces.filter((trace) => trace.visible && trace.axisId === axis.id);
        const colour = mine.length === 1 && plot.axes.length > 1 ? colourOf(mine[0]!) : colours.text;
        paintAxis(context, axis, place.head, colour, colours, unit());
      }
      paintHead(context, place, plot.traces, colours, unit());
    });
    paintTimeAxis(context, placed, ticks, window_, zone.name, colours, unit(), placed.left);
  }

  const colourOf = (trace: TraceSpec): string => colours.traces[trace.hue % colours.traces.length] ?? colours.text;

  function placeDots(placed: StackLayout): void {
    dots.length = 0;
    const times = hover === null ? [] : [hover];
    if (cursors.active !== null) {
      const at = cursors.active === 'a' ? cursors.a : cursors.b;
      if (at !== null) times.push(at);
    }
    for (const time of times) {
      plots.forEach((plot, plotIndex) => {
        for (const trace of plot.traces) {
          if (!trace.visible) continue;
          const held = heldAt(source.segments(trace.tagId), time);
          if (held === null || held.quality >= 0x8000 || held.gap !== null || !Number.isFinite(held.value)) continue;
          const axisIndex = placed.plots[plotIndex]?.axes.findIndex((one) => one.id === trace.axisId) ?? -1;
          if (axisIndex >= 0)
            dots.push({ plotIndex, axisIndex, time: held.time, value: held.value, colour: colourOf(trace) });
        }
      });
    }
  }

  function drawOverlay(): void {
    if (layout === null) return;
    overlayContext.clearRect(0, 0, width, height);
    placeDots(layout);
    const dropPlot = drop === null ? null : plots.findIndex((plot) => plot.id === drop?.plotId);
    paintOverlay(
      overlayContext,
      layout,
      {
        window: window_,
        hover,
        hoverText: hover === null ? '' : options.timeText(hover),
        cursors,
        dots,
        rectangle,
        dropPlot: dropPlot === null || dropPlot < 0 ? null : dropPlot,
        dropAxis:
          drop?.axisId == null || dropPlot === null
            ? null
            : (layout.plots[dropPlot]?.axes.findIndex((one) => one.id === drop?.axisId) ?? null),
      },
      colours,
      unit(),
    );
  }

  // Asking for the place of an element while texts change makes the browser lay out the page in each frame.
  let place: DOMRect | null = null;
  const forgetPlace = (): void => {
    place = null;
  };
  // A window that moves to another screen keeps its size and changes its pixels.
  window.addEventListener('resize', resize);
  window.addEventListener('scroll', forgetPlace, true);
  host.addEventListener('pointerenter', forgetPlace);
  host.addEventListener('dragenter', forgetPlace);
  host.addEventListener('pointerdown', forgetPlace);
  const local = (clientX: number, clientY: number): { x: number; y: number } => {
    place ??= host.getBoundingClientRect();
    return { x: (clientX - place.left) * ratio, y: (clientY - place.top) * ratio };
  };
  const timeOf = (x: number): UnixMicros => {
    if (layout === null) return window_.from;
    return Math.round(window_.from + ((x - layout.left) / layout.width) * (window_.to - window_.from));
  };
  const cursorNear = (x: number): 'a' | 'b' | null => {
    if (layout === null) return null;
    for (const name of ['a', 'b'] as const) {
      const time = cursors[name];
      if (time === null) continue;
      const at = layout.left + ((time - window_.from) / (window_.to - window_.from)) * layout.width;
      if (Math.abs(at - x) <= 4 * unit()) return name;
    }
    return null;
  };

  const observer = new ResizeObserver(resize);
  resize();
  made = true;
  observer.observe(host);

  return {
    setPlots(next) {
      plots = next;
      const alive = new Set(next.flatMap((plot) => plot.traces.map((trace) => keyOf(plot.id, trace.tagId))));
      for (const key of traces.keys()) if (!alive.has(key)) traces.delete(key);
      const axes = new Set(next.flatMap((plot) => plot.axes.map((axis) => keyOf(plot.id, axis.id))));
      for (const key of autos.keys()) if (!axes.has(key)) autos.delete(key);
      dirty();
    },
    setWindow(next) {
      if (next.from === window_.from && next.to === window_.to) return;
      window_ = next;
      dirty();
    },
    setCursors(next) {
      cursors = next;
      overlayDirty = true;
      ask();
    },
    setEvents(next) {
      events = next;
      dirty();
    },
    setZone(next) {
      zone = zoneOf(next);
      dirty();
    },
    setHover(time) {
      if (time === hover) return;
      hover = time;
      overlayDirty = true;
      ask();
    },
    setRectangle(from, to) {
      if (from === null || to === undefined) rectangle = null;
      else {
        const one = local(from.x, from.y);
        const two = local(to.x, to.y);
        rectangle = {
          x: Math.min(one.x, two.x),
          y: Math.min(one.y, two.y),
          width: Math.abs(one.x - two.x),
          height: Math.abs(one.y - two.y),
        };
      }
      overlayDirty = true;
      ask();
    },
    setDropTarget(target) {
      if (target?.plotId === drop?.plotId && target?.axisId === drop?.axisId) return;
      drop = target;
      overlayDirty = true;
      ask();
    },
    refreshColours() {
      colours = readPlotColours(host);
      widths.clear();
      dirty();
    },
    invalidate: dirty,
    setRunning(next) {
      running = next;
      if (next) ask();
    },
    get window() {
      return window_;
    },
    get pixels() {
      return layout?.width ?? Math.max(1, width);
    },
    get areaWidth() {
      return (layout?.width ?? width) / ratio;
    },
    areaHeight: (plotId) => (layout?.plots.find((plot) => plot.id === plotId)?.area.height ?? 0) / ratio,
    get counters() {
      return { frames, drawings, points };
    },
    axisRange(plotId, axisId) {
      return layout?.plots.find((plot) => plot.id === plotId)?.axes.find((axis) => axis.id === axisId)?.range ?? null;
    },
    get place() {
      place ??= host.getBoundingClientRect();
      return place;
    },
    hit(clientX, clientY) {
      if (layout === null) return { kind: 'none' };
      const { x, y } = local(clientX, clientY);
      return hitLayout(layout, x, y, unit(), timeOf, cursorNear);
    },
    timeAt: (clientX) => timeOf(local(clientX, 0).x),
    extremes(plotId, tagId) {
      const sketch = traces.get(keyOf(plotId, tagId))?.sketch;
      return sketch === undefined || sketch.max < sketch.min ? null : { min: sketch.min, max: sketch.max };
    },
    picture() {
      const canvas = document.createElement('canvas');
      canvas.width = base.width;
      canvas.height = base.height;
      const context = contextOf(canvas, false);
      context.drawImage(base, 0, 0);
      context.drawImage(overlay, 0, 0);
      return canvas;
    },
    [Symbol.dispose]() {
      disposed = true;
      if (frame !== 0) cancelAnimationFrame(frame);
      observer.disconnect();
      window.removeEventListener('resize', resize);
      window.removeEventListener('scroll', forgetPlace, true);
      host.removeEventListener('pointerenter', forgetPlace);
      host.removeEventListener('dragenter', forgetPlace);
      host.removeEventListener('pointerdown', forgetPlace);
      base.remove();
      overlay.remove();
    },
  };
}

function contextOf(canvas: HTMLCanvasElement, alpha: boolean): CanvasRenderingContext2D {
  const context = canvas.getContext('2d', { alpha });
  if (context === null) throw new Error('This browser gives no 2D canvas.');
  return context;
}
