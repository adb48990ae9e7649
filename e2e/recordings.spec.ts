import { existsSync, mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '#test/support/needs.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { writeRecording, writtenValue } from '#test/support/written-recording.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { eventually, openScreen, type Screen, textThat } from './fixtures/screen.ts';
import { recordingsOf } from './pages/recordings.ts';
import { shellOf } from './pages/shell.ts';
import { trendOf } from './pages/trend.ts';

// Recordings that come from elsewhere, sound and damaged, and an export that is given up.

const folder = suiteDirectory();
const TAGS = 20;

describe.skipIf(needs('chromium'))('recordings from elsewhere', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let screen: Screen;
  let shell: ReturnType<typeof shellOf>;
  let trend: ReturnType<typeof trendOf>;
  let recordings: ReturnType<typeof recordingsOf>;
  const data = (...names: readonly string[]): string => join(folder.path, 'data', ...names);

  beforeAll(async () => {
    mkdirSync(data('recordings'), { recursive: true });
    // An hour, so that an export takes seconds.
    const shape = { tags: TAGS, from: 1_767_600_000e6, periodMs: 100 };
    await writeRecording(data('recordings', 'sound.parx'), { ...shape, polls: 36_000 });
    // As a copy that ended early.
    const torn = data('recordings', 'torn copy.parx');
    await writeRecording(torn, { ...shape, polls: 10_000 });
    truncateSync(torn, Math.floor(statSync(torn).size * 0.6));
    writeFileSync(data('recordings', 'letter.parx'), 'Dear Sir or Madam, '.repeat(5000));
    browser = await launchBrowser();
    host = await startHost(data(), ['--no-demo']);
    screen = await openScreen(browser.context, host.url);
    shell = shellOf(screen.page);
    trend = trendOf(screen.page);
    recordings = recordingsOf(screen.page);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await host?.kill();
  });

  async function drawAll(): Promise<void> {
    const picker = screen.page.getByRole('listbox', { name: /Tags/ });
    await picker.getByRole('option').first().waitFor();
    await picker.focus();
    await screen.page.keyboard.press('Control+a');
    await screen.page.keyboard.press('Enter');
    await eventually(
      () => trend.numbers.getByRole('row').count(),
      (count) => count > TAGS,
    );
  }

  it('gives up an export and leaves nothing of it behind', async () => {
    await shell.go('Recordings');
    await recordings.open('sound');
    await drawAll();
    await trend.bar.getByRole('button', { name: 'Export what is visible' }).click();
    await trend.exportDialog.getByLabel('Name', { exact: true }).fill('given up');
    await trend.exportDialog.getByRole('button', { name: `Export ${TAGS} tags` }).click();
    const job = trend.exportDialog.getByRole('listitem').filter({ hasText: 'given up' });
    await job.getByRole('button', { name: 'Cancel given up' }).click();
    await textThat(job, /Cancelled\. Nothing was left behind\./);
    expect(await job.getByRole('link').count()).toBe(0);
    await eventually(
      () => (existsSync(data('exports')) ? readdirSync(data('exports'), { recursive: true }) : []),
      (left) => left.length === 0,
    );
    await job.getByRole('button', { name: 'Remove given up from the list' }).click();
    await job.waitFor({ state: 'detached' });
    await screen.page.keyboard.press('Escape');
    await trend.exportDialog.waitFor({ state: 'hidden' });
  });

  it('works out the statistics of a merged picture from every sample', async () => {
    await trend.showRange('2026-01-05T08:00:00Z', '2026-01-05T09:00:00Z');
    const values = Array.from({ length: 36_000 }, (_, n) => writtenValue(0, n));
    const exact = values.reduce((sum, value) => sum + value, 0) / values.length;
    const mean = await trend.cell('Tag 00', 'Mean');
    await eventually(
      async () => (await mean.textContent()) ?? '',
      (text) => !text.includes('≈') && Math.abs(Number(text) - exact) < 0.0001,
    );
  });

  it('shows what is sound of a damaged recording, and names the damage', async () => {
    await shell.go('Recordings');
    await recordings.open('torn copy');
    await textThat(shell.messages, /"torn copy" is damaged\. What is sound is shown\..*ends early/s);
    await drawAll();
    await eventually(() => trend.number('Tag 00', 'Max'), Number.isFinite);
    await shell.go('Recordings');
    await textThat(await recordings.cell('torn copy', 'State'), /^Damaged$/);
    await recordings.table.getByText('torn copy').click();
    await screen.page.getByRole('main').getByText('The file ends early').waitFor();
  });

  it('says of a file that is no recording what is wrong with it, and goes on', async () => {
    await recordings.table.getByText('letter').first().click();
    await screen.page.getByRole('main').getByRole('button', { name: 'Open in the trend' }).click();
    await textThat(shell.messages, /letter/);
    await shell.go('Trend');
    expect(await trend.source.locator('option').allTextContents()).not.toContain('letter');
  });

  it('checks, repairs, splits and merges recordings from the menu of the list, and says what came of it', async () => {
    await shell.go('Recordings');
    const jobs = screen.page.getByRole('list', { name: 'Work on recordings' }).getByRole('listitem');
    const menu = async (name: string, item: string): Promise<void> => {
      await recordings.table.getByText(name, { exact: true }).click({ button: 'right' });
      await screen.page.getByRole('menuitem', { name: item }).click();
    };
    await menu('torn copy', 'Check');
    await textThat(jobs.first(), /Check: torn copy\.parx.*Damaged; .+ samples are sound\..*The file ends early/s);
    await menu('torn copy', 'Repair into a new file');
    await textThat(jobs.first(), /Repair: torn copy\.parx.*torn copy repaired\.parx: .* samples/s);

    // The palette has them too, for who has no pointer.
    await recordings.table.getByText('sound', { exact: true }).click();
    await shell.run('Split the selected recording');
    const split = screen.page.getByRole('dialog', { name: 'Split "sound"' });
    await split.getByLabel('Into').selectOption('parts of a size');
    await split.getByLabel('Size of a part').fill('2');
    await split.getByRole('button', { name: 'Split' }).click();
    await textThat(jobs.first(), /Split: sound\.parx.*\d files: 720.000 samples/s);
    const parts = readdirSync(data('recordings')).filter((name) => /^sound part \d\.parx$/.test(name));
    for (const name of parts) expect(statSync(data('recordings', name)).size).toBeLessThanOrEqual(2e6);

    await recordings.table.getByText('sound part 1', { exact: true }).click();
    await recordings.table.getByText('sound part 2', { exact: true }).click({ modifiers: ['Control'] });
    await recordings.table.getByText('sound part 2', { exact: true }).click({ button: 'right' });
    await screen.page.getByRole('menuitem', { name: 'Merge the selected' }).click();
    const merge = screen.page.getByRole('dialog', { name: 'Merge 2 recordings' });
    await merge.getByLabel('Name of the new recording').fill('both parts');
    await merge.getByRole('button', { name: 'Merge', exact: true }).click();
    await textThat(jobs.first(), /Merge: both parts.*both parts\.parx: .* samples/s);
    await recordings.table.getByText('both parts', { exact: true }).waitFor();
    await screen.page.getByRole('button', { name: 'Remove Merge: both parts from the list' }).click();
    await eventually(
      () => jobs.count(),
      (count) => count === 3,
    );
  });

  it('had nothing to complain about', () => {
    expect(screen.faults()).toEqual([]);
  });
});
