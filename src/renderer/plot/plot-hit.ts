import type { UnixMicros } from '#shared/model/index.ts';
import type { Box } from './paint.ts';
import type { PlacedPlot, StackLayout } from './plot-layout.ts';
import type { PlotHit } from './plot-spec.ts';

const within = (box: Box, x: number, y: number): boolean =>
  x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;

/** What is at a point of the canvas, device pixels. */
export function hitLayout(
  layout: StackLayout,
  x: number,
  y: number,
  ratio: number,
  timeOf: (x: number) => UnixMicros,
  cursorNear: (x: number) => 'a' | 'b' | null,
): PlotHit {
  const share = (plot: PlacedPlot): number => 1 - (y - plot.area.y) / plot.area.height;
  for (let i = 0; i < layout.plots.length; i++) {
    const plot = layout.plots[i]!;
    const next = layout.plots[i + 1];
    const foot = plot.strip.y + plot.strip.height;
    if (next !== undefined && y >= foot - ratio && y < next.head.y + 3 * ratio) {
      return { kind: 'divider', above: plot.id, below: next.id };
    }
    if (within(plot.area, x, y)) {
      const cursor = cursorNear(x);
      if (cursor !== null) return { kind: 'cursor', cursor, plotId: plot.id, time: timeOf(x), share: share(plot) };
      return { kind: 'plot', plotId: plot.id, time: timeOf(x), share: share(plot), strip: false };
    }
    if (within(plot.strip, x, y)) return { kind: 'plot', plotId: plot.id, time: timeOf(x), share: 0, strip: true };
    for (const axis of plot.axes) {
      if (within(axis.box, x, y)) return { kind: 'axis', plotId: plot.id, axisId: axis.id, share: share(plot) };
    }
    if (within(plot.head, x, y)) return { kind: 'plot', plotId: plot.id, time: timeOf(x), share: 1, strip: false };
  }
  if (within(layout.timeAxis, x, y)) return { kind: 'time-axis', time: timeOf(x) };
  return { kind: 'none' };
}
