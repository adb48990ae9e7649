import { cpSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { chunkTableOf } from '#engine/historian/chunk-table.ts';
import type { TailPart, WriterOptions } from '#engine/historian/messages.ts';
import { checkSearch, planAggregate } from '#engine/historian/query.ts';
import { createReader, type Reader } from '#engine/historian/reader.ts';
import type { Aggregate, TagRegistration } from '#engine/historian/store.ts';
import type { SweptTexts } from '#engine/historian/string-sweep.ts';
import { createTailStarts } from '#engine/historian/tail-starts.ts';
import { viewReach } from '#engine/historian/view.ts';
import { openWriter, WRITER_DEFAULTS, type Writer } from '#engine/historian/writer.ts';
import { openDatabase, systemClock } from '#engine/platform/index.ts';
import {
  type AggregateQuery,
  type DecodeRecipe,
  PLAIN_RECIPE,
  type SampleBlock,
  type SearchQuery,
  type Series,
  type TimeRange,
} from '#shared/model/index.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

/** The store's two halves in one thread: what the workers wrap, without the wait for them. */
export interface Direct {
  readonly writer: Writer;
  readonly warnings: string[];
  readonly texts: SweptTexts[];
  append(samples: readonly WrittenSample[]): number;
  view(tags: readonly string[], range: TimeRange, pixels: number): Series[];
  raw(tags: readonly string[], range: TimeRange): Series[];
  aggregate(query: AggregateQuery): Aggregate;
  search(query: SearchQuery): TimeRange[];
  /** Chunks that were read from the file so far. */
  chunksRead(): number;
  /** Goes on with a reader that has not read anything yet. */
  forget(): void;
  readonly reader: Reader;
  /** Id of the last append that is durable. */
  durable(): number;
  close(): Promise<void>;
}
export interface WrittenSample {
  /** Index in the engine's table. */
  readonly tag: number;
  readonly time: number;
  readonly value: number;
  readonly quality: number;
  readonly received?: number;
}

export async function openDirect(path: string, options: Partial<WriterOptions> = {}): Promise<Direct> {
  const warnings: string[] = [];
  const texts: SweptTexts[] = [];
  let upTo = 0;
  const writer = await openWriter(
    { ...WRITER_DEFAULTS, flushMs: 20, ...options, path },
    {
      clock: systemClock(),
      onDurable: (note) => {
        upTo = note.upTo;
      },
      onLargeWal: () => undefined,
      onTexts: (swept) => texts.push(swept),
      warn: (text) => warnings.push(text),
    },
  );
  const database = openDatabase(path, { readonly: true });
  let chunksRead = 0;
  const table = chunkTableOf(database);
  const newReader = (): Reader =>
    createReader({
      database,
      table: {
        ...table,
        data(chunk) {
          chunksRead++;
          return table.data(chunk);
        },
      },
      broken: false,
      onDamage: (_, damage) => warnings.push(damage.message),
    });
  let reader = newReader();
  let appends = 0;
  const check = (): void => undefined;
  const starts = createTailStarts(writer.started.tailStarts);
  /** Only of those tags that the reader would ask the writer for. */
  const tail = (tags: readonly string[], { from, to }: TimeRange): TailPart[] =>
    writer.tail(reader.unsealed(tags, to, starts), from, to);
  return {
    writer,
    warnings,
    texts,
    get reader() {
      return reader;
    },
    durable: () => upTo,
    append(samples) {
      writer.append(++appends, blockOf(samples));
      return appends;
    },
    view(tags, range, pixels) {
      return reader.view(tags, range, pixels, tail(tags, viewReach(range.from, range.to, pixels)), check);
    },
    raw(tags, range) {
      const stream = reader.raw(tags, range, tail(tags, range));
      const blocks: Series[] = [];
      for (let block = stream.next(check); block !== null; block = stream.next(check)) blocks.push(...block);
      return blocks;
    },
    aggregate(query) {
      const { start, step, length } = planAggregate(query);
      const ids = query.tags.map(({ tag }) => tag);
      const job = reader.aggregate(query, { start, step, length }, writer.tail(ids, query.range.from, query.range.to));
      // As short pieces as there can be, so that nothing depends on being worked on in one go.
      while (!job.run(check, () => true));
      return { start, step, length, series: job.take() };
    },
    search(query) {
      checkSearch(query);
      const ids = query.where.flat().map(({ tag }) => tag);
      const job = reader.search(query, writer.tail(ids, query.range.from, query.range.to));
      const found: TimeRange[] = [];
      let before = query.backward ? query.range.to : query.range.from;
      for (let done = false; !done; ) {
        done = job.run(check, () => true);
        const { intervals, reached } = job.take();
        found.push(...intervals);
        if (query.backward ? reached > before : reached < before) throw new Error('The search goes the other way.');
        before = reached;
      }
      return found;
    },
    chunksRead: () => chunksRead,
    forget() {
      reader = newReader();
    },
    async close() {
      database.close();
      await writer.close();
    },
  };
}

export function blockOf(samples: readonly WrittenSample[]): SampleBlock {
  return {
    length: samples.length,
    tag: Uint32Array.from(samples, (one) => one.tag),
    time: Float64Array.from(samples, (one) => one.time),
    value: Float64Array.from(samples, (one) => one.value),
    quality: Uint16Array.from(samples, (one) => one.quality),
    received: samples.some((one) => one.received !== undefined)
      ? Float64Array.from(samples, (one) => one.received ?? one.time)
      : null,
  };
}

export function registration(index: number, recipe: DecodeRecipe = PLAIN_RECIPE, id = `tag-${index}`): TagRegistration {
  return {
    index,
    id,
    name: `Tag ${index}`,
    description: '',
    connection: 'Line',
    device: 'PLC',
    address: `HR${index}`,
    periodMs: 100,
    timeKind: 'receive',
    demo: false,
    decimals: null,
    range: null,
    recipe,
  };
}

export const EVER: TimeRange = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };

/** What a killed program leaves: the files as they are at this moment, in another folder. */
export function leftBehind(path: string): string {
  const to = temporaryDirectory();
  cpSync(dirname(path), to, { recursive: true });
  return join(to, basename(path));
}
