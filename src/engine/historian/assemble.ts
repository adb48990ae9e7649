import { statSync } from 'node:fs';
import { type Database, storeError } from '#engine/platform/index.ts';
import { AppError } from '#shared/errors.ts';
import type { DecodeRecipe, TimeRange } from '#shared/model/index.ts';
import { CHUNK_SAMPLES, chunkSum, encodeChunk } from './chunk-codec.ts';
import {
  type ChunkInfo,
  type ChunkReader,
  type ChunkTable,
  chunkReaderOf,
  DamagedChunk,
  type TagDecoder,
  tagDecoderOf,
} from './chunk-table.ts';
import { insertEvent, insertGap, readEvents, readGaps } from './event-table.ts';
import { isoTime } from './iso-time.ts';
import { movePart, partOf, removePart } from './part-file.ts';
import { type Pyramid, pyramidOf, summaryOfStored } from './pyramid.ts';
import { addReceived, emptyRun, firstAtOrAfter, type Run, sliceRun, wordsOf } from './run.ts';
import {
  decodedSince,
  metaOf,
  openForWriting,
  readTags,
  recipeFor,
  type StorageClass,
  sameRecipe,
  storageClassOf,
  type TagOnFile,
  tagWriterOf,
} from './schema.ts';
import { writeSums } from './sums.ts';
import { fullChunk } from './tag-state.ts';
import { type StringTable, stringTableOf, type TextNumbers } from './text-numbers.ts';

/** A file that samples are taken from. What the table does not find is not taken. */
export interface AssemblySource {
  readonly database: Database;
  readonly table: ChunkTable;
}

export interface AssemblyOptions {
  readonly to: string;
  readonly name: string;
  readonly range: TimeRange;
  /** What the file says it was taken from; without it `range`. */
  readonly described?: TimeRange;
  /** Tag ids; empty: all. */
  readonly tags: readonly string[];
  /** Join chunks into full ones; otherwise those that lie wholly in the range stay as they are. */
  readonly join: boolean;
  /** Unix microseconds, written down as the time of creation. */
  readonly now: number;
  readonly onProgress: (fraction: number) => void;
  /** Throws to stop. */
  readonly check: () => void;
  /** Told in a sentence what could not be read and is not in the file. */
  readonly onMissing: (sentence: string) => void;
}

export interface Assembled {
  readonly bytes: number;
  readonly samples: number;
}

/** Chunks that are written in one transaction: some megabytes. */
const CHUNKS_PER_STEP = 500;
/** Writes a file from one or several, as `writePart` does, and gives it its name. */
export function assemble(sources: readonly AssemblySource[], options: AssemblyOptions): Assembled {
  try {
    const assembled = writePart(sources, options);
    options.check();
    movePart(options.to);
    return assembled;
  } catch (error) {
    removePart(options.to);
    throw error;
  }
}

/**
 * Writes a recording under the name with `.part`, complete but not yet synced. Tags of several sources are the same
 * where their ids are; of samples with the same time that of the later source stays, and so do its description of a tag
 * and its newest recipe. Reads what is sealed. Throws the store's codes, and leaves no part then.
 */
export function writePart(sources: readonly AssemblySource[], options: AssemblyOptions): Assembled {
  const part = partOf(options.to);
  removePart(options.to);
  try {
    const samples = writeFile(sources, part, options);
    return { bytes: statSync(part).size, samples };
  } catch (error) {
    removePart(options.to);
    throw storeError(options.to, error);
  }
}

/** A tag as it goes into the file. */
interface Target {
  readonly number: number;
  registration: TagOnFile['registration'];
  recipes: readonly DecodeRecipe[];
  /** Beside each recipe: when it was registered. */
  readonly since: number[];
  readonly parts: TargetPart[];
}
interface TargetPart {
  readonly source: AssemblySource;
  readonly tag: TagOnFile;
  readonly texts: TextNumbers;
  readonly chunks: readonly ChunkInfo[];
  /** Recipe versions of the source as they are in the file. */
  readonly versions: Map<number, number>;
}

