import type { TrendDocument, ValueType } from '#shared/model/index.ts';

export type TrendPlot = TrendDocument['plots'][number];
export type TrendAxis = TrendPlot['axes'][number];
export type TrendTrace = TrendPlot['traces'][number];

/** What a trend must know of a tag to draw it. */
export interface TraceTag {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly unit: string | null;
  readonly type: ValueType;
  readonly decimals: number | null;
  readonly range: { readonly low: number; readonly high: number } | null;
  readonly demo: boolean;
  /** Whose it is and by how much it is shifted, for people; absent: the trend's own source, as it was. */
  readonly origin?: string;
}

/** A trace's name where nothing stands beside it. */
export const traceName = ({ name, origin }: Pick<TraceTag, 'name' | 'origin'>): string =>
  origin === undefined ? name : `${name} (${origin})`;

/** A trace of a plot; `tagId` is its key (`traceKey`), as everywhere in the viewer. */
export interface TraceRef {
  readonly plotId: string;
  readonly tagId: string;
}

export interface TraceTarget {
  /** Null makes a new plot below. */
  readonly plotId: string | null;
  /** `own` makes a new axis; null takes one of the same unit or makes one. */
  readonly axisId: string | 'own' | null;
  /** Goes before this trace; null to the end. */
  readonly beforeTagId: string | null;
}

export const DEFAULT_TREND = 'default';
const DEFAULT_SPAN_S = 120;
const MOST_AXES = 4;
export const MOST_TRACES = 100;

export const emptyTrend = (id: string, name: string): TrendDocument => ({ id, name, plots: [], spanS: DEFAULT_SPAN_S });

/** Values that hold until the next sample: bits, and texts, whose numbers are states. */
export const isStep = (tag: Pick<TraceTag, 'type'>): boolean => tag.type === 'bit' || tag.type === 'string';

export const axisLabelOf = (tag: Pick<TraceTag, 'unit' | 'type'>): string =>
  tag.type === 'bit' ? 'on/off' : tag.type === 'string' ? 'state' : (tag.unit ?? '');

export function nextId(prefix: string, taken: Iterable<string>): string {
  const known = new Set(taken);
  for (let n = 1; ; n++) if (!known.has(`${prefix}${n}`)) return `${prefix}${n}`;
}

const replacePlot = (trend: TrendDocument, id: string, change: (plot: TrendPlot) => TrendPlot): TrendDocument => ({
  ...trend,
  plots: trend.plots.map((plot) => (plot.id === id ? change(plot) : plot)),
});

export const allTagIds = (trend: TrendDocument): string[] => [
  ...new Set(trend.plots.flatMap((plot) => plot.traces.map((trace) => trace.tagId))),
];

export function findTrace(trend: TrendDocument, ref: TraceRef): TrendTrace | undefined {
  return trend.plots.find((plot) => plot.id === ref.plotId)?.traces.find((trace) => trace.tagId === ref.tagId);
}

export function addPlot(trend: TrendDocument, height = 1): { readonly trend: TrendDocument; readonly plotId: string } {
  const id = nextId(
    'plot',
    trend.plots.map((plot) => plot.id),
  );
  return { trend: { ...trend, plots: [...trend.plots, { id, height, axes: [], traces: [] }] }, plotId: id };
}

export function removePlot(trend: TrendDocument, plotId: string): TrendDocument {
  return { ...trend, plots: trend.plots.filter((plot) => plot.id !== plotId) };
}

export function addAxis(
  trend: TrendDocument,
  plotId: string,
  label: string,
  range: { readonly low: number; readonly high: number } | null = null,
): { readonly trend: TrendDocument; readonly axisId: string } {
  const plot = trend.plots.find((one) => one.id === plotId);
  const id = nextId('axis', plot?.axes.map((axis) => axis.id) ?? []);
  const axis = { id, label, low: range?.low ?? null, high: range?.high ?? null };
  return { trend: replacePlot(trend, plotId, (one) => ({ ...one, axes: [...one.axes, axis] })), axisId: id };
}

/** The axis goes; its traces move to the plot's first other axis, or the axis stays when it is the only one. */
export function removeAxis(trend: TrendDocument, plotId: string, axisId: string): TrendDocument {
  return replacePlot(trend, plotId, (plot) => {
    const other = plot.axes.find((axis) => axis.id !== axisId);
    const used = plot.traces.some((trace) => trace.axisId === axisId);
    if (other === undefined && used) return plot;
    return {
      ...plot,
      axes: plot.axes.filter((axis) => axis.id !== axisId),
      traces: plot.traces.map((trace) => (trace.axisId === axisId && other ? { ...trace, axisId: other.id } : trace)),
    };
  });
}

