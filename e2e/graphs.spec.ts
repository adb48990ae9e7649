import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '#test/support/needs.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { writeRecording } from '#test/support/written-recording.ts';
import { barriersOf } from './fixtures/barriers.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { eventually, openScreen, type Screen, textThat } from './fixtures/screen.ts';
import { recordingsOf } from './pages/recordings.ts';
import { shellOf } from './pages/shell.ts';

// A graph is made by keyboard, corrected as text, kept in the project, and opened in the trend.

const folder = suiteDirectory();

describe.skipIf(needs('chromium'))('the graph editor', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let screen: Screen;
  let shell: ReturnType<typeof shellOf>;
  const data = (...names: readonly string[]): string => join(folder.path, 'data', ...names);
  const page = () => screen.page;
  const main = () => page().getByRole('main');
  const legend = () => main().getByRole('region', { name: 'Preview' }).getByRole('list', { name: 'Series' });
  const yaml = () => main().getByRole('textbox', { name: 'The graph as YAML' });
  const found = () =>
    main()
      .getByRole('listbox', { name: /^Metrics/ })
      .getByRole('option');
  const plot = async (): Promise<string> =>
    (await main().locator('.graph-plot').screenshot({ animations: 'disabled' })).toString('base64');

  beforeAll(async () => {
    mkdirSync(data('recordings'), { recursive: true });
    const shape = { tags: 3, from: 1_767_600_000e6, periodMs: 100, polls: 6_000 };
    await writeRecording(data('recordings', 'heat.parx'), shape);
    browser = await launchBrowser();
    host = await startHost(data(), ['--no-demo']);
    screen = await openScreen(browser.context, host.url);
    shell = shellOf(screen.page);
    await shell.go('Recordings');
    await recordingsOf(page()).open('heat');
    await shell.go('Graphs');
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await host?.kill();
  });

  it('begins with a search, and draws what Enter adds', async () => {
    await main().getByRole('button', { name: 'New graph' }).first().click();
    await main().getByLabel('Source of the graph').selectOption({ label: 'heat' });
    await main().getByRole('textbox', { name: 'From' }).fill('2026-01-05T08:00:00Z');
    await main().getByRole('textbox', { name: 'To', exact: true }).fill('2026-01-05T08:10:00Z');
    const search = main().getByRole('searchbox', { name: 'Search metrics' });
    await search.focus();
    await search.fill('tag 01');
    await found().first().waitFor();
    await eventually(
      () => found().count(),
      (count) => count === 1,
    );
    const before = await plot();
    await page().keyboard.press('Enter');
    await textThat(legend(), /Tag 01/);
    expect(await plot()).not.toBe(before);
  });

  it('greys an aggregation that is none of the metric, with the reason', async () => {
    const rate = main().getByRole('radio', { name: /^rate/ });
    expect(await rate.isDisabled()).toBe(true);
    await textThat(main().locator('.aggregate').filter({ hasText: 'rate' }), /has no rate\. Choose from/);
    const mean = await legend().textContent();
    await main().getByRole('radio', { name: /^max/ }).check();
    await eventually(
      () => legend().textContent(),
      (text) => text !== mean,
    );
  });

  it('suggests the values that a label has', async () => {
    const value = main().getByLabel('Value of device');
    await value.focus();
    const options = page().locator(`datalist#${CSS_ID(await value.getAttribute('list'))} option`);
    await eventually(
      () => options.count(),
      (count) => count > 0,
    );
    await value.fill('Nowhere');
    await textThat(main().getByRole('region', { name: 'Preview' }), /no tag of this recording|no sample|there is no/i);
    await value.fill('');
    await textThat(legend(), /Tag 01/);
  });

  it('is the same graph as text: faults stand at their lines, and what is right is drawn', async () => {
    await main().getByRole('tab', { name: 'YAML' }).click();
    await eventually(
      () => yaml().inputValue(),
      (text) => /aggregate: max/.test(text) && /metric: tag\.tag-1/.test(text),
    );
    const text = await yaml().inputValue();
    await yaml().fill(text.replace('aggregate: max', 'aggregate: most'));
    const faults = main().getByRole('list', { name: 'Faults' });
    await textThat(faults, /aggregate/);
    const line = text.split('\n').findIndex((one) => one.includes('aggregate: max')) + 1;
    await faults.getByRole('button', { name: new RegExp(`^${line}:`) }).click();
    expect(await yaml().evaluate((field) => field === document.activeElement)).toBe(true);
    await yaml().fill(text.replace('aggregate: max', 'aggregate: min'));
    await eventually(
      () => faults.getByRole('listitem').count(),
      (count) => count === 0,
    );
    await main().getByRole('tab', { name: 'Form' }).click();
    expect(await main().getByRole('radio', { name: /^min/ }).isChecked()).toBe(true);
  });

  it('goes back and forth step by step', async () => {
    await main().getByRole('button', { name: 'Undo' }).click();
    expect(await main().getByRole('radio', { name: /^max/ }).isChecked()).toBe(true);
    await main().getByRole('button', { name: 'Redo' }).click();
    expect(await main().getByRole('radio', { name: /^min/ }).isChecked()).toBe(true);
  });

  it('looks closer by wheel and drag, tells values at the pointer, and leaves the graph as it is', async () => {
    const preview = main().getByRole('region', { name: 'Preview' });
    const picture = preview.getByRole('application');
    const whole = preview.getByRole('button', { name: "The graph's own range" });
    const from = main().getByRole('textbox', { name: 'From' });
    const box = (await picture.boundingBox())!;
    const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    await page().mouse.move(middle.x, middle.y);
    const hover = picture.locator('.hover-box');
    await textThat(hover, /2026-01-05 \d\d:0\d:\d\d\.\d{3}.*Tag 01.*step from 2026-01-05.*Good/s);
    const first = await hover.textContent();
    expect(await whole.isDisabled()).toBe(true);
    for (let n = 0; n < 6; n++) await page().mouse.wheel(0, -300);
    await eventually(
      () => whole.isDisabled(),
      (off) => !off,
    );
    // Steps follow the width: what is read anew for the short range has shorter ones.
    await eventually(
      () => picture.getAttribute('aria-busy'),
      (busy) => busy === 'false',
    );
    await page().mouse.move(middle.x + 1, middle.y);
    await textThat(hover, /step from 2026-01-05/);
    const before = await plot();
    await page().mouse.down();
    await page().mouse.move(middle.x + 200, middle.y, { steps: 4 });
    await page().mouse.up();
    await eventually(plot, (now) => now !== before);
    await textThat(hover, /2026-01-05/);
    expect(await hover.textContent()).not.toBe(first);
    expect(await from.inputValue()).toBe('2026-01-05T08:00:00Z');
    await picture.focus();
    await page().keyboard.press('Backspace');
    await page().keyboard.press('ArrowRight');
    expect(await barriersOf(page())).toEqual([]);
    await page().keyboard.press('f');
    await eventually(
      () => whole.isDisabled(),
      (off) => off,
    );
    // What is seen can be kept.
    await page().keyboard.press('+');
    await preview.getByRole('button', { name: "Make what is seen the graph's range" }).click();
    await eventually(
      () => from.inputValue(),
      (text) => /^2026-01-05 \d\d:0[1-9]:\d\d\.\d{3}$/.test(text),
    );
    expect(await whole.isDisabled()).toBe(true);
    await main().getByRole('button', { name: 'Undo' }).click();
    expect(await from.inputValue()).toBe('2026-01-05T08:00:00Z');
  });

  it('shows what its source is asked', async () => {
    await main().getByRole('tab', { name: 'Query' }).click();
    const part = main().getByRole('article', { name: 'heat' });
    await textThat(part, /tag tag-1/);
    await part.getByRole('button', { name: 'Copy the query' }).waitFor();
    // A recording of this computer has no server with a plan.
    expect(await part.getByRole('button', { name: 'Plan' }).count()).toBe(0);
    expect(await barriersOf(page())).toEqual([]);
    await main().getByRole('tab', { name: 'Form' }).click();
  });

  it('is kept in the project, deleted, and brought back', async () => {
    await main().getByRole('textbox', { name: 'Name of the graph' }).fill('Smallest of the second');
    await page().keyboard.press('Control+s');
    await textThat(shell.messages, /"Smallest of the second" is saved in the project/);
    const list = main().getByRole('navigation', { name: 'Graphs' });
    await list.getByText('Smallest of the second').waitFor();
    await page().reload();
    await list.getByText('Smallest of the second').waitFor();
    await main().getByRole('button', { name: 'Delete the graph' }).click();
    await list.getByText('Smallest of the second').waitFor({ state: 'detached' });
    await shell.messages.getByRole('button', { name: 'Undo' }).click();
    await list.getByText('Smallest of the second').click();
    await textThat(legend(), /Tag 01/);
  });

  it('has no barriers, and opens in the trend as the tag that it is', async () => {
    expect(await barriersOf(page())).toEqual([]);
    await main().getByRole('button', { name: 'Open in trend' }).click();
    const row = page().getByRole('main', { name: 'Trend' }).getByRole('row').filter({ hasText: 'Tag 01' });
    await textThat(row, /heat/);
  });
});

const CSS_ID = (id: string | null): string => (id ?? '').replace(/[^A-Za-z0-9_-]/g, (sign) => `\\${sign}`);
