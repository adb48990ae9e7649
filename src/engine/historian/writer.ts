import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { acquireLock, type Clock, type Database, storeError, withStoreErrors } from '#engine/platform/index.ts';
import type { Quality, SampleBlock, TimeRange } from '#shared/model/index.ts';
import { CHUNK_SAMPLES } from './chunk-codec.ts';
import { chunkReaderOf, chunkTableOf, type DamagedChunk, shareOf } from './chunk-table.ts';
import { insertEvent, insertGap } from './event-table.ts';
import { createJournal, type Journal } from './journal.ts';
import { syncFolder } from './log.ts';
import type {
  DurableNote,
  LastValues,
  StringRow,
  TailPart,
  WriterCounts,
  WriterOptions,
  WriterStart,
} from './messages.ts';
import { sortedOpen, timeOfOpen } from './open-samples.ts';
import { pyramidOf } from './pyramid.ts';
import { rebuildStale } from './rebuild.ts';
import { createRegistry, type Registry } from './registry.ts';
import { pruneBefore, shrink, timeToFree, usedBytes } from './retention.ts';
import { firstAtOrAfter, sliceRun, wordsOf } from './run.ts';
import { type Meta, metaOf, openForWriting } from './schema.ts';
import { sealingOf } from './sealing.ts';
import type { NewEvent, TagRegistration } from './store.ts';
import { type SweptTexts, stringSweepOf } from './string-sweep.ts';
import { removeSums, writeSums } from './sums.ts';
import { type ClosedChunk, findTail, fullChunk, pushSample, pushSamples, type TagState } from './tag-state.ts';
import { createTailStarts } from './tail-starts.ts';

export const WRITER_DEFAULTS = {
  flushMs: 1_000,
  segmentBytes: 32 << 20,
  foldMs: 300_000,
  chunkSamples: CHUNK_SAMPLES,
  textGraceMs: 10_000,
} as const;

/**
 * How long tags are encoded after a commit while the next may wait: this share of the time since the last, so that what
 * comes thick and fast is encoded while its sender takes note, and this at most. One tag always is.
 */
const ADVANCE_SHARE = 0.2;
const ADVANCE_MS = 4;
/** Samples beyond its limit at which a tag is encoded without waiting for a commit. */
const MOST_BEYOND = 256;

export interface WriterDeps {
  readonly clock: Clock;
  /** Called after `fdatasync` and whenever the state of writing changes. */
  readonly onDurable: (note: DurableNote) => void;
  readonly onTexts: (swept: SweptTexts) => void;
  /** The WAL has grown; another connection should call `moveWal`. */
  readonly onLargeWal: () => void;
  /** A condition in words that is no reason to stop; for the log. */
  readonly warn: (text: string) => void;
}

/** The store's writing half: everything but threads. One call runs at a time where it awaits; messages may interleave. */
export type Writer = Awaited<ReturnType<typeof openWriter>>;

export async function openWriter(options: WriterOptions, deps: WriterDeps) {
  const { path } = options;
  const lockPath = `${path}.lock`;
  const lock = acquireLock(lockPath);
  const release = (): void => {
    lock[Symbol.dispose]();
    rmSync(lockPath, { force: true });
  };
  let database: Database;
  try {
    database = openForWriting(path, 'wal');
  } catch (error) {
    release();
    throw error;
  }
  try {
    return await startWriter(options, deps, database, release);
  } catch (error) {
    database.close();
    release();
    throw storeError(path, error);
  }
}

