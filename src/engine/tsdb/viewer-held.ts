import { isBad, type Sample, STATISTICS, type TimeRange } from '#shared/model/index.ts';
import { HOLE_FACTOR } from './viewer-holes.ts';

/** Works out `STATISTICS` of one tag from its samples as they come, in order of time; holds a few numbers. */
export interface Held {
  add(time: Float64Array, value: Float64Array, quality: Uint16Array): void;
  finish(): Float64Array<ArrayBuffer>;
}

/**
 * `before`: the last sample before the range, whose value reaches into it and does not count. `usual`: the tag's usual
 * distance, microseconds; over a hole its last value holds for so long and is not known from then on. Null: it holds.
 */
export function createHeld({ from, to }: TimeRange, before: Sample | null, usual: number | null = null): Held {
  const of = { count: 0, bad: 0, sum: 0, first: Number.NaN, last: Number.NaN };
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let [heldMin, heldMax] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  // Mean and squares about it as they grow, so that large values with a small spread keep their digits.
  const plain = { weight: 0, mean: 0, squares: 0 };
  const held = { weight: 0, mean: 0, squares: 0 };
  let value = before === null || isBad(before.quality) ? Number.NaN : before.value;
  let since = from;
  /** Of the last sample. */
  let at = before === null ? from : before.time;
  const grow = (sums: typeof plain, number: number, weight: number): void => {
    sums.weight += weight;
    const delta = number - sums.mean;
    sums.mean += (delta * weight) / sums.weight;
    sums.squares += weight * delta * (number - sums.mean);
  };
  const hold = (until: number): void => {
    const end = usual !== null && until - at > HOLE_FACTOR * usual ? at + usual : until;
    const length = end - since;
    if (Number.isNaN(value) || !(length > 0)) return;
    grow(held, value, length);
    if (value < heldMin) heldMin = value;
    if (value > heldMax) heldMax = value;
  };
  return {
    add(time, values, quality) {
      for (let i = 0; i < time.length; i++) {
        const number = isBad(quality[i]!) ? Number.NaN : values[i]!;
        hold(time[i]!);
        value = number;
        at = time[i]!;
        since = at;
        if (of.count + of.bad === 0) of.first = number;
        of.last = number;
        if (Number.isNaN(number)) {
          of.bad++;
          continue;
        }
        of.count++;
        of.sum += number;
        grow(plain, number, 1);
        if (number < min) min = number;
        if (number > max) max = number;
      }
    },
    finish() {
      hold(to);
      const some = (number: number, known = of.count > 0): number => (known ? number : Number.NaN);
      const isHeld = held.weight > 0;
      const all: Record<(typeof STATISTICS)[number], number> = {
        ...of,
        min: some(min),
        max: some(max),
        sum: some(of.sum),
        mean: some(plain.mean),
        deviation: some(Math.sqrt(Math.max(0, plain.squares / (of.count - 1))), of.count > 1),
        heldMin: some(heldMin, isHeld),
        heldMax: some(heldMax, isHeld),
        heldMean: some(held.mean, isHeld),
        heldDeviation: some(Math.sqrt(Math.max(0, held.squares / held.weight)), isHeld),
        known: held.weight,
      };
      return Float64Array.from(STATISTICS, (name) => all[name]);
    },
  };
}
