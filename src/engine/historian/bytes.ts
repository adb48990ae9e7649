/**
 * Bytes of the history file and its log are little endian, and so is every machine that the product runs on: columns
 * are moved as they are. A big-endian host is refused at load instead of writing files that nobody can read.
 */
if (new Uint8Array(new Uint32Array([1]).buffer)[0] !== 1) {
  throw new Error('The historian needs a little-endian processor.');
}

/** Bytes that grow as they are written; the buffer is reused between chunks, so take `bytes()` before the next `reset`. */
export interface ByteWriter {
  reset(): void;
  u8(value: number): void;
  u16(value: number): void;
  u32(value: number): void;
  f64(value: number): void;
  raw(bytes: Uint8Array): void;
  /** A whole number from 0 to 2^53 in groups of seven bits, low group first; the top bit says that more follow. */
  varint(value: number): void;
  /** `length` varints; the loop that chunks are written with. */
  varints(values: Float64Array, length: number): void;
  readonly length: number;
  /** A view of what was written, valid until `reset`. */
  bytes(): Uint8Array<ArrayBuffer>;
}

export function createByteWriter(initial = 65_536): ByteWriter {
  let buffer = new Uint8Array(initial);
  let view = new DataView(buffer.buffer);
  let at = 0;
  const room = (more: number): void => {
    if (at + more <= buffer.length) return;
    const grown = new Uint8Array(Math.max(buffer.length * 2, at + more));
    grown.set(buffer);
    buffer = grown;
    view = new DataView(buffer.buffer);
  };
  const varint = (value: number): void => {
    room(8);
    let rest = value;
    while (rest >= 0x8000_0000) {
      buffer[at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest >= 128) {
      buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[at++] = rest;
  };
  return {
    reset() {
      at = 0;
    },
    u8(value) {
      room(1);
      buffer[at++] = value;
    },
    u16(value) {
      room(2);
      view.setUint16(at, value, true);
      at += 2;
    },
    u32(value) {
      room(4);
      view.setUint32(at, value, true);
      at += 4;
    },
    f64(value) {
      room(8);
      view.setFloat64(at, value, true);
      at += 8;
    },
    raw(bytes) {
      room(bytes.length);
      buffer.set(bytes, at);
      at += bytes.length;
    },
    varint,
    varints(values, length) {
      room(length * 8);
      const bytes = buffer;
      let p = at;
      for (let i = 0; i < length; i++) {
        let rest = values[i]!;
        while (rest >= 0x8000_0000) {
          bytes[p++] = (rest % 128) | 0x80;
          rest = Math.floor(rest / 128);
        }
        while (rest >= 128) {
          bytes[p++] = (rest & 0x7f) | 0x80;
          rest >>>= 7;
        }
        bytes[p++] = rest;
      }
      at = p;
    },
    get length() {
      return at;
    },
    bytes() {
      return buffer.subarray(0, at);
    },
  };
}

/** Reads what a `ByteWriter` wrote; throws RangeError past the end, which callers report as damage. */
export interface ByteReader {
  at: number;
  u8(): number;
  u16(): number;
  u32(): number;
  f64(): number;
  varint(): number;
  /** Fills `out[from]` to `out[to]` (excluded) with varints; the loops that chunks are read with. */
  varints(out: Float64Array, from: number, to: number): void;
  /** The same for numbers with their sign in the lowest bit: 0, 1, 2, 3 are 0, -1, 1, -2. */
  zigzags(out: Float64Array, from: number, to: number): void;
  take(length: number): Uint8Array;
  readonly left: number;
}

export function createByteReader(bytes: Uint8Array): ByteReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader: ByteReader = {
    at: 0,
    u8: () => view.getUint8(reader.at++),
    u16() {
      const value = view.getUint16(reader.at, true);
      reader.at += 2;
      return value;
    },
    u32() {
      const value = view.getUint32(reader.at, true);
      reader.at += 4;
      return value;
    },
    f64() {
      const value = view.getFloat64(reader.at, true);
      reader.at += 8;
      return value;
    },
    varint() {
      let value = 0;
      let scale = 1;
      for (;;) {
        const byte = view.getUint8(reader.at++);
        value += (byte & 0x7f) * scale;
        if (byte < 0x80) return value;
        scale *= 128;
      }
    },
    varints(out, from, to) {
      let p = reader.at;
      for (let i = from; i < to; i++) {
        let byte = bytes[p++]!;
        let value = byte & 0x7f;
        // Three groups cover what plants send; the rest is rare and may be slow.
        if (byte >= 0x80) {
          byte = bytes[p++]!;
          value |= (byte & 0x7f) << 7;
          if (byte >= 0x80) {
            byte = bytes[p++]!;
            value |= (byte & 0x7f) << 14;
            for (let scale = 2 ** 21; byte >= 0x80; scale *= 128) {
              byte = bytes[p++]!;
              value += (byte & 0x7f) * scale;
            }
          }
        }
        out[i] = value;
      }
      if (p > bytes.length) throw new RangeError('past the end');
      reader.at = p;
    },
    zigzags(out, from, to) {
      reader.varints(out, from, to);
      for (let i = from; i < to; i++) {
        const value = out[i]!;
        if (value < 0x8000_0000) out[i] = (value >>> 1) ^ -(value & 1);
        else out[i] = value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      }
    },
    take(length) {
      if (length < 0 || reader.at + length > bytes.length) throw new RangeError('past the end');
      const part = bytes.subarray(reader.at, reader.at + length);
      reader.at += length;
      return part;
    },
    get left() {
      return bytes.length - reader.at;
    },
  };
  return reader;
}
