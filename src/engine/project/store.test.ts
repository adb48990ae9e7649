import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Clock, createLogger, openDatabase, systemClock } from '#engine/platform/index.ts';
import { type AppError, type ErrorCode, isAppError } from '#shared/errors.ts';
import type { ConnectionDocument, DeviceDocument, TagDocument } from '#shared/model/index.ts';
import { type Backup, outdated } from './backups.ts';
import { assertGapFree, type MigrationTable, migrations } from './migrations.ts';
import { openProject, type ProjectOptions, type ProjectStore } from './store.ts';

let folder = '';
let path = '';
const opened: ProjectStore[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parx-project-'));
  path = join(folder, 'plant.parx');
});
afterEach(async () => {
  for (const project of opened.splice(0)) await project.close();
  rmSync(folder, { recursive: true, force: true });
});

const log = createLogger(() => undefined);
const open = (options: Partial<ProjectOptions> = {}, at = path): ProjectStore => {
  const project = openProject(at, { clock: systemClock(), log, ...options });
  opened.push(project);
  return project;
};
const reopen = async (project: ProjectStore, options: Partial<ProjectOptions> = {}): Promise<ProjectStore> => {
  await project.close();
  return open(options);
};

const connection = (id: string): ConnectionDocument => ({
  id,
  name: id,
  protocol: 'modbus',
  enabled: true,
  demo: false,
  settings: { host: '127.0.0.1' },
});
const device = (id: string, connectionId: string): DeviceDocument => ({
  id,
  connectionId,
  name: id,
  enabled: true,
  settings: {},
});
const tag = (id: string, deviceId: string, name = id): TagDocument => ({
  id,
  deviceId,
  name,
  description: '',
  address: '400001',
  type: 'uint16',
  order: null,
  scaling: null,
  unit: null,
  decimals: null,
  range: null,
  periodMs: 100,
  timeKind: 'receive',
  enabled: true,
});
const plant = (project: ProjectStore): void => {
  project.commit([
    { kind: 'tag', id: 't1', document: tag('t1', 'd1'), expected: null },
    { kind: 'tag', id: 't2', document: tag('t2', 'd2'), expected: null },
    { kind: 'device', id: 'd1', document: device('d1', 'c'), expected: null },
    { kind: 'device', id: 'd2', document: device('d2', 'c'), expected: null },
    { kind: 'connection', id: 'c', document: connection('c'), expected: null },
  ]);
};
function refusal<C extends ErrorCode>(code: C, work: () => unknown): AppError<C> {
  try {
    work();
  } catch (error) {
    if (isAppError(error, code)) return error;
    throw error;
  }
  throw new Error(`Expected ${code}, but nothing was refused.`);
}
const contents = (project: ProjectStore): unknown =>
  (['connection', 'device', 'tag'] as const).map((kind) => project.list(kind).map((stored) => stored));

