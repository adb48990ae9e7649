import {
  type ByteReader,
  type ByteWriter,
  readByte,
  readF64,
  readVarint,
  readZigzag,
  room,
  writeByte,
  writeF64,
  writeVarint,
  writeZigzag,
} from './bytes.ts';
import { BLOCK_SAMPLES, createPlan, packColumn, planColumn, readColumn, writeColumn } from './column-pack.ts';

/** Codes of a block's times; FORMAT.md has the bytes of each. */
const TIME = { plain: 0, raster: 1, steps: 2, changes: 3 } as const;
/** Added to a code: the block has a raster of its own and not the chunk's. */
const OWN_RASTER = 8;
/** Added to raster: places where the raster shifts, as after polls that were left out. */
const JUMPS = 16;

/**
 * Where the times of a chunk lie: unit is a power of ten in microseconds, period a count of units, broken for drift.
 * `spread` is how far the times of the first block lie around it, in units; only for writing.
 */
export interface Raster {
  unit: number;
  period: number;
  spread: number;
}
export const createRaster = (): Raster => ({ unit: 0, period: 0, spread: 0 });

const UNITS = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
/** Whole numbers up to this size survive sums and differences of two and the zigzag doubling exactly. */
const EXACT = 2 ** 50;
/** First times up to this (the year 2183) leave room for a raster that begins before them. */
const FARTHEST = 2 ** 53 - 2 ** 51;

const units = new Float64Array(BLOCK_SAMPLES);
const column = new Uint32Array(BLOCK_SAMPLES);
const high = new Uint32Array(BLOCK_SAMPLES);
const jumpAt = new Uint32Array(BLOCK_SAMPLES);
const jumpBy = new Float64Array(BLOCK_SAMPLES);
const plan = createPlan();

/**
 * Writes times `from` to `from + count`; the first is the directory's. `shared` is the raster of the chunk, which its
 * first block sets. Ascending times of a polled tag lie near a raster, and the distance from it costs the jitter's few
 * bits; times without one are written as steps or as changes of steps.
 */
export function encodeTimes(
  time: Float64Array,
  from: number,
  count: number,
  shared: Raster,
  isFirst: boolean,
  out: ByteWriter,
): void {
  if (!isFirst && shared.period > 0 && Number.isInteger(shared.period)) {
    const least = onShared(time, from, count, shared);
    if (least <= 0) {
      planColumn(column, count, plan);
      writeRaster(out, false, shared.unit, shared.period, 0, least, count);
      return;
    }
  }
  const power = distances(time, from, count, UNITS[shared.unit]!, isFirst);
  if (power < 0) {
    writeByte(out, TIME.plain);
    room(out, count * 8);
    for (let i = 1; i < count; i++) writeF64(out, time[from + i]!);
    return;
  }
  const period = findPeriod(count, power === shared.unit && !isFirst ? shared.period : 0);
  if (isFirst) {
    shared.unit = power;
    shared.period = period;
  }
  const own = power !== shared.unit || period !== shared.period;
  const jumps = shiftsOf(count, period);
  const least = jumps < 0 ? -1 : fromRaster(count, period, jumps);
  const onRaster = jumps >= 0 && least !== Number.NEGATIVE_INFINITY;
  if (onRaster) planColumn(column, count, plan);
  if (isFirst && onRaster) shared.spread = plan.most;
  // Distances of less than four bits are jitter, which no other code packs better.
  if (onRaster && plan.bytes * 2 <= count + 8) {
    writeRaster(out, own, power, period, jumps, least, count);
    return;
  }
  const start = out.at;
  let best = Number.POSITIVE_INFINITY;
  let from1 = start;
  if (onRaster) {
    writeRaster(out, own, power, period, jumps, least, count);
    best = out.at - start;
  }
  for (const code of [TIME.steps, TIME.changes]) {
    const at = out.at;
    writeSteps(out, code, power, shared, count);
    const size = out.at - at;
    if (size < best) {
      best = size;
      from1 = at;
    } else out.at = at;
  }
  if (from1 > start) {
    out.bytes.copyWithin(start, from1, from1 + best);
    out.at = start + best;
  }
}

/**
 * Fills `column` with distances from the chunk's raster and returns the least of them, if they lie as near to it as those
 * of the first block; else 1.
 */
