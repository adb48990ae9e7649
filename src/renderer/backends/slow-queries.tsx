import { RotateCw } from 'lucide-react';
import { type ReactNode, useCallback, useEffect, useMemo, useState } from 'react';
import { errorText, useAbort, useClient, useZone } from '#renderer/client/index.ts';
import {
  Banner,
  Button,
  type Column,
  CopyButton,
  DataTable,
  EmptyState,
  formatCount,
  formatTime,
  Skeleton,
  SplitPane,
} from '#renderer/ui/index.ts';
import type { SlowQuery } from '#shared/model/index.ts';
import { msText } from './source-rows.tsx';

const rowId = (row: SlowQuery): string => row.id;
const EVERY_MS = 5_000;

/** Queries that took long, with the server's plan and what would make them quicker. */
export function SlowQueries({ id }: { readonly id: string }): ReactNode {
  const client = useClient();
  const newSignal = useAbort();
  const zone = useZone();
  const [found, setFound] = useState<{ readonly thresholdMs: number; readonly queries: readonly SlowQuery[] } | null>(
    null,
  );
  const [refusal, setRefusal] = useState<string | null>(null);
  const [selection, setSelection] = useState<ReadonlySet<string>>(new Set());

  const read = useCallback(async (): Promise<void> => {
    const signal = newSignal();
    try {
      const answer = await client.rpc.sources.slowQueries({ id }, { signal });
      setFound(answer);
      setRefusal(null);
    } catch (error) {
      if (!signal.aborted) setRefusal(errorText(error));
    }
  }, [client, id, newSignal]);
  useEffect(() => {
    setFound(null);
    void read();
    const timer = setInterval(() => void read(), EVERY_MS);
    return () => clearInterval(timer);
  }, [read]);

  const columns = useMemo(
    (): readonly Column<SlowQuery>[] => [
      {
        id: 'ms',
        title: 'Took',
        width: 80,
        align: 'right',
        mono: true,
        text: (row) => msText(row.ms),
        order: (row) => row.ms,
      },
      {
        id: 'rows',
        title: 'Rows',
        width: 80,
        align: 'right',
        mono: true,
        text: (row) => formatCount(row.rows),
        order: (row) => row.rows,
      },
      {
        id: 'time',
        title: 'At',
        width: 145,
        mono: true,
        yields: 1,
        text: (row) => formatTime(row.time, zone),
        order: (row) => row.time,
      },
      {
        id: 'hint',
        title: 'What to do',
        width: 220,
        grow: true,
        text: (row) => row.hints.map(({ advice }) => advice).join(' '),
      },
      {
        id: 'text',
        title: 'Query',
        width: 220,
        grow: true,
        mono: true,
        yields: 2,
        text: (row) => row.text.replace(/\s+/g, ' '),
      },
    ],
    [zone],
  );
  const shown = found?.queries.find((query) => selection.has(query.id)) ?? null;

  if (found === null && refusal === null) return <Skeleton rows={6} />;
  const table = (
    <DataTable
      name="slow-queries"
      label="Slow queries"
      rows={found?.queries ?? []}
      rowId={rowId}
      columns={columns}
      selection={selection}
      onSelect={setSelection}
      empty={
        <EmptyState
          title="No slow queries"
          text={`Queries that take longer than ${msText(found?.thresholdMs)} are listed here with the server's plan and a hint.`}
        />
      }
    />
  );
  return (
    <div className="source-part">
      <div className="source-part-bar">
        <span className="quiet">{`Above ${msText(found?.thresholdMs)}, the slowest first, since the engine began`}</span>
        <span className="toolbar-gap" />
        <Button icon={RotateCw} onClick={() => void read()}>
          Look again
        </Button>
      </div>
      {refusal !== null && <Banner tone="error">{refusal}</Banner>}
      <div className="page-fill">
        <SplitPane
          name="slow-queries"
          direction="vertical"
          first={table}
          minFirst="8rem"
          minSecond="8rem"
          secondSize="55%"
          second={shown === null ? null : <QueryDetail query={shown} />}
        />
      </div>
    </div>
  );
}

export function QueryDetail({ query }: { readonly query: SlowQuery }): ReactNode {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: keys scroll what is longer than the room
    <section className="source-scroll" aria-label="Query" tabIndex={0}>
      {query.hints.map(({ finding, advice }) => (
        <div key={finding}>
          <p className="selectable">{finding}</p>
          <p className="selectable ladder-advice">{advice}</p>
        </div>
      ))}
      {query.hints.length === 0 && <p className="quiet">Nothing in the plan asks for a change.</p>}
      <div className="source-part-head">
        <h3 className="section-title">Query</h3>
        <CopyButton text={() => query.text} label="Copy the query" />
      </div>
      <pre className="mono sql">{query.text}</pre>
      <div className="source-part-head">
        <h3 className="section-title">Plan</h3>
        {query.plan !== null && <CopyButton text={() => query.plan ?? ''} label="Copy the plan" />}
      </div>
      {query.plan === null ? (
        <p className="quiet">The server was not asked for it, or could not tell.</p>
      ) : (
        <pre className="mono sql">{query.plan}</pre>
      )}
    </section>
  );
}
