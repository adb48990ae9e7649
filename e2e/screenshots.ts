import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
import { PAGES, type PageName, shellOf } from './pages/shell.ts';
import { tagsOf } from './pages/tags.ts';
import { trendOf } from './pages/trend.ts';
import { takeBackends } from './pictures-backends.ts';
import { takeGraphs } from './pictures-graphs.ts';
import { type Camera, takeLooking } from './pictures-looking.ts';
import { takeSending } from './pictures-sending.ts';

// Pictures for people to look at: every page, its dialogs, and its empty and faulty states, in both themes, pages in
// two sizes. `node e2e/screenshots.ts FOLDER [PART...]` after a build; without a part all of them. As root on Linux also
// what a full disk looks like.

const [folder, ...wanted] = process.argv.slice(2);
const PARTS = { empty, full, listening, looking, backends, graphs, sending, disk: fullDisk };
if (folder === undefined || wanted.some((part) => !Object.hasOwn(PARTS, part))) {
  console.error(`Usage: node e2e/screenshots.ts FOLDER [${Object.keys(PARTS).join('|')}...]`);
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
/** Has ten registers and refuses the others. */
const small = createRegisterImage();
small.define('holding', 0, 10);
const boiler = await startModbusSimulator({ units: { 1: small } });
const beat = setInterval(() => {
  const t = Date.now() / 1000;
  image.setRegisters(
    'holding',
    0,
    Array.from({ length: 50 }, (_, n) => Math.round(2000 + 1500 * Math.sin(t / (n + 2)))),
  );
}, 50);

/** The same view in both themes, and in both sizes or the given ones. */
async function shoot(page: Page, name: string, sizes: readonly (typeof SIZES)[number][] = SIZES): Promise<void> {
  const shell = shellOf(page);
  for (const size of sizes) {
    await page.setViewportSize(size);
    // A drawing and a table take a moment to have their new size; nothing in the page says when.
    await page.waitForTimeout(400);
    await page.screenshot({ path: join(folder as string, `${name}-${shade}-${size.width}.png`) });
  }
  await page.setViewportSize(SIZES[0]);
  await shell.rail.waitFor();
}
let shade: 'dark' | 'light' = 'dark';
const ONE_SIZE = [SIZES[0]] as const;

/** Opens a page as one does who then looks at it: without the rail's hint in front. */
async function show(page: Page, name: PageName): Promise<void> {
  await shellOf(page).go(name);
  await page.mouse.move(330, 12);
}

async function empty(): Promise<void> {
  const host = await startHost(join(data, `empty-${shade}`), ['--no-demo']);
  const { page, close } = await openScreen(browser.context, host.url);
  const shell = shellOf(page);
  await shell.theme(shade === 'dark' ? 'Dark' : 'Light');
  for (const name of PAGES) {
    await show(page, name);
    await shoot(page, `empty-${name.toLowerCase()}`);
  }
  await page.keyboard.press('Alt+b');
  await page.getByRole('main', { name: 'Browse' }).waitFor();
  await shoot(page, 'empty-browse', ONE_SIZE);
  await host.kill();
  await shell.lostBanner.waitFor();
  await show(page, 'Overview');
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

  await show(page, 'Connections');
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
  await connections.fill({ name: 'Boiler house', host: '127.0.0.1', port: boiler.port });
  await connections.save(true);
  await connections.row('Boiler house').first().waitFor();
  await connections.begin();
  await connections.fill({ name: 'Wrong', host: 'not a host!', port: 'x' });
  await connections.save(true);
  await shoot(page, 'connection-wrong-fields');
  await connections.form.getByRole('button', { name: 'Discard' }).click();

  const rows = Array.from(
    { length: 60 },
    (_, n) => `"${n === 0 ? LONG_NAME : `Gap force ${n}`}",${400_001 + n},uint16,kN`,
  );
  await show(page, 'Tags');
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
  await tags.beginImport(
    'boiler.csv',
    ['name,address,type', ...[1, 2, 12, 13].map((n) => `Boiler ${n},${400_000 + n},uint16`)].join('\n'),
    'Boiler house / Device 1',
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
    await show(page, name);
    await shoot(page, name.toLowerCase());
  }
  await show(page, 'Connections');
  await connections.choose('Press that is off');
  await connections.tab('Status');
  await shoot(page, 'connection-lost');
  await connections.choose('Hot strip mill');
  await connections.tab('Status');
  await shoot(page, 'connection-running');

  await show(page, 'Trend');
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
  await show(page, 'Recordings');
  await recordings.table.getByRole('row').filter({ hasText: 'Coil 4711' }).waitFor();
  await shoot(page, 'recordings-one');
  await page.keyboard.press('Alt+a');
  await shoot(page, 'alerts');
  await page.keyboard.press('Alt+a');
  await page.keyboard.press('Control+k');
  await shell.palette.fill('gap');
  await shoot(page, 'palette');
  await page.keyboard.press('Escape');
  await show(page, 'Trend');
  await page.keyboard.press('?');
  await shoot(page, 'shortcuts');
  await page.keyboard.press('Escape');

  await dialogs(page);
  await host.kill();
  await shell.lostBanner.waitFor();
  for (const name of ['Trend', 'Tags', 'Overview'] as const) {
    await show(page, name);
    await shoot(page, `engine-lost-${name.toLowerCase()}`, ONE_SIZE);
  }
  await close();
}

/** What lies over the pages, and states of them that a click brings. */
async function dialogs(page: Page): Promise<void> {
  const shell = shellOf(page);
  const connections = connectionsOf(page);
  const tags = tagsOf(page);
  const trend = trendOf(page);
  const main = page.getByRole('main');
  const shot = async (name: string, leave = true): Promise<void> => {
    await shoot(page, name, ONE_SIZE);
    if (leave) await page.keyboard.press('Escape');
  };

  const from = page.viewportSize() ?? SIZES[0];
  await trend.pause();
  await page.mouse.move(from.width - 150, 200);
  await trend.plots.focus();
  await page.keyboard.press('a');
  await page.mouse.move(from.width - 80, 200);
  await page.keyboard.press('b');
  await shot('trend-cursors', false);
  await page.mouse.click(from.width - 200, 200, { button: 'right' });
  await shot('trend-menu');
  await page.keyboard.press('s');
  await shot('trend-stacked', false);
  await page.keyboard.press('s');
  await page.keyboard.press('x');

  await show(page, 'Overview');
  await main.getByRole('button', { name: 'Choose' }).click();
  await shot('overview-choose');
  await page
    .getByRole('banner')
    .getByRole('button', { name: /^Project: / })
    .click();
  await shot('project');
  await page.keyboard.press('Alt+r');
  await shot('recording-start');

  await show(page, 'Tags');
  await tags.search('Press pressure');
  await tags.table.getByText('Press pressure').click();
  await shot('tags-lost', false);
  await tags.search('Boiler');
  await tags.table.getByText('Boiler 12').click();
  await shot('tags-bad', false);
  await tags.table.focus();
  await page.keyboard.press('Control+a');
  await shot('tags-several', false);
  await tags.search('');
  await main
    .getByRole('button', { name: /filter/i })
    .first()
    .click();
  await shot('tags-filters', false);
  await main
    .getByRole('button', { name: /filter/i })
    .first()
    .click();

  await show(page, 'Connections');
  await connections.choose('Hot strip mill');
  await connections.tab('Protocol log');
  await page.getByRole('listbox', { name: 'Packets' }).getByRole('option').nth(3).waitFor();
  await shot('connection-log', false);
  await connections.choose('Boiler');
  await connections.tab('Protocol log');
  // Registers that were refused are asked for again after ever longer pauses.
  await page.getByRole('option').filter({ hasText: 'exception 2' }).first().waitFor({ timeout: 90_000 });
  await shot('connection-log-trouble', false);
  await connections.tab('Status');
  await shot('connection-degraded', false);
  await connections.tab('Settings');
  await shot('connection-settings', false);

  await show(page, 'Recordings');
  await recordingsOf(page).table.getByText('Coil 4711').click();
  await shot('recordings-chosen', false);
  await page.keyboard.press('Delete');
  await shot('recording-delete');
  await main.getByRole('button', { name: 'Open a file' }).click();
  const open = page.getByRole('dialog', { name: 'Open a recording file' });
  await open.getByText('Copy the file').waitFor();
  await shot('recording-open');
  await main.getByRole('button', { name: 'Note' }).click();
  await shot('note');

  await show(page, 'Log');
  await page.getByRole('grid', { name: 'Log lines' }).getByText('refused the connection').first().click();
  await shot('log-line', false);
  await main.getByRole('button', { name: 'Levels' }).click();
  await page.getByLabel('Level of all modules').waitFor();
  await shot('log-levels');

  await show(page, 'Overview');
  for (let n = 0; n < 4; n++) await page.keyboard.press('Control+Alt++');
  await shot('text-150', false);
  await show(page, 'Tags');
  await shot('text-150-tags', false);
  await shell.run('Normal text size');
}

/** A protocol that is only listened to, and nobody who sends. */
async function listening(): Promise<void> {
  const host = await startHost(join(data, `listening-${shade}`), ['--no-demo']);
  const { page, close } = await openScreen(browser.context, host.url);
  const shell = shellOf(page);
  const connections = connectionsOf(page);
  const tags = tagsOf(page);
  const { form } = connections;
  await shell.theme(shade === 'dark' ? 'Dark' : 'Light');
  await show(page, 'Connections');
  await connections.begin();
  await form.getByLabel('Protocol', { exact: true }).selectOption({ label: 'GE EGD' });
  await shoot(page, 'egd-new');
  await form.getByLabel('Name', { exact: true }).fill('Drives, line 2');
  await form.getByLabel('Multicast groups', { exact: true }).fill('224.0.7.1\n10.0.0.1\n224.0.7.3');
  await form.getByLabel('Exchange id', { exact: true }).fill('-1');
  for (const group of ['Layout', 'Timing']) await form.locator('summary', { hasText: group }).click();
  await form.getByLabel('Data length', { exact: true }).fill('2000');
  await connections.save(true);
  await form.getByText(/need.* a correction/).waitFor();
  await shoot(page, 'egd-wrong-fields');
  await form.getByLabel('Multicast groups', { exact: true }).fill('224.0.7.1\n224.0.7.2\n224.0.7.3');
  await form.getByLabel('Port', { exact: true }).fill(String(await freePort()));
  await form.getByLabel('Producer id', { exact: true }).fill('127.0.0.1');
  await form.getByLabel('Exchange id', { exact: true }).fill('1');
  await form.getByLabel('Data length', { exact: true }).fill('64');
  await form.getByLabel('Time-out', { exact: true }).fill('400');
  await connections.test('12:float32');
  await shoot(page, 'egd-test-silent', ONE_SIZE);
  await connections.tab('Settings');
  await shoot(page, 'egd-filled', ONE_SIZE);
  await connections.save(true);
  await connections.row('Drives, line 2').first().waitFor();

  await show(page, 'Tags');
  await page.getByRole('main').getByRole('button', { name: 'Add tags' }).first().click();
  const add = page.getByRole('dialog', { name: 'Add tags' });
  await add.getByLabel('Name', { exact: true }).fill('Drive speed 1');
  await add.getByLabel('Address', { exact: true }).fill('0:float32');
  await add.getByLabel('How many').fill('20');
  await add.getByText('Ways to write an address').click();
  await add.getByText('data byte 0').first().waitFor();
  await shoot(page, 'egd-tags-add', ONE_SIZE);
  await add.getByLabel('How many').fill('5');
  await add.getByRole('button', { name: 'Add 5 tags' }).click();
  await add.waitFor({ state: 'hidden' });
  await tags.table.getByText('Drive speed 2').click();
  await shoot(page, 'egd-tags', ONE_SIZE);
  await show(page, 'Connections');
  await connections.choose('Drives, line 2');
  await connections.tab('Status');
  await connections.panel.getByText('Lost').first().waitFor();
  await shoot(page, 'egd-silent', ONE_SIZE);
  await close();
  await host.kill();
}

const camera = (): Camera => ({
  context: browser.context,
  folder: data,
  shade,
  shoot: (page, name, sizes = 'all') => shoot(page, name, sizes === 'all' ? SIZES : ONE_SIZE),
});

/** What devices have, and closer looks at them. */
function looking(): Promise<void> {
  return takeLooking(camera());
}

/** Sources, their tables and their states. Needs PostgreSQL. */
function backends(): Promise<void> {
  return takeBackends(camera());
}

function sending(): Promise<void> {
  return takeSending(camera());
}

/** Graphs and a trend of a plant's source. Needs PostgreSQL. */
function graphs(): Promise<void> {
  return takeGraphs(camera());
}

/** The recorder has no room left. Needs a file system of its own, so root. */
async function fullDisk(): Promise<void> {
  const disk = join(data, `disk-${shade}`);
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'parx-pictures', disk]);
  try {
    const host = await startHost(disk, ['--no-demo']);
    const { page, close } = await openScreen(browser.context, host.url);
    const shell = shellOf(page);
    await shell.theme(shade === 'dark' ? 'Dark' : 'Light');
    const connections = connectionsOf(page);
    await show(page, 'Connections');
    await connections.begin();
    // Fast enough to use up what the history has reserved for itself on the disk.
    await connections.fill({ name: 'Fast', host: '127.0.0.1', port: device.port });
    await connections.save(true);
    await connections.row('Fast').first().waitFor();
    await show(page, 'Tags');
    const fast = Array.from({ length: 1000 }, (_, n) => `Fast ${n},${400_001 + n},uint16,50`);
    await tagsOf(page).beginImport('fast.csv', ['name,address,type,period_ms', ...fast].join('\n'), 'Fast / Device 1');
    await tagsOf(page).finishImport();
    await recordingsOf(page).start('Coil 4712');
    for (const bytes of [1 << 20, 4096]) {
      try {
        for (let n = 0; ; n++) writeFileSync(join(disk, `fill-${bytes}-${n}`), new Uint8Array(bytes));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    }
    await page.getByRole('banner').getByText('PAUSED').waitFor({ timeout: 60_000 });
    await show(page, 'Recordings');
    await page.keyboard.press('Alt+a');
    await shoot(page, 'disk-full', ONE_SIZE);
    await close();
    await host.kill();
  } finally {
    execFileSync('umount', ['-l', disk]);
  }
}

try {
  for (shade of ['dark', 'light'] as const) {
    for (const [name, take] of Object.entries(PARTS)) {
      if (wanted.length > 0 && !wanted.includes(name)) continue;
      if (take === fullDisk && process.getuid?.() !== 0) console.log('Not root: no pictures of a full disk.');
      else await take();
    }
  }
} finally {
  clearInterval(beat);
  await browser.close();
  await device.close();
  await boiler.close();
  rmSync(data, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}
