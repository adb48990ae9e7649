import { useEffect, useMemo, useState } from 'react';
import { useClient, useSession, useStores } from '#renderer/client/index.ts';
import { type HistoryTag, RUNNING_HISTORY } from '#shared/rpc/history.ts';
import type { TraceTag } from './trend-model.ts';

/** Tags that a source has, by id: the project's for the running history, the file's own for a recording. */
export function useTrendTags(source: string): ReadonlyMap<string, TraceTag> | null {
  const client = useClient();
  const running = useStores('tags', (state) => state.byId);
  const loaded = useStores('tags', (state) => state.loaded);
  const open = useSession((state) => state.phase === 'open');
  const [stored, setStored] = useState<{ readonly source: string; readonly tags: readonly HistoryTag[] } | null>(null);
  useEffect(() => {
    if (source === RUNNING_HISTORY || !open) return;
    const abort = new AbortController();
    client.rpc.history
      .tags({ source }, { signal: abort.signal })
      .then(({ tags }) => setStored({ source, tags }))
      .catch((error: unknown) => client.fail(error, 'The tags of the recording could not be read'));
    return () => abort.abort();
  }, [client, source, open]);
  return useMemo(() => {
    if (source === RUNNING_HISTORY) return loaded ? running : null;
    return stored?.source === source ? new Map(stored.tags.map((tag) => [tag.id, tag])) : null;
  }, [source, running, loaded, stored]);
}
