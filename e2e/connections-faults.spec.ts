import { createServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRegisterImage, startModbusSimulator } from '#simulators/modbus/index.ts';
import { freePort } from '#test/support/free-port.ts';
import { needs } from '#test/support/needs.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { openScreen, type Screen, textThat } from './fixtures/screen.ts';
import { connectionsOf } from './pages/connections.ts';
import { shellOf } from './pages/shell.ts';
import { tagsOf } from './pages/tags.ts';

const folder = suiteDirectory();

describe.skipIf(needs('chromium'))('connections that do not work', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let screen: Screen;
  let connections: ReturnType<typeof connectionsOf>;
  const cleanUp: (() => Promise<void> | void)[] = [];

  beforeAll(async () => {
    browser = await launchBrowser();
    host = await startHost(folder.path, ['--no-demo']);
    screen = await openScreen(browser.context, host.url);
    connections = connectionsOf(screen.page);
  });
  beforeEach(() => shellOf(screen.page).go('Connections'));
  afterEach(async () => {
    for (const step of cleanUp.splice(0)) await step();
    expect(screen.faults()).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await host?.kill();
  });

  const discard = async (): Promise<void> => {
    await connections.tab('Settings');
    await connections.form.getByRole('button', { name: 'Discard' }).click();
  };
  const failedStep = () => connections.steps.filter({ hasText: ': Failed' });

  it('a host that is no address is refused at its field, and nothing is saved', async () => {
    await connections.begin();
    await connections.fill({ name: 'Wrong text', host: 'not a host!', port: 502 });
    await connections.save(true);
    await textThat(
      connections.form
        .getByRole('alert')
        .filter({ hasText: /host|address/i })
        .first(),
      /\.$/,
    );
    expect(await connections.form.getByLabel('Host', { exact: true }).getAttribute('aria-invalid')).toBe('true');
    await connections.form.getByLabel('Host', { exact: true }).fill('127.0.0.1');
    await connections.form.getByLabel('Port', { exact: true }).fill('99999');
    await connections.save(true);
    expect(await connections.form.getByLabel('Port', { exact: true }).getAttribute('aria-invalid')).toBe('true');
    expect(await connections.form.getByText('Not saved yet').count()).toBe(1);
    await discard();
  });

  it('a host that nobody knows is named by the test', async () => {
    await connections.begin();
    await connections.fill({ name: 'Nobody', host: 'no-such-plc.invalid', port: 502 });
    expect(await connections.test('400001')).toMatch(/^The test ended at /);
    await textThat(failedStep(), /no-such-plc\.invalid/);
    await discard();
  });

  it('a port that refuses is told from a host that is silent', async () => {
    const port = await freePort();
    await connections.begin();
    await connections.fill({ name: 'Refused', host: '127.0.0.1', port });
    expect(await connections.test('400001')).toMatch(/^The test ended at /);
    await textThat(failedStep(), new RegExp(`refus.*${port}|${port}.*refus`, 's'));
    await connections.tab('Settings');
    await connections.save(true);
    await connections.tab('Status');
    // What has nothing to read is not connected for nothing, and says so.
    await textThat(connections.panel, /Nothing to read/);
    const shell = shellOf(screen.page);
    const tags = tagsOf(screen.page);
    await shell.go('Tags');
    await tags.beginImport('one.csv', 'name,address,type\nPressure,400001,uint16\n', 'Refused / Device 1');
    await tags.finishImport();
    await textThat(await tags.cell('Pressure', 'Quality'), /not connected/i);
    await shell.go('Connections');
    await connections.choose('Refused');
    await connections.tab('Status');
    await textThat(connections.panel, /refus.*Trying again/s);
    await textThat(connections.row('Refused').first(), /Lost/);
  });

  it('a host that accepts and never answers is named as such, within its time-out', async () => {
    const sockets = new Set<import('node:net').Socket>();
    const silent: Server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    cleanUp.push(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    const { port } = silent.address() as { readonly port: number };
    await connections.begin();
    await connections.fill({ name: 'Silent', host: '127.0.0.1', port, responseTimeoutMs: 500 });
    expect(await connections.test('400001')).toMatch(/^The test ended at /);
    await textThat(failedStep(), /answer/);
    await discard();
  });

  it('an address that the device refuses ends the test at the read, with the name of the exception', async () => {
    const image = createRegisterImage();
    image.define('holding', 0, 10);
    const device = await startModbusSimulator({ units: { 1: image } });
    cleanUp.push(() => device.close());
    await connections.begin();
    await connections.fill({ name: 'Small', host: '127.0.0.1', port: device.port });
    expect(await connections.test('400500')).toMatch(/^The test ended at /);
    await textThat(failedStep(), /illegal data address/i);
    await discard();
  });

  it('an address that means nothing is refused before anything is sent', async () => {
    const image = createRegisterImage();
    image.define('holding', 0, 10);
    const device = await startModbusSimulator({ units: { 1: image } });
    cleanUp.push(() => device.close());
    await connections.begin();
    await connections.fill({ name: 'Text', host: '127.0.0.1', port: device.port });
    await connections.tab('Test');
    await connections.ladder.getByLabel('Address to read').fill('banana');
    await connections.ladder.getByRole('button', { name: 'Test', exact: true }).click();
    await textThat(connections.ladder, /banana/);
    await discard();
  });
});
