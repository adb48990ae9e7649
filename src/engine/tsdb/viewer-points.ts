import type { GraphSeries, Grid } from '#shared/model/graph/index.ts';
import { isBad, QUALITY, type Series } from '#shared/model/index.ts';

/** Columns of one tag's samples, in order of time. */
export type Samples = Pick<GraphSeries, 'time' | 'value' | 'quality'>;

const seriesWith = (tag: string, columns: Samples, envelope: Series['envelope']): Series => ({
  tag,
  ...columns,
  envelope,
  gaps: [],
  texts: null,
});

export const nothingAt = (tag: string): Series =>
  seriesWith(tag, { time: new Float64Array(0), value: new Float64Array(0), quality: new Uint16Array(0) }, null);

/** Steps of a grid as merged points in their middles; steps in which nothing lies are left out. */
export function mergedSteps(tag: string, grid: Grid, { value, quality, envelope }: Omit<GraphSeries, 'time'>): Series {
  const places = [...quality.keys()].filter((at) => quality[at] !== QUALITY.badNoData);
  const pick = (column: Float64Array): Float64Array<ArrayBuffer> => Float64Array.from(places, (at) => column[at]!);
  return seriesWith(
    tag,
    {
      time: Float64Array.from(places, (at) => grid.start + Math.floor((at + 0.5) * grid.step)),
      value: pick(value),
      quality: Uint16Array.from(places, (at) => quality[at]!),
    },
    { min: pick(envelope?.min ?? value), max: pick(envelope?.max ?? value) },
  );
}

/** Samples as they are, or merged over steps of this width; a bad sample stays a point of its own. */
export function drawnSamples(tag: string, samples: Samples, step: number | null = null): Series {
  const { time, value, quality } = samples;
  if (step === null) return seriesWith(tag, { time, value, quality }, null);
  const points: { time: number; value: number; quality: number; min: number; max: number }[] = [];
  let at = 0;
  while (at < time.length) {
    const end = Math.floor(time[at]! / step + 1) * step;
    const first = time[at]!;
    let [sum, count, worst, bad] = [0, 0, 0, 0];
    let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    let last = first;
    for (; at < time.length && time[at]! < end; at++) {
      last = time[at]!;
      const number = value[at]!;
      if (isBad(quality[at]!) || Number.isNaN(number)) bad = Math.max(bad, quality[at]!, QUALITY.badNoData);
      else {
        sum += number;
        count++;
        worst = Math.max(worst, quality[at]!);
        if (number < min) min = number;
        if (number > max) max = number;
      }
    }
    const middle = Math.floor((first + last) / 2);
    if (count > 0) {
      points.push({ time: middle, value: sum / count, quality: bad > 0 ? QUALITY.uncertain : worst, min, max });
    } else points.push({ time: first, value: Number.NaN, quality: bad, min: Number.NaN, max: Number.NaN });
  }
  return seriesWith(
    tag,
    {
      time: Float64Array.from(points, (point) => point.time),
      value: Float64Array.from(points, (point) => point.value),
      quality: Uint16Array.from(points, (point) => point.quality),
    },
    {
      min: Float64Array.from(points, (point) => point.min),
      max: Float64Array.from(points, (point) => point.max),
    },
  );
}
