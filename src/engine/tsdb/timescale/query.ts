import { type CompiledQuery, type PlannedSeries, type QueryPlan, requireCapabilities } from '#engine/tsdb/tsdb.ts';
import { AppError } from '#shared/errors.ts';
import { type BackendCapabilities, type Grid, isOnScale } from '#shared/model/graph/index.ts';
import type { MappedRollup, TimeRange } from '#shared/model/index.ts';
import { foundOf, type TimescaleCapabilities } from './capabilities.ts';
import {
  columnOf,
  createParameters,
  narrowCells,
  numberOf,
  type Parameters,
  qualityOf,
  timeCell,
  timeWithin,
} from './expressions.ts';
import { identifier, instant } from './own-schema/sql.ts';
import { fixedMatches, from, type Resolved, resolve, tagConditions, wideValues } from './relations.ts';

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** One series definition as statements. */
export interface CompiledSeries {
  readonly planned: PlannedSeries;
  readonly resolved: Resolved;
  /** Tags of a table of tags, at most one more than the limit: key, name, unit, labels as JSON, label columns. */
  readonly tags: Statement | null;
  /**
   * Rows of: key or name of the tag, label columns, then time, value, quality; or time of the step, value, number of
   * usable and of other samples, worst quality and with an envelope the smallest and the largest value.
   */
  readonly samples: Statement;
  /** Names of labels that come with each row. */
  readonly labels: readonly string[];
  /** Names of labels that come with each tag. */
  readonly tagLabels: readonly string[];
  readonly envelope: boolean;
  /** Steps come as their number in the grid, not as their start. */
  readonly numbered: boolean;
}

export interface TimescaleQuery extends CompiledQuery {
  readonly plan: QueryPlan;
  /** Null where nothing can match, or nothing is known of the metric. */
  readonly series: readonly (CompiledSeries | null)[];
}

export function compileTimescale(plan: QueryPlan, capabilities: BackendCapabilities): TimescaleQuery {
  requireCapabilities('timescale', plan, capabilities);
  const found = foundOf(capabilities);
  const series = plan.series.map((planned) => compileSeries(plan, planned, found));
  return { plan, series, explain: () => explain(plan, series) };
}

type Found = TimescaleCapabilities['timescale'];

function compileSeries(plan: QueryPlan, planned: PlannedSeries, found: Found): CompiledSeries | null {
  const resolved = resolve(planned, found);
  if (resolved === null || !fixedMatches(resolved, planned.match)) return null;
  const { mapping } = resolved;
  const parameters = { samples: createParameters(), tags: createParameters() };
  // The conditions on tags are part of both statements, and their values of both lists.
  const inSamples = tagConditions(resolved, planned.match, { samples: parameters.samples, tags: parameters.samples });
  const alone = tagConditions(resolved, planned.match, { samples: createParameters(), tags: parameters.tags });
  if (inSamples === null || alone === null) return null;
  const envelope = plan.envelope && isOnScale(planned.aggregate);
  const source = createSource(resolved, planned, inSamples, parameters.samples);
  if (source === null) return null;
  const text =
    plan.grid === null
      ? rowsText(source, plan.range)
      : stepsText(source, plan.grid, plan.range, planned, envelope, found, parameters.samples);
  return {
    planned,
    resolved,
    tags: mapping.tag.kind === 'table' ? tagStatement(resolved, alone.tags, planned.limit + 1, parameters.tags) : null,
    samples: { text, values: parameters.samples.values },
    labels: mapping.labels.filter(({ of }) => of === 'samples').map(({ name }) => name),
    tagLabels: mapping.labels.filter(({ of }) => of === 'tags').map(({ name }) => name),
    envelope,
    numbered: mapping.time.kind === 'epoch' || found.steps === 'epoch',
  };
}

