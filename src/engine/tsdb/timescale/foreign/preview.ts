import {
  type CatalogueRelation,
  checkMapping,
  isBad,
  type MappingPreview,
  mappedValueName,
  type Quality,
  type TableMapping,
  type TableProblem,
  zoneOf,
} from '#shared/model/index.ts';
import {
  cellOf,
  columnOf,
  createParameters,
  instantOf,
  narrowCells,
  numberOf,
  type Parameters,
  qualityOf,
} from '../expressions.ts';
import { someRows } from './look.ts';
import { repeatProblems } from './repeats.ts';
import { columnsOf } from './seen.ts';
import { type Ask, type Cell, tableName } from './sql.ts';
import { labelsIn } from './tags.ts';

/** Rows that are shown, values of a wide row that become samples, columns that are shown, letters of a cell. */
const ROWS = 20;
const VALUES = 20;
const COLUMNS = 40;
const CELL = 200;

type Row = Readonly<Record<string, Cell>>;
type Sample = MappingPreview['samples'][number];

/** Some rows as they lie there and what becomes of them, by the very expressions that graphs are drawn with. */
export async function previewOf(
  mapping: TableMapping,
  relations: readonly CatalogueRelation[],
  now: number,
  ask: Ask,
  signal: AbortSignal,
): Promise<MappingPreview> {
  const problems: TableProblem[] = checkMapping(mapping, relations);
  const relation = relations.find(
    ({ schema, name }) => schema === mapping.relation.schema && name === mapping.relation.name,
  );
  if (relation === undefined) return { columns: [], rows: [], samples: [], newest: false, problems };
  const known = new Set(relation.columns.map(({ name }) => name));
  const mapped = columnsOf(mapping)[0]!.columns.filter((name) => known.has(name));
  // Mapped columns first, since a wide table has more than anybody wants to see.
  const shown = [...mapped, ...[...known].filter((name) => !mapped.includes(name))].slice(0, COLUMNS);
  const cells = shown.map((name, at) => `left(${columnOf('s', name)}::text, ${CELL}) AS "c${at}"`);
  const time = known.has(mapping.time.column) ? columnOf('s', mapping.time.column) : null;
  const rowsOf = (rows: readonly Row[]) => rows.map((row) => shown.map((_, at) => row[`c${at}`] as string | null));
  const from = `${tableName(mapping.relation)} AS s`;
  /** As they lie there, whatever is wrong with the mapping. */
  const plainly = async (found: readonly TableProblem[]): Promise<MappingPreview> => {
    try {
      const { rows, newest } = await someRows(cells.join(', '), from, [], time, ROWS, ask, signal);
      return { columns: shown, rows: rowsOf(rows), samples: [], newest, problems: [...found] };
    } catch (error) {
      signal.throwIfAborted();
      const message = `No row could be read: ${said(error)}`;
      return {
        columns: shown,
        rows: [],
        samples: [],
        newest: false,
        problems: [...found, { path: 'relation', message, severity: 'error' }],
      };
    }
  };
  if (problems.some(({ severity }) => severity === 'error')) return plainly(problems);
  const parameters = createParameters();
  const read = readerOf(mapping, parameters);
  const joined = `${from}${read.join}`;
  try {
    const list = [...cells, ...read.cells].join(', ');
    const { rows, newest } = await someRows(list, joined, parameters.values, time, ROWS, ask, signal);
    const samples = rows.flatMap((row, at) => read.samples(row, at, now));
    const repeated = await repeatProblems(mapping, relation, samples, ask, signal);
    return {
      columns: shown,
      rows: rowsOf(rows),
      samples,
      newest,
      problems: [...problems, ...wholeProblems(mapping, samples, newest), ...repeated],
    };
  } catch (error) {
    signal.throwIfAborted();
    const message = `The rows cannot be read so: ${said(error)}`;
    return plainly([...problems, { path: 'values', message, severity: 'error' }]);
  }
}

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error));

interface Reader {
  readonly join: string;
  readonly cells: readonly string[];
  samples(row: Row, at: number, now: number): Sample[];
}

