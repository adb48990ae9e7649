import { crc32 } from 'node:zlib';
import type { SampleBlock } from '#shared/model/index.ts';

/**
 * The append log beside the history: segments of records, each with its length and checksum. FORMAT.md has the bytes.
 * A record is whole or it does not count; whatever follows the last whole record of a segment is cut on recovery.
 */
export const SEGMENT_HEADER_BYTES = 64;
export const RECORD_HEADER_BYTES = 16;
const MAGIC = 0x31474c50; // "PLG1"
export const LOG_FORMAT = 1;

export const RECORD = { samples: 1, forms: 3, strings: 4, chunk: 5, carriedChunk: 6 } as const;

const FLAG = {
  oneTime: 1,
  oneQuality: 2,
  received: 4,
  tagsInARow: 8,
  oneTag: 16,
  tagsAgain: 32,
  nearTimes: 64,
} as const;
const KNOWN_FLAGS = Object.values(FLAG).reduce((all, flag) => all | flag, 0);
const KNOWN_KINDS: ReadonlySet<number> = new Set(Object.values(RECORD));
const SAMPLES_HEADER_BYTES = 24;

/** What a later version of the program wrote, whole and of this history: to leave it out would lose acknowledged samples. */
export class LaterRecord extends Error {
  override readonly name = 'LaterRecord';
}

const padded = (bytes: number): number => (bytes + 7) & ~7;

/** First bytes of a segment: whose log it is and which of its segments. `owner` is the history's file id, 16 bytes. */
export function segmentHeader(segment: number, owner: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, LOG_FORMAT, true);
  view.setUint32(8, segment, true);
  bytes.set(owner.subarray(0, 16), 16);
  view.setUint32(60, crc32(bytes.subarray(0, 60)), true);
  return bytes;
}

/** The segment's number, or null where the header is not whole or belongs to another history; throws LaterRecord. */
export function readSegmentHeader(bytes: Uint8Array, owner: Uint8Array): number | null {
  if (bytes.length < SEGMENT_HEADER_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, SEGMENT_HEADER_BYTES);
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(60, true) !== crc32(bytes.subarray(0, 60))) return null;
  for (let i = 0; i < 16; i++) if (bytes[16 + i] !== owner[i]) return null;
  const format = view.getUint32(4, true);
  if (format !== LOG_FORMAT) throw new LaterRecord(`log format ${format}`);
  return view.getUint32(8, true);
}

/**
 * Samples after which the tags come again in the same order, as in a block of several polls; 0 where they do not, and
 * where their list would be no shorter: a version that does not know such lists then misses bytes and reads no other tags.
 */
function strideOf({ tag, length }: SampleBlock): number {
  let stride = 1;
  while (stride < length && tag[stride] !== tag[0]) stride++;
  for (let i = stride; i < length; i++) if (tag[i] !== tag[i - stride]) return 0;
  if (stride === length) return 0;
  return stride === 1 || padded(stride * 4) < padded(length * 4) ? stride : 0;
}

/** The earliest of whole times that four bytes can tell the distances from; NaN where they cannot. */
function nearestBase({ time, length }: SampleBlock): number {
  let least = time[0]!;
  let most = least;
  for (let i = 1; i < length; i++) {
    if (time[i]! < least) least = time[i]!;
    else if (time[i]! > most) most = time[i]!;
  }
  return most - least < 2 ** 32 ? least : Number.NaN;
}

/** Collects records for one write. Two are used in turn: one is being written while the other fills. */
export interface RecordBuffer {
  readonly length: number;
  bytes(): Uint8Array;
  reset(): void;
  /**
   * `tagNumber(block.tag[i])` is the tag's number on file; samples without one (0) must have been taken out, and times
   * must be whole.
   */
  addSamples(block: SampleBlock, tagNumber: (index: number) => number): void;
  /** Which recipe version each tag's samples are stored under from here on. */
  addForms(pairs: Uint32Array): void;
  addString(number: number, text: string): void;
  /** A chunk's bytes; its samples are stored under the tag's present form. */
  addChunk(kind: 5 | 6, tagNumber: number, data: Uint8Array): void;
  /** Writes lengths and checksums for `segment`; called once, just before the bytes are written. */
  seal(segment: number): void;
}

