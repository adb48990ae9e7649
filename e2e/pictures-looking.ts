import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { startEgdProducer } from '#simulators/egd/index.ts';
import { createTagMemory, startEipSimulator } from '#simulators/ethernet-ip/index.ts';
import { createRegisterImage, startModbusSimulator } from '#simulators/modbus/index.ts';
import { makeConnection, makeDevice, makeTag } from '#test/support/documents.ts';
import { startEngine } from '#test/support/engine.ts';
import { freePort, freeUdpPort } from '#test/support/free-port.ts';
import { startHost } from './fixtures/host.ts';
import { openScreen } from './fixtures/screen.ts';
import { connectionsOf } from './pages/connections.ts';
import { shellOf } from './pages/shell.ts';
import { tagsOf } from './pages/tags.ts';

/** What takes the pictures, in the theme of this round. */
export interface Camera {
  readonly context: BrowserContext;
  readonly folder: string;
  readonly shade: 'dark' | 'light';
  /** Of the page as it stands; `sizes` are all, or the first alone. */
  shoot(page: Page, name: string, sizes?: 'all' | 'one'): Promise<void>;
}

const LONG = 'Hydraulic gap control of the fourth stand, drive side, position feedback of the servo valve';

/** Devices that have much to show, and one of each that has nothing. */
async function plant() {
  const memory = createTagMemory();
  memory.defineType('AxisDriveStatusAndCommandWordsOfSupplier', [
    { name: 'Running', type: 'BOOL' },
    { name: 'Faulted', type: 'BOOL' },
    { name: 'Current', type: 'REAL' },
    { name: 'Torque_reference_after_ramp_and_sharing', type: 'REAL' },
  ]);
  memory.defineType('Reel', [
    { name: 'Drives', type: 'AxisDriveStatusAndCommandWordsOfSupplier', length: 2 },
    { name: 'Name', type: 'STRING' },
    { name: 'Length', type: 'LINT' },
  ]);
  memory.define('Reels', 'Reel', [3]);
  memory.define('Strip_speed', 'REAL');
  memory.define('Thickness_profile', 'REAL', [4, 8]);
  memory.define('Interlocks', 'BOOL', [64]);
  memory.define('Gap_control_stand_4_drive_side_filtered', 'REAL');
  memory.define('Program:Main.Count', 'DINT');
  memory.define('Program:Hydraulics.Pressure', 'REAL');
  for (let n = 0; n < 400; n++) memory.define(`Z_spare_${String(n).padStart(3, '0')}`, 'DINT');
  const controller = await startEipSimulator({ memory });
  const image = createRegisterImage();
  image.define('holding', 95, 40);
  image.define('holding', 400, 120);
  image.define('coil', 16, 9);
  image.setRegisters('input', 500, [11, 22, 33]);
  const oven = await startModbusSimulator({ units: { 1: image } });
  const data = Buffer.alloc(64);
  const egdPort = await freeUdpPort();
  const producer = await startEgdProducer({
    producerId: '10.1.2.3',
    port: egdPort,
    exchanges: [
      { id: 7, periodMs: 50, data, signature: 0x0102 },
      { id: 8, periodMs: 500, data: Buffer.alloc(1400) },
    ],
  });
  producer.faults = { clockAheadS: 3 };
  const view = new DataView(new ArrayBuffer(4));
  let step = 0;
  let moves = true;
  const moving = setInterval(() => {
    step++;
    if (!moves) return;
    view.setFloat32(0, 812 + 20 * Math.sin(step / 9) + Math.random());
    image.setRegisters('holding', 100, [view.getUint16(2), view.getUint16(0)]);
    data.writeFloatLE(12.5 + Math.sin(step / 20), 4);
    data.writeInt16LE(step % 3000, 8);
    data[20] = step & 0xff;
    data[40] = step & 8 ? 1 : 0;
  }, 100);
  return {
    controller,
    oven,
    producer,
    egdPort,
    hold: (still: boolean): void => void (moves = !still),
    async close(): Promise<void> {
      clearInterval(moving);
      await Promise.all([controller.close(), oven.close(), producer.close()]);
    },
  };
}
type Plant = Awaited<ReturnType<typeof plant>>;

