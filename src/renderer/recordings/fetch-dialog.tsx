import { type ReactNode, useEffect, useState } from 'react';
import { errorText, useClient, useStores } from '#renderer/client/index.ts';
import {
  Banner,
  Button,
  Dialog,
  formatBytes,
  formatCount,
  formatDuration,
  formatTime,
  plural,
  SelectField,
  TextField,
} from '#renderer/ui/index.ts';
import type { TimeRange } from '#shared/model/index.ts';
import { RecordingJobs } from './recording-jobs.tsx';
import { useOpenRecording } from './use-open-recording.ts';

/** What can be fetched from one source: its tags in the trend, and where they lie on its own clock. */
export interface FetchChoice {
  readonly source: string;
  readonly sourceName: string;
  readonly tags: readonly { readonly id: string; readonly name: string }[];
  readonly visible: TimeRange;
  /** Null when the cursors are not both set. */
  readonly between: TimeRange | null;
}

type Estimate =
  | { readonly tags: number; readonly samples: number | null; readonly bytes: number | null; readonly kept: number }
  | { readonly fault: string }
  | null;

/** Every sample of a range, copied from a source into a recording that is there without it. */
export function FetchDialog({
  choices,
  zone,
  onClose,
}: {
  readonly choices: readonly FetchChoice[];
  readonly zone: string | null;
  readonly onClose: () => void;
}): ReactNode {
  const client = useClient();
  const { open } = useOpenRecording();
  // The window moves on while the trend follows; what was asked for is what was visible at the click.
  const [asked] = useState(choices);
  const [at, setAt] = useState('0');
  const choice = asked[Number(at)]!;
  const [what, setWhat] = useState<'between' | 'visible'>(choice.between === null ? 'visible' : 'between');
  const range = what === 'between' && choice.between !== null ? choice.between : choice.visible;
  const from = Math.floor(range.from);
  const to = Math.ceil(range.to);
  const [name, setName] = useState(`${choice.sourceName} ${formatTime(from, zone, 'second').replaceAll(':', '-')}`);
  const [estimate, setEstimate] = useState<Estimate>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [started, setStarted] = useState<string | null>(null);
  const job = useStores('recordingJobs', (state) => state.jobs.find(({ id }) => id === started));
  const { source } = choice;
  const ids = choice.tags.map(({ id }) => id).join('\n');
  useEffect(() => {
    const abort = new AbortController();
    setEstimate(null);
    client.rpc.recordingJobs
      .estimate({ source, tags: ids.split('\n'), range: { from, to } }, { signal: abort.signal })
      .then(setEstimate)
      .catch((error: unknown) => {
        if (!abort.signal.aborted) setEstimate({ fault: errorText(error) });
      });
    return () => abort.abort();
  }, [client, source, ids, from, to]);

  const start = (): void => {
    if (name.trim() === '') return;
    setRefusal(null);
    client.rpc.recordingJobs
      .start({
        kind: 'fetch',
        source,
        sourceName: choice.sourceName,
        tags: ids.split('\n'),
        range: { from, to },
        name: name.trim(),
      })
      .then(({ id }) => setStarted(id))
      .catch((error: unknown) => setRefusal(errorText(error)));
  };
  const file = job?.state === 'done' ? job.files[0] : undefined;
  // What failed or was cancelled can be asked for again, and goes on.
  const underWay = started !== null && (job === undefined || job.state === 'waiting' || job.state === 'running');
  const span = (one: TimeRange): string => formatDuration((one.to - one.from) / 1_000);
  return (
    <Dialog
      title="Fetch to a local recording"
      width="32rem"
      onClose={onClose}
      onSubmit={start}
      footer={
        <>
          <Button onClick={onClose}>Close</Button>
          {file !== undefined && (
            <Button
              look="primary"
              onClick={() => {
                open(file.id)
                  .then(onClose)
                  .catch((error: unknown) => setRefusal(errorText(error)));
              }}
            >
              Open the recording
            </Button>
          )}
          {file === undefined && (
            <Button look="primary" type="submit" disabled={name.trim() === '' || underWay}>
              Fetch {plural(choice.tags.length, 'tag')}
            </Button>
          )}
        </>
      }
    >
      <div className="fetch-form">
        {asked.length > 1 && (
          <SelectField
            label="Source"
            value={at}
            onChange={(next) => {
              setAt(next);
              setStarted(null);
            }}
            choices={asked.map((one, index) => ({
              value: String(index),
              label: `${one.sourceName}, ${plural(one.tags.length, 'tag')}`,
            }))}
          />
        )}
        <SelectField
          label="Range"
          value={what}
          onChange={setWhat}
          choices={[
            { value: 'visible' as const, label: `What is visible, ${span(choice.visible)}` },
            ...(choice.between === null
              ? []
              : [{ value: 'between' as const, label: `Between the cursors, ${span(choice.between)}` }]),
          ]}
          help={`${formatTime(from, zone, 'second')} to ${formatTime(to, zone, 'second')}, as the source has it.`}
        />
        <TextField label="Name" value={name} onChange={setName} maxLength={120} />
        <p className="fetch-estimate" aria-live="polite">
          {estimateText(estimate)}
        </p>
        {refusal !== null && <Banner tone="error">{refusal}</Banner>}
        <RecordingJobs kinds={FETCHES} />
      </div>
    </Dialog>
  );
}

const FETCHES = ['fetch'] as const;

function estimateText(estimate: Estimate): string {
  if (estimate === null) return 'Counting what the source has there…';
  if ('fault' in estimate) return `How much it is could not be found out. ${estimate.fault}`;
  const { samples, bytes, kept } = estimate;
  if (samples === 0) return 'The source has no samples of these tags in this range.';
  const here =
    kept === 0 ? '' : ` ${Math.max(1, Math.floor(kept * 100))} % of the range is here from a fetch before; it goes on.`;
  if (samples === null) return `The source does not count its samples; how much it is will be seen.${here}`;
  return `About ${formatCount(samples)} samples, ${formatBytes(bytes ?? 0)} on this disk.${here}`;
}