/** The tags of a metric with what stands for them; without conditions all of them. */
export function tagStatement(
  { mapping: { tag, labels } }: Resolved,
  conditions: readonly string[],
  limit: number,
  parameters: Parameters,
): Statement {
  if (tag.kind !== 'table') throw new Error('There is no table of tags.');
  const cell = (name: string | null): string => (name === null ? 'NULL' : `${columnOf('t', name)}::text`);
  const columns = [
    cell(tag.key),
    cell(tag.name),
    cell(tag.unit),
    cell(tag.labels),
    ...labels.filter(({ of }) => of === 'tags').map(({ column }) => cell(column)),
  ];
  const text = [
    `SELECT ${columns.join(', ')}`,
    `FROM ${from(tag.relation, 't')}`,
    ...(conditions.length === 0 ? [] : [`WHERE ${conditions.join(' AND ')}`]),
    'ORDER BY 2, 1',
    `LIMIT ${limit}`,
  ].join('\n');
  return { text, values: parameters.values };
}

/** Where the rows of a series come from, as parts of a statement. */
interface Source {
  readonly resolved: Resolved;
  readonly parameters: Parameters;
  /** FROM and everything that is joined. */
  readonly relation: string;
  /** What tells series apart: the tag first. */
  readonly keys: readonly string[];
  readonly value: string;
  readonly quality: string;
  /** Beside those of time. */
  readonly conditions: readonly string[];
  readonly time: string;
}

function createSource(
  resolved: Resolved,
  planned: PlannedSeries,
  conditions: { readonly samples: readonly string[]; readonly tags: readonly string[] },
  parameters: Parameters,
): Source | null {
  const { mapping } = resolved;
  const { tag } = mapping;
  const labels = mapping.labels
    .filter(({ of }) => of === 'samples')
    .map(({ column }) => `${columnOf('s', column)}::text`);
  const source = {
    resolved,
    parameters,
    relation: from(mapping.relation, 's'),
    time: columnOf('s', mapping.time.column),
  };
  const all = [...conditions.samples];
  if (tag.kind === 'columns') {
    const values = wideValues(resolved, planned.match);
    if (values.size === 0) return null;
    if (values.size > planned.limit) throw tooManySeries(planned);
    const rows = [...values].map(([name, value]) => {
      const quality = qualityOf(mapping.quality, 's', parameters, value.quality ?? undefined);
      return `(${parameters.add(name, 'text')}, ${numberOf(value, 's', parameters)}, ${quality})`;
    });
    return {
      ...source,
      relation: `${source.relation} CROSS JOIN LATERAL (VALUES\n  ${rows.join(',\n  ')}\n) v (tag, value, quality)`,
      keys: ['v.tag', ...labels],
      value: 'v.value',
      quality: 'v.quality',
      conditions: [...all, 'v.value IS NOT NULL'],
    };
  }
  const cells = narrowCells(mapping, 's', parameters);
  if (tag.kind === 'fixed') {
    return { ...source, keys: [parameters.add(tag.name, 'text'), ...labels], ...cells, conditions: all };
  }
  const key = columnOf('s', tag.column);
  if (tag.kind === 'table' && conditions.tags.length > 0) {
    // An array that is known before the scan begins: indexes and compressed chunks are looked up by it.
    all.push(
      `${key} = ANY (ARRAY(SELECT ${columnOf('t', tag.key)} FROM ${from(tag.relation, 't')} WHERE ${conditions.tags.join(' AND ')} LIMIT ${planned.limit + 1}))`,
    );
  }
  return { ...source, keys: [key, ...labels], ...cells, conditions: all };
}

const whereOf = ({ resolved, time, conditions, parameters }: Source, range: TimeRange): string =>
  `WHERE ${[timeWithin(resolved.mapping.time, time, range, parameters), ...conditions].join(' AND ')}`;

function rowsText(source: Source, range: TimeRange): string {
  const { resolved, keys, value, quality, relation, time, parameters } = source;
  const cells = [
    ...keys.map((key, at) => (at === 0 ? `${key}::text` : key)),
    timeCell(resolved.mapping.time, time, parameters),
    value,
    quality,
  ];
  return [`SELECT ${cells.join(', ')}`, `FROM ${relation}`, whereOf(source, range), `ORDER BY ${time}`].join('\n');
}

