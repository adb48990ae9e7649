import { type ByteReader, type ByteWriter, readByte, writeByte } from './bytes.ts';
import { BLOCK_SAMPLES, bitLength, packColumn, readColumn, writeVaried } from './column-pack.ts';
import { EXPECT, farGain, MEMORIES, memoryOf, nearGain } from './expectation.ts';
import { countPatches, odd, writePatches } from './slots.ts';

// Single floats as distances, in units of their last place, from what was expected; the low bits of the noise apart.
// FORMAT.md has the bytes.

/**
 * How slots hold numbers: 0 as they are, 1 as a single float in a double; 2 to 5 as the unsigned number that the bits
 * of a single float are, its bytes in the orders ABCD, CDAB, BADC, DCBA.
 */
export const FORM = { number: 0, single: 1, ABCD: 2, CDAB: 3, BADC: 4, DCBA: 5 } as const;

/** Beyond this an expected number counts as zero, so that it fits a single float. */
const FAR = 1e38;
/** How many bits the distances keep above those that go into the stream as they are. */
const KEPT = 7;

const singles = new Float32Array(BLOCK_SAMPLES);
const singleWords = new Int32Array(singles.buffer);
const column = new Uint32Array(BLOCK_SAMPLES);
const high = new Uint32Array(BLOCK_SAMPLES);
const widths = new Uint8Array(BLOCK_SAMPLES);
const noiseLengths = new Uint32Array(320);
const one = new Float32Array(1);
const oneWord = new Int32Array(one.buffer);

function swap(word: number, form: number): number {
  let bits = word;
  if (form === FORM.CDAB || form === FORM.DCBA) bits = (bits << 16) | (bits >>> 16);
  if (form === FORM.BADC || form === FORM.DCBA) bits = ((bits & 0x00ff_00ff) << 8) | ((bits >>> 8) & 0x00ff_00ff);
  return bits;
}

/** Whether slots hold single floats or their bits; 0 if neither. Looks at neighbours here and there. */
export function formOf(value: Float64Array, from: number, count: number): number {
  const stride = Math.max(2, Math.floor(count / 64));
  let words = true;
  let floats = true;
  for (let i = 0; i < count; i += stride) {
    const number = value[from + i]!;
    if (number >>> 0 !== number) words = false;
    if (Math.fround(number) !== number && Number.isFinite(number)) floats = false;
    if (!words && !floats) return FORM.number;
  }
  if (!words) return FORM.single;
  let best: number = FORM.number;
  let least = Number.POSITIVE_INFINITY;
  for (const form of [FORM.ABCD, FORM.CDAB, FORM.BADC, FORM.DCBA]) {
    let bits = 0;
    for (let i = 0; i + 1 < count; i += stride) {
      const change = (swap(value[from + i + 1]!, form) - swap(value[from + i]!, form)) | 0;
      bits += bitLength(change ^ (change >> 31));
    }
    if (bits < least) {
      least = bits;
      best = form;
    }
  }
  return best;
}

/** Fills `numbers` from slots of a form; what does not fit it becomes NaN. */
export function toNumbers(value: Float64Array, from: number, count: number, form: number, numbers: Float64Array): void {
  for (let i = 0; i < count; i++) {
    const number = value[from + i]!;
    if (form === FORM.number) numbers[i] = number;
    else if (form === FORM.single) numbers[i] = Math.fround(number) === number ? number : Number.NaN;
    else if (number >>> 0 === number && !Object.is(number, -0)) {
      oneWord[0] = swap(number | 0, form);
      numbers[i] = one[0]!;
    } else numbers[i] = Number.NaN;
  }
}

/** Puts slots of the form in place of the numbers at `value[at]` and the following. */
export function toSlots(value: Float64Array, at: number, count: number, form: number): void {
  if (form > FORM.DCBA) throw new RangeError(`a form of slots ${form} that is unknown`);
  if (form <= FORM.single) return;
  for (let i = at; i < at + count; i++) {
    one[0] = value[i]!;
    value[i] = swap(oneWord[0]!, form) >>> 0;
  }
}

/** A float's bits as whole numbers in the order of the floats; its own inverse. */
const ordered = (bits: number): number => bits ^ ((bits >> 31) & 0x7fff_ffff);

/** What the block before was encoded with, and what this one was; -1 is not known. */
export interface SingleHabit {
  expectation: number;
}

