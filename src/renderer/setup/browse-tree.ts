import type { BrowseEntry, BrowseItem } from '#shared/rpc/browsing.ts';

/** A line of the tree: a node, or what there is to say about the nodes below one. */
export type TreeRow =
  | { readonly kind: 'node'; readonly id: string; readonly depth: number; readonly entry: BrowseEntry }
  | {
      readonly kind: 'note';
      readonly id: string;
      readonly depth: number;
      readonly parent: string | null;
      readonly text: string;
      readonly failed: boolean;
    };
export type TickState = 'off' | 'on' | 'some';

/** What was found of a device so far, what of it is open and ticked. Changes only through its methods. */
export interface BrowseTree {
  /** Grows with each change. */
  readonly version: number;
  watch(listener: () => void): () => void;
  /** A list is asked for; one that is there stays until the new one is complete. */
  begin(parent: string | null): void;
  receive(item: BrowseItem): void;
  fail(parent: string | null, message: string): void;
  /** Lists that were asked for are not waited for any more. */
  stop(): void;
  entry(id: string): BrowseEntry | undefined;
  parentOf(id: string): string | null;
  isLoaded(parent: string | null): boolean;
  isLoading(parent: string | null): boolean;
  /** Why a list could not be had; null where it could. */
  failure(parent: string | null): string | null;
  isOpen(id: string): boolean;
  open(id: string, on: boolean): void;
  /** Ticks all single values at and below a node that are known. */
  tick(id: string, on: boolean): void;
  clearTicks(): void;
  tickState(id: string): TickState;
  /** Single values that are ticked, in the order of the tree. */
  ticked(): readonly BrowseEntry[];
  /** Nodes at and below that are not asked for yet. */
  unasked(id: string): readonly string[];
  /** Lines to be shown. With words, the nodes in which all of them occur and what leads to them. */
  rows(search: string): readonly TreeRow[];
  readonly size: number;
}

interface Level {
  ids: string[];
  complete: boolean;
  /** A new list that takes the place of `ids` when it is complete. */
  next: string[] | null;
  /** Ids of the list that is coming in. */
  seen: Set<string>;
  loading: boolean;
  found: number;
  failure: string | null;
}

export const isTickable = (entry: BrowseEntry): boolean => entry.address !== null && entry.deviceId !== null;

