import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite from 'better-sqlite3';
import { AppError } from '#shared/errors.ts';

export type Database = Sqlite.Database;
export type Statement<Parameters extends unknown[] = unknown[], Row = unknown> = Sqlite.Statement<Parameters, Row>;

export interface OpenDatabaseOptions {
  readonly readonly?: boolean;
  /** Bytes, only for a file that is made new; default 4,096. */
  readonly pageSize?: number;
  /** `wal` while a file is written to, `delete` for a file that must stay alone. Default `wal`; unused when read-only. */
  readonly journal?: 'wal' | 'delete';
  /** Free pages can be given back to the disk with `incremental_vacuum`; only for a file that is made new. */
  readonly shrinkable?: boolean;
  /** Refuse a file that does not exist instead of making it. Read-only implies it. */
  readonly mustExist?: boolean;
  /** Read a file that ends before the length its header gives, as far as its pages are there. Only when read-only. */
  readonly tolerant?: boolean;
  /** How long a statement waits for another connection's lock; default 5,000 ms. */
  readonly busyMs?: number;
}

/**
 * Opens a SQLite file with the durability that the product promises: every commit is synced before it returns
 * (`synchronous` FULL) and foreign keys hold. Each setting is read back, because SQLite ignores what it does not know.
 * Throws `store.disk-full`, `store.read-only`, `store.locked`, `store.damaged` or `store.not-found`.
 */
export function openDatabase(path: string, options: OpenDatabaseOptions = {}): Database {
  const readonly = options.readonly === true;
  if (!existsSync(path)) {
    if (readonly || options.mustExist === true || !existsSync(dirname(path))) throw notFound(path);
  } else if (statSync(path).isDirectory()) {
    throw new AppError('store.damaged', `${path} is a folder, not a file.`, {
      details: { path, reason: 'a folder, not a file' },
    });
  }
  return withStoreErrors(path, () => {
    const database = new Sqlite(path, { readonly, timeout: options.busyMs ?? 5_000 });
    try {
      if (readonly && options.tolerant === true) {
        // SQLite refuses such a file unless its own recovery tools ask, which is what this setting says.
        database.unsafeMode(true);
        database.pragma('writable_schema = ON');
      }
      if (!readonly) {
        if (options.pageSize !== undefined) database.pragma(`page_size = ${options.pageSize}`);
        if (options.shrinkable === true) database.pragma('auto_vacuum = INCREMENTAL');
        setAndAssert(database, path, 'journal_mode', options.journal ?? 'wal', options.journal ?? 'wal');
        setAndAssert(database, path, 'synchronous', 'FULL', 2);
        // On macOS a plain fsync leaves data in the drive's cache; elsewhere this changes nothing.
        setAndAssert(database, path, 'fullfsync', 'ON', 1);
        setAndAssert(database, path, 'checkpoint_fullfsync', 'ON', 1);
      }
      setAndAssert(database, path, 'foreign_keys', 'ON', 1);
      // Reads page 1, so that a file which is no database is refused here and not at the first query.
      database.pragma('user_version');
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  });
}

/**
 * A read-only picture of a file, in memory: for a file in WAL mode on media that cannot hold its sidecar files. What
 * lies in a WAL beside it is not seen. Costs the file's size in memory; throws `store.damaged` above `maxBytes`.
 */
export function openDatabaseImage(path: string, maxBytes: number): Database {
  return withStoreErrors(path, () => {
    if (statSync(path).size > maxBytes) {
      throw new AppError(
        'store.damaged',
        `${path} was not closed properly and is too large to be read in memory. Copy it to a folder that can be written and open it there.`,
        { details: { path, reason: 'not closed properly' } },
      );
    }
    const bytes = readFileSync(path);
    // The format versions in the header: 2 is WAL, 1 is the rollback journal.
    bytes[18] = 1;
    bytes[19] = 1;
    const database = new Sqlite(bytes, { readonly: true });
    database.pragma('user_version');
    return database;
  });
}

function setAndAssert(database: Database, path: string, pragma: string, value: string, expected: unknown): void {
  database.pragma(`${pragma} = ${value}`);
  const found = database.pragma(pragma, { simple: true });
  if (found !== expected) {
    throw new AppError('store.read-only', `${path} does not accept ${pragma} ${value}; it answers ${String(found)}.`, {
      details: { path },
    });
  }
}

function notFound(path: string): AppError<'store.not-found'> {
  return new AppError('store.not-found', `${path} does not exist.`, { details: { kind: 'file', id: path } });
}

/** Runs `work` and turns errors of SQLite and of the file system into the store's codes. */
export function withStoreErrors<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storeError(path, error);
  }
}

/** The store's code for an error of SQLite or of the file system; any other error is returned as it is. */
export function storeError(path: string, error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error;
  const code = (error as { readonly code?: unknown }).code;
  if (typeof code !== 'string') return error;
  switch (code) {
    case 'SQLITE_FULL':
    // The index of the WAL could not grow: seen on a full tmpfs before SQLITE_FULL itself.
    case 'SQLITE_IOERR_SHMSIZE':
    case 'ENOSPC':
    case 'EDQUOT':
      return new AppError(
        'store.disk-full',
        `The disk with ${path} is full. Free some space; writing resumes by itself.`,
        {
          details: { path },
          retryable: true,
          cause: error,
        },
      );
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return readOnly(path, error);
    case 'ENOENT':
      return notFound(path);
    case 'ENOTDIR':
    case 'EEXIST':
      return new AppError(
        'store.not-found',
        `${path} cannot be used: a file stands where a folder is needed. Choose another folder.`,
        { details: { kind: 'folder', id: path }, cause: error },
      );
    default:
      break;
  }
  if (code.startsWith('SQLITE_READONLY')) return readOnly(path, error);
  if (code.startsWith('SQLITE_CANTOPEN'))
    return existsSync(path) || existsSync(dirname(path)) ? readOnly(path, error) : notFound(path);
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new AppError('store.locked', `${path} is in use by another program. Close it there first.`, {
      details: { path },
      retryable: true,
      cause: error,
    });
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_IOERR')) {
    return new AppError('store.damaged', `${path} is damaged: ${error.message}.`, {
      details: { path, reason: error.message },
      cause: error,
    });
  }
  return error;
}

function readOnly(path: string, cause: Error): AppError<'store.read-only'> {
  return new AppError(
    'store.read-only',
    `${path} cannot be written: the folder or the file is read-only. Allow writing or choose another folder.`,
    { details: { path }, cause },
  );
}

/**
 * Holds `path` as a lock against other programs and other opens in this one, until disposed. The operating system
 * lets go when the process ends, however it ends, so there is no stale lock. Throws `store.locked`, `store.read-only`.
 */
export function acquireLock(path: string): Disposable {
  if (!existsSync(dirname(path))) throw notFound(path);
  return withStoreErrors(path, () => {
    const database = new Sqlite(path, { timeout: 0 });
    try {
      // The journal stays in memory so that the lock is one file; nothing is ever written into it.
      database.pragma('journal_mode = MEMORY');
      database.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      database.close();
      throw error;
    }
    let held = true;
    return {
      [Symbol.dispose]() {
        if (!held) return;
        held = false;
        database.exec('ROLLBACK');
        database.close();
      },
    };
  });
}
