import type { GraphDefinition } from '#shared/model/graph/index.ts';
import { QUALITY } from '#shared/model/index.ts';
import { type GraphCase, headOf, type PlainPoint, type PlainSeries } from './graph-case.ts';

// What a graph must come to, worked out point by point from the samples of a case in the plainest way: no columns, no
// grid arithmetic, nothing of the engine. Slow, and only right for what the cases use.

interface Sample {
  readonly time: number;
  readonly value: number;
  readonly quality: number;
}
interface Named {
  readonly labels: Readonly<Record<string, string>>;
  readonly unit: string | null;
  readonly points: PlainPoint[];
}
type Definition = GraphDefinition['series'][number];

/** Factor and addend from one unit to the other, as a table of physics gives them. */
const conversions: Readonly<Record<string, readonly [number, number]>> = {
  'm/min>m/s': [1 / 60, 0],
  'm/s>m/min': [60, 0],
  'B/s>kbit/s': [8 / 1000, 0],
  'kB>B': [1000, 0],
  '°C>°F': [1.8, 32],
  'bar>kPa': [100, 0],
};

/** The day of the zone that the case names, by the offsets that its file states. */
export function naiveGraph(one: GraphCase, range: { readonly from: number; readonly to: number }): PlainSeries[] {
  const { graph, samples } = one;
  const step = graph.resolution.stepMs! * 1_000;
  const times: number[] = [];
  let first = graph.resolution.align === 'range' ? range.from : 0;
  first += Math.trunc((range.from - first) / step) * step;
  while (first > range.from) first -= step;
  for (let time = first; time < range.to; time += step) times.push(time);

  const result: { readonly definition: Definition; readonly named: Named }[] = [];
  for (const definition of graph.series) {
    const metric = one.metrics.find(({ key }) => key === definition.metric)!;
    const shift = definition.shiftMs * 1_000;
    const named = samples
      .filter(({ metric: of, labels }) => `${of.namespace}.${of.name}` === metric.key && matches(definition, labels))
      .map((series): { labels: Readonly<Record<string, string>>; rows: Sample[] } => ({
        labels: series.labels,
        rows: [...series.time]
          .map((time, at) => ({ time: time + shift, value: series.value[at]!, quality: series.quality![at]! }))
          .filter(({ time }) => time >= range.from && time < range.to)
          .filter(({ time }, at, rows) => rows.findLastIndex((row) => row.time === time) === at)
          .sort((one, other) => one.time - other.time),
      }))
      .filter(({ rows }) => rows.length > 0)
      .sort((a, b) => (text(a.labels) < text(b.labels) ? -1 : 1))
      .map(({ labels, rows }): Named => {
        const points = times.map((time) => pointOf(definition, rows, time, step, graph.resolution.envelope));
        const { aggregate } = definition;
        const own = metric.identifier.unit;
        return {
          labels,
          unit: aggregate === 'count' ? null : aggregate === 'rate' ? `${own}/s` : own,
          points: filled(definition, points),
        };
      });
    for (const series of groups(definition, named)) result.push({ definition, named: converted(definition, series) });
  }
  return piled(graph, result).map(({ definition, named }) => ({
    head: headOf(definition.id, named.labels, named.unit),
    points: named.points,
  }));
}

const text = (labels: Readonly<Record<string, string>>): string =>
  Object.keys(labels)
    .sort()
    .map((name) => `${name}\u0000${labels[name]}`)
    .join('\u0000');

function matches({ match }: Definition, labels: Readonly<Record<string, string>>): boolean {
  for (const [name, wanted] of Object.entries(match)) {
    const value = labels[name] ?? '';
    const like = (pattern: string): boolean => {
      const escaped = pattern
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replaceAll('*', '.*')
        .replaceAll('?', '.');
      return new RegExp(`^${escaped}$`, 'su').test(value);
    };
    if (typeof wanted === 'string' && value !== wanted) return false;
    if (typeof wanted === 'string') continue;
    if ('equals' in wanted && value !== wanted.equals) return false;
    if ('not' in wanted && value === wanted.not) return false;
    if ('in' in wanted && !wanted.in.includes(value)) return false;
    if ('notIn' in wanted && wanted.notIn.includes(value)) return false;
    if ('like' in wanted && !like(wanted.like)) return false;
    if ('unlike' in wanted && like(wanted.unlike)) return false;
  }
  return true;
}

const isBad = (quality: number): boolean => quality >= 0x8000;
const isUsable = ({ value, quality }: Sample): boolean => !isBad(quality) && !Number.isNaN(value);