function readerOf(mapping: TableMapping, parameters: Parameters): Reader {
  const { time, tag, values, labels } = mapping;
  const raw = columnOf('s', time.column);
  const micros =
    time.kind === 'epoch'
      ? `(${raw} * ${{ s: '1000000.0', ms: '1000.0', us: '1.0', ns: '0.001' }[time.unit]})::float8`
      : `(extract(epoch FROM ${instantOf(time, raw, parameters)}) * 1000000)::float8`;
  const join =
    tag.kind === 'table'
      ? ` LEFT JOIN ${tableName(tag.relation)} AS t ON ${columnOf('t', tag.key)} = ${columnOf('s', tag.column)}`
      : '';
  const cells = [`${micros} AS "time"`];
  if (time.kind === 'timestamp') cells.push(`(extract(epoch FROM ${raw}) * 1000000)::float8 AS "wall"`);
  if (tag.kind === 'column') cells.push(`${columnOf('s', tag.column)}::text AS "tag"`);
  if (tag.kind === 'table') {
    cells.push(`${columnOf('t', tag.name)}::text AS "tag"`, `${columnOf('s', tag.column)}::text AS "key"`);
    if (tag.unit !== null) cells.push(`${columnOf('t', tag.unit)}::text AS "unit"`);
    if (tag.labels !== null) cells.push(`${columnOf('t', tag.labels)}::text AS "more"`);
  }
  for (const [at, { column, of }] of labels.entries()) {
    cells.push(`${columnOf(of === 'tags' ? 't' : 's', column)}::text AS "l${at}"`);
  }
  const wide = tag.kind === 'columns';
  const taken = wide ? values.slice(0, VALUES) : values;
  for (const [at, value] of taken.entries()) {
    cells.push(`left(${cellOf(value, 's', parameters)}::text, ${CELL}) AS "r${at}"`);
    if (!wide) continue;
    cells.push(`(${numberOf(value, 's', parameters)})::float8 AS "v${at}"`);
    cells.push(`(${qualityOf(mapping.quality, 's', parameters, value.quality ?? undefined)})::int4 AS "q${at}"`);
  }
  if (!wide) {
    const { value, quality } = narrowCells(mapping, 's', parameters);
    cells.push(`(${value})::float8 AS "v0"`, `(${quality})::int4 AS "q0"`);
  }
  return {
    join,
    cells,
    samples(row, at, now) {
      const when = row.time === null ? null : Math.round(Number(row.time));
      const common = timeProblems(mapping, when, row.wall === undefined ? null : Number(row.wall), now);
      const more: Record<string, string> = {};
      for (const [n, { name }] of labels.entries()) {
        const cell = row[`l${n}`];
        if (typeof cell === 'string') more[name] = cell;
      }
      if (typeof row.more === 'string') Object.assign(more, labelsIn(row.more));
      const made = (
        name: string | null,
        unit: string | null,
        n: number,
        texts: readonly (string | null)[],
        type: string,
      ): Sample => {
        const number = row[`v${n}`];
        const quality = Number(row[`q${n}`]) as Quality;
        const first = texts.find((text) => text !== null) ?? null;
        const problems = [...common];
        const value = valueIn(number, first, type);
        if (first === null)
          problems.push(wide ? 'There is no value: no sample.' : 'There is no value: the trace has a gap.');
        else if (typeof value === 'number' && Number.isNaN(value)) problems.push(`"${first}" is no number.`);
        if (name === null && tag.kind === 'table') {
          problems.push(`"${tag.column}" ${row.key ?? 'NULL'} is not in "${tag.relation.name}": no sample.`);
        } else if (name === null) problems.push('There is no tag: no sample.');
        return {
          row: at,
          time: when !== null && Number.isSafeInteger(when) ? when : null,
          tag: name,
          unit,
          value: typeof value === 'number' && !Number.isFinite(value) ? null : value,
          quality: isBad(quality) || quality > 0 ? quality : 0,
          labels: more,
          problems,
        };
      };
      if (wide) {
        return taken.map((value, n) =>
          made(mappedValueName(value), value.unit, n, [row[`r${n}`] as string | null], value.type),
        );
      }
      const texts = taken.map((_, n) => row[`r${n}`] as string | null);
      const type =
        values[
          Math.max(
            0,
            texts.findIndex((text) => text !== null),
          )
        ]!.type;
      const name = tag.kind === 'fixed' ? tag.name : ((row.tag as string | null | undefined) ?? null);
      const unit = typeof row.unit === 'string' ? row.unit : values[0]!.unit;
      return [made(name, unit, 0, texts, type)];
    },
  };
}

