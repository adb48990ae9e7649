import type { Clock } from '#engine/platform/index.ts';
import type { SlowQuery, SourceHealth } from '#shared/model/index.ts';
import { hintsOf, type QueryDone } from './hints.ts';

/** Durations that a percentile is taken of: the newest. */
const KEPT_DURATIONS = 500;
const SLOW_QUERIES = 50;
/** From here on a query is worth a look: people notice it. */
export const SLOW_QUERY_MS = 500;

export interface Durations {
  add(ms: number): void;
  summary(): SourceHealth['queries'];
}

export function createDurations(): Durations {
  const kept: number[] = [];
  let count = 0;
  return {
    add(ms) {
      kept[count % KEPT_DURATIONS] = ms;
      count++;
    },
    summary() {
      const sorted = kept.toSorted((a, b) => a - b);
      const at = (part: number): number | null =>
        sorted.length === 0 ? null : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
      return { count, p50Ms: at(0.5), p99Ms: at(0.99) };
    },
  };
}

/** The slowest queries, each text once with its slowest run, and what could be done about each. */
export interface SlowQueries {
  /** Gives the entry where it is one, so that its plan can be asked for. */
  add(query: QueryDone): SlowQuery | null;
  setPlan(id: string, plan: string | null): void;
  list(): readonly SlowQuery[];
}

export function createSlowQueries(clock: Clock): SlowQueries {
  let kept: SlowQuery[] = [];
  let next = 1;
  return {
    add(query) {
      if (query.ms < SLOW_QUERY_MS) return null;
      if (kept.length === SLOW_QUERIES && query.ms <= kept.at(-1)!.ms) return null;
      const text = query.text();
      const known = kept.find((one) => one.text === text);
      if (known !== undefined && known.ms >= query.ms) return null;
      const entry: SlowQuery = {
        id: known?.id ?? String(next++),
        time: clock.now(),
        ms: query.ms,
        text,
        rows: query.rows,
        plan: known?.plan ?? null,
        hints: hintsOf(query, known?.plan ?? null),
      };
      kept = [...kept.filter((one) => one !== known), entry].sort((a, b) => b.ms - a.ms).slice(0, SLOW_QUERIES);
      return known === undefined ? entry : null;
    },
    setPlan(id, plan) {
      kept = kept.map((one) =>
        one.id === id
          ? {
              ...one,
              plan,
              hints: hintsOf({ ms: one.ms, rows: one.rows, raw: false, failed: null }, plan, one.hints),
            }
          : one,
      );
    },
    list: () => kept,
  };
}
