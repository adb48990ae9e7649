import { type ReactNode, useMemo, useState } from 'react';
import { errorText, useClient, useProject, useStores, useZone } from '#renderer/client/index.ts';
import {
  Banner,
  Button,
  Check,
  Dialog,
  formatBytes,
  formatTime,
  plural,
  SelectField,
  TextField,
} from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';

export function StartDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const client = useClient();
  const zone = useZone();
  const recording = useStores('recording', (state) => state.state);
  const connections = useProject((state) => state.connection);
  const tags = useStores('tags', (state) => state.byId);
  const [name, setName] = useState(() => `Recording ${formatTime(client.now(), zone, 'minute')}`);
  const [scope, setScope] = useState<'all' | 'some'>('all');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [leadIn, setLeadIn] = useState('0');
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);

  const perConnection = useMemo(() => {
    const counts = new Map<string, string[]>();
    for (const tag of tags.values()) {
      const list = counts.get(tag.connectionId) ?? [];
      counts.set(tag.connectionId, list);
      list.push(tag.id);
    }
    return counts;
  }, [tags]);
  const tagIds = scope === 'all' ? [] : [...chosen].flatMap((id) => perConnection.get(id) ?? []);
  const seconds = Number(leadIn.replace(',', '.'));
  const leadInError =
    leadIn.trim() !== '' && Number.isFinite(seconds) && seconds >= 0 && seconds <= 3600
      ? undefined
      : 'A number of seconds from 0 to 3600 is needed.';
  const nothing = scope === 'some' && tagIds.length === 0;

  const start = async (): Promise<void> => {
    if (leadInError !== undefined || nothing || busy) return;
    setBusy(true);
    setRefusal(null);
    try {
      await client.rpc.recording.start({ name: name.trim(), tagIds, preTriggerS: seconds });
      onClose();
    } catch (error) {
      const advice = isAppError(error, 'store.disk-full') ? ' Free some space or move the data folder.' : '';
      setRefusal(errorText(error) + advice);
      setBusy(false);
    }
  };

  return (
    <Dialog
      title="Start a recording"
      width="28rem"
      onClose={onClose}
      onSubmit={() => void start()}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" disabled={busy || nothing || leadInError !== undefined}>
            Start
          </Button>
        </>
      }
    >
      <div className="form-stack">
        {refusal !== null && <Banner tone="error">{refusal}</Banner>}
        <TextField label="Name" value={name} onChange={setName} data-autofocus maxLength={120} />
        <SelectField
          label="What is recorded"
          value={scope}
          onChange={setScope}
          choices={[
            { value: 'all', label: `All tags (${tags.size})` },
            { value: 'some', label: 'The tags of some connections' },
          ]}
        />
        {scope === 'some' && (
          <fieldset className="rec-scope">
            <legend className="visually-hidden">Connections</legend>
            {[...connections.values()].map(({ document }) => (
              <Check
                key={document.id}
                label={`${document.name} (${plural(perConnection.get(document.id)?.length ?? 0, 'tag')})`}
                checked={chosen.has(document.id)}
                onChange={(checked) => {
                  const next = new Set(chosen);
                  if (checked) next.add(document.id);
                  else next.delete(document.id);
                  setChosen(next);
                }}
              />
            ))}
            {nothing && <p className="field-error">Choose at least one connection that has tags.</p>}
          </fieldset>
        )}
        <TextField
          label="Seconds before the start that belong to it"
          unit="s"
          value={leadIn}
          onChange={setLeadIn}
          inputMode="decimal"
          error={leadInError}
          help="The running history has them already."
        />
        <p className="quiet">
          {recording === null
            ? ''
            : `The history grows by ${formatBytes(recording.bytesPerSecond)} per second now; ${formatBytes(recording.diskFreeBytes)} are free.`}
        </p>
      </div>
    </Dialog>
  );
}
