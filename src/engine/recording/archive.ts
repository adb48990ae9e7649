import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { ColumnSpec, TableChunk, TableWriter } from '#engine/exporters/index.ts';
import type { HistorySource, StoredTag } from '#engine/historian/index.ts';
import { type Logger, withStoreErrors } from '#engine/platform/index.ts';
import { isBad, qualityText, type Series, type TimeRange, unixMicros } from '#shared/model/index.ts';
import type { RecorderMemory } from './recorder.ts';
import { fileStamp } from './recorder.ts';

export interface ArchiveOptions {
  readonly directory: string;
  /** Without the dot. */
  readonly extension: string;
  readonly openWriter: (path: string, columns: readonly ColumnSpec[]) => Promise<TableWriter>;
  /** Up to where the history was archived; must survive a crash. */
  readonly memory: RecorderMemory;
  readonly log: Logger;
}

/** Writes samples that are about to be removed into files of their own, one row per sample. */
export interface Archive {
  /**
   * What of the range was not archived yet, named by its begin. A file that a crash has kept from being noted is
   * written anew under the same name. Samples that come later than that, for a time that was archived, are not in it.
   */
  history(source: HistorySource, range: TimeRange, signal: AbortSignal): Promise<void>;
  /** A whole recording, under `name`. */
  recording(source: HistorySource, name: string, signal: AbortSignal): Promise<void>;
}

const COLUMNS: readonly ColumnSpec[] = [
  { name: 'time', unit: null, type: 'time' },
  { name: 'tag', unit: null, type: 'text' },
  { name: 'id', unit: null, type: 'text' },
  { name: 'value', unit: null, type: 'number' },
  { name: 'text', unit: null, type: 'text' },
  { name: 'unit', unit: null, type: 'text' },
  { name: 'quality', unit: null, type: 'text' },
];
const ROWS_PER_CHUNK = 8_192;
/** Tags that are read side by side; each holds about a chunk of samples in memory. */
const TAGS_AT_ONCE = 50;

const remembered = z.object({ archivedTo: unixMicros });

export function createArchive({ directory, extension, openWriter, memory, log }: ArchiveOptions): Archive {
  const archivedTo = (): number => {
    const text = memory.read();
    if (text === null) return Number.NEGATIVE_INFINITY;
    try {
      return remembered.parse(JSON.parse(text)).archivedTo;
    } catch (error) {
      log.warn('The note of what was archived is unreadable; all is archived again.', { error: String(error) });
      return Number.NEGATIVE_INFINITY;
    }
  };
  const write = async (source: HistorySource, range: TimeRange, name: string, signal: AbortSignal): Promise<void> => {
    withStoreErrors(directory, () => mkdirSync(directory, { recursive: true }));
    const path = join(directory, `${name}.${extension}`);
    const writer = await openWriter(path, COLUMNS);
    let rows = 0;
    try {
      const tags = await source.tags(signal);
      for (let at = 0; at < tags.length; at += TAGS_AT_ONCE) {
        const some = tags.slice(at, at + TAGS_AT_ONCE);
        const byId = new Map(some.map((tag) => [tag.id, tag]));
        for await (const block of source.raw([...byId.keys()], range, signal)) {
          for (const series of block) {
            for (let from = 0; from < series.time.length; from += ROWS_PER_CHUNK) {
              signal.throwIfAborted();
              const chunk = rowsOf(
                series,
                byId.get(series.tag)!,
                from,
                Math.min(series.time.length, from + ROWS_PER_CHUNK),
              );
              rows += chunk.rows;
              await writer.write(chunk);
            }
          }
        }
      }
      await writer.finish();
    } catch (error) {
      await writer.abort();
      throw error;
    }
    log.info('Archived.', { path, rows });
  };
  return {
    async history(source, { from, to }, signal) {
      const begin = Math.max(from, archivedTo());
      if (begin >= to) return;
      await write(source, { from: begin, to }, `history ${fileStamp(begin)}`, signal);
      memory.write(JSON.stringify({ archivedTo: to }));
    },
    async recording(source, name, signal) {
      const range = await source.bounds(signal);
      if (range !== null) await write(source, range, name, signal);
    },
  };
}

/** Samples of one tag as rows; a bad one has no value, and its quality says why. */
function rowsOf(series: Series, tag: StoredTag, from: number, to: number): TableChunk {
  const rows = to - from;
  const isText = tag.recipe.form === 'text';
  const value = new Float64Array(rows).fill(Number.NaN);
  const text = new Array<string | null>(rows).fill(null);
  const quality = new Array<string | null>(rows);
  for (let i = 0; i < rows; i++) {
    const code = series.quality[from + i]!;
    quality[i] = qualityText(code);
    if (isBad(code)) continue;
    if (isText) text[i] = series.texts?.[series.value[from + i]!] ?? '';
    else value[i] = series.value[from + i]!;
  }
  const same = (one: string | null): (string | null)[] => new Array<string | null>(rows).fill(one);
  const columns = [
    series.time.slice(from, to),
    same(tag.name),
    same(tag.id),
    value,
    text,
    same(tag.recipe.unit),
    quality,
  ];
  return { rows, columns };
}
