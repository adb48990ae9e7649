import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSchemaManager } from '#engine/tsdb/timescale/own-schema/manager.ts';
import { startPostgres } from '#test/support/postgres.ts';
import { accessTo } from '#test/support/postgres-lease.ts';
import { writeRecording } from '#test/support/written-recording.ts';
import { startHost } from './fixtures/host.ts';
import { openScreen } from './fixtures/screen.ts';
import { backendsOf } from './pages/backends.ts';
import { recordingsOf } from './pages/recordings.ts';
import { shellOf } from './pages/shell.ts';
import { trendOf } from './pages/trend.ts';
import type { Camera } from './pictures-looking.ts';

/** Sends to a source: what is offered, on the way, refused, cancelled and done. */
export async function takeSending({ context, folder, shade, shoot }: Camera): Promise<void> {
  const data = join(folder, `sending-${shade}`);
  mkdirSync(join(data, 'recordings'), { recursive: true });
  const shape = { tags: 20, polls: 72_000, from: 1_767_600_000e6, periodMs: 100 };
  await writeRecording(join(data, 'recordings', 'Commissioning of the finishing mill, morning shift.parx'), shape);
  const server = await startPostgres('none');
  const never = new AbortController().signal;
  const manager = createSchemaManager(accessTo(server));
  const install = { action: 'install', settings: { rollups: [] } } as const;
  const { token } = await manager.plan(install, never);
  for await (const _ of manager.apply(install, token, never));
  await server.run('ALTER TABLE parx.samples ADD CONSTRAINT plausible CHECK (value < 93.9)');
  writeFileSync(join(data, 'password'), server.password);
  const source = (id: string, name: string, more: string): string =>
    `  ${id}: { name: "${name}", backend: timescale, secrets: { password: { file: "${join(data, 'password')}" } }, settings: { host: 127.0.0.1, port: ${server.port}, user: ${server.user}, database: ${server.database}, tls: 'off'${more} } }\n`;
  writeFileSync(
    join(data, 'sources.yaml'),
    `version: 1\nsources:\n${source('reader', 'Level 2 history of the hot strip mill', '')}${source('empty', 'New database', ', write: true, schema: other')}${source('plant', 'Database of the commissioning', ', write: true')}`,
  );
  const host = await startHost(data, ['--no-demo']);
  try {
    const { page, close } = await openScreen(context, host.url);
    const shell = shellOf(page);
    const dialog = page.getByRole('dialog', { name: 'Send to a source' });
    const first = dialog.getByRole('listitem').first();
    await shell.theme(shade === 'dark' ? 'Dark' : 'Light');
    await shell.go('Recordings');
    await page.mouse.move(330, 12);
    await recordingsOf(page).table.getByText('Commissioning of the').first().click();
    await page.getByRole('main').getByRole('button', { name: 'Send to a source' }).click();
    await dialog
      .getByText(/samples of 20 tags/)
      .first()
      .waitFor({ timeout: 60_000 });
    await shoot(page, 'send');
    await dialog.getByLabel('Tags', { exact: true }).selectOption('chosen');
    await dialog.getByRole('checkbox', { name: 'Tag 03' }).check();
    await dialog.getByLabel('Range', { exact: true }).selectOption('other');
    await dialog.getByLabel('End', { exact: true }).fill('some day');
    await shoot(page, 'send-chosen');
    await dialog.getByLabel('Range', { exact: true }).selectOption('0');
    await dialog.getByLabel('Tags', { exact: true }).selectOption('all');
    await dialog.getByRole('button', { name: 'Send', exact: true }).click();
    await first.getByText(/1\/s/).first().waitFor({ timeout: 60_000 });
    await shoot(page, 'send-running', 'one');
    await first.getByRole('button', { name: /^Cancel/ }).click();
    await first
      .getByText(/lie there and stay/)
      .first()
      .waitFor({ timeout: 60_000 });
    await first.getByRole('button', { name: /^Go on/ }).click();
    await first
      .getByText(/lie there, /)
      .first()
      .waitFor({ timeout: 120_000 });
    await shoot(page, 'send-done');
    await page.keyboard.press('Escape');
    await page.mouse.move(330, 12);
    await shoot(page, 'send-on-page');
    await recordingsOf(page).open('Commissioning of the');
    const picker = page.getByRole('region', { name: 'Tags' });
    await picker.getByRole('option', { name: /^Database of the commissioning/ }).click();
    await picker
      .getByRole('option', { name: /^Tag 07/ })
      .nth(1)
      .dblclick();
    await trendOf(page).numbers.getByRole('row').nth(1).waitFor();
    await page.waitForTimeout(5_000);
    await shoot(page, 'send-drawn', 'one');
    await shell.go('Backends');
    await backendsOf(page).choose('Database of the');
    await backendsOf(page).tab('Own tables');
    await page.waitForTimeout(800);
    await shoot(page, 'send-own-tables', 'one');
    await close();
  } finally {
    await host.kill();
    await server.stop();
  }
}
