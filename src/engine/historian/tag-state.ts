import type { DecodeRecipe } from '#shared/model/index.ts';
import { BLOCK_SAMPLES, type ChunkBuilder } from './chunk-codec.ts';
import { type TagDecoder, tagDecoderOf } from './chunk-table.ts';
import type { Summary } from './pyramid.ts';
import { addReceived, emptyRun, type Run, wordsOf } from './run.ts';
import { decodedSince } from './schema.ts';
import type { TagRegistration } from './store.ts';
import type { TailStarts } from './tail-starts.ts';

/** Samples that a tag has room for from its first on. */
const LEAST_OPEN = 32;
/** Newest samples that stay open when a block is encoded, so that what comes a little late needs no merging. */
const HELD_BACK = 64;

/** True where chunks grow by whole blocks; shorter ones are encoded from open samples at once. */
export const growsByBlocks = (chunkSamples: number): boolean => chunkSamples >= 2 * BLOCK_SAMPLES;

/** Samples that a tag holds open at most. */
export const openLimit = (chunkSamples: number): number =>
  growsByBlocks(chunkSamples) ? BLOCK_SAMPLES + HELD_BACK : chunkSamples;

/** The first chunk of a tag is shorter by a share that differs, so that tags polled together encode one after the other. */
export function firstLimit(tagNumber: number, chunkSamples: number): number {
  const half = Math.ceil(Math.min(chunkSamples, BLOCK_SAMPLES) / 2);
  // 1,103 is coprime to every power of two.
  return half + ((tagNumber * 1_103) % half);
}

/** A chunk that is encoded and not yet in the file. */
export interface ClosedChunk {
  readonly recipe: number;
  readonly first: number;
  readonly last: number;
  readonly count: number;
  readonly data: Uint8Array<ArrayBuffer>;
  /** Its row of the pyramid. */
  readonly summary: Summary;
}

/** Whole blocks of a chunk to be, encoded, and the times of its first and last sample. */
export interface GrowingChunk {
  readonly builder: ChunkBuilder;
  readonly first: number;
  last: number;
  /** Samples at which it is closed. */
  readonly limit: number;
}

/**
 * What the writer knows of one tag. Samples arrive in `open`, go on to `growing` by blocks, become `closed` chunks and
 * then rows of the file.
 */
export interface TagState {
  readonly number: number;
  readonly id: string;
  registration: Omit<TagRegistration, 'index'>;
  recipes: readonly DecodeRecipe[];
  decoder: TagDecoder;
  /** Recipe version that arriving samples are stored under. */
  form: number;
  readonly open: Run;
  openWords: Int32Array<ArrayBuffer>;
  /** Lies behind all closed chunks and rows of the file. */
  growing: GrowingChunk | null;
  /** Chunks in time order, none overlapping another, none overlapping a row that is not in `replaced`. */
  closed: ClosedChunk[];
  /** Rows of the file whose samples are in `closed` as well. */
  replaced: Set<number>;
  /** Time of the latest sample that is closed or sealed; -Infinity before the first. */
  closedLast: number;
  /** Recipe version from which on rollups are right. */
  since: number;
  /** There may be rollups of an older recipe, to be made anew. */
  rollupsStale: boolean;
  /** Samples at which `open` has to be advanced or closed. */
  limit: number;
  first: number | null;
  /** Time of the first sample that is not in the file; infinite where all are. Told to readers by `starts`. */
  tailFirst: number;
  readonly starts: TailStarts;
  /** The latest sample by time; `lastSlot` is its stored form. */
  lastTime: number;
  lastQuality: number;
  /** Recipe version that it was stored under. */
  lastForm: number;
  readonly lastSlot: Float64Array<ArrayBuffer>;
  readonly lastWords: Int32Array<ArrayBuffer>;
  /** Stored form and quality of the sample at `closedLast`. */
  readonly closedSlot: Float64Array<ArrayBuffer>;
  closedQuality: number;
}

export function createTagState(
  number: number,
  registration: Omit<TagRegistration, 'index'>,
  recipes: readonly DecodeRecipe[],
  chunkSamples: number,
  starts: TailStarts,
): TagState {
  starts.set(number, Number.POSITIVE_INFINITY);
  const open = emptyRun(0);
  const lastSlot = new Float64Array(1);
  return {
    number,
    id: registration.id,
    registration,
    recipes,
    decoder: tagDecoderOf(recipes),
    form: recipes.at(-1)?.version ?? 1,
    open,
    openWords: wordsOf(open.value),
    growing: null,
    closed: [],
    replaced: new Set(),
    closedLast: Number.NEGATIVE_INFINITY,
    since: decodedSince(recipes),
    rollupsStale: false,
    limit: firstLimit(number, chunkSamples),
    first: null,
    tailFirst: Number.POSITIVE_INFINITY,
    starts,
    lastTime: Number.NEGATIVE_INFINITY,
    lastQuality: 0,
    lastForm: recipes.at(-1)?.version ?? 1,
    lastSlot,
    lastWords: new Int32Array(lastSlot.buffer),
    closedSlot: new Float64Array(1),
    closedQuality: 0,
  };
}

