import {
  type ByteReader,
  type ByteWriter,
  createByteReader,
  createByteWriter,
  readByte,
  readF64,
  readVarint,
  readZigzag,
  writeByte,
  writeF64,
  writeVarint,
  writeZigzag,
} from './bytes.ts';
import { BLOCK_SAMPLES, packColumn, readColumn, STREAM_SLACK } from './column-pack.ts';
import { putBest, putInts, takeInts, wholeColumn } from './integers.ts';
import { type BucketList, createBucketList } from './rollup.ts';
import { decodeTimes, encodeTimes } from './rollup-times.ts';

/**
 * The buckets of one row of the pyramid as bytes; FORMAT.md has them. Columns of whole numbers, each as what it differs
 * by from what is known before it, so that what is regular takes next to nothing.
 */
const LAYOUT = 1;
/** How values became whole numbers: 0 to 6 are decimals. */
const SINGLE = 7;
const DOUBLE = 8;
const MAX_DIGITS = 6;
const POWERS = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
const EXACT = 2 ** 51;
const SUM = { decimal: 0, binary: 1, plain: 2 } as const;
/** What a sum differs from its decimal by, in steps of the last bit; more is an exception. */
const MOST_STEPS = 2 ** 20;

const BELOW = 2 ** 31;
const N = BLOCK_SAMPLES;
const column = new Uint32Array(N);
const other = new Uint32Array(N);
const scratch = createByteWriter(1 << 16);
const [lows, highs, firsts, lasts] = [wholeColumn(), wholeColumn(), wholeColumn(), wholeColumn()];
const [trial, best, sums, filler] = [wholeColumn(), wholeColumn(), wholeColumn(), wholeColumn()];
const nulls = wholeColumn();
const word = new Float64Array(1);
const words = new Uint32Array(word.buffer);
const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

export function encodeBuckets(list: BucketList): Uint8Array<ArrayBuffer> {
  const n = list.length;
  if (n === 0 || n > N) throw new RangeError(`a list of ${n} buckets`);
  const out = scratch;
  out.at = 0;
  writeByte(out, LAYOUT);
  writeVarint(out, n);
  for (let i = 0; i < n; i++) trial[i] = i === 0 ? 0 : list.number[i]! - list.number[i - 1]! - 1;
  putInts(trial, n, out);
  for (let i = 0; i < n; i++) trial[i] = list.count[i]!;
  putInts(trial, n, out);
  for (let i = 0; i < n; i++) trial[i] = list.bad[i]!;
  putInts(trial, n, out);
  for (let i = 0; i < n; i++) trial[i] = list.quality[i]!;
  putInts(trial, n, out);
  for (let i = 0; i < n; i++) nulls[i] = nullsOf(list, i);
  putInts(nulls, n, out);
  const kind = kindOf(list);
  writeByte(out, kind);
  encodeValues(list, kind, out);
  encodeSums(list, kind, out);
  encodeTimes(list, out);
  return out.bytes.slice(0, out.at);
}

/** Throws RangeError for bytes that are no list; `firstNumber` is the number of its first bucket. */
export function decodeBuckets(data: Uint8Array, firstNumber: number, width: number): BucketList {
  // Bit streams are read in words, which may reach behind their end.
  const bytes = new Uint8Array(data.length + STREAM_SLACK);
  bytes.set(data);
  const from = createByteReader(bytes);
  if (readByte(from) !== LAYOUT) throw new RangeError('not buckets of a known layout');
  const n = readVarint(from);
  if (n === 0 || n > N) throw new RangeError(`a list of ${n} buckets`);
  const list = createBucketList(width, n);
  list.length = n;
  takeInts(from, trial, n);
  for (let i = 0, number = firstNumber - 1; i < n; i++) list.number[i] = number += trial[i]! + 1;
  takeInts(from, trial, n);
  for (let i = 0; i < n; i++) list.count[i] = trial[i]!;
  takeInts(from, trial, n);
  for (let i = 0; i < n; i++) list.bad[i] = trial[i]!;
  takeInts(from, trial, n);
  for (let i = 0; i < n; i++) list.quality[i] = trial[i]!;
  takeInts(from, nulls, n);
  const kind = readByte(from);
  if (kind > DOUBLE) throw new RangeError(`values of kind ${kind}`);
  decodeValues(from, kind, list);
  for (let i = 0; i < n; i++) {
    if ((nulls[i]! & 1) !== 0) list.first[i] = Number.NaN;
    if ((nulls[i]! & 2) !== 0) list.last[i] = Number.NaN;
    if (list.count[i]! > 0) continue;
    list.min[i] = Number.POSITIVE_INFINITY;
    list.max[i] = Number.NEGATIVE_INFINITY;
  }
  decodeSums(from, kind, list);
  decodeTimes(from, list);
  if (from.at !== data.length) throw new RangeError('the columns do not fill the list');
  for (let i = 0; i < n; i++) {
    if (list.count[i]! > 0) continue;
    list.sum[i] = 0;
    list.minTime[i] = Number.NaN;
    list.maxTime[i] = Number.NaN;
  }
  return list;
}

