import type { AppClient } from '#renderer/client/index.ts';
import type { Gap, HistoryEvent, TimeRange } from '#shared/model/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import { createSourceReader, type SourceReader, whole } from './source-reader.ts';
import { isPlain } from './trace-key.ts';
import type { LiveTraces } from './trace-store.ts';

/** Where one trend reads from. */
export interface TrendSource {
  readonly history: SourceReader;
  readonly live:
    | (LiveTraces & { setTags(tagIds: readonly string[]): void; onFrame(listener: () => void): Disposable })
    | null;
  bounds(signal: AbortSignal): Promise<TimeRange | null>;
  gaps(range: TimeRange, signal: AbortSignal): Promise<readonly Gap[]>;
  events(range: TimeRange, signal: AbortSignal): Promise<readonly HistoryEvent[]>;
}

/**
 * The running history with its live end, or a recording that was opened; traces that name another source or are shifted
 * are read beside it. Dispose it with the trend.
 */
export function createTrendSource(client: AppClient, source: string): TrendSource & Disposable {
  const { rpc } = client;
  const feed = source === RUNNING_HISTORY ? client.live.trace([]) : null;
  return {
    history: createSourceReader(client, source),
    live:
      feed === null
        ? null
        : {
            read: (key, from) => feed.read(key, from),
            completeFrom: (key) => feed.completeFrom(key),
            texts: (key) => feed.texts(key),
            get revision() {
              return feed.revision;
            },
            // Live samples are those of this engine's tags, as they are now.
            setTags: (keys) => feed.setTags(keys.filter(isPlain)),
            onFrame: (listener) => feed.onFrame(listener),
          },
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
