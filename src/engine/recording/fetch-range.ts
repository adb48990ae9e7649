import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FileWorkDone, NewEvent, SampleStore, TagRegistration } from '#engine/historian/index.ts';
import type { Clock } from '#engine/platform/index.ts';
import type { ViewerSource } from '#engine/tsdb/index.ts';
import { AppError } from '#shared/errors.ts';
import { PLAIN_RECIPE, type SampleBlock, type Series } from '#shared/model/index.ts';
import type { HistoryTag } from '#shared/rpc/history.ts';
import { type FetchedRange, openKeptFetches } from './fetch-kept.ts';

export interface FetchRequest extends FetchedRange {
  readonly sourceName: string;
  readonly name: string;
}

export interface FetchDeps {
  readonly viewer: (source: string, signal: AbortSignal) => Promise<ViewerSource>;
  /** A history of its own in this empty folder, which is removed afterwards. */
  readonly openStore: (path: string) => Promise<SampleStore>;
  /** Where these folders lie. Nothing else does: what cannot be gone on with is removed at the start. */
  readonly directory: string;
  readonly clock: Clock;
}

/** Samples that one question to the source is expected to give. */
const SAMPLES_AT_ONCE = 200_000;
const FEWEST_PARTS = 20;
const MOST_PARTS = 10_000;
/** Written together. Beside it a fetch holds what the source hands over at a time, a few thousand rows. */
const BLOCK_SAMPLES = 65_536;
/** How often it is noted how far a fetch is, at the most. */
const NOTE_MS = 1_000;
/** The rest is the work of making one file of it. */
const READING_SHARE = 0.9;
/** What a fetched sample takes on the disk, near: time, value and its overviews; and a recording with nothing in it. */
const BYTES_PER_SAMPLE = 7;
const EMPTY_BYTES = 90_000;

export interface RangeFetcher {
  /**
   * How much it would be; `samples` null where the source does not count. `kept`: the share of the range, 0 to 1, that
   * is here from a fetch of the same before. Throws as the source does.
   */
  estimate(
    request: FetchedRange,
    signal: AbortSignal,
  ): Promise<{
    readonly tags: number;
    readonly samples: number | null;
    readonly bytes: number | null;
    readonly kept: number;
  }>;
  /** The share of a range that is here from a fetch of the same before, 0 to 1. */
  kept(request: FetchedRange): number;
  /**
   * Copies every sample of the range into a recording of its own at `to`, which opens like any other. Holds one block of
   * 65,536 samples, one portion of the source's and what a store of its own holds, however long the range is. Cancelled
   * or failed, nothing stands at `to`; what has come stays for a week, and the same request goes on from there.
   */
  fetch(
    request: FetchRequest,
    to: string,
    onProgress: (fraction: number) => void,
    signal: AbortSignal,
  ): Promise<FileWorkDone>;
}

