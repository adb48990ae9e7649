import { crc32 } from 'node:zlib';
import {
  type ByteReader,
  type ByteWriter,
  createByteReader,
  createByteWriter,
  readByte,
  readF64,
  readU16,
  readVarint,
  readZigzag,
  writeByte,
  writeF64,
  writeU16,
  writeU32,
  writeVarint,
  writeZigzag,
} from './bytes.ts';
import { BLOCK_SAMPLES, packColumn, readColumn, STREAM_SLACK } from './column-pack.ts';
import { addReceived, growRun, type Run } from './run.ts';
import {
  createRaster,
  decodeReceived,
  decodeTimes,
  encodeReceived,
  encodeTimes,
  type Raster,
  RECEIVED,
} from './time-codec.ts';
import { createHabit, decodeValues, encodeValues, type Habit } from './value-codec.ts';

export { BLOCK_SAMPLES } from './column-pack.ts';
/** Newest layout of a chunk, the only one that this program writes and reads. */
export const CHUNK_LAYOUT = 2;
/** Most samples that a chunk should be given. */
export const CHUNK_SAMPLES = 16_384;
/** Bytes at which it should end all the same: chunks are fetched whole, and rows of the pyramid as long as theirs fill pages badly. */
export const CHUNK_BYTES = 16_384;
/** Most samples in one chunk; more are refused on reading as damage, so that a flipped length cannot ask for all memory. */
export const MAX_CHUNK_SAMPLES = 65_536;

const HEAD_BYTES = 25;
/** Flag of the head: the first times of the blocks are f64 each. */
const PLAIN_FIRSTS = 1;
const QUALITY = { good: 0, same: 1, runs: 2 } as const;
/** Whole numbers up to this size survive sums and differences of two and the zigzag doubling exactly. */
const EXACT = 2 ** 50;

/** Builds one chunk block by block; holds its encoded bytes and little else. */
export interface ChunkBuilder {
  /** Samples that it holds. */
  readonly count: number;
  /** Bytes of the chunk as it is now. */
  readonly bytes: number;
  /**
   * Appends samples `from` (included) to `to` (excluded) of a sorted run, which is not kept. Blocks are of 1,024
   * samples; one of fewer is the last, and nothing can be added behind it (throws Error).
   */
  add(run: Run, from: number, to: number): void;
  /** The chunk of what was added so far, 1 sample or more, in a buffer of its own; adding may go on. */
  finish(): Uint8Array<ArrayBuffer>;
  /** Empties it for another chunk. */
  clear(): void;
}

const scratch = createByteWriter();
const nothing = new Uint8Array(0);

