import { type ReactNode, useMemo } from 'react';
import { Link } from 'wouter';
import { useNow, useProject, useSession, useStores, useZone } from '#renderer/client/index.ts';
import {
  formatBytes,
  formatClock,
  formatCount,
  formatTime,
  NO_VALUE,
  ShapeMark,
  type ShownState,
  shortenMiddle,
  shownLinkState,
  stateMarks,
  zoneName,
} from '#renderer/ui/index.ts';

/** More connections than this are told by counts: the bar has one line. */
const MAX_SEGMENTS = 5;
const worstFirst: readonly ShownState[] = ['lost', 'degraded', 'unknown', 'connecting', 'running', 'idle', 'disabled'];

export function StatusBar({
  alertsOpen,
  onAlerts,
}: {
  readonly alertsOpen: boolean;
  readonly onAlerts: () => void;
}): ReactNode {
  const open = useSession((state) => state.phase === 'open');
  const alerts = useStores('alerts', (state) => state.alerts.filter((alert) => alert.cleared === null).length);
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: a footer of the page is the landmark "contentinfo", which has names
    <footer className="status" aria-label="Status" data-old={open ? undefined : ''}>
      <div className="status-flow">
        <ConnectionSegments />
        <span className="toolbar-gap" />
        <EngineFigures />
      </div>
      <button type="button" className="status-item" aria-expanded={alertsOpen} onClick={onAlerts}>
        {alerts === 0 ? 'No alerts' : `${alerts} ${alerts === 1 ? 'alert' : 'alerts'}`}
      </button>
      <span className="status-item" title="This version writes nothing to the plant: it has no function that could.">
        <ShapeMark shape="ring" size={9} /> READ-ONLY
      </span>
      <Clock />
    </footer>
  );
}

function ConnectionSegments(): ReactNode {
  const documents = useProject((state) => state.connection);
  const statuses = useStores('connections', (state) => state.byId);
  const list = useMemo(
    () =>
      [...documents.values()]
        .map(({ document }) => ({
          id: document.id,
          name: document.name,
          demo: document.demo,
          state: shownLinkState(statuses.get(document.id)?.state, document.enabled),
          message: statuses.get(document.id)?.message ?? null,
        }))
        .sort((a, b) => worstFirst.indexOf(a.state) - worstFirst.indexOf(b.state) || a.name.localeCompare(b.name)),
    [documents, statuses],
  );
  if (list.length === 0) return <span className="status-item quiet">No connections</span>;
  if (list.length > MAX_SEGMENTS) {
    return worstFirst
      .map((state) => ({ state, count: list.filter((entry) => entry.state === state).length }))
      .filter(({ count }) => count > 0)
      .map(({ state, count }) => (
        <Link key={state} href="/connections" className="status-item">
          <span className="mark" data-tone={stateMarks[state].tone}>
            <ShapeMark shape={stateMarks[state].shape} size={9} />
          </span>
          {formatCount(count)} {stateMarks[state].text.toLowerCase()}
        </Link>
      ));
  }
  return list.map((entry) => (
    <Link
      key={entry.id}
      href="/connections"
      className="status-item"
      title={entry.message ?? `${entry.name}: ${stateMarks[entry.state].text}`}
    >
      <span className="mark" data-tone={stateMarks[entry.state].tone}>
        <ShapeMark shape={stateMarks[entry.state].shape} size={9} />
      </span>
      {shortenMiddle(entry.name, list.length > 3 ? 18 : 22)}{' '}
      <span className="quiet">{stateMarks[entry.state].text.toLowerCase()}</span>
    </Link>
  ));
}

function Figure({
  label,
  value,
  width,
  warn = false,
  title,
}: {
  readonly label: string;
  readonly value: string;
  /** Characters kept free, so that a growing value moves nothing. */
  readonly width: number;
  readonly warn?: boolean;
  readonly title: string;
}): ReactNode {
  return (
    <span className="status-item" title={title} data-warn={warn ? '' : undefined}>
      <span className="quiet">{label}</span>
      <span className="mono status-value" style={{ minWidth: `${width}ch` }}>
        {value}
      </span>
    </span>
  );
}

const LOW_DISK_BYTES = 2e9;

function EngineFigures(): ReactNode {
  const health = useStores('health', (state) => state.health);
  const recording = useStores('recording', (state) => state.state);
  const zone = useZone();
  const stored = recording?.storedUntil ?? null;
  const behind = health === null || stored === null ? null : (health.now - stored) / 1e6;
  return (
    <>
      <Figure
        label="samples/s"
        value={formatCount(health?.samplesPerSecond)}
        width={7}
        title="Samples that came from all devices in the last second."
      />
      <Figure
        label="overruns"
        value={formatCount(health?.overruns)}
        width={4}
        title="Polls that were due while the poll before was not finished; they were skipped."
      />
      <Figure
        label="backlog"
        value={formatCount(recording?.backlog)}
        width={5}
        warn={(recording?.dropped ?? 0) > 0}
        title={`Samples that wait to be written. Dropped because the queue was full: ${formatCount(recording?.dropped)}.`}
      />
      <span
        className="status-item"
        title={
          recording?.paused ??
          (stored === null
            ? 'Nothing is stored yet.'
            : `All that lies before ${formatTime(stored, zone, 'millisecond')} is on the disk.`)
        }
        data-warn={recording !== null && (recording.paused !== null || (behind ?? 0) > 5) ? '' : undefined}
      >
        <span className="quiet">{recording?.paused == null ? 'stored until' : 'history paused'}</span>
        <span className="mono status-value" style={{ minWidth: '8ch' }}>
          {formatClock(stored, zone)}
        </span>
      </span>
      <Figure
        label="disk free"
        value={formatBytes(recording?.diskFreeBytes)}
        width={7}
        warn={(recording?.diskFreeBytes ?? Number.POSITIVE_INFINITY) < LOW_DISK_BYTES}
        title={`Free space where the history is kept${health === null ? '' : `: ${health.dataDirectory}`}.`}
      />
      <Figure
        label="memory"
        value={formatBytes(health?.memoryBytes)}
        width={7}
        title={`Memory of the engine. Its longest pause (p99): ${health === null ? NO_VALUE : `${health.eventLoopP99Ms.toFixed(1)} ms`}.`}
      />
    </>
  );
}

function Clock(): ReactNode {
  const zone = useZone();
  const now = useNow(1000);
  return (
    <time className="status-item" title={`${formatTime(now, zone)} (${zone ?? 'zone of this computer'})`}>
      <span className="mono">{formatClock(now, zone)}</span>
      <span className="quiet">{zoneName(now, zone)}</span>
    </time>
  );
}
