import type { Database } from '#engine/platform/index.ts';
import {
  type AggregateQuery,
  type DecodeRecipe,
  type EventKind,
  type Gap,
  type HistoryEvent,
  linear,
  type Sample,
  type SearchQuery,
  type Series,
  type TimeRange,
} from '#shared/model/index.ts';
import { BLOCK_SAMPLES, decodeRange } from './chunk-codec.ts';
import {
  type ChunkTable,
  chunkReaderOf,
  type DamagedChunk,
  shareOf,
  type TagDecoder,
  tagDecoderOf,
} from './chunk-table.ts';
import { type CacheCounts, createDecodedCache } from './decoded-cache.ts';
import { gapReaderOf, readEvents } from './event-table.ts';
import type { TailPart } from './messages.ts';
import { rollupTableOf } from './pyramid.ts';
import type { QueryGridPlan } from './query.ts';
import { aggregateTag, TEXT_FUNCTIONS } from './query-aggregate.ts';
import type { QueryJob } from './query-job.ts';
import { searchTags } from './query-search.ts';
import type { QueryTag } from './query-source.ts';
import { createRawCursor, type RawCursor } from './raw-cursor.ts';
import { emptyRun, mergeRuns } from './run.ts';
import { NO_TAIL, type Point, sampleBefore, sampleFrom, type Tail } from './samples.ts';
import { scalingOf } from './scaling.ts';
import { decodedSince, readTags, type TagOnFile } from './schema.ts';
import type { AggregatedTag, SearchPart, StoredTag } from './store.ts';
import type { TailStarts } from './tail-starts.ts';
import { type ViewColumns, type ViewTag, viewOf, viewReach } from './view.ts';

/** Tags and pixels that one view may ask for. */
export const MOST_VIEW_TAGS = 1_000;
export const MOST_PIXELS = 10_000;

/** Bytes of decoded samples and buckets that a reader remembers between calls. */
export const CACHE_BYTES = 32 << 20;

export interface ReaderOptions {
  readonly database: Database;
  readonly table: ChunkTable;
  /** The file's structure is damaged: samples are read without rollups, and notes as far as they can be. */
  readonly broken: boolean;
  readonly onDamage: (tagNumber: number | null, damage: DamagedChunk) => void;
  /** Default CACHE_BYTES; 0 remembers nothing. */
  readonly cacheBytes?: number;
}

/**
 * Reading half of the store, over one file and what its writer holds beside it. `tail` must have been asked from the
 * writer before the call, so that no sample can be sealed between the two and be missed; all calls are synchronous.
 */
export interface Reader {
  view(
    tags: readonly string[],
    range: TimeRange,
    pixels: number,
    tail: readonly TailPart[],
    check: () => void,
  ): Series[];
  raw(tags: readonly string[], range: TimeRange, tail: readonly TailPart[]): RawStream;
  neighbours(
    tag: string,
    time: number,
    tail: readonly TailPart[],
  ): { readonly before: Sample | null; readonly after: Sample | null };
  /** The query must have been planned, and a search checked. Each piece of a job reads a snapshot of its own. */
  aggregate(query: AggregateQuery, grid: QueryGridPlan, tail: readonly TailPart[]): QueryJob<AggregatedTag[]>;
  search(query: SearchQuery, tail: readonly TailPart[]): QueryJob<SearchPart>;
  gaps(range: TimeRange): Gap[];
  events(range: TimeRange, kinds: readonly EventKind[] | null): HistoryEvent[];
  /** `unsealed`: samples of the range that the file does not have yet. */
  measure(range: TimeRange, tags: readonly string[], unsealed: number): { bytes: number; samples: number };
  tags(): StoredTag[];
  bounds(): TimeRange | null;
  /** Those of the tags whose samples up to the first one at or after `to` are not all in the file. */
  unsealed(tags: readonly string[], to: number, starts: TailStarts): string[];
  /** What is remembered now, and how often it was of use since the reader was made. */
  readonly cache: CacheCounts;
}

export interface RawStream {
  /** The next samples of all tags up to a common time; null at the end. */
  next(check: () => void): Series[] | null;
}

