import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '#test/support/needs.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { eventually, openScreen, type Screen } from './fixtures/screen.ts';
import { connectionsOf } from './pages/connections.ts';
import { shellOf } from './pages/shell.ts';

const folder = suiteDirectory();

describe.skipIf(needs('chromium'))('two windows that edit one connection', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  const windows: Screen[] = [];

  const open = async (url: string): Promise<ReturnType<typeof connectionsOf> & { readonly screen: Screen }> => {
    const screen = await openScreen(browser.context, url);
    windows.push(screen);
    await shellOf(screen.page).go('Connections');
    const connections = connectionsOf(screen.page);
    await connections.choose('Demo');
    await connections.tab('Settings');
    return { ...connections, screen };
  };
  const nameField = (one: ReturnType<typeof connectionsOf>) => one.form.getByLabel('Name', { exact: true });

  beforeAll(async () => {
    browser = await launchBrowser();
    host = await startHost(folder.path);
  });
  afterAll(async () => {
    for (const window of windows) expect(window.faults()).toEqual([]);
    await browser?.close();
    await host?.kill();
  });

  it('lose no edit: the second is shown both versions and decides', async () => {
    const one = await open(host.url);
    const other = await open(host.origin);
    await nameField(other).fill('Demo as the other calls it');
    await nameField(one).fill('Demo as one calls it');
    await one.save(false);
    await one.row('Demo as one calls it').first().waitFor();

    // The other window is told while it is still typing, and nothing typed is lost.
    await other.form.getByText('was changed in another window while it is being edited here').waitFor();
    expect(await nameField(other).inputValue()).toBe('Demo as the other calls it');
    await other.save(false);
    const conflict = other.screen.page.getByRole('dialog', { name: /was changed in another window/ });
    const difference = conflict.getByRole('row').filter({ hasText: 'Demo as one calls it' });
    await difference.getByText('Demo as the other calls it').waitFor();
    await conflict.getByRole('button', { name: 'Overwrite with mine' }).click();
    await conflict.waitFor({ state: 'hidden' });
    await one.row('Demo as the other calls it').first().waitFor();
    await other.row('Demo as the other calls it').first().waitFor();
  });

  it('can also take the version of the other', async () => {
    const one = await open(host.origin);
    const other = await open(host.origin);
    await nameField(other).fill('Mine');
    await nameField(one).fill('Theirs');
    await one.save(false);
    await other.form.getByText('was changed in another window').waitFor();
    await other.save(false);
    const conflict = other.screen.page.getByRole('dialog', { name: /was changed in another window/ });
    await conflict.getByRole('button', { name: 'Take theirs' }).click();
    await eventually(
      () => nameField(other).inputValue(),
      (value) => value === 'Theirs',
    );
    expect(await other.row('Mine').count()).toBe(0);
  });
});
