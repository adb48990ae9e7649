import { type ByteReader, type ByteWriter, readByte, readU32, readVarint, writeByte, writeVarint } from './bytes.ts';
import { BLOCK_SAMPLES, packColumn, readColumn } from './column-pack.ts';
import { decodeSingle, encodeSingle, FORM, formOf, toNumbers, toSlots } from './single-codec.ts';
import { fillSlots, readPatches, writeSlot } from './slots.ts';
import { decodeWhole, encodeWhole } from './whole-codec.ts';

/** Codes of a block's values; FORMAT.md has the bytes of each. */
const VALUE = { same: 0, runs: 1, whole: 2, single: 3, long: 4 } as const;
/** Added to a code: some slots do not fit it and follow as patches. */
const PATCHED = 0x80;

/**
 * What the blocks before were encoded with: a tag seldom changes its kind, so the choice is made anew for every fourth
 * block only, and where it turns out larger.
 */
export interface Habit {
  code: number;
  form: number;
  digits: number;
  expectation: number;
  bytes: number;
  /** Blocks that the habit still holds for. */
  blocks: number;
}
export const createHabit = (): Habit => ({ code: -1, form: 0, digits: -1, expectation: -1, bytes: 0, blocks: 0 });
const HABIT_BLOCKS = 3;

const numbers = new Float64Array(BLOCK_SAMPLES);
const column = new Uint32Array(BLOCK_SAMPLES);
const high = new Uint32Array(BLOCK_SAMPLES);
const runLengths = new Uint32Array(BLOCK_SAMPLES);
const runValues = new Float64Array(BLOCK_SAMPLES);
const runWords = new Int32Array(runValues.buffer);
const trial = createHabit();
const runsHabit = createHabit();

/**
 * Writes slots `from` to `from + count`; lossless to the bit for any slot, with NaN payloads and minus zero. The choice
 * follows what plants send: set points that stand still, counters, readings with a few decimals, floats.
 */
export function encodeValues(
  value: Float64Array<ArrayBuffer>,
  from: number,
  count: number,
  habit: Habit,
  out: ByteWriter,
): void {
  const words = new Int32Array(value.buffer, value.byteOffset, value.length * 2);
  const few = count >>> 2;
  let changes = 0;
  for (let i = 2 * from + 2; i < 2 * (from + count) && changes <= few; i += 2)
    if (words[i] !== words[i - 2] || words[i + 1] !== words[i - 1]) changes++;
  if (changes === 0) {
    writeByte(out, VALUE.same);
    writeSlot(out, words, from);
    return;
  }
  const start = out.at;
  let best = Number.POSITIVE_INFINITY;
  if (changes < few) {
    encodeRuns(words, from, count, changes + 1, out);
    best = out.at - start;
    if (best * 12 < count) return;
  }
  const at = out.at;
  encodeEach(value, words, from, count, habit, out);
  const size = out.at - at;
  if (at === start) return;
  if (size < best) out.bytes.copyWithin(start, at, out.at);
  out.at = start + Math.min(size, best);
}

/** Run lengths, and the value of each run as a column of its own. */
function encodeRuns(words: Int32Array, from: number, count: number, runs: number, out: ByteWriter): void {
  let run = 0;
  let start = from;
  for (let i = from; i < from + count; i++) {
    if (i + 1 < from + count && words[2 * i] === words[2 * i + 2] && words[2 * i + 1] === words[2 * i + 3]) continue;
    runLengths[run] = i - start;
    runWords[2 * run] = words[2 * i]!;
    runWords[2 * run + 1] = words[2 * i + 1]!;
    start = i + 1;
    run++;
  }
  writeByte(out, VALUE.runs);
  writeVarint(out, runs);
  packColumn(runLengths, runs, out);
  runsHabit.blocks = 0;
  encodeEach(runValues, runWords, 0, runs, runsHabit, out);
}

/** One of the codes that have something for every slot. */
function encodeEach(
  value: Float64Array<ArrayBuffer>,
  words: Int32Array,
  from: number,
  count: number,
  habit: Habit,
  out: ByteWriter,
): void {
  const start = out.at;
  if (habit.blocks > 0 && count === BLOCK_SAMPLES) {
    habit.blocks--;
    const wrote = encodeAs(habit.code, habit.form, habit, value, words, from, count, out);
    if (wrote && (out.at - start) * 8 <= habit.bytes * 9 + 128) return;
    out.at = start;
  }
  habit.code = -1;
  habit.bytes = Number.POSITIVE_INFINITY;
  habit.blocks = HABIT_BLOCKS;
  encodeBetter(VALUE.whole, FORM.number, habit, start, value, words, from, count, out);
  // Below twelve bits there is nothing to gain from a look at the bits.
  if (habit.bytes * 8 <= count * 12) return;
  const form = formOf(value, from, count);
  if (form !== FORM.number) {
    encodeBetter(VALUE.whole, form, habit, start, value, words, from, count, out);
    encodeBetter(VALUE.single, form, habit, start, value, words, from, count, out);
  }
  if (habit.bytes > count * 4) encodeBetter(VALUE.long, FORM.number, habit, start, value, words, from, count, out);
}

