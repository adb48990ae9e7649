import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type Clock,
  type Container,
  containerTooNew,
  type Database,
  damagedContainer,
  type Logger,
  openContainer,
  storeError,
  withStoreErrors,
} from '#engine/platform/index.ts';
import { AppError } from '#shared/errors.ts';
import type { DocumentKind, Documents, Stored } from '#shared/model/index.ts';
import {
  type Backup,
  type BackupPolicy,
  backupName,
  DEFAULT_POLICY,
  listBackups,
  outdated,
  placeCopy,
  prepareDirectory,
} from './backups.ts';
import { createCollection } from './collection.ts';
import { type DocumentRow, isDocumentKind, type LoadProblem, loadDocument } from './load.ts';
import { assertGapFree, currentVersion, type MigrationTable, migrations as ownMigrations } from './migrations.ts';
import { type Change, planCommit, type RemovedDocument } from './plan.ts';

const PROJECT: Container = {
  /** "PXPJ" */
  applicationId: 0x5058504a,
  /** Of the tables themselves; documents have versions of their own. */
  version: 1,
  what: 'a ParX project',
  advice: {
    damaged: 'Open a backup instead.',
    tooNew: 'Open it with that version, or open a backup of this one.',
  },
};

export interface ProjectOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Null or left out: no backups. */
  readonly backupsDirectory?: string | null;
  /** A backup is made so long after the first change since the last one; default 30 minutes. */
  readonly backupAfterMs?: number;
  readonly backupPolicy?: BackupPolicy;
  /** For tests of older and newer files. */
  readonly migrations?: MigrationTable;
}

export interface CommitResult {
  readonly written: readonly { readonly kind: DocumentKind; readonly id: string; readonly revision: number }[];
  /** What is gone, with all that lay below it; committed as new documents it is back. */
  readonly removed: readonly RemovedDocument[];
}

export interface ChangedDocument {
  readonly kind: DocumentKind;
  readonly id: string;
}

export interface LoadReport {
  readonly documents: number;
  readonly migrated: number;
  /** Documents that could not be read; they stay in the file untouched. */
  readonly problems: readonly LoadProblem[];
}

/**
 * The documents of a project file. Reading is from memory; a commit is one transaction, synced to the disk before it
 * returns. Documents handed out belong to the store and must not be changed.
 */
export interface ProjectStore {
  readonly path: string;
  readonly report: LoadReport;
  get<K extends DocumentKind>(kind: K, id: string): Stored<Documents[K]> | undefined;
  list<K extends DocumentKind>(kind: K): readonly Stored<Documents[K]>[];
  /** `expected` is the revision that the caller has read, null for a new document; otherwise `store.conflict`. */
  put<K extends DocumentKind>(kind: K, document: Documents[K], expected: number | null): Stored<Documents[K]>;
  remove(kind: DocumentKind, id: string, expected: number): CommitResult;
  /**
   * All or none, one sync, one notification. Throws `store.conflict`, `store.not-found`, `config.invalid` (paths begin
   * with `changes.<position>`), `store.disk-full`, `store.read-only`; then nothing has changed.
   */
  commit(changes: readonly Change[]): CommitResult;
  /** Called once per commit, after it is on the disk. */
  watch(listener: (changes: readonly ChangedDocument[]) => void): Disposable;
  /** Writes the whole project to another file, one that can be mailed: consistent, complete, without side files. */
  saveAs(path: string): Promise<void>;
  /** Newest first. */
  backups(): readonly Backup[];
  /** Resolves after a running backup; safe to call twice. */
  close(): Promise<void>;
}

/**
 * Opens a project file, or makes an empty one. Throws `store.too-new` for a file of a later release, `store.damaged`
 * for a file that is no sound project; single documents that can't be read are in `report` instead.
 */
