import type { Box } from './paint.ts';
import type { PlotColours } from './plot-colours.ts';
import type { PlacedAxis, PlacedPlot, StackLayout } from './plot-layout.ts';
import type { PlotEvent, TraceSpec } from './plot-spec.ts';
import type { TimeTicks } from './time-ticks.ts';

export const FONT_SIZE = 11;

export function font(colours: PlotColours, ratio: number, weight = 400): string {
  return `${weight} ${FONT_SIZE * ratio}px ${colours.textFont}`;
}

/** A hairline on whole device pixels. */
function line(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number, ratio: number): void {
  const shift = (Math.round(ratio) % 2) / 2;
  context.moveTo(Math.round(x1) + shift, Math.round(y1) + shift);
  context.lineTo(Math.round(x2) + shift, Math.round(y2) + shift);
}

const timeX = (time: number, from: number, to: number, layout: StackLayout): number =>
  layout.left + ((time - from) / (to - from)) * layout.width;

/** Grid of one plot: time lines through, value lines of the first axis. */
export function paintGrid(
  context: CanvasRenderingContext2D,
  plot: PlacedPlot,
  layout: StackLayout,
  ticks: TimeTicks,
  window: { readonly from: number; readonly to: number },
  colours: PlotColours,
  ratio: number,
): void {
  const { area } = plot;
  context.strokeStyle = colours.grid;
  context.lineWidth = Math.max(1, Math.floor(ratio));
  context.beginPath();
  for (const tick of ticks.ticks) {
    const x = timeX(tick.time, window.from, window.to, layout);
    line(context, x, area.y, x, area.y + area.height, ratio);
  }
  const axis = plot.axes[0];
  if (axis !== undefined) {
    for (const value of axis.ticks.values) {
      const y = valueY(axis, value);
      line(context, area.x, y, area.x + area.width, y, ratio);
    }
  }
  context.stroke();
}

export function valueY(axis: PlacedAxis, value: number): number {
  const { low, high } = axis.range;
  return axis.box.y + axis.box.height * (1 - (value - low) / (high - low));
}

export function paintFrame(
  context: CanvasRenderingContext2D,
  plot: PlacedPlot,
  colours: PlotColours,
  ratio: number,
): void {
  const { area, strip } = plot;
  context.strokeStyle = colours.frame;
  context.lineWidth = Math.max(1, Math.floor(ratio));
  context.beginPath();
  line(context, area.x, area.y, area.x, area.y + area.height, ratio);
  line(context, area.x, area.y + area.height, area.x + area.width, area.y + area.height, ratio);
  line(context, area.x, area.y, area.x + area.width, area.y, ratio);
  line(context, area.x + area.width, area.y, area.x + area.width, area.y + area.height, ratio);
  context.stroke();
  context.strokeStyle = colours.grid;
  context.beginPath();
  line(context, strip.x, strip.y + strip.height, strip.x + strip.width, strip.y + strip.height, ratio);
  context.stroke();
}

/** Labels of one axis, and its name at the head. `colour` is that of its only trace, so that eyes find it. */
export function paintAxis(
  context: CanvasRenderingContext2D,
  axis: PlacedAxis,
  head: Box,
  colour: string,
  colours: PlotColours,
  ratio: number,
): void {
  context.font = font(colours, ratio);
  context.fillStyle = colour;
  context.strokeStyle = colours.frame;
  context.lineWidth = Math.max(1, Math.floor(ratio));
  context.textBaseline = 'middle';
  const atLeft = axis.side === 'left';
  const edge = atLeft ? axis.box.x + axis.box.width : axis.box.x;
  const direction = atLeft ? -1 : 1;
  context.textAlign = atLeft ? 'right' : 'left';
  context.beginPath();
  axis.ticks.values.forEach((value, index) => {
    const y = valueY(axis, value);
    line(context, edge, y, edge + direction * 4 * ratio, y, ratio);
    const text = shorten(context, axis.ticks.labels[index] ?? '', axis.box.width - 9 * ratio);
    const inside = Math.min(
      axis.box.y + axis.box.height - (FONT_SIZE * ratio) / 2 + 2 * ratio,
      Math.max(axis.box.y + (FONT_SIZE * ratio) / 2 - 2 * ratio, y),
    );
    context.fillText(text, edge + direction * 7 * ratio, inside);
  });
  line(context, edge, axis.box.y, edge, axis.box.y + axis.box.height, ratio);
  context.stroke();
  if (axis.label === '') return;
  context.textBaseline = 'middle';
  context.fillText(
    shorten(context, axis.label, axis.box.width - 8 * ratio),
    edge + direction * 7 * ratio,
    head.y + head.height / 2 + ratio,
  );
}

/** Keeps both ends, where names of a plant differ. */
export function shorten(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text;
  for (let keep = text.length - 1; keep > 2; keep--) {
    const tail = Math.ceil(keep / 2);
    const candidate = `${text.slice(0, keep - tail)}…${text.slice(text.length - tail)}`;
    if (context.measureText(candidate).width <= room) return candidate;
  }
  return '…';
}