/** 1: the first sample has no value, 2: the last has none. */
const nullsOf = (list: BucketList, i: number): number =>
  (Number.isNaN(list.first[i]!) ? 1 : 0) | (Number.isNaN(list.last[i]!) ? 2 : 0);

// Values.

/** The number of decimals with which all values are whole, or the kind of float that they are. */
function kindOf(list: BucketList): number {
  let digits = 0;
  let singles = true;
  for (const values of [list.min, list.max, list.first, list.last]) {
    for (let i = 0; i < list.length; i++) {
      const value = values[i]!;
      if (isNone(list, values, i)) continue;
      while (digits <= MAX_DIGITS && !isDecimal(value, digits)) digits++;
      if (singles && !Object.is(Math.fround(value), value)) singles = false;
      if (digits > MAX_DIGITS && !singles) return DOUBLE;
    }
  }
  // With the decimals of a later value an earlier one may be too large.
  if (digits <= MAX_DIGITS && allDecimal(list, digits)) return digits;
  return singles ? SINGLE : DOUBLE;
}

function allDecimal(list: BucketList, digits: number): boolean {
  for (const values of [list.min, list.max, list.first, list.last]) {
    for (let i = 0; i < list.length; i++) {
      if (!isNone(list, values, i) && !isDecimal(values[i]!, digits)) return false;
    }
  }
  return true;
}

const isNone = (list: BucketList, values: Float64Array, i: number): boolean =>
  Number.isNaN(values[i]!) || (list.count[i] === 0 && (values === list.min || values === list.max));

function isDecimal(value: number, digits: number): boolean {
  const whole = Math.round(value * POWERS[digits]!);
  return Math.abs(whole) < EXACT && whole / POWERS[digits]! === value && !(whole === 0 && Object.is(value, -0));
}

/** A value as a whole number that keeps the order; of a double its upper half, the lower one left in `words[0]`. */
function toWhole(value: number, kind: number): number {
  if (kind < SINGLE) return Math.round(value * POWERS[kind]!);
  let bits: number;
  if (kind === SINGLE) {
    single[0] = value;
    bits = singleBits[0]!;
  } else {
    word[0] = value;
    bits = words[1]!;
  }
  return bits < BELOW ? bits : BELOW - 1 - bits;
}

/** The way back; `low` is the lower half of a double. */
function fromWhole(whole: number, kind: number, low: number): number {
  if (kind < SINGLE) return whole / POWERS[kind]!;
  const bits = whole >= 0 ? whole : BELOW - 1 - whole;
  if (kind === SINGLE) {
    singleBits[0] = bits;
    return single[0]!;
  }
  words[1] = bits;
  words[0] = low;
  return word[0]!;
}

const halves = [new Uint32Array(N), new Uint32Array(N), new Uint32Array(N), new Uint32Array(N)] as const;

function encodeValues(list: BucketList, kind: number, out: ByteWriter): void {
  const n = list.length;
  let min = 0;
  let max = 0;
  let minHalf = 0;
  let maxHalf = 0;
  for (let i = 0; i < n; i++) {
    // What has no value repeats what is there, which costs nothing.
    if (list.count[i]! > 0) {
      min = toWhole(list.min[i]!, kind);
      minHalf = words[0]!;
      max = toWhole(list.max[i]!, kind);
      maxHalf = words[0]!;
    }
    lows[i] = min;
    highs[i] = max;
    halves[0][i] = minHalf;
    halves[1][i] = maxHalf;
    firsts[i] = min;
    halves[2][i] = minHalf;
    lasts[i] = max;
    halves[3][i] = maxHalf;
    if ((nulls[i]! & 1) === 0) {
      firsts[i] = toWhole(list.first[i]!, kind);
      halves[2][i] = words[0]!;
    }
    if ((nulls[i]! & 2) === 0) {
      lasts[i] = toWhole(list.last[i]!, kind);
      halves[3][i] = words[0]!;
    }
  }
  for (let column = 0; column < 4; column++) {
    putBest(n, VALUE_CANDIDATES[column]!, (candidate, into) => valueResidue(column, candidate, n, into, false), out);
  }
  if (kind !== DOUBLE) return;
  for (let column = 0; column < 4; column++) putHalves(column, n, out);
}

