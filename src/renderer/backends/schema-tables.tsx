import type { ReactNode } from 'react';
import { useNow, useZone } from '#renderer/client/index.ts';
import {
  Button,
  formatAge,
  formatBytes,
  formatCount,
  formatPeriod,
  formatTime,
  Mark,
  NO_VALUE,
} from '#renderer/ui/index.ts';
import type { SchemaState, SchemaStatistics } from '#shared/model/own-schema.ts';

export function Statistics({
  statistics,
  counting,
  onCount,
}: {
  readonly statistics: SchemaStatistics;
  readonly counting: boolean;
  readonly onCount: () => void;
}): ReactNode {
  const zone = useZone();
  const { compression, exact } = statistics;
  const rows: readonly (readonly [string, string])[] = [
    ['Series', formatCount(statistics.series)],
    ['Samples', `${exact ? '' : 'about '}${formatCount(statistics.rows)}`],
    ['From', formatTime(statistics.first, zone)],
    ['To', formatTime(statistics.last, zone)],
    ['Samples take', formatBytes(statistics.bytes)],
    ['Indexes take', formatBytes(statistics.indexBytes)],
    ['Aggregates take', formatBytes(statistics.rollupBytes)],
    ['Chunks', formatCount(statistics.chunks)],
    ...(compression === null
      ? []
      : ([
          ['Compressed', `${formatCount(compression.chunks)} chunks`],
          ['to', `${formatBytes(compression.after)} of ${formatBytes(compression.before)}`],
        ] as const)),
  ];
  return (
    <>
      <div className="source-part-head">
        <h3 className="section-title">Statistics</h3>
        {!exact && (
          <Button look="plain" disabled={counting} onClick={onCount} title="Reads the whole table">
            {counting ? 'Counting' : 'Count exactly'}
          </Button>
        )}
      </div>
      <div className="source-figures">
        {rows.map(([name, text]) => (
          <div key={name} className="source-figure">
            <span>{name}</span>
            <span className="mono">{text}</span>
          </div>
        ))}
      </div>
    </>
  );
}

const policyNames = { compression: 'Compression', retention: 'Retention', rollup: 'Aggregate' } as const;

export function Policies({ state }: { readonly state: SchemaState }): ReactNode {
  const zone = useZone();
  return (
    <>
      <h3 className="section-title">Compression, retention and upkeep</h3>
      {state.policies.length === 0 ? (
        <p className="quiet">The server looks after nothing by itself.</p>
      ) : (
        <div className="wide">
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col">On</th>
                <th scope="col">Rule</th>
                <th scope="col">Last run</th>
                <th scope="col">Next run</th>
              </tr>
            </thead>
            <tbody>
              {state.policies.map((policy) => (
                <tr key={`${policy.kind} ${policy.on}`}>
                  <td>{policyNames[policy.kind]}</td>
                  <td className="mono">{policy.on}</td>
                  <td className="source-wrap">{policy.says}</td>
                  <td>
                    <Mark
                      tone={policy.lastOk === null ? 'quiet' : policy.lastOk ? 'ok' : 'error'}
                      shape={policy.lastOk === null ? 'ring' : policy.lastOk ? 'disc' : 'cross'}
                    >
                      {policy.lastRun === null ? 'never' : formatTime(policy.lastRun, zone)}
                    </Mark>
                    {policy.failures > 0 && ` ${formatCount(policy.failures)} of ${formatCount(policy.runs)} failed`}
                  </td>
                  <td className="mono">{formatTime(policy.nextRun, zone)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

export function Rollups({
  state,
  onMenu,
}: {
  readonly state: SchemaState;
  readonly onMenu: (rollup: string, element: HTMLElement) => void;
}): ReactNode {
  const zone = useZone();
  const now = useNow(10_000);
  return (
    <>
      <h3 className="section-title">Aggregates</h3>
      {state.rollups.length === 0 ? (
        <p className="quiet">None. Long ranges are worked out from the samples.</p>
      ) : (
        <div className="wide">
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col" className="num">
                  Step
                </th>
                <th scope="col">Filled</th>
                <th scope="col" className="num">
                  Takes
                </th>
                <th scope="col">Kept up to date</th>
                <th scope="col">
                  <span className="visually-hidden">Commands</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {state.rollups.map((rollup) => (
                <tr key={rollup.name}>
                  <td className="mono">{rollup.name}</td>
                  <td className="num">{formatPeriod(rollup.step)}</td>
                  <td className="source-wrap">
                    {rollup.filled === null
                      ? 'nothing yet'
                      : `${formatTime(rollup.filled.from, zone, 'minute')} to ${formatAge((now - rollup.filled.to) / 1000, 'seconds')} ago`}
                  </td>
                  <td className="num">{rollup.bytes === 0 ? NO_VALUE : formatBytes(rollup.bytes)}</td>
                  <td>{rollup.policy ? 'by the server' : 'when asked'}</td>
                  <td>
                    <Button look="plain" onClick={(event) => onMenu(rollup.name, event.currentTarget)}>
                      Commands
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
