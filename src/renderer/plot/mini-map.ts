import type { TimeRange } from '#shared/model/index.ts';
import { paintHatch, paintTrace } from './paint.ts';
import { type PlotColours, readPlotColours } from './plot-colours.ts';
import type { PlotEvent } from './plot-spec.ts';
import { createSketch, fillSketch } from './sketch.ts';
import type { TraceSegment } from './trace-data.ts';

export interface MiniMapOptions {
  readonly host: HTMLElement;
  /** The window was moved or sized here. */
  readonly onWindow: (window: TimeRange) => void;
  /** A hand goes down on the strip, and lets go of it. */
  readonly onBegin: () => void;
  readonly onEnd: () => void;
}

export interface MiniMapData {
  /** Ends of the whole recording; null when there is none. */
  readonly bounds: TimeRange | null;
  readonly window: TimeRange;
  readonly gaps: readonly TimeRange[];
  readonly events: readonly PlotEvent[];
  /** One trace drawn small, for orientation. */
  readonly outline: { readonly segments: readonly TraceSegment[]; readonly hue: number; readonly step: boolean } | null;
}

/** The whole recording in one strip, with the window in it. Drag the window, its edges, or click beside it. */
export interface MiniMap extends Disposable {
  update(data: MiniMapData): void;
  refreshColours(): void;
}

const EDGE = 5;
const LEAST_HANDLE = 6;