interface KnownTag {
  readonly file: TagOnFile;
  readonly decoder: TagDecoder;
  /** Recipe version from which on rollups may be used. */
  readonly since: number;
}

export function createReader(options: ReaderOptions): Reader {
  const { database, table } = options;
  let asked: number | null = null;
  const cache = createDecodedCache(options.cacheBytes ?? CACHE_BYTES);
  const chunks = chunkReaderOf(table, (damage) => options.onDamage(asked, damage), cache);
  const rollups = rollupTableOf(database, cache);
  const version = database.prepare<[], number>('SELECT coalesce(sum(recipe), 0) + count(*) FROM tags').pluck();
  const textOf = database.prepare<[number], string>('SELECT text FROM strings WHERE number = ?').pluck();
  let known = new Map<string, KnownTag>();
  let knownVersion = -1;
  let knownCommit = -1;
  const commit = database.prepare<[], number>('PRAGMA data_version').pluck();
  /** Made when first asked for, since a broken file may lack its table. */
  let readGaps: ReturnType<typeof gapReaderOf> | null = null;
  const gapsIn = (range: TimeRange, tag: string | null): Gap[] => {
    readGaps ??= gapReaderOf(database);
    return readGaps(range, tag);
  };

  /** Tags as they stand; read anew when a tag or a recipe was added. */
  const tagsNow = (): Map<string, KnownTag> => {
    // Only another connection's commit can have changed them.
    const last = commit.get() ?? 0;
    if (last === knownCommit) return known;
    knownCommit = last;
    const now = version.get() ?? 0;
    if (now !== knownVersion) {
      known = new Map(
        readTags(database).map((file) => [
          file.registration.id,
          { file, decoder: tagDecoderOf(file.recipes), since: decodedSince(file.recipes) },
        ]),
      );
      knownVersion = now;
    }
    return known;
  };

  const sourceOf = (tag: KnownTag, tail: readonly TailPart[], { from, to }: TimeRange): ViewTag => {
    const { number } = tag.file;
    const part = tail.find((one) => one.id === tag.file.registration.id);
    return {
      number,
      table,
      reader: chunks,
      decoder: tag.decoder,
      tail: part === undefined ? NO_TAIL : tailOf(part, tag.decoder, from, to),
      rollups: options.broken ? null : rollups,
      since: tag.since,
    };
  };

  /** Of a broken file nothing is better than an error: what is missing was named when it was opened. */
  const gapsOf = (range: TimeRange, tag: string): Gap[] => {
    try {
      return gapsIn(range, tag);
    } catch (error) {
      if (options.broken) return [];
      throw error;
    }
  };
  const eventsIn = (range: TimeRange, kinds: readonly EventKind[] | null): HistoryEvent[] => {
    try {
      return readEvents(database, range, kinds);
    } catch (error) {
      if (options.broken) return [];
      throw error;
    }
  };

  /** One snapshot of the file for everything that a call reads. */
  const inTransaction = database.transaction((work: () => unknown) => work());
  const snapshot = <T>(work: () => T): T => inTransaction(work) as T;

  /** `gapRange` null: without gaps. */
  const seriesOf = (tag: KnownTag, columns: ViewColumns, gapRange: TimeRange | null): Series => {
    const { recipe } = tag.decoder.newest;
    const { id } = tag.file.registration;
    scaleAll(recipe, columns);
    return {
      tag: id,
      time: columns.time,
      value: columns.value,
      quality: columns.quality,
      envelope: columns.envelope,
      gaps: gapRange === null ? [] : gapsOf(gapRange, id),
      texts: recipe.form === 'text' ? textsOf(columns.value) : null,
    };
  };

  const queryTagOf = (tag: KnownTag, tail: readonly TailPart[], range: TimeRange): QueryTag => {
    const { id } = tag.file.registration;
    const { recipe } = tag.decoder.newest;
    return {
      id,
      source: sourceOf(tag, tail, range),
      scaling: scalingOf(recipe),
      text: recipe.form === 'text',
      gapStarts(from, to) {
        const starts = gapsOf({ from, to }, id).map((gap) => gap.range.from);
        return Float64Array.from(starts.filter((start) => start >= from));
      },
    };
  };

  const textsOf = (value: Float64Array): Record<number, string> => {
    const texts: Record<number, string> = {};
    for (const index of new Set(value)) {
      if (!Number.isInteger(index)) continue;
      const text = textOf.get(index);
      if (text !== undefined) texts[index] = text;
    }
    return texts;
  };

  const sampleOf = (tag: KnownTag, point: Point | null): Sample | null => {
    if (point === null) return null;
    const value = scalingOf(tag.decoder.newest.recipe).one(point.value);
    return { time: point.time, value, quality: point.quality };
  };

  return {
    cache: cache.counts,

    unsealed(tags, to, starts) {
      if (starts.pending) return [...tags];
      const all = tagsNow();
      return tags.filter((id) => {
        const tag = all.get(id);
        const start = tag === undefined ? Number.NEGATIVE_INFINITY : starts.get(tag.file.number);
        if (tag === undefined || start < to) return true;
        if (start === Number.POSITIVE_INFINITY) return false;
        // The sample behind the range may be the tail's first.
        const last = table.preceding(tag.file.number, start - 1);
        return last === null || (last.first < to && (last.last < to || last.last >= start));
      });
    },

    view(tags, range, pixels, tail, check) {
      return snapshot(() => {
        const all = tagsNow();
        const series: Series[] = [];
        for (const id of tags) {
          const tag = all.get(id);
          if (tag === undefined) continue;
          check();
          asked = tag.file.number;
          series.push(
            seriesOf(
              tag,
              viewOf(sourceOf(tag, tail, viewReach(range.from, range.to, pixels)), range.from, range.to, pixels, check),
              range,
            ),
          );
        }
        return series;
      });
    },

    raw(tags, range, tail) {
      const cursors = new Map<string, { readonly tag: KnownTag; readonly cursor: RawCursor }>();
      snapshot(() => {
        const all = tagsNow();
        for (const id of tags) {
          const tag = all.get(id);
          if (tag !== undefined && !cursors.has(id)) {
            cursors.set(id, { tag, cursor: createRawCursor(sourceOf(tag, tail, range), range) });
          }
        }
      });
      const each = Math.max(64, Math.floor(65_536 / Math.max(1, cursors.size)));
      let first = true;
      return {
        next(check) {
          return snapshot(() => {
            let until = range.to;
            for (const { tag, cursor } of cursors.values()) {
              check();
              asked = tag.file.number;
              until = Math.min(until, cursor.fill(each));
            }
            const block: Series[] = [];
            for (const { tag, cursor } of cursors.values()) {
              const columns = cursor.take(until);
              if (columns !== null) block.push(seriesOf(tag, columns, first ? range : null));
            }
            first = false;
            return block.length === 0 ? null : block;
          });
        },
      };
    },

    neighbours(id, time, tail) {
      return snapshot(() => {
        const tag = tagsNow().get(id);
        if (tag === undefined) return { before: null, after: null };
        asked = tag.file.number;
        const source = sourceOf(tag, tail, { from: time, to: time + 1 });
        return {
          before: sampleOf(tag, sampleBefore(source, time)),
          after: sampleOf(tag, sampleFrom(source, time + 1)),
        };
      });
    },

    aggregate(query, grid, tail) {
      let finished: AggregatedTag[] = [];
      let check: () => void = () => undefined;
      function* steps(): Generator<null, void> {
        for (const { tag: id, functions } of query.tags) {
          const tag = tagsNow().get(id);
          if (tag === undefined) continue;
          asked = tag.file.number;
          const source = queryTagOf(tag, tail, query.range);
          const columns = yield* aggregateTag(source, functions, query, grid, () => check());
          const values = functions.flatMap((name, i) => (TEXT_FUNCTIONS.has(name) ? [columns[i]!] : []));
          const texts = source.text ? Object.assign({}, ...values.map(textsOf)) : null;
          finished.push({ tag: id, functions, columns, texts });
          yield null;
        }
      }
      const work = steps();
      return {
        run(checking, until) {
          check = checking;
          return snapshot(() => {
            do {
              if (work.next().done === true) return true;
            } while (!until());
            return false;
          });
        },
        take() {
          const taken = finished;
          finished = [];
          return taken;
        },
      };
    },

    search(query, tail) {
      const all = tagsNow();
      const job = snapshot(() =>
        searchTags((id) => {
          const tag = all.get(id);
          return tag === undefined ? null : queryTagOf(tag, tail, query.range);
        }, query),
      );
      return {
        run(check, until) {
          asked = null;
          return snapshot(() => job.run(check, until));
        },
        take: job.take,
      };
    },

    gaps: (range) => gapsIn(range, null),
    events: eventsIn,

    measure(range, ids, unsealed) {
      return snapshot(() => {
        const all = tagsNow();
        const size = database.prepare<[number], number>('SELECT length(data) FROM chunks WHERE id = ?').pluck();
        let bytes = 0;
        let samples = 0;
        for (const tag of ids.length === 0 ? all.values() : ids.map((id) => all.get(id))) {
          if (tag === undefined) continue;
          for (const chunk of table.overlapping(tag.file.number, range.from, range.to)) {
            const share = shareOf(chunk, range);
            samples += Math.round(chunk.count * share);
            bytes += (size.get(chunk.id) ?? 0) * share;
          }
        }
        // What is not sealed yet will take about what sealed samples take.
        bytes += unsealed * (samples > 0 ? bytes / samples : 2);
        samples += unsealed;
        // Rollups, index and page slack come on top of the chunks.
        return { bytes: Math.round(bytes * 1.3), samples };
      });
    },

    tags() {
      return snapshot(() =>
        [...tagsNow().values()].map(({ file }) => ({
          ...file.registration,
          first: table.following(file.number, Number.MIN_SAFE_INTEGER)?.first ?? null,
          last: table.preceding(file.number, Number.MAX_SAFE_INTEGER)?.last ?? null,
        })),
      );
    },

    bounds() {
      return snapshot(() => {
        let from = Number.POSITIVE_INFINITY;
        let to = Number.NEGATIVE_INFINITY;
        for (const { file } of tagsNow().values()) {
          const first = table.following(file.number, Number.MIN_SAFE_INTEGER);
          const last = table.preceding(file.number, Number.MAX_SAFE_INTEGER);
          if (first !== null && first.first < from) from = first.first;
          if (last !== null && last.last > to) to = last.last;
        }
        return from <= to ? { from, to: to + 1 } : null;
      });
    },
  };
}

