import { ArrowDownLeft, ArrowDownToLine, ArrowUpRight, Eraser, Pause, Play, Save } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useClient, useConnectionStatus, useZone } from '#renderer/client/index.ts';
import {
  Button,
  formatClock,
  formatCount,
  formatTime,
  offerFile,
  plural,
  ShapeMark,
  useActions,
  useRem,
  zoneName,
} from '#renderer/ui/index.ts';
import type { ConnectionDocument } from '#shared/model/index.ts';
import { KeptTrace } from './kept-trace.tsx';
import {
  appendEntries,
  askedSentence,
  byteCount,
  hexLines,
  isTrouble,
  type LogEntry,
  logFileName,
  MAX_ENTRIES,
  MAX_TROUBLES,
  protocolLogText,
  type TraceLine,
} from './protocol-log-text.ts';
import './protocol-log.css';

const ROW_REM = 2.25;
/** Nearer to the end than this, the list follows what comes. */
const END_REM = 0.5;
/** Rows made above and below those in sight. */
const SPARE_ROWS = 8;

interface Kept {
  readonly entries: readonly LogEntry[];
  /** Entries that were taken from the front since the page opened, so that a reader's place can be kept. */
  readonly removed: number;
}
const nothing: Kept = { entries: [], removed: 0 };
const more = (known: Kept, fresh: readonly LogEntry[], max: number): Kept => {
  if (fresh.length === 0) return known;
  const next = appendEntries(known.entries, fresh, max);
  return { entries: next.entries, removed: known.removed + next.removed };
};
/** Requests among which the one of an answer with trouble is looked for; links have far fewer under way. */
const MAX_ASKED = 200;

/**
 * What goes over the wire of one connection, in words and bytes. The engine keeps bytes only while this is open and not
 * paused, so the stream ends with the component and with each pause.
 */
