import type { Clock } from '#engine/platform/index.ts';
import type { UnixMicros } from '#shared/model/index.ts';

/** 2026-01-05T06:00:00Z, a Monday: the wall time a fake clock starts at unless told otherwise. */
export const FAKE_START: UnixMicros = 1_767_592_800_000_000;

export interface FakeClock extends Clock {
  at(ms: number, callback: () => void): Disposable;
  /**
   * Moves both clocks on by `ms` and fires what falls due, in order, each at its own time. Between two of them promises
   * and I/O callbacks that are ready run, so that code which waits, works and waits again keeps its pace.
   */
  advance(ms: number): Promise<void>;
  /** Sets the wall clock alone, as an administrator or a time server does; timers don't notice. */
  setWall(time: UnixMicros): void;
  /** Moves the wall clock and monotonic time at once without firing anything in between: the computer was asleep. */
  sleepThrough(ms: number): void;
  /** Timers that are armed. */
  readonly pending: number;
}

interface Alarm {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
}

export function createFakeClock(start: UnixMicros = FAKE_START): FakeClock {
  let monotonic = 1_000;
  let wallAtZero = start - monotonic * 1000;
  let order = 0;
  const alarms = new Set<Alarm>();

  const arm = (due: number, callback: () => void): Disposable => {
    const alarm = { due, order: order++, callback };
    alarms.add(alarm);
    return { [Symbol.dispose]: () => void alarms.delete(alarm) };
  };
  const next = (until: number): Alarm | undefined => {
    let first: Alarm | undefined;
    for (const alarm of alarms) {
      if (alarm.due > until) continue;
      if (first === undefined || alarm.due < first.due || (alarm.due === first.due && alarm.order < first.order)) {
        first = alarm;
      }
    }
    return first;
  };
  const after = (ms: number, callback: () => void): Disposable => arm(monotonic + Math.max(0, ms), callback);

  return {
    now: () => Math.round(wallAtZero + monotonic * 1000),
    monotonicMs: () => monotonic,
    after,
    at: (ms, callback) => arm(Math.max(monotonic, ms), callback),
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const onAbort = (): void => {
          alarm[Symbol.dispose]();
          reject(signal?.reason);
        };
        const alarm = after(ms, () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        });
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
    async advance(ms) {
      const end = monotonic + ms;
      await settle();
      for (let alarm = next(end); alarm !== undefined; alarm = next(end)) {
        alarms.delete(alarm);
        monotonic = Math.max(monotonic, alarm.due);
        alarm.callback();
        await settle();
      }
      monotonic = end;
    },
    setWall(time) {
      wallAtZero = time - monotonic * 1000;
    },
    sleepThrough(ms) {
      monotonic += ms;
    },
    get pending() {
      return alarms.size;
    },
  };
}

/** One turn of the event loop: everything that is ready runs, promises included. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
