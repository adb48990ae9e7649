import { finestWidth, isRollupWidth, type QueryTag, rollupWidth } from './query-source.ts';
import { addSamples, type Buckets, ceilTo, createBuckets, floorTo } from './rollup.ts';
import { eachSample } from './samples.ts';
import { fillBuckets } from './view.ts';

/** A bucket of a free grid is put together of about so many rollup buckets, and of samples at its edges. */
const PARTS = 16;
/** Where a bucket holds fewer samples than two blocks of a chunk, its edges cost as much as all of it. */
const SCANNED = 2_048;

/** The rollup width that a grid is filled from; 0 where reading all samples costs no more. */
export function fillWidth(step: number, origin: number, period: number): number {
  if (isRollupWidth(step, origin)) return step;
  return step / period < SCANNED ? 0 : rollupWidth(step / PARTS);
}

/**
 * Adds every sample of [from, to), unscaled, to the buckets of any grid: whole rollup buckets of `width` where they lie
 * in one of its buckets, finer ones and samples at the edges.
 */
export function fillGrid(
  tag: QueryTag,
  target: Buckets,
  from: number,
  to: number,
  width: number,
  period: number,
  check: () => void,
): void {
  if (!(from < to)) return;
  if (width < finestWidth(period) && !(width === target.width)) {
    eachSample(tag.source, from, to, (run, a, b) => addSamples(target, run.time, run.value, run.quality, a, b), check);
    return;
  }
  const finer = rollupWidth(width / PARTS);
  const start = ceilTo(from, width);
  const end = floorTo(to, width);
  if (!(start < end)) {
    fillGrid(tag, target, from, to, finer, period, check);
    return;
  }
  fillGrid(tag, target, from, start, finer, period, check);
  if (width === target.width) {
    fillBuckets(tag.source, target, start, end, check);
    fillGrid(tag, target, end, to, finer, period, check);
    return;
  }
  const parts = createBuckets(start, end, width);
  fillBuckets(tag.source, parts, start, end, check);
  for (let i = 0; i < parts.length; i++) {
    if (parts.count[i]! + parts.bad[i]! === 0) continue;
    const first = bucketOf(target, parts.firstTime[i]!);
    if (first === bucketOf(target, parts.lastTime[i]!)) join(target, first, parts, i);
    else fillGrid(tag, target, start + i * width, start + (i + 1) * width, finer, period, check);
  }
  fillGrid(tag, target, end, to, finer, period, check);
}

const bucketOf = (buckets: Buckets, time: number): number => Math.floor((time - buckets.from) / buckets.width);

/** Adds bucket `from` of `source` to bucket `to` of `target`; in any order. */
function join(target: Buckets, to: number, source: Buckets, from: number): void {
  if (source.count[from]! > 0) {
    const empty = target.count[to] === 0;
    const min = source.min[from]!;
    const minTime = source.minTime[from]!;
    if (empty || min < target.min[to]! || (min === target.min[to] && minTime < target.minTime[to]!)) {
      target.min[to] = min;
      target.minTime[to] = minTime;
    }
    const max = source.max[from]!;
    const maxTime = source.maxTime[from]!;
    if (empty || max > target.max[to]! || (max === target.max[to] && maxTime < target.maxTime[to]!)) {
      target.max[to] = max;
      target.maxTime[to] = maxTime;
    }
    target.sum[to]! += source.sum[from]!;
    target.count[to]! += source.count[from]!;
  }
  target.bad[to]! += source.bad[from]!;
  if (source.quality[from]! > target.quality[to]!) target.quality[to] = source.quality[from]!;
  if (source.firstTime[from]! < target.firstTime[to]!) {
    target.firstTime[to] = source.firstTime[from]!;
    target.first[to] = source.first[from]!;
  }
  if (source.lastTime[from]! > target.lastTime[to]!) {
    target.lastTime[to] = source.lastTime[from]!;
    target.last[to] = source.last[from]!;
  }
}
