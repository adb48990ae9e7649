import type { TableMapping } from '#shared/model/index.ts';

/** Codes of the server that mean that a table or a column is not any more what it was. */
const CHANGED: Readonly<Record<string, string>> = {
  '42P01': 'a table of it is gone',
  '3F000': 'its schema is gone',
  '42703': 'a column of it is gone or called otherwise',
  '42883': 'a column of it is of another type',
  '42804': 'a column of it is of another type',
  '42846': 'a column of it is of another type',
  '22P02': 'a column of it holds what cannot be read so',
  '42501': 'this login may not read it any more',
};

/**
 * A refusal of the server that comes from the mapping, as a warning beside the series that could still be drawn; null
 * for any other, which ends the graph.
 */
export function driftText(error: unknown, mapping: TableMapping): string | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = (cause as { code?: unknown }).code;
    const what = typeof code === 'string' ? CHANGED[code] : undefined;
    if (what === undefined) continue;
    const { schema, name } = mapping.relation;
    return `The table "${schema}"."${name}" has changed since it was mapped: ${what} (${cause.message}). Look at the mapping "${mapping.name || name}" and choose again; the other series go on.`;
  }
  return null;
}
