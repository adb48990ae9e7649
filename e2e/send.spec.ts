import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSchemaManager } from '#engine/tsdb/timescale/own-schema/manager.ts';
import { never } from '#test/contracts/store-samples.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { accessTo } from '#test/support/postgres-lease.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { writeRecording } from '#test/support/written-recording.ts';
import { barriersInBothThemes } from './fixtures/barriers.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { openScreen, type Screen, textThat } from './fixtures/screen.ts';
import { backendsOf } from './pages/backends.ts';
import { recordingsOf } from './pages/recordings.ts';
import { shellOf } from './pages/shell.ts';
import { trendOf } from './pages/trend.ts';

// What was recorded here goes into the tables of ParX in a database: chosen, cancelled, gone on with, and drawn from there.

const folder = suiteDirectory();
const TAGS = 20;
const POLLS = 36_000;
const ALL = TAGS * POLLS;

describe.skipIf(needs('chromium', 'postgresql'))('sending to a source', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let server: PostgresServer;
  let screen: Screen;
  const data = (...names: readonly string[]): string => join(folder.path, 'data', ...names);
  const dialog = () => screen.page.getByRole('dialog', { name: 'Send to a source' });
  const job = () => dialog().getByRole('listitem').first();
  const rows = async (): Promise<number> =>
    (await server.run('SELECT count(*)::int AS n FROM parx.samples'))[0]!.n as number;
  const number = (text: string | null): number => Number((text ?? '').replace(/\D/g, ''));

  beforeAll(async () => {
    mkdirSync(data('recordings'), { recursive: true });
    await writeRecording(data('recordings', 'morning.parx'), {
      tags: TAGS,
      polls: POLLS,
      from: 1_767_600_000e6,
      periodMs: 100,
    });
    server = await startPostgres('none');
    const manager = createSchemaManager(accessTo(server));
    const install = { action: 'install', settings: { rollups: [] } } as const;
    const { token } = await manager.plan(install, never);
    for await (const _ of manager.apply(install, token, never));
    writeFileSync(data('password'), server.password);
    const source = (id: string, name: string, more: string): string =>
      `  ${id}: { name: ${name}, backend: timescale, secrets: { password: { file: ${data('password')} } }, settings: { host: 127.0.0.1, port: ${server.port}, user: ${server.user}, database: ${server.database}, tls: 'off'${more} } }\n`;
    writeFileSync(
      data('sources.yaml'),
      `version: 1\nsources:\n${source('reader', 'Plant history', '')}${source('empty', 'New database', ', write: true, schema: other')}${source('plant', 'Commissioning', ', write: true')}`,
    );
    browser = await launchBrowser();
    host = await startHost(data(), ['--no-demo']);
    screen = await openScreen(browser.context, host.url);
  }, 120_000);
  afterAll(async () => {
    await host?.kill();
    await browser?.close();
    await server?.stop();
  });

  it('offers a recording to the sources that can take it, and says of the others why not', async () => {
    const { page } = screen;
    await shellOf(page).go('Recordings');
    await recordingsOf(page).table.getByRole('row').filter({ hasText: 'morning' }).getByText('morning').first().click();
    await page.getByRole('main').getByRole('button', { name: 'Send to a source' }).click();
    const to = dialog().getByLabel('To', { exact: true });
    await textThat(to, /Commissioning/);
    await expect.poll(() => to.inputValue()).toBe('plant');
    const options = await to
      .locator('option')
      .evaluateAll((all) => all.map((one) => [(one as HTMLOptionElement).disabled, one.textContent]));
    expect(options).toEqual([
      [true, 'Plant history: only read; allow Write in its settings'],
      [true, 'New database: no tables of ParX there yet; make them under Own tables'],
      [false, 'Commissioning'],
    ]);
    await textThat(dialog(), /A sample that is there already is replaced by the one that is sent\./);
    await textThat(
      dialog(),
      (text) =>
        text.replace(/\s/g, ' ').includes('720 000 samples of 20 tags.') || /720.000 samples of 20 tags\./.test(text),
    );
    expect(await barriersInBothThemes(page)).toEqual([]);
  });

  it('takes some of its tags, chosen by name', async () => {
    await dialog().getByLabel('Tags', { exact: true }).selectOption('chosen');
    await textThat(dialog(), /Choose at least one tag\./);
    expect(await dialog().getByRole('button', { name: 'Send', exact: true }).isDisabled()).toBe(true);
    await dialog().getByRole('searchbox', { name: 'Search tags to send' }).fill('tag 03');
    await dialog().getByRole('checkbox', { name: 'Tag 03' }).check();
    await textThat(dialog(), /36.000 samples of 1 tag\./);
    expect(await barriersInBothThemes(screen.page)).toEqual([]);
    await dialog().getByRole('button', { name: 'Send', exact: true }).click();
    await textThat(job(), /36.000 samples of 1 tag lie there, none was refused\./);
    expect(await rows()).toBe(POLLS);
  });

  it('is cancelled on the way, and goes on where it was', async () => {
    await dialog().getByLabel('Tags', { exact: true }).selectOption('all');
    await textThat(dialog(), /720.000 samples of 20 tags\./);
    await dialog().getByRole('button', { name: 'Send', exact: true }).click();
    const progress = job().getByRole('progressbar');
    await expect.poll(() => progress.getAttribute('value').then(Number), { timeout: 15_000 }).toBeGreaterThan(0.05);
    await job()
      .getByRole('button', { name: /^Cancel / })
      .click();
    await textThat(job(), /^Cancelled\. .* lie there and stay\.|Cancelled\./);
    expect(await rows()).toBeLessThan(ALL);
    await job().getByRole('button', { name: 'Go on with morning to Commissioning' }).click();
    const said = await textThat(job(), /of 20 tags lie there, none was refused\./, 60_000);
    expect(number(/([\d\s.,\u2009\u202f]+) samples of/.exec(said)?.[1] ?? null)).toBe(ALL);
    expect(await rows()).toBe(ALL);
    await screen.page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'hidden' });
    // It stands on the page too, where it can be taken off the list.
    const listed = screen.page.getByRole('list', { name: 'Sends to sources' });
    await listed
      .getByRole('button', { name: /^Remove / })
      .first()
      .click();
    await expect.poll(() => listed.getByRole('listitem').count()).toBe(1);
  });

  it('has the tags in the trend at once, under their names, and draws them from there', async () => {
    const { page } = screen;
    await recordingsOf(page).open('morning');
    const picker = page.getByRole('region', { name: 'Tags' });
    await picker.getByRole('option', { name: /^Commissioning/ }).click();
    await expect.poll(() => picker.getByRole('option', { name: /^Tag 07/ }).count()).toBe(2);
    await picker
      .getByRole('option', { name: /^Tag 07/ })
      .nth(1)
      .dblclick();
    await trendOf(page).numbers.getByRole('row').filter({ hasText: 'Commissioning' }).waitFor();
    await picker
      .getByRole('option', { name: /^Tag 07/ })
      .first()
      .dblclick();
    await expect.poll(() => trendOf(page).numbers.getByRole('row').count()).toBe(3);
  });

  it('is in the menu of the trend, with what is visible and what is drawn', async () => {
    const { page } = screen;
    await trendOf(page).plots.click({ button: 'right', position: { x: 200, y: 100 } });
    await page.getByRole('menuitem', { name: 'Send to a source…' }).click();
    await textThat(dialog().getByLabel('Tags', { exact: true }), /Those of the trend \(1\)/);
    await textThat(dialog().getByLabel('Range', { exact: true }), /What is visible/);
    await dialog().getByLabel('Range', { exact: true }).selectOption('other');
    await dialog().getByLabel('Begin', { exact: true }).fill('yesterday?');
    await textThat(dialog(), /Write a time as/);
    await dialog().getByLabel('Begin', { exact: true }).fill('2026-01-05 09:00');
    await dialog().getByLabel('End', { exact: true }).fill('2026-01-05 09:01');
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'hidden' });
  });

  it('begins at the source as well', async () => {
    const { page } = screen;
    await shellOf(page).go('Backends');
    const backends = backendsOf(page);
    await backends.choose('Commissioning');
    await backends.tab('Own tables');
    await textThat(backends.panel, /morning to Commissioning/);
    await backends.panel.getByRole('button', { name: 'Send to this source' }).click();
    await expect.poll(() => dialog().getByLabel('To', { exact: true }).inputValue()).toBe('plant');
    await textThat(dialog().getByLabel('From', { exact: true }), /Running history.*morning/);
    expect(await barriersInBothThemes(page)).toEqual([]);
    expect(screen.faults()).toEqual([]);
  });
});