/** Start of the step that an instant lies in. */
function stepOf(
  time: string,
  kind: 'instant' | 'micros',
  grid: Grid,
  { steps: how, functions }: Found,
  parameters: Parameters,
): string {
  if (kind === 'micros')
    return `(${time} - ${parameters.add(String(grid.start), 'int8')}) / ${parameters.add(String(grid.step), 'int8')}`;
  if (how === 'epoch') {
    const micros = `round(date_part('epoch', ${time}) * 1000000)::int8`;
    return `(${micros} - ${parameters.add(String(grid.start), 'int8')}) / ${parameters.add(String(grid.step), 'int8')}`;
  }
  const step = parameters.add(`${grid.step} microseconds`, 'interval');
  const cut = how === 'time_bucket' ? `${identifier(functions)}.time_bucket` : 'date_bin';
  return `${cut}(${step}, ${time}, ${parameters.add(instant(grid.start), 'timestamptz')})`;
}

/**
 * What the usable samples of each step come to. Where a rollup fits the grid, whole steps of it are read from there and
 * the ends of the range from the samples.
 */
function stepsText(
  source: Source,
  grid: Grid,
  range: TimeRange,
  { aggregate }: PlannedSeries,
  envelope: boolean,
  found: Found,
  parameters: Parameters,
): string {
  const wants = new Set<Part>([
    ...partsFor[aggregate as keyof typeof partsFor],
    ...(envelope ? (['min', 'max'] as const) : []),
  ]);
  const rollup = rollupFor(source.resolved, grid, range, wants, found);
  const keys = source.keys.map((_, at) => `k${at}`);
  const pieces =
    rollup === null
      ? [sampleSteps(source, grid, range, wants, found, parameters)]
      : [
          rollupSteps(source, rollup.rollup, grid, rollup.whole, wants, found, parameters),
          ...[
            { from: range.from, to: rollup.whole.from },
            { from: rollup.whole.to, to: range.to },
          ]
            .filter((edge) => edge.from < edge.to)
            .map((edge) => sampleSteps(source, grid, edge, wants, found, parameters)),
        ];
  const value = valueOfSteps[aggregate as keyof typeof valueOfSteps];
  const head = ['k0::text', ...keys.slice(1), 'step'];
  if (pieces.length === 1) {
    const cells = [...head, value, 'usable', 'other', 'worst', ...(envelope ? ['min', 'max'] : [])];
    return `SELECT ${cells.join(', ')}\nFROM (\n${indent(pieces[0]!)}\n) a\nORDER BY step`;
  }
  const whole = [...wants]
    .filter((part) => part !== 'first' && part !== 'last')
    .map((part) => `${part}(${part}) AS ${part}`);
  const ends = [...wants].flatMap((part) =>
    part === 'first'
      ? ["(min(ARRAY[date_part('epoch', at), first]))[2] AS first"]
      : part === 'last'
        ? ["(max(ARRAY[date_part('epoch', at), last]))[2] AS last"]
        : [],
  );
  const combined = [
    `SELECT ${[...keys, 'step', 'sum(usable) AS usable', 'sum(other) AS other', 'max(worst) AS worst', ...whole, ...ends].join(', ')}`,
    `FROM (\n${indent(pieces.join('\nUNION ALL\n'))}\n) p`,
    `GROUP BY ${[...keys, 'step'].join(', ')}`,
  ].join('\n');
  const cells = [...head, value, 'usable', 'other', 'worst', ...(envelope ? ['min', 'max'] : [])];
  return `SELECT ${cells.join(', ')}\nFROM (\n${indent(combined)}\n) a\nORDER BY step`;
}

