import type pg from 'pg';
import type { RawQuery } from '#engine/tsdb/tsdb.ts';
import { AppError, refuse } from '#shared/errors.ts';
import { compareLabels, type GraphSeries, labelsText, type TimeSeriesResult } from '#shared/model/graph/index.ts';
import { cellTypes } from './parse.ts';
import type { Session } from './session.ts';
import { instant } from './sql.ts';

/** Type numbers of columns that are times, and of those that are numbers. */
const TIMES = new Set([1082, 1114, 1184]);
const NUMBERS = new Set([16, 20, 21, 23, 26, 700, 701, 1700]);

interface Answer {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
  readonly rows: readonly unknown[][];
}

/**
 * A statement of somebody who knows SQL. `$1` and `$2` are the ends of the range. The first column that is a time is that
 * of the samples; each column of numbers is a series, and columns of texts are labels that tell more of them apart.
 */
export async function runRaw(
  session: Session,
  { text, range, limit }: RawQuery,
  signal: AbortSignal,
): Promise<TimeSeriesResult> {
  const named = [...bare(text).matchAll(/\$(\d+)/g)].map(([, number]) => Number(number));
  const most = Math.max(0, ...named);
  if (most > 2) refuse('text', `There is no $${most}. $1 is the begin of the range and $2 its end.`);
  const values = [instant(range.from), instant(range.to)].slice(0, most);
  const { fields, rows } = await session.readOnly((client) => readAnswer(client, text, values, limit + 1), signal);
  if (rows.length > limit) {
    throw new AppError(
      'query.too-many-samples',
      `The statement gives more than ${limit} rows. Ask for fewer, with a shorter range, a LIMIT or a GROUP BY.`,
      { details: { limit } },
    );
  }
  const time = fields.findIndex(({ dataTypeID }) => TIMES.has(dataTypeID));
  if (time === -1)
    refuse('text', 'None of the columns is a time. Make one of them timestamptz, for example with to_timestamp().');
  const numbers = fields.flatMap(({ dataTypeID }, at) => (NUMBERS.has(dataTypeID) ? [at] : []));
  if (numbers.length === 0)
    refuse('text', 'None of the columns is a number. Cast one of them, for example with ::float8.');
  const texts = fields.flatMap((_, at) => (at === time || numbers.includes(at) ? [] : [at]));
  return { range, grid: null, series: seriesOf({ fields, rows }, time, numbers, texts), warnings: [] };
}

/**
 * By a cursor of the server's, which takes queries alone: COPY, which the client has no words for, and everything that
 * changes a session are refused there.
 */
async function readAnswer(
  client: pg.ClientBase,
  text: string,
  values: readonly string[],
  rows: number,
): Promise<Answer> {
  const declare = { text: `DECLARE parx_raw NO SCROLL CURSOR FOR ${text}`, values: [...values], queryMode: 'extended' };
  await client.query(declare as pg.QueryConfig);
  const fetch = { text: `FETCH ${rows} FROM parx_raw`, rowMode: 'array', types: cellTypes as pg.CustomTypesConfig };
  return await client.query<unknown[]>(fetch as pg.QueryArrayConfig);
}

/** Without texts, names in quotes and comments, in which "$1" means nothing. */
const bare = (text: string): string =>
  text.replaceAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$/g, ' ');

function seriesOf(
  { fields, rows }: Answer,
  time: number,
  numbers: readonly number[],
  texts: readonly number[],
): GraphSeries[] {
  const groups = new Map<string, { readonly labels: Record<string, string>; readonly rows: unknown[][] }>();
  for (const row of rows) {
    const labels: Record<string, string> = {};
    for (const at of texts) {
      const cell = row[at];
      if (cell !== null) labels[fields[at]!.name] = typeof cell === 'string' ? cell : JSON.stringify(cell);
    }
    const key = labelsText(labels);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { labels, rows: [row] });
    else group.rows.push(row);
  }
  const ordered = [...groups.values()].sort((a, b) => compareLabels(a.labels, b.labels));
  return numbers.flatMap((column) =>
    ordered.map(({ labels, rows: own }): GraphSeries => {
      const samples = own
        .map((row) => [timeOf(row[time]), row[column]] as const)
        .filter(([when, value]) => Number.isFinite(when) && value !== null)
        .sort(([a], [b]) => a - b)
        .filter(([when], at, all) => at === 0 || when > all[at - 1]![0]);
      const { name } = fields[column]!;
      return {
        definition: name,
        metric: { namespace: 'raw', name: name.replaceAll(/[^A-Za-z0-9_.-]/g, '_') || '_', unit: null, type: 'gauge' },
        labels,
        unit: null,
        time: Float64Array.from(samples, ([when]) => when),
        value: Float64Array.from(samples, ([, value]) => Number(value)),
        quality: new Uint16Array(samples.length),
        envelope: null,
      };
    }),
  );
}

/** A date alone is its midnight. */
const timeOf = (cell: unknown): number =>
  typeof cell === 'number' ? cell : typeof cell === 'string' ? Date.parse(`${cell}T00:00:00Z`) * 1_000 : Number.NaN;

/** How the server would go about what `explain` of a compiled query shows, or a statement of somebody's own. */
export async function planOf(session: Session, text: string, signal: AbortSignal): Promise<string | null> {
  const plans: string[] = [];
  for (const { statement, values } of statementsOf(text)) {
    // The extended protocol takes one statement alone, also where there are no values.
    const ask = { text: `EXPLAIN ${statement}`, values, queryMode: 'extended' } as pg.QueryConfig;
    const work = async (client: pg.ClientBase) => (await client.query<Record<string, string>>(ask)).rows;
    const rows = await session.readOnly(work, signal);
    plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
  }
  return plans.length === 0 ? null : plans.join('\n\n');
}

/** Statements with their values, as `explain` writes them: the text up to a semicolon, then a comment for each value. */
function statementsOf(text: string): { readonly statement: string; readonly values: unknown[] }[] {
  const found: { statement: string; values: unknown[] }[] = [];
  let lines: string[] = [];
  for (const line of text.split('\n')) {
    const value = /^-- \$\d+ (.*)$/.exec(line);
    if (value !== null) found.at(-1)?.values.push(JSON.parse(value[1]!));
    else if (line.startsWith('--') && lines.length === 0) continue;
    else if (line.endsWith(';')) {
      found.push({ statement: [...lines, line.slice(0, -1)].join('\n'), values: [] });
      lines = [];
    } else if (line !== '' || lines.length > 0) lines.push(line);
  }
  // A statement of somebody's own; with values that nobody knows any more there is no plan of it.
  const own = lines.join('\n').trim();
  if (own !== '' && !/\$\d/.test(own)) found.push({ statement: own, values: [] });
  return found;
}
