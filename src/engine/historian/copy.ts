import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Database, storeError } from '#engine/platform/index.ts';
import type { TimeRange } from '#shared/model/index.ts';
import { chunkSum, encodeChunk } from './chunk-codec.ts';
import { type ChunkInfo, chunkReaderOf, chunkTableOf, DamagedChunk, tagDecoderOf } from './chunk-table.ts';
import { insertEvent, insertGap, readEvents, readGaps } from './event-table.ts';
import { pyramidOf, summaryOfStored } from './pyramid.ts';
import { firstAtOrAfter, type Run, sliceRun, wordsOf } from './run.ts';
import { decodedSince, metaOf, openForWriting, readTags, recipeFor, type TagOnFile, tagWriterOf } from './schema.ts';
import { writeSums } from './sums.ts';

export interface CopyOptions {
  readonly to: string;
  readonly name: string;
  readonly range: TimeRange;
  /** Tag ids; empty: all. */
  readonly tags: readonly string[];
  readonly now: number;
  readonly onProgress: (fraction: number) => void;
  /** Throws to stop. */
  readonly check: () => void;
  readonly warn: (text: string) => void;
}

/** Chunks that are copied in one transaction: some megabytes. */
const CHUNKS_PER_STEP = 500;
/** Chunks after which the rows above them are made. */
const CHUNKS_PER_SETTLE = 64;

/**
 * Writes a range of `source` as a recording file of its own, under a name with `.part` until it is complete and synced.
 * Whole chunks are copied as they are; those at the ends are cut. Reads what is sealed, so the writer must have sealed
 * the range before.
 */
export function copyRecording(
  source: Database,
  options: CopyOptions,
): { readonly bytes: number; readonly samples: number } {
  const part = `${options.to}.part`;
  rmSync(part, { force: true });
  try {
    const samples = writeCopy(source, part, options);
    options.check();
    syncPath(part);
    renameSync(part, options.to);
    syncPath(dirname(options.to));
    return { bytes: statSync(options.to).size, samples };
  } catch (error) {
    rmSync(part, { force: true });
    rmSync(`${part}-journal`, { force: true });
    throw storeError(options.to, error);
  }
}

function syncPath(path: string): void {
  if (process.platform === 'win32' && statSync(path).isDirectory()) return;
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function writeCopy(source: Database, path: string, options: CopyOptions): number {
  const { range } = options;
  const table = chunkTableOf(source);
  const reader = chunkReaderOf(table, () => undefined);
  const wanted = new Set(options.tags);
  const tags = readTags(source).filter((tag) => wanted.size === 0 || wanted.has(tag.registration.id));
  const target = openForWriting(path, 'delete');
  try {
    const meta = metaOf(target);
    meta.set('name', options.name);
    meta.set('created', options.now);
    meta.set('from', range.from);
    meta.set('to', range.to);
    let total = 0;
    const work: { readonly tag: TagOnFile; readonly chunks: readonly ChunkInfo[] }[] = tags.map((tag) => {
      const chunks = table.overlapping(tag.number, range.from, range.to);
      total += chunks.length;
      return { tag, chunks };
    });
    describe(source, target, tags, range);

    const pyramid = pyramidOf(target);
    const insert = target.prepare(
      'INSERT INTO chunks (tag, recipe, first, last, count, crc, data) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    const update = target.prepare('UPDATE tags SET last_time = ?, last_value = ?, last_quality = ? WHERE number = ?');
    const textNumbers = new Set<number>();
    let samples = 0;
    let done = 0;
    target.exec('BEGIN');
    for (const { tag, chunks } of work) {
      const decoder = tagDecoderOf(tag.recipes);
      const since = decodedSince(tag.recipes);
      let edge: Run | null = null;
      for (const chunk of chunks) {
        options.check();
        const kept = copyChunk(chunk);
        if (kept === null) continue;
        const { info, run, data } = kept;
        insert.run(tag.number, info.recipe, info.first, info.last, info.count, chunkSum(tag.number, info, data), data);
        pyramid.put(tag.number, summaryOfStored(run, info.recipe, decoder));
        samples += info.count;
        edge = run;
        if (recipeFor(tag.recipes, info.recipe).form === 'text') {
          for (let i = 0; i < run.length; i++) textNumbers.add(run.value[i]!);
        }
        if (++done % CHUNKS_PER_SETTLE === 0) pyramid.settle(tag.number, since);
        if (done % CHUNKS_PER_STEP === 0) {
          target.exec('COMMIT');
          target.exec('BEGIN');
        }
        if (done % 4 === 0) options.onProgress(done / (total + 1));
      }
      pyramid.settle(tag.number, since);
      if (edge === null) continue;
      const at = edge.length - 1;
      const slot = new Int32Array(2);
      slot.set(wordsOf(edge.value).subarray(2 * at, 2 * at + 2));
      update.run(edge.time[at]!, new Uint8Array(slot.buffer), edge.quality[at]!, tag.number);
    }
    const text = source.prepare<[number], string>('SELECT text FROM strings WHERE number = ?').pluck();
    const string = target.prepare('INSERT OR IGNORE INTO strings VALUES (?, ?)');
    for (const number of textNumbers) {
      const found = Number.isInteger(number) ? text.get(number) : undefined;
      if (found !== undefined) string.run(number, found);
    }
    meta.set('closed', 1);
    meta.set('highest_chunk', done);
    writeSums(target, meta);
    target.exec('COMMIT');
    return samples;
  } finally {
    target.close();
  }

  /** The chunk as it goes into the copy: whole, or cut to the range. Null when nothing of it can be taken. */
  function copyChunk(
    chunk: ChunkInfo,
  ): { readonly info: ChunkInfo; readonly run: Run; readonly data: Uint8Array } | null {
    try {
      const run = reader.stored(chunk);
      if (chunk.first >= range.from && chunk.last < range.to) return { info: chunk, run, data: table.data(chunk) };
      const cut = sliceRun(run, firstAtOrAfter(run, range.from), firstAtOrAfter(run, range.to));
      if (cut.length === 0) return null;
      const info = { ...chunk, first: cut.time[0]!, last: cut.time[cut.length - 1]!, count: cut.length };
      return { info, run: cut, data: encodeChunk(cut) };
    } catch (error) {
      if (!(error instanceof DamagedChunk)) throw error;
      options.warn(`${chunk.count} samples could not be copied: ${error.message}.`);
      return null;
    }
  }
}

/** Tags with all their recipes, events and gaps of the range. */
function describe(source: Database, target: Database, tags: readonly TagOnFile[], range: TimeRange): void {
  const writer = tagWriterOf(target);
  const since = source
    .prepare<[number, number], number>('SELECT since FROM recipes WHERE tag = ? AND version = ?')
    .pluck();
  const ids = new Set(tags.map((tag) => tag.registration.id));
  target.transaction(() => {
    for (const tag of tags) {
      for (const recipe of tag.recipes) {
        writer.put(tag.number, tag.registration, recipe, since.get(tag.number, recipe.version) ?? 0);
      }
    }
    for (const { id: _, ...event } of readEvents(source, range, null)) {
      if (event.tagIds.length === 0 || event.tagIds.some((id) => ids.has(id))) insertEvent(target, event);
    }
    for (const gap of readGaps(source, range)) {
      const of = gap.tags.filter((id) => ids.has(id));
      if (gap.tags.length === 0 || of.length > 0) insertGap(target, gap.range, gap.reason, gap.quality, of);
    }
  })();
}
