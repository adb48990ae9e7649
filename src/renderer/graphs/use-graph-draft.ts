import { useCallback, useRef, useState } from 'react';
import { errorText, useClient, useProject } from '#renderer/client/index.ts';
import { usePreference } from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import { type GraphDocument, graphDocument } from '#shared/model/index.ts';
import { emptyGraph } from './graph-model.ts';

interface Draft {
  /** Revision that the draft began from; null where there was no document. */
  readonly base: number | null;
  readonly document: GraphDocument;
}

export interface GraphDraft {
  readonly document: GraphDocument;
  readonly dirty: boolean;
  readonly saved: boolean;
  change(apply: (document: GraphDocument) => GraphDocument): void;
  undo(): void;
  redo(): void;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  save(): Promise<boolean>;
  revert(): void;
  remove(): Promise<void>;
}

const MOST_STEPS = 100;

/** A graph as it is being made: a draft that survives a visit elsewhere, written to the project on request. */
export function useGraphDraft(id: string): GraphDraft {
  const client = useClient();
  const stored = useProject((state) => state.graph.get(id));
  const [draft, setDraft] = usePreference<Draft | null>(`graph-draft-${id}`, null);
  const [steps, setSteps] = useState<{
    readonly past: readonly GraphDocument[];
    readonly next: readonly GraphDocument[];
  }>({
    past: [],
    next: [],
  });
  const document = draft?.document ?? stored?.document ?? emptyGraph(id, 'New graph');
  const dirty = draft !== null && JSON.stringify(draft.document) !== JSON.stringify(stored?.document);
  const latest = useRef({ document, draft, stored });
  latest.current = { document, draft, stored };

  const write = useCallback(
    (next: GraphDocument): void => {
      const { draft: before, stored: now } = latest.current;
      const made = { base: before?.base ?? now?.revision ?? null, document: next };
      latest.current = { ...latest.current, document: next, draft: made };
      setDraft(made);
    },
    [setDraft],
  );
  const change = useCallback(
    (apply: (document: GraphDocument) => GraphDocument) => {
      const before = latest.current.document;
      const after = apply(before);
      if (after === before || JSON.stringify(after) === JSON.stringify(before)) return;
      setSteps(({ past }) => ({ past: [...past, before].slice(-MOST_STEPS), next: [] }));
      write(after);
    },
    [write],
  );

  const put = (whole: GraphDocument, expected: number | null): Promise<void> =>
    client.edits.commit({
      label: `Graph "${whole.name}" saved`,
      changes: [{ kind: 'graph', id, document: whole, expected }],
    });

  return {
    document,
    dirty,
    saved: stored !== undefined,
    change,
    canUndo: steps.past.length > 0,
    canRedo: steps.next.length > 0,
    undo() {
      const last = steps.past.at(-1);
      if (last === undefined) return;
      setSteps({ past: steps.past.slice(0, -1), next: [document, ...steps.next] });
      write(last);
    },
    redo() {
      const [first, ...rest] = steps.next;
      if (first === undefined) return;
      setSteps({ past: [...steps.past, document], next: rest });
      write(first);
    },
    async save() {
      const parsed = graphDocument.safeParse(latest.current.document);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        const none = latest.current.document.graph.series.length === 0;
        client.notify({
          kind: 'error',
          text: none
            ? 'The graph has no series yet.'
            : `The graph is not complete: ${issue?.path.join('.')}: ${issue?.message}`,
          advice: none ? 'Search for a metric and add it, then save.' : 'Correct it, then save again.',
        });
        return false;
      }
      try {
        await put(parsed.data, latest.current.draft?.base ?? stored?.revision ?? null);
        setDraft(null);
        client.notify({ kind: 'info', text: `Graph "${parsed.data.name}" is saved in the project.` });
        return true;
      } catch (error) {
        if (!isAppError(error, 'store.conflict')) {
          client.fail(error, 'The graph was not saved');
          return false;
        }
        client.notify({
          kind: 'error',
          text: `Graph "${parsed.data.name}" was changed elsewhere since it was opened here. It was not saved.`,
          advice: 'Discard the changes here, or replace what was saved elsewhere.',
          action: {
            label: 'Replace',
            run: () => {
              put(parsed.data, latest.current.stored?.revision ?? null)
                .then(() => setDraft(null))
                .catch((again: unknown) => client.notify({ kind: 'error', text: errorText(again) }));
            },
          },
        });
        return false;
      }
    },
    revert() {
      setSteps({ past: [], next: [] });
      setDraft(null);
    },
    async remove() {
      if (stored !== undefined) {
        await client.edits.commit(
          {
            label: `Graph "${stored.document.name}" deleted`,
            changes: [{ kind: 'graph', id, document: null, expected: stored.revision }],
          },
          true,
        );
      }
      setDraft(null);
    },
  };
}
