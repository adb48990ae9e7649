import type { ByteReader, ByteWriter } from './bytes.ts';
import { varintBytes, zigzagBytes, zigzagOf } from './time-codec.ts';

/** Codes of the value section; FORMAT.md has the bytes of each. */
export const VALUE = { plain: 0, same: 1, whole: 2, runs: 3, planes: 4, words: 5 } as const;

/** Whole numbers up to this size survive differences and the zigzag doubling exactly. */
const EXACT = 2 ** 51;
const MAX_DIGITS = 6;
const POWERS = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

let whole = new Float64Array(8_192);
let packed = new Uint8Array(65_536);
const histogram = new Uint32Array(256);

/**
 * Writes `length` slots and returns the code; lossless to the bit for any slot, with NaN payloads and minus zero. The
 * choice follows what plants send: set points that stand still, counters, readings with a few decimals, floats.
 */
export function encodeValues(value: Float64Array<ArrayBuffer>, length: number, out: ByteWriter): number {
  const words = new Uint32Array(value.buffer, value.byteOffset, length * 2);
  const runs = countRuns(words, length);
  const slot = (index: number): void => {
    out.u32(words[2 * index]!);
    out.u32(words[2 * index + 1]!);
  };
  if (runs === 1) {
    slot(0);
    return VALUE.same;
  }
  if (runs * 10 < length) {
    out.varint(runs);
    let start = 0;
    for (let i = 1; i <= length; i++) {
      if (i < length && sameSlot(words, i, start)) continue;
      out.varint(i - start);
      start = i;
    }
    for (let i = 0; i < length; i++) if (i === 0 || !sameSlot(words, i, i - 1)) slot(i);
    return VALUE.runs;
  }
  const digits = decimalDigits(value, words, length);
  if (digits >= 0 && encodeWhole(length, digits, out)) return VALUE.whole;
  if (encodeWords(value, words, length, out)) return VALUE.words;
  encodePlanes(words, length, out);
  return VALUE.planes;
}

function sameSlot(words: Uint32Array, a: number, b: number): boolean {
  return words[2 * a] === words[2 * b] && words[2 * a + 1] === words[2 * b + 1];
}

function countRuns(words: Uint32Array, length: number): number {
  let runs = 1;
  for (let i = 1; i < length; i++) if (!sameSlot(words, i, i - 1)) runs++;
  return runs;
}

/**
 * Fewest decimals with which every value is a whole number divided by a power of ten, to the bit; -1 if none is. Leaves
 * the whole numbers in `whole`.
 */
function decimalDigits(value: Float64Array, words: Uint32Array, length: number): number {
  if (whole.length < length) whole = new Float64Array(length * 2);
  let digits = 0;
  let power = 1;
  for (let i = 0; i < length; i++) {
    const number = value[i]!;
    // Minus zero has only its sign bit set and would come back as zero.
    if (!(Math.abs(number) < EXACT) || (number === 0 && words[2 * i + 1] !== 0)) return -1;
    let scaled = Math.round(number * power);
    while (scaled / power !== number) {
      if (++digits > MAX_DIGITS) return -1;
      power = POWERS[digits]!;
      scaled = Math.round(number * power);
      // What stands before must be scaled again; few steps, once per chunk.
      for (let k = 0; k < i; k++) {
        whole[k] = Math.round(value[k]! * power);
        if (whole[k]! / power !== value[k]!) return -1;
      }
    }
    if (!(Math.abs(scaled) < EXACT)) return -1;
    whole[i] = scaled;
  }
  return digits;
}

/** Writes `whole` from its smallest or as differences, whichever is shorter. */
function encodeWhole(length: number, digits: number, out: ByteWriter): boolean {
  let least = whole[0]!;
  for (let i = 1; i < length; i++) if (whole[i]! < least) least = whole[i]!;
  let fromLeast = 0;
  let differences = 0;
  let before = whole[0]!;
  for (let i = 0; i < length; i++) {
    const number = whole[i]!;
    fromLeast += varintBytes(number - least);
    differences += zigzagBytes(number - before);
    before = number;
  }
  // Beyond this the bit pattern itself is shorter (floats whose bits are stored as whole numbers).
  if (Math.min(fromLeast, differences) > length * 3.5) return false;
  out.u8(digits);
  if (fromLeast <= differences) {
    out.u8(0);
    out.f64(least);
    for (let i = 0; i < length; i++) whole[i] = whole[i]! - least;
    out.varints(whole, length);
  } else {
    out.u8(1);
    out.f64(whole[0]!);
    before = whole[0]!;
    for (let i = 1; i < length; i++) {
      const number = whole[i]!;
      whole[i - 1] = zigzagOf(number - before);
      before = number;
    }
    out.varints(whole, length - 1);
  }
  return true;
}

