import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegisterImage, type ModbusSimulator, startModbusSimulator } from '#simulators/modbus/index.ts';
import { freePort } from '#test/support/free-port.ts';
import { needs } from '#test/support/needs.ts';
import { suiteDirectory, temporaryDirectory } from '#test/support/temporary-directory.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { eventually, openScreen, type Screen, textThat } from './fixtures/screen.ts';
import { connectionsOf } from './pages/connections.ts';
import { recordingsOf } from './pages/recordings.ts';
import { shellOf } from './pages/shell.ts';
import { tagsOf } from './pages/tags.ts';
import { trendOf } from './pages/trend.ts';

// The first hour of a new user, as one story: each step goes on where the one before ended.

const folder = suiteDirectory();
const TAGS = 200;
const TAG = 'Press force 001';

/** A list as it comes from a spreadsheet: two of its rows can't be taken. */
function tagList(): string {
  const rows = ['name;address;type;unit;period_ms'];
  for (let n = 1; n <= TAGS; n++)
    rows.push(`Press force ${String(n).padStart(3, '0')};${400_000 + n};uint16;kN;${n <= 20 ? 100 : 1000}`);
  rows.splice(50, 0, 'Wrong place;banana;uint16;kN;100');
  rows.splice(120, 0, 'Wrong type;400001;uint17;kN;100');
  return `${rows.join('\r\n')}\r\n`;
}

