import type { Locator, Page } from 'playwright-core';

export const PAGES = ['Overview', 'Connections', 'Tags', 'Trend', 'Graphs', 'Recordings', 'Log', 'Backends'] as const;
export type PageName = (typeof PAGES)[number];

/** The frame around every page: rail, header, status bar, banner and messages. */
export function shellOf(page: Page) {
  const rail = page.getByRole('navigation', { name: 'Pages' });
  return {
    rail,
    main: page.getByRole('main'),
    status: page.getByRole('contentinfo', { name: 'Status' }),
    palette: page.getByRole('dialog').getByRole('textbox', { name: 'Action, page or tag' }),
    /** Messages in the corner, such as an offer to undo. */
    messages: page.getByRole('region', { name: 'Messages' }),
    /** The line above the page that says that the engine is gone, or has come back. */
    lostBanner: page.getByRole('alert').filter({ hasText: 'connection to the engine is lost' }),
    backBanner: page.getByRole('status').filter({ hasText: 'Connected to the engine again' }),
    async go(name: PageName): Promise<void> {
      await rail.getByRole('link', { name, exact: true }).click();
      await page.getByRole('main', { name, exact: true }).waitFor();
    },
    /** Opens the palette, types, and takes the entry of this name. */
    async run(action: string): Promise<void> {
      await page.keyboard.press('Control+k');
      await this.palette.fill(action);
      await page.getByRole('dialog').getByRole('button', { name: action }).first().click();
    },
    async theme(name: 'Dark' | 'Light'): Promise<void> {
      const button = rail.getByRole('button', { name: /^Theme: / });
      for (let turn = 0; turn < 3; turn++) {
        const label = (await button.getAttribute('aria-label')) ?? '';
        if (label.startsWith(`Theme: ${name}`)) return;
        await button.click();
      }
      throw new Error(`There is no theme "${name}".`);
    },
  };
}

/** A cell of a table that is one for screen readers too: row by its text, column by its heading. */
export async function cellOf(table: Locator, rowText: string | RegExp, column: string): Promise<Locator> {
  const headings = await table.getByRole('columnheader').allTextContents();
  const index = headings.findIndex((heading) => heading.trim() === column);
  if (index < 0) throw new Error(`No column "${column}" among ${headings.join(', ')}.`);
  return table.getByRole('row').filter({ hasText: rowText }).first().locator('[role="gridcell"], td').nth(index);
}