/**
 * Puts samples `from` (included) to `to` (excluded) of the columns into `open`, all of this tag and in any order.
 * Returns how many there was room for, up to the tag's limit: the caller closes the tag and comes again.
 */
export function pushSamples(state: TagState, columns: Run, from: number, to: number): number {
  const { open } = state;
  const at = open.length;
  const count = Math.min(to - from, state.limit - at);
  const end = from + count;
  if (at + count > open.time.length) growOpen(state, at + count);
  open.time.set(columns.time.subarray(from, end), at);
  state.openWords.set(wordsOf(columns.value).subarray(2 * from, 2 * end), 2 * at);
  open.quality.set(columns.quality.subarray(from, end), at);
  if (columns.received !== null) addReceived(open).set(columns.received.subarray(from, end), at);
  else if (open.received !== null) open.received.set(columns.time.subarray(from, end), at);
  open.length = at + count;
  noteSamples(state, columns, from, end);
  return count;
}

/** Makes room for `needed` samples: half as many again as there was, but hardly more than the limit. */
function growOpen(state: TagState, needed: number): void {
  const { open } = state;
  const roomy = Math.min(Math.max(LEAST_OPEN, Math.ceil(1.5 * open.time.length)), Math.max(needed, state.limit));
  const room = Math.max(needed, roomy);
  // One buffer for all columns: with thousands of tags their number takes longer than their bytes.
  const buffer = new ArrayBuffer(room * 18);
  const time = new Float64Array(buffer, 0, room);
  const value = new Float64Array(buffer, room * 8, room);
  const quality = new Uint16Array(buffer, room * 16, room);
  const words = wordsOf(value);
  time.set(open.time);
  words.set(state.openWords);
  quality.set(open.quality);
  if (open.received !== null) {
    const received = new Float64Array(room);
    received.set(open.received);
    open.received = received;
  }
  Object.assign(open, { time, value, quality });
  state.openWords = words;
}

/** Keeps the tag's first and last sample right for samples that come to it. */
function noteSamples(state: TagState, columns: Run, from: number, to: number): void {
  const { time } = columns;
  let first = time[from]!;
  let last = from;
  for (let i = from + 1; i < to; i++) {
    if (time[i]! >= time[last]!) last = i;
    else if (time[i]! < first) first = time[i]!;
  }
  noteLast(state, columns, first, last);
}

/** The same where the first time and the index of the last sample by time are known. */
export function noteLast(state: TagState, columns: Run, first: number, last: number): void {
  const { time } = columns;
  if (state.first === null || first < state.first) state.first = first;
  if (first < state.tailFirst) tailFrom(state, first);
  if (time[last]! < state.lastTime) return;
  state.lastTime = time[last]!;
  state.lastQuality = columns.quality[last]!;
  state.lastForm = state.form;
  state.lastWords.set(wordsOf(columns.value).subarray(2 * last, 2 * last + 2));
}

/** Puts one sample into `open`; `low` and `high` are the slot's words. `received` null: the same as `time`. */
export function pushSample(
  state: TagState,
  time: number,
  low: number,
  high: number,
  quality: number,
  received: number | null,
): void {
  const { open } = state;
  const at = open.length;
  if (at === open.time.length) growOpen(state, at + 1);
  open.time[at] = time;
  state.openWords[2 * at] = low;
  state.openWords[2 * at + 1] = high;
  open.quality[at] = quality;
  if (received !== null) addReceived(open)[at] = received;
  else if (open.received !== null) open.received[at] = time;
  open.length = at + 1;
  if (time >= state.lastTime) {
    state.lastTime = time;
    state.lastQuality = quality;
    state.lastForm = state.form;
    state.lastWords[0] = low;
    state.lastWords[1] = high;
  }
  if (state.first === null || time < state.first) state.first = time;
  if (time < state.tailFirst) tailFrom(state, time);
}

function tailFrom(state: TagState, time: number): void {
  state.tailFirst = time;
  state.starts.set(state.number, time);
}

/** Finds anew where the tail begins, after closed chunks have gone into the file or samples came by another road. */
export function findTail(state: TagState): void {
  const { closed, growing, open } = state;
  let first = Math.min(closed[0]?.first ?? Number.POSITIVE_INFINITY, growing?.first ?? Number.POSITIVE_INFINITY);
  for (let i = 0; i < open.length; i++) if (open.time[i]! < first) first = open.time[i]!;
  if (first !== state.tailFirst) tailFrom(state, first);
}

/** Gives columns back that are much longer than what was in them: where tags are many, they are closed with less. */
export function trimOpen(state: TagState, used: number): void {
  const { open } = state;
  if (open.time.length <= Math.max(LEAST_OPEN, 2 * used)) return;
  Object.assign(open, emptyRun(0));
  state.openWords = wordsOf(open.value);
}
