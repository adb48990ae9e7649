import { z } from 'zod';

/** UTC as integer microseconds since 1970; exact in a double from the year 1685 to 2255. */
export type UnixMicros = number;

/** Half-open: `from` belongs to the range, `to` does not. */
export interface TimeRange {
  readonly from: UnixMicros;
  readonly to: UnixMicros;
}

export const unixMicros = z.number().int();
export const timeRange = z.object({ from: unixMicros, to: unixMicros });

export const MICROS_PER_MS = 1_000;
export const MICROS_PER_SECOND = 1_000_000;

/** Which clock stamped a sample: the device, the server in between, or this program on receipt. */
export const timeKind = z.enum(['source', 'server', 'receive']);
export type TimeKind = z.infer<typeof timeKind>;
