import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

// The set-up that every script begins with, on a project without packages, which npm can install without a network.

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url));
let folder = '';

function writeProject(packages: Readonly<Record<string, object>> = {}): void {
  const dependencies = Object.fromEntries(
    Object.keys(packages).map((path) => [path.replace('node_modules/', ''), '1.0.0']),
  );
  const name = { name: 'sample', version: '1.0.0' };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...name, type: 'module', dependencies }));
  const lock = {
    ...name,
    lockfileVersion: 3,
    requires: true,
    packages: { '': { ...name, dependencies }, ...packages },
  };
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
}

/** What npm leaves behind: the packages, and its own record of them. */
function installByHand(packages: Readonly<Record<string, object>>): void {
  mkdirSync(join(folder, 'node_modules'));
  for (const path of Object.keys(packages)) {
    mkdirSync(join(folder, path));
    writeFileSync(join(folder, path, 'package.json'), '{}');
  }
  writeFileSync(join(folder, 'node_modules', '.package-lock.json'), JSON.stringify({ packages }));
}

const offline = { npm_config_registry: 'http://127.0.0.1:9/' };

function setUp(env: Readonly<Record<string, string>> = {}) {
  const code = "import { main, setUp } from './scripts/setup.mjs'; await main(() => void console.log(setUp().node));";
  const ran = spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, npm_config_fetch_retries: '0', npm_config_cache: join(folder, 'cache'), ...env },
  });
  return { status: ran.status, lines: ran.stdout.trim().split('\n'), error: ran.stderr };
}

const installing = 'Installing packages from package-lock.json (npm ci) ...';

describe('set-up', () => {
  beforeEach(() => {
    folder = temporaryDirectory();
    cpSync(scripts, join(folder, 'scripts'), { recursive: true });
    writeProject();
  });

  it('installs on a fresh clone, is silent afterwards, and installs again when node_modules is gone', () => {
    expect(setUp()).toMatchObject({ status: 0, lines: [installing, process.execPath] });
    expect(setUp()).toMatchObject({ status: 0, lines: [process.execPath] });
    rmSync(join(folder, 'node_modules'), { recursive: true });
    expect(setUp()).toMatchObject({ status: 0, lines: [installing, process.execPath] });
  });

  it('takes what npm installed by hand, as long as it is what the lock file says', () => {
    installByHand({ 'node_modules/there': { version: '1.0.0' } });
    writeProject({ 'node_modules/there': { version: '1.0.0' } });
    expect(setUp()).toMatchObject({ status: 0, lines: [process.execPath] });
    writeProject({ 'node_modules/there': { version: '1.0.1' } });
    expect(setUp(offline).lines).toContain(installing);
  });

  it('says what to do when the lock file names a package that cannot be fetched', () => {
    expect(setUp().status).toBe(0);
    writeProject({ 'node_modules/absent-package': { version: '1.0.0', integrity: `sha512-${'A'.repeat(86)}==` } });
    const ran = setUp(offline);
    expect(ran).toMatchObject({ status: 1, lines: [installing] });
    expect(ran.error).toContain('The packages could not be fetched: the npm registry was not reached.');
    expect(ran.error).not.toContain('setup.mjs:');
  });

  it('leaves out packages of other platforms, and misses one of this platform', () => {
    installByHand({});
    const optional = { version: '1.0.0', optional: true };
    writeProject({ 'node_modules/foreign': { ...optional, os: [process.platform === 'aix' ? 'sunos' : 'aix'] } });
    expect(setUp()).toMatchObject({ status: 0, lines: [process.execPath] });
    writeProject({ 'node_modules/own': { ...optional, os: [process.platform], cpu: [process.arch] } });
    expect(setUp(offline).lines).toContain(installing);
  });

  it('sees a package whose folder was removed', () => {
    installByHand({ 'node_modules/there': { version: '1.0.0' } });
    writeProject({ 'node_modules/there': { version: '1.0.0' } });
    rmSync(join(folder, 'node_modules', 'there'), { recursive: true });
    expect(setUp(offline).lines).toContain(installing);
  });
});
