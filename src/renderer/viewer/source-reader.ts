import type { AppClient } from '#renderer/client/index.ts';
import { errorText } from '#renderer/client/index.ts';
import type { TraceStatistics } from '#renderer/plot/index.ts';
import { isAppError } from '#shared/errors.ts';
import { type Gap, type Sample, STATISTICS, type TimeRange } from '#shared/model/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import { shiftMicros, traceParts } from './trace-key.ts';
import type { HistoryReader, ReadSeries, TraceGrowth } from './trace-store.ts';

/** A source that samples are still written to is asked again for what reached into the present, in milliseconds. */
const OWN: Omit<TraceGrowth, 'shift'> = { everyMs: 1_500, settle: 2_500_000 };
/** A plant's database is spared; its writers may be some seconds behind. */
const OTHER: Omit<TraceGrowth, 'shift'> = { everyMs: 5_000, settle: 15_000_000 };

export interface SourceReader extends HistoryReader {
  growth(key: string): TraceGrowth | null;
  /**
   * From the first sample of all these traces to behind the last, where they are shown; null where no source can tell.
   * What one does not tell is left out.
   */
  ends(keys: readonly string[], signal: AbortSignal): Promise<TimeRange | null>;
}

/** Tags of one question for ends. */
const ENDS_AT_ONCE = 200;

/** What one question asks of one source: traces of the same shift, by their keys and as the source calls them. */
interface Group {
  readonly source: string;
  readonly shift: number;
  readonly keys: Map<string, string>;
}

/**
 * Reads each trace from its own source and shifts it, so that the trend sees one history. A source that fails takes
 * only its own traces with it: they are told as failed with the reason, the others go on.
 *
 * `own`: what traces without a source are read from; where that one fails the whole question does.
 */
export function createSourceReader(client: AppClient, own: string): SourceReader {
  const { rpc } = client;
  const isRecording = (source: string): boolean =>
    source !== RUNNING_HISTORY && client.stores.files.getState().opened.some(({ id }) => id === source);

  const groupsOf = (keys: readonly string[]): Group[] => {
    const groups = new Map<string, Group>();
    for (const key of keys) {
      const { source: named, shiftMs, tagId } = traceParts(key);
      const source = named ?? own;
      const name = `${shiftMs} ${source}`;
      const group = groups.get(name) ?? { source, shift: shiftMs * 1_000, keys: new Map<string, string>() };
      group.keys.set(tagId, key);
      groups.set(name, group);
    }
    return [...groups.values()];
  };

  async function* viewGroup(
    { source, shift, keys }: Group,
    range: TimeRange,
    pixels: number,
    signal: AbortSignal,
  ): AsyncGenerator<ReadSeries> {
    const input = { source, tags: [...keys.keys()], range: shifted(range, -shift), pixels };
    try {
      for await (const { series } of rpc.history.view(input, { signal })) {
        yield { series: series.map((one) => ({ ...later(one, shift), tag: keys.get(one.tag) ?? one.tag })) };
      }
    } catch (error) {
      if (source === own || signal.aborted || isAppError(error, 'rpc.cancelled')) throw error;
      if (isAppError(error, 'rpc.disconnected')) throw error;
      const isOwn = isAppError(error, 'tsdb.refused') || isAppError(error, 'query.too-many-samples');
      if (isOwn && keys.size > 1) {
        // One table that was changed, or would be too much to read, does not take the traces of others with it.
        for (const one of keys) yield* viewGroup({ source, shift, keys: new Map([one]) }, range, pixels, signal);
        return;
      }
      yield { series: [], failed: { tags: [...keys.values()], reason: errorText(error) } };
    }
  }

  return {
    growth(key) {
      const { source, shiftMs } = traceParts(key);
      const from = source ?? own;
      if (isRecording(from)) return null;
      return { ...(from === RUNNING_HISTORY ? OWN : OTHER), shift: shiftMs * 1_000 };
    },
    async ends(keys, signal) {
      const found: TimeRange[] = [];
      const ask = async ({ source, shift, keys: mine }: Group): Promise<void> => {
        const tags = [...mine.keys()].slice(0, ENDS_AT_ONCE);
        try {
          const { ranges } = await rpc.history.ends({ source, tags }, { signal });
          for (const range of ranges) if (range !== null) found.push(shifted(range, shift));
        } catch (error) {
          // Its traces say themselves that it does not answer.
          if (signal.aborted || isAppError(error, 'rpc.disconnected')) throw error;
        }
      };
      await Promise.all(groupsOf(keys).map(ask));
      return found.reduce<TimeRange | null>(together, null);
    },
    view({ tags, range, pixels }, signal) {
      const groups = groupsOf(tags).map((group) => viewGroup(group, range, pixels, signal));
      return groups.length === 1 ? groups[0]! : inTurn(groups);
    },
    async neighbours(key, time, signal) {
      const { source, tagId: tag } = traceParts(key);
      const shift = shiftMicros(key);
      const at = Math.round(time) - shift;
      const { before, after } = await rpc.history.neighbours({ source: source ?? own, tag, time: at }, { signal });
      return { before: sampleOf(before, shift), after: sampleOf(after, shift) };
    },
    async *statistics(keys, range, signal) {
      for (const { source, shift, keys: mine } of groupsOf(keys)) {
        const input = { source, tags: [...mine.keys()], range: shifted(whole(range), -shift) };
        try {
          for await (const { tags } of rpc.history.statistics(input, { signal })) {
            for (const { tag, values } of tags) yield { tag: mine.get(tag) ?? tag, result: exactStatistics(values) };
          }
        } catch (error) {
          // What one source cannot tell stays near, and the others are asked all the same.
          if (source === own || signal.aborted || isAppError(error, 'rpc.disconnected')) throw error;
        }
      }
    },
  };
}

/** Items of several streams as they come; ends with the last of them. */
async function* inTurn<T>(streams: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const next = (stream: AsyncGenerator<T>) => stream.next().then((result) => ({ stream, result }));
  const open = new Map(streams.map((stream) => [stream, next(stream)]));
  try {
    while (open.size > 0) {
      const { stream, result } = await Promise.race(open.values());
      if (result.done === true) open.delete(stream);
      else {
        open.set(stream, next(stream));
        yield result.value;
      }
    }
  } finally {
    for (const [stream, waiting] of open) {
      // The answer that is still on its way has nobody to take it.
      waiting.catch(() => undefined);
      void stream.return(undefined).catch(() => undefined);
    }
  }
}

type Read = ReadSeries['series'][number];

/** The same series shown so much later; without a shift the very columns that were received. */
function later(series: Read, shift: number): Read {
  if (shift === 0) return series;
  return {
    ...series,
    time: series.time.map((time) => time + shift),
    gaps: series.gaps.map((gap): Gap => ({ ...gap, range: shifted(gap.range, shift) })),
  };
}

const shifted = ({ from, to }: TimeRange, by: number): TimeRange => ({ from: from + by, to: to + by });

/** The stretch that holds both. */
export const together = (a: TimeRange | null, b: TimeRange | null): TimeRange | null =>
  a === null || b === null ? (a ?? b) : { from: Math.min(a.from, b.from), to: Math.max(a.to, b.to) };

export const whole = (range: TimeRange): { from: number; to: number } => ({
  from: Math.floor(range.from),
  to: Math.ceil(range.to),
});

const sampleOf = (
  sample: { time: number; value: number | null; quality: number } | null,
  shift: number,
): Sample | null =>
  sample === null ? null : { ...sample, time: sample.time + shift, value: sample.value ?? Number.NaN };

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
