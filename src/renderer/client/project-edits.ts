import { createStore, type StoreApi } from 'zustand/vanilla';
import { isAppError } from '#shared/errors.ts';
import type { DocumentChange, DocumentKind } from '#shared/model/index.ts';
import { errorText, type Session } from './session.ts';
import type { Stores } from './stores.ts';

/** A change of the project as the user made it: one commit, one step of undo. */
export interface Edit {
  /** What was done, for the undo list: "3 tags deleted". */
  readonly label: string;
  readonly changes: readonly DocumentChange[];
}

/** A change that takes another back, and the revision whose content it brings back; null where there was none. */
interface Reversal {
  readonly change: DocumentChange;
  readonly restores: number | null;
}

interface Step {
  readonly label: string;
  readonly changes: readonly Reversal[];
}

export interface ProjectEdits {
  readonly state: StoreApi<{ readonly undo: readonly Step[]; readonly redo: readonly Step[] }>;
  /** Writes; rejects with the engine's refusal, `store.conflict` among them. Offers undo in a notice if `announce`. */
  commit(edit: Edit, announce?: boolean): Promise<void>;
  undo(): Promise<void>;
  redo(): Promise<void>;
}

/** Long names in what is told about a change; the change itself has them whole. */
const shortNames = (label: string): string =>
  label.replace(/"(.{45,})"/s, (_whole, name: string) => `"${name.slice(0, 20)}…${name.slice(-20)}"`);

const MAX_STEPS = 100;
/** The news of a change comes right behind the answer to it. */
const ARRIVAL_MS = 2_000;

export function createProjectEdits(
  session: Session,
  stores: Stores,
  notify: (notice: {
    kind: 'info' | 'error';
    text: string;
    advice?: string | null;
    action?: { label: string; run(): void };
    untilEdit?: boolean;
  }) => void,
): ProjectEdits {
  const state = createStore<{ readonly undo: readonly Step[]; readonly redo: readonly Step[] }>(() => ({
    undo: [],
    redo: [],
  }));
  const find = (kind: DocumentKind, id: string) => stores.project.getState()[kind].get(id);

  /**
   * Undoing gives a document a new revision with the content of an old one. Steps that were recorded against the old
   * one are still right then: they are told which revision stands for it now.
   */
  const successors = new Map<string, number>();
  const keyOf = (kind: DocumentKind, id: string): string => `${kind}/${id}`;
  const present = (kind: DocumentKind, id: string, revision: number | null): number | null => {
    let now = revision;
    while (now !== null) {
      const next = successors.get(`${keyOf(kind, id)}@${now}`);
      if (next === undefined) return now;
      now = next;
    }
    return null;
  };

  /** Writes the changes and gives back what would undo them. */
  const write = async (changes: readonly DocumentChange[]): Promise<readonly Reversal[]> => {
    const before = new Map(changes.map((change) => [keyOf(change.kind, change.id), find(change.kind, change.id)]));
    const { written, removed } = await session.rpc.project.commit({ changes: [...changes] });
    const inverse: Reversal[] = [];
    // Removed documents go back parents first; the engine lists children with what they hung on.
    const order: readonly DocumentKind[] = [
      'settings',
      'connection',
      'device',
      'tag',
      'recorder',
      'trend',
      'source',
      'graph',
    ];
    for (const item of [...removed].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))) {
      inverse.push({
        change: { kind: item.kind, id: item.id, document: item.document, expected: null } as DocumentChange,
        restores: item.revision,
      });
    }
    for (const item of [...written].sort((a, b) => order.indexOf(b.kind) - order.indexOf(a.kind))) {
      const old = before.get(keyOf(item.kind, item.id));
      inverse.push({
        change: {
          kind: item.kind,
          id: item.id,
          document: old?.document ?? null,
          expected: item.revision,
        } as DocumentChange,
        restores: old?.revision ?? null,
      });
    }
    return inverse;
  };

  /**
   * Until the screen has what was written: whoever drops a draft then shows the new document, not the one of before for
   * a blink. Not for ever, since the link may be lost between the two.
   */
  const arrived = (changes: readonly Reversal[]): Promise<void> =>
    new Promise((resolve) => {
      const here = ({ change: { kind, id, expected } }: Reversal): boolean =>
        expected === null ? find(kind, id) === undefined : (find(kind, id)?.revision ?? -1) >= expected;
      const end = (): void => {
        clearTimeout(timer);
        stop();
        resolve();
      };
      const timer = setTimeout(end, ARRIVAL_MS);
      const stop = stores.project.subscribe(() => {
        if (changes.every(here)) end();
      });
      if (changes.every(here)) end();
    });

  /** Takes a step back or forth; the new revisions stand for those whose content they brought back. */
  const take = async (step: Step): Promise<readonly Reversal[]> => {
    const changes = step.changes.map(({ change }): DocumentChange => {
      const expected = present(change.kind, change.id, change.expected);
      return { ...change, expected };
    });
    const inverse = await write(changes);
    for (const { change, restores } of step.changes) {
      const now = inverse.find((entry) => entry.change.kind === change.kind && entry.change.id === change.id);
      if (restores === null || now === undefined || now.change.expected === null) continue;
      successors.set(`${keyOf(change.kind, change.id)}@${restores}`, now.change.expected);
    }
    return inverse;
  };

  const step = async (from: 'undo' | 'redo'): Promise<void> => {
    const to = from === 'undo' ? 'redo' : 'undo';
    const list = state.getState()[from];
    const last = list.at(-1);
    if (last === undefined) return;
    state.setState({ [from]: list.slice(0, -1) } as Partial<ReturnType<typeof state.getState>>);
    try {
      const changes = await take(last);
      state.setState({ [to]: [...state.getState()[to], { label: last.label, changes }] } as Partial<
        ReturnType<typeof state.getState>
      >);
      notify({ kind: 'info', text: `${from === 'undo' ? 'Undone' : 'Done again'}: ${last.label}.` });
    } catch (error) {
      notify({
        kind: 'error',
        text: isAppError(error, 'store.conflict')
          ? `"${last.label}" cannot be undone: it was changed elsewhere in the meantime.`
          : `"${last.label}" cannot be undone. ${errorText(error)}`,
      });
    }
  };

  return {
    state,
    async commit(edit, announce = false) {
      const changes = await write(edit.changes);
      const label = shortNames(edit.label);
      const { notices } = stores.notices.getState();
      stores.notices.setState({ notices: notices.filter((notice) => !notice.untilEdit) });
      state.setState({ undo: [...state.getState().undo, { label, changes }].slice(-MAX_STEPS), redo: [] });
      if (announce) {
        notify({
          kind: 'info',
          text: `${label}.`,
          untilEdit: true,
          action: { label: 'Undo', run: () => void step('undo') },
        });
      }
      await arrived(changes);
    },
    undo: () => step('undo'),
    redo: () => step('redo'),
  };
}
