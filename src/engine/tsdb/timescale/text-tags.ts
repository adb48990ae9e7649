import type { Clock } from '#engine/platform/index.ts';
import type { TsdbTag, TsdbTagPage } from '#engine/tsdb/tsdb.ts';
import { isAppError } from '#shared/errors.ts';
import { type MappedValue, PLANT_NAMESPACE, TAG_LABEL, type TableMapping } from '#shared/model/index.ts';
import { cellOf, columnOf, createParameters, numberOf, type Parameters } from './expressions.ts';
import { type Ask, requireCost } from './foreign/index.ts';
import type { Statement } from './query.ts';
import { from, wideValues } from './relations.ts';
import type { Session } from './session.ts';

/** Tags, or columns, that are looked at by one statement. */
const TAGS_AT_ONCE = 500;
const COLUMNS_AT_ONCE = 50;
/** Where it takes longer or reads more, tags keep the type of their column. */
const MOST_MS = 2_000;
const MOST_ROWS = 200_000;
const KEEPS_MS = 300_000;

/**
 * A column of texts may hold numbers, and columns of numbers and texts may stand side by side: which tags have texts is
 * told by the newest row of each. Looked at for the tags of one page alone, and remembered for some minutes.
 */
export function createTextTags({
  session,
  mappings,
  clock,
}: {
  readonly session: Session;
  readonly mappings: readonly TableMapping[];
  readonly clock: Clock;
}) {
  const ask = session.query as Ask;
  const known = new Map<string, boolean>();
  let since = clock.monotonicMs();

  const mark = async (mapping: TableMapping, tags: readonly TsdbTag[], signal: AbortSignal): Promise<void> => {
    for (const { statement, of } of statementsOf(mapping, tags)) {
      try {
        await requireCost(ask, statement.text, statement.values, MOST_ROWS, signal);
        const rows = await session.query(statement.text, statement.values, signal, MOST_MS);
        for (const row of rows) {
          for (const tag of of(row))
            if (typeof row[tag.cell] === 'boolean') known.set(tag.id, row[tag.cell] as boolean);
        }
      } catch (error) {
        signal.throwIfAborted();
        if (isAppError(error, 'tsdb.unavailable')) throw error;
        // What became of the table is told where its samples are read.
      }
    }
  };

  return async (page: TsdbTagPage, signal: AbortSignal): Promise<TsdbTagPage> => {
    if (clock.monotonicMs() - since > KEEPS_MS) {
      known.clear();
      since = clock.monotonicMs();
    }
    for (const mapping of mappings) {
      if (!mapping.values.some(({ type }) => type === 'text')) continue;
      const own = page.tags.filter(
        ({ id, metric, labels }) =>
          metric.namespace === PLANT_NAMESPACE &&
          metric.name === mapping.id &&
          labels[TAG_LABEL] !== undefined &&
          !known.has(id),
      );
      if (own.length > 0) await mark(mapping, own, signal);
    }
    const typed = (tag: TsdbTag): TsdbTag => {
      const isText = known.get(tag.id);
      if (isText === undefined || (!isText && tag.type !== 'text')) return tag;
      // What it is measured in belongs to the numbers of its column.
      return isText ? { ...tag, type: 'text', unit: null } : { ...tag, type: 'number' };
    };
    return { ...page, tags: page.tags.map(typed) };
  };
}

interface Look {
  readonly statement: Statement;
  /** Whose cells a row has. */
  of(row: Readonly<Record<string, unknown>>): readonly { readonly id: string; readonly cell: string }[];
}

function statementsOf(mapping: TableMapping, tags: readonly TsdbTag[]): Look[] {
  const { tag } = mapping;
  const looks: Look[] = [];
  if (tag.kind === 'columns') {
    const resolved = { mapping, key: '', renamed: {}, chosen: null };
    const wanted = tags.flatMap(({ id, labels }) => {
      const [value] = wideValues(resolved, { [TAG_LABEL]: labels[TAG_LABEL]! }).values();
      return value?.type === 'text' ? [{ id, value }] : [];
    });
    for (let at = 0; at < wanted.length; at += COLUMNS_AT_ONCE) {
      const part = wanted.slice(at, at + COLUMNS_AT_ONCE);
      const parameters = createParameters();
      const cells = part.map(({ value }, n) => `${newest(mapping, [value], [], parameters)} AS c${n}`);
      looks.push({
        statement: { text: `SELECT ${cells.join(',\n  ')}`, values: parameters.values },
        of: () => part.map(({ id }, n) => ({ id, cell: `c${n}` })),
      });
    }
    return looks;
  }
  const byName = new Map<string, string[]>();
  for (const { id, labels } of tags) byName.set(labels[TAG_LABEL]!, [...(byName.get(labels[TAG_LABEL]!) ?? []), id]);
  const names = [...byName.keys()];
  for (let at = 0; at < names.length; at += TAGS_AT_ONCE) {
    const part = names.slice(at, at + TAGS_AT_ONCE);
    const parameters = createParameters();
    looks.push({
      statement: { text: narrowText(mapping, part, parameters), values: parameters.values },
      of: ({ name }) => (byName.get(String(name)) ?? []).map((id) => ({ id, cell: 'text' })),
    });
  }
  return looks;
}

function narrowText(mapping: TableMapping, names: readonly string[], parameters: Parameters): string {
  const { tag, values, relation } = mapping;
  const cell = (key: string | null): string =>
    newest(
      mapping,
      values,
      key === null || !('column' in tag) ? [] : [`${columnOf('s', tag.column)} = ${key}`],
      parameters,
    );
  if (tag.kind === 'fixed') return `SELECT ${parameters.add(tag.name, 'text')} AS name, ${cell(null)} AS text`;
  if (tag.kind === 'table') {
    const name = `${columnOf('t', tag.name)}::text`;
    return [
      `SELECT ${name} AS name, ${cell(columnOf('t', tag.key))} AS text`,
      `FROM ${from(tag.relation, 't')}`,
      `WHERE ${name} = ANY (${parameters.add(names, 'text[]')})`,
    ].join('\n');
  }
  if (tag.kind !== 'column') throw new Error('A wide relation has no names in its rows.');
  // An array of the column's own type, whichever it is, so that an index on it serves.
  const typed = `ARRAY(SELECT ${columnOf('x', tag.column)} FROM ${from(relation, 'x')} LIMIT 0) || ${parameters.add(names)}`;
  return `SELECT u.name::text AS name, ${cell('u.name')} AS text\nFROM unnest(${typed}) u (name)`;
}

/** Whether the newest row that has a value has a text there, which is no number. */
function newest(
  { relation, time }: TableMapping,
  values: readonly MappedValue[],
  conditions: readonly string[],
  parameters: Parameters,
): string {
  const cells = values.map((value) => ({
    there: `${cellOf(value, 's', parameters)} IS NOT NULL`,
    text: value.type === 'text' ? `${numberOf(value, 's', parameters)} = 'NaN'` : 'false',
  }));
  const first = cells.map(({ there, text }) => `WHEN ${there} THEN ${text}`).join(' ');
  const some = `(${cells.map(({ there }) => there).join(' OR ')})`;
  const where = [...conditions, some].join(' AND ');
  return `(SELECT CASE ${first} END FROM ${from(relation, 's')} WHERE ${where} ORDER BY ${columnOf('s', time.column)} DESC LIMIT 1)`;
}
