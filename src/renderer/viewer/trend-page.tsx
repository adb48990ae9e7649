import type { ReactNode } from 'react';
import { useClient, useStores } from '#renderer/client/index.ts';
import { usePreference } from '#renderer/ui/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/contract.ts';
import { TrendDesk } from './trend-desk.tsx';
import { DEFAULT_TREND } from './trend-model.ts';
import './trend.css';

/** Live values and history in one view. */
export function TrendPage(): ReactNode {
  const client = useClient();
  const opened = useStores('files', (state) => state.opened);
  const wanted = useStores('view', (state) => state.openedSource);
  const [trendId, setTrendId] = usePreference('trend.current', DEFAULT_TREND);
  // A recording that was closed elsewhere leaves the page with the running history.
  const source = wanted === RUNNING_HISTORY || opened.some((file) => file.id === wanted) ? wanted : RUNNING_HISTORY;
  return (
    <TrendDesk
      key={`${source}/${trendId}`}
      source={source}
      sources={[
        { id: RUNNING_HISTORY, name: 'Running history' },
        ...opened.map((file) => ({ id: file.id, name: file.name })),
      ]}
      onSource={(id) => client.stores.view.setState({ openedSource: id })}
      trendId={trendId}
      onTrend={setTrendId}
    />
  );
}
