import { isAppError } from '#shared/errors.ts';
import type { RelationName } from '#shared/model/index.ts';
import { relation } from '../sql.ts';

/** A cell; the statements here cast what they ask for, so that each place knows what it gets. */
export type Cell = unknown;
export type Rows = readonly Readonly<Record<string, Cell>>[];

/**
 * One statement in a read-only session. Throws what the session throws; a statement that was refused leaves the next one
 * alone. `timeoutMs`: shorter than the session's own, for looks that nobody waits for.
 */
export type Ask = (text: string, values: readonly unknown[], signal: AbortSignal, timeoutMs?: number) => Promise<Rows>;

export const tableName = ({ schema, name }: RelationName): string => relation(schema, name);

/** What a look is worth that may be refused, for want of a right or of a view in this version: null then. A lost link throws. */
export async function orNull<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    if (isAppError(error, 'tsdb.unavailable')) throw error;
    return null;
  }
}

/** The parts of a text of SQL, as far as views are printed by the database itself. */
export interface Token {
  readonly kind: 'name' | 'text' | 'number' | 'sign';
  /** Names and texts without their quotes. */
  readonly text: string;
  /** A name in quotes, which is never a word of the language. */
  readonly quoted: boolean;
}

export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\s+|"((?:[^"]|"")*)"|'((?:[^']|'')*)'|([\p{L}_][\p{L}\p{N}_$]*)|(\d+(?:\.\d+)?)|(::|.)/gsu;
  for (const [, quoted, text, name, number, sign] of sql.matchAll(pattern)) {
    if (quoted !== undefined) tokens.push({ kind: 'name', text: quoted.replaceAll('""', '"'), quoted: true });
    else if (text !== undefined) tokens.push({ kind: 'text', text: text.replaceAll("''", "'"), quoted: true });
    else if (name !== undefined) tokens.push({ kind: 'name', text: name, quoted: false });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number, quoted: false });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, quoted: false });
  }
  return tokens;
}