export function ProtocolLog({ connection }: { readonly connection: ConnectionDocument }): ReactNode {
  const client = useClient();
  const zone = useZone();
  const status = useConnectionStatus(connection.id);
  const [kept, setKept] = useState(nothing);
  const [troubles, setTroubles] = useState(nothing);
  const [running, setRunning] = useState(true);
  const [onlyTrouble, setOnlyTrouble] = useState(false);
  const [dropped, setDropped] = useState(0);
  const [picked, setPicked] = useState<LogEntry | null>(null);
  const nextKey = useRef(0);

  const add = useCallback((fresh: readonly LogEntry[]) => {
    setKept((known) => more(known, fresh, MAX_ENTRIES));
    const bad = fresh.filter((entry) => entry.kind === 'packet' && entry.trouble);
    setTroubles((known) => more(known, bad, MAX_TROUBLES));
  }, []);
  const note = useCallback(
    (text: string): LogEntry => ({ kind: 'note', key: ++nextKey.current, time: client.now(), text }),
    [client],
  );

  useEffect(() => {
    if (!running) return;
    let generation: number | null = null;
    let sent: readonly TraceLine[] = [];
    const feed = client.session.follow(
      (rpc, signal) => rpc.connections.trace({ id: connection.id }, { signal }),
      (item, current) => {
        const fresh: LogEntry[] = [];
        if (generation !== null && generation !== current) {
          fresh.push(note('The engine was away. Packets of that time are not listed.'));
        }
        generation = current;
        if (item.dropped > 0) {
          setDropped((known) => known + item.dropped);
          fresh.push(note(`${plural(item.dropped, 'packet')} were not fetched in time and are not listed.`));
        }
        for (const line of item.lines) {
          const trouble = isTrouble(line);
          const asked = trouble ? askedSentence(line, sent) : null;
          fresh.push({ kind: 'packet', key: ++nextKey.current, trouble, asked, ...line });
          if (line.direction === 'sent') sent = [...sent.slice(1 - MAX_ASKED), line];
        }
        add(fresh);
      },
    );
    return () => feed[Symbol.dispose]();
  }, [client, connection.id, running, add, note]);

  const toggle = (): void => {
    if (kept.entries.length > 0) add([note(running ? 'Paused.' : 'Goes on. Packets of the pause are not listed.')]);
    setRunning(!running);
  };
  const clear = (): void => {
    setKept(nothing);
    setTroubles(nothing);
    setDropped(0);
    setPicked(null);
  };
  const shown = (onlyTrouble ? troubles : kept).entries;
  const zoneText = `${zone ?? 'the zone of this computer'} (${zoneName(client.now(), zone)})`;
  const save = (): void => {
    const savedAt = client.now();
    const text = protocolLogText(shown, {
      connection: connection.name,
      endpoint: status?.endpoint ?? null,
      zone,
      zoneText,
      savedAt,
      dropped,
      onlyTrouble,
    });
    offerFile(logFileName(connection.name, savedAt, zone), text, 'text/plain;charset=utf-8');
  };

  useActions(
    [
      {
        id: 'protocol-log.pause',
        title: running ? 'Pause the protocol log' : 'Start the protocol log',
        group: 'Connections',
        keys: ['Space'],
        run: toggle,
      },
      { id: 'protocol-log.clear', title: 'Clear the protocol log', group: 'Connections', run: clear },
      {
        id: 'protocol-log.save',
        title: 'Save the protocol log as text',
        group: 'Connections',
        keys: ['Ctrl+S'],
        enabled: () => shown.length > 0,
        run: save,
      },
      {
        id: 'protocol-log.trouble',
        title: onlyTrouble ? 'Show all packets' : 'Show errors and exceptions only',
        group: 'Connections',
        run: () => setOnlyTrouble(!onlyTrouble),
      },
    ],
    [running, onlyTrouble, shown.length === 0],
  );

  return (
    <div className="plog">
      <div className="plog-bar">
        <Button icon={running ? Pause : Play} onClick={toggle} title="Space">
          {running ? 'Pause' : 'Start'}
        </Button>
        <select
          className="select plog-filter"
          aria-label="Packets to list"
          value={onlyTrouble ? 'trouble' : 'all'}
          onChange={(event) => setOnlyTrouble(event.target.value === 'trouble')}
        >
          <option value="all">All packets</option>
          <option value="trouble">Errors and exceptions</option>
        </select>
        <span className="toolbar-gap" />
        <KeptTrace connection={connection} heading={{ endpoint: status?.endpoint ?? null, zone, zoneText }} />
        <Button look="plain" icon={Eraser} disabled={kept.entries.length === 0} onClick={clear}>
          Clear
        </Button>
        <Button look="plain" icon={Save} disabled={shown.length === 0} onClick={save}>
          Save as text
        </Button>
      </div>
      {shown.length === 0 ? (
        <p className="plog-fill plog-empty quiet">
          {emptyText(connection, running, onlyTrouble && kept.entries.length > 0)}
        </p>
      ) : (
        <PacketList
          key={onlyTrouble ? 'trouble' : 'all'}
          entries={shown}
          removed={(onlyTrouble ? troubles : kept).removed}
          zone={zone}
          picked={picked}
          onPick={setPicked}
        />
      )}
      {picked?.kind === 'packet' && (
        <section className="plog-detail selectable" aria-label="Whole packet">
          <p className="quiet">
            {`${picked.direction === 'sent' ? 'Sent' : 'Received'} ${formatTime(picked.time, zone, 'millisecond')}, ${plural(byteCount(picked.hex), 'byte')}`}
          </p>
          {picked.words.length > 0 && <p className="plog-sentences">{picked.words.join('\n')}</p>}
          {picked.asked !== null && <p className="quiet">To: {picked.asked}</p>}
          <pre className="mono">{hexLines(picked.hex).join('\n')}</pre>
        </section>
      )}
      <div className="plog-foot">
        <span>{`${formatCount(kept.entries.length)} of at most ${formatCount(MAX_ENTRIES)} lines`}</span>
        <span
          data-warn={troubles.entries.length > 0 ? '' : undefined}
          title={`Kept apart, so that they stay when the packets around them go; at most ${formatCount(MAX_TROUBLES)}.`}
        >
          {`${formatCount(troubles.entries.length)} with errors`}
        </span>
        {dropped > 0 && (
          <span
            data-warn=""
            title="The link was faster than this page. They are missing in the list and in the saved text."
          >
            {`${formatCount(dropped)} dropped`}
          </span>
        )}
        <span className="toolbar-gap" />
        <span>Times in {zoneText}</span>
      </div>
    </div>
  );
}

function emptyText(connection: ConnectionDocument, running: boolean, filtered: boolean): string {
  if (filtered) return 'No errors or exceptions among what came so far.';
  if (!running) return 'Paused. Start it to list what goes over the wire.';
  if (!connection.enabled) return 'The connection is switched off: nothing goes over the wire.';
  return 'Nothing went over the wire yet. Packets are listed here as they are sent and received.';
}

