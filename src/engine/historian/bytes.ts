/**
 * Bytes that grow as they are written. Loops over columns take `view` and `at` into local variables; `room` must have
 * been asked for before.
 */
export interface ByteWriter {
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView<ArrayBuffer>;
  at: number;
}

/** Bytes that are read from `at` on. Reading past the end throws RangeError, which callers report as damage. */
export interface ByteReader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at: number;
}

export function createByteWriter(capacity = 65_536): ByteWriter {
  const bytes = new Uint8Array(capacity);
  return { bytes, view: new DataView(bytes.buffer), at: 0 };
}

export function createByteReader(bytes: Uint8Array): ByteReader {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: 0 };
}

/** Makes room for `more` bytes behind `at`. */
export function room(out: ByteWriter, more: number): void {
  if (out.at + more <= out.bytes.length) return;
  const grown = new Uint8Array(Math.max(out.bytes.length * 2, out.at + more));
  grown.set(out.bytes.subarray(0, out.at));
  out.bytes = grown;
  out.view = new DataView(grown.buffer);
}

export function writeByte(out: ByteWriter, value: number): void {
  room(out, 1);
  out.bytes[out.at++] = value;
}

export function writeF64(out: ByteWriter, value: number): void {
  room(out, 8);
  out.view.setFloat64(out.at, value, true);
  out.at += 8;
}

export function writeU32(out: ByteWriter, value: number): void {
  room(out, 4);
  out.view.setUint32(out.at, value, true);
  out.at += 4;
}

export function writeU16(out: ByteWriter, value: number): void {
  room(out, 2);
  out.view.setUint16(out.at, value, true);
  out.at += 2;
}

/** Whole numbers from 0 to 2^53: seven bits a byte, low group first, the top bit says that more follow. */
export function writeVarint(out: ByteWriter, value: number): void {
  room(out, 8);
  let rest = value;
  while (rest >= 0x8000_0000) {
    out.bytes[out.at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  while (rest >= 128) {
    out.bytes[out.at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out.bytes[out.at++] = rest;
}

/** Whole numbers with a sign below 2^52: 0, 1, 2, 3 stand for 0, -1, 1, -2. */
export function writeZigzag(out: ByteWriter, value: number): void {
  writeVarint(out, value >= 0 ? value * 2 : -value * 2 - 1);
}

export const varintBytes = (value: number): number =>
  value < 2 ** 7 ? 1 : value < 2 ** 14 ? 2 : value < 2 ** 21 ? 3 : value < 2 ** 28 ? 4 : value < 2 ** 35 ? 5 : 8;

export const readByte = (from: ByteReader): number => from.view.getUint8(from.at++);

export function readF64(from: ByteReader): number {
  const value = from.view.getFloat64(from.at, true);
  from.at += 8;
  return value;
}

export function readU32(from: ByteReader): number {
  const value = from.view.getUint32(from.at, true);
  from.at += 4;
  return value;
}

export function readU16(from: ByteReader): number {
  const value = from.view.getUint16(from.at, true);
  from.at += 2;
  return value;
}

export function readVarint(from: ByteReader): number {
  let value = 0;
  for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
    const byte = from.view.getUint8(from.at++);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
  }
  throw new RangeError('a number of more than eight bytes');
}

export function readZigzag(from: ByteReader): number {
  const value = readVarint(from);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