export function changeAxis(
  trend: TrendDocument,
  plotId: string,
  axisId: string,
  change: Partial<Omit<TrendAxis, 'id'>>,
): TrendDocument {
  return replacePlot(trend, plotId, (plot) => ({
    ...plot,
    axes: plot.axes.map((axis) => (axis.id === axisId ? { ...axis, ...change } : axis)),
  }));
}

/** Adds tags where they fit: beside their unit, else with an axis of their own, bits in a flat plot of theirs. */
export function addTags(
  trend: TrendDocument,
  tags: readonly TraceTag[],
  target: Partial<TraceTarget> = {},
): TrendDocument {
  let made = trend;
  let count = made.plots.reduce((sum, plot) => sum + plot.traces.length, 0);
  let newPlot: string | null = null;
  for (const tag of tags) {
    if (count >= MOST_TRACES) break;
    let plotId = target.plotId ?? null;
    if (target.plotId === null) {
      if (newPlot === null) {
        const added = addPlot(made, isStep(tag) ? 0.4 : 1);
        made = added.trend;
        newPlot = added.plotId;
      }
      plotId = newPlot;
    }
    if (plotId === null) {
      if (allTagIds(made).includes(tag.id)) continue;
      const found = placeFor(made, tag);
      if (found === null) {
        const added = addPlot(made, isStep(tag) ? 0.4 : 1);
        made = added.trend;
        plotId = added.plotId;
      } else plotId = found;
    }
    const plot = made.plots.find((one) => one.id === plotId);
    if (plot === undefined || plot.traces.some((trace) => trace.tagId === tag.id)) continue;
    made = insertTrace(made, plotId, tag, target.axisId ?? null, target.beforeTagId ?? null, true);
    count++;
  }
  return made;
}

function placeFor(trend: TrendDocument, tag: TraceTag): string | null {
  const label = axisLabelOf(tag);
  const sameUnit = trend.plots.find((plot) =>
    plot.axes.some((axis) => axis.label === label && plot.traces.some((trace) => trace.axisId === axis.id)),
  );
  if (sameUnit !== undefined) return sameUnit.id;
  const digital = (plot: TrendPlot): boolean =>
    plot.axes.length > 0 && plot.axes.every((axis) => axis.label === 'on/off' || axis.label === 'state');
  const empty = trend.plots.find((plot) => plot.traces.length === 0);
  if (empty !== undefined) return empty.id;
  const fitting = trend.plots.filter((plot) => digital(plot) === isStep(tag) && plot.axes.length < MOST_AXES);
  return fitting.at(-1)?.id ?? null;
}

function insertTrace(
  trend: TrendDocument,
  plotId: string,
  tag: TraceTag,
  axis: string | 'own' | null,
  beforeTagId: string | null,
  visible: boolean,
): TrendDocument {
  let made = trend;
  const plot = made.plots.find((one) => one.id === plotId);
  if (plot === undefined) return trend;
  const label = axisLabelOf(tag);
  let axisId = axis !== null && axis !== 'own' && plot.axes.some((one) => one.id === axis) ? axis : null;
  if (axisId === null && axis !== 'own') {
    const free = plot.axes.find((one) => !plot.traces.some((trace) => trace.axisId === one.id) && one.label === '');
    const same = plot.axes.find((one) => one.label === label) ?? free;
    axisId = same?.id ?? null;
    if (same !== undefined && same === free) made = changeAxis(made, plotId, same.id, { label });
  }
  if (axisId === null) {
    const added = addAxis(made, plotId, label);
    made = added.trend;
    axisId = added.axisId;
  }
  const trace: TrendTrace = { tagId: tag.id, axisId, visible };
  return replacePlot(made, plotId, (one) => {
    const at = beforeTagId === null ? -1 : one.traces.findIndex((other) => other.tagId === beforeTagId);
    const traces = [...one.traces];
    traces.splice(at < 0 ? traces.length : at, 0, trace);
    return { ...one, traces };
  });
}

