import { AppError } from '#shared/errors.ts';
import { type Database, type OpenDatabaseOptions, openDatabase, storeError } from './database.ts';

/** A kind of SQLite file that the product writes: what its header says, and what people are told of one that is not it. */
export interface Container {
  /** SQLite's `application_id`, which tells the file from any other. */
  readonly applicationId: number;
  /** Newest version of the tables (`user_version`) that this program writes and reads; from 1. */
  readonly version: number;
  /** As in "a ParX project". */
  readonly what: string;
  /** What to do with a file that is damaged or of another kind, and with one of a later version; sentences. */
  readonly advice: { readonly damaged: string; readonly tooNew: string };
}

/**
 * Opens a file of this kind for writing, or makes one: `fill` gets the empty file in a transaction that sets the header
 * too, so that a crash leaves either an empty file or a whole one. Throws `store.damaged`, `store.too-new` and what
 * `openDatabase` throws.
 */
export function openContainer(
  path: string,
  container: Container,
  fill: (database: Database) => void,
  options: OpenDatabaseOptions = {},
): Database {
  const database = openDatabase(path, options);
  try {
    if (isEmpty(database)) {
      database.transaction(() => {
        fill(database);
        database.pragma(`application_id = ${container.applicationId}`);
        database.pragma(`user_version = ${container.version}`);
      })();
    } else checkContainer(database, path, container);
    return database;
  } catch (error) {
    database.close();
    throw storeError(path, error);
  }
}

/** Refuses files of other programs (`store.damaged`) and of later versions (`store.too-new`); also for read-only files. */
export function checkContainer(database: Database, path: string, container: Container): void {
  if (header(database, 'application_id') !== container.applicationId) {
    throw damagedContainer(path, container, `it is not ${container.what}`);
  }
  const found = header(database, 'user_version');
  if (found > container.version) throw containerTooNew(path, container, found, container.version);
  if (found < 1) throw damagedContainer(path, container, 'it has no version in its header');
}

export function containerTooNew(
  path: string,
  { advice }: Container,
  found: number,
  supported: number,
): AppError<'store.too-new'> {
  return new AppError(
    'store.too-new',
    `${path} was written by a later version of ParX (format ${found}; this one reads up to ${supported}). ${advice.tooNew}`,
    { details: { path, found, supported } },
  );
}

/** `reason` goes on after "...: ". */
export function damagedContainer(path: string, { what, advice }: Container, reason: string): AppError<'store.damaged'> {
  return new AppError('store.damaged', `${path} can't be read as ${what}: ${reason}. ${advice.damaged}`, {
    details: { path, reason },
  });
}

const header = (database: Database, pragma: string): number => Number(database.pragma(pragma, { simple: true }));

/** Also what a crash left between making the file and filling it. */
function isEmpty(database: Database): boolean {
  return (
    database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined &&
    header(database, 'user_version') === 0 &&
    header(database, 'application_id') === 0
  );
}
