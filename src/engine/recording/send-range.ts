import type { HistorySource } from '#engine/historian/index.ts';
import type { MetricSamples, Rejection } from '#shared/model/graph/index.ts';
import { isBad, QUALITY, type Series, type TimeRange } from '#shared/model/index.ts';
import type { SentTag } from './sent-series.ts';

/** Tags that are read together: each of them holds about a chunk of samples meanwhile. */
const TAGS_AT_ONCE = 200;
/** Rows that go to the source at once; as many again are read while they are written. */
const BATCH_ROWS = 50_000;

export interface SenderOptions {
  readonly history: Pick<HistorySource, 'raw' | 'gaps' | 'view'>;
  readonly tags: readonly SentTag[];
  /** Resolves when the samples lie at the source, with what it refused. Rejects only where trying again does not help. */
  readonly write: (
    samples: readonly MetricSamples[],
    signal: AbortSignal,
  ) => Promise<{ readonly rejected: readonly Rejection[] }>;
  /** Rows that were read and that the source has answered for. */
  readonly onRows: (rows: number) => void;
}

/** What the source did not take of a tag, and why; `first` is the time of the earliest. */
export interface Refusal {
  readonly tag: string;
  readonly reason: string;
  readonly count: number;
  readonly first: number;
}

export interface SentPiece {
  /** Samples of the history that were read. */
  readonly read: number;
  /** Samples without a value that stand for gaps. */
  readonly marks: number;
  /** Of `read` and `marks`. */
  readonly refused: number;
  /** Why, by tag and reason. */
  readonly refusals: readonly Refusal[];
}

/**
 * Copies samples from a history to a source, a stretch of time after the other: whoever calls it holds the cursor. A
 * stretch that was begun can be sent again, because the source keeps one sample of a series and a time. Holds two
 * batches of samples and what the history's reader holds.
 */
export interface Sender {
  send(range: TimeRange, signal: AbortSignal): Promise<SentPiece>;
}

export function createSender({ history, tags, write, onRows }: SenderOptions): Sender {
  return {
    async send(range, signal) {
      const counts = { read: 0, marks: 0, refused: 0 };
      const refusals = new Map<string, { tag: string; reason: string; count: number; first: number }>();
      let batch: { readonly of: SentTag; readonly samples: MetricSamples }[] = [];
      let rows = 0;
      /** The batch before the one that is gathered. */
      let underWay: Promise<void> = Promise.resolve();

      const store = async (own: typeof batch, count: number): Promise<void> => {
        const { rejected } = await write(
          own.map(({ samples }) => samples),
          signal,
        );
        for (const { series, row, reason } of rejected) {
          const { of, samples } = own[series]!;
          const refused = row === null ? samples.time.length : 1;
          const time = samples.time[row ?? 0]!;
          const key = `${of.tag.id}\n${reason}`;
          const known = refusals.get(key) ?? { tag: of.tag.name, reason, count: 0, first: time };
          counts.refused += refused;
          refusals.set(key, { ...known, count: known.count + refused, first: Math.min(known.first, time) });
        }
        onRows(count);
      };
      const flush = async (): Promise<void> => {
        const [own, count] = [batch, rows];
        [batch, rows] = [[], 0];
        await underWay;
        signal.throwIfAborted();
        underWay = count === 0 ? Promise.resolve() : store(own, count);
        // What fails is heard of when the next one is to go.
        underWay.catch(() => undefined);
      };
      const add = (of: SentTag, samples: Pick<MetricSamples, 'time' | 'value' | 'quality'>): void => {
        batch.push({ of, samples: { metric: of.metric, labels: of.labels, ...samples } });
        rows += samples.time.length;
      };

      const gaps = (await history.gaps(range, signal)).length > 0;
      for (let at = 0; at < tags.length; at += TAGS_AT_ONCE) {
        const group = new Map(tags.slice(at, at + TAGS_AT_ONCE).map((one) => [one.tag.id, one]));
        const marks = gaps ? await gapMarks(history, group, range, signal) : new Map<string, GapMark[]>();
        for await (const block of history.raw([...group.keys()], range, signal)) {
          signal.throwIfAborted();
          for (const series of block) {
            const of = group.get(series.tag);
            if (of === undefined) continue;
            counts.read += series.time.length;
            const own = marks.get(series.tag);
            const due = own === undefined ? [] : dueMarks(own, series);
            counts.marks += due.length;
            add(of, due.length === 0 ? series : withMarks(series, due));
          }
          if (rows >= BATCH_ROWS) await flush();
        }
        for (const [tag, left] of marks) {
          if (left.length === 0) continue;
          counts.marks += left.length;
          add(group.get(tag)!, withMarks(NOTHING, left));
        }
        if (rows >= BATCH_ROWS) await flush();
      }
      await flush();
      await underWay;
      return { ...counts, refusals: [...refusals.values()] };
    },
  };
}

interface GapMark {
  readonly time: number;
  readonly quality: number;
}

const NOTHING = { time: new Float64Array(0), value: new Float64Array(0), quality: new Uint16Array(0) };

/**
 * A source knows no gaps, only samples: a bad one where a gap begins breaks the line there as it is broken here. Gaps
 * that begin in the range, by tag and in the order of time; those before a tag's first sample and after its last break
 * nothing.
 */
async function gapMarks(
  history: Pick<HistorySource, 'view'>,
  group: ReadonlyMap<string, SentTag>,
  range: TimeRange,
  signal: AbortSignal,
): Promise<Map<string, GapMark[]>> {
  const marks = new Map<string, GapMark[]>();
  for (const { tag, gaps } of await history.view([...group.keys()], range, 1, signal)) {
    const { first = null, last = null } = group.get(tag)?.tag ?? {};
    if (first === null || last === null) continue;
    const begun = gaps.filter(
      ({ range: { from } }) => from >= range.from && from < range.to && from >= first && from <= last,
    );
    marks.set(
      tag,
      begun.map(({ range: { from }, quality }) => ({
        time: from,
        quality: isBad(quality) ? quality : QUALITY.badNoData,
      })),
    );
  }
  return marks;
}

/** Takes those out whose place among the samples is known: a sample at the very time stays, and the mark follows it. */
function dueMarks(marks: GapMark[], { time, quality }: Series): GapMark[] {
  const last = time.at(-1)!;
  const count = marks.findIndex((mark) => mark.time > last);
  const due = marks.splice(0, count === -1 ? marks.length : count);
  return due.flatMap((mark) => {
    const at = firstFrom(time, mark.time);
    if (time[at] !== mark.time) return [mark];
    if (isBad(quality[at]!) || time[at + 1] === mark.time + 1) return [];
    return [{ ...mark, time: mark.time + 1 }];
  });
}

function firstFrom(time: Float64Array, from: number): number {
  let [low, high] = [0, time.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (time[middle]! < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** In no order: ingestion sorts. */
function withMarks(
  { time, value, quality }: Pick<Series, 'time' | 'value' | 'quality'>,
  marks: readonly GapMark[],
): Pick<MetricSamples, 'time' | 'value' | 'quality'> {
  const length = time.length + marks.length;
  const all = { time: new Float64Array(length), value: new Float64Array(length), quality: new Uint16Array(length) };
  all.time.set(time);
  all.value.set(value);
  all.quality.set(quality);
  for (const [at, mark] of marks.entries()) {
    all.time[time.length + at] = mark.time;
    all.value[time.length + at] = Number.NaN;
    all.quality[time.length + at] = mark.quality;
  }
  return all;
}
