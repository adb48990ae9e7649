import type { Clock } from '#engine/platform/index.ts';
import type { UnixMicros } from '#shared/model/index.ts';

export interface ClockWatchOptions {
  readonly clock: Clock;
  /** Neither this program nor its timers ran from `from` to `to`, both on the wall clock. */
  readonly onSleep: (sleep: { readonly from: UnixMicros; readonly to: UnixMicros }) => void;
  /**
   * The wall clock was set by `by` microseconds, found at `at` (new time); negative is back. `skipped` is what it passed
   * over, in which no sample can have its time; null where it was set back or by less than the pause between two looks.
   */
  readonly onClockStep: (step: {
    readonly at: UnixMicros;
    readonly by: number;
    readonly skipped: { readonly from: UnixMicros; readonly to: UnixMicros } | null;
  }) => void;
}

const CHECK_MS = 1_000;
/** A look that comes later than this was prevented by sleep or a stopped process, not by load. */
const ASLEEP_MS = 5_000;
/** Smaller steps are a time server's usual corrections. */
const STEP_MS = 500;
/** The system's uptime may have a resolution of a second; below this it says nothing beyond monotonic time. */
const UPTIME_MARGIN_MS = 2_500;

/**
 * Compares wall and monotonic time every second and tells sleep from a clock that was set. Where monotonic time stands
 * still during sleep (Linux), the computer's uptime is needed: without it sleep would look like a clock set forward.
 */
export function watchClock(options: ClockWatchOptions): Disposable {
  const { clock } = options;
  const uptimeMs = (): number => clock.uptimeMs?.() ?? clock.monotonicMs();
  let wall = clock.now();
  let monotonic = clock.monotonicMs();
  let up = uptimeMs();
  let stopped = false;
  let timer: Disposable;

  const look = (): void => {
    const wallNow = clock.now();
    const monotonicNow = clock.monotonicMs();
    const upNow = uptimeMs();
    const ran = monotonicNow - monotonic;
    const existed = upNow - up;
    const elapsed = existed - ran > UPTIME_MARGIN_MS ? existed : ran;
    const step = (wallNow - wall) / 1000 - elapsed;
    // Where a sleep's length is known to seconds only, a small step inside it can't be told from rounding.
    const marginMs = elapsed === ran ? STEP_MS : UPTIME_MARGIN_MS;
    const stepped = Math.abs(step) > marginMs;
    if (stepped) {
      const elapsedMicros = Math.round(elapsed * 1000);
      // When in the pause it was set is not known: either side of the step may reach into the pause, unless asleep.
      const from = elapsed > ASLEEP_MS ? wall : wall + elapsedMicros;
      const to = wallNow - elapsedMicros;
      options.onClockStep({ at: wallNow, by: Math.round(step * 1000), skipped: to > from ? { from, to } : null });
    }
    // On the clock as it is now, so that the interval has the length that really passed.
    if (elapsed > ASLEEP_MS) {
      const from = stepped ? wallNow - Math.round(elapsed * 1000) : wall;
      options.onSleep({ from, to: wallNow });
    }
    wall = wallNow;
    monotonic = monotonicNow;
    up = upNow;
    if (!stopped) timer = clock.after(CHECK_MS, look);
  };
  timer = clock.after(CHECK_MS, look);
  return {
    [Symbol.dispose]() {
      stopped = true;
      timer[Symbol.dispose]();
    },
  };
}