/** Slots that are 32-bit whole numbers (kind 1) or exact single floats (kind 0), as four byte planes. */
function encodeWords(value: Float64Array, words: Uint32Array, length: number, out: ByteWriter): boolean {
  let floats = true;
  let integers = true;
  for (let i = 0; i < length && (floats || integers); i++) {
    const number = value[i]!;
    if (Math.fround(number) !== number) floats = false;
    if (number >>> 0 !== number || (number === 0 && words[2 * i + 1] !== 0)) integers = false;
  }
  if (!floats && !integers) return false;
  const narrow = new Uint32Array(length);
  if (integers) for (let i = 0; i < length; i++) narrow[i] = value[i]!;
  else {
    const single = new Float32Array(narrow.buffer);
    for (let i = 0; i < length; i++) single[i] = value[i]!;
  }
  out.u8(integers ? 1 : 0);
  const exclusive = planeCost(narrow, length, 4, true) < planeCost(narrow, length, 4, false);
  writePlanes(narrow, length, 4, exclusive, out);
  return true;
}

function encodePlanes(words: Uint32Array, length: number, out: ByteWriter): void {
  const exclusive = planeCost(words, length, 8, true) < planeCost(words, length, 8, false);
  writePlanes(words, length, 8, exclusive, out);
}

/** Fills `packed` with the byte planes, lowest byte first; with `exclusive` each slot is XORed with the one before. */
function fillPlanes(words: Uint32Array, length: number, width: 4 | 8, exclusive: boolean): Uint8Array {
  if (packed.length < length * width) packed = new Uint8Array(length * width * 2);
  const perSlot = width / 4;
  for (let part = 0; part < perSlot; part++) {
    let before = 0;
    const at = part * 4 * length;
    for (let i = 0; i < length; i++) {
      const word = words[i * perSlot + part]!;
      const mixed = exclusive ? word ^ before : word;
      before = word;
      packed[at + i] = mixed;
      packed[at + length + i] = mixed >>> 8;
      packed[at + 2 * length + i] = mixed >>> 16;
      packed[at + 3 * length + i] = mixed >>> 24;
    }
  }
  return packed.subarray(0, length * width);
}

/** Bits that an ideal coder of single bytes needs for the planes. */
function planeCost(words: Uint32Array, length: number, width: 4 | 8, exclusive: boolean): number {
  const planes = fillPlanes(words, length, width, exclusive);
  let bits = 0;
  for (let plane = 0; plane < width; plane++) {
    histogram.fill(0);
    for (let i = plane * length; i < (plane + 1) * length; i++) histogram[planes[i]!]!++;
    for (let symbol = 0; symbol < 256; symbol++) {
      const count = histogram[symbol]!;
      if (count > 0) bits -= count * Math.log2(count / length);
    }
  }
  return bits;
}

function writePlanes(words: Uint32Array, length: number, width: 4 | 8, exclusive: boolean, out: ByteWriter): void {
  out.u8(exclusive ? 1 : 0);
  out.raw(fillPlanes(words, length, width, exclusive));
}

export function decodeValues(code: number, reader: ByteReader, length: number, value: Float64Array<ArrayBuffer>): void {
  const words = new Uint32Array(value.buffer, value.byteOffset, length * 2);
  switch (code) {
    case VALUE.plain:
      for (let i = 0; i < length * 2; i++) words[i] = reader.u32();
      return;
    case VALUE.same: {
      fillSlots(words, 0, length, reader.u32(), reader.u32());
      return;
    }
    case VALUE.whole: {
      const power = 10 ** reader.u8();
      const differences = reader.u8() === 1;
      let base = reader.f64();
      if (!differences) {
        reader.varints(value, 0, length);
        for (let i = 0; i < length; i++) value[i] = (base + value[i]!) / power;
        return;
      }
      reader.zigzags(value, 1, length);
      value[0] = base / power;
      for (let i = 1; i < length; i++) {
        base += value[i]!;
        value[i] = base / power;
      }
      return;
    }
    case VALUE.runs: {
      const runs = reader.varint();
      const lengths: number[] = [];
      for (let i = 0; i < runs; i++) lengths.push(reader.varint());
      let at = 0;
      for (const run of lengths) {
        if (at + run > length) throw new RangeError('runs are longer than the chunk');
        fillSlots(words, at, at + run, reader.u32(), reader.u32());
        at += run;
      }
      return;
    }
    case VALUE.planes:
      readPlanes(reader, words, length, 8);
      return;
    case VALUE.words: {
      const integers = reader.u8() === 1;
      const narrow = new Uint32Array(length);
      readPlanes(reader, narrow, length, 4);
      const source = integers ? narrow : new Float32Array(narrow.buffer);
      for (let i = 0; i < length; i++) value[i] = source[i]!;
      return;
    }
    default:
      throw new RangeError(`value code ${code} is unknown`);
  }
}

function fillSlots(words: Uint32Array, from: number, to: number, low: number, high: number): void {
  for (let i = from; i < to; i++) {
    words[2 * i] = low;
    words[2 * i + 1] = high;
  }
}

function readPlanes(reader: ByteReader, words: Uint32Array, length: number, width: 4 | 8): void {
  const exclusive = reader.u8() === 1;
  const planes = reader.take(length * width);
  const perSlot = width / 4;
  for (let part = 0; part < perSlot; part++) {
    let before = 0;
    const at = part * 4 * length;
    for (let i = 0; i < length; i++) {
      const mixed =
        planes[at + i]! |
        (planes[at + length + i]! << 8) |
        (planes[at + 2 * length + i]! << 16) |
        (planes[at + 3 * length + i]! << 24);
      before = exclusive ? mixed ^ before : mixed;
      words[i * perSlot + part] = before;
    }
  }
}