export function createRecordBuffer(initial = 1 << 20): RecordBuffer {
  let buffer = new ArrayBuffer(initial);
  let bytes = new Uint8Array(buffer);
  let view = new DataView(buffer);
  let at = 0;
  const room = (more: number): void => {
    if (at + more <= bytes.length) return;
    buffer = new ArrayBuffer(padded(Math.max(bytes.length * 2, at + more)));
    const grown = new Uint8Array(buffer);
    grown.set(bytes.subarray(0, at));
    bytes = grown;
    view = new DataView(buffer);
  };
  /** Starts a record of `payload` bytes and returns where its payload begins, a multiple of eight. */
  const start = (kind: number, payload: number): number => {
    const size = padded(payload);
    room(RECORD_HEADER_BYTES + size);
    view.setUint32(at, size, true);
    view.setUint32(at + 4, 0, true);
    view.setUint32(at + 8, 0, true);
    view.setUint32(at + 12, kind, true);
    const payloadAt = at + RECORD_HEADER_BYTES;
    at = payloadAt + size;
    // Pad bytes are zero whatever the buffer held before.
    if (size > 0) view.setUint32(at - 4, 0, true);
    if (size > 0) view.setUint32(at - 8, 0, true);
    return payloadAt;
  };
  return {
    get length() {
      return at;
    },
    bytes: () => bytes.subarray(0, at),
    reset() {
      at = 0;
    },
    addSamples(block, tagNumber) {
      const { length, tag, time, value, quality, received } = block;
      if (length === 0) return;
      const firstNumber = tagNumber(tag[0]!);
      const same = (column: Float64Array | Uint16Array | Uint32Array): boolean => {
        for (let i = 1; i < length; i++) if (column[i] !== column[0]) return false;
        return true;
      };
      const inARow = (): boolean => {
        for (let i = 1; i < length; i++) if (tagNumber(tag[i]!) !== firstNumber + i) return false;
        return true;
      };
      const stride = strideOf(block);
      const tags = stride === 1 ? FLAG.oneTag : stride > 1 ? FLAG.tagsAgain : inARow() ? FLAG.tagsInARow : 0;
      const oneTime = same(time);
      const base = oneTime ? time[0]! : nearestBase(block);
      const times = oneTime ? FLAG.oneTime : Number.isNaN(base) ? 0 : FLAG.nearTimes;
      const flags = tags | times | (same(quality) ? FLAG.oneQuality : 0) | (received === null ? 0 : FLAG.received);
      const listed = tags === 0 ? length : tags === FLAG.tagsAgain ? stride : 0;
      const tagBytes = padded(listed * 4);
      const timeBytes = times === FLAG.oneTime ? 0 : times === FLAG.nearTimes ? padded(length * 4) : length * 8;
      const qualityBytes = flags & FLAG.oneQuality ? 0 : padded(length * 2);
      const receivedBytes = received === null ? 0 : length * 8;
      let p = start(
        RECORD.samples,
        SAMPLES_HEADER_BYTES + tagBytes + timeBytes + length * 8 + qualityBytes + receivedBytes,
      );
      view.setUint32(p, length, true);
      view.setUint16(p + 4, flags, true);
      view.setUint16(p + 6, quality[0]!, true);
      view.setUint32(p + 8, firstNumber, true);
      view.setUint32(p + 12, tags === FLAG.tagsAgain ? stride : 0, true);
      view.setFloat64(p + 16, Number.isNaN(base) ? time[0]! : base, true);
      p += SAMPLES_HEADER_BYTES;
      const numbers = new Uint32Array(buffer, p, listed);
      for (let i = 0; i < listed; i++) numbers[i] = tagNumber(tag[i]!);
      p += tagBytes;
      if (times === FLAG.nearTimes) {
        const distances = new Uint32Array(buffer, p, length);
        for (let i = 0; i < length; i++) distances[i] = time[i]! - base;
      } else if (times === 0) new Float64Array(buffer, p, length).set(time.subarray(0, length));
      p += timeBytes;
      // As bytes: slots of 64-bit tags are not numbers.
      bytes.set(new Uint8Array(value.buffer, value.byteOffset, length * 8), p);
      p += length * 8;
      if (qualityBytes > 0) {
        new Uint16Array(buffer, p, length).set(quality.subarray(0, length));
        p += qualityBytes;
      }
      if (received !== null) new Float64Array(buffer, p, length).set(received.subarray(0, length));
    },
    addForms(pairs) {
      const p = start(RECORD.forms, 8 + pairs.byteLength);
      view.setUint32(p, pairs.length / 2, true);
      view.setUint32(p + 4, 0, true);
      new Uint32Array(buffer, p + 8, pairs.length).set(pairs);
    },
    addString(number, text) {
      const encoded = new TextEncoder().encode(text);
      const p = start(RECORD.strings, 8 + encoded.length);
      view.setUint32(p, number, true);
      view.setUint32(p + 4, encoded.length, true);
      bytes.set(encoded, p + 8);
    },
    addChunk(kind, tagNumber, data) {
      const p = start(kind, 8 + data.length);
      view.setUint32(p, tagNumber, true);
      view.setUint32(p + 4, data.length, true);
      bytes.set(data, p + 8);
    },
    seal(segment) {
      let p = 0;
      while (p < at) {
        const size = view.getUint32(p, true);
        view.setUint32(p + 8, segment, true);
        const payloadEnd = p + RECORD_HEADER_BYTES + size;
        const sum = crc32(bytes.subarray(p + 8, payloadEnd), size);
        view.setUint32(p + 4, sum, true);
        p = payloadEnd;
      }
    },
  };
}

/** Samples of one record as columns; `number` is the tag's number on file. */
export interface LoggedSamples {
  readonly length: number;
  readonly number: Uint32Array<ArrayBuffer>;
  readonly time: Float64Array<ArrayBuffer>;
  readonly value: Float64Array<ArrayBuffer>;
  readonly quality: Uint16Array<ArrayBuffer>;
  readonly received: Float64Array<ArrayBuffer> | null;
}

