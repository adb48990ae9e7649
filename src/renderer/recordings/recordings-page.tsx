import { FolderOpen, NotebookPen, Send, Trash2 } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import { useClient, useStores, useZone } from '#renderer/client/index.ts';
import { fileChoices, historyChoice, type SendChoice, SendDialog, SendJobs } from '#renderer/sending/index.ts';
import {
  Button,
  type Column,
  DataTable,
  Dialog,
  EmptyState,
  formatBytes,
  formatCount,
  formatDuration,
  formatTime,
  Mark,
  MiddleText,
  NO_VALUE,
  plural,
  Skeleton,
  SplitPane,
  useActions,
} from '#renderer/ui/index.ts';
import type { RecordingFile } from '#shared/model/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import { EventsList } from './events-list.tsx';
import { MergeDialog } from './merge-dialog.tsx';
import { NoteDialog } from './note-dialog.tsx';
import { OpenRecordingDialog } from './open-dialog.tsx';
import { formatTimeLeft } from './recording-control.tsx';
import { RecordingJobs } from './recording-jobs.tsx';
import { SplitDialog } from './split-dialog.tsx';
import { useOpenRecording } from './use-open-recording.ts';
import './recordings.css';

interface FileRow {
  readonly file: RecordingFile;
  readonly opened: boolean;
}
const fileId = (row: FileRow): string => row.file.id;
const noRows: ReadonlySet<string> = new Set();

