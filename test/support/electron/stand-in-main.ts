import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import Module, { createRequire, registerHooks } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { lookFor } from '../requirements.mjs';
import { openPageWindow } from './page-window.ts';
import { createStandIn } from './stand-in.ts';

// Behaves as the Electron binary does towards who starts it: takes its command line (`-r file`, switches, the folder of
// the program), says where its two debuggers listen, and runs the program's main file, with `electron` being the
// stand-in. So a test that drives Electron drives this in the very same way.

const browserPath = lookFor('chromium');
if (!browserPath.found) throw new Error(browserPath.reason);
const profile = mkdtempSync(join(tmpdir(), 'parx-stand-in-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: browserPath.path,
  headless: true,
  viewport: { width: 1440, height: 900 },
  acceptDownloads: true,
  args: ['--remote-debugging-port=0', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
});
const [port, path] = readFileSync(join(profile, 'DevToolsActivePort'), 'utf8').split('\n');
process.stderr.write(`DevTools listening on ws://127.0.0.1:${port}${path}\n`);

const electron = createStandIn({
  openPage: (asked) => openPageWindow(context, asked),
  bootstrap: new URL('./utility-bootstrap.mjs', import.meta.url),
  exit() {
    void context.close().finally(() => {
      rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
      process.exit(0);
    });
  },
});
(globalThis as Record<string, unknown>).__electronStandIn = electron;
const source = `const m = globalThis.__electronStandIn; ${Object.keys(electron)
  .map((name) => `export const ${name} = m.${name};`)
  .join(' ')}`;
registerHooks({
  resolve: (specifier, where, next) =>
    specifier === 'electron'
      ? { url: 'electron:stand-in', shortCircuit: true, format: 'module' }
      : next(specifier, where),
  load: (url, where, next) =>
    url === 'electron:stand-in' ? { source, format: 'module', shortCircuit: true } : next(url, where),
});
// The debugger's console asks by `require`.
const loader = Module as unknown as { _load(request: string, ...rest: unknown[]): unknown };
const load = loader._load;
loader._load = (request, ...rest) => (request === 'electron' ? electron : load.call(Module, request, ...rest));

process.argv.splice(1, 1);
let at = 1;
for (; process.argv[at]?.startsWith('-') === true; at++) {
  if (process.argv[at] !== '-r') continue;
  at += 1;
  createRequire(import.meta.url)(process.argv[at]!);
  // It may have shortened the line.
  at = 0;
}
const folder = resolve(process.argv[at]!);
const { main } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { readonly main: string };
await import(pathToFileURL(join(folder, main)).href);
