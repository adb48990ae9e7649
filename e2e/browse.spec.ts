import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EgdProducer, startEgdProducer } from '#simulators/egd/index.ts';
import { createTagMemory, type EipSimulator, startEipSimulator } from '#simulators/ethernet-ip/index.ts';
import { makeConnection, makeDevice } from '#test/support/documents.ts';
import { startEngine } from '#test/support/engine.ts';
import { freeUdpPort } from '#test/support/free-port.ts';
import { needs } from '#test/support/needs.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { barriersInBothThemes } from './fixtures/barriers.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { eventually, openScreen, type Screen, textThat } from './fixtures/screen.ts';
import { shellOf } from './pages/shell.ts';
import { tagsOf } from './pages/tags.ts';

const folder = suiteDirectory();

describe.skipIf(needs('chromium'))('the browser of devices', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let controller: EipSimulator;
  let producer: EgdProducer;
  let screen: Screen;
  const data = Buffer.alloc(40);
  const main = () => screen.page.getByRole('main');
  const tree = () => screen.page.getByRole('tree');
  const node = (name: string | RegExp) => tree().getByRole('treeitem', { name });
  const choose = (connection: string) => screen.page.getByLabel('Connection', { exact: true }).selectOption(connection);

  beforeAll(async () => {
    const memory = createTagMemory();
    memory.defineType('Motor', [
      { name: 'Running', type: 'BOOL' },
      { name: 'Current', type: 'REAL' },
    ]);
    memory.defineType('Reel', [
      { name: 'Motors', type: 'Motor', length: 2 },
      { name: 'Name', type: 'STRING' },
    ]);
    memory.define('Reels', 'Reel', [3]);
    memory.define('Speed', 'REAL');
    memory.define('Program:Main.Count', 'DINT');
    for (let n = 0; n < 20_000; n++) memory.define(`Spare_${String(n).padStart(5, '0')}`, 'DINT');
    controller = await startEipSimulator({ memory });
    data.writeFloatLE(12.5, 4);
    const port = await freeUdpPort();
    producer = await startEgdProducer({
      producerId: '10.1.2.3',
      port,
      exchanges: [{ id: 7, periodMs: 50, data, signature: 0x0102 }],
    });
    const { engine, client } = await startEngine(folder.path);
    const documents = [
      [
        'connection',
        makeConnection({
          id: 'logix',
          name: 'Logix',
          protocol: 'ethernet-ip',
          settings: { host: controller.host, port: controller.port, connectTimeoutMs: 1_000 },
        }),
      ],
      ['device', makeDevice({ id: 'plc', connectionId: 'logix', name: 'PLC', settings: { route: '1,0' } })],
      ['connection', makeConnection({ id: 'egd', name: 'Producers', protocol: 'egd', settings: { port } })],
    ] as const;
    await client().project.commit({
      changes: documents.map(([kind, document]) => ({ kind, id: document.id, document, expected: null })),
    });
    await engine.stop();
    host = await startHost(folder.path, ['--no-demo']);
    browser = await launchBrowser();
    screen = await openScreen(browser.context, host.url);
  });
  afterAll(async () => {
    await browser?.close();
    await host?.kill();
    await producer?.close();
    await controller?.close();
  });

  it('adds a whole structure of a controller by the keyboard alone', async () => {
    const { page } = screen;
    await shellOf(page).go('Connections');
    await page.getByRole('grid', { name: 'Connections and devices' }).getByText('Logix').first().click();
    await main().getByRole('button', { name: 'Browse' }).click();
    await node(/1756-L83E/).waitFor();
    await tree().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    await node(/^Reels Reel\[3\]/).waitFor();
    // Programs first, then tags by name.
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Space');
    const form = page.getByRole('form', { name: 'Tags to add' });
    await form.getByRole('button', { name: 'Add 15 tags' }).waitFor();
    await textThat(form, /15 tags of "PLC" every 500.ms/);
    expect(await barriersInBothThemes(page)).toEqual([]);
    await form.getByRole('button', { name: 'Add 15 tags' }).click();
    await page.getByText('15 tags added.').waitFor();
    await page.keyboard.press('Escape');
    // What is there already is marked, and not added again.
    await tree().focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    await node(/^Name STRING text/)
      .getByText('tag', { exact: true })
      .waitFor();
    await page.keyboard.press('Space');
    await textThat(form, /Nothing is left to add.*5 rows left out/);
    expect(await form.getByRole('button', { name: /^Add 0 tags/ }).isDisabled()).toBe(true);
    await shellOf(page).go('Tags');
    await tagsOf(page).search('Reels[2]');
    await textThat(tagsOf(page).count, /^5 of 15 tags/);
    expect(screen.faults()).toEqual([]);
  });

  it('finds among 20,000 tags, with few of them in the document, and loading everything can be stopped', async () => {
    await main().getByRole('button', { name: 'Browse device' }).click();
    await choose('logix');
    await node(/1756-L83E/).waitFor();
    await main().getByRole('button', { name: 'Load all' }).click();
    await main().getByRole('button', { name: 'Stop' }).click();
    await main().getByRole('button', { name: 'Load all' }).waitFor();
    await main().getByRole('button', { name: 'Load all' }).click();
    await main().getByRole('button', { name: 'Load all' }).waitFor();
    await textThat(main(), /20.03\d loaded/);
    await main().getByRole('searchbox', { name: 'Search what is loaded' }).fill('spare_12345');
    await node(/^Spare_12345/).waitFor();
    expect(await tree().getByRole('treeitem').count()).toBe(2);
    await main().getByRole('searchbox', { name: 'Search what is loaded' }).fill('spare');
    await eventually(
      () => tree().getByRole('treeitem').count(),
      (count) => count > 10 && count < 200,
    );
    expect(screen.faults()).toEqual([]);
  });

  it('maps the bytes of an exchange that no device is configured for yet', async () => {
    const { page } = screen;
    await choose('egd');
    await node(/^10\.1\.2\.3 producer/).click();
    await page.keyboard.press('ArrowRight');
    await node(/^Exchange 7/).click();
    const bytes = page.getByRole('grid', { name: 'Bytes' });
    const cell = (offset: number) => bytes.locator(`[data-offset="${offset}"]`);
    await cell(4).waitFor();
    data[20] = 0x5a;
    await eventually(
      () => cell(20).getAttribute('data-glow'),
      (glow) => glow !== null,
    );
    expect(await cell(21).getAttribute('data-glow')).toBeNull();
    await main().getByRole('button', { name: 'Create the device' }).click();
    await page.getByText('Device "10.1.2.3 exchange 7" added.').waitFor();
    await cell(4).click();
    const readings = page.getByRole('radiogroup');
    await readings.getByText('float32 DCBA').click();
    await textThat(readings.locator('label', { hasText: 'float32 DCBA' }), /12\.5/);
    await page.getByLabel('Name', { exact: true }).fill('Tension 1');
    await main().getByRole('button', { name: 'Add the tag' }).click();
    await page.getByText('Tag "Tension 1" added.').waitFor();
    // The bytes have their tag's colour, the next place is selected, and the name counts on.
    await eventually(
      () => cell(7).getAttribute('data-hue'),
      (hue) => hue !== null,
    );
    expect(await cell(8).getAttribute('data-hue')).toBeNull();
    expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('Tension 2');
    expect(await cell(8).getAttribute('aria-selected')).toBe('true');
    expect(await barriersInBothThemes(page)).toEqual([]);
    // The layout goes out as a tag list and comes back the same.
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      main()
        .getByRole('button', { name: /^Export the layout/ })
        .click(),
    ]);
    const stream = await download.createReadStream();
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString('utf8');
    expect(text).toMatch(/Tension 1/);
    await main()
      .getByRole('button', { name: /^Import a layout/ })
      .click();
    const dialog = page.getByRole('dialog', { name: 'Import tags' });
    await dialog.getByLabel('Tag list file').setInputFiles({
      name: 'layout.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from(`${text.trimEnd()}\n`, 'utf8'),
    });
    await textThat(dialog, /1 the same/);
    await page.keyboard.press('Escape');
    await shellOf(page).go('Tags');
    await tagsOf(page).search('Tension');
    await textThat(await tagsOf(page).cell('Tension 1', 'Value'), /12\.5/);
    expect(screen.faults()).toEqual([]);
  });
});
