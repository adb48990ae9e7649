import {
  type ByteReader,
  type ByteWriter,
  readByte,
  readF64,
  readU32,
  readVarint,
  writeByte,
  writeF64,
  writeU32,
  writeVarint,
} from './bytes.ts';
import {
  BLOCK_SAMPLES,
  bitLength,
  createPlan,
  packColumn,
  planColumn,
  readColumn,
  writeColumn,
  writeVaried,
} from './column-pack.ts';

/** Codes of a block's values; FORMAT.md has the bytes of each. */
export const VALUE = { same: 0, runs: 1, whole: 2, single: 3, long: 4 } as const;
/** Added to a code: some slots do not fit it and follow as patches. */
const PATCHED = 0x80;

/**
 * How slots stand for numbers: 0 as they are, 1 as single floats in a double; 2 to 5 as the wire bits of a single float
 * in the orders ABCD, CDAB, BADC, DCBA.
 */
type Form = 0 | 1 | 2 | 3 | 4 | 5;

/**
 * What is expected of the next number. 0 the least of all, 1 the number before it, 2 the line through the two before it,
 * from 3 on a level with a slope that remembers 2^(n-1) numbers.
 */
const LEAST = 0;
const PREVIOUS = 1;
const LINE = 2;
const FIRST_MEMORY = 3;
const LAST_MEMORY = 9;

const EXACT = 2 ** 51;
const POWERS = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];
/** Beyond this a prediction counts as zero, so that it fits a single float. */
const FAR = 1e38;

/** Gains of level and slope after i numbers: those of a line fitted to all of them. */
const levelGain = new Float64Array(2 ** (LAST_MEMORY - 1) + 1);
const slopeGain = new Float64Array(2 ** (LAST_MEMORY - 1) + 1);
for (let i = 0; i < levelGain.length; i++) {
  levelGain[i] = i === 0 ? 1 : (4 * i + 2) / ((i + 1) * (i + 2));
  slopeGain[i] = i === 0 ? 0 : 6 / ((i + 1) * (i + 2));
}

const numbers = new Float64Array(BLOCK_SAMPLES);
const whole = new Float64Array(BLOCK_SAMPLES);
const steps = new Uint32Array(BLOCK_SAMPLES);
const singles = new Float32Array(BLOCK_SAMPLES);
const singleWords = new Int32Array(singles.buffer);
const column = new Uint32Array(BLOCK_SAMPLES);
const other = new Uint32Array(BLOCK_SAMPLES);
const exponents = new Uint8Array(BLOCK_SAMPLES);
const runLengths = new Uint32Array(BLOCK_SAMPLES);
const runValues = new Float64Array(BLOCK_SAMPLES);
const odd = new Uint8Array(BLOCK_SAMPLES);
const plan = createPlan();
const secondPlan = createPlan();
const one = new Float32Array(1);
const oneWord = new Int32Array(one.buffer);

/**
 * Writes slots `from` to `from + count`; lossless to the bit for any slot, with NaN payloads and minus zero. The choice
 * follows what plants send: set points that stand still, counters, readings with a few decimals, floats.
 */
export function encodeValues(value: Float64Array<ArrayBuffer>, from: number, count: number, out: ByteWriter): void {
  const words = new Int32Array(value.buffer, value.byteOffset, value.length * 2);
  let changes = 0;
  for (let i = 2 * from + 2; i < 2 * (from + count); i += 2)
    if (words[i] !== words[i - 2] || words[i + 1] !== words[i - 1]) changes++;
  if (changes === 0) {
    writeByte(out, VALUE.same);
    writeSlot(out, words, from);
    return;
  }
  const start = out.at;
  let best = Number.POSITIVE_INFINITY;
  if (changes * 4 < count) {
    encodeRuns(words, from, count, changes + 1, out);
    best = out.at - start;
    if (best * 12 < count) return;
  }
  const at = out.at;
  encodeEach(value, words, from, count, out);
  const size = out.at - at;
  if (at === start) return;
  if (size < best) out.bytes.copyWithin(start, at, out.at);
  out.at = start + Math.min(size, best);
}

function writeSlot(out: ByteWriter, words: Int32Array, index: number): void {
  writeU32(out, words[2 * index]!);
  writeU32(out, words[2 * index + 1]!);
}

