import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { loadContestant } from './contestants.ts';
import { ask, load } from './measures.ts';
import { bulkBlocks, createMix, emptyBlock, entropyFloor, KINDS, liveBlocks, PERIOD_US, START } from './mix.ts';
import { differences, truthOf } from './truth.ts';

function whole(tag: number, count: number, piece = count) {
  const mix = createMix(KINDS.length);
  const block = emptyBlock(count);
  for (let at = 0; at < count; at += piece) mix.fill(block, at, tag, Math.min(piece, count - at));
  return block;
}

describe('the reference mix', () => {
  it('is the same however its blocks are cut', () => {
    for (const tag of KINDS.keys()) expect(whole(tag, 5_000, 7)).toEqual(whole(tag, 5_000));
    const bulk = [...bulkBlocks({ tags: 5, perTag: 20 }, 8)];
    expect(bulk.map(({ length }) => length)).toEqual([8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 4, 4, 4, 4, 4]);
    const live = liveBlocks(5, 20).next().value!;
    const of = (tag: number): number[] => [...live.value].filter((_, i) => live.tag[i] === tag);
    for (let tag = 0; tag < 5; tag++) {
      expect(of(tag)).toEqual(bulk.filter((block) => block.tag[0] === tag).flatMap(({ value }) => [...value]));
    }
  });

  it('has a raster of 100 ms in whole milliseconds, each sample late by 0 to 4 ms', () => {
    const { time } = whole(3, 5_000);
    const late = [...time].map((at, i) => (at - START - i * PERIOD_US) / 1_000);
    expect(new Set(late)).toEqual(new Set([0, 1, 2, 3, 4]));
  });

  it('has the five kinds of values', () => {
    const [analogue, counter, bits, sine, held] = [...KINDS.keys()].map((tag) => [...whole(tag, 20_000).value]);
    expect(analogue!.every((value) => Math.round(value * 100) / 100 === value)).toBe(true);
    expect(counter!.every((value, i) => i === 0 || value === counter![i - 1]! + 1)).toBe(true);
    expect(new Set(bits)).toEqual(new Set([0, 1]));
    expect(sine!.every((value) => Math.fround(value) === value && Math.abs(value) < 20.02)).toBe(true);
    const changes = held!.filter((value, i) => i > 0 && value !== held![i - 1]).length;
    expect(changes).toBeGreaterThan(5);
    expect(changes).toBeLessThan(20_000 / 600);
  });

  it('cannot be stored in less than 0.774 bytes a sample', () => {
    expect(entropyFloor().bytes).toBeCloseTo(0.774, 3);
  });
});

describe('contestants that need no server', () => {
  const size = { tags: 10, perTag: 7_200 };
  const truth = truthOf(size);

  it.each(['parx', 'rows', 'duckdb', 'parquet', 'parquet-tuned'] as const)('%s gives the right answers', async (id) => {
    const contestant = await loadContestant(id);
    const folder = join(temporaryDirectory(), id);
    await load(contestant, folder, size, 3_600);
    const { answers } = await ask(contestant, folder, size, 1);
    expect(differences(answers, truth)).toEqual([]);
  });

  it('would be found out', () => {
    const wrong = structuredClone(truth);
    wrong.B[4]!.max[17]! += 0.5;
    wrong.D.value[9] = -1;
    expect(differences(wrong, truth)).toEqual([
      expect.stringMatching(/^B: greatest of tag 4, bucket 17: /),
      expect.stringMatching(/^D: value 9: -1 instead of /),
    ]);
  });
});
