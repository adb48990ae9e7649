import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '#test/support/needs.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { launchBrowser } from './fixtures/browser.ts';
import { type RunningHost, startHost } from './fixtures/host.ts';
import { openScreen, type Screen } from './fixtures/screen.ts';
import { shellOf } from './pages/shell.ts';

const folder = suiteDirectory();
const WATCH_MS = 3000;

/**
 * Clock, status bar and recorder are ordinary text and are drawn anew about once a second each; values are not. The
 * demo line alone brings a thousand samples a second, so that a render per sample or per value would be plain to see.
 */
const RENDERS_PER_SECOND = 20;

declare global {
  interface Window {
    parxCommits: number;
    parxTextChanges: number;
  }
}

describe.skipIf(needs('chromium'))('live values', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  let host: RunningHost;
  let screen: Screen;
  let shell: ReturnType<typeof shellOf>;

  beforeAll(async () => {
    browser = await launchBrowser();
    await browser.context.addInitScript(() => {
      window.parxCommits = 0;
      window.parxTextChanges = 0;
      // What React tells its developer tools: every time it has written something into the document.
      Object.assign(window, {
        __REACT_DEVTOOLS_GLOBAL_HOOK__: {
          supportsFiber: true,
          renderers: new Map(),
          inject: () => 1,
          onScheduleFiberRoot: () => undefined,
          onCommitFiberUnmount: () => undefined,
          onCommitFiberRoot: () => {
            window.parxCommits++;
          },
        },
      });
    });
    host = await startHost(folder.path);
    screen = await openScreen(browser.context, host.url);
    shell = shellOf(screen.page);
    await shell.status.getByText('running').first().waitFor();
  });
  afterAll(async () => {
    expect(screen?.faults()).toEqual([]);
    await browser?.close();
    await host?.kill();
  });

  it.each(['Overview', 'Tags', 'Trend'] as const)('are written on %s without a render for each', async (page) => {
    await shell.go(page);
    await screen.page.waitForTimeout(1500);
    const counted = await screen.page.evaluate(async (ms) => {
      const observer = new MutationObserver((changes) => {
        window.parxTextChanges += changes.length;
      });
      observer.observe(document.body, { subtree: true, characterData: true, childList: true });
      const before = window.parxCommits;
      window.parxTextChanges = 0;
      await new Promise((resolve) => setTimeout(resolve, ms));
      observer.disconnect();
      return { renders: window.parxCommits - before, texts: window.parxTextChanges };
    }, WATCH_MS);
    expect(counted.renders).toBeLessThan((RENDERS_PER_SECOND * WATCH_MS) / 1000);
    // The counter counts: something on the page is drawn by React in this time, the clock at least.
    expect(counted.renders).toBeGreaterThan(0);
    if (page === 'Tags') expect(counted.texts).toBeGreaterThan(counted.renders * 5);
  });
});
