// `npm run build`: everything that runs, in `out/`. Also called by `npm start` and `npm test`.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMain, main, packageFile, root, run, Stop, setUp } from './setup.mjs';

/** What a complete build consists of, relative to `out/`. */
export const outputs = [
  'main/index.js',
  'main/engine.js',
  'main/historian-writer.js',
  'main/historian-reader.js',
  'main/exporter.js',
  'preload/index.cjs',
  'renderer/index.html',
  'simulators/index.js',
];

const stampFile = join(root, 'out', '.source-hash');
const inputs = [
  'src',
  'resources',
  'package-lock.json',
  'package.json',
  'electron.vite.config.ts',
  'simulators.vite.config.ts',
];

/** For tests that talk to a built engine. */
const buildIdFile = join(root, 'out', 'build.json');

/** Names, sizes and change times of everything that goes into a build: a change is seen without reading the files. */
function sourceHash() {
  return hashOf(({ size, mtimeMs }) => `${size}\0${mtimeMs}`);
}

/** The same for the same contents on every computer: what page and engine know each other by. */
function buildId() {
  return hashOf((_, path) => readFileSync(path)).slice(0, 16);
}

function hashOf(describe) {
  const hash = createHash('sha256');
  const add = (path) => {
    const full = join(root, path);
    if (!existsSync(full)) return;
    const stat = statSync(full);
    if (stat.isDirectory()) {
      for (const name of readdirSync(full).sort()) add(`${path}/${name}`);
    } else if (!/\.test\.tsx?$/.test(path)) {
      hash.update(`${path}\0`).update(describe(stat, full)).update('\n');
    }
  };
  for (const path of inputs) add(path);
  return hash.digest('hex');
}

/** What lies in `out/` is from now on somebody else's (`npm run dev`), so that the next start builds again. */
export function forgetBuild() {
  rmSync(stampFile, { force: true });
}

export function buildIsCurrent() {
  return (
    existsSync(stampFile) &&
    outputs.every((path) => existsSync(join(root, 'out', path))) &&
    readFileSync(stampFile, 'utf8') === sourceHash()
  );
}

/** Builds and checks the result; throws `Stop` with what is wrong. */
export async function build({ node, env }, { show = true } = {}) {
  const hash = sourceHash();
  rmSync(join(root, 'out'), { recursive: true, force: true });
  const id = buildId();
  const vite = { ...env, NODE_ENV: 'production', PARX_BUILD: id };
  const steps = [[packageFile('electron-vite', 'bin', 'electron-vite.js'), 'build']];
  if (existsSync(join(root, 'src', 'simulators', 'index.ts'))) {
    steps.push([packageFile('vite', 'bin', 'vite.js'), 'build', '--config', 'simulators.vite.config.ts']);
  }
  for (const step of steps) {
    const { code, output } = await run(node, step, { env: vite, show });
    if (code !== 0) {
      if (!show) process.stderr.write(output);
      throw new Stop('The build failed; the reason is above.');
    }
  }
  checkOutputs();
  writeFileSync(buildIdFile, `${JSON.stringify({ build: id })}\n`);
  writeFileSync(stampFile, hash);
}

function filesIn(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesIn(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`],
  );
}

function checkOutputs() {
  const missing = outputs.filter((path) => !existsSync(join(root, 'out', path)));
  if (missing.length > 0) throw new Stop(`The build left out: ${missing.map((path) => `out/${path}`).join(', ')}.`);
  // The bundler leaves an import of a missing file standing, which then points from out/ into src/.
  const programs = ['main', 'simulators'].flatMap((folder) =>
    filesIn(`out/${folder}`).filter((path) => path.endsWith('.js')),
  );
  for (const path of programs) {
    const left = /(?:from|import\()\s*["'](#[^"']+)["']/.exec(readFileSync(join(root, path), 'utf8'))?.[1];
    if (left !== undefined) throw new Stop(`${path} still imports ${left}, which does not exist.`);
  }
  const preload = readFileSync(join(root, 'out', 'preload', 'index.cjs'), 'utf8');
  // A sandboxed window loads nothing but CommonJS, and reports the difference only in its own console.
  if (/^\s*(import|export)\b/m.test(preload)) throw new Stop('out/preload/index.cjs is not CommonJS.');
  const required = [...preload.matchAll(/\brequire\(["']([^"']+)["']\)/g)].map((match) => match[1]);
  const foreign = required.filter((name) => name !== 'electron');
  if (foreign.length > 0)
    throw new Stop(`out/preload/index.cjs requires ${foreign.join(', ')}; a sandbox has only electron.`);
}

if (isMain(import.meta.url)) {
  await main(async () => {
    await build(setUp());
    console.log('Built out/.');
  });
}
