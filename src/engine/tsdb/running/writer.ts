import type { Clock } from '#engine/platform/index.ts';
import type { TsdbIngestor } from '#engine/tsdb/tsdb.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import type { Accepted, MetricSamples } from '#shared/model/graph/index.ts';

/** A batch goes when it has so many rows, or when its oldest has waited so long. */
const BATCH_ROWS = 10_000;
const BATCH_AGE_MS = 250;
/** Rows that wait at most; more are refused, so that a source that is down does not fill the memory. */
const MOST_BUFFERED = 1_000_000;
/** What is left when the source is closed gets so long. */
const LAST_WRITE_MS = 5_000;

type Receipt = Pick<Accepted, 'rejected'>;

interface Waiting {
  readonly samples: readonly MetricSamples[];
  readonly rows: number;
  resolve(receipt: Receipt): void;
  reject(error: unknown): void;
}

/** Gathers what several callers write into batches; each hears of its own rows, and only when they are stored. */
export interface BatchWriter extends Pick<TsdbIngestor, 'write'> {
  /** Rows that wait, those under way included. */
  buffered(): number;
  close(): Promise<void>;
}

export function createBatchWriter({
  clock,
  write,
}: {
  readonly clock: Clock;
  write(samples: readonly MetricSamples[], signal: AbortSignal): Promise<Receipt>;
}): BatchWriter {
  let queue: Waiting[] = [];
  let queued = 0;
  let underWay = 0;
  let timer: Disposable | null = null;
  let running: Promise<void> | null = null;
  let closed = false;
  const stop = new AbortController();

  const store = async (batch: readonly Waiting[]): Promise<void> => {
    const starts: number[] = [];
    const samples: MetricSamples[] = [];
    for (const one of batch) {
      starts.push(samples.length);
      // One call may bring more series than a call of a function takes arguments.
      for (const series of one.samples) samples.push(series);
    }
    try {
      const { rejected } = await write(samples, stop.signal);
      for (const [at, one] of batch.entries()) {
        const from = starts[at]!;
        const to = from + one.samples.length;
        one.resolve({
          rejected: rejected
            .filter(({ series }) => series >= from && series < to)
            .map((rejection) => ({ ...rejection, series: rejection.series - from })),
        });
      }
    } catch (error) {
      // One caller's samples must not keep out those of the others; an outage meets all of them.
      if (batch.length > 1 && isAppError(error) && !error.retryable) for (const one of batch) await store([one]);
      else for (const one of batch) one.reject(error);
    }
  };

  const flush = (): void => {
    timer?.[Symbol.dispose]();
    timer = null;
    if (running !== null || queue.length === 0) return;
    running = (async () => {
      while (queue.length > 0) {
        const batch: Waiting[] = [];
        let rows = 0;
        while (queue.length > 0 && (batch.length === 0 || rows + queue[0]!.rows <= BATCH_ROWS)) {
          const one = queue.shift()!;
          batch.push(one);
          rows += one.rows;
        }
        queued -= rows;
        underWay = rows;
        await store(batch);
        underWay = 0;
      }
    })().finally(() => {
      running = null;
    });
  };

  return {
    buffered: () => queued + underWay,
    write(samples, signal) {
      return new Promise<Receipt>((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const rows = samples.reduce((sum, { time }) => sum + time.length, 0);
        if (closed || queued + underWay + rows > MOST_BUFFERED) {
          const message = closed
            ? 'The source is closed; its samples were not taken.'
            : `${queued + underWay} rows wait to be written already, so these ${rows} were not taken. Send them again when the source keeps up.`;
          return reject(
            new AppError('rpc.limit', message, {
              details: { what: 'rows that wait to be written', limit: MOST_BUFFERED },
              retryable: !closed,
            }),
          );
        }
        if (rows === 0) return resolve({ rejected: [] });
        const onAbort = (): void => {
          // Rows under way can't be called back.
          if (!queue.includes(waiting)) return;
          queue = queue.filter((one) => one !== waiting);
          queued -= rows;
          reject(signal.reason);
        };
        const waiting: Waiting = {
          samples,
          rows,
          resolve(receipt) {
            signal.removeEventListener('abort', onAbort);
            resolve(receipt);
          },
          reject(error) {
            signal.removeEventListener('abort', onAbort);
            reject(error);
          },
        };
        signal.addEventListener('abort', onAbort, { once: true });
        queue.push(waiting);
        queued += rows;
        if (queued >= BATCH_ROWS) flush();
        else timer ??= clock.after(BATCH_AGE_MS, flush);
      });
    },
    async close() {
      if (closed) return;
      closed = true;
      const limit = clock.after(LAST_WRITE_MS, () => stop.abort(new Error('The source is being closed.')));
      flush();
      await running;
      limit[Symbol.dispose]();
    },
  };
}
