import type { Clock } from '#engine/platform/index.ts';
import { QUALITY } from '#shared/model/index.ts';
import type { LastValues } from './last-values.ts';
import type { TagTable } from './tag-table.ts';
import { exactText } from './texts.ts';

/** Newest value of each tag that changed; columns of equal length, owned by the receiver. */
export interface LiveColumns {
  sequence: number;
  /** Place of the tag in the list that was asked for. */
  position: Uint32Array<ArrayBuffer>;
  /** NaN for a tag that has no sample yet or is unknown. */
  time: Float64Array<ArrayBuffer>;
  /** Decoded and scaled; of a bad sample the last value that was not bad; NaN where there never was one. */
  value: Float64Array<ArrayBuffer>;
  quality: Uint16Array<ArrayBuffer>;
  /** Time of the last good sample; NaN when there was none. */
  lastGood: Float64Array<ArrayBuffer>;
  /** Strings of text tags, and all digits of integers beyond 2^53, keyed by position. */
  texts: Record<string, string>;
}

export interface ValuesRequest {
  readonly tagIds: readonly string[];
  /** At most this many items a second; bounded to 50. */
  readonly maxHz: number;
}

export interface StreamSources {
  readonly clock: Clock;
  readonly table: TagTable;
  readonly last: LastValues;
  readonly textOf: (index: number) => string | undefined;
  /** Resolves at the next accepted block or change of the table, and at once when the signal aborts. */
  activity(signal: AbortSignal): Promise<void>;
}

/** Quality of a tag that the project does not have (any more). */
const UNKNOWN = QUALITY.badConfiguration;

/**
 * The first item holds every tag asked for, the unknown ones as `badConfiguration` with NaN; from then on only what has
 * changed since the consumer took the item before. A tag that appears later starts to flow by itself. Nothing is queued:
 * a slow consumer costs no memory and sees newer values, not more of them. Ends when `signal` aborts.
 */
export async function* valuesStream(
  sources: StreamSources,
  request: ValuesRequest,
  signal: AbortSignal,
): AsyncGenerator<LiveColumns> {
  const { clock, table, last } = sources;
  const ids = request.tagIds;
  const pauseMs = 1000 / Math.min(50, Math.max(0.001, request.maxHz));
  const index = new Int32Array(ids.length).fill(-1);
  const due = new Uint8Array(ids.length).fill(1);
  let stale = true;
  let seen = 0;
  let sequence = 0;

  const resolveIds = (): void => {
    stale = false;
    for (let i = 0; i < ids.length; i++) {
      const now = table.byId(ids[i]!)?.index ?? -1;
      if (now !== index[i]) due[i] = 1;
      index[i] = now;
    }
  };

  const collect = (): LiveColumns | null => {
    if (stale) resolveIds();
    const { changedAt, size } = last;
    let count = 0;
    for (let i = 0; i < ids.length; i++) {
      const tag = index[i]!;
      if (tag >= 0 && tag < size && changedAt[tag]! > seen) due[i] = 1;
      count += due[i]!;
    }
    seen = last.version;
    if (count === 0 && sequence > 0) return null;
    const item: LiveColumns = {
      sequence: sequence++,
      position: new Uint32Array(count),
      time: new Float64Array(count).fill(Number.NaN),
      value: new Float64Array(count).fill(Number.NaN),
      quality: new Uint16Array(count).fill(UNKNOWN),
      lastGood: new Float64Array(count).fill(Number.NaN),
      texts: {},
    };
    let row = 0;
    for (let i = 0; i < ids.length; i++) {
      if (due[i] === 0) continue;
      due[i] = 0;
      item.position[row] = i;
      const tag = index[i]! >= 0 ? table.byIndex(index[i]!) : undefined;
      if (tag !== undefined && tag.index >= size) item.quality[row] = QUALITY.badWaitingForFirst;
      else if (tag !== undefined) {
        item.time[row] = last.time[tag.index]!;
        item.quality[row] = last.quality[tag.index]!;
        item.lastGood[row] = last.lastGood[tag.index]!;
        if (last.hasValue[tag.index] === 1) {
          const value = tag.decoder.one(last.stored, tag.index);
          item.value[row] = value;
          const text = exactText(tag, last.stored, tag.index, value, sources.textOf);
          if (text !== undefined) item.texts[i] = text;
        }
      }
      row++;
    }
    return item;
  };

  const subscription = table.watch(() => {
    stale = true;
  });
  try {
    while (!signal.aborted) {
      const item = collect();
      if (item === null) {
        await sources.activity(signal);
        if (signal.aborted) return;
        const fresh = collect();
        if (fresh !== null) yield fresh;
      } else yield item;
      // What changed meanwhile may not concern these tags: the pause also bounds how often they are looked through.
      if (signal.aborted) return;
      await pause(clock, pauseMs, signal);
    }
  } finally {
    subscription[Symbol.dispose]();
  }
}

/** Sleeps, or returns early when the signal aborts. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
