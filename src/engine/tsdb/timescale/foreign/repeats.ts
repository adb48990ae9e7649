import type { CatalogueRelation, MappingPreview, TableMapping, TableProblem } from '#shared/model/index.ts';
import { cellOf, columnOf, createParameters, timeCell } from '../expressions.ts';
import { indent } from '../source.ts';
import { someRows } from './look.ts';
import { type Ask, orNull, tableName } from './sql.ts';

/** Rows that are looked at for such that are there twice. */
const ROWS = 20_000;
/** Of a wide relation so many columns are looked at. */
const VALUES = 100;

/**
 * Whether rows with one tag, labels and time come more than once, by a look at some rows; a key of the table that rules it
 * out is taken at its word. Each of them counts in a figure, and one is drawn: two numbers for one trace.
 */
export async function repeatProblems(
  mapping: TableMapping,
  relation: CatalogueRelation,
  shown: MappingPreview['samples'],
  ask: Ask,
  signal: AbortSignal,
): Promise<TableProblem[]> {
  const { time, tag, labels, timesRepeat, rollups } = mapping;
  if (timesRepeat) {
    if (rollups.length === 0) return [];
    const message = 'Aggregates for long ranges count repeated rows: they are not read, and long ranges take longer.';
    return [{ path: 'rollups', message, severity: 'warning' }];
  }
  const keys = [
    ...(tag.kind === 'column' || tag.kind === 'table' ? [tag.column] : []),
    ...labels.filter(({ of }) => of === 'samples').map(({ column }) => column),
  ];
  // A wall clock shows an hour of autumn twice, whatever the key.
  const unique = relation.key.length > 0 && relation.key.every((name) => name === time.column || keys.includes(name));
  if (unique && time.kind !== 'timestamp') return [];
  const { repeated, rows } = (await countRepeats(mapping, keys, ask, signal)) ?? repeatsIn(shown);
  if (repeated === 0) return [];
  const message = `Of ${rows} samples ${repeated} ${repeated === 1 ? 'has' : 'have'} the tag and the time of another: each counts in means and sums, and one is drawn. Choose Yes where they are the same samples, or labels that tell them apart.`;
  return [{ path: 'timesRepeat', message, severity: 'warning' }];
}

interface Repeats {
  readonly repeated: number;
  readonly rows: number;
}

async function countRepeats(
  { relation, time, tag, values }: TableMapping,
  keys: readonly string[],
  ask: Ask,
  signal: AbortSignal,
): Promise<Repeats | null> {
  const parameters = createParameters();
  const column = columnOf('s', time.column);
  const wide = tag.kind === 'columns' ? values.slice(0, VALUES) : [];
  const cells = [
    `${timeCell(time, column, parameters)} AS at`,
    ...keys.map((key, at) => `${columnOf('s', key)}::text AS k${at}`),
    ...wide.map((value, at) => `${cellOf(value, 's', parameters)} IS NOT NULL AS v${at}`),
  ];
  // Of a row with a column for each tag the tags that it holds count, not the row.
  const counts = wide.length === 0 ? ['count(*)'] : wide.map((_, at) => `count(*) FILTER (WHERE v${at})`);
  const again = counts.map((count) => `greatest(${count} - 1, 0)`);
  const groups = (rows: string): string =>
    [
      'SELECT coalesce(sum(n), 0)::int8 AS rows, coalesce(sum(again), 0)::int8 AS repeated FROM (',
      `  SELECT ${counts.join(' + ')} AS n, ${again.join(' + ')} AS again FROM (`,
      indent(indent(rows)),
      `  ) AS s GROUP BY ${['at', ...keys.map((_, at) => `k${at}`)].join(', ')}`,
      ') AS r',
    ].join('\n');
  const from = `${tableName(relation)} AS s`;
  const look = () => someRows(cells.join(', '), from, parameters.values, column, ROWS, ask, signal, groups);
  const row = (await orNull(look, signal))?.rows[0];
  return row === undefined ? null : { rows: Number(row.rows), repeated: Number(row.repeated) };
}

/** Where the look was not worth its price: among what is shown. */
function repeatsIn(shown: MappingPreview['samples']): Repeats {
  const sets = shown.flatMap(({ time, tag, labels }) => (tag === null ? [] : [JSON.stringify([time, tag, labels])]));
  return { rows: sets.length, repeated: sets.length - new Set(sets).size };
}
