import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { barriersInBothThemes } from './fixtures/barriers.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { openScreen, type Screen, textThat } from './fixtures/screen.ts';
import { backendsOf } from './pages/backends.ts';
import { cellOf, shellOf } from './pages/shell.ts';

const folder = suiteDirectory();

/** Three series: one of the last hours that rises by 1 a minute, one that is mostly bad, and one of long ago. */
const FILL = `
  INSERT INTO parx.series (metric, type, unit, labels) VALUES
    ('mill.speed', 'gauge', 'm/min', '{"stand": "1"}'), ('mill.speed', 'gauge', 'm/min', '{"stand": "2"}'),
    ('furnace.temperature', 'gauge', '°C', '{"zone": "a zone with a name that is longer than any column is wide"}');
  INSERT INTO parx.samples (time, value, series, quality)
    SELECT now() - n * interval '1 minute', 500 - n, (SELECT min(id) FROM parx.series), 0 FROM generate_series(1, 300) n;
  INSERT INTO parx.samples (time, value, series, quality)
    SELECT now() - n * interval '1 minute', n, (SELECT min(id) + 1 FROM parx.series), CASE WHEN n % 3 = 0 THEN 0 ELSE 32768 END
    FROM generate_series(1, 90) n;
  INSERT INTO parx.samples (time, value, series, quality)
    SELECT now() - interval '200 days' - n * interval '1 minute', n, (SELECT max(id) FROM parx.series), 0 FROM generate_series(1, 1234) n;
`;

