import { isAppError } from '#shared/errors.ts';
import { type Gap, QUALITY, type TimeRange } from '#shared/model/index.ts';
import type { TsdbTag } from './tsdb.ts';

/**
 * A hole in the data of a source that tells nothing of gaps: a distance between neighbouring samples that is so many
 * times the usual one around it.
 */
export const HOLE_FACTOR = 10;
/** Distances that tell a habit; fewer tell none. */
const FEWEST = 16;
/** Looked at on each side of a hole. */
const AROUND = 16;
/** Nine of ten distances of a tag that is written by the clock are at most so many times the usual one. */
const REGULAR = 2;
/** How far samples are looked for to know a tag's habit, from near to far. */
const REACHES = [10e6, 160e6, 2_600e6, 40_000e6, 650_000e6, 10_400_000e6];
/** What was found out of a tag holds so far around, at the least; farther away it is found out anew. */
const NEAR = 7 * 86_400e6;
const MOST_PLACES = 16;
const MOST_TAGS = 20_000;

/** `usual`: distance of the samples around it, microseconds. */
export interface Hole extends TimeRange {
  readonly usual: number;
}

/**
 * The usual distance; null where there is none, as of a tag that is written when it changes; undefined where these are
 * too few to tell.
 */
export function usualDistance(distances: readonly number[]): number | null | undefined {
  if (distances.length < FEWEST) return undefined;
  const sorted = distances.toSorted((a, b) => a - b);
  const usual = sorted[sorted.length >> 1]!;
  return sorted[Math.ceil(sorted.length * 0.9) - 1]! <= REGULAR * usual ? usual : null;
}

/** Distances of the last samples up to `end` and of the first from `begin` on, the one between them left out. */
function distancesAround(time: Float64Array, end: number, begin: number): number[] {
  const distances: number[] = [];
  for (let i = Math.max(1, end - AROUND + 1); i <= end; i++) distances.push(time[i]! - time[i - 1]!);
  for (let i = begin + 1; i < Math.min(time.length, begin + 1 + AROUND); i++) distances.push(time[i]! - time[i - 1]!);
  return distances;
}

/** Whether half of the distances around are so much shorter, which is soon told; fewer than would tell a habit may be. */
function isFarAbove(time: Float64Array, begin: number, length: number): boolean {
  let [all, short] = [0, 0];
  const look = (from: number, to: number): void => {
    for (let i = from; i <= to; i++) {
      all++;
      if (HOLE_FACTOR * (time[i]! - time[i - 1]!) < length) short++;
    }
  };
  look(Math.max(1, begin - AROUND), begin - 1);
  look(begin + 1, Math.min(time.length - 1, begin + AROUND));
  return all < FEWEST || 2 * short >= all;
}

type Learn = (hole: TimeRange) => Promise<number | null>;

/** Holes between samples; `learn` is asked where these are too few to tell the habit. */
export async function holesBetween(time: Float64Array, learn: Learn): Promise<Hole[]> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 1; i < time.length; i++) least = Math.min(least, time[i]! - time[i - 1]!);
  // Of a few samples the shortest distance is no measure: each of them may stand alone.
  const few = time.length < 5;
  const holes: Hole[] = [];
  for (let i = 1; i < time.length; i++) {
    const hole = { from: time[i - 1]!, to: time[i]! };
    const length = hole.to - hole.from;
    if (!few && (length <= HOLE_FACTOR * least || !isFarAbove(time, i, length))) continue;
    const near = usualDistance(distancesAround(time, i - 1, i));
    const usual = near === undefined ? await learn(hole) : near;
    if (usual !== null && length > HOLE_FACTOR * usual) holes.push({ ...hole, usual });
  }
  return holes;
}

/**
 * Holes among steps, by how many samples lie in each: steps in a row without any. What lies around says whether that is
 * so much more than usual, and `learn` from the samples themselves whether they come by the clock at all.
 */
export async function holesAmong(
  counts: Float64Array,
  { start, step }: { readonly start: number; readonly step: number },
  learn: Learn,
): Promise<Hole[]> {
  const filled = [...counts.keys()].filter((at) => counts[at]! > 0);
  const holes: Hole[] = [];
  for (let n = 1; n < filled.length; n++) {
    const [before, after] = [filled[n - 1]!, filled[n]!];
    if (after - before < 2) continue;
    const hole = { from: start + (before + 1) * step, to: start + after * step };
    const length = hole.to - hole.from;
    // The steps at its very ends are full in part.
    const around = Math.max(
      meanDistance(counts, filled.slice(Math.max(0, n - 9), n - 1), step),
      meanDistance(counts, filled.slice(n + 1, n + 9), step),
    );
    if (length <= HOLE_FACTOR * around) continue;
    const usual = await learn(hole);
    if (usual !== null && length > HOLE_FACTOR * usual) holes.push({ ...hole, usual });
  }
  return holes;
}

