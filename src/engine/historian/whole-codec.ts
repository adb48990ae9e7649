import {
  type ByteReader,
  type ByteWriter,
  readByte,
  readVarint,
  readZigzag,
  writeByte,
  writeVarint,
  writeZigzag,
} from './bytes.ts';
import { BLOCK_SAMPLES, bitLength, createPlan, planColumn, readColumn, writeColumn } from './column-pack.ts';
import { EXPECT, farGain, MEMORIES, memoryOf, nearGain, ROUND } from './expectation.ts';
import { countPatches, odd, writePatches } from './slots.ts';

// Numbers that are whole numbers over a power of ten: (base + v * unit) / 10^digits. FORMAT.md has the bytes.

const EXACT = 2 ** 51;
const POWERS = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];
/** Whole numbers of up to seven digits come back from single floats. */
const SINGLE_DIGITS = 6;
const SINGLE_EXACT = 2 ** 24;
/** Lines are followed where the numbers stay small in 32 bits. */
const FOLLOWED = 2 ** 29;

const whole = new Float64Array(BLOCK_SAMPLES);
const steps = new Uint32Array(BLOCK_SAMPLES);
const column = new Uint32Array(BLOCK_SAMPLES);
const plan = createPlan();
const plainPlan = createPlan();

/** What the block before was encoded with, and what this one was; -1 is not known. */
export interface WholeHabit {
  digits: number;
  expectation: number;
}

let least = 0;
let most = 0;

/**
 * Writes `numbers`; false where they are no such numbers. `single` says that they are single floats, `form` how slots
 * hold them. Slots that do not fit are taken from `words` at `from` as patches.
 */
export function encodeWhole(
  numbers: Float64Array,
  count: number,
  code: number,
  patched: number,
  form: number,
  habit: WholeHabit,
  words: Int32Array,
  from: number,
  out: ByteWriter,
): boolean {
  const single = form !== 0;
  let digits = habit.digits >= 0 ? habit.digits : sampledDigits(numbers, count, single);
  if (digits < 0) return false;
  let odds = scale(numbers, count, digits, single);
  if (odds * 16 > count) {
    const more = allDigits(numbers, count, digits, single);
    if (more > digits) {
      digits = more;
      odds = scale(numbers, count, digits, single);
    }
  }
  if (odds > 0 && countPatches(words, from, count) * 16 > count) return false;
  const unit = unitOf(count);
  const range = (most - least) / unit;
  if (!(range < 2 ** 32)) return false;
  if (unit === 1) for (let i = 0; i < count; i++) steps[i] = whole[i]! - least;
  else for (let i = 0; i < count; i++) steps[i] = (whole[i]! - least) / unit;

  let expectation = habit.expectation;
  if (expectation > EXPECT.previous && range >= FOLLOWED) expectation = -1;
  if (expectation < 0) {
    expectation = bestExpectation(count, range);
    planColumn(steps, count, plainPlan);
    if (expectation !== EXPECT.nothing) {
      subtractExpected(count, expectation);
      if (planColumn(column, count, plan).bytes + 2 >= plainPlan.bytes) expectation = EXPECT.nothing;
    }
  } else if (expectation === EXPECT.nothing) planColumn(steps, count, plainPlan);
  else {
    subtractExpected(count, expectation);
    planColumn(column, count, plan);
  }
  habit.digits = digits;
  habit.expectation = expectation;
  writeByte(out, odds > 0 ? code | patched : code);
  writeByte(out, (form << 4) | expectation);
  writeByte(out, digits);
  writeZigzag(out, least);
  writeVarint(out, unit);
  if (expectation === EXPECT.nothing) writeColumn(steps, count, plainPlan, out);
  else {
    writeVarint(out, steps[0]!);
    writeColumn(column, count, plan, out);
  }
  if (odds > 0) writePatches(words, from, count, out);
  return true;
}

