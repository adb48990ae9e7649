import type { Page } from 'playwright-core';

/** Backends: the list of sources, the form, the ladder, and the mapping of tables. */
export function backendsOf(page: Page) {
  const list = page.getByRole('grid', { name: 'Sources' });
  const form = page.getByRole('form');
  const ladder = page.getByRole('region', { name: 'Connection test' });
  const relations = page.getByRole('grid', { name: 'Tables and views' });
  const tab = async (
    name: 'Status' | 'Settings' | 'Test' | 'Tables' | 'Tags' | 'Own tables' | 'Slow queries' | 'Query',
  ): Promise<void> => {
    await page.getByRole('tablist', { name: 'Source' }).getByRole('tab', { name, exact: true }).click();
  };
  return {
    list,
    form,
    ladder,
    relations,
    tab,
    panel: page.getByRole('tabpanel'),
    steps: ladder.getByRole('listitem'),
    mapped: page.getByRole('grid', { name: 'Mapped tables' }),
    tags: page.getByRole('grid', { name: 'Tags of the source' }),
    rows: page.getByRole('region', { name: 'Rows as they are' }),
    samples: page.getByRole('region', { name: 'Samples that come of them' }),
    row: (name: string) => list.getByRole('row').filter({ hasText: name }),
    async begin(): Promise<void> {
      await page.getByRole('main').getByRole('button', { name: 'Add a source' }).first().click();
      await form.waitFor();
    },
    async choose(name: string): Promise<void> {
      await list.getByRole('row').filter({ hasText: name }).first().getByText(name).first().click();
    },
    /** Walks the ladder to its end; gives the closing sentence. */
    async test(): Promise<string> {
      await tab('Test');
      await ladder.getByRole('button', { name: 'Test', exact: true }).click();
      const end = ladder.getByText(/^(All steps passed\.|The test ended at ".*"\.)$/);
      await end.waitFor({ timeout: 30_000 });
      return (await end.textContent()) ?? '';
    },
    async chooseRelation(search: string, name: string): Promise<void> {
      await page.getByRole('searchbox', { name: 'Search tables' }).fill(search);
      await relations.getByRole('row').filter({ hasText: name }).first().getByText(name.slice(-10)).first().click();
      await form.waitFor();
    },
  };
}
