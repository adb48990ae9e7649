import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { barriersInBothThemes } from './fixtures/barriers.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { cutOff } from './fixtures/cut-off.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { eventually, openScreen, type Screen, textThat } from './fixtures/screen.ts';
import { backendsOf } from './pages/backends.ts';
import { shellOf } from './pages/shell.ts';

const folder = suiteDirectory();
const PLANT = `
  CREATE TABLE history (ts timestamptz NOT NULL, tag text NOT NULL, value double precision);
  INSERT INTO history SELECT now() - n * interval '1 second', 'Stand ' || n % 3, n FROM generate_series(1, 300) n;
  ANALYZE history;
`;

describe.skipIf(needs('chromium', 'postgresql'))('sources in two windows, and one of the configuration', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let server: PostgresServer;
  let one: Screen;
  let other: Screen;
  const at = (screen: Screen) => backendsOf(screen.page);

  beforeAll(async () => {
    server = await startPostgres('none');
    await server.run(PLANT);
    const { port, user, database, password } = server;
    mkdirSync(folder.path, { recursive: true });
    writeFileSync(join(folder.path, 'password'), password);
    const file = join(folder.path, 'plant-sources.yaml');
    const settings = JSON.stringify({ host: '127.0.0.1', port, user, database, tls: 'off' });
    const secrets = JSON.stringify({ password: { file: join(folder.path, 'password') } });
    const lines = [
      'version: 1',
      '# Written by the administrator.',
      'sources:',
      '  archive:',
      '    name: Archive of the plant',
      '    backend: timescale',
      `    settings: ${settings}`,
      `    secrets: ${secrets}`,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    browser = await launchBrowser();
    host = await startHost(join(folder.path, 'data'), ['--no-demo', '--sources', file]);
    one = await openScreen(browser.context, host.url);
    await shellOf(one.page).go('Backends');
  }, 120_000);
  afterAll(async () => {
    await host?.kill();
    await browser?.close();
    await server?.stop();
  });

  it('shows one of the configuration with its file and line, and offers no change of it', async () => {
    const { page } = one;
    const { list, row, panel } = at(one);
    await textThat(row('Archive of the plant').first(), /configured.*Connected/s, 30_000);
    await at(one).choose('Archive of the plant');
    await textThat(panel, /Given by the configuration: plant-sources\.yaml, line 4\. It is changed there/);
    const tabs = await page.getByRole('tablist', { name: 'Source' }).getByRole('tab').allTextContents();
    expect(tabs).not.toContain('Settings');
    expect(tabs).not.toContain('Test');
    expect(tabs).toContain('Tags');
    await list.focus();
    await page.keyboard.press('Delete');
    await page.keyboard.press('Enter');
    await row('Archive of the plant').first().click({ button: 'right' });
    expect(await page.getByRole('menuitem').count()).toBe(0);
    await page.keyboard.press('Escape');
    expect(await row('Archive of the plant').count()).toBe(1);
    expect(await barriersInBothThemes(page)).toEqual([]);
    expect(one.faults()).toEqual([]);
  });

  it('are shown to the second window setting by setting, which chooses what holds', async () => {
    const { form } = at(one);
    await at(one).begin();
    await form.getByLabel('Name', { exact: true }).fill('Mill');
    const address = `postgres://${server.user}:${encodeURIComponent(server.password)}@127.0.0.1:${server.port}/${server.database}?sslmode=disable`;
    await form.getByLabel('Address in one line').fill(address);
    await expect.poll(() => form.getByLabel('Port', { exact: true }).inputValue()).toBe(String(server.port));
    await form.getByRole('button', { name: 'Add the source' }).click();
    await textThat(at(one).row('Mill').first(), /Connected/);

    other = await openScreen(browser.context, host.origin);
    await shellOf(other.page).go('Backends');
    for (const screen of [one, other]) {
      await at(screen).choose('Mill');
      await at(screen).tab('Settings');
      await at(screen).form.locator('summary', { hasText: 'What it may take' }).click();
    }
    await at(other).form.getByLabel('Name', { exact: true }).fill('As the other calls it');
    await form.getByLabel('Name', { exact: true }).fill('As one calls it');
    await form.getByLabel('Connections', { exact: true }).fill('3');
    await form.getByRole('button', { name: 'Save', exact: true }).click();
    await textThat(at(one).row('As one calls it').first(), /Connected/);

    await textThat(at(other).form, /This source was changed in another window while it is being edited here/);
    await at(other).form.getByRole('button', { name: 'Save', exact: true }).click();
    const conflict = other.page.getByRole('dialog', { name: /was changed in another window/ });
    await textThat(conflict, /Name.*As the other calls it.*As one calls it.*Connections/s);
    // What one alone has changed is taken from there; what both have is mine until it is chosen otherwise.
    expect(await conflict.getByRole('radio', { name: 'Name: as here' }).isChecked()).toBe(true);
    expect(await conflict.getByRole('radio', { name: 'Connections: as in the project' }).isChecked()).toBe(true);
    expect(await barriersInBothThemes(other.page)).toEqual([]);
    await conflict.getByRole('button', { name: 'Save as chosen' }).click();
    await conflict.waitFor({ state: 'hidden' });
    await textThat(at(one).row('As the other calls it').first(), /Connected/);
    await at(one).tab('Settings');
    expect(await form.getByLabel('Connections', { exact: true }).inputValue()).toBe('3');
  });

  it('a mapping that both edit is saved by neither over the other unasked', async () => {
    await at(one).tab('Tables');
    await one.page.getByRole('button', { name: 'Map a table' }).first().click();
    await at(one).chooseRelation('history', 'public.history');
    await one.page.getByRole('button', { name: 'Save the mapping' }).click();
    await textThat(at(one).form, /Saved, version 1/);
    await at(other).choose('As the other calls it');
    await at(other).tab('Tables');
    await at(other).mapped.getByText('history').first().dblclick();
    await at(other).form.waitFor();
    const name = (screen: Screen) =>
      screen.page.getByRole('region', { name: 'Mapping', exact: true }).getByLabel('Name', { exact: true });
    await name(other).fill('As the other maps it');
    await name(one).fill('As one maps it');
    await one.page.getByRole('button', { name: 'Save as a new version' }).click();
    await textThat(at(one).form, /Saved, version 2/);

    await textThat(at(other).form, /This mapping was changed in another window/);
    expect(await name(other).inputValue()).toBe('As the other maps it');
    const save = other.page.getByRole('button', { name: 'Save as a new version' });
    await save.click();
    await textThat(at(other).form, /Nothing was saved\. Take theirs, or keep yours/);
    expect(await barriersInBothThemes(other.page)).toEqual([]);
    await other.page.getByRole('button', { name: 'Keep mine' }).click();
    await save.click();
    await textThat(at(other).form, /Saved, version 3/);
    await eventually(
      () => name(one).inputValue(),
      (text) => text === 'As the other maps it',
    );
    expect(other.faults()).toEqual([]);
    await other.close();
  });

  it('keep every word in sight with a text of 150 %', async () => {
    const { page } = one;
    const main = page.getByRole('main');
    for (let n = 0; n < 4; n++) await page.keyboard.press('Control+Alt++');
    // What is told is told: a heading that is made too narrow is found.
    await page.addStyleTag({ content: 'h2 { overflow: hidden; width: 1rem }' });
    expect(await cutOff(page)).not.toEqual([]);
    await page.evaluate(() => document.head.lastElementChild?.remove());
    const look = async (what: string): Promise<void> => {
      await page.waitForTimeout(300);
      expect(await cutOff(page), what).toEqual([]);
    };
    await look('mapping');
    await page.getByRole('button', { name: 'Backends', exact: true }).click();
    for (const tab of ['Status', 'Settings', 'Test', 'Tables', 'Tags', 'Query', 'Slow queries'] as const) {
      await at(one).tab(tab);
      await look(tab);
    }
    await at(one).begin();
    await look('new source');
    await shellOf(page).go('Graphs');
    await look('no graphs');
    await main.getByRole('button', { name: 'New graph' }).first().click();
    await main.getByLabel('Source of the graph').selectOption({ label: 'As the other calls it' });
    await look('new graph');
    await main.getByRole('searchbox', { name: 'Search metrics' }).fill('history');
    await main
      .getByRole('listbox', { name: /^Metrics/ })
      .getByRole('option')
      .first()
      .waitFor();
    await page.keyboard.press('Enter');
    await main.getByRole('list', { name: 'Series', exact: true }).getByRole('listitem').first().waitFor();
    for (const tab of ['Form', 'YAML', 'Query']) {
      await main.getByRole('tab', { name: tab, exact: true }).click();
      await look(`graph: ${tab}`);
    }
    await textThat(main.getByRole('article'), /history/);
    await main.getByRole('article').getByRole('button', { name: 'Plan' }).click();
    await textThat(main.getByRole('article'), /Scan/);
    await look('plan');
    expect(one.faults()).toEqual([]);
  });
});