function valueIn(number: Cell | undefined, text: string | null, type: string): Sample['value'] {
  if (text === null) return null;
  const read = number === null || number === undefined ? Number.NaN : Number(number);
  if (type === 'boolean' && !Number.isNaN(read)) return read !== 0;
  return type === 'text' && Number.isNaN(read) ? text : read;
}

const YEAR_1990 = 631_152_000_000_000;
const HOUR = 3_600_000_000;

function timeProblems({ time }: TableMapping, when: number | null, wall: number | null, now: number): string[] {
  if (when === null) return ['There is no time: no sample.'];
  const problems: string[] = [];
  const what =
    time.kind === 'epoch'
      ? 'what the number counts'
      : time.kind === 'timestamp'
        ? 'the zone'
        : 'the clock of whoever wrote it';
  if (when > now + HOUR / 6) {
    const hours = (when - now) / HOUR;
    const ahead = hours < 48 ? `${hours.toFixed(1)} hours` : hours < 1e5 ? `${Math.round(hours / 24)} days` : 'ages';
    problems.push(`It lies ${ahead} in the future: look at ${what}.`);
  } else if (when < YEAR_1990) problems.push(`It lies before 1990: look at ${what}.`);
  if (wall === null || time.kind !== 'timestamp') return problems;
  const twice = wallTwice(wall, time.zone);
  if (twice === 'twice') {
    problems.push(`This hour came twice in ${time.zone}, when summer time ended: it is taken as the second one.`);
  } else if (twice === 'never') {
    problems.push(`There was no such time in ${time.zone}, when summer time began: it is taken as an hour later.`);
  }
  return problems;
}

/** Whether a wall clock showed a time once, twice or never. `wall`: as if it were UTC. */
export function wallTwice(wall: number, name: string): 'once' | 'twice' | 'never' {
  const zone = zoneOf(name);
  const offsets = new Set([-24 * HOUR, 24 * HOUR].map((days) => zone.offset(wall + days)));
  if (offsets.size === 1) return 'once';
  const fits = [...offsets].filter((offset) => zone.offset(wall - offset) === offset).length;
  return fits === 2 ? 'twice' : fits === 1 ? 'once' : 'never';
}

function wholeProblems({ time, tag }: TableMapping, samples: readonly Sample[], newest: boolean): TableProblem[] {
  const problems: TableProblem[] = [];
  const warn = (path: string, message: string): void => void problems.push({ path, message, severity: 'warning' });
  if (samples.length === 0) warn('relation', 'There are no rows yet: nothing to show.');
  if (!newest && samples.length > 0) warn('time.column', 'No index leads to the newest rows: these are any.');
  if (time.kind === 'timestamp' && hasSummerTime(time.zone)) {
    warn(
      'time.zone',
      `${time.zone} has summer time, and the column does not say which of two hours is meant when it ends: such rows are taken as the second hour, and of two rows with one time one is shown.`,
    );
  }
  if (tag.kind !== 'columns' && samples.length > 0 && samples.every((sample) => sample.tag === null)) {
    warn('tag', 'No row has a tag: look at the column of the tag.');
  }
  return problems;
}

function hasSummerTime(name: string): boolean {
  const zone = zoneOf(name);
  const [january, july] = [0, 6].map((month) => zone.offset(Date.UTC(2026, month, 1) * 1_000));
  return january !== july;
}