function meanDistance(counts: Float64Array, places: readonly number[], step: number): number {
  if (places.length === 0) return 0;
  const samples = places.reduce((sum, at) => sum + counts[at]!, 0);
  return ((places.at(-1)! - places[0]! + 1) * step) / samples;
}

/** What the last sample stands for is its own usual distance; from there on nothing is known. */
export const gapOf = ({ from, to, usual }: Hole, onSteps: boolean): Gap => ({
  range: { from: onSteps ? from : Math.min(to, Math.round(from + usual)), to },
  reason: `No sample for ${spanText(to - from)}; around it one comes every ${spanText(usual)}.`,
  quality: QUALITY.badNoData,
});

function spanText(micros: number): string {
  for (const [unit, size] of [
    ['d', 86_400e6],
    ['h', 3_600e6],
    ['min', 60e6],
    ['s', 1e6],
    ['ms', 1e3],
  ] as const) {
    if (micros >= size) return `${Number((micros / size).toPrecision(3))} ${unit}`;
  }
  return `${Math.round(micros)} µs`;
}

export interface Habits {
  /** Usual distance of a tag's samples around a hole; null where it has none, or nobody can tell. */
  usual(tag: TsdbTag, hole: TimeRange, signal: AbortSignal): Promise<number | null>;
  /** Whether holes mean anything: what is a state holds until it changes. */
  readonly mean: (tag: TsdbTag) => boolean;
}

/**
 * Finds out how a tag is written, from some samples on both sides of a place, and remembers it for the time around.
 * `read` gives times of a range from its start on, as many as it likes.
 */
export function createHabits(
  read: (tag: TsdbTag, range: TimeRange, signal: AbortSignal) => Promise<Float64Array>,
): Habits {
  const known = new Map<string, { readonly at: number; readonly usual: Promise<number | null> }[]>();

  const side = async (
    tag: TsdbTag,
    rangeOf: (reach: number) => TimeRange,
    signal: AbortSignal,
  ): Promise<Float64Array> => {
    let found: Float64Array = new Float64Array(0);
    for (const reach of REACHES) {
      found = await read(tag, rangeOf(reach), signal);
      if (found.length > AROUND) break;
    }
    return found;
  };

  const learn = async (tag: TsdbTag, { from, to }: TimeRange, signal: AbortSignal): Promise<number | null> => {
    try {
      const left = await side(tag, (reach) => ({ from: from + 1 - reach, to: from + 1 }), signal);
      const right = await side(tag, (reach) => ({ from: to, to: to + reach }), signal);
      const distances = [...distancesAround(left, left.length - 1, left.length), ...distancesAround(right, -1, 0)];
      return usualDistance(distances) ?? null;
    } catch (error) {
      // Where looking costs the source too much, lines go on as if nothing were missing.
      if (isAppError(error, 'query.too-many-samples') || isAppError(error, 'tsdb.timeout')) return null;
      throw error;
    }
  };

  const usual = async (tag: TsdbTag, hole: TimeRange, signal: AbortSignal): Promise<number | null> => {
    const places = known.get(tag.id) ?? [];
    const near = Math.max(NEAR, 4 * (hole.to - hole.from));
    const place = places.find(({ at }) => Math.abs(at - hole.from) <= near);
    if (place !== undefined) {
      try {
        return await place.usual;
      } catch {
        // Whoever asked first may have left; what was not found out is forgotten by now.
        signal.throwIfAborted();
        return usual(tag, hole, signal);
      }
    }
    const made = { at: hole.from, usual: learn(tag, hole, signal) };
    if (known.size > MOST_TAGS) known.clear();
    known.set(tag.id, [made, ...places].slice(0, MOST_PLACES));
    try {
      return await made.usual;
    } catch (error) {
      const left = (known.get(tag.id) ?? []).filter((one) => one !== made);
      known.set(tag.id, left);
      throw error;
    }
  };
  return { mean: ({ type }) => type === 'number', usual };
}
