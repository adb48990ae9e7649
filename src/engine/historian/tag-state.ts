import type { DecodeRecipe } from '#shared/model/index.ts';
import { BLOCK_SAMPLES, CHUNK_BYTES, type ChunkBuilder } from './chunk-codec.ts';
import { type TagDecoder, tagDecoderOf } from './chunk-table.ts';
import type { GrowingSums } from './growing-sums.ts';
import { appendOpen, type OpenSamples, openSamples, pushOpen, timeOfOpen } from './open-samples.ts';
import type { Summary } from './pyramid.ts';
import { type Run, wordsOf } from './run.ts';
import { decodedSince } from './schema.ts';
import type { TagRegistration } from './store.ts';
import type { TailStarts } from './tail-starts.ts';

/** Newest samples that stay open when a block is encoded, so that what comes a little late needs no merging. */
const HELD_BACK = 64;

/** True where chunks grow by whole blocks; shorter ones are encoded from open samples at once. */
export const growsByBlocks = (chunkSamples: number): boolean => chunkSamples >= 2 * BLOCK_SAMPLES;

/** Samples that a tag holds open at most. */
export const openLimit = (chunkSamples: number): number =>
  growsByBlocks(chunkSamples) ? BLOCK_SAMPLES + HELD_BACK : chunkSamples;

/** Samples of a full chunk of samples that take so many bytes each; 0 where that is not known. */
export function fullChunk(density: number, chunkSamples: number): number {
  const blocks = density === 0 ? chunkSamples : Math.ceil(CHUNK_BYTES / density / BLOCK_SAMPLES);
  return Math.min(chunkSamples, blocks * BLOCK_SAMPLES);
}

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
  readonly sums: GrowingSums | null;
  readonly first: number;
  last: number;
  /** Slot and quality of the last sample. */
  low: number;
  high: number;
  quality: number;
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
  readonly open: OpenSamples;
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
  /** Bytes a sample of the chunk that was closed last; 0 before the first of a block or more. */
  density: number;
  first: number | null;
  /** Time of the first sample that is not in the file; infinite where all are. Told to readers by `starts`. */
  tailFirst: number;
  readonly starts: TailStarts;
  /** The latest sample by time; `lastLow` and `lastHigh` are the words of its slot. */
  lastTime: number;
  lastQuality: number;
  /** Recipe version that it was stored under. */
  lastForm: number;
  lastLow: number;
  lastHigh: number;
  /** Slot and quality of the sample at `closedLast`. */
  closedLow: number;
  closedHigh: number;
  closedQuality: number;
}

interface Decoding {
  readonly recipes: readonly DecodeRecipe[];
  readonly decoder: TagDecoder;
}
/** Tags with equal recipes share them and their decoder, which with thousands of tags are a quarter of the heap. */
const decodings = new Map<string, Decoding>();
const MOST_DECODINGS = 1_000;

export function decodingOf(recipes: readonly DecodeRecipe[]): Decoding {
  // biome-ignore lint/nursery/noJsRestrictedProperties: a few words of each tag once
  const key = JSON.stringify(recipes);
  let decoding = decodings.get(key);
  if (decoding === undefined) {
    if (decodings.size >= MOST_DECODINGS) decodings.clear();
    decoding = { recipes, decoder: tagDecoderOf(recipes) };
    decodings.set(key, decoding);
  }
  return decoding;
}

export function createTagState(
  number: number,
  registration: Omit<TagRegistration, 'index'>,
  allRecipes: readonly DecodeRecipe[],
  chunkSamples: number,
  starts: TailStarts,
): TagState {
  starts.set(number, Number.POSITIVE_INFINITY);
  const { recipes, decoder } = decodingOf(allRecipes);
  return {
    number,
    id: registration.id,
    registration: { ...registration, recipe: recipes.at(-1) ?? registration.recipe },
    recipes,
    decoder,
    form: recipes.at(-1)?.version ?? 1,
    open: openSamples(),
    growing: null,
    closed: [],
    replaced: new Set(),
    closedLast: Number.NEGATIVE_INFINITY,
    since: decodedSince(recipes),
    rollupsStale: false,
    limit: firstLimit(number, chunkSamples),
    density: 0,
    first: null,
    tailFirst: Number.POSITIVE_INFINITY,
    starts,
    lastTime: Number.NEGATIVE_INFINITY,
    lastQuality: 0,
    lastForm: recipes.at(-1)?.version ?? 1,
    lastLow: 0,
    lastHigh: 0,
    closedLow: 0,
    closedHigh: 0,
    closedQuality: 0,
  };
}

/**
 * Puts samples `from` (included) to `to` (excluded) of the columns into `open`, all of this tag and in any order.
 * Returns how many there was room for, up to the tag's limit: the caller closes the tag and comes again.
 */
export function pushSamples(state: TagState, columns: Run, from: number, to: number): number {
  const count = Math.min(to - from, state.limit - state.open.length);
  appendOpen(state.open, columns, from, from + count);
  noteSamples(state, columns, from, from + count);
  return count;
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
  const words = wordsOf(columns.value);
  state.lastLow = words[2 * last]!;
  state.lastHigh = words[2 * last + 1]!;
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
  pushOpen(state.open, time, low, high, quality, received);
  if (time >= state.lastTime) {
    state.lastTime = time;
    state.lastQuality = quality;
    state.lastForm = state.form;
    state.lastLow = low;
    state.lastHigh = high;
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
  for (let i = 0; i < open.length; i++) first = Math.min(first, timeOfOpen(open, i));
  if (first !== state.tailFirst) tailFrom(state, first);
}
