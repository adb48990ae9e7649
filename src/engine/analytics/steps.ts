import { type Aggregation, type GraphSeries, type Grid, stepQuality } from '#shared/model/graph/index.ts';
import { isBad } from '#shared/model/index.ts';

/** The columns of an aggregated series, as long as the grid. */
export type StepValues = Pick<GraphSeries, 'value' | 'quality' | 'envelope'>;

/** Collects samples, in order of time, into what the steps of a grid come to. */
export interface Steps {
  readonly samples: number;
  /** Rows of columns; times lie on the grid and do not go back from call to call. */
  add(time: Float64Array, value: Float64Array, quality: Uint16Array): void;
  finish(): StepValues;
}

/**
 * Works out an aggregation from raw samples, for backends that do not have it: the same numbers on all of them. Holds
 * a few columns as long as the grid, whatever the number of samples.
 */
export function createSteps({ start, step, length }: Grid, aggregate: Aggregation, envelope: boolean): Steps {
  const growth = aggregate === 'rate' || aggregate === 'increase';
  const empty = (): Float64Array<ArrayBuffer> => new Float64Array(length).fill(Number.NaN);
  const usable = new Float64Array(length);
  const other = new Float64Array(length);
  const worst = new Uint16Array(length);
  const value = empty();
  const spanned = growth ? new Float64Array(length) : null;
  const min = envelope || aggregate === 'min' ? empty() : null;
  const max = envelope || aggregate === 'max' ? empty() : null;
  let samples = 0;
  let beforeTime = Number.NaN;
  let before = Number.NaN;

  const addUsable = (at: number, time: number, number: number): void => {
    if (growth) {
      if (!Number.isNaN(before)) {
        usable[at]!++;
        // A counter that fell has started again at zero.
        const grown = number >= before ? number - before : number;
        value[at] = (spanned![at]! > 0 ? value[at]! : 0) + grown;
        spanned![at]! += time - beforeTime;
      }
      before = number;
      beforeTime = time;
      return;
    }
    usable[at]!++;
    if (aggregate === 'sum' || aggregate === 'mean') value[at] = usable[at] === 1 ? number : value[at]! + number;
  };

  return {
    get samples() {
      return samples;
    },
    add(time, values, quality) {
      samples += time.length;
      for (let i = 0; i < time.length; i++) {
        const at = Math.floor((time[i]! - start) / step);
        const number = values[i]!;
        const good = !isBad(quality[i]!) && !Number.isNaN(number);
        if (quality[i]! > worst[at]!) worst[at] = quality[i]!;
        if (good) {
          addUsable(at, time[i]!, number);
          if (min !== null && !(number >= min[at]!)) min[at] = number;
          if (max !== null && !(number <= max[at]!)) max[at] = number;
        } else other[at]!++;
        if (aggregate === 'last') value[at] = good ? number : Number.NaN;
        else if (aggregate === 'first' && usable[at]! + other[at]! === 1) value[at] = good ? number : Number.NaN;
      }
    },
    finish() {
      const quality = new Uint16Array(length);
      for (let i = 0; i < length; i++) {
        if (aggregate === 'count') value[i] = usable[i]!;
        else quality[i] = stepQuality(usable[i]!, other[i]!, worst[i]!);
        if (aggregate === 'mean') value[i] = value[i]! / usable[i]!;
        else if (aggregate === 'rate') value[i] = (value[i]! / spanned![i]!) * 1e6;
      }
      const column = aggregate === 'min' ? min! : aggregate === 'max' ? max! : value;
      return {
        // With an envelope of its own the column would be the same one twice.
        value: envelope && column !== value ? column.slice() : column,
        quality,
        envelope: envelope ? { min: min!, max: max! } : null,
      };
    },
  };
}
