import { join } from 'node:path';
import { startPostgres } from '#test/support/postgres.ts';
import { startHost } from './fixtures/host.ts';
import { openScreen } from './fixtures/screen.ts';
import { backendsOf } from './pages/backends.ts';
import { shellOf } from './pages/shell.ts';
import type { Camera } from './pictures-looking.ts';

/** A plant's database that grew over the years: what a mapping meets. */
const PLANT = `
  CREATE TABLE tags (id int PRIMARY KEY, tag_name text NOT NULL, unit text, description text, line text);
  COMMENT ON TABLE tags IS 'All measuring points of the hot strip mill';
  INSERT INTO tags SELECT n, 'HSM.Finishing.Stand ' || n % 7 || '.Hydraulic gap control.Drive side.Position ' || n, 'mm',
    'Servo valve position feedback ' || n, 'L' || n % 3 FROM generate_series(1, 5000) n;
  CREATE TABLE history (ts timestamptz NOT NULL, tag_id int NOT NULL REFERENCES tags (id), value_int int, value_float double precision,
    value_text text, quality smallint);
  CREATE INDEX ON history (tag_id, ts);
  CREATE INDEX ON history (ts);
  INSERT INTO history SELECT now() - n * interval '1 second', 1 + n % 9, NULL, 12.5 + n % 40 / 7.0, NULL,
    CASE WHEN n % 5 = 0 THEN 0 WHEN n % 7 = 0 THEN 64 ELSE 192 END FROM generate_series(1, 20000) n;
  CREATE TABLE furnace (zeit timestamp NOT NULL, running boolean, recipe text);
  DO $$ BEGIN FOR n IN 1..400 LOOP EXECUTE format('ALTER TABLE furnace ADD COLUMN "Zone %s temperature" real', n); END LOOP; END $$;
  INSERT INTO furnace (zeit, running, recipe, "Zone 1 temperature", "Zone 2 temperature", "Zone 3 temperature")
    SELECT now()::timestamp - n * interval '1 second', n % 3 > 0, 'DX51', 812 + n % 40, 790 + n % 30, NULL FROM generate_series(1, 900) n;
  CREATE TABLE energy (t bigint NOT NULL, meter text NOT NULL, kwh double precision);
  INSERT INTO energy SELECT (extract(epoch FROM now())::bigint - n * 60) * 1000, 'Meter ' || n % 12, n * 1.5 FROM generate_series(1, 4000) n;
  CREATE VIEW energy_today AS SELECT * FROM energy WHERE t > 1000;
  DO $$ BEGIN FOR n IN 1..300 LOOP EXECUTE format('CREATE TABLE erp_production_order_confirmation_with_serial_numbers_%s (id int, text text)', n); END LOOP; END $$;
  ANALYZE;
  CREATE ROLE reader LOGIN PASSWORD 'reads';
  GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
`;

/** Samples of ParX's own, of series with long names. */
const OWN = `
  INSERT INTO parx.series (metric, type, unit, labels)
    SELECT 'mill.stand.hydraulic.gap.position', 'gauge', 'mm', jsonb_build_object('stand', n, 'side', 'drive side of the finishing train')
    FROM generate_series(1, 12) n;
  INSERT INTO parx.samples (time, value, series, quality)
    SELECT now() - n * interval '1 minute', 12.5 + sin(n / 30.0) * s.id, s.id, CASE WHEN n % 97 = 0 THEN 32768 ELSE 0 END
    FROM parx.series s, generate_series(1, 1400) n;
`;

