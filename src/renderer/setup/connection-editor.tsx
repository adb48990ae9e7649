import { CopyPlus, Plus, Trash2 } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import { errorText, freeName, newId, useClient, useProject } from '#renderer/client/index.ts';
import {
  Button,
  Check,
  ConflictDialog,
  checkFields,
  DraftForm,
  DraftHead,
  enteredAt,
  type FormValues,
  IconButton,
  type Issues,
  issuesUnder,
  OutdatedBanner,
  readFields,
  SchemaForm,
  TextField,
  useActions,
  useDraftSaving,
} from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { DeviceDocument } from '#shared/model/index.ts';
import type { ProtocolEntry } from '#shared/rpc/catalogue.ts';
import {
  type ConnectionDraft,
  changesOf,
  cleanDraft,
  differences,
  draftOf,
  dropDraft,
  isOutdated,
  keepDraft,
  rebased,
  withProtocol,
} from './connection-draft.ts';

export function ConnectionEditor({
  draft,
  protocol,
  protocols,
  onSaved,
  onCancel,
}: {
  readonly draft: ConnectionDraft;
  readonly protocol: ProtocolEntry;
  /** What a new connection can be changed to. */
  readonly protocols: readonly ProtocolEntry[];
  readonly onSaved: (draft: ConnectionDraft) => void;
  readonly onCancel: () => void;
}): ReactNode {
  const client = useClient();
  const project = useProject((state) => state);
  const [conflict, setConflict] = useState(false);
  const { connection, devices } = draft;
  const changed = useMemo(
    () => draft.isNew || changesOf(cleanDraft(draft, protocol), project).length > 0,
    [draft, protocol, project],
  );
  const outdated = isOutdated(draft, project) && changed;
  const names = useMemo(
    () =>
      new Set(
        [...project.connection.values()]
          .filter((stored) => stored.document.id !== connection.id)
          .map((stored) => stored.document.name),
      ),
    [project.connection, connection.id],
  );

  const check = async (checked: ConnectionDraft, missing: boolean, signal?: AbortSignal): Promise<Issues> => {
    const clean = cleanDraft(checked, protocol);
    const found = new Map<string, string>();
    if (clean.connection.name === '') found.set('name', 'A name is needed.');
    else if (names.has(clean.connection.name)) found.set('name', 'Another connection has this name.');
    clean.devices.forEach((device, index) => {
      if (device.name === '') found.set(`devices.${index}.name`, 'A name is needed.');
      else if (clean.devices.findIndex((other) => other.name === device.name) < index) {
        found.set(`devices.${index}.name`, 'Another device of this connection has this name.');
      }
    });
    for (const [path, message] of localIssues(clean, protocol)) found.set(path, message);
    // The engine's schema would refuse the whole for a missing name; the settings are checked with stand-ins.
    const answer = await client.rpc.connections.check(
      {
        connection: { ...clean.connection, name: clean.connection.name || 'x' },
        devices: clean.devices.map((device) => ({ ...device, name: device.name || 'x' })),
      },
      signal === undefined ? {} : { signal },
    );
    for (const issue of answer.issues) if (!found.has(issue.path)) found.set(issue.path, issue.message);
    return missing ? found : withoutMissing(found, checked, protocol);
  };

  const write = async (what: ConnectionDraft): Promise<void> => {
    const clean = cleanDraft(what, protocol);
    const changes = changesOf(clean, client.stores.project.getState());
    if (changes.length > 0) {
      const label = `Connection "${clean.connection.name}" ${what.isNew ? 'added' : 'changed'}`;
      await client.edits.commit({ label, changes });
    }
    dropDraft(clean.connection.id);
    onSaved(clean);
  };
  const saving = useDraftSaving({
    draft,
    changed,
    check,
    write,
    refused(error) {
      if (isAppError(error, 'store.conflict')) {
        setConflict(true);
        return { text: null };
      }
      const text = errorText(error);
      if (!isAppError(error, 'config.invalid')) return { text };
      return {
        text,
        issues: new Map(error.details.issues.map((issue) => [normalPath(issue.path), issue.message])),
      };
    },
  });
  const { issues } = saving;

  useActions(
    [
      {
        id: 'connections.save',
        title: 'Save the connection',
        group: 'Connections',
        keys: ['Ctrl+S'],
        inFields: true,
        enabled: () => changed,
        run: () => void saving.save(draft),
      },
    ],
    [changed, draft],
  );

  const set = (change: Partial<ConnectionDraft>): void => keepDraft({ ...draft, ...change });
  const setDevice = (id: string, change: Partial<DeviceDocument>): void =>
    set({ devices: devices.map((device) => (device.id === id ? { ...device, ...change } : device)) });
  const addDevice = (from: DeviceDocument | undefined): void => {
    const taken = new Set(devices.map((device) => device.name));
    const name = freeName(from?.name ?? `Device ${devices.length + 1}`, taken);
    set({
      devices: [
        ...devices,
        { id: newId(), connectionId: connection.id, name, enabled: true, settings: from?.settings ?? {} },
      ],
    });
  };
  const tagCount = (deviceId: string): number =>
    [...project.tag.values()].filter((stored) => stored.document.deviceId === deviceId).length;

  return (
    <DraftForm
      label={draft.isNew ? 'New connection' : `Settings of ${connection.name}`}
      form={saving.form}
      faults={saving.faults}
      refusal={saving.refusal}
      notices={
        outdated && (
          <OutdatedBanner what="connection">
            <Button onClick={() => setConflict(true)}>Compare</Button>
          </OutdatedBanner>
        )
      }
      state={changed ? (draft.isNew ? 'Not saved yet' : 'Changed, not saved') : 'Saved'}
      discard={{ label: draft.isNew ? 'Discard' : 'Undo the changes', disabled: !changed, run: onCancel }}
      save={{
        label: draft.isNew ? 'Add the connection' : 'Save',
        disabled: !changed || saving.busy,
        run: () => void saving.save(draft),
      }}
    >
      <DraftHead
        name={connection.name}
        fault={issues.get('name')}
        isNew={draft.isNew}
        kindLabel="Protocol"
        kind={protocol}
        kinds={protocols}
        enabled={connection.enabled}
        onName={(name) => set({ connection: { ...connection, name } })}
        onKind={(chosen) => {
          keepDraft(withProtocol(project, draft, protocol, chosen));
          saving.reset();
        }}
        onEnabled={(enabled) => set({ connection: { ...connection, enabled } })}
      />
      <SchemaForm
        schema={protocol.config}
        values={connection.settings}
        errors={issuesUnder(issues, 'settings.')}
        example={protocol.sample.config}
        suggest={client.suggest}
        onChange={(settings) => set({ connection: { ...connection, settings: { ...settings } } })}
      />
      <div className="editor-devices-head">
        <h3>Devices</h3>
        <span className="quiet">Each has settings, tags and a state of its own.</span>
        <span className="toolbar-gap" />
        <Button icon={Plus} onClick={() => addDevice(undefined)}>
          Add a device
        </Button>
      </div>
      {devices.length === 0 && <p className="field-error">A connection needs at least one device to have tags.</p>}
      {devices.map((device, index) => (
        <fieldset key={device.id} className="editor-device">
          <legend className="visually-hidden">{device.name}</legend>
          <div className="editor-device-head">
            <TextField
              label="Device name"
              value={device.name}
              maxLength={200}
              error={issues.get(`devices.${index}.name`)}
              onChange={(name) => setDevice(device.id, { name })}
            />
            <Check
              label="Switched on"
              checked={device.enabled}
              onChange={(enabled) => setDevice(device.id, { enabled })}
            />
            <span className="toolbar-gap" />
            <IconButton icon={CopyPlus} label={`Duplicate ${device.name}`} onClick={() => addDevice(device)} />
            <IconButton
              icon={Trash2}
              label={
                tagCount(device.id) === 0
                  ? `Remove ${device.name}`
                  : `Remove ${device.name} and its ${tagCount(device.id)} tags`
              }
              onClick={() => set({ devices: devices.filter((entry) => entry.id !== device.id) })}
            />
          </div>
          <SchemaForm
            schema={protocol.device}
            values={device.settings}
            errors={issuesUnder(issues, `devices.${index}.settings.`)}
            example={protocol.sample.device}
            suggest={client.suggest}
            onChange={(settings) => setDevice(device.id, { settings: { ...settings } })}
          />
        </fieldset>
      ))}
      {conflict && (
        <ConflictDialog
          name={connection.name}
          differences={differences(draft, project, protocol)}
          onClose={() => setConflict(false)}
          onReload={() => {
            const stored = project.connection.get(connection.id);
            if (stored === undefined) dropDraft(connection.id);
            else keepDraft(draftOf(project, stored));
            setConflict(false);
            saving.reset();
          }}
          onSave={(theirs) => {
            const mine = rebased(draft, project, theirs);
            keepDraft(mine);
            setConflict(false);
            void saving.save(mine);
          }}
        />
      )}
    </DraftForm>
  );
}

