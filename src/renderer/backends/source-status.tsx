import { RotateCw, Table2 } from 'lucide-react';
import type { ReactNode } from 'react';
import { useClient, useNow, useZone } from '#renderer/client/index.ts';
import {
  Banner,
  Button,
  formatAge,
  formatBytes,
  formatCount,
  formatTime,
  Mark,
  NO_VALUE,
  plural,
} from '#renderer/ui/index.ts';
import type { SourceDocument, SourceHealth, SourceStatus } from '#shared/model/index.ts';
import { msText, ratioText, SourceMark } from './source-rows.tsx';

const breakerMarks = {
  closed: { tone: 'ok', shape: 'disc', text: 'Closed: questions go through' },
  open: { tone: 'error', shape: 'cross', text: 'Open: nothing is asked for now' },
  trying: { tone: 'warn', shape: 'triangle', text: 'Trying one question' },
} as const;

/** What a source does now, in words and figures. */
export function SourceStatusView({
  source,
  status,
  onTables,
  onMap,
}: {
  /** Null for one that is given by configuration. */
  readonly source: SourceDocument | null;
  readonly status: SourceStatus | undefined;
  readonly onTables: () => void;
  readonly onMap: () => void;
}): ReactNode {
  const client = useClient();
  const zone = useZone();
  const now = useNow(1000);
  if (status === undefined) {
    return (
      <p className="quiet list-note source-note">
        {source?.enabled === false ? 'The source is switched off.' : 'The engine has not reported this source yet.'}
      </p>
    );
  }
  const { health, server, state } = status;
  const retry = (): void => {
    client.rpc.sources
      .retry({ id: status.id })
      .catch((error: unknown) => client.fail(error, `"${status.name}" could not be tried again`));
  };
  const ago = (time: number): string => formatAge((now - time) / 1000, 'seconds');
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: keys scroll what is longer than the room
    <section className="conn-status" tabIndex={0} aria-label="Status of the source">
      <div className="conn-state">
        <SourceMark state={state} />
        <span className="quiet">
          since {formatTime(status.since, zone)} ({ago(status.since)})
        </span>
        <span className="toolbar-gap" />
        {(state === 'lost' || state === 'connecting' || state === 'degraded') && (
          <Button icon={RotateCw} onClick={retry}>
            Try now
          </Button>
        )}
      </div>
      {status.place !== null && (
        <Banner tone="info">
          {`Given by the configuration: ${status.place.file}, line ${status.place.line}. It is changed there, and holds from the next start.`}
        </Banner>
      )}
      {status.message !== null && <p className="selectable">{status.message}</p>}
      {status.advice !== null && <p className="selectable ladder-advice">{status.advice}</p>}
      {state === 'running' && status.can.foreign && source?.mappings.length === 0 && (
        <Banner
          tone="info"
          actions={
            <Button icon={Table2} onClick={onMap}>
              Map a table
            </Button>
          }
        >
          Connected. No table is mapped yet, so none of the plant's tags are known.
        </Banner>
      )}
      {status.drift.length > 0 && (
        <Banner tone="warn" actions={<Button onClick={onTables}>Show</Button>}>
          {`${plural(status.drift.length, 'mapped table')} ${status.drift.length === 1 ? 'is' : 'are'} not any more as mapped.`}
        </Banner>
      )}
      <dl className="facts">
        <dt>Endpoint</dt>
        <dd className="mono selectable">{status.endpoint ?? NO_VALUE}</dd>
        <dt>Server</dt>
        <dd className="selectable">{server === null ? NO_VALUE : `${server.product} ${server.version}`}</dd>
        {server !== null && server.edition !== null && (
          <>
            <dt>Edition</dt>
            <dd className="selectable">{server.edition}</dd>
          </>
        )}
        <dt>Connections</dt>
        <dd>
          {server === null
            ? NO_VALUE
            : `${server.pool.used} in use, ${server.pool.idle} idle, of at most ${server.pool.limit}${
                server.pool.waiting > 0 ? `; ${plural(server.pool.waiting, 'question')} waiting for one` : ''
              }`}
        </dd>
        <dt>Breaker</dt>
        <dd>
          <Mark tone={breakerMarks[health.breaker.state].tone} shape={breakerMarks[health.breaker.state].shape}>
            {breakerMarks[health.breaker.state].text}
            {health.breaker.nextAttempt !== null &&
              `, next in ${formatAge(Math.max(0, health.breaker.nextAttempt - now) / 1000, 'seconds')}`}
          </Mark>
        </dd>
      </dl>
      <Figures health={health} writes={status.capabilities?.ingest === true} />
      <Abilities status={status} />
    </section>
  );
}

