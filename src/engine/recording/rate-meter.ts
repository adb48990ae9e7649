import type { Clock } from '#engine/platform/index.ts';

/** Rate of a growing total over its newest readings. A total that falls (retention) starts it anew. */
export function createRateMeter(clock: Clock, intervals: number): { total(value: number): void; perSecond(): number } {
  const readings: { readonly at: number; readonly value: number }[] = [];
  return {
    total(value) {
      const newest = readings.at(-1);
      if (newest !== undefined && value < newest.value) readings.length = 0;
      readings.push({ at: clock.monotonicMs(), value });
      if (readings.length > intervals + 1) readings.shift();
    },
    perSecond() {
      const first = readings[0];
      const newest = readings.at(-1);
      if (first === undefined || newest === undefined || newest.at <= first.at) return 0;
      return ((newest.value - first.value) * 1000) / (newest.at - first.at);
    },
  };
}
