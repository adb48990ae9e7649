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
import { costOf, putBest, putInts, takeInts, wholeColumn } from './integers.ts';
import type { BucketList } from './rollup.ts';

/** The times of a list's buckets as columns; see FORMAT.md. */
/** Units of time in microseconds, of which the greatest is taken that divides all times. */
const UNITS = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

const trial = wholeColumn();
const best = wholeColumn();
const [firstUnits, lastUnits, minUnits, maxUnits, starts, left] = [
  wholeColumn(),
  wholeColumn(),
  wholeColumn(),
  wholeColumn(),
  wholeColumn(),
  wholeColumn(),
];

/** `rising`: 1 where a bucket's values lie no lower than those of the bucket before. */
export function encodeTimes(list: BucketList, rising: Uint8Array, out: ByteWriter): void {
  const n = list.length;
  let power = UNITS.length - 1;
  for (const times of [list.firstTime, list.lastTime, list.minTime, list.maxTime]) {
    for (let i = 0; i < n && power > 0; i++) {
      if (Number.isNaN(times[i]!)) continue;
      while (power > 0 && times[i]! % UNITS[power]! !== 0) power--;
    }
  }
  const unit = UNITS[power]!;
  startUnits(list, unit);
  let span = 0;
  let steps = 0;
  for (let i = 0; i < n; i++) {
    firstUnits[i] = list.firstTime[i]! / unit - starts[i]!;
    lastUnits[i] = list.lastTime[i]! / unit - starts[i]!;
    minUnits[i] = list.count[i]! > 0 ? list.minTime[i]! / unit - starts[i]! : firstUnits[i]!;
    maxUnits[i] = list.count[i]! > 0 ? list.maxTime[i]! / unit - starts[i]! : firstUnits[i]!;
    span += lastUnits[i]! - firstUnits[i]!;
    steps += list.count[i]! + list.bad[i]! - 1;
  }
  const period = steps === 0 ? 0 : nearRound(span / steps);
  writeByte(out, power);
  writeVarint(out, period);
  const end = Math.floor(list.width / unit);
  const firstsFrom = (code: number, into: Float64Array): void => {
    for (let i = 0; i < n; i++) into[i] = firstUnits[i]! - expectedFirst(code, i, period);
  };
  const lastsFrom = (code: number, into: Float64Array): void => {
    for (let i = 0; i < n; i++) into[i] = lastUnits[i]! - expectedLast(code, list, i, period, end);
  };
  putBest(n, 2, firstsFrom, out);
  putBest(n, 2, lastsFrom, out);
  putMoment(minUnits, n, period, rising, 1, out);
  putMoment(maxUnits, n, period, rising, 0, out);
}

/** Begin of each bucket in whole units, not before the bucket. */
function startUnits(list: BucketList, unit: number): void {
  for (let i = 0; i < list.length; i++) starts[i] = Math.ceil((list.number[i]! * list.width) / unit);
}

/** A period that is nearly a round number is taken for it, since samples come in round periods. */
function nearRound(period: number): number {
  const whole = Math.max(1, Math.round(period));
  const step = 10 ** Math.max(0, Math.floor(Math.log10(whole)) - 1);
  const round = Math.round(whole / step) * step;
  return Math.abs(round - period) <= period / 200 ? round : whole;
}

/** What is expected of a first time: nothing, or a period after the sample before. */
const expectedFirst = (code: number, i: number, period: number): number =>
  code === 0 || i === 0 ? 0 : lastUnits[i - 1]! + starts[i - 1]! + period - starts[i]!;

/** What is expected of a last time: the bucket's end, or where the samples between lead to. */
const expectedLast = (code: number, list: BucketList, i: number, period: number, end: number): number =>
  code === 0 ? end : firstUnits[i]! + (list.count[i]! + list.bad[i]! - 1) * period;

/**
 * Times of the least or greatest: from the bucket's begin (0), its first sample (1), back from its last (2), or from the
 * one of these two where it lies when values go one way (3): the first where `rising` is `early`. As they are, or (4
 * more) as the number of periods and what is left of them.
 */
function momentFrom(reference: number, i: number, rising: Uint8Array, early: number): number {
  if (reference === 0) return 0;
  const isFirst = reference === 3 ? rising[i] === early : reference === 1;
  return isFirst ? firstUnits[i]! : lastUnits[i]!;
}