const wholes = [lows, highs, firsts, lasts] as const;
/** How many predictions least, greatest, first and last have. */
const VALUE_CANDIDATES = [1, 2, 2, 2];

/** Replaces values by what a prediction leaves of them, or (`back`) the other way, in place in time order. */
function valueResidue(column: number, candidate: number, n: number, into: Float64Array, back: boolean): void {
  const values = wholes[column]!;
  for (let i = 0, before = 0; i < n; i++) {
    const known =
      column === 0
        ? before
        : column === 1
          ? candidate === 0
            ? before
            : lows[i]!
          : candidate === 0
            ? lows[i]!
            : highs[i]!;
    if (back) values[i] = into[i]! + known;
    else into[i] = values[i]! - known;
    before = values[i]!;
  }
}

function putHalves(which: number, n: number, out: ByteWriter): void {
  for (let i = 0; i < n; i++) column[i] = halves[which]![i]! ^ knownHalf(which, i);
  packColumn(column, n, out);
}

function knownHalf(which: number, i: number): number {
  if (which < 2) return i === 0 ? 0 : halves[which]![i - 1]!;
  return halves[which - 2]![i]!;
}

function decodeValues(from: ByteReader, kind: number, list: BucketList): void {
  const n = list.length;
  for (let column = 0; column < 4; column++) {
    const candidate = readByte(from);
    if (candidate >= VALUE_CANDIDATES[column]!) throw new RangeError(`prediction ${candidate} of a value`);
    takeInts(from, best, n);
    valueResidue(column, candidate, n, best, true);
  }
  if (kind === DOUBLE) {
    for (let which = 0; which < 4; which++) {
      readColumn(from, column, n);
      for (let i = 0; i < n; i++) halves[which]![i] = column[i]! ^ knownHalf(which, i);
    }
  }
  const targets = [list.min, list.max, list.first, list.last];
  for (let which = 0; which < 4; which++) {
    const target = targets[which]!;
    const values = wholes[which]!;
    for (let i = 0; i < n; i++) target[i] = fromWhole(values[i]!, kind, halves[which]![i]!);
  }
}

// Sums.

/** Predictions of a sum. */
const SUM_CANDIDATES = 4;

/** What is expected of the sum of bucket `i`, in its unit; whole, and the same number on every machine. */
function expectedSum(list: BucketList, candidate: number, i: number, unit: number, decimal: boolean): number {
  const count = list.count[i]!;
  let expected: number;
  if (candidate === 0) expected = i === 0 ? 0 : list.sum[i - 1]!;
  else if (candidate === 1) expected = (count * (list.min[i]! + list.max[i]!)) / 2;
  else if (candidate === 2) expected = (count * (list.first[i]! + list.last[i]!)) / 2;
  else expected = i === 0 || list.count[i - 1] === 0 ? 0 : (list.sum[i - 1]! / list.count[i - 1]!) * count;
  const whole = Math.floor((decimal ? expected * unit : expected / unit) + 0.5);
  return Math.abs(whole) < EXACT ? whole : 0;
}

function encodeSums(list: BucketList, kind: number, out: ByteWriter): void {
  if (kind < SINGLE && decimalSums(list, kind, out)) return;
  if (binarySums(list, out)) return;
  const n = list.length;
  writeByte(out, SUM.plain);
  for (let i = 0; i < n; i++) {
    word[0] = list.sum[i]!;
    column[i] = words[1]!;
    other[i] = words[0]!;
  }
  packColumn(other, n, out);
  packColumn(column, n, out);
}

function decimalSums(list: BucketList, digits: number, out: ByteWriter): boolean {
  const n = list.length;
  const unit = POWERS[digits]!;
  const odd: number[] = [];
  for (let i = 0; i < n; i++) {
    const sum = list.sum[i]!;
    const whole = Math.round(sum * unit);
    if (!(Math.abs(whole) < EXACT)) return false;
    sums[i] = whole;
    filler[i] = stepsBetween(sum, whole / unit);
    if (Math.abs(filler[i]!) <= MOST_STEPS) continue;
    filler[i] = 0;
    odd.push(i);
    if (odd.length * 4 > n) return false;
  }
  writeByte(out, SUM.decimal);
  putSums(list, unit, true, out);
  putInts(filler, n, out);
  writeVarint(out, odd.length);
  for (const [at, i] of odd.entries()) {
    writeVarint(out, at === 0 ? i : i - odd[at - 1]! - 1);
    writeF64(out, list.sum[i]!);
  }
  return true;
}

