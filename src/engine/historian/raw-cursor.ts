import type { TimeRange } from '#shared/model/index.ts';
import { appendRun, emptyRun, firstAtOrAfter, type Run, sliceRun } from './run.ts';
import { eachSample, type TagSource } from './samples.ts';
import type { ViewColumns } from './view.ts';

/** Walks one tag's samples from the start of a range to its end, holding about a chunk of them. */
export interface RawCursor {
  /**
   * Reads on until at least `wanted` samples are held or the range ends. Returns a time before which everything is
   * held, at most `wanted` samples ahead.
   */
  fill(wanted: number): number;
  /** The held samples before `until`, taken out; null if there are none. */
  take(until: number): ViewColumns | null;
}

export function createRawCursor(tag: TagSource, range: TimeRange): RawCursor {
  let held: Run = emptyRun(0);
  /** Everything before it has been read. */
  let readTo = range.from;
  const readOn = (): void => {
    const covering = tag.table.preceding(tag.number, readTo);
    const next = covering !== null && covering.last >= readTo ? covering : tag.table.following(tag.number, readTo);
    const chunk = next === null || next.first >= range.to ? null : next;
    // Up to the end of the next chunk, or to the end of the range where only the tail is left.
    const to = chunk === null ? range.to : Math.min(range.to, chunk.last + 1);
    eachSample(
      tag,
      readTo,
      to,
      (run, start, end) => {
        held = appendRun(held, sliceRun(run, start, end));
      },
      () => undefined,
    );
    readTo = to;
  };
  return {
    fill(wanted) {
      while (held.length < wanted && readTo < range.to) readOn();
      return held.length < wanted ? readTo : held.time[wanted - 1]! + 1;
    },
    take(until) {
      const count = firstAtOrAfter(held, until);
      if (count === 0) return null;
      const part = sliceRun(held, 0, count);
      held = sliceRun(held, count, held.length);
      return { length: count, time: part.time, value: part.value, quality: part.quality, envelope: null };
    },
  };
}
