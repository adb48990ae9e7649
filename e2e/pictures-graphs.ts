import { join } from 'node:path';
import { startPostgres } from '#test/support/postgres.ts';
import { startHost } from './fixtures/host.ts';
import { openScreen } from './fixtures/screen.ts';
import { backendsOf } from './pages/backends.ts';
import { shellOf } from './pages/shell.ts';
import { trendOf } from './pages/trend.ts';
import type { Camera } from './pictures-looking.ts';

/** A plant's history with tags of long names and of several units. */
const PLANT = `
  CREATE TABLE tags (id int PRIMARY KEY, tag_name text NOT NULL, unit text, line text);
  INSERT INTO tags SELECT n, CASE WHEN n % 4 = 0 THEN 'HSM.Finishing.Stand ' || n || '.Hydraulic gap control.Drive side.Position feedback filtered'
    ELSE 'Stand ' || n || ' force' END, CASE WHEN n % 2 = 0 THEN 'mm' ELSE 'kN' END, 'L' || n % 3 FROM generate_series(1, 40) n;
  CREATE TABLE history (ts timestamptz NOT NULL, tag_id int NOT NULL REFERENCES tags (id), value double precision, PRIMARY KEY (tag_id, ts));
  INSERT INTO history SELECT now() - n * interval '5 seconds', t, 100 * t % 700 + 40 * sin(n / 40.0 + t) + n % 7
    FROM generate_series(1, 2000) n, generate_series(1, 40) t WHERE t % 5 > 0 OR n % 700 > 150;
  ANALYZE;
`;

/** Graphs and the trend of a plant's source: empty, drawn, looked at closely, asked in its words, wrong, and without its server. */
export async function takeGraphs({ context, folder, shade, shoot }: Camera): Promise<void> {
  const server = await startPostgres('none');
  const host = await startHost(join(folder, `graphs-${shade}`), ['--no-demo']);
  try {
    await server.run(PLANT);
    const { page, close } = await openScreen(context, host.url);
    const shell = shellOf(page);
    const backends = backendsOf(page);
    const main = page.getByRole('main');
    const away = (): Promise<void> => page.mouse.move(330, 12);
    await shell.theme(shade === 'dark' ? 'Dark' : 'Light');
    await shell.go('Graphs');
    await away();
    await shoot(page, 'graphs-none', 'one');
    await shell.go('Backends');
    await backends.begin();
    await backends.form.getByLabel('Name', { exact: true }).fill('Level 2 history');
    const { user, password, port, database } = server;
    await backends.form
      .getByLabel('Address in one line')
      .fill(`postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}?sslmode=disable`);
    await page.waitForTimeout(900);
    await backends.form.getByRole('button', { name: 'Add the source' }).click();
    await backends.row('Level 2').getByText('Connected').waitFor();
    await page.getByRole('button', { name: 'Map a table' }).first().click();
    await backends.chooseRelation('history', 'public.history');
    await backends.samples.waitFor();
    await page.getByRole('button', { name: 'Save the mapping' }).click();
    await backends.form.getByText('Saved, version 1').waitFor();

    await shell.go('Graphs');
    await main.getByRole('button', { name: 'New graph' }).first().click();
    await main.getByLabel('Source of the graph').selectOption({ label: 'Level 2 history' });
    const search = main.getByRole('searchbox', { name: 'Search metrics' });
    await search.fill('no metric has this name');
    await page.waitForTimeout(800);
    await shoot(page, 'graphs-new');
    await search.fill('history');
    await main
      .getByRole('listbox', { name: /^Metrics/ })
      .getByRole('option')
      .first()
      .waitFor();
    await search.press('Enter');
    const legend = main.getByRole('list', { name: 'Series', exact: true });
    await legend.getByRole('listitem').first().waitFor();
    await away();
    await shoot(page, 'graphs-drawn');
    const picture = main.getByRole('application');
    const box = (await picture.boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2);
    await page.mouse.wheel(0, -300);
    await page.waitForTimeout(1_500);
    await page.mouse.move(box.x + box.width * 0.6 + 2, box.y + box.height / 2);
    await page.waitForTimeout(400);
    await shoot(page, 'graphs-closer', 'one');
    await main.getByRole('button', { name: 'Back to the view before' }).focus();
    for (let n = 0; n < 2; n++) await page.keyboard.press('Shift+Tab');
    await away();
    await shoot(page, 'graphs-focus', 'one');
    await page.keyboard.press('f');
    await main.getByRole('tab', { name: 'YAML', exact: true }).click();
    const yaml = main.getByRole('textbox', { name: 'The graph as YAML' });
    await page.waitForTimeout(500);
    await shoot(page, 'graphs-yaml', 'one');
    await yaml.fill((await yaml.inputValue()).replace('aggregate: mean', 'aggregate: most'));
    await page.waitForTimeout(800);
    await shoot(page, 'graphs-yaml-wrong', 'one');
    await yaml.fill((await yaml.inputValue()).replace('aggregate: most', 'aggregate: mean'));
    await main.getByRole('tab', { name: 'Query', exact: true }).click();
    await main.getByRole('article').getByRole('button', { name: 'Plan' }).click();
    await main.getByRole('article').getByText('Scan').first().waitFor();
    await shoot(page, 'graphs-query');
    await main.getByRole('tab', { name: 'Form', exact: true }).click();
    await main.getByRole('textbox', { name: 'From' }).fill('yesterday at noon');
    await page.waitForTimeout(900);
    await shoot(page, 'graphs-wrong-range', 'one');
    await main.getByRole('textbox', { name: 'From' }).fill('now-1h');
    await main
      .getByRole('textbox', { name: 'Name of the graph' })
      .fill('Forces and gaps of all the stands of the finishing train');
    await page.keyboard.press('Control+s');
    await shell.messages.getByText('is saved').waitFor();
    await shoot(page, 'graphs-saved', 'one');

    await main.getByRole('button', { name: 'Open in trend' }).click();
    await trendOf(page).plots.waitFor();
    await page.waitForTimeout(6_000);
    await away();
    await shoot(page, 'trend-sources');
    await server.kill();
    await shell.go('Backends');
    await backends.row('Level 2').getByText('Lost', { exact: true }).waitFor({ timeout: 90_000 });
    await shell.go('Graphs');
    await main.getByRole('button', { name: /^Forces and gaps/ }).click();
    await page.waitForTimeout(1_500);
    await shoot(page, 'graphs-lost', 'one');
    await main.getByRole('tab', { name: 'Query', exact: true }).click();
    await page.waitForTimeout(1_500);
    await shoot(page, 'graphs-query-lost', 'one');
    await shell.go('Trend');
    await page.waitForTimeout(1_500);
    await shoot(page, 'trend-sources-lost', 'one');
    await close();
  } finally {
    await host.kill();
    await server.stop();
  }
}