function onShared(time: Float64Array, from: number, count: number, shared: Raster): number {
  const first = time[from]!;
  if (!Number.isInteger(first) || Math.abs(first) > FARTHEST) return 1;
  const unit = UNITS[shared.unit]!;
  const period = shared.period * unit;
  let least = 0;
  let most = 0;
  let raster = first;
  for (let i = 0; i < count; i++) {
    const off = time[from + i]! - raster;
    raster += period;
    units[i] = off;
    if (off < least) least = off;
    if (off > most) most = off;
  }
  // The first time may lie anywhere in the spread, which shifts the others by as much.
  if (!(most - least <= shared.spread * unit && shared.spread < 2 ** 30)) return 1;
  return inUnits(count, least, unit) ? least / unit : 1;
}

/** Fills `column` with the whole units of `units` above the least; false where one is broken. */
function inUnits(count: number, least: number, unit: number): boolean {
  let broken = 0;
  for (let i = 0; i < count; i++) {
    const off = units[i]! - least;
    const steps = (off / unit) | 0;
    column[i] = steps;
    if (steps * unit !== off) broken++;
  }
  return broken === 0 && Math.floor(least / unit) * unit === least;
}

/** Fills `units` with distances from the first time in the largest unit that divides them; -1 where no unit does. */
function distances(time: Float64Array, from: number, count: number, wanted: number, isFirst: boolean): number {
  const first = time[from]!;
  if (!Number.isInteger(first) || Math.abs(first) > FARTHEST) return -1;
  let power = isFirst ? UNITS.length - 1 : UNITS.indexOf(wanted);
  let unit = UNITS[power]!;
  for (let i = 0; i < count; i++) {
    const distance = time[from + i]! - first;
    let steps = Math.floor(distance / unit);
    while (first + steps * unit !== time[from + i]!) {
      if (--power < 0) return -1;
      unit = UNITS[power]!;
      for (let k = 0; k < i; k++) units[k] = units[k]! * 10;
      steps = Math.floor(distance / unit);
    }
    if (!(Math.abs(distance) < EXACT)) return -1;
    units[i] = steps;
  }
  return power;
}

/**
 * The period of `units`: the mean of the steps that are like most, rounded as far as the jitter allows. `known` is taken
 * where it fits as well.
 */
function findPeriod(count: number, known: number): number {
  if (count < 2) return known;
  let middle = known;
  if (known === 0) {
    const sampled: number[] = [];
    const stride = Math.max(1, Math.floor(count / 32));
    for (let i = 1; i < count; i += stride) sampled.push(units[i]! - units[i - 1]!);
    sampled.sort((a, b) => a - b);
    middle = sampled[sampled.length >> 1]!;
  }
  let alike = 0;
  let sum = 0;
  let shortest = Number.POSITIVE_INFINITY;
  let longest = Number.NEGATIVE_INFINITY;
  const low = middle * 0.5;
  const high = middle * 1.5;
  for (let i = 1; i < count; i++) {
    const step = units[i]! - units[i - 1]!;
    if (step < low || step > high) continue;
    alike++;
    sum += step;
    if (step < shortest) shortest = step;
    if (step > longest) longest = step;
  }
  if (alike * 2 < count) return known !== 0 ? findPeriod(count, 0) : Math.round(middle);
  const mean = sum / alike;
  const free = (longest - shortest) / 2 / alike;
  if (known !== 0 && Math.abs(known - mean) <= free) return known;
  for (let round = 1_000; round >= 1; round /= 10) {
    const rounded = Math.round(mean / round) * round;
    if (Math.abs(rounded - mean) <= free * 2) return rounded;
  }
  return mean;
}

/** Finds where the raster must shift because a step is far from the period; -1 where that is no exception. */
function shiftsOf(count: number, period: number): number {
  let jumps = 0;
  let shift = 0;
  let before = 0;
  const far = Math.abs(period) / 2;
  const limit = count / 32 + 1;
  for (let i = 1; i < count; i++) {
    const off = units[i]! - Math.floor(i * period + 0.5) - shift;
    if (Math.abs(off - before) <= far) {
      before = off;
      continue;
    }
    if (++jumps > limit) return -1;
    // Whole periods, so that the jitter stays where it was; what is nearer than one is a new phase.
    const whole = Math.floor(off / period + 0.5) * Math.floor(period + 0.5);
    const by = whole !== 0 && Math.abs(off - whole) <= far ? whole : off;
    jumpAt[jumps - 1] = i;
    jumpBy[jumps - 1] = by;
    shift += by;
    before = off - by;
  }
  return jumps;
}

