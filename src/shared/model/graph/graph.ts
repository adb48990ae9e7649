import { z } from 'zod';
import { AppError, quote } from '#shared/errors.ts';
import { queryFill } from '../query.ts';
import type { TimeRange, UnixMicros } from '../time.ts';
import { parseTime } from '../time-text.ts';
import { isTimeZone, zoneOf } from '../zone.ts';
import { aggregation, labelName, labelValue, metricKey } from './metric.ts';

/** Limits of one graph; above them it is refused. */
export const MOST_GRAPH_SERIES = 100;
export const MOST_POINTS = 100_000;
/** Series that one definition may expand to, unless it states less. */
export const MOST_EXPANDED = 10_000;

/**
 * From when to when, as people write it: `2026-03-29 06:00` by the wall clock of `zone`, ISO text with an offset, or
 * `now-8h`, `now/d+6h`, which move with the clock. `zone`: an IANA name; null follows the project.
 */
export const graphRange = z.object({
  from: z.string().min(1).max(60),
  to: z.string().min(1).max(60),
  zone: z.string().max(60).nullable().default(null),
});
export type GraphRange = DeepReadonly<z.infer<typeof graphRange>>;

/**
 * `stepMs`: time between points; null takes the shortest round step with which there are at most `maxPoints`. Steps are
 * half-open `[start, start + step)` and stamped with their start. `align`: starts are multiples of the step since 1970,
 * so that neighbouring ranges share them, or are counted from the begin of the range.
 */
export const graphResolution = z.object({
  stepMs: z.number().int().min(1).max(31_622_400_000).nullable().default(null),
  maxPoints: z.number().int().min(1).max(MOST_POINTS).default(1_500),
  align: z.enum(['epoch', 'range']).default('epoch'),
  /** Smallest and largest value of each step beside the aggregate. */
  envelope: z.boolean().default(false),
});
export type Resolution = DeepReadonly<z.infer<typeof graphResolution>>;

/**
 * What a label must be; a label that a series lacks counts as empty text. A plain text means `equals`. `like` compares
 * the whole value, `*` stands for any characters and `?` for one: the same on every database, and never slow.
 */
export const labelMatch = z.union([
  labelValue,
  z.strictObject({ equals: labelValue }),
  z.strictObject({ not: labelValue }),
  z.strictObject({ in: z.array(labelValue).min(1).max(1_000) }),
  z.strictObject({ notIn: z.array(labelValue).min(1).max(1_000) }),
  z.strictObject({ like: labelValue }),
  z.strictObject({ unlike: labelValue }),
]);
export type LabelMatch = DeepReadonly<z.infer<typeof labelMatch>>;
export type LabelMatches = Readonly<Record<string, LabelMatch>>;

/** How series whose named labels are equal become one, step by step; steps without a value in one of them leave it out. */
export const groupBy = z.object({
  labels: z.array(labelName).max(40),
  aggregate: z.enum(['sum', 'mean', 'min', 'max', 'count']),
});
export type GroupBy = DeepReadonly<z.infer<typeof groupBy>>;

const colour = z.string().regex(/^#[0-9a-fA-F]{6}$/, 'Write a colour as #rrggbb.');

export const seriesStyle = z.object({
  colour: colour.nullable().default(null),
  /** Of the graph's axes, 0 first. */
  axis: z.number().int().min(0).max(7).default(0),
  draw: z.enum(['line', 'steps', 'area', 'points', 'bars']).default('line'),
  visible: z.boolean().default(true),
});

export const graphStyle = z.object({
  /** `values` adds series of one axis up in the order of the definition; `share` shows each as a percentage of the sum. */
  stack: z.enum(['none', 'values', 'share']).default('none'),
  legend: z.boolean().default(true),
  axes: z
    .array(z.object({ label: z.string().max(100), low: z.number().nullable(), high: z.number().nullable() }))
    .max(8)
    .default([]),
});
export type GraphStyle = DeepReadonly<z.infer<typeof graphStyle>>;

/** Settings that only one backend understands, under its id: `timescale: { ... }`. Others leave them alone. */
const extensions = z.record(z.string().max(40), z.record(z.string().max(100), z.unknown()));

export const seriesDefinition = z.object({
  /** Unique in the graph; formulas, colours and selections refer to it. */
  id: z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,39}$/, 'Use 1 to 40 letters, digits, "_" or "-", a letter first.'),
  metric: metricKey,
  /** Legend; `{label}` stands for the value of a label. Empty: made from metric and labels. */
  title: z.string().max(200).default(''),
  match: z.record(labelName, labelMatch).default({}),
  aggregate: aggregation,
  groupBy: groupBy.nullable().default(null),
  fill: queryFill.default({ kind: 'none' }),
  /** Unit to show in; null keeps the metric's own. */
  unit: z.string().max(40).nullable().default(null),
  /** Id of the configured source; null takes the graph's. */
  source: z.string().max(64).nullable().default(null),
  /** Shown later by so much: 86,400,000 puts yesterday over today. */
  shiftMs: z.number().int().min(-3e12).max(3e12).default(0),
  /** Series that the definition may expand to; more are refused. */
  limit: z.number().int().min(1).max(MOST_EXPANDED).default(100),
  style: seriesStyle.default(() => seriesStyle.parse({})),
  extensions: extensions.default({}),
});
export type SeriesDefinition = DeepReadonly<z.infer<typeof seriesDefinition>>;

