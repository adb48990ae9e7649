import { describe, expect, it } from 'vitest';
import type { ProjectState } from '#renderer/client/index.ts';
import type { BrowseEntry, BrowseItem } from '#shared/rpc/browsing.ts';
import { makeDevice, makeTag } from '#test/support/documents.ts';
import { cleanName, knownTags, planTags } from './browse-add.ts';
import { createBrowseTree } from './browse-tree.ts';

const entry = (id: string, over: Partial<BrowseEntry> = {}): BrowseEntry => ({
  id,
  name: id,
  fullName: id,
  typeName: 'DINT',
  description: '',
  hasChildren: false,
  deviceId: 'd',
  address: id,
  type: 'int32',
  bytes: null,
  newDevice: null,
  ...over,
});
const folder = (id: string): BrowseEntry => entry(id, { hasChildren: true, address: null, type: null });
const item = (parent: string | null, nodes: readonly BrowseEntry[], complete = true): BrowseItem => ({
  parent,
  nodes: [...nodes],
  complete,
  found: nodes.length,
  own: false,
  told: false,
  cut: false,
});
const shown = (tree: ReturnType<typeof createBrowseTree>, search = '') =>
  tree.rows(search).map((row) => `${'  '.repeat(row.depth)}${row.kind === 'node' ? row.entry.name : `(${row.text})`}`);

describe('the tree of a browsed device', () => {
  it('shows what is open, and says what is not known yet', () => {
    const tree = createBrowseTree();
    tree.begin(null);
    tree.receive(item(null, [folder('a'), entry('b')]));
    tree.open('a', true);
    expect(shown(tree)).toEqual(['a', 'b']);
    tree.begin('a');
    tree.receive({ ...item('a', [], false), found: 1_240 });
    expect(shown(tree)).toEqual(['a', '  (Asking, 1240 found so far)', 'b']);
    tree.receive(item('a', [entry('a.x'), entry('a.y')]));
    expect(shown(tree)).toEqual(['a', '  a.x', '  a.y', 'b']);
    tree.open('a', false);
    expect(shown(tree)).toEqual(['a', 'b']);
    tree.begin('b');
    tree.open('b', true);
    tree.fail('b', 'No answer. Try again.');
    expect(shown(tree)).toEqual(['a', 'b', '  (No answer. Try again. Press Enter here to ask again.)']);
  });

  it('ticks all single values below a node, and shows where only some are', () => {
    const tree = createBrowseTree();
    tree.receive(item(null, [folder('a'), entry('z')]));
    tree.receive(item('a', [folder('a.m'), entry('a.x')]));
    tree.receive(item('a.m', [entry('a.m.1'), entry('a.m.2', { deviceId: null })]));
    tree.tick('a', true);
    expect(tree.ticked().map(({ id }) => id)).toEqual(['a.m.1', 'a.x']);
    expect(tree.tickState('a')).toBe('on');
    tree.tick('a.x', false);
    expect([tree.tickState('a'), tree.tickState('a.m'), tree.tickState('z')]).toEqual(['some', 'on', 'off']);
    expect(tree.unasked('a')).toEqual([]);
  });

  it('finds words anywhere in what is loaded, with the way to them', () => {
    const tree = createBrowseTree();
    tree.receive(item(null, [folder('Line'), folder('Aux')]));
    tree.receive(item('Line', [entry('Line.Speed', { typeName: 'REAL' }), entry('Line.Count')]));
    tree.receive(item('Aux', [entry('Aux.Speed')]));
    expect(shown(tree, 'speed real')).toEqual(['Line', '  Line.Speed']);
    expect(shown(tree, 'nothing like it')).toEqual([]);
  });

  it('takes a new list over when it is whole, with what vanished and without a flash', () => {
    const tree = createBrowseTree();
    tree.receive(item(null, [folder('a'), entry('b')]));
    tree.receive(item('a', [entry('a.x')]));
    tree.tick('a', true);
    tree.begin(null);
    tree.receive(item(null, [entry('b'), entry('c')], false));
    expect(shown(tree)).toEqual(['a', 'b']);
    tree.receive(item(null, []));
    expect(shown(tree)).toEqual(['b', 'c']);
    expect(tree.ticked()).toEqual([]);
    expect(tree.entry('a.x')).toBeUndefined();
  });

  it('keeps what was heard, also while it is not heard again yet', () => {
    const tree = createBrowseTree();
    tree.receive({ ...item(null, [folder('a'), folder('b')]), told: true });
    tree.receive({ ...item('a', [entry('a.x')]), told: true });
    tree.begin(null);
    tree.receive({ ...item(null, [folder('b')]), told: true });
    expect(shown(tree)).toEqual(['b', 'a']);
    expect(tree.entry('a.x')).toBeDefined();
  });

  it('is not led in circles, and keeps names as they are', () => {
    const tree = createBrowseTree();
    const names = ['__proto__', 'constructor', '=1+1', 'a.b[3]', 'Größe °C 温度', 'x'.repeat(255)];
    tree.receive(
      item(
        null,
        [...names, ...names].map((name) => folder(name)),
      ),
    );
    expect(shown(tree)).toEqual(names);
    tree.receive(item('__proto__', [folder('__proto__'), folder('constructor'), entry('toString')]));
    tree.open('__proto__', true);
    expect(shown(tree).slice(0, 3)).toEqual(['__proto__', '  toString', 'constructor']);
    expect(tree.tickState('constructor')).toBe('off');
  });

  it('holds 50,000 nodes: each page and each tick in a blink', () => {
    const tree = createBrowseTree();
    const began = performance.now();
    tree.receive(item(null, [folder('root')]));
    for (let page = 0; page < 100; page++) {
      tree.receive(
        item(
          'root',
          Array.from({ length: 500 }, (_, n) => entry(`T${page * 500 + n}`)),
          page === 99,
        ),
      );
    }
    tree.open('root', true);
    tree.tick('root', true);
    expect(tree.rows('').length).toBe(50_001);
    expect(tree.ticked().length).toBe(50_000);
    expect(tree.tickState('root')).toBe('on');
    expect(tree.rows('T4999').length).toBe(12);
    expect(performance.now() - began).toBeLessThan(3_000);
  });
});