/** Fills `column` with distances from the raster, and returns the least of them; -Infinity where they need 32 bits. */
function fromRaster(count: number, period: number, jumps: number): number {
  let least = 0;
  let most = 0;
  let shift = 0;
  let jump = 0;
  for (let i = 0; i < count; i++) {
    if (jump < jumps && jumpAt[jump] === i) shift += jumpBy[jump++]!;
    const off = units[i]! - (Math.floor(i * period + 0.5) + shift);
    high[i] = off;
    if (off < least) least = off;
    if (off > most) most = off;
  }
  if (!(most - least < 2 ** 31 && Math.abs(least) < 2 ** 31)) return Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) column[i] = high[i]! - least;
  return least;
}

function writeHead(out: ByteWriter, code: number, own: boolean, power: number, period: number): void {
  writeByte(out, own ? code | OWN_RASTER : code);
  if (!own) return;
  writeByte(out, power);
  writeF64(out, period);
}

function writeRaster(
  out: ByteWriter,
  own: boolean,
  power: number,
  period: number,
  jumps: number,
  least: number,
  count: number,
): void {
  writeHead(out, jumps > 0 ? TIME.raster | JUMPS : TIME.raster, own, power, period);
  if (jumps > 0) {
    writeVarint(out, jumps);
    for (let i = 0, before = 0; i < jumps; i++) {
      writeVarint(out, jumpAt[i]! - before);
      writeZigzag(out, jumpBy[i]!);
      before = jumpAt[i]!;
    }
  }
  writeZigzag(out, least);
  writeColumn(column, count, plan, out);
}

/** Steps from the least on, or the changes from step to step, as low and high words. */
function writeSteps(out: ByteWriter, code: 2 | 3, power: number, shared: Raster, count: number): void {
  const own = power !== shared.unit;
  writeHead(out, code, own, power, own ? 0 : shared.period);
  let base = code === TIME.steps ? Number.POSITIVE_INFINITY : 0;
  if (code === TIME.steps) for (let i = 1; i < count; i++) base = Math.min(base, units[i]! - units[i - 1]!);
  if (count < 2) base = 0;
  writeZigzag(out, base);
  let before = base;
  for (let i = 1; i < count; i++) {
    const step = units[i]! - units[i - 1]!;
    const change = step - before;
    if (code === TIME.changes) before = step;
    const number = code === TIME.steps ? change : change >= 0 ? change * 2 : -change * 2 - 1;
    column[i - 1] = number;
    high[i - 1] = number / 2 ** 32;
  }
  packColumn(column, count - 1, out);
  packColumn(high, count - 1, out);
}

