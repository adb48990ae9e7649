import { existsSync, statSync } from 'node:fs';
import { type Clock, type Database, storeError, withStoreErrors } from '#engine/platform/index.ts';
import type { SampleBlock } from '#shared/model/index.ts';
import { carriedWeight, formsOf, mostCarried, notClosed } from './carry.ts';
import { createSegment, logBytes, removeSegment, type Segment } from './log.ts';
import { createRecordBuffer, RECORD, type RecordBuffer } from './log-record.ts';
import type { StringRow } from './messages.ts';
import { trimPages } from './open-samples.ts';
import type { Registry } from './registry.ts';
import { restoreLog } from './restore.ts';
import { usedBytes } from './retention.ts';
import type { Meta } from './schema.ts';
import type { Sealing } from './sealing.ts';
import type { RecoveryReport } from './store.ts';
import type { ClosedChunk, TagState } from './tag-state.ts';

/** Bytes of waiting records that are worth a commit before the flush interval ends. */
const EARLY_FLUSH_BYTES = 4 << 20;
const EARLY_FLUSH_SAMPLES = 200_000;
const RETRY_MS = 500;
/** After folding failed, which a full disk makes it do, it is not tried again at every flush. */
const FOLD_AGAIN_MS = 5_000;
/** Closed samples that are worth folding, where what is open is much less. */
const FOLD_SAMPLES = 300_000;
/** It is not done more often than this unless so many wait. */
const FOLD_PAUSE_MS = 1_000;
const MOST_FOLD_SAMPLES = 4_000_000;
/** Size of the WAL at which it is moved into the file: 8 MB. */
const CHECKPOINT_BYTES = 8 << 20;
const DUE_MS = 25;
const MEASURE_MS = 2_000;
/** Longest that folding keeps the thread from records that wait, but for one sync of what it wrote. */
const SLICE_MS = 4;

export interface JournalOptions {
  readonly path: string;
  readonly flushMs: number;
  readonly segmentBytes: number;
  readonly foldMs: number;
  readonly chunkSamples: number;
  /** The file's own id, 16 bytes; segments with another are not this file's. */
  readonly owner: Uint8Array;
}

export interface JournalDeps {
  readonly clock: Clock;
  readonly database: Database;
  readonly meta: Meta;
  readonly registry: Registry;
  readonly sealing: Sealing;
  /** After every commit and every failure; `error` null after a commit. */
  readonly onNote: (error: unknown) => void;
  readonly warn: (text: string) => void;
  /** Told when the WAL should be moved into the file, which is another thread's work: it takes many milliseconds. */
  readonly onLargeWal: () => void;
}

/**
 * The road of samples to the disk: records in the log first, synced and then acknowledged; from time to time the log
 * is folded into the file, as chunks, and its oldest segment is freed.
 */
export interface Journal {
  /** Reads what a killed program left in the log, adds its strings to `strings`, and starts a new segment. */
  recover(strings: StringRow[]): Promise<RecoveryReport>;
  /** Puts samples into the log; `tagNumber` gives the number on file of a block's tag. */
  samples(block: SampleBlock, tagNumber: (index: number) => number): void;
  chunk(tagNumber: number, chunk: ClosedChunk): void;
  /** All samples of append `id`, with times in [from, to], have been put into the log. */
  appended(id: number, samples: number, from: number, to: number): void;
  forms(pairs: Uint32Array): void;
  string(row: StringRow): void;
  /** Returns when all records made so far are on the disk. */
  flush(): Promise<void>;
  /** Flushes, and writes what these tags hold beside the file into it, a slice at a time. The log stays as it is. */
  seal(states: readonly TagState[]): Promise<void>;
  /** Folds everything in, removes the log. The caller closes the file, also after an error. */
  close(): Promise<void>;
  readonly durable: { readonly upTo: number; readonly storedUntil: number | null };
  readonly paused: string | null;
  readonly bytes: number;
  measureBytes(): Promise<void>;
}

