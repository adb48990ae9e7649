import { Trash2 } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { useStore } from 'zustand';
import { errorText, useClient } from '#renderer/client/index.ts';
import { Button, DraftForm, OutdatedBanner, SidePanel, Skeleton, SplitPane, useActions } from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import {
  type CatalogueRelation,
  type MappingGuess,
  type RelationName,
  type SourceDocument,
  type TableMapping,
  tableMapping,
} from '#shared/model/index.ts';
import { freeMappingId, mappingFaults, plainMapping, relationText, sameRelation, withSeen } from './mapping-draft.ts';
import { MappingEditor } from './mapping-editor.tsx';
import { Guess, withAnswer } from './mapping-guess.tsx';
import { MappingPreviewView } from './mapping-preview.tsx';
import { dropMapping, keepMapping, type MappingDraft, mappingStore } from './mapping-store.ts';
import { usePreview } from './use-preview.ts';

/** One mapping: how it was guessed, the form, and what comes of real rows. Saving makes a new version of it. */
export function MappingDesk({
  source,
  revision,
  relation,
  relationName,
  relations,
  mappingId,
  onShow,
}: {
  readonly source: SourceDocument;
  readonly revision: number | null;
  /** Null while it is not found at the server, or not any more. */
  readonly relation: CatalogueRelation | null;
  readonly relationName: RelationName;
  readonly relations: readonly CatalogueRelation[];
  /** Null: a new mapping of the relation. */
  readonly mappingId: string | null;
  readonly onShow: (mapping: TableMapping | null) => void;
}): ReactNode {
  const client = useClient();
  const stored = source.mappings.find(({ id }) => id === mappingId) ?? null;
  const key = mappingId === null ? `${source.id}:${relationText(relationName)}` : `${source.id}/${mappingId}`;
  const kept = useStore(mappingStore, (state) => state.drafts.get(key));
  const [guesses, setGuesses] = useState<readonly MappingGuess[] | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [asked, setAsked] = useState(false);
  const host = useRef<HTMLFormElement>(null);
  const taken = useMemo(
    () => new Set(source.mappings.filter(({ id }) => id !== mappingId).map(({ id }) => id)),
    [source.mappings, mappingId],
  );

  // What the relation may mean is asked for when it is first looked at; a person's own changes are never guessed over.
  const wanted = kept === undefined && stored === null && relation !== null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked once for each relation
  useEffect(() => {
    if (!wanted) return;
    const abort = new AbortController();
    client.rpc.sources.guess({ id: source.id, relation: { ...relationName } }, { signal: abort.signal }).then(
      (answer) => {
        if (!abort.signal.aborted) setGuesses(answer.guesses);
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        setGuesses([]);
        setRefusal(errorText(error));
      },
    );
    return () => abort.abort();
  }, [wanted, key]);

  const draft = useMemo((): MappingDraft | null => {
    if (kept !== undefined) return kept;
    if (stored !== null) return { mapping: stored, original: stored, guess: null };
    if (relation === null || guesses === null) return null;
    const [best] = guesses;
    if (best !== undefined) return { mapping: withFreeId(best.mapping, taken), original: null, guess: best };
    return relation.columns.length === 0
      ? null
      : { mapping: plainMapping(relation, taken), original: null, guess: null };
  }, [kept, stored, relation, guesses, taken]);

  const { preview, reading, previewRefusal } = usePreview(source.id, draft?.mapping ?? null);
  const faults = useMemo(() => (draft === null ? new Map<string, string>() : mappingFaults(draft.mapping)), [draft]);
  const problems = useMemo(() => {
    const found = new Map<string, string>(faults);
    // What the rows say is of the mapping that they were read by, which is a moment behind the form.
    for (const { path, message } of preview?.problems ?? []) if (!found.has(path)) found.set(path, message);
    return found;
  }, [faults, preview]);

  if (draft === null) {
    return relation === null ? (
      <p className="list-note source-note quiet">
        {`${relationText(relationName)} is not at the server, or this login may not read it.`}
      </p>
    ) : relation.columns.length === 0 ? (
      <p className="list-note source-note quiet">This login may read no column of it. Ask for the right to SELECT.</p>
    ) : (
      <Skeleton rows={8} />
    );
  }
  const { mapping, original } = draft;
  const changed = original === null || JSON.stringify(original) !== JSON.stringify(mapping);
  const outdated = original !== null && JSON.stringify(stored) !== JSON.stringify(original) && kept !== undefined;
  const set = (next: TableMapping): void => {
    if (original !== null && JSON.stringify(next) === JSON.stringify(original)) dropMapping(key);
    else keepMapping(key, { ...draft, mapping: next });
  };

  const save = async (): Promise<void> => {
    if (busy || !changed) return;
    setAsked(true);
    if (faults.size > 0 || taken.has(mapping.id)) {
      requestAnimationFrame(() => host.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus());
      return;
    }
    if (outdated) {
      setRefusal('Nothing was saved. Take theirs, or keep yours, then save again.');
      return;
    }
    setBusy(true);
    setRefusal(null);
    const version = (stored?.version ?? 0) + 1;
    const saved = tableMapping.parse({ ...withSeen(mapping, relations), version });
    const mappings =
      stored === null
        ? [...source.mappings, saved]
        : source.mappings.map((one) => (one.id === mappingId ? saved : one));
    const name = mapping.name || relationText(mapping.relation);
    try {
      await client.edits.commit({
        label: `Mapping "${name}" of "${source.name}" saved as version ${version}`,
        changes: [{ kind: 'source', id: source.id, document: { ...source, mappings }, expected: revision }],
      });
      dropMapping(key);
      onShow(saved);
    } catch (error) {
      if (isAppError(error, 'store.conflict')) {
        setRefusal('Nothing was saved: the source was changed in another window meanwhile. Look at it and save again.');
      } else setRefusal(errorText(error));
    } finally {
      setBusy(false);
    }
  };
  const others = source.mappings.filter((one) => sameRelation(one.relation, relationName));

  const form = (
    <DraftForm
      label={original === null ? 'New mapping' : `Mapping ${mapping.name || mapping.id}`}
      form={host}
      escapes={false}
      faults={asked ? faults.size : 0}
      refusal={refusal}
      notices={
        outdated && (
          <OutdatedBanner what="mapping">
            <Button onClick={() => dropMapping(key)}>Take theirs</Button>
            <Button onClick={() => keepMapping(key, { ...draft, original: stored })}>Keep mine</Button>
          </OutdatedBanner>
        )
      }
      state={
        original === null
          ? 'Not saved yet'
          : changed
            ? `Version ${original.version}, changed, not saved`
            : `Saved, version ${original.version}`
      }
      discard={{
        label: original === null ? 'Back to the guess' : 'Undo the changes',
        disabled: original === null ? kept === undefined : !changed,
        run: () => dropMapping(key),
      }}
      save={{
        label: original === null ? 'Save the mapping' : 'Save as a new version',
        disabled: !changed || busy,
        run: () => void save(),
      }}
    >
      {draft.guess !== null && (
        <Guess
          guess={draft.guess}
          guesses={guesses ?? []}
          onChoose={(guess) => keepMapping(key, { mapping: withFreeId(guess.mapping, taken), original: null, guess })}
          onAnswer={(path, value) => set(withAnswer(mapping, path, value))}
        />
      )}
      <MappingEditor
        mapping={mapping}
        relation={relation}
        relations={relations}
        isNew={original === null}
        taken={taken}
        problems={problems}
        onChange={set}
      />
    </DraftForm>
  );

  return (
    <SidePanel
      name={relationText(relationName)}
      buttons={
        <>
          {others.length > 0 && (
            <select
              className="select map-which"
              aria-label="Mapping of this table"
              value={mappingId ?? ''}
              onChange={(event) => onShow(others.find(({ id }) => id === event.target.value) ?? null)}
            >
              {others.map((one) => (
                <option key={one.id} value={one.id}>
                  {`${one.name || one.id}, version ${one.version}`}
                </option>
              ))}
              <option value="">A further mapping</option>
            </select>
          )}
          <span className="toolbar-gap" />
          {stored !== null && (
            <RemoveButton source={source} mapping={stored} revision={revision} onRemoved={() => onShow(null)} />
          )}
        </>
      }
    >
      <MappingKeys save={save} changed={changed} />
      <div className="page-fill">
        <SplitPane
          name="mapping-preview"
          direction="vertical"
          first={form}
          second={<MappingPreviewView mapping={mapping} preview={preview} reading={reading} refusal={previewRefusal} />}
          secondSize="40%"
          minFirst="10rem"
          minSecond="7rem"
        />
      </div>
    </SidePanel>
  );
}

