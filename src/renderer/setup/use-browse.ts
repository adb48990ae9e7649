import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { errorText, useClient } from '#renderer/client/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { BrowseItem } from '#shared/rpc/browsing.ts';
import { type BrowseTree, createBrowseTree } from './browse-tree.ts';

/** What is known of the device by the lists that came. */
export interface BrowseFacts {
  readonly own: boolean;
  readonly told: boolean;
  readonly cut: boolean;
}

export interface Browse {
  readonly tree: BrowseTree;
  readonly version: number;
  readonly facts: BrowseFacts;
  /** Everything is being asked for: the nodes known so far. */
  readonly walking: boolean;
  /** Lists what lies under a node, null for the top. */
  load(parent: string | null): Promise<void>;
  /** Lists everything below nodes, null for all there is. Resolves with true when it came to its end. */
  walk(from: readonly (string | null)[]): Promise<boolean>;
  /** Ends what is being asked for. */
  cancel(): void;
}

/** Those who tell go on telling: what has been heard is looked up again this often. */
const HEARD_MS = 2_000;
const NO_FACTS: BrowseFacts = { own: false, told: false, cut: false };

/** Browses one connection while the component is there. */
export function useBrowse(connectionId: string): Browse {
  const client = useClient();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another connection is another tree
  const tree = useMemo(() => createBrowseTree(), [connectionId]);
  const version = useSyncExternalStore(tree.watch, () => tree.version);
  const [facts, setFacts] = useState(NO_FACTS);
  const [walking, setWalking] = useState(false);
  const asking = useRef(new AbortController());

  const list = useCallback(
    async (parent: string | null, deep: boolean): Promise<boolean> => {
      const { signal } = asking.current;
      tree.begin(parent);
      // Of a walk the list that it is at.
      let at = parent;
      try {
        let last: BrowseItem | null = null;
        for await (const item of client.rpc.browsing.list({ connectionId, parent, deep }, { signal })) {
          tree.receive(item);
          at = item.parent;
          last = item;
        }
        if (signal.aborted) return false;
        if (last !== null) {
          const { own, told, cut } = last;
          setFacts((known) =>
            known.own === own && known.told === told && known.cut === cut ? known : { own, told, cut },
          );
        }
        return last?.cut !== true;
      } catch (error) {
        if (signal.aborted || isAppError(error, 'rpc.cancelled')) tree.stop();
        else tree.fail(at, errorText(error));
        return false;
      }
    },
    [client, connectionId, tree],
  );
  const load = useCallback(
    async (parent: string | null) => {
      if (!tree.isLoading(parent)) await list(parent, false);
    },
    [list, tree],
  );
  const walk = useCallback(
    async (from: readonly (string | null)[]) => {
      setWalking(true);
      try {
        for (const parent of from) if (!(await list(parent, true))) return false;
        return true;
      } finally {
        setWalking(false);
      }
    },
    [list],
  );
  const cancel = useCallback(() => {
    asking.current.abort();
    asking.current = new AbortController();
    tree.stop();
    setWalking(false);
  }, [tree]);

  useEffect(() => {
    asking.current = new AbortController();
    setFacts(NO_FACTS);
    void load(null);
    return () => asking.current.abort();
  }, [load]);

  useEffect(() => {
    if (!facts.told) return;
    const timer = setInterval(() => {
      if (walking) return;
      void load(null);
      for (const row of tree.rows('')) {
        if (row.kind === 'node' && row.entry.hasChildren && tree.isOpen(row.id)) void load(row.id);
      }
    }, HEARD_MS);
    return () => clearInterval(timer);
  }, [facts.told, walking, load, tree]);

  return { tree, version, facts, walking, load, walk, cancel };
}