export function createBrowseTree(): BrowseTree {
  const entries = new Map<string, BrowseEntry>();
  const parents = new Map<string, string | null>();
  const levels = new Map<string | null, Level>();
  const opened = new Set<string>();
  const ticks = new Set<string>();
  const listeners = new Set<() => void>();
  let version = 0;
  let counted: { readonly version: number; readonly of: Map<string, { leaves: number; ticked: number }> } | null = null;

  const changed = (): void => {
    version++;
    for (const listener of listeners) listener();
  };
  const levelOf = (parent: string | null): Level => {
    let level = levels.get(parent);
    if (level === undefined) {
      level = { ids: [], complete: false, next: null, seen: new Set(), loading: false, found: 0, failure: null };
      levels.set(parent, level);
    }
    return level;
  };
  const beginLevel = (level: Level): void => {
    level.loading = true;
    level.failure = null;
    level.found = 0;
    level.seen = new Set();
    level.next = level.complete ? [] : null;
    if (!level.complete) level.ids = [];
  };
  const forget = (id: string): void => {
    entries.delete(id);
    parents.delete(id);
    ticks.delete(id);
    opened.delete(id);
    const level = levels.get(id);
    levels.delete(id);
    for (const child of level?.ids ?? []) if (parents.get(child) === id) forget(child);
  };
  /** Nodes at and below one, parents first. */
  function* below(id: string): Generator<BrowseEntry> {
    const entry = entries.get(id);
    if (entry === undefined) return;
    yield entry;
    for (const child of levels.get(id)?.ids ?? []) yield* below(child);
  }
  const counts = (): Map<string, { leaves: number; ticked: number }> => {
    if (counted?.version === version) return counted.of;
    const of = new Map<string, { leaves: number; ticked: number }>();
    for (const entry of entries.values()) {
      if (!isTickable(entry)) continue;
      const one = ticks.has(entry.id) ? 1 : 0;
      for (let at: string | null = entry.id; at !== null; at = parents.get(at) ?? null) {
        const count = of.get(at);
        if (count === undefined) of.set(at, { leaves: 1, ticked: one });
        else {
          count.leaves++;
          count.ticked += one;
        }
      }
    }
    counted = { version, of };
    return of;
  };

  const rowsOpen = (rows: TreeRow[], parent: string | null, depth: number): void => {
    const level = levels.get(parent);
    if (level === undefined) return;
    for (const id of level.ids) {
      const entry = entries.get(id);
      if (entry === undefined) continue;
      rows.push({ kind: 'node', id, depth, entry });
      if (opened.has(id)) rowsOpen(rows, id, depth + 1);
    }
    const text = noteOf(level);
    // What went wrong with the list as a whole stands above it: its end may be far below.
    if (text !== null && (parent !== null || (level.ids.length > 0 && level.failure === null))) {
      rows.push({ kind: 'note', id: `note ${parent ?? ''}`, depth, parent, text, failed: level.failure !== null });
    }
  };
  const rowsFound = (words: readonly string[]): TreeRow[] => {
    const shown = new Set<string>();
    for (const entry of entries.values()) {
      const text = `${entry.name} ${entry.fullName} ${entry.typeName} ${entry.description}`.toLowerCase();
      if (!words.every((word) => text.includes(word))) continue;
      for (let at: string | null = entry.id; at !== null && !shown.has(at); at = parents.get(at) ?? null) shown.add(at);
    }
    const rows: TreeRow[] = [];
    const add = (parent: string | null, depth: number): void => {
      for (const id of levels.get(parent)?.ids ?? []) {
        const entry = entries.get(id);
        if (entry === undefined || !shown.has(id)) continue;
        rows.push({ kind: 'node', id, depth, entry });
        add(id, depth + 1);
      }
    };
    add(null, 0);
    return rows;
  };

  return {
    get version() {
      return version;
    },
    get size() {
      return entries.size;
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    begin(parent) {
      beginLevel(levelOf(parent));
      changed();
    },
    receive({ parent, nodes, complete, found, told }) {
      const level = levelOf(parent);
      // A walk through everything comes to lists that nobody asked for by themselves.
      if (!level.loading) beginLevel(level);
      const into = level.next ?? level.ids;
      for (const node of nodes) {
        const place = parents.get(node.id);
        // A node has one place: a device that names it twice, or inside itself, shows it once.
        if (level.seen.has(node.id) || (place !== undefined && place !== parent)) continue;
        level.seen.add(node.id);
        entries.set(node.id, node);
        parents.set(node.id, parent);
        into.push(node.id);
      }
      level.found = Math.max(level.found, found);
      if (complete) {
        if (level.next !== null) {
          const kept = new Set(level.next);
          const gone = level.ids.filter((id) => !kept.has(id));
          // What was heard once stays: after a link that was opened anew it only has not been heard again yet.
          if (!told) for (const id of gone) forget(id);
          level.ids = told ? [...level.next, ...gone] : level.next;
          level.next = null;
        }
        level.complete = true;
        level.loading = false;
      }
      changed();
    },
    fail(parent, message) {
      const level = levelOf(parent);
      level.loading = false;
      level.next = null;
      level.failure = message;
      changed();
    },
    stop() {
      for (const level of levels.values()) {
        if (!level.loading) continue;
        level.loading = false;
        level.next = null;
      }
      changed();
    },
    entry: (id) => entries.get(id),
    parentOf: (id) => parents.get(id) ?? null,
    isLoaded: (parent) => levels.get(parent)?.complete === true,
    isLoading: (parent) => levels.get(parent)?.loading === true,
    failure: (parent) => levels.get(parent)?.failure ?? null,
    isOpen: (id) => opened.has(id),
    open(id, on) {
      if (on) opened.add(id);
      else opened.delete(id);
      changed();
    },
    tick(id, on) {
      for (const entry of below(id)) {
        if (!isTickable(entry)) continue;
        if (on) ticks.add(entry.id);
        else ticks.delete(entry.id);
      }
      changed();
    },
    clearTicks() {
      ticks.clear();
      changed();
    },
    tickState(id) {
      const count = counts().get(id);
      if (count === undefined || count.ticked === 0) return 'off';
      return count.ticked === count.leaves ? 'on' : 'some';
    },
    ticked() {
      const list: BrowseEntry[] = [];
      if (ticks.size === 0) return list;
      for (const id of levels.get(null)?.ids ?? []) {
        for (const entry of below(id)) if (ticks.has(entry.id)) list.push(entry);
      }
      return list;
    },
    unasked(id) {
      return [...below(id)]
        .filter((entry) => entry.hasChildren && levels.get(entry.id)?.complete !== true)
        .map(({ id: one }) => one);
    },
    rows(search) {
      const words = search
        .toLowerCase()
        .split(/\s+/)
        .filter((word) => word !== '');
      if (words.length > 0) return rowsFound(words);
      const rows: TreeRow[] = [];
      rowsOpen(rows, null, 0);
      return rows;
    },
  };
}

function noteOf(level: Level): string | null {
  if (level.failure !== null) return `${level.failure} Press Enter here to ask again.`;
  if (level.loading) {
    if (level.complete) return null;
    return level.found > level.ids.length ? `Asking, ${level.found} found so far` : 'Asking';
  }
  if (!level.complete)
    return level.ids.length > 0
      ? 'The list is not complete. Press Enter here to go on.'
      : 'Not asked yet. Press Enter here.';
  return level.ids.length === 0 ? 'Nothing below this' : null;
}
