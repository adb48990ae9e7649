import type pg from 'pg';
import type { RawQuery } from '#engine/tsdb/tsdb.ts';
import { refuse } from '#shared/errors.ts';
import type { TimeSeriesResult } from '#shared/model/graph/index.ts';
import { createRawSeries, type Field, type RawSeries } from './raw-series.ts';
import type { Session } from './session.ts';
import { instant } from './sql.ts';

/** Rows that are in memory at a time. */
const ROWS = 5_000;

/**
 * A statement of somebody who knows SQL. `$1` and `$2` are the ends of the range. The first column that is a time is that
 * of the samples; each column of numbers is a series, and columns of texts are labels that tell more of them apart. Memory
 * is that of the series, 32 bytes a number at the most, whatever the statement gives: `query.too-many-samples`.
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
  let series: RawSeries | null = null;
  const begin = (fields: readonly Field[]): void => {
    series = createRawSeries(fields, limit);
  };
  // A cursor of the server's takes queries alone: COPY, which the client has no words for, and everything that changes a
  // session are refused there.
  for await (const rows of session.cursor(text, values, ROWS, signal, begin)) for (const row of rows) series!.add(row);
  return { range, grid: null, series: series!.finish(), warnings: [] };
}

/** Without texts, names in quotes and comments, in which "$1" means nothing. */
const bare = (text: string): string =>
  text.replaceAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$/g, ' ');

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
