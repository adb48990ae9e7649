import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegisterImage, type ModbusSimulator, startModbusSimulator } from '#simulators/modbus/index.ts';
import { needs } from '#test/support/needs.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { barriersInBothThemes } from './fixtures/barriers.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { openScreen, type Screen, textThat } from './fixtures/screen.ts';
import { connectionsOf } from './pages/connections.ts';
import { shellOf } from './pages/shell.ts';
import { tagsOf } from './pages/tags.ts';

const folder = suiteDirectory();

describe.skipIf(needs('chromium'))('looking closer at a device', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let device: ModbusSimulator;
  let screen: Screen;
  let moving: NodeJS.Timeout;

  beforeAll(async () => {
    browser = await launchBrowser();
    host = await startHost(folder.path, ['--no-demo']);
    const image = createRegisterImage();
    image.define('holding', 95, 40);
    image.setRegisters('input', 500, [11, 22, 33]);
    // A temperature as float32 with swapped words at 400101.
    const view = new DataView(new ArrayBuffer(4));
    let step = 0;
    moving = setInterval(() => {
      view.setFloat32(0, 812 + 20 * Math.sin(step++ / 9) + Math.random());
      image.setRegisters('holding', 100, [view.getUint16(2), view.getUint16(0)]);
    }, 100);
    device = await startModbusSimulator({ units: { 1: image } });
    screen = await openScreen(browser.context, host.url);
    const shell = shellOf(screen.page);
    const connections = connectionsOf(screen.page);
    await shell.go('Connections');
    await connections.begin();
    await connections.fill({ name: 'Oven', host: '127.0.0.1', port: device.port });
    await connections.save(true);
    await connections.row('Oven').first().getByText('No tags').waitFor();
    await shell.go('Tags');
    const tags = tagsOf(screen.page);
    await tags.beginImport('oven.csv', 'name,address,type,period_ms\nZone 1,400101,float32,200\n', 'Oven / Device 1');
    await tags.finishImport();
  });
  afterAll(async () => {
    clearInterval(moving);
    await browser?.close();
    await host?.kill();
    await device?.close();
  });

  it('finds the word order of a tag on live values and sets it', async () => {
    const { page } = screen;
    const tags = tagsOf(page);
    await tags.table.getByRole('row').filter({ hasText: 'Zone 1' }).first().getByText('Zone 1').first().click();
    await page.getByRole('button', { name: 'Find type and order' }).click();
    const dialog = page.getByRole('dialog', { name: 'Type and order of "Zone 1"' });
    const rows = dialog.getByRole('table', { name: 'Ways to read 400101' }).locator('tbody tr');
    await textThat(dialog, /(?:[5-9]|\d\d) looks/);
    await textThat(rows.first(), /float32 CDAB.*changes by at most/s);
    expect(await barriersInBothThemes(page)).toEqual([]);
    // The place before and the one behind are there to compare.
    await dialog.getByRole('button', { name: /One before.*400100/s }).waitFor();
    await dialog.getByRole('button', { name: /One behind.*400102/s }).click();
    await dialog.getByRole('button', { name: 'Move all tags of the device by +1' }).waitFor();
    await dialog.getByRole('button', { name: /As set.*400101/s }).click();
    await dialog.getByRole('button', { name: 'Apply float32 CDAB' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await textThat(await tags.cell('Zone 1', 'Value'), /^\s*8\d\d/);
    expect(screen.faults()).toEqual([]);
  });

  it('scans the device, and makes a tag of what was found', async () => {
    const { page } = screen;
    const connections = connectionsOf(page);
    await shellOf(page).go('Connections');
    await connections.choose('Oven');
    await connections.tab('Scan');
    const panel = page.getByRole('tabpanel');
    for (const area of ['Holding registers', 'Input registers', 'Coils', 'Discrete inputs']) {
      await panel.getByLabel(`${area}, last place`).fill('999');
    }
    await panel.getByRole('button', { name: 'Scan', exact: true }).click();
    await textThat(panel, /Done: 43 places in 2 ranges/);
    const found = panel.getByRole('table', { name: 'Ranges found' }).locator('tbody tr');
    await textThat(found.last(), /Input registers.*300501.*300503.*11 22 33/s);
    expect(await barriersInBothThemes(page)).toEqual([]);
    await found.last().getByRole('button', { name: 'Add tags' }).click();
    const dialog = page.getByRole('dialog', { name: 'Add tags' });
    await dialog.getByLabel('First name').fill('Input 1');
    await dialog.getByRole('button', { name: 'Add 3 tags' }).click();
    await tagsOf(page).table.waitFor();
    await textThat(await tagsOf(page).cell('Input 3', 'Value'), /33/);
    expect(screen.faults()).toEqual([]);
  });
});
