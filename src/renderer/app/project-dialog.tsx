import { type ReactNode, useMemo, useState } from 'react';
import { errorText, useClient, useProject } from '#renderer/client/index.ts';
import { Banner, Button, Dialog, formatTime, SelectField, TextField, zoneName } from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import { ProjectFileButtons } from './project-file.tsx';

/** Name of the project, and the zone that all times are shown in. What is stored is UTC and does not change. */
export function ProjectDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const client = useClient();
  const stored = useProject((state) => state.settings.values().next().value ?? null);
  const [name, setName] = useState(stored?.document.name ?? 'ParX project');
  const [zone, setZone] = useState(stored?.document.timeZone ?? '');
  const [refusal, setRefusal] = useState<string | null>(null);
  const [now] = useState(() => client.now());
  const zones = useMemo(() => ['UTC', ...Intl.supportedValuesOf('timeZone').filter((known) => known !== 'UTC')], []);
  const nameError = name.trim() === '' ? 'A name is needed.' : undefined;

  const save = async (): Promise<void> => {
    if (nameError !== undefined) return;
    const document = { id: stored?.document.id ?? 'project', name: name.trim(), timeZone: zone === '' ? null : zone };
    try {
      await client.edits.commit({
        label: 'Project settings changed',
        changes: [{ kind: 'settings', id: document.id, document, expected: stored?.revision ?? null }],
      });
      onClose();
    } catch (error) {
      setRefusal(
        isAppError(error, 'store.conflict')
          ? 'Another window changed the project meanwhile. Look at the values and save again.'
          : errorText(error),
      );
    }
  };
  return (
    <Dialog
      title="Project"
      width="26rem"
      onClose={onClose}
      onSubmit={() => void save()}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" disabled={nameError !== undefined}>
            Save
          </Button>
        </>
      }
    >
      <div className="form-stack">
        {refusal !== null && <Banner tone="error">{refusal}</Banner>}
        <TextField label="Name" value={name} onChange={setName} error={nameError} maxLength={200} data-autofocus />
        <SelectField
          label="Time zone"
          value={zone}
          onChange={setZone}
          help="Times are shown and entered in this zone on every screen. What is stored is UTC."
          choices={[
            { value: '', label: 'As this computer' },
            ...zones.map((known) => ({ value: known, label: known.replaceAll('_', ' ') })),
          ]}
        />
        <p className="quiet">
          Now: <span className="mono">{formatTime(now, zone === '' ? null : zone)}</span>{' '}
          {zoneName(now, zone === '' ? null : zone)}
        </p>
        <ProjectFileButtons onUse={onClose} />
      </div>
    </Dialog>
  );
}
