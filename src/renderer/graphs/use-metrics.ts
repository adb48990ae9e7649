import { useEffect, useState } from 'react';
import { errorText, useClient, useSession } from '#renderer/client/index.ts';
import type { BackendProfile } from '#shared/model/graph/index.ts';
import type { CatalogueMetric } from '#shared/rpc/graphs.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';

export const MOST_FOUND = 100;
const SEARCH_MS = 200;

export interface FoundMetrics {
  readonly metrics: readonly CatalogueMetric[];
  readonly total: number;
  readonly fault: string | null;
  readonly loading: boolean;
}
const NONE: FoundMetrics = { metrics: [], total: 0, fault: null, loading: true };

/** Metrics of a source that hold all words. */
export function useMetricSearch(source: string | null, text: string): FoundMetrics {
  const client = useClient();
  const open = useSession((state) => state.phase === 'open');
  const [found, setFound] = useState<FoundMetrics>(NONE);
  useEffect(() => {
    if (!open) return;
    const abort = new AbortController();
    setFound((before) => ({ ...before, loading: true }));
    const timer = window.setTimeout(() => {
      client.rpc.graphs
        .metrics(
          { source: source ?? RUNNING_HISTORY, text, namespace: null, offset: 0, limit: MOST_FOUND },
          { signal: abort.signal },
        )
        .then(({ metrics, total }) => setFound({ metrics, total, fault: null, loading: false }))
        .catch((error: unknown) => {
          if (!abort.signal.aborted) setFound({ metrics: [], total: 0, fault: errorText(error), loading: false });
        });
    }, SEARCH_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [client, open, source, text]);
  return found;
}

/** What is known of the metrics that a graph's series name, by source and key. */
export function useKnownMetrics(
  series: readonly { readonly metric: string; readonly source: string | null }[],
  usual: string | null,
): (source: string | null, key: string) => CatalogueMetric | null | undefined {
  const client = useClient();
  const open = useSession((state) => state.phase === 'open');
  const [known, setKnown] = useState<ReadonlyMap<string, CatalogueMetric | null>>(new Map());
  const place = (source: string | null, key: string): string => `${source ?? usual ?? RUNNING_HISTORY}\n${key}`;
  const wanted = [...new Set(series.map(({ source, metric }) => place(source, metric)))].join('\n\n');
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is known already is not asked for again
  useEffect(() => {
    if (!open || wanted === '') return;
    const abort = new AbortController();
    for (const name of wanted.split('\n\n')) {
      if (known.has(name)) continue;
      const [source, key] = name.split('\n') as [string, string];
      client.rpc.graphs
        .metrics({ source, text: key, namespace: null, offset: 0, limit: 50 }, { signal: abort.signal })
        .then(({ metrics }) => {
          const metric = metrics.find((one) => one.key === key) ?? null;
          setKnown((before) => new Map(before).set(name, metric));
        })
        // The preview says why a source does not answer.
        .catch(() => undefined);
    }
    return () => abort.abort();
  }, [client, open, wanted]);
  return (source, key) => known.get(place(source, key));
}

/** What a source can do; null while that is not known. */
export function useProfile(source: string | null): (BackendProfile & { readonly title: string }) | null {
  const client = useClient();
  const open = useSession((state) => state.phase === 'open');
  const [profile, setProfile] = useState<(BackendProfile & { readonly title: string }) | null>(null);
  useEffect(() => {
    if (!open) return;
    const abort = new AbortController();
    setProfile(null);
    client.rpc.graphs
      .profile({ source: source ?? RUNNING_HISTORY }, { signal: abort.signal })
      .then(setProfile)
      .catch(() => undefined);
    return () => abort.abort();
  }, [client, open, source]);
  return profile;
}
