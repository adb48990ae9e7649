import { decorrelatedJitterGenerator, ExponentialBackoff, type IBackoff } from 'cockatiel';
import type { Clock } from '#engine/platform/index.ts';
import type { TsdbConnection } from '#engine/tsdb/tsdb.ts';
import { isAppError } from '#shared/errors.ts';
import { faultKind, timedOut, unavailable } from './faults.ts';
import type { Lanes } from './lanes.ts';
import type { Link } from './link.ts';
import { orAborted } from './race.ts';

/** Attempts of a read beside the first, with waits that double. */
const RETRIES = 3;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;
/** Jitter may give next to nothing. */
const LEAST_RETRY_MS = 20;

export type Work<T> = (connection: TsdbConnection, signal: AbortSignal) => Promise<T>;

export interface AttemptOptions {
  /** Null: it takes as long as it takes. */
  readonly limitMs: number | null;
  /** Whether a failure says something of the link; true unless said otherwise. */
  readonly tells?: boolean;
}

/** How one piece of work is done on a source: in its turn, in time, and again where that may help. */
export interface Attempts {
  /** On this connection; tells the breaker how it went. */
  within<T>(
    connection: TsdbConnection,
    work: (signal: AbortSignal) => Promise<T>,
    options: AttemptOptions,
    signal: AbortSignal,
  ): Promise<T>;
  /** Once, on the connection that is there now. */
  once<T>(work: Work<T>, options: AttemptOptions, signal: AbortSignal): Promise<T>;
  /** Tries again what may go well in a moment. */
  again<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** In its turn, again and again. */
  ask<T>(work: Work<T>, options: AttemptOptions, signal: AbortSignal): Promise<T>;
}

export function createAttempts({
  id,
  name,
  clock,
  link,
  lanes,
  counters,
  stop,
}: {
  readonly id: string;
  readonly name: string;
  readonly clock: Clock;
  readonly link: Link;
  readonly lanes: Lanes;
  readonly counters: { errors: number; retries: number };
  readonly stop: AbortSignal;
}): Attempts {
  const within: Attempts['within'] = async (connection, work, { limitMs, tells = true }, signal) => {
    const late = new AbortController();
    const timer = limitMs === null ? null : clock.after(limitMs, () => late.abort(timedOut(id, limitMs)));
    const any = AbortSignal.any([signal, late.signal, stop]);
    try {
      const result = await orAborted(work(any), any);
      link.succeeded();
      return result;
    } catch (error) {
      // A driver tells of an abort in its own words; the reason says more.
      const reason: unknown = any.aborted ? any.reason : error;
      if (!signal.aborted) {
        counters.errors++;
        // A server that does not even end what took too long is not there any more, whatever its sockets say.
        const silent = late.signal.aborted
          ? unavailable(id, `${name} has not answered for ${limitMs! / 1_000} s.`)
          : reason;
        if (tells) link.failed(connection, silent);
      }
      throw reason;
    } finally {
      timer?.[Symbol.dispose]();
    }
  };
  const once: Attempts['once'] = async (work, options, signal) => {
    const connection = await link.get(signal);
    return await within(connection, (any) => work(connection, any), options, signal);
  };
  const mayHelp = (error: unknown, signal: AbortSignal): boolean =>
    !stop.aborted && faultKind(error, signal) === 'retryable' && !isAppError(error, 'rpc.limit');
  const again: Attempts['again'] = async (attempt, signal) => {
    let wait: IBackoff<unknown> | null = null;
    for (let left = RETRIES; ; left--) {
      try {
        return await attempt();
      } catch (error) {
        if (left === 0 || !mayHelp(error, signal)) throw error;
        wait = wait === null ? firstWait() : wait.next(undefined);
        counters.retries++;
        await clock.sleep(Math.max(LEAST_RETRY_MS, wait.duration), AbortSignal.any([signal, stop]));
      }
    }
  };
  return {
    within,
    once,
    again,
    ask: (work, options, signal) => again(() => lanes.run(() => once(work, options, signal), signal), signal),
  };
}

const firstWait = (): IBackoff<unknown> =>
  new ExponentialBackoff({
    generator: decorrelatedJitterGenerator,
    initialDelay: FIRST_RETRY_MS,
    maxDelay: LONGEST_RETRY_MS,
  }).next();