/** Fewest digits from `fewest` on with which a number comes back to the bit; -1 if none. */
function digitsOf(number: number, fewest: number, single: boolean): number {
  const last = single ? SINGLE_DIGITS : POWERS.length - 1;
  for (let digits = fewest; digits <= last; digits++) {
    const power = POWERS[digits]!;
    const scaled = Math.floor(number * power + 0.5);
    const back = single ? Math.fround(scaled / power) : scaled / power;
    if (back === number && Math.abs(scaled) < (single ? SINGLE_EXACT : EXACT)) return digits;
  }
  return -1;
}

function sampledDigits(numbers: Float64Array, count: number, single: boolean): number {
  const stride = Math.max(1, Math.floor(count / 32));
  let digits = 0;
  let seen = 0;
  let failed = 0;
  for (let i = 0; i < count; i += stride) {
    const found = digitsOf(numbers[i]!, digits, single);
    if (found < 0) failed++;
    else digits = found;
    seen++;
    if (failed > 4 && failed * 4 > seen) return -1;
  }
  return failed * 4 > seen ? -1 : digits;
}

function allDigits(numbers: Float64Array, count: number, fewest: number, single: boolean): number {
  let digits = fewest;
  for (let i = 0; i < count; i++) if (odd[i] === 1) digits = Math.max(digits, digitsOf(numbers[i]!, digits, single));
  return digits;
}

/**
 * Fills `whole` with its least and greatest, and marks in `odd` what is no such number; those repeat the number before.
 * Returns how many they are.
 */
function scale(numbers: Float64Array, count: number, digits: number, single: boolean): number {
  const power = POWERS[digits]!;
  let odds = 0;
  let before = 0;
  least = Number.POSITIVE_INFINITY;
  most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const number = numbers[i]!;
    const scaled = Math.floor(number * power + 0.5);
    const back = single ? Math.fround(scaled / power) : scaled / power;
    if (back === number && scaled < EXACT && scaled > -EXACT && (scaled !== 0 || !Object.is(number, -0))) {
      if (odds === i && odds > 0) whole.fill(scaled, 0, i);
      whole[i] = before = scaled;
      odd[i] = 0;
      if (scaled < least) least = scaled;
      if (scaled > most) most = scaled;
    } else {
      whole[i] = before;
      odd[i] = 1;
      odds++;
    }
  }
  if (odds === count) least = most = 0;
  return odds;
}

/** Greatest common divisor of the distances from the least. */
function unitOf(count: number): number {
  let unit = 0;
  for (let i = 0; i < count; i++) {
    let rest = whole[i]! - least;
    if (unit > 0 && Math.floor(rest / unit) * unit === rest) continue;
    while (rest > 0) {
      const next = unit % rest;
      unit = rest;
      rest = next;
    }
    if (unit === 1) return 1;
  }
  return Math.max(unit, 1);
}

/** Compares expectations over some hundred numbers by the bits of what is left. */
function bestExpectation(count: number, range: number): number {
  const start = Math.max(0, (count >>> 1) - 128);
  const end = Math.min(count, start + 256);
  let plain = 0;
  let previous = 0;
  let line = 0;
  for (let i = start + 2; i < end; i++) {
    const change = (steps[i]! - steps[i - 1]!) | 0;
    const second = (change - (steps[i - 1]! - steps[i - 2]!)) | 0;
    plain += bitLength(steps[i]!);
    previous += bitLength((change << 1) ^ (change >> 31));
    line += bitLength((second << 1) ^ (second >> 31));
  }
  let best: number = EXPECT.nothing;
  let bits = Math.min(plain, (end - start) * bitLength(range));
  if (previous < bits) {
    bits = previous;
    best = EXPECT.previous;
  }
  if (range >= FOLLOWED) return best;
  if (line < bits) {
    bits = line;
    best = EXPECT.line;
  }
  if (bits < (end - start) * 2) return best;
  for (const memory of MEMORIES) {
    const cost = follow(start, end, memory, false);
    if (cost < bits) {
      bits = cost;
      best = memory;
    }
  }
  return best;
}

