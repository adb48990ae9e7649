import { useEffect, useMemo, useState } from 'react';
import { useClient, useSession } from '#renderer/client/index.ts';
import type { HistoryTag } from '#shared/rpc/history.ts';
import { isPlain, shiftText, traceParts } from './trace-key.ts';
import type { TraceTag } from './trend-model.ts';

export interface TrendSourceName {
  readonly id: string;
  readonly name: string;
}

const ASK_AGAIN_MS = 10_000;

/**
 * What is known of every trace, by its key: tags of the trend's own source, and of those sources that traces name. Null
 * while the own source's tags are not known.
 */
export function useTraceTags(
  own: ReadonlyMap<string, TraceTag> | null,
  keys: readonly string[],
  sources: readonly TrendSourceName[],
): ReadonlyMap<string, TraceTag> | null {
  const client = useClient();
  const open = useSession((state) => state.phase === 'open');
  /** By source and id. */
  const [found, setFound] = useState<ReadonlyMap<string, HistoryTag>>(new Map());
  const [attempt, setAttempt] = useState(0);
  const asked = keys.filter((key) => traceParts(key).source !== null);
  const wanted = asked.join('\n');

  // biome-ignore lint/correctness/useExhaustiveDependencies: an attempt asks anew
  useEffect(() => {
    if (!open || wanted === '') return;
    const abort = new AbortController();
    const bySource = new Map<string, string[]>();
    for (const key of wanted.split('\n')) {
      const { source, tagId } = traceParts(key);
      if (source === null || found.has(`${source}\n${tagId}`)) continue;
      bySource.set(source, [...(bySource.get(source) ?? []), tagId]);
    }
    let timer: number | undefined;
    for (const [source, ids] of bySource) {
      client.rpc.history
        .findTags({ source, text: '', ids, offset: 0, limit: 1_000 }, { signal: abort.signal })
        .then(({ tags }) => {
          if (tags.length === 0) return;
          setFound((before) => new Map([...before, ...tags.map((tag) => [`${source}\n${tag.id}`, tag] as const)]));
        })
        .catch(() => {
          // The trace says that its source does not answer; what it is called is asked for again.
          if (!abort.signal.aborted) timer ??= window.setTimeout(() => setAttempt((now) => now + 1), ASK_AGAIN_MS);
        });
    }
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [client, open, wanted, attempt]);

  const all = keys.join('\n');
  return useMemo(() => {
    if (own === null) return null;
    const made = new Map(own);
    for (const key of all.split('\n')) {
      if (key === '' || isPlain(key)) continue;
      const { source, shiftMs, tagId } = traceParts(key);
      const tag: TraceTag | undefined = source === null ? own.get(tagId) : found.get(`${source}\n${tagId}`);
      const name = source === null ? null : (sources.find(({ id }) => id === source)?.name ?? source);
      const origin = [name, shiftText(shiftMs)].filter((part) => part !== null && part !== '').join(', ');
      // A tag that its source has not told of yet, or cannot now, keeps its place and says whose it is.
      made.set(key, { ...(tag ?? unknown(tagId)), id: key, origin });
    }
    return made;
  }, [own, all, found, sources]);
}

const unknown = (tagId: string): TraceTag => ({
  id: tagId,
  name: tagId,
  description: '',
  unit: null,
  type: 'float64',
  decimals: null,
  range: null,
  demo: false,
});