export interface LogVisitor {
  samples(samples: LoggedSamples): void;
  forms(pairs: Uint32Array): void;
  string(number: number, text: string): void;
  chunk(kind: number, tagNumber: number, data: Uint8Array<ArrayBuffer>): void;
}

/** How a segment ended: with nothing behind the last whole record, or with bytes that are no whole record. */
export interface SegmentEnd {
  readonly records: number;
  readonly validBytes: number;
  /** Bytes from the first broken record to the last byte that is not zero; 0 for a clean end. */
  readonly tornBytes: number;
}

/** Reads the records of a segment, header included in `file`, until the first that is not whole; throws LaterRecord. */
export function readRecords(file: Uint8Array<ArrayBuffer>, segment: number, visitor: LogVisitor): SegmentEnd {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let p = SEGMENT_HEADER_BYTES;
  let records = 0;
  while (p + RECORD_HEADER_BYTES <= file.length) {
    const size = view.getUint32(p, true);
    const end = p + RECORD_HEADER_BYTES + size;
    if (size === 0 || size % 8 !== 0 || end > file.length || view.getUint32(p + 8, true) !== segment) break;
    if (view.getUint32(p + 4, true) !== crc32(file.subarray(p + 8, end), size)) break;
    visit(file, p, size, visitor);
    records++;
    p = end;
  }
  let last = file.length;
  while (last > p && file[last - 1] === 0) last--;
  // A record that an earlier life of a reused segment wrote has that life's number and is no loss.
  const ours = p + RECORD_HEADER_BYTES <= file.length && view.getUint32(p + 8, true) === segment;
  const header = p + RECORD_HEADER_BYTES > file.length || view.getUint32(p + 8, true) === 0;
  return { records, validBytes: p, tornBytes: ours || header ? last - p : 0 };
}

function visit(file: Uint8Array<ArrayBuffer>, record: number, size: number, visitor: LogVisitor): void {
  const kind = new DataView(file.buffer, file.byteOffset + record).getUint32(12, true);
  if (!KNOWN_KINDS.has(kind)) throw new LaterRecord(`a record of kind ${kind}`);
  // A copy, because columns need offsets that are multiples of eight in their buffer.
  const buffer = file.slice(record + RECORD_HEADER_BYTES, record + RECORD_HEADER_BYTES + size).buffer;
  const view = new DataView(buffer);
  const length = view.getUint32(0, true);
  if (kind === RECORD.forms) visitor.forms(new Uint32Array(buffer, 8, length * 2));
  if (kind === RECORD.strings) {
    visitor.string(length, new TextDecoder().decode(new Uint8Array(buffer, 8, view.getUint32(4, true))));
  }
  if (kind === RECORD.chunk || kind === RECORD.carriedChunk) {
    visitor.chunk(kind, length, new Uint8Array(buffer, 8, view.getUint32(4, true)));
  }
  if (kind !== RECORD.samples) return;
  const flags = view.getUint16(4, true);
  if ((flags & ~KNOWN_FLAGS) !== 0) throw new LaterRecord(`samples with flags ${flags}`);
  let p = SAMPLES_HEADER_BYTES;
  let number: Uint32Array<ArrayBuffer>;
  if (flags & FLAG.tagsInARow) {
    const first = view.getUint32(8, true);
    number = new Uint32Array(length);
    for (let i = 0; i < length; i++) number[i] = first + i;
  } else if (flags & FLAG.oneTag) {
    number = new Uint32Array(length).fill(view.getUint32(8, true));
  } else if (flags & FLAG.tagsAgain) {
    const stride = view.getUint32(12, true);
    const listed = new Uint32Array(buffer, p, stride);
    number = new Uint32Array(length);
    for (let i = 0; i < length; i++) number[i] = listed[i % stride]!;
    p += padded(stride * 4);
  } else {
    number = new Uint32Array(buffer, p, length);
    p += padded(length * 4);
  }
  let time: Float64Array<ArrayBuffer>;
  const base = view.getFloat64(16, true);
  if (flags & FLAG.oneTime) time = new Float64Array(length).fill(base);
  else if (flags & FLAG.nearTimes) {
    const distances = new Uint32Array(buffer, p, length);
    time = new Float64Array(length);
    for (let i = 0; i < length; i++) time[i] = base + distances[i]!;
    p += padded(length * 4);
  } else {
    time = new Float64Array(buffer, p, length);
    p += length * 8;
  }
  const value = new Float64Array(buffer, p, length);
  p += length * 8;
  let quality: Uint16Array<ArrayBuffer>;
  if (flags & FLAG.oneQuality) quality = new Uint16Array(length).fill(view.getUint16(6, true));
  else {
    quality = new Uint16Array(buffer, p, length);
    p += padded(length * 2);
  }
  const received = flags & FLAG.received ? new Float64Array(buffer, p, length) : null;
  visitor.samples({ length, number, time, value, quality, received });
}
