import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { QUALITY, type SampleBlock } from '#shared/model/index.ts';
import {
  createRecordBuffer,
  LaterRecord,
  type LoggedSamples,
  readRecords,
  readSegmentHeader,
  SEGMENT_HEADER_BYTES,
  segmentHeader,
} from './log-record.ts';

const START = 1_700_000_000_000_000;
const nothing = (): void => undefined;

function blockOf(
  tags: readonly number[],
  times: readonly number[],
  change?: (block: SampleBlock) => void,
): SampleBlock {
  const block: SampleBlock = {
    length: tags.length,
    tag: Uint32Array.from(tags),
    time: Float64Array.from(times),
    value: Float64Array.from(tags, (_, i) => i / 3),
    quality: new Uint16Array(tags.length),
    received: null,
  };
  change?.(block);
  return block;
}

/** What a segment with these records gives back, and the bytes that they take of it. */
function logged(blocks: readonly SampleBlock[]): { readonly samples: LoggedSamples[]; readonly bytes: number } {
  const records = createRecordBuffer(256);
  for (const block of blocks) records.addSamples(block, (index) => index + 10);
  records.seal(7);
  const file = new Uint8Array(SEGMENT_HEADER_BYTES + records.length);
  file.set(records.bytes(), SEGMENT_HEADER_BYTES);
  const samples: LoggedSamples[] = [];
  const end = readRecords(file, 7, {
    samples: (one) => void samples.push(one),
    forms: nothing,
    string: nothing,
    chunk: nothing,
  });
  expect(end).toEqual({ records: blocks.length, validBytes: file.length, tornBytes: 0 });
  return { samples, bytes: records.length };
}

describe('a record of samples', () => {
  const cases: Record<string, SampleBlock> = {
    'one sample': blockOf([3], [START]),
    'one tag': blockOf([3, 3, 3], [START, START + 1, START + 2]),
    'one poll': blockOf([0, 1, 2, 3, 4], [START, START, START, START, START]),
    'several polls': blockOf(
      [4, 1, 9, 4, 1, 9, 4],
      [START, START + 5, START + 2, START + 100, START + 101, START, START + 200],
    ),
    'a tag more than one poll': blockOf([4, 1, 9, 4], [START, START, START, START]),
    'two samples of one tag': blockOf([4, 4], [START, START]),
    'polls of which one lacks a tag': blockOf([4, 1, 9, 4, 9, 4, 1], [1, 2, 3, 4, 5, 6, 7]),
    'times before 1970, out of order': blockOf([0, 1, 0, 1], [-5, -4_000_000_000, -7, 3]),
    'times as far apart as four bytes tell': blockOf([0, 1, 0], [START, START + 2 ** 32 - 1, START]),
    'times further apart': blockOf([0, 1, 0], [START, START + 2 ** 32, START]),
    'times at the ends of what is taken': blockOf([0, 1], [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]),
    'qualities and receive times': blockOf([2, 5, 2, 5, 2], [1, 2, 3, 4, 5], (block) => {
      block.quality[3] = QUALITY.badConfiguration;
      (block as { received: unknown }).received = Float64Array.from([9, 8, 7, 6, 5]);
    }),
    'slots that are no numbers': blockOf([0, 1, 0], [1, 2, 3], ({ value }) =>
      new BigUint64Array(value.buffer).set([0x7ff0_dead_beef_0001n, 0xffff_ffff_ffff_ffffn, 1n]),
    ),
  };
  const slots = (value: Float64Array<ArrayBuffer>, length: number): bigint[] => [
    ...new BigUint64Array(value.buffer, value.byteOffset, length),
  ];

  it('gives back what was put in, whatever the order of tags and times', () => {
    const blocks = Object.entries(cases);
    const { samples } = logged(blocks.map(([, block]) => block));
    for (const [i, [name, block]] of blocks.entries()) {
      const one = samples[i]!;
      expect(one.length, name).toBe(block.length);
      expect([...one.number], name).toEqual(Array.from(block.tag, (index) => index + 10));
      expect([...one.time], name).toEqual([...block.time]);
      expect(slots(one.value, one.length), name).toEqual(slots(block.value, block.length));
      expect([...one.quality], name).toEqual([...block.quality]);
      expect(one.received === null ? null : [...one.received], name).toEqual(
        block.received === null ? null : [...block.received],
      );
    }
  });

  it('is refused where it says what only a later version knows', () => {
    const change = (at: number | null, value: number): Uint8Array<ArrayBuffer> => {
      const records = createRecordBuffer(256);
      records.addSamples(blockOf([0, 1, 0, 1], [1, 2, 3, 4]), (index) => index + 10);
      if (at !== null) records.bytes()[at] = value;
      records.seal(7);
      const file = new Uint8Array(SEGMENT_HEADER_BYTES + records.length);
      file.set(records.bytes(), SEGMENT_HEADER_BYTES);
      return file;
    };
    const sound = change(null, 0);
    const read = (file: Uint8Array<ArrayBuffer>): unknown =>
      readRecords(file, 7, { samples: nothing, forms: nothing, string: nothing, chunk: nothing });
    const flags = sound[SEGMENT_HEADER_BYTES + 20]!;
    expect(() => read(change(20, flags))).not.toThrow();
    expect(() => read(change(20, flags | 128))).toThrow(LaterRecord);
    expect(() => read(change(21, 1))).toThrow(LaterRecord);
    expect(() => read(change(12, 7))).toThrow(LaterRecord);
    expect(() => read(change(12, 0))).toThrow(LaterRecord);

    const owner = new Uint8Array(16).fill(3);
    const header = segmentHeader(7, owner);
    expect(readSegmentHeader(header, owner)).toBe(7);
    const later = header.slice();
    later[4] = 2;
    // Bytes that are merely damaged are no later version.
    expect(readSegmentHeader(later, owner)).toBeNull();
    new DataView(later.buffer).setUint32(60, crc32(later.subarray(0, 60)), true);
    expect(() => readSegmentHeader(later, owner)).toThrow(LaterRecord);
    expect(readSegmentHeader(later, new Uint8Array(16))).toBeNull();
  });

  it('takes twelve bytes a sample of polls with times of their own, eight where they share one', () => {
    const TAGS = 100;
    const polls = (own: boolean) =>
      blockOf(
        Array.from({ length: 10 * TAGS }, (_, i) => i % TAGS),
        Array.from(
          { length: 10 * TAGS },
          (_, i) => START + Math.floor(i / TAGS) * 100_000 + (own ? (i % 5) * 1_000 : 0),
        ),
      );
    expect(logged([polls(true)]).bytes / (10 * TAGS)).toBeLessThan(12.5);
    expect(logged([blockOf([0, 1, 2, 3], [1, 1, 1, 1])]).bytes).toBe(16 + 24 + 4 * 8);
  });
});
