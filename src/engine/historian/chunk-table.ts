import { type Database, storeError } from '#engine/platform/index.ts';
import { isAppError } from '#shared/errors.ts';
import {
  createDecoder,
  type DecodeRecipe,
  type Decoder,
  linear,
  QUALITY,
  type TimeRange,
} from '#shared/model/index.ts';
import { BLOCK_SAMPLES, chunkSum, decodeRange } from './chunk-codec.ts';
import type { DecodedCache } from './decoded-cache.ts';
import { emptyRun, type Run } from './run.ts';
import { scalingOf } from './scaling.ts';
import { recipeFor } from './schema.ts';

/** A chunk's row without its bytes. */
export interface ChunkInfo {
  readonly id: number;
  readonly recipe: number;
  readonly first: number;
  readonly last: number;
  readonly count: number;
}

/** About which share of a chunk's samples lies in the range, 0 to 1. */
export function shareOf(chunk: { readonly first: number; readonly last: number }, range: TimeRange): number {
  const inside = Math.min(chunk.last + 1, range.to) - Math.max(chunk.first, range.from);
  return Math.max(0, inside / (chunk.last - chunk.first + 1));
}

/** Where chunks are found; chunks of one tag never overlap in time. Ranges are half-open, lists in time order. */
export interface ChunkTable {
  /** With `most` the list may end where chunks that lie wholly in the range have more samples than that. */
  overlapping(tag: number, from: number, to: number, most?: number): ChunkInfo[];
  /** The chunk with the latest first sample at or before `time`; null if there is none. */
  preceding(tag: number, time: number): ChunkInfo | null;
  /** The chunk with the earliest first sample after `time`; null if there is none. */
  following(tag: number, time: number): ChunkInfo | null;
  /** The chunk's bytes, checked against its sum; throws DamagedChunk. */
  data(chunk: ChunkInfo): Uint8Array;
}

export class DamagedChunk extends Error {
  readonly chunk: ChunkInfo;
  constructor(chunk: ChunkInfo, reason: string, cause?: unknown) {
    super(reason, { cause });
    this.name = 'DamagedChunk';
    this.chunk = chunk;
  }
}

/** Rows after which a list is judged that may end early. */
const SOME = 4;

type InfoRow = [id: number, recipe: number, first: number, last: number, count: number];
type DataRow = [crc: number, data: Uint8Array, tag: number, recipe: number, first: number, last: number, count: number];
const infoOf = (row: InfoRow): ChunkInfo => ({
  id: row[0],
  recipe: row[1],
  first: row[2],
  last: row[3],
  count: row[4],
});

export function chunkTableOf(database: Database): ChunkTable {
  const columns = 'id, recipe, first, last, count';
  // With a bare `?` beside an indexed column this build of SQLite (STAT4) plans the statement anew for every value that
  // is bound, which takes eight times as long as the look-up itself. The sign hides the value from the planner.
  const inRange = `SELECT ${columns} FROM chunks WHERE tag = +? AND first < +? AND first >=
      coalesce((SELECT first FROM chunks WHERE tag = +? AND first <= +? ORDER BY first DESC LIMIT 1), -9e18)
      AND last >= +? ORDER BY first`;
  const overlapping = database.prepare<[number, number, number, number, number], InfoRow>(inRange).raw();
  const begin = database.prepare<[number, number, number, number, number], InfoRow>(`${inRange} LIMIT ${SOME}`).raw();
  const preceding = database
    .prepare<[number, number], InfoRow>(
      `SELECT ${columns} FROM chunks WHERE tag = +? AND first <= +? ORDER BY first DESC LIMIT 1`,
    )
    .raw();
  const following = database
    .prepare<[number, number], InfoRow>(
      `SELECT ${columns} FROM chunks WHERE tag = +? AND first > +? ORDER BY first LIMIT 1`,
    )
    .raw();
  const data = database
    .prepare<[number], DataRow>('SELECT crc, data, tag, recipe, first, last, count FROM chunks WHERE id = ?')
    .raw();
  const rowOf = (chunk: ChunkInfo): DataRow | undefined => {
    try {
      return data.get(chunk.id);
    } catch (error) {
      // Pages that are gone cost the chunks on them, not the query.
      if (isAppError(storeError('', error), 'store.damaged'))
        throw new DamagedChunk(chunk, 'its pages are damaged', error);
      throw error;
    }
  };
  const one = (row: InfoRow | undefined): ChunkInfo | null => (row === undefined ? null : infoOf(row));
  return {
    overlapping(tag, from, to, most) {
      if (most !== undefined) {
        const some = begin.all(tag, to, tag, from, from).map(infoOf);
        const inside = some.reduce((sum, { first, last, count }) => sum + (first >= from && last < to ? count : 0), 0);
        if (some.length < SOME || inside > most) return some;
      }
      return overlapping.all(tag, to, tag, from, from).map(infoOf);
    },
    preceding: (tag, time) => one(preceding.get(tag, time)),
    following: (tag, time) => one(following.get(tag, time)),
    data(chunk) {
      const row = rowOf(chunk);
      if (row === undefined) throw new DamagedChunk(chunk, 'the chunk is gone');
      const stored = { recipe: row[3], first: row[4], last: row[5], count: row[6] };
      if (chunkSum(row[2], stored, row[1]) !== row[0]) throw new DamagedChunk(chunk, 'the checksum does not fit');
      return row[1];
    },
  };
}

