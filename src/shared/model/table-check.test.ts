import { expect, it } from 'vitest';
import type { CatalogueRelation, ColumnKind } from './table-catalogue.ts';
import { checkMapping, driftOf } from './table-check.ts';
import { type TableMapping, tableMapping } from './table-mapping.ts';

const relation = (name: string, columns: readonly (readonly [string, ColumnKind])[], rows = 10): CatalogueRelation => ({
  schema: 'public',
  name,
  kind: 'table',
  comment: null,
  rows,
  bytes: null,
  columns: columns.map(([column, kind], at) => ({
    name: column,
    type: `${kind} type`,
    kind,
    position: at + 1,
    nullable: true,
    comment: null,
    distinct: null,
  })),
  key: [],
  indexes: [],
  references: [],
  partition: null,
  range: null,
  rollupOf: null,
  looksLike: null,
});

const samples = relation('samples', [
  ['ts', 'wall'],
  ['tag_id', 'integer'],
  ['value', 'number'],
  ['note', 'text'],
  ['doc', 'json'],
  ['ok', 'boolean'],
  ['shape', 'other'],
]);
const tags = relation('tags', [
  ['id', 'integer'],
  ['name', 'text'],
  ['more', 'json'],
]);
const mapping = (more: object = {}): TableMapping =>
  tableMapping.parse({
    id: 'm',
    relation: { schema: 'public', name: 'samples' },
    time: { column: 'ts', kind: 'timestamp' },
    tag: { kind: 'table', column: 'tag_id', relation: { schema: 'public', name: 'tags' }, key: 'id', name: 'name' },
    values: [{ column: 'value' }],
    ...more,
  });
const said = (more: object): string[] =>
  checkMapping(mapping(more), [samples, tags]).map(({ path, message, severity }) => `${severity} ${path}: ${message}`);

it('finds nothing wrong where nothing is', () => {
  expect(said({})).toEqual([]);
});

const table = {
  kind: 'table',
  column: 'tag_id',
  relation: { schema: 'public', name: 'tags' },
  key: 'id',
  name: 'name',
};
it.each([
  [{ relation: { schema: 'public', name: 'gone' } }, 'error relation: There is no table "public"."gone"'],
  [
    { time: { column: 'ts', kind: 'timestamptz' } },
    'error time.kind: "ts" is of the type wall type. It shows a wall clock',
  ],
  [
    { time: { column: 'value', kind: 'timestamp' } },
    'error time.kind: "value" is of the type number type. It is a number',
  ],
  [{ time: { column: 'note', kind: 'epoch' } }, 'error time.kind: "note" is of the type text type. It is no time'],
  [
    { time: { column: 'tz', kind: 'timestamp' } },
    'error time.column: "public"."samples" has no column "tz". Perhaps "ts"',
  ],
  [{ time: { column: 'ts', kind: 'timestamp', zone: 'Mars/Base' } }, 'error time.zone: Write an IANA name'],
  [{ time: { column: 'ts', kind: 'timestamp', zone: '+05:00' } }, 'error time.zone: Write an IANA name'],
  [{ time: { column: 'ts', kind: 'timestamp', zone: 'CET' } }, 'error time.zone: Write an IANA name'],
  [
    { tag: { ...table, name: 'nmae' } },
    'error tag.name: "public"."tags" has no column "nmae". Perhaps "name" is meant.',
  ],
  [
    { tag: { ...table, key: 'name' } },
    'error tag.key: "name" is of the type text type, and "tag_id" is of the type integer type: they cannot be compared.',
  ],
  [{ tag: { ...table, labels: 'name' } }, 'error tag.labels: "name" is of the type text type, not JSON.'],
  [{ tag: { ...table, relation: { schema: 'x', name: 'tags' } } }, 'error tag.relation: There is no table "x"."tags"'],
  [{ tag: { kind: 'column', column: 'doc' } }, 'error tag.column: "doc" is of the type json type, which names no tag.'],
  [{ values: [{ column: 'note' }] }, 'error values.0.type: "note" is of the type text type: read it as text.'],
  [{ values: [{ column: 'ok' }] }, 'error values.0.type: "ok" is of the type boolean type: read it as boolean.'],
  [{ values: [{ column: 'shape' }] }, 'error values.0.column: "shape" is of the type other type, which is no number.'],
  [{ values: [{ column: 'ts' }] }, 'error values.0.column: "ts" is of the type wall type, a time and no value.'],
  [
    { values: [{ column: 'value', jsonPath: ['a'] }] },
    'error values.0.jsonPath: "value" is of the type number type, in which no keys',
  ],
  [{ values: [{ column: 'doc' }] }, 'warning values.0.jsonPath: "doc" is of the type json type: state the keys'],
  [
    { quality: { column: 'note', rule: 'opc' } },
    'error quality.column: "note" is of the type text type, which the rule "opc" cannot read.',
  ],
  [{ quality: { column: 'tag_id', rule: 'values', good: [] } }, 'error quality.good: Name at least one value'],
  [
    { labels: [{ column: 'area', name: 'area' }] },
    'error labels.0.column: "public"."samples" has no column "area". Choose another column.',
  ],
  [
    {
      rollups: [
        {
          relation: { schema: 'public', name: 'hourly' },
          stepMs: 3_600_000,
          time: 't',
          tag: 'tag_id',
          columns: { count: 'n' },
        },
      ],
    },
    'error rollups.0.relation: There is no table "public"."hourly"',
  ],
])('%j', (more, wanted) => {
  const problems = said(more);
  expect(problems[0]).toContain(wanted);
  expect(problems).toHaveLength(1);
});

it('warns of a large table that no index helps with, and is content with one that begins with tag and time', () => {
  const large = { ...samples, rows: 4_000_000 };
  expect(checkMapping(mapping(), [large, tags])).toMatchObject([
    { path: 'time.column', severity: 'warning', message: expect.stringContaining('reads all 4,000,000 rows') },
  ]);
  expect(checkMapping(mapping(), [{ ...large, indexes: [['tag_id', 'ts']] }, tags])).toEqual([]);
  expect(checkMapping(mapping(), [{ ...large, indexes: [['ts']] }, tags])).toEqual([]);
});

it('tells what has changed, and not what was never other', () => {
  const columns = samples.columns.map(({ name, type, position }) => ({ name, type, position }));
  const seen = mapping({ seen: [{ relation: { schema: 'public', name: 'samples' }, columns }] });
  const change = (name: string, to: object): CatalogueRelation => ({
    ...samples,
    rows: 4_000_000,
    columns: samples.columns.map((column) => (column.name === name ? { ...column, ...to } : column)),
  });
  expect(driftOf(seen, [change('shape', { name: 'form' }), tags])).toEqual([]);
  expect(driftOf(seen, [change('value', { name: 'reading' }), tags])).toMatchObject([
    { path: 'values.0.column', message: expect.stringContaining('It is called "reading" now') },
  ]);
  expect(driftOf(seen, [change('value', { type: 'real' }), tags])).toMatchObject([
    { path: 'values.0.column', severity: 'warning', message: expect.stringContaining('was of the type number type') },
  ]);
});
