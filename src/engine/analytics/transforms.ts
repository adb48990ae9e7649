import {
  type Conversion,
  type GraphDefinition,
  type GraphSeries,
  type Grid,
  type GroupBy,
  gridTimes,
  type Labels,
  labelsText,
} from '#shared/model/graph/index.ts';
import { isBad, QUALITY, type QueryFill } from '#shared/model/index.ts';

/**
 * What is done with the answers of backends, whichever they are: whole columns in, new columns out, nothing changed in
 * place. All series of one call lie on one grid.
 */

/** Values in another unit. */
export function convertSeries(series: GraphSeries, { gain, offset }: Conversion, unit: string | null): GraphSeries {
  if (gain === 1 && offset === 0) return series.unit === unit ? series : { ...series, unit };
  const convert = (column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> =>
    column.map((value) => value * gain + offset);
  const { envelope } = series;
  const ends = envelope === null ? null : { min: convert(envelope.min), max: convert(envelope.max) };
  return {
    ...series,
    unit,
    value: convert(series.value),
    envelope: ends === null || gain > 0 ? ends : { min: ends.max, max: ends.min },
  };
}

/**
 * Puts something where nothing was. A step with bad samples or a value that is no number stays as it is and ends what
 * holds, so that a failure is never drawn as a value. Filled steps are uncertain.
 */
export function fillSeries(series: GraphSeries, fill: QueryFill): GraphSeries {
  if (fill.kind === 'none') return series;
  const value = series.value.slice();
  const quality = series.quality.slice();
  const { time } = series;
  const longest = fill.kind === 'constant' ? 0 : (fill.maxAge ?? Number.POSITIVE_INFINITY);
  /** The last step with a value, while nothing but gaps follow it. */
  let known = -1;
  const put = (at: number, number: number, as: number): void => {
    value[at] = number;
    quality[at] = as;
  };
  for (let i = 0; i < value.length; i++) {
    const gap = series.quality[i] === QUALITY.badNoData;
    if (fill.kind === 'constant') {
      if (gap) put(i, fill.value, QUALITY.uncertain);
    } else if (fill.kind === 'previous') {
      if (!gap) known = Number.isNaN(value[i]!) ? -1 : i;
      else if (known >= 0 && time[i]! - time[known]! <= longest) put(i, value[known]!, QUALITY.uncertainLastUsable);
    } else if (!gap) {
      const from = known;
      known = Number.isNaN(value[i]!) ? -1 : i;
      if (known < 0 || from < 0 || time[i]! - time[from]! > longest) continue;
      for (let n = from + 1; n < i; n++) {
        const share = (time[n]! - time[from]!) / (time[i]! - time[from]!);
        put(n, series.value[from]! + share * (series.value[i]! - series.value[from]!), QUALITY.uncertain);
      }
    }
  }
  return { ...series, value, quality };
}

/**
 * Joins series of one definition whose named labels are equal; the labels that are left name the group. A step is worked
 * out from the series that have a value in it, and uncertain where others have none.
 */
export function groupSeries(all: readonly GraphSeries[], { labels, aggregate }: GroupBy): GraphSeries[] {
  const groups = new Map<string, { readonly labels: Labels; readonly members: GraphSeries[] }>();
  for (const series of all) {
    const kept: Labels = Object.fromEntries(
      labels.flatMap((name) => (Object.hasOwn(series.labels, name) ? [[name, series.labels[name]!]] : [])),
    );
    const key = labelsText(kept);
    const group = groups.get(key) ?? { labels: kept, members: [] };
    group.members.push(series);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ labels: kept, members }) => {
    const [first] = members as [GraphSeries, ...GraphSeries[]];
    const { length } = first.time;
    const value = new Float64Array(length).fill(Number.NaN);
    const quality = new Uint16Array(length);
    for (let i = 0; i < length; i++) {
      let count = 0;
      let others = 0;
      let worstBad = 0;
      let worstGood = 0;
      let result = 0;
      for (const member of members) {
        const number = member.value[i]!;
        const of = member.quality[i]!;
        if (Number.isNaN(number)) {
          others++;
          // A gap says least: what is known to be bad goes before it.
          if (
            isBad(of) &&
            (worstBad === 0 || worstBad === QUALITY.badNoData || (of > worstBad && of !== QUALITY.badNoData))
          )
            worstBad = of;
          continue;
        }
        count++;
        if (of > worstGood) worstGood = of;
        if (aggregate === 'min') result = count === 1 ? number : Math.min(result, number);
        else if (aggregate === 'max') result = count === 1 ? number : Math.max(result, number);
        else result += number;
      }
      if (aggregate === 'count') value[i] = count;
      else if (count === 0) quality[i] = worstBad;
      else {
        value[i] = aggregate === 'mean' ? result / count : result;
        quality[i] = others > 0 ? QUALITY.uncertain : worstGood;
      }
    }
    const unit = aggregate === 'count' ? null : first.unit;
    return { ...first, labels: kept, unit, value, quality, envelope: null };
  });
}

/**
 * Piles series up in their order: `values` adds each onto those below it, `share` gives each as a percentage of all. A
 * step without a value adds nothing and stays without one. Values below zero are piled up downward, on their own.
 */
export function stackSeries(all: readonly GraphSeries[], stack: GraphDefinition['style']['stack']): GraphSeries[] {
  const length = all[0]?.time.length ?? 0;
  if (stack === 'none' || length === 0) return [...all];
  const above = new Float64Array(length);
  const below = new Float64Array(length);
  const total = new Float64Array(length);
  if (stack === 'share') {
    for (const { value } of all) for (let i = 0; i < length; i++) total[i]! += Math.abs(value[i]!) || 0;
  }
  return all.map((series) => {
    const value = series.value.map((number, i) => {
      const part = stack === 'share' ? (100 * number) / total[i]! : number;
      if (Number.isNaN(part)) return Number.NaN;
      const pile = part < 0 ? below : above;
      return (pile[i]! += part);
    });
    return { ...series, value, unit: stack === 'share' ? '%' : series.unit, envelope: null };
  });
}

/**
 * Values at the steps of another grid, for tables and for formulas over series of different steps: `hold` takes the last
 * value at or before the step's start, `linear` the line between its neighbours. Neither reaches over a step without a
 * value, nor further than `maxAge` microseconds.
 */
export function resampleSeries(
  series: GraphSeries,
  grid: Grid,
  method: 'hold' | 'linear',
  maxAge = Number.POSITIVE_INFINITY,
): GraphSeries {
  const time = gridTimes(grid);
  const value = new Float64Array(grid.length).fill(Number.NaN);
  const quality = new Uint16Array(grid.length).fill(QUALITY.badNoData);
  let next = 0;
  for (let i = 0; i < grid.length; i++) {
    while (next < series.time.length && series.time[next]! <= time[i]!) next++;
    const at = next - 1;
    if (at < 0 || time[i]! - series.time[at]! > maxAge) continue;
    const exact = series.time[at] === time[i];
    const from = series.value[at]!;
    if (method === 'hold' || exact || Number.isNaN(from)) {
      value[i] = from;
      quality[i] = series.quality[at]!;
      continue;
    }
    const to = next < series.time.length ? series.value[next]! : Number.NaN;
    if (Number.isNaN(to) || series.time[next]! - series.time[at]! > maxAge) continue;
    const share = (time[i]! - series.time[at]!) / (series.time[next]! - series.time[at]!);
    value[i] = from + share * (to - from);
    quality[i] = Math.max(series.quality[at]!, series.quality[next]!);
  }
  return { ...series, time, value, quality, envelope: null };
}
