import { createStore } from 'zustand/vanilla';
import { freeName, newId, type ProjectState } from '#renderer/client/index.ts';
import {
  type Difference,
  differencesOf,
  type Plain,
  readFields,
  type ShownDifference,
  sameData as same,
  settingsOf,
  withTheirs,
} from '#renderer/ui/index.ts';
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
  /** What it started from; null for a new one. */
  readonly original: Whole | null;
}

/** A connection with its devices by their ids, to compare two versions place by place. */
interface Whole extends Plain {
  readonly connection: ConnectionDocument;
  readonly devices: Readonly<Record<string, DeviceDocument>>;
}
const wholeOf = ({ connection, devices }: Pick<ConnectionDraft, 'connection' | 'devices'>): Whole => ({
  connection,
  devices: Object.fromEntries(devices.map((device) => [device.id, device])),
});

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
    original: null,
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
  const parts = { connection: stored.document, devices: devices.map((device) => device.document) };
  return { isNew: false, ...parts, base, original: wholeOf(parts) };
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

/** The same edits on top of what is stored now, with these places as they are stored. */
export function rebased(
  draft: ConnectionDraft,
  project: ProjectState,
  theirs: readonly Pick<Difference, 'path' | 'theirs'>[] = [],
): ConnectionDraft {
  const stored = project.connection.get(draft.connection.id);
  if (stored === undefined) return { ...draft, isNew: true, base: {}, original: null };
  const { base, original } = draftOf(project, stored);
  const whole = withTheirs(wholeOf(draft), theirs) as Whole;
  return { ...draft, connection: whole.connection, devices: Object.values(whole.devices), base, original };
}

/** Where the draft and the project differ, for the choice between the two. */
export function differences(
  draft: ConnectionDraft,
  project: ProjectState,
  protocol: Pick<ProtocolEntry, 'config' | 'device'>,
): ShownDifference[] {
  const stored = project.connection.get(draft.connection.id);
  if (stored === undefined) {
    const texts = { mine: 'kept', theirs: 'deleted' };
    return [{ path: [], what: 'Connection', mine: true, theirs: undefined, untouched: null, texts }];
  }
  const mine = wholeOf(draft);
  const theirs = wholeOf(draftOf(project, stored));
  const titles = { connection: titlesOf(protocol.config), devices: titlesOf(protocol.device) };
  return differencesOf(mine, theirs, draft.original).map((one) => {
    const [part, ...rest] = one.path;
    const [id, ...inside] = part === 'devices' ? rest : ['', ...rest];
    const device = part === 'devices' ? (mine.devices[id ?? ''] ?? theirs.devices[id ?? '']) : undefined;
    if (device !== undefined && inside.length === 0) {
      const there = (value: unknown): string => (value === undefined ? 'not there' : 'there');
      return { ...one, what: device.name, texts: { mine: there(one.mine), theirs: there(one.theirs) } };
    }
    const setting = titles[part as keyof typeof titles](inside);
    return { ...one, what: device === undefined ? setting : `${device.name}: ${setting}` };
  });
}

/** What a setting is called in the form, by its path within the document. */
const titlesOf = (schema: Plain) => {
  const fields = readFields(schema);
  return ([first, ...rest]: readonly string[]): string => {
    if (first !== 'settings') return DOCUMENT_TITLES[first ?? ''] ?? [first, ...rest].join('.');
    const name = rest.join('.');
    return fields.find((field) => field.name === name)?.title ?? name;
  };
};
const DOCUMENT_TITLES: Readonly<Record<string, string>> = { name: 'Name', enabled: 'Switched on' };
