import {
  type CatalogueRelation,
  type ColumnKind,
  type MappedValue,
  type RelationName,
  type TableMapping,
  tableMapping,
  tableMappingFaults,
} from '#shared/model/index.ts';

/** What of a relation the editor needs to know. */
export type RelationShape = Pick<CatalogueRelation, 'schema' | 'name'> & {
  readonly columns: readonly Pick<CatalogueRelation['columns'][number], 'name' | 'type' | 'kind'>[];
};
export type TagKind = TableMapping['tag']['kind'];
export type ColumnUse = 'time' | 'tag' | 'value' | 'quality' | 'label';

/** Schema and name as people write them; also what a relation is found by. */
export const relationText = ({ schema, name }: RelationName): string => `${schema}.${name}`;
export const sameRelation = (a: RelationName, b: RelationName): boolean => a.schema === b.schema && a.name === b.name;

/** How a column's values are read, as its kind suggests. */
export const valueTypeOf = (kind: ColumnKind): MappedValue['type'] =>
  kind === 'integer' || kind === 'number' || kind === 'json' ? 'number' : kind === 'boolean' ? 'boolean' : 'text';
/** What kind of time a column holds, as its kind suggests; null for one that holds none. */
export const timeKindOf = (kind: ColumnKind): TableMapping['time']['kind'] | null =>
  kind === 'instant'
    ? 'timestamptz'
    : kind === 'wall'
      ? 'timestamp'
      : kind === 'integer' || kind === 'number'
        ? 'epoch'
        : null;

export function plainValue(column: string, kind: ColumnKind): MappedValue {
  return { column, jsonPath: [], name: '', unit: null, type: valueTypeOf(kind), quality: null };
}

const isWord = /^[a-z0-9_]{1,60}$/;

/** The part of the metric's key that a mapping is known by, made of a name and not taken yet. */
export function freeMappingId(name: string, taken: ReadonlySet<string>): string {
  const stem =
    name
      .normalize('NFKD')
      .replace(/\p{M}/gu, '')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '_')
      .replace(/^_+|_+$/g, '')
      .slice(0, 50) || 'table';
  let id = stem;
  for (let number = 2; taken.has(id) || !isWord.test(id); number++) id = `${stem}_${number}`;
  return id;
}

/** What to start from where nothing was guessed: the first columns that fit. */
export function plainMapping({ schema, name, columns }: RelationShape, taken: ReadonlySet<string>): TableMapping {
  const time =
    columns.find(({ kind }) => kind === 'instant') ?? columns.find(({ kind }) => kind === 'wall') ?? columns[0];
  const rest = columns.filter((column) => column !== time);
  const value = rest.find(({ kind }) => kind === 'number') ?? rest.find(({ kind }) => kind === 'integer') ?? rest[0];
  return tableMapping.parse({
    id: freeMappingId(name, taken),
    relation: { schema, name },
    time: { column: time?.name ?? '?', kind: timeKindOf(time?.kind ?? 'other') ?? 'timestamptz' },
    tag: { kind: 'fixed', name },
    values: [plainValue(value?.name ?? time?.name ?? '?', value?.kind ?? 'number')],
  });
}

/** Which columns of the relation are used, and what for; what is not used is not read. */
export function columnUses(mapping: TableMapping): ReadonlyMap<string, ColumnUse> {
  const uses = new Map<string, ColumnUse>();
  for (const label of mapping.labels) if (label.of === 'samples') uses.set(label.column, 'label');
  if (mapping.quality !== null && mapping.quality.column !== '') uses.set(mapping.quality.column, 'quality');
  for (const value of mapping.values) {
    if (value.quality !== null) uses.set(value.quality, 'quality');
    uses.set(value.column, 'value');
  }
  if (mapping.tag.kind === 'column' || mapping.tag.kind === 'table') uses.set(mapping.tag.column, 'tag');
  uses.set(mapping.time.column, 'time');
  return uses;
}

/** Columns that can be tags of a wide relation: those that stand for nothing else. */
export function wideCandidates(mapping: TableMapping, { columns }: RelationShape): RelationShape['columns'] {
  const uses = columnUses(mapping);
  return columns.filter(({ name }) => {
    const use = uses.get(name);
    return use === undefined || use === 'value';
  });
}