/** Runs a line along `steps`; returns the bits of the distances from it, or fills `column` with them. */
function follow(start: number, end: number, expectation: number, write: boolean): number {
  const memory = memoryOf(expectation);
  let expected = steps[start]!;
  let slope = 0;
  let bits = 0;
  for (let i = start; i < end; i++) {
    const number = steps[i]!;
    const off = (number - (expected + ROUND - ROUND)) | 0;
    const zigzag = (off << 1) ^ (off >> 31);
    if (write) column[i] = zigzag;
    bits += 32 - Math.clz32(zigzag);
    if (i === start) continue;
    const gain = i - start < memory ? i - start : memory;
    const error = number - expected;
    expected = expected + slope + nearGain[gain]! * error;
    slope += farGain[gain]! * error;
  }
  return bits;
}

/** Fills `column` with the distances of `steps` from what was expected, sign in the lowest bit. */
function subtractExpected(count: number, expectation: number): void {
  if (expectation > EXPECT.line) {
    follow(0, count, expectation, true);
    return;
  }
  // A line through the last two is the same in whole numbers, and much faster.
  const straight = expectation === EXPECT.line;
  let before = steps[0]! | 0;
  let change = 0;
  for (let i = 0; i < count; i++) {
    const number = steps[i]! | 0;
    const off = (number - before - change) | 0;
    column[i] = (off << 1) ^ (off >> 31);
    if (straight) change = number - before;
    before = number;
  }
}

/** Reads numbers to `value[at]` and the following, as plain or as single floats, and returns the form of their slots. */
export function decodeWhole(reader: ByteReader, value: Float64Array, at: number, count: number): number {
  const head = readByte(reader);
  const expectation = head & 15;
  const form = head >> 4;
  if (expectation > EXPECT.most) throw new RangeError(`whole numbers of kind ${head}`);
  const power = POWERS[readByte(reader)];
  if (power === undefined) throw new RangeError('more digits than a number has');
  const base = readZigzag(reader);
  const unit = readVarint(reader);
  const first = expectation === EXPECT.nothing ? 0 : readVarint(reader) >>> 0;
  readColumn(reader, column, count);
  if (expectation === EXPECT.previous) addUp(first, count);
  else if (expectation === EXPECT.line) addLines(first, count);
  else if (expectation !== EXPECT.nothing) addExpected(first, count, memoryOf(expectation));
  if (form !== 0) for (let i = 0; i < count; i++) value[at + i] = Math.fround((base + column[i]! * unit) / power);
  else if (power === 1) for (let i = 0; i < count; i++) value[at + i] = base + column[i]! * unit;
  else for (let i = 0; i < count; i++) value[at + i] = (base + column[i]! * unit) / power;
  return form;
}

function addUp(first: number, count: number): void {
  let before = first | 0;
  for (let i = 0; i < count; i++) {
    const zigzag = column[i]!;
    before = (before + ((zigzag >>> 1) ^ -(zigzag & 1))) | 0;
    column[i] = before;
  }
}

function addLines(first: number, count: number): void {
  let before = first | 0;
  let change = 0;
  for (let i = 0; i < count; i++) {
    const zigzag = column[i]!;
    change = (change + ((zigzag >>> 1) ^ -(zigzag & 1))) | 0;
    before = (before + change) | 0;
    column[i] = before;
  }
}

/** Puts the numbers of a followed line in place of the distances from it. */
function addExpected(first: number, count: number, memory: number): void {
  let expected = first;
  let slope = 0;
  for (let i = 0; i < count; i++) {
    const zigzag = column[i]!;
    const number = expected + ROUND - ROUND + ((zigzag >>> 1) ^ -(zigzag & 1));
    column[i] = number;
    if (i === 0) expected = number;
    else {
      const gain = i < memory ? i : memory;
      const error = number - expected;
      expected = expected + slope + nearGain[gain]! * error;
      slope += farGain[gain]! * error;
    }
  }
}