function putMoment(
  moments: Float64Array,
  n: number,
  period: number,
  rising: Uint8Array,
  early: number,
  out: ByteWriter,
): void {
  let chosen = 0;
  let anchor = 0;
  let range = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let reference = 0; reference < 4; reference++) {
    let distance = 0;
    for (let i = 0; i < n; i++) {
      trial[i] = moments[i]! - momentFrom(reference, i, rising, early);
      distance += Math.abs(trial[i]!);
    }
    const cost = distance === 0 ? -1 : costOf(trial, n);
    if (cost < least) {
      least = cost;
      chosen = reference;
      best.set(trial.subarray(0, n));
    }
    if (period < 2 || distance === 0) continue;
    // What is left of whole periods lies near that of the first bucket, as far as the samples keep to the raster.
    const half = Math.floor(period / 2);
    const middle = trial[n >>> 1]!;
    let low = period;
    let high = 0;
    for (let i = 0; i < n; i++) {
      const left = modulo(trial[i]! - middle + half, period);
      if (left < low) low = left;
      if (left > high) high = left;
    }
    const size = high - low + 1;
    if (size * 2 > period) continue;
    const from = middle - half + low;
    for (let i = 0; i < n; i++) {
      const periods = Math.floor((trial[i]! - from) / period);
      trial[i] = periods * size + (trial[i]! - from - periods * period);
    }
    const folded = costOf(trial, n);
    if (folded >= least) continue;
    least = folded;
    chosen = reference + 4;
    // Whole periods less change nothing but keep the number small.
    anchor = from;
    range = size;
    best.set(trial.subarray(0, n));
  }
  writeByte(out, chosen);
  if (chosen >= 4) {
    writeZigzag(out, anchor);
    writeVarint(out, range);
  }
  putInts(best, n, out);
}

const modulo = (value: number, by: number): number => value - Math.floor(value / by) * by;

function takeMoment(
  from: ByteReader,
  moments: Float64Array,
  n: number,
  period: number,
  rising: Uint8Array,
  early: number,
): void {
  const code = readByte(from);
  if (code > 7) throw new RangeError(`prediction ${code} of a time`);
  const reference = code & 3;
  const anchor = code < 4 ? 0 : readZigzag(from);
  const range = code < 4 ? 1 : readVarint(from);
  if (range < 1) throw new RangeError('an empty range');
  takeInts(from, best, n);
  for (let i = 0; i < n; i++) {
    let value = best[i]!;
    if (code >= 4) {
      const periods = Math.floor(value / range);
      value = anchor + periods * period + (value - periods * range);
    }
    moments[i] = value;
  }
  if (reference === 0) return;
  // As `momentFrom` says, without a call for each.
  for (let i = 0; i < n; i++) {
    const isFirst = reference === 3 ? rising[i] === early : reference === 1;
    moments[i]! += isFirst ? firstUnits[i]! : lastUnits[i]!;
  }
}

export function decodeTimes(from: ByteReader, list: BucketList, rising: Uint8Array): void {
  const n = list.length;
  const unit = UNITS[readByte(from)];
  if (unit === undefined) throw new RangeError('an unknown unit of time');
  const period = readVarint(from);
  const end = Math.floor(list.width / unit);
  startUnits(list, unit);
  const firstCode = readByte(from);
  takeInts(from, left, n);
  const lastCode = readByte(from);
  takeInts(from, best, n);
  if (firstCode > 1 || lastCode > 1) throw new RangeError('an unknown prediction of a time');
  // As `expectedFirst` and `expectedLast` say, without a call for each.
  for (let i = 0, next = 0; i < n; i++) {
    const first = left[i]! + (firstCode === 0 || i === 0 ? 0 : next - starts[i]!);
    const last = best[i]! + (lastCode === 0 ? end : first + (list.count[i]! + list.bad[i]! - 1) * period);
    firstUnits[i] = first;
    lastUnits[i] = last;
    next = last + starts[i]! + period;
  }
  takeMoment(from, minUnits, n, period, rising, 1);
  takeMoment(from, maxUnits, n, period, rising, 0);
  for (let i = 0; i < n; i++) {
    list.firstTime[i] = (starts[i]! + firstUnits[i]!) * unit;
    list.lastTime[i] = (starts[i]! + lastUnits[i]!) * unit;
    list.minTime[i] = (starts[i]! + minUnits[i]!) * unit;
    list.maxTime[i] = (starts[i]! + maxUnits[i]!) * unit;
  }
}