describe.skipIf(needs('chromium', 'postgresql'))('tables of this program at a source', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let server: PostgresServer;
  let screen: Screen;
  let backends: ReturnType<typeof backendsOf>;
  const schemas = async (): Promise<number> =>
    (await server.run("SELECT 1 FROM pg_namespace WHERE nspname = 'parx'")).length;
  const samples = async (): Promise<unknown> => (await server.run('SELECT count(*)::int AS n FROM parx.samples'))[0]?.n;

  beforeAll(async () => {
    server = await startPostgres('none');
    browser = await launchBrowser();
    host = await startHost(folder.path, ['--no-demo']);
    screen = await openScreen(browser.context, host.url);
    backends = backendsOf(screen.page);
  }, 120_000);
  afterAll(async () => {
    await host?.kill();
    await browser?.close();
    await server?.stop();
  });

  it('makes tables only after the plan was shown and carried out', async () => {
    const { page } = screen;
    await shellOf(page).go('Backends');
    await backends.begin();
    await backends.form.getByLabel('Name', { exact: true }).fill('Archive');
    await backends.form
      .getByLabel('Address in one line')
      .fill(
        `postgres://${server.user}:${encodeURIComponent(server.password)}@127.0.0.1:${server.port}/${server.database}?sslmode=disable`,
      );
    await expect.poll(() => backends.form.getByLabel('Port', { exact: true }).inputValue()).toBe(String(server.port));
    await backends.form.locator('summary', { hasText: 'Own tables' }).click();
    await backends.form.getByLabel('Write', { exact: true }).check();
    await backends.form.getByRole('button', { name: 'Add the source' }).click();
    await textThat(backends.row('Archive').first(), /Connected/);
    await backends.tab('Own tables');
    await textThat(backends.panel, /Nothing of this program is there/);
    expect(await barriersInBothThemes(page)).toEqual([]);
    // A preset shows every value that it stands for.
    await backends.panel.getByLabel('Preset', { exact: true }).selectOption({ label: 'Tables alone' });
    expect(await backends.panel.getByLabel('Compress after', { exact: true }).inputValue()).toBe('0');
    await backends.panel.getByRole('button', { name: 'Show the plan' }).click();
    const dialog = page.getByRole('dialog');
    await textThat(dialog, /CREATE SCHEMA.*"parx"/s);
    expect(await barriersInBothThemes(page)).toEqual([]);
    expect(await schemas()).toBe(0);
    await dialog.getByRole('button', { name: /^Carry out/ }).click();
    await dialog.getByText('All of it is done.').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await textThat(backends.panel, /Version \d+ of \d+.*Statistics/s);
    expect(await schemas()).toBe(1);
    expect(await barriersInBothThemes(page)).toEqual([]);
  });

  it('tells what each series came to: samples, bad ones, ends, extremes and change', async () => {
    const { page } = screen;
    await server.run(FILL);
    const form = backends.panel.getByRole('form', { name: 'Each series' });
    await form.getByRole('button', { name: 'Work out' }).click();
    await textThat(form.getByRole('status'), /^2 series$/);
    const grid = page.getByRole('grid', { name: 'Statistics of each series' });
    await textThat(await cellOf(grid, 'stand=1', 'Samples'), /^300$/);
    await textThat(await cellOf(grid, 'stand=1', 'Smallest'), /^200$/);
    await textThat(await cellOf(grid, 'stand=1', 'Largest'), /^499$/);
    await textThat(await cellOf(grid, 'stand=2', 'Samples'), /^90$/);
    await form.getByLabel('Range', { exact: true }).selectOption({ label: 'Last year' });
    await form.getByLabel('Metric', { exact: true }).fill('furnace.temperature');
    await form.getByLabel('Metric', { exact: true }).press('Enter');
    await textThat(form.getByRole('status'), /^1 series$/);
    await textThat(await cellOf(grid, 'zone=', 'Samples'), /^1234$/);
    expect(await barriersInBothThemes(page)).toEqual([]);
    await form.getByLabel('Metric', { exact: true }).fill('furnace');
    await form.getByRole('button', { name: 'Work out' }).click();
    await textThat(grid.locator('..'), /No samples in this range.*with its dots/s);
  });

  it('removes what is before a time only after the plan has told how many samples that is', async () => {
    const { page } = screen;
    const form = backends.panel.getByRole('form', { name: 'Remove old samples' });
    const before = form.getByLabel('Remove what is before', { exact: true });
    const dialog = page.getByRole('dialog');
    await before.fill('the day before yesterday');
    await form.getByRole('button', { name: 'Show the plan' }).click();
    await textThat(form.getByRole('alert'), /^Write a time as/);
    await before.fill('now+1d');
    await textThat(form.getByRole('alert'), /every sample would go/);
    await before.fill('now-1000d');
    await before.press('Enter');
    await textThat(dialog, /nothing to remove/);
    expect(await dialog.getByRole('button', { name: 'Carry out' }).isDisabled()).toBe(true);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await before.fill('now-90d');
    await before.press('Enter');
    await textThat(dialog, /1,234 samples before.*Loses data.*DELETE FROM "parx"\."samples"/s);
    expect(await barriersInBothThemes(page)).toEqual([]);
    const carryOut = dialog.getByRole('button', { name: /^Carry out/ });
    expect(await carryOut.isDisabled()).toBe(true);
    expect(await samples()).toBe(1_624);
    await dialog.getByRole('checkbox').check();
    await carryOut.click();
    await dialog.getByText('All of it is done.').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    expect(await samples()).toBe(390);
    expect(screen.faults()).toEqual([]);
  });

  it('drops them after a consent of its own', async () => {
    const { page } = screen;
    const dialog = page.getByRole('dialog');
    await backends.panel.locator('summary', { hasText: 'Objects at the server' }).click();
    await backends.panel.getByRole('button', { name: 'Remove the tables and their samples' }).click();
    const carryOut = dialog.getByRole('button', { name: /^Carry out/ });
    await textThat(dialog, /Loses data/);
    expect(await carryOut.isDisabled()).toBe(true);
    await dialog.getByRole('checkbox').check();
    await carryOut.click();
    await dialog.getByText('All of it is done.').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await textThat(backends.panel, /Nothing of this program is there/);
    expect(await schemas()).toBe(0);
    expect(screen.faults()).toEqual([]);
  });
});
