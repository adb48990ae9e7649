import { type ReactNode, useEffect, useMemo, useState } from 'react';
import { z } from 'zod';
import { errorText, useClient, useProject } from '#renderer/client/index.ts';
import {
  Button,
  ConflictDialog,
  checkFields,
  DraftForm,
  DraftHead,
  enteredAt,
  type FormValues,
  type Issues,
  issuesUnder,
  OutdatedBanner,
  readFields,
  SchemaForm,
  SelectField,
  useActions,
  useDraftSaving,
  withEntered,
} from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import { sourceLimits } from '#shared/model/index.ts';
import type { BackendEntry } from '#shared/rpc/catalogue.ts';
import {
  changeOf,
  cleanSource,
  differences,
  draftOf,
  dropDraft,
  isChanged,
  isOutdated,
  keepDraft,
  rebased,
  type SourceDraft,
  secretFields,
  withBackend,
} from './source-draft.ts';
import { UrlField } from './url-field.tsx';

const limitsSchema = z.toJSONSchema(sourceLimits, { io: 'input' }) as Record<string, unknown>;
const limitFields = readFields(limitsSchema);

/** What the schemas themselves say, in the screen's own sentences. `missing`: also of what is still empty. */
function localIssues(draft: SourceDraft, backend: BackendEntry, kept: ReadonlySet<string>, missing: boolean): Issues {
  const found = new Map<string, string>();
  const values = withSecrets(draft);
  for (const [name, message] of checkFields(readFields(backend.config), values, missing)) {
    if (!kept.has(name) || enteredAt(values, name) !== undefined) found.set(`settings.${name}`, message);
  }
  for (const [name, message] of checkFields(limitFields, draft.source.limits, missing)) {
    found.set(`limits.${name}`, message);
  }
  return found;
}

function withSecrets({ source, secrets }: SourceDraft): FormValues {
  let values: FormValues = source.settings;
  for (const [field, value] of Object.entries(secrets)) values = withEntered(values, field, value);
  return values;
}

