import { isBad, QUALITY, type Quality } from '../quality.ts';
import type { TimeRange } from '../time.ts';
import type { Grid } from './graph.ts';
import type { Labels, MetricIdentifier } from './metric.ts';

/** Columns of one series; `value` is NaN wherever `quality` is bad. */
export interface GraphSeries {
  /** Id of the series' definition in the graph. */
  readonly definition: string;
  readonly metric: MetricIdentifier;
  readonly labels: Labels;
  /** Unit of the values: the metric's own until it is converted, `.../s` for rates, null for counts. */
  readonly unit: string | null;
  /** Ascending, without duplicates; on the grid where there is one, and then the same column for all series. */
  readonly time: Float64Array<ArrayBuffer>;
  readonly value: Float64Array<ArrayBuffer>;
  /**
   * Three kinds of "no number" stay apart: nothing was there (`QUALITY.badNoData`), what was there was bad (its worst
   * quality), and a good value that is no number (good, NaN). A value from partly bad samples is `QUALITY.uncertain`.
   */
  readonly quality: Uint16Array<ArrayBuffer>;
  readonly envelope: { readonly min: Float64Array<ArrayBuffer>; readonly max: Float64Array<ArrayBuffer> } | null;
}

/** What every backend answers a graph with, and a raw query too. */
export interface TimeSeriesResult {
  readonly range: TimeRange;
  /** Null for raw samples. */
  readonly grid: Grid | null;
  /** In the order of the definitions; of one definition by labels. */
  readonly series: readonly GraphSeries[];
  /** What is right and still not what was asked, in sentences. */
  readonly warnings: readonly string[];
}

/** Quality of a step from how many usable and other samples it has and the worst quality of all. */
export function stepQuality(usable: number, other: number, worst: Quality): Quality {
  if (usable + other === 0) return QUALITY.badNoData;
  if (!isBad(worst)) return worst;
  return usable > 0 ? QUALITY.uncertain : worst;
}

/** Stable order of the series of one definition. */
export function compareLabels(a: Labels, b: Labels): number {
  const left = Object.entries(a).toSorted(byName);
  const right = Object.entries(b).toSorted(byName);
  for (let at = 0; at < left.length && at < right.length; at++) {
    for (const part of [0, 1] as const) {
      const order = compareText(left[at]![part], right[at]![part]);
      if (order !== 0) return order;
    }
  }
  return left.length - right.length;
}
const byName = (a: readonly [string, string], b: readonly [string, string]): number => compareText(a[0], b[0]);
/** By code units, which no language setting changes. */
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * The promises of a result, checked where it leaves a backend, because what breaks them looks like data. Throws an Error
 * that names the series: a fault of the backend's driver, not of the request.
 */
export function checkResult(result: TimeSeriesResult, backend: string): TimeSeriesResult {
  const { grid } = result;
  for (const { definition, time, value, quality, envelope } of result.series) {
    const fail = (reason: string): never => {
      throw new Error(`Backend ${backend} answered series ${definition} with ${reason}.`);
    };
    const columns = [
      value.length,
      quality.length,
      envelope?.min.length ?? time.length,
      envelope?.max.length ?? time.length,
    ];
    if (columns.some((length) => length !== time.length)) fail('columns of different lengths');
    if (grid !== null && time.length !== grid.length) fail(`${time.length} points on a grid of ${grid.length}`);
    for (let i = 0; i < time.length; i++) {
      if (grid === null ? i > 0 && !(time[i]! > time[i - 1]!) : time[i] !== grid.start + i * grid.step) {
        fail(grid === null ? 'times that do not ascend' : 'times beside the grid');
      }
      if (isBad(quality[i]!) && !Number.isNaN(value[i]!)) fail('a value where there is none');
    }
  }
  return result;
}