describe('a project', () => {
  it('keeps documents over a restart, in the order they were made', async () => {
    const first = open();
    plant(first);
    first.put('tag', { ...tag('t1', 'd1'), name: 'renamed' }, 1);
    const before = contents(first);
    const second = await reopen(first);
    expect(contents(second)).toEqual(before);
    expect(second.get('tag', 't1')?.revision).toBe(2);
    expect(second.report).toEqual({ documents: 5, migrated: 0, problems: [] });
    // Revisions go on, so that one read before the restart is never mistaken for a later one.
    expect(second.put('tag', tag('t9', 'd1'), null).revision).toBe(3);
  });

  it('refuses a write that is based on an older revision and says which one is current', () => {
    const project = open();
    plant(project);
    project.put('connection', { ...connection('c'), name: 'first window' }, 1);
    const error = refusal('store.conflict', () =>
      project.put('connection', { ...connection('c'), name: 'second window' }, 1),
    );
    expect(error.details).toEqual({ kind: 'connection', id: 'c', revision: 2 });
    expect(project.get('connection', 'c')?.document.name).toBe('first window');
    expect(refusal('store.conflict', () => project.put('connection', connection('c'), null)).details.revision).toBe(2);
    refusal('store.not-found', () => project.put('connection', connection('gone'), 1));
    refusal('store.not-found', () => project.remove('tag', 'gone', 1));
  });

  it('does not give a removed and made-again document its old revision', () => {
    const project = open();
    plant(project);
    project.remove('tag', 't1', 1);
    project.put('tag', tag('t1', 'd1'), null);
    refusal('store.conflict', () => project.put('tag', tag('t1', 'd1'), 1));
  });

  it('commits all changes or none, with one notification', () => {
    const project = open();
    const heard: unknown[] = [];
    const watching = project.watch((changes) => heard.push(changes));
    plant(project);
    expect(heard).toHaveLength(1);
    const before = contents(project);
    refusal('config.invalid', () =>
      project.commit([
        { kind: 'connection', id: 'c2', document: connection('c2'), expected: null },
        { kind: 'tag', id: 't3', document: tag('t3', 'nowhere'), expected: null },
      ]),
    );
    expect(contents(project)).toEqual(before);
    expect(heard).toHaveLength(1);
    watching[Symbol.dispose]();
    project.remove('tag', 't1', 1);
    expect(heard).toHaveLength(1);
  });

  it('keeps a commit although a listener fails', () => {
    const project = open();
    const heard: number[] = [];
    project.watch(() => {
      throw new Error('broken listener');
    });
    project.watch((changes) => heard.push(changes.length));
    plant(project);
    expect(heard).toEqual([5]);
    expect(project.list('tag')).toHaveLength(2);
  });

  it('names every field that is wrong', () => {
    const project = open();
    plant(project);
    const issues = refusal('config.invalid', () =>
      project.commit([
        { kind: 'tag', id: 't3', document: { ...tag('t3', 'd1'), periodMs: 0 }, expected: null },
        { kind: 'tag', id: 't4', document: { ...tag('other', 'd1') }, expected: null },
        { kind: 'connection', id: 'c3', document: { ...connection('c3'), name: ' ' }, expected: null },
      ]),
    ).details.issues;
    expect(issues.map((issue) => issue.path)).toEqual([
      'changes.0.document.periodMs',
      'changes.1.document.id',
      'changes.2.document.name',
    ]);
  });

  it('takes a tag name once, also when it is only spelt alike', () => {
    const project = open();
    plant(project);
    const issues = refusal('config.invalid', () => project.put('tag', tag('t3', 'd2', 't1'), null)).details.issues;
    expect(issues[0]?.path).toBe('changes.0.document.name');
    project.put('tag', tag('t4', 'd1', 'Dr\u00fcck'), null);
    refusal('config.invalid', () => project.put('tag', tag('t5', 'd1', 'Dru\u0308ck'), null));
  });

  it('lets one commit swap two names, and take the name of a tag that it removes', () => {
    const project = open();
    plant(project);
    project.commit([
      { kind: 'tag', id: 't1', document: tag('t1', 'd1', 't2'), expected: 1 },
      { kind: 'tag', id: 't2', document: tag('t2', 'd2', 't1'), expected: 1 },
    ]);
    expect(project.list('tag').map(({ document }) => document.name)).toEqual(['t2', 't1']);
    refusal('config.invalid', () => project.put('tag', tag('t3', 'd1', 't1'), null));
    project.commit([
      { kind: 'tag', id: 't2', document: null, expected: 2 },
      { kind: 'tag', id: 't3', document: tag('t3', 'd1', 't1'), expected: null },
    ]);
    refusal('config.invalid', () => project.put('tag', tag('t4', 'd1', 't1'), null));
  });

  it('removes what lies below a connection and gives it back for an undo', () => {
    const project = open();
    plant(project);
    const before = contents(project);
    const { removed, written } = project.remove('connection', 'c', 1);
    expect(written).toEqual([]);
    expect(removed.map(({ kind, document }) => `${kind} ${document.id}`).sort()).toEqual([
      'connection c',
      'device d1',
      'device d2',
      'tag t1',
      'tag t2',
    ]);
    expect(project.list('tag')).toEqual([]);
    project.commit(removed.map(({ kind, document }) => ({ kind, id: document.id, document, expected: null })));
    const documents = (all: unknown): unknown =>
      (all as { document: { id: string } }[][]).map((kind) =>
        kind.map(({ document }) => document).sort((a, b) => (a.id < b.id ? -1 : 1)),
      );
    expect(documents(contents(project))).toEqual(documents(before));
  });

  it('puts a removed document back at its place, also for the next start', async () => {
    const project = open();
    project.commit([
      { kind: 'connection', id: 'c', document: connection('c'), expected: null },
      { kind: 'device', id: 'd', document: device('d', 'c'), expected: null },
      ...['one', 'two', 'three', 'four'].map((id) => ({
        kind: 'tag' as const,
        id,
        document: tag(id, 'd'),
        expected: null,
      })),
    ]);
    const order = (of: ProjectStore): string[] => of.list('tag').map(({ document }) => document.id);
    const { removed } = project.commit(['two', 'four'].map((id) => ({ kind: 'tag', id, document: null, expected: 1 })));
    project.put('tag', tag('five', 'd'), null);
    expect(order(project)).toEqual(['one', 'three', 'five']);
    project.commit(removed.map(({ kind, document }) => ({ kind, id: document.id, document, expected: null })));
    expect(order(project)).toEqual(['one', 'two', 'three', 'four', 'five']);
    expect(order(await reopen(project))).toEqual(['one', 'two', 'three', 'four', 'five']);
  });

  it('keeps a tag that moves away from a device in the commit that removes the device', () => {
    const project = open();
    plant(project);
    const { removed } = project.commit([
      { kind: 'device', id: 'd1', document: null, expected: 1 },
      { kind: 'tag', id: 't1', document: tag('t1', 'd2'), expected: 1 },
    ]);
    expect(removed.map(({ document }) => document.id)).toEqual(['d1']);
    expect(project.get('tag', 't1')?.document.deviceId).toBe('d2');
    refusal('config.invalid', () =>
      project.commit([
        { kind: 'device', id: 'd2', document: null, expected: 1 },
        { kind: 'tag', id: 't9', document: tag('t9', 'd2'), expected: null },
      ]),
    );
  });

  it('refuses the same document twice in one commit', () => {
    const project = open();
    refusal('config.invalid', () =>
      project.commit([
        { kind: 'connection', id: 'c', document: connection('c'), expected: null },
        { kind: 'connection', id: 'c', document: connection('c'), expected: null },
      ]),
    );
  });

  it('holds its rules over any series of commits, in memory and on the disk alike', async () => {
    const ids = fc.constantFrom('a', 'b', 'c');
    const change = fc.oneof(
      fc.record({ kind: fc.constant('connection' as const), id: ids, remove: fc.boolean(), parent: ids, name: ids }),
      fc.record({ kind: fc.constant('device' as const), id: ids, remove: fc.boolean(), parent: ids, name: ids }),
      fc.record({ kind: fc.constant('tag' as const), id: ids, remove: fc.boolean(), parent: ids, name: ids }),
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 12 }), async (commits) => {
        const at = join(folder, `${run++}.parx`);
        const project = open({}, at);
        for (const changes of commits) {
          try {
            project.commit(
              changes.map(({ kind, id, remove, parent, name }) => ({
                kind,
                id,
                expected: project.get(kind, id)?.revision ?? null,
                document: remove
                  ? null
                  : kind === 'connection'
                    ? connection(id)
                    : kind === 'device'
                      ? device(id, parent)
                      : tag(id, parent, name),
              })),
            );
          } catch (error) {
            if (!isAppError(error)) throw error;
          }
          const names = project.list('tag').map(({ document }) => document.name);
          expect(new Set(names).size).toBe(names.length);
          for (const { document } of project.list('tag'))
            expect(project.get('device', document.deviceId)).toBeDefined();
          for (const { document } of project.list('device')) {
            expect(project.get('connection', document.connectionId)).toBeDefined();
          }
        }
        const before = contents(project);
        await project.close();
        const again = open({}, at);
        expect(again.report.problems).toEqual([]);
        expect(contents(again)).toEqual(before);
        await again.close();
      }),
      { numRuns: 40 },
    );
  });
});

