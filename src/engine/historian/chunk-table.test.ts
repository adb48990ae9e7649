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
  const cache = createDecodedCache(1 << 20);
  const reader = chunkReaderOf(table, (damage) => told.push(damage), cache);
  return { reader, told, fetched: () => fetched, counts: cache.counts };
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

  it('uses the columns of short ranges again, and takes none for another', () => {
    const data = encodeChunk(run);
    const { reader, fetched, counts } = readerOf(() => data);
    const ask = (id: number): void => {
      const from = (id % 15) * 1_024_000 + 5_000;
      const numbers = reader.numbers({ ...chunk, id }, decoder, from, from + 50_000)!;
      expect(numbers.time.length).toBeLessThanOrEqual(2_048);
      const at = from / 1_000 - numbers.time[0]! / 1_000;
      expect(Array.from(numbers.value.subarray(at, at + 50))).toEqual(
        Array.from({ length: 50 }, (_, i) => from / 1_000 + i),
      );
    };
    for (let id = 1; id <= 40; id++) ask(id);
    // Three ranges fit into the eighth of the cache that is theirs.
    for (const id of [40, 39, 38, 40]) ask(id);
    expect(fetched()).toBe(40);
    ask(1);
    ask(39);
    expect(fetched()).toBe(41);
    expect(counts.bytes).toBeLessThanOrEqual((1 << 20) / 8 + 3 * 400);
  });

  it('reads a range that holds more samples than its share of the chunk tells', () => {
    const uneven = emptyRun(COUNT);
    uneven.length = COUNT;
    for (let i = 0; i < COUNT; i++) {
      // The last eighth takes nearly all of the time.
      uneven.time[i] = i < COUNT - 2_048 ? i : i * 1_000_000;
      uneven.value[i] = i;
    }
    const data = encodeChunk(uneven);
    const { reader } = readerOf(() => data);
    const whole = { ...chunk, last: uneven.time[COUNT - 1]! };
    for (const id of [1, 2, 3, 4, 5]) {
      const numbers = reader.numbers({ ...whole, id }, decoder, 100, 9_000)!;
      expect(numbers.length).toBe(9 * 1_024);
      expect(Array.from(numbers.value.subarray(100, 9_000))).toEqual(Array.from({ length: 8_900 }, (_, i) => 100 + i));
    }
    expect(reader.numbers({ ...whole, id: 6 }, decoder, 0, 10)!.time).toHaveLength(2_048);
  });
});