/** The mapping with another layout of tags: what both layouts need stays, the rest begins with what fits. */
export function withTagKind(mapping: TableMapping, kind: TagKind, shape: RelationShape): TableMapping {
  if (mapping.tag.kind === kind) return mapping;
  const free = shape.columns.filter(({ name }) => name !== mapping.time.column);
  const ofSamples = mapping.labels.filter(({ of }) => of === 'samples');
  if (kind === 'columns') {
    const wide = wideCandidates({ ...mapping, tag: { kind }, values: [] }, shape);
    const numbers = wide.filter((column) => valueTypeOf(column.kind) !== 'text');
    const chosen = numbers.length > 0 ? numbers : wide;
    const values = chosen.map((column) => plainValue(column.name, column.kind));
    return { ...mapping, tag: { kind }, values, labels: ofSamples, rollups: [] };
  }
  const column =
    mapping.tag.kind === 'column' || mapping.tag.kind === 'table'
      ? mapping.tag.column
      : ((
          (kind === 'column'
            ? free.find((one) => one.kind === 'text')
            : free.find(({ name }) => /(?:id|key)$/i.test(name))) ?? free[0]
        )?.name ?? '');
  // Where each column was a tag, the first is left: values of one tag are alternatives to one another.
  const kept = (mapping.tag.kind === 'columns' ? mapping.values.slice(0, 1) : mapping.values)
    .filter((value) => kind === 'fixed' || value.column !== column)
    .map((value) => ({ ...value, quality: null }));
  const number = free.find((one) => one.name !== column && valueTypeOf(one.kind) === 'number');
  const values = kept.length > 0 || number === undefined ? kept : [plainValue(number.name, number.kind)];
  const base = { ...mapping, values, labels: ofSamples };
  switch (kind) {
    case 'fixed':
      return { ...base, tag: { kind, name: mapping.name || mapping.relation.name } };
    case 'column':
      return { ...base, tag: { kind, column } };
    case 'table':
      return { ...base, tag: { ...noTagTable, column, relation: { ...noTagTable.relation } } };
  }
}

const noTagTable = {
  kind: 'table',
  relation: { schema: '', name: '' },
  key: '',
  name: '',
  unit: null,
  description: null,
  metric: null,
  labels: null,
} as const;

/** What is wrong with a mapping before any server is asked, by path, in the screen's own sentences. */
export function mappingFaults(mapping: TableMapping): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const parsed = tableMapping.safeParse(mapping);
  for (const issue of parsed.success ? [] : parsed.error.issues) {
    const path = issue.path.join('.');
    if (!found.has(path)) found.set(path, sentenceOf(path, issue.code, issue.message));
  }
  if (found.size === 0) for (const { path, message } of tableMappingFaults(mapping)) found.set(path, message);
  return found;
}

const sentenceOf = (path: string, code: string, message: string): string => {
  if (path === 'values') return 'Choose at least one column that holds values, and at most 5,000.';
  if (path === 'id') return message;
  if (code === 'too_small') return 'Choose or write one.';
  if (code === 'too_big') return 'This is too long.';
  return message;
};

/** The faults below a path, by the rest of it; what is said of the path itself is under the empty text. */
export function faultsUnder(faults: ReadonlyMap<string, string>, path: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [at, message] of faults) {
    if (at === path) found.set('', message);
    else if (at.startsWith(`${path}.`)) found.set(at.slice(path.length + 1), message);
  }
  return found;
}

/** The mapping in a few words: how its tags are told apart and how many values it has. */
export function layoutText(mapping: TableMapping): string {
  switch (mapping.tag.kind) {
    case 'column':
      return `tag named by ${mapping.tag.column}`;
    case 'table':
      return `tags in ${relationText(mapping.tag.relation)}`;
    case 'columns':
      return mapping.values.length === 1 ? 'one column' : `${mapping.values.length} columns, a tag each`;
    case 'fixed':
      return `one tag, ${mapping.tag.name}`;
  }
}

/** The mapping with its columns as the relations have them now, so that a column that is renamed later is recognised. */
export function withSeen(mapping: TableMapping, relations: readonly CatalogueRelation[]): TableMapping {
  const uses = columnUses(mapping);
  const wanted: { readonly relation: RelationName; readonly columns: ReadonlySet<string> }[] = [
    { relation: mapping.relation, columns: new Set(uses.keys()) },
  ];
  const { tag } = mapping;
  if (tag.kind === 'table') {
    const labels = mapping.labels.filter(({ of }) => of === 'tags').map(({ column }) => column);
    const columns = [tag.key, tag.name, tag.unit, tag.description, tag.metric, tag.labels, ...labels];
    wanted.push({ relation: tag.relation, columns: new Set(columns.filter((column) => column !== null)) });
  }
  for (const { relation, time, tag: key, columns } of mapping.rollups) {
    const names = [time, key, ...Object.values(columns)];
    wanted.push({ relation, columns: new Set(names.filter((column) => column !== null)) });
  }
  const seen = wanted.flatMap(({ relation, columns }) => {
    const found = relations.find((one) => sameRelation(one, relation));
    if (found === undefined) return mapping.seen?.filter((old) => sameRelation(old.relation, relation)) ?? [];
    const used = found.columns.filter(({ name }) => columns.has(name)).slice(0, 5_000);
    return [
      { relation, columns: used.map(({ name, type, position }) => ({ name, type: type.slice(0, 200), position })) },
    ];
  });
  return { ...mapping, seen };
}
