// Whether a window can be opened here: the Electron runtime that is installed, or fetched now within a bounded time.
import { readFileSync } from 'node:fs';
import { electronBinary } from '../test/support/requirements.mjs';
import { packageFile, run } from './setup.mjs';

/** A download that runs gets this long; one that does not answer at all is given up after seconds. */
const downloadMs = 5 * 60_000;
const answerMs = 5_000;

/** The path of the Electron program, or the reason why there is no window. Nothing is remembered for the next start. */
export async function findElectron({ node, env }) {
  if (process.platform === 'linux') {
    if (!env.DISPLAY && !env.WAYLAND_DISPLAY) return { reason: 'there is no display' };
    if (process.getuid() === 0) return { reason: "Electron's sandbox does not run as root" };
  }
  const installed = electronBinary();
  if (installed !== undefined) return { path: installed };
  if (env.ELECTRON_SKIP_BINARY_DOWNLOAD) return { reason: 'the Electron runtime is not installed' };

  const { version } = JSON.parse(readFileSync(packageFile('electron', 'package.json'), 'utf8'));
  console.log(`Fetching the Electron runtime ${version} (about 120 MB, once) ...`);
  const settings = { ...env, NODE_USE_ENV_PROXY: '1', ELECTRON_GET_USE_PROXY: 'true' };
  const reached = await run(node, ['--eval', probe(version, env)], { env: settings, show: false });
  // Without an answer it may still lie in Electron's cache, which takes no time.
  const timeoutMs = reached.code === 0 ? downloadMs : answerMs;
  await run(node, [packageFile('electron', 'install.js')], { env: settings, show: false, timeoutMs });
  const fetched = electronBinary();
  return fetched === undefined ? { reason: 'the Electron runtime could not be fetched' } : { path: fetched };
}

/** A program that ends with 0 when the place Electron comes from answers. */
function probe(version, env) {
  const mirror = env.ELECTRON_MIRROR ?? env.npm_config_electron_mirror;
  const base = mirror ?? 'https://github.com/electron/electron/releases/download/';
  const url = `${base.replace(/\/?$/, '/')}v${version}/SHASUMS256.txt`;
  return `fetch(${JSON.stringify(url)}, { method: 'HEAD', signal: AbortSignal.timeout(${answerMs}) })
    .then(() => process.exit(0), () => process.exit(1));`;
}