export function SourceEditor({
  draft,
  backend,
  backends,
  onSaved,
  onCancel,
}: {
  readonly draft: SourceDraft;
  readonly backend: BackendEntry;
  /** What a new source can be changed to. */
  readonly backends: readonly BackendEntry[];
  readonly onSaved: (draft: SourceDraft) => void;
  readonly onCancel: () => void;
}): ReactNode {
  const client = useClient();
  const project = useProject((state) => state);
  const { source } = draft;
  const stored = project.source.get(source.id);
  const [conflict, setConflict] = useState(false);
  const [url, setUrl] = useState<string | null>(null);
  const [kept, setKept] = useState<ReadonlySet<string>>(new Set());
  const secretNames = useMemo(() => secretFields(backend), [backend]);
  const changed = useMemo(() => isChanged(draft, backend, stored), [draft, backend, stored]);
  const outdated = isOutdated(draft, stored) && changed;
  const names = useMemo(
    () =>
      new Set(
        [...project.source.values()]
          .filter(({ document }) => document.id !== source.id)
          .map((one) => one.document.name),
      ),
    [project.source, source.id],
  );

  useEffect(() => {
    let gone = false;
    client.rpc.sources.secrets({ id: source.id }).then(
      ({ fields }) => {
        if (!gone) setKept(new Set(fields));
      },
      // Not known: the field is then as one that nothing is kept for.
      () => undefined,
    );
    return () => {
      gone = true;
    };
  }, [client, source.id]);

  const check = async (checked: SourceDraft, missing: boolean, signal?: AbortSignal): Promise<Issues> => {
    const clean = cleanSource(checked.source, backend);
    const found = new Map<string, string>();
    if (clean.name === '' && missing) found.set('name', 'A name is needed.');
    else if (names.has(clean.name)) found.set('name', 'Another source has this name.');
    for (const [path, message] of localIssues(checked, backend, kept, missing)) found.set(path, message);
    const answer = await client.rpc.sources.check(
      { backend: backend.id, settings: clean.settings },
      signal === undefined ? {} : { signal },
    );
    setUrl(answer.url);
    for (const { path, message } of answer.issues) {
      const full = path.startsWith('settings.') ? path : `settings.${path}`;
      const entered = enteredAt(checked.source.settings, full.slice('settings.'.length));
      if (!found.has(full) && (missing || (entered !== undefined && entered !== ''))) found.set(full, message);
    }
    return found;
  };

  const write = async (what: SourceDraft): Promise<void> => {
    // First, so that the source has them when it connects.
    for (const [field, value] of Object.entries(what.secrets)) {
      await client.rpc.sources.setSecret({ id: what.source.id, field, value: value === '' ? null : value });
    }
    const change = changeOf(what, backend, client.stores.project.getState().source.get(what.source.id));
    if (change !== null) {
      const label = `Source "${what.source.name.trim()}" ${what.isNew ? 'added' : 'changed'}`;
      await client.edits.commit({ label, changes: [change] });
    } else await client.rpc.sources.retry({ id: what.source.id });
    dropDraft(what.source.id);
    onSaved(what);
  };
  const saving = useDraftSaving({
    draft,
    // Also where nothing was changed: the check tells the address that the settings are.
    changed: true,
    inputs: kept,
    check,
    write,
    refused(error) {
      if (isAppError(error, 'store.conflict')) {
        setConflict(true);
        return { text: null };
      }
      const text = errorText(error);
      if (!isAppError(error, 'config.invalid')) return { text };
      const found = error.details.issues.map(
        ({ path, message }) => [path.replace(/^changes\.\d+\.document\./, ''), message] as const,
      );
      return { text, issues: new Map(found) };
    },
  });
  const { issues } = saving;

  useActions(
    [
      {
        id: 'backends.save',
        title: 'Save the source',
        group: 'Backends',
        keys: ['Ctrl+S'],
        inFields: true,
        enabled: () => changed,
        run: () => void saving.save(draft),
      },
    ],
    [changed, draft],
  );

  const set = (change: Partial<SourceDraft['source']>): void =>
    keepDraft({ ...draft, source: { ...source, ...change } });
  /** The form shows settings and secrets side by side; only the settings go into the project. */
  const setValues = (values: FormValues): void => {
    let settings = values;
    const secrets: Record<string, string> = {};
    for (const field of secretNames) {
      const entered = enteredAt(values, field);
      if (typeof entered === 'string' && entered !== '') secrets[field] = entered;
      if (entered !== undefined) settings = withEntered(settings, field, undefined);
    }
    keepDraft({ ...draft, source: { ...source, settings: { ...settings } }, secrets });
  };
  const forget = async (field: string): Promise<void> => {
    try {
      await client.rpc.sources.setSecret({ id: source.id, field, value: null });
      setKept(new Set([...kept].filter((one) => one !== field)));
    } catch (error) {
      client.fail(error, 'The password could not be forgotten');
    }
  };
  const titleOf = (field: string): string =>
    readFields(backend.config).find(({ name }) => name === field)?.title ?? field;

  return (
    <DraftForm
      label={draft.isNew ? 'New source' : `Settings of ${source.name}`}
      form={saving.form}
      faults={saving.faults}
      refusal={saving.refusal}
      notices={
        outdated && (
          <OutdatedBanner what="source">
            <Button onClick={() => setConflict(true)}>Compare</Button>
          </OutdatedBanner>
        )
      }
      state={changed ? (draft.isNew ? 'Not saved yet' : 'Changed, not saved') : 'Saved'}
      discard={{ label: draft.isNew ? 'Discard' : 'Undo the changes', disabled: !changed, run: onCancel }}
      save={{
        label: draft.isNew ? 'Add the source' : 'Save',
        disabled: !changed || saving.busy,
        run: () => void saving.save(draft),
      }}
    >
      <DraftHead
        name={source.name}
        fault={issues.get('name')}
        isNew={draft.isNew}
        kindLabel="Backend"
        kind={backend}
        kinds={backends}
        enabled={source.enabled}
        onName={(name) => set({ name })}
        onKind={(chosen) => {
          keepDraft(withBackend(project, draft, backend, chosen));
          saving.reset();
        }}
        onEnabled={(enabled) => set({ enabled })}
      />
      {backend.addressable && (
        <UrlField
          key={`${source.id} ${backend.id}`}
          backend={backend.id}
          url={url}
          onRead={(read, before) => {
            // What the address said before and does not say any more is a default again.
            let settings: FormValues = source.settings;
            for (const name of before) settings = withEntered(settings, name, undefined);
            keepDraft({
              ...draft,
              source: { ...source, settings: { ...settings, ...read.settings } },
              secrets: { ...draft.secrets, ...read.secrets },
            });
          }}
        />
      )}
      {backend.presets.length > 0 && (
        <Presets
          backend={backend}
          settings={source.settings}
          onChoose={(settings) => set({ settings: { ...source.settings, ...settings } })}
        />
      )}
      <SchemaForm
        schema={backend.config}
        values={withSecrets(draft)}
        errors={issuesUnder(issues, 'settings.')}
        example={backend.sample}
        suggest={client.suggest}
        kept={kept}
        onChange={setValues}
      />
      {[...kept].map((field) => (
        <p key={field} className="source-kept">
          <span className="quiet">
            {`${titleOf(field)}: kept on this computer, not in the project, and never shown again.`}
          </span>
          <Button look="plain" onClick={() => void forget(field)}>
            Forget
          </Button>
        </p>
      ))}
      <details className="schema-group" open={issuesUnder(issues, 'limits.').size > 0 ? true : undefined}>
        <summary className="section-title">What it may take</summary>
        <SchemaForm
          schema={limitsSchema}
          values={source.limits}
          errors={issuesUnder(issues, 'limits.')}
          onChange={(limits) => set({ limits: { ...source.limits, ...(limits as typeof source.limits) } })}
        />
      </details>
      {conflict && (
        <ConflictDialog
          name={source.name}
          differences={differences(draft, backend, stored, limitFields)}
          onClose={() => setConflict(false)}
          onReload={() => {
            if (stored === undefined) dropDraft(source.id);
            else keepDraft(draftOf(stored));
            setConflict(false);
            saving.reset();
          }}
          onSave={(theirs) => {
            const mine = rebased(draft, stored, theirs);
            keepDraft(mine);
            setConflict(false);
            void saving.save(mine);
          }}
        />
      )}
    </DraftForm>
  );
}

/** Usual settings to begin with; the form below shows what they are. */
function Presets({
  backend,
  settings,
  onChoose,
}: {
  readonly backend: BackendEntry;
  readonly settings: FormValues;
  readonly onChoose: (settings: FormValues) => void;
}): ReactNode {
  const chosen = backend.presets.find((preset) =>
    Object.entries(preset.settings).every(([name, value]) => JSON.stringify(settings[name]) === JSON.stringify(value)),
  );
  return (
    <div className="schema-grid">
      <SelectField
        label="Preset"
        help="Fills in usual settings. Each can be changed afterwards."
        value={chosen?.id ?? ''}
        choices={[
          ...(chosen === undefined ? [{ value: '', label: 'Own settings' }] : []),
          ...backend.presets.map(({ id, title }) => ({ value: id, label: title })),
        ]}
        onChange={(id) => {
          const preset = backend.presets.find((one) => one.id === id);
          if (preset !== undefined) onChoose(preset.settings);
        }}
      />
      {chosen !== undefined && <p className="quiet source-preset">{chosen.summary}</p>}
    </div>
  );
}
