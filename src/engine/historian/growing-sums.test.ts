import { describe, expect, it } from 'vitest';
import { type DecodeRecipe, PLAIN_RECIPE, QUALITY } from '#shared/model/index.ts';
import { BLOCK_SAMPLES } from './chunk-codec.ts';
import { tagDecoderOf } from './chunk-table.ts';
import { growingSums } from './growing-sums.ts';
import { summaryOfStored } from './pyramid.ts';
import { emptyRun, type Run } from './run.ts';

const recipe: DecodeRecipe = { ...PLAIN_RECIPE, version: 1 };
const decoder = tagDecoderOf([recipe]);

/** Numbers from 0 to 1, the same in each run. */
function spread(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
}

/** A signal with jitter, bad samples, values that are no numbers and, with `gap`, an hour without samples. */
function signal(samples: number, gap: boolean, seed: number): Run {
  const random = spread(seed);
  const run = emptyRun(samples);
  run.length = samples;
  for (let i = 0; i < samples; i++) {
    const pause = gap && i > samples / 2 ? 3_600_000_000 : 0;
    run.time[i] = -50_000_000 + i * 100_000 + pause + Math.floor(random() * 5) * 1_000;
    run.value[i] = random() < 0.01 ? Number.NaN : 0.1 * Math.round(100 * Math.sin(i / 500) + random());
    run.quality[i] = random() < 0.02 ? QUALITY.badConfiguration : QUALITY.good;
  }
  return run;
}

/** What comes of the run when it grows block by block. */
function grown(run: Run, decode = decoder) {
  const first = Math.min(BLOCK_SAMPLES, run.length);
  const sums = growingSums(run, 0, first, decoder);
  for (let from = 0; from < run.length; from += BLOCK_SAMPLES) {
    sums?.add(run, from, Math.min(run.length, from + BLOCK_SAMPLES), 1, decode);
  }
  return sums?.finish(run.time[0]!, run.time[run.length - 1]!, run.length, decode) ?? null;
}

describe('the row of a chunk that was summed up while it grew', () => {
  it('is to the bit the one of its samples, wherever blocks end', () => {
    for (const samples of [1_100, 4_096, 10_000, 16_384]) {
      const run = signal(samples, false, samples);
      const summary = grown(run);
      expect(summary).not.toBeNull();
      expect(summary).toEqual(summaryOfStored(run, 1, decoder));
    }
  });

  it('is left to the samples where they came at another rate than its buckets are for', () => {
    expect(grown(signal(8_192, true, 5))).toBeNull();
    const faster = signal(4_096, false, 6);
    for (let i = 1_024; i < faster.length; i++) faster.time[i] = faster.time[1_023]! + (i - 1_023) * 1_000;
    expect(grown(faster)).toBeNull();
  });

  it('is left to the samples where the tag is decoded in another way since', () => {
    const run = signal(4_096, false, 7);
    expect(grown(run, tagDecoderOf([recipe, { ...recipe, version: 2, unit: 'bar' }]))).toBeNull();
    const sums = growingSums(run, 0, 1_024, decoder)!;
    sums.add(run, 0, 4_096, 1, decoder);
    const later = tagDecoderOf([recipe, { ...recipe, version: 2 }]);
    expect(sums.finish(run.time[0]!, run.time[4_095]!, 4_096, later)).toBeNull();
  });

  it('is made for a bounded number of chunks at once, and for others again when these are closed', () => {
    const run = signal(2_048, false, 8);
    const many = Array.from({ length: 400 }, () => growingSums(run, 0, 1_024, decoder));
    expect(many.at(0)).not.toBeNull();
    expect(many.at(-1)).toBeNull();
    for (const sums of many) sums?.finish(0, 0, 1, decoder);
    expect(grown(run)).toEqual(summaryOfStored(run, 1, decoder));
  });
});