type Part = 'min' | 'max' | 'sum' | 'first' | 'last';
const partsFor = {
  first: ['first'],
  last: ['last'],
  mean: ['sum'],
  min: ['min'],
  max: ['max'],
  sum: ['sum'],
  count: [],
} as const satisfies Record<string, readonly Part[]>;
const valueOfSteps = {
  first: 'first',
  last: 'last',
  mean: 'sum / nullif(usable, 0)',
  min: 'min',
  max: 'max',
  sum: 'sum',
  count: 'usable',
} as const;

const indent = (text: string): string => text.replaceAll(/^/gm, '  ');

/** Aggregated from the samples themselves. */
function sampleSteps(
  source: Source,
  grid: Grid,
  range: TimeRange,
  wants: ReadonlySet<Part>,
  found: Found,
  parameters: Parameters,
): string {
  const { resolved, keys, value, quality, relation, time } = source;
  const numbers = resolved.mapping.time.kind === 'epoch';
  const at = timeCell(resolved.mapping.time, time, parameters);
  const inner = [
    `SELECT ${keys.map((key, n) => `${key} AS k${n}`).join(', ')}, ${at} AS at, ${value} AS value, ${quality} AS quality`,
    `FROM ${relation}`,
    whereOf(source, range),
  ].join('\n');
  const usable = "quality < 32768 AND value <> 'NaN'";
  const of: Record<Part, string> = {
    min: `min(value) FILTER (WHERE ${usable})`,
    max: `max(value) FILTER (WHERE ${usable})`,
    sum: `sum(value) FILTER (WHERE ${usable})`,
    first: endOf('first', usable, numbers, found),
    last: endOf('last', usable, numbers, found),
  };
  const names = keys.map((_, n) => `k${n}`);
  const cells = [
    ...names,
    `${stepOf('at', numbers ? 'micros' : 'instant', grid, found, parameters)} AS step`,
    // A rollup has only the time of its step; here it is that of the first sample, which is as good to put in order.
    `${numbers ? 'to_timestamp(min(at) / 1e6)' : 'min(at)'} AS at`,
    `count(*) FILTER (WHERE ${usable}) AS usable`,
    `count(*) FILTER (WHERE NOT coalesce(${usable}, false)) AS other`,
    'max(quality) AS worst',
    ...[...wants].map((part) => `${of[part]} AS ${part}`),
  ];
  return [
    `SELECT ${cells.join(', ')}`,
    `FROM (\n${indent(inner)}\n) s`,
    `GROUP BY ${[...names, 'step'].join(', ')}`,
  ].join('\n');
}

/** The first or the last sample, NaN where it is not usable. */
function endOf(end: 'first' | 'last', usable: string, numbers: boolean, found: Found): string {
  const value = `CASE WHEN ${usable} THEN value ELSE 'NaN' END`;
  if (found.ends) return `${identifier(found.functions)}.${end}(${value}, at)`;
  const seconds = numbers ? 'at::float8' : "date_part('epoch', at)";
  return `(${end === 'first' ? 'min' : 'max'}(ARRAY[${seconds}, ${value}]))[2]`;
}

/** The longest rollup whose steps make up those of the grid, and the part of the range that it holds in whole steps. */
function rollupFor(
  { mapping }: Resolved,
  grid: Grid,
  range: TimeRange,
  wants: ReadonlySet<Part>,
  found: Found,
): { readonly rollup: MappedRollup; readonly whole: TimeRange } | null {
  const { time, tag, labels } = mapping;
  // Wall clocks do not tell the steps of an hour that comes twice apart.
  if (time.kind === 'timestamp' || tag.kind === 'columns' || labels.some(({ of }) => of === 'samples')) return null;
  if (time.kind === 'epoch' && found.steps !== 'time_bucket') return null;
  const fitting = mapping.rollups
    .filter(({ stepMs, columns }) => {
      const step = stepMs * 1_000;
      return grid.step % step === 0 && grid.start % step === 0 && [...wants].every((part) => columns[part] !== null);
    })
    .toSorted((a, b) => b.stepMs - a.stepMs);
  for (const rollup of fitting) {
    const step = rollup.stepMs * 1_000;
    const whole = { from: Math.ceil(range.from / step) * step, to: Math.floor(range.to / step) * step };
    if (whole.from < whole.to) return { rollup, whole };
  }
  return null;
}