/** Backends: every state of a source, the mapping of tables, and own tables. */
export async function takeBackends({ context, folder, shade, shoot }: Camera): Promise<void> {
  const server = await startPostgres('none', { settings: { max_locks_per_transaction: '256' } });
  const host = await startHost(join(folder, `backends-${shade}`), ['--no-demo']);
  try {
    await server.run(PLANT);
    const { page, close } = await openScreen(context, host.url);
    const shell = shellOf(page);
    const backends = backendsOf(page);
    const away = (): Promise<void> => page.mouse.move(330, 12);
    await shell.theme(shade === 'dark' ? 'Dark' : 'Light');
    await shell.go('Backends');
    await away();
    await backends.begin();
    await shoot(page, 'backend-new');
    const url = (user: string, password: string): string =>
      `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${server.port}/${server.database}?sslmode=disable`;
    await backends.form.getByLabel('Name', { exact: true }).fill('Level 2 history of the hot strip mill');
    await backends.form.getByLabel('Address in one line').fill(url('reader', 'wrong'));
    await page.waitForTimeout(900);
    await backends.test();
    await shoot(page, 'backend-test-failed', 'one');
    await backends.tab('Settings');
    await backends.form.getByLabel('Password', { exact: true }).fill('reads');
    await backends.test();
    await shoot(page, 'backend-test-passed');
    await backends.tab('Settings');
    await backends.form.getByLabel('Port', { exact: true }).fill('70000');
    await page.waitForTimeout(700);
    await shoot(page, 'backend-wrong-field', 'one');
    await backends.form.getByLabel('Port', { exact: true }).fill(String(server.port));
    await backends.form.getByRole('button', { name: 'Add the source' }).click();
    await backends.row('Level 2').getByText('Connected').waitFor();
    await shoot(page, 'backend-connected');
    await backends.tab('Settings');
    await shoot(page, 'backend-settings', 'one');
    await backends.tab('Tables');
    await shoot(page, 'backend-no-tables', 'one');

    await page.getByRole('button', { name: 'Map a table' }).first().click();
    await backends.relations.getByText('history').first().waitFor();
    await shoot(page, 'backend-relations', 'one');
    for (const [search, name] of [
      ['history', 'public.history'],
      ['furnace', 'public.furnace'],
      ['energy', 'public.energy'],
    ] as const) {
      await backends.chooseRelation(search, name);
      await backends.samples.waitFor();
      await page.waitForTimeout(1_000);
      await away();
      await shoot(page, `backend-map-${search}`);
      if (search !== 'energy') await page.getByRole('button', { name: 'Save the mapping' }).click();
      await page.waitForTimeout(500);
    }
    const time = backends.form.getByRole('region', { name: 'Time' });
    await time.getByLabel('Column', { exact: true }).selectOption('meter');
    await page.waitForTimeout(1_500);
    await shoot(page, 'backend-map-wrong', 'one');
    await page.getByRole('button', { name: 'Backends', exact: true }).click();
    await shoot(page, 'backend-tables', 'one');
    await backends.tab('Tags');
    await backends.tags.getByText('HSM').first().waitFor();
    await shoot(page, 'backend-tags');
    await backends.tab('Slow queries');
    await page.waitForTimeout(500);
    await shoot(page, 'backend-slow', 'one');
    await backends.tab('Query');
    const query = backends.panel.getByLabel('Query', { exact: true }).last();
    await query.fill(
      'SELECT ts, value_float, quality, tag_id::text AS tag\nFROM history\nWHERE ts >= $1 AND ts < $2\nORDER BY ts',
    );
    await query.press('Control+Enter');
    await page.getByRole('grid', { name: 'Samples of the series' }).waitFor();
    await shoot(page, 'backend-query');

    await server.run('ALTER TABLE history RENAME COLUMN value_float TO measured; DROP TABLE furnace');
    await backends.tab('Tables');
    await backends.panel.getByRole('button', { name: 'Look again' }).click();
    await backends.mapped.getByText('Not readable').first().waitFor();
    await backends.mapped.getByText('history').first().click();
    await shoot(page, 'backend-drift', 'one');

    // Tables of this program, by a login that may make them.
    await backends.begin();
    await backends.form.getByLabel('Name', { exact: true }).fill('Archive');
    await backends.form.getByLabel('Address in one line').fill(url(server.user, server.password));
    await page.waitForTimeout(900);
    await backends.form.locator('summary', { hasText: 'Own tables' }).click();
    await backends.form.getByLabel('Write', { exact: true }).check();
    await backends.form.getByRole('button', { name: 'Add the source' }).click();
    await backends.row('Archive').getByText('Connected').waitFor();
    await backends.tab('Own tables');
    await backends.panel.getByRole('button', { name: 'Show the plan' }).waitFor();
    await shoot(page, 'backend-own-absent', 'one');
    await backends.panel.getByRole('button', { name: 'Show the plan' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.locator('.plan-steps li').first().waitFor();
    await shoot(page, 'backend-plan');
    await dialog.getByRole('button', { name: /^Carry out/ }).click();
    await dialog.getByText('All of it is done.').waitFor();
    await shoot(page, 'backend-plan-done', 'one');
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await backends.panel.getByText('Statistics').waitFor();
    await shoot(page, 'backend-own');
    await server.run(OWN);
    await backends.panel.getByRole('button', { name: 'Look again' }).click();
    const each = backends.panel.getByRole('form', { name: 'Each series' });
    await each.getByRole('button', { name: 'Work out' }).click();
    await page.getByRole('grid', { name: 'Statistics of each series' }).waitFor();
    await away();
    await shoot(page, 'backend-own-series');
    const prune = backends.panel.getByRole('form', { name: 'Remove old samples' });
    await prune.getByLabel('Remove what is before', { exact: true }).fill('last week');
    await prune.getByRole('button', { name: 'Show the plan' }).click();
    await prune.scrollIntoViewIfNeeded();
    await shoot(page, 'backend-own-prune-wrong', 'one');
    await prune.getByLabel('Remove what is before', { exact: true }).fill('now-12h');
    await prune.getByRole('button', { name: 'Show the plan' }).click();
    await dialog.locator('.plan-steps li').first().waitFor();
    await shoot(page, 'backend-own-prune', 'one');
    await dialog.getByRole('button', { name: 'Cancel' }).click();

    // Two windows.
    const other = await openScreen(context, host.origin);
    await shellOf(other.page).go('Backends');
    const there = backendsOf(other.page);
    for (const one of [backends, there]) {
      await one.choose('Archive');
      await one.tab('Settings');
    }
    // Before the other saves: what is typed on top of the news is no conflict.
    await backends.form.getByLabel('Name', { exact: true }).fill('Archive, line 2');
    await there.form.getByLabel('Name', { exact: true }).fill('Archive of the hot strip mill and of the pickling line');
    await there.form.getByLabel('Port', { exact: true }).fill('5433');
    await there.form.getByRole('button', { name: 'Save', exact: true }).click();
    await backends.form.getByRole('button', { name: 'Compare' }).waitFor();
    await shoot(page, 'backend-outdated', 'one');
    await backends.form.getByRole('button', { name: 'Compare' }).click();
    await dialog.getByRole('radio').first().waitFor();
    await shoot(page, 'backend-conflict', 'one');
    await dialog.getByRole('button', { name: 'Take theirs' }).click();
    await other.close();

    await server.kill();
    await backends.choose('Level 2 history');
    await backends.tab('Status');
    await backends.row('Level 2').getByText('Lost', { exact: true }).waitFor({ timeout: 90_000 });
    await shoot(page, 'backend-lost');
    await close();
  } finally {
    await host.kill();
    await server.stop();
  }
}
