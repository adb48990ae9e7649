import type { Database } from '#engine/platform/index.ts';
import { chunkSum, decodeChunk, encodeChunk } from './chunk-codec.ts';
import { type ChunkInfo, type ChunkReader, type ChunkTable, DamagedChunk } from './chunk-table.ts';
import { type Pyramid, summaryOfStored } from './pyramid.ts';
import { appendRun, emptyRun, firstAtOrAfter, mergeRuns, type Run, sliceRun, sortRun, wordsOf } from './run.ts';
import { storageClassOf } from './schema.ts';
import { type ClosedChunk, noteSamples, type TagState } from './tag-state.ts';

export interface Sealing {
  /** Turns the tag's open samples into closed chunks; late ones are merged into the chunk they belong to. */
  close(state: TagState): void;
  /**
   * Makes a closed chunk of a sorted run that lies behind everything the tag has. `data`: the run as it was encoded
   * before. Returns the chunk, whose samples the caller puts into the log.
   */
  take(state: TagState, run: Run, data?: Uint8Array<ArrayBuffer>): ClosedChunk;
  /** Writes all closed chunks and their rollups; called inside a transaction. `settled` must follow its commit. */
  write(state: TagState): void;
  settled(state: TagState): void;
}

/** A chunk wherever it is: a row of the file or closed and waiting. */
type Found =
  | { readonly info: ChunkInfo; readonly closed: null }
  | { readonly info: ClosedChunk; readonly closed: ClosedChunk };

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
      const first = part.time[0]!;
      const last = part.time[part.length - 1]!;
      const data = encoded ?? encodeChunk(part);
      const summary = summaryOfStored(part, recipe, state.decoder);
      chunk = { recipe, first, last, count: part.length, data, summary };
      const at = state.closed.findIndex((other) => other.first > first);
      state.closed.splice(at < 0 ? state.closed.length : at, 0, chunk);
      if (last >= state.closedLast) {
        state.closedLast = last;
        wordsOf(state.closedSlot).set(wordsOf(part.value).subarray(2 * part.length - 2, 2 * part.length));
        state.closedQuality = part.quality[part.length - 1]!;
      }
    }
    return chunk;
  };
  const classOf = (state: TagState, version: number) => {
    const recipe = state.recipes.find((one) => one.version === version);
    return recipe === undefined ? null : storageClassOf(recipe);
  };
  const sameForm = (state: TagState, found: Found): boolean =>
    classOf(state, found.info.recipe) === classOf(state, state.form);

  /** Small chunks grow by being joined, each sample a few times at most, because only as large ones are joined. */
  const addInOrder = (state: TagState, run: Run): void => {
    let joined = run;
    for (;;) {
      const before = preceding(state, Number.MAX_SAFE_INTEGER);
      if (before === null || !sameForm(state, before)) break;
      const { count } = before.info;
      if (count > joined.length * 1.5 || count + joined.length > chunkSamples) break;
      const samples = samplesOf(before);
      if (samples === null) break;
      takeOut(state, before);
      joined = appendRun(samples, joined);
    }
    put(state, joined, state.form);
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

  return {
    close(state) {
      if (state.open.length === 0) return;
      const run = sortRun(state.open);
      const cut = firstAtOrAfter(run, state.closedLast + 1);
      const late = cut > 0 ? sliceRun(run, 0, cut) : null;
      const inOrder = cut < run.length ? sliceRun(run, cut, run.length) : null;
      state.open.length = 0;
      state.open.received = null;
      state.limit = chunkSamples;
      if (late !== null) addLate(state, late);
      if (inOrder !== null) addInOrder(state, inOrder);
    },
    take(state, run, data) {
      this.close(state);
      noteSamples(state, run, 0, run.length);
      const chunk = put(state, run, state.form, data);
      if (chunk === undefined) throw new RangeError('a chunk without samples');
      return chunk;
    },
    write(state) {
      for (const id of state.replaced) {
        const first = remove.get(id);
        if (first !== undefined) pyramid.remove(state.number, first);
      }
      for (const chunk of state.closed) {
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
      update.run(state.closedLast, new Uint8Array(state.closedSlot.buffer.slice(0)), state.closedQuality, state.number);
    },
    settled(state) {
      state.closed = [];
      state.replaced.clear();
      state.sealedLast = state.closedLast;
    },
  };
}