const withFreeId = (mapping: TableMapping, taken: ReadonlySet<string>): TableMapping =>
  taken.has(mapping.id) ? { ...mapping, id: freeMappingId(mapping.id, taken) } : mapping;

function MappingKeys({ save, changed }: { readonly save: () => Promise<void>; readonly changed: boolean }): ReactNode {
  useActions(
    [
      {
        id: 'backends.save-mapping',
        title: 'Save the mapping',
        group: 'Backends',
        keys: ['Ctrl+S'],
        inFields: true,
        enabled: () => changed,
        run: () => void save(),
      },
    ],
    [changed],
  );
  return null;
}

function RemoveButton({
  source,
  mapping,
  revision,
  onRemoved,
}: {
  readonly source: SourceDocument;
  readonly mapping: TableMapping;
  readonly revision: number | null;
  readonly onRemoved: () => void;
}): ReactNode {
  const client = useClient();
  const remove = async (): Promise<void> => {
    const document = { ...source, mappings: source.mappings.filter(({ id }) => id !== mapping.id) };
    const name = mapping.name || relationText(mapping.relation);
    try {
      await client.edits.commit(
        {
          label: `Mapping "${name}" removed`,
          changes: [{ kind: 'source', id: source.id, document, expected: revision }],
        },
        true,
      );
      dropMapping(`${source.id}/${mapping.id}`);
      onRemoved();
    } catch (error) {
      client.fail(error, `Mapping "${name}" could not be removed`);
    }
  };
  return (
    <Button icon={Trash2} onClick={() => void remove()}>
      Remove
    </Button>
  );
}
