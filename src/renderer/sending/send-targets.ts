import type { OnConflict, SourceStatus } from '#shared/model/index.ts';

/** A source that samples may be sent to, or why not. */
export interface SendTarget {
  readonly id: string;
  readonly name: string;
  /** Null where it can take samples. */
  readonly fault: string | null;
  /** What becomes of a sample that is there already; null where nothing can be written. */
  readonly onConflict: OnConflict | null;
}

export const sendTargets = (sources: Iterable<SourceStatus>): readonly SendTarget[] =>
  [...sources].map((status) => ({
    id: status.id,
    name: status.name,
    fault: faultOf(status),
    onConflict: status.can.write,
  }));

function faultOf({ state, can, capabilities }: SourceStatus): string | null {
  if (state === 'disabled') return 'it is switched off';
  if (state === 'invalid') return 'its settings are wrong';
  // One that was reached before is waited for.
  if (capabilities === null) return 'it does not answer';
  if (can.write === null) return 'only read; allow Write in its settings';
  if (!capabilities.ingest) return 'no tables of ParX there yet; make them under Own tables';
  return null;
}