export function RecordingsPage(): ReactNode {
  const client = useClient();
  const zone = useZone();
  const { loaded, files, opened } = useStores('files', (state) => state);
  const recording = useStores('recording', (state) => state.state);
  const [selection, setSelection] = useState<ReadonlySet<string>>(noRows);
  const [dialog, setDialog] = useState<'open' | 'note' | 'remove' | 'split' | 'merge' | null>(null);
  const [sending, setSending] = useState<readonly SendChoice[] | null>(null);
  const [eventsVersion, setEventsVersion] = useState(0);
  const { open, choose, backToLive } = useOpenRecording();
  const desktop = useStores('health', (state) => state.health?.host === 'desktop');
  const openOther = (): void => {
    if (!desktop) setDialog('open');
    else choose().catch((error: unknown) => client.fail(error, 'The recording could not be opened'));
  };

  const rows = useMemo((): readonly FileRow[] => {
    const openIds = new Set(opened.map((file) => file.id));
    const listed = new Set(files.map((file) => file.id));
    return [
      ...files.map((file) => ({ file, opened: openIds.has(file.id) })),
      ...opened.filter((file) => !listed.has(file.id)).map((file) => ({ file, opened: true })),
    ];
  }, [files, opened]);
  const chosen = rows.filter((row) => selection.has(row.file.id));
  const selected = chosen[0] ?? null;
  /** Of the recordings folder: what lies elsewhere is only read. */
  const inFolder = new Set(files.map((file) => file.id));
  const canWork = chosen.length === 1 && selected !== null && inFolder.has(selected.file.id);
  const canMerge = chosen.length > 1 && chosen.every((row) => inFolder.has(row.file.id));
  const work = (kind: 'verify' | 'repair' | 'compact'): void => {
    if (selected === null) return;
    client.rpc.recordingJobs
      .start({ kind, id: selected.file.id })
      .catch((error: unknown) => client.fail(error, `"${selected.file.name}" is not worked on`));
  };

  /** The selected recording, else the running history. */
  const send = (): void => {
    const files = fileChoices(selected === null ? [] : [selected.file]);
    if (files.length > 0) setSending(files);
    else {
      historyChoice(client)
        .then((choice) => setSending([choice]))
        .catch((error: unknown) => client.fail(error, 'The running history could not be looked at'));
    }
  };

  const columns = useMemo((): readonly Column<FileRow>[] => fileColumns(zone), [zone]);
  const openRow = (row: FileRow): void => {
    open(row.file.id).catch((error: unknown) => client.fail(error, `"${row.file.name}" could not be opened`));
  };
  const close = (row: FileRow): void => {
    if (client.stores.view.getState().openedSource === row.file.id) backToLive();
    client.rpc.recording
      .close({ id: row.file.id })
      .catch((error: unknown) => client.fail(error, `"${row.file.name}" could not be closed`));
  };

  useActions(
    [
      {
        id: 'recordings.open',
        title: 'Open a recording file',
        group: 'Recordings',
        keys: ['Ctrl+O'],
        inFields: true,
        run: openOther,
      },
      {
        id: 'recordings.trend',
        title: 'Open the selected recording in the trend',
        group: 'Recordings',
        keys: ['Enter'],
        enabled: () => selected !== null,
        run: () => selected !== null && openRow(selected),
      },
      {
        id: 'recordings.close',
        title: 'Close the selected recording',
        group: 'Recordings',
        enabled: () => selected?.opened === true,
        run: () => selected !== null && close(selected),
      },
      ...(
        [
          ['verify', 'Check the selected recording', 'verify checksum damage'],
          ['repair', 'Repair the selected recording into a new file', 'damage salvage'],
          ['compact', 'Make a compact copy of the selected recording', 'smaller size'],
        ] as const
      ).map(([kind, title, words]) => ({
        id: `recordings.${kind}`,
        title,
        group: 'Recordings',
        words,
        enabled: () => canWork,
        run: () => work(kind),
      })),
      {
        id: 'recordings.split',
        title: 'Split the selected recording',
        group: 'Recordings',
        words: 'by day or size parts',
        enabled: () => canWork,
        run: () => setDialog('split'),
      },
      {
        id: 'recordings.merge',
        title: 'Merge the selected recordings',
        group: 'Recordings',
        words: 'join',
        enabled: () => canMerge,
        run: () => setDialog('merge'),
      },
      {
        id: 'recordings.send',
        title: selected === null ? 'Send the running history to a source' : 'Send the selected recording to a source',
        group: 'Recordings',
        words: 'upload copy database backend write',
        run: send,
      },
      {
        id: 'recordings.delete',
        title: 'Delete the selected recording',
        group: 'Recordings',
        keys: ['Delete'],
        enabled: () => selected !== null,
        run: () => setDialog('remove'),
      },
      {
        id: 'recordings.note',
        title: 'Add a note now',
        group: 'Recordings',
        keys: ['I'],
        run: () => setDialog('note'),
      },
    ],
    [selected, desktop, canWork, canMerge],
  );

  const active = recording?.active ?? null;
  const facts: readonly (readonly [string, ReactNode])[] = [
    [
      'Recording',
      recording?.paused != null ? (
        <Mark key="recording" tone="warn" shape="triangle" title={recording.paused}>
          <MiddleText text={active === null ? 'Paused' : `Paused: ${active.name}`} />
        </Mark>
      ) : active === null ? (
        'Off'
      ) : (
        <Mark key="recording" tone="ok" shape="disc">
          <MiddleText text={active.name} />
        </Mark>
      ),
    ],
    ['Tags recorded', active === null ? NO_VALUE : formatCount(active.tags)],
    ['Size of the recording', active === null ? NO_VALUE : formatBytes(active.bytes)],
    ['Samples per second', formatCount(recording?.samplesPerSecond)],
    ['Growth', recording === null ? NO_VALUE : `${formatBytes(recording.bytesPerSecond)}/s`],
    ['Running history', formatBytes(recording?.historyBytes)],
    ['Time left on the disk', formatTimeLeft(recording?.secondsLeft)],
    ['Stored until', formatTime(recording?.storedUntil, zone)],
    ['Dropped', formatCount(recording?.dropped)],
  ];

  const table = loaded ? (
    <DataTable
      name="recordings"
      label="Recordings"
      rows={rows}
      rowId={fileId}
      columns={columns}
      selection={selection}
      onSelect={setSelection}
      onOpen={openRow}
      onDelete={() => setDialog('remove')}
      menu={() =>
        selected === null
          ? []
          : [
              { label: 'Open in the trend', icon: FolderOpen, keys: 'Enter', run: () => openRow(selected) },
              { label: 'Close', disabled: !selected.opened, run: () => close(selected) },
              'separator',
              { label: 'Check', disabled: !canWork, run: () => work('verify') },
              { label: 'Repair into a new file', disabled: !canWork, run: () => work('repair') },
              { label: 'Make a compact copy', disabled: !canWork, run: () => work('compact') },
              { label: 'Split', disabled: !canWork, run: () => setDialog('split') },
              { label: 'Merge the selected', disabled: !canMerge, run: () => setDialog('merge') },
              { label: 'Send to a source…', icon: Send, disabled: selected.file.from === null, run: send },
              'separator',
              { label: 'Delete the file', icon: Trash2, keys: 'Delete', danger: true, run: () => setDialog('remove') },
            ]
      }
      empty={
        <EmptyState
          title={active === null ? 'No recordings yet' : 'No finished recordings yet'}
          text={`A recording keeps a range of the running history as a file of its own, which can be moved to another computer and opened there. ${
            active === null
              ? 'Start one with Record above, or open a file.'
              : `"${active.name}" is listed here when it is stopped.`
          }`}
        >
          <Button icon={FolderOpen} onClick={openOther}>
            Open a recording file
          </Button>
        </EmptyState>
      }
    />
  ) : (
    <Skeleton rows={6} />
  );

  const sourceRange =
    selected === null || selected.file.from === null || selected.file.to === null
      ? null
      : { from: selected.file.from, to: selected.file.to + 1 };
  const side = (
    <aside className="side" aria-label="Properties">
      {selected === null ? (
        <>
          <h2>Running history: last 24 hours</h2>
          <div className="side-actions">
            <Button icon={Send} onClick={send}>
              Send to a source
            </Button>
          </div>
        </>
      ) : (
        <>
          <h2>{selected.file.name}</h2>
          <dl className="facts">
            <dt>From</dt>
            <dd className="mono">{formatTime(selected.file.from, zone, 'millisecond')}</dd>
            <dt>To</dt>
            <dd className="mono">{formatTime(selected.file.to, zone, 'millisecond')}</dd>
            <dt>Content</dt>
            <dd>
              {plural(selected.file.tags, 'tag')}, {plural(selected.file.samples, 'sample')}
            </dd>
            <dt>Size</dt>
            <dd>{formatBytes(selected.file.bytes)}</dd>
            <dt>File</dt>
            <dd className="mono selectable">{selected.file.path}</dd>
          </dl>
          {selected.file.damage.length > 0 && (
            <div className="field-error" role="alert">
              {selected.file.damage.map((line) => (
                <p key={line}>{line}</p>
              ))}
            </div>
          )}
          <div className="side-actions">
            <Button look="primary" icon={FolderOpen} onClick={() => openRow(selected)}>
              Open in the trend
            </Button>
            {selected.opened && <Button onClick={() => close(selected)}>Close</Button>}
            {selected.file.from !== null && (
              <Button icon={Send} onClick={send}>
                Send to a source
              </Button>
            )}
            <Button look="danger" icon={Trash2} onClick={() => setDialog('remove')}>
              Delete
            </Button>
          </div>
        </>
      )}
      <RecordingJobs />
      <SendJobs />
      <section className="side-events" aria-label="Events">
        <h3 className="section-title">Events</h3>
        {selected === null ? (
          <EventsList source={RUNNING_HISTORY} range={null} version={eventsVersion} />
        ) : selected.opened ? (
          <EventsList source={selected.file.id} range={sourceRange} />
        ) : (
          <p className="list-note quiet">Open the recording to read its events.</p>
        )}
      </section>
    </aside>
  );

  return (
    <div className="rec-page">
      <div className="toolbar">
        <h1>Recordings</h1>
        <span className="toolbar-gap" />
        <Button icon={NotebookPen} onClick={() => setDialog('note')}>
          Note
        </Button>
        <Button icon={FolderOpen} onClick={openOther}>
          Open a file
        </Button>
      </div>
      <dl className="rec-now">
        {facts.map(([label, value]) => (
          <div key={label} className="rec-fact">
            <dt>{label}</dt>
            <dd className="mono">{value}</dd>
          </div>
        ))}
      </dl>
      <div className="rec-split">
        <SplitPane name="recordings" first={table} second={side} secondSize="26rem" />
      </div>
      {sending !== null && <SendDialog choices={sending} target={null} zone={zone} onClose={() => setSending(null)} />}
      {dialog === 'open' && <OpenRecordingDialog onClose={() => setDialog(null)} />}
      {dialog === 'note' && (
        <NoteDialog
          place={null}
          onClose={() => setDialog(null)}
          onAdded={() => setEventsVersion((version) => version + 1)}
        />
      )}
      {dialog === 'split' && selected !== null && <SplitDialog file={selected.file} onClose={() => setDialog(null)} />}
      {dialog === 'merge' && <MergeDialog files={chosen.map((row) => row.file)} onClose={() => setDialog(null)} />}
      {dialog === 'remove' && selected !== null && (
        <RemoveDialog
          file={selected.file}
          onClose={() => setDialog(null)}
          onRemoved={() => {
            if (client.stores.view.getState().openedSource === selected.file.id) backToLive();
            setSelection(noRows);
            setDialog(null);
          }}
        />
      )}
    </div>
  );
}