describe('an import of 10,000 tags', () => {
  it('is one commit, one notification and a fraction of what single writes cost', () => {
    const project = open();
    plant(project);
    let notifications = 0;
    project.watch(() => notifications++);
    const single = performance.now();
    for (let i = 0; i < 20; i++) project.put('tag', tag(`single${i}`, 'd1'), null);
    const perSingle = (performance.now() - single) / 20;
    notifications = 0;
    const started = performance.now();
    project.commit(
      Array.from({ length: 10_000 }, (_, i) => ({
        kind: 'tag' as const,
        id: `i${i}`,
        document: tag(`i${i}`, 'd1'),
        expected: null,
      })),
    );
    const perImported = (performance.now() - started) / 10_000;
    expect(notifications).toBe(1);
    expect(project.list('tag')).toHaveLength(10_022);
    // Counted against the same store in the same run, so that a slow machine does not decide.
    expect(perImported).toBeLessThan(perSingle);
  });
});

describe('versions', () => {
  const later: MigrationTable = {
    ...migrations,
    tag: [
      { to: 2, what: 'adds nothing, renames', migrate: (document) => ({ ...document, name: `${document.name} v2` }) },
      { to: 3, what: 'renames again', migrate: (document) => ({ ...document, name: `${document.name} v3` }) },
    ],
  };

  it('brings older documents up step by step, after a backup', async () => {
    const backupsDirectory = join(folder, 'backups');
    const old = open();
    plant(old);
    const project = await reopen(old, { migrations: later, backupsDirectory });
    expect(project.get('tag', 't1')?.document.name).toBe('t1 v2 v3');
    expect(project.report).toMatchObject({ documents: 5, migrated: 2, problems: [] });
    const [backup] = project.backups();
    const before = openProject(backup?.path ?? '', { clock: systemClock(), log });
    opened.push(before);
    expect(before.get('tag', 't1')?.document.name).toBe('t1');
    const again = await reopen(project, { migrations: later });
    expect(again.report.migrated).toBe(0);
    expect(again.get('tag', 't1')?.document.name).toBe('t1 v2 v3');
  });

  it('refuses a file of a later version and leaves it as it is', async () => {
    const project = open({ migrations: later });
    plant(project);
    await project.close();
    const bytes = readFileSync(path);
    expect(refusal('store.too-new', () => open()).details).toEqual({ path, found: 3, supported: 1 });
    expect(readFileSync(path).equals(bytes)).toBe(true);
    const database = openDatabase(path);
    database.pragma('user_version = 9');
    database.close();
    expect(refusal('store.too-new', () => open({ migrations: later })).details).toEqual({
      path,
      found: 9,
      supported: 1,
    });
  });

  it('reports a document that can not be read, keeps it in the file, and opens the rest', async () => {
    const project = open();
    plant(project);
    await project.close();
    const database = openDatabase(path);
    database.exec("UPDATE document SET body = '{broken' WHERE id = 'd1'");
    database.exec("UPDATE document SET version = 0 WHERE id = 't2'");
    database.close();
    const opened = open();
    expect(opened.report.problems.map(({ id, reason }) => `${id} ${reason}`).sort()).toEqual([
      'd1 failed',
      't1 failed',
      't2 too-old',
    ]);
    expect(opened.list('tag')).toEqual([]);
    expect(opened.get('device', 'd2')).toBeDefined();
    await opened.close();
    const after = openDatabase(path);
    expect(after.prepare("SELECT body FROM document WHERE id = 'd1'").get()).toEqual({ body: '{broken' });
    after.close();
  });

  it('refuses steps with a gap in their numbers', () => {
    assertGapFree(migrations);
    expect(() => assertGapFree({ ...migrations, tag: [{ to: 3, what: '', migrate: (d) => d }] })).toThrow(/step to 3/);
    expect(() =>
      assertGapFree({
        ...migrations,
        tag: [
          { to: 2, what: '', migrate: (d) => d },
          { to: 2, what: '', migrate: (d) => d },
        ],
      }),
    ).toThrow(/3 is due/);
  });
});