async function project(folder: string, { controller, oven, egdPort }: Plant): Promise<void> {
  const { engine, client } = await startEngine(folder);
  const cip = { connectTimeoutMs: 1_000, host: '127.0.0.1' };
  const documents = [
    [
      'connection',
      makeConnection({
        id: 'logix',
        name: 'Finishing train, Logix',
        protocol: 'ethernet-ip',
        settings: { ...cip, port: controller.port },
      }),
    ],
    ['device', makeDevice({ id: 'plc', connectionId: 'logix', name: 'Main controller', settings: { route: '1,0' } })],
    [
      'connection',
      makeConnection({
        id: 'off',
        name: 'Controller that is not there',
        protocol: 'ethernet-ip',
        settings: { ...cip, port: await freePort() },
      }),
    ],
    ['device', makeDevice({ id: 'away', connectionId: 'off', name: 'Away', settings: { route: '1,0' } })],
    ['connection', makeConnection({ id: 'egd', name: 'Producers', protocol: 'egd', settings: { port: egdPort } })],
    [
      'connection',
      makeConnection({ id: 'silent', name: 'Nobody sends', protocol: 'egd', settings: { port: await freeUdpPort() } }),
    ],
    ['connection', makeConnection({ id: 'oven', name: 'Oven', settings: { host: '127.0.0.1', port: oven.port } })],
    ['device', makeDevice({ id: 'oven-1', connectionId: 'oven', name: 'Zone controller' })],
    ['device', makeDevice({ id: 'oven-9', connectionId: 'oven', name: `${LONG} 9`, settings: { unitId: 9 } })],
    [
      'tag',
      makeTag({ id: 'zone', deviceId: 'oven-1', name: 'Zone 1', address: '400101', type: 'float32', unit: '°C' }),
    ],
    ['tag', makeTag({ id: 'bad', deviceId: 'oven-1', name: LONG, address: '400131', type: 'float64' })],
    ['tag', makeTag({ id: 'far', deviceId: 'oven-9', name: 'Behind the gateway', address: '400001' })],
  ] as const;
  await client().project.commit({
    changes: documents.map(([kind, document]) => ({ kind, id: document.id, document, expected: null })),
  });
  await engine.stop();
}

/** Browsing devices, their bytes, scans, types and orders, lists of other programs, packets, links, abilities. */
export async function takeLooking(camera: Camera): Promise<void> {
  const there = await plant();
  const folder = join(camera.folder, `looking-${camera.shade}`);
  await project(folder, there);
  const host = await startHost(folder, ['--no-demo']);
  const { page, close } = await openScreen(camera.context, host.url);
  try {
    await shellOf(page).theme(camera.shade === 'dark' ? 'Dark' : 'Light');
    await page.mouse.move(330, 12);
    await browsing(page, camera, there);
    await bytes(page, camera);
    await scanning(page, camera, there);
    await resolving(page, camera, there);
    await importing(page, camera);
    await packets(page, camera);
    await links(page, camera);
    await abilities(page, camera);
  } finally {
    await close();
    await host.kill();
    await there.close();
  }
}

const main = (page: Page) => page.getByRole('main');
const node = (page: Page, name: RegExp) => page.getByRole('tree').getByRole('treeitem', { name });
async function browse(page: Page, id: string): Promise<void> {
  await page.getByLabel('Connection', { exact: true }).selectOption(id);
}

async function browsing(page: Page, { shoot }: Camera, { controller }: Plant): Promise<void> {
  await page.keyboard.press('Alt+b');
  await main(page).getByRole('heading', { name: 'Browse' }).waitFor();
  await browse(page, 'off');
  await main(page).getByText("can't be browsed").waitFor({ timeout: 30_000 });
  await shoot(page, 'browse-failed', 'one');
  await browse(page, 'silent');
  await main(page).getByText('Nothing heard yet').waitFor();
  await shoot(page, 'browse-silent', 'one');
  await browse(page, 'logix');
  await node(page, /1756-L83E/).waitFor();
  await page.getByRole('tree').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  await node(page, /^Reels/).waitFor();
  await shoot(page, 'browse');
  controller.faults = { delayMs: 1_500 };
  await node(page, /^Program:Main/).click();
  await page.keyboard.press('ArrowRight');
  await shoot(page, 'browse-asking', 'one');
  await node(page, /^Count/).waitFor();
  controller.faults = {};
  await node(page, /^Reels/)
    .first()
    .locator('input')
    .click();
  await page.getByRole('form', { name: 'Tags to add' }).waitFor();
  await node(page, /^Gap_control/)
    .locator('input')
    .click();
  await page
    .getByRole('form', { name: 'Tags to add' })
    .getByRole('button', { name: /^Add \d+ tags/ })
    .waitFor();
  await shoot(page, 'browse-ticked');
  await page.getByLabel('Period', { exact: true }).fill('soon');
  await shoot(page, 'browse-wrong-period', 'one');
  await page.getByLabel('Period', { exact: true }).fill('500 ms');
  await page
    .getByRole('form', { name: 'Tags to add' })
    .getByRole('button', { name: /^Add \d+ tags/ })
    .click();
  await page.getByText(/tags added\./).waitFor();
  await node(page, /^Gap_control/)
    .locator('input')
    .click();
  await shoot(page, 'browse-known', 'one');
  const search = main(page).getByRole('searchbox', { name: 'Search what is loaded' });
  await search.fill('torque');
  await shoot(page, 'browse-search', 'one');
  await search.fill('nothing is called this');
  await shoot(page, 'browse-none-found', 'one');
  await search.fill('');
  controller.faults = { silent: true };
  controller.disconnectAll();
  await node(page, /^Program:Hydraulics/).click();
  await page.keyboard.press('ArrowRight');
  await page.locator('.browse-note.field-error').first().waitFor({ timeout: 20_000 });
  await shoot(page, 'browse-list-failed', 'one');
  await page.keyboard.press('r');
  await main(page).getByRole('button', { name: 'Ask again' }).waitFor();
  await shoot(page, 'browse-lost', 'one');
  controller.faults = {};
}