function writeFile(sources: readonly AssemblySource[], path: string, options: AssemblyOptions): number {
  const database = openForWriting(path, 'delete');
  try {
    const meta = metaOf(database);
    meta.set('name', options.name);
    meta.set('created', options.now);
    const { from, to } = options.described ?? options.range;
    meta.set('from', from);
    meta.set('to', to);
    const strings = stringTableOf(database);
    const targets = targetsOf(sources, strings, options);
    describe(database, sources, targets, options);

    const total = targets.reduce(
      (sum, { parts }) => sum + parts.reduce((all, { chunks }) => all + chunks.length, 0),
      0,
    );
    let read = 0;
    const output = outputOf(database, options.join);
    database.exec('BEGIN');
    const copy = (target: Target): void => {
      const cursors = target.parts.map((part) =>
        createCursor(target, part, options, () => {
          options.check();
          if (++read % 4 === 0) options.onProgress(read / (total + 1));
        }),
      );
      output.begin(target);
      mergeInto(output, cursors);
      output.end();
    };
    for (let at = 0; at < targets.length; ) {
      output.together(() => {
        const enough = output.chunks() + CHUNKS_PER_STEP;
        while (at < targets.length && output.chunks() < enough) copy(targets[at++]!);
      });
    }
    strings.write();
    meta.set('closed', 1);
    meta.set('highest_chunk', output.chunks());
    writeSums(database, meta);
    database.exec('COMMIT');
    return output.samples();
  } finally {
    database.close();
  }
}

/** The tags of all sources, each once, with every recipe that one of them has. */
function targetsOf(
  sources: readonly AssemblySource[],
  strings: StringTable,
  { range, tags: wanted, onMissing }: AssemblyOptions,
): Target[] {
  const chosen = new Set(wanted);
  const byId = new Map<string, Target>();
  const numbers = new Set<number>();
  let highest = 0;
  const freeNumber = (number: number): number => {
    const free = numbers.has(number) ? highest + 1 : number;
    numbers.add(free);
    highest = Math.max(highest, free);
    return free;
  };
  for (const source of sources) {
    const texts = strings.of(source.database, onMissing);
    const since = source.database
      .prepare<[number, number], number>('SELECT since FROM recipes WHERE tag = ? AND version = ?')
      .pluck();
    for (const tag of readTags(source.database)) {
      const { registration } = tag;
      if (chosen.size > 0 && !chosen.has(registration.id)) continue;
      let target = byId.get(registration.id);
      if (target === undefined) {
        target = { number: freeNumber(tag.number), registration, recipes: [], since: [], parts: [] };
        byId.set(registration.id, target);
      }
      const recipes = [...target.recipes];
      const versions = new Map<number, number>();
      for (const recipe of tag.recipes) {
        const alone = target.parts.length === 0;
        let at = alone ? -1 : recipes.findIndex((known) => sameRecipe(known, recipe));
        // The newest recipe says how everything is decoded: it stays the newest.
        if (at < 0 || (recipe === tag.recipes.at(-1) && at < recipes.length - 1)) {
          at = recipes.length;
          recipes.push(alone ? recipe : { ...recipe, version: (recipes.at(-1)?.version ?? 0) + 1 });
          target.since.push(since.get(tag.number, recipe.version) ?? 0);
        }
        versions.set(recipe.version, recipes[at]!.version);
      }
      target.recipes = recipes;
      target.registration = { ...registration, recipe: recipes.at(-1)! };
      const chunks = source.table.overlapping(tag.number, range.from, range.to);
      target.parts.push({ source, tag, texts, chunks, versions });
    }
  }
  return [...byId.values()].sort((a, b) => a.number - b.number);
}

/** Tags with all their recipes, and the events and gaps of the range, each once. */
function describe(
  database: Database,
  sources: readonly AssemblySource[],
  targets: readonly Target[],
  { range, tags, onMissing }: AssemblyOptions,
): void {
  const writer = tagWriterOf(database);
  const ids = new Set(targets.map((target) => target.registration.id));
  const all = tags.length === 0;
  const seen = new Set<string>();
  const isNew = (one: unknown): boolean => {
    if (sources.length === 1) return true;
    // biome-ignore lint/nursery/noJsRestrictedProperties: events and gaps, which are few
    const key = JSON.stringify(one);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  };
  database.transaction(() => {
    for (const { number, registration, recipes, since } of targets) {
      for (const [at, recipe] of recipes.entries()) writer.put(number, registration, recipe, since[at]!);
    }
    for (const source of sources) {
      for (const { id: _, ...event } of readable(() => readEvents(source.database, range, null), 'events', onMissing)) {
        const concerns = all || event.tagIds.length === 0 || event.tagIds.some((id) => ids.has(id));
        if (concerns && isNew(event)) insertEvent(database, event);
      }
      for (const gap of readable(() => readGaps(source.database, range), 'reasons of gaps', onMissing)) {
        const of = all ? gap.tags : gap.tags.filter((id) => ids.has(id));
        if ((gap.tags.length === 0 || of.length > 0) && isNew({ ...gap, of }))
          insertGap(database, gap.range, gap.reason, gap.quality, of);
      }
    }
  })();
}

