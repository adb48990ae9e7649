import type { ChunkInfo, ChunkReader, ChunkTable, TagDecoder } from './chunk-table.ts';
import { emptyRun, firstAtOrAfter, mergeRuns, type Run, sliceRun } from './run.ts';

/** Samples that the writer holds beside the file, as numbers, sorted: newer than any sealed sample of the same time. */
export type Tail = Run;
export const NO_TAIL: Tail = emptyRun(0);

/** What is needed to read one tag. */
export interface TagSource {
  readonly number: number;
  readonly table: ChunkTable;
  readonly reader: ChunkReader;
  readonly decoder: TagDecoder;
  readonly tail: Tail;
}

/** Called with samples `start` to `end` of a run that is valid only during the call. */
export type Visit = (run: Run, start: number, end: number) => void;

/**
 * Every sample of the tag in [from, to), in time order without duplicates, as unscaled numbers; sealed and not yet
 * sealed samples meet here. `check` is called between chunks and throws to stop; `chunks` are those that touch the range.
 */
export function eachSample(
  tag: TagSource,
  from: number,
  to: number,
  visit: Visit,
  check: () => void,
  chunks: readonly ChunkInfo[] = tag.table.overlapping(tag.number, from, to),
): void {
  const { tail } = tag;
  let at = firstAtOrAfter(tail, from);
  const end = firstAtOrAfter(tail, to);
  for (const chunk of chunks) {
    check();
    const before = Math.min(end, firstAtOrAfter(tail, chunk.first));
    if (before > at) visit(tail, at, before);
    at = Math.max(at, before);
    const run = tag.reader.numbers(chunk, tag.decoder, from, to);
    const within = Math.min(end, firstAtOrAfter(tail, chunk.last + 1));
    if (within > at) {
      const newer = sliceRun(tail, at, within);
      const merged = run === null ? newer : mergeRuns(run, newer);
      visit(merged, firstAtOrAfter(merged, from), firstAtOrAfter(merged, to));
      at = within;
    } else if (run !== null) {
      const start = firstAtOrAfter(run, from);
      const stop = firstAtOrAfter(run, to);
      if (stop > start) visit(run, start, stop);
    }
  }
  if (end > at) visit(tail, at, end);
}

/** A sample as three numbers, unscaled. */
export interface Point {
  readonly time: number;
  readonly value: number;
  readonly quality: number;
}

const pointAt = (run: Run, index: number): Point => ({
  time: run.time[index]!,
  value: run.value[index]!,
  quality: run.quality[index]!,
});

/** The last sample strictly before `time`; `within` is the chunk that it must lie in or before, where that is known. */
export function sampleBefore(tag: TagSource, time: number, within?: ChunkInfo): Point | null {
  let best: Point | null = null;
  const inTail = firstAtOrAfter(tag.tail, time) - 1;
  if (inTail >= 0) best = pointAt(tag.tail, inTail);
  let chunk = within ?? tag.table.preceding(tag.number, time - 1);
  while (chunk !== null && (best === null || chunk.last > best.time)) {
    const at = Math.min(time - 1, chunk.last);
    const run = tag.reader.numbers(chunk, tag.decoder, at, at + 1);
    if (run !== null) {
      const index = firstAtOrAfter(run, time) - 1;
      if (index >= 0) {
        if (best === null || run.time[index]! > best.time) best = pointAt(run, index);
        break;
      }
    }
    chunk = tag.table.preceding(tag.number, chunk.first - 1);
  }
  return best;
}

/** The first sample at or after `time`; `within` is the chunk that it must lie in or before, where that is known. */
export function sampleFrom(tag: TagSource, time: number, within?: ChunkInfo): Point | null {
  let best: Point | null = null;
  const inTail = firstAtOrAfter(tag.tail, time);
  if (inTail < tag.tail.length) best = pointAt(tag.tail, inTail);
  let chunk = within ?? tag.table.preceding(tag.number, time);
  if (chunk === null || chunk.last < time) chunk = tag.table.following(tag.number, time);
  while (chunk !== null && (best === null || chunk.first < best.time)) {
    const at = Math.max(time, chunk.first);
    let run = tag.reader.numbers(chunk, tag.decoder, at, at + 1);
    let index = run === null ? 0 : firstAtOrAfter(run, time);
    if (run !== null && index >= run.length) {
      // Between two blocks: the next one has it.
      run = tag.reader.numbers(chunk, tag.decoder, at, chunk.last + 1);
      index = run === null ? 0 : firstAtOrAfter(run, time);
    }
    if (run !== null) {
      if (index < run.length && (best === null || run.time[index]! < best.time)) best = pointAt(run, index);
      break;
    }
    chunk = tag.table.following(tag.number, chunk.first);
  }
  return best;
}
