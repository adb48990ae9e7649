import { type Buckets, emptyBuckets, type Grid, type Points } from './contestant.ts';
import { type Answers, rawRange, tensOf, wholeGrid } from './measures.ts';
import { createMix, emptyBlock, PER_HOUR, type Size } from './mix.ts';

/** The right answers, from the generator itself: for A tag 0, for B the first ten, for C tag 3, for D all tags. */
export function truthOf(size: Size): Answers {
  const grid = wholeGrid(size);
  const tens = tensOf(size);
  const { from, to } = rawRange(size);
  const asked = 3 % size.tags;
  const mix = createMix(size.tags);
  const last = { time: new Float64Array(size.tags), value: new Float64Array(size.tags) };
  const overview: Buckets[] = [];
  const time: number[] = [];
  const value: number[] = [];
  for (let tag = 0; tag < size.tags; tag++) {
    const buckets = tens.includes(tag) ? emptyBuckets(grid) : null;
    for (let done = 0; done < size.perTag; done += PER_HOUR) {
      const block = emptyBlock(Math.min(PER_HOUR, size.perTag - done));
      mix.fill(block, 0, tag, block.length);
      last.time[tag] = block.time[block.length - 1]!;
      last.value[tag] = block.value[block.length - 1]!;
      if (buckets !== null) addTo(buckets, grid, block);
      if (tag !== asked) continue;
      for (let i = 0; i < block.length; i++) {
        if (block.time[i]! < from || block.time[i]! >= to) continue;
        time.push(block.time[i]!);
        value.push(block.value[i]!);
      }
    }
    if (buckets === null) continue;
    // The sum became the mean's numerator as the samples came.
    for (let i = 0; i < buckets.count.length; i++) buckets.mean[i]! /= buckets.count[i]!;
    overview[tag] = buckets;
  }
  return {
    A: [overview[0]!],
    B: tens.map((tag) => overview[tag]!),
    C: { time: Float64Array.from(time), value: Float64Array.from(value) },
    D: last,
  };
}

function addTo(buckets: Buckets, grid: Grid, block: Points & { length: number }): void {
  for (let i = 0; i < block.length; i++) {
    const at = Math.floor((block.time[i]! - grid.from) / grid.width);
    const value = block.value[i]!;
    if (buckets.count[at]!++ === 0) {
      buckets.min[at] = buckets.max[at] = buckets.mean[at] = value;
      continue;
    }
    if (value < buckets.min[at]!) buckets.min[at] = value;
    if (value > buckets.max[at]!) buckets.max[at] = value;
    buckets.mean[at]! += value;
  }
}

/** What is wrong with answers, in sentences; none when they agree. Means may differ by rounding, nothing else. */
export function differences(given: Answers, truth: Answers): string[] {
  const wrong: string[] = [];
  const same = (what: string, a: Float64Array, b: Float64Array, rounding = 0): void => {
    if (a.length !== b.length) return void wrong.push(`${what}: ${a.length} instead of ${b.length}`);
    const at = a.findIndex(
      (value, i) => !(Object.is(value, b[i]) || Math.abs(value - b[i]!) <= rounding * Math.abs(b[i]!)),
    );
    if (at >= 0) wrong.push(`${what} ${at}: ${a[at]} instead of ${b[at]}`);
  };
  for (const question of ['A', 'B'] as const) {
    for (const [tag, right] of truth[question].entries()) {
      const found = given[question][tag];
      if (found === undefined) {
        wrong.push(`${question}: nothing of tag ${tag}`);
        continue;
      }
      const of = (column: string): string => `${question}: ${column} of tag ${tag}, bucket`;
      same(of('least'), found.min, right.min);
      same(of('greatest'), found.max, right.max);
      same(of('mean'), found.mean, right.mean, 1e-9);
      same(of('count'), found.count, right.count);
    }
  }
  for (const question of ['C', 'D'] as const) {
    same(`${question}: time`, given[question].time, truth[question].time);
    same(`${question}: value`, given[question].value, truth[question].value);
  }
  return wrong;
}
