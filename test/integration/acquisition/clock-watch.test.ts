import { describe, expect, it } from 'vitest';
import { watchClock } from '#engine/acquisition/index.ts';
import { createFakeClock, FAKE_START } from '#test/support/fake-clock.ts';

const HOUR_MS = 3_600_000;

function watched(uptimeGoesOn: boolean) {
  const clock = createFakeClock();
  const heard: string[] = [];
  const skipped: ({ readonly from: number; readonly to: number } | null)[] = [];
  let extraUp = 0;
  const watch = watchClock({
    clock: { ...clock, uptimeMs: () => Math.floor((clock.monotonicMs() + extraUp) / 1000) * 1000 },
    onSleep: ({ from, to }) =>
      heard.push(`asleep ${Math.round((from - FAKE_START) / 1e6)} to ${Math.round((to - FAKE_START) / 1e6)}`),
    onClockStep: (step) => {
      heard.push(`step ${Math.round(step.by / 1e6)}`);
      skipped.push(step.skipped);
    },
  });
  return {
    clock,
    heard,
    skipped,
    watch,
    /** Sleep as Linux has it: monotonic time stands still, wall clock and uptime go on. */
    sleepFrozen(ms: number) {
      clock.setWall(clock.now() + ms * 1000);
      if (uptimeGoesOn) extraUp += ms;
    },
  };
}

describe('clock watch', () => {
  it('hears nothing in an ordinary day, small corrections included', async () => {
    const { clock, heard, watch } = watched(true);
    for (let hour = 0; hour < 24; hour++) {
      await clock.advance(60_000);
      clock.setWall(clock.now() + 200_000);
    }
    expect(heard).toEqual([]);
    watch[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });

  it('tells a clock that was set by an hour, forward and back', async () => {
    const { clock, heard } = watched(true);
    await clock.advance(10_000);
    clock.setWall(clock.now() + HOUR_MS * 1000);
    await clock.advance(10_000);
    clock.setWall(clock.now() - HOUR_MS * 1000);
    await clock.advance(10_000);
    expect(heard).toEqual(['step 3600', 'step -3600']);
  });

  it('names what a clock that was set forward has passed over, and nothing that a sample can lie in', async () => {
    const { clock, skipped } = watched(true);
    await clock.advance(10_400);
    const last = clock.now();
    clock.setWall(last + HOUR_MS * 1000);
    await clock.advance(10_000);
    clock.setWall(clock.now() - HOUR_MS * 1000);
    await clock.advance(10_000);
    clock.setWall(clock.now() + 700_000);
    await clock.advance(10_000);
    expect(skipped).toHaveLength(3);
    const [hour, ...none] = skipped;
    expect(hour!.from).toBeGreaterThanOrEqual(last);
    expect(hour!.to).toBeLessThanOrEqual(last + HOUR_MS * 1000);
    expect(hour!.to - hour!.from).toBeGreaterThan((HOUR_MS - 3_000) * 1000);
    expect(none).toEqual([null, null]);
  });

  it('tells eight hours of sleep during which monotonic time stood still', async () => {
    const { clock, heard, sleepFrozen } = watched(true);
    await clock.advance(10_000);
    sleepFrozen(8 * HOUR_MS);
    await clock.advance(10_000);
    expect(heard).toEqual([expect.stringMatching(/^asleep (9|10) to 288\d\d$/)]);
  });

  it('tells eight hours of sleep during which monotonic time went on', async () => {
    const { clock, heard } = watched(true);
    await clock.advance(10_000);
    clock.sleepThrough(8 * HOUR_MS);
    await clock.advance(10_000);
    expect(heard).toEqual([expect.stringMatching(/^asleep 10 to 2881\d$/)]);
  });

  it('tells both when the clock was set while the computer slept', async () => {
    const { clock, heard, skipped } = watched(true);
    await clock.advance(10_000);
    clock.sleepThrough(HOUR_MS);
    clock.setWall(clock.now() - 2 * HOUR_MS * 1000);
    await clock.advance(3_000);
    expect(heard).toEqual(['step -7200', expect.stringMatching(/^asleep -7\d\d\d to -35\d\d$/)]);
    expect(skipped).toEqual([null]);
  });
});
