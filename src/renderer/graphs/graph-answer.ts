import type { PlotSpec, TraceSegment, ValueRange } from '#renderer/plot/index.ts';
import { gridTimes } from '#shared/model/graph/index.ts';
import { TAG_LABEL, type TimeRange } from '#shared/model/index.ts';
import type { Graph } from './graph-model.ts';

export interface DrawnSeries {
  readonly key: string;
  readonly definition: string;
  readonly title: string;
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly unit: string | null;
  readonly last: number;
  readonly segment: TraceSegment;
}

/** What a graph came to over a range. */
export interface GraphAnswer {
  readonly range: TimeRange;
  readonly series: readonly DrawnSeries[];
  readonly warnings: readonly string[];
}

/** One item of `graphs.run`. */
export interface RunItem {
  readonly range: TimeRange;
  readonly grid: Parameters<typeof gridTimes>[0];
  readonly series: RunSeries | null;
}
interface RunSeries {
  readonly definition: string;
  readonly metric: { readonly namespace: string; readonly name: string };
  readonly labels: Readonly<Record<string, string>>;
  readonly unit: string | null;
  readonly value: Float64Array;
  readonly quality: Uint16Array;
  readonly envelope: { readonly min: Float64Array; readonly max: Float64Array } | null;
}

/** The series of an item as it is drawn; `index` is its place among all of the answer. */
export function drawnSeries(graph: Graph, { range, grid }: RunItem, series: RunSeries, index: number): DrawnSeries {
  const { definition, metric, labels, unit, value, quality, envelope } = series;
  const own = graph.series.find(({ id }) => id === definition);
  const key = `${metric.namespace}.${metric.name}`;
  const named = own?.title === undefined || own.title === '' ? '' : withLabels(own.title, labels);
  const words = Object.values(labels).filter((text) => text !== '');
  const last = value.findLast((number) => !Number.isNaN(number)) ?? Number.NaN;
  const time = gridTimes(grid);
  return {
    key: `${index}`,
    definition,
    metric: key,
    labels,
    unit,
    last,
    title:
      named !== ''
        ? named
        : (labels.name ?? labels[TAG_LABEL] ?? (words.length === 0 ? key : `${key} ${words.join(' ')}`)),
    segment: {
      columns: { time, value, quality, min: envelope?.min ?? null, max: envelope?.max ?? null, gaps: [] },
      from: range.from,
      to: range.to,
    },
  };
}

const withLabels = (title: string, labels: Readonly<Record<string, string>>): string =>
  title.replace(/\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (whole, name: string) => labels[name] ?? whole);

/** The one plot of a graph. `zoomed` has the axes whose range was set by hand; null there scales by itself. */
export function plotOf(
  graph: Graph,
  series: readonly DrawnSeries[],
  zoomed: ReadonlyMap<string, ValueRange | null>,
): PlotSpec {
  const axisOf = (one: DrawnSeries): number => graph.series.find(({ id }) => id === one.definition)?.style.axis ?? 0;
  const axes = [...new Set(series.map(axisOf))].sort((a, b) => a - b);
  return {
    id: 'preview',
    height: 1,
    axes: axes.map((axis) => {
      const { label = '', low = null, high = null } = graph.style.axes[axis] ?? {};
      const units = new Set(series.flatMap((one) => (axisOf(one) === axis ? (one.unit ?? []) : [])));
      const id = `axis${axis}`;
      const fixed = low !== null && high !== null && high > low ? { low, high } : null;
      const own = zoomed.get(id);
      return { id, label: label === '' ? [...units].join(', ') : label, range: own === undefined ? fixed : own };
    }),
    traces: series.map((one, index) => {
      const definition = graph.series.find(({ id }) => id === one.definition);
      return {
        tagId: one.key,
        name: one.title,
        axisId: `axis${axisOf(one)}`,
        hue: index % 12,
        step: definition?.style.draw === 'steps',
        visible: definition?.style.visible !== false,
        selected: false,
      };
    }),
  };
}
