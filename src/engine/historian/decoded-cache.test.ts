import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDecodedCache } from './decoded-cache.ts';

describe('what a reader remembers', () => {
  it('never takes more than its limit, and forgets what was unused longest', () => {
    const cache = createDecodedCache(10_000);
    for (let key = 1; key <= 5; key++) cache.set(key, `value ${key}`, 1_400);
    expect(cache.get(1)).toBe('value 1');
    cache.set(6, 'value 6', 1_400);
    expect(cache.get(2)).toBeUndefined();
    expect([1, 3, 4, 5, 6].map((key) => cache.get(key))).not.toContain(undefined);
    cache.set(3, 'large', 9_000);
    expect([1, 3, 4, 5, 6].map((key) => cache.get(key))).toEqual([undefined, 'large', undefined, undefined, undefined]);
    cache.set(3, 'larger than all', 10_000);
    expect(cache.counts).toMatchObject({ bytes: 0, hits: 7, misses: 5 });
    expect(cache.get(3)).toBeUndefined();
  });

  it('counts its bytes right, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 20 }), fc.nat({ max: 3_000 }))), (steps) => {
        const cache = createDecodedCache(8_000);
        const sizes = new Map<number, number>();
        for (const [key, bytes] of steps) {
          cache.set(key, bytes, bytes);
          sizes.set(key, bytes);
          expect(cache.counts.bytes).toBeLessThanOrEqual(8_000);
        }
        let held = 0;
        for (const [key, bytes] of sizes) {
          const found = cache.get(key);
          if (found === undefined) continue;
          expect(found).toBe(bytes);
          held += bytes + 400;
        }
        expect(cache.counts.bytes).toBe(held);
      }),
      { seed: 3 },
    );
  });
});
