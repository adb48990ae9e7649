import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegisterImage, type ModbusSimulator, startModbusSimulator } from '#simulators/modbus/index.ts';
import { needs } from '#test/support/needs.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { barriersInBothThemes } from './fixtures/barriers.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { eventually, openScreen, type Screen, textThat } from './fixtures/screen.ts';
import { connectionsOf } from './pages/connections.ts';
import { shellOf } from './pages/shell.ts';
import { tagsOf } from './pages/tags.ts';

const folder = suiteDirectory();

describe.skipIf(needs('chromium'))('the protocol log of a connection', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let device: ModbusSimulator;
  let screen: Screen;
  let connections: ReturnType<typeof connectionsOf>;
  const log = () => screen.page.getByRole('tabpanel');
  const packets = () => log().getByRole('listbox', { name: 'Packets' }).getByRole('option');
  /** Of the lines that come; the counter in the foot goes on while it is not paused. */
  const counted = async (): Promise<number> =>
    Number.parseInt(
      (await log()
        .getByText(/of at most/)
        .textContent()) ?? '',
      10,
    );

  beforeAll(async () => {
    browser = await launchBrowser();
    host = await startHost(folder.path, ['--no-demo']);
    // Ten registers; reading one behind them is refused.
    const image = createRegisterImage();
    image.define('holding', 0, 10);
    image.setRegisters('holding', 0, [0x1234]);
    device = await startModbusSimulator({ units: { 1: image } });
    screen = await openScreen(browser.context, host.url);
    const shell = shellOf(screen.page);
    connections = connectionsOf(screen.page);
    await shell.go('Connections');
    await connections.begin();
    await connections.fill({ name: 'Boiler', host: '127.0.0.1', port: device.port });
    await connections.save(true);
    await connections.row('Boiler').first().getByText('No tags').waitFor();
    await shell.go('Tags');
    const tags = tagsOf(screen.page);
    await tags.beginImport(
      'boiler.csv',
      'name,address,type,period_ms\nHeat,400001,uint16,100\nFar,400020,uint16,100\n',
      'Boiler / Device 1',
    );
    await tags.finishImport();
    await shell.go('Connections');
    await connections.choose('Boiler');
    await connections.tab('Protocol log');
  });
  afterAll(async () => {
    await browser?.close();
    await host?.kill();
    await device?.close();
  });

  it('tells each packet in words and bytes', async () => {
    const answer = packets().filter({ hasText: '12 34' }).first();
    await textThat(answer, /Received.*register.*03 02 12 34/s);
    await log().getByRole('button', { name: 'Pause' }).click();
    await answer.click();
    const whole = log().getByRole('region', { name: 'Whole packet' });
    await textThat(whole, /Received \d{4}-\d\d-\d\d .*11 bytes.*03 {2}02 12 34/s);
    await log().getByRole('button', { name: 'Start' }).click();
  });

  it('lists errors and exceptions alone', async () => {
    await log().getByLabel('Packets to list').selectOption({ label: 'Errors and exceptions' });
    await textThat(packets().first(), /exception 2, illegal data address.*83 02/s);
    expect(await packets().filter({ hasText: '12 34' }).count()).toBe(0);
    // Rows move while packets come; the keys take whatever is the newest.
    await log().getByRole('listbox', { name: 'Packets' }).press('ArrowUp');
    await textThat(log().getByRole('region', { name: 'Whole packet' }), /To: .*400020/);
    await log().getByLabel('Packets to list').selectOption({ label: 'All packets' });
  });

  it('stands still while it is paused, then goes on and says that something is missing', async () => {
    await log().getByRole('button', { name: 'Pause' }).click();
    await log().getByRole('button', { name: 'Start' }).waitFor();
    const before = await counted();
    const seen = device.control.requests().length;
    await eventually(
      () => device.control.requests().length,
      (count) => count > seen + 5,
    );
    expect(await counted()).toBe(before);
    await log().getByRole('button', { name: 'Start' }).click();
    await eventually(counted, (count) => count > before + 3);
  });

  it('saves what is listed as text', async () => {
    const [download] = await Promise.all([
      screen.page.waitForEvent('download'),
      log().getByRole('button', { name: 'Save as text' }).click(),
    ]);
    const text = readFileSync(await download.path(), 'utf8');
    expect(text).toContain('Boiler');
    expect(text).toMatch(/12 34/);
    expect(text).toMatch(/illegal data address/);
  });

  it('keeps packets while the page is closed, and saves them all', async () => {
    await log().getByRole('button', { name: 'Keep in the background' }).click();
    await log()
      .getByText(/^Kept since/)
      .waitFor();
    expect(await barriersInBothThemes(screen.page)).toEqual([]);
    const shell = shellOf(screen.page);
    await shell.go('Tags');
    const seen = device.control.requests().length;
    await eventually(
      () => device.control.requests().length,
      (count) => count > seen + 20,
    );
    await shell.go('Connections');
    await connections.choose('Boiler');
    await connections.tab('Protocol log');
    await eventually(
      async () =>
        Number.parseInt(
          /: ([\d\u2009\u202f,]+) packets/.exec(
            (await log()
              .getByText(/^Kept since/)
              .textContent()) ?? '',
          )?.[1] ?? '',
          10,
        ),
      (count) => count > 20,
    );
    const [download] = await Promise.all([
      screen.page.waitForEvent('download'),
      log().getByRole('button', { name: 'Save all' }).click(),
    ]);
    const text = readFileSync(await download.path(), 'utf8');
    expect(text).toMatch(/^Protocol log of "Boiler", 127\.0\.0\.1:\d+\r\nSaved .*\r\nKept since /);
    expect(text.match(/ {2}sent {6}/g)?.length).toBeGreaterThan(20);
    await log().getByRole('button', { name: 'Forget' }).click();
    await log().getByRole('button', { name: 'Keep in the background' }).waitFor();
  });

  it('had nothing to complain about', () => {
    expect(screen.faults()).toEqual([]);
  });
});
