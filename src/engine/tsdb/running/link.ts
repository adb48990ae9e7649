import { decorrelatedJitterGenerator, ExponentialBackoff, type IBackoff } from 'cockatiel';
import type { Clock, Logger } from '#engine/platform/index.ts';
import type { TsdbConnection } from '#engine/tsdb/tsdb.ts';
import { isAppError } from '#shared/errors.ts';
import type { UnixMicros } from '#shared/model/index.ts';
import { inWords, isOutage, unavailable } from './faults.ts';
import { orAborted } from './race.ts';

/** From the first wait on; each next one is about twice as long, with jitter, so that many programs do not return as one. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** What does not pass by itself is tried so seldom that no login is locked for it. */
const PERMANENT_WAIT_MS = 600_000;
/** Failures in a row after which nothing more is asked until the source answers again. */
const FAILURES_TO_OPEN = 3;
const CONNECT_MS = 30_000;

export type LinkState = 'connecting' | 'running' | 'lost';

export interface LinkStatus {
  readonly state: LinkState;
  readonly since: UnixMicros;
  readonly message: string | null;
  readonly advice: string | null;
  readonly breaker: {
    readonly state: 'closed' | 'open' | 'trying';
    readonly since: UnixMicros;
    readonly nextAttempt: UnixMicros | null;
  };
}

/**
 * One connection that comes back by itself, with its circuit breaker: closed while it answers; open after some failures
 * in a row, when questions are refused at once; trying while a new connection is being made. Waits are counted on the
 * clock that does not jump, because plant laptops have their time set.
 */
export interface Link {
  /** Makes the first attempt. */
  start(): void;
  status(): LinkStatus;
  /** The connection now, or the first one as soon as it is there. Throws `tsdb.unavailable` at once where it is lost. */
  get(signal: AbortSignal): Promise<TsdbConnection>;
  /** The one that was there last, whatever has become of it; null before the first. */
  last(): TsdbConnection | null;
  succeeded(): void;
  /** Of an operation on this connection; failures of one that has been replaced count no more. */
  failed(connection: TsdbConnection, error: unknown): void;
  retry(): void;
  close(): Promise<void>;
}

export interface LinkOptions {
  readonly backend: string;
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  connect(signal: AbortSignal): Promise<TsdbConnection>;
  /** State, message or connection has changed. */
  onChange(): void;
  onConnected(): void;
}

export function createLink({ backend, name, clock, log, connect, onChange, onConnected }: LinkOptions): Link {
  const stop = new AbortController();
  const waiters = new Set<() => void>();
  const closing = new Set<Promise<void>>();
  let state: LinkState = 'connecting';
  let since = clock.now();
  let words: { readonly message: string; readonly advice: string | null } | null = null;
  let current: TsdbConnection | null = null;
  let latest: TsdbConnection | null = null;
  let failures = 0;
  let backoff: IBackoff<unknown> | null = null;
  let timer: Disposable | null = null;
  let nextAttempt: UnixMicros | null = null;
  let attempt: Promise<void> = Promise.resolve();
  let trying = false;
  /** Settings have changed while an attempt was on its way, which may have used the old ones. */
  let askedAgain = false;

  const become = (next: LinkState): void => {
    if (next !== state) since = clock.now();
    state = next;
    for (const wake of [...waiters]) wake();
    waiters.clear();
    onChange();
  };

  const drop = (connection: TsdbConnection): void => {
    const closed = connection
      .close()
      .catch((error: unknown) => log.warn('A connection did not close.', { error: String(error) }))
      .finally(() => closing.delete(closed));
    closing.add(closed);
  };

  const later = (error: unknown): void => {
    backoff =
      backoff === null
        ? new ExponentialBackoff({
            generator: decorrelatedJitterGenerator,
            initialDelay: FIRST_WAIT_MS,
            maxDelay: LONGEST_WAIT_MS,
          }).next()
        : backoff.next(undefined);
    const passes = !isAppError(error) || error.retryable;
    const wait = askedAgain ? 0 : passes ? Math.max(FIRST_WAIT_MS / 5, backoff.duration) : PERMANENT_WAIT_MS;
    askedAgain = false;
    nextAttempt = clock.now() + Math.round(wait * 1_000);
    timer = clock.after(wait, () => {
      timer = null;
      attempt = tryOnce();
    });
  };

  const tryOnce = async (): Promise<void> => {
    trying = true;
    nextAttempt = null;
    onChange();
    // A server that takes the connection and then says nothing must not hold up the next attempt for ever.
    const late = new AbortController();
    const limit = clock.after(CONNECT_MS, () =>
      late.abort(unavailable(backend, `${name} did not complete the connection within ${CONNECT_MS / 1_000} s.`)),
    );
    try {
      const ended = AbortSignal.any([stop.signal, late.signal]);
      const connection = await orAborted(connect(ended), ended, drop);
      if (stop.signal.aborted) {
        drop(connection);
        return;
      }
      current = connection;
      latest = connection;
      failures = 0;
      backoff = null;
      words = null;
      trying = false;
      askedAgain = false;
      if (state === 'lost') log.info('The source answers again.', { source: name });
      become('running');
      onConnected();
    } catch (error) {
      trying = false;
      if (stop.signal.aborted) return;
      lose(late.signal.aborted ? late.signal.reason : error);
    } finally {
      limit[Symbol.dispose]();
    }
  };

  function lose(error: unknown): void {
    words = inWords(error);
    if (state !== 'lost') log.warn('The source does not answer.', { source: name, reason: words.message });
    later(error);
    become('lost');
  }

  return {
    start() {
      attempt = tryOnce();
    },
    status: () => ({
      state,
      since,
      message: words?.message ?? null,
      advice: words?.advice ?? null,
      breaker: { state: trying ? 'trying' : state === 'lost' ? 'open' : 'closed', since, nextAttempt },
    }),
    async get(signal) {
      for (;;) {
        signal.throwIfAborted();
        if (current !== null) return current;
        if (state !== 'connecting') {
          const when = nextAttempt === null ? 'It is being tried now.' : 'It is tried again by itself.';
          throw unavailable(backend, `${name} cannot be asked: ${words?.message ?? 'it is closed.'} ${when}`);
        }
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            signal.removeEventListener('abort', wake);
            waiters.delete(wake);
            resolve();
          };
          waiters.add(wake);
          signal.addEventListener('abort', wake, { once: true });
        });
      }
    },
    last: () => latest,
    succeeded() {
      failures = 0;
    },
    failed(connection, error) {
      if (connection !== current || !isOutage(error)) return;
      failures++;
      const passes = isAppError(error) && error.retryable;
      if (passes && failures < FAILURES_TO_OPEN) return;
      current = null;
      drop(connection);
      lose(error);
    },
    retry() {
      if (stop.signal.aborted) return;
      if (trying) {
        askedAgain = true;
        return;
      }
      timer?.[Symbol.dispose]();
      timer = null;
      backoff = null;
      if (current !== null) {
        drop(current);
        current = null;
      }
      become('connecting');
      attempt = tryOnce();
    },
    async close() {
      stop.abort(unavailable(backend, `${name} is closed.`));
      timer?.[Symbol.dispose]();
      timer = null;
      await attempt;
      if (current !== null) {
        drop(current);
        current = null;
      }
      await Promise.all(closing);
      become('lost');
    },
  };
}
