// Looks for what the tests need, by the list in requirements.json. Plain JavaScript without dependencies: `npm test`
// asks before it installs anything, and the tests ask again by `needs` (needs.ts).
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const list = JSON.parse(readFileSync(new URL('./requirements.json', import.meta.url), 'utf8'));

export const requirementNames = Object.keys(list);

/** What `name` is on this platform: found with its path, or missing with the reason and the way to get it. */
export function lookFor(name, platform = process.platform) {
  const requirement = list[name];
  if (requirement === undefined) throw new Error(`requirements.json has no "${name}"`);
  const here = requirement[platform];
  if (here === undefined) {
    const names = ['linux', 'darwin', 'win32'].filter((other) => requirement[other] !== undefined);
    return missing(requirement, { required: false }, `${name} is not used on ${platform}, only on ${names.join(', ')}`);
  }
  if (here.user !== undefined) {
    if (process.getuid?.() === here.user) return { found: true, path: '' };
    return missing(requirement, here, `${name} rights are missing: ${here.get}`);
  }
  const path = here.electron === true ? electronBinary() : locate(requirement, here);
  if (path === undefined) return missing(requirement, here, `${name} is missing: ${here.get}`);
  if (here.check !== undefined) {
    const ran = spawnSync(path, here.check, { stdio: 'ignore', timeout: 10_000 });
    if (ran.status !== 0) return missing(requirement, here, `${name} is there and does not work: ${here.get}`);
  }
  if (here.prepare !== undefined) {
    const prepared = prepare(here.prepare);
    return prepared === undefined
      ? missing(requirement, here, `${name} could not be prepared: ${here.get}`)
      : { found: true, path: prepared };
  }
  return { found: true, path };
}

const preparedBy = new Map();

/** What a script of this folder made and printed the path of: once per process, and at once where it is there already. */
function prepare(script) {
  if (!preparedBy.has(script)) {
    const file = fileURLToPath(new URL(script, import.meta.url));
    const ran = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: 300_000 });
    preparedBy.set(script, ran.status === 0 ? ran.stdout.trim() : undefined);
  }
  return preparedBy.get(script);
}

function missing(requirement, here, reason) {
  return {
    found: false,
    required: here.required === true,
    reason,
    purpose: requirement.for,
    apt: here.apt ?? null,
  };
}

function locate(requirement, here) {
  const set = requirement.environment === undefined ? undefined : process.env[requirement.environment];
  if (set !== undefined && set !== '') return runs(set) ? set : undefined;
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const candidates = [
    ...(here.paths ?? []),
    ...(here.commands ?? []).flatMap((command) => folders.map((folder) => join(folder, command))),
  ];
  return candidates.find(runs);
}

function runs(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The Electron that is installed already; never asks the electron package, which would start a download. */
export function electronBinary() {
  const folder = new URL('../../node_modules/electron/', import.meta.url);
  const name = new URL('path.txt', folder);
  if (!existsSync(name)) return undefined;
  const binary = process.env.ELECTRON_OVERRIDE_DIST_PATH
    ? join(process.env.ELECTRON_OVERRIDE_DIST_PATH, readFileSync(name, 'utf8'))
    : fileURLToPath(new URL(`dist/${readFileSync(name, 'utf8')}`, folder));
  return existsSync(binary) ? binary : undefined;
}