/** Paths of a refused input begin with the place in the call; those of the check with the settings. */
function normalPath(path: string): string {
  return path.replace(/^connection\./, '').replace(/^changes\.\d+\.document\./, '');
}

/** What the schemas themselves say, in the screen's own sentences. */
function localIssues(draft: ConnectionDraft, protocol: ProtocolEntry, missing = true): Issues {
  const found = new Map<string, string>();
  const add = (schema: Readonly<Record<string, unknown>>, values: FormValues, prefix: string): void => {
    for (const [name, message] of checkFields(readFields(schema), values, missing)) found.set(prefix + name, message);
  };
  add(protocol.config, draft.connection.settings, 'settings.');
  for (const [index, device] of draft.devices.entries())
    add(protocol.device, device.settings, `devices.${index}.settings.`);
  return found;
}

/** While a form is being filled in, what is still empty is no fault. */
function withoutMissing(issues: Issues, draft: ConnectionDraft, protocol: ProtocolEntry): Issues {
  const typed = localIssues(draft, protocol, false);
  const kept = new Map(issues);
  for (const path of localIssues(draft, protocol).keys()) if (!typed.has(path)) kept.delete(path);
  // Settings that are needed only beside others are known to the engine alone.
  for (const path of issues.keys()) {
    const [, index, name] = /^(?:devices\.(\d+)\.)?settings\.(.+)$/.exec(path) ?? [];
    if (name === undefined) continue;
    const settings = index === undefined ? draft.connection.settings : draft.devices[Number(index)]?.settings;
    const entered = enteredAt(settings ?? {}, name);
    if (entered === undefined || entered === '') kept.delete(path);
  }
  if (draft.connection.name === '') kept.delete('name');
  return kept;
}
