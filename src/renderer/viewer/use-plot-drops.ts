import { type DragEvent, useState } from 'react';
import { isOurs, readTags, readTrace } from './drag-data.ts';
import type { TrendController } from './trend-controller.ts';
import type { TraceRef, TraceTarget } from './trend-model.ts';

export interface PlotDrops {
  /** Something of ours is held over the plots. */
  readonly dragging: boolean;
  readonly onDragOver: (event: DragEvent) => void;
  readonly onDragLeave: () => void;
  readonly onDrop: (event: DragEvent) => void;
}

/** Tags and traces that are dragged onto plots and axes, or below them. */
export function usePlotDrops(options: {
  readonly controller: TrendController | null;
  /** Each trace has a plot of its own for a look: nothing can be aimed at. */
  readonly stacked: boolean;
  readonly onTrace: (ref: TraceRef, target: TraceTarget) => void;
  readonly onTags: (ids: readonly string[], target: TraceTarget) => void;
}): PlotDrops {
  const { controller, stacked } = options;
  const [dragging, setDragging] = useState(false);
  const targetOf = (event: DragEvent): { readonly plotId: string; readonly axisId: string | null } | null => {
    if (stacked) return null;
    const hit = controller?.stack.hit(event.clientX, event.clientY);
    if (hit?.kind === 'axis') return { plotId: hit.plotId, axisId: hit.axisId };
    return hit?.kind === 'plot' ? { plotId: hit.plotId, axisId: null } : null;
  };
  const end = (): void => {
    setDragging(false);
    controller?.stack.setDropTarget(null);
  };
  return {
    dragging,
    onDragOver(event) {
      if (!isOurs(event.dataTransfer)) return;
      event.preventDefault();
      setDragging(true);
      controller?.stack.setDropTarget(targetOf(event));
    },
    onDragLeave: end,
    onDrop(event) {
      if (!isOurs(event.dataTransfer)) return;
      event.preventDefault();
      end();
      const target = { ...(targetOf(event) ?? { plotId: null, axisId: null }), beforeTagId: null };
      const trace = readTrace(event.dataTransfer);
      if (trace !== null) options.onTrace(trace, target);
      else options.onTags(readTags(event.dataTransfer), target);
    },
  };
}