function Figures({ health, writes }: { readonly health: SourceHealth; readonly writes: boolean }): ReactNode {
  const { cache } = health;
  const rows: readonly {
    readonly name: string;
    readonly hint?: string;
    readonly text: string;
    readonly warn?: boolean;
  }[] = [
    { name: 'Questions', text: formatCount(health.queries.count) },
    { name: 'Answer, half of them within', text: msText(health.queries.p50Ms) },
    { name: 'Answer, 99 of 100 within', text: msText(health.queries.p99Ms) },
    { name: 'Rows read', text: formatCount(health.rowsRead) },
    { name: 'Questions waiting', text: formatCount(health.waiting) },
    { name: 'Errors', text: formatCount(health.errors), warn: health.errors > 0 },
    {
      name: 'Tried again',
      hint: 'Questions that were asked once more after an error that may pass',
      text: formatCount(health.retries),
    },
    ...(writes
      ? [
          { name: 'Rows written', text: formatCount(health.rowsWritten) },
          { name: 'Rows refused', text: formatCount(health.rowsRejected), warn: health.rowsRejected > 0 },
          { name: 'Rows waiting to be written', text: formatCount(health.buffered) },
          { name: 'Write, 99 of 100 within', text: msText(health.writes.p99Ms) },
        ]
      : []),
    { name: 'Answers from the cache', hint: 'Of all questions that the cache was asked', text: ratioText(cache.ratio) },
    { name: 'Cache holds', text: `${formatBytes(cache.bytes)} of ${formatBytes(cache.limit)}` },
  ];
  return (
    <>
      <h3 className="section-title">Since the engine began</h3>
      <div className="source-figures">
        {rows.map(({ name, hint, text, warn }) => (
          <div key={name} className="source-figure" title={hint}>
            <span>{name}</span>
            <span className="mono" data-warn={warn === true ? '' : undefined}>
              {text}
            </span>
          </div>
        ))}
      </div>
    </>
  );
}

/** What can be asked of the source, and what is worked out from its samples instead. */
function Abilities({ status }: { readonly status: SourceStatus }): ReactNode {
  const { capabilities, can } = status;
  if (capabilities === null) return null;
  const lines: readonly (readonly [boolean, string, string])[] = [
    [true, `Aggregates by itself: ${capabilities.aggregates.join(', ') || 'none'}.`, ''],
    [capabilities.raw, 'Gives every sample, from which anything else is worked out.', 'Gives no raw samples.'],
    [can.tags, 'Lists its tags.', 'Cannot list its tags.'],
    [can.foreign, 'Tables that others made can be mapped.', 'Has no tables of others to map.'],
    [can.schema, 'Can keep tables of this program.', 'Is only read: it keeps no tables of this program.'],
    [can.raw, 'Takes questions in its own language.', 'Takes no questions in its own language.'],
  ];
  return (
    <>
      <h3 className="section-title">What it can do</h3>
      <ul className="source-abilities">
        {lines.map(([has, yes, no]) => (
          <li key={yes}>
            <Mark tone="quiet" shape={has ? 'square' : 'ring'}>
              {has ? yes : no}
            </Mark>
          </li>
        ))}
      </ul>
    </>
  );
}
