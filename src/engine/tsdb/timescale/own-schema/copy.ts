import type { MetricSamples } from '#shared/model/graph/index.ts';
import { instant } from '../sql.ts';

/** Rows `from` up to `to` of one series, on their way into the table. */
export interface Part {
  /** The series' key in the table. */
  readonly id: number;
  /** Which of the given series this is. */
  readonly series: number;
  readonly columns: MetricSamples;
  readonly from: number;
  readonly to: number;
}

export const COLUMNS = '(time, value, series, quality)';

/** Number of columns, and four values with their lengths: 8, 8, 4 and 4 bytes. */
export const ROW_BYTES = 2 + 4 * 4 + 8 + 8 + 4 + 4;
const HEAD = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
const END = Buffer.from([0xff, 0xff]);

/** The database counts microseconds from 2000, in two halves, because the difference may be no safe whole number. */
const EPOCH_HIGH = 220_417;
const EPOCH_LOW = 993_517_568;
const HALF = 4_294_967_296;

export const rowsOf = (parts: readonly Part[]): number => parts.reduce((sum, { from, to }) => sum + to - from, 0);

/** The rows in the database's binary form of COPY, whole. */
export function encodeCopy(parts: readonly Part[]): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD.length + rowsOf(parts) * ROW_BYTES + END.length);
  HEAD.copy(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = HEAD.length;
  for (const { id, columns, from, to } of parts) {
    const { time, value, quality } = columns;
    for (let row = from; row < to; row++) {
      const micros = time[row]!;
      const high = Math.floor(micros / HALF);
      const low = micros - high * HALF - EPOCH_LOW;
      view.setInt16(at, 4);
      view.setInt32(at + 2, 8);
      view.setInt32(at + 6, high - EPOCH_HIGH - (low < 0 ? 1 : 0));
      view.setUint32(at + 10, low < 0 ? low + HALF : low);
      view.setInt32(at + 14, 8);
      view.setFloat64(at + 18, value[row]!);
      view.setInt32(at + 26, 4);
      view.setInt32(at + 30, id);
      view.setInt32(at + 34, 4);
      view.setInt32(at + 38, quality === null ? 0 : quality[row]!);
      at += ROW_BYTES;
    }
  }
  END.copy(bytes, at);
  return bytes;
}

/** The same rows as columns of texts, for a statement with parameters: `unnest($1, $2, $3, $4)`. */
export function encodeColumns(parts: readonly Part[]): [string[], string[], number[], number[]] {
  const times: string[] = [];
  const values: string[] = [];
  const ids: number[] = [];
  const qualities: number[] = [];
  for (const { id, columns, from, to } of parts) {
    for (let row = from; row < to; row++) {
      const value = columns.value[row]!;
      times.push(instant(columns.time[row]!));
      values.push(Object.is(value, -0) ? '-0' : String(value));
      ids.push(id);
      qualities.push(columns.quality === null ? 0 : columns.quality[row]!);
    }
  }
  return [times, values, ids, qualities];
}

/** At most so many rows together, in the order given. */
export function chunksOf(parts: readonly Part[], most: number): Part[][] {
  const chunks: Part[][] = [];
  let chunk: Part[] = [];
  let room = most;
  for (const part of parts) {
    for (let from = part.from; from < part.to; ) {
      const to = Math.min(part.to, from + room);
      chunk.push({ ...part, from, to });
      room -= to - from;
      from = to;
      if (room > 0) continue;
      chunks.push(chunk);
      chunk = [];
      room = most;
    }
  }
  if (chunk.length > 0) chunks.push(chunk);
  return chunks;
}
