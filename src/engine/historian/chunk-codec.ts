import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';
import { createByteReader, createByteWriter } from './bytes.ts';
import { growRun, type Run } from './run.ts';
import { decodeReceived, decodeTimes, encodeReceived, encodeTimes } from './time-codec.ts';
import { decodeValues, encodeValues } from './value-codec.ts';

/** Newest layout of a chunk that this program writes and reads. */
export const CHUNK_LAYOUT = 1;
/** Most samples in one chunk; more are refused on reading as damage, so that a flipped length cannot ask for all memory. */
export const MAX_CHUNK_SAMPLES = 65_536;

const HEADER_BYTES = 24;
const DEFLATED = 0x80;
const NONE = 0xff;
const QUALITY = { same: 0, runs: 1 } as const;

const scratch = createByteWriter();

/**
 * Sections shorter than this stay as they are: a stream's own overhead eats the gain. Level 1 costs a third of the time
 * of the default and loses two or three percent on such columns.
 */
const WORTH_DEFLATING = 64;
const DEFLATE = { level: 1, memLevel: 8 } as const;

/** Encodes a sorted run of 1 to 65,536 samples; byte diagram in FORMAT.md. The result is a buffer of its own. */
export function encodeChunk(run: Run): Uint8Array<ArrayBuffer> {
  const { length } = run;
  const codes: number[] = [];
  const sections: Uint8Array<ArrayBuffer>[] = [];
  const add = (code: number): void => {
    const plain = scratch.bytes();
    const small = plain.length < WORTH_DEFLATING ? null : deflateRawSync(plain, DEFLATE);
    const better = small !== null && small.length < plain.length * 0.95;
    codes.push(better ? code | DEFLATED : code);
    sections.push(better ? new Uint8Array(small) : plain.slice());
    scratch.reset();
  };
  scratch.reset();
  add(encodeTimes(run.time, length, scratch));
  add(encodeValues(run.value, length, scratch));
  add(encodeQualities(run.quality, length));
  const received = run.received !== null && differs(run.received, run.time, length) ? run.received : null;
  if (received !== null) add(encodeReceived(received, run.time, length, scratch));

  const total = sections.reduce((sum, section) => sum + section.length, HEADER_BYTES);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  bytes[0] = CHUNK_LAYOUT;
  bytes[1] = codes[0]!;
  bytes[2] = codes[1]!;
  bytes[3] = codes[2]!;
  bytes[4] = codes[3] ?? NONE;
  view.setUint32(8, length, true);
  let at = HEADER_BYTES;
  for (let i = 0; i < sections.length; i++) {
    if (i < 3) view.setUint32(12 + 4 * i, sections[i]!.length, true);
    bytes.set(sections[i]!, at);
    at += sections[i]!.length;
  }
  return bytes;
}

function differs(received: Float64Array, time: Float64Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (received[i] !== time[i]) return true;
  return false;
}

function encodeQualities(quality: Uint16Array, length: number): number {
  let runs = 1;
  for (let i = 1; i < length; i++) if (quality[i] !== quality[i - 1]) runs++;
  if (runs === 1) {
    scratch.u16(quality[0]!);
    return QUALITY.same;
  }
  scratch.varint(runs);
  let start = 0;
  for (let i = 1; i <= length; i++) {
    if (i < length && quality[i] === quality[start]) continue;
    scratch.varint(i - start);
    start = i;
  }
  for (let i = 0; i < length; i++) if (i === 0 || quality[i] !== quality[i - 1]) scratch.u16(quality[i]!);
  return QUALITY.runs;
}

/** What stands beside a chunk's bytes in its row, and is covered by their checksum. */
export interface ChunkRow {
  readonly recipe: number;
  readonly level: number;
  readonly first: number;
  readonly last: number;
  readonly count: number;
}
const row = new Float64Array(6);
const rowBytes = new Uint8Array(row.buffer);

/** Checksum of a chunk's row and its bytes. */
export function chunkSum(tag: number, chunk: ChunkRow, data: Uint8Array): number {
  row[0] = tag;
  row[1] = chunk.recipe;
  row[2] = chunk.level;
  row[3] = chunk.first;
  row[4] = chunk.last;
  row[5] = chunk.count;
  return crc32(data, crc32(rowBytes));
}

/** Decodes into `out`, growing its columns; throws RangeError or a zlib error for bytes that are no chunk. */
export function decodeChunk(data: Uint8Array, out: Run): Run {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length < HEADER_BYTES || data[0] !== CHUNK_LAYOUT) throw new RangeError('not a chunk of a known layout');
  const length = view.getUint32(8, true);
  if (length === 0 || length > MAX_CHUNK_SAMPLES) throw new RangeError(`a chunk of ${length} samples`);
  growRun(out, length);
  out.length = length;
  let at = HEADER_BYTES;
  const section = (index: number) => {
    const size = index < 3 ? view.getUint32(12 + 4 * index, true) : data.length - at;
    if (at + size > data.length) throw new RangeError('a section ends past the chunk');
    const stored = data.subarray(at, at + size);
    at += size;
    const code = data[1 + index]!;
    // Eight bytes a sample and a little more is the most that any code needs.
    const bytes = code & DEFLATED ? inflateRawSync(stored, { maxOutputLength: length * 10 + 64 }) : stored;
    return { code: code & ~DEFLATED, reader: createByteReader(bytes) };
  };
  const times = section(0);
  decodeTimes(times.code, times.reader, length, out.time);
  const values = section(1);
  decodeValues(values.code, values.reader, length, out.value);
  const qualities = section(2);
  decodeQualities(qualities.code, qualities.reader, length, out.quality);
  if (data[4] === NONE) out.received = null;
  else {
    const received = section(3);
    out.received = new Float64Array(out.time.length);
    decodeReceived(received.code, received.reader, length, out.time, out.received);
  }
  return out;
}

function decodeQualities(
  code: number,
  reader: ReturnType<typeof createByteReader>,
  length: number,
  quality: Uint16Array,
): void {
  if (code === QUALITY.same) {
    quality.fill(reader.u16(), 0, length);
    return;
  }
  if (code !== QUALITY.runs) throw new RangeError(`quality code ${code} is unknown`);
  const runs = reader.varint();
  const lengths: number[] = [];
  for (let i = 0; i < runs; i++) lengths.push(reader.varint());
  let at = 0;
  for (const count of lengths) {
    quality.fill(reader.u16(), at, at + count);
    at += count;
  }
  if (at !== length) throw new RangeError('quality runs do not fill the chunk');
}
