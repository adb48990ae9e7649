import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '#test/support/needs.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { eventually, openScreen, type Screen } from './fixtures/screen.ts';
import { shellOf } from './pages/shell.ts';
import { trendOf } from './pages/trend.ts';

// Hands on the trend: what the wheel, the mouse and the keys do, and that the picture is whole.

const folder = suiteDirectory();
const SPEED = 'Strip speed';

/** A time as the page writes it, in the computer's zone unless it carries an offset. */
const micros = (text: string): number => {
  const [, second = '', fraction = '0', offset = ''] = /^(\S+ [\d:]+)(?:\.(\d+))?([+-]\d\d:\d\d)?$/.exec(text) ?? [];
  return Date.parse(`${second.replace(' ', 'T')}${offset}`) * 1000 + Number(fraction.padEnd(6, '0'));
};

describe.skipIf(needs('chromium'))('the trend', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let screen: Screen;
  let page: Page;
  let trend: ReturnType<typeof trendOf>;
  const span = async (): Promise<{ readonly from: number; readonly to: number }> => {
    const { from, to } = await trend.window();
    return { from: micros(from), to: micros(to) };
  };
  /** A place in the first plot, as shares of the whole of the plots. */
  const point = async (x: number, y: number): Promise<{ readonly x: number; readonly y: number }> => {
    const box = await trend.plots.boundingBox();
    if (box === null) throw new Error('The plots are not there.');
    return { x: box.x + box.width * x, y: box.y + box.height * y };
  };
  const visible = async (): Promise<{ readonly heading: string[]; readonly rows: string[][] }> => {
    await trend.plots.focus();
    await page.evaluate(() => navigator.clipboard.writeText(''));
    await page.keyboard.press('Control+Shift+c');
    const text = await eventually(
      () => page.evaluate(() => navigator.clipboard.readText()),
      (now) => now !== '',
    );
    const [heading = '', ...rows] = text.trimEnd().split('\n');
    return { heading: heading.split('\t'), rows: rows.map((row) => row.split('\t')) };
  };

  beforeAll(async () => {
    browser = await launchBrowser();
    host = await startHost(folder.path);
    screen = await openScreen(browser.context, host.url);
    page = screen.page;
    await browser.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: host.origin });
    trend = trendOf(page);
    // The recorder has a past before the trend is opened for the first time.
    await page.waitForTimeout(6000);
    await shellOf(page).go('Trend');
    await trend.following.waitFor();
  });
  afterAll(async () => {
    await browser?.close();
    await host?.kill();
  });

  it('joins what was recorded before it was opened and what has come since, without a hole or a double', async () => {
    await eventually(() => trend.number(SPEED, 'Value'), Number.isFinite);
    await page.waitForTimeout(8000);
    await trend.pause();
    await trend.showRange('now-12s', 'now-2s');
    await page.waitForTimeout(1000);
    const { heading, rows } = await visible();
    const column = heading.findIndex((name) => name.startsWith(SPEED));
    expect(column, heading.join()).toBeGreaterThan(0);
    const times = rows.map((row) => micros(row[0] ?? ''));
    for (let i = 1; i < times.length; i++) expect(times[i]).toBeGreaterThan(times[i - 1]!);
    // Tags of 50 ms and slower together give a row at least every 50 ms; a hole would be a second or more.
    const longest = Math.max(...times.map((time, i) => (i === 0 ? 0 : time - times[i - 1]!)));
    expect(longest).toBeLessThan(700_000);
    expect(times.at(-1)! - times[0]!).toBeGreaterThan(9e6);
    expect(rows.every((row) => row[column] !== '' && Number.isFinite(Number(row[column])))).toBe(true);
  });

  it('copies the visible data where the window grants no permissions, too', async () => {
    await page.evaluate(() => {
      const refuse = (): Promise<void> => Promise.reject(new DOMException('Not allowed.', 'NotAllowedError'));
      const allowed = navigator.clipboard.writeText.bind(navigator.clipboard);
      navigator.clipboard.writeText = (text) => (text === '' ? allowed(text) : refuse());
    });
    const { heading, rows } = await visible();
    expect(heading.some((name) => name.startsWith(SPEED))).toBe(true);
    expect(rows.length).toBeGreaterThan(50);
  });

  it('zooms with the wheel at the pointer, pans by drag, and goes back step by step', async () => {
    const start = await span();
    const at = await point(0.5, 0.15);
    await page.mouse.move(at.x, at.y);
    await page.mouse.wheel(0, -300);
    const near = await eventually(span, ({ from, to }) => to - from < (start.to - start.from) * 0.6);
    // The time under the pointer has kept its place: both ends came in.
    expect(near.from).toBeGreaterThan(start.from);
    expect(near.to).toBeLessThan(start.to);
    await page.mouse.move(at.x, at.y);
    await page.mouse.down();
    await page.mouse.move(at.x + 25, at.y);
    // The turn of the wheel before has an end of its own 400 ms later, which must not cut the drag in two.
    await page.waitForTimeout(420);
    await page.mouse.move(at.x + 200, at.y, { steps: 8 });
    await page.mouse.up();
    const panned = await eventually(span, ({ from }) => from < near.from);
    expect(Math.abs(panned.to - panned.from - (near.to - near.from))).toBeLessThan(2000);
    await trend.plots.focus();
    await page.keyboard.press('Backspace');
    expect(await span()).toEqual(near);
    await trend.plots.focus();
    await page.keyboard.press('Control+z');
    expect(await span()).toEqual(start);
  });

  it('zooms into a rectangle, and one axis alone', async () => {
    const before = await span();
    const from = await point(0.4, 0.1);
    await page.keyboard.down('Shift');
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(from.x + 150, from.y + 40, { steps: 6 });
    await page.mouse.up();
    await page.keyboard.up('Shift');
    const inside = await span();
    expect(inside.from).toBeGreaterThan(before.from);
    expect(inside.to).toBeLessThan(before.to);
    await trend.plots.focus();
    await page.keyboard.press('Backspace');
    expect(await span()).toEqual(before);

    const picture = await trend.picture();
    const axis = await point(0.03, 0.15);
    await page.mouse.move(axis.x, axis.y);
    await page.mouse.wheel(0, -200);
    await eventually(
      () => trend.picture(),
      (now) => now !== picture,
    );
    // Time has not moved.
    expect(await span()).toEqual(before);
    await trend.plots.focus();
    await page.keyboard.press('Backspace');
  });

  it('shows the last value at or before the pointer with its time and quality', async () => {
    const at = await point(0.6, 0.15);
    await page.mouse.move(at.x, at.y);
    await page.mouse.move(at.x + 1, at.y);
    const box = page.locator('.hover-box');
    await box.waitFor();
    const text = (await box.innerText()).replaceAll('\n', ' ');
    const pointer = /^(\S+ \S+)/.exec(text)?.[1] ?? '';
    const sampled = /sampled (\S+ \S+)/.exec(text)?.[1] ?? '';
    expect(text).toContain('Good');
    expect(micros(sampled)).toBeLessThanOrEqual(micros(pointer));
    expect(micros(pointer) - micros(sampled)).toBeLessThan(1_500_000);
  });

  it('measures between two cursors and steps them from sample to sample', async () => {
    const readings = page.locator('.trend-readings');
    const one = await point(0.4, 0.15);
    await trend.plots.focus();
    await page.mouse.move(one.x, one.y);
    await page.keyboard.press('a');
    await page.mouse.move(one.x + 200, one.y);
    await page.keyboard.press('b');
    const value = async (name: string): Promise<string> =>
      (
        (await readings
          .locator('span', { hasText: new RegExp(`^${name}`) })
          .first()
          .textContent()) ?? ''
      ).slice(name.length);
    await eventually(
      () => value('Δt'),
      (text) => / m?s$/.test(text),
    );
    const a = micros(await value('A'));
    const b = micros(await value('B'));
    expect(b).toBeGreaterThan(a);
    const distance = await value('Δt');
    const unit = distance.endsWith('ms') ? 1e3 : 1e6;
    // All three are shown to the millisecond, each rounded by itself.
    expect(Math.abs(Number.parseFloat(distance) * unit - (b - a))).toBeLessThanOrEqual(1000);
    expect((await readings.textContent()) ?? '').toContain('Statistics between A and B');
    expect(await trend.number(SPEED, 'A')).toBeGreaterThanOrEqual(0);
    expect(Number.isFinite(await trend.number(SPEED, 'B − A'))).toBe(true);

    await page.keyboard.press('ArrowRight');
    // The numbers follow with the next frame, which a busy machine draws late.
    const place = async (): Promise<number> => micros(await value('B'));
    const stepped = await eventually(place, (at) => at > b);
    expect(stepped - b).toBeLessThan(1_500_000);
    await page.keyboard.press('ArrowRight');
    await eventually(place, (at) => at > stepped);
    await page.keyboard.press('ArrowLeft');
    await eventually(place, (at) => at === stepped);
    await page.keyboard.press('Escape');
    const before = await span();
    await trend.plots.focus();
    await page.keyboard.press('ArrowLeft');
    await eventually(span, ({ from }) => from < before.from);
    await trend.plots.focus();
    await page.keyboard.press('x');
    await readings.locator('span', { hasText: /^Δt/ }).first().waitFor({ state: 'hidden' });
  });

  it('goes to the ends of the data, and follows again', async () => {
    await trend.plots.focus();
    await page.keyboard.press('Home');
    const start = await span();
    await trend.plots.focus();
    await page.keyboard.press('f');
    await page.keyboard.press('f');
    const whole = await eventually(span, ({ from, to }) => to - from > 12e6);
    expect(whole.from).toBeLessThanOrEqual(start.from);
    await trend.plots.focus();
    await page.keyboard.press('End');
    await trend.following.waitFor();
    await trend.moves();
    await trend.plots.focus();
    await page.keyboard.press('Space');
    await trend.paused.waitFor();
  });

  it('offers the same commands by the right button, with their keys', async () => {
    const at = await point(0.5, 0.2);
    await page.mouse.click(at.x, at.y, { button: 'right' });
    const menu = page.getByRole('menu', { name: 'Trend' });
    await menu.waitFor();
    const text = (await menu.textContent()) ?? '';
    for (const entry of ['FollowSpace', 'Fit valuesF', 'Cursor A hereA', 'Copy the pictureCtrl+C', 'Export…Ctrl+E']) {
      expect(text).toContain(entry);
    }
    await page.keyboard.press('Escape');
    await menu.waitFor({ state: 'hidden' });
  });

  it('writes a note at the pointer and finds it again as an event', async () => {
    const at = await point(0.5, 0.15);
    await trend.plots.focus();
    await page.mouse.move(at.x, at.y);
    await page.keyboard.press('i');
    const dialog = page.getByRole('dialog', { name: /^Note at / });
    await dialog.getByLabel('Text').fill('Roll changed');
    await dialog.getByRole('button', { name: 'Add the note' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await trend.plots.focus();
    await page.keyboard.press('End');
    await trend.following.waitFor();
    await trend.pause();
    await trend.plots.focus();
    await page.keyboard.press('Shift+E');
    const middle = await point(0.5, 0.15);
    const area = page.locator('.hover-box');
    // The event stands in the middle of the window; the gutters shift it a little.
    await eventually(
      async () => {
        for (let x = -60; x <= 60; x += 6) {
          await page.mouse.move(middle.x + x, middle.y);
          await page.waitForTimeout(20);
          if (((await area.textContent()) ?? '').includes('Roll changed')) return true;
        }
        return false;
      },
      (found) => found,
    );
  });

  it('takes tags by drag, each unit on its axis, and gives a removed trace back', async () => {
    const picker = page.getByRole('region', { name: 'Tags' });
    await picker.getByRole('searchbox', { name: 'Search tags' }).fill('Coolant flow');
    const row = picker.getByRole('option').filter({ hasText: 'Coolant flow' }).first();
    const box = await trend.plots.boundingBox();
    await row.dragTo(trend.plots, { targetPosition: { x: (box?.width ?? 0) / 2, y: (box?.height ?? 0) * 0.15 } });
    const legend = page.getByRole('main').getByRole('table').getByRole('row').filter({ hasText: 'Coolant flow' });
    await legend.waitFor();
    expect(await legend.textContent()).toContain('plot 1');
    await eventually(() => trend.number('Coolant flow', 'Value'), Number.isFinite);
    await legend.click();
    await page.keyboard.press('Delete');
    await legend.waitFor({ state: 'detached' });
    await page.getByRole('region', { name: 'Messages' }).getByRole('button', { name: 'Undo' }).last().click();
    await legend.waitFor();
  });

  it('keeps what was arranged as a draft, and in the project once saved', async () => {
    const name = trend.bar.getByRole('button', { name: /^Trend ".*", not saved$/ });
    await name.waitFor();
    await page.waitForTimeout(700);
    await page.reload();
    await trend.plots.waitFor();
    const legend = page.getByRole('main').getByRole('table').getByRole('row').filter({ hasText: 'Coolant flow' });
    await legend.waitFor();
    await trend.bar.getByRole('button', { name: 'Save the trend' }).click();
    await name.waitFor({ state: 'detached' });
    await page.reload();
    await legend.waitFor();
    expect(await name.count()).toBe(0);
  });

  it('exports what lies between the cursors as Parquet', async () => {
    const at = await point(0.6, 0.15);
    await trend.plots.focus();
    await page.mouse.move(at.x, at.y);
    await page.keyboard.press('a');
    await page.mouse.move(at.x + 80, at.y);
    await page.keyboard.press('b');
    await page.keyboard.press('Control+e');
    expect(await trend.exportDialog.getByLabel('Range', { exact: true }).inputValue()).toBe('between');
    await page.keyboard.press('Escape');
    await trend.exportDialog.waitFor({ state: 'hidden' });
    const bytes = readFileSync(await trend.exportVisible('between', 'Parquet'));
    expect(bytes.subarray(0, 4).toString()).toBe('PAR1');
    expect(bytes.subarray(-4).toString()).toBe('PAR1');
    await trend.plots.focus();
    await page.keyboard.press('x');
  });

  it('stacks traces and shows statistics on a key', async () => {
    await trend.plots.focus();
    const picture = await trend.picture();
    await page.keyboard.press('s');
    await eventually(
      () => trend.picture(),
      (now) => now !== picture,
    );
    await page.keyboard.press('s');
    const headings = (): Promise<string[]> => trend.numbers.getByRole('columnheader').allTextContents();
    expect(await headings()).toContain('Mean');
    await page.keyboard.press('m');
    await eventually(headings, (now) => !now.includes('Mean'));
    await page.keyboard.press('m');
    await eventually(headings, (now) => now.includes('Mean'));
  });

  it('had nothing to complain about', () => {
    expect(screen.faults()).toEqual([]);
  });
});