export function createChunkBuilder(): ChunkBuilder {
  const raster = createRaster();
  const habit = createHabit();
  let firsts: number[] = [];
  let sizes: number[] = [];
  let count = 0;
  /** Blocks one behind the other, in a buffer of exactly their size. */
  let blocks: Uint8Array<ArrayBuffer> = nothing;
  const writeHead = (): void => {
    scratch.at = 0;
    const period = Math.floor(raster.period * BLOCK_SAMPLES) * 10 ** raster.unit;
    let plain = false;
    for (let i = 1; i < firsts.length; i++) {
      const off = firsts[i]! - firsts[i - 1]! - period;
      plain ||= !Number.isInteger(off) || Math.abs(off) > EXACT || firsts[i - 1]! + (period + off) !== firsts[i]!;
    }
    writeByte(scratch, CHUNK_LAYOUT);
    writeByte(scratch, plain ? PLAIN_FIRSTS : 0);
    writeU16(scratch, BLOCK_SAMPLES);
    writeU32(scratch, count);
    writeF64(scratch, firsts[0]!);
    writeByte(scratch, raster.unit);
    writeF64(scratch, raster.period);
    for (let i = 0; i < sizes.length; i++) {
      writeVarint(scratch, sizes[i]!);
      if (i === 0) continue;
      if (plain) writeF64(scratch, firsts[i]!);
      else writeZigzag(scratch, firsts[i]! - firsts[i - 1]! - period);
    }
  };
  return {
    get count() {
      return count;
    },
    get bytes() {
      if (count === 0) return 0;
      writeHead();
      return scratch.at + blocks.length + STREAM_SLACK;
    },
    add(run, from, to) {
      if (to <= from) return;
      if (count % BLOCK_SAMPLES !== 0) throw new Error('nothing can follow a block that is not full');
      if (count + to - from > MAX_CHUNK_SAMPLES) throw new Error(`a chunk holds up to ${MAX_CHUNK_SAMPLES} samples`);
      scratch.at = 0;
      for (let at = from; at < to; at += BLOCK_SAMPLES) {
        const samples = Math.min(BLOCK_SAMPLES, to - at);
        const start = scratch.at;
        encodeBlock(run, at, samples, raster, habit, firsts.length === 0, scratch);
        firsts.push(run.time[at]!);
        sizes.push(scratch.at - start);
      }
      count += to - from;
      const grown = new Uint8Array(blocks.length + scratch.at);
      grown.set(blocks);
      grown.set(scratch.bytes.subarray(0, scratch.at), blocks.length);
      blocks = grown;
    },
    finish() {
      if (count === 0) throw new Error('a chunk has one sample or more');
      writeHead();
      const chunk = new Uint8Array(scratch.at + blocks.length + STREAM_SLACK);
      chunk.set(scratch.bytes.subarray(0, scratch.at));
      chunk.set(blocks, scratch.at);
      return chunk;
    },
    clear() {
      firsts = [];
      sizes = [];
      count = 0;
      blocks = nothing;
      raster.unit = 0;
      raster.period = 0;
      habit.blocks = 0;
    },
  };
}

const builder = createChunkBuilder();

/** Encodes a sorted run of 1 to 65,536 samples; byte diagram in FORMAT.md. The result is a buffer of its own. */
export function encodeChunk(run: Run): Uint8Array<ArrayBuffer> {
  builder.clear();
  builder.add(run, 0, run.length);
  const chunk = builder.finish();
  builder.clear();
  return chunk;
}

function encodeBlock(
  run: Run,
  from: number,
  count: number,
  raster: Raster,
  habit: Habit,
  isFirst: boolean,
  out: ByteWriter,
): void {
  const head = out.at;
  writeByte(out, 0);
  const quality = encodeQualities(run.quality, from, count, out);
  encodeTimes(run.time, from, count, raster, isFirst, out);
  encodeValues(run.value, from, count, habit, out);
  const received = encodeReceived(run.received, run.time, from, count, out);
  out.bytes[head] = quality | (received << 4);
}

const column = new Uint32Array(BLOCK_SAMPLES);

function encodeQualities(quality: Uint16Array, from: number, count: number, out: ByteWriter): number {
  let runs = 1;
  for (let i = from + 1; i < from + count; i++) if (quality[i] !== quality[i - 1]) runs++;
  if (runs === 1) {
    if (quality[from] === 0) return QUALITY.good;
    writeU16(out, quality[from]!);
    return QUALITY.same;
  }
  writeVarint(out, runs);
  let run = 0;
  for (let i = from, start = from; i < from + count; i++) {
    if (i + 1 < from + count && quality[i + 1] === quality[i]) continue;
    column[run++] = i - start;
    start = i + 1;
    writeU16(out, quality[i]!);
  }
  packColumn(column, runs, out);
  return QUALITY.runs;
}

function decodeQualities(code: number, from: ByteReader, quality: Uint16Array, at: number, count: number): void {
  if (code === QUALITY.good || code === QUALITY.same) {
    quality.fill(code === QUALITY.good ? 0 : readU16(from), at, at + count);
    return;
  }
  if (code !== QUALITY.runs) throw new RangeError(`quality code ${code} is unknown`);
  const runs = readVarint(from);
  if (runs > count) throw new RangeError('more runs of quality than samples');
  const values = from.at;
  from.at += 2 * runs;
  readColumn(from, column, runs);
  let filled = 0;
  for (let i = 0; i < runs; i++) {
    const end = filled + column[i]! + 1;
    if (end > count) throw new RangeError('runs of quality are longer than the block');
    quality.fill(from.view.getUint16(values + 2 * i, true), at + filled, at + end);
    filled = end;
  }
  if (filled !== count) throw new RangeError('runs of quality do not fill the block');
}

