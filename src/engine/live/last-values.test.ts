import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QUALITY, type SampleBlock } from '#shared/model/index.ts';
import { createLastValues } from './last-values.ts';

type Row = readonly [tag: number, time: number, value: number, quality?: number, received?: number];

function block(rows: readonly Row[]): SampleBlock {
  const told = rows.some((row) => row[4] !== undefined);
  return {
    length: rows.length,
    tag: Uint32Array.from(rows, (row) => row[0]),
    time: Float64Array.from(rows, (row) => row[1]),
    value: Float64Array.from(rows, (row) => row[2]),
    quality: Uint16Array.from(rows, (row) => row[3] ?? QUALITY.good),
    received: told ? Float64Array.from(rows, (row) => row[4] ?? row[1]) : null,
  };
}
const S = 1_000_000;

describe('last values', () => {
  it('holds the newest of each tag and passes over older ones', () => {
    const last = createLastValues();
    last.accept(
      block([
        [0, 10 * S, 1],
        [7, 10 * S, 2],
        [0, 11 * S, 3],
        [0, 10.5 * S, 4, QUALITY.good, 11.1 * S],
      ]),
    );
    expect([last.stored[0], last.time[0]]).toEqual([3, 11 * S]);
    expect(last.stored[7]).toBe(2);
    expect(last.quality[3]).toBe(QUALITY.badWaitingForFirst);
  });

  it('agrees with a plain model for samples that come in any order within the hold', () => {
    const rows = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 1000 }), fc.double()));
    fc.assert(
      fc.property(rows, (samples) => {
        const last = createLastValues();
        const newest = new Map<number, { time: number; value: number }>();
        samples.forEach(([tag, time, value], i) => {
          last.accept(block([[tag, time, value, QUALITY.good, 1_000_000 + i]]));
          const known = newest.get(tag);
          if (known === undefined || time >= known.time) newest.set(tag, { time, value });
        });
        for (const [tag, { time, value }] of newest) {
          expect(last.time[tag]).toBe(time);
          expect(Object.is(last.stored[tag], value)).toBe(true);
        }
      }),
    );
  });

  it('goes on when the clock that stamps the samples was set back, by an hour or by half a second', () => {
    const last = createLastValues();
    last.accept(block([[0, 7200 * S, 1]]));
    last.accept(block([[0, 3600 * S, 2]]));
    expect(last.stored[0]).toBe(2);
    last.accept(block([[0, 3599.5 * S, 3]]));
    expect(last.stored[0]).toBe(3);
    // The device's clock: the receive time goes on, so the new time counts once the old value is five seconds old.
    last.accept(
      block([
        [1, 9000 * S, 1, QUALITY.good, 100 * S],
        [1, 5400 * S, 2, QUALITY.good, 101 * S],
      ]),
    );
    expect(last.stored[1]).toBe(1);
    last.accept(block([[1, 5405 * S, 3, QUALITY.good, 106 * S]]));
    expect([last.stored[1], last.time[1]]).toEqual([3, 5405 * S]);
  });

  it('keeps the last value that was not bad, with its time, under a bad quality', () => {
    const last = createLastValues();
    last.accept(
      block([
        [0, 1 * S, 42],
        [0, 2 * S, Number.NaN, QUALITY.badTimeout],
      ]),
    );
    expect([last.stored[0], last.quality[0], last.time[0], last.lastGood[0]]).toEqual([
      42,
      QUALITY.badTimeout,
      2 * S,
      1 * S,
    ]);
    // Good again: a bad sample never holds the place against what comes after it.
    last.accept(block([[0, 1.5 * S, 43, QUALITY.good, 3 * S]]));
    expect([last.stored[0], last.quality[0], last.lastGood[0]]).toEqual([43, QUALITY.good, 1.5 * S]);
  });

  it('moves 64 bits without touching them, NaN patterns included', () => {
    const patterns = [0x7ff0_0000_0000_0001n, 0xfff8_dead_beef_0001n, 0x7fff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n];
    const sample = block(patterns.map((_, tag) => [tag, 1, 0]));
    new BigUint64Array(sample.value.buffer).set(patterns);
    const last = createLastValues();
    last.accept(sample);
    expect([...new BigUint64Array(last.stored.buffer, 0, patterns.length)]).toEqual(patterns);
  });

  it('takes 50,000 tags and keeps the earlier ones while it grows', () => {
    const last = createLastValues();
    last.accept(block([[3, 1, 30]]));
    last.accept(block(Array.from({ length: 50_000 }, (_, tag): Row => [tag, 2, tag === 3 ? 31 : tag])));
    expect(last.size).toBeGreaterThanOrEqual(50_000);
    expect(last.stored[3]).toBe(31);
    expect(last.stored[49_999]).toBe(49_999);
  });
});
