import { type Database, withStoreErrors } from '#engine/platform/index.ts';
import { AppError } from '#shared/errors.ts';
import type { KeyFile } from './key-file.ts';

/** The operating system's own store of keys, offered by a host that has one. Texts in and out are opaque. */
export interface SecretProtector {
  protect(text: string): Promise<string>;
  unprotect(text: string): Promise<string>;
}

/** Passwords and keys, by name. Values never reach the log, a project file or a screen. */
export interface SecretStore {
  /** Where secrets written now are kept. */
  readonly kind: 'host' | 'key-file';
  /** Throws `config.invalid`, `store.disk-full`, `store.read-only`. */
  set(name: string, value: string): Promise<void>;
  /** Undefined when there is none. Throws `store.damaged` when it is there but can't be read. */
  get(name: string): Promise<string | undefined>;
  /** True when there was one. */
  remove(name: string): boolean;
  names(): readonly string[];
}

const NAME = /^[A-Za-z0-9_.:/-]{1,128}$/;
const MAX_BYTES = 65_536;

interface SecretRow {
  readonly kind: 'host' | 'key-file';
  readonly value: Buffer;
}

export function createSecretStore(
  database: Database,
  keyFile: KeyFile,
  protector: SecretProtector | null,
): SecretStore {
  const read = database.prepare<[string], SecretRow>('SELECT kind, value FROM secret WHERE name = ?');
  const insert = database.prepare<[string, string, Buffer]>(
    'INSERT INTO secret(name, kind, value) VALUES (?, ?, ?) ' +
      'ON CONFLICT(name) DO UPDATE SET kind = excluded.kind, value = excluded.value',
  );
  const write = (name: string, kind: SecretRow['kind'], value: Buffer): void => {
    withStoreErrors(database.name, () => insert.run(name, kind, value));
  };
  const remove = database.prepare<[string]>('DELETE FROM secret WHERE name = ?');
  const all = database.prepare<[], { name: string }>('SELECT name FROM secret ORDER BY name');

  return {
    kind: protector === null ? 'key-file' : 'host',
    async set(name, value) {
      if (!NAME.test(name)) throw invalid('name', 'A secret is named by 1 to 128 letters, digits and _ . : / -');
      if (Buffer.byteLength(value) > MAX_BYTES) throw invalid('value', 'A secret has at most 64 KiB.');
      if (protector === null) write(name, 'key-file', keyFile.seal(name, value));
      // The name goes in with the value, so that a value moved to another name is noticed here as well.
      else write(name, 'host', Buffer.from(await protector.protect(JSON.stringify([name, value])), 'utf8'));
    },
    async get(name) {
      const row = read.get(name);
      if (row === undefined) return undefined;
      if (row.kind === 'key-file') return keyFile.unseal(name, row.value);
      if (protector === null) {
        throw unreadable(name, "it is kept by the desktop program's key store, which is not available here");
      }
      let opened: unknown;
      try {
        opened = JSON.parse(await protector.unprotect(row.value.toString('utf8')));
      } catch {
        throw unreadable(name, "the operating system's key store refused it");
      }
      if (!Array.isArray(opened) || opened[0] !== name || typeof opened[1] !== 'string') {
        throw unreadable(name, 'it belongs to another name');
      }
      return opened[1];
    },
    remove: (name) => withStoreErrors(database.name, () => remove.run(name).changes > 0),
    names: () => all.all().map((row) => row.name),
  };
}

function unreadable(name: string, reason: string): AppError<'store.damaged'> {
  return new AppError('store.damaged', `The secret "${name}" can't be read: ${reason}. Enter it again.`, {
    details: { path: name, reason },
  });
}

function invalid(path: string, message: string): AppError<'config.invalid'> {
  return new AppError('config.invalid', message, { details: { issues: [{ path, message }] } });
}
