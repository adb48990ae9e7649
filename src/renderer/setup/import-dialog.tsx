import { FileUp } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { errorText, useClient, useProject } from '#renderer/client/index.ts';
import {
  Banner,
  Button,
  type Column,
  DataTable,
  Dialog,
  EmptyState,
  Mark,
  MiddleText,
  plural,
  SelectField,
  Skeleton,
} from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { ImportPreview, ImportRow } from '#shared/rpc/importing.ts';
import { fittingDevice } from './fitting-device.ts';
import { ImportDevices } from './import-devices.tsx';
import { decodeText, importChanges } from './tag-edits.ts';

const marks = {
  new: { tone: 'info', shape: 'square', text: 'New' },
  change: { tone: 'info', shape: 'triangle', text: 'Changed' },
  same: { tone: 'quiet', shape: 'ring', text: 'Same' },
  bad: { tone: 'error', shape: 'cross', text: 'Bad' },
} as const;
const rank = { bad: 0, change: 1, new: 2, same: 3 } as const;

const columns: readonly Column<ImportRow>[] = [
  {
    id: 'line',
    title: 'Line',
    width: 56,
    align: 'right',
    mono: true,
    text: (row) => String(row.line),
    order: (row) => row.line,
  },
  {
    id: 'status',
    title: 'Row',
    width: 96,
    filter: 'choice',
    text: (row) => marks[row.status].text,
    order: (row) => rank[row.status],
    cell: (row) => (
      <Mark tone={marks[row.status].tone} shape={marks[row.status].shape}>
        {marks[row.status].text}
      </Mark>
    ),
  },
  { id: 'name', title: 'Name', width: 260, text: (row) => row.name, cell: (row) => <MiddleText text={row.name} /> },
  { id: 'address', title: 'Address', width: 120, mono: true, text: (row) => row.address },
  { id: 'device', title: 'Device', width: 130, filter: 'choice', text: (row) => row.device },
  { id: 'type', title: 'Type', width: 80, mono: true, text: (row) => row.tag?.type ?? '' },
  {
    id: 'reason',
    title: 'Reason',
    width: 380,
    grow: true,
    text: (row) => row.reason ?? '',
    cell: (row) => (
      <span
        className={row.status === 'bad' ? 'table-text tag-problem' : 'table-text quiet'}
        title={row.reason ?? undefined}
      >
        {row.reason ?? ''}
      </span>
    ),
  },
];
const rowId = (row: ImportRow): string => String(row.row);
const nothing: ReadonlySet<string> = new Set();
const MAX_BYTES = 32 * 1024 * 1024;