export function createMiniMap(options: MiniMapOptions): MiniMap {
  const { host } = options;
  const canvas = document.createElement('canvas');
  canvas.style.cssText = 'position:absolute;inset:0;width:100%;height:100%;display:block';
  host.append(canvas);
  const context = canvas.getContext('2d', { alpha: false });
  if (context === null) throw new Error('This browser gives no 2D canvas.');
  const sketch = createSketch();
  let colours: PlotColours = readPlotColours(host);
  let data: MiniMapData | null = null;
  let frame = 0;
  let disposed = false;

  /** The strip shows recording and window together, so that the window is always to be found. */
  const extent = (): TimeRange | null => {
    if (data === null || data.bounds === null) return null;
    const from = Math.min(data.bounds.from, data.window.from);
    const to = Math.max(data.bounds.to, data.window.to);
    return to > from ? { from, to } : null;
  };
  const xOf = (time: number, whole: TimeRange, width: number): number =>
    ((time - whole.from) / (whole.to - whole.from)) * width;

  function draw(): void {
    frame = 0;
    if (disposed || context === null) return;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(host.clientWidth * ratio);
    const height = Math.round(host.clientHeight * ratio);
    if (width === 0 || height === 0) return;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    context.fillStyle = colours.background;
    context.fillRect(0, 0, width, height);
    const whole = extent();
    if (whole === null || data === null) return;
    if (data.outline !== null) {
      fillSketch(sketch, data.outline.segments, whole.from, whole.to, width, data.outline.step);
      if (sketch.max >= sketch.min) {
        const span = sketch.max - sketch.min || Math.abs(sketch.max) || 1;
        const box = { x: 0, y: 3 * ratio, width, height: height - 8 * ratio };
        const range = { low: sketch.min - span * 0.05, high: sketch.max + span * 0.05 };
        context.globalAlpha = 0.7;
        paintTrace(
          context,
          sketch,
          box,
          range,
          colours.traces[data.outline.hue % colours.traces.length]!,
          data.outline.step,
          ratio * 0.8,
          false,
        );
        context.globalAlpha = 1;
      }
    }
    const stretches: number[] = [];
    for (const gap of data.gaps) stretches.push(xOf(gap.from, whole, width), xOf(gap.to, whole, width));
    paintHatch(context, stretches, { x: 0, y: height - 5 * ratio, width, height: 5 * ratio }, colours.hatch, ratio);
    for (const event of data.events) {
      const x = xOf(event.from, whole, width);
      context.fillStyle = event.kind === 'note' ? colours.accent : colours.quiet;
      context.fillRect(Math.round(x), 0, Math.max(1, Math.round(ratio)), 5 * ratio);
    }
    const left = xOf(data.window.from, whole, width);
    const right = Math.max(left + LEAST_HANDLE * ratio, xOf(data.window.to, whole, width));
    context.fillStyle = colours.background;
    context.globalAlpha = 0.55;
    context.fillRect(0, 0, left, height);
    context.fillRect(right, 0, width - right, height);
    context.globalAlpha = 0.1;
    context.fillStyle = colours.accent;
    context.fillRect(left, 0, right - left, height);
    context.globalAlpha = 1;
    context.strokeStyle = colours.accent;
    context.lineWidth = Math.max(1, Math.round(ratio));
    context.strokeRect(left + 0.5, 0.5, right - left - 1, height - 1);
  }

  const ask = (): void => {
    if (frame === 0 && !disposed) frame = requestAnimationFrame(draw);
  };

  let drag: { kind: 'move' | 'from' | 'to'; x: number; window: TimeRange; whole: TimeRange } | null = null;
  const place = (event: PointerEvent): { x: number; width: number } => {
    const box = host.getBoundingClientRect();
    return { x: event.clientX - box.left, width: Math.max(1, box.width) };
  };
  const partAt = (x: number, width: number): 'move' | 'from' | 'to' | 'beside' => {
    const whole = extent();
    if (whole === null || data === null) return 'beside';
    const left = xOf(data.window.from, whole, width);
    const right = Math.max(left + LEAST_HANDLE, xOf(data.window.to, whole, width));
    if (right - left > 3 * EDGE) {
      if (Math.abs(x - left) <= EDGE) return 'from';
      if (Math.abs(x - right) <= EDGE) return 'to';
    }
    return x >= left - 2 && x <= right + 2 ? 'move' : 'beside';
  };
  const onDown = (event: PointerEvent): void => {
    const whole = extent();
    if (event.button !== 0 || whole === null || data === null) return;
    const { x, width } = place(event);
    const part = partAt(x, width);
    options.onBegin();
    let { window: moved } = data;
    if (part === 'beside') {
      const span = moved.to - moved.from;
      const middle = whole.from + (x / width) * (whole.to - whole.from);
      moved = { from: Math.round(middle - span / 2), to: Math.round(middle + span / 2) };
      options.onWindow(moved);
    }
    // The strip keeps its scale while it is dragged, or the window would run away under the hand.
    drag = { kind: part === 'beside' ? 'move' : part, x, window: moved, whole };
    host.setPointerCapture(event.pointerId);
    event.preventDefault();
  };
  const onMove = (event: PointerEvent): void => {
    const { x, width } = place(event);
    if (drag === null) {
      const part = partAt(x, width);
      host.style.cursor = part === 'move' ? 'grab' : part === 'beside' ? 'pointer' : 'ew-resize';
      return;
    }
    const by = Math.round(((x - drag.x) / width) * (drag.whole.to - drag.whole.from));
    const { from, to } = drag.window;
    if (drag.kind === 'move') options.onWindow({ from: from + by, to: to + by });
    else if (drag.kind === 'from') options.onWindow({ from: Math.min(from + by, to - 1000), to });
    else options.onWindow({ from, to: Math.max(to + by, from + 1000) });
  };
  const onUp = (): void => {
    if (drag !== null) options.onEnd();
    drag = null;
  };
  const observer = new ResizeObserver(ask);
  observer.observe(host);
  host.addEventListener('pointerdown', onDown);
  host.addEventListener('pointermove', onMove);
  host.addEventListener('pointerup', onUp);
  host.addEventListener('pointercancel', onUp);

  return {
    update(next) {
      data = next;
      ask();
    },
    refreshColours() {
      colours = readPlotColours(host);
      ask();
    },
    [Symbol.dispose]() {
      disposed = true;
      if (frame !== 0) cancelAnimationFrame(frame);
      observer.disconnect();
      host.removeEventListener('pointerdown', onDown);
      host.removeEventListener('pointermove', onMove);
      host.removeEventListener('pointerup', onUp);
      host.removeEventListener('pointercancel', onUp);
      canvas.remove();
    },
  };
}
