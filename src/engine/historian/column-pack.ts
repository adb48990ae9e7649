import {
  type ByteReader,
  type ByteWriter,
  readByte,
  readVarint,
  room,
  varintBytes,
  writeByte,
  writeVarint,
} from './bytes.ts';

/**
 * Columns of up to 1,024 whole numbers of 32 bits, packed in whichever of the codes below is smallest. Bit streams fill
 * bytes from the lowest bit on and end at a whole byte. FORMAT.md has the bytes.
 */
export const BLOCK_SAMPLES = 1_024;

/** Codes: 0 all zero, 1 to 32 bits each, then Rice by its low bits, then digits by their low bits. */
const RICE = 33;
const RADIX = 65;
const EXCEPTIONS = 0x80;
/** A quotient of this many zero bits says that the number follows in 32 bits. */
const ESCAPE = 16;
/** Largest base of digits; a larger number splits into a digit and low bits. */
const MAX_BASE = 512;
/** Bytes behind a bit stream that its reader may touch. */
export const STREAM_SLACK = 4;

/** How a column will be packed. Numbers above `most` are exceptions, listed behind the others. */
export interface ColumnPlan {
  code: number;
  base: number;
  most: number;
  exceptions: number;
  /** Bytes that the column will take. */
  bytes: number;
}
export const createPlan = (): ColumnPlan => ({ code: 0, base: 0, most: 0, exceptions: 0, bytes: 0 });

export const bitLength = (value: number): number => 32 - Math.clz32(value);

/** For each base how many digits share a word, and the word's bits; the ratio nearest to the base's logarithm. */
const digitsPerWord = new Uint8Array(MAX_BASE + 1);
const bitsPerWord = new Uint8Array(MAX_BASE + 1);
for (let base = 2; base <= MAX_BASE; base++) {
  let best = Number.POSITIVE_INFINITY;
  for (let digits = 1, size = base; size <= 2 ** 32; digits++, size *= base) {
    const bits = bitLength(size - 1);
    if (bits / digits >= best) continue;
    best = bits / digits;
    digitsPerWord[base] = digits;
    bitsPerWord[base] = bits;
  }
}

const lengths = new Uint32Array(33);
const odds = new Uint32Array(33);
/** Where the greatest number is at most so many times the mean, nothing but equal widths can be best. */
const EVEN = 2.5;
const streamBytes = (bits: number): number => (bits + 7) >>> 3;

/** Finds the smallest packing of `column[0]` to `column[count - 1]` and its exact size. */
export function planColumn(column: Uint32Array, count: number, plan: ColumnPlan): ColumnPlan {
  let most = 0;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const value = column[i]!;
    sum += value;
    if (value > most) most = value;
  }
  plan.exceptions = 0;
  plan.most = most;
  plan.base = 0;
  if (most === 0) {
    plan.code = 0;
    plan.bytes = 1;
    return plan;
  }
  const longest = 32 - Math.clz32(most);
  plan.code = longest;
  plan.bytes = 1 + streamBytes(longest * count);
  // Numbers that are spread evenly have neither outliers nor many small ones.
  const even = most * count <= sum * EVEN;
  const extra = even ? 0 : planExceptions(column, count, longest, plan);
  planDigits(count, extra, plan);
  if (!even) planRice(column, count, plan);
  if (plan.exceptions > 0) plan.code |= EXCEPTIONS;
  return plan;
}

/** Cuts off outliers where that pays, and returns the bytes of their list. */
function planExceptions(column: Uint32Array, count: number, longest: number, plan: ColumnPlan): number {
  lengths.fill(0);
  odds.fill(0);
  // Two tables, so that equal neighbours need not wait for each other.
  let at = 0;
  for (; at + 1 < count; at += 2) {
    lengths[32 - Math.clz32(column[at]!)]!++;
    odds[32 - Math.clz32(column[at + 1]!)]!++;
  }
  if (at < count) lengths[32 - Math.clz32(column[at]!)]!++;
  for (let i = 0; i < 33; i++) lengths[i]! += odds[i]!;
  // Where to cut off outliers, from the counts of lengths alone: an exception costs about two bytes and its own.
  let width = longest;
  let least = count * longest;
  for (let bits = longest - 1, above = 0, outside = 0; bits >= 0; bits--) {
    above += lengths[bits + 1]!;
    outside += lengths[bits + 1]! * (16 + 8 * Math.ceil((bits + 1) / 7));
    if (above * 4 > count) break;
    const cost = count * bits + outside;
    if (cost < least) {
      least = cost;
      width = bits;
    }
  }
  if (width === longest) return 0;
  let extra = 0;
  let kept = 0;
  let before = -1;
  const limit = 2 ** width;
  for (let i = 0; i < count; i++) {
    const value = column[i]!;
    if (value < limit) {
      if (value > kept) kept = value;
    } else {
      extra += varintBytes(i - before - 1) + varintBytes(value);
      before = i;
      plan.exceptions++;
    }
  }
  extra += varintBytes(plan.exceptions);
  plan.most = kept;
  plan.code = 32 - Math.clz32(kept);
  plan.bytes = 1 + streamBytes(plan.code * count) + extra;
  return extra;
}

