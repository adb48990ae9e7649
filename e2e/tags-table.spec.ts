import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '#test/support/needs.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { eventually, openScreen, type Screen, textThat } from './fixtures/screen.ts';
import { shellOf } from './pages/shell.ts';
import { tagsOf } from './pages/tags.ts';

const folder = suiteDirectory();
const DEMO_TAGS = 148;

describe.skipIf(needs('chromium'))('the table of tags', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let screen: Screen;
  let tags: ReturnType<typeof tagsOf>;
  let shell: ReturnType<typeof shellOf>;

  beforeAll(async () => {
    browser = await launchBrowser();
    await browser.context.grantPermissions(['clipboard-read', 'clipboard-write']);
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
  });

  const row = (name: string) => tags.table.getByRole('row').filter({ hasText: name }).first();
  const nameCell = (name: string) => row(name).getByRole('gridcell').first();
  const names = (): Promise<string[]> =>
    tags.table
      .locator('[role="row"][data-index]')
      .evaluateAll((rows) =>
        rows
          .sort((a, b) => Number((a as HTMLElement).dataset.index) - Number((b as HTMLElement).dataset.index))
          .map((element) => element.querySelector('[data-column="name"] [title]')?.getAttribute('title') ?? ''),
      );
  const press = (key: string): Promise<void> => screen.page.keyboard.press(key);

  it('shows value, unit, quality, age, address and its place on the wire of each tag', async () => {
    expect(await tags.table.getAttribute('aria-rowcount')).toBe(String(DEMO_TAGS + 1));
    const cell = (column: string) => tags.cell('Strip speed', column);
    await textThat(await cell('Value'), /^\d+\.\d$/);
    expect(await (await cell('Unit')).textContent()).toBe('m/min');
    expect(await (await cell('Quality')).textContent()).toContain('Good');
    await textThat(await cell('Age'), /^0\.\d s$/);
    expect(await (await cell('Address')).textContent()).toBe('300001');
    expect(await (await cell('On the wire')).textContent()).toBe('input register, function 4, offset 0');
    expect(await row('Strip speed').getByText('DEMO').count()).toBe(1);
  });

  it('selects with Shift and Ctrl and with the keyboard', async () => {
    const selected = (): Promise<number> => tags.table.locator('[role="row"][aria-selected="true"]').count();
    await nameCell('Strip speed').click();
    await nameCell('Exit thickness').click({ modifiers: ['Shift'] });
    expect(await selected()).toBe(4);
    await nameCell('Speed reference').click({ modifiers: ['ControlOrMeta'] });
    expect(await selected()).toBe(3);
    await nameCell('Strip speed').click();
    await press('Shift+ArrowDown');
    await press('Shift+ArrowDown');
    expect(await selected()).toBe(3);
    await press('Control+a');
    await screen.page.getByText(`${DEMO_TAGS} tags, ${DEMO_TAGS} selected`).waitFor();
    await press('Escape');
    expect(await selected()).toBe(0);
  });

  it('sorts from the keyboard and by the heading, and goes back to the order of the project', async () => {
    const first = (await names())[0];
    await nameCell('Strip speed').click();
    await press('Alt+s');
    await eventually(names, (now) => now[0] === 'Alarm word');
    const heading = tags.table.getByRole('columnheader', { name: 'Name' });
    expect(await heading.getAttribute('aria-sort')).toBe('ascending');
    await heading.getByRole('button').click();
    await eventually(names, (now) => now[0] !== 'Alarm word');
    expect(await heading.getAttribute('aria-sort')).toBe('descending');
    await heading.getByRole('button').click();
    await eventually(names, (now) => now[0] === first);
  });

  it('filters by column, and says when nothing is left', async () => {
    await screen.page.getByRole('button', { name: 'Filters per column' }).click();
    await screen.page.getByLabel('Filter Name').fill('S1 !temperature');
    await eventually(
      names,
      (now) => now.length > 0 && now.every((name) => /S1/.test(name) && !/temperature/.test(name)),
    );
    await screen.page.getByLabel('Filter Unit').selectOption('=kN');
    await eventually(names, (now) => now.length === 2);
    await screen.page.getByLabel('Filter Name').fill('no such name');
    await screen.page.getByText('No row matches the search and the filters.').waitFor();
    await screen.page.getByRole('button', { name: 'Clear the filters' }).click();
    await eventually(names, (now) => now.length > 20);
    await screen.page.getByRole('button', { name: 'Filters per column' }).click();
  });

  it('shows and hides columns, and remembers it', async () => {
    await screen.page.getByRole('button', { name: 'Columns' }).click();
    await screen.page.getByRole('menuitemcheckbox', { name: 'Description' }).click();
    await press('Escape');
    await tags.table.getByRole('columnheader', { name: 'Description' }).waitFor();
    await eventually(
      async () => {
        await screen.page.reload();
        await tags.table.waitFor();
        return tags.table.getByRole('columnheader', { name: 'Description' }).count();
      },
      (count) => count === 1,
    );
    await screen.page.getByRole('button', { name: 'Columns' }).click();
    await screen.page.getByRole('menuitemcheckbox', { name: 'Description' }).click();
    await press('Escape');
  });

  it('refuses a name that is taken at its cell, takes another, and undoes it', async () => {
    await nameCell('Speed reference').click();
    await press('F2');
    const field = tags.table.getByRole('textbox', { name: 'Name', exact: true });
    await field.fill('Strip speed');
    await press('Enter');
    await tags.table.getByText('Another tag is called "Strip speed".').waitFor();
    await field.fill('Speed wanted');
    await press('Enter');
    await row('Speed wanted').waitFor();
    await tags.table.focus();
    await press('Control+z');
    await row('Speed reference').waitFor();
  });

  it('changes several tags together and leaves what differs', async () => {
    await tags.search('S2');
    await nameCell('S2 Gap').click();
    await nameCell('S2 Torque').click({ modifiers: ['Shift'] });
    const form = screen.page.getByRole('form', { name: 'Properties of 4 tags' });
    expect(await form.getByLabel('Unit').getAttribute('placeholder')).toBe('differs');
    await form.getByLabel('Period').fill('250 ms');
    await form.getByRole('button', { name: 'Save 4 tags' }).click();
    await textThat(await tags.cell('S2 Motor speed', 'Period'), /^250 ms$/);
    expect(await (await tags.cell('S2 Motor speed', 'Unit')).textContent()).toBe('rpm');
    await tags.table.focus();
    await press('Control+z');
    await textThat(await tags.cell('S2 Motor speed', 'Period'), /^50 ms$/);
    await tags.search('');
  });

  it('adds a series whose names and addresses count up', async () => {
    await tags.table.focus();
    await press('Insert');
    const dialog = screen.page.getByRole('dialog', { name: 'Add tags' });
    await dialog.getByLabel('Name', { exact: true }).fill('Zone 08 temperature');
    await dialog.getByLabel('Address', { exact: true }).fill('HR5:f32');
    await dialog.getByLabel('How many').fill('3');
    await dialog.getByRole('button', { name: 'Add 3 tags' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await screen.page.getByRole('main').getByRole('searchbox', { name: 'Search', exact: true }).fill('Zone');
    await eventually(names, (now) => now.length === 3);
    expect(await names()).toEqual(['Zone 08 temperature', 'Zone 09 temperature', 'Zone 10 temperature']);
    expect(await (await tags.cell('Zone 10', 'Address')).textContent()).toBe('400009');
  });

  it('deletes at once and puts back by the offer to undo', async () => {
    await nameCell('Zone 08').click();
    await nameCell('Zone 09').click({ modifiers: ['Shift'] });
    await press('Delete');
    await eventually(names, (now) => now.length === 1);
    await shell.messages.getByText('2 tags deleted.').waitFor();
    await shell.messages.getByRole('button', { name: 'Undo' }).click();
    await eventually(names, (now) => now.length === 3);
    // At their place, not behind the one that stayed.
    expect(await names()).toEqual(['Zone 08 temperature', 'Zone 09 temperature', 'Zone 10 temperature']);
    await screen.page.getByRole('main').getByRole('searchbox', { name: 'Search', exact: true }).fill('');
  });

  it('copies rows as a spreadsheet takes them, and takes rows from one', async () => {
    await nameCell('Strip speed').click();
    await press('Control+c');
    const copied = await screen.page.evaluate(() => navigator.clipboard.readText());
    expect(copied.split('\r\n')[0]?.split('\t').slice(0, 3)).toEqual(['Name', 'Value', 'Unit']);
    expect(copied.split('\r\n')[1]?.split('\t')[0]).toBe('Strip speed');
    await screen.page.evaluate(() =>
      navigator.clipboard.writeText('name\taddress\ttype\nFrom a sheet\t400011\tuint16\nWrong\tnowhere\tuint16\n'),
    );
    await press('Control+v');
    await tags.importDialog.getByRole('button', { name: 'Import 1 tag' }).waitFor();
    await tags.importRows.getByRole('row').filter({ hasText: 'Wrong' }).getByText('Bad').waitFor();
    await tags.finishImport();
    await tags.search('From a sheet');
    await eventually(names, (now) => now.join() === 'From a sheet');
    await tags.search('');
  });

  it('opens rows that are dragged onto the trend on the rail', async () => {
    await nameCell('Strip speed').click();
    await nameCell('Speed reference').dragTo(shell.rail.getByRole('link', { name: 'Trend' }));
    await screen.page.getByRole('main', { name: 'Trend', exact: true }).waitFor();
    await screen.page.getByRole('row').filter({ hasText: 'Speed reference' }).first().waitFor();
    await shell.go('Tags');
  });

  it('holds 10,000 rows of which only those in sight are in the document', async () => {
    const lines = Array.from({ length: 10_000 }, (_, index) => `Bulk ${index + 1},400011,uint16,2000`);
    await screen.page.getByRole('main').getByRole('button', { name: 'Import', exact: true }).click();
    await tags.importDialog.getByLabel('Tag list file').setInputFiles({
      name: 'bulk.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from(`name,address,type,period_ms\n${lines.join('\n')}\n`, 'utf8'),
    });
    await tags.importDialog.getByRole('button', { name: 'Import 10\u202f000 tags' }).click();
    await tags.importDialog.waitFor({ state: 'hidden' });
    await eventually(
      async () => Number(await tags.table.getAttribute('aria-rowcount')),
      (count) => count > 10_000,
    );
    const mounted = (): Promise<number> => tags.table.locator('[role="row"][data-index]').count();
    expect(await mounted()).toBeLessThan(80);
    await tags.table.focus();
    await press('End');
    await row('Bulk 10000').waitFor();
    await textThat(await tags.cell('Bulk 10000', 'Quality'), /Good/);
    expect(await mounted()).toBeLessThan(80);
    await tags.search('Bulk 9990');
    await eventually(names, (now) => now.join() === 'Bulk 9990');
    // All of them at once are one step, there and back.
    await tags.search('');
    await tags.table.focus();
    await press('Control+z');
    await eventually(
      async () => Number(await tags.table.getAttribute('aria-rowcount')),
      (count) => count < 200,
    );
  });
});
