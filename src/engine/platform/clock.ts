import type { UnixMicros } from '#shared/model/index.ts';

/** Time is injected everywhere in the engine, so that tests can stop it, step it and set it back. */
export interface Clock {
  /** Wall clock, UTC; may jump when the computer's clock is set. */
  now(): UnixMicros;
  /** Milliseconds that never jump, from an arbitrary start; fractions are meaningful. Runs on during sleep or not, as the system has it. */
  monotonicMs(): number;
  /** Calls once after `ms` (0 or more). Disposing cancels. */
  after(ms: number, callback: () => void): Disposable;
  /** Resolves after `ms`, or rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export function systemClock(): Clock {
  const after = (ms: number, callback: () => void): Disposable => {
    const timer = setTimeout(callback, ms);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  };
  return {
    now: () => Math.round((performance.timeOrigin + performance.now()) * 1000) + drift(),
    monotonicMs: () => performance.now(),
    after,
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const onAbort = (): void => {
          timer[Symbol.dispose]();
          reject(signal!.reason);
        };
        const timer = after(ms, () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        });
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
  };
}

/**
 * `performance.now` does not follow the wall clock when it is set, `Date.now` has only milliseconds: the fine clock is
 * corrected whenever the two are apart by more than 2 ms.
 */
let correction = 0;
function drift(): number {
  const fine = performance.timeOrigin + performance.now();
  const off = Date.now() - fine;
  if (Math.abs(off * 1000 - correction) > 2000) correction = Math.round(off * 1000);
  return correction;
}
