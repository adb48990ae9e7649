import { describe, expect, it } from 'vitest';
import { alarmAt, type Clock, systemClock } from './clock.ts';

const clock = systemClock();

describe('system clock', () => {
  it('never fires a precise alarm early, and keeps alarms in order', async () => {
    const fired: { due: number; at: number }[] = [];
    const start = clock.monotonicMs();
    await new Promise<void>((resolve) => {
      const dues = [12.5, 3.25, 0, 7.75, 3.5, 20].map((ms) => start + ms);
      for (const due of dues) {
        alarmAt(clock, due, true, () => {
          fired.push({ due, at: clock.monotonicMs() });
          if (fired.length === dues.length) resolve();
        });
      }
    });
    for (const { due, at } of fired) expect(at).toBeGreaterThanOrEqual(due);
    expect(fired.map(({ due }) => due)).toEqual([...fired.map(({ due }) => due)].sort((a, b) => a - b));
  });

  it('lets an alarm arm the next one, and forgets cancelled ones', async () => {
    let ticks = 0;
    await new Promise<void>((resolve) => {
      const tick = (): void => {
        if (++ticks === 50) resolve();
        else alarmAt(clock, clock.monotonicMs() + 1, true, tick);
      };
      alarmAt(clock, clock.monotonicMs(), true, tick);
      alarmAt(clock, clock.monotonicMs() + 5, true, () => expect.fail('This alarm was cancelled.'))[Symbol.dispose]();
    });
    expect(ticks).toBe(50);
    await clock.sleep(20);
  });

  it('leaves no timer behind when the last alarm is cancelled', async () => {
    const before = timers();
    const alarms = [1_000_000, 60_000, 2_000_000].map((ms) => alarmAt(clock, clock.monotonicMs() + ms, true, () => {}));
    expect(timers()).toBe(before + 1);
    for (const alarm of alarms) alarm[Symbol.dispose]();
    expect(timers()).toBe(before);
  });

  it('uses an ordinary timer where precision is not asked for or not to be had', async () => {
    const coarse: Clock = { now: clock.now, monotonicMs: clock.monotonicMs, after: clock.after, sleep: clock.sleep };
    const due = clock.monotonicMs() + 5;
    await new Promise<void>((resolve) => alarmAt(coarse, due, true, resolve));
    await new Promise<void>((resolve) => alarmAt(clock, due, false, resolve));
    const cancelled = alarmAt(clock, clock.monotonicMs() + 5, false, () => expect.fail('This alarm was cancelled.'));
    cancelled[Symbol.dispose]();
    await clock.sleep(15);
  });

  it('sleeps, and wakes with the reason as soon as its signal aborts', async () => {
    await clock.sleep(1);
    const early = new AbortController();
    early.abort(new Error('before'));
    await expect(clock.sleep(60_000, early.signal)).rejects.toThrow('before');
    const controller = new AbortController();
    const sleeping = expect(clock.sleep(60_000, controller.signal)).rejects.toThrow('enough');
    controller.abort(new Error('enough'));
    await sleeping;
  });

  it('tells the wall clock in whole microseconds, within a few milliseconds of the system', () => {
    const now = clock.now();
    expect(Number.isInteger(now)).toBe(true);
    expect(Math.abs(now / 1000 - Date.now())).toBeLessThan(50);
  });
});

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}