export function createRangeFetcher({ viewer, openStore, directory, clock }: FetchDeps): RangeFetcher {
  const keeping = openKeptFetches(directory, clock);
  const keptOf = (request: FetchedRange): number => {
    const { from, to } = request.range;
    const state = keeping.read(request);
    return state === null ? 0 : Math.max(0, Math.min(1, (state.reached - from) / (to - from)));
  };

  const find = async (
    { source, tags: ids }: Pick<FetchRequest, 'source' | 'tags'>,
    signal: AbortSignal,
  ): Promise<{ readonly reads: ViewerSource; readonly tags: readonly HistoryTag[] }> => {
    const reads = await viewer(source, signal);
    const { tags } = await reads.findTags({ text: '', ids, offset: 0, limit: ids.length }, signal);
    if (tags.length > 0) return { reads, tags };
    throw new AppError('store.not-found', 'The source has none of the chosen tags. Choose them again from its list.', {
      details: { kind: 'tag', id: ids[0] ?? '' },
    });
  };
  const keepNote = (request: FetchedRange, ids: readonly string[], reached: number): void => {
    try {
      keeping.write(request, { tags: [...ids], reached });
      keeping.tidy();
    } catch {
      // The note before this one stands, or nothing does: the next fetch begins there. Why this one ended is told.
    }
  };
  const idsOf = (tags: readonly HistoryTag[]): string[] => tags.map(({ id }) => id);

  return {
    async estimate(request, signal) {
      const { reads, tags } = await find(request, signal);
      const samples = await reads.count(idsOf(tags), request.range, signal);
      const bytes = samples === null ? null : EMPTY_BYTES + samples * BYTES_PER_SAMPLE;
      return { tags: tags.length, samples, bytes, kept: keptOf(request) };
    },
    kept: keptOf,

    async fetch(request, to, onProgress, signal) {
      const { range, name } = request;
      const { reads, tags } = await find(request, signal);
      const expected = await reads.count(idsOf(tags), range, signal);
      const ids = idsOf(tags);
      const before = keeping.read(request);
      const goesOn = before !== null && before.tags.join('\n') === ids.join('\n');
      if (!goesOn) keeping.remove(request);
      let reached = goesOn ? Math.min(range.to, Math.max(range.from, before.reached)) : range.from;
      let noted = clock.monotonicMs();
      const folder = keeping.folderOf(request);
      let store: SampleStore | null = null;
      let done = false;
      const openIn = (path: string): Promise<SampleStore> => {
        mkdirSync(path, { recursive: true });
        return openStore(join(path, 'history.parx'));
      };
      try {
        store = await openIn(folder).catch((error: unknown) => {
          if (!goesOn) throw error;
          // What was kept is damaged: it is fetched anew.
          keeping.remove(request);
          reached = range.from;
          return openIn(folder);
        });
        const registered = tags.map((tag, index) => registration(tag, index, request.sourceName));
        store.register(registered);
        const blocks = collectBlocks(store, await lastTimes(store, registered, signal));
        const places = new Map(ids.map((id, index) => [id, index]));
        const parts = Math.ceil((expected ?? 0) / SAMPLES_AT_ONCE);
        const step = Math.max(
          1,
          Math.ceil((range.to - range.from) / Math.min(MOST_PARTS, Math.max(FEWEST_PARTS, parts))),
        );
        while (reached < range.to) {
          const part = { from: reached, to: Math.min(range.to, reached + step) };
          for await (const block of reads.raw(ids, part, signal)) {
            signal.throwIfAborted();
            for (const series of block) await blocks.add(series, places.get(series.tag));
          }
          await blocks.flush();
          reached = part.to;
          if (clock.monotonicMs() - noted >= NOTE_MS) {
            keeping.write(request, { tags: ids, reached });
            noted = clock.monotonicMs();
          }
          onProgress(((reached - range.from) / (range.to - range.from)) * READING_SHARE);
        }
        // A fetch that goes on may have come as far as this before.
        const told = (await store.events(range, ['recording'], signal)).length > 0;
        const event: NewEvent = {
          kind: 'recording',
          from: range.from,
          to: null,
          text: `Fetched from "${request.sourceName}" at ${new Date(clock.now() / 1_000).toISOString()}: ${tags.length} tags.`,
          tagIds: [],
          author: null,
          labels: provenance(request, tags, clock.now()),
        };
        if (!told) await store.addEvent(event);
        const finish = (fraction: number): void => onProgress(READING_SHARE + fraction * (1 - READING_SHARE));
        const { bytes, samples } = await store.copyRange(to, name, range, [], finish, signal);
        // It may have been cancelled while the file got its name.
        if (signal.aborted) rmSync(to, { force: true });
        signal.throwIfAborted();
        done = true;
        return { files: [{ path: to, bytes, samples }], sound: true, samples, sentences: missing(request, tags) };
      } finally {
        await store?.close();
        if (done || reached === range.from) keeping.remove(request);
        else keepNote(request, ids, reached);
      }
    },
  };
}

/** Times of the newest samples that are there, by the numbers of tags: those of a portion that was cut off. */
async function lastTimes(
  store: SampleStore,
  registered: readonly TagRegistration[],
  signal: AbortSignal,
): Promise<Float64Array> {
  const known = new Map((await store.tags(signal)).map((tag) => [tag.id, tag.last]));
  return Float64Array.from(registered, ({ id }) => known.get(id) ?? Number.NEGATIVE_INFINITY);
}

