import type { BackendCapabilities } from '#shared/model/graph/index.ts';
import type { TableMapping } from '#shared/model/index.ts';
import type { Edition } from './own-schema/migrations.ts';

/** What a connection was found to have; with the plan it is all that a compiler looks at. */
export interface TimescaleCapabilities extends BackendCapabilities {
  readonly timescale: {
    readonly edition: Edition;
    /** How steps are cut: the extension's way, the server's own from version 14 on, or by arithmetic. */
    readonly steps: 'time_bucket' | 'date_bin' | 'epoch';
    /** Schema of the extension's functions. */
    readonly functions: string;
    /** The extension's `first` and `last`. */
    readonly ends: boolean;
    /** The tables of our own; null where there are none. */
    readonly own: TableMapping | null;
    /** Of relations that others made. */
    readonly mappings: readonly TableMapping[];
  };
}

export const FOUND_NOTHING: TimescaleCapabilities['timescale'] = {
  edition: 'none',
  steps: 'date_bin',
  functions: 'public',
  ends: false,
  own: null,
  mappings: [],
};

export function capabilitiesOf(found: TimescaleCapabilities['timescale'], ingest: boolean): TimescaleCapabilities {
  return {
    ingest,
    raw: true,
    aggregates: ['first', 'last', 'mean', 'min', 'max', 'sum', 'count'],
    groupBy: false,
    envelope: true,
    matches: ['equals', 'not', 'in', 'notIn', 'like', 'unlike'],
    minStepMs: 1,
    timescale: found,
  };
}

export const foundOf = (capabilities: BackendCapabilities): TimescaleCapabilities['timescale'] =>
  (capabilities as Partial<TimescaleCapabilities>).timescale ?? FOUND_NOTHING;
