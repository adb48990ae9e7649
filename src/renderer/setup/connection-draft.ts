import { createStore } from 'zustand/vanilla';
import { freeName, newId, type ProjectState } from '#renderer/client/index.ts';
import { readFields, settingsOf } from '#renderer/ui/index.ts';
import type { ConnectionDocument, DeviceDocument, DocumentChange, Stored } from '#shared/model/index.ts';
import type { ProtocolEntry } from '#shared/rpc/catalogue.ts';
import { devicesOf } from './document-edits.ts';

/** A connection with its devices as they are being edited. Saved as one commit. */
export interface ConnectionDraft {
  readonly isNew: boolean;
  readonly connection: ConnectionDocument;
  readonly devices: readonly DeviceDocument[];
  /** Revisions the draft started from, by document id: what `commit` compares with. */
  readonly base: Readonly<Record<string, number>>;
}

/** Unsaved changes survive leaving the page. Secrets may be in them, so they stay in memory. */
export const draftStore = createStore<{ readonly drafts: ReadonlyMap<string, ConnectionDraft> }>(() => ({
  drafts: new Map(),
}));

export function keepDraft(draft: ConnectionDraft): void {
  const drafts = new Map(draftStore.getState().drafts);
  drafts.set(draft.connection.id, draft);
  draftStore.setState({ drafts });
}

export function dropDraft(connectionId: string): void {
  const drafts = new Map(draftStore.getState().drafts);
  drafts.delete(connectionId);
  draftStore.setState({ drafts });
}

export function newDraft(project: ProjectState, protocol: ProtocolEntry): ConnectionDraft {
  const names = new Set([...project.connection.values()].map((stored) => stored.document.name));
  const id = newId();
  return {
    isNew: true,
    connection: {
      id,
      name: freeName(protocol.title, names),
      protocol: protocol.id,
      enabled: true,
      demo: false,
      settings: {},
    },
    devices: [{ id: newId(), connectionId: id, name: 'Device 1', enabled: true, settings: {} }],
    base: {},
  };
}

/** The draft of a new connection with another protocol, whose settings have nothing in common with the first one's. */
export function withProtocol(
  project: ProjectState,
  draft: ConnectionDraft,
  from: ProtocolEntry,
  to: ProtocolEntry,
): ConnectionDraft {
  const blank = newDraft(project, to);
  const { id, name, enabled } = draft.connection;
  // A name that only repeats the protocol goes with it.
  const own = name !== '' && !name.startsWith(from.title);
  return {
    ...draft,
    connection: { ...blank.connection, id, enabled, name: own ? name : blank.connection.name },
    devices: draft.devices.map((device) => ({ ...device, settings: {} })),
  };
}

export function draftOf(project: ProjectState, stored: Stored<ConnectionDocument>): ConnectionDraft {
  const devices = devicesOf(project, stored.document.id);
  const base: Record<string, number> = { [stored.document.id]: stored.revision };
  for (const device of devices) base[device.document.id] = device.revision;
  return { isNew: false, connection: stored.document, devices: devices.map((device) => device.document), base };
}

/** The draft with hidden and empty settings left out, as it is checked, tested and saved. */
export function cleanDraft(draft: ConnectionDraft, protocol: ProtocolEntry): ConnectionDraft {
  const config = readFields(protocol.config);
  const device = readFields(protocol.device);
  return {
    ...draft,
    connection: {
      ...draft.connection,
      name: draft.connection.name.trim(),
      settings: settingsOf(config, draft.connection.settings),
    },
    devices: draft.devices.map((entry) => ({
      ...entry,
      name: entry.name.trim(),
      settings: settingsOf(device, entry.settings),
    })),
  };
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** What saving has to write: only what differs from the project; devices that are gone from the draft are removed. */
export function changesOf(draft: ConnectionDraft, project: ProjectState): readonly DocumentChange[] {
  const changes: DocumentChange[] = [];
  const expected = (id: string): number | null => draft.base[id] ?? null;
  const { connection } = draft;
  if (!same(project.connection.get(connection.id)?.document, connection) || expected(connection.id) === null) {
    changes.push({ kind: 'connection', id: connection.id, document: connection, expected: expected(connection.id) });
  }
  for (const device of draft.devices) {
    if (same(project.device.get(device.id)?.document, device) && expected(device.id) !== null) continue;
    changes.push({ kind: 'device', id: device.id, document: device, expected: expected(device.id) });
  }
  const kept = new Set(draft.devices.map((device) => device.id));
  for (const [id, revision] of Object.entries(draft.base)) {
    if (id === connection.id || kept.has(id) || !project.device.has(id)) continue;
    changes.push({ kind: 'device', id, document: null, expected: revision });
  }
  return changes;
}

/** True when somebody else has written what the draft started from. */
export function isOutdated(draft: ConnectionDraft, project: ProjectState): boolean {
  if (draft.isNew) return false;
  const now: Record<string, number> = {};
  const stored = project.connection.get(draft.connection.id);
  if (stored !== undefined) now[draft.connection.id] = stored.revision;
  for (const device of devicesOf(project, draft.connection.id)) now[device.document.id] = device.revision;
  return !same(Object.entries(now).sort(), Object.entries(draft.base).sort());
}

/** The same edits on top of what is stored now. */
export function rebased(draft: ConnectionDraft, project: ProjectState): ConnectionDraft {
  const stored = project.connection.get(draft.connection.id);
  if (stored === undefined) return { ...draft, isNew: true, base: {} };
  return { ...draft, base: draftOf(project, stored).base };
}

export interface Difference {
  readonly what: string;
  readonly mine: string;
  readonly theirs: string;
}

/** Where the draft and the project differ, for the choice between the two. */
export function differences(draft: ConnectionDraft, project: ProjectState): readonly Difference[] {
  const found: Difference[] = [];
  const show = (value: unknown): string =>
    value === undefined ? 'default' : typeof value === 'string' ? value : JSON.stringify(value);
  const compare = (prefix: string, mine: Record<string, unknown>, theirs: Record<string, unknown>): void => {
    for (const key of new Set([...Object.keys(mine), ...Object.keys(theirs)])) {
      if (key === 'id' || key === 'connectionId') continue;
      const [one, other] = [mine[key], theirs[key]];
      if (isPlain(one) && isPlain(other)) {
        compare(key === 'settings' ? prefix : `${prefix}${key}.`, one, other);
      } else if (!same(mine[key], theirs[key])) {
        found.push({ what: `${prefix}${key}`, mine: show(mine[key]), theirs: show(theirs[key]) });
      }
    }
  };
  const theirs = project.connection.get(draft.connection.id)?.document;
  if (theirs === undefined) return [{ what: 'Connection', mine: 'kept', theirs: 'deleted' }];
  compare('', { ...draft.connection }, { ...theirs });
  const mineById = new Map(draft.devices.map((device) => [device.id, device]));
  for (const { document } of devicesOf(project, theirs.id)) {
    const mine = mineById.get(document.id);
    mineById.delete(document.id);
    if (mine === undefined) found.push({ what: document.name, mine: 'not there', theirs: 'there' });
    else compare(`${document.name}: `, { ...mine }, { ...document });
  }
  for (const device of mineById.values()) found.push({ what: device.name, mine: 'there', theirs: 'not there' });
  return found;
}