/** Where it came from, for whoever opens the recording later. */
const provenance = (
  { source, sourceName }: FetchRequest,
  tags: readonly HistoryTag[],
  now: number,
): Record<string, string> => ({
  source,
  sourceName,
  mapping: [...new Set(tags.map(({ device }) => device).filter((device) => device !== ''))].slice(0, 50).join(', '),
  fetchedAt: new Date(now / 1_000).toISOString(),
});

const missing = ({ tags: asked }: FetchRequest, tags: readonly HistoryTag[]): string[] => {
  const found = new Set(tags.map(({ id }) => id));
  const lost = asked.filter((id) => !found.has(id));
  if (lost.length === 0) return [];
  return [
    `The source did not have ${lost.length} of the tags: ${lost.slice(0, 5).join(', ')}${lost.length > 5 ? ' …' : ''}.`,
  ];
};

/** Recordings, graphs and files take ids of these signs; the tag's own one stays its address. */
function recordedId(id: string): string {
  if (/^[A-Za-z0-9_.-]{1,160}$/.test(id)) return id;
  const hash = createHash('sha256').update(id).digest('hex').slice(0, 12);
  return `${id.replace(/[^A-Za-z0-9_.-]+/g, '_').slice(0, 140)}-${hash}`;
}

function registration(tag: HistoryTag, index: number, sourceName: string): TagRegistration {
  const type = tag.type === 'string' || tag.type === 'bit' ? tag.type : 'float64';
  return {
    index,
    id: recordedId(tag.id),
    name: tag.name,
    description: tag.description,
    connection: sourceName,
    device: tag.device,
    address: tag.address === '' ? tag.id : tag.address,
    periodMs: 1_000,
    timeKind: tag.timeKind,
    demo: tag.demo,
    decimals: tag.decimals,
    range: tag.range,
    recipe: {
      ...PLAIN_RECIPE,
      type,
      form: type === 'string' ? 'text' : 'number',
      unit: tag.unit === null ? null : tag.unit.slice(0, 40),
    },
  };
}

interface Collector {
  add(series: Series, tag: number | undefined): Promise<void>;
  flush(): Promise<void>;
}

/** Gathers samples of many tags into blocks that are worth a write, those after `last` alone; holds one block. */
function collectBlocks(store: Pick<SampleStore, 'append' | 'intern'>, last: Float64Array): Collector {
  const fresh = () => ({
    tag: new Uint32Array(BLOCK_SAMPLES),
    time: new Float64Array(BLOCK_SAMPLES),
    value: new Float64Array(BLOCK_SAMPLES),
    quality: new Uint16Array(BLOCK_SAMPLES),
  });
  let columns = fresh();
  let length = 0;
  const flush = async (): Promise<void> => {
    if (length === 0) return;
    const block: SampleBlock = { ...columns, length, received: null };
    columns = fresh();
    length = 0;
    await store.append(block);
  };
  return {
    async add({ time, value, quality, texts }, tag) {
      if (tag === undefined) return;
      const numbers = new Map<number, number>();
      let begin = 0;
      while (begin < time.length && time[begin]! <= last[tag]!) begin++;
      for (let from = begin; from < time.length; ) {
        const count = Math.min(time.length - from, BLOCK_SAMPLES - length);
        columns.tag.fill(tag, length, length + count);
        columns.time.set(time.subarray(from, from + count), length);
        columns.value.set(value.subarray(from, from + count), length);
        columns.quality.set(quality.subarray(from, from + count), length);
        for (let at = length; texts !== null && at < length + count; at++) {
          const number = columns.value[at]!;
          const known = numbers.get(number) ?? store.intern(texts[number] ?? '');
          numbers.set(number, known);
          columns.value[at] = known;
        }
        length += count;
        from += count;
        if (length === BLOCK_SAMPLES) await flush();
      }
    },
    flush,
  };
}
