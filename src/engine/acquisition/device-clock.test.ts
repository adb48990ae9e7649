import { describe, expect, it } from 'vitest';
import { seededRandom } from '#test/support/random.ts';
import { clockTrouble, createDeviceClock } from './device-clock.ts';

const SECOND = 1_000_000;
const START = 1_700_000_000 * SECOND;

/** A device that dates something every 100 ms, under way for 0.2 to 20 ms. */
function watch(seconds: number, aheadAt: (second: number) => number, from = 0, clock = createDeviceClock()) {
  const { next } = seededRandom(20_264);
  for (let at = from * 10; at < (from + seconds) * 10; at++) {
    const sent = START + at * (SECOND / 10);
    const received = sent + Math.round(200 + 19_800 * next() ** 4);
    clock.note(Math.round(sent + aheadAt(at / 10) * 1_000), received);
  }
  return clock;
}

describe('the clock of a device', () => {
  it('is unknown until it dates something, and then known to the shortest way of what it sends', () => {
    expect(createDeviceClock().aheadMs()).toBeNull();
    expect(watch(30, () => 0).aheadMs()).toBeCloseTo(-0.2, 1);
    expect(watch(30, () => 250).aheadMs()).toBeCloseTo(249.8, 1);
    expect(watch(30, () => -3_600_000).aheadMs()).toBeCloseTo(-3_600_000.2, 1);
  });

  it('shows its drift after ten minutes, and none while it keeps pace', () => {
    expect(watch(500, () => 5).gainPerDayMs()).toBeNull();
    expect(Math.abs(watch(1_500, () => 5).gainPerDayMs() ?? 1e9)).toBeLessThan(100);
    // 100 millionths: 8.64 s a day.
    expect(watch(1_500, (second) => second * 0.1).gainPerDayMs()).toBeCloseTo(8_640, -2);
    expect(watch(7_200, (second) => -second * 0.05).gainPerDayMs()).toBeCloseTo(-4_320, -2);
  });

  it('is believed at once when it was set, whose step is no drift', () => {
    const clock = watch(900, () => 5);
    watch(1, () => 5_000, 900, clock);
    expect(clock.aheadMs()).toBeCloseTo(5_000, -1);
    watch(60, () => 5_000, 901, clock);
    expect(clock.gainPerDayMs()).toBeNull();
    watch(900, () => 5_000, 961, clock);
    expect(Math.abs(clock.gainPerDayMs() ?? 1e9)).toBeLessThan(100);
  });

  it('does not mind that the clock of this computer is set back', () => {
    const clock = watch(900, () => 5);
    watch(60, () => 5, 0, clock);
    expect(clock.aheadMs()).toBeCloseTo(4.8, 1);
    expect(clock.gainPerDayMs()).toBeNull();
  });

  it('is told in words when it is off or drifts', () => {
    expect(clockTrouble('Stand 1', null, null)).toBeNull();
    expect(clockTrouble('Stand 1', 999, 4_000)).toBeNull();
    expect(clockTrouble('Stand 1', 3_200, null)).toContain('The clock of Stand 1 is 3.2 s ahead of this computer');
    expect(clockTrouble('Stand 1', -3_600_000, 9_000)).toContain('is 1 h 00 min behind this computer');
    expect(clockTrouble('Stand 1', 10, -8_640)).toContain('loses 8.6 s a day');
  });
});