/** A tag list from a file or the clipboard: what it would do, row by row; bad rows stay out and the others go in. */
export function ImportDialog({
  text: given,
  deviceId = null,
  onClose,
}: {
  readonly text: string | null;
  /** For rows that name no device, to begin with; left out: the first. */
  readonly deviceId?: string | null;
  readonly onClose: () => void;
}): ReactNode {
  const client = useClient();
  const devices = useProject((state) => state.device);
  const connections = useProject((state) => state.connection);
  const [text, setText] = useState<string | null>(given);
  const [source, setSource] = useState(given === null ? '' : 'Clipboard');
  const [device, setDevice] = useState(() => deviceId ?? devices.keys().next().value ?? '');
  const [preview, setPreview] = useState<ImportPreview | null>(null);
  const [format, setFormat] = useState<string | null>(null);
  const [assigned, setAssigned] = useState<Readonly<Record<string, string | null>>>({});
  const [refusal, setRefusal] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [selection, setSelection] = useState(nothing);
  const file = useRef<HTMLInputElement>(null);
  /** The person has chosen a device, or this list has had one chosen for it. */
  const chosen = useRef(deviceId !== null);

  useEffect(() => {
    if (text === null) return;
    const abort = new AbortController();
    setRefusal(null);
    const read = async (): Promise<void> => {
      const items = client.rpc.tags.previewImport(
        { text, format, deviceId: device === '' ? null : device, assigned },
        { signal: abort.signal },
      );
      const all: ImportRow[] = [];
      let last: ImportPreview | null = null;
      for await (const item of items) {
        for (const row of item.rows) all.push(row);
        last = item;
      }
      if (last === null || abort.signal.aborted) return;
      setPreview({ ...last, rows: all });
      if (chosen.current) return;
      chosen.current = true;
      const better = await fittingDevice(client, all, abort.signal);
      if (better !== null && !abort.signal.aborted) setDevice(better);
    };
    read().catch((error: unknown) => {
      if (abort.signal.aborted) return;
      setRefusal(errorText(error));
      // What was read in another format is not what would be imported.
      setPreview((old) => old && { ...old, rows: [], devices: [], notes: [], made: { connections: [], devices: [] } });
    });
    return () => abort.abort();
  }, [client, text, format, device, assigned]);

  const read = async (list: File | undefined): Promise<void> => {
    if (list === undefined) return;
    if (list.size > MAX_BYTES) {
      setRefusal(`"${list.name}" is larger than 32 MB. A tag list of this size cannot be imported at once.`);
      return;
    }
    setPreview(null);
    setFormat(null);
    setAssigned({});
    chosen.current = deviceId !== null;
    setSource(list.name);
    setText(decodeText(await list.arrayBuffer()));
  };

  const counts = useMemo(() => {
    const found = { new: 0, change: 0, same: 0, bad: 0 };
    for (const row of preview?.rows ?? []) found[row.status]++;
    return found;
  }, [preview]);
  // What needs a look stands first; within that the order of the file.
  const rows = useMemo(
    () => [...(preview?.rows ?? [])].sort((a, b) => rank[a.status] - rank[b.status] || a.row - b.row),
    [preview],
  );
  const wanted = counts.new + counts.change;
  const reading = text !== null && preview === null && refusal === null;

  const commit = async (): Promise<void> => {
    if (preview === null || wanted === 0 || busy) return;
    setBusy(true);
    setRefusal(null);
    try {
      const changes = importChanges(preview.rows, preview.made, client.stores.project.getState());
      await client.edits.commit({ label: `${plural(wanted, 'tag')} imported`, changes }, true);
      onClose();
    } catch (error) {
      setRefusal(
        isAppError(error, 'store.conflict')
          ? 'Nothing was imported: tags were changed in another window meanwhile. The preview is read again.'
          : errorText(error),
      );
      if (isAppError(error, 'store.conflict')) setText(`${text ?? ''}`);
      setBusy(false);
    }
  };

  return (
    <Dialog
      title="Import tags"
      width="76rem"
      onClose={onClose}
      footer={
        <>
          {preview !== null && (
            <span className="import-counts">
              <span>{plural(counts.new, 'new row')}</span>
              <span>{counts.change} changed</span>
              <span className="quiet">{counts.same} the same</span>
              {counts.bad > 0 && (
                <Mark tone="error" shape="cross">
                  {counts.bad} bad, left out
                </Mark>
              )}
            </span>
          )}
          <span className="toolbar-gap" />
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" disabled={wanted === 0 || busy} onClick={() => void commit()}>
            {wanted === 0 ? 'Import' : `Import ${plural(wanted, 'tag')}`}
          </Button>
        </>
      }
    >
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping a file is a short cut of the button */}
      <div
        className="import"
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault();
          void read(event.dataTransfer.files[0]);
        }}
      >
        <div className="import-head">
          <div className="field">
            <span className="field-label">Tag list</span>
            <Button icon={FileUp} onClick={() => file.current?.click()} data-autofocus>
              {source === '' ? 'Choose a file' : <MiddleText text={source} />}
            </Button>
            <input
              ref={file}
              type="file"
              hidden
              accept=".csv,.txt,.tsv,.conf,.toml,.json,.mbs,.xml,text/csv,text/plain"
              aria-label="Tag list file"
              onChange={(event) => {
                void read(event.target.files?.[0]);
                event.target.value = '';
              }}
            />
          </div>
          {preview !== null && (
            <SelectField
              label="Format"
              value={format ?? preview.format}
              onChange={setFormat}
              choices={preview.formats.map(({ id, title }) => ({
                value: id,
                label: format === null && id === preview.format ? `${title}, recognised` : title,
              }))}
            />
          )}
          <SelectField
            label="Device for rows that name none"
            value={device}
            onChange={(id) => {
              chosen.current = true;
              setDevice(id);
            }}
            choices={
              devices.size === 0
                ? [{ value: '', label: 'None, the project has no device yet' }]
                : [...devices.values()].map(({ document }) => ({
                    value: document.id,
                    label: `${connections.get(document.connectionId)?.document.name ?? ''} / ${document.name}`,
                  }))
            }
          />
          {preview !== null && (
            <p className="quiet">
              {preview.separator !== null &&
                (preview.separator === '\t' ? 'Separated by tabs.' : `Separated by "${preview.separator}".`)}
              {preview.unknownColumns.length > 0 &&
                ` Columns without a meaning here: ${preview.unknownColumns.join(', ')}.`}
            </p>
          )}
        </div>
        {refusal !== null && <Banner tone="error">{refusal}</Banner>}
        {preview !== null && preview.notes.length > 0 && (
          <div className="import-notes">
            {preview.notes.map((note) => (
              <Banner key={note} tone="info">
                {note}
              </Banner>
            ))}
          </div>
        )}
        {preview !== null && preview.devices.length > 0 && (
          <ImportDevices
            preview={preview}
            onAssign={(key, id) => setAssigned((before) => ({ ...before, [key]: id }))}
          />
        )}
        <div className="import-table">
          <DataTable
            name="import"
            label="Rows of the tag list"
            rows={rows}
            rowId={rowId}
            columns={columns}
            selection={selection}
            onSelect={setSelection}
            empty={
              reading ? (
                <Skeleton rows={6} />
              ) : (
                <EmptyState
                  title={text === null ? 'No file chosen' : 'No rows'}
                  text="A table with a heading line and one line per tag, or a list of Kepware, Telegraf, FUXA or ModbusScope. Drop a file here, choose one, or paste rows into the tag table."
                />
              )
            }
          />
        </div>
        {preview !== null && preview.format === 'csv' && (
          <details>
            <summary className="section-title">Columns that are understood</summary>
            <dl className="facts import-columns">
              {preview.columns.map((column) => (
                <div key={column.column} className="address-help-line">
                  <dt className="mono">{column.column}</dt>
                  <dd>{column.means}</dd>
                </div>
              ))}
            </dl>
          </details>
        )}
      </div>
    </Dialog>
  );
}
