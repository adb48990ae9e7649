import { Cable, CopyPlus, FolderSearch, ListPlus, Plus, Power, RotateCw, Trash2 } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useState } from 'react';
import { useLocation, useRoute } from 'wouter';
import { useStore } from 'zustand';
import { useClient, useProject, useStores } from '#renderer/client/index.ts';
import {
  Button,
  DataTable,
  DemoMark,
  EmptyState,
  plural,
  SidePanel,
  Skeleton,
  SplitPane,
  shortenMiddle,
  Tabs,
  useActions,
} from '#renderer/ui/index.ts';
import type { ConnectionDocument, DeviceDocument } from '#shared/model/index.ts';
import { type ConnectionDraft, draftOf, draftStore, dropDraft, keepDraft, newDraft } from './connection-draft.ts';
import { ConnectionEditor } from './connection-editor.tsx';
import { type LinkRow, linkColumns, useLinkRows } from './connection-rows.tsx';
import { ConnectionStatusView } from './connection-status.tsx';
import { devicesOf, duplicateConnection, tagsOfDevices } from './document-edits.ts';
import { ProtocolLog } from './protocol-log.tsx';
import { ScanPanel } from './scan-panel.tsx';
import { TestLadder } from './test-ladder.tsx';
import './setup.css';

const rowId = (row: LinkRow): string => row.id;
const tabs = ['status', 'settings', 'test', 'scan', 'log'] as const;
type Tab = (typeof tabs)[number];
const tabNames: Readonly<Record<Tab, string>> = {
  status: 'Status',
  settings: 'Settings',
  test: 'Test',
  scan: 'Scan',
  log: 'Protocol log',
};
/** Tabs of what the engine runs; a draft that was never saved has none of them. */
const savedTabs: readonly Tab[] = ['status', 'scan', 'log'];

