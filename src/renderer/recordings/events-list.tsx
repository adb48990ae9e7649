import { type ReactNode, useEffect, useState } from 'react';
import { errorText, useClient, useSession, useZone } from '#renderer/client/index.ts';
import { formatDuration, formatTime, Skeleton } from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { EventKind, HistoryEvent, TimeRange } from '#shared/model/index.ts';

const kindNames: Readonly<Record<EventKind, string>> = {
  configuration: 'Change',
  gap: 'Gap',
  note: 'Note',
  batch: 'Batch',
  recording: 'Recording',
  clock: 'Clock',
  sleep: 'Sleep',
  network: 'Network',
  engine: 'Engine',
};
const REFRESH_MS = 3000;
const MAX_SHOWN = 300;

/** Newest first. `range` null takes the last day of a history that still grows. */
export function EventsList({
  source,
  range,
  version = 0,
}: {
  readonly source: string;
  readonly range: TimeRange | null;
  /** Raise it to read at once. */
  readonly version?: number;
}): ReactNode {
  const client = useClient();
  const zone = useZone();
  const open = useSession((state) => state.phase === 'open');
  const [events, setEvents] = useState<readonly HistoryEvent[] | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const from = range?.from ?? null;
  const to = range?.to ?? null;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new version reads again
  useEffect(() => {
    if (!open) return;
    const abort = new AbortController();
    let timer: number | undefined;
    const read = async (): Promise<void> => {
      const now = Math.round(client.now());
      const asked = { from: from ?? now - 86_400e6, to: to ?? now + 60e6 };
      try {
        const found = await client.rpc.history.events({ source, range: asked, kinds: null }, { signal: abort.signal });
        setEvents([...found.events].sort((a, b) => b.from - a.from));
        setRefusal(null);
      } catch (error) {
        if (!abort.signal.aborted && !isAppError(error, 'rpc.disconnected')) setRefusal(errorText(error));
      }
      if (to === null && !abort.signal.aborted) timer = window.setTimeout(() => void read(), REFRESH_MS);
    };
    void read();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [client, source, from, to, open, version]);

  if (refusal !== null) return <p className="list-note">{refusal}</p>;
  if (events === null && !open) {
    return <p className="list-note quiet">Not read: the engine cannot be reached. They are listed when it answers.</p>;
  }
  if (events === null) return <Skeleton rows={4} />;
  if (events.length === 0) {
    return <p className="list-note quiet">No events. Notes, changes, gaps and recordings are listed here.</p>;
  }
  return (
    <ol className="events">
      {events.slice(0, MAX_SHOWN).map((event) => (
        <li key={event.id} className="event">
          <time className="mono quiet" title={formatTime(event.from, zone, 'millisecond')}>
            {formatTime(event.from, zone)}
          </time>
          <span className="event-kind">{kindNames[event.kind]}</span>
          <span className="selectable event-text">
            {event.text}
            {event.to !== null && <span className="quiet"> ({formatDuration((event.to - event.from) / 1000)})</span>}
            {event.author !== null && <span className="quiet"> {event.author}</span>}
          </span>
        </li>
      ))}
      {events.length > MAX_SHOWN && (
        <li className="list-note quiet">{events.length - MAX_SHOWN} older events are not shown.</li>
      )}
    </ol>
  );
}
