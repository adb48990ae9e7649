import type { AppClient } from '#renderer/client/index.ts';
import type { TraceStatistics } from '#renderer/plot/index.ts';
import { type Gap, type HistoryEvent, type Sample, STATISTICS, type TimeRange } from '#shared/model/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import type { HistoryReader, LiveTraces } from './trace-store.ts';

/** Where one trend reads from. */
export interface TrendSource {
  readonly history: HistoryReader;
  readonly live:
    | (LiveTraces & { setTags(tagIds: readonly string[]): void; onFrame(listener: () => void): Disposable })
    | null;
  bounds(signal: AbortSignal): Promise<TimeRange | null>;
  gaps(range: TimeRange, signal: AbortSignal): Promise<readonly Gap[]>;
  events(range: TimeRange, signal: AbortSignal): Promise<readonly HistoryEvent[]>;
}

/** The running history with its live end, or a recording that was opened. Dispose it with the trend. */
export function createTrendSource(client: AppClient, source: string): TrendSource & Disposable {
  const { rpc } = client;
  const feed = source === RUNNING_HISTORY ? client.live.trace([]) : null;
  const sampleOf = (sample: { time: number; value: number | null; quality: number } | null): Sample | null =>
    sample === null ? null : { ...sample, value: sample.value ?? Number.NaN };
  return {
    history: {
      view: ({ tags, range, pixels }, signal) =>
        rpc.history.view({ source, tags: [...tags], range: { from: range.from, to: range.to }, pixels }, { signal }),
      async neighbours(tag, time, signal) {
        const { before, after } = await rpc.history.neighbours({ source, tag, time: Math.round(time) }, { signal });
        return { before: sampleOf(before), after: sampleOf(after) };
      },
      async *statistics(tagIds, range, signal) {
        const input = { source, tags: [...tagIds], range: whole(range) };
        for await (const { tags } of rpc.history.statistics(input, { signal })) {
          for (const { tag, values } of tags) yield { tag, result: exactStatistics(values) };
        }
      },
    },
    live: feed,
    async bounds(signal) {
      const { range } = await rpc.history.bounds({ source }, { signal });
      return range;
    },
    async gaps(range, signal) {
      return (await rpc.history.gaps({ source, range: whole(range) }, { signal })).gaps;
    },
    async events(range, signal) {
      return (await rpc.history.events({ source, range: whole(range), kinds: null }, { signal })).events;
    },
    [Symbol.dispose]: () => feed?.[Symbol.dispose](),
  };
}

/** The history's numbers as the trend shows them: extremes with the value that reaches in, the rest by how long it held. */
function exactStatistics(values: Float64Array): TraceStatistics | null {
  const of = (name: (typeof STATISTICS)[number]): number => values[STATISTICS.indexOf(name)] ?? Number.NaN;
  const known = of('known');
  const min = Math.min(...[of('min'), of('heldMin')].filter((value) => !Number.isNaN(value)));
  const max = Math.max(...[of('max'), of('heldMax')].filter((value) => !Number.isNaN(value)));
  if (!(min <= max)) return null;
  return {
    min,
    max,
    mean: known > 0 ? of('heldMean') : (min + max) / 2,
    deviation: known > 0 ? of('heldDeviation') : 0,
    count: of('count'),
    known,
    merged: false,
  };
}

const whole = (range: { readonly from: number; readonly to: number }): { from: number; to: number } => ({
  from: Math.floor(range.from),
  to: Math.ceil(range.to),
});