/** Decodes stored runs of one tag to unscaled numbers by the newest recipe of the class they were stored in. */
export interface TagDecoder {
  readonly newest: Decoder;
  /**
   * Replaces the run's stored forms by numbers, in place. Those of another class than the newest recipe's are scaled by
   * a recipe of their own class, and put so that the newest one's scaling leads there. A text is no number and a number
   * no text: samples of the kind that the newest recipe does not speak of become bad, a configuration error without a value.
   */
  numbers(run: Run, recipeVersion: number): Run;
  /** One slot, scaled; null where `numbers` would make it bad. */
  one(stored: Float64Array, index: number, recipeVersion: number): number | null;
}

export function tagDecoderOf(recipes: readonly DecodeRecipe[]): TagDecoder {
  const byVersion = new Map<number, Decoder>();
  const decoderFor = (version: number): Decoder => {
    let decoder = byVersion.get(version);
    if (decoder === undefined) {
      decoder = createDecoder(recipeFor(recipes, version));
      byVersion.set(version, decoder);
    }
    return decoder;
  };
  const newest = decoderFor(recipes.at(-1)?.version ?? 0);
  const { gain, offset } = linear(newest.recipe.scaling);
  const rescale = (recipe: DecodeRecipe, { value, length }: Run): void => {
    const own = scalingOf(recipe);
    if (gain === 0 || (own.identity && newest.recipe.scaling === null)) return;
    for (let i = 0; i < length; i++) value[i] = (own.one(value[i]!) - offset) / gain;
  };
  const fits = (decoder: Decoder): boolean => (decoder.recipe.form === 'text') === (newest.recipe.form === 'text');
  return {
    newest,
    one(stored, index, version) {
      const decoder = decoderFor(version);
      return fits(decoder) ? decoder.one(stored, index) : null;
    },
    numbers(run, version) {
      const decoder = decoderFor(version);
      if (fits(decoder)) {
        decoder.decode(run.value, 0, run.length, run.value, 0, false);
        if (decoder.recipe !== newest.recipe && newest.recipe.form !== 'text') rescale(decoder.recipe, run);
      } else {
        run.value.fill(Number.NaN, 0, run.length);
        run.quality.fill(QUALITY.badConfiguration, 0, run.length);
      }
      return run;
    },
  };
}

/** Decodes chunks, as far as they are asked for. */
export interface ChunkReader {
  /**
   * Every sample of the chunk in [from, to) as numbers, and the last one before and maybe others at both ends; not to
   * be changed. Null when it is damaged, after `onDamage` was told, once for each chunk.
   */
  numbers(chunk: ChunkInfo, decoder: TagDecoder, from?: number, to?: number): Run | null;
  /** The chunk in stored forms, in columns of its own; throws DamagedChunk. */
  stored(chunk: ChunkInfo): Run;
}

/** Blocks of a chunk as numbers. */
interface Decoded {
  readonly run: Run;
  readonly decoder: TagDecoder;
  /** Every sample of the chunk in [from, to) is in the run. */
  readonly from: number;
  readonly to: number;
  /** Samples of the chunk that have been decoded so far, some maybe more than once. */
  readonly spent: number;
}
/** Bytes of a decoded sample: time, value, quality. */
const SAMPLE_BYTES = 18;
/** A short range lies in two blocks at most. */
const SLOT_SAMPLES = 2 * BLOCK_SAMPLES;
/** Part of a cache's bytes that slots may take. */
const SLOT_SHARE = 1 / 8;

