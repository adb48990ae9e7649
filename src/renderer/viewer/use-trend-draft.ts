import { useCallback, useMemo, useRef, useState } from 'react';
import { errorText, useClient, useProject } from '#renderer/client/index.ts';
import { usePreference } from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import { type TrendDocument, trendDocument } from '#shared/model/index.ts';
import { withKeys, withoutKeys } from './trace-key.ts';
import { DEFAULT_TREND, emptyTrend } from './trend-model.ts';

interface Draft {
  /** Revision that the draft began from; null where there was no document. */
  readonly base: number | null;
  readonly document: TrendDocument;
}

export interface TrendDraft {
  readonly trend: TrendDocument;
  readonly dirty: boolean;
  readonly names: readonly { readonly id: string; readonly name: string }[];
  change(change: (trend: TrendDocument) => TrendDocument): void;
  /** One step back in what was changed since the trend was opened. */
  undo(): void;
  readonly canUndo: boolean;
  /** Writes the draft to the project; `spanS` is what is looked at now. */
  save(spanS: number): Promise<void>;
  saveAs(name: string, spanS: number): Promise<string | null>;
  rename(name: string): void;
  revert(): void;
  remove(): Promise<void>;
}

const MOST_UNDO = 100;

/**
 * The trend as it is being arranged: kept as a draft between visits, written to the project on request. A change by
 * another window is not overwritten unseen: saving says so and leaves the choice.
 */
export function useTrendDraft(id: string): TrendDraft {
  const client = useClient();
  const stored = useProject((state) => state.trend);
  const [draft, setDraft] = usePreference<Draft | null>(`trend-draft-${id}`, null);
  const [past, setPast] = useState<{ readonly id: string; readonly steps: readonly TrendDocument[] }>({
    id,
    steps: [],
  });
  const saved = stored.get(id);
  // A draft comes from this installation's own storage and may be older than the program.
  const known = useMemo(() => {
    const parsed = draft === null ? null : trendDocument.safeParse(draft.document);
    return parsed?.success === true ? parsed.data : null;
  }, [draft]);
  const base = saved?.document;
  const fallback = useMemo(() => emptyTrend(id, id === DEFAULT_TREND ? 'Trend' : id), [id]);
  const kept = known ?? base ?? fallback;
  const trend = useMemo(() => withKeys(kept), [kept]);
  const dirty = known !== null && JSON.stringify(known) !== JSON.stringify(base ?? fallback);
  const current = useRef({ trend, draft, saved });
  current.current = { trend, draft, saved };
  const steps = past.id === id ? past.steps : [];

  const write = useCallback(
    (document: TrendDocument) => {
      const { draft: before, saved: now } = current.current;
      const next = { base: before?.base ?? now?.revision ?? null, document: withoutKeys(document) };
      current.current = { ...current.current, trend: document, draft: next };
      setDraft(next);
    },
    [setDraft],
  );
  const change = useCallback(
    (apply: (trend: TrendDocument) => TrendDocument) => {
      const before = current.current.trend;
      const after = apply(before);
      if (after === before) return;
      setPast((state) => ({ id, steps: [...(state.id === id ? state.steps : []), before].slice(-MOST_UNDO) }));
      write(after);
    },
    [id, write],
  );

  const put = async (shown: TrendDocument, expected: number | null): Promise<void> => {
    const document = withoutKeys(shown);
    await client.edits.commit({
      label: `Trend "${document.name}" saved`,
      changes: [{ kind: 'trend', id: document.id, document, expected }],
    });
  };

  return {
    trend,
    dirty,
    names: [...stored.values()].map(({ document }) => ({ id: document.id, name: document.name })),
    change,
    undo() {
      const last = steps.at(-1);
      if (last === undefined) return;
      setPast({ id, steps: steps.slice(0, -1) });
      write(last);
    },
    canUndo: steps.length > 0,
    async save(spanS) {
      const document = { ...current.current.trend, spanS };
      const expected = current.current.draft?.base ?? saved?.revision ?? null;
      try {
        await put(document, expected);
        setDraft(null);
        client.notify({ kind: 'info', text: `Trend "${document.name}" is saved in the project.` });
      } catch (error) {
        if (!isAppError(error, 'store.conflict')) {
          client.fail(error, 'The trend was not saved');
          return;
        }
        client.notify({
          kind: 'error',
          text: `Trend "${document.name}" was changed elsewhere since it was opened here. It was not saved.`,
          advice: 'Save it under another name, discard the changes here, or replace what was saved elsewhere.',
          action: {
            label: 'Replace',
            run: () => {
              put(document, current.current.saved?.revision ?? null)
                .then(() => setDraft(null))
                .catch((again: unknown) => client.notify({ kind: 'error', text: errorText(again) }));
            },
          },
        });
      }
    },
    async saveAs(name, spanS) {
      const made = `trend-${Date.now().toString(36)}`;
      try {
        await put({ ...current.current.trend, id: made, name, spanS }, null);
        setDraft(null);
        return made;
      } catch (error) {
        client.fail(error, 'The trend was not saved');
        return null;
      }
    },
    rename: (name) => change((before) => ({ ...before, name })),
    revert() {
      setPast({ id, steps: [] });
      setDraft(null);
    },
    async remove() {
      if (saved !== undefined) {
        await client.edits.commit(
          {
            label: `Trend "${saved.document.name}" deleted`,
            changes: [{ kind: 'trend', id, document: null, expected: saved.revision }],
          },
          true,
        );
      }
      setDraft(null);
    },
  };
}
