import { isAppError } from '#shared/errors.ts';
import type { MappedRollup, TableMapping, TimeRange, UnixMicros } from '#shared/model/index.ts';
import { columnOf, createParameters, timeCell, timeValue } from './expressions.ts';
import { from } from './relations.ts';
import type { Session } from './session.ts';

/**
 * A value of a statement that only the server knows: from where or up to where a rollup holds the samples, within the part
 * of a range that it is asked for. Written out it is that end of the part, as if it held all.
 */
export interface HeldEnd {
  readonly heldBy: MappedRollup;
  readonly end: 'from' | 'until';
  readonly time: TableMapping['time'];
  readonly whole: TimeRange;
  toJSON(): string;
}

export const heldEnd = (
  heldBy: MappedRollup,
  end: HeldEnd['end'],
  time: HeldEnd['time'],
  whole: TimeRange,
): HeldEnd => ({
  heldBy,
  end,
  time,
  whole,
  toJSON: () => timeValue(time, end === 'from' ? whole.from : whole.to),
});

const isHeldEnd = (value: unknown): value is HeldEnd =>
  typeof value === 'object' && value !== null && 'heldBy' in value;

/** A rollup grows at its end, so that what was known a moment ago is right, and costs some more samples. */
const KEEPS_MS = { from: 600_000, until: 30_000 } as const;
/** A look at the first step may take so long: of a rollup that is worked out in part it may be that part. */
const FIRST_MS = 2_000;

/** The values of a statement with what the server says of its rollups. */
export type Settle = (values: readonly unknown[], signal: AbortSignal) => Promise<readonly unknown[]>;

export function createSettle(session: Session, now: () => number): Settle {
  const known = new Map<string, { readonly at: number; readonly step: UnixMicros | null | undefined }>();
  /** Its first or last step; null where it is empty, undefined where nobody knows. */
  const look = async ({ heldBy, end, time }: HeldEnd, signal: AbortSignal): Promise<UnixMicros | null | undefined> => {
    const column = columnOf('s', heldBy.time);
    const rows = `SELECT ${timeCell(time, column, createParameters())} AS step FROM ${from(heldBy.relation, 's')}`;
    const text = `${rows} WHERE ${column} IS NOT NULL ORDER BY ${column}${end === 'from' ? '' : ' DESC'} LIMIT 1`;
    const kept = known.get(text);
    if (kept !== undefined && now() - kept.at < KEEPS_MS[end]) return kept.step;
    let step: UnixMicros | null | undefined;
    try {
      const [row] = await session.query(text, [], signal, end === 'from' ? FIRST_MS : undefined);
      step = typeof row?.step === 'number' && Number.isFinite(row.step) ? row.step : null;
    } catch (error) {
      if (end !== 'from' || !isAppError(error, 'tsdb.timeout')) throw error;
    }
    known.set(text, { at: now(), step });
    return step;
  };
  const settled = async (value: HeldEnd, signal: AbortSignal): Promise<UnixMicros> => {
    const { heldBy, end, whole } = value;
    const step = await look(value, signal);
    if (step === undefined) return whole.from;
    // The last step that it has may be one that was going on when it was refreshed: it is read from the samples. One that
    // is empty holds nothing.
    if (step === null) return end === 'from' && heldBy.live ? whole.to : whole.from;
    return Math.min(Math.max(step, whole.from), whole.to);
  };
  return async (values, signal) => {
    const all: unknown[] = [];
    for (const value of values) {
      all.push(isHeldEnd(value) ? timeValue(value.time, await settled(value, signal)) : value);
    }
    return all;
  };
}
