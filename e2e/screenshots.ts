import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { createRegisterImage, startModbusSimulator } from '#simulators/modbus/index.ts';
import { freePort } from '#test/support/free-port.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { startHost } from './fixtures/host.ts';
import { openScreen } from './fixtures/screen.ts';
import { connectionsOf } from './pages/connections.ts';
import { recordingsOf } from './pages/recordings.ts';
import { PAGES, shellOf } from './pages/shell.ts';
import { tagsOf } from './pages/tags.ts';
import { trendOf } from './pages/trend.ts';

// Pictures for people to look at: every page, its dialogs, and its empty and faulty states, in both themes and two
// sizes. `node e2e/screenshots.ts FOLDER` after a build.

const folder = process.argv[2];
if (folder === undefined) {
  console.error('Usage: node e2e/screenshots.ts FOLDER');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });

const SIZES = [
  { width: 1440, height: 900 },
  { width: 1920, height: 1080 },
] as const;
const LONG_NAME =
  'Hydraulic gap control of the fourth stand, drive side, servo valve position feedback filtered by the plant controller';

const data = mkdtempSync(join(tmpdir(), 'parx-pictures-'));
const browser = await launchBrowser(SIZES[0]);
const image = createRegisterImage({ everything: true });
const device = await startModbusSimulator({ units: { 1: image } });
const beat = setInterval(() => {
  const t = Date.now() / 1000;
  image.setRegisters(
    'holding',
    0,
    Array.from({ length: 50 }, (_, n) => Math.round(2000 + 1500 * Math.sin(t / (n + 2)))),
  );
}, 50);

/** The same view in both themes and both sizes. */
async function shoot(page: Page, name: string): Promise<void> {
  const shell = shellOf(page);
  for (const size of SIZES) {
    await page.setViewportSize(size);
    // A drawing and a table take a moment to have their new size; nothing in the page says when.
    await page.waitForTimeout(400);
    await page.screenshot({ path: join(folder as string, `${name}-${shade}-${size.width}.png`) });
  }
  await page.setViewportSize(SIZES[0]);
  await shell.rail.waitFor();
}
let shade: 'dark' | 'light' = 'dark';

async function empty(): Promise<void> {
  const host = await startHost(join(data, `empty-${shade}`), ['--no-demo']);
  const { page, close } = await openScreen(browser.context, host.url);
  const shell = shellOf(page);
  await shell.theme(shade === 'dark' ? 'Dark' : 'Light');
  for (const name of PAGES) {
    await shell.go(name);
    await shoot(page, `empty-${name.toLowerCase()}`);
  }
  await host.kill();
  await shell.lostBanner.waitFor();
  await shell.go('Overview');
  await shoot(page, 'engine-lost');
  await close();
}

async function full(): Promise<void> {
  const host = await startHost(join(data, `full-${shade}`));
  const { page, close } = await openScreen(browser.context, host.url);
  const shell = shellOf(page);
  const connections = connectionsOf(page);
  const tags = tagsOf(page);
  const trend = trendOf(page);
  const recordings = recordingsOf(page);
  await shell.theme(shade === 'dark' ? 'Dark' : 'Light');
  await shell.status.getByText('running').first().waitFor();

  await shell.go('Connections');
  await connections.begin();
  await shoot(page, 'connection-new');
  await connections.fill({ name: 'Hot strip mill, finishing train', host: '127.0.0.1', port: device.port });
  await connections.test('400001');
  await shoot(page, 'connection-test-passed');
  await connections.tab('Settings');
  await connections.save(true);
  await connections.begin();
  await connections.fill({ name: 'Press that is off', host: '127.0.0.1', port: await freePort() });
  await connections.test('400001');
  await shoot(page, 'connection-test-failed');
  await connections.tab('Settings');
  await connections.save(true);
  await connections.begin();
  await connections.fill({ name: 'Wrong', host: 'not a host!', port: 'x' });
  await connections.save(true);
  await shoot(page, 'connection-wrong-fields');
  await connections.form.getByRole('button', { name: 'Discard' }).click();

  const rows = Array.from(
    { length: 60 },
    (_, n) => `"${n === 0 ? LONG_NAME : `Gap force ${n}`}",${400_001 + n},uint16,kN`,
  );
  await shell.go('Tags');
  await tags.beginImport(
    'mill.csv',
    ['name,address,type,unit', ...rows, 'Broken,banana,uint16,', 'Gap force 3,400009,uint16,'].join('\n'),
    'Hot strip mill, finishing train / Device 1',
  );
  await shoot(page, 'tags-import');
  await tags.finishImport();
  await tags.beginImport(
    'press.csv',
    'name,address,type\nPress pressure,400001,uint16\n',
    'Press that is off / Device 1',
  );
  await tags.finishImport();
  await tags.search('');
  await shoot(page, 'tags');
  await tags.search('nothing is called this');
  await shoot(page, 'tags-none-found');
  await tags.search('');
  await page.getByRole('main').getByRole('button', { name: 'Add tags' }).click();
  await shoot(page, 'tags-add');
  await page.keyboard.press('Escape');

  await recordings.start('Coil 4711, first pass');
  for (const name of ['Overview', 'Connections', 'Recordings', 'Log'] as const) {
    await shell.go(name);
    await shoot(page, name.toLowerCase());
  }
  await shell.go('Connections');
  await connections.choose('Press that is off');
  await connections.tab('Status');
  await shoot(page, 'connection-lost');
  await connections.choose('Hot strip mill');
  await connections.tab('Status');
  await shoot(page, 'connection-running');

  await shell.go('Trend');
  await trend.following.waitFor();
  await shoot(page, 'trend-following');
  await trend.add(LONG_NAME);
  await trend.pause();
  await trend.plots.hover();
  await page.keyboard.press('a');
  await shoot(page, 'trend-paused-cursor');
  await trend.range.click();
  await shoot(page, 'trend-range');
  await page.keyboard.press('Escape');
  await trend.bar.getByRole('button', { name: 'Export what is visible' }).click();
  await shoot(page, 'trend-export');
  await page.keyboard.press('Escape');

  await recordings.stop();
  await shell.go('Recordings');
  await recordings.table.getByRole('row').filter({ hasText: 'Coil 4711' }).waitFor();
  await shoot(page, 'recordings-one');
  await page.keyboard.press('Alt+a');
  await shoot(page, 'alerts');
  await page.keyboard.press('Alt+a');
  await page.keyboard.press('Control+k');
  await shell.palette.fill('gap');
  await shoot(page, 'palette');
  await page.keyboard.press('Escape');
  await shell.go('Trend');
  await page.keyboard.press('?');
  await shoot(page, 'shortcuts');
  await close();
  await host.stop();
}

try {
  for (shade of ['dark', 'light'] as const) {
    await empty();
    await full();
  }
} finally {
  clearInterval(beat);
  await browser.close();
  await device.close();
  rmSync(data, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}
