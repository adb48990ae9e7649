// A folder with a Debian system that carries TimescaleDB's Apache edition, made once and kept in the user's cache. Prints
// its path. `needs('timescaledb')` (requirements.json) runs it; where it cannot be made, the tests are named as not run.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'parx-tests');
const folder = join(cache, 'debian-13-timescaledb');
const packages = ['postgresql-17', 'postgresql-17-timescaledb'];
/** A build of another process that takes longer has died. */
const LONGEST_BUILD_MS = 240_000;
/** What could not be made is not tried again by every test file of a run. */
const TRY_AGAIN_MS = 600_000;

/** Where this computer gets its own Debian packages from. */
function mirror() {
  const lists = ['/etc/apt/sources.list', ...listsIn('/etc/apt/sources.list.d')].filter((path) => existsSync(path));
  const addresses = lists.flatMap(
    (path) => readFileSync(path, 'utf8').match(/^(?!\s*#).*?\bhttps?:\/\/[^\s"]+/gm) ?? [],
  );
  const debian = addresses
    .map((line) => line.slice(line.search(/https?:\/\//)))
    .filter((address) => /debian\/?$/.test(address) && !address.includes('security'));
  return debian[0];
}

function listsIn(path) {
  return existsSync(path) ? readdirSync(path).map((name) => join(path, name)) : [];
}

/** One process makes it; the others wait for it. */
async function make() {
  mkdirSync(cache, { recursive: true });
  const lock = `${folder}.lock`;
  for (;;) {
    if (existsSync(folder)) return folder;
    try {
      mkdirSync(lock);
      break;
    } catch {
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > LONGEST_BUILD_MS) rmSync(lock, { recursive: true, force: true });
      await wait(500);
    }
  }
  try {
    const from = mirror();
    if (from === undefined) throw new Error('This computer names no Debian mirror.');
    const building = `${folder}.building`;
    rmSync(building, { recursive: true, force: true });
    const args = ['--variant=minbase', `--include=${packages.join(',')}`, 'trixie', building, from];
    // It and what it calls lie where a user's path does not always lead.
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
    const built = spawnSync('/usr/sbin/debootstrap', args, {
      env,
      encoding: 'utf8',
      timeout: LONGEST_BUILD_MS - 10_000,
    });
    if (built.status !== 0) {
      const reason = built.stdout?.split('\n').slice(-5).join('\n') || String(built.error);
      writeFileSync(`${folder}.failed`, reason);
      throw new Error(reason);
    }
    rmSync(join(building, 'var/cache/apt'), { recursive: true, force: true });
    renameSync(building, folder);
    return folder;
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

try {
  if (process.getuid?.() !== 0) throw new Error('Only root can make it.');
  const failed = statSync(`${folder}.failed`, { throwIfNoEntry: false });
  if (failed !== undefined && Date.now() - failed.mtimeMs < TRY_AGAIN_MS) {
    throw new Error(readFileSync(`${folder}.failed`, 'utf8'));
  }
  console.log(await make());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
