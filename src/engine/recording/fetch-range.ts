import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FileWorkDone, SampleStore, TagRegistration } from '#engine/historian/index.ts';
import type { Clock } from '#engine/platform/index.ts';
import type { ViewerSource } from '#engine/tsdb/index.ts';
import { AppError } from '#shared/errors.ts';
import { PLAIN_RECIPE, type SampleBlock, type Series, type TimeRange } from '#shared/model/index.ts';
import type { HistoryTag } from '#shared/rpc/history.ts';

export interface FetchRequest {
  /** Of the source, as screens call it. */
  readonly source: string;
  readonly sourceName: string;
  readonly tags: readonly string[];
  readonly range: TimeRange;
  readonly name: string;
}

export interface FetchDeps {
  readonly viewer: (source: string, signal: AbortSignal) => Promise<ViewerSource>;
  /** A history of its own in this empty folder, which is removed afterwards. */
  readonly openStore: (path: string) => Promise<SampleStore>;
  /** Where these folders lie. Nothing else does: it is emptied at the start. */
  readonly directory: string;
  readonly clock: Clock;
}

/** Samples that one question to the source is expected to give. */
const SAMPLES_AT_ONCE = 200_000;
const FEWEST_PARTS = 20;
const MOST_PARTS = 10_000;
/** Written together. */
const BLOCK_SAMPLES = 65_536;
/** The rest is the work of making one file of it. */
const READING_SHARE = 0.9;
/** What a fetched sample takes on the disk, near: time, value and its overviews; and a recording with nothing in it. */
const BYTES_PER_SAMPLE = 7;
const EMPTY_BYTES = 90_000;

export interface RangeFetcher {
  /** How much it would be; `samples` null where the source does not count. Throws as the source does. */
  estimate(
    request: Pick<FetchRequest, 'source' | 'tags' | 'range'>,
    signal: AbortSignal,
  ): Promise<{ readonly tags: number; readonly samples: number | null; readonly bytes: number | null }>;
  /**
   * Copies every sample of the range into a recording of its own at `to`, which opens like any other. Holds some blocks
   * of samples at a time. Cancelled or failed, it leaves nothing behind.
   */
  fetch(
    request: FetchRequest,
    to: string,
    onProgress: (fraction: number) => void,
    signal: AbortSignal,
  ): Promise<FileWorkDone>;
}

export function createRangeFetcher({ viewer, openStore, directory, clock }: FetchDeps): RangeFetcher {
  // What lies there was left by a crash.
  rmSync(directory, { recursive: true, force: true });

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
  const idsOf = (tags: readonly HistoryTag[]): string[] => tags.map(({ id }) => id);

  return {
    async estimate(request, signal) {
      const { reads, tags } = await find(request, signal);
      const samples = await reads.count(idsOf(tags), request.range, signal);
      return { tags: tags.length, samples, bytes: samples === null ? null : EMPTY_BYTES + samples * BYTES_PER_SAMPLE };
    },

    async fetch(request, to, onProgress, signal) {
      const { range, name } = request;
      const { reads, tags } = await find(request, signal);
      const expected = await reads.count(idsOf(tags), range, signal);
      mkdirSync(directory, { recursive: true });
      const folder = mkdtempSync(join(directory, 'fetch-'));
      let store: SampleStore | null = null;
      try {
        store = await openStore(join(folder, 'history.parx'));
        const registered = tags.map((tag, index) => registration(tag, index, request.sourceName));
        store.register(registered);
        const blocks = collectBlocks(store);
        const places = new Map(tags.map((tag, index) => [tag.id, index]));
        const parts = Math.ceil((expected ?? 0) / SAMPLES_AT_ONCE);
        const step = Math.max(
          1,
          Math.ceil((range.to - range.from) / Math.min(MOST_PARTS, Math.max(FEWEST_PARTS, parts))),
        );
        for (let from = range.from; from < range.to; from += step) {
          const part = { from, to: Math.min(range.to, from + step) };
          for await (const block of reads.raw(idsOf(tags), part, signal)) {
            signal.throwIfAborted();
            for (const series of block) await blocks.add(series, places.get(series.tag));
          }
          onProgress(((part.to - range.from) / (range.to - range.from)) * READING_SHARE);
        }
        await blocks.flush();
        await store.addEvent({
          kind: 'recording',
          from: range.from,
          to: null,
          text: `Fetched from "${request.sourceName}" at ${new Date(clock.now() / 1_000).toISOString()}: ${tags.length} tags.`,
          tagIds: [],
          author: null,
          labels: provenance(request, tags, clock.now()),
        });
        const finish = (fraction: number): void => onProgress(READING_SHARE + fraction * (1 - READING_SHARE));
        const { bytes, samples } = await store.copyRange(to, name, range, [], finish, signal);
        // It may have been cancelled while the file got its name.
        if (signal.aborted) rmSync(to, { force: true });
        signal.throwIfAborted();
        return { files: [{ path: to, bytes, samples }], sound: true, samples, sentences: missing(request, tags) };
      } finally {
        await store?.close();
        // Windows keeps a file for a moment after its last handle is closed.
        rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
      }
    },
  };
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

/** Gathers samples of many tags into blocks that are worth a write; holds one of them. */
function collectBlocks(store: Pick<SampleStore, 'append' | 'intern'>): Collector {
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
      for (let from = 0; from < time.length; ) {
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
