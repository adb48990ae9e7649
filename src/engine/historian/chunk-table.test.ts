import { describe, expect, it } from 'vitest';
import { PLAIN_RECIPE } from '#shared/model/index.ts';
import { encodeChunk } from './chunk-codec.ts';
import { type ChunkInfo, type ChunkTable, chunkReaderOf, DamagedChunk, tagDecoderOf } from './chunk-table.ts';
import { createDecodedCache } from './decoded-cache.ts';
import { emptyRun } from './run.ts';

const COUNT = 16_384;
const decoder = tagDecoderOf([PLAIN_RECIPE]);
const chunk: ChunkInfo = { id: 1, recipe: 1, first: 0, last: (COUNT - 1) * 1_000, count: COUNT };
const run = emptyRun(COUNT);
run.length = COUNT;
for (let i = 0; i < COUNT; i++) {
  run.time[i] = i * 1_000;
  run.value[i] = i;
}

function readerOf(data: () => Uint8Array) {
  const told: DamagedChunk[] = [];
  let fetched = 0;
  const none = (): never => {
    throw new Error('not asked for');
  };
  const table: ChunkTable = {
    overlapping: none,
    preceding: none,
    following: none,
    data() {
      fetched++;
      return data();
    },
  };
  const reader = chunkReaderOf(table, (damage) => told.push(damage), createDecodedCache(1 << 20));
  return { reader, told, fetched: () => fetched };
}

describe('reading chunks', () => {
  it('tries a damaged one once', () => {
    const { reader, told, fetched } = readerOf(() => {
      throw new DamagedChunk(chunk, 'the checksum does not fit');
    });
    for (let i = 0; i < 3; i++) expect(reader.numbers(chunk, decoder, i, i + 10)).toBeNull();
    expect(told).toHaveLength(1);
    expect(fetched()).toBe(1);
  });

  it('takes no memory by a number of samples that the checksum does not cover', () => {
    for (const count of [-23_206, 2 ** 52]) {
      const { reader, told } = readerOf(() => {
        throw new DamagedChunk(chunk, 'the checksum does not fit');
      });
      expect(reader.numbers({ ...chunk, count }, decoder)).toBeNull();
      expect(told).toHaveLength(1);
      expect(() => reader.stored({ ...chunk, count })).toThrow(DamagedChunk);
    }
  });

  it('decodes parts as they are asked for, and the whole once they come to half of it', () => {
    const data = encodeChunk(run);
    const { reader, fetched } = readerOf(() => data);
    const lengths: number[] = [];
    // Two blocks further each time.
    for (let block = 0; block < 16; block += 2) {
      const from = block * 1_024_000 + 5_000;
      const numbers = reader.numbers(chunk, decoder, from, from + 50_000)!;
      expect(numbers.value[Math.ceil(from / 1_000) - numbers.time[0]! / 1_000]).toBe(Math.ceil(from / 1_000));
      lengths.push(numbers.length);
    }
    expect(lengths.slice(0, 7)).toEqual(Array.from({ length: 7 }, () => 1_024));
    expect(lengths[7]).toBe(1_024);
    expect(reader.numbers(chunk, decoder, 3_000_000, 3_000_001)).toHaveLength(COUNT);
    const before = fetched();
    expect(reader.numbers(chunk, decoder, 9_000_000, 9_000_001)).toHaveLength(COUNT);
    expect(fetched()).toBe(before);
  });
});
