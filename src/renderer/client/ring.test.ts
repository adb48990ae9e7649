import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRing } from './ring.ts';

describe('ring', () => {
  it('keeps the newest samples in order whatever comes in', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), fc.array(fc.integer({ min: -3, max: 40 })), (max, steps) => {
        const ring = createRing(max);
        const kept: [number, number][] = [];
        let time = 0;
        for (const [index, step] of steps.entries()) {
          time += step;
          const fits = kept.length === 0 || time > kept[kept.length - 1]![0];
          expect(ring.append(time, index, index & 0xffff)).toBe(fits);
          if (fits) kept.push([time, index]);
        }
        const expected = kept.slice(-max);
        const view = ring.all();
        expect([...view.time]).toEqual(expected.map(([at]) => at));
        expect([...view.value]).toEqual(expected.map(([, value]) => value));
        expect(view.length).toBe(expected.length);
        expect(ring.length).toBe(expected.length);
        expect(ring.firstTime).toBe(expected[0]?.[0] ?? Number.NaN);
        expect(ring.lastTime).toBe(expected.at(-1)?.[0] ?? Number.NaN);
      }),
    );
  });

  it('moves a full ring without losing or repeating a sample', () => {
    const ring = createRing(1000);
    for (let i = 0; i < 12_345; i++) ring.append(i, i * 2, 0);
    const view = ring.all();
    expect(view.length).toBe(1000);
    expect(view.time[0]).toBe(11_345);
    expect(view.value[999]).toBe(12_344 * 2);
  });

  it('gives the sample that holds at the start of a window', () => {
    const ring = createRing(10);
    for (const time of [10, 20, 30, 40]) ring.append(time, time, 0);
    expect([...ring.since(25).time]).toEqual([20, 30, 40]);
    expect([...ring.since(30).time]).toEqual([20, 30, 40]);
    expect([...ring.since(5).time]).toEqual([10, 20, 30, 40]);
    expect([...ring.since(99).time]).toEqual([40]);
    ring.clear();
    expect(ring.since(0).length).toBe(0);
  });
});
