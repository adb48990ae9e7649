import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecodeRecipe, Series } from '#shared/model/index.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { type Direct, EVER, openDirect, registration, type WrittenSample } from './direct.ts';
import { expectRollups, staleRollups } from './expect-rollups.ts';
import { type Known, naiveView } from './naive-view.ts';

/**
 * A store against a plain model of it: any sequence of writes, late and repeated samples, commits, crashes, restarts
 * and corrections must read back as the model does, raw and at any zoom. Chunks and segments are small, so that a few
 * hundred samples cross many of their ends.
 */
const TAGS = 3;
const START = 1_700_000_000_000_000;
const WORDS: DecodeRecipe = {
  version: 1,
  form: 'bits',
  type: 'uint16',
  order: 'ABCD',
  bit: null,
  scaling: null,
  unit: null,
};
const CORRECTIONS: readonly DecodeRecipe[] = [
  WORDS,
  { ...WORDS, type: 'int16', order: 'BADC' },
  { ...WORDS, scaling: { kind: 'gain', gain: -0.5, offset: 7 } },
  { ...WORDS, scaling: { kind: 'range', rawLow: 0, rawHigh: 10_000, low: -100, high: 100, clamp: true } },
];

type Step =
  | { readonly kind: 'append'; readonly samples: readonly WrittenSample[] }
  | { readonly kind: 'flush' | 'seal' | 'crash' | 'restart' }
  | { readonly kind: 'correct'; readonly recipe: number }
  | { readonly kind: 'look'; readonly from: number; readonly span: number; readonly pixels: number };

const value = fc.oneof(fc.integer({ min: 0, max: 65_535 }), fc.constantFrom(0, 1, 500, 501, 502));
const quality = fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, fc.constantFrom(0x4000, 0x8005, 0x8f02));
/** Runs of samples on a raster, some far from the others, some going back over what is there. */
const burst = fc
  .record({
    tag: fc.nat({ max: TAGS - 1 }),
    at: fc.oneof(fc.nat({ max: 600 }), fc.nat({ max: 100_000 })),
    step: fc.constantFrom(1, 100, 1_000, 100_000, 1_000_000, 60_000_000),
    values: fc.array(fc.tuple(value, quality), { minLength: 1, maxLength: 120 }),
    backward: fc.boolean(),
    repeats: fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 12 })),
  })
  .map(({ tag, at, step, values: once, backward, repeats }) =>
    Array.from({ length: repeats }, () => once)
      .flat()
      .map(
        ([number, state], i): WrittenSample => ({
          tag,
          time: START + at * 100_000 + (backward ? once.length * repeats - i : i) * step,
          value: number,
          quality: state,
        }),
      ),
  );
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: burst.map((samples) => ({ kind: 'append' as const, samples })) },
  { weight: 4, arbitrary: fc.constantFrom('flush', 'seal', 'crash', 'restart').map((kind) => ({ kind })) },
  {
    weight: 1,
    arbitrary: fc.nat({ max: CORRECTIONS.length - 1 }).map((recipe) => ({ kind: 'correct' as const, recipe })),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('look' as const),
      from: fc.integer({ min: -1_000, max: 100_000 }).map((n) => START + n * 100_000),
      span: fc.constantFrom(1, 1_000, 100_000, 5_000_000, 60_000_000, 3_600_000_000, 100_000_000_000),
      pixels: fc.integer({ min: 1, max: 60 }),
    }),
  },
);

function decoded(samples: ReadonlyMap<number, WrittenSample>, recipe: DecodeRecipe): Known[] {
  const swap = (word: number): number => ((word & 0xff) << 8) | (word >> 8);
  const number = (word: number): number => {
    const ordered = recipe.order === 'BADC' ? swap(word) : word;
    return recipe.type === 'int16' ? (ordered << 16) >> 16 : ordered;
  };
  return [...samples.values()]
    .sort((a, b) => a.time - b.time)
    .map((one) => ({ time: one.time, value: number(one.value), quality: one.quality }));
}

function scaled(recipe: DecodeRecipe): (value: number) => number {
  const scale = recipe.scaling;
  if (scale === null) return (one) => one;
  if (scale.kind === 'gain') return (one) => one * scale.gain + scale.offset;
  const gain = (scale.high - scale.low) / (scale.rawHigh - scale.rawLow);
  return (one) => Math.min(scale.high, Math.max(scale.low, one * gain + (scale.low - scale.rawLow * gain)));
}