/** Run lengths, and the value of each run as a column of its own. */
function encodeRuns(words: Int32Array, from: number, count: number, runs: number, out: ByteWriter): void {
  const values = new Int32Array(runValues.buffer);
  let run = 0;
  let start = from;
  for (let i = from; i < from + count; i++) {
    if (i + 1 < from + count && words[2 * i] === words[2 * i + 2] && words[2 * i + 1] === words[2 * i + 3]) continue;
    runLengths[run] = i - start;
    values[2 * run] = words[2 * i]!;
    values[2 * run + 1] = words[2 * i + 1]!;
    start = i + 1;
    run++;
  }
  writeByte(out, VALUE.runs);
  writeVarint(out, runs);
  packColumn(runLengths, runs, out);
  encodeEach(runValues, values, 0, runs, out);
}

/** One of the codes that have something for every slot. */
function encodeEach(
  value: Float64Array<ArrayBuffer>,
  words: Int32Array,
  from: number,
  count: number,
  out: ByteWriter,
): void {
  const start = out.at;
  let size = Number.POSITIVE_INFINITY;
  const keep = (write: () => boolean): void => {
    const at = out.at;
    if (!write()) {
      out.at = at;
      return;
    }
    const more = out.at - at;
    if (more < size) {
      if (at > start) out.bytes.copyWithin(start, at, out.at);
      size = more;
    }
    out.at = start + size;
  };
  for (let i = 0; i < count; i++) numbers[i] = value[from + i]!;
  keep(() => encodeWhole(words, from, count, 0, out));
  // Below twelve bits there is nothing to gain from a look at the bits.
  if (size * 8 <= count * 12) return;
  const form = formOf(value, from, count);
  if (form > 0) {
    toNumbers(value, from, count, form);
    keep(() => encodeWhole(words, from, count, form, out));
    keep(() => encodeSingle(words, from, count, form, out));
  }
  if (size > count * 4) keep(() => encodeLong(words, from, count, out));
}

// ---- forms

const swap = (word: number, form: Form): number => {
  let bits = word;
  if (form === 3 || form === 5) bits = (bits << 16) | (bits >>> 16);
  if (form === 4 || form === 5) bits = ((bits & 0x00ff_00ff) << 8) | ((bits >>> 8) & 0x00ff_00ff);
  return bits;
};

