import type { Page } from 'playwright-core';
import { cellOf } from './shell.ts';

/** Recording from the header, and the list of what was recorded. */
export function recordingsOf(page: Page) {
  const control = page.getByRole('banner').getByRole('group', { name: 'Recording' });
  const table = page.getByRole('grid', { name: 'Recordings' });
  return {
    control,
    table,
    cell: (name: string, column: string) => cellOf(table, name, column),
    async start(name: string): Promise<void> {
      await control.getByRole('button', { name: 'Record' }).click();
      const dialog = page.getByRole('dialog', { name: 'Start a recording' });
      await dialog.getByLabel('Name', { exact: true }).fill(name);
      await dialog.getByRole('button', { name: 'Start', exact: true }).click();
      await control.getByText('REC', { exact: true }).waitFor();
    },
    async stop(): Promise<void> {
      await control.getByRole('button', { name: 'Stop' }).click();
      await control.getByRole('button', { name: 'Record' }).waitFor();
    },
    async open(name: string): Promise<void> {
      await table.getByRole('row').filter({ hasText: name }).first().getByText(name).first().click();
      await page.getByRole('main').getByRole('button', { name: 'Open in the trend' }).click();
      await page.getByRole('main', { name: 'Trend' }).waitFor();
    },
    async close(name: string): Promise<void> {
      await table.getByRole('row').filter({ hasText: name }).first().getByText(name).first().click();
      await page.getByRole('main').getByRole('button', { name: 'Close', exact: true }).click();
    },
  };
}
