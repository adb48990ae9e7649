import { describe, expect, it } from 'vitest';
import type { RuntimeTagInfo } from '#shared/rpc/contract.ts';
import { createProjectIntake, createStores, createTagsIntake } from './stores.ts';

const connection = (id: string, revision: number, name = id) => ({
  kind: 'connection' as const,
  id,
  revision,
  document: { id, name, protocol: 'modbus', enabled: true, demo: false, settings: {} },
});
const removal = (id: string) => ({ kind: 'connection' as const, id, revision: 9, document: null });

describe('project intake', () => {
  it('shows nothing until the project is complete, then follows changes', () => {
    const { project } = createStores();
    const take = createProjectIntake(project);
    take({ complete: false, changes: [connection('a', 1)] }, 1);
    expect(project.getState().loaded).toBe(false);
    expect(project.getState().connection.size).toBe(0);
    take({ complete: true, changes: [connection('b', 1)] }, 1);
    expect(project.getState().loaded).toBe(true);
    expect([...project.getState().connection.keys()]).toEqual(['a', 'b']);
    take({ complete: true, changes: [connection('a', 2, 'Mill'), removal('b')] }, 1);
    expect([...project.getState().connection.values()]).toMatchObject([{ revision: 2, document: { name: 'Mill' } }]);
  });

  it('puts what comes back after its removal where it was', () => {
    const { project } = createStores();
    const take = createProjectIntake(project);
    take({ complete: true, changes: [connection('a', 1), connection('b', 1), connection('c', 1)] }, 1);
    take({ complete: true, changes: [removal('b')] }, 1);
    take({ complete: true, changes: [connection('d', 2)] }, 1);
    take({ complete: true, changes: [connection('b', 3)] }, 1);
    expect([...project.getState().connection.keys()]).toEqual(['a', 'b', 'c', 'd']);
  });

  it('keeps the old project until the whole of it has come again, and forgets what is gone', () => {
    const { project } = createStores();
    const take = createProjectIntake(project);
    take({ complete: true, changes: [connection('a', 1), connection('b', 1)] }, 1);
    take({ complete: false, changes: [connection('b', 5)] }, 2);
    expect([...project.getState().connection.keys()]).toEqual(['a', 'b']);
    take({ complete: true, changes: [connection('c', 1)] }, 2);
    expect([...project.getState().connection.keys()]).toEqual(['b', 'c']);
  });

  it('starts over when the connection is lost in the middle of the first answer', () => {
    const { project } = createStores();
    const take = createProjectIntake(project);
    take({ complete: false, changes: [connection('stale', 1)] }, 1);
    take({ complete: true, changes: [connection('a', 1)] }, 2);
    expect([...project.getState().connection.keys()]).toEqual(['a']);
  });

  it('leaves maps of other kinds the same objects, so that nothing else is drawn anew', () => {
    const { project } = createStores();
    const take = createProjectIntake(project);
    take({ complete: true, changes: [connection('a', 1)] }, 1);
    const before = project.getState();
    take({ complete: true, changes: [connection('a', 2)] }, 1);
    expect(project.getState().tag).toBe(before.tag);
    expect(project.getState().connection).not.toBe(before.connection);
  });
});

describe('tags intake', () => {
  const tag = (id: string): RuntimeTagInfo => ({
    id,
    name: id,
    description: '',
    kind: 'tag',
    connectionId: 'c',
    deviceId: 'd',
    address: '400001',
    wire: '',
    type: 'uint16',
    unit: null,
    decimals: null,
    range: null,
    periodMs: 100,
    demo: false,
    enabled: true,
    recipe: { version: 1, form: 'bits', type: 'uint16', order: 'ABCD', bit: null, scaling: null, unit: null },
    problem: null,
  });

  it('replaces all on a new connection and applies changes in between', () => {
    const { tags } = createStores();
    const take = createTagsIntake(tags);
    take({ complete: false, tags: [tag('a')], removed: [] }, 1);
    expect(tags.getState().loaded).toBe(false);
    take({ complete: true, tags: [tag('b')], removed: [] }, 1);
    take({ complete: true, tags: [tag('c')], removed: ['a'] }, 1);
    expect([...tags.getState().byId.keys()]).toEqual(['b', 'c']);
    take({ complete: true, tags: [tag('z')], removed: [] }, 2);
    expect([...tags.getState().byId.keys()]).toEqual(['z']);
  });
});