describe.skipIf(needs('chromium'))('the first hour', () => {
  const image = createRegisterImage();
  image.setRegisters(
    'holding',
    0,
    Array.from({ length: TAGS }, (_, n) => 1000 + n),
  );
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let device: ModbusSimulator;
  let devicePort = 0;
  let port = 0;
  let host: RunningHost;
  let screen: Screen;
  let shell: ReturnType<typeof shellOf>;
  let trend: ReturnType<typeof trendOf>;
  let connections: ReturnType<typeof connectionsOf>;
  let tags: ReturnType<typeof tagsOf>;
  let recordings: ReturnType<typeof recordingsOf>;
  /** The window in which register 1 read 1000. */
  let past = { from: '', to: '' };
  /** A step that failed leaves nothing for the next ones to stand on. */
  let broken: string | null = null;

  const startDevice = async (at: number): Promise<ModbusSimulator> =>
    startModbusSimulator({ port: at, units: { 1: image } });
  const startProgram = (): Promise<RunningHost> => startHost(folder.path, ['--port', String(port)]);
  const step = (name: string, run: () => Promise<void>): void => {
    it(name, async ({ skip }) => {
      if (broken !== null) skip(`"${broken}" failed before`);
      broken = name;
      await run();
      broken = null;
    });
  };

  beforeAll(async () => {
    browser = await launchBrowser();
    device = await startDevice(0);
    devicePort = device.port;
    port = await freePort();
    host = await startProgram();
    screen = await openScreen(browser.context, host.url);
    shell = shellOf(screen.page);
    trend = trendOf(screen.page);
    connections = connectionsOf(screen.page);
    tags = tagsOf(screen.page);
    recordings = recordingsOf(screen.page);
  });
  afterAll(async () => {
    await browser?.close();
    await host?.kill();
    await device?.close();
  });

  step('offers four ways to begin when there is no demo', async () => {
    const empty = await startHost(temporaryDirectory(), ['--no-demo']);
    const first = await openScreen(browser.context, empty.url);
    try {
      for (const choice of ['Demo line', 'New connection', 'Project file', 'Recording'])
        await first.page.getByRole('heading', { name: choice, exact: true }).waitFor();
      await first.page.getByRole('button', { name: 'Add a connection' }).click();
      await first.page.getByRole('form', { name: 'New connection' }).waitFor();
      expect(first.faults()).toEqual([]);
    } finally {
      await first.close();
      expect(await empty.stop()).toBe(0);
    }
  });

  step('shows the demo line at work, marked as such', async () => {
    const values = screen.page.getByRole('region', { name: 'Key values' });
    await values.getByText('DEMO').first().waitFor();
    await textThat(values.getByRole('button').filter({ hasText: 'Strip speed' }), /\d/);
    await shell.go('Trend');
    await trend.following.waitFor();
    await eventually(() => trend.number('Strip speed', 'Value'), Number.isFinite);
    await trend.moves();
  });

  step('adds a connection to a device', async () => {
    await shell.go('Connections');
    await connections.begin();
    await connections.fill({ name: 'Press 7', host: '127.0.0.1', port: devicePort, device: 'Press controller' });
  });

  step('tests it before it is saved, from the network card to one value', async () => {
    expect(await connections.test('400001')).toBe('All steps passed.');
    expect(await connections.steps.count()).toBeGreaterThan(3);
    expect(await connections.steps.allTextContents()).not.toContainEqual(expect.stringMatching(/: Failed/));
    await connections.tab('Settings');
    await connections.save(true);
    await connections.row('Press 7').first().waitFor();
  });

  step('imports 200 tags, names the two rows that are wrong and takes the others', async () => {
    await shell.go('Tags');
    await tags.beginImport('press.csv', tagList(), 'Press 7 / Press controller');
    await tags.importDialog.getByText('2 bad, left out').waitFor();
    const bad = tags.importRows.getByRole('row').filter({ hasText: 'Bad' });
    expect(await bad.count()).toBe(2);
    const reasons = (await bad.allTextContents()).join('\n');
    expect(reasons).toMatch(/Wrong place.*banana/s);
    expect(reasons).toMatch(/Wrong type.*uint17/s);
    await tags.finishImport();
    await tags.search('Press force');
    await textThat(tags.count, /^200 of /);
    await textThat(await tags.cell(TAG, 'Value'), /1\D?000/);
    await textThat(await tags.cell(TAG, 'Quality'), /Good/);
  });

  step('watches one of them in the trend', async () => {
    await tags.openInTrend(TAG);
    await eventually(
      () => trend.number(TAG, 'Value'),
      (value) => value === 1000,
    );
    await trend.moves();
  });

  step('pauses, and nothing moves while recording goes on', async () => {
    await trend.pause();
    past = await trend.window();
    const before = await trend.picture();
    const status = (await shell.status.textContent()) ?? '';
    image.setRegisters('holding', 0, [2000]);
    await textThat(shell.status, (text) => text !== status);
    expect(await trend.window()).toEqual(past);
    expect(await trend.picture()).toBe(before);
    await trend.follow();
    await eventually(
      () => trend.number(TAG, 'Value'),
      (value) => value === 2000,
    );
  });

  step('scrolls into the past and finds what was there', async () => {
    await trend.plots.focus();
    await screen.page.keyboard.press('Shift+ArrowLeft');
    await trend.paused.waitFor();
    await trend.showRange(past.from, past.to);
    await eventually(
      () => trend.number(TAG, 'Max'),
      (value) => value === 1000,
    );
    expect(await trend.number(TAG, 'Min')).toBe(1000);
    await trend.follow();
  });

  step('sees the device go, with the cause, and come back by itself', async () => {
    await device.close();
    await textThat(await trend.cell(TAG, 'Value'), /—/);
    await shell.go('Tags');
    await tags.search('Press force');
    await textThat(await tags.cell(TAG, 'Quality'), /not connected|no communication|communication error/i);
    await textThat(shell.status, /Press 7\s*lost/);
    await shell.go('Connections');
    await connections.choose('Press 7');
    await connections.tab('Status');
    await textThat(connections.panel, /127\.0\.0\.1:\d+.*Trying again/s);
    // The demo line is not held up by its neighbour.
    expect(await shell.status.textContent()).toMatch(/Demo[^·]*running/);

    image.setRegisters('holding', 0, [3000]);
    device = await startDevice(devicePort);
    await textThat(shell.status, /Press 7\s*running/);
    await shell.go('Tags');
    await tags.search('Press force');
    await textThat(await tags.cell(TAG, 'Quality'), /Good/);
    await textThat(await tags.cell(TAG, 'Value'), /3\D?000/);
  });

  step('finds the history and the running recording again after kill -9', async () => {
    await recordings.start('First shift');
    await shell.go('Trend');
    await trend.following.waitFor();
    expect(screen.faults()).toEqual([]);
    await host.kill();
    await shell.lostBanner.waitFor();
    await trend.bar.getByRole('button', { name: 'Waiting' }).waitFor();
    host = await startProgram();
    await shell.backBanner.waitFor({ timeout: 30_000 });
    // What the browser itself says of the lost socket is no fault of the page.
    expect(screen.faults().filter((text) => !/WebSocket|Failed to load resource|ERR_CONNECTION/.test(text))).toEqual(
      [],
    );
    await recordings.control.getByText('REC', { exact: true }).waitFor();
    await eventually(
      () => trend.number(TAG, 'Value'),
      (value) => value === 3000,
    );
    await trend.showRange(past.from, past.to);
    await eventually(
      () => trend.number(TAG, 'Max'),
      (value) => value === 1000,
    );
  });

  step('stops the recording and opens it offline', async () => {
    await recordings.stop();
    await shell.go('Recordings');
    await recordings.table.getByRole('row').filter({ hasText: 'First shift' }).waitFor();
    await recordings.open('First shift');
    await trend.source.waitFor();
    expect(await trend.source.locator('option:checked').textContent()).toBe('First shift');
    await eventually(
      () => trend.number(TAG, 'Max'),
      (value) => value === 3000,
    );
    expect(await trend.following.count()).toBe(0);
  });

  step('exports what is visible as CSV', async () => {
    await trend.source.selectOption({ label: 'Running history' });
    await trend.showRange(past.from, past.to);
    await eventually(
      () => trend.number(TAG, 'Max'),
      (value) => value === 1000,
    );
    const text = readFileSync(await trend.exportVisible('first hour', 'CSV'), 'utf8');
    const [heading = '', units = '', ...rows] = text.trimEnd().split('\r\n');
    const column = heading.split(',').indexOf(TAG);
    expect(column, heading).toBeGreaterThan(0);
    expect(units.split(',')[column]).toBe('kN');
    const values = rows.map((row) => row.split(',')[column]).filter((cell) => cell !== '' && cell !== undefined);
    expect(values.length).toBeGreaterThan(5);
    expect(new Set(values)).toEqual(new Set(['1000']));
    const times = rows.map((row) => Date.parse(row.split(',')[0] ?? ''));
    expect(Math.min(...times)).toBeGreaterThanOrEqual(Date.parse(past.from.replace(' ', 'T')) - 1000);
    expect(Math.max(...times)).toBeLessThanOrEqual(Date.parse(past.to.replace(' ', 'T')) + 1000);
  });

  step('ends in order, without a complaint of the page', async () => {
    expect(screen.faults()).toEqual([]);
    expect(await host.stop()).toBe(0);
  });
});
