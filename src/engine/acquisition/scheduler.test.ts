import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLinkSchedule, type LinkSchedule, type Turn } from './scheduler.ts';

/** Plays a link: each turn takes what `cost` says. Gives the times at which turns began. */
function play(
  schedule: LinkSchedule,
  untilMs: number,
  cost: (turn: Turn, nowMs: number) => number,
): Map<Turn, number[]> {
  const began = new Map<Turn, number[]>();
  let now = 0;
  for (;;) {
    const turn = schedule.next(now);
    if (turn === null) {
      const next = schedule.nextAt();
      if (next > untilMs) return began;
      now = Math.max(now, next);
      continue;
    }
    if (now > untilMs) return began;
    schedule.begin(turn, now);
    began.set(turn, [...(began.get(turn) ?? []), now]);
    now += cost(turn, now);
    schedule.end(turn, now, true);
  }
}

describe('link schedule', () => {
  it('keeps ticks at start + n * period over a day, for every period from 1 ms to 24 h', () => {
    for (const periodMs of [1, 3, 10, 100, 1_000, 60_000, 86_400_000]) {
      const schedule = createLinkSchedule();
      const turn = schedule.add('a', periodMs, 5);
      const last = play(schedule, 5 + periodMs * 50, () => periodMs * 0.7)
        .get(turn)
        ?.at(-1);
      expect(last).toBeCloseTo(5 + periodMs * 50, 6);
      expect(turn.overruns).toBe(0);
      expect(turn.actualHz(5 + periodMs * 50)).toBeCloseTo(1000 / periodMs, 6);
      expect(turn.jitterP99Ms()).toBeCloseTo(0, 6);
    }
  });

  it('skips ticks that pass while the read is under way, and counts them', () => {
    const schedule = createLinkSchedule();
    const turn = schedule.add('a', 10, 0);
    const began = play(schedule, 100, () => 25).get(turn);
    expect(began).toEqual([0, 30, 60, 90]);
    // Ticks at 10, 20 | 40, 50 | 70, 80 | 100, 110.
    expect(turn.overruns).toBe(8);
  });

  it('counts ticks that pass while others have the link, and says how late a start was', () => {
    const schedule = createLinkSchedule();
    const slow = schedule.add('slow', 1000, 0);
    const fast = schedule.add('fast', 10, 1);
    play(schedule, 99, (turn) => (turn === slow ? 35 : 1));
    expect(slow.overruns).toBe(0);
    // 1, 11, 21 and 31 fall into the slow turn; one of them is made good at 35.
    expect(fast.overruns).toBe(3);
    expect(fast.jitterP99Ms()).toBe(34);
  });

  it('serves the group whose next tick comes first, and lets no group wait much longer than a second', () => {
    const schedule = createLinkSchedule();
    const flood = schedule.add('flood', 5, 0);
    const daily = schedule.add('daily', 86_400_000, 0);
    const hourly = schedule.add('hourly', 3_600_000, 0);
    const began = play(schedule, 5_000, (turn) => (turn === flood ? 6 : 10));
    expect(began.get(daily)?.[0]).toBeLessThan(1_100);
    expect(began.get(hourly)?.[0]).toBeLessThan(1_100);
    expect(began.get(flood)?.length).toBeGreaterThan(300);
  });

  it('lets a slow device have half of a crowded link and not more', () => {
    const schedule = createLinkSchedule();
    const slow = schedule.add('slow', 100, 0);
    const quick = schedule.add('quick', 100, 0);
    const began = play(schedule, 60_000, (turn) => (turn === slow ? 500 : 5));
    const served = began.get(quick)?.length ?? 0;
    expect(served).toBeGreaterThan(250);
    expect(began.get(slow)?.length).toBeGreaterThan(50);
    expect(quick.overruns + served).toBeGreaterThanOrEqual(598);
  });

  it('does not count ticks of a device that is held back, and gives it its turn when the hold ends', () => {
    const schedule = createLinkSchedule();
    const turn = schedule.add('a', 10, 0);
    schedule.hold('a', 1_000);
    expect(schedule.next(999)).toBeNull();
    expect(schedule.nextAt()).toBe(1_000);
    expect(schedule.next(1_000)).toBe(turn);
    schedule.begin(turn, 1_000);
    schedule.end(turn, 1_001, true);
    expect(turn.overruns).toBe(0);
    expect(turn.jitterP99Ms()).toBeNull();
  });

  it('gives a hurried group one turn at once and leaves its ticks where they are', () => {
    const schedule = createLinkSchedule();
    const turn = schedule.add('a', 3_600_000, 500);
    expect(schedule.next(10)).toBeNull();
    schedule.hurry();
    expect(schedule.next(10)).toBe(turn);
    schedule.begin(turn, 10);
    schedule.end(turn, 12, true);
    expect(schedule.next(13)).toBeNull();
    expect(schedule.nextAt()).toBe(500);
  });

  it('forgets ticks of a time in which nobody could have kept them', () => {
    const schedule = createLinkSchedule();
    const turn = schedule.add('a', 10, 0);
    schedule.resync(28_800_003);
    expect(schedule.nextAt()).toBe(28_800_010);
    expect(turn.overruns).toBe(0);
  });

  it('never loses a tick: served and skipped ticks add up to all that passed', () => {
    const groups = fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 49 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(groups, fc.infiniteStream(fc.integer({ min: 0, max: 40 })), (specs, costs) => {
        const schedule = createLinkSchedule();
        const turns = specs.map(([periodMs, start], i) => ({
          turn: schedule.add(`u${i % 3}`, periodMs, start),
          start,
        }));
        const began = play(schedule, 1_000, () => 0.25 + (costs.next().value ?? 0));
        for (const { turn, start } of turns) {
          const times = began.get(turn) ?? [];
          const next = start + (times.length + turn.overruns) * turn.periodMs;
          expect(next).toBeGreaterThan(times.at(-1) ?? -1);
          for (let i = 1; i < times.length; i++) {
            expect(Math.floor((times[i]! - start) / turn.periodMs)).toBeGreaterThan(
              Math.floor((times[i - 1]! - start) / turn.periodMs),
            );
          }
        }
      }),
    );
  });
});
