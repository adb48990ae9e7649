import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CDPSession, Page } from 'playwright-core';
import { launchBrowser } from '../e2e/fixtures/browser.ts';
import { startHost } from '../e2e/fixtures/host.ts';

// A trend of 20 demo tags in a real Chromium, following for a while and then panned by the mouse: the main thread's
// work per animation frame from a browser trace, the longest task, drawings of the plots per frame, and how often
// React committed beside how many samples came. Flags: --seconds N (10), --tags N (20), --warm N (20).

const flag = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const SECONDS = flag('seconds', 10);
const TAGS = flag('tags', 20);
const WARM_S = flag('warm', 20);

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly ts: number;
  readonly dur?: number;
  /** Processor time of the thread: what else runs on the machine does not count. */
  readonly tdur?: number;
  readonly pid: number;
  readonly tid: number;
  readonly args?: { readonly name?: string };
}

/** Work that has nothing to do with the program, as a measure of the machine and of what else runs on it. */
function calibrate(): number {
  const started = performance.now();
  let sum = 0;
  for (let index = 0; index < 50_000_000; index++) sum = (sum + index * 31) | 0;
  if (sum === 1) console.log('');
  return performance.now() - started;
}

async function traced(session: CDPSession, run: () => Promise<void>): Promise<readonly TraceEvent[]> {
  const events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...(value as unknown as TraceEvent[])));
  const complete = new Promise<void>((resolve) => session.once('Tracing.tracingComplete', () => resolve()));
  await session.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: {
      includedCategories: [
        'toplevel',
        'devtools.timeline',
        'disabled-by-default-devtools.timeline',
        'disabled-by-default-devtools.timeline.frame',
        'devtools.timeline.frame',
        '__metadata',
      ],
    },
  });
  await run();
  await session.send('Tracing.end');
  await complete;
  return events;
}

interface Frames {
  readonly frames: number;
  readonly p50: number;
  readonly p95: number;
  readonly worst: number;
  readonly longestTask: number;
  /** With what else ran on the machine in between. */
  readonly longestWall: number;
  readonly script: number;
}

/**
 * Work per frame: the top-level tasks of the page's main thread from one frame's begin to the next. The frames are the
 * browser's own: a view that rests asks for no animation frame, and what the rest of the page does meanwhile is not the
 * work of the next drawing. The thread is the one that has run most animation frames.
 */
function frameWork(events: readonly TraceEvent[]): Frames {
  const fires = new Map<string, number>();
  for (const event of events) {
    if (event.name !== 'FireAnimationFrame') continue;
    const key = `${event.pid}/${event.tid}`;
    fires.set(key, (fires.get(key) ?? 0) + 1);
  }
  const main = [...fires].sort((a, b) => b[1] - a[1])[0]?.[0];
  if (main === undefined) throw new Error('The trace holds no animation frame.');
  const mine = events.filter((event) => `${event.pid}/${event.tid}` === main);
  const begins = [
    ...new Set(mine.filter((event) => event.name === 'BeginMainThreadFrame').map((event) => event.ts)),
  ].sort((a, b) => a - b);
  if (begins.length === 0) throw new Error('The trace holds no begin of a frame.');
  const frames: number[] = [];
  for (const ts of begins) if (frames.length === 0 || ts - frames.at(-1)! > 8_000) frames.push(ts);
  const tasks = mine.filter((event) => event.ph === 'X' && event.name === 'ThreadControllerImpl::RunTask');
  const work = new Float64Array(Math.max(1, frames.length));
  let longest = 0;
  let longestWall = 0;
  let at = 0;
  for (const task of [...tasks].sort((a, b) => a.ts - b.ts)) {
    const end = task.ts + (task.dur ?? 0);
    if (frames.length === 0 || end < frames[0]!) continue;
    while (at + 1 < frames.length && frames[at + 1]! <= end) at++;
    work[at]! += (task.tdur ?? task.dur ?? 0) / 1000;
    longest = Math.max(longest, (task.tdur ?? task.dur ?? 0) / 1000);
    longestWall = Math.max(longestWall, (task.dur ?? 0) / 1000);
  }
  const script = mine.reduce(
    (sum, event) => sum + (event.ph === 'X' && event.name === 'FireAnimationFrame' ? (event.dur ?? 0) / 1000 : 0),
    0,
  );
  const sorted = [...work].sort((a, b) => a - b);
  const share = (p: number): number => sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? 0;
  return {
    frames: frames.length,
    p50: share(0.5),
    p95: share(0.95),
    worst: sorted.at(-1) ?? 0,
    longestTask: longest,
    longestWall,
    script: script / Math.max(1, frames.length),
  };
}

interface Counts {
  /** Most drawings of the plots in one animation frame. */
  most: number;
  drawings: number;
  commits: number;
}

