import { useMemo } from 'react';
import { useStore } from 'zustand';
import { useNow, useProject, useStores } from '#renderer/client/index.ts';
import {
  type Column,
  DemoMark,
  formatAge,
  formatCount,
  formatNumber,
  MiddleText,
  NO_VALUE,
  type ShownState,
  StateMark,
  shownLinkState,
  stateMarks,
} from '#renderer/ui/index.ts';
import type { ConnectionDocument, ConnectionStatus, DeviceDocument, DeviceStatus } from '#shared/model/index.ts';
import { draftStore } from './connection-draft.ts';

/** A connection, or a device below it, as the list shows it. */
export interface LinkRow {
  readonly id: string;
  readonly connection: ConnectionDocument;
  readonly device: DeviceDocument | null;
  readonly state: ShownState;
  readonly status: ConnectionStatus | undefined;
  readonly deviceStatus: DeviceStatus | undefined;
  readonly tags: number;
  readonly draft: boolean;
  /** Rounded age of the state, so that rows are drawn anew once a second at most. */
  readonly age: string;
}
/** Connections in the project's order, each followed by its devices; drafts of new ones at the end. */
export function useLinkRows(): readonly LinkRow[] {
  const connections = useProject((state) => state.connection);
  const devices = useProject((state) => state.device);
  const tags = useProject((state) => state.tag);
  const statuses = useStores('connections', (state) => state.byId);
  const drafts = useStore(draftStore, (state) => state.drafts);
  const now = useNow(1000);
  const tagCounts = useMemo(() => {
    const counts = new Map<string, number>();
    for (const { document } of tags.values()) counts.set(document.deviceId, (counts.get(document.deviceId) ?? 0) + 1);
    return counts;
  }, [tags]);
  return useMemo(() => {
    const rows: LinkRow[] = [];
    const fresh = [...drafts.values()].filter((draft) => draft.isNew).map((draft) => draft.connection);
    for (const connection of [...[...connections.values()].map((stored) => stored.document), ...fresh]) {
      const status = statuses.get(connection.id);
      const own = [...devices.values()].filter((stored) => stored.document.connectionId === connection.id);
      rows.push({
        id: connection.id,
        connection,
        device: null,
        state: connections.has(connection.id) ? shownLinkState(status?.state, connection.enabled) : 'draft',
        status,
        deviceStatus: undefined,
        tags: own.reduce((sum, stored) => sum + (tagCounts.get(stored.document.id) ?? 0), 0),
        draft: drafts.has(connection.id),
        age: status === undefined ? NO_VALUE : formatAge((now - status.since) / 1000, 'seconds'),
      });
      for (const { document } of own) {
        const deviceStatus = status?.devices.find((entry) => entry.deviceId === document.id);
        rows.push({
          id: document.id,
          connection,
          device: document,
          state: shownLinkState(deviceStatus?.state, connection.enabled && document.enabled),
          status,
          deviceStatus,
          tags: tagCounts.get(document.id) ?? 0,
          draft: false,
          age: deviceStatus === undefined ? NO_VALUE : formatAge((now - deviceStatus.since) / 1000, 'seconds'),
        });
      }
    }
    return rows;
  }, [connections, devices, statuses, drafts, tagCounts, now]);
}

export function linkColumns(): readonly Column<LinkRow>[] {
  const plain = { sortable: false } as const;
  const number = { ...plain, align: 'right', mono: true, filter: false } as const;
  return [
    {
      ...plain,
      id: 'name',
      title: 'Name',
      width: 250,
      text: (row) => row.device?.name ?? row.connection.name,
      cell: (row) => (
        <span className="link-name" data-device={row.device === null ? undefined : ''}>
          <MiddleText text={(row.device?.name ?? row.connection.name) || 'Without a name'} />
          {row.device === null && row.connection.demo && <DemoMark />}
          {row.draft && row.state !== 'draft' && <span className="draft-mark">not saved</span>}
        </span>
      ),
    },
    {
      ...plain,
      id: 'state',
      title: 'State',
      width: 115,
      filter: 'choice',
      text: (row) => stateMarks[row.state].text,
      cell: (row) => <StateMark state={row.state} />,
    },
    { ...number, yields: 3, id: 'since', title: 'Since', width: 100, text: (row) => row.age },
    {
      ...plain,
      yields: 1,
      id: 'endpoint',
      title: 'Endpoint',
      width: 160,
      mono: true,
      text: (row) => (row.device === null ? (row.status?.endpoint ?? NO_VALUE) : ''),
    },
    { ...number, yields: 2, id: 'tags', title: 'Tags', width: 70, text: (row) => formatCount(row.tags) },
    {
      ...number,
      yields: 4,
      id: 'rate',
      title: 'Rate',
      width: 90,
      text: (row) =>
        row.device !== null || row.status === undefined
          ? ''
          : `${formatNumber(
              row.status.groups.reduce((sum, group) => sum + (group.actualHz ?? 0), 0),
              { decimals: 1 },
            )} Hz`,
    },
    {
      ...number,
      yields: 5,
      id: 'response',
      title: 'Answer',
      width: 90,
      text: (row) =>
        row.deviceStatus?.responseMs == null ? '' : `${formatNumber(row.deviceStatus.responseMs, { decimals: 1 })} ms`,
    },
    {
      ...number,
      yields: 6,
      id: 'errors',
      title: 'Errors',
      width: 80,
      text: (row) =>
        row.deviceStatus === undefined ? '' : formatCount(row.deviceStatus.errors + row.deviceStatus.timeouts),
    },
    {
      ...number,
      yields: 7,
      id: 'overruns',
      title: 'Overruns',
      width: 80,
      text: (row) =>
        row.device !== null || row.status === undefined
          ? ''
          : formatCount(row.status.groups.reduce((sum, group) => sum + group.overruns, 0)),
    },
    {
      ...plain,
      id: 'message',
      title: 'Message',
      width: 240,
      grow: true,
      text: (row) => (row.device === null ? row.status?.message : row.deviceStatus?.message) ?? '',
    },
  ];
}