/** Tries a code, and keeps what it wrote and its habit where that is smaller than what was kept before. */
function encodeBetter(
  code: number,
  form: number,
  habit: Habit,
  start: number,
  value: Float64Array,
  words: Int32Array,
  from: number,
  count: number,
  out: ByteWriter,
): void {
  const at = out.at;
  trial.digits = -1;
  trial.expectation = -1;
  const wrote = encodeAs(code, form, trial, value, words, from, count, out);
  const size = out.at - at;
  if (!wrote || size >= habit.bytes) {
    out.at = at;
    return;
  }
  if (at > start) out.bytes.copyWithin(start, at, out.at);
  out.at = start + size;
  habit.code = code;
  habit.form = form;
  habit.digits = trial.digits;
  habit.expectation = trial.expectation;
  habit.bytes = size;
}

function encodeAs(
  code: number,
  form: number,
  habit: Habit,
  value: Float64Array,
  words: Int32Array,
  from: number,
  count: number,
  out: ByteWriter,
): boolean {
  if (code === VALUE.long) return encodeLong(words, from, count, out);
  toNumbers(value, from, count, form, numbers);
  return code === VALUE.whole
    ? encodeWhole(numbers, count, code, PATCHED, form, habit, words, from, out)
    : encodeSingle(numbers, count, code, PATCHED, form, habit, words, from, out);
}

/** Differences of the slots as whole numbers of 64 bits, high and low words apart. */
function encodeLong(words: Int32Array, from: number, count: number, out: ByteWriter): boolean {
  let low = 0;
  let top = 0;
  for (let i = 0; i < count; i++) {
    const nextLow = words[2 * (from + i)]! >>> 0;
    const nextTop = words[2 * (from + i) + 1]!;
    const lowOff = (nextLow - low) | 0;
    const topOff = (nextTop - top - (nextLow < low ? 1 : 0)) | 0;
    const sign = topOff >> 31;
    column[i] = (lowOff << 1) ^ sign;
    high[i] = ((topOff << 1) | (lowOff >>> 31)) ^ sign;
    low = nextLow;
    top = nextTop;
  }
  writeByte(out, VALUE.long);
  packColumn(column, count, out);
  packColumn(high, count, out);
  return true;
}

function decodeLong(reader: ByteReader, words: Int32Array, at: number, count: number): void {
  readColumn(reader, column, count);
  readColumn(reader, high, count);
  let low = 0;
  let top = 0;
  for (let i = 0; i < count; i++) {
    const lowZigzag = column[i]!;
    const highZigzag = high[i]!;
    const sign = -(lowZigzag & 1);
    const lowOff = (((lowZigzag >>> 1) | (highZigzag << 31)) ^ sign) >>> 0;
    const topOff = (highZigzag >>> 1) ^ sign;
    const sum = low + lowOff;
    low = sum >>> 0;
    top = (top + topOff + (sum > 0xffff_ffff ? 1 : 0)) | 0;
    words[2 * (at + i)] = low;
    words[2 * (at + i) + 1] = top;
  }
}

/** Reads what `encodeValues` wrote to `value[at]` and the following; throws RangeError for bytes that are none. */
export function decodeValues(reader: ByteReader, value: Float64Array<ArrayBuffer>, at: number, count: number): void {
  const words = new Int32Array(value.buffer, value.byteOffset, value.length * 2);
  const code = readByte(reader);
  if (code === VALUE.same) {
    fillSlots(words, at, at + count, readU32(reader), readU32(reader));
    return;
  }
  if (code !== VALUE.runs) {
    decodeEach(code, reader, value, words, at, count);
    return;
  }
  const runs = readVarint(reader);
  if (runs === 0 || runs > count) throw new RangeError('another number of runs than of values');
  readColumn(reader, runLengths, runs);
  decodeEach(readByte(reader), reader, runValues, runWords, 0, runs);
  let filled = 0;
  for (let i = 0; i < runs; i++) {
    const end = filled + runLengths[i]! + 1;
    if (end > count) throw new RangeError('runs are longer than the block');
    fillSlots(words, at + filled, at + end, runWords[2 * i]!, runWords[2 * i + 1]!);
    filled = end;
  }
  if (filled !== count) throw new RangeError('runs do not fill the block');
}

function decodeEach(
  code: number,
  reader: ByteReader,
  value: Float64Array,
  words: Int32Array,
  at: number,
  count: number,
): void {
  switch (code & ~PATCHED) {
    case VALUE.whole:
      toSlots(value, at, count, decodeWhole(reader, value, at, count));
      break;
    case VALUE.single:
      decodeSingle(reader, value, at, count);
      break;
    case VALUE.long:
      decodeLong(reader, words, at, count);
      break;
    default:
      throw new RangeError(`value code ${code} is unknown`);
  }
  if (code & PATCHED) readPatches(reader, words, at, count);
}
