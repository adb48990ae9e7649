import type { Database } from '#engine/platform/index.ts';
import { BLOCK_SAMPLES, CHUNK_BYTES, chunkSum, createChunkBuilder, decodeChunk, encodeChunk } from './chunk-codec.ts';
import { type ChunkInfo, type ChunkReader, type ChunkTable, DamagedChunk } from './chunk-table.ts';
import { growingSums } from './growing-sums.ts';
import { appendOpen, clearOpen, sortedOpen } from './open-samples.ts';
import { type Pyramid, summaryOfStored } from './pyramid.ts';
import { appendRun, emptyRun, firstAtOrAfter, mergeRuns, type Run, sliceRun, wordsOf } from './run.ts';
import { storageClassOf } from './schema.ts';
import {
  type ClosedChunk,
  findTail,
  fullChunk,
  growsByBlocks,
  noteLast,
  openLimit,
  type TagState,
} from './tag-state.ts';

/** A chunk of a block or more takes no more when it spans this, since retention removes whole chunks: a day. */
const LONGEST_SPAN = 86_400_000_000;

export interface Sealing {
  /** Makes room in `open` when it has reached its limit: a block goes on to the growing chunk, or it is closed. */
  advance(state: TagState): void;
  /** Turns all that is open or growing into closed chunks; late samples are merged into the chunk they belong to. */
  close(state: TagState): void;
  /**
   * Makes a closed chunk of a sorted run that lies behind everything the tag has. `data`: the run as it was encoded
   * before. Returns the chunk, whose samples the caller puts into the log.
   */
  take(state: TagState, run: Run, data?: Uint8Array<ArrayBuffer>): ClosedChunk;
  /**
   * Writes closed chunks and their rollups until `enough`, one at least; called inside a transaction. Returns how many,
   * which `settled` must be told after its commit. Rows of the pyramid are written at the end of `together`.
   */
  write(state: TagState, enough: () => boolean): number;
  /** Around the calls of `write` of one transaction. */
  together(work: () => void): void;
  settled(state: TagState, written: number): void;
}

/** A chunk wherever it is: a row of the file or closed and waiting. */
type Found =
  | { readonly info: ChunkInfo; readonly closed: null }
  | { readonly info: ClosedChunk; readonly closed: ClosedChunk };

/** The 8 bytes of a slot. */
const slotOf = (low: number, high: number): Uint8Array => new Uint8Array(Int32Array.of(low, high).buffer);

