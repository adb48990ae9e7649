import type { z } from 'zod';
import type { CatalogueRelation, RelationName, rollupColumn } from '#shared/model/index.ts';
import { type Token, tokensOf } from './sql.ts';

/** A view that the database keeps as an aggregate of a table, as it describes it itself. */
export interface KeptAggregate {
  readonly view: RelationName;
  readonly of: RelationName;
  readonly definition: string;
  /** What is newer than the last refresh is worked out when it is asked. */
  readonly live: boolean;
}

export type RollupColumn = z.infer<typeof rollupColumn>;
export type RollupOf = NonNullable<CatalogueRelation['rollupOf']>;

/**
 * What a continuous aggregate holds, read from its definition. What cannot be read surely is `other`: such a column is
 * not used.
 */
export function rollupOf({ of, definition, live }: KeptAggregate): RollupOf {
  const tokens = tokensOf(definition);
  const { items, rest } = selectList(tokens);
  const columns: RollupColumn[] = [];
  let step: RollupOf['step'] = null;
  for (const item of items) {
    const { name, expression } = named(item);
    const call = callOf(expression);
    if (call === null) {
      const column = columnOf(expression);
      columns.push({ name, of: column === null ? 'other' : 'key', source: column });
    } else if (call.name === 'time_bucket') {
      step = stepOf(call.args);
      columns.push({ name, of: 'time', source: columnOf(call.args[1] ?? []) });
    } else {
      const column = columnOf(call.args[0] ?? []);
      const kind = AGGREGATES[call.name];
      // `count(*)` counts rows without a value too.
      const sure =
        kind !== undefined && column !== null && call.args.length === (kind === 'first' || kind === 'last' ? 2 : 1);
      columns.push({ name, of: sure ? kind : 'other', source: sure ? column : null });
    }
  }
  const filtered = rest.some(
    ({ kind, text, quoted }) => kind === 'name' && !quoted && /^(WHERE|JOIN|HAVING)$/i.test(text),
  );
  return { relation: of, step, live, filtered, columns };
}

const AGGREGATES: Readonly<Record<string, RollupColumn['of']>> = {
  min: 'min',
  max: 'max',
  sum: 'sum',
  count: 'count',
  avg: 'mean',
  first: 'first',
  last: 'last',
};

const isSign = (token: Token | undefined, text: string): boolean => token?.kind === 'sign' && token.text === text;
const isWord = (token: Token | undefined, word: string): boolean =>
  token?.kind === 'name' && !token.quoted && token.text.toUpperCase() === word;

/** Splits at signs outside of brackets. */
function split(tokens: readonly Token[], sign: string): Token[][] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (isSign(token, '(')) depth++;
    if (isSign(token, ')')) depth--;
    if (depth === 0 && isSign(token, sign)) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts;
}

function selectList(tokens: readonly Token[]): { readonly items: Token[][]; readonly rest: readonly Token[] } {
  let depth = 0;
  for (const [at, token] of tokens.entries()) {
    if (isSign(token, '(')) depth++;
    if (isSign(token, ')')) depth--;
    if (depth === 0 && isWord(token, 'FROM')) return { items: split(tokens.slice(1, at), ','), rest: tokens.slice(at) };
  }
  return { items: [], rest: tokens };
}

function named(item: readonly Token[]): { readonly name: string; readonly expression: readonly Token[] } {
  const as = item.length - 2;
  if (isWord(item[as], 'AS')) return { name: item.at(-1)!.text, expression: item.slice(0, as) };
  return { name: item.at(-1)?.text ?? '', expression: item };
}

/** `v`, `m.v`, `(v)`, `v::double precision`; null for anything that is not one column alone. */
function columnOf(expression: readonly Token[]): string | null {
  const tokens = isSign(expression[0], '(') && isSign(expression.at(-1), ')') ? expression.slice(1, -1) : expression;
  const cast = tokens.findIndex((token) => isSign(token, '::'));
  const bare = cast < 0 ? tokens : tokens.slice(0, cast);
  if (bare.length === 1 && bare[0]!.kind === 'name') return bare[0]!.text;
  if (bare.length === 3 && bare[0]!.kind === 'name' && isSign(bare[1], '.') && bare[2]!.kind === 'name')
    return bare[2]!.text;
  return null;
}

/** A call of one function, perhaps with its schema before it, and nothing around it. */
function callOf(tokens: readonly Token[]): { readonly name: string; readonly args: readonly Token[][] } | null {
  const open = tokens.findIndex((token) => isSign(token, '('));
  if (open < 1 || open > 3 || !isSign(tokens.at(-1), ')') || tokens[open - 1]!.kind !== 'name') return null;
  const inside = tokens.slice(open + 1, -1);
  let depth = 0;
  for (const token of inside) {
    if (isSign(token, '(')) depth++;
    if (isSign(token, ')') && --depth < 0) return null;
  }
  return { name: tokens[open - 1]!.text.toLowerCase(), args: split(inside, ',') };
}

/** Days from 1970 to the Monday from which the extension counts steps of time. */
const ORIGIN_MS = 10_959 * 86_400_000;

/** Null where steps are not of one length (months, a zone's days) or not counted from 1970. */
function stepOf(args: readonly Token[][]): RollupOf['step'] {
  if (args.length !== 2) return null;
  const first = args[0]!.find(({ kind }) => kind !== 'sign');
  const type = args[0]!.slice(1).map(({ text }) => text.toLowerCase());
  if (first === undefined) return null;
  if (type.includes('interval')) {
    const ms = intervalMs(first.text);
    return ms === null || ORIGIN_MS % ms !== 0 ? null : { ms, count: null };
  }
  const count = Number(first.text);
  return Number.isInteger(count) && count > 0 ? { ms: null, count } : null;
}

/** `01:00:00`, `1 day`, `7 days 12:00:00`; null with months and years in it. */
export function intervalMs(text: string): number | null {
  const match = /^(?:(\d+) days? ?)?(?:(\d+):(\d\d):(\d\d(?:\.\d+)?))?$/.exec(text.trim());
  if (match === null) return null;
  const [, days = 0, hours = 0, minutes = 0, seconds = 0] = match;
  const ms = ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60_000 + Number(seconds) * 1_000;
  return ms >= 1 && Number.isInteger(ms) ? ms : null;
}
