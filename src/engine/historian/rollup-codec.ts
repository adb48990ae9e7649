import {
  type ByteReader,
  type ByteWriter,
  createByteReader,
  createByteWriter,
  readByte,
  readVarint,
  writeByte,
  writeVarint,
} from './bytes.ts';
import { BLOCK_SAMPLES, packColumn, readColumn, STREAM_SLACK } from './column-pack.ts';
import { putBest, putInts, takeInts, wholeColumn } from './integers.ts';
import { type BucketList, createBucketList } from './rollup.ts';
import { DECIMALS, decodeSums, EXACT, encodeSums, SINGLE } from './rollup-sums.ts';
import { decodeTimes, encodeTimes } from './rollup-times.ts';

/**
 * The buckets of one row of the pyramid as bytes; FORMAT.md has them. Columns of whole numbers, each as what it differs
 * by from what is known before it, so that what is regular takes next to nothing.
 */
const LAYOUT = 1;
/** How values became whole numbers, beside SINGLE and the decimals 0 to 6. */
const DOUBLE = 8;
const MAX_DIGITS = 6;

const BELOW = 2 ** 31;
const N = BLOCK_SAMPLES;
const column = new Uint32Array(N);
const scratch = createByteWriter(1 << 16);
const [lows, highs, firsts, lasts] = [wholeColumn(), wholeColumn(), wholeColumn(), wholeColumn()];
const [trial, nulls] = [wholeColumn(), wholeColumn()];
/** 1 where a bucket's values lie no lower than those of the bucket before. */
const rising = new Uint8Array(N);
/** Predictions that were taken of least, greatest, first and last. */
const taken = new Uint8Array(4);
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
  encodeTimes(list, rising, out);
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
  decodeTimes(from, list, rising);
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
  const whole = Math.round(value * DECIMALS[digits]!);
  return Math.abs(whole) < EXACT && whole / DECIMALS[digits]! === value && !(whole === 0 && Object.is(value, -0));
}