function rollupSteps(
  source: Source,
  { relation, time, tag, columns }: MappedRollup,
  grid: Grid,
  range: TimeRange,
  wants: ReadonlySet<Part>,
  found: Found,
  parameters: Parameters,
): string {
  const { resolved } = source;
  const { mapping } = resolved;
  const numbers = mapping.time.kind === 'epoch';
  const column = columnOf('s', time);
  const cell = (name: string): string => columnOf('s', name);
  const key = tag === null ? source.keys[0]! : cell(tag);
  // Conditions name the samples' own tag column, which is called something else here.
  const own = mapping.tag.kind === 'column' || mapping.tag.kind === 'table' ? columnOf('s', mapping.tag.column) : null;
  const conditions = source.conditions.map((one) => (own === null ? one : one.replaceAll(own, key)));
  const usable = cell(columns.count);
  const count = (text: string): string => `${text}::int8`;
  const part = (name: Part): string => `${cell(columns[name]!)}::float8`;
  const at = timeCell(mapping.time, column, parameters);
  const inner = [
    `SELECT ${key} AS k0, ${at} AS at, ${count(usable)} AS usable, ${columns.other === null ? '0::int8' : count(cell(columns.other))} AS other, ${columns.worst === null ? '0' : `${cell(columns.worst)}::int4`} AS worst${[...wants].map((name) => `, ${part(name)} AS ${name}`).join('')}`,
    `FROM ${from(relation, 's')}`,
    `WHERE ${[timeWithin(mapping.time, column, range, parameters), ...conditions].join(' AND ')}`,
  ].join('\n');
  const seconds = numbers ? 'at::float8' : "date_part('epoch', at)";
  const of: Record<Part, string> = {
    min: 'min(min)',
    max: 'max(max)',
    sum: 'sum(sum)',
    first: found.ends ? `${identifier(found.functions)}.first(first, at)` : `(min(ARRAY[${seconds}, first]))[2]`,
    last: found.ends ? `${identifier(found.functions)}.last(last, at)` : `(max(ARRAY[${seconds}, last]))[2]`,
  };
  const cells = [
    'k0',
    `${stepOf('at', numbers ? 'micros' : 'instant', grid, found, parameters)} AS step`,
    `${numbers ? 'to_timestamp(min(at) / 1e6)' : 'min(at)'} AS at`,
    'sum(usable) AS usable',
    'sum(other) AS other',
    'max(worst) AS worst',
    ...[...wants].map((name) => `${of[name]} AS ${name}`),
  ];
  return [`SELECT ${cells.join(', ')}`, `FROM (\n${indent(inner)}\n) s`, 'GROUP BY k0, step'].join('\n');
}

export function tooManySeries({ definition, limit }: PlannedSeries): AppError {
  const message = `Series ${definition} stands for more than ${limit} stored series, its limit. Match fewer, or raise the limit.`;
  return new AppError('query.too-many-samples', message, { details: { limit } });
}

function explain({ range, grid }: QueryPlan, series: readonly (CompiledSeries | null)[]): string {
  const show = ({ text, values }: Statement): string =>
    `${text};\n${values.map((value, at) => `-- $${at + 1} ${JSON.stringify(value)}\n`).join('')}`;
  const parts = series.map((one) => {
    if (one === null) return '-- nothing is known of it here\n';
    const { planned, tags, samples } = one;
    const head = `-- ${planned.definition}: ${grid === null ? 'samples' : planned.aggregate}, at most ${planned.limit} series\n`;
    return `${head}${tags === null ? '' : show(tags)}${show(samples)}`;
  });
  const head =
    grid === null
      ? `-- range ${range.from} ${range.to}, samples\n`
      : `-- range ${range.from} ${range.to}, grid from ${grid.start} step ${grid.step} points ${grid.length}\n`;
  return `${head}${parts.join('\n')}`;
}