/** Counts in the page: React tells a commit through the hook that its developer tools use. */
async function countIn(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const counts = { most: 0, drawings: 0, commits: 0 };
    let inFrame = 0;
    Object.assign(window, {
      __counts: counts,
      __REACT_DEVTOOLS_GLOBAL_HOOK__: {
        supportsFiber: true,
        inject: () => 1,
        onCommitFiberRoot: () => {
          counts.commits++;
        },
        onCommitFiberUnmount: () => undefined,
        onPostCommitFiberRoot: () => undefined,
      },
    });
    const request = window.requestAnimationFrame.bind(window);
    window.requestAnimationFrame = (run) =>
      request((time) => {
        const stamp = document.timeline.currentTime;
        if (stamp !== last) {
          last = stamp;
          inFrame = 0;
        }
        run(time);
      });
    let last: CSSNumberish | null = null;
    // A drawing of the plots begins by filling the whole canvas.
    const fill = CanvasRenderingContext2D.prototype.fillRect;
    CanvasRenderingContext2D.prototype.fillRect = function fillRect(x, y, width, height) {
      if (
        x === 0 &&
        y === 0 &&
        width === this.canvas.width &&
        this.canvas.parentElement?.classList.contains('trend-plots') === true
      ) {
        counts.drawings++;
        inFrame++;
        counts.most = Math.max(counts.most, inFrame);
      }
      fill.call(this, x, y, width, height);
    };
  });
}

const read = (page: Page): Promise<Counts> =>
  page.evaluate(() => ({ ...(window as unknown as { __counts: Counts }).__counts }));
async function reset(page: Page): Promise<void> {
  await page.evaluate(() =>
    Object.assign((window as unknown as { __counts: Counts }).__counts, { most: 0, drawings: 0, commits: 0 }),
  );
}

const data = mkdtempSync(join(tmpdir(), 'parx-trend-'));
const host = await startHost(data);
const browser = await launchBrowser({ width: 1500, height: 900 });
try {
  const before = calibrate();
  const page = await browser.context.newPage();
  await countIn(page);
  await page.goto(host.url);
  // The host puts the demo line into an empty project by itself.
  await page.getByText('Demo rolling mill').first().waitFor();
  await page.evaluate(() => {
    location.hash = '#/trend';
  });
  const rows = page.locator('.trend-picker-row');
  await rows.first().waitFor();
  // The demo's own trend, and as many tags more as were asked for.
  const legend = page.locator('.legend-table tbody tr');
  await legend.first().waitFor();
  const picker = page.getByRole('listbox', { name: /Tags/ });
  await picker.focus();
  await page.keyboard.press('Home');
  for (let i = (await legend.count()) + 1; i < TAGS; i++) await page.keyboard.press('Shift+ArrowDown');
  await page.keyboard.press('Enter');
  // Some of those were drawn already.
  while ((await legend.count()) < TAGS) {
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
  }
  await page.waitForTimeout(WARM_S * 1000);
  const traces = await legend.count();
  const session = await browser.context.newCDPSession(page);

  const lines: string[] = [];
  const measure = async (name: string, run: () => Promise<void>): Promise<void> => {
    await reset(page);
    const started = performance.now();
    const events = await traced(session, run);
    const seconds = (performance.now() - started) / 1000;
    const work = frameWork(events);
    const counts = await read(page);
    const cells = [
      name.padEnd(22),
      String(work.frames).padStart(7),
      work.p50.toFixed(2).padStart(9),
      work.p95.toFixed(2).padStart(9),
      work.worst.toFixed(1).padStart(9),
      work.longestTask.toFixed(1).padStart(13),
      work.longestWall.toFixed(1).padStart(9),
      work.script.toFixed(2).padStart(10),
      String(counts.drawings).padStart(9),
      String(counts.most).padStart(11),
      (counts.commits / seconds).toFixed(1).padStart(10),
    ];
    lines.push(cells.join(' '));
  };

  await page.mouse.move(900, 60);
  await measure('following', () => page.waitForTimeout(SECONDS * 1000));
  await measure('panned by the mouse', async () => {
    const box = await page.locator('.trend-plots').boundingBox();
    if (box === null) throw new Error('The plots are not there.');
    const y = box.y + box.height / 3;
    const until = performance.now() + SECONDS * 1000;
    let left = false;
    await page.mouse.move(box.x + box.width * 0.3, y);
    await page.mouse.down();
    while (performance.now() < until) {
      left = !left;
      await page.mouse.move(box.x + box.width * (left ? 0.8 : 0.3), y, { steps: 60 });
    }
    await page.mouse.up();
  });
  await measure('zoomed by the wheel', async () => {
    const until = performance.now() + SECONDS * 1000;
    for (let i = 0; performance.now() < until; i++) {
      await page.mouse.wheel(0, i % 16 < 8 ? 100 : -100);
      await page.waitForTimeout(40);
    }
  });

  const after = calibrate();
  console.log(
    `${traces} traces, plots ${(await page.locator('.trend-plots').boundingBox())?.width} px wide, ${SECONDS} s each; software canvas, no GPU.`,
  );
  console.log(
    '                        frames  p50 (ms)  p95 (ms) most (ms) longest task  by clock script/fr  drawings  most/frame  commits/s',
  );
  for (const line of lines) console.log(line);
  console.log(
    `Aims: p95 below 8 ms, no task over 50 ms, at most one drawing per frame. Calibration loop ${before.toFixed(0)} ms before, ${after.toFixed(0)} ms after.`,
  );
} finally {
  await browser.close();
  await host.stop();
  rmSync(data, { recursive: true, force: true });
}