/** A graph, whichever database it is drawn from. */
export const graphDefinition = z.object({
  version: z.literal(1),
  title: z.string().max(200).default(''),
  range: graphRange,
  resolution: graphResolution.default(() => graphResolution.parse({})),
  series: z.array(seriesDefinition).min(1).max(MOST_GRAPH_SERIES),
  style: graphStyle.default(() => graphStyle.parse({})),
  extensions: extensions.default({}),
});
export type GraphDefinition = DeepReadonly<z.infer<typeof graphDefinition>>;

export type DeepReadonly<T> = T extends readonly (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** What a backend, a script or a saved file gives; the result is whole, and frozen to its depth. Throws `config.invalid`. */
export function parseGraph(input: unknown): GraphDefinition {
  const result = graphDefinition.safeParse(input);
  const issues = result.success
    ? graphFaults(result.data)
    : result.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
  if (issues.length > 0) throw invalid(issues);
  return freeze(result.data!) as GraphDefinition;
}

export type Issue = { readonly path: string; readonly message: string };

export function invalid(issues: readonly Issue[]): AppError<'config.invalid'> {
  const [first] = issues;
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  return new AppError('config.invalid', `${first!.path === '' ? '' : `${first!.path}: `}${first!.message}${more}`, {
    details: { issues },
  });
}

/** What the form of a definition allows and its sense does not. */
export function graphFaults(graph: GraphDefinition): Issue[] {
  const issues: Issue[] = [];
  const seen = new Set<string>();
  for (const [at, series] of graph.series.entries()) {
    if (seen.has(series.id)) {
      issues.push({
        path: `series.${at}.id`,
        message: `"${series.id}" is there twice. Give each series an id of its own.`,
      });
    }
    seen.add(series.id);
  }
  const { zone, from, to } = graph.range;
  if (zone !== null && !isTimeZone(zone)) {
    issues.push({
      path: 'range.zone',
      message: `${quote(zone)} is no time zone. Use an IANA name such as Europe/Berlin or UTC.`,
    });
  } else {
    for (const [path, text] of [
      ['range.from', from],
      ['range.to', to],
    ] as const) {
      if (parseTime(text, 0, zoneOf(zone ?? 'UTC')) === null) issues.push({ path, message: WRITE_A_TIME(text) });
    }
  }
  for (const [at, axis] of graph.style.axes.entries()) {
    if (axis.low !== null && axis.high !== null && !(axis.low < axis.high)) {
      issues.push({
        path: `style.axes.${at}`,
        message: `The axis ends at ${axis.high}, below its start ${axis.low}. Exchange them.`,
      });
    }
  }
  return issues;
}

const WRITE_A_TIME = (text: string): string =>
  `${quote(text)} is no time. Write 2026-11-21 14:03:07, 2026-11-21T14:03:07+01:00, now-8h or now/d+6h.`;

/** The range in microseconds. `projectZone` holds where the range names none. Throws `config.invalid`. */
export function resolveRange(range: GraphRange, now: UnixMicros, projectZone: string): TimeRange {
  const zone = zoneOf(range.zone ?? projectZone);
  const from = parseTime(range.from, now, zone);
  if (from === null) throw invalid([{ path: 'range.from', message: WRITE_A_TIME(range.from) }]);
  const to = parseTime(range.to, now, zone);
  if (to === null) throw invalid([{ path: 'range.to', message: WRITE_A_TIME(range.to) }]);
  if (to.time <= from.time) throw invalid([{ path: 'range.to', message: 'The end has to lie after the start.' }]);
  return { from: from.time, to: to.time };
}

/** Points at `start + n * step`, microseconds; the outer steps count what lies in the range alone. */
export interface Grid {
  readonly start: UnixMicros;
  readonly step: number;
  readonly length: number;
}

/** Steps that people can read off an axis, in milliseconds. */
const ROUND_STEPS: readonly number[] = [
  ...[1, 10, 100].flatMap((ten) => [1, 2, 5].map((one) => one * ten)),
  ...[1, 2, 5, 10, 15, 30].map((s) => s * 1_000),
  ...[1, 2, 5, 10, 15, 30].map((m) => m * 60_000),
  ...[1, 2, 3, 6, 12].map((h) => h * 3_600_000),
  ...[1, 2, 7, 14, 28, 56, 112, 224, 366].map((d) => d * 86_400_000),
];

/**
 * The grid of a range, the same for every backend. A step that is asked for and gives more points than allowed is taken
 * so many times over, and `widened` says so. `minStepMs`: the finest that the source can give.
 */
export function gridOf(
  { from, to }: TimeRange,
  { stepMs, maxPoints, align }: Resolution,
  minStepMs = 1,
): { readonly grid: Grid; readonly widened: boolean } {
  const gridWith = (step: number): Grid => {
    const start = align === 'range' ? from : Math.floor(from / step) * step;
    return { start, step, length: Math.ceil((to - start) / step) };
  };
  const least = stepMs === null ? minStepMs : Math.ceil(minStepMs / stepMs) * stepMs;
  if (stepMs === null) {
    for (const round of ROUND_STEPS) {
      if (round < least) continue;
      const grid = gridWith(round * 1_000);
      if (grid.length <= maxPoints) return { grid, widened: false };
    }
  }
  const base = (stepMs === null ? ROUND_STEPS.at(-1)! : least) * 1_000;
  // A range that lies across a multiple of the step touches one step more than fit in it, so that one point can't hold
  // it however wide the step is.
  const most = align === 'epoch' ? Math.max(2, maxPoints) : maxPoints;
  let times = Math.max(1, Math.ceil((to - from) / (base * most)));
  let grid = gridWith(base * times);
  while (grid.length > most) {
    times += Math.max(1, Math.floor(times / most));
    grid = gridWith(base * times);
  }
  return { grid, widened: stepMs !== null && grid.step !== stepMs * 1_000 };
}

/** The time of every point. */
export function gridTimes({ start, step, length }: Grid): Float64Array<ArrayBuffer> {
  const times = new Float64Array(length);
  for (let i = 0; i < length; i++) times[i] = start + i * step;
  return times;
}

/** Whether a label set has what is asked of it. */
export function matchesLabels(matches: LabelMatches, set: Readonly<Record<string, string>>): boolean {
  return Object.entries(matches).every(([name, match]) => {
    const value = Object.hasOwn(set, name) ? set[name]! : '';
    if (typeof match === 'string') return value === match;
    if ('equals' in match) return value === match.equals;
    if ('not' in match) return value !== match.not;
    if ('in' in match) return match.in.includes(value);
    if ('notIn' in match) return !match.notIn.includes(value);
    if ('like' in match) return isLike(value, match.like);
    return !isLike(value, match.unlike);
  });
}

/** Greedy with one place to come back to: time is bounded by the product of both lengths, whatever the pattern. */
export function isLike(value: string, pattern: string): boolean {
  const text = [...value];
  const signs = [...pattern];
  let at = 0;
  let sign = 0;
  let star = -1;
  let from = 0;
  while (at < text.length) {
    if (sign < signs.length && signs[sign] === '*') {
      star = sign++;
      from = at;
    } else if (sign < signs.length && (signs[sign] === '?' || signs[sign] === text[at])) {
      sign++;
      at++;
    } else if (star >= 0) {
      sign = star + 1;
      at = ++from;
    } else return false;
  }
  while (sign < signs.length && signs[sign] === '*') sign++;
  return sign === signs.length;
}

export function freeze<T>(value: T): DeepReadonly<T> {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value as DeepReadonly<T>;
}

/** The form of a graph for foreign tools; refinements that it cannot say are answered by `parseGraph`. */
export const graphJsonSchema = (): Record<string, unknown> =>
  z.toJSONSchema(graphDefinition, { io: 'input' }) as Record<string, unknown>;
