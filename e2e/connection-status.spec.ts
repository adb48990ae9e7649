import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '#test/support/needs.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { barriersInBothThemes } from './fixtures/barriers.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { openScreen, type Screen } from './fixtures/screen.ts';
import { connectionsOf } from './pages/connections.ts';
import { shellOf } from './pages/shell.ts';

const folder = suiteDirectory();

describe.skipIf(needs('chromium'))('the connections of the demo line', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let screen: Screen;
  let connections: ReturnType<typeof connectionsOf>;

  beforeAll(async () => {
    browser = await launchBrowser();
    host = await startHost(folder.path);
    screen = await openScreen(browser.context, host.url);
    await screen.page.setViewportSize({ width: 1440, height: 900 });
    connections = connectionsOf(screen.page);
    await shellOf(screen.page).go('Connections');
  });
  afterAll(async () => {
    expect(screen?.faults()).toEqual([]);
    await browser?.close();
    await host?.kill();
  });

  const headings = async (): Promise<readonly string[]> => {
    await connections.panel.getByRole('heading', { name: 'Devices' }).waitFor();
    return connections.panel.getByRole('columnheader').allTextContents();
  };

  it('shows requests and predictions of one that is asked', async () => {
    await connections.choose('Demo rolling mill');
    await connections.tab('Status');
    expect(await headings()).toEqual(expect.arrayContaining(['Answer', 'Requests', 'Time-outs', 'Predicted']));
    await connections.panel.getByRole('heading', { name: 'Polling groups' }).waitFor();
  });

  it('shows of one that is only listened to how often data comes, and no requests', async () => {
    await connections.choose('Demo mill, EGD');
    await connections.tab('Status');
    await connections.panel.getByRole('heading', { name: 'Data as it comes' }).waitFor();
    expect(await barriersInBothThemes(screen.page)).toEqual([]);
    expect(await headings()).toEqual([
      'Device',
      'State',
      'Clock ahead',
      'Last good',
      'Expected every',
      'Comes at',
      'Tags',
    ]);
  });

  it('fit into their table beside the panel, the message included', async () => {
    const grid = screen.page.getByRole('grid', { name: 'Connections and devices' });
    const titles = await grid.getByRole('columnheader').allTextContents();
    expect(titles).toEqual(expect.arrayContaining(['Name', 'State', 'Endpoint', 'Message']));
    expect(titles).not.toContain('Overruns');
    expect(await grid.evaluate((element) => element.scrollWidth - element.clientWidth)).toBeLessThanOrEqual(0);
    // With more room they are all there again.
    await screen.page.setViewportSize({ width: 2600, height: 900 });
    await grid.getByRole('columnheader', { name: 'Overruns' }).waitFor();
  });

  it('are switched off and on from the palette', async () => {
    const shell = shellOf(screen.page);
    const row = connections.row('Demo mill, EGD').first();
    await connections.choose('Demo mill, EGD');
    await shell.run('Switch the connection off');
    await row.getByText('Off', { exact: true }).waitFor();
    await shell.run('Switch the connection on');
    await row.getByText('Running', { exact: true }).waitFor();
  });

  it('have no overruns on the overview where nothing is asked', async () => {
    await shellOf(screen.page).go('Overview');
    const rows = screen.page.getByRole('region', { name: 'Connections' }).getByRole('row');
    const last = async (name: string): Promise<string> =>
      (await rows.filter({ hasText: name }).first().getByRole('cell').last().textContent()) ?? '';
    expect(await last('127.0.0.1:')).toMatch(/^\d/);
    expect(await last('UDP')).toBe('—');
  });
});
