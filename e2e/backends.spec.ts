import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { barriersInBothThemes } from './fixtures/barriers.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { openScreen, type Screen, textThat } from './fixtures/screen.ts';
import { backendsOf } from './pages/backends.ts';
import { shellOf } from './pages/shell.ts';

const folder = suiteDirectory();
const PASSWORD = 'only reads / %41';

/** A plant's history: a table of 5,000 tags joined by their key, a wide table, and 2,000 tables of something else. */
const PLANT = `
  CREATE TABLE tags (id int PRIMARY KEY, tag_name text NOT NULL, unit text, description text, place jsonb);
  INSERT INTO tags SELECT n, 'Mill.Stand ' || n % 7 || '.Force ' || n, 'kN', 'Roll force ' || n, jsonb_build_object('bay', 'B' || n % 3)
    FROM generate_series(1, 5000) n;
  CREATE TABLE history (ts timestamptz NOT NULL, tag_id int NOT NULL REFERENCES tags (id), value double precision, quality smallint);
  CREATE INDEX ON history (tag_id, ts);
  INSERT INTO history
    SELECT now() - n * interval '1 second', 1 + n % 5, 812.5 + n % 40, CASE WHEN n % 50 = 0 THEN 0 ELSE 192 END
    FROM generate_series(1, 5000) n;
  CREATE TABLE "Öfen" (zeit timestamp NOT NULL, "Zone 1" real, "Zone 2" real, "Läuft" boolean);
  INSERT INTO "Öfen" SELECT now()::timestamp - n * interval '1 second', n % 900, n % 850, n % 2 = 0 FROM generate_series(1, 500) n;
  DO $$ BEGIN FOR n IN 1..2000 LOOP EXECUTE format('CREATE TABLE erp_booking_%s (id int, text text)', n); END LOOP; END $$;
  ANALYZE history; ANALYZE tags; ANALYZE "Öfen";
  CREATE ROLE reader LOGIN PASSWORD '${PASSWORD}';
  GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
`;

