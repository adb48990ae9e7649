import type { Locator, Page } from 'playwright-core';
import { eventually } from '../fixtures/screen.ts';
import { cellOf } from './shell.ts';

/** The trend: plots, the numbers beside them, the range, export. */
export function trendOf(page: Page) {
  const plots = page.getByRole('application', { name: /^Trend "/ });
  const bar = page.getByRole('toolbar', { name: 'Trend' });
  const numbers = page.getByRole('main').getByRole('table');
  const range = bar.getByRole('button', { name: 'Time range' });
  const following = bar.getByRole('button', { name: 'Following' });
  const paused = bar.getByRole('button', { name: 'Paused' });
  const exportDialog = page.getByRole('dialog', { name: 'Export' });
  return {
    plots,
    bar,
    numbers,
    range,
    following,
    paused,
    exportDialog,
    source: bar.getByLabel('Source'),
    cell: (tag: string, column: string): Promise<Locator> => cellOf(numbers, tag, column),
    /** The number in a cell of the table; NaN for a dash. */
    async number(tag: string, column: string): Promise<number> {
      const text = (await (await cellOf(numbers, tag, column)).textContent()) ?? '';
      const clean = text.replace(/[\s\u2009\u202f≈,]/g, '').replace('\u2212', '-');
      return clean === '' ? Number.NaN : Number(clean);
    },
    /** The picture of the plots, to tell whether something has moved. */
    picture: async (): Promise<string> => (await plots.screenshot({ animations: 'disabled' })).toString('base64'),
    async moves(): Promise<void> {
      const before = await this.picture();
      await eventually(
        () => this.picture(),
        (now) => now !== before,
      );
    },
    async pause(): Promise<void> {
      await following.click();
      await paused.waitFor();
    },
    async follow(): Promise<void> {
      await paused.click();
      await following.waitFor();
    },
    /** Text of the range in microseconds UTC, read from the fields behind the button. */
    async showRange(from: string, to: string): Promise<void> {
      await range.click();
      const chooser = page.getByRole('group', { name: 'Choose a time range' });
      await chooser.getByLabel('From').fill(from);
      await chooser.getByLabel('To', { exact: true }).fill(to);
      await chooser.getByRole('button', { name: 'Show' }).click();
      await chooser.waitFor({ state: 'hidden' });
    },
    async window(): Promise<{ readonly from: string; readonly to: string }> {
      await range.click();
      const chooser = page.getByRole('group', { name: 'Choose a time range' });
      const read = {
        from: await chooser.getByLabel('From').inputValue(),
        to: await chooser.getByLabel('To', { exact: true }).inputValue(),
      };
      await page.keyboard.press('Escape');
      await chooser.waitFor({ state: 'hidden' });
      return read;
    },
    async add(tag: string): Promise<void> {
      const picker = page.getByRole('region', { name: 'Tags' });
      await picker.getByRole('searchbox', { name: 'Search tags' }).fill(tag);
      await picker.getByRole('option').filter({ hasText: tag }).first().dblclick();
    },
    /** Exports what is visible; gives the saved file's path. */
    async exportVisible(name: string, format: string): Promise<string> {
      await bar.getByRole('button', { name: 'Export what is visible' }).click();
      await exportDialog.getByLabel('Format', { exact: true }).selectOption({ label: format });
      await exportDialog.getByLabel('Name', { exact: true }).fill(name);
      await exportDialog.getByRole('button', { name: /^Export \d+ tags?$/ }).click();
      const link = exportDialog.getByRole('link', { name: new RegExp(`^Save ${name}`) });
      await link.waitFor();
      const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
      const path = await download.path();
      await exportDialog.getByRole('button', { name: 'Close' }).first().click();
      await exportDialog.waitFor({ state: 'hidden' });
      return path;
    },
  };
}
