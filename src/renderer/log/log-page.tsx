import { Eraser, LifeBuoy, Pause, Play, SlidersHorizontal } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { useClient, useZone } from '#renderer/client/index.ts';
import {
  Button,
  type Column,
  DataTable,
  EmptyState,
  formatBytes,
  formatTime,
  Mark,
  offerFile,
  SearchField,
  useActions,
} from '#renderer/ui/index.ts';
import type { LogEntry } from '#shared/rpc/contract.ts';
import { LevelsDialog } from './levels-dialog.tsx';
import './log.css';

interface LogRow extends LogEntry {
  readonly id: string;
}
type Level = LogEntry['level'];

/** Lines kept on the screen; the engine's files have all of them. */
const MAX_LINES = 5000;
const rowId = (row: LogRow): string => row.id;
const nothing: ReadonlySet<string> = new Set();

const levelMarks = {
  debug: { tone: 'quiet', shape: 'ring', text: 'Debug' },
  info: { tone: 'quiet', shape: 'square', text: 'Info' },
  warn: { tone: 'warn', shape: 'triangle', text: 'Warning' },
  error: { tone: 'error', shape: 'cross', text: 'Error' },
} as const;

/** The engine's log as it is written, newest line first. */
export function LogPage(): ReactNode {
  const client = useClient();
  const zone = useZone();
  const [level, setLevel] = useState<Level>('info');
  const [rows, setRows] = useState<readonly LogRow[]>([]);
  const [dropped, setDropped] = useState(0);
  const [paused, setPaused] = useState(false);
  const [search, setSearch] = useState('');
  const [selection, setSelection] = useState(nothing);
  const [levels, setLevels] = useState(false);
  const [saving, setSaving] = useState(false);
  const count = useRef(0);
  const held = useRef<LogRow[]>([]);
  const isPaused = useRef(paused);
  isPaused.current = paused;
  const searchField = useRef<HTMLInputElement>(null);

  useEffect(() => {
    setRows([]);
    held.current = [];
    const feed = client.session.follow(
      (rpc, signal) => rpc.engine.log({ level, module: null }, { signal }),
      (item) => {
        const fresh = item.lines.map((line) => ({ ...line, id: String(++count.current) })).reverse();
        if (item.dropped > 0) setDropped((known) => known + item.dropped);
        if (isPaused.current) held.current = [...fresh, ...held.current].slice(0, MAX_LINES);
        else setRows((known) => [...fresh, ...known].slice(0, MAX_LINES));
      },
    );
    return () => feed[Symbol.dispose]();
  }, [client, level]);

  const toggle = (): void => {
    if (paused) {
      const waiting = held.current;
      held.current = [];
      setRows((known) => [...waiting, ...known].slice(0, MAX_LINES));
    }
    setPaused(!paused);
  };
  const save = async (): Promise<void> => {
    setSaving(true);
    try {
      const { name, bytes } = await client.rpc.engine.supportFile();
      offerFile(name, bytes, 'application/gzip');
      client.notify({
        kind: 'info',
        text: `The support file "${name}" was made, ${formatBytes(bytes.length)}.`,
        advice:
          'It holds versions, states, alerts, settings with addresses, and the end of the log; no samples and no secrets.',
      });
    } catch (error) {
      client.fail(error, 'The support file could not be made');
    } finally {
      setSaving(false);
    }
  };
  useActions(
    [
      {
        id: 'log.support',
        title: 'Make a support file',
        group: 'Log',
        words: 'bundle help report fault zip',
        enabled: () => !saving,
        run: () => void save(),
      },
      {
        id: 'log.levels',
        title: 'Choose what the engine writes, by module',
        group: 'Log',
        words: 'level debug verbose more',
        keys: ['L'],
        run: () => setLevels(true),
      },
      {
        id: 'log.pause',
        title: paused ? 'Follow the log' : 'Hold the log',
        group: 'Log',
        keys: ['Space'],
        run: toggle,
      },
      {
        id: 'log.search',
        title: 'Search the log',
        group: 'Log',
        keys: ['Ctrl+F'],
        inFields: true,
        run: () => searchField.current?.focus(),
      },
    ],
    [paused, saving],
  );

  const columns = useMemo(
    (): readonly Column<LogRow>[] => [
      {
        id: 'time',
        title: 'Time',
        width: 200,
        mono: true,
        text: (row) => formatTime(Date.parse(row.time) * 1000, zone, 'millisecond'),
        order: (row) => Date.parse(row.time),
      },
      {
        id: 'level',
        title: 'Level',
        width: 90,
        filter: 'choice',
        text: (row) => levelMarks[row.level].text,
        cell: (row) => (
          <Mark tone={levelMarks[row.level].tone} shape={levelMarks[row.level].shape}>
            {levelMarks[row.level].text}
          </Mark>
        ),
      },
      { id: 'module', title: 'Module', width: 190, filter: 'choice', text: (row) => row.module },
      { id: 'text', title: 'Text', width: 480, grow: true, text: (row) => row.text },
      { id: 'fields', title: 'Fields', width: 260, grow: true, mono: true, text: (row) => row.fields ?? '' },
    ],
    [zone],
  );
  const selected = rows.find((row) => selection.has(row.id)) ?? null;

  return (
    <div className="page">
      <div className="toolbar">
        <h1>Log</h1>
        <SearchField ref={searchField} label="Search" value={search} onChange={setSearch} />
        <select
          className="select log-level"
          aria-label="Least level"
          value={level}
          onChange={(event) => setLevel(event.target.value as Level)}
        >
          <option value="debug">Debug and above</option>
          <option value="info">Info and above</option>
          <option value="warn">Warnings and errors</option>
          <option value="error">Errors</option>
        </select>
        <span className="toolbar-gap" />
        {dropped > 0 && <span className="quiet">{dropped} lines were not fetched in time; the log file has them.</span>}
        <Button
          icon={LifeBuoy}
          disabled={saving}
          onClick={() => void save()}
          title="One file for whoever is asked for help: states, settings, the end of the log; no samples, no secrets"
        >
          Support file
        </Button>
        <Button icon={SlidersHorizontal} onClick={() => setLevels(true)} title="What the engine writes, by module (L)">
          Levels
        </Button>
        <Button icon={paused ? Play : Pause} aria-pressed={paused} onClick={toggle} title="Space">
          {paused ? 'Follow' : 'Hold'}
        </Button>
        <Button icon={Eraser} onClick={() => setRows([])}>
          Clear the screen
        </Button>
      </div>
      <div className="page-fill">
        <DataTable
          name="log"
          label="Log lines"
          rows={rows}
          rowId={rowId}
          columns={columns}
          selection={selection}
          onSelect={setSelection}
          search={search}
          menu={() => [{ label: 'What this module writes', icon: SlidersHorizontal, run: () => setLevels(true) }]}
          empty={
            <EmptyState title="No lines at this level" text="What the engine writes is listed here as it happens." />
          }
        />
      </div>
      {selected !== null && (
        <section className="log-detail selectable" aria-label="Whole line">
          <p>{selected.text}</p>
          {selected.fields !== null && <pre className="mono">{selected.fields}</pre>}
        </section>
      )}
      {levels && <LevelsDialog module={selected?.module ?? null} onClose={() => setLevels(false)} />}
    </div>
  );
}
