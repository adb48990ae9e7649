import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createByteReader, createByteWriter } from './bytes.ts';
import { BLOCK_SAMPLES, createPlan, planColumn, readColumn, STREAM_SLACK, writeColumn } from './column-pack.ts';

/** Packs, checks the size that was planned, and reads again. */
function expectSame(numbers: readonly number[]): number {
  const column = Uint32Array.from(numbers);
  const out = createByteWriter(16);
  const plan = planColumn(column, column.length, createPlan());
  writeColumn(column, column.length, plan, out);
  expect(out.at).toBe(plan.bytes);
  const reader = createByteReader(
    Uint8Array.from([...out.bytes.subarray(0, out.at), ...new Array(STREAM_SLACK).fill(0)]),
  );
  const read = new Uint32Array(BLOCK_SAMPLES).fill(7);
  readColumn(reader, read, column.length);
  expect(reader.at).toBe(out.at);
  expect([...read.subarray(0, column.length)]).toEqual([...column]);
  return out.at;
}

const numbers = (most: number, length = 200) => fc.array(fc.nat({ max: most }), { minLength: 1, maxLength: length });

describe('a packed column', () => {
  it('gives back any numbers, in the size that was planned', () => {
    const word = fc.integer({ min: 0, max: 0xffff_ffff });
    const mostly = (width: number) =>
      fc.array(fc.oneof({ weight: 20, arbitrary: fc.nat({ max: width }) }, word), { minLength: 1, maxLength: 300 });
    const column = fc.oneof(
      fc.array(word, { maxLength: 100 }),
      fc.integer({ min: 0, max: 5_000 }).chain((most) => numbers(most)),
      fc.integer({ min: 0, max: 5_000 }).chain(mostly),
      // Small ones often, large ones seldom, as Rice codes want it.
      fc.array(
        fc.tuple(fc.nat({ max: 30 }), word).map(([shift, bits]) => bits >>> shift),
        { maxLength: 300 },
      ),
    );
    fc.assert(
      fc.property(column, (list) => void expectSame(list)),
      process.env.PARX_LONG === '1' ? { numRuns: 50_000 } : { numRuns: 3_000, seed: 5 },
    );
  });

  it('reads every base of digits', () => {
    for (let base = 2; base <= 512; base++) expectSame(Array.from({ length: 70 }, (_, i) => (i * 7_919) % base));
  });

  it.each([
    ['five values', 2.34, (i: number) => Math.imul(i, 2_654_435_761) >>> 0, 5],
    ['a hundred values', 6.72, (i: number) => Math.imul(i, 2_654_435_761) >>> 0, 100],
    ['ten thousand values', 13.36, (i: number) => Math.imul(i, 2_654_435_761) >>> 0, 10_000],
    ['two values', 1.02, (i: number) => (Math.imul(i, 2_654_435_761) >>> 16) & 1, 2],
  ])('spends on %s of equal frequency %f bits', (_name, limit, noise, base) => {
    const column = Array.from({ length: BLOCK_SAMPLES }, (_, i) =>
      Math.floor((noise(i) / (base === 2 ? 2 : 2 ** 32)) * base),
    );
    expect((expectSame(column) * 8) / BLOCK_SAMPLES).toBeLessThan(limit + 0.04);
  });

  it('lists outliers apart', () => {
    const column = Array.from({ length: BLOCK_SAMPLES }, (_, i) => (i % 300 === 299 ? 3e9 : i % 4));
    expect(expectSame(column)).toBeLessThan(BLOCK_SAMPLES / 4 + 32);
  });
});