/** Takes digits of a base where they are smaller than bits. */
function planDigits(count: number, extra: number, plan: ColumnPlan): void {
  const width = 32 - Math.clz32(plan.most);
  for (let low = Math.max(0, width - 9); low < width - 1; low++) {
    const base = (plan.most >>> low) + 1;
    if ((base & (base - 1)) === 0) continue;
    const words = Math.ceil(count / digitsPerWord[base]!);
    const bytes = 1 + varintBytes(base) + streamBytes(words * bitsPerWord[base]!) + streamBytes(low * count) + extra;
    if (bytes >= plan.bytes) continue;
    plan.bytes = bytes;
    plan.code = RADIX + low;
    plan.base = base;
  }
}

/** Takes Rice codes where they are smaller than what the plan holds. */
function planRice(column: Uint32Array, count: number, plan: ColumnPlan): void {
  let middle = 0;
  for (let seen = lengths[0]!; seen * 2 < count; seen += lengths[middle]!) middle++;
  const a = Math.max(0, middle - 2);
  // A code has at least one bit more than its low bits.
  if (1 + streamBytes((a + 1) * count) >= plan.bytes) return;
  const b = a + 1;
  const c = a + 2;
  let bitsA = 0;
  let bitsB = 0;
  let bitsC = 0;
  for (let i = 0; i < count; i++) {
    const value = column[i]!;
    const qa = value >>> a;
    const qb = value >>> b;
    const qc = value >>> c;
    bitsA += qa < ESCAPE ? qa + 1 + a : ESCAPE + 32;
    bitsB += qb < ESCAPE ? qb + 1 + b : ESCAPE + 32;
    bitsC += qc < ESCAPE ? qc + 1 + c : ESCAPE + 32;
  }
  const bits = Math.min(bitsA, bitsB, bitsC);
  const bytes = 1 + streamBytes(bits);
  if (bytes >= plan.bytes) return;
  plan.bytes = bytes;
  plan.code = RICE + (bits === bitsA ? a : bits === bitsB ? b : c);
  plan.exceptions = 0;
}

const kept = new Uint32Array(BLOCK_SAMPLES);

/** Writes the column as planned. */
export function writeColumn(column: Uint32Array, count: number, plan: ColumnPlan, out: ByteWriter): void {
  writeByte(out, plan.code);
  const code = plan.code & ~EXCEPTIONS;
  let body = column;
  if (plan.exceptions > 0) {
    body = kept;
    for (let i = 0; i < count; i++) kept[i] = column[i]! > plan.most ? 0 : column[i]!;
  }
  if (code >= RADIX) {
    writeVarint(out, plan.base);
    writeDigits(body, count, plan.base, code - RADIX, out);
    writeBits(body, count, code - RADIX, out);
  } else if (code >= RICE) writeRice(body, count, code - RICE, out);
  else if (code > 0) writeBits(body, count, code, out);
  if (plan.exceptions === 0) return;
  writeVarint(out, plan.exceptions);
  let before = -1;
  for (let i = 0; i < count; i++) {
    if (column[i]! <= plan.most) continue;
    writeVarint(out, i - before - 1);
    writeVarint(out, column[i]!);
    before = i;
  }
}

/** Plans and writes in one go. */
const only = createPlan();
export function packColumn(column: Uint32Array, count: number, out: ByteWriter): void {
  writeColumn(column, count, planColumn(column, count, only), out);
}

/** The low `width` bits of each number. */
function writeBits(column: Uint32Array, count: number, width: number, out: ByteWriter): void {
  if (width === 0) return;
  room(out, ((count * width) >>> 3) + 8);
  const { view } = out;
  const mask = width === 32 ? 0xffff_ffff : (1 << width) - 1;
  let at = out.at;
  let word = 0;
  let filled = 0;
  for (let i = 0; i < count; i++) {
    const value = column[i]! & mask;
    word |= value << filled;
    filled += width;
    if (filled < 32) continue;
    view.setInt32(at, word, true);
    at += 4;
    filled -= 32;
    word = filled === 0 ? 0 : value >>> (width - filled);
  }
  view.setInt32(at, word, true);
  out.at = at + ((filled + 7) >>> 3);
}