export function sealingOf(
  database: Database,
  table: ChunkTable,
  reader: ChunkReader,
  pyramid: Pyramid,
  onDamage: (damage: DamagedChunk) => void,
  chunkSamples: number,
): Sealing {
  /** A merge with late samples may grow a chunk up to this before it is cut. */
  const mostSamples = chunkSamples * 2;
  const leastSamples = Math.min(BLOCK_SAMPLES, chunkSamples);
  const insert = database.prepare(
    'INSERT INTO chunks (tag, recipe, first, last, count, crc, data) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const remove = database.prepare<[number], number>('DELETE FROM chunks WHERE id = ? RETURNING first').pluck();
  const update = database.prepare('UPDATE tags SET last_time = ?, last_value = ?, last_quality = ? WHERE number = ?');

  const preceding = (state: TagState, time: number): Found | null => {
    let row = table.preceding(state.number, time);
    while (row !== null && state.replaced.has(row.id)) row = table.preceding(state.number, row.first - 1);
    const closed = state.closed.findLast((chunk) => chunk.first <= time) ?? null;
    if (closed !== null && (row === null || closed.first > row.first)) return { info: closed, closed };
    return row === null ? null : { info: row, closed: null };
  };
  const followingFirst = (state: TagState, time: number): number => {
    let row = table.following(state.number, time);
    while (row !== null && state.replaced.has(row.id)) row = table.following(state.number, row.first);
    const closed = state.closed.find((chunk) => chunk.first > time);
    return Math.min(row?.first ?? Number.POSITIVE_INFINITY, closed?.first ?? Number.POSITIVE_INFINITY);
  };
  const samplesOf = (found: Found): Run | null => {
    if (found.closed !== null) return decodeChunk(found.closed.data, emptyRun(found.closed.count));
    try {
      return reader.stored(found.info);
    } catch (error) {
      if (!(error instanceof DamagedChunk)) throw error;
      onDamage(error);
      return null;
    }
  };
  const takeOut = (state: TagState, found: Found): void => {
    if (found.closed === null) state.replaced.add(found.info.id);
    else state.closed.splice(state.closed.indexOf(found.closed), 1);
  };
  /** `low`, `high` and `quality` are slot and quality of its last sample. */
  const keep = (state: TagState, chunk: ClosedChunk, low: number, high: number, quality: number): void => {
    const at = state.closed.findIndex((other) => other.first > chunk.first);
    state.closed.splice(at < 0 ? state.closed.length : at, 0, chunk);
    if (chunk.last < state.closedLast) return;
    state.closedLast = chunk.last;
    state.closedLow = low;
    state.closedHigh = high;
    state.closedQuality = quality;
  };
  const put = (
    state: TagState,
    run: Run,
    recipe: number,
    encoded?: Uint8Array<ArrayBuffer>,
  ): ClosedChunk | undefined => {
    let chunk: ClosedChunk | undefined;
    const pieces = Math.ceil(run.length / mostSamples);
    for (let i = 0; i < pieces; i++) {
      const from = Math.floor((run.length * i) / pieces);
      const to = Math.floor((run.length * (i + 1)) / pieces);
      const part = pieces === 1 ? run : sliceRun(run, from, to);
      const end = part.length - 1;
      const data = encoded ?? encodeChunk(part);
      const summary = summaryOfStored(part, recipe, state.decoder);
      if (part.length >= BLOCK_SAMPLES) state.density = data.length / part.length;
      chunk = { recipe, first: part.time[0]!, last: part.time[end]!, count: part.length, data, summary };
      const words = wordsOf(part.value);
      keep(state, chunk, words[2 * end]!, words[2 * end + 1]!, part.quality[end]!);
    }
    return chunk;
  };
  const classOf = (state: TagState, version: number) => {
    const recipe = state.recipes.find((one) => one.version === version);
    return recipe === undefined ? null : storageClassOf(recipe);
  };
  const sameForm = (state: TagState, found: Found): boolean =>
    classOf(state, found.info.recipe) === classOf(state, state.form);

  /** The chunk before that is joined with so many samples more, the last of them at `last`; null for none. */
  const joinable = (state: TagState, more: number, last: number): Found | null => {
    const before = preceding(state, Number.MAX_SAFE_INTEGER);
    if (before === null || !sameForm(state, before)) return null;
    const { count, first } = before.info;
    if (count + more > leastSamples && last - first > LONGEST_SPAN) return null;
    return count > more * 1.5 || count + more > fullChunk(state.density, chunkSamples) ? null : before;
  };
  /** Small chunks grow by being joined, each sample a few times at most, because only as large ones are joined. */
  const addInOrder = (state: TagState, run: Run, encoded?: Uint8Array<ArrayBuffer>): void => {
    let joined = run;
    for (;;) {
      const before = joinable(state, joined.length, joined.time[joined.length - 1]!);
      if (before === null) break;
      const samples = samplesOf(before);
      if (samples === null) break;
      takeOut(state, before);
      joined = appendRun(samples, joined);
    }
    put(state, joined, state.form, joined === run ? encoded : undefined);
  };

  /** Blocks go to the growing chunk. */
  const grow = (state: TagState, run: Run, from: number, to: number): void => {
    state.growing ??= {
      builder: createChunkBuilder(),
      sums: growingSums(run, from, to, state.decoder),
      first: run.time[from]!,
      last: 0,
      low: 0,
      high: 0,
      quality: 0,
    };
    const { growing } = state;
    growing.builder.add(run, from, to);
    growing.sums?.add(run, from, to, state.form, state.decoder);
    const words = wordsOf(run.value);
    growing.last = run.time[to - 1]!;
    growing.low = words[2 * to - 2]!;
    growing.high = words[2 * to - 1]!;
    growing.quality = run.quality[to - 1]!;
  };

  const grown = emptyRun(0);
  /** The growing chunk with all its samples becomes a closed one. */
  const finish = (state: TagState): void => {
    if (state.growing === null) return;
    const { builder, sums, first, last, low, high, quality } = state.growing;
    state.growing = null;
    const { count } = builder;
    const data = builder.finish();
    // A full one is not joined with the short one before it, which would be encoding it once more.
    state.density = data.length / count;
    const summary = sums?.finish(first, last, count, state.decoder) ?? null;
    if (summary === null || joinable(state, count, last) !== null) addInOrder(state, decodeChunk(data, grown), data);
    else keep(state, { recipe: state.form, first, last, count, data, summary }, low, high, quality);
  };

  const addLate = (state: TagState, late: Run): void => {
    let at = 0;
    while (at < late.length) {
      const time = late.time[at]!;
      const found = preceding(state, time);
      const until = firstAtOrAfter(late, followingFirst(state, found === null ? time : found.info.first));
      const end = Math.max(at + 1, until);
      const group = sliceRun(late, at, end);
      at = end;
      const samples = found === null ? null : samplesOf(found);
      if (found === null || samples === null || (!sameForm(state, found) && time > found.info.last)) {
        // A damaged row keeps its place: what can be read of it later is not thrown away for a few late samples.
        put(state, group, state.form);
      } else if (sameForm(state, found)) {
        takeOut(state, found);
        put(state, mergeRuns(samples, group), found.info.recipe);
      } else {
        takeOut(state, found);
        putMixed(state, samples, found.info.recipe, group);
      }
    }
  };

  /** Samples of two forms in one stretch of time become alternating chunks, each of one form. */
  const putMixed = (state: TagState, older: Run, olderForm: number, newer: Run): void => {
    let a = 0;
    let b = 0;
    while (a < older.length || b < newer.length) {
      const nextNewer = b < newer.length ? newer.time[b]! : Number.POSITIVE_INFINITY;
      const endA = firstAtOrAfter(older, nextNewer);
      if (endA > a) put(state, sliceRun(older, a, endA), olderForm);
      a = Math.max(a, endA);
      if (b >= newer.length) continue;
      const nextOlder = a < older.length ? older.time[a]! : Number.POSITIVE_INFINITY;
      const endB = Math.max(b + 1, firstAtOrAfter(newer, nextOlder));
      put(state, sliceRun(newer, b, endB), state.form);
      b = endB;
      if (nextOlder === newer.time[b - 1]) a++;
    }
  };

  const lastOf = (state: TagState): number => state.growing?.last ?? state.closedLast;

  const close = (state: TagState): void => {
    const { open } = state;
    if (open.length > 0) {
      const run = sortedOpen(open);
      const cut = firstAtOrAfter(run, lastOf(state) + 1);
      const late = cut > 0 ? sliceRun(run, 0, cut) : null;
      const inOrder = cut < run.length ? sliceRun(run, cut, run.length) : null;
      clearOpen(open);
      state.limit = openLimit(chunkSamples);
      if (state.growing !== null && inOrder !== null) grow(state, inOrder, 0, inOrder.length);
      else if (inOrder !== null) addInOrder(state, inOrder);
      finish(state);
      if (late !== null) addLate(state, late);
    } else finish(state);
  };

  return {
    advance(state) {
      // The first block of all is shorter, and closed, so that tags polled together differ from then on.
      if (!growsByBlocks(chunkSamples) || state.limit < BLOCK_SAMPLES) {
        close(state);
        return;
      }
      const run = sortedOpen(state.open);
      const cut = firstAtOrAfter(run, lastOf(state) + 1);
      const late = cut > 0 ? sliceRun(run, 0, cut) : null;
      let end = cut;
      if (run.length - cut >= BLOCK_SAMPLES) {
        end += BLOCK_SAMPLES;
        grow(state, run, cut, end);
      }
      // The run is a copy of what was open: only the samples behind the block stay.
      clearOpen(state.open);
      appendOpen(state.open, run, end, run.length);
      state.limit = openLimit(chunkSamples);
      const { growing } = state;
      const isWhole =
        growing !== null &&
        (growing.builder.count + BLOCK_SAMPLES > chunkSamples ||
          growing.builder.bytes >= CHUNK_BYTES ||
          growing.last - growing.first >= LONGEST_SPAN);
      if (late !== null || isWhole) finish(state);
      if (late !== null) addLate(state, late);
    },
    close,
    take(state, run, data) {
      close(state);
      noteLast(state, run, run.time[0]!, run.length - 1);
      const chunk = put(state, run, state.form, data);
      if (chunk === undefined) throw new RangeError('a chunk without samples');
      return chunk;
    },
    write(state, enough) {
      // A row is taken out together with all that takes its place: the log does not have its samples any more.
      const whole = state.replaced.size > 0;
      for (const id of state.replaced) {
        const first = remove.get(id);
        if (first !== undefined) pyramid.remove(state.number, first);
      }
      let written = 0;
      for (const chunk of state.closed) {
        if (written > 0 && !whole && enough()) break;
        written++;
        insert.run(
          state.number,
          chunk.recipe,
          chunk.first,
          chunk.last,
          chunk.count,
          chunkSum(state.number, chunk, chunk.data),
          chunk.data,
        );
        // The decoding may have been corrected since the chunk was closed.
        const right = chunk.summary.recipe >= state.since;
        const summary = right
          ? chunk.summary
          : summaryOfStored(decodeChunk(chunk.data, emptyRun(chunk.count)), chunk.recipe, state.decoder);
        pyramid.put(state.number, summary);
      }
      pyramid.settle(state.number, state.since);
      update.run(state.closedLast, slotOf(state.closedLow, state.closedHigh), state.closedQuality, state.number);
      return written;
    },
    together: pyramid.together,
    settled(state, written) {
      state.closed.splice(0, written);
      state.replaced.clear();
      findTail(state);
    },
  };
}
