import type { ContestantId } from './contestants.ts';

/** Everything that was measured, by measure and contestant. */
export type Figures = ReadonlyMap<string, ReadonlyMap<ContestantId, number>>;

/** One figure; what was not measured cannot be judged, and ends the judging. */
type Of = (measure: string, who?: ContestantId) => number;
const notMeasured = Symbol('not measured');

interface Line {
  readonly measure: string;
  readonly says: string;
  readonly holds: (of: Of, peers: (measure: string) => readonly number[]) => boolean;
}

const MIB = 2 ** 20;
const most = (measure: string, says: string, limit: number): Line => ({
  measure,
  says,
  holds: (of) => of(measure) <= limit,
});
const times = (measure: string, who: ContestantId, name: string, factor: number): Line => ({
  measure,
  says: `${factor}x ${name}`,
  holds: (of) => of(measure) >= factor * of(measure, who),
});
/** The best peer's time, one and a half times as good. */
const coldAhead = (measure: string, says: string, limit: number): Line => ({
  measure,
  says: `${says}, 1.5x best peer`,
  holds: (of, peers) => of(measure) <= limit && of(measure) * 1.5 <= Math.min(...peers(measure)),
});

export const floors: readonly Line[] = [
  times('stream', 'duckdb', 'DuckDB', 2),
  times('stream', 'rows', 'rows', 10),
  times('bulk per CPU second', 'parquet', 'Parquet', 2),
  times('bulk per CPU second', 'rows', 'rows', 35),
  most('bytes a sample', '1.10 B', 1.1),
  most('pyramid, part of the bytes', '12 %', 12),
  most('A p95', '2 ms', 2),
  most('B p95', '10 ms', 10),
  most('C p95', '0.3 ms', 0.3),
  { measure: 'C p50', says: '1.2x rows', holds: (of) => of('C p50') <= 1.2 * of('C p50', 'rows') },
  most('D p95', '0.1 ms', 0.1),
  coldAhead('A cold', '15 ms', 15),
  coldAhead('B cold', '40 ms', 40),
  coldAhead('C cold', '7 ms', 7),
  coldAhead('D cold', '10 ms', 10),
  most('A cold, bytes read', '64 KB a tag', 65_536),
  most('B cold, bytes read', '64 KB a tag', 10 * 65_536),
  most('C cold, bytes read', '64 KB a tag', 65_536),
  most('overview at 10 h : 1 h', '1.2x', 1.2),
  most('overview at 100 h : 10 h', '1.25x', 1.25),
  most('overview at 100 h : 1 h', '1.5x', 1.5),
  most('memory, 100 tags', '200 MB', 200 * MIB),
  most('memory, 10000 tags', '600 MB', 600 * MIB),
  most('restart, 10000 tags', '1 s', 1_000),
  { measure: 'ingest at 100 h : 1 h', says: '0.95x', holds: (of) => of('ingest at 100 h : 1 h') >= 0.95 },
];

export const goals: readonly Line[] = [
  times('stream', 'duckdb', 'DuckDB', 4),
  times('stream', 'rows', 'rows', 20),
  most('commit p99', '10 ms', 10),
  most('10,000 samples/s', '2 % of a core', 2),
  times('bulk per CPU second', 'parquet', 'Parquet', 4),
  { measure: 'bulk per second', says: '15 M/s', holds: (of) => of('bulk per second') >= 15e6 },
  most('bytes a sample', '1.00 B', 1),
  most('A p95', '0.5 ms', 0.5),
  most('B p95', '3 ms', 3),
  most('C p95', '0.1 ms', 0.1),
  most('memory, 10000 tags', '350 MB', 350 * MIB),
];

/** What of these lines speaks of a measure, with OK or MISSED; nothing where the measure or its peer is missing. */
export function verdicts(lines: readonly Line[], measure: string, figures: Figures): string {
  const of: Of = (what, who = 'parx') => {
    const value = figures.get(what)?.get(who);
    if (value === undefined) throw notMeasured;
    return value;
  };
  const peers = (what: string): readonly number[] => {
    const found = [...(figures.get(what) ?? [])].flatMap(([who, value]) => (who === 'parx' ? [] : [value]));
    if (found.length === 0) throw notMeasured;
    return found;
  };
  return lines
    .filter((line) => line.measure === measure)
    .flatMap((line) => {
      try {
        return [`${line.says} ${line.holds(of, peers) ? 'OK' : 'MISSED'}`];
      } catch (error) {
        if (error !== notMeasured) throw error;
        return [];
      }
    })
    .join(', ');
}
