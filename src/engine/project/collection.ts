import type { DocumentKind, Documents, Stored } from '#shared/model/index.ts';

/** Null stands where a document was: put back, it is at its old place. */
type Entries = { readonly [K in DocumentKind]: Map<string, Stored<Documents[K]> | null> };

/** The documents in memory, with the look-ups that the rules between them need. Knows no file. */
export interface Collection {
  get<K extends DocumentKind>(kind: K, id: string): Stored<Documents[K]> | undefined;
  list<K extends DocumentKind>(kind: K): readonly Stored<Documents[K]>[];
  set<K extends DocumentKind>(kind: K, stored: Stored<Documents[K]>): void;
  delete(kind: DocumentKind, id: string): void;
  devicesOf(connectionId: string): ReadonlySet<string>;
  tagsOf(deviceId: string): ReadonlySet<string>;
  tagNamed(name: string): string | undefined;
}

const none: ReadonlySet<string> = new Set();

/** Tag names that look the same are the same, however their accents are encoded. */
export const nameKey = (name: string): string => name.normalize('NFC');

export function createCollection(): Collection {
  const entries: Entries = {
    settings: new Map(),
    connection: new Map(),
    device: new Map(),
    tag: new Map(),
    recorder: new Map(),
    trend: new Map(),
    source: new Map(),
    graph: new Map(),
  };
  const devices = new Map<string, Set<string>>();
  const tags = new Map<string, Set<string>>();
  const names = new Map<string, string>();
  /** Lists handed out; made again after a change. */
  const lists = new Map<DocumentKind, readonly unknown[]>();

  const join = (index: Map<string, Set<string>>, parent: string, child: string): void => {
    const children = index.get(parent);
    if (children === undefined) index.set(parent, new Set([child]));
    else children.add(child);
  };
  const leave = (index: Map<string, Set<string>>, parent: string, child: string): void => {
    const children = index.get(parent);
    children?.delete(child);
    if (children?.size === 0) index.delete(parent);
  };

  const forget = (kind: DocumentKind, id: string): void => {
    if (kind === 'device') {
      const old = entries.device.get(id);
      if (old != null) leave(devices, old.document.connectionId, id);
    } else if (kind === 'tag') {
      const old = entries.tag.get(id);
      if (old == null) return;
      leave(tags, old.document.deviceId, id);
      // In a commit that swaps two names the other tag may have taken this one already.
      if (names.get(nameKey(old.document.name)) === id) names.delete(nameKey(old.document.name));
    }
  };

  return {
    get: (kind, id) => entries[kind].get(id) ?? undefined,
    list<K extends DocumentKind>(kind: K) {
      let list = lists.get(kind) as readonly Stored<Documents[K]>[] | undefined;
      if (list === undefined) {
        list = [...(entries[kind] as Map<string, Stored<Documents[K]> | null>).values()].filter(
          (stored) => stored !== null,
        );
        lists.set(kind, list);
      }
      return list;
    },
    set<K extends DocumentKind>(kind: K, stored: Stored<Documents[K]>) {
      const { document } = stored;
      forget(kind, document.id);
      (entries[kind] as Map<string, Stored<Documents[K]> | null>).set(document.id, stored);
      if ('connectionId' in document) join(devices, document.connectionId, document.id);
      if ('deviceId' in document) {
        join(tags, document.deviceId, document.id);
        names.set(nameKey(document.name), document.id);
      }
      lists.delete(kind);
    },
    delete(kind, id) {
      forget(kind, id);
      if (entries[kind].has(id)) entries[kind].set(id, null);
      lists.delete(kind);
    },
    devicesOf: (connectionId) => devices.get(connectionId) ?? none,
    tagsOf: (deviceId) => tags.get(deviceId) ?? none,
    tagNamed: (name) => names.get(nameKey(name)),
  };
}
