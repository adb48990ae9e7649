import { describe, expect, it } from 'vitest';
import { type CatalogueRelation, type ColumnKind, tableMapping } from '#shared/model/index.ts';
import {
  columnUses,
  freeMappingId,
  layoutText,
  mappingFaults,
  plainMapping,
  withSeen,
  withTagKind,
} from './mapping-draft.ts';
import { withAnswer } from './mapping-guess.tsx';
import { rollupFrom } from './mapping-rollups.tsx';

const column = (name: string, kind: ColumnKind, position: number): CatalogueRelation['columns'][number] => ({
  name,
  type: kind === 'instant' ? 'timestamp with time zone' : kind === 'number' ? 'double precision' : kind,
  kind,
  position,
  nullable: true,
  comment: null,
  distinct: null,
});
const relation = (name: string, columns: readonly (readonly [string, ColumnKind])[]): CatalogueRelation => ({
  schema: 'public',
  name,
  kind: 'table',
  comment: null,
  rows: 1000,
  bytes: 65_536,
  columns: columns.map(([of, kind], at) => column(of, kind, at + 1)),
  key: [],
  indexes: [],
  references: [],
  partition: null,
  range: null,
  rollupOf: null,
  looksLike: null,
});
const nothing: ReadonlySet<string> = new Set();

const history = relation('Messwerte Walzgerüst', [
  ['zeit', 'instant'],
  ['tag_id', 'integer'],
  ['value_int', 'integer'],
  ['value_float', 'number'],
  ['quality', 'integer'],
]);
const wide = relation('furnace', [
  ['ts', 'wall'],
  ['zone_1', 'number'],
  ['zone_2', 'number'],
  ['running', 'boolean'],
  ['remark', 'text'],
]);

describe('a mapping that is being made', () => {
  it('has an id of plain words that is free, whatever the name', () => {
    expect(freeMappingId('Messwerte Walzgerüst', nothing)).toBe('messwerte_walzgerust');
    expect(freeMappingId('測定値', nothing)).toBe('table');
    expect(freeMappingId('history', new Set(['history', 'history_2']))).toBe('history_3');
    expect(freeMappingId('x'.repeat(300), nothing)).toHaveLength(50);
  });

  it('begins with the first columns that fit, and is sound as it stands', () => {
    for (const shape of [history, wide]) {
      const mapping = plainMapping(shape, nothing);
      expect(mappingFaults(mapping)).toEqual(new Map());
    }
    expect(plainMapping(history, nothing)).toMatchObject({
      time: { column: 'zeit', kind: 'timestamptz' },
      tag: { kind: 'fixed' },
      values: [{ column: 'value_float' }],
    });
    expect(plainMapping(wide, nothing).time).toMatchObject({ column: 'ts', kind: 'timestamp' });
  });

  it('keeps what both layouts need when the layout of tags changes', () => {
    const narrow = { ...plainMapping(wide, nothing), name: 'Furnace' };
    const each = withTagKind(narrow, 'columns', wide);
    expect(each.name).toBe('Furnace');
    expect(each.values.map(({ column: of, type }) => `${of} ${type}`)).toEqual([
      'zone_1 number',
      'zone_2 number',
      'running boolean',
    ]);
    const one = withTagKind(each, 'fixed', wide);
    expect(one.values).toHaveLength(1);
    expect(one.tag).toEqual({ kind: 'fixed', name: 'Furnace' });
    const named = withTagKind(one, 'column', wide);
    expect(named.tag).toEqual({ kind: 'column', column: 'remark' });
  });

  it('takes the column with the key out of the values, and says what a table of tags still needs', () => {
    const start = tableMapping.parse({
      ...plainMapping(history, nothing),
      values: [{ column: 'tag_id' }, { column: 'value_float' }],
    });
    const keyed = withTagKind(start, 'table', history);
    expect(keyed.tag).toMatchObject({ kind: 'table', column: 'tag_id' });
    expect(keyed.values.map(({ column: of }) => of)).toEqual(['value_float']);
    const faults = mappingFaults(keyed);
    expect(faults.get('tag.relation.name')).toBe('Choose or write one.');
    expect(faults.get('tag.key')).toBe('Choose or write one.');
  });

  it('says what each column is used for', () => {
    const mapping = tableMapping.parse({
      ...plainMapping(history, nothing),
      tag: { kind: 'column', column: 'tag_id' },
      values: [{ column: 'value_int' }, { column: 'value_float' }],
      quality: { column: 'quality', rule: 'opc' },
    });
    expect(Object.fromEntries(columnUses(mapping))).toEqual({
      zeit: 'time',
      tag_id: 'tag',
      value_int: 'value',
      value_float: 'value',
      quality: 'quality',
    });
    expect(layoutText(mapping)).toBe('tag named by tag_id');
  });

  it('remembers the columns that are read by their position', () => {
    const mapping = plainMapping(history, nothing);
    expect(withSeen(mapping, [history]).seen).toEqual([
      {
        relation: { schema: 'public', name: 'Messwerte Walzgerüst' },
        columns: [
          { name: 'zeit', type: 'timestamp with time zone', position: 1 },
          { name: 'value_float', type: 'double precision', position: 4 },
        ],
      },
    ]);
    // A relation that was not found keeps what was known of it.
    const known = withSeen(mapping, [history]);
    expect(withSeen(known, []).seen).toEqual(known.seen);
  });

  it('takes an answer at a path, and nothing at a path that is not there', () => {
    const mapping = plainMapping(wide, nothing);
    expect(withAnswer(mapping, 'time.zone', 'Europe/Berlin').time.zone).toBe('Europe/Berlin');
    expect(withAnswer(mapping, 'values.0.unit', '°C').values[0]?.unit).toBe('°C');
    expect(withAnswer(mapping, 'nowhere.zone', 'x')).toEqual(mapping);
  });

  it('reads a rollup from what the server says of its columns', () => {
    const minutes: CatalogueRelation = {
      ...relation('minutes', [
        ['bucket', 'instant'],
        ['tag_id', 'integer'],
        ['lo', 'number'],
        ['hi', 'number'],
        ['n', 'integer'],
      ]),
      kind: 'rollup',
      rollupOf: {
        relation: { schema: 'public', name: history.name },
        step: { ms: 60_000, count: null },
        live: false,
        filtered: false,
        columns: [
          { name: 'bucket', of: 'time', source: 'zeit' },
          { name: 'tag_id', of: 'key', source: 'tag_id' },
          { name: 'lo', of: 'min', source: 'value_float' },
          { name: 'hi', of: 'max', source: 'value_float' },
          { name: 'n', of: 'count', source: null },
        ],
      },
    };
    const mapping = tableMapping.parse({
      ...plainMapping(history, nothing),
      tag: { kind: 'column', column: 'tag_id' },
    });
    const rollup = rollupFrom(minutes, mapping);
    expect(rollup).toMatchObject({
      stepMs: 60_000,
      time: 'bucket',
      tag: 'tag_id',
      columns: { min: 'lo', max: 'hi', count: 'n', sum: null },
    });
    expect(mappingFaults({ ...mapping, rollups: [rollup] })).toEqual(new Map());
  });
});