/** Bits of different widths: `widths[i]` low bits of each number. */
export function writeVaried(column: Uint32Array, widths: Uint8Array, count: number, out: ByteWriter): void {
  room(out, count * 4 + 8);
  const { view } = out;
  let at = out.at;
  let word = 0;
  let filled = 0;
  for (let i = 0; i < count; i++) {
    const width = widths[i]!;
    const value = column[i]! & ((1 << width) - 1);
    word |= value << filled;
    filled += width;
    if (filled < 32) continue;
    view.setInt32(at, word, true);
    at += 4;
    filled -= 32;
    word = filled === 0 ? 0 : value >>> (width - filled);
  }
  view.setInt32(at, word, true);
  out.at = at + ((filled + 7) >>> 3);
}

/** The numbers without their `low` lowest bits as digits, several to a word, the first digit lowest. */
function writeDigits(column: Uint32Array, count: number, base: number, low: number, out: ByteWriter): void {
  const digits = digitsPerWord[base]!;
  const width = bitsPerWord[base]!;
  room(out, ((Math.ceil(count / digits) * width) >>> 3) + 8);
  const { view } = out;
  let at = out.at;
  let word = 0;
  let filled = 0;
  for (let from = 0; from < count; from += digits) {
    let value = 0;
    for (let i = Math.min(from + digits, count) - 1; i >= from; i--) value = value * base + (column[i]! >>> low);
    value = value | 0;
    word |= value << filled;
    filled += width;
    if (filled < 32) continue;
    view.setInt32(at, word, true);
    at += 4;
    filled -= 32;
    word = filled === 0 ? 0 : value >>> (width - filled);
  }
  view.setInt32(at, word, true);
  out.at = at + ((filled + 7) >>> 3);
}

/** Rice codes: as many zero bits as the number without its low bits says, a one, the low bits. */
function writeRice(column: Uint32Array, count: number, low: number, out: ByteWriter): void {
  room(out, count * 7 + 8);
  const { view } = out;
  const mask = (1 << low) - 1;
  let at = out.at;
  let word = 0;
  let filled = 0;
  for (let i = 0; i < count; i++) {
    const value = column[i]!;
    const quotient = value >>> low;
    let bits: number;
    let width: number;
    if (quotient < ESCAPE) {
      // The unary part first; it and the low bits together may be longer than a word.
      word |= (1 << quotient) << filled;
      const over = filled + quotient;
      filled = over + 1;
      if (filled >= 32) {
        view.setInt32(at, word, true);
        at += 4;
        filled -= 32;
        word = over >= 32 ? 1 << (over - 32) : 0;
      }
      bits = value & mask;
      width = low;
    } else {
      filled += ESCAPE;
      if (filled >= 32) {
        view.setInt32(at, word, true);
        at += 4;
        filled -= 32;
        word = 0;
      }
      bits = value | 0;
      width = 32;
    }
    if (width === 0) continue;
    word |= bits << filled;
    filled += width;
    if (filled < 32) continue;
    view.setInt32(at, word, true);
    at += 4;
    filled -= 32;
    word = filled === 0 ? 0 : bits >>> (width - filled);
  }
  view.setInt32(at, word, true);
  out.at = at + ((filled + 7) >>> 3);
}

/** Reads `count` numbers into `column`; throws RangeError where the bytes are no packed column. */
export function readColumn(from: ByteReader, column: Uint32Array, count: number): void {
  const code = readByte(from);
  const kind = code & ~EXCEPTIONS;
  if (kind >= RADIX) {
    const low = kind - RADIX;
    const base = readVarint(from);
    if (low > 31 || base < 2 || base > MAX_BASE) throw new RangeError(`packing code ${code} with base ${base}`);
    readDigits(from, column, count, base);
    if (low > 0) {
      readBits(from, lows, count, low);
      for (let i = 0; i < count; i++) column[i] = (column[i]! << low) | lows[i]!;
    }
  } else if (kind >= RICE) readRice(from, column, count, kind - RICE);
  else if (kind > 0) readBits(from, column, count, kind);
  else column.fill(0, 0, count);
  if (code < EXCEPTIONS) return;
  const exceptions = readVarint(from);
  if (exceptions > count) throw new RangeError('more exceptions than numbers');
  let at = -1;
  for (let i = 0; i < exceptions; i++) {
    at += readVarint(from) + 1;
    if (at >= count) throw new RangeError('an exception behind the last number');
    column[at] = readVarint(from);
  }
}