describe.skipIf(needs('chromium', 'postgresql'))('the backends page and a plant database', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let server: PostgresServer;
  let screen: Screen;
  let backends: ReturnType<typeof backendsOf>;

  beforeAll(async () => {
    // 2,000 tables are made and given away in one transaction.
    server = await startPostgres('none', { settings: { max_locks_per_transaction: '512' } });
    await server.run(PLANT);
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

  it('begins empty, and offers the first step', async () => {
    await shellOf(screen.page).go('Backends');
    await screen.page.getByRole('heading', { name: 'No sources yet' }).waitFor();
    expect(await barriersInBothThemes(screen.page)).toEqual([]);
    await backends.begin();
  });

  it('takes an address in one line, and keeps fields and line in step', async () => {
    const { form } = backends;
    await form.getByLabel('Name', { exact: true }).fill('Mill history');
    const line = form.getByLabel('Address in one line');
    await line.fill(
      `postgres://reader:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}/${server.database}?sslmode=disable`,
    );
    await expect.poll(() => form.getByLabel('Port', { exact: true }).inputValue()).toBe(String(server.port));
    expect(await form.getByLabel('User', { exact: true }).inputValue()).toBe('reader');
    expect(await form.getByLabel('Password', { exact: true }).inputValue()).toBe(PASSWORD);
    // The other way round, and the password stays out of the line.
    await form.getByLabel('Database', { exact: true }).fill('elsewhere');
    await expect.poll(() => line.inputValue()).toContain('/elsewhere?');
    expect(await line.inputValue()).not.toContain('%2F');
    await form.getByLabel('Database', { exact: true }).fill(server.database);
    expect(await barriersInBothThemes(screen.page)).toEqual([]);
  });

  it('walks the ladder with settings that are not saved, and says which step fails and what to do', async () => {
    expect(await backends.test()).toBe('All steps passed.');
    const said = await backends.ladder.textContent();
    expect(said).toMatch(/PostgreSQL/);
    expect(said).not.toContain(PASSWORD);
    expect(await barriersInBothThemes(screen.page)).toEqual([]);
    await backends.tab('Settings');
    await backends.form.getByLabel('Password', { exact: true }).fill('wrong');
    expect(await backends.test()).toMatch(/^The test ended at "/);
    await textThat(backends.ladder, /password/i);
    await backends.tab('Settings');
    await backends.form.getByLabel('Password', { exact: true }).fill(PASSWORD);
  });

  it('keeps the password out of the project, and never shows it again', async () => {
    await backends.form.getByRole('button', { name: 'Add the source' }).click();
    await textThat(backends.row('Mill history').first(), /Connected/);
    await backends.tab('Settings');
    const field = backends.form.getByLabel('Password', { exact: true });
    await expect.poll(() => field.getAttribute('placeholder')).toBe('kept; type to replace it');
    expect(await field.inputValue()).toBe('');
    await backends.tab('Status');
    await textThat(backends.panel, /PostgreSQL 1\d/);
    expect(await barriersInBothThemes(screen.page)).toEqual([]);
    expect(screen.faults()).toEqual([]);
  });

  it('finds the history among 2,000 tables, recognises its table of tags, and shows what comes of real rows', async () => {
    const { page } = screen;
    await page.getByRole('button', { name: 'Map a table' }).first().click();
    await textThat(page.getByRole('status').filter({ hasText: 'tables and views' }), /2.?003 tables and views$/);
    // Only what is in sight is in the document.
    expect(await backends.relations.getByRole('row').count()).toBeLessThan(80);
    // What looks like samples stands first.
    await textThat(backends.relations.getByRole('row').nth(1), /history|Öfen/);
    await backends.chooseRelation('public history', 'public.history');
    await textThat(page.getByRole('region', { name: 'What was recognised' }), /tag table/);
    await textThat(backends.rows, /812\.5|8[1-5]\d/);
    await textThat(backends.samples, /Mill\.Stand \d\.Force \d.*kN.*Good/s);
    expect(await barriersInBothThemes(page)).toEqual([]);
  });

  it('shows at once what a change makes of the rows, and the problem beside its field', async () => {
    const { page } = screen;
    const time = backends.form.getByRole('region', { name: 'Time' });
    await time.getByLabel('Column', { exact: true }).selectOption('value');
    await textThat(time, /./);
    await expect.poll(() => backends.form.locator('[aria-invalid]').count()).toBeGreaterThan(0);
    await time.getByLabel('Column', { exact: true }).selectOption('ts');
    await expect.poll(() => backends.form.locator('[aria-invalid]').count()).toBe(0);
    // A column of the table of tags may hold further labels.
    const tags = backends.form.getByRole('region', { name: 'Tags' });
    expect(await tags.getByLabel('Its metric', { exact: true }).inputValue()).toBe('');
    await tags.getByLabel('Its labels', { exact: true }).selectOption('unit');
    await textThat(tags.getByRole('alert'), /"unit" is of the type text, not JSON/);
    await tags.getByLabel('Its labels', { exact: true }).selectOption('place');
    await textThat(backends.samples, /bay.?=.?B[012]/);
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Mill');
    expect(await page.getByLabel('Known as').inputValue()).toBe('mill');
    await page.getByRole('button', { name: 'Save the mapping' }).click();
    await textThat(backends.form, /Saved, version 1/);
  });

  it('maps a wide table of names in other letters, column by column', async () => {
    const { page } = screen;
    await backends.chooseRelation('public Öfen', 'public.Öfen');
    const grid = page.getByRole('grid', { name: 'Columns that are tags' });
    await textThat(grid, /Zone 1.*Zone 2.*Läuft/s);
    await grid.getByRole('checkbox', { name: 'Read Läuft' }).uncheck();
    await textThat(backends.form, /2 of 3 are tags/);
    await textThat(backends.samples, /Zone 1.*Zone 2/s);
    expect(await barriersInBothThemes(page)).toEqual([]);
    await page.getByRole('button', { name: 'Save the mapping' }).click();
    await textThat(backends.form, /Saved, version 1/);
    await page.getByRole('button', { name: 'Backends', exact: true }).click();
    await textThat(backends.mapped, /Mill.*As mapped/s);
  });

  it('lists 5,000 tags of the source, found by words on the server', async () => {
    const { page } = screen;
    await backends.tab('Tags');
    await textThat(backends.panel.getByRole('status'), /5.?002 tags$/);
    expect(await backends.tags.getByRole('row').count()).toBeLessThan(80);
    await page.getByRole('searchbox', { name: 'Search tags' }).fill('Force 4711');
    await textThat(backends.panel.getByRole('status'), /^1 tag$/);
    await textThat(backends.tags, /Mill\.Stand 0\.Force 4711.*kN.*Roll force 4711/s);
    expect(await barriersInBothThemes(page)).toEqual([]);
  });

  it('answers a question in the words of the database, and lets nothing be changed by one', async () => {
    const { page } = screen;
    await backends.tab('Query');
    const query = backends.panel.getByLabel('Query', { exact: true }).last();
    await query.fill('SELECT ts, value, tag_id::text AS tag FROM history WHERE ts >= $1 AND ts < $2 ORDER BY ts');
    await query.press('Control+Enter');
    const found = page.getByRole('grid', { name: 'Series of the answer' });
    await textThat(backends.panel.getByRole('status'), /^5 series$/);
    await textThat(found, /value.*tag=1/s);
    await textThat(page.getByRole('grid', { name: 'Samples of the series' }), /8[1-5]\d\.5.*Good/s);
    expect(await barriersInBothThemes(page)).toEqual([]);
    await query.fill('WITH gone AS (DELETE FROM tags RETURNING 1) SELECT now(), 1.0');
    await query.press('Control+Enter');
    await backends.panel.getByRole('alert').first().waitFor();
    expect((await server.run('SELECT count(*)::int AS n FROM tags'))[0]).toEqual({ n: 5000 });
    expect(screen.faults()).toEqual([]);
  });

  it('says in words that a mapped table has changed', async () => {
    await server.run('ALTER TABLE history RENAME COLUMN value TO measured');
    await backends.tab('Tables');
    await backends.panel.getByRole('button', { name: 'Look again' }).click();
    await textThat(backends.mapped.getByRole('row').filter({ hasText: 'Mill' }), /Not readable|Changed/);
    await backends.mapped.getByText('Mill', { exact: true }).first().click();
    await textThat(backends.panel, /value.*measured/s);
    expect(await barriersInBothThemes(screen.page)).toEqual([]);
    await server.run('ALTER TABLE history RENAME COLUMN measured TO value');
    await backends.panel.getByRole('button', { name: 'Look again' }).click();
    await textThat(backends.mapped.getByRole('row').filter({ hasText: 'Mill' }), /As mapped/);
  });

  it('says that the server is away, and comes back by itself', async () => {
    await backends.tab('Status');
    // One after the other: a link that comes back at once must find the door closed.
    await server.run('ALTER ROLE reader NOLOGIN');
    await server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'");
    await screen.page.getByRole('region', { name: 'Status of the source' }).waitFor();
    await textThat(backends.row('Mill history').first(), /Lost/, 40_000);
    await textThat(backends.panel, /not permitted to log in.*Correct the settings or the login/s);
    expect(await barriersInBothThemes(screen.page)).toEqual([]);
    await server.run('ALTER ROLE reader LOGIN');
    await backends.panel.getByRole('button', { name: 'Try now' }).click();
    await textThat(backends.row('Mill history').first(), /Connected/, 15_000);
  });

  it('removes the source with all its mappings, and puts it back whole', async () => {
    await backends.choose('Mill history');
    await backends.list.focus();
    await screen.page.keyboard.press('Delete');
    await screen.page.getByRole('heading', { name: 'No sources yet' }).waitFor();
    await shellOf(screen.page).messages.getByRole('button', { name: 'Undo' }).click();
    await textThat(backends.row('Mill history').first(), /Connected/);
    await backends.choose('Mill history');
    await backends.tab('Tables');
    await textThat(backends.mapped, /Mill.*public\.Öfen/s);
    expect(screen.faults()).toEqual([]);
  });
});
