import { type AggregateFunction, isBad } from '#shared/model/index.ts';
import type { Grid, Wanted } from './query-hold.ts';
import { MOST_RANKED, percentileOf } from './query-rank.ts';
import { lowerBound } from './query-source.ts';

/** Deviations and percentiles of each bucket's usable samples, which come in time order. */
export interface Moments {
  add(time: Float64Array, value: Float64Array, quality: Uint16Array, start: number, end: number): void;
  /** Closes the last bucket; returns those whose percentiles are left open because they hold too many samples. */
  finish(): readonly { readonly bucket: number; readonly count: number; readonly min: number; readonly max: number }[];
}

export const isPercentile = (name: AggregateFunction): boolean => /^p\d/.test(name);
export const percentOf = (name: AggregateFunction): number => Number(name.slice(1));

/** The columns of percentiles among those that are wanted. */
export const percentilesOf = (wanted: Wanted): [name: AggregateFunction, column: Float64Array][] =>
  (Object.entries(wanted) as [AggregateFunction, Float64Array][]).filter(([name]) => isPercentile(name));

export function createMoments(grid: Grid, wanted: Wanted): Moments {
  const { start, step } = grid;
  const percentiles = percentilesOf(wanted);
  const ranked = percentiles.length > 0;
  const open: { bucket: number; count: number; min: number; max: number }[] = [];
  let kept = new Float64Array(ranked ? 4_096 : 0);
  let bucket = -1;
  let bucketEnd = Number.NEGATIVE_INFINITY;
  let count = 0;
  let mean = 0;
  let squares = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;

  const leave = (): void => {
    if (bucket < 0 || count === 0) return;
    if (wanted.populationDeviation !== undefined) wanted.populationDeviation[bucket] = Math.sqrt(squares / count);
    if (wanted.deviation !== undefined && count > 1) wanted.deviation[bucket] = Math.sqrt(squares / (count - 1));
    if (!ranked) return;
    if (count > MOST_RANKED) open.push({ bucket, count, min, max });
    else for (const [name, column] of percentiles) column[bucket] = percentileOf(kept, count, percentOf(name));
  };
  const keep = (number: number, at: number): void => {
    if (number < min) min = number;
    if (number > max) max = number;
    if (at >= MOST_RANKED) return;
    if (at === kept.length) {
      const grown = new Float64Array(Math.min(MOST_RANKED, at * 4));
      grown.set(kept);
      kept = grown;
    }
    kept[at] = number;
  };
  /** Two passes over a piece that is hot in the cache, then joined: no digits are lost to a large mean. */
  const addPiece = (value: Float64Array, quality: Uint16Array, from: number, to: number): void => {
    let sum = 0;
    let number = 0;
    for (let i = from; i < to; i++) {
      const one = value[i]!;
      if (isBad(quality[i]!) || Number.isNaN(one)) continue;
      sum += one;
      if (ranked) keep(one, count + number);
      number++;
    }
    if (number === 0) return;
    const pieceMean = sum / number;
    let pieceSquares = 0;
    for (let i = from; i < to; i++) {
      const distance = value[i]! - pieceMean;
      if (isBad(quality[i]!) || Number.isNaN(distance)) continue;
      pieceSquares += distance * distance;
    }
    const distance = pieceMean - mean;
    const all = count + number;
    squares += pieceSquares + (count === 0 ? 0 : (distance * distance * count * number) / all);
    mean = count === 0 ? pieceMean : mean + (distance * number) / all;
    count = all;
  };
  return {
    add(time, value, quality, from, to) {
      let at = from;
      while (at < to) {
        if (time[at]! >= bucketEnd) {
          leave();
          bucket = Math.floor((time[at]! - start) / step);
          bucketEnd = start + (bucket + 1) * step;
          count = 0;
          mean = 0;
          squares = 0;
          min = Number.POSITIVE_INFINITY;
          max = Number.NEGATIVE_INFINITY;
        }
        const end = lowerBound(time, bucketEnd, at, to);
        addPiece(value, quality, at, end);
        at = end;
      }
    },
    finish() {
      leave();
      return open;
    },
  };
}
