import type { PlannedSeries } from '#engine/tsdb/tsdb.ts';
import type { Grid } from '#shared/model/graph/index.ts';
import type { MappedRollup, TimeRange } from '#shared/model/index.ts';
import type { TimescaleCapabilities } from './capabilities.ts';
import { columnOf, type Parameters, timeCell, timeWithin } from './expressions.ts';
import { heldEnd } from './held.ts';
import { from, type Resolved } from './relations.ts';
import { indent, rangeText, type Source } from './source.ts';
import { identifier, instant } from './sql.ts';

type Found = TimescaleCapabilities['timescale'];

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
export function stepsText(
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
  const rollup = source.merged ? null : rollupFor(source.resolved, grid, range, wants, found);
  const keys = source.keys.map((_, at) => `k${at}`);
  const samples = (edge: TimeRange, of = source): string[] =>
    edge.from < edge.to ? [sampleSteps(of, grid, edge, wants, found, parameters)] : [];
  const pieces = rollup === null ? samples(range) : withRollup(rollup);
  function withRollup({ rollup: one, whole }: Fitting): string[] {
    const { time } = source.resolved.mapping;
    const end = (name: 'from' | 'until'): string =>
      parameters.add(heldEnd(one, name, time, whole), time.kind === 'epoch' ? 'int8' : 'timestamptz');
    const rest = (condition: string): Source => ({ ...source, conditions: [...source.conditions, condition] });
    // It may have been made for newer samples than there are.
    const first = end('from');
    const until = one.live ? null : end('until');
    return [
      rollupSteps(source, one, grid, whole, { first, until }, wants, found, parameters),
      ...samples({ from: range.from, to: whole.to }, rest(`${source.time} < ${first}`)),
      ...(until === null
        ? samples({ from: whole.to, to: range.to })
        : samples({ from: whole.from, to: range.to }, rest(`${source.time} >= ${until}`))),
    ];
  }
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

/** Aggregated from the samples themselves. */
function sampleSteps(
  source: Source,
  grid: Grid,
  range: TimeRange,
  wants: ReadonlySet<Part>,
  found: Found,
  parameters: Parameters,
): string {
  const { resolved, keys } = source;
  const numbers = resolved.mapping.time.kind === 'epoch';
  const rows = rangeText(source, range);
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
    `FROM (\n${indent(rows)}\n) s`,
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

interface Fitting {
  readonly rollup: MappedRollup;
  /** The part of a range that it holds in whole steps. */
  readonly whole: TimeRange;
}

/** The longest rollup whose steps make up those of the grid, and the part of the range that it holds in whole steps. */
function rollupFor(
  { mapping }: Resolved,
  grid: Grid,
  range: TimeRange,
  wants: ReadonlySet<Part>,
  found: Found,
): Fitting | null {
  const { time, tag, labels, timesRepeat } = mapping;
  // A rollup counts rows that are there twice.
  if (timesRepeat) return null;
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
  held: { readonly first: string; readonly until: string | null },
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
  const conditions = source.conditions.map((one) => (own === null ? one : one.replaceAll(own, () => key)));
  const usable = cell(columns.count);
  const count = (text: string): string => `${text}::int8`;
  const part = (name: Part): string => `${cell(columns[name]!)}::float8`;
  const at = timeCell(mapping.time, column, parameters);
  const inner = [
    `SELECT ${key} AS k0, ${at} AS at, ${count(usable)} AS usable, ${columns.other === null ? '0::int8' : count(cell(columns.other))} AS other, ${columns.worst === null ? '0' : `${cell(columns.worst)}::int4`} AS worst${[...wants].map((name) => `, ${part(name)} AS ${name}`).join('')}`,
    `FROM ${from(relation, 's')}`,
    `WHERE ${[timeWithin(mapping.time, column, range, parameters), `${column} >= ${held.first}`, ...(held.until === null ? [] : [`${column} < ${held.until}`]), ...conditions].join(' AND ')}`,
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
