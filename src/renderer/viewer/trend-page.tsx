import { type ReactNode, useEffect, useMemo } from 'react';
import { useClient, useProject, useStores } from '#renderer/client/index.ts';
import { usePreference } from '#renderer/ui/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import { TrendDesk } from './trend-desk.tsx';
import { DEFAULT_TREND } from './trend-model.ts';
import './trend.css';

/** Live values and history in one view. */
export function TrendPage(): ReactNode {
  const client = useClient();
  const opened = useStores('files', (state) => state.opened);
  const wanted = useStores('view', (state) => state.openedSource);
  const request = useStores('view', (state) => state.trendRequest);
  const trends = useProject((state) => state.trend);
  const [chosen, setTrendId] = usePreference<string | null>('trend-current', null);
  // A trend that came with the project is better to begin with than an empty sheet.
  const first = trends.has(DEFAULT_TREND) ? DEFAULT_TREND : (trends.keys().next().value ?? DEFAULT_TREND);
  const trendId = chosen !== null && (chosen === DEFAULT_TREND || trends.has(chosen)) ? chosen : first;
  useEffect(() => {
    if (request === null || request.trendId === null) return;
    setTrendId(request.trendId);
    const rest = request.tagIds.length === 0 ? null : { ...request, trendId: null };
    client.stores.view.setState({ trendRequest: rest });
  }, [client, request, setTrendId]);
  // A recording that was closed elsewhere leaves the page with the running history.
  const source = wanted === RUNNING_HISTORY || opened.some((file) => file.id === wanted) ? wanted : RUNNING_HISTORY;
  const known = useStores('sources', (state) => state.byId);
  const sources = useMemo(
    () => [{ id: RUNNING_HISTORY, name: 'Running history' }, ...opened.map(({ id, name }) => ({ id, name }))],
    [opened],
  );
  const plants = useMemo(
    () => [...known.values()].filter(({ state }) => state !== 'disabled').map(({ id, name }) => ({ id, name })),
    [known],
  );
  return (
    <TrendDesk
      key={`${source}/${trendId}`}
      source={source}
      sources={sources}
      plants={plants}
      onSource={(id) => client.stores.view.setState({ openedSource: id })}
      trendId={trendId}
      onTrend={setTrendId}
    />
  );
}
