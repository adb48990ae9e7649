import { uptime } from 'node:os';
import type { UnixMicros } from '#shared/model/index.ts';

/** Time is injected everywhere in the engine, so that tests can stop it, step it and set it back. */
export interface Clock {
  /** Wall clock, UTC; may jump when the computer's clock is set. */
  now(): UnixMicros;
  /** Milliseconds that never jump, from an arbitrary start; fractions are meaningful. Runs on during sleep or not, as the system has it. */
  monotonicMs(): number;
  /**
   * Milliseconds since the computer was started, sleep included, to the second at least. A clock without it does not
   * sleep but for what `monotonicMs` shows.
   */
  uptimeMs?(): number;
  /** Calls once after `ms` (0 or more). Disposing cancels. */
  after(ms: number, callback: () => void): Disposable;
  /**
   * Calls once when `monotonicMs()` has reached `ms`, a small fraction of a millisecond late where `after` may be a
   * whole one late. The last 1.5 ms are spent polling between I/O events: for short periods only. A clock without it is
   * used through `after`.
   */
  at?(ms: number, callback: () => void): Disposable;
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
    uptimeMs: () => uptime() * 1000,
    after,
    at: preciseAlarms(),
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

/** A timer wakes this long before the deadline: Node's timers have whole milliseconds and round up. */
const SPIN_MS = 1.5;

/** All precise alarms share one timer and one polling loop, so a hundred of them cost little more than one. */
function preciseAlarms(): NonNullable<Clock['at']> {
  const pending = new Set<{ readonly at: number; readonly callback: () => void }>();
  let armedFor = Number.POSITIVE_INFINITY;
  let disarm: (() => void) | null = null;

  const arm = (earliest: number): void => {
    disarm?.();
    disarm = null;
    armedFor = earliest;
    if (earliest === Number.POSITIVE_INFINITY) return;
    const early = earliest - performance.now() - SPIN_MS;
    if (early < 1) {
      const immediate = setImmediate(run);
      disarm = () => clearImmediate(immediate);
    } else {
      const timer = setTimeout(run, Math.min(Math.floor(early), 2 ** 31 - 1));
      disarm = () => clearTimeout(timer);
    }
  };
  const next = (): number => {
    let earliest = Number.POSITIVE_INFINITY;
    for (const alarm of pending) if (alarm.at < earliest) earliest = alarm.at;
    return earliest;
  };
  const run = (): void => {
    const now = performance.now();
    if (armedFor > now) {
      arm(armedFor);
      return;
    }
    try {
      // A late turn finds several: the earliest first. One of them may dispose another.
      const due = [...pending].filter((alarm) => alarm.at <= now).sort((a, b) => a.at - b.at);
      for (const alarm of due) if (pending.delete(alarm)) alarm.callback();
    } finally {
      arm(next());
    }
  };
  return (at, callback) => {
    const alarm = { at, callback };
    pending.add(alarm);
    if (at < armedFor) arm(at);
    return {
      [Symbol.dispose]: () => {
        if (pending.delete(alarm) && pending.size === 0) arm(Number.POSITIVE_INFINITY);
      },
    };
  };
}

/** Calls at a monotonic time: precisely where that is asked for and the clock can, else with a plain timer. */
export function alarmAt(clock: Clock, atMs: number, precise: boolean, callback: () => void): Disposable {
  if (precise && clock.at !== undefined) return clock.at(atMs, callback);
  return clock.after(Math.max(0, atMs - clock.monotonicMs()), callback);
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
