import { bucketWidth } from '#engine/historian/view.ts';
import { isBad, type TimeRange } from '#shared/model/index.ts';

export interface Known {
  readonly time: number;
  readonly value: number;
  readonly quality: number;
}
export interface NaivePoint {
  readonly time: number;
  readonly value: number;
  readonly quality: number;
  readonly min: number;
  readonly max: number;
}

/** The same view computed the slow way, from every sample: what FORMAT.md promises, in plain loops over objects. */
export function naiveView(
  samples: readonly Known[],
  range: TimeRange,
  pixels: number,
): { merged: boolean; points: NaivePoint[] } {
  const inside = samples.filter((one) => one.time >= range.from && one.time < range.to);
  const asIs = (one: Known): NaivePoint => {
    const known = isBad(one.quality) ? Number.NaN : one.value;
    return { ...one, min: known, max: known };
  };
  const edges = (from: number, to: number) => ({
    before: samples
      .filter((one) => one.time < from)
      .slice(-1)
      .map(asIs),
    after: samples
      .filter((one) => one.time >= to)
      .slice(0, 1)
      .map(asIs),
  });
  if (inside.length <= pixels * 2) {
    const { before, after } = edges(range.from, range.to);
    return { merged: false, points: [...before, ...inside.map(asIs), ...after] };
  }
  const width = bucketWidth(range.from, range.to, pixels);
  const from = Math.floor(range.from / width) * width;
  const to = Math.ceil(range.to / width) * width;
  const groups = new Map<number, Known[]>();
  for (const one of samples) {
    if (one.time < from || one.time >= to) continue;
    const bucket = Math.floor(one.time / width);
    groups.set(bucket, [...(groups.get(bucket) ?? []), one]);
  }
  const points: NaivePoint[] = [];
  for (const group of groups.values()) points.push(...mergeGroup(group));
  const { before, after } = edges(from, to);
  return { merged: true, points: [...before, ...points, ...after] };
}

function mergeGroup(group: readonly Known[]): NaivePoint[] {
  const usable = (one: Known): boolean => !isBad(one.quality) && !Number.isNaN(one.value);
  const good = group.filter(usable);
  const first = group[0]!;
  const last = group.at(-1)!;
  const worst = Math.max(...group.map((one) => one.quality));
  const hole = (time: number): NaivePoint => ({
    time,
    value: Number.NaN,
    quality: worst,
    min: Number.NaN,
    max: Number.NaN,
  });
  if (good.length === 0) return [hole(first.time)];
  const values = good.map((one) => one.value);
  const middle = Math.floor((first.time + last.time) / 2);
  const point = (time: number, quality: number): NaivePoint => ({
    time,
    value: values.reduce((sum, value) => sum + value, 0) / values.length,
    quality,
    min: Math.min(...values),
    max: Math.max(...values),
  });
  if (good.length === group.length) return [point(middle, worst)];
  if (!usable(first)) return [hole(first.time), point(Math.max(middle, first.time + 1), 0)];
  return [point(middle, 0), hole(usable(last) ? middle + 1 : last.time)];
}