async function startWriter(options: WriterOptions, deps: WriterDeps, database: Database, release: () => void) {
  const { path } = options;
  const { clock } = deps;
  const meta = metaOf(database);
  const table = chunkTableOf(database);
  const onDamage = (damage: DamagedChunk): void =>
    deps.warn(`${damage.chunk.count} samples of the history cannot be read: ${damage.message}.`);
  const reader = chunkReaderOf(table, onDamage);
  const pyramid = pyramidOf(database);
  const sealing = sealingOf(database, table, reader, pyramid, onDamage, options.chunkSamples);
  const starts = createTailStarts();
  const registry = createRegistry(path, database, clock, options.chunkSamples, starts);
  const strings = database.prepare<[], StringRow>('SELECT number, text FROM strings ORDER BY number').all();
  const sealedCount = database.prepare<[], number>('SELECT coalesce(sum(count), 0) FROM chunks').pluck();
  const pause = (): Promise<void> => clock.sleep(0);
  const { monotonicMs } = clock;
  const sweep = stringSweepOf(database, table, reader, registry.states, monotonicMs, pause, options.textGraceMs);
  let refused = 0;
  let closing: Promise<void> | null = null;

  const journal: Journal = createJournal(
    { ...options, owner: await ownerOf(path, meta, clock) },
    {
      clock,
      database,
      meta,
      registry,
      sealing,
      warn: deps.warn,
      onLargeWal: deps.onLargeWal,
      onNote: (error) => note(error),
    },
  );
  removeSums(meta);
  const recovery = await journal.recover(strings);
  for (const state of registry.states.values()) findTail(state);
  const countSamples = (): number => {
    let samples = sealedCount.get() ?? 0;
    for (const state of registry.states.values()) {
      samples += state.open.length + (state.growing?.builder.count ?? 0);
      for (const chunk of state.closed) samples += chunk.count;
    }
    return samples;
  };
  let samplesStored = countSamples();
  meta.set('closed', 0);
  await journal.measureBytes();

  const counts = (): WriterCounts => ({
    storedUntil: journal.durable.storedUntil,
    samplesStored,
    bytes: journal.bytes,
    refused,
    paused: journal.paused,
  });
  function note(error: unknown): void {
    deps.onDurable({ upTo: journal.durable.upTo, error, counts: counts() });
    if (error === null) advanceFull();
  }
  /** Tags that have reached their limit. They are encoded once their samples are acknowledged, not before. */
  let full: TagState[] = [];
  let advancedAt = monotonicMs();
  function advanceFull(): void {
    const now = monotonicMs();
    const until = now + Math.min(ADVANCE_MS, (now - advancedAt) * ADVANCE_SHARE);
    advancedAt = now;
    let done = 0;
    // Not one that would take longer than the time that is left, if it takes as long as the one before.
    for (let at = now, took = 0; done < full.length && (done === 0 || at + took <= until); done++) {
      const state = full[done]!;
      if (state.open.length >= state.limit) sealing.advance(state);
      took = monotonicMs() - at;
      at += took;
    }
    if (done > 0) full = full.slice(done);
  }

  const statesOf = (ids: readonly string[]): TagState[] =>
    ids.length === 0 ? [...registry.states.values()] : ids.flatMap((id) => registry.byId(id) ?? []);

  const numberOf = (index: number): number => registry.at(index)?.number ?? 0;
  /** Takes a valid block over into its tags and into the log. */
  const store = (block: SampleBlock): void => {
    const { length, tag, time, quality, received } = block;
    const words = wordsOf(block.value);
    let logged = 0;
    for (let i = 0; i < length; ) {
      const index = tag[i]!;
      const state = registry.at(index)!;
      let end = i + 1;
      while (end < length && tag[end] === index) end++;
      if (end === i + 1) {
        pushSample(
          state,
          time[i]!,
          words[2 * i]!,
          words[2 * i + 1]!,
          quality[i]!,
          received === null ? null : received[i]!,
        );
        if (state.open.length === state.limit) full.push(state);
        else if (state.open.length >= state.limit + MOST_BEYOND) sealing.advance(state);
        i = end;
        continue;
      }
      // What makes whole chunks of one tag goes through the log as such: a twentieth of the bytes, and encoded only once.
      // A short rest goes with the last one: it would be a small chunk when the next ones come.
      for (;;) {
        const full = fullChunk(state.density, options.chunkSamples);
        const to = end - i < 2 * full ? end : i + full;
        if (to - i < full || !isBehind(state, time, i, to)) break;
        if (i > logged) journal.samples(part(block, logged, i), numberOf);
        journal.chunk(state.number, sealing.take(state, part(block, i, to)));
        i = to;
        logged = i;
      }
      while (i < end) {
        if (state.open.length >= state.limit) sealing.advance(state);
        i += pushSamples(state, block, i, end);
      }
      if (state.open.length >= state.limit) full.push(state);
    }
    if (length > logged) journal.samples(logged === 0 ? block : part(block, logged, length), numberOf);
    samplesStored += length;
  };

  let rebuilding: Promise<void> | null = null;
  const rebuildInBackground = (): void => {
    rebuilding ??= rebuildStale(database, table, reader, pyramid, registry.states, pause, () => closing !== null)
      .catch((error: unknown) => deps.warn(`Overviews could not be made anew: ${String(error)}`))
      .finally(() => {
        rebuilding = null;
        for (const state of registry.states.values()) {
          if (state.rollupsStale && closing === null) return rebuildInBackground();
        }
      });
  };
  let pruning: Promise<unknown> = Promise.resolve();

  const started: WriterStart = { recovery, strings, counts: counts(), tailStarts: starts.buffer };
  for (const state of registry.states.values()) {
    if (!state.rollupsStale) continue;
    rebuildInBackground();
    break;
  }

  return {
    started,
    counts,

    register(tags: readonly TagRegistration[]): void {
      const { forms, stale } = registry.register(tags, sealing.close);
      journal.forms(forms);
      if (stale) rebuildInBackground();
    },

    intern: (number: number, text: string): void => journal.string({ number, text }),

    /** `id` rises with every call; `onDurable` names the last one that is on the disk. Owns the block from here on. */
    append(id: number, block: SampleBlock): void {
      const times = checkedTimes(block, registry);
      if (times !== null) {
        store(block);
        journal.appended(id, block.length, times.from, times.to);
        return;
      }
      const known = withoutInvalid(block, registry);
      refused += block.length - known.length;
      const left = checkedTimes(known, registry);
      if (left !== null) store(known);
      journal.appended(id, known.length, left?.from ?? Number.POSITIVE_INFINITY, left?.to ?? Number.NEGATIVE_INFINITY);
    },

    /** Returns when all that was appended before is on the disk; throws the store's code where it cannot be. */
    flush: (): Promise<void> => journal.flush(),
    /** Seals what was appended before with a time in the range into the file; `ids` empty: of all tags. */
    seal(ids: readonly string[], range: TimeRange): Promise<void> {
      return journal.seal(statesOf(ids).filter((state) => isBesideFile(state, range)));
    },

    /** Samples in the range that the file does not have yet; a sample that will replace another one counts, too. */
    count(ids: readonly string[], range: TimeRange): number {
      let samples = 0;
      for (const { open, growing, closed } of statesOf(ids)) {
        if (growing !== null) samples += Math.round(growing.builder.count * shareOf(growing, range));
        for (let i = 0; i < open.length; i++) {
          const time = timeOfOpen(open, i);
          if (time >= range.from && time < range.to) samples++;
        }
        for (const chunk of closed) samples += Math.round(chunk.count * shareOf(chunk, range));
      }
      return samples;
    },

    /**
     * What the file does not have yet of these tags: everything in [from, to) and at least one sample beyond each end.
     * Oldest first; what is here wins over what stands before it.
     */
    tail(ids: readonly string[], from: number, to: number): TailPart[] {
      const parts: TailPart[] = [];
      for (const id of ids) {
        const state = registry.byId(id);
        if (state === undefined) continue;
        const part = tailPartOf(state, from, to);
        if (part !== null) parts.push(part);
      }
      return parts;
    },

    addEvent: (event: NewEvent) => withStoreErrors(path, () => insertEvent(database, event)),
    addGap: (range: TimeRange, reason: string, quality: Quality, tags: readonly string[]): void =>
      withStoreErrors(path, () => insertGap(database, range, reason, quality, tags)),

    tags: () => registry.described(),
    bounds: () => registry.bounds(),
    async lastValues(known: number): Promise<LastValues> {
      // What is not durable is not told; while the disk takes nothing, waiting for it would not help.
      if (journal.paused === null) await journal.flush().catch(() => undefined);
      return registry.lastValues(known);
    },

    async status(): Promise<WriterCounts> {
      await journal.measureBytes();
      return counts();
    },

    prune(before: number): Promise<{ readonly bytesFreed: number }> {
      const pruned = pruning.then(async () => {
        const { bytesFreed, textSamples } = await pruneBefore(
          database,
          table,
          pyramid,
          registry.states,
          before,
          pause,
        ).catch((error: unknown) => {
          throw storeError(path, error);
        });
        if (sweep.due(textSamples)) {
          const swept = await sweep.run();
          if (swept !== null) deps.onTexts(swept);
        }
        samplesStored = countSamples();
        return { bytesFreed };
      });
      pruning = pruned.catch(() => undefined);
      return pruned;
    },
    /** Gives free pages of the file back to the disk; the bytes. */
    giveBack(): Promise<number> {
      const given = pruning
        .then(() => shrink(database, pause, 0))
        .catch((error: unknown) => {
          throw storeError(path, error);
        });
      pruning = given.catch(() => undefined);
      return given;
    },
    /**
     * The time to prune before so that the file holds at most `maxBytes` (null: any), and `spare` less than it does;
     * null when it is so.
     */
    surplusBefore(maxBytes: number | null, spare = 0): number | null {
      return timeToFree(
        database,
        Math.max(0, Math.min(maxBytes ?? Number.POSITIVE_INFINITY, usedBytes(database) - spare)),
      );
    },

    /** Folds everything in and leaves one file outside WAL mode. Throws when the disk does not take it; the log stays. */
    close(): Promise<void> {
      closing ??= (async () => {
        await pruning;
        let failure: unknown = null;
        try {
          await journal.close();
          await rebuilding;
          writeSums(database, meta);
          database.pragma('wal_checkpoint(TRUNCATE)');
          const mode = database.pragma('journal_mode = DELETE', { simple: true });
          if (mode !== 'delete') deps.warn(`${path} stays in WAL mode, because another program reads it.`);
        } catch (error) {
          failure = storeError(path, error);
        }
        database.close();
        await syncFolder(dirname(path)).catch((error: unknown) => deps.warn(String(error)));
        release();
        if (failure !== null) throw failure;
      })();
      return closing;
    },
  };
}

