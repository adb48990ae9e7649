import {
  type ByteReader,
  type ByteWriter,
  readByte,
  readF64,
  readVarint,
  readZigzag,
  writeByte,
  writeF64,
  writeVarint,
  writeZigzag,
} from './bytes.ts';
import { BLOCK_SAMPLES, packColumn, readColumn } from './column-pack.ts';
import { putBest, putInts, takeInts, wholeColumn } from './integers.ts';
import type { BucketList } from './rollup.ts';

/** The sums of a list's buckets; see FORMAT.md. */
const SUM = { decimal: 0, binary: 1, plain: 2, single: 3 } as const;
/** Kind of values that are single floats. */
export const SINGLE = 7;
export const DECIMALS = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
/** Whole numbers below it stay exact in what is worked out from several of them. */
export const EXACT = 2 ** 51;
/** What a sum differs from its decimal by, in steps of the last bit; more is an exception. */
const MOST_STEPS = 2 ** 20;

const N = BLOCK_SAMPLES;
const column = new Uint32Array(N);
const other = new Uint32Array(N);
const [best, sums, filler] = [wholeColumn(), wholeColumn(), wholeColumn()];
/** What the whole numbers of sums count, for each bucket; as a decimal the number of parts of one. */
const units = wholeColumn();
const word = new Float64Array(1);
const words = new Uint32Array(word.buffer);
const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

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

/** `kind` is how the list's values became whole numbers: 0 to 6 decimals, SINGLE or another. */
export function encodeSums(list: BucketList, kind: number, out: ByteWriter): void {
  if (kind < SINGLE && decimalSums(list, kind, out)) return;
  if (kind === SINGLE && singleSums(list, out)) return;
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
  const unit = DECIMALS[digits]!;
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
  units.fill(unit, 0, n);
  putSums(list, true, out);
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
  const lowest = lowestExponent(list);
  if (lowest === null) return false;
  units.fill(2 ** lowest, 0, n);
  if (!inUnits(list)) return false;
  writeByte(out, SUM.binary);
  writeZigzag(out, lowest);
  putSums(list, false, out);
  return true;
}

/**
 * Single floats of one sign are multiples of the last place of the one nearest to zero, and so is what they sum up to.
 * Buckets that reach over or close to zero are few where that pays, and keep their sums as they are.
 */
function singleSums(list: BucketList, out: ByteWriter): boolean {
  const n = list.length;
  let plain = 0;
  for (let i = 0; i < n; i++) {
    const place = lastPlace(list, i);
    if (place === 0 && list.count[i]! > 0) plain++;
    const whole = place === 0 ? 0 : list.sum[i]! / place;
    if (!(Math.abs(whole) < EXACT) || !Number.isInteger(whole)) return false;
    units[i] = place;
    sums[i] = whole;
  }
  if (plain * 4 > n) return false;
  writeByte(out, SUM.single);
  putSums(list, false, out);
  for (let i = 0; i < n; i++) if (units[i] === 0 && list.count[i]! > 0) writeF64(out, list.sum[i]!);
  return true;
}

/** What the last place of the bucket's single float nearest to zero stands for; 0 where that says little of the others. */
function lastPlace(list: BucketList, i: number): number {
  const [least, most] = [list.min[i]!, list.max[i]!];
  const near = least > 0 ? least : Math.max(0, -most);
  const far = least > 0 ? most : -least;
  if (list.count[i] === 0 || !(near * 64 > far)) return 0;
  single[0] = near;
  const exponent = (singleBits[0]! >>> 23) & 255;
  return exponent === 255 ? 0 : 2 ** (Math.max(1, exponent) - 150);
}

/** Puts `sums` to the sums in `units`; false where one is not whole or too large. */
function inUnits(list: BucketList): boolean {
  for (let i = 0; i < list.length; i++) {
    const whole = list.sum[i]! / units[i]!;
    if (!(Math.abs(whole) < EXACT) || !Number.isInteger(whole) || Object.is(list.sum[i], -0)) return false;
    sums[i] = whole;
  }
  return true;
}

/** The exponent of the lowest bit of the sums, 0 without one; null where they have none that is of use. */
function lowestExponent(list: BucketList): number | null {
  let lowest = 1_100;
  for (let i = 0; i < list.length; i++) {
    const sum = Math.abs(list.sum[i]!);
    if (!(sum < Number.MAX_VALUE)) return null;
    if (sum === 0) continue;
    word[0] = sum;
    const exponent = words[1]! >>> 20;
    if (exponent === 0) return null;
    const low = words[0]!;
    const zeros = low !== 0 ? trailingZeros(low) : 32 + trailingZeros(words[1]! | 0x10_0000);
    lowest = Math.min(lowest, exponent - 1_075 + zeros);
  }
  if (lowest < -1_000) return null;
  return lowest === 1_100 ? 0 : lowest;
}

const trailingZeros = (bits: number): number => 31 - Math.clz32(bits & -bits);

function putSums(list: BucketList, decimal: boolean, out: ByteWriter): void {
  const n = list.length;
  putBest(
    n,
    SUM_CANDIDATES,
    (candidate, into) => {
      for (let i = 0; i < n; i++) {
        into[i] = list.count[i] === 0 ? 0 : sums[i]! - expectedSum(list, candidate, i, units[i]!, decimal);
      }
    },
    out,
  );
}

/** `list` has all but its sums and times. */
export function decodeSums(from: ByteReader, kind: number, list: BucketList): void {
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
  if (code > SUM.single || (decimal && kind >= SINGLE) || (code === SUM.single && kind !== SINGLE))
    throw new RangeError(`sums of kind ${code}`);
  const unit = code === SUM.single ? 0 : decimal ? DECIMALS[kind]! : 2 ** readZigzag(from);
  const candidate = readByte(from);
  if (candidate >= SUM_CANDIDATES) throw new RangeError(`prediction ${candidate} of a sum`);
  takeInts(from, best, n);
  if (!decimal) {
    for (let i = 0; i < n; i++) {
      if (list.count[i] === 0) continue;
      const own = code === SUM.single ? lastPlace(list, i) : unit;
      list.sum[i] = own === 0 ? readF64(from) : (best[i]! + expectedSum(list, candidate, i, own, false)) * own;
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
      list.sum[i] = filler[i] === 0 ? whole / unit : stepped(whole / unit, filler[i]!);
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
  word[0] = known;
  const low = words[0]! + steps;
  const carry = Math.floor(low / 2 ** 32);
  words[0] = low - carry * 2 ** 32;
  words[1] = words[1]! + carry;
  return word[0]!;
}
