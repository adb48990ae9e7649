import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Clock,
  type Container,
  type Database,
  type Logger,
  openContainer,
  storeError,
  withStoreErrors,
} from '#engine/platform/index.ts';
import { type Audit, createAudit } from './audit.ts';
import { openKeyFile } from './key-file.ts';
import { createPreferences, type Preferences } from './preferences.ts';
import { createSecretStore, type SecretProtector, type SecretStore } from './secrets.ts';

const INSTALLATION: Container = {
  /** "PXIN" */
  applicationId: 0x5058494e,
  version: 1,
  what: 'an installation database of ParX',
  advice: { damaged: 'Move it away and start again.', tooNew: 'Start that version.' },
};

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
  const database = openContainer(path, INSTALLATION, fill);
  try {
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

function fill(database: Database): void {
  database.exec(`
    CREATE TABLE secret(name TEXT PRIMARY KEY, kind TEXT NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE preference(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE audit(
      number INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, user TEXT NOT NULL, action TEXT NOT NULL,
      subject TEXT NOT NULL, result TEXT NOT NULL);
  `);
}
