import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger, type LogLine, openDatabase, systemClock } from '#engine/platform/index.ts';
import { isAppError } from '#shared/errors.ts';
import { lockDataDirectory } from './data-lock.ts';
import { type Installation, type InstallationOptions, openInstallation } from './installation.ts';

let folder = '';
let lines: LogLine[] = [];
const opened: Installation[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parx-installation-'));
  lines = [];
});
afterEach(() => {
  for (const installation of opened.splice(0)) installation.close();
  rmSync(folder, { recursive: true, force: true });
});
const open = (options: Partial<InstallationOptions> = {}): Installation => {
  const installation = openInstallation(folder, {
    clock: systemClock(),
    log: createLogger((line) => lines.push(line)),
    ...options,
  });
  opened.push(installation);
  return installation;
};
const reopen = (installation: Installation, options: Partial<InstallationOptions> = {}): Installation => {
  installation.close();
  return open(options);
};
const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (isAppError(error)) return error.code;
    throw error;
  }
  return 'none';
};
const SECRET = 'correct horse battery staple';
/** Every byte that the installation has written to the disk. */
const onDisk = (): string =>
  readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'latin1'))
    .join('\n');

describe('secrets with a key file', () => {
  it('come back after a restart and lie nowhere in plain text', async () => {
    const first = open();
    expect(first.secrets.kind).toBe('key-file');
    await first.secrets.set('connection/c1/password', SECRET);
    await first.secrets.set('empty', '');
    const second = reopen(first);
    expect(await second.secrets.get('connection/c1/password')).toBe(SECRET);
    expect(await second.secrets.get('empty')).toBe('');
    expect(await second.secrets.get('unknown')).toBeUndefined();
    expect(second.secrets.names()).toEqual(['connection/c1/password', 'empty']);
    second.close();
    expect(onDisk()).not.toContain(SECRET);
    expect(JSON.stringify(lines)).not.toContain(SECRET);
  });

  it('make the key on first use, for the owner only', async () => {
    const installation = open();
    expect(existsSync(join(folder, 'secrets.key'))).toBe(false);
    await installation.secrets.set('a', SECRET);
    // Windows has no such bits; the folder's access list decides there.
    if (process.platform === 'win32') return;
    expect(statSync(join(folder, 'secrets.key')).mode & 0o777).toBe(0o600);
    chmodSync(join(folder, 'secrets.key'), 0o644);
    expect(await reopen(installation).secrets.get('a')).toBe(SECRET);
    expect(statSync(join(folder, 'secrets.key')).mode & 0o777).toBe(0o600);
    expect(lines.some((line) => line.level === 'warn')).toBe(true);
  });

  it('never give the same bytes twice, and do not decrypt under another name', async () => {
    const installation = open();
    await installation.secrets.set('a', SECRET);
    await installation.secrets.set('b', SECRET);
    const database = openDatabase(join(folder, 'installation.db'));
    const rows = database.prepare<[], { value: Buffer }>('SELECT value FROM secret ORDER BY name').all();
    expect(rows[0]?.value.equals(rows[1]?.value ?? Buffer.alloc(0))).toBe(false);
    database.exec("UPDATE secret SET value = (SELECT value FROM secret WHERE name = 'a') WHERE name = 'b'");
    database.close();
    expect(await installation.secrets.get('a')).toBe(SECRET);
    await expect(installation.secrets.get('b')).rejects.toMatchObject({ code: 'store.damaged' });
  });

  it('say so when the key is gone, damaged or another one, and can be entered again', async () => {
    const installation = open();
    await installation.secrets.set('a', SECRET);
    const key = join(folder, 'secrets.key');
    rmSync(key);
    const without = reopen(installation);
    await expect(without.secrets.get('a')).rejects.toMatchObject({ code: 'store.damaged' });
    writeFileSync(key, 'short');
    await expect(reopen(without).secrets.get('a')).rejects.toMatchObject({ code: 'store.damaged' });
    writeFileSync(key, Buffer.alloc(32, 7));
    const other = open();
    const failure: unknown = await other.secrets.get('a').catch((error: unknown) => error);
    expect(String((failure as Error).message)).toContain('Enter them again');
    await other.secrets.set('a', 'new');
    expect(await other.secrets.get('a')).toBe('new');
    expect(other.secrets.remove('a')).toBe(true);
    expect(other.secrets.remove('a')).toBe(false);
  });

  it('refuse names and values beyond their limits', async () => {
    const { secrets } = open();
    for (const name of ['', 'with space', 'x'.repeat(129)]) {
      await expect(secrets.set(name, 'v')).rejects.toMatchObject({ code: 'config.invalid' });
    }
    await expect(secrets.set('a', 'x'.repeat(65_537))).rejects.toMatchObject({ code: 'config.invalid' });
  });
});

describe('secrets with the key store of a host', () => {
  const protector = {
    protect: async (text: string) => Buffer.from(text).toString('base64').split('').reverse().join(''),
    unprotect: async (text: string) => Buffer.from(text.split('').reverse().join(''), 'base64').toString(),
  };

  it('are kept by it, and readable only with it', async () => {
    const first = open({ protector });
    expect(first.secrets.kind).toBe('host');
    await first.secrets.set('a', SECRET);
    expect(existsSync(join(folder, 'secrets.key'))).toBe(false);
    const second = reopen(first, { protector });
    expect(await second.secrets.get('a')).toBe(SECRET);
    const headless = reopen(second);
    await expect(headless.secrets.get('a')).rejects.toMatchObject({ code: 'store.damaged' });
    await headless.secrets.set('b', 'from headless');
    // What a headless run has stored stays readable on the desktop of the same computer.
    expect(await reopen(headless, { protector }).secrets.get('b')).toBe('from headless');
  });

  it('report a refusal of the host without its text', async () => {
    const failing = { ...protector, unprotect: () => Promise.reject(new Error(`leaks ${SECRET}`)) };
    const first = open({ protector });
    await first.secrets.set('a', SECRET);
    const failure: unknown = await reopen(first, { protector: failing })
      .secrets.get('a')
      .catch((error: unknown) => error);
    expect(String(failure)).not.toContain(SECRET);
    expect(isAppError(failure, 'store.damaged')).toBe(true);
  });
});