const lows = new Uint32Array(BLOCK_SAMPLES);

function readBits(from: ByteReader, column: Uint32Array, count: number, width: number): void {
  const { view } = from;
  let bit = from.at * 8;
  if (width <= 25) {
    const mask = (1 << width) - 1;
    for (let i = 0; i < count; i++) {
      column[i] = (view.getInt32(bit >>> 3, true) >>> (bit & 7)) & mask;
      bit += width;
    }
  } else {
    const mask = width === 32 ? 0xffff_ffff : 2 ** width - 1;
    for (let i = 0; i < count; i++) {
      column[i] = word32(view, bit) & mask;
      bit += width;
    }
  }
  from.at = (bit + 7) >>> 3;
}

/** 32 bits from a bit on. */
function word32(view: DataView, bit: number): number {
  const at = bit >>> 3;
  const shift = bit & 7;
  const low = view.getInt32(at, true) >>> shift;
  return shift === 0 ? low : low | (view.getUint8(at + 4) << (32 - shift));
}

const TABLE_BITS = 10;

function readShortDigits(
  from: ByteReader,
  column: Uint32Array,
  count: number,
  digits: number,
  width: number,
  table: Uint8Array,
): void {
  const { view } = from;
  const mask = (1 << width) - 1;
  let bit = from.at * 8;
  let i = 0;
  if (digits === 3) {
    for (; i + 3 <= count; i += 3) {
      const at = ((view.getInt32(bit >>> 3, true) >>> (bit & 7)) & mask) * 3;
      bit += width;
      column[i] = table[at]!;
      column[i + 1] = table[at + 1]!;
      column[i + 2] = table[at + 2]!;
    }
  }
  while (i < count) {
    let at = ((view.getInt32(bit >>> 3, true) >>> (bit & 7)) & mask) * digits;
    bit += width;
    const end = i + digits < count ? i + digits : count;
    for (; i < end; i++) column[i] = table[at++]!;
  }
  from.at = (bit + 7) >>> 3;
}

/** Digits of each word of a base whose words are short; made when first met. */
const digitTables: (Uint8Array | undefined)[] = [];
function digitTable(base: number, digits: number, width: number): Uint8Array {
  let table = digitTables[base];
  if (table === undefined) {
    table = new Uint8Array(digits * 2 ** width);
    for (let word = 0; word < 2 ** width; word++)
      for (let i = 0, rest = word; i < digits; i++, rest = Math.floor(rest / base))
        table[word * digits + i] = rest % base;
    digitTables[base] = table;
  }
  return table;
}

function readDigits(from: ByteReader, column: Uint32Array, count: number, base: number): void {
  const { view } = from;
  const digits = digitsPerWord[base]!;
  const width = bitsPerWord[base]!;
  if (width <= TABLE_BITS && base <= 256) {
    readShortDigits(from, column, count, digits, width, digitTable(base, digits, width));
    return;
  }
  const mask = width === 32 ? 0xffff_ffff : 2 ** width - 1;
  // Half a unit more keeps the product above the whole quotient; it stays below the next one for any base up to 2^16.
  const part = 1 / base;
  let bit = from.at * 8;
  let i = 0;
  while (i < count) {
    let rest = (width <= 25 ? view.getInt32(bit >>> 3, true) >>> (bit & 7) : word32(view, bit)) & mask;
    rest >>>= 0;
    bit += width;
    const end = i + digits < count ? i + digits : count;
    for (; i < end; i++) {
      const quotient = ((rest + 0.5) * part) >>> 0;
      column[i] = rest - quotient * base;
      rest = quotient;
    }
  }
  from.at = (bit + 7) >>> 3;
}

function readRice(from: ByteReader, column: Uint32Array, count: number, low: number): void {
  const { view } = from;
  const mask = low === 0 ? 0 : 0xffff_ffff >>> (32 - low);
  let bit = from.at * 8;
  for (let i = 0; i < count; i++) {
    const word = view.getInt32(bit >>> 3, true) >>> (bit & 7);
    const zeros = 31 - Math.clz32(word & -word);
    if (zeros < 0 || zeros >= ESCAPE) {
      bit += ESCAPE;
      column[i] = word32(view, bit);
      bit += 32;
    } else if (zeros + low < 25) {
      column[i] = (zeros << low) | ((word >>> (zeros + 1)) & mask);
      bit += zeros + 1 + low;
    } else {
      bit += zeros + 1;
      column[i] = (zeros << low) | (word32(view, bit) & mask);
      bit += low;
    }
  }
  from.at = (bit + 7) >>> 3;
}