export function ConnectionsPage(): ReactNode {
  const client = useClient();
  const [, go] = useLocation();
  const [, route] = useRoute('/connections/:id');
  const project = useProject((state) => state);
  const catalogue = useStores('catalogue', (state) => state.catalogue);
  const drafts = useStore(draftStore, (state) => state.drafts);
  const [tab, setTab] = useState<Tab>('status');
  const rows = useLinkRows();

  const id = route?.id ?? null;
  const stored = id === null ? undefined : project.connection.get(id);
  const kept = id === null ? undefined : drafts.get(id);
  const current: ConnectionDraft | null = kept ?? (stored === undefined ? null : draftOf(project, stored));
  const protocol = catalogue?.protocols.find((entry) => entry.id === current?.connection.protocol) ?? null;
  const protocols = catalogue?.protocols ?? [];

  /** The form begins with the first protocol and offers the others. */
  const add = (): void => {
    const [first] = protocols;
    if (first === undefined) return;
    const draft = newDraft(project, first);
    keepDraft(draft);
    setTab('settings');
    go(`/connections/${draft.connection.id}`);
  };
  // "New connection" elsewhere leads to /connections/new, which becomes a draft as soon as the protocols are known.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs for the address and the catalogue only
  useEffect(() => {
    if (id === 'new' && protocols.length > 0 && project.loaded) add();
  }, [id, protocols.length, project.loaded]);

  const remove = async (target: ConnectionDocument): Promise<void> => {
    const found = project.connection.get(target.id);
    dropDraft(target.id);
    if (found === undefined) {
      go('/connections');
      return;
    }
    const devices = new Set(devicesOf(project, target.id).map((device) => device.document.id));
    const tags = tagsOfDevices(project, devices).length;
    try {
      await client.edits.commit(
        {
          label: `Connection "${target.name}" deleted${tags === 0 ? '' : ` with ${plural(tags, 'tag')}`}`,
          changes: [{ kind: 'connection', id: target.id, document: null, expected: found.revision }],
        },
        true,
      );
      go('/connections');
    } catch (error) {
      client.fail(error, `"${target.name}" could not be deleted`);
    }
  };
  const removeDevice = async (target: DeviceDocument): Promise<void> => {
    const found = project.device.get(target.id);
    if (found === undefined) return;
    const tags = tagsOfDevices(project, new Set([target.id])).length;
    try {
      await client.edits.commit(
        {
          label: `Device "${target.name}" deleted${tags === 0 ? '' : ` with ${plural(tags, 'tag')}`}`,
          changes: [{ kind: 'device', id: target.id, document: null, expected: found.revision }],
        },
        true,
      );
      setPicked(null);
    } catch (error) {
      client.fail(error, `"${target.name}" could not be deleted`);
    }
  };
  const duplicate = async (target: ConnectionDocument): Promise<void> => {
    const copy = duplicateConnection(project, target);
    try {
      await client.edits.commit({ label: `Connection "${target.name}" duplicated`, changes: copy.changes });
      client.notify({
        kind: 'info',
        text: `"${target.name}" was duplicated without tags. The copy is off until it is switched on.`,
      });
      setTab('settings');
      go(`/connections/${copy.id}`);
    } catch (error) {
      client.fail(error, `"${target.name}" could not be duplicated`);
    }
  };
  const toggle = async (target: ConnectionDocument): Promise<void> => {
    const found = project.connection.get(target.id);
    if (found === undefined) return;
    const enabled = !found.document.enabled;
    try {
      await client.edits.commit({
        label: `Connection "${target.name}" switched ${enabled ? 'on' : 'off'}`,
        changes: [
          { kind: 'connection', id: target.id, document: { ...found.document, enabled }, expected: found.revision },
        ],
      });
    } catch (error) {
      client.fail(error, `"${target.name}" could not be switched`);
    }
  };
  const retry = (target: ConnectionDocument): void => {
    client.rpc.connections
      .retry({ id: target.id })
      .catch((error: unknown) => client.fail(error, `"${target.name}" could not be tried again`));
  };

  const here = stored?.document ?? null;
  // The row that is selected, of all that the palette and the menu of a row offer.
  const [picked, setPicked] = useState<string | null>(null);
  const pickedRow = rows.find((row) => row.id === picked && row.connection.id === id) ?? null;
  const pickedDevice = pickedRow?.device ?? null;
  const addTags = (): void =>
    client.addTags(pickedDevice?.id ?? current?.devices[0]?.id ?? devicesOf(project, id ?? '')[0]?.document.id ?? '');
  const canBrowse = protocol?.can.browse === true;
  const browse = (): void => go(`/browse/${id ?? ''}`);
  useActions(
    [
      {
        id: 'connections.browse',
        title: 'Browse what the devices have',
        group: 'Connections',
        keys: ['B'],
        enabled: () => here !== null && canBrowse,
        run: browse,
      },
      {
        id: 'connections.add',
        title: 'Add a connection',
        group: 'Connections',
        keys: ['Insert', 'Alt+N'],
        run: add,
      },
      {
        id: 'connections.test',
        title: 'Test the connection',
        group: 'Connections',
        keys: ['T'],
        enabled: () => current !== null,
        run: () => setTab('test'),
      },
      {
        id: 'connections.status',
        title: 'Status of the connection',
        group: 'Connections',
        keys: ['S'],
        enabled: () => here !== null,
        run: () => setTab('status'),
      },
      {
        id: 'connections.settings',
        title: 'Settings of the connection',
        group: 'Connections',
        keys: ['E'],
        enabled: () => current !== null,
        run: () => setTab('settings'),
      },
      {
        id: 'connections.scan',
        title: 'Scan the device for what can be read',
        group: 'Connections',
        words: 'browse find registers addresses',
        enabled: () => here !== null && protocol?.can.scan === true,
        run: () => setTab('scan'),
      },
      {
        id: 'connections.log',
        title: 'Protocol log of the connection',
        group: 'Connections',
        words: 'trace bytes hex frames packets exceptions',
        keys: ['L'],
        enabled: () => here !== null,
        run: () => setTab('log'),
      },
      {
        id: 'connections.duplicate',
        title: 'Duplicate the connection',
        group: 'Connections',
        keys: ['Ctrl+D'],
        enabled: () => here !== null,
        run: () => here !== null && void duplicate(here),
      },
      {
        id: 'connections.toggle',
        title: here?.enabled === false ? 'Switch the connection on' : 'Switch the connection off',
        group: 'Connections',
        enabled: () => here !== null,
        run: () => here !== null && void toggle(here),
      },
      {
        id: 'connections.tags',
        title: 'Add tags to the connection',
        group: 'Connections',
        enabled: () => here !== null,
        run: addTags,
      },
      {
        id: 'connections.delete',
        title: 'Delete the connection',
        group: 'Connections',
        enabled: () => here !== null,
        run: () => here !== null && void remove(here),
      },
      {
        id: 'connections.delete-device',
        title: `Delete the device "${shortenMiddle(pickedDevice?.name ?? '', 24)}"`,
        group: 'Connections',
        enabled: () => pickedDevice !== null,
        run: () => pickedDevice !== null && void removeDevice(pickedDevice),
      },
      {
        id: 'connections.retry',
        title: 'Try the connection now',
        group: 'Connections',
        enabled: () => here !== null,
        run: () => here !== null && retry(here),
      },
    ],
    [here, current === null, protocols.length, pickedDevice],
  );

  const columns = useMemo(() => linkColumns(), []);
  const selectedId = pickedRow?.id ?? id;
  const selection = useMemo(() => new Set(selectedId === null ? [] : [selectedId]), [selectedId]);
  const shownTabs = tabs.filter(
    (name) =>
      !(current?.isNew === true && savedTabs.includes(name)) && (name !== 'scan' || protocol?.can.scan === true),
  );
  const shownTab: Tab = shownTabs.includes(tab) ? tab : current?.isNew === true ? 'settings' : 'status';

  const table = (
    <DataTable
      name="connections"
      label="Connections and devices"
      rows={rows}
      rowId={rowId}
      columns={columns}
      selection={selection}
      onSelect={(ids) => {
        const row = rows.find((candidate) => candidate.id === [...ids].at(-1));
        setPicked(row?.id ?? null);
        if (row !== undefined) go(`/connections/${row.connection.id}`);
      }}
      onOpen={() => setTab('settings')}
      onDelete={() => {
        const target = here ?? current?.connection;
        if (pickedDevice !== null) void removeDevice(pickedDevice);
        else if (target !== undefined && target !== null) void remove(target);
      }}
      rowClass={(row) =>
        row.state === 'disabled' || row.state === 'draft' ? 'off' : row.device === null ? 'group' : undefined
      }
      menu={() =>
        here === null
          ? []
          : [
              { label: 'Settings', keys: 'E', run: () => setTab('settings') },
              { label: 'Test', keys: 'T', run: () => setTab('test') },
              ...(protocol?.can.scan === true ? [{ label: 'Scan', run: () => setTab('scan') }] : []),
              { label: 'Protocol log', keys: 'L', run: () => setTab('log') },
              { label: 'Try now', icon: RotateCw, run: () => retry(here) },
              { label: here.enabled ? 'Switch off' : 'Switch on', icon: Power, run: () => void toggle(here) },
              'separator',
              {
                label: 'Add tags',
                icon: ListPlus,
                run: addTags,
              },
              ...(canBrowse ? [{ label: 'Browse', keys: 'B', icon: FolderSearch, run: browse }] : []),
              { label: 'Duplicate', icon: CopyPlus, keys: 'Ctrl+D', run: () => void duplicate(here) },
              pickedDevice === null
                ? { label: 'Delete', icon: Trash2, keys: 'Delete', danger: true, run: () => void remove(here) }
                : {
                    label: `Delete the device "${shortenMiddle(pickedDevice.name, 24)}"`,
                    icon: Trash2,
                    keys: 'Delete',
                    danger: true,
                    run: () => void removeDevice(pickedDevice),
                  },
            ]
      }
      empty={
        <EmptyState
          icon={Cable}
          title="No connections yet"
          text="A connection is the way to a PLC, a gateway or another device on the network. Add one, test it, then add the tags that are to be read."
        >
          <Button look="primary" icon={Plus} onClick={add}>
            Add a connection
          </Button>
        </EmptyState>
      }
    />
  );

  const side =
    current === null ? null : (
      <SidePanel
        name={current.connection.name}
        buttons={
          <>
            {current.connection.demo && <DemoMark />}
            <span className="toolbar-gap" />
            {here !== null && canBrowse && (
              <Button icon={FolderSearch} title="B" onClick={browse}>
                Browse
              </Button>
            )}
            {here !== null && (
              <Button icon={ListPlus} onClick={addTags}>
                Add tags
              </Button>
            )}
          </>
        }
      >
        <Tabs
          name="connection"
          label="Connection"
          tabs={shownTabs.map((id) => ({ id, title: tabNames[id] }))}
          shown={shownTab}
          onShow={setTab}
        />
        <div
          className="conn-panel"
          role="tabpanel"
          id="connection-panel"
          aria-labelledby={`connection-tab-${shownTab}`}
        >
          {shownTab === 'status' && here !== null && <ConnectionStatusView connection={here} />}
          {shownTab === 'scan' && here !== null && (
            <ScanPanel key={here.id} devices={devicesOf(project, here.id).map(({ document }) => document)} />
          )}
          {shownTab === 'log' && here !== null && <ProtocolLog key={here.id} connection={here} />}
          {protocol === null && !savedTabs.includes(shownTab) && (
            <p className="list-note">
              {catalogue === null
                ? 'The list of protocols is being read.'
                : `The protocol "${current.connection.protocol}" is switched off, or newer than this version.`}
            </p>
          )}
          {shownTab === 'settings' && protocol !== null && (
            <ConnectionEditor
              key={current.connection.id}
              draft={current}
              protocol={protocol}
              protocols={protocols}
              onSaved={(saved) => {
                setTab('status');
                if (current.isNew) {
                  client.notify({
                    kind: 'info',
                    text: `Connection "${saved.connection.name}" added. Tags say what is read from it.`,
                    untilEdit: true,
                    action: {
                      label: 'Add tags',
                      run: () => client.addTags(saved.devices[0]?.id ?? ''),
                    },
                  });
                }
              }}
              onCancel={() => {
                dropDraft(current.connection.id);
                if (current.isNew) go('/connections');
              }}
            />
          )}
          {shownTab === 'test' && protocol !== null && (
            <TestLadder
              connection={{ ...current.connection, name: current.connection.name || 'New connection' }}
              devices={current.devices}
              exampleAddress={protocol.sample.address}
            />
          )}
        </div>
      </SidePanel>
    );

  if (!project.loaded) return <Skeleton rows={8} />;
  return (
    <div className="page">
      <div className="toolbar">
        <h1>Connections</h1>
        <span className="quiet">
          {plural(project.connection.size, 'connection')}, {plural(project.device.size, 'device')}
        </span>
        <span className="toolbar-gap" />
        <Button look="primary" icon={Plus} disabled={protocols.length === 0} onClick={add}>
          Add a connection
        </Button>
      </div>
      <div className="page-fill">
        <SplitPane name="connections" first={table} second={side} secondSize="44%" minSecond="24rem" />
      </div>
    </div>
  );
}
