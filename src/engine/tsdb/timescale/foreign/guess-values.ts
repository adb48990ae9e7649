import { parseUnit } from '#shared/model/graph/index.ts';
import type { CatalogueColumn, MappedValue } from '#shared/model/index.ts';
import type { Examples } from './guess-time.ts';
import { NAMES, plain } from './names.ts';

const value = (column: string, more: Partial<MappedValue> = {}): MappedValue => ({
  column,
  jsonPath: [],
  name: '',
  unit: null,
  type: 'number',
  quality: null,
  ...more,
});

/** Columns that hold the value of a narrow relation, in the order in which they count: numbers before words. */
export function narrowValues(columns: readonly CatalogueColumn[], examples: Examples): MappedValue[] {
  const order = ['number', 'integer', 'boolean', 'json', 'text'];
  return columns
    .toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))
    .flatMap((column): MappedValue[] => {
      if (column.kind === 'boolean') return [value(column.name, { type: 'boolean' })];
      // Texts that are numbers are read as such.
      if (column.kind === 'text') return [value(column.name, { type: 'text' })];
      if (column.kind !== 'json') return [value(column.name)];
      return valueLeaves(leavesOf(column, examples));
    });
}

/** A tag for each column, with the unit that a comment or a bracket in the name tells. */
export const wideValue = (column: CatalogueColumn, quality: string | null): MappedValue =>
  value(column.name, { type: column.kind === 'boolean' ? 'boolean' : 'number', unit: unitIn(column), quality });

const ENDINGS = ['q', 'qual', 'quality', 'status', 'valid', 'ok', 'good'];

/** Qualities of columns' own, by the columns: `speed_q`, `q_speed`, `speed quality`. */
export function ownQualities(columns: readonly CatalogueColumn[]): ReadonlyMap<string, string> {
  const byName = new Map(columns.map((column) => [plain(column.name), column]));
  const found = new Map<string, string>();
  for (const column of columns) {
    const name = plain(column.name);
    for (const end of ENDINGS) {
      const own = byName.get(`${name}_${end}`) ?? byName.get(`${end}_${name}`);
      if (own !== undefined && ['integer', 'boolean', 'text'].includes(own.kind)) found.set(column.name, own.name);
    }
  }
  return found;
}

function unitIn({ name, comment }: CatalogueColumn): string | null {
  const bracket = /[[(]([^\])]{1,20})[\])]/;
  for (const text of [bracket.exec(name)?.[1], comment?.trim(), bracket.exec(comment ?? '')?.[1]]) {
    if (text !== undefined && text !== '' && text.length <= 20 && parseUnit(text) !== null) return text;
  }
  return null;
}

/** What a document holds as its value: what is called so, or the only thing that it measures. */
export function valueLeaves(leaves: readonly MappedValue[]): MappedValue[] {
  const named = leaves.filter(({ jsonPath }) => NAMES.value.test(plain(jsonPath.at(-1)!)));
  return named.length > 0 ? named : leaves.length === 1 ? [...leaves] : [];
}

/** Deeper than this nobody keeps values, and a document of a hostile hand may go on for ever. */
const DEEPEST = 4;
const MOST_LEAVES = 500;

/** Numbers and switches in a column of JSON, by the ways that lead to them in the rows that were looked at. */
export function leavesOf(column: CatalogueColumn, examples: Examples): MappedValue[] {
  const found = new Map<string, MappedValue>();
  const walk = (node: unknown, path: readonly string[]): void => {
    if (found.size >= MOST_LEAVES) return;
    if (typeof node === 'number' || typeof node === 'boolean') {
      const key = JSON.stringify(path);
      if (path.length > 0 && !found.has(key)) {
        found.set(
          key,
          value(column.name, {
            jsonPath: [...path],
            name: path.join('.').slice(0, 500),
            type: typeof node as 'number' | 'boolean',
          }),
        );
      }
    } else if (typeof node === 'object' && node !== null && !Array.isArray(node) && path.length < DEEPEST) {
      for (const [key, inner] of Object.entries(node)) {
        const name = plain(key);
        if (NAMES.time.test(name) || NAMES.technical.test(name) || key.length > 500) continue;
        walk(inner, [...path, key]);
      }
    }
  };
  for (const text of examples.get(column.name) ?? []) {
    if (text === null) continue;
    try {
      walk(JSON.parse(text), []);
    } catch {
      // A cell that was cut short for being long tells nothing.
    }
  }
  return [...found.values()];
}