function binarySums(list: BucketList, out: ByteWriter): boolean {
  const n = list.length;
  let lowest = 1_100;
  let most = 0;
  for (let i = 0; i < n; i++) {
    const sum = Math.abs(list.sum[i]!);
    if (!(sum < Number.MAX_VALUE)) return false;
    if (sum === 0) continue;
    if (sum > most) most = sum;
    word[0] = sum;
    const exponent = words[1]! >>> 20;
    if (exponent === 0) return false;
    const low = words[0]!;
    const zeros = low !== 0 ? trailingZeros(low) : 32 + trailingZeros(words[1]! | 0x10_0000);
    lowest = Math.min(lowest, exponent - 1_075 + zeros);
  }
  if (lowest < -1_000) return false;
  if (most === 0) lowest = 0;
  const unit = 2 ** lowest;
  if (most / unit >= EXACT) return false;
  for (let i = 0; i < n; i++) sums[i] = list.sum[i]! / unit;
  writeByte(out, SUM.binary);
  writeZigzag(out, lowest);
  putSums(list, unit, false, out);
  return true;
}

const trailingZeros = (bits: number): number => 31 - Math.clz32(bits & -bits);

function putSums(list: BucketList, unit: number, decimal: boolean, out: ByteWriter): void {
  const n = list.length;
  putBest(
    n,
    SUM_CANDIDATES,
    (candidate, into) => {
      for (let i = 0; i < n; i++) {
        into[i] = list.count[i] === 0 ? 0 : sums[i]! - expectedSum(list, candidate, i, unit, decimal);
      }
    },
    out,
  );
}

function decodeSums(from: ByteReader, kind: number, list: BucketList): void {
  const n = list.length;
  const code = readByte(from);
  if (code === SUM.plain) {
    readColumn(from, other, n);
    readColumn(from, column, n);
    for (let i = 0; i < n; i++) {
      words[0] = other[i]!;
      words[1] = column[i]!;
      list.sum[i] = word[0]!;
    }
    return;
  }
  const decimal = code === SUM.decimal;
  if (code > SUM.plain || (decimal && kind >= SINGLE)) throw new RangeError(`sums of kind ${code}`);
  const unit = decimal ? POWERS[kind]! : 2 ** readZigzag(from);
  const candidate = readByte(from);
  if (candidate >= SUM_CANDIDATES) throw new RangeError(`prediction ${candidate} of a sum`);
  takeInts(from, best, n);
  if (!decimal) {
    for (let i = 0; i < n; i++) {
      if (list.count[i]! > 0) list.sum[i] = (best[i]! + expectedSum(list, candidate, i, unit, false)) * unit;
    }
    return;
  }
  takeInts(from, filler, n);
  const odd = readVarint(from);
  if (odd > n) throw new RangeError('more exceptions than sums');
  for (let i = 0; i < odd; i++) {
    oddAt[i] = readVarint(from) + (i === 0 ? 0 : oddAt[i - 1]! + 1);
    if (oddAt[i]! >= n) throw new RangeError('an exception behind the last sum');
    oddSum[i] = readF64(from);
  }
  let next = 0;
  for (let i = 0; i < n; i++) {
    if (list.count[i]! > 0) {
      const whole = best[i]! + expectedSum(list, candidate, i, unit, true);
      list.sum[i] = stepped(whole / unit, filler[i]!);
    }
    if (next < odd && oddAt[next] === i) list.sum[i] = oddSum[next++]!;
  }
}
const oddAt = new Uint32Array(N);
const oddSum = new Float64Array(N);

/** By how many steps of its last bit `value` differs from `known`. */
function stepsBetween(value: number, known: number): number {
  word[0] = value;
  const [low, high] = [words[0]!, words[1]!];
  word[0] = known;
  return (high - words[1]!) * 2 ** 32 + (low - words[0]!);
}

function stepped(known: number, steps: number): number {
  if (steps === 0) return known;
  word[0] = known;
  const low = words[0]! + steps;
  const carry = Math.floor(low / 2 ** 32);
  words[0] = low - carry * 2 ** 32;
  words[1] = words[1]! + carry;
  return word[0]!;
}
