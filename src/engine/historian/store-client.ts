import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { Clock, Logger, WorkerUrls } from '#engine/platform/index.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import { QUALITY, type SampleBlock, type Series } from '#shared/model/index.ts';
import {
  type FromWriter,
  receiveError,
  type ToWriter,
  type WriterCalls,
  type WriterCounts,
  type WriterStart,
} from './messages.ts';
import { planAggregate } from './query.ts';
import { TEXT_FUNCTIONS } from './query-aggregate.ts';
import { CACHE_BYTES } from './reader.ts';
import { aggregateBy, checkView, type ReaderHandle, rawBlocks, searchBy, startReader } from './reader-client.ts';
import { createReaders, type Readers } from './readers.ts';
import { startRetention } from './retain.ts';
import { isOurFile, setAside } from './set-aside.ts';
import type { RecoveryReport, SampleStore, StoreOptions, StoreStatus } from './store.ts';
import type { SweptTexts } from './string-sweep.ts';
import { createTailStarts } from './tail-starts.ts';
import { threadEnd } from './thread-end.ts';
import { WRITER_DEFAULTS } from './writer.ts';

export interface StoreDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly workers: WorkerUrls;
}

const READERS = 2;
const DEFAULT_BACKLOG = 2_000_000;
/** Of the writer's heap. Folding thousands of tags would let it grow to 134 MB, to no advantage. */
const YOUNG_MB = 12;

