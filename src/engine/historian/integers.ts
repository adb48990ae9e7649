import { type ByteReader, type ByteWriter, readByte, readZigzag, writeByte, writeZigzag } from './bytes.ts';
import { BLOCK_SAMPLES, createPlan, packColumn, planColumn, readColumn, writeColumn } from './column-pack.ts';

/** Columns of whole numbers with a sign, up to 1,024, and the choice between predictions of them; see FORMAT.md. */
const MODE = { offsets: 0, signed: 1, based: 2, wide: 3 } as const;
const BELOW = 2 ** 31;
const LIMIT = 2 ** 52;
const LOW_BITS = 2 ** 26;

export const wholeColumn = (): Float64Array<ArrayBuffer> => new Float64Array(BLOCK_SAMPLES);
const column = new Uint32Array(BLOCK_SAMPLES);
const other = new Uint32Array(BLOCK_SAMPLES);
const planA = createPlan();
const planB = createPlan();
const trial = wholeColumn();
const best = wholeColumn();

/** Writes the first `n` numbers, all below 2^52. */
export function putInts(values: Float64Array, n: number, out: ByteWriter): void {
  let most = 0;
  let least = 0;
  // The buckets at both ends are seldom full: what is usual is told by the others.
  let base = n > 2 ? values[1]! : values[0]!;
  for (let i = 0; i < n; i++) {
    const value = values[i]!;
    if (value > most) most = value;
    if (value < least) least = value;
    if (value < base && (n <= 2 || (i > 0 && i < n - 1))) base = value;
  }
  const based = most - least < BELOW;
  const signed = least > -BELOW && most < BELOW;
  if (!based && !signed) {
    writeByte(out, MODE.wide);
    writeZigzag(out, least);
    for (let i = 0; i < n; i++) {
      const offset = values[i]! - least;
      other[i] = offset % LOW_BITS;
      column[i] = Math.floor(offset / LOW_BITS);
    }
    packColumn(other, n, out);
    packColumn(column, n, out);
    return;
  }
  if (based) {
    for (let i = 0; i < n; i++) {
      const offset = values[i]! - base;
      column[i] = offset >= 0 ? offset : BELOW - offset;
    }
    planColumn(column, n, planA);
  }
  if (signed && !(based && planA.code === 0)) {
    for (let i = 0; i < n; i++) other[i] = values[i]! >= 0 ? values[i]! * 2 : -values[i]! * 2 - 1;
    // A few numbers far away on both sides make offsets from the least of all long ones.
    if (planColumn(other, n, planB).bytes <= planA.bytes || !based) {
      writeByte(out, MODE.signed);
      writeColumn(other, n, planB, out);
      return;
    }
  }
  writeByte(out, base === 0 ? MODE.offsets : MODE.based);
  if (base !== 0) writeZigzag(out, base);
  writeColumn(column, n, planA, out);
}

export function takeInts(from: ByteReader, values: Float64Array, n: number): void {
  const mode = readByte(from);
  if (mode === MODE.signed) {
    readColumn(from, column, n);
    for (let i = 0; i < n; i++) values[i] = (column[i]! >>> 1) ^ -(column[i]! & 1);
    return;
  }
  if (mode > MODE.wide) throw new RangeError(`a column of mode ${mode}`);
  const base = mode === MODE.offsets ? 0 : readZigzag(from);
  readColumn(from, column, n);
  if (mode === MODE.wide) {
    readColumn(from, other, n);
    for (let i = 0; i < n; i++) values[i] = base + column[i]! + other[i]! * LOW_BITS;
    return;
  }
  for (let i = 0; i < n; i++) values[i] = base + (column[i]! < BELOW ? column[i]! : BELOW - column[i]!);
}

/** About the bits that a column takes, to choose between predictions. */
export function costOf(values: Float64Array, n: number): number {
  const center = values[n >>> 1]!;
  let bits = 0;
  for (let i = 0; i < n; i++) {
    // Beyond this a number and its sign are no longer exact.
    if (Math.abs(values[i]!) >= LIMIT) return Number.POSITIVE_INFINITY;
    const distance = Math.abs(values[i]! - center);
    bits += distance < BELOW ? 32 - Math.clz32(distance) : 53;
  }
  return bits;
}

/** Writes the number of the prediction that leaves least, and what it leaves; returns that number. */
export function putBest(
  n: number,
  candidates: number,
  fill: (candidate: number, into: Float64Array) => void,
  out: ByteWriter,
): number {
  let chosen = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let candidate = 0; candidate < candidates; candidate++) {
    fill(candidate, trial);
    const cost = costOf(trial, n);
    if (cost >= least) continue;
    least = cost;
    chosen = candidate;
    best.set(trial.subarray(0, n));
  }
  writeByte(out, chosen);
  putInts(best, n, out);
  return chosen;
}
