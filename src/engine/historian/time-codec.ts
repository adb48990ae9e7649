import type { ByteReader, ByteWriter } from './bytes.ts';

/** Codes of the time section; FORMAT.md has the bytes of each. */
export const TIME = { plain: 0, steady: 1, raster: 2, steps: 3 } as const;

/** Whole numbers up to this size survive sums and differences of two and the zigzag doubling exactly. */
const EXACT = 2 ** 50;

let scratch = new Float64Array(8_192);
function scratchFor(length: number): Float64Array {
  if (scratch.length < length) scratch = new Float64Array(length * 2);
  return scratch;
}
export const zigzagOf = (value: number): number => (value >= 0 ? value * 2 : -value * 2 - 1);

/** Largest of 1 s, 1 ms, 1 µs that divides all distances from the first time. */
function unitOf(time: Float64Array, length: number): number {
  const first = time[0]!;
  let unit = 1_000_000;
  for (let i = 1; i < length; i++) {
    const distance = time[i]! - first;
    while (unit > 1 && Math.floor(distance / unit) * unit !== distance) unit /= 1_000;
    if (unit === 1) break;
  }
  return unit;
}

export const varintBytes = (value: number): number =>
  value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : value < 268_435_456 ? 4 : 8;
export const zigzagBytes = (value: number): number => varintBytes(value >= 0 ? value * 2 : -value * 2 - 1);

/**
 * Writes the times and returns the code. Ascending times of a polled tag lie near a raster, and the distance from it
 * costs one byte or less; times without a raster are written as changes of their steps.
 */
export function encodeTimes(time: Float64Array, length: number, out: ByteWriter): number {
  const first = time[0]!;
  const last = time[length - 1]!;
  if (!(last - first < EXACT)) return plain(time, length, out);
  const unit = unitOf(time, length);
  const period = length < 2 ? 0 : Math.round((last - first) / (length - 1) / unit) * unit;
  let rasterBytes = 0;
  let stepBytes = 0;
  let onRaster = true;
  let before = 0;
  for (let i = 0; i < length; i++) {
    const off = (time[i]! - (first + i * period)) / unit;
    if (off !== 0) onRaster = false;
    rasterBytes += zigzagBytes(off);
    if (i > 0) {
      const step = (time[i]! - time[i - 1]!) / unit;
      stepBytes += zigzagBytes(step - before);
      before = step;
    }
  }
  out.f64(first);
  if (onRaster) {
    out.f64(period);
    return TIME.steady;
  }
  if (rasterBytes <= stepBytes) {
    out.f64(period);
    out.f64(unit);
    const offs = scratchFor(length);
    for (let i = 0; i < length; i++) offs[i] = zigzagOf((time[i]! - (first + i * period)) / unit);
    out.varints(offs, length);
    return TIME.raster;
  }
  out.f64(unit);
  before = 0;
  const changes = scratchFor(length);
  for (let i = 1; i < length; i++) {
    const step = (time[i]! - time[i - 1]!) / unit;
    changes[i - 1] = zigzagOf(step - before);
    before = step;
  }
  out.varints(changes, length - 1);
  return TIME.steps;
}

function plain(time: Float64Array, length: number, out: ByteWriter): number {
  for (let i = 0; i < length; i++) out.f64(time[i]!);
  return TIME.plain;
}

export function decodeTimes(code: number, reader: ByteReader, length: number, time: Float64Array): void {
  switch (code) {
    case TIME.plain:
      for (let i = 0; i < length; i++) time[i] = reader.f64();
      return;
    case TIME.steady: {
      const first = reader.f64();
      const period = reader.f64();
      for (let i = 0; i < length; i++) time[i] = first + i * period;
      return;
    }
    case TIME.raster: {
      const first = reader.f64();
      const period = reader.f64();
      const unit = reader.f64();
      reader.zigzags(time, 0, length);
      for (let i = 0; i < length; i++) time[i] = first + i * period + time[i]! * unit;
      return;
    }
    case TIME.steps: {
      let at = reader.f64();
      const unit = reader.f64();
      let step = 0;
      time[0] = at;
      reader.zigzags(time, 1, length);
      for (let i = 1; i < length; i++) {
        step += time[i]!;
        at += step * unit;
        time[i] = at;
      }
      return;
    }
    default:
      throw new RangeError(`time code ${code} is unknown`);
  }
}

/** Codes of the section of receive times. */
export const RECEIVED = { plain: 0, delays: 1 } as const;

/** Receive times, as delays against the samples' own times where that is exact. */
export function encodeReceived(received: Float64Array, time: Float64Array, length: number, out: ByteWriter): number {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  let whole = true;
  for (let i = 0; i < length; i++) {
    const delay = received[i]! - time[i]!;
    if (!Number.isInteger(delay)) whole = false;
    if (delay < least) least = delay;
    if (delay > most) most = delay;
  }
  if (!whole || !(most - least < EXACT && Math.abs(least) < EXACT)) {
    for (let i = 0; i < length; i++) out.f64(received[i]!);
    return RECEIVED.plain;
  }
  out.f64(least);
  for (let i = 0; i < length; i++) out.varint(received[i]! - time[i]! - least);
  return RECEIVED.delays;
}

export function decodeReceived(
  code: number,
  reader: ByteReader,
  length: number,
  time: Float64Array,
  received: Float64Array,
): void {
  if (code === RECEIVED.plain) {
    for (let i = 0; i < length; i++) received[i] = reader.f64();
    return;
  }
  if (code !== RECEIVED.delays) throw new RangeError(`receive-time code ${code} is unknown`);
  const least = reader.f64();
  reader.varints(received, 0, length);
  for (let i = 0; i < length; i++) received[i] = time[i]! + least + received[i]!;
}
