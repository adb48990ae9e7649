import type { CatalogueColumn, CatalogueRelation, RelationName } from '#shared/model/index.ts';
import { NAMES, plain } from './names.ts';

/** A relation that may name the tags of others: one key, and a text for each. */
export interface TagTable {
  readonly relation: CatalogueRelation;
  /** Columns that others may refer to. */
  readonly keys: readonly CatalogueColumn[];
  readonly called: string;
  /** Holds names of tags by what its columns are called. */
  readonly namesTags: boolean;
}

/** What there is, arranged so that thousands of tables can be guessed one by one without looking through all each time. */
export interface Survey {
  find(name: RelationName): CatalogueRelation | undefined;
  /** Aggregates that the database keeps of a relation. */
  rollupsOf(name: RelationName): readonly CatalogueRelation[];
  /** Tables that may be meant by a column called so: by a word of their own name, by their key, or by what they hold. */
  tagTables(column: string, stem: string): readonly TagTable[];
}

const nameKey = ({ schema, name }: RelationName): string => `${schema}\n${name}`;

export function surveyOf(relations: readonly CatalogueRelation[]): Survey {
  const byName = new Map(relations.map((relation) => [nameKey(relation), relation]));
  const rollups = new Map<string, CatalogueRelation[]>();
  const byWord = new Map<string, Set<TagTable>>();
  const naming: TagTable[] = [];
  const sorted: TagTable[] = [];
  const put = (word: string, table: TagTable): void => {
    const known = byWord.get(word);
    if (known === undefined) byWord.set(word, new Set([table]));
    else known.add(table);
  };
  for (const relation of relations) {
    const of = relation.rollupOf;
    if (of !== null) {
      const key = nameKey(of.relation);
      rollups.set(key, [...(rollups.get(key) ?? []), relation]);
      continue;
    }
    const table = tagTableOf(relation);
    if (table === null) continue;
    sorted.push(table);
    if (table.namesTags) naming.push(table);
    for (const word of table.called.split('_')) {
      put(word, table);
      put(word.replace(/s$|en$/, ''), table);
    }
    for (const { name } of table.keys) if (plain(name) !== 'id') put(plain(name), table);
  }
  sorted.sort((a, b) => (a.called < b.called ? -1 : 1));
  return {
    find: (name) => byName.get(nameKey(name)),
    rollupsOf: (name) => rollups.get(nameKey(name)) ?? [],
    tagTables(column, stem) {
      const named = [...few(byWord.get(stem)), ...few(byWord.get(column)), ...beginning(sorted, stem)];
      return [...new Set([...named, ...(NAMES.refers.test(column) ? few(naming) : [])])];
    },
  };
}

/** What so many tables are called says nothing of any of them. */
const MOST_MEANT = 50;

function few(tables: ReadonlySet<TagTable> | readonly TagTable[] | undefined): readonly TagTable[] {
  if (tables === undefined) return [];
  const list = 'size' in tables ? tables.size : tables.length;
  return list > MOST_MEANT ? [] : [...tables];
}

/** Those whose names begin so; a letter or two would be the beginning of too many. */
function beginning(sorted: readonly TagTable[], stem: string): TagTable[] {
  if (stem.length < 3) return [];
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]!.called < stem) low = middle + 1;
    else high = middle;
  }
  const found: TagTable[] = [];
  for (let at = low; at < sorted.length && sorted[at]!.called.startsWith(stem); at++) {
    if (found.push(sorted[at]!) > MOST_MEANT)
      return found.filter(({ called }) => called === stem || called === `${stem}s`);
  }
  return found;
}

function tagTableOf(relation: CatalogueRelation): TagTable | null {
  if (relation.partition !== null || relation.key.length > 1) return null;
  const [unique] = relation.key;
  const texts = relation.columns.filter(({ kind, name }) => kind === 'text' && name !== unique);
  if (texts.length === 0) return null;
  const keys = relation.columns.filter(
    ({ name, kind }) => (kind === 'text' || kind === 'integer') && (unique === undefined || name === unique),
  );
  return {
    relation,
    keys,
    called: plain(relation.name),
    namesTags: relation.columns.some(({ name }) => NAMES.name[0].test(plain(name))),
  };
}
