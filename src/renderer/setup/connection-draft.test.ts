import { describe, expect, it } from 'vitest';
import { freeName, type ProjectState } from '#renderer/client/index.ts';
import type { ConnectionDocument, DeviceDocument } from '#shared/model/index.ts';
import type { ProtocolEntry } from '#shared/rpc/catalogue.ts';
import { changesOf, differences, draftOf, isOutdated, newDraft, rebased, withProtocol } from './connection-draft.ts';
import { duplicateConnection } from './document-edits.ts';

const connection: ConnectionDocument = {
  id: 'c1',
  name: 'Mill PLC',
  protocol: 'modbus',
  enabled: true,
  demo: false,
  settings: { host: '10.0.0.1' },
};
const device = (id: string, name: string): DeviceDocument => ({
  id,
  connectionId: 'c1',
  name,
  enabled: true,
  settings: { unitId: 1 },
});
const forms = {
  config: { type: 'object', properties: { host: { type: 'string', title: 'Host' } } },
  device: { type: 'object', properties: { unitId: { type: 'integer', title: 'Unit' } } },
};
const project = (
  revisions: { readonly c1: number; readonly d1: number; readonly d2?: number },
  change: Partial<ConnectionDocument> = {},
): ProjectState => ({
  loaded: true,
  settings: new Map(),
  connection: new Map([['c1', { revision: revisions.c1, document: { ...connection, ...change } }]]),
  device: new Map([
    ['d1', { revision: revisions.d1, document: device('d1', 'Stand 1') }],
    ...(revisions.d2 === undefined
      ? []
      : ([['d2', { revision: revisions.d2, document: device('d2', 'Stand 2') }]] as const)),
  ]),
  tag: new Map(),
  recorder: new Map(),
  trend: new Map(),
  source: new Map(),
  graph: new Map(),
});
const stored = (state: ProjectState) => {
  const found = state.connection.get('c1');
  if (found === undefined) throw new Error('c1');
  return found;
};

describe('connection draft', () => {
  it('writes nothing when nothing changed', () => {
    const state = project({ c1: 3, d1: 5 });
    expect(changesOf(draftOf(state, stored(state)), state)).toEqual([]);
  });

  it('writes what changed with the revision it was read at, and removes devices that are gone', () => {
    const state = project({ c1: 3, d1: 5, d2: 7 });
    const draft = draftOf(state, stored(state));
    const edited = { ...draft, connection: { ...draft.connection, name: 'Mill' }, devices: [draft.devices[0]!] };
    expect(changesOf(edited, state)).toEqual([
      { kind: 'connection', id: 'c1', document: { ...connection, name: 'Mill' }, expected: 3 },
      { kind: 'device', id: 'd2', document: null, expected: 7 },
    ]);
  });

  it('sees that another window wrote, and can go on top of it', () => {
    const before = project({ c1: 3, d1: 5 });
    const draft = draftOf(before, stored(before));
    const mine = { ...draft, connection: { ...draft.connection, settings: { host: '10.0.0.9' } } };
    expect(isOutdated(mine, before)).toBe(false);
    const after = project({ c1: 4, d1: 5 }, { settings: { host: '10.0.0.2' } });
    expect(isOutdated(mine, after)).toBe(true);
    const found = differences(mine, after, forms);
    expect(found).toMatchObject([{ what: 'Host', mine: '10.0.0.9', theirs: '10.0.0.2', untouched: null }]);
    const merged = rebased(mine, after, found);
    expect(changesOf(merged, after)).toEqual([]);
    const onTop = rebased(mine, after);
    expect(isOutdated(onTop, after)).toBe(false);
    expect(changesOf(onTop, after)).toMatchObject([{ kind: 'connection', expected: 4 }]);
  });

  it('sees a device that another window added or removed', () => {
    const before = project({ c1: 3, d1: 5 });
    const draft = draftOf(before, stored(before));
    expect(isOutdated(draft, project({ c1: 3, d1: 5, d2: 1 }))).toBe(true);
    const after = project({ c1: 3, d1: 5, d2: 1 });
    const found = differences(draft, after, forms);
    expect(found).toMatchObject([
      { what: 'Stand 2', untouched: 'mine', texts: { mine: 'not there', theirs: 'there' } },
    ]);
    expect(rebased(draft, after, found).devices.map(({ name }) => name)).toEqual(['Stand 1', 'Stand 2']);
    const away = { ...after, connection: new Map() };
    expect(differences(draft, away, forms)).toMatchObject([{ what: 'Connection', texts: { theirs: 'deleted' } }]);
  });

  it('duplicates with new ids, a free name and switched off', () => {
    const state = project({ c1: 3, d1: 5 });
    const copy = duplicateConnection(state, connection);
    const [first, second] = copy.changes;
    expect(first?.document).toMatchObject({ id: copy.id, name: 'Mill PLC 2', enabled: false });
    expect(second?.document).toMatchObject({ connectionId: copy.id, name: 'Stand 1' });
    expect(second?.id).not.toBe('d1');
  });

  it('finds free names', () => {
    expect(freeName('Pump', new Set())).toBe('Pump');
    expect(freeName('Pump', new Set(['Pump', 'Pump 2']))).toBe('Pump 3');
    expect(freeName('Pump 7', new Set(['Pump 7']))).toBe('Pump 8');
  });
});

describe('the protocol of a new connection', () => {
  const entry = (id: string, title: string): ProtocolEntry => ({ id, title }) as ProtocolEntry;
  const [modbus, other] = [entry('modbus', 'Modbus TCP'), entry('egd', 'GE EGD')];

  it("can be changed: settings go, the name goes unless it is the user's own", () => {
    const state = project({ c1: 1, d1: 1 });
    const draft = newDraft(state, modbus);
    const filled = {
      ...draft,
      connection: { ...draft.connection, settings: { host: 'plc' } },
      devices: draft.devices.map((one) => ({ ...one, name: 'Stand', settings: { unitId: 3 } })),
    };
    const changed = withProtocol(state, filled, modbus, other);
    expect(changed.connection).toMatchObject({
      id: draft.connection.id,
      name: 'GE EGD',
      protocol: 'egd',
      settings: {},
    });
    expect(changed.devices).toMatchObject([{ id: draft.devices[0]!.id, name: 'Stand', settings: {} }]);
    const named = { ...filled, connection: { ...filled.connection, name: 'Furnace' } };
    expect(withProtocol(state, named, modbus, other).connection.name).toBe('Furnace');
  });
});