async function bytes(page: Page, { shoot }: Camera): Promise<void> {
  await browse(page, 'egd');
  await node(page, /^10\.1\.2\.3 producer/).click();
  await page.keyboard.press('ArrowRight');
  await node(page, /^Exchange 7/).click();
  await page.getByRole('grid', { name: 'Bytes' }).waitFor();
  await shoot(page, 'bytes-new');
  await main(page).getByRole('button', { name: 'Create the device' }).click();
  await page.getByText(/^Device ".*" added\./).waitFor();
  const add = async (offset: number, reading: string, name: string): Promise<void> => {
    await page.locator(`[data-offset="${offset}"]`).click();
    await page.getByRole('radiogroup').getByText(reading, { exact: true }).click();
    await page.getByLabel('Name', { exact: true }).fill(name);
    await main(page).getByRole('button', { name: 'Add the tag' }).click();
    await page.getByText(`Tag "${name}" added.`).waitFor();
  };
  await add(4, 'float32 DCBA', 'Tension 1');
  await add(8, 'int16 BADC', 'Speed of the coiler');
  await add(20, 'uint8', 'Counter of the gap control');
  await page.locator('[data-offset="40"]').click();
  await page.waitForTimeout(1_200);
  await shoot(page, 'bytes');
  await node(page, /^Exchange 8/).click();
  await page.waitForTimeout(800);
  await shoot(page, 'bytes-large', 'one');
}

async function scanning(page: Page, { shoot }: Camera, { oven }: Plant): Promise<void> {
  const connections = connectionsOf(page);
  await shellOf(page).go('Connections');
  await connections.choose('Oven');
  await connections.tab('Scan');
  await shoot(page, 'scan');
  const last = (area: string) => connections.panel.getByLabel(`${area}, last place`);
  await last('Coils').fill('70000');
  await last('Input registers').fill('x');
  await shoot(page, 'scan-wrong-fields', 'one');
  for (const area of ['Holding registers', 'Input registers', 'Coils', 'Discrete inputs']) await last(area).fill('999');
  oven.control.set({ delayMs: 120 });
  const scan = connections.panel.getByRole('button', { name: 'Scan', exact: true });
  await scan.click();
  await connections.panel.getByRole('table', { name: 'Ranges found' }).waitFor({ timeout: 60_000 });
  await shoot(page, 'scan-running', 'one');
  oven.control.clear();
  await connections.panel.getByText(/Done:/).waitFor({ timeout: 60_000 });
  await shoot(page, 'scan-done');
  const down = oven.control.restart(20_000);
  await scan.click();
  await page.waitForTimeout(3_000);
  await shoot(page, 'scan-lost', 'one');
  await connections.tab('Status');
  await shoot(page, 'status-lost-new', 'one');
  await connections.tab('Protocol log');
  await down;
}