/** Reads what `encodeTimes` wrote to `time[at]` and the following; `first` is the directory's. */
export function decodeTimes(
  from: ByteReader,
  first: number,
  shared: Raster,
  time: Float64Array,
  at: number,
  count: number,
): void {
  const code = readByte(from);
  if (code === TIME.plain) {
    time[at] = first;
    for (let i = 1; i < count; i++) time[at + i] = readF64(from);
    return;
  }
  const own = (code & OWN_RASTER) !== 0;
  const unit = UNITS[own ? readByte(from) : shared.unit];
  const period = own ? readF64(from) : shared.period;
  if (unit === undefined) throw new RangeError('a time unit that is unknown');
  switch (code & ~OWN_RASTER) {
    case TIME.raster:
    case TIME.raster | JUMPS: {
      let jumps = 0;
      if (code & JUMPS) {
        jumps = readVarint(from);
        if (jumps > count) throw new RangeError('more shifts than times');
        for (let i = 0; i < jumps; i++) {
          jumpAt[i] = readVarint(from);
          jumpBy[i] = readZigzag(from);
        }
      }
      let shift = readZigzag(from);
      readColumn(from, column, count);
      let i = 0;
      for (let jump = 0; jump <= jumps; jump++) {
        const end = jump < jumps ? Math.min(count, i + jumpAt[jump]!) : count;
        if (Number.isInteger(period)) {
          fillRaster(time, at, i, end, first + (i * period + shift) * unit, period * unit, unit);
          i = end;
        } else for (; i < end; i++) time[at + i] = first + (Math.floor(i * period + 0.5) + shift + column[i]!) * unit;
        if (jump < jumps) shift += jumpBy[jump]!;
      }
      return;
    }
    case TIME.steps: {
      const base = readZigzag(from);
      readWide(from, count - 1);
      time[at] = first;
      for (let i = 1, last = first; i < count; i++) {
        last += (base + column[i - 1]! + high[i - 1]! * 2 ** 32) * unit;
        time[at + i] = last;
      }
      return;
    }
    case TIME.changes: {
      let step = readZigzag(from);
      readWide(from, count - 1);
      time[at] = first;
      for (let i = 1, last = first; i < count; i++) {
        const low = column[i - 1]!;
        const number = low + high[i - 1]! * 2 ** 32;
        step += low & 1 ? -(number + 1) / 2 : number / 2;
        last += step * unit;
        time[at + i] = last;
      }
      return;
    }
    default:
      throw new RangeError(`time code ${code} is unknown`);
  }
}

function fillRaster(
  time: Float64Array,
  at: number,
  from: number,
  end: number,
  start: number,
  stride: number,
  unit: number,
): void {
  let raster = start;
  for (let i = from; i < end; i++) {
    time[at + i] = raster + column[i]! * unit;
    raster += stride;
  }
}

function readWide(from: ByteReader, count: number): void {
  readColumn(from, column, count);
  readColumn(from, high, count);
}

/** Codes of a block's receive times. */
export const RECEIVED = { none: 0, delays: 1, plain: 2 } as const;

/** Writes receive times and returns their code: none where each equals its time, delays where that is exact. */
export function encodeReceived(
  received: Float64Array | null,
  time: Float64Array,
  from: number,
  count: number,
  out: ByteWriter,
): number {
  if (received === null) return RECEIVED.none;
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  let power = UNITS.length - 1;
  let unit = UNITS[power]!;
  for (let i = 0; i < count; i++) {
    const own = time[from + i]!;
    const delay = received[from + i]! - own;
    while (unit > 1 && Math.floor(delay / unit) * unit !== delay) unit = UNITS[--power]!;
    if (Math.floor(delay) !== delay || own + delay !== received[from + i]!) {
      room(out, count * 8);
      for (let k = 0; k < count; k++) writeF64(out, received[from + k]!);
      return RECEIVED.plain;
    }
    if (delay < least) least = delay;
    if (delay > most) most = delay;
  }
  if (least === 0 && most === 0) return RECEIVED.none;
  if (!(most - least < EXACT && Math.abs(least) < EXACT)) {
    room(out, count * 8);
    for (let k = 0; k < count; k++) writeF64(out, received[from + k]!);
    return RECEIVED.plain;
  }
  writeByte(out, power);
  writeZigzag(out, least / unit);
  for (let i = 0; i < count; i++) {
    const delay = (received[from + i]! - time[from + i]! - least) / unit;
    column[i] = delay;
    high[i] = delay / 2 ** 32;
  }
  packColumn(column, count, out);
  packColumn(high, count, out);
  return RECEIVED.delays;
}

export function decodeReceived(
  code: number,
  from: ByteReader,
  time: Float64Array,
  received: Float64Array,
  at: number,
  count: number,
): void {
  if (code === RECEIVED.none) {
    for (let i = at; i < at + count; i++) received[i] = time[i]!;
    return;
  }
  if (code === RECEIVED.plain) {
    for (let i = at; i < at + count; i++) received[i] = readF64(from);
    return;
  }
  if (code !== RECEIVED.delays) throw new RangeError(`receive-time code ${code} is unknown`);
  const unit = UNITS[readByte(from)];
  if (unit === undefined) throw new RangeError('a delay unit that is unknown');
  const least = readZigzag(from) * unit;
  readWide(from, count);
  for (let i = 0; i < count; i++) received[at + i] = time[at + i]! + least + (column[i]! + high[i]! * 2 ** 32) * unit;
}
