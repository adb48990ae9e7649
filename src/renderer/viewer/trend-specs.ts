import type { AxisSpec, HueBook, PlotSpec, ValueRange } from '#renderer/plot/index.ts';
import type { TrendDocument } from '#shared/model/index.ts';
import { allTagIds, isStep, type TraceRef, type TraceTag, type TrendAxis, type TrendPlot } from './trend-model.ts';

/** What an axis was given by hand here; `auto` fits it to what is visible. */
export type AxisView = ValueRange | 'auto';
/** By `plot/axis`. */
export type AxisViews = ReadonlyMap<string, AxisView>;

export interface SpecInput {
  /** As it is drawn; stacked plots have ids `plot~tag`. */
  readonly shown: TrendDocument;
  readonly whole: TrendDocument;
  readonly tags: ReadonlyMap<string, TraceTag>;
  readonly hues: HueBook;
  readonly axes: AxisViews;
  readonly selected: TraceRef | null;
  readonly stacked: boolean;
  readonly textOf: (tagId: string, value: number) => string | undefined;
}

const bitText = (value: number): string => (value === 0 || value === 1 ? String(value) : '');

export function plotSpecs(input: SpecInput): PlotSpec[] {
  const { shown, tags, selected } = input;
  const all = allTagIds(input.whole);
  return shown.plots.map((plot) => {
    const origin = plot.id.split('~')[0];
    return {
      id: plot.id,
      height: plot.height,
      axes: plot.axes.map((axis) => axisSpec(plot, axis, input)),
      traces: plot.traces.map((trace) => {
        const tag = tags.get(trace.tagId);
        return {
          tagId: trace.tagId,
          name: tag?.name ?? trace.tagId,
          axisId: trace.axisId,
          hue: input.hues.hueOf(trace.tagId, all),
          step: tag !== undefined && isStep(tag),
          visible: trace.visible,
          selected: selected?.tagId === trace.tagId && selected.plotId === origin,
        };
      }),
    };
  });
}

function axisSpec(plot: TrendPlot, axis: TrendAxis, input: SpecInput): AxisSpec {
  // A stacked trace has little height: it fills it unless its axis was set by hand here.
  const own = input.axes.get(`${plot.id}/${axis.id}`) ?? (input.stacked ? 'auto' : undefined);
  const fixed =
    axis.low !== null && axis.high !== null && axis.high > axis.low ? { low: axis.low, high: axis.high } : null;
  const range = own === undefined ? fixed : own === 'auto' ? null : own;
  const mine = plot.traces
    .filter((trace) => trace.axisId === axis.id)
    .flatMap((trace) => input.tags.get(trace.tagId) ?? []);
  const spec = { id: axis.id, label: axis.label, range };
  if (mine.length === 0) return spec;
  if (mine.every((tag) => tag.type === 'bit')) return { ...spec, stateText: bitText };
  if (!mine.every((tag) => tag.type === 'string')) return spec;
  const only = mine.length === 1 ? mine[0] : undefined;
  // Two text tags have different words for the same number.
  return { ...spec, stateText: (value) => (only === undefined ? undefined : input.textOf(only.id, value)) };
}