/** Columns for a short range, used again for another one when all others have been. */
interface Slot {
  run: Run;
  key: number;
  decoded: Decoded | null;
}

/**
 * Gives columns for short ranges out in turn. Made anew for each they would outlive the next collection in the cache,
 * and what is collected later stops answers for milliseconds: some 40 KB for each raw minute. Null where there is no
 * room for two of them.
 */
function slotsOf(cache: DecodedCache): (() => Slot) | null {
  const most = Math.floor((cache.counts.limit * SLOT_SHARE) / (SLOT_SAMPLES * SAMPLE_BYTES));
  if (most < 2) return null;
  const slots: Slot[] = [];
  let turn = 0;
  return () => {
    if (slots.length < most) slots.push({ run: emptyRun(SLOT_SAMPLES), key: 0, decoded: null });
    const slot = slots[turn]!;
    turn = (turn + 1) % most;
    if (slot.decoded !== null) cache.drop(slot.key, slot.decoded);
    slot.decoded = null;
    // A chunk whose samples lie unevenly may have had more of them, and made it longer.
    if (slot.run.time.length > SLOT_SAMPLES) slot.run = emptyRun(SLOT_SAMPLES);
    return slot;
  };
}

/** What `numbers` gives is valid until its next call. */
export function chunkReaderOf(
  table: ChunkTable,
  onDamage: (damage: DamagedChunk) => void,
  cache: DecodedCache | null = null,
): ChunkReader {
  const scratch = emptyRun(4_096);
  const nextSlot = cache === null ? null : slotsOf(cache);
  /** Ids of chunks that cannot be read, so that no view tries again. */
  const damaged = new Set<number>();
  /** `into` a number: columns of their own for so many samples or more, made when the checksum has shown that the row is right. */
  const decode = (chunk: ChunkInfo, into: Run | number, from: number, to: number): Run => {
    const data = table.data(chunk);
    try {
      const run = decodeRange(data, from, to, typeof into === 'number' ? emptyRun(into) : into);
      const whole = from <= chunk.first && to > chunk.last;
      if (whole && run.length !== chunk.count) throw new RangeError('another number of samples than its row says');
      return run;
    } catch (error) {
      throw new DamagedChunk(chunk, error instanceof Error ? error.message : String(error), error);
    }
  };
  const whole = (chunk: ChunkInfo, into: Run | number): Run =>
    decode(chunk, into, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  return {
    numbers(chunk, decoder, from = chunk.first, to = chunk.last + 1) {
      if (damaged.has(chunk.id)) return null;
      try {
        if (cache === null) return decoder.numbers(whole(chunk, scratch), chunk.recipe);
        const known = cache.get(chunk.id) as Decoded | undefined;
        const low = Math.max(from, chunk.first);
        const high = Math.min(to, chunk.last + 1);
        const usable = known !== undefined && known.decoder === decoder;
        if (usable && low >= known.from && high <= known.to) return known.run;
        // Where parts come to half of it, it is decoded wholly: their neighbours will be asked for as well.
        const share = (chunk.count * (high - low)) / (chunk.last - chunk.first + 1);
        const spent = (usable ? known.spent : 0) + Math.max(BLOCK_SAMPLES, share);
        const all = spent * 2 > chunk.count;
        const slot = all || share >= BLOCK_SAMPLES ? null : (nextSlot?.() ?? null);
        const run = all ? whole(chunk, chunk.count) : decode(chunk, slot?.run ?? 0, low, Math.max(high, low + 1));
        decoder.numbers(run, chunk.recipe);
        const decoded: Decoded = all
          ? { run, decoder, from: chunk.first, to: chunk.last + 1, spent }
          : {
              run,
              decoder,
              from: run.length === 0 ? low : Math.min(low, run.time[0]!),
              to: run.length === 0 ? high : Math.max(high, run.time[run.length - 1]! + 1),
              spent,
            };
        cache.set(chunk.id, decoded, run.time.length * SAMPLE_BYTES);
        if (slot !== null) {
          slot.key = chunk.id;
          slot.decoded = decoded;
        }
        return run;
      } catch (error) {
        if (!(error instanceof DamagedChunk)) throw error;
        damaged.add(chunk.id);
        onDamage(error);
        return null;
      }
    },
    stored: (chunk) => whole(chunk, chunk.count),
  };
}
