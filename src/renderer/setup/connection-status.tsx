import { RotateCw } from 'lucide-react';
import type { ReactNode } from 'react';
import { useClient, useConnectionStatus, useNow, useProject, useStores, useZone } from '#renderer/client/index.ts';
import {
  Button,
  formatAge,
  formatCount,
  formatDuration,
  formatNumber,
  formatPeriod,
  formatTime,
  MiddleText,
  NO_VALUE,
  type ShownState,
  StateMark,
  shownLinkState,
} from '#renderer/ui/index.ts';
import type { ConnectionDocument, DeviceStatus, GroupStatus } from '#shared/model/index.ts';

const ms = (value: number | null): string => (value === null ? NO_VALUE : `${formatNumber(value, { decimals: 1 })} ms`);
/** How far clocks are apart: milliseconds as long as they tell more than hours and days. */
const apart = (value: number | null): string =>
  value === null || Math.abs(value) < 10_000 ? ms(value) : formatDuration(value);

/** What a connection does now, in words and figures. */
export function ConnectionStatusView({ connection }: { readonly connection: ConnectionDocument }): ReactNode {
  const client = useClient();
  const zone = useZone();
  const now = useNow(1000);
  const status = useConnectionStatus(connection.id);
  const devices = useProject((state) => state.device);
  const told = useStores('catalogue', ({ catalogue }) =>
    catalogue?.protocols.some((entry) => entry.id === connection.protocol && entry.tells),
  );
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
        <StateMark state={shownLinkState(status.state, connection.enabled)} />
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
      <PlainTable
        columns={told ? deviceColumns.filter((column) => column.asked !== true) : deviceColumns}
        rows={status.devices.map((device) => ({
          key: device.deviceId,
          hint: device.message ?? undefined,
          device,
          name: devices.get(device.deviceId)?.document.name ?? device.deviceId,
          state: shownLinkState(
            device.state,
            connection.enabled && devices.get(device.deviceId)?.document.enabled !== false,
          ),
          now,
        }))}
        empty="The connection has no devices yet. Add one in its settings."
      />
      {status.devices
        .filter((device) => device.message !== null && device.message !== status.message)
        .map((device) => (
          <p key={device.deviceId} className="selectable">
            {status.devices.length > 1 && `${devices.get(device.deviceId)?.document.name ?? device.deviceId}: `}
            {device.message}
          </p>
        ))}
      <h3 className="section-title">{told ? 'Data as it comes' : 'Polling groups'}</h3>
      <PlainTable
        columns={told ? toldColumns : groupColumns}
        rows={status.groups.map((group) => ({ key: String(group.periodMs), hint: undefined, group }))}
        empty={`Nothing is ${told ? 'listened for' : 'polled'}: the connection has no tags that are switched on.`}
      />
    </div>
  );
}

interface PlainColumn<Row> {
  readonly title: string;
  readonly hint?: string;
  readonly text?: true;
  /** Of devices that are asked; one that sends by itself has no such figure. */
  readonly asked?: true;
  /** The column is left out where no row has it. */
  readonly shown?: (row: Row) => boolean;
  readonly warn?: (row: Row) => boolean;
  readonly cell: (row: Row) => ReactNode;
}

interface DeviceRow {
  readonly device: DeviceStatus;
  readonly name: string;
  readonly state: ShownState;
  readonly now: number;
}
const deviceColumns: readonly PlainColumn<DeviceRow>[] = [
  { title: 'Device', text: true, cell: ({ name }) => <MiddleText text={name} /> },
  { title: 'State', text: true, cell: ({ state }) => <StateMark state={state} /> },
  { title: 'Answer', hint: 'Mean time of an answer', asked: true, cell: ({ device }) => ms(device.responseMs) },
  { title: 'p99', hint: '99 of 100 answers are faster', asked: true, cell: ({ device }) => ms(device.responseP99Ms) },
  { title: 'Requests', asked: true, cell: ({ device }) => formatCount(device.requests) },
  { title: 'Errors', asked: true, cell: ({ device }) => formatCount(device.errors) },
  { title: 'Time-outs', asked: true, cell: ({ device }) => formatCount(device.timeouts) },
  {
    title: 'Clock ahead',
    hint: "How far the device's clock is ahead of this computer's, by the times it gives what it sends",
    shown: ({ device }) => device.clockAheadMs !== null,
    cell: ({ device }) => apart(device.clockAheadMs),
  },
  {
    title: 'Gains a day',
    hint: "What the device's clock gains on this computer's, measured over ten minutes and more",
    shown: ({ device }) => device.clockGainPerDayMs !== null,
    cell: ({ device }) => apart(device.clockGainPerDayMs),
  },
  {
    title: 'Last good',
    cell: ({ device, now }) =>
      device.lastGood === null ? NO_VALUE : `${formatAge((now - device.lastGood) / 1000)} ago`,
  },
];

interface GroupRow {
  readonly group: GroupStatus;
}
const hz = (value: number | null): string => (value === null ? NO_VALUE : `${formatNumber(value, { decimals: 2 })} Hz`);
const groupColumns: readonly PlainColumn<GroupRow>[] = [
  { title: 'Period', cell: ({ group }) => formatPeriod(group.periodMs) },
  { title: 'Actual rate', cell: ({ group }) => hz(group.actualHz) },
  {
    title: 'Jitter p99',
    hint: '99 of 100 polls start closer to their time than this',
    cell: ({ group }) => ms(group.jitterP99Ms),
  },
  { title: 'Overruns', warn: ({ group }) => group.overruns > 0, cell: ({ group }) => formatCount(group.overruns) },
  { title: 'Tags', cell: ({ group }) => formatCount(group.tags) },
  {
    title: 'Requests',
    hint: 'Requests that one poll of the group costs',
    cell: ({ group }) => formatCount(group.requestsPerPoll),
  },
  { title: 'Predicted', hint: 'Expected duration of one poll', cell: ({ group }) => ms(group.predictedMs) },
];
const toldColumns: readonly PlainColumn<GroupRow>[] = [
  {
    title: 'Expected every',
    hint: 'The period of the tags; without data for longer than this and the time-out they are bad',
    cell: ({ group }) => formatPeriod(group.periodMs),
  },
  { title: 'Comes at', cell: ({ group }) => hz(group.actualHz) },
  { title: 'Tags', cell: ({ group }) => formatCount(group.tags) },
];

function PlainTable<Row>({
  columns: all,
  rows,
  empty,
}: {
  readonly columns: readonly PlainColumn<Row>[];
  readonly rows: readonly (Row & { readonly key: string; readonly hint: string | undefined })[];
  readonly empty?: string;
}): ReactNode {
  const columns = all.filter(({ shown }) => shown === undefined || rows.some(shown));
  const side = ({ text }: PlainColumn<Row>): string | undefined => (text === true ? undefined : 'num');
  return (
    <div className="wide">
      <table className="plain">
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.title} className={side(column)} title={column.hint}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key} title={row.hint}>
              {columns.map((column) => (
                <td
                  key={column.title}
                  className={side(column)}
                  data-warn={column.warn?.(row) === true ? '' : undefined}
                >
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
          {rows.length === 0 && empty !== undefined && (
            <tr>
              <td colSpan={columns.length} className="quiet">
                {empty}
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}
