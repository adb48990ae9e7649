import { describe, expect, it } from 'vitest';
import { AppError } from '#shared/errors.ts';
import type { DocumentChange, DocumentKind, Stored } from '#shared/model/index.ts';
import { createProjectEdits } from './project-edits.ts';
import type { Session } from './session.ts';
import { createStores, type ProjectState } from './stores.ts';

/** A project that keeps the engine's promises: revisions, conflicts, and what hangs below goes along. */
function setUp() {
  const stores = createStores();
  let revision = 0;
  const maps = (): Record<DocumentKind, Map<string, Stored<unknown>>> => {
    const state = stores.project.getState() as unknown as Record<DocumentKind, Map<string, Stored<unknown>>>;
    return Object.fromEntries(
      (['settings', 'connection', 'device', 'tag', 'recorder', 'trend', 'source', 'graph'] as const).map((kind) => [
        kind,
        new Map(state[kind]),
      ]),
    ) as Record<DocumentKind, Map<string, Stored<unknown>>>;
  };
  const commit = async ({ changes }: { readonly changes: readonly DocumentChange[] }) => {
    const next = maps();
    const written: { kind: DocumentKind; id: string; revision: number }[] = [];
    const removed: { kind: DocumentKind; id: string; revision: number; document: unknown }[] = [];
    const drop = (kind: DocumentKind, id: string): void => {
      const found = next[kind].get(id);
      if (found === undefined) return;
      next[kind].delete(id);
      removed.push({ kind, id, ...found });
      const [below, link] =
        kind === 'connection' ? (['device', 'connectionId'] as const) : (['tag', 'deviceId'] as const);
      if (kind !== 'connection' && kind !== 'device') return;
      for (const [child, stored] of [...next[below]]) {
        if ((stored.document as Record<string, unknown>)[link] === id) drop(below, child);
      }
    };
    for (const change of changes) {
      const known = next[change.kind].get(change.id)?.revision ?? null;
      if (known !== change.expected) {
        throw new AppError('store.conflict', 'It was changed.', {
          details: { kind: change.kind, id: change.id, revision: known ?? 0 },
        });
      }
      if (change.document === null) drop(change.kind, change.id);
      else {
        revision++;
        next[change.kind].set(change.id, { revision, document: change.document });
        written.push({ kind: change.kind, id: change.id, revision });
      }
    }
    stores.project.setState({ loaded: true, ...(next as unknown as Omit<ProjectState, 'loaded'>) });
    return { written, removed };
  };
  const said: string[] = [];
  const session = { rpc: { project: { commit } } } as unknown as Session;
  const edits = createProjectEdits(session, stores, (notice) => said.push(`${notice.kind}: ${notice.text}`));
  return { stores, edits, said, elsewhere: commit };
}

const connection = (name: string) => ({ id: 'c', name, protocol: 'modbus', enabled: true, demo: false, settings: {} });
const device = { id: 'd', connectionId: 'c', name: 'Device 1', enabled: true, settings: {} };
const put = (name: string, expected: number | null): DocumentChange<'connection'> => ({
  kind: 'connection',
  id: 'c',
  document: connection(name),
  expected,
});
const nameOf = (stores: ReturnType<typeof setUp>['stores']) =>
  stores.project.getState().connection.get('c')?.document.name;

describe('project edits', () => {
  it('goes back and forth through changes', async () => {
    const { stores, edits } = setUp();
    await edits.commit({ label: 'Added', changes: [put('A', null)] });
    await edits.commit({ label: 'Renamed', changes: [put('B', 1)] });
    await edits.undo();
    expect(nameOf(stores)).toBe('A');
    await edits.undo();
    expect(nameOf(stores)).toBeUndefined();
    await edits.redo();
    await edits.redo();
    expect(nameOf(stores)).toBe('B');
    await edits.undo();
    expect(nameOf(stores)).toBe('A');
  });

  it('puts back what hung on a removed connection', async () => {
    const { stores, edits } = setUp();
    await edits.commit({
      label: 'Added',
      changes: [put('A', null), { kind: 'device', id: 'd', document: device, expected: null }],
    });
    await edits.commit({ label: 'Deleted', changes: [{ kind: 'connection', id: 'c', document: null, expected: 1 }] });
    expect(stores.project.getState().device.size).toBe(0);
    await edits.undo();
    expect(stores.project.getState().device.get('d')?.document).toEqual(device);
    expect(nameOf(stores)).toBe('A');
  });

  it('forgets what was undone once something else is changed', async () => {
    const { stores, edits } = setUp();
    await edits.commit({ label: 'Added', changes: [put('A', null)] });
    await edits.commit({ label: 'Renamed', changes: [put('B', 1)] });
    await edits.undo();
    await edits.commit({ label: 'Renamed again', changes: [put('C', 3)] });
    await edits.redo();
    expect(nameOf(stores)).toBe('C');
  });

  it('take away the offers that the next change settles, and no other notice', async () => {
    const { stores, edits } = setUp();
    const notice = { kind: 'info', advice: null, at: 0, action: { label: 'Do', run: () => undefined } } as const;
    stores.notices.setState({
      notices: [
        { ...notice, id: 1, text: 'Connection added', untilEdit: true },
        { ...notice, id: 2, text: 'Recording opened elsewhere', untilEdit: false },
      ],
    });
    await edits.commit({ label: 'Connection "a" added', changes: [put('a', null)] });
    expect(stores.notices.getState().notices.map(({ id }) => id)).toEqual([2]);
  });

  it('says so when another window changed what would be undone, and changes nothing', async () => {
    const { stores, edits, said, elsewhere } = setUp();
    await edits.commit({ label: 'Added', changes: [put('A', null)] });
    await edits.commit({ label: 'Renamed', changes: [put('B', 1)] });
    await elsewhere({ changes: [put('Theirs', 2)] });
    await edits.undo();
    expect(nameOf(stores)).toBe('Theirs');
    expect(said.at(-1)).toBe('error: "Renamed" cannot be undone: it was changed elsewhere in the meantime.');
  });

  it('rejects a refused change and keeps nothing to undo', async () => {
    const { edits } = setUp();
    await expect(edits.commit({ label: 'Wrong', changes: [put('A', 7)] })).rejects.toThrow('It was changed.');
    expect(edits.state.getState().undo).toEqual([]);
  });
});
