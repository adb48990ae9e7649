import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Page } from 'playwright-core';
import { writeRecording } from '#test/support/written-recording.ts';
import { launchBrowser } from '../e2e/fixtures/browser.ts';
import { startHost } from '../e2e/fixtures/host.ts';
import { recordingsOf } from '../e2e/pages/recordings.ts';
import { shellOf } from '../e2e/pages/shell.ts';

// A recording of 20 tags over ten hours at 100 ms, opened in the trend of a real Chromium: from the click on "Show" to
// the first drawing (what is there, stretched) and to the last one (every tile of the window), for ranges of every
// size, none of which was looked at before. Beside it the bytes that came over the socket. Flags: --hours N (10).

const flag = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const HOURS = flag('hours', 10);
const TAGS = 20;
const PERIOD = 100_000;
const POLLS = HOURS * 36_000;
const START = Date.parse('2026-01-05T06:00:00Z') * 1000;

/** Work that has nothing to do with the program, as a measure of the machine and of what else runs on it. */
function calibrate(): number {
  const started = performance.now();
  let sum = 0;
  for (let index = 0; index < 50_000_000; index++) sum = (sum + index * 31) | 0;
  if (sum === 1) console.log('');
  return performance.now() - started;
}

/** Times in the page: of clicks on "Show", of drawings of the plots, and of the drawing that left nothing to come. */
async function watch(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const times = { asked: 0, first: 0, last: 0 };
    Object.assign(window, { __times: times });
    window.addEventListener(
      'click',
      (event) => {
        if (event.target instanceof Element && event.target.closest('.range-fields button') !== null) {
          Object.assign(times, { asked: performance.now(), first: 0, last: 0 });
        }
      },
      true,
    );
    const fill = CanvasRenderingContext2D.prototype.fillRect;
    CanvasRenderingContext2D.prototype.fillRect = function fillRect(x, y, width, height) {
      const plots = this.canvas.parentElement;
      if (
        x === 0 &&
        y === 0 &&
        width === this.canvas.width &&
        plots?.classList.contains('trend-plots') === true &&
        times.asked > 0
      ) {
        if (times.first === 0) times.first = performance.now();
        // What the drawing leaves behind is known when its frame ends.
        queueMicrotask(() => {
          if (times.last === 0 && plots.ariaBusy === 'false') times.last = performance.now();
        });
      }
      fill.call(this, x, y, width, height);
    };
  });
}

const folder = mkdtempSync(join(tmpdir(), 'parx-trend-history-'));
const recording = join(folder, 'data', 'recordings', 'bench.parx');
mkdirSync(dirname(recording), { recursive: true });
const before = calibrate();
console.log(`Writing ${((TAGS * POLLS) / 1e6).toFixed(1)} million samples ...`);
await writeRecording(recording, { tags: TAGS, polls: POLLS, from: START, periodMs: PERIOD / 1000 });
const host = await startHost(join(folder, 'data'), ['--no-demo']);
const browser = await launchBrowser({ width: 1500, height: 900 });
try {
  const page = await browser.context.newPage();
  await watch(page);
  let bytes = 0;
  page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => (bytes += payload.length)));
  await page.goto(host.url);
  await shellOf(page).go('Recordings');
  await recordingsOf(page).open('bench');
  const rows = page.locator('.trend-picker-row');
  await rows.first().waitFor();
  await page.getByRole('listbox', { name: /Tags/ }).focus();
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Enter');
  const plots = page.locator('.trend-plots[aria-busy="false"]');
  await plots.waitFor();

  const lines: string[] = [];
  const ask = async (name: string, fromS: number, toS: number): Promise<void> => {
    const iso = (second: number): string => new Date((START / 1e6 + second) * 1000).toISOString();
    await page.getByRole('button', { name: 'Time range' }).click();
    await page.getByLabel('From').fill(iso(fromS));
    await page.getByLabel('To', { exact: true }).fill(iso(toS));
    const received = bytes;
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.waitForFunction(() => (window as unknown as { __times: { last: number } }).__times.last > 0);
    const times = await page.evaluate(() => ({
      ...(window as unknown as { __times: { asked: number; first: number; last: number } }).__times,
    }));
    await page.waitForTimeout(600);
    lines.push(
      `${name.padEnd(20)} ${(times.first - times.asked).toFixed(0).padStart(12)} ${(times.last - times.asked).toFixed(0).padStart(12)} ${((bytes - received) / 1024).toFixed(0).padStart(12)}`,
    );
  };
  await ask('two hours', 3600, 3 * 3600);
  await ask('whole', 0, HOURS * 3600);
  await ask('half an hour', 4 * 3600, 4.5 * 3600);
  await ask('five minutes', 6 * 3600, 6 * 3600 + 300);
  await ask('one minute', 7 * 3600, 7 * 3600 + 60);
  await ask('two seconds', 8 * 3600, 8 * 3600 + 2);
  await ask('whole, again', 0, HOURS * 3600);
  const after = calibrate();
  console.log(
    `${await page.locator('.legend-table tbody tr').count()} traces over ${HOURS} h, plots ${(await page.locator('.trend-plots').boundingBox())?.width} px wide. The bytes hold the strip below and a margin of half a window on both sides.`,
  );
  console.log('range                first (ms)  final (ms)  received (KiB)');
  for (const line of lines) console.log(line);
  console.log(
    `Aims: first picture within 100 ms, final within 300 ms. Calibration loop ${before.toFixed(0)} ms before, ${after.toFixed(0)} ms after.`,
  );
} finally {
  await browser.close();
  await host.stop();
  rmSync(folder, { recursive: true, force: true });
}
