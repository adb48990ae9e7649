import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegisterImage, startModbusSimulator } from '#simulators/modbus/index.ts';
import { needs } from '#test/support/needs.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { barriersInBothThemes } from './fixtures/barriers.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { eventually, openScreen, type Screen } from './fixtures/screen.ts';
import { shellOf } from './pages/shell.ts';
import { tagsOf } from './pages/tags.ts';

const folder = suiteDirectory();

describe.skipIf(needs('chromium'))('a tag list of another program', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let screen: Screen;
  let tags: ReturnType<typeof tagsOf>;
  let shell: ReturnType<typeof shellOf>;
  let meter: Awaited<ReturnType<typeof startModbusSimulator>>;

  beforeAll(async () => {
    const image = createRegisterImage({ everything: true });
    image.setRegisters('holding', 0, [2305]);
    meter = await startModbusSimulator({ units: { 3: image } });
    browser = await launchBrowser();
    host = await startHost(folder.path);
    screen = await openScreen(browser.context, host.url);
    shell = shellOf(screen.page);
    tags = tagsOf(screen.page);
    await shell.go('Tags');
    await tags.table.getByRole('row').filter({ hasText: 'Good' }).first().waitFor();
  });
  afterAll(async () => {
    expect(screen?.faults()).toEqual([]);
    await browser?.close();
    await host?.kill();
    await meter?.close();
  });

  const choose = async (name: string, text: string): Promise<void> => {
    await tags.importDialog
      .getByLabel('Tag list file')
      .setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(text, 'utf8') });
  };
  const reasons = (): Promise<string[]> =>
    tags.importRows.getByRole('row').filter({ hasText: 'Bad' }).allTextContents();

  it('is recognised, and its device and connection come with the good rows', async () => {
    const file = new URL('../test/golden/tag-lists/telegraf-registers/list.conf', import.meta.url);
    const text = readFileSync(file, 'utf8').replace('192.168.0.20:1502', `127.0.0.1:${meter.port}`);
    await screen.page.getByRole('main').getByRole('button', { name: 'Import', exact: true }).click();
    await tags.importDialog.waitFor();
    await choose('telegraf.conf', text);
    const { importDialog } = tags;
    await importDialog.getByLabel('Format').waitFor();
    expect(await importDialog.getByLabel('Format').inputValue()).toBe('telegraf');
    await importDialog.getByLabel('Device "Power meter" of the list').waitFor();
    await importDialog.getByText('Modbus ASCII is not supported').first().waitFor();
    await eventually(reasons, (found) => found.length === 4);
    await importDialog.getByText('4 bad, left out').waitFor();
    expect(await barriersInBothThemes(screen.page)).toEqual([]);
    await tags.finishImport();

    await tags.search('voltage');
    // The device is asked at once: 2305 with the factor 0.1 of the list.
    await eventually(
      async () => (await tags.table.getByRole('row').filter({ hasText: 'voltage' }).first().textContent()) ?? '',
      (row) => row.includes('230.5') && row.includes('Good'),
    );
    await tags.search('');
  });

  it('can be read as another format, and its devices be those of the project', async () => {
    const kepware = readFileSync(new URL('../test/golden/tag-lists/kepware/list.csv', import.meta.url), 'utf8');
    await screen.page.getByRole('main').getByRole('button', { name: 'Import', exact: true }).click();
    await tags.importDialog.getByLabel('Device for rows that name none').selectOption({
      label: 'Power meter / Power meter',
    });
    await choose('kepware.csv', kepware);
    const { importDialog } = tags;
    await importDialog.getByText('does not tell the order of words').waitFor();
    await eventually(reasons, (found) => found.length === 5);
    // As a plain table the types of Kepware mean little.
    await importDialog.getByLabel('Format').selectOption({ label: 'Tag list (CSV)' });
    await eventually(reasons, (found) => found.some((one) => one.includes('in column type')));
    await importDialog.getByLabel('Format').selectOption('telegraf');
    await importDialog.getByText('This is no TOML that can be read').waitFor();
    await importDialog.getByLabel('Format').selectOption('kepware');
    await importDialog.getByText('5 bad, left out').waitFor();
    await tags.finishImport();
    await tags.search('Stand1');
    await eventually(
      async () => Number(await tags.table.getAttribute('aria-rowcount')),
      (count) => count === 7,
    );
  });
});
