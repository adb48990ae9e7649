import { CopyPlus, Plus, Trash2 } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { errorText, freeName, newId, useClient, useProject } from '#renderer/client/index.ts';
import {
  Banner,
  Button,
  Check,
  checkFields,
  enteredAt,
  type FormValues,
  IconButton,
  readFields,
  SchemaForm,
  SelectField,
  TextField,
  useActions,
} from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { DeviceDocument } from '#shared/model/index.ts';
import type { ProtocolEntry } from '#shared/rpc/catalogue.ts';
import { ConflictDialog } from './conflict-dialog.tsx';
import {
  type ConnectionDraft,
  changesOf,
  cleanDraft,
  draftOf,
  dropDraft,
  isOutdated,
  keepDraft,
  rebased,
  withProtocol,
} from './connection-draft.ts';

/** Issues by path: `name`, `settings.port`, `devices.0.settings.unitId`. */
type Issues = ReadonlyMap<string, string>;
const none: Issues = new Map();
const CHECK_MS = 400;

const under = (issues: Issues, prefix: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>();
  for (const [path, message] of issues) {
    if (path.startsWith(prefix)) found.set(path.slice(prefix.length), message);
  }
  return found;
};

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
  const [issues, setIssues] = useState<Issues>(none);
  const [asked, setAsked] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [conflict, setConflict] = useState(false);
  const form = useRef<HTMLFormElement>(null);
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

  // The engine checks what is typed a moment after the last key; what is missing is said only once saving was tried.
  // biome-ignore lint/correctness/useExhaustiveDependencies: checked again when something was typed, not when the check itself changes
  useEffect(() => {
    if (!changed) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      check(draft, abort.signal)
        .then((found) => setIssues(asked ? found : withoutMissing(found, draft, protocol)))
        // Cancelled by the next key, or the engine is away, which the page says; saving checks again.
        .catch(() => undefined);
    }, CHECK_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [draft, asked, changed]);

  const check = async (checked: ConnectionDraft, signal?: AbortSignal): Promise<Issues> => {
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
    return found;
  };

  const save = async (what: ConnectionDraft): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setRefusal(null);
    setAsked(true);
    try {
      const found = await check(what);
      setIssues(found);
      if (found.size > 0) {
        // The first one wrong may be out of sight; its field is marked with the next drawing.
        requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus());
        return;
      }
      const clean = cleanDraft(what, protocol);
      const changes = changesOf(clean, client.stores.project.getState());
      if (changes.length > 0) {
        await client.edits.commit({
          label: what.isNew
            ? `Connection "${clean.connection.name}" added`
            : `Connection "${clean.connection.name}" changed`,
          changes,
        });
      }
      dropDraft(clean.connection.id);
      onSaved(clean);
    } catch (error) {
      if (isAppError(error, 'store.conflict')) setConflict(true);
      else if (isAppError(error, 'config.invalid')) {
        setIssues(new Map(error.details.issues.map((issue) => [normalPath(issue.path), issue.message])));
        setRefusal(errorText(error));
      } else setRefusal(errorText(error));
    } finally {
      setBusy(false);
    }
  };

  useActions(
    [
      {
        id: 'connections.save',
        title: 'Save the connection',
        group: 'Connections',
        keys: ['Ctrl+S'],
        inFields: true,
        enabled: () => changed,
        run: () => void save(draft),
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
    <form
      ref={form}
      className="editor"
      aria-label={draft.isNew ? 'New connection' : `Settings of ${connection.name}`}
      onSubmit={(event) => {
        event.preventDefault();
        void save(draft);
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !event.defaultPrevented) onCancel();
      }}
      noValidate
    >
      <div className="editor-body">
        {outdated && (
          <Banner tone="warn" actions={<Button onClick={() => setConflict(true)}>Compare</Button>}>
            This connection was changed in another window while it is being edited here.
          </Banner>
        )}
        {refusal !== null && <Banner tone="error">{refusal}</Banner>}
        {asked && issues.size > 0 && (
          <Banner tone="error">
            {issues.size === 1 ? 'One field needs a correction.' : `${issues.size} fields need a correction.`}
          </Banner>
        )}
        <div className="schema-grid">
          <TextField
            label="Name"
            value={connection.name}
            maxLength={200}
            autoFocus={draft.isNew}
            error={issues.get('name')}
            onChange={(name) => set({ connection: { ...connection, name } })}
          />
          {draft.isNew && protocols.length > 1 ? (
            <SelectField
              label="Protocol"
              help={protocol.summary}
              value={protocol.id}
              choices={protocols.map((entry) => ({ value: entry.id, label: entry.title }))}
              onChange={(id) => {
                const chosen = protocols.find((entry) => entry.id === id);
                if (chosen === undefined) return;
                keepDraft(withProtocol(project, draft, protocol, chosen));
                setIssues(none);
                setAsked(false);
              }}
            />
          ) : (
            <div className="field">
              <span className="field-label">Protocol</span>
              <span className="editor-fixed" title={protocol.summary}>
                {protocol.title}
              </span>
            </div>
          )}
          <div className="field editor-enabled">
            <Check
              label="Switched on"
              checked={connection.enabled}
              onChange={(enabled) => set({ connection: { ...connection, enabled } })}
            />
          </div>
        </div>
        <SchemaForm
          schema={protocol.config}
          values={connection.settings}
          errors={under(issues, 'settings.')}
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
              errors={under(issues, `devices.${index}.settings.`)}
              example={protocol.sample.device}
              suggest={client.suggest}
              onChange={(settings) => setDevice(device.id, { settings: { ...settings } })}
            />
          </fieldset>
        ))}
      </div>
      <div className="editor-footer">
        <span className="quiet">{changed ? (draft.isNew ? 'Not saved yet' : 'Changed, not saved') : 'Saved'}</span>
        <span className="toolbar-gap" />
        <Button onClick={onCancel} disabled={!changed}>
          {draft.isNew ? 'Discard' : 'Undo the changes'}
        </Button>
        <Button look="primary" type="submit" disabled={!changed || busy} title="Enter or Ctrl+S">
          {draft.isNew ? 'Add the connection' : 'Save'}
        </Button>
      </div>
      {conflict && (
        <ConflictDialog
          draft={draft}
          onClose={() => setConflict(false)}
          onReload={() => {
            const stored = project.connection.get(connection.id);
            if (stored === undefined) dropDraft(connection.id);
            else keepDraft(draftOf(project, stored));
            setConflict(false);
            setIssues(none);
            setAsked(false);
          }}
          onOverwrite={() => {
            const mine = rebased(draft, project);
            keepDraft(mine);
            setConflict(false);
            void save(mine);
          }}
        />
      )}
    </form>
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
