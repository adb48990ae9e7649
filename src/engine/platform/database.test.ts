import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAppError } from '#shared/errors.ts';
import { acquireLock, openDatabase, openDatabaseImage, withStoreErrors } from './database.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parx-db-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isAppError(error)) return error.code;
    throw error;
  }
  return 'none';
}

describe('openDatabase', () => {
  it('sets what durability needs', () => {
    const database = openDatabase(join(folder, 'a.db'), { pageSize: 8192 });
    expect(database.pragma('synchronous', { simple: true })).toBe(2);
    expect(database.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(database.pragma('foreign_keys', { simple: true })).toBe(1);
    expect(database.pragma('page_size', { simple: true })).toBe(8192);
    database.close();
  });

  it('reads a picture of a WAL file, and no write goes through', () => {
    const path = join(folder, 'with space #1.db');
    const writer = openDatabase(path);
    writer.exec('CREATE TABLE t(x); INSERT INTO t VALUES (7)');
    writer.close();
    const reader = openDatabaseImage(path, 1e6);
    expect(reader.prepare('SELECT x FROM t').pluck().get()).toBe(7);
    expect(codeOf(() => withStoreErrors(path, () => reader.exec('INSERT INTO t VALUES (8)')))).toBe('store.read-only');
    reader.close();
    expect(codeOf(() => openDatabaseImage(path, 100))).toBe('store.damaged');
  });

  it('names what is wrong by code', () => {
    expect(codeOf(() => openDatabase(join(folder, 'none.db'), { readonly: true }))).toBe('store.not-found');
    expect(codeOf(() => openDatabase(join(folder, 'no/such/folder.db')))).toBe('store.not-found');
    expect(codeOf(() => openDatabase(folder))).toBe('store.damaged');
    writeFileSync(join(folder, 'text.db'), 'This is a letter, not a database. '.repeat(200));
    expect(codeOf(() => openDatabase(join(folder, 'text.db'), { readonly: true }))).toBe('store.damaged');
    const small = openDatabase(join(folder, 'small.db'));
    small.pragma('max_page_count = 4');
    expect(
      codeOf(() =>
        withStoreErrors('small.db', () => small.exec('CREATE TABLE t(x); INSERT INTO t VALUES (zeroblob(90000))')),
      ),
    ).toBe('store.disk-full');
    small.close();
    const first = openDatabase(join(folder, 'busy.db'));
    first.exec('CREATE TABLE t(x); BEGIN IMMEDIATE');
    const second = openDatabase(join(folder, 'busy.db'), { busyMs: 10 });
    expect(codeOf(() => withStoreErrors('busy.db', () => second.exec('BEGIN IMMEDIATE')))).toBe('store.locked');
    first.close();
    second.close();
  });
});

describe('acquireLock', () => {
  it('keeps out a second holder in this program and in another one, and lets go', () => {
    const path = join(folder, 'a.lock');
    const probe = (): string =>
      spawnSync(
        process.execPath,
        [
          '--input-type=module',
          '-e',
          `import { acquireLock } from '#engine/platform/database.ts';
           try { acquireLock(process.argv[1]); console.log('free'); } catch (error) { console.log(error.code); }`,
          path,
        ],
        { encoding: 'utf8' },
      ).stdout.trim();
    const lock = acquireLock(path);
    expect(codeOf(() => acquireLock(path))).toBe('store.locked');
    expect(probe()).toBe('store.locked');
    lock[Symbol.dispose]();
    lock[Symbol.dispose]();
    expect(probe()).toBe('free');
    acquireLock(path)[Symbol.dispose]();
  });
});