/** Names of the traces above the plot, in their colours, as many as there is room for. */
export function paintHead(
  context: CanvasRenderingContext2D,
  plot: PlacedPlot,
  traces: readonly TraceSpec[],
  colours: PlotColours,
  ratio: number,
): void {
  const shown = traces.filter((trace) => trace.visible);
  if (shown.length === 0) return;
  const { head } = plot;
  const y = head.y + head.height / 2 + ratio;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  context.font = font(colours, ratio);
  const wanted = shown.reduce((sum, trace) => sum + context.measureText(trace.name).width + 24 * ratio, 0);
  // Names are shortened only where they do not all fit.
  const share = (head.width - 40 * ratio) / shown.length - 24 * ratio;
  const each =
    wanted < head.width - 40 * ratio ? Number.POSITIVE_INFINITY : Math.max(60 * ratio, Math.min(260 * ratio, share));
  let x = head.x + 4 * ratio;
  for (let i = 0; i < shown.length; i++) {
    const trace = shown[i]!;
    const last = head.x + head.width - 34 * ratio;
    context.font = font(colours, ratio, trace.selected ? 600 : 400);
    const text = shorten(context, trace.name, each);
    const width = context.measureText(text).width + 12 * ratio;
    if (x + width > last && i > 0) {
      context.fillStyle = colours.quiet;
      context.fillText(`+${shown.length - i}`, x, y);
      return;
    }
    context.fillStyle = colours.traces[trace.hue % colours.traces.length] ?? colours.text;
    context.fillRect(x, y - 1.5 * ratio, 8 * ratio, 2 * ratio);
    context.fillStyle = colours.text;
    context.fillText(text, x + 12 * ratio, y);
    x += width + 12 * ratio;
  }
}

export function paintTimeAxis(
  context: CanvasRenderingContext2D,
  layout: StackLayout,
  ticks: TimeTicks,
  window: { readonly from: number; readonly to: number },
  zoneText: string,
  colours: PlotColours,
  ratio: number,
  widthLeft: number,
): void {
  const box = layout.timeAxis;
  context.font = font(colours, ratio);
  context.textBaseline = 'top';
  context.textAlign = 'center';
  context.strokeStyle = colours.frame;
  context.lineWidth = Math.max(1, Math.floor(ratio));
  context.beginPath();
  let dateEnd = Number.NEGATIVE_INFINITY;
  for (const tick of ticks.ticks) {
    const x = timeX(tick.time, window.from, window.to, layout);
    line(context, x, box.y, x, box.y + 4 * ratio, ratio);
    context.fillStyle = colours.text;
    const half = context.measureText(tick.label).width / 2;
    const center = Math.min(box.x + box.width + 10 * ratio - half, Math.max(box.x - 20 * ratio + half, x));
    context.fillText(tick.label, center, box.y + 5 * ratio);
    if (tick.date === null) continue;
    const dateHalf = context.measureText(tick.date).width / 2;
    if (x - dateHalf < dateEnd + 6 * ratio) continue;
    context.fillStyle = colours.quiet;
    const dateCenter = Math.min(box.x + box.width + 10 * ratio - dateHalf, Math.max(box.x - 20 * ratio + dateHalf, x));
    context.fillText(tick.date, dateCenter, box.y + 18 * ratio);
    dateEnd = dateCenter + dateHalf;
  }
  context.stroke();
  context.fillStyle = colours.quiet;
  context.textAlign = 'left';
  const room = widthLeft - 22 * ratio;
  if (room > 24 * ratio) context.fillText(shorten(context, zoneText, room), 2 * ratio, box.y + 18 * ratio);
}

/** Dated texts: a notch at the foot of the plot, a pale field for those that last. */
export function paintEvents(
  context: CanvasRenderingContext2D,
  events: readonly PlotEvent[],
  plot: PlacedPlot,
  layout: StackLayout,
  window: { readonly from: number; readonly to: number },
  colours: PlotColours,
  ratio: number,
): void {
  for (const event of events) {
    if (event.from >= window.to || (event.to ?? event.from) < window.from) continue;
    const x = timeX(event.from, window.from, window.to, layout);
    const until = event.to === null ? x : timeX(event.to, window.from, window.to, layout);
    const { area } = plot;
    if (event.to !== null && event.kind === 'note') {
      context.fillStyle = colours.accent;
      context.globalAlpha = 0.08;
      context.fillRect(x, area.y, until - x, area.height);
      context.globalAlpha = 1;
    }
    context.fillStyle = event.kind === 'note' ? colours.accent : colours.quiet;
    context.beginPath();
    context.moveTo(x - 4 * ratio, area.y);
    context.lineTo(x + 4 * ratio, area.y);
    context.lineTo(x, area.y + 6 * ratio);
    context.closePath();
    context.fill();
  }
}