/** Writes `numbers`; false where too many are no finite floats. Others are taken from `words` as patches. */
export function encodeSingle(
  numbers: Float64Array,
  count: number,
  code: number,
  patched: number,
  form: number,
  habit: SingleHabit,
  words: Int32Array,
  from: number,
  out: ByteWriter,
): boolean {
  let odds = 0;
  let before = 0;
  for (let i = 0; i < count; i++) {
    const number = numbers[i]!;
    const fits = Number.isFinite(number);
    singles[i] = before = fits ? number : before;
    odd[i] = fits ? 0 : 1;
    if (!fits) odds++;
  }
  if (odds > 0 && countPatches(words, from, count) * 16 > count) return false;
  let expectation = habit.expectation;
  if (expectation <= EXPECT.nothing) {
    const start = Math.max(0, (count >>> 1) - 128);
    const end = Math.min(count, start + 256);
    let bits = Number.POSITIVE_INFINITY;
    for (const tried of [EXPECT.previous, EXPECT.line, ...MEMORIES]) {
      const cost = follow(start, end, tried);
      if (cost >= bits) continue;
      bits = cost;
      expectation = tried;
    }
    habit.expectation = expectation;
  }
  follow(0, count, expectation);
  // Noise of one size takes fewer last places the larger the number is, so its bits shrink with the exponent.
  noiseLengths.fill(0);
  for (let i = 0; i < count; i++) noiseLengths[32 - Math.clz32(column[i]!) + widths[i]!]!++;
  let size = noiseLengths.length - 1;
  for (let above = noiseLengths[size]!; size > 0 && above * 64 <= count; above += noiseLengths[size]!) size--;
  const noise = Math.min(255, Math.max(0, size - KEPT));
  let low = 0;
  for (let i = 0; i < count; i++) {
    const width = Math.min(24, Math.max(0, noise - widths[i]!));
    widths[i] = width;
    high[i] = column[i]! >>> width;
    low += width;
  }
  writeByte(out, odds > 0 ? code | patched : code);
  writeByte(out, (form << 4) | expectation);
  writeByte(out, noise);
  packColumn(high, count, out);
  if (low > 0) writeVaried(column, widths, count, out);
  if (odds > 0) writePatches(words, from, count, out);
  return true;
}

/** Fills `column` with distances from what is expected and `widths` with the exponents of that; returns the bits. */
function follow(start: number, end: number, expectation: number): number {
  const memory = memoryOf(expectation);
  const flat = expectation === EXPECT.previous;
  let expected = 0;
  let slope = 0;
  let bits = 0;
  for (let i = start; i < end; i++) {
    one[0] = expected < FAR && expected > -FAR ? expected : 0;
    const guess = oneWord[0]!;
    const off = (ordered(singleWords[i]!) - ordered(guess)) | 0;
    const zigzag = (off << 1) ^ (off >> 31);
    column[i] = zigzag;
    widths[i] = (guess >>> 23) & 255;
    bits += 32 - Math.clz32(zigzag);
    const number = singles[i]!;
    if (flat || i === start) expected = number;
    else {
      const gain = i - start < memory ? i - start : memory;
      const error = number - expected;
      expected = expected + slope + nearGain[gain]! * error;
      slope += farGain[gain]! * error;
    }
  }
  return bits;
}

/** Reads slots to `value[at]` and the following. */
export function decodeSingle(reader: ByteReader, value: Float64Array, at: number, count: number): void {
  const head = readByte(reader);
  const expectation = head & 15;
  const form = head >> 4;
  if (form === FORM.number || form > FORM.DCBA || expectation === EXPECT.nothing || expectation > EXPECT.most)
    throw new RangeError(`single floats of kind ${head}`);
  const noise = readByte(reader);
  readColumn(reader, column, count);
  const { view } = reader;
  let bit = reader.at * 8;
  const memory = memoryOf(expectation);
  const flat = expectation === EXPECT.previous;
  let expected = 0;
  let slope = 0;
  for (let i = 0; i < count; i++) {
    one[0] = expected < FAR && expected > -FAR ? expected : 0;
    const guess = oneWord[0]!;
    let width = noise - ((guess >>> 23) & 255);
    let zigzag = column[i]!;
    if (width > 0) {
      if (width > 24) width = 24;
      zigzag = (zigzag << width) | ((view.getInt32(bit >>> 3, true) >>> (bit & 7)) & ((1 << width) - 1));
      bit += width;
    }
    oneWord[0] = ordered((ordered(guess) + ((zigzag >>> 1) ^ -(zigzag & 1))) | 0);
    const number = one[0]!;
    value[at + i] = number;
    if (flat || i === 0) expected = number;
    else {
      const gain = i < memory ? i : memory;
      const error = number - expected;
      expected = expected + slope + nearGain[gain]! * error;
      slope += farGain[gain]! * error;
    }
  }
  reader.at = (bit + 7) >>> 3;
  toSlots(value, at, count, form);
}