function PacketList({
  entries,
  removed,
  zone,
  picked,
  onPick,
}: {
  readonly entries: readonly LogEntry[];
  readonly removed: number;
  readonly zone: string | null;
  readonly picked: LogEntry | null;
  readonly onPick: (entry: LogEntry | null) => void;
}): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const rowHeight = useRem(ROW_REM);
  const endRoom = useRem(END_REM);
  const [following, setFollowing] = useState(true);
  const follows = useRef(true);
  const [seen, setSeen] = useState({ top: 0, height: 0 });

  const follow = (on: boolean): void => {
    follows.current = on;
    setFollowing(on);
  };
  // At the end the newest stays in sight; elsewhere the lines being read stay where they are while older ones go.
  const before = useRef(removed);
  useLayoutEffect(() => {
    const element = scroller.current;
    const gone = removed - before.current;
    before.current = removed;
    if (element === null) return;
    if (follows.current) element.scrollTop = entries.length * rowHeight;
    else if (gone > 0) element.scrollTop -= gone * rowHeight;
    // The scroll event comes a frame later; until then the new place would be empty.
    setSeen({ top: element.scrollTop, height: element.clientHeight });
  }, [entries, removed, rowHeight]);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    // The room shrinks when the whole packet is shown below.
    const observer = new ResizeObserver(() => {
      if (follows.current) element.scrollTop = element.scrollHeight;
      setSeen({ top: element.scrollTop, height: element.clientHeight });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const onScroll = (): void => {
    const element = scroller.current;
    if (element === null) return;
    setSeen({ top: element.scrollTop, height: element.clientHeight });
    const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight <= endRoom;
    if (atEnd !== follows.current) follow(atEnd);
  };

  // All rows have one height, so the ones in sight are a matter of division.
  const first = Math.max(0, Math.floor(seen.top / rowHeight) - SPARE_ROWS);
  const made = entries.slice(first, Math.ceil((seen.top + seen.height) / rowHeight) + SPARE_ROWS);
  const at = picked === null ? -1 : entries.indexOf(picked);
  const go = (index: number): void => {
    const target = entries[Math.max(0, Math.min(entries.length - 1, index))];
    if (target === undefined) return;
    // What is being read must not be scrolled away by what comes.
    follow(false);
    onPick(target);
    const element = scroller.current;
    if (element === null) return;
    const top = entries.indexOf(target) * rowHeight;
    const lowest = top + rowHeight - element.clientHeight;
    element.scrollTop = Math.min(top, Math.max(lowest, element.scrollTop));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? rowHeight) / rowHeight) - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: at < 0 ? entries.length - 1 : at + 1,
      ArrowUp: at < 0 ? entries.length - 1 : at - 1,
      PageDown: at < 0 ? entries.length - 1 : at + page,
      PageUp: at < 0 ? entries.length - 1 : at - page,
      Home: 0,
    };
    const to = steps[event.key];
    if (to !== undefined) {
      event.preventDefault();
      go(to);
    } else if (event.key === 'End') {
      event.preventDefault();
      onPick(null);
      toEnd();
    } else if (event.key === 'Escape' && picked !== null) {
      event.preventDefault();
      onPick(null);
    }
  };
  const toEnd = (): void => {
    follow(true);
    const element = scroller.current;
    if (element !== null) element.scrollTop = element.scrollHeight;
  };

  return (
    <div className="plog-fill">
      <div
        ref={scroller}
        className="plog-list"
        role="listbox"
        aria-label="Packets"
        aria-activedescendant={picked !== null && made.includes(picked) ? `packet-${picked.key}` : undefined}
        tabIndex={0}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
      >
        <div className="plog-rows" role="presentation" style={{ height: entries.length * rowHeight }}>
          {made.map((entry, index) => {
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the list itself takes the keys
              <div
                key={entry.key}
                id={`packet-${entry.key}`}
                role="option"
                tabIndex={-1}
                aria-selected={entry === picked}
                className="plog-row"
                data-kind={entry.kind}
                data-trouble={entry.kind === 'packet' && entry.trouble ? '' : undefined}
                style={{ height: rowHeight, transform: `translateY(${(first + index) * rowHeight}px)` }}
                onClick={() => {
                  // What is being read must not be scrolled away by what comes.
                  follow(false);
                  if (entry.kind === 'packet') onPick(entry === picked ? null : entry);
                }}
              >
                <Packet entry={entry} zone={zone} />
              </div>
            );
          })}
        </div>
      </div>
      {!following && (
        <Button className="btn plog-end" icon={ArrowDownToLine} onClick={toEnd}>
          To the newest
        </Button>
      )}
    </div>
  );
}

function Packet({ entry, zone }: { readonly entry: LogEntry; readonly zone: string | null }): ReactNode {
  if (entry.kind === 'note') {
    return (
      <>
        <span className="mono plog-time">{formatClock(entry.time, zone, true)}</span>
        <span className="plog-note">{entry.text}</span>
      </>
    );
  }
  const sent = entry.direction === 'sent';
  const Arrow = sent ? ArrowUpRight : ArrowDownLeft;
  return (
    <>
      <span className="mono plog-time">{formatClock(entry.time, zone, true)}</span>
      <span className="plog-direction">
        <Arrow size={13} aria-hidden />
        {sent ? 'Sent' : 'Received'}
      </span>
      <span className="plog-text">
        <span className="plog-words">
          {entry.trouble && <ShapeMark shape="triangle" size={9} />}
          <span>{entry.words.length === 0 ? plural(byteCount(entry.hex), 'byte') : entry.words.join(' ')}</span>
        </span>
        <span className="mono plog-hex">{entry.hex}</span>
      </span>
    </>
  );
}
