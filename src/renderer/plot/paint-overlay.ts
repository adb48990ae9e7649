import type { TimeRange, UnixMicros } from '#shared/model/index.ts';
import type { Box } from './paint.ts';
import { FONT_SIZE, font, valueY } from './paint-frame.ts';
import type { PlotColours } from './plot-colours.ts';
import type { StackLayout } from './plot-layout.ts';
import type { CursorName, PlotCursors } from './plot-spec.ts';

export interface OverlayDot {
  readonly plotIndex: number;
  readonly axisIndex: number;
  readonly time: UnixMicros;
  readonly value: number;
  readonly colour: string;
}

export interface OverlayState {
  readonly window: TimeRange;
  readonly hover: UnixMicros | null;
  readonly hoverText: string;
  readonly cursors: PlotCursors;
  readonly dots: readonly OverlayDot[];
  /** Rectangle being drawn, device pixels. */
  readonly rectangle: Box | null;
  /** Plot that something dragged would drop into. */
  readonly dropPlot: number | null;
  readonly dropAxis: number | null;
}

/** What moves with the pointer has a canvas of its own, so that the traces are not drawn for it. */
export function paintOverlay(
  context: CanvasRenderingContext2D,
  layout: StackLayout,
  state: OverlayState,
  colours: PlotColours,
  ratio: number,
): void {
  const { window } = state;
  const xOf = (time: UnixMicros): number =>
    layout.left + ((time - window.from) / (window.to - window.from)) * layout.width;
  const top = layout.plots[0]?.area.y ?? 0;
  const bottom = layout.timeAxis.y;
  const inside = (x: number): boolean => x >= layout.left - 1 && x <= layout.left + layout.width + 1;
  const { a, b } = state.cursors;

  if (a !== null && b !== null) {
    const from = Math.max(layout.left, Math.min(xOf(a), xOf(b)));
    const to = Math.min(layout.left + layout.width, Math.max(xOf(a), xOf(b)));
    if (to > from) {
      context.fillStyle = colours.accent;
      context.globalAlpha = 0.06;
      for (const plot of layout.plots) context.fillRect(from, plot.area.y, to - from, plot.area.height);
      context.globalAlpha = 1;
    }
  }
  if (state.hover !== null && inside(xOf(state.hover))) {
    context.strokeStyle = colours.quiet;
    context.lineWidth = Math.max(1, Math.floor(ratio));
    context.setLineDash([2 * ratio, 3 * ratio]);
    context.beginPath();
    const x = Math.round(xOf(state.hover)) + (Math.round(ratio) % 2) / 2;
    context.moveTo(x, top);
    context.lineTo(x, bottom);
    context.stroke();
    context.setLineDash([]);
    chip(
      context,
      layout,
      x,
      layout.timeAxis.y + 3 * ratio,
      state.hoverText,
      colours.chip,
      colours.chipText,
      colours,
      ratio,
    );
  }
  for (const dot of state.dots) {
    const axis = layout.plots[dot.plotIndex]?.axes[dot.axisIndex];
    const area = layout.plots[dot.plotIndex]?.area;
    if (axis === undefined || area === undefined) continue;
    const x = xOf(dot.time);
    const y = valueY(axis, dot.value);
    if (!inside(x) || y < area.y - 2 || y > area.y + area.height + 2) continue;
    context.beginPath();
    context.arc(x, y, 3.5 * ratio, 0, 2 * Math.PI);
    context.fillStyle = colours.background;
    context.fill();
    context.lineWidth = 1.5 * ratio;
    context.strokeStyle = dot.colour;
    context.stroke();
  }
  cursorLine('a', a);
  cursorLine('b', b);

  if (state.rectangle !== null) {
    const { x, y, width, height } = state.rectangle;
    context.fillStyle = colours.accent;
    context.globalAlpha = 0.12;
    context.fillRect(x, y, width, height);
    context.globalAlpha = 1;
    context.strokeStyle = colours.accent;
    context.lineWidth = Math.max(1, Math.floor(ratio));
    context.strokeRect(x + 0.5, y + 0.5, width, height);
  }
  if (state.dropPlot !== null) {
    const plot = layout.plots[state.dropPlot];
    const box = state.dropAxis === null ? plot?.area : plot?.axes[state.dropAxis]?.box;
    if (box !== undefined) {
      context.fillStyle = colours.accent;
      context.globalAlpha = 0.1;
      context.fillRect(box.x, box.y, box.width, box.height);
      context.globalAlpha = 1;
      context.strokeStyle = colours.accent;
      context.lineWidth = 2 * ratio;
      context.strokeRect(box.x + ratio, box.y + ratio, box.width - 2 * ratio, box.height - 2 * ratio);
    }
  }

  function cursorLine(name: CursorName, time: UnixMicros | null): void {
    if (time === null) return;
    const x = xOf(time);
    if (!inside(x)) return;
    const active = state.cursors.active === name;
    context.strokeStyle = active ? colours.accent : colours.text;
    context.lineWidth = Math.max(1, Math.floor(ratio));
    context.beginPath();
    const at = Math.round(x) + (Math.round(ratio) % 2) / 2;
    context.moveTo(at, top);
    context.lineTo(at, bottom);
    context.stroke();
    const fill = active ? colours.accent : colours.text;
    chip(context, layout, x, top, name.toUpperCase(), fill, colours.background, colours, ratio, true);
  }
}

function chip(
  context: CanvasRenderingContext2D,
  layout: StackLayout,
  x: number,
  y: number,
  text: string,
  fill: string,
  ink: string,
  colours: PlotColours,
  ratio: number,
  strong = false,
): void {
  context.font = font(colours, ratio, strong ? 600 : 400);
  const width = Math.ceil(context.measureText(text).width + 8 * ratio);
  const height = (FONT_SIZE + 5) * ratio;
  const left = Math.round(
    Math.min(layout.left + layout.width + 10 * ratio - width, Math.max(layout.left - 40 * ratio, x - width / 2)),
  );
  context.fillStyle = fill;
  context.beginPath();
  context.roundRect(left, y, width, height, 2 * ratio);
  context.fill();
  context.fillStyle = ink;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  context.fillText(text, left + 4 * ratio, y + height / 2 + 0.5 * ratio);
}
