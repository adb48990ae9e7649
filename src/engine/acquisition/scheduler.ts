import { createMeasurements, createRateGauge } from './statistics.ts';

/**
 * When which group of tags has its turn on one link. Only one turn runs at a time, because a link carries one request
 * at a time. Times are monotonic milliseconds; nothing here reads a clock or waits.
 *
 * Ticks lie at `start + n * period` and never drift. A tick that passes while its group is still waiting or being read
 * is skipped and counted as an overrun. Among the groups that are due the one whose next tick comes first goes first,
 * so fast groups are not held up by slow ones; no group waits longer than about a second for that.
 */
export interface Turn {
  readonly unit: string;
  readonly periodMs: number;
  readonly overruns: number;
  /** Polls per second actually made; null before the second one. */
  actualHz(nowMs: number): number | null;
  /** How late polls start after their tick, 99th percentile of the last 512; null before the first. */
  jitterP99Ms(): number | null;
}

export interface LinkSchedule {
  /** `startMs` is the first tick. */
  add(unit: string, periodMs: number, startMs: number): Turn;
  remove(turn: Turn): void;
  /** The group to read now; null when none is due. */
  next(nowMs: number): Turn | null;
  /** When `next` will have something, Infinity when there is no group. May lie in the past. */
  nextAt(): number;
  /** Infinity when there is no group. */
  shortestPeriodMs(): number;
  /** `begin` and `end` may also concern a turn that has just been removed. */
  begin(turn: Turn, nowMs: number): void;
  /** `completed`: the group was read; a turn that failed does not count towards the rate. */
  end(turn: Turn, nowMs: number, completed: boolean): void;
  /** No turn of this unit before `untilMs`; its ticks until then are not overruns. 0 ends the hold. */
  hold(unit: string, untilMs: number): void;
  /** When the unit may have its next turn; 0 when nothing holds it. */
  heldUntil(unit: string): number;
  /** One turn at once for every group (after a connect), or those of one unit, beside the regular ticks. */
  hurry(unit?: string): void;
  /**
   * Starts afresh after a time in which nobody could have kept a tick (sleep, no link): ticks in it are not overruns,
   * and a turn under way did not last that long.
   */
  resync(nowMs: number): void;
}

/** The longest that a period counts as urgency: beyond it, groups are served in the order in which they fell due. */
const URGENCY_MS = 1_000;

/** A unit that took longer than this and longer than its neighbours' period leaves them the link for as long. */
const LONG_TURN_MS = 20;

interface Entry extends Turn {
  readonly startMs: number;
  /** Number of the next tick. */
  tick: number;
  /** Due since this time regardless of ticks; Infinity when not. */
  hurriedAt: number;
  begunAt: number;
  overruns: number;
  readonly lateness: ReturnType<typeof createMeasurements>;
  readonly rate: ReturnType<typeof createRateGauge>;
}

export function createLinkSchedule(): LinkSchedule {
  const entries: Entry[] = [];
  /** Backing off; and paying back a long turn to the neighbours, whose ticks do count as overruns. */
  const held = new Map<string, number>();
  const yielding = new Map<string, number>();

  const dueAt = (entry: Entry): number => Math.min(entry.startMs + entry.tick * entry.periodMs, entry.hurriedAt);
  const readyAt = (entry: Entry): number =>
    Math.max(dueAt(entry), held.get(entry.unit) ?? 0, yielding.get(entry.unit) ?? 0);
  const lastTick = (entry: Entry, nowMs: number): number => Math.floor((nowMs - entry.startMs) / entry.periodMs + 1e-9);
  return {
    add(unit, periodMs, startMs) {
      const lateness = createMeasurements(512);
      const rate = createRateGauge(32);
      const entry: Entry = {
        unit,
        periodMs,
        startMs,
        tick: 0,
        hurriedAt: Number.POSITIVE_INFINITY,
        begunAt: Number.NEGATIVE_INFINITY,
        overruns: 0,
        lateness,
        rate,
        actualHz: (nowMs) => rate.perSecond(nowMs),
        jitterP99Ms: () => lateness.percentile(0.99),
      };
      entries.push(entry);
      return entry;
    },
    remove(turn) {
      const at = entries.indexOf(turn as Entry);
      if (at >= 0) entries.splice(at, 1);
    },
    next(nowMs) {
      let best: Entry | null = null;
      let bestDeadline = Number.POSITIVE_INFINITY;
      for (const entry of entries) {
        if (readyAt(entry) > nowMs) continue;
        const deadline = dueAt(entry) + Math.min(entry.periodMs, URGENCY_MS);
        if (deadline < bestDeadline || (deadline === bestDeadline && best !== null && entry.begunAt < best.begunAt)) {
          best = entry;
          bestDeadline = deadline;
        }
      }
      return best;
    },
    nextAt() {
      let earliest = Number.POSITIVE_INFINITY;
      for (const entry of entries) earliest = Math.min(earliest, readyAt(entry));
      return earliest;
    },
    shortestPeriodMs: () => entries.reduce((shortest, entry) => Math.min(shortest, entry.periodMs), Infinity),
    begin(turn, nowMs) {
      const entry = turn as Entry;
      const due = entry.startMs + entry.tick * entry.periodMs;
      const passed = lastTick(entry, nowMs);
      const excused = (held.get(entry.unit) ?? 0) > due;
      if (passed >= entry.tick) {
        if (!excused) {
          entry.overruns += passed - entry.tick;
          entry.lateness.add(nowMs - due);
        }
        entry.tick = passed + 1;
      }
      entry.hurriedAt = Number.POSITIVE_INFINITY;
      entry.begunAt = nowMs;
    },
    end(turn, nowMs, completed) {
      const entry = turn as Entry;
      const passed = lastTick(entry, nowMs);
      if (passed >= entry.tick) {
        entry.overruns += passed - entry.tick + 1;
        entry.tick = passed + 1;
      }
      if (completed) entry.rate.mark(entry.begunAt);
      const took = nowMs - entry.begunAt;
      if (took <= LONG_TURN_MS) return;
      const crowded = entries.some((other) => other.unit !== entry.unit && other.periodMs < took);
      if (crowded) yielding.set(entry.unit, nowMs + took);
    },
    hold(unit, untilMs) {
      held.set(unit, untilMs);
    },
    heldUntil: (unit) => held.get(unit) ?? 0,
    hurry(unit) {
      for (const entry of entries) {
        if (unit === undefined || entry.unit === unit) entry.hurriedAt = 0;
      }
    },
    resync(nowMs) {
      yielding.clear();
      for (const entry of entries) {
        entry.begunAt = Math.max(entry.begunAt, nowMs);
        entry.tick = Math.max(entry.tick, lastTick(entry, nowMs) + 1);
        entry.rate.clear();
      }
    },
  };
}
