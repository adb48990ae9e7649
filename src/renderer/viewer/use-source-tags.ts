import { useEffect, useState } from 'react';
import { errorText, useClient, useSession, useStores } from '#renderer/client/index.ts';
import { traceKey } from './trace-key.ts';
import type { TraceTag } from './trend-model.ts';

/** Tags that the list shows of one source beside the trend's own; more are found by search. */
export const MOST_SOURCE_TAGS = 500;
const SEARCH_MS = 250;

export interface SourceTags {
  readonly tags: readonly TraceTag[];
  /** Null where it is not known how many there are. */
  readonly total: number | null;
  /** Why there are none, in words; null while there is no reason. */
  readonly fault: string | null;
  /** Why some are missing, in words. */
  readonly notes: readonly string[];
  readonly loading: boolean;
}

/** Tags of the sources that are open in the list, found by the source itself. */
export function useSourceTags(sources: readonly string[], text: string): ReadonlyMap<string, SourceTags> {
  const client = useClient();
  const answering = useSession((state) => state.phase === 'open');
  const [found, setFound] = useState<ReadonlyMap<string, SourceTags>>(new Map());
  const wanted = sources.join('\n');
  // What is sent to a source makes tags there.
  const sent = useStores('sendJobs', ({ jobs }) =>
    jobs.flatMap((job) => (sources.includes(job.target) ? `${job.id} ${job.state} ${job.sent > 0}` : [])).join('\n'),
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was sent is seen by asking again
  useEffect(() => {
    if (!answering || wanted === '') return;
    const abort = new AbortController();
    const put = (source: string, change: Partial<SourceTags>): void =>
      setFound((before) => {
        const now = before.get(source) ?? { tags: [], total: null, fault: null, notes: [], loading: true };
        return new Map(before).set(source, { ...now, ...change });
      });
    const timer = window.setTimeout(() => {
      for (const source of wanted.split('\n')) {
        put(source, { loading: true });
        client.rpc.history
          .findTags({ source, text, ids: null, offset: 0, limit: MOST_SOURCE_TAGS }, { signal: abort.signal })
          .then(({ tags, total, notes }) => {
            const keyed = tags.map((tag) => ({ ...tag, id: traceKey({ source, shiftMs: 0, tagId: tag.id }) }));
            put(source, { tags: keyed, total, fault: null, notes, loading: false });
          })
          .catch((error: unknown) => {
            if (!abort.signal.aborted)
              put(source, { tags: [], total: null, fault: errorText(error), notes: [], loading: false });
          });
      }
    }, SEARCH_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [client, answering, wanted, text, sent]);
  return found;
}
