import { type ReactNode, useEffect, useState } from 'react';
import { errorText, useClient, useStores } from '#renderer/client/index.ts';
import {
  Banner,
  Button,
  Dialog,
  formatCount,
  formatDuration,
  formatTime,
  plural,
  SelectField,
  TextField,
} from '#renderer/ui/index.ts';
import { parseRange, type TimeRange, zoneOf } from '#shared/model/index.ts';
import { SendJobs } from './send-jobs.tsx';
import { type SendTarget, sendTargets } from './send-targets.ts';
import { TagChooser } from './tag-chooser.tsx';

/** What can be sent from one recording: ranges that are at hand, and tags that are looked at. */
export interface SendChoice {
  readonly source: string;
  readonly sourceName: string;
  readonly ranges: readonly { readonly label: string; readonly range: TimeRange }[];
  /** Of the trend; empty where nothing is drawn. */
  readonly tags: readonly string[];
}

type Which = 'all' | 'drawn' | 'chosen';
type Estimate =
  | { readonly tags: number; readonly samples: number; readonly leftOut: readonly string[] }
  | { readonly fault: string }
  | null;

const OTHER = 'other';

/** Samples of a recording, copied into the tables that this program keeps at a source. */
export function SendDialog({
  choices,
  target: wanted,
  zone,
  onClose,
}: {
  readonly choices: readonly SendChoice[];
  /** The source that was asked for; null: the first that can take it. */
  readonly target: string | null;
  readonly zone: string | null;
  readonly onClose: () => void;
}): ReactNode {
  const client = useClient();
  const statuses = useStores('sources', (state) => state.byId);
  const targets = sendTargets(statuses.values());
  // What is visible moves on while the trend follows; what was asked for is what it was at the click.
  const [asked] = useState(choices);
  const [at, setAt] = useState('0');
  const choice = asked[Number(at)]!;
  const [picked, setPicked] = useState(wanted);
  const target =
    targets.find(({ id, fault }) => id === picked && fault === null) ?? (picked === null ? firstOf(targets) : null);
  const [rangeAt, setRangeAt] = useState('0');
  const [typed, setTyped] = useState<{ readonly from: string; readonly to: string } | null>(null);
  const [which, setWhich] = useState<Which>(choice.tags.length > 0 ? 'drawn' : 'all');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [estimate, setEstimate] = useState<Estimate>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const offered = choice.ranges[Number(rangeAt)]?.range ?? null;
  const parsed = typed === null ? null : parseRange(typed.from, typed.to, client.now(), zoneOf(zone));
  const range = parsed === null ? offered : 'range' in parsed ? parsed.range : null;
  const [from, to] = range === null ? [0, 0] : [Math.floor(range.from), Math.ceil(range.to)];
  const ids = which === 'all' ? null : which === 'drawn' ? choice.tags : [...chosen];
  const key = ids === null ? null : ids.join('\n');
  const { source } = choice;
  useEffect(() => {
    setEstimate(null);
    if (to <= from || key === '') return;
    const abort = new AbortController();
    client.rpc.sending
      .estimate({ source, tags: key === null ? null : key.split('\n'), range: { from, to } }, { signal: abort.signal })
      .then(setEstimate)
      .catch((error: unknown) => {
        if (!abort.signal.aborted) setEstimate({ fault: errorText(error) });
      });
    return () => abort.abort();
  }, [client, source, key, from, to]);

  const ready = target !== null && range !== null && key !== '' && !busy;
  const start = (): void => {
    if (!ready) return;
    setRefusal(null);
    setBusy(true);
    client.rpc.sending
      .start({
        source,
        sourceName: choice.sourceName,
        target: target.id,
        tags: ids === null ? null : [...ids],
        range: { from, to },
      })
      .catch((error: unknown) => setRefusal(errorText(error)))
      .finally(() => setBusy(false));
  };
  const span = (one: TimeRange): string => formatDuration((one.to - one.from) / 1_000);
  const begin = (): { from: string; to: string } => ({
    from: formatTime(offered?.from ?? client.now() - 3_600e6, zone, 'millisecond'),
    to: formatTime(offered?.to ?? client.now(), zone, 'millisecond'),
  });
  return (
    <Dialog
      title="Send to a source"
      width="36rem"
      onClose={onClose}
      onSubmit={start}
      footer={
        <>
          <Button onClick={onClose}>Close</Button>
          <Button look="primary" type="submit" disabled={!ready}>
            Send
          </Button>
        </>
      }
    >
      <div className="send-form">
        {refusal !== null && <Banner tone="error">{refusal}</Banner>}
        <div className="send-pair">
          <SelectField
            label="From"
            value={at}
            onChange={(next) => {
              setAt(next);
              setRangeAt('0');
              setTyped(null);
              setChosen(new Set());
              setWhich('all');
            }}
            choices={asked.map((one, index) => ({ value: String(index), label: one.sourceName }))}
          />
          <SelectField
            label="To"
            value={target?.id ?? ''}
            onChange={setPicked}
            choices={[
              ...(target === null ? [{ value: '', label: 'Choose a source' }] : []),
              ...targets.map(({ id, name, fault }) => ({
                value: id,
                label: fault === null ? name : `${name}: ${fault}`,
                disabled: fault !== null,
              })),
            ]}
          />
        </div>
        {firstOf(targets) === null && <Banner tone="info">{NO_TARGET}</Banner>}
        <SelectField
          label="Range"
          value={typed === null && offered !== null ? rangeAt : OTHER}
          onChange={(next) => {
            if (next === OTHER) setTyped(begin());
            else {
              setTyped(null);
              setRangeAt(next);
            }
          }}
          choices={[
            ...choice.ranges.map((one, index) => ({
              value: String(index),
              label: `${one.label}, ${span(one.range)}`,
            })),
            { value: OTHER, label: 'Other times' },
          ]}
        />
        {typed !== null && (
          <div className="send-pair">
            {(['from', 'to'] as const).map((field) => (
              <TextField
                key={field}
                label={field === 'from' ? 'Begin' : 'End'}
                value={typed[field]}
                onChange={(text) => setTyped({ ...typed, [field]: text })}
                error={parsed !== null && 'field' in parsed && parsed.field === field ? parsed.message : undefined}
              />
            ))}
          </div>
        )}
        <SelectField
          label="Tags"
          value={which}
          onChange={setWhich}
          choices={[
            { value: 'all' as const, label: 'All with numbers' },
            ...(choice.tags.length === 0
              ? []
              : [{ value: 'drawn' as const, label: `Those of the trend (${choice.tags.length})` }]),
            { value: 'chosen' as const, label: chosen.size === 0 ? 'Some' : `Some (${chosen.size})` },
          ]}
        />
        {which === 'chosen' && <TagChooser key={source} source={source} chosen={chosen} onChange={setChosen} />}
        <div className="send-estimate" aria-live="polite">
          {range !== null && (
            <p className="mono">
              {formatTime(from, zone, 'second')} to {formatTime(to, zone, 'second')}
            </p>
          )}
          <p>{key === '' ? 'Choose at least one tag.' : range === null ? '' : estimateText(estimate)}</p>
          {target !== null && <p>{ruleOf(target)}</p>}
        </div>
        <SendJobs />
      </div>
    </Dialog>
  );
}

const NO_TARGET =
  'No source can take samples. On the Backends page, allow Write in the settings of a source, and let ParX make its tables there under Own tables.';

const firstOf = (targets: readonly SendTarget[]): SendTarget | null =>
  targets.find(({ fault }) => fault === null) ?? null;

const ruleOf = ({ onConflict }: SendTarget): string =>
  onConflict === 'keep'
    ? 'A sample that is there already stays as it is.'
    : 'A sample that is there already is replaced by the one that is sent.';

function estimateText(estimate: Estimate): string {
  if (estimate === null) return 'Counting what there is…';
  if ('fault' in estimate) return `How much it is could not be found out. ${estimate.fault}`;
  const { tags, samples, leftOut } = estimate;
  const much =
    samples === 0
      ? 'There are no samples in this range.'
      : `${formatCount(samples)} samples of ${plural(tags, 'tag')}.`;
  return [much, ...leftOut].join(' ');
}