/** A value as a whole number that keeps the order; of a double its upper half, the lower one left in `words[0]`. */
function toWhole(value: number, kind: number): number {
  if (kind < SINGLE) return Math.round(value * DECIMALS[kind]!);
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

/** The way back of `n` values; `lows` are the lower halves of doubles. Loops of their own, since most lists are decoded once. */
function fromWholes(wholes: Float64Array, kind: number, lows: Uint32Array, n: number, into: Float64Array): void {
  if (kind < SINGLE) {
    const scale = DECIMALS[kind]!;
    for (let i = 0; i < n; i++) into[i] = wholes[i]! / scale;
    return;
  }
  for (let i = 0; i < n; i++) {
    const whole = wholes[i]!;
    const bits = whole >= 0 ? whole : BELOW - 1 - whole;
    if (kind === SINGLE) {
      singleBits[0] = bits;
      into[i] = single[0]!;
    } else {
      words[1] = bits;
      words[0] = lows[i]!;
      into[i] = word[0]!;
    }
  }
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
  followTrend(n);
  for (let column = 0; column < 4; column++) {
    const candidates = VALUE_CANDIDATES[column]!;
    taken[column] = putBest(
      n,
      candidates,
      (candidate, into) => {
        const values = wholes[column]!;
        for (let i = 0; i < n; i++) into[i] = values[i]! - expectedValue(column, candidate, i);
      },
      out,
    );
  }
  if (kind !== DOUBLE) return;
  for (let column = 0; column < 4; column++) putHalves(column, n, out);
}

const wholes = [lows, highs, firsts, lasts] as const;
/** How many predictions least, greatest, first and last have. */
const VALUE_CANDIDATES = [2, 3, 3, 3];

function followTrend(n: number): void {
  for (let i = 0; i < n; i++) rising[i] = isRising(i) ? 1 : 0;
}
const isRising = (i: number): boolean => i === 0 || lows[i]! + highs[i]! >= lows[i - 1]! + highs[i - 1]!;

/**
 * What is expected of a whole number, from the buckets before and the columns before. What moves one way begins where
 * the bucket before has ended, and its first and last samples are its least and greatest.
 */
function expectedValue(column: number, candidate: number, i: number): number {
  switch (column) {
    case 0:
      if (i === 0) return 0;
      if (candidate === 0) return lows[i - 1]!;
      return rising[i - 1] === 1 ? highs[i - 1]! : 2 * lows[i - 1]! - highs[i - 1]!;
    case 1:
      if (candidate === 1) return lows[i]!;
      if (candidate === 0) return i === 0 ? 0 : highs[i - 1]!;
      return i === 0 ? lows[i]! : lows[i]! + (highs[i - 1]! - lows[i - 1]!);
    default:
      return isLeast(column, candidate, i) ? lows[i]! : highs[i]!;
  }
}

/** Whether a first or last value is expected to be the least of its bucket, and not the greatest. */
const isLeast = (column: number, candidate: number, i: number): boolean =>
  candidate === 2 ? (rising[i] === 1) === (column === 2) : candidate === 0;

/** Adds to the numbers of all four columns what `expectedValue` expects of them, without a call for each. */
function addExpected(n: number): void {
  const [ofLow, ofHigh, ofFirst, ofLast] = taken;
  // Nothing is expected of the first but what its own bucket tells.
  let low = lows[0]!;
  let high = highs[0]! + (ofHigh === 0 ? 0 : low);
  highs[0] = high;
  rising[0] = 1;
  // In time order, since least and greatest are expected from each other.
  for (let i = 1; i < n; i++) {
    const nextLow = lows[i]! + (ofLow === 0 ? low : rising[i - 1] === 1 ? high : 2 * low - high);
    const nextHigh = highs[i]! + (ofHigh === 0 ? high : ofHigh === 1 ? nextLow : nextLow + (high - low));
    lows[i] = nextLow;
    highs[i] = nextHigh;
    rising[i] = nextLow + nextHigh >= low + high ? 1 : 0;
    low = nextLow;
    high = nextHigh;
  }
  for (let i = 0; i < n; i++) {
    firsts[i]! += (ofFirst === 2 ? rising[i] === 1 : ofFirst === 0) ? lows[i]! : highs[i]!;
    lasts[i]! += (ofLast === 2 ? rising[i] !== 1 : ofLast === 0) ? lows[i]! : highs[i]!;
  }
}

function putHalves(which: number, n: number, out: ByteWriter): void {
  for (let i = 0; i < n; i++) column[i] = halves[which]![i]! ^ knownHalf(which, i);
  packColumn(column, n, out);
}

function knownHalf(which: number, i: number): number {
  if (which < 2) return i === 0 ? 0 : halves[which]![i - 1]!;
  // The first two predictions leave it at the least for the first and the greatest for the last.
  if (taken[which] !== 2) return halves[which - 2]![i]!;
  return halves[isLeast(which, 2, i) ? 0 : 1]![i]!;
}

function decodeValues(from: ByteReader, kind: number, list: BucketList): void {
  const n = list.length;
  for (let column = 0; column < 4; column++) {
    const candidate = readByte(from);
    if (candidate >= VALUE_CANDIDATES[column]!) throw new RangeError(`prediction ${candidate} of a value`);
    taken[column] = candidate;
    takeInts(from, wholes[column]!, n);
  }
  addExpected(n);
  if (kind === DOUBLE) {
    for (let which = 0; which < 4; which++) {
      readColumn(from, column, n);
      for (let i = 0; i < n; i++) halves[which]![i] = column[i]! ^ knownHalf(which, i);
    }
  }
  const targets = [list.min, list.max, list.first, list.last];
  for (let which = 0; which < 4; which++) fromWholes(wholes[which]!, kind, halves[which]!, n, targets[which]!);
}