/** What can be read, or nothing, said in a sentence. */
function readable<T>(read: () => readonly T[], what: string, onMissing: (sentence: string) => void): readonly T[] {
  try {
    return read();
  } catch (error) {
    const known = storeError('', error);
    if (!(known instanceof AppError) || known.code !== 'store.damaged') throw error;
    onMissing(`The ${what} could not be read and are not in the new file.`);
    return [];
  }
}

/** Walks one tag's samples of one source, decoded and as they are stored, a chunk at a time. */
interface Cursor {
  /** The samples at hand, from `at` on still to be taken; null at the end. */
  readonly run: Run | null;
  at: number;
  /** The bytes of `run` as they are in the source; null where it was changed. */
  readonly data: Uint8Array | null;
  readonly recipe: number;
  next(): void;
}

function createCursor(target: Target, part: TargetPart, options: AssemblyOptions, onChunk: () => void): Cursor {
  const { range, onMissing } = options;
  const { table } = part.source;
  const reader: ChunkReader = chunkReaderOf(table, () => undefined);
  let index = 0;
  /** Times up to here were taken: chunks of a sound file never go back. */
  let taken = Number.NEGATIVE_INFINITY;
  let run: Run | null = null;
  let data: Uint8Array | null = null;
  let recipe = 0;
  const load = (chunk: ChunkInfo): boolean => {
    const stored = reader.stored(chunk);
    const from = firstAtOrAfter(stored, Math.max(range.from, taken + 1));
    const to = firstAtOrAfter(stored, range.to);
    if (to <= from) return false;
    const whole = from === 0 && to === stored.length;
    run = whole ? stored : sliceRun(stored, from, to);
    data = whole ? table.data(chunk) : null;
    recipe = part.versions.get(chunk.recipe) ?? target.recipes.at(-1)!.version;
    if (recipeFor(part.tag.recipes, chunk.recipe).form === 'text' && part.texts.replace(run)) data = null;
    taken = run.time[run.length - 1]!;
    return true;
  };
  const cursor = {
    get run() {
      return run;
    },
    at: 0,
    get data() {
      return data;
    },
    get recipe() {
      return recipe;
    },
    next() {
      run = null;
      data = null;
      cursor.at = 0;
      while (index < part.chunks.length) {
        const chunk = part.chunks[index++]!;
        onChunk();
        try {
          if (load(chunk)) return;
        } catch (error) {
          if (!(error instanceof DamagedChunk)) throw error;
          const { name } = part.tag.registration;
          const [from, to] = [isoTime(chunk.first), isoTime(chunk.last)];
          onMissing(`${name}: ${chunk.count} samples from ${from} to ${to} are damaged and left out.`);
        }
      }
    },
  };
  cursor.next();
  return cursor;
}

/** Takes the samples of all cursors in time order; of those with the same time that of the last cursor. */
function mergeInto(output: Output, cursors: readonly Cursor[]): void {
  for (;;) {
    let chosen: Cursor | null = null;
    let time = Number.POSITIVE_INFINITY;
    for (const cursor of cursors) {
      const first = timeAt(cursor);
      if (first > time || first === Number.POSITIVE_INFINITY) continue;
      if (first === time && chosen !== null) step(chosen, chosen.at + 1);
      chosen = cursor;
      time = first;
    }
    if (chosen?.run == null) return;
    let limit = Number.POSITIVE_INFINITY;
    for (const cursor of cursors) if (cursor !== chosen) limit = Math.min(limit, timeAt(cursor));
    const { run, at, data, recipe } = chosen;
    const end = firstAtOrAfter(run, limit);
    if (at === 0 && end === run.length && data !== null) output.whole(run, recipe, data);
    else output.add(run, at, end, recipe);
    step(chosen, end);
  }
}

const timeAt = ({ run, at }: Cursor): number => run?.time[at] ?? Number.POSITIVE_INFINITY;

