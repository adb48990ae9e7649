import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Clock,
  type Database,
  type Logger,
  openDatabase,
  storeError,
  withStoreErrors,
} from '#engine/platform/index.ts';
import { AppError } from '#shared/errors.ts';
import { type Audit, createAudit } from './audit.ts';
import { openKeyFile } from './key-file.ts';
import { createPreferences, type Preferences } from './preferences.ts';
import { createSecretStore, type SecretProtector, type SecretStore } from './secrets.ts';

/** "PXIN", in the file's header. */
const APPLICATION_ID = 0x5058494e;
const VERSION = 1;

export interface InstallationOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** The host's own key store; null or left out: a key file in the data folder. */
  readonly protector?: SecretProtector | null;
  /** Default 100,000 */
  readonly maxAuditLines?: number;
}

/** What belongs to this computer and not to a project: secrets, preferences, the audit trail. */
export interface Installation {
  readonly secrets: SecretStore;
  readonly preferences: Preferences;
  readonly audit: Audit;
  /** Safe to call twice. */
  close(): void;
}

/**
 * Opens the installation database in a data folder, making both where needed. Take `lockDataDirectory` first. Throws
 * `store.too-new`, `store.damaged`, `store.read-only`, `store.disk-full`.
 */
export function openInstallation(directory: string, options: InstallationOptions): Installation {
  const path = join(directory, 'installation.db');
  withStoreErrors(directory, () => mkdirSync(directory, { recursive: true }));
  const database = openDatabase(path);
  try {
    prepare(database, path);
    const keyFile = openKeyFile(join(directory, 'secrets.key'), options.log);
    const preferences = createPreferences(database, options.clock, options.log);
    let closed = false;
    return {
      secrets: createSecretStore(database, keyFile, options.protector ?? null),
      preferences,
      audit: createAudit(database, options.clock, options.maxAuditLines ?? 100_000),
      close() {
        if (closed) return;
        closed = true;
        preferences.flush();
        database.close();
      },
    };
  } catch (error) {
    database.close();
    throw storeError(path, error);
  }
}

function prepare(database: Database, path: string): void {
  const read = (pragma: string): number => Number(database.pragma(pragma, { simple: true }));
  const isEmpty = database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
  if (isEmpty && read('application_id') === 0) {
    database.transaction(() => {
      database.exec(`
        CREATE TABLE secret(name TEXT PRIMARY KEY, kind TEXT NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
        CREATE TABLE preference(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE audit(
          number INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, user TEXT NOT NULL, action TEXT NOT NULL,
          subject TEXT NOT NULL, result TEXT NOT NULL);
      `);
      database.pragma(`application_id = ${APPLICATION_ID}`);
      database.pragma(`user_version = ${VERSION}`);
    })();
    return;
  }
  const found = read('user_version');
  if (read('application_id') !== APPLICATION_ID) {
    throw new AppError(
      'store.damaged',
      `${path} is not an installation database of ParX. Move it away and start again.`,
      {
        details: { path, reason: 'another kind of file' },
      },
    );
  }
  if (found > VERSION) {
    throw new AppError('store.too-new', `${path} was written by a later version of ParX. Start that version.`, {
      details: { path, found, supported: VERSION },
    });
  }
}
