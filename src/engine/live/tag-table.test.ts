import { describe, expect, it } from 'vitest';
import { PLAIN_RECIPE } from '#shared/model/index.ts';
import { createTagTable, type NewRuntimeTag } from './tag-table.ts';

const tag = (id: string, over: Partial<NewRuntimeTag> = {}): NewRuntimeTag => ({
  id,
  name: id,
  description: '',
  kind: 'tag',
  connectionId: 'c',
  deviceId: 'd',
  address: 'HR1',
  wire: '',
  unit: null,
  decimals: null,
  range: null,
  periodMs: 100,
  timeKind: 'receive',
  demo: false,
  enabled: true,
  type: 'float64',
  recipe: PLAIN_RECIPE,
  problem: null,
  ...over,
});

describe('tag table', () => {
  it('gives each id one index for life and never another id the same', () => {
    const table = createTagTable();
    table.update([tag('a'), tag('b')]);
    const [a, b] = [table.byId('a')?.index, table.byId('b')?.index];
    table.update([tag('b'), tag('c')]);
    expect(table.byId('a')).toBeUndefined();
    expect(table.byIndex(a ?? -1)).toBeUndefined();
    expect(table.byId('c')?.index).not.toBe(a);
    table.update([tag('a'), tag('c')]);
    expect(table.byId('a')?.index).toBe(a);
    expect(table.byId('b')).toBeUndefined();
    expect(b).not.toBe(a);
    expect(table.all().map(({ id }) => id)).toEqual(['a', 'c']);
    expect(table.size).toBe(3);
  });

  it('tells what was added, changed and removed, and nothing when nothing was', () => {
    const table = createTagTable();
    const heard: string[] = [];
    const watching = table.watch(({ added, changed, removed }) =>
      heard.push(`+${added.length} ~${changed.length} -${removed.length}`),
    );
    table.update([tag('a'), tag('b')]);
    table.update([tag('a'), tag('b')]);
    table.update([tag('a', { name: 'Speed' }), tag('c')]);
    table.update([tag('a', { name: 'Speed', recipe: { ...PLAIN_RECIPE, unit: 'm' } }), tag('c')]);
    watching[Symbol.dispose]();
    table.update([]);
    expect(heard).toEqual(['+2 ~0 -0', '+1 ~1 -1', '+0 ~1 -0']);
  });

  it('keeps the tags of other owners, and refuses an id twice', () => {
    const table = createTagTable();
    table.update([tag('a')]);
    table.update([tag('f')], 'formulas');
    table.update([tag('b')]);
    expect(table.all().map(({ id }) => id)).toEqual(['f', 'b']);
    expect(() => table.update([tag('b')], 'formulas')).toThrow(/used twice/);
    expect(() => table.update([tag('x'), tag('x')])).toThrow(/used twice/);
    expect(table.all().map(({ id }) => id)).toEqual(['f', 'b']);
  });

  it('keeps the decoder of an unchanged recipe', () => {
    const table = createTagTable();
    table.update([tag('a')]);
    const decoder = table.byId('a')?.decoder;
    table.update([tag('a', { name: 'other', recipe: { ...PLAIN_RECIPE } })]);
    expect(table.byId('a')?.decoder).toBe(decoder);
    table.update([tag('a', { recipe: { ...PLAIN_RECIPE, scaling: { kind: 'gain', gain: 2, offset: 0 } } })]);
    expect(table.byId('a')?.decoder.one(new Float64Array([3]), 0)).toBe(6);
  });
});