/** The file's own id, by which its log segments are known; made once. */
async function ownerOf(path: string, meta: Meta, clock: Clock): Promise<Uint8Array> {
  let owner = meta.get('file_id');
  if (typeof owner !== 'string') {
    owner = randomBytes(16).toString('hex');
    meta.set('file_id', owner);
    meta.set('created', clock.now());
    await syncFolder(dirname(path));
  }
  return new Uint8Array(Buffer.from(owner, 'hex'));
}

/** True where the tag holds samples of the range that are not in the file. */
function isBesideFile({ open, growing, closed }: TagState, range: TimeRange): boolean {
  const chunks = growing === null ? closed : [...closed, growing];
  if (chunks.some((chunk) => chunk.first < range.to && chunk.last >= range.from)) return true;
  for (let i = 0; i < open.length; i++) {
    const time = timeOfOpen(open, i);
    if (time >= range.from && time < range.to) return true;
  }
  return false;
}

/** Chunks and samples that a view of [from, to) needs, with the nearest ones beyond its ends. */
function tailPartOf(state: TagState, from: number, to: number): TailPart | null {
  const { growing, open } = state;
  const closed: readonly Pick<ClosedChunk, 'first' | 'last' | 'recipe' | 'data'>[] =
    growing === null
      ? state.closed
      : [
          ...state.closed,
          { first: growing.first, last: growing.last, recipe: state.form, data: growing.builder.finish() },
        ];
  const start = Math.max(
    0,
    closed.findLastIndex((chunk) => chunk.first < from),
  );
  const after = closed.findIndex((chunk) => chunk.first >= to);
  const chunks = closed.slice(start, after < 0 ? closed.length : after + 1);
  if (chunks.length === 0 && open.length === 0) return null;
  const sorted = sortedOpen(open);
  const low = Math.max(0, firstAtOrAfter(sorted, from) - 1);
  const high = Math.min(sorted.length, firstAtOrAfter(sorted, to) + 1);
  return {
    id: state.id,
    closed: chunks.map(({ recipe, last, data }) => ({ recipe, last, data: data.slice() })),
    open: high > low ? sliceRun(sorted, low, high) : null,
    form: state.form,
  };
}