export function openProject(path: string, options: ProjectOptions): ProjectStore {
  const { clock, log } = options;
  const table = options.migrations ?? ownMigrations;
  assertGapFree(table);
  const policy = options.backupPolicy ?? DEFAULT_POLICY;
  const backupsDirectory = options.backupsDirectory ?? null;
  const database = openContainer(path, PROJECT, fill);

  const collection = createCollection();
  const listeners = new Set<(changes: readonly ChangedDocument[]) => void>();
  let revision = 0;
  let closed = false;
  let report: LoadReport;
  try {
    report = withStoreErrors(path, () => {
      const check = String(database.pragma('quick_check(1)', { simple: true }));
      if (check !== 'ok') throw damagedContainer(path, PROJECT, check);
      return load();
    });
  } catch (error) {
    database.close();
    throw error;
  }
  for (const problem of report.problems) log.error('A document of the project could not be read.', { ...problem });

  /** Rows are in the order of the project. A document that is put back gets the row it had. */
  const oldRows = new Map<string, number>();
  let lastRow = database.prepare<[], { row: number }>('SELECT coalesce(max(rowid), 0) AS row FROM document').get()!.row;
  const upsert = database.prepare<[number | null, string, string, number, number, string]>(
    'INSERT INTO document(rowid, kind, id, version, revision, body) VALUES (?, ?, ?, ?, ?, ?) ' +
      'ON CONFLICT(kind, id) DO UPDATE SET version = excluded.version, revision = excluded.revision, body = excluded.body',
  );
  const remove = database.prepare<[string, string], { rowid: number }>(
    'DELETE FROM document WHERE kind = ? AND id = ? RETURNING rowid',
  );
  const setRevision = database.prepare<[string]>("UPDATE meta SET value = ? WHERE key = 'revision'");

  function load(): LoadReport {
    const rows = database
      .prepare<[], DocumentRow>('SELECT kind, id, version, revision, body FROM document ORDER BY rowid')
      .all();
    revision = Number(
      database.prepare<[], { value: string }>("SELECT value FROM meta WHERE key = 'revision'").get()?.value ?? 0,
    );
    const problems: LoadProblem[] = [];
    const migrated: { row: DocumentRow; document: Documents[DocumentKind] }[] = [];
    for (const row of rows) {
      const result = loadDocument(row, table);
      if (!result.ok) {
        if (result.reason === 'too-new')
          throw containerTooNew(
            path,
            PROJECT,
            row.version,
            isDocumentKind(row.kind) ? currentVersion(table, row.kind) : 0,
          );
        problems.push({ kind: row.kind, id: row.id, reason: result.reason, text: result.text });
        continue;
      }
      const kind = row.kind as DocumentKind;
      collection.set(kind, { revision: row.revision, document: Object.freeze(result.document) });
      if (result.migrated) migrated.push({ row, document: result.document });
    }
    dropOrphans(problems);
    if (migrated.length > 0) {
      if (backupsDirectory !== null) backupNow(backupsDirectory);
      const write = database.prepare<[number, string, string, string]>(
        'UPDATE document SET version = ?, body = ? WHERE kind = ? AND id = ?',
      );
      database.transaction(() => {
        for (const { row, document } of migrated) {
          write.run(currentVersion(table, row.kind as DocumentKind), JSON.stringify(document), row.kind, row.id);
        }
      })();
      log.info('Project documents were brought to the present version.', { documents: migrated.length });
    }
    return { documents: rows.length - problems.length, migrated: migrated.length, problems };
  }

  /** A tag whose device could not be read can't be used either; it waits in the file for its device. */
  function dropOrphans(problems: LoadProblem[]): void {
    const drop = (kind: 'device' | 'tag', id: string, parent: string): void => {
      collection.delete(kind, id);
      problems.push({ kind, id, reason: 'failed', text: `Its ${parent} is missing from the project.` });
    };
    for (const { document } of collection.list('device')) {
      if (collection.get('connection', document.connectionId) === undefined) drop('device', document.id, 'connection');
    }
    for (const { document } of collection.list('tag')) {
      if (collection.get('device', document.deviceId) === undefined) drop('tag', document.id, 'device');
    }
  }

  /** At once, before anything is changed. */
  function backupNow(directory: string): void {
    prepareDirectory(directory);
    const target = join(directory, backupName(path, clock.now()));
    database.exec(`VACUUM INTO '${target.replaceAll("'", "''")}'`);
  }

  let timer: Disposable | null = null;
  let running: Promise<void> = Promise.resolve();
  let saving: Promise<void> = Promise.resolve();
  const backup = async (directory: string): Promise<void> => {
    prepareDirectory(directory);
    await placeCopy(join(directory, backupName(path, clock.now())), copyInSteps);
    for (const old of outdated(listBackups(directory, path), clock.now(), policy)) rmSync(old.path, { force: true });
  };
  /** A few pages at a time, so that a large project does not hold up the values of the plant. */
  const copyInSteps = async (target: string): Promise<void> => {
    await database.backup(target, { progress: () => 64 });
  };
  const backupLater = (): void => {
    if (backupsDirectory === null || timer !== null) return;
    timer = clock.after(options.backupAfterMs ?? 30 * 60_000, () => {
      timer = null;
      running = backup(backupsDirectory).catch((error: unknown) => {
        log.warn('The backup of the project failed; the project itself is not affected.', { error: String(error) });
      });
    });
  };

  const commit = (changes: readonly Change[]): CommitResult => {
    if (closed) throw new Error('The project is closed.');
    const plan = planCommit(changes, collection);
    if (plan.puts.length === 0 && plan.removed.length === 0) return { written: [], removed: [] };
    const next = revision + 1;
    withStoreErrors(path, () =>
      database.transaction(() => {
        for (const { kind, document } of plan.removed) {
          const gone = remove.get(kind, document.id);
          if (gone !== undefined) oldRows.set(`${kind}/${document.id}`, gone.rowid);
        }
        for (const { kind, document } of plan.puts) {
          const isNew = collection.get(kind, document.id) === undefined;
          const row = isNew ? (oldRows.get(`${kind}/${document.id}`) ?? ++lastRow) : null;
          upsert.run(row, kind, document.id, currentVersion(table, kind), next, JSON.stringify(document));
        }
        setRevision.run(String(next));
      })(),
    );
    // Only what is on the disk is in memory: a commit that the disk refused has changed nothing.
    revision = next;
    for (const { kind, document } of plan.removed) collection.delete(kind, document.id);
    for (const { kind, document } of plan.puts) collection.set(kind, { revision: next, document });
    backupLater();
    const changed = [
      ...plan.removed.map(({ kind, document }) => ({ kind, id: document.id })),
      ...plan.puts.map(({ kind, document }) => ({ kind, id: document.id })),
    ];
    for (const listener of [...listeners]) {
      try {
        listener(changed);
      } catch (error) {
        // The commit stands; a listener's fault must neither undo it nor keep others from hearing of it.
        log.error('A listener of the project failed.', { error: String(error) });
      }
    }
    return {
      written: plan.puts.map(({ kind, document }) => ({ kind, id: document.id, revision: next })),
      removed: plan.removed,
    };
  };

  return {
    path,
    report,
    get: collection.get,
    list: collection.list,
    put<K extends DocumentKind>(kind: K, document: Documents[K], expected: number | null) {
      commit([{ kind, id: document.id, document, expected }]);
      return collection.get(kind, document.id) as Stored<Documents[K]>;
    },
    remove: (kind, id, expected) => commit([{ kind, id, document: null, expected }]),
    commit,
    watch(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    async saveAs(target) {
      if (!existsSync(dirname(target))) {
        throw new AppError('store.not-found', `The folder ${dirname(target)} does not exist.`, {
          details: { kind: 'folder', id: dirname(target) },
        });
      }
      // One after the other: two copies to one place would share the file under way.
      const saved = saving.then(() => placeCopy(target, copyInSteps));
      saving = saved.catch(() => undefined);
      try {
        await saved;
      } catch (error) {
        throw storeError(target, error);
      }
    },
    backups: () => (backupsDirectory === null ? [] : listBackups(backupsDirectory, path)),
    async close() {
      if (closed) return;
      closed = true;
      if (timer !== null && backupsDirectory !== null) {
        timer[Symbol.dispose]();
        running = running
          .then(() => backup(backupsDirectory))
          .catch((error: unknown) => {
            log.warn('The backup of the project failed; the project itself is not affected.', { error: String(error) });
          });
      }
      await running;
      await saving;
      listeners.clear();
      database.close();
    },
  };
}

function fill(database: Database): void {
  database.exec(`
    CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    INSERT INTO meta VALUES ('revision', '0');
    CREATE TABLE document(
      rowid INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
      revision INTEGER NOT NULL, body TEXT NOT NULL, UNIQUE(kind, id));
  `);
}
