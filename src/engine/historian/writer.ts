import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { acquireLock, type Clock, type Database, storeError, withStoreErrors } from '#engine/platform/index.ts';
import type { Quality, SampleBlock, TimeRange } from '#shared/model/index.ts';
import { chunkReaderOf, chunkTableOf, type DamagedChunk, tagDecoderOf } from './chunk-table.ts';
import { insertEvent, insertGap } from './event-table.ts';
import { isoTime } from './iso-time.ts';
import { createSegment, logBytes, removeSegment, type Segment, syncFolder } from './log.ts';
import { createRecordBuffer, RECORD, type RecordBuffer } from './log-record.ts';
import type { DurableNote, LastValue, StringRow, TailPart, WriterCounts, WriterStart } from './messages.ts';
import { pyramidOf } from './pyramid.ts';
import { replayLog } from './recovery.ts';
import { pruneBefore, timeToFree, usedBytes } from './retention.ts';
import { LEVELS } from './rollup.ts';
import { sliceRun, sortRun } from './run.ts';
import { metaOf, openForWriting, readTags, sameDecoding, sameRecipe, storageClassOf, tagWriterOf } from './schema.ts';
import { sealingOf } from './sealing.ts';
import type { NewEvent, RecoveryReport, StoredTag, TagRegistration } from './store.ts';
import { CHUNK_SAMPLES, createTagState, pushSample, type TagState } from './tag-state.ts';

export interface WriterOptions {
  readonly path: string;
  readonly flushMs: number;
  /** Segment size at which the log is folded into the file. */
  readonly segmentBytes: number;
  /** Age at which it is, if anything can be. */
  readonly foldMs: number;
  /** Samples of a full chunk. */
  readonly chunkSamples: number;
}
export const WRITER_DEFAULTS = {
  flushMs: 1_000,
  segmentBytes: 32 << 20,
  foldMs: 300_000,
  chunkSamples: CHUNK_SAMPLES,
} as const;

export interface WriterDeps {
  readonly clock: Clock;
  /** Called after `fdatasync` and whenever the state of writing changes. */
  readonly onDurable: (note: DurableNote) => void;
  /** A condition in words that is no reason to stop; for the log. */
  readonly warn: (text: string) => void;
}

