import {
  ChartLine,
  Columns3,
  CopyMinus,
  Download,
  FileUp,
  Filter,
  FolderSearch,
  ListPlus,
  PanelRight,
  Pencil,
  Power,
  ScanSearch,
  Tags,
  Trash2,
} from 'lucide-react';
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { type AddTagsRequest, useClient, useProject, useStores } from '#renderer/client/index.ts';
import {
  Button,
  belowElement,
  DataTable,
  EmptyState,
  fileNamePart,
  formatCount,
  IconButton,
  offerFile,
  plural,
  SearchField,
  Skeleton,
  SplitPane,
  type TableHandle,
  toTsv,
  useActions,
  usePreference,
} from '#renderer/ui/index.ts';
import type { TagDocument } from '#shared/model/index.ts';
import { AddTagsDialog } from './add-tags-dialog.tsx';
import { ImportDialog } from './import-dialog.tsx';
import { OrderDialog } from './order-dialog.tsx';
import { tagColumns } from './tag-columns.tsx';
import { removeChanges, tagChange } from './tag-edits.ts';
import { TagPanel } from './tag-panel.tsx';
import { type TagRow, useOrdered, useTagRows } from './tag-rows.ts';
import './setup.css';
import './tags.css';

/** What a dragged tag row carries: a JSON list of tag ids. The trend takes it. */
export const TAG_DRAG_TYPE = 'application/x-parx-tags';

/** One of the connections at least is of a protocol whose devices tell what they have. */
function useCanBrowse(): boolean {
  const connections = useProject((state) => state.connection);
  const catalogue = useStores('catalogue', (state) => state.catalogue);
  return [...connections.values()].some(
    ({ document }) => catalogue?.protocols.find(({ id }) => id === document.protocol)?.can.browse === true,
  );
}

const rowId = (row: TagRow): string => row.id;
const none: ReadonlySet<string> = new Set();
const dragRows = (rows: readonly TagRow[]): { type: string; text: string } => ({
  type: TAG_DRAG_TYPE,
  text: JSON.stringify(rows.map((row) => row.id)),
});
const rowClass = (row: TagRow): string | undefined => (row.enabled ? undefined : 'off');