function pointOf(
  { aggregate }: Definition,
  rows: readonly Sample[],
  time: number,
  step: number,
  envelope: boolean,
): PlainPoint {
  const inside = rows.filter((row) => row.time >= time && row.time < time + step);
  const usable = inside.filter(isUsable);
  const numbers = usable.map(({ value }) => value);
  const sum = numbers.reduce((a, b) => a + b, 0);
  const ends =
    envelope && ['first', 'last', 'mean', 'min', 'max'].includes(aggregate)
      ? {
          min: numbers.length === 0 ? Number.NaN : Math.min(...numbers),
          max: numbers.length === 0 ? Number.NaN : Math.max(...numbers),
        }
      : {};
  let known = usable.length;
  let value = Number.NaN;
  switch (aggregate) {
    case 'count':
      return { time, value: usable.length, quality: QUALITY.good, ...ends };
    case 'rate':
    case 'increase': {
      const all = rows.filter(isUsable);
      const pairs = usable.flatMap((row) => {
        const before = all[all.indexOf(row) - 1];
        return before === undefined ? [] : [[before, row] as const];
      });
      known = pairs.length;
      const grown = pairs.reduce((total, [a, b]) => total + (b.value < a.value ? b.value : b.value - a.value), 0);
      const seconds = pairs.reduce((total, [a, b]) => total + (b.time - a.time) / 1e6, 0);
      if (known > 0) value = aggregate === 'rate' ? grown / seconds : grown;
      break;
    }
    case 'first':
    case 'last': {
      const row = aggregate === 'first' ? inside[0] : inside.at(-1);
      if (row !== undefined && isUsable(row)) value = row.value;
      break;
    }
    default:
      if (known > 0)
        value = aggregate === 'mean' ? sum / known : aggregate === 'sum' ? sum : Math[aggregate](...numbers);
  }
  const others = inside.length - usable.length;
  const worst = Math.max(0, ...inside.map(({ quality }) => quality));
  let quality = worst;
  if (known === 0 && others === 0) quality = QUALITY.badNoData;
  else if (isBad(worst) && known > 0) quality = QUALITY.uncertain;
  return { time, value, quality, ...ends };
}

function filled({ fill }: Definition, points: readonly PlainPoint[]): PlainPoint[] {
  return points.map((point, at) => {
    if (fill.kind === 'none' || point.quality !== QUALITY.badNoData) return point;
    if (fill.kind === 'constant') return { ...point, value: fill.value, quality: QUALITY.uncertain };
    const oldest = fill.maxAge ?? Number.POSITIVE_INFINITY;
    const before = points.slice(0, at).findLast(({ quality }) => quality !== QUALITY.badNoData);
    if (before === undefined || Number.isNaN(before.value)) return point;
    if (fill.kind === 'previous') {
      return point.time - before.time > oldest
        ? point
        : { ...point, value: before.value, quality: QUALITY.uncertainLastUsable };
    }
    const after = points.slice(at).find(({ quality }) => quality !== QUALITY.badNoData);
    if (after === undefined || Number.isNaN(after.value) || after.time - before.time > oldest) return point;
    const slope = (after.value - before.value) / (after.time - before.time);
    return { ...point, value: before.value + slope * (point.time - before.time), quality: QUALITY.uncertain };
  });
}

function groups({ groupBy }: Definition, named: readonly Named[]): Named[] {
  if (groupBy === null) return [...named];
  const keyOf = ({ labels }: Named): string => JSON.stringify(groupBy.labels.map((name) => labels[name] ?? null));
  const keys = [...new Set(named.map(keyOf))];
  return keys
    .map((key): Named => {
      const members = named.filter((one) => keyOf(one) === key);
      const labels = Object.fromEntries(
        groupBy.labels.filter((name) => name in members[0]!.labels).map((name) => [name, members[0]!.labels[name]!]),
      );
      const points = members[0]!.points.map(({ time }, at): PlainPoint => {
        const here = members.map(({ points: of }) => of[at]!);
        const numbers = here.map(({ value }) => value).filter((value) => !Number.isNaN(value));
        const sum = numbers.reduce((a, b) => a + b, 0);
        if (groupBy.aggregate === 'count') return { time, value: numbers.length, quality: QUALITY.good };
        const bad = here.map(({ quality }) => quality).filter(isBad);
        const known = bad.filter((quality) => quality !== QUALITY.badNoData);
        if (numbers.length === 0) {
          return {
            time,
            value: Number.NaN,
            quality: bad.length === 0 ? 0 : known.length > 0 ? Math.max(...known) : QUALITY.badNoData,
          };
        }
        const value =
          groupBy.aggregate === 'sum'
            ? sum
            : groupBy.aggregate === 'mean'
              ? sum / numbers.length
              : Math[groupBy.aggregate](...numbers);
        const partly = numbers.length < here.length;
        return { time, value, quality: partly ? QUALITY.uncertain : Math.max(...here.map(({ quality }) => quality)) };
      });
      return { labels, unit: groupBy.aggregate === 'count' ? null : members[0]!.unit, points };
    })
    .sort((a, b) => (text(a.labels) < text(b.labels) ? -1 : 1));
}

function converted({ unit }: Definition, named: Named): Named {
  if (unit === null || named.unit === null || unit === named.unit) return named;
  const [factor, addend] = conversions[`${named.unit}>${unit}`]!;
  const points = named.points.map((point) => ({
    ...point,
    value: point.value * factor + addend,
    ...(point.min === undefined ? {} : { min: point.min * factor + addend, max: point.max! * factor + addend }),
  }));
  return { ...named, unit, points };
}

type Result = { readonly definition: Definition; readonly named: Named };

function piled({ style }: GraphDefinition, results: readonly Result[]): Result[] {
  if (style.stack === 'none') return [...results];
  return results.map(({ definition, named }, at) => {
    const points = named.points.map((point, i): PlainPoint => {
      if (Number.isNaN(point.value)) return point;
      const column = results.map((one) => one.named.points[i]!.value).map((value) => (Number.isNaN(value) ? 0 : value));
      const under = column
        .slice(0, at + 1)
        .filter((value) => value < 0 === point.value < 0)
        .reduce((a, b) => a + b, 0);
      const total = column.reduce((a, b) => a + Math.abs(b), 0);
      return {
        time: point.time,
        quality: point.quality,
        value: style.stack === 'share' ? (100 * under) / total : under,
      };
    });
    return { definition, named: { ...named, unit: style.stack === 'share' ? '%' : named.unit, points } };
  });
}