/**
 * Everything of a tail part in [from, to), and the nearest sample beyond each end, as one run of numbers, newer samples
 * winning; maybe more at both ends.
 */
export function tailOf(part: TailPart, decoder: TagDecoder, from: number, to: number): Tail {
  const pieces = part.closed.map(({ recipe, last, data }) => {
    let run = decodeRange(data, from - 1, to, emptyRun(BLOCK_SAMPLES));
    // The sample behind the range lies in a block that does not touch it.
    if (last >= to && (run.length === 0 || run.time[run.length - 1]! < to)) {
      run = decodeRange(data, from - 1, last + 1, run);
    }
    return decoder.numbers(run, recipe);
  });
  // Closed chunks stand in time order and do not overlap, so that one after the other is a sorted run.
  const closed = emptyRun(pieces.reduce((sum, piece) => sum + piece.length, 0));
  for (const { length, time, value, quality } of pieces) {
    closed.time.set(time.subarray(0, length), closed.length);
    closed.value.set(value.subarray(0, length), closed.length);
    closed.quality.set(quality.subarray(0, length), closed.length);
    closed.length += length;
  }
  return part.open === null ? closed : mergeRuns(closed, decoder.numbers(part.open, part.form));
}

function scaleAll(recipe: DecodeRecipe, columns: ViewColumns): void {
  const scaling = scalingOf(recipe);
  const { value, envelope } = columns;
  scaling.apply(value, 0, value.length, value);
  if (envelope === null) return;
  const { min, max } = envelope;
  scaling.apply(min, 0, min.length, min);
  scaling.apply(max, 0, max.length, max);
  if (linear(recipe.scaling).gain >= 0) return;
  for (let i = 0; i < columns.length; i++) {
    const swapped = min[i]!;
    min[i] = max[i]!;
    max[i] = swapped;
  }
}
