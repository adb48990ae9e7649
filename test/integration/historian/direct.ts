import { chunkTableOf } from '#engine/historian/chunk-table.ts';
import type { WriterOptions } from '#engine/historian/messages.ts';
import { createReader, type Reader } from '#engine/historian/reader.ts';
import type { TagRegistration } from '#engine/historian/store.ts';
import type { SweptTexts } from '#engine/historian/string-sweep.ts';
import { viewReach } from '#engine/historian/view.ts';
import { openWriter, WRITER_DEFAULTS, type Writer } from '#engine/historian/writer.ts';
import { openDatabase, systemClock } from '#engine/platform/index.ts';
import { type DecodeRecipe, PLAIN_RECIPE, type SampleBlock, type Series, type TimeRange } from '#shared/model/index.ts';

/** The store's two halves in one thread: what the workers wrap, without the wait for them. */
export interface Direct {
  readonly writer: Writer;
  readonly warnings: string[];
  readonly texts: SweptTexts[];
  append(samples: readonly WrittenSample[]): number;
  view(tags: readonly string[], range: TimeRange, pixels: number): Series[];
  raw(tags: readonly string[], range: TimeRange): Series[];
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
  const reader = createReader({
    database,
    table: chunkTableOf(database),
    broken: false,
    onDamage: (_, damage) => warnings.push(damage.message),
  });
  let appends = 0;
  const check = (): void => undefined;
  return {
    writer,
    warnings,
    texts,
    reader,
    durable: () => upTo,
    append(samples) {
      writer.append(++appends, blockOf(samples));
      return appends;
    },
    view(tags, range, pixels) {
      const { from, to } = viewReach(range.from, range.to, pixels);
      return reader.view(tags, range, pixels, writer.tail(tags, from, to), check);
    },
    raw(tags, range) {
      const stream = reader.raw(tags, range, writer.tail(tags, range.from, range.to));
      const blocks: Series[] = [];
      for (let block = stream.next(check); block !== null; block = stream.next(check)) blocks.push(...block);
      return blocks;
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
