import type { CatalogueRelation } from '#shared/model/index.ts';
import { identifier } from '../sql.ts';
import { costOf } from './cost.ts';
import type { Examples } from './guess-time.ts';
import { NAMES, plain } from './names.ts';
import { type Ask, orNull, type Rows, tableName } from './sql.ts';

/** A look at some rows may take so long, and read so many rows to find the newest. */
const LOOK_MS = 5_000;
const LOOK_ROWS = 1_000_000;

/**
 * Some rows of a relation: the newest where an index leads to them, else any. `columns` are expressions with names;
 * `from` may join others; `values` are the parameters of both. `made`: what is made of the rows at the server.
 */
export async function someRows(
  columns: string,
  from: string,
  values: readonly unknown[],
  time: string | null,
  limit: number,
  ask: Ask,
  signal: AbortSignal,
  made: (rows: string) => string = (rows) => rows,
): Promise<{ readonly rows: Rows; readonly newest: boolean }> {
  if (time !== null) {
    const newest = made(
      `SELECT ${columns} FROM ${from} WHERE ${time} IS NOT NULL ORDER BY ${time} DESC LIMIT ${limit}`,
    );
    const cost = await costOf(ask, newest, values, signal);
    if (cost !== null && cost.rows <= LOOK_ROWS) {
      const rows = await orNull(() => ask(newest, values, signal, LOOK_MS), signal);
      if (rows !== null) return { rows, newest: true };
    }
  }
  const any = made(`SELECT ${columns} FROM ${from} LIMIT ${limit}`);
  return { rows: await ask(any, values, signal, LOOK_MS), newest: false };
}

/** Rows and letters of a cell that are enough to tell what a column holds. */
const EXAMPLES = 50;
const CELL = 10_000;
const MOST_COLUMNS = 60;

/** Cells of the columns whose names and types alone do not say what they hold. */
export async function examplesOf(relation: CatalogueRelation, ask: Ask, signal: AbortSignal): Promise<Examples> {
  const asked = relation.columns
    .filter(({ name, kind }) => {
      const called = plain(name);
      if (kind === 'json' || relation.partition?.column === name) return true;
      if (NAMES.quality.test(called) || /(^|_)(q|qual|quality|status|valid|ok|good)(_|$)/.test(called)) return true;
      if (kind === 'text') return NAMES.value.test(called);
      return (kind === 'integer' || kind === 'number') && NAMES.time.test(called);
    })
    .slice(0, MOST_COLUMNS);
  if (asked.length === 0) return new Map();
  const cells = asked.map(({ name }, at) => `left(${identifier(name)}::text, ${CELL}) AS "c${at}"`);
  const ordered = relation.columns.find(
    ({ name }) =>
      relation.partition?.column === name ||
      (relation.indexes.some(([first]) => first === name) && NAMES.time.test(plain(name))),
  );
  const time = ordered === undefined ? null : identifier(ordered.name);
  const found = await orNull(
    () => someRows(cells.join(', '), tableName(relation), [], time, EXAMPLES, ask, signal),
    signal,
  );
  return new Map(
    asked.map(({ name }, at) => [name, (found?.rows ?? []).map((row) => row[`c${at}`] as string | null)] as const),
  );
}
