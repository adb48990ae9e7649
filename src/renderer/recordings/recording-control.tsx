import { Circle, Square } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useClient, useNow, useStores } from '#renderer/client/index.ts';
import {
  Button,
  formatBytes,
  formatDuration,
  NO_VALUE,
  ShapeMark,
  shortenMiddle,
  useActions,
} from '#renderer/ui/index.ts';
import { StartDialog } from './start-dialog.tsx';
import './recordings.css';

/** An estimate, so only its leading part: days when there are days, else hours and minutes. */
export function formatTimeLeft(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return NO_VALUE;
  if (seconds >= 365 * 86_400) return 'over a year';
  if (seconds >= 2 * 86_400) return `${Math.floor(seconds / 86_400)} d`;
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
  return formatElapsed(seconds * 1e6);
}

const paused = (reason: string): ReactNode => (
  <span className="mark" data-tone="warn" title={reason}>
    <ShapeMark shape="triangle" /> History paused
  </span>
);

/** Whole seconds from the first on: a running clock with tenths would flicker. */
function formatElapsed(micros: number): string {
  const seconds = Math.max(0, Math.floor(micros / 1e6));
  return seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1000);
}

export function RecordingControl(): ReactNode {
  const client = useClient();
  const recording = useStores('recording', (state) => state.state);
  const now = useNow(1000);
  const [starting, setStarting] = useState(false);
  const [stopping, setStopping] = useState(false);
  const active = recording?.active ?? null;

  const stop = async (): Promise<void> => {
    const name = active?.name ?? '';
    setStopping(true);
    try {
      await client.rpc.recording.stop();
      client.notify({ kind: 'info', text: `Recording "${name}" stopped. It is written to a file of its own.` });
    } catch (error) {
      client.fail(error, 'The recording could not be stopped');
    } finally {
      setStopping(false);
    }
  };

  useActions(
    [
      {
        id: 'recording.start',
        title: 'Start a recording',
        group: 'Recording',
        keys: ['Alt+R'],
        inFields: true,
        enabled: () => recording !== null && active === null,
        run: () => setStarting(true),
      },
      {
        id: 'recording.stop',
        title: active === null ? 'Stop the recording' : `Stop the recording "${active.name}"`,
        group: 'Recording',
        keys: ['Alt+R'],
        inFields: true,
        enabled: () => active !== null,
        run: () => void stop(),
      },
    ],
    [recording === null, active?.name ?? null],
  );

  const left = formatTimeLeft(recording?.secondsLeft);
  return (
    <fieldset className="rec" aria-label="Recording">
      {active !== null ? (
        <>
          {recording?.paused == null ? (
            <span className="mark rec-state" data-tone="ok" title={`Recording since it was started: "${active.name}".`}>
              <ShapeMark shape="disc" /> REC
            </span>
          ) : (
            <span className="mark rec-state" data-tone="warn" title={recording.paused}>
              <ShapeMark shape="triangle" /> PAUSED
            </span>
          )}
          <span className="rec-name" title={active.name}>
            {shortenMiddle(active.name, 26)}
          </span>
          <span className="mono rec-elapsed" title="Time since the start of the recording, lead-in included.">
            {formatElapsed(now - active.from)}
          </span>
          <span className="mono rec-size" title={`${active.tags} tags`}>
            {formatBytes(active.bytes)}
          </span>
        </>
      ) : (
        <span
          className="rec-idle quiet"
          title="The running history is always on. A recording keeps a range of it as a file of its own."
        >
          {recording === null
            ? 'Recorder unknown'
            : recording.paused !== null
              ? paused(recording.paused)
              : recording.finishing !== null
                ? `Writing "${shortenMiddle(recording.finishing.name, 20)}" ${Math.round(recording.finishing.progress * 100)} %`
                : 'History on, not recording'}
        </span>
      )}
      <span className="rec-left" title="Time left on the disk at the present rate.">
        {left !== NO_VALUE && (
          <>
            <span className="mono">{left}</span> <span className="quiet">left</span>
          </>
        )}
      </span>
      {active !== null ? (
        <Button icon={Square} disabled={stopping} onClick={() => void stop()} title="Stop the recording (Alt+R)">
          Stop
        </Button>
      ) : (
        <Button
          icon={Circle}
          disabled={recording === null}
          onClick={() => setStarting(true)}
          title="Start a recording (Alt+R)"
        >
          Record
        </Button>
      )}
      {starting && <StartDialog onClose={() => setStarting(false)} />}
    </fieldset>
  );
}