const isTime = (time: number): boolean => Math.abs(time) <= Number.MAX_SAFE_INTEGER;

/** Samples `from` to `to` of a block, in the same memory. */
function part(block: SampleBlock, from: number, to: number): SampleBlock {
  return {
    length: to - from,
    tag: block.tag.subarray(from, to),
    time: block.time.subarray(from, to),
    value: block.value.subarray(from, to),
    quality: block.quality.subarray(from, to),
    received: block.received === null ? null : block.received.subarray(from, to),
  };
}

/** True where the samples ascend in time and come after everything the tag has. */
function isBehind(state: TagState, time: Float64Array, from: number, to: number): boolean {
  let last = state.lastTime;
  for (let i = from; i < to; i++) {
    if (!(time[i]! > last)) return false;
    last = time[i]!;
  }
  return true;
}

/**
 * Makes times whole. Null where a tag is not known or a time is none that a double holds exactly, and for an empty
 * block; else the earliest and the latest time.
 */
function checkedTimes(block: SampleBlock, registry: Registry): { readonly from: number; readonly to: number } | null {
  const { length, tag, time } = block;
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  let known = -1;
  for (let i = 0; i < length; i++) {
    if (tag[i] !== known) {
      known = tag[i]!;
      if (registry.at(known) === undefined) return null;
    }
    if (!isTime(time[i]!)) return null;
    const whole = Math.round(time[i]!);
    time[i] = whole;
    if (whole < from) from = whole;
    if (whole > to) to = whole;
  }
  return length === 0 ? null : { from, to };
}

function withoutInvalid(block: SampleBlock, registry: Registry): SampleBlock {
  const keep: number[] = [];
  for (let i = 0; i < block.length; i++) {
    if (registry.at(block.tag[i]!) !== undefined && isTime(block.time[i]!)) keep.push(i);
  }
  const from = wordsOf(block.value);
  const value = new Float64Array(keep.length);
  const to = new Int32Array(value.buffer);
  for (const [at, index] of keep.entries()) {
    to[2 * at] = from[2 * index]!;
    to[2 * at + 1] = from[2 * index + 1]!;
  }
  const { received } = block;
  return {
    length: keep.length,
    tag: Uint32Array.from(keep, (index) => block.tag[index]!),
    time: Float64Array.from(keep, (index) => block.time[index]!),
    value,
    quality: Uint16Array.from(keep, (index) => block.quality[index]!),
    received: received === null ? null : Float64Array.from(keep, (index) => received[index]!),
  };
}
