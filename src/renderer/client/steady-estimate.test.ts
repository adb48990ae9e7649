import { describe, expect, it } from 'vitest';
import { createSteadyTimeLeft } from './steady-estimate.ts';

describe('time left', () => {
  it('takes the first estimate as it is', () => {
    expect(createSteadyTimeLeft()(3600, 0)).toBe(3600);
  });

  it('hardly moves while the rate jumps, and ends at the mean rate', () => {
    const steady = createSteadyTimeLeft();
    let shown = steady(1000, 0) ?? 0;
    // Every other second nothing much, every other a burst: on average the disk lasts 1000 s.
    for (let second = 1; second <= 300; second++) {
      const before = shown;
      shown = steady(second % 2 === 0 ? 10_000 : 1 / (2 / 1000 - 1 / 10_000), second * 1000) ?? 0;
      expect(Math.abs(shown - before) / before).toBeLessThan(0.1);
    }
    expect(shown).toBeGreaterThan(900);
    expect(shown).toBeLessThan(1100);
  });

  it('follows a lasting change within a minute or two', () => {
    const steady = createSteadyTimeLeft();
    steady(10_000, 0);
    let shown = 0;
    for (let second = 1; second <= 120; second++) shown = steady(1000, second * 1000) ?? 0;
    expect(shown).toBeLessThan(1100);
  });

  it('keeps what it knew while nothing is written, and tells a full disk at once', () => {
    const steady = createSteadyTimeLeft();
    expect(steady(null, 0)).toBeNull();
    expect(steady(500, 1000)).toBe(500);
    expect(steady(null, 2000)).toBe(500);
    expect(steady(0, 3000)).toBe(0);
  });
});
