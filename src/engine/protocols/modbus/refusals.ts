import { QUALITY, type Quality } from '#shared/model/index.ts';
import { lowerBound, type Run, type Span } from './planner.ts';
import type { Table } from './table.ts';

/**
 * What a device refuses, learned from its answers, so that the next poll costs the fewest requests again and one bad
 * address blinds no neighbour. Each is asked for again now and then, because programs in controllers change.
 */
export interface Refusal extends Run {
  readonly table: Table;
  /** What its tags show. */
  readonly quality: Quality;
  readonly kind: RefusalKind;
  waitMs: number;
  /** On the monotonic clock. */
  askAgainAt: number;
}

/**
 * - `run`:   exactly this run was refused, so whatever holds it as a whole can't be read.
 * - `gap`:   both ends can be read but not in one request; the reason lies between.
 * - `length`: every place of the run can be read, but not so many in one request; one less can.
 * - `table`: the function that reads the table; the run is where it was tried.
 */
export type RefusalKind = 'run' | 'gap' | 'length' | 'table';
export type Finding = Pick<Refusal, 'table' | 'first' | 'last' | 'quality' | 'kind'>;

const FIRST_WAIT_MS = 10_000;
const LONGEST_WAIT_MS = 5 * 60_000;
/** A silent place costs a time-out each time it is asked for. */
const FIRST_SILENT_WAIT_MS = 60_000;

export interface Refusals {
  /** Grows with every change; a plan made under an older one has to be made anew. */
  readonly revision: number;
  barriers(table: Table): readonly Run[];
  /** Places that the unit gives in one request at most, where it gives fewer than asked for. */
  longest(table: Table): number;
  /** The refusal that keeps a span from being read, if there is one. */
  of(table: Table, span: Pick<Span, 'offset' | 'count'>): Refusal | undefined;
  /** False if it was known. */
  learn(found: Finding, nowMs: number): boolean;
  /** The refusal whose turn to be asked again has come. */
  due(nowMs: number): Refusal | undefined;
  /** Was refused again: asked later and later. */
  keep(refusal: Refusal, nowMs: number): void;
  /** Can be read now. The device has changed, so that all others are due as well. */
  forget(refusal: Refusal, nowMs: number): void;
}

export function createRefusals(): Refusals {
  const byTable = new Map<Table, Refusal[]>();
  const searches = new Map<Table, (offset: number, end: number) => Refusal | undefined>();
  let revision = 0;
  let earliest = Number.POSITIVE_INFINITY;
  const all = (): Refusal[] => [...byTable.values()].flat();
  const changed = (table: Table): void => {
    revision++;
    searches.delete(table);
    earliest = all().reduce((time, refusal) => Math.min(time, refusal.askAgainAt), Number.POSITIVE_INFINITY);
  };

  return {
    get revision() {
      return revision;
    },
    barriers: (table) => (byTable.get(table) ?? []).filter(({ kind }) => kind === 'run' || kind === 'gap'),
    longest: (table) =>
      (byTable.get(table) ?? []).reduce(
        (most, one) => (one.kind === 'length' ? Math.min(most, one.last - one.first) : most),
        Number.POSITIVE_INFINITY,
      ),
    of(table, span) {
      let search = searches.get(table);
      if (search === undefined) {
        search = searchRuns(byTable.get(table) ?? []);
        searches.set(table, search);
      }
      return search(span.offset, span.offset + span.count);
    },
    learn(found, nowMs) {
      const known = byTable.get(found.table) ?? [];
      const same = (one: Refusal): boolean =>
        one.kind === found.kind && (one.kind === 'table' || (one.first === found.first && one.last === found.last));
      if (known.some(same)) return false;
      const waitMs = found.quality === QUALITY.badTimeout ? FIRST_SILENT_WAIT_MS : FIRST_WAIT_MS;
      byTable.set(found.table, [...known, { ...found, waitMs, askAgainAt: nowMs + waitMs }]);
      changed(found.table);
      return true;
    },
    due(nowMs) {
      return nowMs < earliest ? undefined : all().find((refusal) => refusal.askAgainAt <= nowMs);
    },
    keep(refusal, nowMs) {
      refusal.waitMs = Math.min(refusal.waitMs * 2, LONGEST_WAIT_MS);
      refusal.askAgainAt = nowMs + refusal.waitMs;
      earliest = all().reduce((time, one) => Math.min(time, one.askAgainAt), Number.POSITIVE_INFINITY);
    },
    forget(refusal, nowMs) {
      byTable.set(
        refusal.table,
        (byTable.get(refusal.table) ?? []).filter((one) => one !== refusal),
      );
      for (const other of all()) if (other.quality !== QUALITY.badTimeout) other.askAgainAt = nowMs;
      changed(refusal.table);
    },
  };
}

function searchRuns(refusals: readonly Refusal[]): (offset: number, end: number) => Refusal | undefined {
  const sorted = refusals.filter((refusal) => refusal.kind === 'run').sort((a, b) => a.first - b.first);
  const nearest: Refusal[] = [];
  for (let index = sorted.length - 1; index >= 0; index--) {
    const after = nearest[index + 1];
    nearest[index] = after === undefined || sorted[index]!.last <= after.last ? sorted[index]! : after;
  }
  const whole = refusals.find((refusal) => refusal.kind === 'table');
  const long = refusals.filter((refusal) => refusal.kind === 'length');
  return (offset, end) => {
    if (whole !== undefined) return whole;
    const tooLong = long.find((refusal) => end - offset > refusal.last - refusal.first);
    if (tooLong !== undefined) return tooLong;
    const found = nearest[lowerBound(sorted.length, (index) => sorted[index]!.first >= offset)];
    return found !== undefined && found.last < end ? found : undefined;
  };
}
