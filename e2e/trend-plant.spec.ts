import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { writeRecording, writtenValue } from '#test/support/written-recording.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { eventually, openScreen, type Screen, textThat } from './fixtures/screen.ts';
import { recordingsOf } from './pages/recordings.ts';
import { shellOf } from './pages/shell.ts';
import { trendOf } from './pages/trend.ts';

// The laptop's recording beside the plant's database in one trend; a range of it fetched; a graph of it; the server gone.

const folder = suiteDirectory();
const FROM = 1_767_600_000;
const SECONDS = 600;

/** The same values as the recording's first tag, a second apart, in a table that somebody else made. */
const PLANT = `
  CREATE TABLE history ("Time" timestamptz NOT NULL, "Tag name" text NOT NULL, value double precision, quality int);
  CREATE INDEX ON history ("Tag name", "Time");
  CREATE ROLE reader LOGIN PASSWORD 'reads only';
  GRANT SELECT ON history TO reader;
`;
const SOURCES = (port: number, database: string): string => `version: 1
sources:
  plant:
    name: Plant history
    backend: timescale
    settings: { host: 127.0.0.1, port: ${port}, database: ${database}, user: reader, tls: 'off' }
    secrets: { password: { env: PARX_TEST_PLANT } }
    mappings:
      - id: history
        relation: { schema: public, name: history }
        time: { column: Time, kind: timestamptz }
        tag: { kind: column, column: Tag name }
        values: [{ column: value, unit: kN }]
        quality: { column: quality, rule: opc }
`;

describe.skipIf(needs('chromium', 'postgresql'))('a trend of the laptop and the plant', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let server: PostgresServer;
  let screen: Screen;
  let shell: ReturnType<typeof shellOf>;
  let trend: ReturnType<typeof trendOf>;
  const data = (...names: readonly string[]): string => join(folder.path, 'data', ...names);
  const picker = () => screen.page.getByRole('region', { name: 'Tags' });
  const plantRow = () => trend.numbers.getByRole('row').filter({ hasText: 'Plant history' });

  beforeAll(async () => {
    mkdirSync(data('recordings'), { recursive: true });
    const shape = { tags: 1, from: FROM * 1e6, periodMs: 1_000, polls: SECONDS };
    await writeRecording(data('recordings', 'laptop.parx'), shape);
    server = await startPostgres('none');
    await server.run(PLANT);
    const values = Array.from({ length: SECONDS }, (_, n) => writtenValue(0, n));
    await server.run(
      `INSERT INTO history SELECT to_timestamp($1 + n - 1), 'Gerüst 1/Kraft', v, 192
       FROM unnest($2::float8[]) WITH ORDINALITY AS given(v, n)`,
      [FROM, values],
    );
    writeFileSync(data('sources.yaml'), SOURCES(server.port, server.database));
    process.env.PARX_TEST_PLANT = 'reads only';
    browser = await launchBrowser();
    host = await startHost(data(), ['--no-demo']);
    screen = await openScreen(browser.context, host.url);
    shell = shellOf(screen.page);
    trend = trendOf(screen.page);
    await shell.go('Recordings');
    await recordingsOf(screen.page).open('laptop');
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await host?.kill();
    await server?.stop();
  });

  it('draws the same samples from both, value by value', async () => {
    await trend.add('Tag 00');
    await picker().getByRole('searchbox', { name: 'Search tags' }).fill('');
    await picker()
      .getByRole('option', { name: /^Plant history, closed/ })
      .click();
    await picker().getByRole('option').filter({ hasText: 'Kraft' }).dblclick();
    await plantRow().waitFor();
    await trend.showRange('2026-01-05T08:00:00Z', '2026-01-05T08:05:00Z');
    await trend.plots.focus();
    await screen.page.keyboard.press('a');
    const cells = trend.numbers.locator('tr[data-trace] [data-col="a"]');
    const both = await eventually(
      async () => (await cells.allTextContents()).map((text) => Number(text.replace('\u2212', '-'))),
      (values) => values.length === 2 && values.every((value) => !Number.isNaN(value) && value !== 0),
    );
    expect(both[0]).toBeCloseTo(writtenValue(0, 100), 1);
    expect(both[1]).toBeCloseTo(both[0]!, 2);
    await textThat(plantRow(), /kN/);
  });

  it('fetches the range to a recording that opens offline', async () => {
    await shell.run('Fetch this range to a local recording');
    const dialog = screen.page.getByRole('dialog', { name: 'Fetch to a local recording' });
    await textThat(dialog, /About 300 samples/);
    await dialog.getByLabel('Name', { exact: true }).fill('from the plant');
    await dialog.getByRole('button', { name: 'Fetch 1 tag' }).click();
    await textThat(dialog, /from the plant\.parx: 300 samples/);
    await screen.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  });

  it('makes a graph of the plant and opens it in the trend', async () => {
    await shell.go('Graphs');
    const main = screen.page.getByRole('main');
    await main.getByRole('button', { name: 'New graph' }).first().click();
    await main.getByLabel('Source of the graph').selectOption({ label: 'Plant history' });
    await main.getByRole('textbox', { name: 'From' }).fill('2026-01-05T08:00:00Z');
    await main.getByRole('textbox', { name: 'To', exact: true }).fill('2026-01-05T08:10:00Z');
    const search = main.getByRole('searchbox', { name: 'Search metrics' });
    await search.fill('plant.history');
    await main
      .getByRole('listbox', { name: /^Metrics/ })
      .getByRole('option')
      .first()
      .waitFor();
    await search.press('Enter');
    const legend = main.getByRole('region', { name: 'Preview' }).getByRole('list', { name: 'Series' });
    await textThat(legend, /Gerüst 1\/Kraft/);
    await main.getByRole('button', { name: 'Open in trend' }).click();
    await textThat(plantRow(), /Gerüst 1\/Kraft/);
  });

  it('goes on with the laptop while the server is gone, and says so', async () => {
    await shell.go('Recordings');
    await recordingsOf(screen.page).open('laptop');
    await trend.add('Tag 00');
    await server.kill();
    await trend.showRange('2026-01-05T04:00:00Z', '2026-01-05T12:00:00Z');
    await textThat(plantRow(), /no answer/);
    await eventually(() => trend.number('Tag 00', 'Max'), Number.isFinite);
    expect(screen.faults()).toEqual([]);
    // What was fetched needs nobody.
    await shell.go('Recordings');
    await recordingsOf(screen.page).open('from the plant');
    await trend.add('Gerüst 1/Kraft');
    const own = trend.numbers.locator('tr[data-trace]').filter({ hasText: 'Kraft', hasNotText: 'Plant history' });
    await textThat(own.locator('[data-col="max"]'), /^\d/);
  });
});