export function TagsPage(): ReactNode {
  const client = useClient();
  const loaded = useProject((state) => state.loaded);
  const deviceCount = useProject((state) => state.device.size);
  const projectName = useProject((state) => state.settings.values().next().value?.document.name ?? 'project');
  const canBrowse = useCanBrowse();
  const [diagnostics, setDiagnostics] = usePreference('tags.diagnostics', false);
  const [panel, setPanel] = usePreference('tags.panel', true);
  const rows = useTagRows(diagnostics);
  const [search, setSearch] = useState('');
  const [selection, setSelection] = useState<ReadonlySet<string>>(none);
  const [shown, setShown] = useState(0);
  const [dialog, setDialog] = useState<
    | { readonly kind: 'add'; readonly deviceId: string | null; readonly start?: AddTagsRequest['start'] }
    | { readonly kind: 'order'; readonly tag: TagDocument }
    | { readonly kind: 'import'; readonly text: string | null }
    | null
  >(null);
  const table = useRef<TableHandle>(null);
  const searchField = useRef<HTMLInputElement>(null);
  const columns = useMemo(() => tagColumns(client), [client]);
  const selected = useMemo(() => rows.filter((row) => selection.has(row.id)), [rows, selection]);
  const editable = useMemo(() => selected.filter((row) => row.tag !== null), [selected]);

  const ordered = useOrdered(editable);
  const findOrder = useCallback((tag: TagDocument) => setDialog({ kind: 'order', tag }), []);

  // Another page sends the user here to add tags to a device.
  const addTo = useStores('view', (state) => state.addTagsTo);
  useEffect(() => {
    if (addTo === null || !loaded) return;
    setDialog({ kind: 'add', ...addTo });
    client.stores.view.setState({ addTagsTo: null });
  }, [addTo, loaded, client]);

  const openRows = useCallback(
    (row?: TagRow) => {
      const ids = row === undefined || selection.has(row.id) ? [...selection] : [row.id];
      if (ids.length > 0) client.showInTrend(ids);
    },
    [client, selection],
  );
  const remove = async (): Promise<void> => {
    const project = client.stores.project.getState();
    const changes = removeChanges(selection, project);
    if (changes.length === 0) return;
    try {
      await client.edits.commit(
        {
          label:
            changes.length === 1
              ? `Tag "${editable[0]?.name ?? ''}" deleted`
              : `${plural(changes.length, 'tag')} deleted`,
          changes,
        },
        true,
      );
      setSelection(none);
    } catch (error) {
      client.fail(error, 'The tags could not be deleted');
    }
  };
  const toggle = async (): Promise<void> => {
    const project = client.stores.project.getState();
    const enabled = !editable.every((row) => row.enabled);
    const changes = editable.flatMap((row) => (row.tag === null ? [] : [tagChange(project, { ...row.tag, enabled })]));
    try {
      await client.edits.commit({
        label: `${plural(changes.length, 'tag')} switched ${enabled ? 'on' : 'off'}`,
        changes,
      });
    } catch (error) {
      client.fail(error, 'The tags could not be switched');
    }
  };
  const exportCsv = async (): Promise<void> => {
    try {
      const ids = editable.length > 0 && editable.length < rows.length ? editable.map((row) => row.id) : null;
      const { text } = await client.rpc.tags.exportCsv({ tagIds: ids });
      const file = `${fileNamePart(projectName, 'project')}-tags.csv`;
      offerFile(file, text, 'text/csv;charset=utf-8');
      client.notify({
        kind: 'info',
        // A page is not told where its download went, or whether it was cancelled.
        text: `The tag list "${file}" was made, with ${ids === null ? 'all tags' : plural(ids.length, 'selected tag')}.`,
      });
    } catch (error) {
      client.fail(error, 'The tag list could not be exported');
    }
  };

  useActions(
    [
      {
        id: 'tags.add',
        title: 'Add tags',
        group: 'Tags',
        keys: ['Insert', 'Alt+N'],
        enabled: () => deviceCount > 0,
        run: () => setDialog({ kind: 'add', deviceId: editable[0]?.tag?.deviceId ?? null }),
      },
      {
        id: 'tags.trend',
        title: 'Open the selected tags in the trend',
        group: 'Tags',
        keys: ['Enter'],
        enabled: () => selection.size > 0,
        run: () => openRows(),
      },
      {
        id: 'tags.edit',
        title: 'Edit the cell',
        group: 'Tags',
        keys: ['F2'],
        enabled: () => selection.size > 0,
        run: () => table.current?.edit(),
      },
      {
        id: 'tags.order',
        title: 'Find type and word order on live values',
        group: 'Tags',
        words: 'byte swap endian resolver',
        keys: ['O'],
        enabled: () => ordered !== null,
        run: () => ordered !== null && findOrder(ordered),
      },
      {
        id: 'tags.delete',
        title: 'Delete the selected tags',
        group: 'Tags',
        keys: ['Delete'],
        enabled: () => editable.length > 0,
        run: () => void remove(),
      },
      {
        id: 'tags.toggle',
        title: 'Switch the selected tags on or off',
        group: 'Tags',
        enabled: () => editable.length > 0,
        run: () => void toggle(),
      },
      {
        id: 'tags.browse',
        title: 'Browse devices for tags',
        group: 'Tags',
        words: 'tree explore discover',
        enabled: () => canBrowse,
        run: () => client.showPage('/browse'),
      },
      {
        id: 'tags.import',
        title: 'Import tags from CSV',
        group: 'Tags',
        words: 'excel spreadsheet file',
        enabled: () => deviceCount > 0,
        run: () => setDialog({ kind: 'import', text: null }),
      },
      {
        id: 'tags.export',
        title: 'Export tags as CSV',
        group: 'Tags',
        words: 'excel spreadsheet file',
        enabled: () => rows.length > 0,
        run: () => void exportCsv(),
      },
      {
        id: 'tags.search',
        title: 'Search the tags',
        group: 'Tags',
        keys: ['Ctrl+F'],
        inFields: true,
        run: () => searchField.current?.select(),
      },
      {
        id: 'tags.filters',
        title: 'Filters per column',
        group: 'Tags',
        keys: ['Ctrl+Shift+F'],
        inFields: true,
        run: () => table.current?.toggleFilters(),
      },
      {
        id: 'tags.columns',
        title: 'Choose the columns',
        group: 'Tags',
        run: () => table.current?.showColumns({ x: window.innerWidth / 2, y: 80 }),
      },
      {
        id: 'tags.panel',
        title: 'Properties beside the table',
        group: 'Tags',
        keys: ['P'],
        run: () => setPanel(!panel),
      },
      {
        id: 'tags.diagnostics',
        title: diagnostics ? 'Hide diagnostic tags' : 'Show diagnostic tags',
        group: 'Tags',
        run: () => setDiagnostics(!diagnostics),
      },
    ],
    [deviceCount, canBrowse, selection, editable, rows.length, panel, diagnostics, ordered],
  );

  if (!loaded) return <Skeleton rows={12} />;
  const total = rows.length;
  const grid = (
    <DataTable
      handle={table}
      name="tags"
      label="Tags"
      rows={rows}
      rowId={rowId}
      columns={columns}
      search={search}
      selection={selection}
      onSelect={setSelection}
      onOpen={openRows}
      onDelete={() => void remove()}
      onPaste={(cells) => setDialog({ kind: 'import', text: toTsv(cells) })}
      drag={dragRows}
      rowClass={rowClass}
      onCount={setShown}
      menu={() => [
        { label: 'Open in the trend', icon: ChartLine, keys: 'Enter', run: () => openRows() },
        {
          label: 'Edit the cell',
          icon: Pencil,
          keys: 'F2',
          disabled: editable.length !== 1,
          run: () => table.current?.edit(),
        },
        {
          label: 'Find type and order',
          icon: ScanSearch,
          keys: 'O',
          disabled: ordered === null,
          run: () => ordered !== null && findOrder(ordered),
        },
        { label: 'Switch on or off', icon: Power, disabled: editable.length === 0, run: () => void toggle() },
        'separator',
        { label: 'Export as CSV', icon: Download, disabled: editable.length === 0, run: () => void exportCsv() },
        {
          label: 'Delete',
          icon: Trash2,
          keys: 'Delete',
          danger: true,
          disabled: editable.length === 0,
          run: () => void remove(),
        },
      ]}
      empty={
        deviceCount === 0 ? (
          <EmptyState
            icon={Tags}
            title="No tags yet"
            text="A tag is one value of a device. Add a connection first; its devices have the tags."
          >
            <Button look="primary" onClick={() => client.showPage('/connections/new')}>
              Add a connection
            </Button>
          </EmptyState>
        ) : (
          <EmptyState
            icon={Tags}
            title="No tags yet"
            text="A tag is one value of a device: a name, an address, a type and a period. Add one or many, import a list, or paste rows from a spreadsheet here."
          >
            <Button look="primary" icon={ListPlus} onClick={() => setDialog({ kind: 'add', deviceId: null })}>
              Add tags
            </Button>
            {canBrowse && (
              <Button icon={FolderSearch} onClick={() => client.showPage('/browse')}>
                Browse device
              </Button>
            )}
            <Button icon={FileUp} onClick={() => setDialog({ kind: 'import', text: null })}>
              Import CSV
            </Button>
          </EmptyState>
        )
      }
    />
  );
  return (
    <div className="page">
      <div className="toolbar">
        <h1>Tags</h1>
        <SearchField ref={searchField} label="Search" value={search} onChange={setSearch} />
        <span className="quiet tags-count" aria-live="polite">
          {shown === total ? plural(total, 'tag') : `${formatCount(shown)} of ${plural(total, 'tag')}`}
          {selection.size > 0 && `, ${formatCount(selection.size)} selected`}
        </span>
        <span className="toolbar-gap" />
        <IconButton
          icon={ChartLine}
          label="Open the selected tags in the trend"
          keys="Enter"
          disabled={selection.size === 0}
          onClick={() => openRows()}
        />
        <IconButton
          icon={Power}
          label="Switch the selected tags on or off"
          disabled={editable.length === 0}
          onClick={() => void toggle()}
        />
        <IconButton
          icon={Trash2}
          label="Delete the selected tags"
          keys="Del"
          disabled={editable.length === 0}
          onClick={() => void remove()}
        />
        <span className="toolbar-sep" />
        <IconButton
          icon={Filter}
          label="Filters per column"
          keys="Ctrl+Shift+F"
          onClick={() => table.current?.toggleFilters()}
        />
        <IconButton
          icon={Columns3}
          label="Columns"
          onClick={(event) => table.current?.showColumns(belowElement(event.currentTarget))}
        />
        <IconButton
          icon={CopyMinus}
          label={diagnostics ? 'Hide diagnostic tags' : 'Show diagnostic tags'}
          aria-pressed={diagnostics}
          onClick={() => setDiagnostics(!diagnostics)}
        />
        <IconButton
          icon={PanelRight}
          label="Properties beside the table"
          keys="P"
          aria-pressed={panel}
          onClick={() => setPanel(!panel)}
        />
        <span className="toolbar-sep" />
        {canBrowse && (
          <Button icon={FolderSearch} onClick={() => client.showPage('/browse')}>
            Browse device
          </Button>
        )}
        <Button icon={Download} disabled={total === 0} onClick={() => void exportCsv()}>
          Export
        </Button>
        <Button icon={FileUp} disabled={deviceCount === 0} onClick={() => setDialog({ kind: 'import', text: null })}>
          Import
        </Button>
        <Button
          look="primary"
          icon={ListPlus}
          disabled={deviceCount === 0}
          onClick={() => setDialog({ kind: 'add', deviceId: editable[0]?.tag?.deviceId ?? null })}
        >
          Add tags
        </Button>
      </div>
      <div className="page-fill">
        <SplitPane
          name="tags"
          first={grid}
          second={panel && total > 0 ? <TagPanel rows={selected} onOrder={findOrder} /> : null}
          secondSize="20rem"
          minSecond="16rem"
        />
      </div>
      {dialog?.kind === 'add' && (
        <AddTagsDialog
          deviceId={dialog.deviceId}
          start={dialog.start ?? null}
          onClose={() => setDialog(null)}
          onAdded={(ids) => {
            setSelection(new Set(ids));
            setDialog(null);
            const [first] = ids;
            // The rows come with the project's change stream, a moment later.
            if (first !== undefined) setTimeout(() => table.current?.scrollTo(first), 300);
          }}
        />
      )}
      {dialog?.kind === 'order' && <OrderDialog tag={dialog.tag} onClose={() => setDialog(null)} />}
      {dialog?.kind === 'import' && <ImportDialog text={dialog.text} onClose={() => setDialog(null)} />}
    </div>
  );
}