describe('tags made of browsed nodes', () => {
  const project = {
    tag: new Map([
      ['t', { revision: 1, document: makeTag({ id: 't', deviceId: 'd', name: 'Speed', address: 'Line.Speed' }) }],
    ]),
    device: new Map([['d', { revision: 1, document: makeDevice({ id: 'd' }) }]]),
  } as unknown as ProjectState;
  const plan = (entries: readonly BrowseEntry[], from: 'full' | 'last' = 'full', prefix = '', caseless = false) =>
    planTags(entries, { from, prefix }, 250, project, knownTags(project, caseless));

  it('leave out what is there, and give each a name of its own', () => {
    const rows = plan(
      [
        entry('Line.Speed', { name: 'Speed' }),
        entry('Aux.Speed', { name: 'Speed', type: 'float32' }),
        entry('Fan.Speed', { name: 'Speed' }),
        entry('Odd', { type: null }),
        entry('Gone', { deviceId: 'other' }),
        folder('Folder'),
      ],
      'last',
    );
    expect(rows.map(({ tag }) => tag?.name ?? null)).toEqual([null, 'Speed 2', 'Speed 3', null, null, null]);
    expect(rows[1]?.tag).toMatchObject({ address: 'Aux.Speed', type: 'float32', periodMs: 250, deviceId: 'd' });
    expect(rows[0]?.reason).toBe('Is there already as "Speed".');
    for (const row of rows) if (row.tag === null) expect(row.reason).toMatch(/[.]$/);
  });

  it('are there already in another case where the protocol makes no difference', () => {
    const entries = [entry('LINE.speed'), entry('Größe')];
    expect(plan(entries, 'full', '', true).map(({ tag }) => tag?.address ?? null)).toEqual([null, 'Größe']);
    expect(plan(entries).map(({ tag }) => tag?.address ?? null)).toEqual(['LINE.speed', 'Größe']);
  });

  it('have names that a project takes, whatever the device calls them', () => {
    const names = ['=1+1', '__proto__', 'a\nb\u0000c', 'x'.repeat(255), 'x'.repeat(255), ' ', 'Größe °C'];
    const rows = plan(
      names.map((name, index) => entry(`address${index}`, { name, fullName: name })),
      'full',
    );
    const made = rows.map(({ tag }) => tag!.name);
    expect(made.slice(0, 3)).toEqual(['=1+1', '__proto__', 'a b c']);
    expect(made[5]).toBe('address5');
    expect(new Set(made).size).toBe(names.length);
    for (const name of made) expect(name.length).toBeLessThanOrEqual(200);
    expect(cleanName('x'.repeat(255)).length).toBe(192);
  });
});
