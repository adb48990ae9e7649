import { heldAt, type PlotHit, type PlotSource, type PlotStack } from '#renderer/plot/index.ts';
import type { TrendDocument } from '#shared/model/index.ts';
import type { TraceRef } from './trend-model.ts';

const REACH = 12;

/** The trace that a click means: the nearest above or below within a few pixels; null beside all. */
export function traceNear(
  hit: Extract<PlotHit, { kind: 'plot' }>,
  plots: TrendDocument['plots'],
  stack: PlotStack,
  source: PlotSource,
): TraceRef | null {
  const plot = plots.find((one) => one.id === hit.plotId);
  if (plot === undefined) return null;
  let best: { readonly tagId: string; readonly distance: number } | null = null;
  for (const trace of plot.traces) {
    if (!trace.visible) continue;
    const range = stack.axisRange(plot.id, trace.axisId);
    const held = heldAt(source.segments(trace.tagId), hit.time);
    if (range === null || held === null || held.quality >= 0x8000) continue;
    const share = (held.value - range.low) / (range.high - range.low);
    const distance = Math.abs(share - hit.share) * stack.areaHeight(plot.id);
    if (best === null || distance < best.distance) best = { tagId: trace.tagId, distance };
  }
  return best !== null && best.distance < REACH
    ? { plotId: plot.id.split('~')[0] ?? plot.id, tagId: best.tagId }
    : null;
}
