import { RotateCw } from 'lucide-react';
import type { ReactNode } from 'react';
import { useClient, useConnectionStatus, useNow, useProject, useZone } from '#renderer/client/index.ts';
import {
  Button,
  formatAge,
  formatCount,
  formatNumber,
  formatPeriod,
  formatTime,
  LinkMark,
  NO_VALUE,
  shownLinkState,
} from '#renderer/ui/index.ts';
import type { ConnectionDocument } from '#shared/model/index.ts';

const ms = (value: number | null): string => (value === null ? NO_VALUE : formatNumber(value, { decimals: 1 }));

/** What a connection does now, in words and figures. */
export function ConnectionStatusView({ connection }: { readonly connection: ConnectionDocument }): ReactNode {
  const client = useClient();
  const zone = useZone();
  const now = useNow(1000);
  const status = useConnectionStatus(connection.id);
  const devices = useProject((state) => state.device);
  if (status === undefined) {
    return (
      <p className="quiet list-note">
        {connection.enabled ? 'The engine has not reported this connection yet.' : 'The connection is switched off.'}
      </p>
    );
  }
  const retry = (): void => {
    client.rpc.connections
      .retry({ id: connection.id })
      .catch((error: unknown) => client.fail(error, `"${connection.name}" could not be tried again`));
  };
  return (
    <div className="conn-status">
      <div className="conn-state">
        <LinkMark state={shownLinkState(status.state, connection.enabled)} />
        <span className="quiet">
          since {formatTime(status.since, zone)} ({formatAge((now - status.since) / 1000, 'seconds')})
        </span>
        <span className="toolbar-gap" />
        {(status.state === 'lost' || status.state === 'connecting') && (
          <Button icon={RotateCw} onClick={retry}>
            Try now
          </Button>
        )}
      </div>
      {status.message !== null && <p className="selectable">{status.message}</p>}
      <dl className="facts">
        <dt>Endpoint</dt>
        <dd className="mono selectable">{status.endpoint}</dd>
        {status.attempts > 0 && (
          <>
            <dt>Attempts</dt>
            <dd className="mono">
              {formatCount(status.attempts)}
              {status.nextAttempt !== null &&
                `, next in ${formatAge(Math.max(0, status.nextAttempt - now) / 1000, 'seconds')}`}
            </dd>
          </>
        )}
      </dl>
      <h3 className="section-title">Devices</h3>
      <div className="wide">
        <table className="plain">
          <thead>
            <tr>
              <th>Device</th>
              <th>State</th>
              <th className="num" title="Mean time of an answer">
                Answer
              </th>
              <th className="num" title="99 of 100 answers are faster">
                p99
              </th>
              <th className="num">Requests</th>
              <th className="num">Errors</th>
              <th className="num">Time-outs</th>
              <th className="num">Last good</th>
            </tr>
          </thead>
          <tbody>
            {status.devices.map((device) => (
              <tr key={device.deviceId} title={device.message ?? undefined}>
                <td>{devices.get(device.deviceId)?.document.name ?? device.deviceId}</td>
                <td>
                  <LinkMark
                    state={shownLinkState(
                      device.state,
                      connection.enabled && devices.get(device.deviceId)?.document.enabled !== false,
                    )}
                  />
                </td>
                <td className="num">{device.responseMs === null ? NO_VALUE : `${ms(device.responseMs)} ms`}</td>
                <td className="num">{device.responseP99Ms === null ? NO_VALUE : `${ms(device.responseP99Ms)} ms`}</td>
                <td className="num">{formatCount(device.requests)}</td>
                <td className="num">{formatCount(device.errors)}</td>
                <td className="num">{formatCount(device.timeouts)}</td>
                <td className="num">
                  {device.lastGood === null ? NO_VALUE : `${formatAge((now - device.lastGood) / 1000)} ago`}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {status.devices
        .filter((device) => device.message !== null && device.message !== status.message)
        .map((device) => (
          <p key={device.deviceId} className="selectable">
            {device.message}
          </p>
        ))}
      <h3 className="section-title">Polling groups</h3>
      <div className="wide">
        <table className="plain">
          <thead>
            <tr>
              <th className="num">Period</th>
              <th className="num">Actual rate</th>
              <th className="num" title="99 of 100 polls start closer to their time than this">
                Jitter p99
              </th>
              <th className="num">Overruns</th>
              <th className="num">Tags</th>
              <th className="num" title="Requests that one poll of the group costs">
                Requests
              </th>
              <th className="num" title="Expected duration of one poll">
                Predicted
              </th>
            </tr>
          </thead>
          <tbody>
            {status.groups.map((group) => (
              <tr key={group.periodMs}>
                <td className="num">{formatPeriod(group.periodMs)}</td>
                <td className="num">
                  {group.actualHz === null ? NO_VALUE : `${formatNumber(group.actualHz, { decimals: 2 })} Hz`}
                </td>
                <td className="num">{group.jitterP99Ms === null ? NO_VALUE : `${ms(group.jitterP99Ms)} ms`}</td>
                <td className="num" data-warn={group.overruns > 0 ? '' : undefined}>
                  {formatCount(group.overruns)}
                </td>
                <td className="num">{formatCount(group.tags)}</td>
                <td className="num">{formatCount(group.requestsPerPoll)}</td>
                <td className="num">{group.predictedMs === null ? NO_VALUE : `${ms(group.predictedMs)} ms`}</td>
              </tr>
            ))}
            {status.groups.length === 0 && (
              <tr>
                <td colSpan={7} className="quiet">
                  Nothing is polled: the connection has no tags that are switched on.
                </td>
              </tr>
            )}
          </tbody>
        </table>
      </div>
    </div>
  );
}
