import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '#test/support/needs.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { barriersOf } from './fixtures/barriers.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { eventually, openScreen, type Screen, textThat } from './fixtures/screen.ts';
import { PAGES, shellOf } from './pages/shell.ts';

const folder = suiteDirectory();

describe.skipIf(needs('chromium'))('the shell', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let screen: Screen;
  let shell: ReturnType<typeof shellOf>;

  beforeAll(async () => {
    browser = await launchBrowser();
    host = await startHost(folder.path);
    screen = await openScreen(browser.context, host.url);
    shell = shellOf(screen.page);
    await shell.status.getByText('running').first().waitFor();
  });
  afterAll(async () => {
    await browser?.close();
    await host?.kill();
  });

  describe.each(['Dark', 'Light'] as const)('in the %s theme', (theme) => {
    it.each(PAGES)('shows %s without a serious barrier and without a complaint', async (name) => {
      await shell.theme(theme);
      await shell.go(name);
      expect(await screen.page.title()).toBe(`${name} · ParX Workstation`);
      if (name === 'Connections')
        await screen.page
          .getByRole('grid', { name: 'Connections and devices' })
          .getByRole('row')
          .nth(1)
          .getByText('Demo')
          .first()
          .click();
      if (name === 'Tags')
        await screen.page
          .getByRole('grid', { name: 'Tags' })
          .getByRole('row')
          .filter({ hasText: 'Good' })
          .first()
          .waitFor();
      expect(await barriersOf(screen.page)).toEqual([]);
      expect(screen.faults()).toEqual([]);
    });
  });

  describe.each(['Dark', 'Light'] as const)('what opens above a page in the %s theme', (theme) => {
    const opened: readonly (readonly [string, (typeof PAGES)[number], (page: Page) => Promise<void>])[] = [
      ['the start of a recording', 'Overview', (page) => page.keyboard.press('Alt+r')],
      ['the choice of key values', 'Overview', (page) => page.getByRole('button', { name: 'Choose' }).click()],
      ['adding tags', 'Tags', (page) => page.getByRole('main').getByRole('button', { name: 'Add tags' }).click()],
      ['the import of tags', 'Tags', (page) => page.getByRole('main').getByRole('button', { name: 'Import' }).click()],
      ['the export', 'Trend', (page) => page.getByRole('button', { name: 'Export what is visible' }).click()],
      ['the list of keys', 'Trend', (page) => page.keyboard.press('?')],
      ['the palette', 'Log', (page) => page.keyboard.press('Control+k')],
      [
        'a recording file',
        'Recordings',
        (page) => page.getByRole('main').getByRole('button', { name: 'Open a file' }).click(),
      ],
      [
        'the levels of the log',
        'Log',
        async (page) => {
          await page.getByRole('button', { name: 'Levels' }).click();
          await page.getByLabel('Level of engine').selectOption('Debug and above');
          await page.getByLabel('Level of engine').selectOption('As all modules');
        },
      ],
      ['what the program can do', 'Overview', () => shell.run('About ParX')],
      ['a note', 'Recordings', (page) => page.getByRole('button', { name: 'Note' }).click()],
    ];
    // What a failed test left open would stand in the way of all that follow.
    afterEach(async () => {
      const dialog = screen.page.getByRole('dialog');
      for (let turn = 0; turn < 3 && (await dialog.count()) > 0; turn++) await screen.page.keyboard.press('Escape');
    });
    it.each(opened)('has no serious barrier, holds the focus, and gives it back: %s', async (_what, name, open) => {
      const { page } = screen;
      await shell.theme(theme);
      await shell.go(name);
      await open(page);
      const dialog = page.getByRole('dialog');
      await dialog.waitFor();
      expect(await barriersOf(screen.page)).toEqual([]);
      for (let press = 0; press < 40; press++) await page.keyboard.press('Tab');
      const inside = await dialog.evaluate((element) => element.contains(document.activeElement));
      expect(inside, 'the focus is in the dialog').toBe(true);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'hidden' });
      expect(screen.faults()).toEqual([]);
    });

    it('has no serious barrier: the alerts and a new connection', async () => {
      await shell.theme(theme);
      await shell.go('Connections');
      await screen.page.keyboard.press('Alt+a');
      await screen.page.getByRole('complementary', { name: 'Alerts' }).waitFor();
      await screen.page.getByRole('main').getByRole('button', { name: 'Add a connection' }).click();
      const form = screen.page.getByRole('form', { name: 'New connection' });
      await form.waitFor();
      await form.getByRole('button', { name: 'Add the connection' }).click();
      await form.getByText(/needs? a correction/).waitFor();
      expect(await barriersOf(screen.page)).toEqual([]);
      await form.getByRole('button', { name: 'Discard' }).click();
      await screen.page.keyboard.press('Alt+a');
    });
  });

  it('lists protocols and formats with id, abilities and settings', async () => {
    await shell.run('About ParX');
    const about = screen.page.getByRole('dialog', { name: 'About ParX Workstation' });
    const modbus = about.locator('details').filter({ hasText: /modbus \d+\.\d+\.\d+/ });
    await modbus.locator('summary').click();
    await textThat(modbus, /asks devices.*writes nothing to the plant.*Host.*Port.*Response time-out \(ms\)/s);
    await about.getByText('*.csv').waitFor();
    await screen.page.keyboard.press('Escape');
    await about.waitFor({ state: 'hidden' });
  });

  it('makes a support file with one click', async () => {
    await shell.go('Log');
    const begun = screen.page.waitForEvent('download');
    await screen.page.getByRole('button', { name: 'Support file' }).click();
    const file = await begun;
    expect(file.suggestedFilename()).toMatch(/^parx-support-.*\.json\.gz$/);
    const content = JSON.parse(gunzipSync(readFileSync(await file.path())).toString('utf8'));
    expect(content.links.length).toBeGreaterThan(0);
    await textThat(shell.messages, /support file .* was made.*no secrets/s);
  });

  it('keeps the chosen theme over a reload', async () => {
    await shell.theme('Light');
    const background = (): Promise<string> =>
      screen.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();
    await eventually(
      async () => {
        await screen.page.reload();
        await shell.status.getByText('running').first().waitFor();
        return background();
      },
      (now) => now === light,
    );
    await shell.theme('Dark');
    expect(await background()).not.toBe(light);
  });

  it('finds actions, pages and tags in the palette', async () => {
    await shell.run('Go to Log');
    await screen.page.getByRole('main', { name: 'Log', exact: true }).waitFor();
    await shell.run('S1 Rolling force');
    await screen.page.getByRole('main', { name: 'Trend', exact: true }).waitFor();
    await screen.page.getByRole('row').filter({ hasText: 'S1 Rolling force' }).waitFor();
    await screen.page.keyboard.press('Control+k');
    await shell.palette.waitFor();
    await screen.page.keyboard.press('Escape');
    await shell.palette.waitFor({ state: 'hidden' });
  });

  it('lists the keys of the page behind the question mark', async () => {
    await shell.go('Tags');
    await screen.page.getByRole('grid', { name: 'Tags' }).focus();
    await screen.page.keyboard.press('?');
    const sheet = screen.page.getByRole('dialog', { name: 'Shortcuts: Tags' });
    await sheet.getByText('Add tags').waitFor();
    await sheet.getByText('Ctrl+K').waitFor();
    await screen.page.keyboard.press('Escape');
    await sheet.waitFor({ state: 'hidden' });
  });

  it('goes to every page with the keyboard alone', async () => {
    // Keys stay with their page when others come between.
    const keys: Readonly<Record<(typeof PAGES)[number], string>> = {
      Overview: 'Alt+1',
      Connections: 'Alt+2',
      Tags: 'Alt+3',
      Trend: 'Alt+4',
      Recordings: 'Alt+5',
      Log: 'Alt+6',
      Backends: 'Alt+7',
      Graphs: 'Alt+8',
    };
    for (const name of PAGES) {
      await screen.page.keyboard.press(keys[name]);
      await screen.page.getByRole('main', { name, exact: true }).waitFor();
    }
  });

  it.each(PAGES)('shows on %s where the focus is, and Tab leads round it', async (name) => {
    await shell.go(name);
    await screen.page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    const stops: string[] = [];
    const invisible: string[] = [];
    for (let press = 0; press < 200; press++) {
      await screen.page.keyboard.press('Tab');
      const stop = await screen.page.evaluate(() => {
        const element = document.activeElement;
        if (!(element instanceof HTMLElement) || element === document.body) return null;
        // A table hands its focus on to one of its cells.
        const cell = document.getElementById(element.getAttribute('aria-activedescendant') ?? '');
        const shown = [element, ...(cell === null ? [] : [cell])].some((one) => {
          const { outlineStyle, outlineWidth } = getComputedStyle(one);
          return (
            outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0 && one.getBoundingClientRect().width > 0
          );
        });
        const label = `${element.tagName} ${element.getAttribute('aria-label') ?? element.textContent?.slice(0, 40) ?? ''}`;
        return { label, shown };
      });
      if (stop === null) break;
      if (stops.includes(stop.label) && stop.label === stops[0]) break;
      stops.push(stop.label);
      if (!stop.shown) invisible.push(stop.label);
    }
    expect(stops.length).toBeGreaterThan(8);
    expect(stops.length).toBeLessThan(200);
    expect(invisible).toEqual([]);
  });

  it('takes the skip link to the page itself', async () => {
    await shell.go('Overview');
    await screen.page.reload();
    await shell.rail.waitFor();
    await screen.page.keyboard.press('Tab');
    await screen.page.keyboard.press('Enter');
    expect(await screen.page.evaluate(() => document.activeElement?.id)).toBe('page');
  });

  it('says nothing to the network but to its own engine', async () => {
    const foreign: string[] = [];
    screen.page.on('request', (request) => {
      if (!request.url().startsWith(host.origin) && !/^(data|blob):/.test(request.url())) foreign.push(request.url());
    });
    await screen.page.reload();
    for (const name of PAGES) await shell.go(name);
    expect(foreign).toEqual([]);
    expect(screen.faults()).toEqual([]);
  });
});
