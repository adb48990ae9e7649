import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AppClient, NoticeInput } from '#renderer/client/index.ts';
import { createStores } from '#renderer/client/stores.ts';
import type { EngineHealth, RecordingFile } from '#shared/model/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import { watchOpenedElsewhere } from './opened-elsewhere.ts';

const file = (id: string, damage: readonly string[] = []): RecordingFile => ({
  id,
  name: `coil ${id}`,
  path: `/recordings/${id}.parx`,
  from: null,
  to: null,
  bytes: 1,
  tags: 1,
  samples: 1,
  damage: [...damage],
});
const health = (host: EngineHealth['host']): EngineHealth => ({
  version: '1',
  startedAt: 0,
  now: 0,
  memoryBytes: 0,
  eventLoopP99Ms: 0,
  samplesPerSecond: 0,
  overruns: 0,
  dataDirectory: '',
  host,
  keepAwake: false,
  historyCache: { bytes: 0, limit: 0, hits: 0, misses: 0 },
});

/** The stores are the page's own; only what a watch does to the page is written down. */
function page() {
  const stores = createStores();
  const notices: NoticeInput[] = [];
  const pages: string[] = [];
  const client: Pick<AppClient, 'stores' | 'notify' | 'showPage'> = {
    stores,
    notify: (notice) => notices.push(notice),
    showPage: (path) => pages.push(path),
  };
  const watch = watchOpenedElsewhere(client as AppClient);
  return {
    stores,
    notices,
    pages,
    watch,
    opened: (...opened: RecordingFile[]) => stores.files.setState({ loaded: true, files: [], opened }),
    host: (host: EngineHealth['host']) => stores.health.setState({ health: health(host), receivedAt: 0 }),
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('recordings opened from outside', () => {
  it('are offered, and the offer shows them in the trend', () => {
    const { stores, notices, pages, opened, host } = page();
    host('server');
    opened();
    opened(file('a'));
    expect(notices).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(notices.map((notice) => notice.text)).toEqual(['Recording "coil a" was opened.']);
    expect(stores.view.getState().openedSource).toBe(RUNNING_HISTORY);
    notices[0]?.action?.run();
    expect(stores.view.getState().openedSource).toBe('a');
    expect(pages).toEqual(['/trend']);
  });

  it('are not told where this page opened them itself, whichever comes first', () => {
    const { stores, notices, opened, host } = page();
    host('server');
    opened();
    opened(file('a'));
    vi.advanceTimersByTime(300);
    stores.view.setState({ openedSource: 'a' });
    vi.advanceTimersByTime(5000);
    expect(notices).toEqual([]);
  });

  it('are told once, and again after they were closed', () => {
    const { notices, opened, host } = page();
    host('server');
    opened();
    opened(file('a'));
    opened(file('a'), file('b'));
    vi.advanceTimersByTime(1000);
    expect(notices.map((notice) => notice.text)).toEqual([
      'Recording "coil a" was opened.',
      'Recording "coil b" was opened.',
    ]);
    opened(file('b'));
    opened(file('a'), file('b'));
    vi.advanceTimersByTime(1000);
    expect(notices.length).toBe(3);
  });

  it('were there before: a browser is not told, a desktop window is', () => {
    const browser = page();
    browser.opened(file('a'));
    browser.host('server');
    vi.advanceTimersByTime(1000);
    expect(browser.notices).toEqual([]);

    const desktop = page();
    desktop.opened(file('a'));
    desktop.host('desktop');
    vi.advanceTimersByTime(1000);
    expect(desktop.notices.length).toBe(1);
  });

  it('say their damage, and nothing once they are closed or the page has gone', () => {
    const { notices, opened, host, watch } = page();
    host('server');
    opened();
    opened(file('a', ['Block 3 of 9 is not readable.']));
    vi.advanceTimersByTime(1000);
    expect(notices[0]).toMatchObject({ kind: 'error', advice: 'Block 3 of 9 is not readable.' });
    opened(file('a'), file('b'));
    opened(file('a'));
    vi.advanceTimersByTime(1000);
    opened(file('a'), file('c'));
    watch[Symbol.dispose]();
    vi.advanceTimersByTime(1000);
    expect(notices.length).toBe(1);
  });
});
