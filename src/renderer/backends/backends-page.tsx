import { CopyPlus, Database, Plus, Power, RotateCw, Table2, Trash2 } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useState } from 'react';
import { useLocation, useRoute } from 'wouter';
import { useStore } from 'zustand';
import { useClient, useProject, useStores } from '#renderer/client/index.ts';
import {
  Button,
  DataTable,
  EmptyState,
  plural,
  SidePanel,
  Skeleton,
  SplitPane,
  Tabs,
  useActions,
} from '#renderer/ui/index.ts';
import type { SourceDocument } from '#shared/model/index.ts';
import { MappingPage } from './mapping-page.tsx';
import { MappingsList } from './mappings-list.tsx';
import { OwnSchema } from './own-schema.tsx';
import { SlowQueries } from './slow-queries.tsx';
import { draftOf, dropDraft, duplicateOf, keepDraft, newDraft, sourceDrafts } from './source-draft.ts';
import { SourceEditor } from './source-editor.tsx';
import { SourceQuery } from './source-query.tsx';
import { type SourceRow, sourceColumns, useSourceRows } from './source-rows.tsx';
import { SourceStatusView } from './source-status.tsx';
import { SourceTags } from './source-tags.tsx';
import { SourceTest } from './source-test.tsx';
import './backends.css';

const rowId = (row: SourceRow): string => row.id;
const tabNames = {
  status: 'Status',
  settings: 'Settings',
  test: 'Test',
  tables: 'Tables',
  tags: 'Tags',
  schema: 'Own tables',
  queries: 'Slow queries',
  query: 'Query',
} as const;
type Tab = keyof typeof tabNames;
const tabs = Object.keys(tabNames) as readonly Tab[];