describe('foreign and broken files', () => {
  it('names what is wrong', () => {
    writeFileSync(path, 'not a database, but long enough to be looked at as one by a reader of headers');
    refusal('store.damaged', () => open());
    const other = join(folder, 'other.parx');
    const database = openDatabase(other);
    database.exec('CREATE TABLE t(x)');
    database.close();
    expect(refusal('store.damaged', () => open({}, other)).message).toContain('not a ParX project');
  });

  it('opens an empty file as a new project', () => {
    writeFileSync(path, '');
    plant(open());
  });

  it('finds flipped bytes', async () => {
    const project = open();
    plant(project);
    project.commit(
      Array.from({ length: 500 }, (_, i) => ({
        kind: 'tag' as const,
        id: `x${i}`,
        document: tag(`x${i}`, 'd1'),
        expected: null,
      })),
    );
    await project.close();
    const bytes = readFileSync(path);
    for (let page = 2; page < 30; page++) bytes.fill(0xa5, page * 4096, page * 4096 + 64);
    writeFileSync(path, bytes);
    refusal('store.damaged', () => open());
  });
});

describe('copies and backups', () => {
  it('saves a copy that is one file without side files and opens anywhere', async () => {
    const project = open();
    plant(project);
    const target = join(folder, "to mail it's.parx");
    writeFileSync(target, 'an older copy');
    await project.saveAs(target);
    expect(readdirSync(folder).filter((name) => name.includes('mail'))).toEqual(["to mail it's.parx"]);
    // Format versions in the header: 1 is the rollback journal, 2 would be WAL, which read-only media refuse.
    expect([...readFileSync(target).subarray(18, 20)]).toEqual([1, 1]);
    project.put('tag', tag('later', 'd1'), null);
    expect(open({}, target).list('tag')).toHaveLength(2);
    await expect(project.saveAs(join(folder, 'no', 'such.parx'))).rejects.toMatchObject({ code: 'store.not-found' });
  });

  it('makes a backup a while after a change, one for many changes, and at the end', async () => {
    const backupsDirectory = join(folder, 'backups');
    const due: (() => void)[] = [];
    const clock: Clock = {
      ...systemClock(),
      after: (_ms, callback) => {
        due.push(callback);
        return { [Symbol.dispose]: () => undefined };
      },
    };
    const project = open({ clock, backupsDirectory });
    expect(due).toHaveLength(0);
    plant(project);
    project.put('tag', tag('t3', 'd1'), null);
    expect(due).toHaveLength(1);
    due[0]?.();
    await expect.poll(() => project.backups().length).toBe(1);
    project.put('tag', tag('t4', 'd1'), null);
    await project.close();
    const [newest, older] = project.backups();
    expect(open({}, newest?.path).list('tag')).toHaveLength(4);
    expect(open({}, older?.path).list('tag')).toHaveLength(3);
    expect(existsSync(join(backupsDirectory, 'plant.parx.part'))).toBe(false);
  });

  it('keeps the newest and the last of each day', () => {
    const day = 86_400_000_000;
    const now = 1_000 * day + day / 2;
    const at = (time: number): Backup => ({ path: String(time), time, bytes: 1 });
    const today = [1, 2, 3].map((hour) => at(now - hour * 3_600_000_000 - 1));
    const earlier = [1, 2, 40].flatMap((days) => [at(now - days * day + 5), at(now - days * day + 6)]);
    const gone = outdated([...earlier, ...today], now, { newest: 2, days: 30 });
    expect(gone.map(({ time }) => now - time).sort((a, b) => a - b)).toEqual(
      [3 * 3_600_000_000 + 1, day - 5, 2 * day - 5, 40 * day - 6, 40 * day - 5].sort((a, b) => a - b),
    );
  });
});