/** What stands beside a chunk's bytes in its row, and is covered by their checksum. */
export interface ChunkRow {
  readonly recipe: number;
  readonly first: number;
  readonly last: number;
  readonly count: number;
}
const row = new Float64Array(5);
const rowBytes = new Uint8Array(row.buffer);

/** Checksum of a chunk's row and its bytes. */
export function chunkSum(tag: number, chunk: ChunkRow, data: Uint8Array): number {
  row[0] = tag;
  row[1] = chunk.recipe;
  row[2] = chunk.first;
  row[3] = chunk.last;
  row[4] = chunk.count;
  return crc32(data, crc32(rowBytes));
}

/** Decodes into `out`, growing its columns; throws RangeError for bytes that are no chunk. */
export function decodeChunk(data: Uint8Array, out: Run): Run {
  return decodeRange(data, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, out);
}

const firsts = new Float64Array(MAX_CHUNK_SAMPLES / 16);
const ends = new Float64Array(MAX_CHUNK_SAMPLES / 16);
const raster = createRaster();

/**
 * Decodes the blocks that may hold samples at or after `from` and before `to` (microseconds) into `out`, growing its
 * columns. At both ends there may be samples outside the range; where no block touches it `out` is empty. Throws
 * RangeError for bytes that are no chunk.
 */
export function decodeRange(data: Uint8Array, from: number, to: number, out: Run): Run {
  const reader = createByteReader(data);
  if (data.length < HEAD_BYTES || data[0] !== CHUNK_LAYOUT) throw new RangeError('not a chunk of a known layout');
  const plain = data[1] === PLAIN_FIRSTS;
  if (data[1]! > PLAIN_FIRSTS) throw new RangeError('a chunk with unknown flags');
  reader.at = 2;
  const samples = readU16(reader);
  if (samples === 0 || samples > BLOCK_SAMPLES) throw new RangeError(`blocks of ${samples} samples`);
  const length = reader.view.getUint32(4, true);
  const blocks = Math.ceil(length / samples);
  if (length === 0 || length > MAX_CHUNK_SAMPLES || blocks > firsts.length)
    throw new RangeError(`a chunk of ${length} samples`);
  reader.at = 8;
  firsts[0] = readF64(reader);
  raster.unit = readByte(reader);
  raster.period = readF64(reader);
  const period = Math.floor(raster.period * samples) * 10 ** raster.unit;
  let end = 0;
  for (let i = 0; i < blocks; i++) {
    end += readVarint(reader);
    ends[i] = end;
    if (i > 0) firsts[i] = plain ? readF64(reader) : firsts[i - 1]! + (period + readZigzag(reader));
  }
  const base = reader.at;
  if (base + end + STREAM_SLACK !== data.length) throw new RangeError('the blocks do not fill the chunk');

  let low = 0;
  while (low + 1 < blocks && firsts[low + 1]! <= from) low++;
  let high = blocks;
  while (high > low && firsts[high - 1]! >= to) high--;
  const count = Math.min(length, high * samples) - low * samples;
  out.length = 0;
  if (count <= 0) {
    out.received = null;
    return out;
  }
  growRun(out, count);
  out.received = null;
  reader.at = low === 0 ? base : base + ends[low - 1]!;
  for (let block = low, at = 0; block < high; block++) {
    const here = Math.min(samples, length - block * samples);
    decodeBlock(reader, firsts[block]!, here, out, at);
    if (reader.at !== base + ends[block]!) throw new RangeError('a block ends elsewhere than its directory says');
    at += here;
    out.length = at;
  }
  return out;
}

function decodeBlock(reader: ByteReader, first: number, count: number, out: Run, at: number): void {
  const head = readByte(reader);
  decodeQualities(head & 15, reader, out.quality, at, count);
  decodeTimes(reader, first, raster, out.time, at, count);
  decodeValues(reader, out.value, at, count);
  const received = head >> 4;
  if (received !== RECEIVED.none || out.received !== null)
    decodeReceived(received, reader, out.time, addReceived(out), at, count);
}