/** A recording is data of the plant: its removal is asked about, because it can't be undone. */
function RemoveDialog({
  file,
  onClose,
  onRemoved,
}: {
  readonly file: RecordingFile;
  readonly onClose: () => void;
  readonly onRemoved: () => void;
}): ReactNode {
  const client = useClient();
  const remove = (): void => {
    client.rpc.recording
      .remove({ id: file.id })
      .then(onRemoved)
      .catch((error: unknown) => client.fail(error, `"${file.name}" could not be deleted`));
  };
  return (
    <Dialog
      title="Delete the recording?"
      onClose={onClose}
      onSubmit={remove}
      footer={
        <>
          <Button onClick={onClose} data-autofocus>
            Keep
          </Button>
          <Button look="danger" type="submit">
            Delete the file
          </Button>
        </>
      }
    >
      <p>
        "{file.name}" with {plural(file.samples, 'sample')} of {plural(file.tags, 'tag')} is deleted from the disk. This
        cannot be undone.
      </p>
      <p className="mono quiet">{file.path}</p>
    </Dialog>
  );
}

function fileColumns(zone: string | null): readonly Column<FileRow>[] {
  return [
    {
      id: 'name',
      title: 'Name',
      width: 300,
      grow: true,
      text: (row) => row.file.name,
      cell: (row) => <MiddleText text={row.file.name} />,
    },
    {
      id: 'state',
      title: 'State',
      width: 90,
      filter: 'choice',
      text: (row) => (row.file.damage.length > 0 ? 'Damaged' : row.opened ? 'Open' : 'Closed'),
      cell: (row) =>
        row.file.damage.length > 0 ? (
          <Mark tone="warn" shape="triangle" title={row.file.damage.join(' ')}>
            Damaged
          </Mark>
        ) : row.opened ? (
          <Mark tone="info" shape="disc">
            Open
          </Mark>
        ) : (
          <Mark tone="quiet" shape="ring">
            Closed
          </Mark>
        ),
    },
    {
      id: 'from',
      title: 'From',
      width: 170,
      mono: true,
      text: (row) => formatTime(row.file.from, zone),
      order: (row) => row.file.from,
    },
    {
      id: 'length',
      title: 'Length',
      width: 120,
      mono: true,
      align: 'right',
      text: (row) =>
        row.file.from === null || row.file.to === null
          ? NO_VALUE
          : formatDuration((row.file.to - row.file.from) / 1000),
      order: (row) => (row.file.from === null || row.file.to === null ? null : row.file.to - row.file.from),
    },
    {
      id: 'tags',
      title: 'Tags',
      width: 70,
      mono: true,
      align: 'right',
      text: (row) => formatCount(row.file.tags),
      order: (row) => row.file.tags,
    },
    {
      id: 'samples',
      title: 'Samples',
      width: 110,
      mono: true,
      align: 'right',
      text: (row) => formatCount(row.file.samples),
      order: (row) => row.file.samples,
    },
    {
      id: 'size',
      title: 'Size',
      width: 90,
      mono: true,
      align: 'right',
      text: (row) => formatBytes(row.file.bytes),
      order: (row) => row.file.bytes,
    },
    { id: 'path', title: 'File', width: 360, mono: true, text: (row) => row.file.path, hidden: true },
  ];
}