/** Bytes of waiting records that are worth a commit before the flush interval ends. */
const EARLY_FLUSH_BYTES = 4 << 20;
const RETRY_MS = 500;
/** Bytes that one open sample takes in the log when it is carried over. */
const CARRIED_BYTES = 22;
/** Chunks of one slice of a rollup rebuild. */
const REBUILD_CHUNKS = 16;
const CHECKPOINT_PAGES = 2_000;

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
    database = openForWriting(path, 'wal', LEVELS);
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
  const pyramid = pyramidOf(database, table, reader);
  const sealing = sealingOf(database, table, reader, pyramid, onDamage, options.chunkSamples);
  const tagWriter = tagWriterOf(database);
  const stringInsert = database.prepare('INSERT OR IGNORE INTO strings VALUES (?, ?)');

  const states = new Map<number, TagState>();
  const byId = new Map<string, TagState>();
  /** Position is the engine's tag index. */
  const byIndex: (TagState | undefined)[] = [];
  /** Strings in the log that are not yet rows of the file. */
  let newStrings: StringRow[] = [];

  let filling: RecordBuffer = createRecordBuffer();
  let writing: RecordBuffer = createRecordBuffer();
  let fillingLast = 0;
  let fillingMinTime = Number.POSITIVE_INFINITY;
  let fillingMaxTime = Number.NEGATIVE_INFINITY;
  let writingMaxTime = Number.NEGATIVE_INFINITY;
  let writingLast = 0;
  let durableMaxTime = Number.NEGATIVE_INFINITY;
  let durableLast = 0;
  let storedUntil: number | null = null;
  let samplesStored = 0;
  let refused = 0;
  let paused: string | null = null;
  let foldedAt = clock.monotonicMs();
  let foldFailedAt = Number.NEGATIVE_INFINITY;
  let flushTimer: Disposable | null = null;
  let closing = false;
  let bytes = 0;
  let bytesAt = Number.NEGATIVE_INFINITY;
  let queue: Promise<unknown> = Promise.resolve();
  let segment: Segment;
  /** Segments older than the present one that are still needed, because folding them in has failed so far. */
  let kept: number[] = [];
  let spare: number | null = null;

  /** Runs file work one at a time, in the order asked. */
  const serial = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work);
    queue = result.catch(() => undefined);
    return result;
  };
  const pause = (): Promise<void> => clock.sleep(0);

  let owner = meta.get('file_id');
  if (typeof owner !== 'string') {
    owner = randomBytes(16).toString('hex');
    meta.set('file_id', owner);
    meta.set('created', clock.now());
    await syncFolder(dirname(path));
  }
  const ownerBytes = new Uint8Array(Buffer.from(owner, 'hex'));

  for (const tag of readTags(database)) {
    const state = createTagState(tag.number, tag.registration, tag.recipes, options.chunkSamples);
    state.coarsest = tag.coarsest;
    state.rollupsStale = tag.rollupsStale;
    const newest = table.preceding(tag.number, Number.MAX_SAFE_INTEGER);
    if (newest !== null) {
      state.sealedLast = state.closedLast = newest.last;
      state.level = newest.level;
      state.first = table.following(tag.number, Number.MIN_SAFE_INTEGER)?.first ?? newest.first;
    }
    if (tag.last !== null) {
      state.lastTime = tag.last.time;
      state.lastQuality = state.closedQuality = tag.last.quality;
      new Uint8Array(state.lastSlot.buffer).set(tag.last.value);
      state.closedSlot.set(state.lastSlot);
      new Uint8Array(state.closedSlot.buffer).set(tag.last.value);
    }
    states.set(tag.number, state);
    byId.set(tag.registration.id, state);
  }
  const strings = database.prepare<[], StringRow>('SELECT number, text FROM strings ORDER BY number').all();
  samplesStored = Number(database.prepare('SELECT coalesce(sum(count), 0) FROM chunks').pluck().get());

  const recovery = await recover();
  meta.set('closed', 0);

  async function recover(): Promise<RecoveryReport> {
    const wasClosed = meta.get('closed') !== 0;
    const from = Number(meta.get('log_from') ?? 1);
    let unknown = 0;
    const knownStrings = new Set(strings.map((row) => row.number));
    const replay = await replayLog(path, ownerBytes, from, {
      samples(logged) {
        for (let i = 0; i < logged.length; i++) {
          const state = states.get(logged.number[i]!);
          if (state === undefined) {
            unknown++;
            continue;
          }
          const words = new Int32Array(logged.value.buffer, logged.value.byteOffset + 8 * i, 2);
          const received = logged.received === null ? null : logged.received[i]!;
          pushSample(state, logged.time[i]!, words[0]!, words[1]!, logged.quality[i]!, received);
          if (state.open.length >= state.limit) sealing.close(state);
        }
      },
      form(number, version) {
        const state = states.get(number);
        if (state === undefined || state.form === version) return;
        sealing.close(state);
        state.form = version;
      },
      string(number, text) {
        if (knownStrings.has(number)) return;
        knownStrings.add(number);
        strings.push({ number, text });
        newStrings.push({ number, text });
      },
    });
    for (const state of states.values()) durableMaxTime = Math.max(durableMaxTime, state.lastTime);
    samplesStored += replay.samples;
    kept = [...replay.segments];
    segment = await createSegment(path, replay.highest + 1, ownerBytes, null);
    const sentences = [...replay.sentences];
    for (const state of states.values()) {
      sealing.close(state);
      state.form = state.recipes.at(-1)?.version ?? 1;
    }
    await carryAndCommit();
    const lastSample = Number.isFinite(durableMaxTime) ? durableMaxTime : null;
    storedUntil = lastSample === null ? null : lastSample + 1;
    const clean = wasClosed && replay.samples === 0 && sentences.length === 0;
    if (unknown > 0) sentences.push(`${unknown} samples in the log belong to tags that the history does not know.`);
    if (!clean) {
      const until = lastSample === null ? 'It holds no samples.' : `Its last sample is of ${isoTime(lastSample)}.`;
      sentences.unshift(
        `The history was not closed properly; ${replay.samples} samples were restored from the log. ${until}`,
      );
    }
    return { clean, samplesReplayed: replay.samples, sentences, lastSample };
  }

  /** Puts all that is open into the present, still empty segment and commits what is closed; then frees the old ones. */
  async function carryAndCommit(): Promise<void> {
    const carry = createRecordBuffer(1 << 16);
    const forms = new Uint32Array(states.size * 2);
    let at = 0;
    let samples = 0;
    for (const state of states.values()) {
      forms[at++] = state.number;
      forms[at++] = state.form;
      samples += state.open.length;
    }
    carry.addForms(forms);
    if (samples > 0) carry.addSamples(RECORD.carried, openSamples(samples), (number) => number);
    await segment.write(carry);
    commit(segment.number);
    for (const old of kept) {
      if (old === spare) continue;
      await removeSegment(path, old);
    }
    kept = [];
    foldedAt = clock.monotonicMs();
  }

  function openSamples(length: number): SampleBlock {
    const received = [...states.values()].some((state) => state.open.received !== null);
    const block = {
      length,
      tag: new Uint32Array(length),
      time: new Float64Array(length),
      value: new Float64Array(length),
      quality: new Uint16Array(length),
      received: received ? new Float64Array(length) : null,
    };
    const words = new Int32Array(block.value.buffer);
    let at = 0;
    for (const { number, open, openWords } of states.values()) {
      const { length: count } = open;
      if (count === 0) continue;
      block.tag.fill(number, at, at + count);
      block.time.set(open.time.subarray(0, count), at);
      words.set(openWords.subarray(0, 2 * count), 2 * at);
      block.quality.set(open.quality.subarray(0, count), at);
      block.received?.set((open.received ?? open.time).subarray(0, count), at);
      at += count;
    }
    return block;
  }

  /** One transaction: chunks, rollups, strings and the segment that the log now starts at. */
  function commit(logFrom: number): void {
    const done: TagState[] = [];
    const written = newStrings;
    withStoreErrors(path, () =>
      database.transaction(() => {
        for (const state of states.values()) {
          if (state.closed.length === 0 && state.replaced.size === 0) continue;
          sealing.write(state);
          done.push(state);
        }
        for (const row of written) stringInsert.run(row.number, row.text);
        meta.set('log_from', logFrom);
        meta.set('highest_chunk', Number(database.prepare('SELECT coalesce(max(id), 0) FROM chunks').pluck().get()));
      })(),
    );
    newStrings = newStrings.slice(written.length);
    for (const state of done) sealing.settled(state);
    checkpoint(false);
  }

  /** Moves the WAL into the file; never waits for a reader. */
  function checkpoint(always: boolean): void {
    const wal = `${path}-wal`;
    if (!always && (!existsSync(wal) || statSync(wal).size < CHECKPOINT_PAGES * 4_096)) return;
    try {
      database.pragma('wal_checkpoint(PASSIVE)');
    } catch (error) {
      deps.warn(`The history's write-ahead file could not be moved into it: ${String(error)}`);
    }
  }

  /** Folds the log into the file: closes what is worth it (or all), starts a new segment, commits, frees the old one. */
  async function fold(all: boolean): Promise<void> {
    let open = 0;
    for (const state of states.values()) open += state.open.length;
    const budget = options.segmentBytes / 4 / CARRIED_BYTES;
    if (all) for (const state of states.values()) sealing.close(state);
    else if (open > budget) {
      const largest = [...states.values()].sort((a, b) => b.open.length - a.open.length);
      for (const state of largest) {
        if (open <= budget / 2) break;
        open -= state.open.length;
        sealing.close(state);
        // Encoding thousands of chunks at once would hold up the acknowledgements that wait.
        if (state.number % 64 === 0) await pause();
      }
    }
    const before = segment;
    const reuse = spare;
    spare = null;
    segment = await createSegment(path, before.number + 1, ownerBytes, reuse);
    kept.push(before.number);
    await before.close();
    const oldest = kept[0]!;
    try {
      // The segment that is freed becomes the next but one; its space needs no new allocation.
      spare = oldest;
      await carryAndCommit();
    } catch (error) {
      spare = null;
      throw error;
    }
  }

  function due(): boolean {
    if (clock.monotonicMs() - foldFailedAt < 5_000) return false;
    if (segment.end >= options.segmentBytes) return true;
    if (clock.monotonicMs() - foldedAt < options.foldMs) return false;
    for (const state of states.values()) if (state.closed.length > 0) return true;
    return false;
  }

  /** Writes what waits and tells who waits for it; an error keeps it all for the next try. */
  async function flushNow(): Promise<void> {
    if (writing.length === 0) {
      [filling, writing] = [writing, filling];
      writingLast = fillingLast;
      writingMaxTime = Math.max(writingMaxTime, fillingMaxTime);
      fillingMinTime = Number.POSITIVE_INFINITY;
      fillingMaxTime = Number.NEGATIVE_INFINITY;
    }
    if (writing.length === 0) return;
    try {
      await segment.write(writing);
    } catch (error) {
      const known = storeError(path, error);
      paused = known instanceof Error ? known.message : String(known);
      note(known);
      throw known;
    }
    writing.reset();
    durableLast = writingLast;
    durableMaxTime = Math.max(durableMaxTime, writingMaxTime);
    writingMaxTime = Number.NEGATIVE_INFINITY;
    paused = null;
    // A device's clock that runs ahead must not promise what is still to come.
    const reached = Math.min(fillingMinTime, durableMaxTime + 1, Math.max(clock.now(), storedUntil ?? 0));
    if (Number.isFinite(reached)) storedUntil = Math.max(storedUntil ?? Number.NEGATIVE_INFINITY, reached);
    if (clock.monotonicMs() - bytesAt > 2_000) await measureBytes();
    note(null);
    if (due()) await fold(false).catch(foldFailed);
  }

  function foldFailed(error: unknown): void {
    foldFailedAt = clock.monotonicMs();
    const known = storeError(path, error);
    deps.warn(`The log could not be folded into the history; it is kept and tried again. ${String(known)}`);
  }

  function schedule(ms: number): void {
    if (flushTimer !== null || closing) return;
    flushTimer = clock.after(ms, () => {
      flushTimer = null;
      serial(flushNow).then(
        () => {
          if (filling.length > 0) schedule(options.flushMs / 2);
        },
        () => schedule(RETRY_MS),
      );
    });
  }

  function note(error: unknown): void {
    deps.onDurable({ upTo: durableLast, error, counts: counts() });
  }

  function counts(): WriterCounts {
    return { storedUntil, samplesStored, bytes, refused, paused };
  }

  async function measureBytes(): Promise<void> {
    const wal = `${path}-wal`;
    bytes = usedBytes(database) + (existsSync(wal) ? statSync(wal).size : 0) + (await logBytes(path));
    bytesAt = clock.monotonicMs();
  }
  await measureBytes();

  /** Makes the rollups of tags anew whose decoding was corrected, a slice at a time. */
  async function rebuildStale(): Promise<void> {
    for (const state of states.values()) {
      if (!state.rollupsStale) continue;
      database.transaction(() => pyramid.dropAll(state.number))();
      let from = Number.MIN_SAFE_INTEGER;
      while (state.rollupsStale) {
        const decoder = state.decoder;
        const chunks = table.overlapping(state.number, from, Number.MAX_SAFE_INTEGER).slice(0, REBUILD_CHUNKS);
        const last = chunks.at(-1);
        database.transaction(() => {
          if (last !== undefined) pyramid.rebuild(state, chunks[0]!.first, last.last + 1, state.sealedLast, false);
          if (last === undefined || last.last >= state.sealedLast) {
            database.prepare('UPDATE tags SET rollups_stale = 0 WHERE number = ?').run(state.number);
            state.rollupsStale = false;
          }
        })();
        if (last !== undefined) from = last.last + 1;
        await pause();
        if (decoder !== state.decoder || state.dirty !== null) {
          // Another correction, or late samples in what was done already: begin again.
          state.rollupsStale = true;
          database.prepare('UPDATE tags SET rollups_stale = 1 WHERE number = ?').run(state.number);
          from = Number.MIN_SAFE_INTEGER;
          database.transaction(() => pyramid.dropAll(state.number))();
        }
      }
    }
  }
  const rebuildInBackground = (): void => {
    serial(rebuildStale).catch((error: unknown) => deps.warn(`Overviews could not be made anew: ${String(error)}`));
  };

  const started: WriterStart = { recovery, strings, counts: counts() };
  if ([...states.values()].some((state) => state.rollupsStale)) rebuildInBackground();

  return {
    started,
    counts,

    register(tags: readonly TagRegistration[]): void {
      const fresh = new Map<string, TagState>();
      const changes: (() => void)[] = [];
      const forms: number[] = [];
      let stale = false;
      withStoreErrors(path, () =>
        database.transaction(() => {
          let next = Number(database.prepare('SELECT coalesce(max(number), 0) FROM tags').pluck().get());
          for (const tag of tags) {
            const { index: _, ...described } = tag;
            const known = byId.get(tag.id) ?? fresh.get(tag.id);
            const newest = known?.recipes.at(-1);
            if (known === undefined || newest === undefined) {
              const recipe = { ...tag.recipe, version: 1 };
              const state = createTagState(++next, { ...described, recipe }, [recipe], options.chunkSamples);
              tagWriter.put(state.number, tag, recipe, clock.now());
              forms.push(state.number, 1);
              fresh.set(tag.id, state);
              continue;
            }
            const same = sameRecipe(newest, tag.recipe);
            const recipe = same ? newest : { ...tag.recipe, version: newest.version + 1 };
            tagWriter.put(known.number, tag, recipe, clock.now());
            const otherForm = storageClassOf(newest) !== storageClassOf(recipe);
            const otherRollups = !sameDecoding(newest, recipe) && known.coarsest >= 0;
            if (otherForm) forms.push(known.number, recipe.version);
            if (otherRollups) {
              database.prepare('UPDATE tags SET rollups_stale = 1 WHERE number = ?').run(known.number);
              stale = true;
            }
            changes.push(() => {
              if (otherForm) {
                sealing.close(known);
                known.form = recipe.version;
              }
              if (!same) {
                known.recipes = [...known.recipes, recipe];
                known.decoder = tagDecoderOf(known.recipes);
              }
              if (otherRollups) known.rollupsStale = true;
              known.registration = { ...described, recipe };
            });
          }
        })(),
      );
      for (const change of changes) change();
      for (const state of fresh.values()) {
        states.set(state.number, state);
        byId.set(state.id, state);
      }
      for (const tag of tags) byIndex[tag.index] = byId.get(tag.id);
      if (forms.length > 0) filling.addForms(new Uint32Array(forms));
      if (stale) rebuildInBackground();
    },

    intern(number: number, text: string): void {
      strings.push({ number, text });
      newStrings.push({ number, text });
      filling.addString(number, text);
    },

    /** `id` rises with every call; `onDurable` names the last one that is on the disk. */
    append(id: number, block: SampleBlock): void {
      const known = allValid(block) ? block : withoutInvalid(block);
      refused += block.length - known.length;
      const { length, tag, time, quality, received } = known;
      const words = new Int32Array(known.value.buffer, known.value.byteOffset, length * 2);
      for (let i = 0; i < length; i++) {
        const at = Math.round(time[i]!);
        time[i] = at;
        if (at < fillingMinTime) fillingMinTime = at;
        if (at > fillingMaxTime) fillingMaxTime = at;
        const state = byIndex[tag[i]!];
        if (state === undefined) continue;
        pushSample(state, at, words[2 * i]!, words[2 * i + 1]!, quality[i]!, received === null ? null : received[i]!);
        if (state.open.length >= state.limit) sealing.close(state);
      }
      samplesStored += known.length;
      filling.addSamples(RECORD.samples, known, (index) => byIndex[index]?.number ?? 0);
      fillingLast = id;
      if (filling.length >= EARLY_FLUSH_BYTES && paused === null) {
        flushTimer?.[Symbol.dispose]();
        flushTimer = null;
        schedule(0);
      } else schedule(options.flushMs / 2);
    },

    /** Returns when all that was appended before is on the disk; throws the store's code where it cannot be. */
    flush: (): Promise<void> => serial(flushNow).then(() => serial(flushNow)),

    /** Seals everything that was appended before into the file. */
    seal: (): Promise<void> =>
      serial(async () => {
        await flushNow();
        await fold(true).catch((error: unknown) => {
          throw storeError(path, error);
        });
      }),

    /** What the file does not have yet of these tags, oldest first, and what wins over what stands before it. */
    tail(ids: readonly string[]): TailPart[] {
      const parts: TailPart[] = [];
      for (const id of ids) {
        const state = byId.get(id);
        if (state === undefined) continue;
        const closed = state.closed.map(({ recipe, data }) => ({ recipe, data: data.slice() }));
        const sorted = state.open.length === 0 ? null : sortRun(state.open);
        const open = sorted === null ? null : sliceRun(sorted, 0, sorted.length);
        if (closed.length > 0 || open !== null) parts.push({ id, closed, open, form: state.form });
      }
      return parts;
    },

    addEvent: (event: NewEvent) => withStoreErrors(path, () => insertEvent(database, event)),
    addGap: (range: TimeRange, reason: string, quality: Quality, tags: readonly string[]): void =>
      withStoreErrors(path, () => insertGap(database, range, reason, quality, tags)),

    tags(): StoredTag[] {
      return [...states.values()].map((state) => ({
        ...state.registration,
        first: state.first,
        last: Number.isFinite(state.lastTime) ? state.lastTime : null,
      }));
    },

    bounds(): TimeRange | null {
      let from = Number.POSITIVE_INFINITY;
      let to = Number.NEGATIVE_INFINITY;
      for (const state of states.values()) {
        if (state.first !== null && state.first < from) from = state.first;
        if (state.lastTime > to) to = state.lastTime;
      }
      return from <= to ? { from, to: to + 1 } : null;
    },

    async lastValues(): Promise<LastValue[]> {
      if (paused === null) await serial(flushNow).catch(() => undefined);
      const values: LastValue[] = [];
      for (const state of states.values()) {
        if (!Number.isFinite(state.lastTime)) continue;
        values.push({
          id: state.id,
          time: state.lastTime,
          value: state.decoder.newest.one(state.lastSlot, 0),
          quality: state.lastQuality,
        });
      }
      return values;
    },

    async status(): Promise<WriterCounts> {
      if (clock.monotonicMs() - bytesAt > 900) await measureBytes();
      return counts();
    },

    prune: (before: number): Promise<{ readonly bytesFreed: number }> =>
      serial(async () => {
        const freed = await pruneBefore(database, table, pyramid, states, before, pause).catch((error: unknown) => {
          throw storeError(path, error);
        });
        samplesStored = Number(database.prepare('SELECT coalesce(sum(count), 0) FROM chunks').pluck().get());
        for (const state of states.values()) {
          samplesStored += state.open.length;
          for (const chunk of state.closed) samplesStored += chunk.count;
        }
        await measureBytes();
        return { bytesFreed: freed };
      }),

    /** The time to prune before so that the file comes below `maxBytes`; null when it is below. */
    surplusBefore: (maxBytes: number): number | null => timeToFree(database, maxBytes),

    /** Folds everything in and leaves one file outside WAL mode. Throws when the disk does not take it; the log stays. */
    async close(): Promise<void> {
      if (closing) return;
      closing = true;
      flushTimer?.[Symbol.dispose]();
      flushTimer = null;
      await serial(async () => {
        let failure: unknown = null;
        try {
          await flushNow();
          await flushNow();
          for (const state of states.values()) sealing.close(state);
          commit(segment.number + 1);
          meta.set('closed', 1);
          await segment.close();
          for (const old of [...kept, segment.number, ...(spare === null ? [] : [spare])])
            await removeSegment(path, old);
          database.pragma('wal_checkpoint(TRUNCATE)');
          const mode = database.pragma('journal_mode = DELETE', { simple: true });
          if (mode !== 'delete') deps.warn(`${path} stays in WAL mode, because another program reads it.`);
        } catch (error) {
          failure = storeError(path, error);
          await segment.close().catch(() => undefined);
        }
        database.close();
        await syncFolder(dirname(path)).catch(() => undefined);
        release();
        if (failure !== null) throw failure;
      });
    },
  };

  /** Every tag is known and every time is a whole number of microseconds that a double holds. */
  function allValid(block: SampleBlock): boolean {
    const { length, tag, time } = block;
    for (let i = 0; i < length; i++) {
      if (byIndex[tag[i]!] === undefined || !(Math.abs(time[i]!) <= Number.MAX_SAFE_INTEGER)) return false;
    }
    return true;
  }

  function withoutInvalid(block: SampleBlock): SampleBlock {
    const keep: number[] = [];
    for (let i = 0; i < block.length; i++) {
      if (byIndex[block.tag[i]!] !== undefined && Math.abs(block.time[i]!) <= Number.MAX_SAFE_INTEGER) keep.push(i);
    }
    const from = new Int32Array(block.value.buffer, block.value.byteOffset, block.length * 2);
    const value = new Float64Array(keep.length);
    const to = new Int32Array(value.buffer);
    keep.forEach((index, at) => {
      to[2 * at] = from[2 * index]!;
      to[2 * at + 1] = from[2 * index + 1]!;
    });
    return {
      length: keep.length,
      tag: Uint32Array.from(keep, (index) => block.tag[index]!),
      time: Float64Array.from(keep, (index) => block.time[index]!),
      value,
      quality: Uint16Array.from(keep, (index) => block.quality[index]!),
      received: block.received === null ? null : Float64Array.from(keep, (index) => block.received![index]!),
    };
  }
}
