import type { TimeRange, UnixMicros } from '#shared/model/index.ts';
import type { ChunkInfo } from './chunk-table.ts';

/** A stretch of a recording that becomes a file of its own. */
export interface Part {
  /** For file names: a date, or "part 2". */
  readonly label: string;
  readonly range: TimeRange;
}

const HOUR = 3_600_000_000;
/** No day of any zone is longer. */
const LONGEST_DAY = 49 * HOUR;

/** Days of an IANA zone from the one that holds `from` to the one before `to`; throws RangeError for no zone. */
export function daysOf({ from, to }: TimeRange, zone: string): Part[] {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  const dateOf = (time: UnixMicros): string => format.format(time / 1_000);
  const days: Part[] = [];
  for (let at = from; at < to; ) {
    const label = dateOf(at);
    // Halving finds the end of the day whatever the zone's clocks do in it; the date does not come back.
    let low = at;
    let high = at + LONGEST_DAY;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (dateOf(middle) === label) low = middle;
      else high = middle;
    }
    days.push({ label, range: { from: at, to: Math.min(high, to) } });
    at = high;
  }
  return days;
}

/** Stretches that hold about the same share of the samples each. */
export function equalParts(chunks: readonly ChunkInfo[], { from, to }: TimeRange, count: number): Part[] {
  const edges = chunks.flatMap(({ first, last, count: samples }) => {
    const rate = samples / (last + 1 - first);
    return [
      { time: first, rate },
      { time: last + 1, rate: -rate },
    ];
  });
  edges.sort((a, b) => a.time - b.time);
  const share = chunks.reduce((sum, chunk) => sum + chunk.count, 0) / count;
  const cuts: number[] = [from];
  let rate = 0;
  let held = 0;
  let before = from;
  for (const edge of edges) {
    while (rate > 0 && cuts.length < count) {
      const cut = before + Math.ceil((share * cuts.length - held) / rate);
      if (cut >= edge.time) break;
      if (cut > cuts.at(-1)!) cuts.push(cut);
      else break;
    }
    held += Math.max(0, rate) * (edge.time - before);
    before = edge.time;
    rate += edge.rate;
  }
  return cuts.map((cut, i) => ({ label: `part ${i + 1}`, range: { from: cut, to: cuts[i + 1] ?? to } }));
}
