import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exporters } from '#engine/exporters/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { createExportJobs, type ExportJobs } from '#engine/recording/index.ts';
import type { ViewerSource } from '#engine/tsdb/index.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

/** A source that answers only when it is let go, or when nobody wants the answer any more. */
function slowSource(): { readonly source: ViewerSource; letGo(): void } {
  let letGo: () => void = () => undefined;
  const gone = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const findTags: ViewerSource['findTags'] = (_search, signal) =>
    Promise.race([
      gone.then(() => ({ tags: [], total: 0 })),
      new Promise<never>((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
    ]);
  return { source: { findTags } as unknown as ViewerSource, letGo };
}

function jobsIn(directory: string, source: ViewerSource): ExportJobs {
  let ids = 0;
  return createExportJobs({
    directory,
    exporters,
    openWriter: () => Promise.reject(new Error('Nothing is written here.')),
    viewer: async () => source,
    clock: systemClock(),
    log: createLogger(() => undefined),
    newId: () => `job-${(ids += 1)}`,
  });
}

const request = {
  traces: [{ source: 'history', tag: 't1', shiftMs: 0, label: '' }],
  range: { from: 0, to: 1 },
  format: 'csv',
  name: 'export',
  quality: false,
  options: {},
};

it('takes a stated number of exports at a time, and the next when one is cancelled', async () => {
  const { source } = slowSource();
  const jobs = jobsIn(join(temporaryDirectory(), 'exports'), source);
  const ids = Array.from({ length: 20 }, () => jobs.start(request));
  expect(() => jobs.start(request)).toThrow(
    expect.objectContaining({ code: 'rpc.limit', retryable: true, message: expect.stringMatching(/^20 exports/) }),
  );
  // One is at work, the others say that they wait.
  await expect.poll(() => jobs.list().filter(({ state }) => state === 'running')).toHaveLength(1);
  expect(jobs.list().filter(({ state }) => state === 'waiting')).toHaveLength(19);
  jobs.cancel(ids[7]!);
  jobs.start(request);
  expect(jobs.list()).toHaveLength(21);
  await jobs.close();
});

it('keeps a stated number in the list, until some are removed', async () => {
  const directory = join(temporaryDirectory(), 'exports');
  const { source, letGo } = slowSource();
  const jobs = jobsIn(directory, source);
  letGo();
  for (let n = 0; n < 200; n++) {
    const id = jobs.start(request);
    // They end at once: none of the tags is in this source.
    await expect.poll(() => jobs.list().find((job) => job.id === id)?.state, { interval: 1 }).toBe('failed');
  }
  expect(() => jobs.start(request)).toThrow(expect.objectContaining({ code: 'rpc.limit' }));
  jobs.remove('job-1');
  jobs.start(request);
  expect(existsSync(directory)).toBe(true);
  await jobs.close();
  expect(readdirSync(directory)).toEqual([]);
});
