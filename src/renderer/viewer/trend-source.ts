import type { AppClient } from '#renderer/client/index.ts';
import type { Gap, HistoryEvent, Sample, TimeRange } from '#shared/model/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/contract.ts';
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

const whole = (range: { readonly from: number; readonly to: number }): { from: number; to: number } => ({
  from: Math.floor(range.from),
  to: Math.ceil(range.to),
});
