import { parse } from 'yaml';
import {
  createMetricRegistry,
  type GraphDefinition,
  labelsText,
  type MetricDeclaration,
  type MetricSamples,
  metricDeclaration,
  parseGraph,
  type RegisteredMetric,
  registeredMetric,
} from '#shared/model/graph/index.ts';
import { QUALITY } from '#shared/model/index.ts';

/**
 * A case is one file of YAML: why it is there, what the metrics are, the graph, samples as text, and what must come out.
 *
 * Samples: a line `metric {"label": "value"}` begins a series; below it `time value [quality]`, the time in ISO 8601 or
 * `+10s` after the one before. `+10s x60 5 by 2 [mod 100]` stands for sixty samples 5, 7, 9 ... (mod 100).
 * Expected: a line `definition {labels} unit` begins a series, below it `time value [quality]` for each point; `-` is a
 * value that is none. Values agree to nine digits.
 */
export interface GraphCase {
  readonly why: string;
  readonly metrics: readonly RegisteredMetric[];
  readonly graph: GraphDefinition;
  readonly now: number;
  readonly samples: readonly MetricSamples[];
  readonly expected: readonly PlainSeries[];
  /** Beginnings of the warnings that must come out. */
  readonly warnings: readonly string[];
}

export interface PlainPoint {
  readonly time: number;
  readonly value: number;
  readonly quality: number;
  readonly min?: number;
  readonly max?: number;
}
export interface PlainSeries {
  /** `A {"stand":"1"} m/min`. */
  readonly head: string;
  readonly points: readonly PlainPoint[];
}

export const headOf = (definition: string, labels: Readonly<Record<string, string>>, unit: string | null): string =>
  `${definition} ${labelsText(labels)} ${unit ?? '-'}`;

export function readCase(text: string): GraphCase {
  const file = parse(text) as {
    why: string;
    metrics: Record<string, MetricDeclaration>;
    graph: unknown;
    now?: string;
    samples?: string;
    expected?: string;
    warnings?: string[];
  };
  const metrics = Object.entries(file.metrics).map(([key, declared]) => {
    const { metric, issues } = registeredMetric(key, metricDeclaration.parse(declared));
    if (issues.length > 0) throw new Error(issues[0]!.message);
    return metric;
  });
  return {
    why: file.why,
    metrics,
    graph: parseGraph(file.graph),
    now: Date.parse(file.now ?? '2026-01-01T00:00:00Z') * 1_000,
    samples: readSamples(file.samples ?? '', createMetricRegistry(metrics).get),
    expected: readExpected(file.expected ?? ''),
    warnings: file.warnings ?? [],
  };
}

const qualities: Readonly<Record<string, number>> = {
  uncertain: QUALITY.uncertain,
  timeout: QUALITY.badTimeout,
  bad: QUALITY.bad,
  gap: QUALITY.badNoData,
  held: QUALITY.uncertainLastUsable,
};
const qualityNames = new Map(Object.entries(qualities).map(([name, code]) => [code, name]));

const lines = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');
const seconds: Readonly<Record<string, number>> = { ms: 1e3, s: 1e6, m: 6e7, h: 36e8, d: 864e8 };

function readSamples(text: string, get: (key: string) => RegisteredMetric | undefined): MetricSamples[] {
  const series: { key: string; labels: Record<string, string>; rows: [number, number, number][] }[] = [];
  for (const line of lines(text)) {
    const head = /^(\S+\.\S+) (\{.*\})$/.exec(line.trim());
    if (head !== null) {
      series.push({ key: head[1]!, labels: JSON.parse(head[2]!) as Record<string, string>, rows: [] });
      continue;
    }
    const { rows } = series.at(-1)!;
    const [when = '', ...rest] = line.trim().split(/\s+/);
    const times = rest[0]?.startsWith('x') ? Number(rest.shift()!.slice(1)) : 1;
    const first = Number(rest.shift());
    const by = rest[0] === 'by' ? Number(rest.splice(0, 2)[1]) : 0;
    const mod = rest[0] === 'mod' ? Number(rest.splice(0, 2)[1]) : Number.POSITIVE_INFINITY;
    const quality = rest[0] === undefined ? QUALITY.good : qualities[rest[0]]!;
    const step = /^\+(\d+)(ms|s|m|h|d)$/.exec(when);
    for (let n = 0; n < times; n++) {
      const time = step === null ? Date.parse(when) * 1_000 : rows.at(-1)![0] + Number(step[1]) * seconds[step[2]!]!;
      if (Number.isNaN(time)) throw new Error(`"${line}" has no time.`);
      rows.push([time, (first + n * by) % mod, quality]);
    }
  }
  return series.map(({ key, labels, rows }) => ({
    metric: get(key)!.identifier,
    labels,
    time: Float64Array.from(rows, (row) => row[0]),
    value: Float64Array.from(rows, (row) => row[1]),
    quality: Uint16Array.from(rows, (row) => row[2]),
  }));
}

function readExpected(text: string): PlainSeries[] {
  const series: { head: string; points: PlainPoint[] }[] = [];
  for (const line of lines(text)) {
    const match = /^(\d{4}-\S+) (\S+)(?: \[(\S+) (\S+)\])?(?: (\S+))?$/.exec(line.trim());
    if (match === null) {
      series.push({ head: line.trim(), points: [] });
      continue;
    }
    const [, time = '', value = '', min, max, quality] = match;
    const ends = min === undefined ? {} : { min: numberOf(min), max: numberOf(max!) };
    const code = quality === undefined ? QUALITY.good : qualities[quality]!;
    series.at(-1)!.points.push({ time: Date.parse(time) * 1_000, value: numberOf(value), quality: code, ...ends });
  }
  return series;
}
const numberOf = (text: string): number => (text === '-' ? Number.NaN : Number(text));

export function formatExpected(series: readonly PlainSeries[]): string {
  const number = (value: number): string => (Number.isNaN(value) ? '-' : String(Number(value.toPrecision(12))));
  return series
    .flatMap(({ head, points }) => [
      head,
      ...points.map(({ time, value, quality, min, max }) => {
        const ends = min === undefined ? '' : ` [${number(min)} ${number(max!)}]`;
        const name = quality === QUALITY.good ? '' : ` ${qualityNames.get(quality) ?? quality.toString(16)}`;
        return `${new Date(time / 1_000).toISOString()} ${number(value)}${ends}${name}`;
      }),
    ])
    .join('\n');
}
