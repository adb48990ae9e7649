import { type BulkheadPolicy, bulkhead } from 'cockatiel';
import { AppError } from '#shared/errors.ts';
import { orAborted } from './race.ts';

/** Questions that may wait for their turn at one source; a screen that asks without end is refused instead. */
const MOST_WAITING = 200;

/** So many at a time, the rest in the order in which they came. */
export interface Lanes {
  readonly waiting: number;
  /** Turns that nobody has. */
  readonly free: number;
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** A turn that lasts until it is disposed of. */
  take(signal: AbortSignal): Promise<Disposable>;
}

export function createLanes(name: string, lanes: number): Lanes {
  const limit: BulkheadPolicy = bulkhead(lanes, MOST_WAITING);
  const run = async <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    signal.throwIfAborted();
    if (limit.executionSlots <= 0 && limit.queueSlots <= 0) {
      throw new AppError(
        'rpc.limit',
        `${MOST_WAITING} questions wait for ${name} already. Close some of its graphs, or allow it more connections.`,
        { details: { what: 'waiting questions', limit: MOST_WAITING }, retryable: true },
      );
    }
    // One that is cancelled while it waits leaves at once; its place is given on when its turn comes.
    return await orAborted(
      limit.execute(async () => {
        signal.throwIfAborted();
        return await work();
      }),
      signal,
    );
  };
  return {
    get free() {
      return limit.executionSlots;
    },
    get waiting() {
      return MOST_WAITING - limit.queueSlots;
    },
    run,
    take: (signal) =>
      new Promise((resolve, reject) => {
        run(
          () =>
            new Promise<void>((leave) => {
              resolve({ [Symbol.dispose]: leave });
            }),
          signal,
        ).catch(reject);
      }),
  };
}
