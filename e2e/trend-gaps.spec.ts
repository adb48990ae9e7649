import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRecords } from '#test/contracts/read-csv.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { writeRecording } from '#test/support/written-recording.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { eventually, openScreen, type Screen, textThat } from './fixtures/screen.ts';
import { recordingsOf } from './pages/recordings.ts';
import { shellOf } from './pages/shell.ts';
import { trendOf } from './pages/trend.ts';

// What a database lacks and where it ends, its states, and a file of the laptop's and the plant's traces together.

const folder = suiteDirectory();
const FROM = 1_767_600_000;
/** The plant's history began three hours earlier; for twenty minutes within the laptop's hour nothing came. */
const PLANT = `
  CREATE TABLE history (tag text NOT NULL, at timestamptz NOT NULL, number float8, word text);
  INSERT INTO history SELECT 'Kraft', to_timestamp(${FROM} + n), 500 + 200 * sin(n / 150.0), NULL FROM generate_series(-10800, 3600) n
    WHERE NOT (n > 1200 AND n < 2400);
  INSERT INTO history SELECT 'Zustand', to_timestamp(${FROM} + n * 300), NULL, (ARRAY['steht', 'fädelt ein', 'walzt'])[1 + (n + 36) % 3] FROM generate_series(-36, 12) n;
  CREATE INDEX ON history (tag, at);
  ANALYZE;
  CREATE ROLE reader LOGIN PASSWORD 'reads only';
  GRANT SELECT ON history TO reader;
`;
const SOURCES = (port: number, database: string): string => `version: 1
sources:
  plant:
    name: Plant history
    backend: timescale
    settings: { host: 127.0.0.1, port: ${port}, database: ${database}, user: reader, tls: 'off' }
    secrets: { password: { env: PARX_TEST_GAPS } }
    mappings:
      - id: history
        relation: { schema: public, name: history }
        time: { column: at, kind: timestamptz }
        tag: { kind: column, column: tag }
        values: [{ column: number, unit: kN }, { column: word, type: text }]
`;

describe.skipIf(needs('chromium', 'postgresql'))('a trend with a database that has holes', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let server: PostgresServer;
  let screen: Screen;
  let shell: ReturnType<typeof shellOf>;
  let trend: ReturnType<typeof trendOf>;
  const data = (...names: readonly string[]): string => join(folder.path, 'data', ...names);
  const picker = () => screen.page.getByRole('region', { name: 'Tags' });
  const row = (tag: string) => trend.numbers.getByRole('row').filter({ hasText: tag });
  /** Puts the pointer at a share of the width of the first plot. */
  const pointAt = async (share: number): Promise<void> => {
    const box = (await trend.plots.boundingBox())!;
    await screen.page.mouse.move(box.x + box.width * share, box.y + box.height * 0.2);
  };

  beforeAll(async () => {
    mkdirSync(data('recordings'), { recursive: true });
    const shape = { tags: 1, from: FROM * 1e6, periodMs: 1_000, polls: 3_600 };
    await writeRecording(data('recordings', 'laptop.parx'), shape);
    server = await startPostgres('none');
    await server.run(PLANT);
    writeFileSync(data('sources.yaml'), SOURCES(server.port, server.database));
    process.env.PARX_TEST_GAPS = 'reads only';
    browser = await launchBrowser();
    host = await startHost(data(), ['--no-demo']);
    screen = await openScreen(browser.context, host.url);
    shell = shellOf(screen.page);
    trend = trendOf(screen.page);
    await shell.go('Recordings');
    await recordingsOf(screen.page).open('laptop');
    await trend.add('Tag 00');
    await picker().getByRole('searchbox', { name: 'Search tags' }).fill('');
    await picker()
      .getByRole('option', { name: /^Plant history, closed/ })
      .click();
    for (const tag of ['Kraft', 'Zustand']) {
      await picker().getByRole('option').filter({ hasText: tag }).dblclick();
      await row(tag).waitFor();
    }
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await host?.kill();
    await server?.stop();
  });

  it('says at the pointer that nothing came there, close up and from afar', async () => {
    const box = screen.page.locator('.hover-box');
    for (const [from, to] of [
      ['2026-01-05T08:25:00Z', '2026-01-05T08:35:00Z'],
      ['2026-01-05T08:00:00Z', '2026-01-05T09:00:00Z'],
      ['2026-01-05T06:30:00Z', '2026-01-05T10:30:00Z'],
    ] as const) {
      await trend.showRange(from, to);
      await pointAt(0.5);
      await eventually(
        async () => {
          await pointAt(0.5 + Math.random() * 0.02);
          return (await box.textContent()) ?? '';
        },
        (text) => /Kraft.*No sample for (19\.\d+|20) min; around it one comes every 1 s/s.test(text),
      );
    }
    // The laptop has values there all the same.
    expect(await box.textContent()).toMatch(/Tag 00[^—]*\d/);
    await screen.page.mouse.move(5, 5);
  });

  it('goes home to where the database begins, and shows all of both', async () => {
    await trend.showRange('2026-01-05T08:00:00Z', '2026-01-05T08:10:00Z');
    await eventually(
      async () => {
        await trend.plots.focus();
        await screen.page.keyboard.press('Home');
        return (await trend.window()).from;
      },
      (from) => Date.parse(`${from.replace(' ', 'T')}Z`) / 1_000 === FROM - 10_800,
    );
  });

  it('draws a text as a state, with its words in the table', async () => {
    await trend.showRange('2026-01-05T08:00:00Z', '2026-01-05T09:00:00Z');
    await trend.plots.focus();
    await pointAt(0.375);
    await screen.page.keyboard.press('a');
    // 22 minutes in: the fifth state, since minute 20.
    await textThat(row('Zustand').locator('[data-col="a"]'), /^(steht|fädelt ein|walzt)$/);
    await textThat(row('Zustand').locator('[data-col="a"]'), /^fädelt ein$/);
    await screen.page.keyboard.press('x');
  });

  it('writes the traces of both into one file, told apart by their source', async () => {
    const text = readFileSync(await trend.exportVisible('both', 'CSV'), 'utf8');
    const [head, units, ...rows] = parseRecords(text.replace(/^\uFEFF/, ''), ',');
    expect(head!.map((cell) => cell.text)).toEqual([
      'time',
      'Tag 00',
      'Kraft (Plant history)',
      'Zustand (Plant history)',
    ]);
    expect(units!.map((cell) => cell.text)[2]).toBe('kN');
    expect(rows).toHaveLength(3_600);
    const at = (minutes: number) => rows[minutes * 60]!.map((cell) => cell.text);
    expect(at(10)[3]).not.toBe('');
    expect(at(30)[2]).toBe('');
    expect(Number(at(50)[2])).toBeGreaterThan(0);
  });
});
