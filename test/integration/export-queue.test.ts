import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exporters } from '#engine/exporters/index.ts';
import type { HistorySource } from '#engine/historian/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { createExportJobs, type ExportJobs } from '#engine/recording/index.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

/** A history that answers only when it is let go, or when nobody wants the answer any more. */
function slowHistory(): { readonly source: HistorySource; letGo(): void } {
  let letGo: () => void = () => undefined;
  const gone = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const tags: HistorySource['tags'] = (signal) =>
    Promise.race([
      gone.then(() => []),
      new Promise<never>((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
    ]);
  return { source: { tags } as unknown as HistorySource, letGo };
}

function jobsIn(directory: string): ExportJobs {
  let ids = 0;
  return createExportJobs({
    directory,
    exporters,
    openWriter: () => Promise.reject(new Error('Nothing is written here.')),
    clock: systemClock(),
    log: createLogger(() => undefined),
    newId: () => `job-${(ids += 1)}`,
  });
}

const request = (source: HistorySource) => ({
  source,
  tags: ['t1'],
  range: { from: 0, to: 1 },
  format: 'csv',
  name: 'export',
  quality: false,
  options: {},
});

it('takes a stated number of exports at a time, and the next when one is cancelled', async () => {
  const jobs = jobsIn(join(temporaryDirectory(), 'exports'));
  const { source } = slowHistory();
  const ids = Array.from({ length: 20 }, () => jobs.start(request(source)));
  expect(() => jobs.start(request(source))).toThrow(
    expect.objectContaining({ code: 'rpc.limit', retryable: true, message: expect.stringMatching(/^20 exports/) }),
  );
  // One is at work, the others say that they wait.
  await expect.poll(() => jobs.list().filter(({ state }) => state === 'running')).toHaveLength(1);
  expect(jobs.list().filter(({ state }) => state === 'waiting')).toHaveLength(19);
  jobs.cancel(ids[7]!);
  jobs.start(request(source));
  expect(jobs.list()).toHaveLength(21);
  await jobs.close();
});

it('keeps a stated number in the list, until some are removed', async () => {
  const directory = join(temporaryDirectory(), 'exports');
  const jobs = jobsIn(directory);
  const { source, letGo } = slowHistory();
  letGo();
  for (let n = 0; n < 200; n++) {
    const id = jobs.start(request(source));
    // They end at once: none of the tags is in this source.
    await expect.poll(() => jobs.list().find((job) => job.id === id)?.state, { interval: 1 }).toBe('failed');
  }
  expect(() => jobs.start(request(source))).toThrow(expect.objectContaining({ code: 'rpc.limit' }));
  jobs.remove('job-1');
  jobs.start(request(source));
  expect(existsSync(directory)).toBe(true);
  await jobs.close();
  expect(readdirSync(directory)).toEqual([]);
});