export function BackendsPage(): ReactNode {
  const client = useClient();
  const [, go] = useLocation();
  const [, route] = useRoute('/backends/:id?/:view?/:item?');
  const project = useProject((state) => state);
  const catalogue = useStores('catalogue', (state) => state.catalogue);
  const statuses = useStores('sources', (state) => state.byId);
  const drafts = useStore(sourceDrafts, (state) => state.drafts);
  const [tab, setTab] = useState<Tab>('status');
  const rows = useSourceRows();
  const columns = useMemo(() => sourceColumns(), []);

  const id = route?.id ?? null;
  const status = id === null ? undefined : statuses.get(id);
  // One of the configuration takes the place of the project's with its id, and is not changed here.
  const stored = id === null || status?.configured === true ? undefined : project.source.get(id);
  const here: SourceDocument | null = stored?.document ?? null;
  const own = id === null || status?.configured === true ? undefined : drafts.get(id);
  const draft = own ?? (stored === undefined ? null : draftOf(stored));
  const all = catalogue?.backends ?? [];
  const backends = useMemo(() => all.filter(({ remote }) => remote), [all]);
  const backend = all.find((entry) => entry.id === (draft?.source.backend ?? status?.backend)) ?? null;
  const row = rows.find((one) => one.id === id);

  /** The form begins with the first backend and offers the others. */
  const add = (): void => {
    const [first] = backends;
    if (first === undefined) return;
    const made = newDraft(project, first);
    keepDraft(made);
    setTab('settings');
    go(`/backends/${made.source.id}`);
  };
  // "New source" elsewhere leads to /backends/new, which becomes a draft as soon as the backends are known.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs for the address and the catalogue only
  useEffect(() => {
    if (id === 'new' && backends.length > 0 && project.loaded) add();
  }, [id, backends.length, project.loaded]);

  const write = async (
    label: string,
    failed: string,
    source: SourceDocument,
    before: string | null,
    gone = false,
  ): Promise<boolean> => {
    const expected = before === null ? null : (project.source.get(before)?.revision ?? null);
    const document = gone ? null : source;
    try {
      await client.edits.commit({ label, changes: [{ kind: 'source', id: source.id, document, expected }] }, gone);
      return true;
    } catch (error) {
      client.fail(error, failed);
      return false;
    }
  };
  const remove = async (): Promise<void> => {
    if (draft === null) return;
    dropDraft(draft.source.id);
    if (here === null) return go('/backends');
    const name = here.name;
    if (await write(`Source "${name}" removed`, `"${name}" could not be removed`, here, here.id, true)) go('/backends');
  };
  const toggle = async (): Promise<void> => {
    if (here === null) return;
    const enabled = !here.enabled;
    const label = `Source "${here.name}" switched ${enabled ? 'on' : 'off'}`;
    await write(label, `"${here.name}" could not be switched`, { ...here, enabled }, here.id);
  };
  const duplicate = async (): Promise<void> => {
    if (here === null) return;
    const copy = duplicateOf(project, here);
    if (!(await write(`Source "${here.name}" duplicated`, `"${here.name}" could not be duplicated`, copy, null)))
      return;
    client.notify({
      kind: 'info',
      text: `"${here.name}" was duplicated without its password. The copy is off until it is switched on.`,
    });
    setTab('settings');
    go(`/backends/${copy.id}`);
  };
  const retry = (): void => {
    if (status === undefined) return;
    client.rpc.sources
      .retry({ id: status.id })
      .catch((error: unknown) => client.fail(error, `"${status.name}" could not be tried again`));
  };
  const map = (mapping: string | null): void =>
    go(`/backends/${id ?? ''}/tables${mapping === null ? '' : `/${mapping}`}`);

  const shownTabs = tabs.filter((name) => {
    if (name === 'settings') return draft !== null;
    if (name === 'test') return draft !== null && backend?.testable === true;
    if (here === null && status === undefined) return false;
    if (name === 'tables') return here !== null && (status?.can.foreign === true || here.mappings.length > 0);
    if (name === 'tags') return status?.can.tags === true;
    if (name === 'schema') return status?.can.schema === true;
    if (name === 'query') return status?.can.raw === true;
    return true;
  });
  const shownTab: Tab = shownTabs.includes(tab) ? tab : (shownTabs[0] ?? 'settings');

  useActions(
    [
      { id: 'backends.add', title: 'Add a source', group: 'Backends', keys: ['Insert', 'Alt+N'], run: add },
      ...tabs.map((name, at) => ({
        id: `backends.tab-${name}`,
        title: `${tabNames[name]} of the source`,
        group: 'Backends',
        keys: [['S', 'E', 'T', 'B', 'G', 'O', 'Q', 'R'][at] ?? ''],
        enabled: () => shownTabs.includes(name),
        run: () => setTab(name),
      })),
      {
        id: 'backends.retry',
        title: 'Try the source now',
        group: 'Backends',
        enabled: () => status !== undefined,
        run: retry,
      },
      {
        id: 'backends.toggle',
        title: here?.enabled === false ? 'Switch the source on' : 'Switch the source off',
        group: 'Backends',
        enabled: () => here !== null,
        run: () => void toggle(),
      },
      {
        id: 'backends.duplicate',
        title: 'Duplicate the source',
        group: 'Backends',
        keys: ['Ctrl+D'],
        enabled: () => here !== null,
        run: () => void duplicate(),
      },
      {
        id: 'backends.remove',
        title: 'Remove the source',
        group: 'Backends',
        enabled: () => here !== null,
        run: () => void remove(),
      },
    ],
    [here, status === undefined, backends.length, shownTabs.join(' ')],
  );

  if (!project.loaded) return <Skeleton rows={8} />;
  if (here !== null && route?.view === 'tables') {
    return (
      <MappingPage
        key={here.id}
        source={here}
        start={route.item ?? null}
        onClose={() => {
          setTab('tables');
          go(`/backends/${here.id}`);
        }}
      />
    );
  }

  const table = (
    <DataTable
      name="sources"
      label="Sources"
      rows={rows}
      rowId={rowId}
      columns={columns}
      selection={new Set(row === undefined ? [] : [row.id])}
      onSelect={(ids) => {
        const chosen = [...ids].at(-1);
        if (chosen !== undefined) go(`/backends/${chosen}`);
      }}
      onOpen={() => setTab('settings')}
      onDelete={() => void remove()}
      rowClass={(one) => (one.state === 'disabled' || one.state === 'draft' ? 'off' : undefined)}
      menu={() =>
        here === null
          ? []
          : [
              { label: 'Settings', keys: 'E', run: () => setTab('settings') },
              { label: 'Test', keys: 'T', disabled: backend?.testable !== true, run: () => setTab('test') },
              { label: 'Map a table', icon: Table2, disabled: status?.can.foreign !== true, run: () => map(null) },
              { label: 'Try now', icon: RotateCw, run: retry },
              { label: here.enabled ? 'Switch off' : 'Switch on', icon: Power, run: () => void toggle() },
              'separator',
              { label: 'Duplicate', icon: CopyPlus, keys: 'Ctrl+D', run: () => void duplicate() },
              { label: 'Remove', icon: Trash2, keys: 'Delete', danger: true, run: () => void remove() },
            ]
      }
      empty={
        <EmptyState
          icon={Database}
          title="No sources yet"
          text="A source is a database that holds the plant's history. It is only read. Add one, test it, then say which of its tables hold the values; its tags stand beside those that are recorded here."
        >
          <Button look="primary" icon={Plus} disabled={backends.length === 0} onClick={add}>
            Add a source
          </Button>
        </EmptyState>
      }
    />
  );

  const name = draft?.source.name ?? status?.name ?? '';
  const side =
    id === null || (draft === null && status === undefined) ? null : (
      <SidePanel
        name={name}
        buttons={
          here !== null &&
          here.mappings.length > 0 &&
          status?.can.foreign === true &&
          shownTab !== 'tables' && (
            <>
              <span className="toolbar-gap" />
              <Button icon={Table2} onClick={() => map(null)}>
                Map a table
              </Button>
            </>
          )
        }
      >
        <Tabs
          name="source"
          label="Source"
          tabs={shownTabs.map((one) => ({ id: one, title: tabNames[one] }))}
          shown={shownTab}
          onShow={setTab}
        />
        <div className="conn-panel" role="tabpanel" id="source-panel" aria-labelledby={`source-tab-${shownTab}`}>
          {shownTab === 'status' && (
            <SourceStatusView source={here} status={status} onTables={() => setTab('tables')} onMap={() => map(null)} />
          )}
          {draft !== null && backend === null && (shownTab === 'settings' || shownTab === 'test') && (
            <p className="list-note source-note">
              {catalogue === null
                ? 'The list of backends is being read.'
                : `The backend "${draft.source.backend}" is switched off, or newer than this version.`}
            </p>
          )}
          {shownTab === 'settings' && draft !== null && backend !== null && (
            <SourceEditor
              key={draft.source.id}
              draft={draft}
              backend={backend}
              backends={backends}
              onSaved={() => setTab('status')}
              onCancel={() => {
                dropDraft(draft.source.id);
                if (draft.isNew) go('/backends');
              }}
            />
          )}
          {shownTab === 'test' && draft !== null && backend !== null && (
            <SourceTest key={draft.source.id} draft={draft} backend={backend} />
          )}
          {shownTab === 'tables' && here !== null && <MappingsList source={here} status={status} onEdit={map} />}
          {shownTab === 'tags' && <SourceTags key={id} id={id} version={stored?.revision ?? 0} />}
          {shownTab === 'schema' && <OwnSchema key={id} id={id} />}
          {shownTab === 'queries' && <SlowQueries key={id} id={id} />}
          {shownTab === 'query' && <SourceQuery key={id} id={id} />}
        </div>
      </SidePanel>
    );

  return (
    <div className="page">
      <div className="toolbar">
        <h1>Backends</h1>
        <span className="quiet">{plural(rows.filter(({ state }) => state !== 'draft').length, 'source')}</span>
        <span className="toolbar-gap" />
        <Button look="primary" icon={Plus} disabled={backends.length === 0} onClick={add}>
          Add a source
        </Button>
      </div>
      <div className="page-fill">
        <SplitPane name="backends" first={table} second={side} secondSize="52%" minSecond="28rem" />
      </div>
    </div>
  );
}