export function createJournal(options: JournalOptions, deps: JournalDeps): Journal {
  const { path, owner } = options;
  const { clock, database, meta, registry, sealing } = deps;
  const stringInsert = database.prepare('INSERT OR IGNORE INTO strings VALUES (?, ?)');
  const highestChunk = database.prepare<[], number>('SELECT coalesce(max(id), 0) FROM chunks').pluck();
  /** Strings in the log that are not yet rows of the file. */
  let newStrings: StringRow[] = [];

  let filling: RecordBuffer = createRecordBuffer();
  let writing: RecordBuffer = createRecordBuffer();
  let fillingLast = 0;
  let fillingSamples = 0;
  let writingLast = 0;
  let durableLast = 0;
  let fillingMinTime = Number.POSITIVE_INFINITY;
  let fillingMaxTime = Number.NEGATIVE_INFINITY;
  let writingMaxTime = Number.NEGATIVE_INFINITY;
  let durableMaxTime = Number.NEGATIVE_INFINITY;
  let storedUntil: number | null = null;
  let paused: string | null = null;
  let foldedAt = clock.monotonicMs();
  let dueAt = Number.NEGATIVE_INFINITY;
  let foldFailedAt = Number.NEGATIVE_INFINITY;
  let timer: Disposable | null = null;
  let closing = false;
  let bytes = 0;
  let bytesAt = Number.NEGATIVE_INFINITY;
  let segment: Segment;
  /** Segments before the present one that are still needed, because folding them in has failed so far. */
  let kept: number[] = [];
  /** A freed segment that becomes the next one: its space needs no new allocation. */
  let spare: number | null = null;
  let folding: Promise<unknown> = Promise.resolve();
  let foldWaits = false;

  let queue: Promise<unknown> = Promise.resolve();
  /** Runs file work one at a time, in the order asked. */
  const serial = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work);
    queue = result.catch(() => undefined);
    return result;
  };

  async function recover(strings: StringRow[]): Promise<RecoveryReport> {
    const { segments, next, lastSample, ...restored } = await restoreLog(
      path,
      owner,
      options.chunkSamples,
      deps,
      strings,
    );
    newStrings = [...restored.strings];
    durableMaxTime = lastSample ?? Number.NEGATIVE_INFINITY;
    // What was read stays in the log until the next fold, so that a history with many tags is open at once.
    kept = [...segments];
    segment = await createSegment(path, next, owner, null, clock.monotonicMs);
    const forms = createRecordBuffer(1 << 16);
    forms.addForms(formsOf(registry.states.values()));
    await segment.write(forms);
    await commitStates([]);
    if (kept.length > 0) foldInBackground();
    // A device's clock that runs ahead must not promise what is still to come.
    storedUntil = lastSample === null ? null : Math.min(lastSample + 1, clock.now());
    return restored.report;
  }

  /** Removes the segments that the file no longer needs, but for one that is used again. */
  async function freeKept(): Promise<void> {
    const [reused, ...others] = kept;
    kept = [];
    spare = reused ?? null;
    for (const old of others) await removeSegment(path, old);
    foldedAt = clock.monotonicMs();
  }

  /**
   * Writes closed chunks and their rollups, and at the end that the log starts at `logFrom`. In transactions of some
   * milliseconds each, between which records are written and acknowledged: what a crash leaves half done is in the log
   * as well, and a sample that is read from both is the same sample.
   */
  async function commitClosed(logFrom: number): Promise<void> {
    await commitStates([...registry.states.values()]);
    withStoreErrors(path, () =>
      database.transaction(() => {
        meta.set('log_from', logFrom);
        if (storedUntil !== null) meta.set('stored_until', storedUntil);
        meta.set('highest_chunk', highestChunk.get() ?? 0);
      })(),
    );
    if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) >= CHECKPOINT_BYTES) deps.onLargeWal();
  }

  /**
   * A transaction that is not waited for until it is on the disk: what it writes is in the log as well, and a later one
   * that is waited for takes it along, since SQLite syncs its WAL as a whole and keeps the order of transactions.
   */
  function inLog(transaction: () => void): void {
    withStoreErrors(path, () => {
      database.pragma('synchronous = NORMAL');
      try {
        transaction();
      } finally {
        database.pragma('synchronous = FULL');
      }
    });
  }

  /** Texts first, so that no chunk in the file has a text that is not there. `before` is called in the transaction. */
  async function commitStates(states: readonly TagState[], before?: (state: TagState) => void): Promise<void> {
    const strings = newStrings.length;
    if (strings > 0) {
      withStoreErrors(path, () =>
        database.transaction(() => {
          for (const row of newStrings) stringInsert.run(row.number, row.text);
        })(),
      );
      newStrings = newStrings.slice(strings);
    }
    let at = 0;
    while (at < states.length) {
      const done: { readonly state: TagState; readonly written: number }[] = [];
      const until = clock.monotonicMs() + SLICE_MS;
      const enough = (): boolean => clock.monotonicMs() >= until;
      let next = at;
      inLog(() =>
        database.transaction(() =>
          sealing.together(() => {
            while (next < states.length && !enough()) {
              const state = states[next]!;
              before?.(state);
              const waiting = state.closed.length;
              const written = waiting > 0 || state.replaced.size > 0 ? sealing.write(state, enough) : 0;
              if (waiting > 0 || state.replaced.size > 0) done.push({ state, written });
              if (written < waiting) break;
              next++;
            }
          }),
        )(),
      );
      at = next;
      for (const { state, written } of done) sealing.settled(state, written);
      if (at < states.length) await clock.sleep(0);
    }
  }

  /** Work on the file runs one at a time. */
  function onFile(work: () => Promise<void>): Promise<void> {
    const done = folding.then(work);
    folding = done.catch(() => undefined);
    return done;
  }

  /** Closes what is worth it, starts a new segment, commits, and frees the old one. */
  async function foldNow(): Promise<void> {
    if (closing) return;
    const states = [...registry.states.values()];
    let carried = states.reduce((sum, state) => sum + carriedWeight(state), 0);
    const budget = mostCarried(options.segmentBytes);
    if (carried > budget) {
      states.sort((a, b) => carriedWeight(b) - carriedWeight(a));
      let until = clock.monotonicMs() + SLICE_MS;
      for (const state of states) {
        if (carried <= budget / 2) break;
        carried -= carriedWeight(state);
        sealing.close(state);
        if (clock.monotonicMs() < until) continue;
        await clock.sleep(0);
        until = clock.monotonicMs() + SLICE_MS;
      }
    }
    await serial(beginSegment);
    // Among the records that come meanwhile: what is carried holds all of its tag that came before it.
    let sliceEnd = clock.monotonicMs() + SLICE_MS;
    for (const { number, chunks } of notClosed(registry.states.values())) {
      for (const data of chunks) filling.addChunk(RECORD.carriedChunk, number, data);
      if (clock.monotonicMs() < sliceEnd) continue;
      await flushAll();
      sliceEnd = clock.monotonicMs() + SLICE_MS;
    }
    await flushAll();
    await commitClosed(segment.number);
    await freeKept();
    trimPages();
  }

  /** Records go to the next segment from here on. */
  async function beginSegment(): Promise<void> {
    const before = segment;
    const reuse = spare;
    spare = null;
    const next = await createSegment(path, before.number + 1, owner, reuse, clock.monotonicMs);
    try {
      // Its first record says in which forms the samples behind it are: none of an older form may wait any more.
      while (writing.length > 0 || filling.length > 0) await flushNow(true);
    } catch (error) {
      await next.close();
      spare = next.number;
      throw error;
    }
    segment = next;
    kept.push(before.number);
    filling.addForms(formsOf(registry.states.values()));
    await before.close();
    await flushNow();
  }

  function due(): boolean {
    const now = clock.monotonicMs();
    if (now - foldFailedAt < FOLD_AGAIN_MS) return false;
    if (segment.end >= options.segmentBytes || (kept.length > 0 && !foldWaits)) return true;
    // Looking at every tag is not for every commit.
    if (now < dueAt) return false;
    dueAt = now + DUE_MS;
    let open = 0;
    let closed = 0;
    for (const state of registry.states.values()) {
      open += state.open.length;
      for (const chunk of state.closed) closed += chunk.count;
    }
    if (now - foldedAt >= options.foldMs) return closed > 0;
    // Every view reads what is closed and not yet in the file; folding costs what is open, since that is carried over.
    const pause = now - foldedAt < FOLD_PAUSE_MS;
    return closed >= Math.max(pause ? MOST_FOLD_SAMPLES : FOLD_SAMPLES, 2 * open);
  }

  // The first takes what was being written when asked, the second what had been appended until then.
  const flushAll = (): Promise<void> => serial(flushNow).then(() => serial(flushNow));

  /** Writes what waits; an error keeps it all for the next try. `atOnce`: in this turn, however long the disk takes. */
  async function flushNow(atOnce = false): Promise<void> {
    if (writing.length === 0) {
      [filling, writing] = [writing, filling];
      writingLast = fillingLast;
      fillingSamples = 0;
      writingMaxTime = fillingMaxTime;
      fillingMinTime = Number.POSITIVE_INFINITY;
      fillingMaxTime = Number.NEGATIVE_INFINITY;
    }
    if (writing.length === 0) {
      // Samples of unknown tags alone leave nothing to write; whoever waits for them is answered all the same.
      if (writingLast > durableLast) {
        durableLast = writingLast;
        deps.onNote(null);
      }
      return;
    }
    try {
      await segment.write(writing, atOnce);
    } catch (error) {
      const known = storeError(path, error);
      paused = known instanceof Error ? known.message : String(known);
      deps.onNote(known);
      throw known;
    }
    writing.reset();
    durableLast = writingLast;
    durableMaxTime = Math.max(durableMaxTime, writingMaxTime);
    paused = null;
    // A device's clock that runs ahead must not promise what is still to come.
    const reached = Math.min(fillingMinTime, durableMaxTime + 1, Math.max(clock.now(), storedUntil ?? 0));
    if (Number.isFinite(reached)) storedUntil = Math.max(storedUntil ?? Number.NEGATIVE_INFINITY, reached);
    if (clock.monotonicMs() - bytesAt > MEASURE_MS) await measureBytes();
    deps.onNote(null);
    if (!closing && !foldWaits && due()) foldInBackground();
  }

  function foldInBackground(): void {
    foldWaits = true;
    onFile(foldNow)
      .catch((error: unknown) => {
        foldFailedAt = clock.monotonicMs();
        const known = storeError(path, error);
        deps.warn(`The log could not be folded into the history; it is kept and tried again. ${String(known)}`);
      })
      .finally(() => {
        foldWaits = false;
      });
  }

  function schedule(ms: number): void {
    if (timer !== null || closing) return;
    if (ms > 0) timer = clock.after(ms, flushInTurn);
    else {
      // After the messages that have come already: what waits together is written together.
      const turn = setImmediate(flushInTurn);
      timer = { [Symbol.dispose]: () => clearImmediate(turn) };
    }
  }

  function flushInTurn(): void {
    timer = null;
    serial(flushNow).then(
      () => {
        if (filling.length > 0) schedule(options.flushMs / 2);
      },
      () => schedule(RETRY_MS),
    );
  }

  async function measureBytes(): Promise<void> {
    const wal = `${path}-wal`;
    bytes = usedBytes(database) + (existsSync(wal) ? statSync(wal).size : 0) + (await logBytes(path));
    bytesAt = clock.monotonicMs();
  }

  return {
    recover,

    samples: (block, tagNumber) => filling.addSamples(block, tagNumber),
    chunk: (tagNumber, { data }) => filling.addChunk(RECORD.chunk, tagNumber, data),
    appended(id, samples, from, to) {
      if (from < fillingMinTime) fillingMinTime = from;
      if (to > fillingMaxTime) fillingMaxTime = to;
      fillingSamples += samples;
      fillingLast = id;
      if ((filling.length >= EARLY_FLUSH_BYTES || fillingSamples >= EARLY_FLUSH_SAMPLES) && paused === null) {
        timer?.[Symbol.dispose]();
        timer = null;
        schedule(0);
      } else schedule(options.flushMs / 2);
    },
    forms(pairs) {
      if (pairs.length > 0) filling.addForms(pairs);
    },
    string(row) {
      newStrings.push(row);
      filling.addString(row.number, row.text);
    },

    flush: flushAll,

    async seal(states) {
      await flushAll();
      await onFile(async () => {
        if (!closing) await commitStates(states, sealing.close);
      });
    },

    async close() {
      closing = true;
      timer?.[Symbol.dispose]();
      timer = null;
      await folding;
      await serial(async () => {
        try {
          await flushNow();
          await flushNow();
          for (const state of registry.states.values()) sealing.close(state);
          await commitClosed(segment.number + 1);
          meta.set('closed', 1);
          for (const old of [...kept, segment.number, ...(spare === null ? [] : [spare])]) {
            await removeSegment(path, old);
          }
        } catch (error) {
          throw storeError(path, error);
        } finally {
          await segment.close();
        }
      });
    },

    get durable() {
      return { upTo: durableLast, storedUntil };
    },
    get paused() {
      return paused;
    },
    get bytes() {
      return bytes;
    },
    async measureBytes() {
      if (clock.monotonicMs() - bytesAt > MEASURE_MS / 2) await measureBytes();
    },
  };
}
