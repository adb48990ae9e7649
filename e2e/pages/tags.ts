import type { Page } from 'playwright-core';
import { cellOf } from './shell.ts';

/** Tags: the table and the import of a list. */
export function tagsOf(page: Page) {
  const table = page.getByRole('grid', { name: 'Tags' });
  const dialog = page.getByRole('dialog', { name: 'Import tags' });
  return {
    table,
    importDialog: dialog,
    importRows: dialog.getByRole('grid', { name: 'Rows of the tag list' }),
    count: page.getByRole('main').getByText(/^[\d\u2009,]+( of [\d\u2009,]+)? tags?/),
    cell: (name: string, column: string) => cellOf(table, name, column),
    async search(text: string): Promise<void> {
      await page.getByRole('main').getByRole('searchbox', { name: 'Search', exact: true }).fill(text);
    },
    /** Opens the import and hands it a file; the preview is then on the screen. */
    async beginImport(name: string, text: string, device: string): Promise<void> {
      await page
        .getByRole('main')
        .getByRole('button', { name: /^Import/ })
        .first()
        .click();
      await dialog.waitFor();
      await dialog.getByLabel('Device for rows that name none').selectOption({ label: device });
      await dialog
        .getByLabel('Tag list file')
        .setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text, 'utf8') });
      await dialog.getByRole('button', { name: /^Import \d+ tags?$/ }).waitFor();
    },
    async finishImport(): Promise<void> {
      await dialog.getByRole('button', { name: /^Import \d+ tags?$/ }).click();
      await dialog.waitFor({ state: 'hidden' });
    },
    async openInTrend(name: string): Promise<void> {
      await table.getByRole('row').filter({ hasText: name }).first().getByText(name).first().click();
      await page.getByRole('main').getByRole('button', { name: 'Open the selected tags in the trend' }).click();
      await page.getByRole('main', { name: 'Trend' }).waitFor();
    },
  };
}
