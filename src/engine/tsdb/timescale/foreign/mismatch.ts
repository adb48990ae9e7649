import type { PlannedSeries } from '#engine/tsdb/tsdb.ts';
import type { LabelMatch } from '#shared/model/graph/index.ts';
import { type RelationName, TAG_LABEL, type TableMapping } from '#shared/model/index.ts';
import { type Ask, orNull, tableName } from './sql.ts';

/** Codes of the server for a text that a column's type does not take: no number, too large a number, no time, no date. */
const UNREADABLE = new Set(['22P02', '22003', '22007', '22008']);

/** The largest value of whole numbers, by their type. */
const LARGEST: Readonly<Record<string, bigint>> = {
  smallint: 2n ** 15n - 1n,
  integer: 2n ** 31n - 1n,
  bigint: 2n ** 63n - 1n,
  oid: 2n ** 32n - 1n,
};
const FRACTION = /^(numeric|real|double precision)/;
const TEXT = /^(text|character|name$|citext|"char")/;

/**
 * Whether a refusal comes from what a label is compared with: a text where its column holds numbers. Says which, as a
 * sentence that says what to do; null for any other refusal.
 */
export async function mismatchText(
  error: unknown,
  mapping: TableMapping,
  { match }: PlannedSeries,
  ask: Ask,
  signal: AbortSignal,
): Promise<string | null> {
  if (!UNREADABLE.has(codeOf(error))) return null;
  for (const [label, one] of Object.entries(match)) {
    const texts = comparedIn(one);
    const place = texts.length === 0 ? null : placeOf(mapping, label);
    if (place === null) continue;
    const [row] = (await orNull(() => ask(TYPE, [tableName(place.relation), place.column], signal), signal)) ?? [];
    const type = row?.type;
    if (typeof type !== 'string' || TEXT.test(type)) continue;
    // It was of another type when it was mapped: the table has changed, not the label.
    const before = seenType(mapping, place);
    if (before !== null && before !== type) continue;
    const wrong = texts.find((text) => !fits(text, type));
    if (wrong === undefined) continue;
    const numbers = type in LARGEST || FRACTION.test(type);
    const { schema, name } = place.relation;
    const holds = numbers ? `numbers (${type})` : `values of the type ${type}`;
    return `The label "${label}" is compared with "${wrong}", and its column "${place.column}" of "${schema}"."${name}" holds ${holds}. Compare it with one of those, or with a pattern (like), which takes any text.`;
  }
  return null;
}

function codeOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = (cause as { code?: unknown }).code;
    if (typeof code === 'string' && UNREADABLE.has(code)) return code;
  }
  return '';
}

/** Texts that are compared with the bare column, as `matchCondition` does it: all others are compared as texts. */
function comparedIn(match: LabelMatch): readonly string[] {
  const texts =
    typeof match === 'string' ? [match] : 'equals' in match ? [match.equals] : 'in' in match ? match.in : [];
  return texts.includes('') ? [] : texts;
}

function placeOf({ relation, tag, labels }: TableMapping, label: string) {
  const own = labels.find(({ name }) => name === label);
  if (own !== undefined) {
    return own.of === 'samples'
      ? { relation, column: own.column }
      : tag.kind === 'table'
        ? { relation: tag.relation, column: own.column }
        : null;
  }
  if (label !== TAG_LABEL) return null;
  return tag.kind === 'column'
    ? { relation, column: tag.column }
    : tag.kind === 'table'
      ? { relation: tag.relation, column: tag.name }
      : null;
}

/** Of other types than numbers nothing is known here: what the server would not read is taken to be the text. */
function fits(text: string, type: string): boolean {
  const largest = LARGEST[type];
  if (largest === undefined) return FRACTION.test(type) && /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(text);
  return (
    /^\s*[-+]?\d+\s*$/.test(text) &&
    BigInt(text.replace('+', '')) <= largest &&
    BigInt(text.replace('+', '')) >= -largest
  );
}

interface Place {
  readonly relation: RelationName;
  readonly column: string;
}

/** The type of a column as it was mapped, without its length; null where nobody looked. */
function seenType({ seen = [] }: TableMapping, { relation, column }: Place): string | null {
  const table = seen.find(({ relation: one }) => one.schema === relation.schema && one.name === relation.name);
  const type = table?.columns.find(({ name }) => name === column)?.type;
  return type?.replace(/\(\d+(,-?\d+)?\)/, '') ?? null;
}

const TYPE = `
  SELECT format_type(a.atttypid, NULL) AS type FROM pg_attribute a
  WHERE a.attrelid = to_regclass($1) AND a.attname = $2 AND NOT a.attisdropped`;
