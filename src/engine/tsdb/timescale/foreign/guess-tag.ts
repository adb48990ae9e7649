import type { CatalogueColumn, CatalogueRelation, TableMapping } from '#shared/model/index.ts';
import { NAMES, plain } from './names.ts';
import type { Survey } from './survey.ts';

export interface TagGuess {
  /** In the relation of the samples. */
  readonly column: CatalogueColumn;
  readonly tag: TableMapping['tag'];
  /** The relation that `tag` refers to. */
  readonly table: CatalogueRelation | null;
  readonly confidence: number;
  readonly reason: string;
}

/** Columns that may tell the tags of a narrow relation apart, the likeliest first. */
export function guessTags(relation: CatalogueRelation, rest: readonly CatalogueColumn[], survey: Survey): TagGuess[] {
  const found: TagGuess[] = [];
  for (const column of rest) {
    if (column.kind !== 'text' && column.kind !== 'integer') continue;
    const name = plain(column.name);
    const alone = relation.key.length === 1 && relation.key[0] === column.name;
    if (alone || NAMES.technical.test(name) || NAMES.quality.test(name) || NAMES.value.test(name)) continue;
    const called = NAMES.tag.test(name) ? 0.45 : NAMES.place.test(name) ? 0.2 : 0;
    const keyed =
      relation.key.includes(column.name) || relation.indexes.some((one) => one.includes(column.name)) ? 0.3 : 0;
    const table = tableOf(relation, column, survey);
    const few = tellsApart(column, relation);
    if (called + keyed === 0 && table === null && few === 0) continue;
    if (table !== null) {
      const { of, key, sure } = table;
      const named = nameColumn(of, key);
      const reason = `"${column.name}" refers to "${of.name}"${sure ? '' : ', by its name alone since no foreign key says so'}, where "${named.name}" is the name.`;
      const texts = of.columns.filter(({ kind, name: one }) => kind === 'text' && one !== named.name);
      const like = (pattern: RegExp) => texts.find((one) => pattern.test(plain(one.name)))?.name ?? null;
      found.push({
        column,
        table: of,
        tag: {
          kind: 'table',
          column: column.name,
          relation: { schema: of.schema, name: of.name },
          key,
          name: named.name,
          unit: like(NAMES.unit),
          description: like(NAMES.description),
          metric: null,
          labels: null,
        },
        confidence: Math.min(1, (sure ? 0.6 : 0.4) + called + keyed / 2),
        reason,
      });
    }
    const kind = column.kind === 'text' ? 0.15 : 0;
    const parts = [called > 0 ? 'it is called so' : '', keyed > 0 ? 'a key or an index has it' : ''].filter(Boolean);
    if (parts.length === 0) parts.push('it is a text that comes again and again beside the value');
    found.push({
      column,
      table: null,
      tag: { kind: 'column', column: column.name },
      // A number that refers to a table names nothing by itself.
      confidence: Math.min(0.95, called + keyed + few + kind) * (table === null ? 1 : 0.5),
      reason: `"${column.name}" names the tag: ${parts.join(', and ')}.`,
    });
  }
  return found.sort((a, b) => b.confidence - a.confidence);
}

interface FoundTable {
  readonly of: CatalogueRelation;
  readonly key: string;
  readonly sure: boolean;
}

/** By a foreign key, else by names: a table with a unique column of the same kind and a name for each row. */
function tableOf(relation: CatalogueRelation, column: CatalogueColumn, survey: Survey): FoundTable | null {
  const reference = relation.references.find(({ columns }) => columns.length === 1 && columns[0] === column.name);
  if (reference !== undefined) {
    const of = survey.find(reference.relation);
    const key = reference.to[0];
    return of === undefined || key === undefined || !hasName(of, key) ? null : { of, key, sure: true };
  }
  const name = plain(column.name);
  const match = /^(.+?)_?(id|key|no|nr|num|index|idx|ref|fk|code)$/.exec(name);
  if (match === null && column.kind !== 'integer') return null;
  const stem = match?.[1] ?? name;
  const begin = /^[a-z]{3}/.exec(plain(relation.name))?.[0];
  let best: { readonly found: FoundTable; readonly score: number } | null = null;
  for (const { relation: of, keys, called, namesTags } of survey.tagTables(name, stem)) {
    if (of === relation || (of.schema !== relation.schema && of.schema !== 'public')) continue;
    const unique = of.key.length === 1;
    const key = keys.find(
      (one) => one.kind === column.kind && (unique || plain(one.name) === name || plain(one.name) === 'id'),
    )?.name;
    if (key === undefined || !hasName(of, key)) continue;
    const words = called.split('_').map((word) => word.replace(/s$|en$/, ''));
    const related = words.includes(stem) || called.startsWith(stem) || plain(key) === name;
    // Some name the table by an abbreviation, and what it holds by its name.
    const holds = namesTags && NAMES.refers.test(name);
    // Tables of one program begin alike.
    const alike = begin !== undefined && called.startsWith(begin);
    const score = (related ? 2 : 0) + (holds ? 1 : 0) + (alike ? 2 : 0);
    if ((related || holds) && score > (best?.score ?? 0)) best = { found: { of, key, sure: false }, score };
  }
  return best?.found ?? null;
}

const hasName = (of: CatalogueRelation, key: string): boolean =>
  of.columns.some(({ kind, name }) => kind === 'text' && name !== key);

function nameColumn(of: CatalogueRelation, key: string): CatalogueColumn {
  const texts = of.columns.filter(({ kind, name }) => kind === 'text' && name !== key);
  for (const pattern of NAMES.name) {
    const found = texts.find(({ name }) => pattern.test(plain(name)));
    if (found !== undefined) return found;
  }
  return texts.find(({ name }) => !NAMES.unit.test(plain(name)) && !NAMES.description.test(plain(name))) ?? texts[0]!;
}

/** How much speaks for a text without a telling name: that few different ones come again and again, or that nobody knows. */
export function tellsApart({ name, kind, distinct }: CatalogueColumn, { rows }: CatalogueRelation): number {
  const called = plain(name);
  if (kind !== 'text' || NAMES.state.test(called) || NAMES.description.test(called) || NAMES.unit.test(called))
    return 0;
  if (distinct === null || rows === null) return 0.2;
  return distinct > 1 && distinct < rows / 4 ? 0.4 : 0;
}
