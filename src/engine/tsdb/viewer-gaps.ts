import type { Grid } from '#shared/model/graph/index.ts';
import { type Gap, QUALITY, type Sample, type TimeRange } from '#shared/model/index.ts';
import type { TsdbTag } from './tsdb.ts';
import { createHabits, gapOf, HOLE_FACTOR, holesAmong, holesBetween } from './viewer-holes.ts';

export interface GapFinderOptions {
  /** Times of samples from the start of a range on, as many as can be had cheaply. */
  read(tag: TsdbTag, range: TimeRange, signal: AbortSignal): Promise<Float64Array>;
  /** The last sample at or before a time less than `span` or farther away, or the first one after it. */
  nearest(tag: TsdbTag, time: number, span: number, backward: boolean, signal: AbortSignal): Promise<Sample | null>;
}

/** Where a tag's data have holes, as a trend draws them. What is a state holds until it changes and has none. */
export interface GapFinder {
  between(tag: TsdbTag, time: Float64Array, signal: AbortSignal): Promise<Gap[]>;
  /** `count`: usable samples of each step. A hole that reaches over an end is told as far as the grid goes. */
  onSteps(tag: TsdbTag, grid: Grid, count: Float64Array, quality: Uint16Array, signal: AbortSignal): Promise<Gap[]>;
  /** Usual distance of samples around a time; null where there is none. */
  usualAt(tag: TsdbTag, time: number, signal: AbortSignal): Promise<number | null>;
}

export function createGapFinder({ read, nearest }: GapFinderOptions): GapFinder {
  const habits = createHabits(read);

  /** `first` to `last`: where something lies in what was read. */
  const atEnds = async (
    tag: TsdbTag,
    whole: TimeRange,
    { from: first, to: last }: TimeRange,
    signal: AbortSignal,
  ): Promise<Gap[]> => {
    const gaps: Gap[] = [];
    for (const backward of [true, false]) {
      const edge = backward ? { from: whole.from, to: first } : { from: last, to: whole.to };
      if (!(edge.to > edge.from)) continue;
      const usual = await habits.usual(tag, edge, signal);
      if (usual === null) continue;
      const beyond = await nearest(tag, backward ? edge.from : edge.to - 1, whole.to - whole.from, backward, signal);
      if (beyond === null) continue;
      const hole = backward ? { from: beyond.time, to: edge.to } : { from: edge.from, to: beyond.time };
      if (hole.to - hole.from <= HOLE_FACTOR * usual) continue;
      const gap = gapOf({ ...hole, usual }, !backward);
      const range = { from: Math.max(gap.range.from, whole.from), to: Math.min(gap.range.to, whole.to) };
      gaps.push({ ...gap, range });
    }
    return gaps;
  };

  return {
    async between(tag, time, signal) {
      if (!habits.mean(tag)) return [];
      return (await holesBetween(time, (hole) => habits.usual(tag, hole, signal))).map((hole) => gapOf(hole, false));
    },
    async onSteps(tag, grid, count, quality, signal) {
      if (!habits.mean(tag)) return [];
      // A step of nothing but bad samples has some all the same.
      const filled = count.map((number, at) => Math.max(number, quality[at] === QUALITY.badNoData ? 0 : 1));
      const first = filled.findIndex((number) => number > 0);
      const last = filled.findLastIndex((number) => number > 0);
      if (first < 0) return [];
      const timeOf = (at: number): number => grid.start + at * grid.step;
      const whole = { from: timeOf(0), to: timeOf(grid.length) };
      const inside = await holesAmong(filled, grid, (hole) => habits.usual(tag, hole, signal));
      // The step beyond each side is there for the lines; an empty one alone is nothing yet.
      const ends = {
        from: first < 2 ? whole.from : timeOf(first),
        to: last > grid.length - 3 ? whole.to : timeOf(last + 1),
      };
      const gaps = [...inside.map((hole) => gapOf(hole, true)), ...(await atEnds(tag, whole, ends, signal))];
      return gaps.sort((a, b) => a.range.from - b.range.from);
    },
    async usualAt(tag, time, signal) {
      return habits.mean(tag) ? habits.usual(tag, { from: time, to: time }, signal) : null;
    },
  };
}
