import type { Page } from 'playwright-core';

export interface NewConnection {
  readonly name: string;
  readonly host: string;
  readonly port: number | string;
  readonly device?: string;
  readonly responseTimeoutMs?: number;
}

/** Connections: the list, the form, the test ladder. */
export function connectionsOf(page: Page) {
  const form = page.getByRole('form');
  const ladder = page.getByRole('region', { name: 'Connection test' });
  const list = page.getByRole('grid', { name: 'Connections and devices' });
  const tab = async (name: 'Status' | 'Settings' | 'Test' | 'Scan' | 'Protocol log'): Promise<void> => {
    await page.getByRole('tablist', { name: 'Connection' }).getByRole('tab', { name }).click();
  };
  return {
    list,
    form,
    tab,
    /** What the page says of the connection that is chosen. */
    panel: page.getByRole('tabpanel'),
    steps: ladder.getByRole('listitem'),
    ladder,
    row: (name: string) => list.getByRole('row').filter({ hasText: name }),
    async begin(): Promise<void> {
      await page.getByRole('main').getByRole('button', { name: 'Add a connection' }).first().click();
      await form.waitFor();
    },
    async fill(connection: NewConnection): Promise<void> {
      await form.getByLabel('Name', { exact: true }).fill(connection.name);
      await form.getByLabel('Host', { exact: true }).fill(connection.host);
      await form.getByLabel('Port', { exact: true }).fill(String(connection.port));
      if (connection.device !== undefined) await form.getByLabel('Device name').first().fill(connection.device);
      if (connection.responseTimeoutMs !== undefined) {
        await form.getByText('Timing').first().click();
        await form.getByLabel('Response time-out', { exact: true }).fill(String(connection.responseTimeoutMs));
      }
    },
    async save(isNew: boolean): Promise<void> {
      await form.getByRole('button', { name: isNew ? 'Add the connection' : 'Save', exact: true }).click();
    },
    async choose(name: string): Promise<void> {
      await list.getByRole('row').filter({ hasText: name }).first().getByText(name).first().click();
    },
    /** Walks the ladder to its end; gives the closing sentence. */
    async test(address: string): Promise<string> {
      await tab('Test');
      await ladder.getByLabel('Address to read').fill(address);
      await ladder.getByRole('button', { name: 'Test', exact: true }).click();
      const end = ladder.getByText(/^(All steps passed\.|The test ended at ".*"\.)$/);
      await end.waitFor({ timeout: 30_000 });
      return (await end.textContent()) ?? '';
    },
  };
}
