import { Worker } from 'node:worker_threads';
import type { WorkerUrls } from '#engine/platform/index.ts';
import type { FileWork, FileWorkDone } from './file-work.ts';
import { type FromReader, receiveError, type ToReader } from './messages.ts';
import { threadEnd } from './thread-end.ts';

/**
 * Verifies, repairs, compacts, splits or merges recordings in a thread of its own. Rejects with the signal's reason
 * when the thread has stopped and taken its parts away, and as `doFileWork` throws. Verifying, which writes nothing,
 * rejects at once: its thread may be inside SQLite's own check, which cannot be stopped, and ends behind it.
 */
export async function workOnFiles(
  work: FileWork,
  workers: WorkerUrls,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
): Promise<FileWorkDone> {
  signal.throwIfAborted();
  const cancel = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(workers['historian-reader']);
  let giveUp: () => void = () => undefined;
  const onAbort = (): void => {
    Atomics.store(cancel, 0, 1);
    if (work.kind === 'verify') giveUp();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await new Promise<FileWorkDone>((resolve, reject) => {
      giveUp = () => reject(signal.reason);
      worker.on('error', reject);
      worker.on('exit', () => reject(new Error('The thread that worked on recordings has ended.')));
      worker.on('message', (message: FromReader) => {
        if (message.kind === 'progress') onProgress(message.fraction);
        else if (message.kind === 'result') resolve(message.value as FileWorkDone);
        else if (message.kind === 'error') reject(signal.aborted ? signal.reason : receiveError(message.error));
      });
      const start: ToReader = { kind: 'work', work, cancel };
      worker.postMessage(start);
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
    if (work.kind !== 'verify' || !signal.aborted) await threadEnd(worker);
  }
}