function expectView(
  series: Series,
  samples: readonly Known[],
  look: Extract<Step, { kind: 'look' }>,
  recipe: DecodeRecipe,
) {
  const range = { from: look.from, to: look.from + look.span };
  const { merged, points } = naiveView(samples, range, look.pixels);
  const scale = scaled(recipe);
  expect([...series.time]).toEqual(points.map((one) => one.time));
  expect([...series.quality]).toEqual(points.map((one) => one.quality));
  expect(series.envelope !== null).toBe(merged);
  points.forEach((point, i) => {
    // A mean depends on the order of summing; everything else must be the same to the bit.
    if (point.quality < 0x8000) expect(series.value[i]).toBeCloseTo(scale(point.value), 6);
    if (series.envelope === null || Number.isNaN(point.min)) return;
    const ends = [scale(point.min), scale(point.max)];
    expect(series.envelope.min[i]).toBe(Math.min(...ends));
    expect(series.envelope.max[i]).toBe(Math.max(...ends));
  });
}

/** Rollup rows that were compared in all runs. */
let rows = 0;

async function play(steps: readonly Step[], folder: string): Promise<void> {
  const model = Array.from({ length: TAGS }, () => new Map<number, WrittenSample>());
  let recipe = WORDS;
  let place = 0;
  const path = (): string => join(folder, String(place), 'history.parx');
  mkdirSync(join(folder, '0'));
  const options = { chunkSamples: 48, segmentBytes: 24_000, foldMs: 1e9 };
  const register = (store: Direct): void =>
    store.writer.register(Array.from({ length: TAGS }, (_, i) => registration(i, recipe)));
  let store = await openDirect(path(), options);
  register(store);
  const compare = (): void => {
    for (let tag = 0; tag < TAGS; tag++) {
      const expected = decoded(model[tag]!, recipe);
      const blocks = store.raw([`tag-${tag}`], EVER);
      expect(blocks.flatMap((block) => [...block.time])).toEqual(expected.map((one) => one.time));
      expect(blocks.flatMap((block) => [...block.quality])).toEqual(expected.map((one) => one.quality));
      expect(blocks.flatMap((block) => [...block.value])).toEqual(expected.map((one) => scaled(recipe)(one.value)));
    }
  };
  try {
    for (const one of steps) {
      switch (one.kind) {
        case 'append':
          store.append(one.samples);
          for (const sample of one.samples) model[sample.tag]!.set(sample.time, sample);
          break;
        case 'flush':
          await store.writer.flush();
          break;
        case 'seal':
          await store.writer.seal([], EVER);
          break;
        case 'restart':
          await store.close();
          store = await openDirect(path(), options);
          expect(store.writer.started.recovery.clean).toBe(true);
          register(store);
          break;
        case 'crash': {
          // What is on the disk at this moment is what a killed program leaves.
          await store.writer.flush();
          cpSync(join(folder, String(place)), join(folder, String(place + 1)), { recursive: true });
          await store.close();
          place++;
          store = await openDirect(path(), options);
          expect(store.writer.started.recovery.clean).toBe(false);
          register(store);
          compare();
          break;
        }
        case 'correct':
          recipe = CORRECTIONS[one.recipe]!;
          register(store);
          break;
        case 'look':
          for (let tag = 0; tag < TAGS; tag++) {
            const [series] = store.view([`tag-${tag}`], { from: one.from, to: one.from + one.span }, one.pixels);
            expectView(series!, decoded(model[tag]!, recipe), one, recipe);
          }
          break;
      }
    }
    compare();
    await store.writer.seal([], EVER);
    compare();
    await expect.poll(() => staleRollups(path()), { timeout: 10_000, interval: 5 }).toBe(0);
    rows += expectRollups(path());
    expect(store.warnings).toEqual([]);
  } finally {
    await store.close();
  }
}

const long = process.env.PARX_LONG === '1';

describe('a store against a model of it', () => {
  it('reads back what was written, raw and at any zoom, over crashes, restarts and corrections', async () => {
    let run = 0;
    const folder = temporaryDirectory();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const own = join(folder, String(run++));
        mkdirSync(own);
        await play(steps, own);
      }),
      long ? { numRuns: 600, endOnFailure: true } : { numRuns: 50, seed: 4, endOnFailure: true },
    );
    expect(rows).toBeGreaterThan(200);
  }, 300_000);
});
