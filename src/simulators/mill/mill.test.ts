import { describe, expect, it } from 'vitest';
import { createMill, type Mill } from './mill.ts';
import { ALARM_BIT, LINE_STATE, STATUS_BIT } from './state.ts';

/** Runs `seconds` in steps of 100 ms and looks at the line after each. */
function run(mill: Mill, seconds: number, look: () => void): void {
  for (let i = 0; i < seconds * 10; i++) {
    mill.step(100);
    look();
  }
}
const noBreaks = { secondsBetweenBreaks: Number.POSITIVE_INFINITY };

describe('the virtual mill', () => {
  it('repeats itself with the same seed, however time is cut, and differs with another', () => {
    const series = (seed: number, stepMs: number): string => {
      const mill = createMill({ seed });
      const seen: number[] = [];
      for (let at = stepMs; at <= 200_000; at += stepMs) {
        mill.step(stepMs);
        const { state } = mill;
        if (at % 1_000 === 0) seen.push(state.speed, state.exitGauge, state.stands[2]!.force, state.tensions[1]!);
      }
      return JSON.stringify(seen);
    };
    expect(series(7, 10)).toBe(series(7, 250));
    expect(series(7, 250)).not.toBe(series(8, 250));
  });

  it('conserves mass from stand to stand and over a whole coil', () => {
    const mill = createMill({ seed: 3, ...noBreaks });
    const { state } = mill;
    let entered = 0;
    let wound = 0;
    let looked = 0;
    run(mill, 1_200, () => {
      if (state.lineState !== LINE_STATE.running) return;
      looked++;
      entered += state.entryBridle.speed * state.entryGauge;
      wound += state.speed * state.stands[3]!.exitThickness;
      for (let i = 0; i < 4; i++) {
        const stand = state.stands[i]!;
        const before = i === 0 ? state.entryBridle.speed : state.stands[i - 1]!.exitSpeed;
        const into = before * stand.entryThickness;
        expect(Math.abs(into - stand.exitSpeed * stand.exitThickness)).toBeLessThan(into * 1e-6);
      }
    });
    expect(looked).toBeGreaterThan(5_000);
    expect(Math.abs(entered / wound - 1)).toBeLessThan(0.01);
  });

  it('changes coils every two to three minutes and starts the length anew', () => {
    for (const seed of [1, 2]) {
      const mill = createMill({ seed, ...noBreaks });
      const { state } = mill;
      let coil = state.coilNumber;
      let since = 0;
      let length = 0;
      const durations: number[] = [];
      run(mill, 1_000, () => {
        since += 0.1;
        if (state.coilNumber !== coil) {
          expect(state.coilNumber).toBe(coil + 1);
          expect(state.coilLength).toBeLessThan(2);
          expect(length).toBeGreaterThan(300);
          expect(state.coilId).toBe(`DEMO-00${state.coilNumber}-A`);
          durations.push(since);
          since = 0;
          coil = state.coilNumber;
        } else expect(state.coilLength).toBeGreaterThanOrEqual(length);
        length = state.coilLength;
      });
      // The first is cut short on purpose.
      expect(durations.length).toBeGreaterThan(4);
      for (const duration of durations.slice(1)) {
        expect(duration).toBeGreaterThan(115);
        expect(duration).toBeLessThan(185);
      }
      expect(state.totalLength).toBeGreaterThan(5_000_000);
    }
  });

  it('keeps every quantity in its range and the thickness in tolerance', () => {
    const mill = createMill({ seed: 5, ...noBreaks });
    const { state } = mill;
    let inTolerance = 0;
    let running = 0;
    run(mill, 900, () => {
      expect(state.speed).toBeGreaterThanOrEqual(0);
      expect(state.speed).toBeLessThan(13.5);
      expect(state.looper.position).toBeGreaterThan(5);
      expect(state.looper.position).toBeLessThanOrEqual(100);
      for (const stand of state.stands) {
        expect(stand.force).toBeGreaterThanOrEqual(0);
        expect(stand.force).toBeLessThan(16e6);
        expect(stand.gap).toBeGreaterThan(-2);
        expect(stand.gap).toBeLessThanOrEqual(6.001);
        expect(stand.current).toBeLessThan(6_500);
        expect(stand.forwardSlip).toBeLessThanOrEqual(0.12);
      }
      for (const tension of state.tensions) expect(tension).toBeLessThan(360e3);
      for (const temperature of [...state.coolantTemperatures, ...state.motorTemperatures]) {
        expect(temperature).toBeGreaterThan(20);
        expect(temperature).toBeLessThan(140);
      }
      expect(state.hydraulics.pressure).toBeGreaterThan(180);
      expect(state.hydraulics.pressure).toBeLessThan(215);
      if (state.lineState === LINE_STATE.running) {
        running++;
        if (Math.abs(state.deviation) < 0.02 * state.targetThickness * 1000) inTolerance++;
      }
    });
    expect(running).toBeGreaterThan(4_000);
    expect(inTolerance / running).toBeGreaterThan(0.95);
  });

  it('goes through its phases in a possible order', () => {
    const mill = createMill({ seed: 2 });
    const { state } = mill;
    const s = LINE_STATE;
    const after: Record<number, readonly number[]> = {
      [s.threading]: [s.accelerating],
      [s.accelerating]: [s.running, s.decelerating, s.weldPass],
      [s.running]: [s.decelerating, s.accelerating, s.stripBreak],
      [s.decelerating]: [s.weldPass],
      [s.weldPass]: [s.coilChange, s.accelerating, s.stripBreak],
      [s.coilChange]: [s.accelerating],
      [s.stripBreak]: [s.clearing],
      [s.clearing]: [s.threading],
    };
    let last: number = s.threading;
    const seen = new Set<number>([last]);
    run(mill, 3_600, () => {
      if (state.lineState !== last) expect(after[last]).toContain(state.lineState);
      last = state.lineState;
      seen.add(last);
    });
    expect([...seen].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('loses tension and force in a strip break, stops, and rolls again', () => {
    const mill = createMill({ seed: 4, ...noBreaks });
    const { state } = mill;
    run(mill, 90, () => undefined);
    expect(state.tensions[2]).toBeGreaterThan(80e3);
    const coil = state.coilNumber;
    mill.breakStrip();
    mill.breakStrip();
    run(mill, 1, () => undefined);
    expect(state.breakCount).toBe(1);
    expect(state.lineState).toBe(LINE_STATE.stripBreak);
    expect(state.alarmWord & (1 << ALARM_BIT.stripBreak)).not.toBe(0);
    expect(state.statusWord & (1 << STATUS_BIT.stripPresent)).toBe(0);
    for (const tension of state.tensions) expect(tension).toBeLessThan(2e3);
    for (const stand of state.stands) expect(stand.force).toBeLessThan(1e5);
    expect(state.exitGauge).toBe(0);
    run(mill, 8, () => undefined);
    expect(state.speed).toBe(0);
    expect(state.lineState).toBe(LINE_STATE.clearing);
    run(mill, 100, () => undefined);
    expect(state.coilNumber).toBe(coil + 1);
    expect(state.speed).toBeGreaterThan(3);
    expect(state.tensions[2]).toBeGreaterThan(80e3);
    expect(state.alarmWord & (1 << ALARM_BIT.stripBreak)).toBe(0);
  });

  it('breaks now and then by itself', () => {
    const counts = [1, 2].map((seed) => {
      const mill = createMill({ seed });
      mill.step(1_800_000);
      return mill.state.breakCount;
    });
    const total = counts.reduce((sum, count) => sum + count, 0);
    expect(total).toBeGreaterThan(0);
    expect(total).toBeLessThan(15);
  });

  it('warms up slowly', () => {
    const mill = createMill({ seed: 1, ...noBreaks });
    const { state } = mill;
    run(mill, 60, () => undefined);
    const early = state.motorTemperatures[0]!;
    let most = 0;
    let before = early;
    run(mill, 600, () => {
      most = Math.max(most, Math.abs(state.motorTemperatures[0]! - before));
      before = state.motorTemperatures[0]!;
    });
    expect(state.motorTemperatures[0]!).toBeGreaterThan(early + 3);
    expect(most).toBeLessThan(0.1);
  });
});
