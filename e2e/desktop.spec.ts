import { copyFileSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs, unless } from '#test/support/needs.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { type Desktop, startDesktop } from './fixtures/desktop.ts';
import { recordingsOf } from './pages/recordings.ts';

// The built main and preload bundles, driven in the same steps on the real Electron, where it is there, and on a
// stand-in for its `electron` module, whose window is a page of a real Chromium. Either is started and driven by
// Playwright's own driver for Electron.

const screenless =
  process.platform === 'linux' && process.env.DISPLAY === undefined && process.env.WAYLAND_DISPLAY === undefined;

describe.skipIf(needs('chromium'))('the desktop host on the stand-in for Electron', () => stepsOn('stand-in'));
describe.skipIf(needs('electron') || unless(!screenless, 'Electron needs a display: run with xvfb-run'))(
  'the desktop host on Electron',
  () => stepsOn('electron'),
);

function stepsOn(kind: 'stand-in' | 'electron'): void {
  const folder = suiteDirectory();
  let desktop: Desktop;
  let page: Page;

  beforeAll(async () => {
    desktop = await startDesktop(kind, folder.path);
    page = await desktop.page();
  }, 60_000);
  afterAll(() => desktop.end());

  const status = async (): Promise<string> => (await page.getByRole('contentinfo').textContent()) ?? '';
  const samplesPerSecond = async (): Promise<number> =>
    Number(/samples\/s\s*([\d\u2009,.]+)/.exec(await status())?.[1]?.replace(/[^\d.]/g, '') ?? 0);
  const go = (to: string): Promise<void> =>
    page.evaluate((hash) => {
      location.hash = hash;
    }, to);

  it('opens its window sandboxed and isolated, with a CommonJS preload that requires nothing but electron', async () => {
    const preferences = await desktop.app.evaluate(({ BrowserWindow }) =>
      (
        BrowserWindow.getAllWindows()[0]!.webContents as unknown as {
          getLastWebPreferences(): Record<string, unknown>;
        }
      ).getLastWebPreferences(),
    );
    expect(preferences).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
    });
    expect(preferences.preload).toMatch(/preload[\\/]index\.cjs$/);
    const preload = readFileSync(String(preferences.preload), 'utf8');
    expect([...preload.matchAll(/require\(["'`](.+?)["'`]\)/g)].map((match) => match[1])).toEqual(['electron']);
    expect(preload).not.toMatch(/^\s*(import|export)\b/m);
  });

  it('serves its own files with a policy without inline script, and nothing outside its folder', async () => {
    const ask = (url: string): Promise<{ status: number; policy: string }> =>
      desktop.app.evaluate(async ({ net }, asked) => {
        const answer = await net.fetch(asked);
        return { status: answer.status, policy: answer.headers.get('content-security-policy') ?? '' };
      }, url);
    const index = await ask('app://parx/');
    expect(index.status).toBe(200);
    expect(index.policy).toContain("default-src 'none'");
    expect(index.policy).toContain("script-src 'self';");
    expect(index.policy).not.toContain('unsafe-eval');
    for (const path of ['/../main/index.js', '/%2e%2e/main/index.js', '/..%2f..%2fpackage.json', '/nothing.js', '/%']) {
      expect((await ask(`app://parx${path}`)).status, path).toBe(404);
    }
    expect((await ask('app://other/index.html')).status).toBe(404);
    expect(await page.evaluate(() => isSecureContext)).toBe(true);
  });

  it('denies permissions, new windows and navigation', async () => {
    const states = await page.evaluate(async () => {
      const names = ['geolocation', 'notifications', 'clipboard-read'] as PermissionName[];
      return Promise.all(names.map(async (name) => (await navigator.permissions.query({ name })).state));
    });
    expect(states).toEqual(['denied', 'denied', 'denied']);
    expect(await page.evaluate(() => window.open('https://example.org'))).toBeNull();
    expect(await desktop.windows()).toBe(1);
    const prevented = await desktop.app.evaluate(({ BrowserWindow }) => {
      let stopped = false;
      const event = { preventDefault: () => void (stopped = true) };
      (BrowserWindow.getAllWindows()[0]!.webContents as unknown as NodeJS.EventEmitter).emit('will-navigate', event);
      return stopped;
    });
    expect(prevented).toBe(true);
  });

  it('has the menu entries people look for', async () => {
    expect(await desktop.menuLabels()).toEqual(
      expect.arrayContaining(['New window', 'Open recording…', 'Save project as…']),
    );
  });

  it('hands the page one port, over which the state of the demo line arrives', async () => {
    await expect.poll(status, { timeout: 30_000 }).toMatch(/Demo rolling mill\s*running/);
    await expect.poll(samplesPerSecond, { timeout: 30_000 }).toBeGreaterThan(100);
    const leaked = await page.evaluate(() =>
      Object.keys(globalThis).filter((name) => /electron|ipc|require|^process$/i.test(name)),
    );
    expect(leaked).toEqual([]);
  });

  it('saves what a page has made where the dialog says, and nothing from elsewhere', async () => {
    const path = join(folder.path, 'tags.csv');
    await desktop.answer({ savePath: path });
    await go('#/tags');
    await page
      .getByRole('main')
      .getByRole('button', { name: /export/i })
      .first()
      .click();
    await expect.poll(() => existsSync(path) && statSync(path).size > 0, { timeout: 10_000 }).toBe(true);
    expect(readFileSync(path, 'utf8')).toMatch(/^\uFEFF?name,connection,device,address/);
    await page.evaluate(() => {
      const link = document.createElement('a');
      link.href = 'data:text/plain,foreign';
      link.download = 'foreign.txt';
      link.click();
    });
    await expect
      .poll(() => desktop.downloads(), { timeout: 10_000 })
      .toEqual([
        { refused: false, title: 'Save as' },
        { refused: true, title: '' },
      ]);
    expect(await desktop.errors()).toEqual([]);
  });

  it('puts the picture of a trend on the clipboard', async () => {
    await go('#/trend');
    // By its key, which is a gesture of the user as the clipboard wants it.
    await page.getByRole('application', { name: /^Trend "/ }).focus();
    await page.keyboard.press('ControlOrMeta+c');
    await page.getByText('The picture is on the clipboard.').first().waitFor({ timeout: 10_000 });
    expect(await desktop.downloads()).toHaveLength(2);
  });

  it('asks before the last window closes while something is recorded, and keeps the computer awake', async () => {
    expect(await desktop.awake()).toBe(false);
    await page.getByRole('button', { name: 'Record', exact: true }).click();
    await page.getByRole('dialog').locator('button[type=submit]').click();
    await expect.poll(() => desktop.awake(), { timeout: 10_000 }).toBe(true);
    await desktop.answer({ messageBox: 0 });
    expect(await desktop.refusesSessionEnd()).toBe(true);
    await desktop.closeWindow();
    await desktop.quit();
    // None of them had an effect: the recording can be stopped in the same window.
    await page.getByRole('group', { name: 'Recording' }).getByRole('button', { name: /stop/i }).click();
    await expect.poll(() => desktop.awake(), { timeout: 20_000 }).toBe(false);
    expect(await desktop.refusesSessionEnd()).toBe(false);
    expect(await desktop.windows()).toBe(1);
  });

  it('opens a recording and saves the project where the native dialogs say', async () => {
    const [file] = readdirSync(join(folder.path, 'recordings'));
    await desktop.answer({
      openPath: join(folder.path, 'recordings', file!),
      savePath: join(folder.path, 'copy.parxproject'),
    });
    await desktop.choose('Open recording…');
    await go('#/recordings');
    await recordingsOf(page).table.getByRole('row').getByText('Open', { exact: true }).waitFor({ timeout: 10_000 });
    await desktop.choose('Save project as…');
    await expect.poll(() => existsSync(join(folder.path, 'copy.parxproject')), { timeout: 10_000 }).toBe(true);
    expect(await desktop.errors()).toEqual([]);
  });

  it('opens what a second start or a double-click hands over', async () => {
    const [file = ''] = readdirSync(join(folder.path, 'recordings'));
    const handed = ['by-second-start.parx', 'By double-click.PARX'];
    for (const name of handed) copyFileSync(join(folder.path, 'recordings', file), join(folder.path, name));
    await desktop.app.evaluate(
      ({ app }, { directory, names: [first, second] }) => {
        const emitter = app as unknown as NodeJS.EventEmitter;
        // A command line has paths as they were typed where it was typed.
        emitter.emit('second-instance', {}, ['parx', first], directory);
        emitter.emit('open-file', { preventDefault: () => undefined }, `${directory}/${second}`);
      },
      { directory: folder.path, names: handed },
    );
    const open = recordingsOf(page).table.getByRole('row').getByText('Open', { exact: true });
    await expect.poll(() => open.count(), { timeout: 10_000 }).toBe(3);
    expect(await desktop.errors()).toEqual([]);
  });

  it('starts a dead engine again, and the page goes on by itself with what comes after', async () => {
    const before = await desktop.enginePid();
    expect(before).toBeGreaterThan(0);
    await desktop.app.evaluate((_electronModule, pid) => process.kill(pid, 'SIGKILL'), before);
    const after = async (): Promise<number> => {
      const pid = await desktop.enginePid();
      return pid === before ? 0 : pid;
    };
    await expect.poll(after, { timeout: 10_000 }).toBeGreaterThan(0);
    await go('#/');
    // Written by the new engine into the history, so that it can only have come over the new port.
    await expect.poll(() => page.getByRole('main').textContent(), { timeout: 30_000 }).toContain('ParX started.');
    await expect.poll(samplesPerSecond, { timeout: 30_000 }).toBeGreaterThan(100);
    expect(await desktop.errors()).toEqual([]);
  });

  it('seals everything and ends when it is told to', async () => {
    await desktop.answer({ messageBox: 1 });
    expect(await desktop.errors()).toEqual([]);
    await desktop.quit();
    expect(await desktop.ended).toBe(0);
    expect(readdirSync(folder.path).filter((name) => /^(history\.parx.|running)/.test(name))).toEqual([]);
  }, 30_000);
}
