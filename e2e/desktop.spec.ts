import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openPageWindow } from '#test/support/electron/page-window.ts';
import { createStandIn, type Recorded } from '#test/support/electron/stand-in.ts';
import { needs } from '#test/support/needs.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { launchBrowser } from './fixtures/browser.ts';

// The built main and preload bundles run for real; only the `electron` module is a stand-in (see its file), and the
// window's page lives in a real Chromium.

const out = fileURLToPath(new URL('../out/', import.meta.url));
const folder = suiteDirectory();

describe.skipIf(needs('chromium'))('the desktop host', () => {
  let recorded: Recorded;
  let closeBrowser: () => Promise<void>;

  beforeAll(async () => {
    const browser = await launchBrowser();
    closeBrowser = browser.close;
    const standIn = createStandIn({
      openPage: (handler, preload) => openPageWindow(browser.context, handler, preload),
      bootstrap: new URL('../test/support/electron/utility-bootstrap.mjs', import.meta.url),
    });
    recorded = standIn.recorded;
    (globalThis as Record<string, unknown>).__electronStandIn = standIn.module;
    const names = Object.keys(standIn.module);
    const source = `const m = globalThis.__electronStandIn; ${names.map((name) => `export const ${name} = m.${name};`).join(' ')}`;
    registerHooks({
      resolve: (specifier, context, next) =>
        specifier === 'electron'
          ? { url: 'electron:stand-in', shortCircuit: true, format: 'module' }
          : next(specifier, context),
      load: (url, context, next) =>
        url === 'electron:stand-in' ? { source, format: 'module', shortCircuit: true } : next(url, context),
    });
    process.argv = [process.argv[0]!, out, '--data', folder.path];
    const { nativeImport } = createRequire(import.meta.url)('../test/support/electron/native-import.cjs') as {
      nativeImport(url: string): Promise<unknown>;
    };
    await nativeImport(pathToFileURL(join(out, 'main/index.js')).href);
    await vi.waitFor(() => expect(recorded.windows).toHaveLength(1), { timeout: 20_000 });
  }, 60_000);
  afterAll(() => closeBrowser());

  const page = () => recorded.windows[0]!.page.page;
  const status = async (): Promise<string> => (await page().getByRole('contentinfo').textContent()) ?? '';
  const samplesPerSecond = async (): Promise<number> =>
    Number(/samples\/s\s*([\d\u2009,.]+)/.exec(await status())?.[1]?.replace(/[^\d.]/g, '') ?? 0);

  it('opens its window sandboxed and isolated, with a CommonJS preload that requires nothing but electron', () => {
    const { webPreferences } = recorded.windows[0]!.options;
    expect(webPreferences).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
    });
    expect(webPreferences?.preload).toMatch(/preload[\\/]index\.cjs$/);
    const preload = readFileSync(webPreferences!.preload!, 'utf8');
    expect([...preload.matchAll(/require\(["'`](.+?)["'`]\)/g)].map((match) => match[1])).toEqual(['electron']);
    expect(preload).not.toMatch(/^\s*(import|export)\b/m);
  });

  it('serves its own files with a policy without inline script, and nothing outside its folder', async () => {
    expect(recorded.schemes).toEqual([
      { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
    ]);
    const serve = recorded.protocolHandler();
    const index = await serve(new Request('app://parx/'));
    const policy = index.headers.get('content-security-policy') ?? '';
    expect(index.status).toBe(200);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toContain('unsafe-eval');
    for (const path of ['/../main/index.js', '/%2e%2e/main/index.js', '/..%2f..%2fpackage.json', '/nothing.js', '/%']) {
      expect((await serve(new Request(`app://parx${path}`))).status, path).toBe(404);
    }
    expect((await serve(new Request('app://other/index.html'))).status).toBe(404);
  });

  it('denies permissions, new windows and navigation', () => {
    expect(recorded.permissionAsked('media')).toBe(false);
    expect(recorded.permissionChecked('geolocation')).toBe(false);
    expect(recorded.windowOpen('https://example.org')).toBe('deny');
    expect(recorded.navigationPrevented()).toBe(true);
  });

  it('has the menu entries people look for', () => {
    const labels = recorded.menus
      .flat()
      .flatMap((entry) => (Array.isArray(entry.submenu) ? entry.submenu.map((item) => item.label) : []));
    expect(labels).toEqual(expect.arrayContaining(['New window', 'Open recording…', 'Save project as…']));
  });

  it('hands the page one port, over which the state of the demo line arrives', async () => {
    await expect.poll(status, { timeout: 30_000 }).toMatch(/Demo rolling mill\s*running/);
    await expect.poll(samplesPerSecond, { timeout: 30_000 }).toBeGreaterThan(100);
    const leaked = await page().evaluate(() =>
      Object.keys(globalThis).filter((name) => /electron|ipc|require|^process$/i.test(name)),
    );
    expect(leaked).toEqual([]);
  });

  it('asks before the last window closes while something is recorded, and keeps the computer awake', async () => {
    expect(recorded.awake.size).toBe(0);
    await page().getByRole('button', { name: 'Record', exact: true }).click();
    await page().getByRole('dialog').locator('button[type=submit]').click();
    await expect.poll(() => recorded.awake.size, { timeout: 10_000 }).toBe(1);
    recorded.answers.messageBox = 0;
    expect(recorded.closeWindow(0)).toBe(false);
    expect(await recorded.quit(500)).toBe(false);
    await page().getByRole('group', { name: 'Recording' }).getByRole('button', { name: /stop/i }).click();
    await expect.poll(() => recorded.awake.size, { timeout: 20_000 }).toBe(0);
  });

  it('opens a recording and saves the project where the native dialogs say', async () => {
    const [file] = readdirSync(join(folder.path, 'recordings'));
    recorded.answers.openPath = join(folder.path, 'recordings', file!);
    recorded.choose('Open recording…');
    await page().evaluate(() => {
      location.hash = '#/recordings';
    });
    await expect.poll(() => page().getByRole('main').textContent(), { timeout: 10_000 }).toMatch(/close/i);
    recorded.answers.savePath = join(folder.path, 'copy.parxproject');
    recorded.choose('Save project as…');
    await expect.poll(() => existsSync(recorded.answers.savePath!), { timeout: 10_000 }).toBe(true);
    expect(recorded.errorBoxes).toEqual([]);
  });

  it('starts a dead engine again, and the page goes on by itself with what comes after', async () => {
    await recorded.crashEngine();
    await expect.poll(() => recorded.engineStarts, { timeout: 10_000 }).toBe(2);
    await page().evaluate(() => {
      location.hash = '#/';
    });
    // Written by the new engine into the history, so that it can only have come over the new port.
    await expect.poll(() => page().getByRole('main').textContent(), { timeout: 30_000 }).toContain('ParX started.');
    await expect.poll(samplesPerSecond, { timeout: 30_000 }).toBeGreaterThan(100);
    expect(recorded.errorBoxes).toEqual([]);
  });

  it('seals everything and ends when it is told to', async () => {
    recorded.answers.messageBox = 1;
    expect(await recorded.quit(15_000)).toBe(true);
    expect(readdirSync(folder.path).filter((name) => /^history\.parx./.test(name))).toEqual([]);
    expect(recorded.errorBoxes).toEqual([]);
  });
});
