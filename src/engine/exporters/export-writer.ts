import { rm } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import type { ColumnSpec, TableChunk, TableWriter } from './exporter.ts';
import { type FromWorker, fromPlain, type ToWorker } from './messages.ts';

export interface ExportWriterOptions {
  /** The built entry `exporter`; the host knows where it lies. */
  readonly worker: URL;
  /** Id of one of `exporters`. */
  readonly exporter: string;
  readonly path: string;
  readonly columns: readonly ColumnSpec[];
  /** Checked with the exporter's own schema. */
  readonly options: unknown;
}

/** Chunks on their way to the worker; more would only fill memory. */
const IN_FLIGHT = 2;

/**
 * A table writer whose formatting runs in a thread of its own. `write` resolves as soon as there is room for another
 * chunk; an error of the chunk comes with the next call. Numeric columns are moved, not copied: they are empty for the
 * caller afterwards.
 */
export async function createExportWriter(options: ExportWriterOptions): Promise<TableWriter> {
  const worker = new Worker(options.worker, { name: 'exporter' });
  const waiting: { resolve(): void; reject(error: Error): void }[] = [];
  let failure: Error | null = null;
  let ended = false;
  const inFlight: Promise<void>[] = [];

  const fail = (error: Error): void => {
    failure ??= error;
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  worker.on('message', (answer: FromWorker) => {
    const first = waiting.shift();
    if (answer.ok) first?.resolve();
    else {
      const error = fromPlain(answer.error);
      failure ??= error;
      first?.reject(error);
    }
  });
  worker.on('error', fail);
  worker.on('exit', () => fail(new Error('The exporting thread ended before the export was complete.')));

  const ask = (message: ToWorker, transfer: readonly ArrayBuffer[] = []): Promise<void> => {
    if (failure !== null) return Promise.reject(failure);
    const answered = new Promise<void>((resolve, reject) => waiting.push({ resolve, reject }));
    // The rejection is kept in `failure` as well; nobody has to be waiting for this promise.
    answered.catch(() => undefined);
    worker.postMessage(message, transfer);
    return answered;
  };
  const end = async (): Promise<void> => {
    ended = true;
    await worker.terminate();
  };

  try {
    await ask({
      kind: 'open',
      exporter: options.exporter,
      path: options.path,
      columns: options.columns,
      options: options.options,
    });
  } catch (error) {
    await end();
    throw error;
  }
  return {
    async write(chunk) {
      if (inFlight.length >= IN_FLIGHT) await inFlight.shift();
      inFlight.push(ask({ kind: 'write', chunk }, wholeBuffers(chunk)));
      if (failure !== null) throw failure;
    },
    async finish() {
      await ask({ kind: 'finish' });
      await end();
    },
    async abort() {
      if (ended) return;
      // Ended in the middle of whatever it does: an export that nobody wants must not run on for a chunk.
      await end();
      await rm(`${options.path}.part`, { force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
}

/** Buffers that belong to one column alone; views into a shared one are copied instead. */
function wholeBuffers(chunk: TableChunk): ArrayBuffer[] {
  const seen = new Map<ArrayBufferLike, number>();
  for (const column of chunk.columns) {
    if (column instanceof Float64Array) seen.set(column.buffer, (seen.get(column.buffer) ?? 0) + 1);
  }
  return chunk.columns.flatMap((column) =>
    column instanceof Float64Array &&
    column.buffer instanceof ArrayBuffer &&
    seen.get(column.buffer) === 1 &&
    column.byteLength === column.buffer.byteLength
      ? [column.buffer]
      : [],
  );
}