function step(cursor: Cursor, to: number): void {
  cursor.at = to;
  if (cursor.run !== null && to >= cursor.run.length) cursor.next();
}

/** Writes one tag's samples after the other, as chunks with their rollups; called inside a transaction. */
interface Output {
  /** Tags whose rollups fill pages together; some hundred chunks. */
  together(work: () => void): void;
  begin(target: Target): void;
  /** Samples `from` to `to` of a run, which lie behind everything the tag has. */
  add(run: Run, from: number, to: number, recipe: number): void;
  /** A chunk as it is. */
  whole(run: Run, recipe: number, data: Uint8Array): void;
  end(): void;
  chunks(): number;
  samples(): number;
}

function outputOf(database: Database, join: boolean): Output {
  const pyramid: Pyramid = pyramidOf(database);
  const insert = database.prepare(
    'INSERT INTO chunks (tag, recipe, first, last, count, crc, data) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const update = database.prepare('UPDATE tags SET last_time = ?, last_value = ?, last_quality = ? WHERE number = ?');
  const pending = emptyRun(CHUNK_SAMPLES);
  const pendingWords = wordsOf(pending.value);
  const slot = new Int32Array(2);
  let pendingRecipe = 0;
  let pendingClass: StorageClass | null = null;
  let tag = 0;
  let recipes: readonly DecodeRecipe[] = [];
  let decoder: TagDecoder | null = null;
  let since = 0;
  let last: { readonly time: number; readonly quality: number } | null = null;
  let chunks = 0;
  let samples = 0;
  /** Of the tag's chunk before. */
  let density = 0;

  const classOf = (version: number): StorageClass =>
    storageClassOf(recipes.find((recipe) => recipe.version === version) ?? recipes.at(-1)!);
  const write = (run: Run, recipe: number, data: Uint8Array): void => {
    const end = run.length - 1;
    const row = { recipe, first: run.time[0]!, last: run.time[end]!, count: run.length };
    insert.run(tag, recipe, row.first, row.last, row.count, chunkSum(tag, row, data), data);
    pyramid.put(tag, summaryOfStored(run, recipe, decoder!));
    slot.set(wordsOf(run.value).subarray(2 * end, 2 * end + 2));
    last = { time: row.last, quality: run.quality[end]! };
    samples += run.length;
    density = data.length / run.length;
    if (++chunks % CHUNKS_PER_STEP === 0) {
      database.exec('COMMIT');
      database.exec('BEGIN');
    }
  };
  const flush = (): void => {
    if (pending.length === 0) return;
    write(pending, pendingRecipe, encodeChunk(pending));
    pending.length = 0;
    pending.received = null;
  };
  const add = (run: Run, from: number, to: number, recipe: number): void => {
    const kind = classOf(recipe);
    if (kind !== pendingClass) flush();
    pendingClass = kind;
    const words = wordsOf(run.value);
    for (let at = from; at < to; ) {
      const full = fullChunk(density, CHUNK_SAMPLES);
      const count = Math.min(to - at, full - pending.length);
      const { length } = pending;
      pendingRecipe = recipe;
      pending.time.set(run.time.subarray(at, at + count), length);
      pendingWords.set(words.subarray(2 * at, 2 * (at + count)), 2 * length);
      pending.quality.set(run.quality.subarray(at, at + count), length);
      if (run.received !== null || pending.received !== null) {
        addReceived(pending).set((run.received ?? run.time).subarray(at, at + count), length);
      }
      pending.length = length + count;
      at += count;
      if (pending.length === full) flush();
    }
  };
  return {
    together: pyramid.together,
    begin(target) {
      tag = target.number;
      recipes = target.recipes;
      decoder = tagDecoderOf(recipes);
      since = decodedSince(recipes);
      last = null;
      density = 0;
    },
    add,
    whole(run, recipe, data) {
      const isFull = run.length >= fullChunk(data.length / run.length, CHUNK_SAMPLES);
      if (join && (pending.length > 0 || !isFull)) add(run, 0, run.length, recipe);
      else {
        flush();
        write(run, recipe, data);
      }
    },
    end() {
      flush();
      pyramid.settle(tag, since);
      if (last !== null) update.run(last.time, new Uint8Array(slot.buffer.slice(0)), last.quality, tag);
    },
    chunks: () => chunks,
    samples: () => samples,
  };
}