/** Whether slots hold single floats or their wire bits; 0 if neither. Looks at neighbours here and there. */
function formOf(value: Float64Array, from: number, count: number): Form {
  const stride = Math.max(2, Math.floor(count / 64));
  let words = true;
  let floats = true;
  for (let i = 0; i < count; i += stride) {
    const number = value[from + i]!;
    if (number >>> 0 !== number) words = false;
    if (Math.fround(number) !== number && Number.isFinite(number)) floats = false;
    if (!words && !floats) return 0;
  }
  if (!words) return 1;
  let best: Form = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const form of [2, 3, 4, 5] as const) {
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
function toNumbers(value: Float64Array, from: number, count: number, form: Form): void {
  for (let i = 0; i < count; i++) {
    const number = value[from + i]!;
    if (form === 1) numbers[i] = Math.fround(number) === number ? number : Number.NaN;
    else if (number >>> 0 === number && !Object.is(number, -0)) {
      oneWord[0] = swap(number | 0, form);
      numbers[i] = one[0]!;
    } else numbers[i] = Number.NaN;
  }
}

/** Puts a number where its slot belongs. */
function fromNumbers(value: Float64Array, at: number, count: number, form: Form): void {
  if (form < 2) return;
  for (let i = at; i < at + count; i++) {
    one[0] = value[i]!;
    value[i] = swap(oneWord[0]!, form) >>> 0;
  }
}

// ---- patches

/** Marks in `odd` the slots that the code will not give back; returns how many stretches of equal slots they are. */
let oddStretches = 0;
function countOdd(words: Int32Array, from: number, count: number): number {
  let stretches = 0;
  for (let i = 0; i < count; i++) if (odd[i] === 1 && !continues(words, from, i)) stretches++;
  oddStretches = stretches;
  return stretches;
}
const continues = (words: Int32Array, from: number, i: number): boolean =>
  i > 0 &&
  odd[i - 1] === 1 &&
  words[2 * (from + i)] === words[2 * (from + i) - 2] &&
  words[2 * (from + i) + 1] === words[2 * (from + i) - 1];

function writePatches(words: Int32Array, from: number, count: number, out: ByteWriter): void {
  writeVarint(out, oddStretches);
  let before = 0;
  for (let i = 0; i < count; i++) {
    if (odd[i] === 0) continue;
    let end = i + 1;
    while (end < count && odd[end] === 1 && continues(words, from, end)) end++;
    writeVarint(out, i - before);
    writeVarint(out, end - i);
    writeSlot(out, words, from + i);
    before = end;
    i = end - 1;
  }
}

function readPatches(reader: ByteReader, words: Int32Array, at: number, count: number): void {
  const patches = readVarint(reader);
  if (patches > count) throw new RangeError('more patches than values');
  let index = 0;
  for (let i = 0; i < patches; i++) {
    index += readVarint(reader);
    const end = index + readVarint(reader);
    if (!(end <= count)) throw new RangeError('a patch behind the last value');
    fillSlots(words, at + index, at + end, readU32(reader), readU32(reader));
    index = end;
  }
}

// ---- whole numbers

/** Numbers that are whole numbers over a power of ten. */
function encodeWhole(words: Int32Array, from: number, count: number, form: Form, out: ByteWriter): boolean {
  let digits = sampledDigits(count, form);
  if (digits < 0) return false;
  let odds = scale(count, digits, form);
  if (odds * 16 > count) {
    const more = allDigits(count, digits, form);
    if (more > digits) odds = scale(count, (digits = more), form);
  }
  if (odds > 0 && countOdd(words, from, count) * 16 > count) return false;
  let least = whole[0]!;
  let most = least;
  for (let i = 1; i < count; i++) {
    const number = whole[i]!;
    if (number < least) least = number;
    if (number > most) most = number;
  }
  const unit = unitOf(count, least);
  const range = (most - least) / unit;
  if (!(range < 2 ** 32)) return false;
  if (unit === 1) for (let i = 0; i < count; i++) steps[i] = whole[i]! - least;
  else for (let i = 0; i < count; i++) steps[i] = (whole[i]! - least) / unit;
  let prediction = bestPrediction(count, range);
  planColumn(steps, count, secondPlan);
  if (prediction !== LEAST) {
    predictSteps(count, prediction);
    planColumn(column, count, plan);
    if (plan.bytes + 2 >= secondPlan.bytes) prediction = LEAST;
  }
  writeByte(out, odds > 0 ? VALUE.whole | PATCHED : VALUE.whole);
  writeByte(out, (form << 4) | prediction);
  writeByte(out, digits);
  writeF64(out, least);
  writeVarint(out, unit);
  if (prediction === LEAST) writeColumn(steps, count, secondPlan, out);
  else {
    writeVarint(out, steps[0]!);
    writeColumn(column, count, plan, out);
  }
  if (odds > 0) writePatches(words, from, count, out);
  return true;
}

/** Fewest digits from `least` on with which a number comes back to the bit; -1 if none. */
function digitsOf(number: number, least: number, form: Form): number {
  const most = form === 0 ? 9 : 6;
  for (let digits = least; digits <= most; digits++) {
    const power = POWERS[digits]!;
    const scaled = Math.floor(number * power + 0.5);
    const back = form === 0 ? scaled / power : Math.fround(scaled / power);
    if (back === number && Math.abs(scaled) < (form === 0 ? EXACT : 2 ** 24)) return digits;
  }
  return -1;
}

function sampledDigits(count: number, form: Form): number {
  const stride = Math.max(1, Math.floor(count / 32));
  let digits = 0;
  let seen = 0;
  let failed = 0;
  for (let i = 0; i < count; i += stride) {
    const found = digitsOf(numbers[i]!, digits, form);
    if (found < 0) failed++;
    else digits = found;
    seen++;
  }
  return failed * 4 > seen ? -1 : digits;
}

function allDigits(count: number, least: number, form: Form): number {
  let digits = least;
  for (let i = 0; i < count; i++) if (odd[i] === 1) digits = Math.max(digits, digitsOf(numbers[i]!, digits, form));
  return digits;
}

/** Fills `whole`, and marks in `odd` what is no such number; those repeat the number before. Returns how many. */
function scale(count: number, digits: number, form: Form): number {
  const power = POWERS[digits]!;
  const rounded = form !== 0;
  let odds = 0;
  let before = 0;
  for (let i = 0; i < count; i++) {
    const number = numbers[i]!;
    const scaled = Math.floor(number * power + 0.5);
    const back = rounded ? Math.fround(scaled / power) : scaled / power;
    if (back === number && scaled < EXACT && scaled > -EXACT && (scaled !== 0 || !Object.is(number, -0))) {
      if (odds === i && odds > 0) whole.fill(scaled, 0, i);
      whole[i] = before = scaled;
      odd[i] = 0;
    } else {
      whole[i] = before;
      odd[i] = 1;
      odds++;
    }
  }
  return odds;
}

/** Greatest common divisor of the distances from `least`. */
function unitOf(count: number, least: number): number {
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

const TRIED = [4, 6, 8] as const;
/** Predictions of real numbers need distances that stay small in doubles and in 32 bits. */
const PREDICTABLE = 2 ** 29;

/** Compares predictions over some hundred numbers by the bits of what is left. */
function bestPrediction(count: number, range: number): number {
  const start = Math.max(0, Math.floor(count / 2) - 128);
  const end = Math.min(count, start + 256);
  let least = 0;
  let previous = 0;
  let line = 0;
  for (let i = start + 2; i < end; i++) {
    const change = (steps[i]! - steps[i - 1]!) | 0;
    const second = (change - (steps[i - 1]! - steps[i - 2]!)) | 0;
    least += bitLength(steps[i]!);
    previous += bitLength((change << 1) ^ (change >> 31));
    line += bitLength((second << 1) ^ (second >> 31));
  }
  let best: number = LEAST;
  let bits = Math.min(least, (end - start) * bitLength(range));
  if (previous < bits) {
    bits = previous;
    best = PREVIOUS;
  }
  if (line < bits && range < PREDICTABLE) {
    bits = line;
    best = LINE;
  }
  if (range >= PREDICTABLE || bits < (end - start) * 2) return best;
  // A memory pays off where there is noise; its trial sees fewer numbers, so it must win clearly.
  for (const memory of TRIED) {
    const cost = trackSteps(start, end, memory, false);
    if (cost < bits) {
      bits = cost;
      best = memory;
    }
  }
  return best;
}

/** Runs a level with a slope over `steps`; returns the bits of what is left, or fills `column` with it. */
function trackSteps(start: number, end: number, prediction: number, write: boolean): number {
  const memory = 2 ** (prediction - 1);
  let level = steps[start]!;
  let slope = 0;
  let bits = 0;
  for (let i = start; i < end; i++) {
    const expected = level + slope;
    const number = steps[i]!;
    const off = (number - Math.floor(expected + 0.5)) | 0;
    const zigzag = (off << 1) ^ (off >> 31);
    if (write) column[i] = zigzag;
    bits += 32 - Math.clz32(zigzag);
    const gain = i - start < memory ? i - start : memory;
    const error = number - expected;
    level = expected + levelGain[gain]! * error;
    slope += slopeGain[gain]! * error;
  }
  return bits;
}

/** Fills `column` with the distances of `steps` from what was expected, sign in the lowest bit. */
function predictSteps(count: number, prediction: number): void {
  if (prediction >= FIRST_MEMORY) {
    trackSteps(0, count, prediction, true);
    return;
  }
  let before = steps[0]!;
  let change = 0;
  for (let i = 0; i < count; i++) {
    const number = steps[i]!;
    const off = (number - before - change) | 0;
    column[i] = (off << 1) ^ (off >> 31);
    if (prediction === LINE) change = (number - before) | 0;
    before = number;
  }
}

function decodeWhole(reader: ByteReader, value: Float64Array, at: number, count: number): void {
  const head = readByte(reader);
  const prediction = head & 15;
  const form = head >> 4;
  if (form > 5 || prediction > LAST_MEMORY) throw new RangeError(`whole numbers of kind ${head}`);
  const power = POWERS[readByte(reader)];
  if (power === undefined) throw new RangeError('more digits than a number has');
  const base = readF64(reader);
  const unit = readVarint(reader);
  let before = prediction === LEAST ? 0 : readVarint(reader) >>> 0;
  readColumn(reader, column, count);
  if (prediction === PREVIOUS) {
    for (let i = 0; i < count; i++) {
      const zigzag = column[i]!;
      before = (before + ((zigzag >>> 1) ^ -(zigzag & 1))) >>> 0;
      column[i] = before;
    }
  } else if (prediction === LINE) {
    let change = 0;
    for (let i = 0; i < count; i++) {
      const zigzag = column[i]!;
      change = (change + ((zigzag >>> 1) ^ -(zigzag & 1))) | 0;
      before = (before + change) >>> 0;
      column[i] = before;
    }
  } else if (prediction !== LEAST) {
    const memory = 2 ** (prediction - 1);
    let level = before;
    let slope = 0;
    for (let i = 0; i < count; i++) {
      const expected = level + slope;
      const zigzag = column[i]!;
      const number = (Math.floor(expected + 0.5) + ((zigzag >>> 1) ^ -(zigzag & 1))) >>> 0;
      column[i] = number;
      const gain = i < memory ? i : memory;
      const error = number - expected;
      level = expected + levelGain[gain]! * error;
      slope += slopeGain[gain]! * error;
    }
  }
  if (form !== 0) for (let i = 0; i < count; i++) value[at + i] = Math.fround((base + column[i]! * unit) / power);
  else if (power === 1) for (let i = 0; i < count; i++) value[at + i] = base + column[i]! * unit;
  else for (let i = 0; i < count; i++) value[at + i] = (base + column[i]! * unit) / power;
  fromNumbers(value, at, count, form as Form);
}

// ---- single floats

/** A float's bits as whole numbers in the order of the floats; its own inverse. */
const ordered = (bits: number): number => bits ^ ((bits >> 31) & 0x7fff_ffff);

/** How many bits the distances keep above those that go into the stream as they are. */
const KEPT = 7;
const lengthsOfNoise = new Uint32Array(320);

/** Single floats as distances, in units of their last place, from a prediction; the noise's low bits apart. */
function encodeSingle(words: Int32Array, from: number, count: number, form: Form, out: ByteWriter): boolean {
  let odds = 0;
  let before = 0;
  for (let i = 0; i < count; i++) {
    const number = numbers[i]!;
    const fits = Number.isFinite(number);
    singles[i] = before = fits ? number : before;
    odd[i] = fits ? 0 : 1;
    if (!fits) odds++;
  }
  if (odds > 0 && countOdd(words, from, count) * 16 > count) return false;
  const start = Math.max(0, Math.floor(count / 2) - 128);
  const end = Math.min(count, start + 256);
  let prediction: number = PREVIOUS;
  let bits = Number.POSITIVE_INFINITY;
  for (const tried of [PREVIOUS, LINE, ...TRIED]) {
    const cost = trackSingles(start, end, tried);
    if (cost >= bits) continue;
    bits = cost;
    prediction = tried;
  }
  trackSingles(0, count, prediction);
  // Noise of one size takes fewer last places the larger the number is, so its bits shrink with the exponent.
  lengthsOfNoise.fill(0);
  for (let i = 0; i < count; i++) lengthsOfNoise[bitLength(column[i]!) + exponents[i]!]!++;
  let size = lengthsOfNoise.length - 1;
  for (let above = lengthsOfNoise[size]!; size > 0 && above * 64 <= count; above += lengthsOfNoise[size]!) size--;
  const noise = Math.min(255, Math.max(0, size - KEPT));
  let low = 0;
  for (let i = 0; i < count; i++) {
    const width = Math.min(24, Math.max(0, noise - exponents[i]!));
    exponents[i] = width;
    other[i] = column[i]! >>> width;
    low += width;
  }
  writeByte(out, odds > 0 ? VALUE.single | PATCHED : VALUE.single);
  writeByte(out, (form << 4) | prediction);
  writeByte(out, noise);
  packColumn(other, count, out);
  if (low > 0) writeVaried(column, exponents, count, out);
  if (odds > 0) writePatches(words, from, count, out);
  return true;
}

/** Fills `column` with distances from the prediction and `exponents` with those of the prediction; returns the bits. */
function trackSingles(start: number, end: number, prediction: number): number {
  const memory = prediction === LINE ? 1 : 2 ** (prediction - 1);
  const flat = prediction === PREVIOUS;
  let level = 0;
  let slope = 0;
  let bits = 0;
  for (let i = start; i < end; i++) {
    const expected = level + slope;
    one[0] = expected < FAR && expected > -FAR ? expected : 0;
    const guess = oneWord[0]!;
    const off = (ordered(singleWords[i]!) - ordered(guess)) | 0;
    const zigzag = (off << 1) ^ (off >> 31);
    column[i] = zigzag;
    exponents[i] = (guess >>> 23) & 255;
    bits += 32 - Math.clz32(zigzag);
    const number = singles[i]!;
    if (flat || i === start) level = number;
    else {
      const gain = i - start < memory ? i - start : memory;
      const error = number - expected;
      level = expected + levelGain[gain]! * error;
      slope += slopeGain[gain]! * error;
    }
  }
  return bits;
}

function decodeSingle(reader: ByteReader, value: Float64Array, at: number, count: number): void {
  const head = readByte(reader);
  const prediction = head & 15;
  const form = head >> 4;
  if (form === 0 || form > 5 || prediction === LEAST || prediction > LAST_MEMORY)
    throw new RangeError(`single floats of kind ${head}`);
  const noise = readByte(reader);
  readColumn(reader, column, count);
  const { view } = reader;
  let bit = reader.at * 8;
  const memory = prediction === LINE ? 1 : 2 ** (prediction - 1);
  const flat = prediction === PREVIOUS;
  let level = 0;
  let slope = 0;
  for (let i = 0; i < count; i++) {
    const expected = level + slope;
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
    value[at + i] = form < 2 ? number : swap(oneWord[0]!, form as Form) >>> 0;
    if (flat || i === 0) level = number;
    else {
      const gain = i < memory ? i : memory;
      const error = number - expected;
      level = expected + levelGain[gain]! * error;
      slope += slopeGain[gain]! * error;
    }
  }
  reader.at = (bit + 7) >>> 3;
}

// ---- anything else

/** Differences of the slots as whole numbers of 64 bits, high and low words apart. */
function encodeLong(words: Int32Array, from: number, count: number, out: ByteWriter): boolean {
  let low = 0;
  let high = 0;
  for (let i = 0; i < count; i++) {
    const nextLow = words[2 * (from + i)]! >>> 0;
    const nextHigh = words[2 * (from + i) + 1]!;
    const lowOff = (nextLow - low) | 0;
    const highOff = (nextHigh - high - (nextLow < low ? 1 : 0)) | 0;
    const sign = highOff >> 31;
    column[i] = (lowOff << 1) ^ sign;
    other[i] = ((highOff << 1) | (lowOff >>> 31)) ^ sign;
    low = nextLow;
    high = nextHigh;
  }
  writeByte(out, VALUE.long);
  packColumn(other, count, out);
  packColumn(column, count, out);
  return true;
}

function decodeLong(reader: ByteReader, words: Int32Array, at: number, count: number): void {
  readColumn(reader, other, count);
  readColumn(reader, column, count);
  let low = 0;
  let high = 0;
  for (let i = 0; i < count; i++) {
    const lowZigzag = column[i]!;
    const highZigzag = other[i]!;
    const sign = -(lowZigzag & 1);
    const lowOff = (((lowZigzag >>> 1) | (highZigzag << 31)) ^ sign) >>> 0;
    const highOff = (highZigzag >>> 1) ^ sign;
    const sum = low + lowOff;
    low = sum >>> 0;
    high = (high + highOff + (sum > 0xffff_ffff ? 1 : 0)) | 0;
    words[2 * (at + i)] = low;
    words[2 * (at + i) + 1] = high;
  }
}

// ---- reading

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
  decodeEach(readByte(reader), reader, runValues, new Int32Array(runValues.buffer), 0, runs);
  const values = new Int32Array(runValues.buffer);
  let filled = 0;
  for (let i = 0; i < runs; i++) {
    const end = filled + runLengths[i]! + 1;
    if (end > count) throw new RangeError('runs are longer than the block');
    fillSlots(words, at + filled, at + end, values[2 * i]!, values[2 * i + 1]!);
    filled = end;
  }
  if (filled !== count) throw new RangeError('runs do not fill the block');
}

function decodeEach(
  code: number,
  reader: ByteReader,
  value: Float64Array<ArrayBuffer>,
  words: Int32Array,
  at: number,
  count: number,
): void {
  switch (code & ~PATCHED) {
    case VALUE.whole:
      decodeWhole(reader, value, at, count);
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

function fillSlots(words: Int32Array, from: number, to: number, low: number, high: number): void {
  for (let i = from; i < to; i++) {
    words[2 * i] = low;
    words[2 * i + 1] = high;
  }
}