describe('preferences', () => {
  it('come back after a restart, each with its last value', () => {
    const first = open();
    expect(first.preferences.get('theme')).toBeNull();
    for (let width = 1; width <= 50; width++) first.preferences.set('columns', JSON.stringify({ width }));
    first.preferences.set('theme', '"dark"');
    expect(first.preferences.get('columns')).toBe('{"width":50}');
    const second = reopen(first);
    expect(second.preferences.get('columns')).toBe('{"width":50}');
    expect(second.preferences.get('theme')).toBe('"dark"');
  });

  it('are written shortly after, without a stop', async () => {
    open().preferences.set('theme', '"light"');
    const database = openDatabase(join(folder, 'installation.db'), { readonly: true });
    await expect
      .poll(() => database.prepare('SELECT value FROM preference').get(), { timeout: 5_000 })
      .toEqual({ value: '"light"' });
    database.close();
  });

  it('refuse what is no JSON, too long, or badly named', () => {
    const { preferences } = open();
    expect(codeOf(() => preferences.set('a', '{'))).toBe('config.invalid');
    expect(codeOf(() => preferences.set('a', JSON.stringify('ü'.repeat(40_000))))).toBe('config.invalid');
    expect(codeOf(() => preferences.set('a b', '1'))).toBe('config.invalid');
    preferences.set('a', JSON.stringify('x'.repeat(65_534)));
    for (let i = 1; i < 2_000; i++) preferences.set(`n${i}`, '1');
    expect(codeOf(() => preferences.set('one-more', '1'))).toBe('config.invalid');
  });
});

describe('the audit trail', () => {
  it('keeps the newest lines and clips long texts', () => {
    const first = open({ maxAuditLines: 100 });
    for (let i = 1; i <= 250; i++) {
      first.audit.append({ user: 'u', action: 'project.commit', subject: `tag ${i}`, result: 'done' });
    }
    first.audit.append({ user: 'u', action: 'a', subject: 'x'.repeat(5_000), result: 'done' });
    const second = reopen(first);
    const all = second.audit.list(1_000);
    expect(all.length).toBeGreaterThanOrEqual(100);
    expect(all.length).toBeLessThanOrEqual(110);
    expect(all[0]?.subject).toHaveLength(1_000);
    expect(all[1]).toMatchObject({
      number: 250,
      user: 'u',
      action: 'project.commit',
      subject: 'tag 250',
      result: 'done',
    });
    expect(second.audit.list(2, 250).map((line) => line.number)).toEqual([249, 248]);
  });
});

describe('the installation database', () => {
  it('refuses a later version and a foreign file', () => {
    open().close();
    const path = join(folder, 'installation.db');
    const database = openDatabase(path);
    database.pragma('user_version = 5');
    database.close();
    expect(codeOf(() => open())).toBe('store.too-new');
    rmSync(path);
    const foreign = openDatabase(path);
    foreign.exec('CREATE TABLE t(x)');
    foreign.close();
    expect(codeOf(() => open())).toBe('store.damaged');
  });
});

describe('the lock of a data folder', () => {
  const refusal = (): Error => {
    try {
      lockDataDirectory(folder, systemClock())[Symbol.dispose]();
    } catch (error) {
      if (isAppError(error, 'store.locked')) return error;
      throw error;
    }
    throw new Error('The lock was given twice.');
  };

  it('names the process that holds it and since when, and is free afterwards', () => {
    const lock = lockDataDirectory(folder, { ...systemClock(), now: () => Date.UTC(2026, 0, 2, 3, 4, 5) * 1000 });
    expect(refusal().message).toContain(`process ${process.pid}, running since 2026-01-02T03:04:05.000Z`);
    lock[Symbol.dispose]();
    lock[Symbol.dispose]();
    lockDataDirectory(folder, systemClock())[Symbol.dispose]();
    expect(existsSync(join(folder, 'parx.lock.json'))).toBe(false);
  });

  it('is taken over from a program that was killed', async () => {
    const program = `
      const { lockDataDirectory } = await import('#engine/installation/index.ts');
      const { systemClock } = await import('#engine/platform/index.ts');
      lockDataDirectory(process.argv[1], systemClock());
      console.log('locked');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await new Promise((resolve) => child.stdout.once('data', resolve));
      expect(refusal().message).toContain(`process ${child.pid}`);
    } finally {
      child.kill('SIGKILL');
    }
    await new Promise((resolve) => child.once('exit', resolve));
    lockDataDirectory(folder, systemClock())[Symbol.dispose]();
  });

  it('does not blame a dead process for a lock that another one holds', () => {
    const lock = lockDataDirectory(folder, systemClock());
    writeFileSync(join(folder, 'parx.lock.json'), JSON.stringify({ pid: 2 ** 30, since: 'long ago' }));
    expect(refusal().message).toContain('another ParX program.');
    lock[Symbol.dispose]();
  });
});