async function resolving(page: Page, { shoot }: Camera, { oven, hold }: Plant): Promise<void> {
  const { table, search } = tagsOf(page);
  await shellOf(page).go('Tags');
  await search('Zone');
  const row = table.getByRole('row').filter({ hasText: 'Zone 1' }).first();
  await row.filter({ hasText: 'Good' }).waitFor({ timeout: 30_000 });
  await row.getByText('Zone 1').first().click();
  hold(true);
  oven.control.set({ delayMs: 1_500 });
  const dialog = page.getByRole('dialog');
  const open = async (): Promise<void> => {
    await page.getByRole('button', { name: 'Find type and order' }).click();
    await dialog.waitFor();
  };
  await open();
  await shoot(page, 'resolver-asking', 'one');
  oven.control.clear();
  await dialog.getByRole('table').waitFor({ timeout: 30_000 });
  await shoot(page, 'resolver-still', 'one');
  hold(false);
  await dialog.getByText(/(?:[89]|\d\d) looks\. /).waitFor({ timeout: 30_000 });
  await page.waitForTimeout(4_000);
  await shoot(page, 'resolver');
  await dialog.getByRole('button', { name: /One behind/ }).click();
  await shoot(page, 'resolver-behind', 'one');
  const down = oven.control.restart(8_000);
  await page.waitForTimeout(3_000);
  await shoot(page, 'resolver-lost', 'one');
  await page.keyboard.press('Escape');
  await down;
  await search(LONG);
  await table.getByRole('row').nth(1).click();
  await open();
  await page.waitForTimeout(6_000);
  await shoot(page, 'resolver-long-name', 'one');
  await page.keyboard.press('Escape');
  await search('');
}

async function importing(page: Page, { shoot }: Camera): Promise<void> {
  const { importDialog } = tagsOf(page);
  const golden = (path: string): string =>
    readFileSync(new URL(`../test/golden/tag-lists/${path}`, import.meta.url), 'utf8');
  const choose = async (name: string, text: string): Promise<void> => {
    await importDialog
      .getByLabel('Tag list file')
      .setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(text, 'utf8') });
    await page.waitForTimeout(600);
  };
  await main(page).getByRole('button', { name: 'Import', exact: true }).click();
  await importDialog.waitFor();
  await shoot(page, 'import-empty', 'one');
  await choose('telegraf.conf', golden('telegraf-registers/list.conf'));
  await shoot(page, 'import-telegraf');
  await choose('stand-1.csv', golden('kepware/list.csv'));
  await shoot(page, 'import-kepware', 'one');
  await importDialog.getByLabel('Format').selectOption('telegraf');
  await importDialog.getByText('This is no TOML').waitFor();
  await shoot(page, 'import-refused', 'one');
  const long = `${LONG} as exported by the other program.csv`;
  await choose(long, `name,address,type\n"${LONG}",400001,uint16\n"${LONG} 2",banana,float32\n`);
  await shoot(page, 'import-long-names', 'one');
  await page.keyboard.press('Escape');
}

async function packets(page: Page, { shoot }: Camera): Promise<void> {
  const connections = connectionsOf(page);
  await shellOf(page).go('Connections');
  await connections.choose('Oven');
  await connections.tab('Protocol log');
  const list = page.getByRole('listbox', { name: 'Packets' });
  await list.getByRole('option').nth(6).waitFor();
  await connections.panel.getByRole('button', { name: 'Keep in the background' }).click();
  await connections.panel.getByText(/^Kept since/).waitFor();
  await page.waitForTimeout(1_500);
  await shoot(page, 'packets-kept');
  await list.focus();
  await page.keyboard.press('ArrowUp');
  await shoot(page, 'packets-one', 'one');
  await connections.panel.getByRole('button', { name: 'Pause' }).click();
  await connections.panel.getByRole('button', { name: 'Clear' }).click();
  await shoot(page, 'packets-paused', 'one');
  await connections.choose('Nobody sends');
  await connections.tab('Protocol log');
  await shoot(page, 'packets-none', 'one');
}

async function links(page: Page, { shoot }: Camera): Promise<void> {
  const connections = connectionsOf(page);
  for (const name of ['Oven', 'Producers', 'Finishing train', 'Nobody sends', 'Controller that']) {
    await connections.choose(name);
    await connections.tab('Status');
    await page.waitForTimeout(1_200);
    const sizes = name === 'Oven' || name === 'Producers' ? 'all' : 'one';
    await shoot(page, `status-${name.toLowerCase().replaceAll(' ', '-').replaceAll(',', '')}`, sizes);
  }
}

async function abilities(page: Page, { shoot }: Camera): Promise<void> {
  await shellOf(page).run('About ParX');
  const about = page.getByRole('dialog', { name: 'About ParX Workstation' });
  await about.locator('details').first().waitFor();
  await shoot(page, 'about', 'one');
  await about.locator('summary').first().click();
  await shoot(page, 'about-open');
  await page.keyboard.press('Escape');
  await shellOf(page).go('Log');
  await page.getByRole('button', { name: 'Support file' }).first().click();
  await page.getByText(/support file .* was made/).waitFor();
  await shoot(page, 'support-file', 'one');
}