/** Takes a trace away, and with it an axis that served only it. */
export function removeTrace(trend: TrendDocument, ref: TraceRef): TrendDocument {
  return replacePlot(trend, ref.plotId, (plot) => {
    const gone = plot.traces.find((trace) => trace.tagId === ref.tagId);
    if (gone === undefined) return plot;
    const traces = plot.traces.filter((trace) => trace !== gone);
    const alone = !traces.some((trace) => trace.axisId === gone.axisId);
    return { ...plot, traces, axes: alone ? plot.axes.filter((axis) => axis.id !== gone.axisId) : plot.axes };
  });
}

export function moveTrace(trend: TrendDocument, ref: TraceRef, tag: TraceTag, target: TraceTarget): TrendDocument {
  const trace = findTrace(trend, ref);
  if (trace === undefined) return trend;
  if (
    target.plotId !== null &&
    target.plotId !== ref.plotId &&
    findTrace(trend, { plotId: target.plotId, tagId: ref.tagId })
  ) {
    return trend;
  }
  if (target.beforeTagId === ref.tagId && target.plotId === ref.plotId) return trend;
  // Inside its plot a trace keeps its axis unless another is named.
  const axis = target.axisId ?? (target.plotId === ref.plotId ? trace.axisId : null);
  const keepsAxis = target.plotId === ref.plotId && axis === trace.axisId;
  let made = trend;
  if (keepsAxis) {
    made = replacePlot(made, ref.plotId, (plot) => ({
      ...plot,
      traces: plot.traces.filter((one) => one.tagId !== ref.tagId),
    }));
  } else made = removeTrace(made, ref);
  let plotId = target.plotId;
  if (plotId === null) {
    const added = addPlot(made, isStep(tag) ? 0.4 : 1);
    made = added.trend;
    plotId = added.plotId;
  }
  return insertTrace(made, plotId, tag, axis, target.beforeTagId, trace.visible);
}

export function setVisible(trend: TrendDocument, ref: TraceRef, visible: boolean): TrendDocument {
  return replacePlot(trend, ref.plotId, (plot) => ({
    ...plot,
    traces: plot.traces.map((trace) => (trace.tagId === ref.tagId ? { ...trace, visible } : trace)),
  }));
}

/** The same trace of another source or with another shift; null where the plot has that one already. */
export function changeKey(trend: TrendDocument, ref: TraceRef, key: string): TrendDocument | null {
  if (key !== ref.tagId && findTrace(trend, { plotId: ref.plotId, tagId: key }) !== undefined) return null;
  return replacePlot(trend, ref.plotId, (plot) => ({
    ...plot,
    traces: plot.traces.map((trace) => (trace.tagId === ref.tagId ? { ...trace, tagId: key } : trace)),
  }));
}

/** Only this trace stays; a second time all come back. */
export function soloTrace(trend: TrendDocument, ref: TraceRef): TrendDocument {
  const isMine = (plot: TrendPlot, trace: TrendTrace): boolean => plot.id === ref.plotId && trace.tagId === ref.tagId;
  const alone = trend.plots.every((plot) => plot.traces.every((trace) => trace.visible === isMine(plot, trace)));
  return {
    ...trend,
    plots: trend.plots.map((plot) => ({
      ...plot,
      traces: plot.traces.map((trace) => ({ ...trace, visible: alone || isMine(plot, trace) })),
    })),
  };
}

/** Moves the line between two neighbours; `share` is of the height of all plots. */
export function resizePlots(trend: TrendDocument, above: string, below: string, share: number): TrendDocument {
  const total = trend.plots.reduce((sum, plot) => sum + plot.height, 0);
  const one = trend.plots.find((plot) => plot.id === above);
  const two = trend.plots.find((plot) => plot.id === below);
  if (one === undefined || two === undefined) return trend;
  const least = total * 0.05;
  const by = Math.max(least - one.height, Math.min(two.height - least, share * total));
  return {
    ...trend,
    plots: trend.plots.map((plot) =>
      plot.id === above
        ? { ...plot, height: Math.max(0.01, plot.height + by) }
        : plot.id === below
          ? { ...plot, height: Math.max(0.01, plot.height - by) }
          : plot,
    ),
  };
}

/** Every visible trace on a plot of its own, for a look; the document stays as it is. */
export function stacked(trend: TrendDocument): TrendDocument {
  return {
    ...trend,
    plots: trend.plots.flatMap((plot) =>
      plot.traces
        .filter((trace) => trace.visible)
        .map((trace) => ({
          id: `${plot.id}~${trace.tagId}`,
          height: 1,
          axes: plot.axes.filter((axis) => axis.id === trace.axisId),
          traces: [trace],
        })),
    ),
  };
}
