import type { MappedRollup, TableMapping, TimeRange, UnixMicros } from '#shared/model/index.ts';
import { columnOf, createParameters, timeCell, timeValue } from './expressions.ts';
import { from } from './relations.ts';
import type { Session } from './session.ts';

/**
 * A value of a statement that only the server knows: up to where a rollup holds the samples that is not live, within the
 * part of a range that it is asked for. Written out it is the end of that part, as if it held all.
 */
export interface HeldUntil {
  readonly heldBy: MappedRollup;
  readonly time: TableMapping['time'];
  readonly whole: TimeRange;
  toJSON(): string;
}

export const heldUntil = (heldBy: MappedRollup, time: TableMapping['time'], whole: TimeRange): HeldUntil => ({
  heldBy,
  time,
  whole,
  toJSON: () => timeValue(time, whole.to),
});

const isHeldUntil = (value: unknown): value is HeldUntil =>
  typeof value === 'object' && value !== null && 'heldBy' in value;

/** A rollup only grows, so that what was known a moment ago is right, and costs some more samples. */
const KEEPS_MS = 30_000;

/** The values of a statement with what the server says of its rollups. */
export type Settle = (values: readonly unknown[], signal: AbortSignal) => Promise<readonly unknown[]>;

export function createSettle(session: Session, now: () => number): Settle {
  const known = new Map<string, { readonly at: number; readonly until: UnixMicros | null }>();
  const look = async ({ heldBy, time }: HeldUntil, signal: AbortSignal): Promise<UnixMicros | null> => {
    const cell = timeCell(time, columnOf('s', heldBy.time), createParameters());
    const text = `SELECT max(${cell}) AS until FROM ${from(heldBy.relation, 's')}`;
    const kept = known.get(text);
    if (kept !== undefined && now() - kept.at < KEEPS_MS) return kept.until;
    const [row] = await session.query(text, [], signal);
    const until = typeof row?.until === 'number' && Number.isFinite(row.until) ? row.until : null;
    known.set(text, { at: now(), until });
    return until;
  };
  return async (values, signal) => {
    if (!values.some(isHeldUntil)) return values;
    const settled: unknown[] = [];
    for (const value of values) {
      if (!isHeldUntil(value)) {
        settled.push(value);
        continue;
      }
      const { time, whole } = value;
      // The last step that it has may be one that was going on when it was refreshed: it is read from the samples.
      const until = (await look(value, signal)) ?? whole.from;
      settled.push(timeValue(time, Math.min(Math.max(until, whole.from), whole.to)));
    }
    return settled;
  };
}
