import { mkdirSync } from 'node:fs';
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

// Traces of two sources in one trend: a recording that is looked at, and another one beside it, shifted over it.

const folder = suiteDirectory();
const FROM = 1_767_600_000e6;
const HOUR = 3_600e6;

describe.skipIf(needs('chromium'))('a trend of two sources', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let screen: Screen;
  let shell: ReturnType<typeof shellOf>;
  let trend: ReturnType<typeof trendOf>;
  let recordings: ReturnType<typeof recordingsOf>;
  const data = (...names: readonly string[]): string => join(folder.path, 'data', ...names);
  const picker = () => screen.page.getByRole('region', { name: 'Tags' });
  const row = (origin: RegExp) => trend.numbers.getByRole('row').filter({ hasText: origin });

  beforeAll(async () => {
    mkdirSync(data('recordings'), { recursive: true });
    await writeRecording(data('recordings', 'today.parx'), { tags: 2, from: FROM + HOUR, periodMs: 100, polls: 3_000 });
    await writeRecording(data('recordings', 'before.parx'), { tags: 2, from: FROM, periodMs: 100, polls: 3_000 });
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

  it('lists the tags of every source, its own first, and draws both in one picture', async () => {
    await shell.go('Recordings');
    await recordings.open('before');
    await shell.go('Recordings');
    await recordings.open('today');
    await picker().getByText('today', { exact: true }).waitFor();
    await trend.add('Tag 00');
    await picker().getByRole('searchbox', { name: 'Search tags' }).fill('');
    const list = picker().getByRole('listbox');
    await list.focus();
    // The first line names a source and cannot be chosen: keys begin on the first tag, which is told to who listens.
    const told = () =>
      list.evaluate((element) => {
        const row = document.getElementById(element.getAttribute('aria-activedescendant') ?? '');
        return [row?.getAttribute('role'), row?.getAttribute('aria-label') ?? row?.textContent];
      });
    expect(await told()).toEqual(['option', expect.stringMatching(/^Tag 00/)]);
    await screen.page.keyboard.press('ArrowUp');
    expect(await told()).toEqual(['option', expect.stringMatching(/^Tag 00/)]);
    const other = list.getByRole('option', { name: /^before, closed/ });
    // By keyboard alone: to the line of the other source, open it, and take its first tag.
    await screen.page.keyboard.press('End');
    for (let i = 0; i < 3 && (await list.locator('[data-focused]').textContent()) !== 'before'; i++) {
      await screen.page.keyboard.press('ArrowUp');
    }
    await screen.page.keyboard.press('Enter');
    await other.waitFor({ state: 'detached' });
    await list
      .getByRole('option', { name: /Tag 00/ })
      .nth(1)
      .waitFor();
    await screen.page.keyboard.press('ArrowDown');
    await screen.page.keyboard.press('Enter');
    await row(/before/).waitFor();
    expect(await trend.numbers.getByRole('row').count()).toBe(3);
  });

  it('shifts one over the other, and tells both times', async () => {
    await row(/before/).focus();
    await screen.page.keyboard.press('Shift+F10');
    await screen.page.getByRole('menuitem', { name: 'Source and time shift…' }).click();
    const dialog = screen.page.getByRole('dialog', { name: /^Trace "Tag 00"/ });
    await dialog.getByLabel('Shown later by').fill('an hour');
    await textThat(dialog, /Write a time such as/);
    await dialog.getByLabel('Shown later by').fill('1 h');
    await dialog.getByRole('button', { name: 'Apply' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await row(/before, \+1 h/).waitFor();
    // The hour of today; what was an hour before has the same values at the same places.
    await trend.showRange('2026-01-05T09:00:00Z', '2026-01-05T09:01:00Z');
    await trend.plots.focus();
    await screen.page.keyboard.press('a');
    const cells = trend.numbers.locator('tr[data-trace] [data-col="a"]');
    const both = await eventually(
      async () => (await cells.allTextContents()).map((text) => Number(text.replace('\u2212', '-'))),
      (values) => values.length === 2 && values.every((value) => !Number.isNaN(value) && value !== 0),
    );
    expect(both[0]).toBeCloseTo(writtenValue(0, 200), 1);
    expect(both[1]).toBeCloseTo(both[0]!, 6);
    expect(await cells.nth(1).getAttribute('title')).toMatch(/Sampled 2026-01-05 \d\d:00:20/);
  });

  it('is kept with its sources, and undone step by step', async () => {
    await screen.page.keyboard.press('Control+s');
    await textThat(shell.messages, /is saved in the project/);
    await screen.page.reload();
    await shell.go('Trend');
    await row(/before, \+1 h/).waitFor();
  });

  it('fetches what is visible of the other one into a recording that opens without it', async () => {
    await shell.go('Recordings');
    await recordings.open('today');
    await trend.showRange('2026-01-05T09:00:00Z', '2026-01-05T09:01:00Z');
    await shell.run('Fetch this range to a local recording');
    const dialog = screen.page.getByRole('dialog', { name: 'Fetch to a local recording' });
    await textThat(dialog, /About 600 samples/);
    await dialog.getByLabel('Name', { exact: true }).fill('an hour before');
    await dialog.getByRole('button', { name: 'Fetch 1 tag' }).click();
    await textThat(dialog, /an hour before\.parx: 600 samples/);
    await dialog.getByRole('button', { name: 'Open the recording' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await textThat(picker(), /an hour before/);
    await shell.go('Recordings');
    await recordings.table.getByText('an hour before').first().click();
    await textThat(screen.page.getByRole('main'), /Fetched from "before" at 20/);
  });

  it('says which source does not answer, and goes on with the other', async () => {
    await shell.go('Recordings');
    await recordings.close('before');
    await recordings.open('today');
    const gone = row(/no answer/);
    await gone.waitFor({ timeout: 30_000 });
    expect(await gone.textContent()).toMatch(/not open/);
    await eventually(() => trend.number('Tag 00', 'Max'), Number.isFinite);
  });
});