interface Appended {
  readonly id: number;
  readonly samples: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Opens the rolling history, recovering what a crash left in its log. A history whose structure is damaged is set aside
 * under another name and a new one is begun, since an unattended recording must go on; the report says so. Throws
 * `store.locked`, `store.read-only`, `store.disk-full`, `store.too-new`, and `store.damaged` for a file of another kind.
 */
export async function openStore(
  options: StoreOptions,
  deps: StoreDeps,
): Promise<{ readonly store: SampleStore; readonly recovery: RecoveryReport }> {
  let recovered: RecoveryReport | null = null;
  const writer = await startWriter(options, deps).catch(async (error: unknown) => {
    if (!isAppError(error, 'store.damaged') || !isOurFile(options.path)) throw error;
    const stamp = new Date(deps.clock.now() / 1_000).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const aside = setAside(options.path, stamp);
    const begun = await startWriter(options, deps);
    const sentence = `The history was damaged (${error.details.reason}) and was set aside as ${aside}; a new one was begun. Open the old one to see what is left of it.`;
    const { recovery } = begun.start;
    recovered = { ...recovery, clean: false, sentences: [sentence, ...recovery.sentences] };
    return begun;
  });
  const cacheBytes = options.cacheBytes === undefined ? CACHE_BYTES : Math.floor(options.cacheBytes / READERS);
  const readers = createReaders(READERS, cacheBytes, deps.log, newReader);
  return {
    store: createStore(options, deps, writer, readers, newReader),
    recovery: recovered ?? writer.start.recovery,
  };

  function newReader(): Promise<ReaderHandle> {
    const { port1, port2 } = new MessageChannel();
    writer.send({ kind: 'reader', port: port1 }, [port1]);
    return startReader(
      deps.workers['historian-reader'],
      options.path,
      port2,
      (sentence) => deps.log.warn(sentence),
      cacheBytes,
    );
  }
}

function createStore(
  options: StoreOptions,
  deps: StoreDeps,
  writer: Awaited<ReturnType<typeof startWriter>>,
  readers: Readers,
  newReader: () => Promise<ReaderHandle>,
): SampleStore {
  const { clock, log } = deps;
  const maxBacklog = options.maxBacklog ?? DEFAULT_BACKLOG;
  const numbers = new Map<string, number>();
  const texts: (string | undefined)[] = [];
  for (const { number, text } of writer.start.strings) {
    numbers.set(text, number);
    texts[number] = text;
  }
  const tailStarts = createTailStarts(writer.start.tailStarts);
  let counts: WriterCounts = writer.start.counts;
  let waiting: Appended[] = [];
  let backlog = 0;
  let dropped = 0;
  /** Times that were dropped and are not yet in the gap ledger. */
  let lost: { from: number; to: number; reason: string } | null = null;
  let lastAppend = 0;
  /** In the writer's order, as far as they have been asked for. */
  const tagIds: string[] = [];
  /**
   * Appends, registrations and words of the writer so far, and what the last values were when so many had come. What is
   * sent may wait there for the disk longer than an answer, and is told of when it is done.
   */
  let changes = 0;
  let lastTold: { readonly changes: number; readonly values: Awaited<ReturnType<SampleStore['lastValues']>> } | null =
    null;
  let closed: Promise<void> | null = null;
  let dead: Error | null = null;
  const listeners = new Set<(status: StoreStatus) => void>();
  const pins = new Map<symbol, number>();
  const pinned = (): number =>
    [...pins.values()].reduce((least, from) => Math.min(least, from), Number.POSITIVE_INFINITY);

  const status = (): StoreStatus => ({
    storedUntil: counts.storedUntil,
    bytes: counts.bytes,
    backlog,
    dropped: dropped + counts.refused,
    samplesStored: counts.samplesStored,
    paused: dead === null ? counts.paused : `The history's writer has stopped: ${dead.message}`,
    cache: readers.cache,
  });
  const changed = (): void => {
    const now = status();
    for (const listener of listeners) listener(now);
  };

  writer.onDurable((note) => {
    counts = note.counts;
    changes++;
    let done = 0;
    while (done < waiting.length && waiting[done]!.id <= note.upTo) {
      backlog -= waiting[done]!.samples;
      waiting[done]!.resolve();
      done++;
    }
    if (done > 0) waiting = waiting.slice(done);
    if (note.error === null && lost !== null && backlog < maxBacklog / 2) {
      const { from, to, reason } = lost;
      lost = null;
      writer
        .call('addGap', { range: { from, to: to + 1 }, reason, quality: QUALITY.badOverflow, tags: [] })
        .catch((error: unknown) => log.warn('A gap could not be noted.', { reason, error: String(error) }));
    }
    changed();
  });
  writer.onWarning((text) => log.warn(text));
  writer.onLargeWal(() => {
    readers
      .least()
      .then((reader) => reader.call('moveWal', null, null))
      .catch((error: unknown) => {
        if (closed !== null) return;
        log.warn('The history could not take over what was written beside it.', { error: String(error) });
      });
  });
  writer.onTexts(({ forget, removed }) => {
    for (const number of forget) {
      const text = texts[number];
      if (text !== undefined && numbers.get(text) === number) numbers.delete(text);
    }
    for (const number of removed) texts[number] = undefined;
  });
  writer.onDead((error) => {
    dead = error;
    for (const one of waiting) one.reject(error);
    waiting = [];
    backlog = 0;
    changed();
    if (closed !== null) return;
    log.error('The writer of the history has stopped.', { error: error.message });
    // An engine that reads and shows, but keeps nothing, is worse than one that ends: the host starts it again, and the
    // log is replayed. Not from here, since this runs inside a listener of the worker.
    queueMicrotask(() => {
      throw error;
    });
  });

  const drop = (block: SampleBlock): unknown => {
    dropped += block.length;
    const reason =
      counts.paused ?? 'The disk was slower than the samples came; what did not fit into the queue was dropped.';
    for (let i = 0; i < block.length; i++) {
      const time = block.time[i]!;
      if (lost === null) lost = { from: time, to: time, reason };
      else if (time < lost.from) lost.from = time;
      else if (time > lost.to) lost.to = time;
    }
    changed();
    if (counts.paused !== null) {
      return new AppError('store.disk-full', counts.paused, { details: { path: options.path }, retryable: true });
    }
    return new AppError('rpc.limit', reason, {
      details: { what: 'samples waiting for the disk', limit: maxBacklog },
      retryable: true,
    });
  };

  /** Texts that are younger than the last fold are not in the file yet. */
  const withTexts = (all: readonly Series[]): readonly Series[] =>
    all.map((series) => {
      if (series.texts === null) return series;
      return { ...series, texts: named(series.texts, [series.value]) };
    });
  const named = (known: Readonly<Record<number, string>>, columns: readonly Float64Array[]): Record<number, string> => {
    const all: Record<number, string> = { ...known };
    for (const column of columns) {
      for (const value of new Set(column)) {
        const text = texts[value];
        if (all[value] === undefined && text !== undefined) all[value] = text;
      }
    }
    return all;
  };

  const store: SampleStore = {
    register(tags) {
      changes++;
      writer.send({ kind: 'register', tags });
    },
    intern(text) {
      const known = numbers.get(text);
      if (known !== undefined) return known;
      // Zero stays free, so that an untouched slot is never taken for a text.
      const number = Math.max(1, texts.length);
      numbers.set(text, number);
      texts[number] = text;
      writer.send({ kind: 'intern', number, text });
      return number;
    },
    textOf: (index) => texts[index],
    append(block) {
      if (dead !== null) return Promise.reject(dead);
      if (closed !== null)
        return Promise.reject(new AppError('rpc.disconnected', 'The history is closed.', { details: null }));
      if (block.length === 0) return Promise.resolve();
      if (backlog + block.length > maxBacklog) return Promise.reject(drop(block));
      const id = ++lastAppend;
      changes++;
      backlog += block.length;
      const stored = new Promise<void>((resolve, reject) => {
        waiting.push({ id, samples: block.length, resolve, reject });
      });
      const buffers = new Set<ArrayBuffer>([
        block.tag.buffer,
        block.time.buffer,
        block.value.buffer,
        block.quality.buffer,
      ]);
      if (block.received !== null) buffers.add(block.received.buffer);
      tailStarts.posted();
      writer.send({ kind: 'append', id, block }, [...buffers]);
      return stored;
    },
    addEvent: (event) => writer.call('addEvent', event),
    async addGap(range, reason, quality, tags) {
      await writer.call('addGap', { range, reason, quality, tags });
    },
    status,
    watchStatus(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    async lastValues() {
      // While nothing comes, what the writer said last is true.
      if (lastTold?.changes === changes && closed === null && dead === null) return lastTold.values;
      const before = changes;
      const { ids, time, value, quality } = await writer.call('lastValues', { known: tagIds.length });
      // Another call may have been answered meanwhile.
      for (const id of ids.slice(tagIds.length - (time.length - ids.length))) tagIds.push(id);
      const values = tagIds.flatMap((id, i) =>
        Number.isFinite(time[i]) ? { id, time: time[i]!, value: value[i]!, quality: quality[i]! } : [],
      );
      lastTold = { changes: before, values };
      return values;
    },
    pin(_name, from) {
      const key = Symbol();
      pins.set(key, from);
      return { [Symbol.dispose]: () => void pins.delete(key) };
    },
    prune(before) {
      return writer.call('prune', { before: Math.min(before, pinned()) });
    },
    async copyRange(path, name, range, tags, onProgress, signal) {
      await writer.call('seal', { range, tags });
      signal.throwIfAborted();
      // A reader of its own, so that the screen's views do not wait behind it.
      const copier = await newReader();
      try {
        const copied = await copier.call('copy', { to: path, name, range, tags }, signal, onProgress, true);
        onProgress(1);
        return copied;
      } finally {
        await copier.close();
      }
    },
    async measure(range, tags) {
      const unsealed = await writer.call('count', { range, tags });
      return (await readers.least()).call('measure', { range, tags, unsealed }, null);
    },
    close() {
      closed ??= (async () => {
        retention[Symbol.dispose]();
        await readers.close();
        try {
          await writer.close();
        } finally {
          const error = new AppError(
            'store.disk-full',
            counts.paused ?? 'The history was closed before it was stored.',
            {
              details: { path: options.path },
            },
          );
          for (const one of waiting) one.reject(error);
          waiting = [];
        }
      })();
      return closed;
    },

    tags: async () => writer.call('tags', null),
    bounds: async () => writer.call('bounds', null),
    async view(tags, range, pixels, signal) {
      const input = checkView(tags, range, pixels);
      return withTexts(await readers.share(input, (one, part) => one.call('view', part, signal)));
    },
    async *raw(tags, range, signal) {
      for await (const block of rawBlocks(await readers.least(), tags, range, signal)) yield withTexts(block);
    },
    async aggregate(query, signal) {
      const { start, step, length } = planAggregate(query);
      const found = await readers.share(query, (one, part) => aggregateBy(one, part, signal));
      const series = found.map((one) => {
        const values = one.columns.filter((_, i) => TEXT_FUNCTIONS.has(one.functions[i]!));
        return one.texts === null ? one : { ...one, texts: named(one.texts, values) };
      });
      return { start, step, length, series };
    },
    async *search(query, signal) {
      yield* searchBy(await readers.least(), query, signal);
    },
    neighbours: async (tag, time, signal) => (await readers.least()).call('neighbours', { tag, time }, signal),
    gaps: async (range, signal) => (await readers.least()).call('gaps', { range }, signal),
    events: async (range, kinds, signal) => (await readers.least()).call('events', { range, kinds }, signal),
  };
  const { archive } = options;
  const retention = startRetention(options, {
    clock,
    bounds: () => writer.call('bounds', null),
    pinned,
    freeBytes: () => freeBytesAt(options.path),
    surplusBefore: (maxBytes, spare) => writer.call('surplusBefore', { maxBytes, spare }),
    prune: (before) => writer.call('prune', { before }),
    giveBack: () => writer.call('giveBack', null),
    archive: archive === undefined ? null : (range, signal) => archive(store, range, signal),
    onTrouble(sentence) {
      if (sentence !== null) log.warn(sentence);
      options.onRetentionTrouble?.(sentence);
    },
  });
  return store;
}

async function freeBytesAt(path: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(dirname(path));
    return bavail * bsize;
  } catch {
    // Some network file systems do not tell.
    return null;
  }
}

/** Starts the writer's thread and resolves when recovery is done. */
function startWriter(options: StoreOptions, deps: StoreDeps) {
  const worker = new Worker(deps.workers['historian-writer'], {
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  const calls = new Map<number, { resolve: (value: never) => void; reject: (error: unknown) => void }>();
  let lastCall = 0;
  let dead: Error | null = null;
  let onDurable: (note: Extract<FromWriter, { kind: 'durable' }>['note']) => void = () => undefined;
  let onLargeWal: () => void = () => undefined;
  let onTexts: (swept: SweptTexts) => void = () => undefined;
  let onWarning: (text: string) => void = (text) => deps.log.warn(text);
  let onDead: (error: Error) => void = () => undefined;

  const send = (message: ToWriter, transfer: readonly (ArrayBuffer | MessageChannel['port1'])[] = []): void => {
    if (dead === null) worker.postMessage(message, [...transfer]);
  };
  const die = (error: Error): void => {
    if (dead !== null) return;
    dead = error;
    for (const { reject } of calls.values()) reject(error);
    calls.clear();
    onDead(error);
  };
  const call = <K extends keyof WriterCalls>(
    name: K,
    input: WriterCalls[K]['input'],
  ): Promise<WriterCalls[K]['output']> =>
    new Promise((resolve, reject) => {
      if (dead !== null) return reject(dead);
      const id = ++lastCall;
      calls.set(id, { resolve, reject });
      send({ kind: 'call', id, name, input });
    });
  const handle = (start: WriterStart) => ({
    start,
    send,
    call,
    onDurable(listener: typeof onDurable) {
      onDurable = listener;
    },
    onLargeWal(listener: typeof onLargeWal) {
      onLargeWal = listener;
    },
    onTexts(listener: typeof onTexts) {
      onTexts = listener;
    },
    onWarning(listener: typeof onWarning) {
      onWarning = listener;
    },
    onDead(listener: typeof onDead) {
      onDead = listener;
      if (dead !== null) listener(dead);
    },
    async close(): Promise<void> {
      try {
        await call('close', null);
      } finally {
        dead ??= new AppError('rpc.disconnected', 'The history is closed.', { details: null });
        await threadEnd(worker);
      }
    },
  });

  return new Promise<ReturnType<typeof handle>>((resolve, reject) => {
    worker.on('error', (error) => {
      const known = error instanceof Error ? error : new Error(String(error));
      reject(known);
      die(known);
    });
    worker.on('exit', () => {
      const error = new AppError('rpc.disconnected', 'The history is closed.', { details: null });
      reject(error);
      die(error);
    });
    worker.on('message', (message: FromWriter) => {
      switch (message.kind) {
        case 'opened':
          resolve(handle(message.start));
          return;
        case 'failed':
          reject(receiveError(message.error));
          return;
        case 'durable':
          onDurable(message.note);
          return;
        case 'large-wal':
          onLargeWal();
          return;
        case 'texts':
          onTexts(message.swept);
          return;
        case 'warning':
          onWarning(message.text);
          return;
        case 'result':
          calls.get(message.id)?.resolve(message.value as never);
          calls.delete(message.id);
          return;
        case 'error':
          calls.get(message.id)?.reject(receiveError(message.error));
          calls.delete(message.id);
          return;
      }
    });
    send({
      kind: 'open',
      options: {
        ...WRITER_DEFAULTS,
        path: options.path,
        flushMs: options.flushMs ?? WRITER_DEFAULTS.flushMs,
      },
    });
  });
}
