// Trends on a canvas: what other modules may use of it.
export { type Zone, zoneOf } from '#shared/model/index.ts';
export { createHueBook, HUES, type HueBook, type PlotTheme, TRACE_COLOURS, traceColour } from './colours.ts';
export { attachGestures, type PlotGestures } from './gestures.ts';
export { createHoverBox, type HoverBox, type HoverBoxOptions, type HoverRow, hoverDistance } from './hover-box.ts';
export { createMiniMap, type MiniMap, type MiniMapData } from './mini-map.ts';
export type {
  AxisSpec,
  CursorName,
  PlotCursors,
  PlotEvent,
  PlotHit,
  PlotSource,
  PlotSpec,
  TraceSpec,
} from './plot-spec.ts';
export { createPlotStack, type PlotCounters, type PlotStack } from './plot-stack.ts';
export { type TraceStatistics, traceStatistics } from './statistics.ts';
export {
  type HeldSample,
  heldAt,
  isMergedAt,
  lowerBound,
  type TraceColumns,
  type TraceSegment,
  upperBound,
} from './trace-data.ts';
export type { ValueRange } from './value-ticks.ts';
export {
  createZoomHistory,
  LEAST_SPAN,
  MOST_SPAN,
  panValues,
  panWindow,
  roundWindow,
  snapWindow,
  type ViewState,
  type ZoomHistory,
  zoomValues,
  zoomWindow,
} from './window.ts';
