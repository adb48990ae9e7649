import type { Worker } from 'node:worker_threads';
import { systemClock } from '#engine/platform/index.ts';

/** A thread that has closed its port ends at once, unless something in it hangs. */
const LONGEST_MS = 5_000;

/**
 * Resolves when a thread that closes its port by itself has ended. It is not terminated, because that can meet it
 * while its database is being taken down; only one that goes on for seconds is.
 */
export function threadEnd(worker: Worker): Promise<void> {
  if (worker.threadId === -1) return Promise.resolve();
  return new Promise((resolve) => {
    const late = systemClock().after(LONGEST_MS, () => void worker.terminate());
    worker.once('exit', () => {
      late[Symbol.dispose]();
      resolve();
    });
  });
}
