import { type MessagePort, Worker } from 'node:worker_threads';
import { AppError } from '#shared/errors.ts';
import type { AggregateQuery, RecordingFile, SearchQuery, Series, TimeRange } from '#shared/model/index.ts';
import type { CacheCounts } from './decoded-cache.ts';
import { type FromReader, type ReaderCalls, receiveError, type ToReader } from './messages.ts';
import { checkSearch } from './query.ts';
import type { QueryStep } from './query-job.ts';
import { CACHE_BYTES, MOST_PIXELS, MOST_VIEW_TAGS } from './reader.ts';
import type { AggregatedTag, SearchPart } from './store.ts';
import { threadEnd } from './thread-end.ts';

export interface ReaderHandle {
  readonly info: RecordingFile | null;
  /** Calls that wait or run. */
  readonly load: number;
  /** What it remembers, as of its last call. */
  readonly cache: CacheCounts;
  /** Its thread has ended; every call is refused. */
  readonly dead: boolean;
  /**
   * One call at a time, in order. Rejects with the signal's reason as soon as it aborts, and the reader stops soon
   * after; with `settle` only when the reader has stopped and cleaned up.
   */
  call<K extends keyof ReaderCalls>(
    name: K,
    input: ReaderCalls[K]['input'],
    signal: AbortSignal | null,
    onProgress?: (fraction: number) => void,
    settle?: boolean,
  ): Promise<ReaderCalls[K]['output']>;
  close(): Promise<void>;
}

/** Of a reader's heap: what it works with are columns outside it. */
const YOUNG_MB = 8;

interface Waiting {
  readonly id: number;
  readonly message: ToReader;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: ((fraction: number) => void) | undefined;
  readonly stopListening: () => void;
}

/**
 * Starts a reader's thread on a file; `writer` is its way to the samples that are not in the file yet. Without one the
 * file is a recording, which is checked unless another reader has done so.
 */
export function startReader(
  url: URL,
  path: string,
  writer: MessagePort | null,
  onDamage: (sentence: string) => void,
  cacheBytes = CACHE_BYTES,
  checked = false,
): Promise<ReaderHandle> {
  const cancel = new Int32Array(new SharedArrayBuffer(4));
  const cache = new Float64Array(new SharedArrayBuffer(32));
  const worker = new Worker(url, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } });
  const queue: Waiting[] = [];
  let active: Waiting | null = null;
  let lastId = 0;
  let dead: Error | null = null;

  const next = (): void => {
    if (active !== null || queue.length === 0) return;
    active = queue.shift() ?? null;
    if (active !== null) worker.postMessage(active.message);
  };
  const finish = (id: number): Waiting | null => {
    if (active?.id !== id) return null;
    const done = active;
    active = null;
    done.stopListening();
    next();
    return done;
  };
  const fail = (error: Error): void => {
    dead = error;
    for (const one of active === null ? queue : [active, ...queue]) {
      one.stopListening();
      one.reject(error);
    }
    active = null;
    queue.length = 0;
  };

  return new Promise((resolveStart, rejectStart) => {
    worker.on('error', (error) => {
      fail(error instanceof Error ? error : new Error(String(error)));
      rejectStart(error);
    });
    worker.on('exit', () => fail(new AppError('rpc.disconnected', 'The recording was closed.', { details: null })));
    worker.on('message', (message: FromReader) => {
      switch (message.kind) {
        case 'opened':
          resolveStart(handle(message.info));
          return;
        case 'failed':
          rejectStart(receiveError(message.error));
          return;
        case 'progress':
          if (active?.id === message.id) active.onProgress?.(message.fraction);
          return;
        case 'damage':
          onDamage(message.sentence);
          return;
        case 'result':
          finish(message.id)?.resolve(message.value as never);
          return;
        case 'error':
          finish(message.id)?.reject(receiveError(message.error));
          return;
      }
    });
    const open: ToReader = { kind: 'open', path, writer, cancel, cacheBytes, cache, checked };
    worker.postMessage(open, writer === null ? [] : [writer]);
  });

  function handle(info: RecordingFile | null): ReaderHandle {
    return {
      info,
      get load() {
        return queue.length + (active === null ? 0 : 1);
      },
      get cache() {
        const [bytes = 0, limit = 0, hits = 0, misses = 0] = cache;
        return { bytes, limit, hits, misses };
      },
      get dead() {
        return dead !== null;
      },
      call(name, input, signal, onProgress, settle = false) {
        return new Promise((resolve, reject) => {
          if (dead !== null) return reject(dead);
          if (signal?.aborted === true) return reject(signal.reason);
          const id = ++lastId;
          const onAbort = (): void => {
            const at = queue.findIndex((one) => one.id === id);
            if (at >= 0) queue.splice(at, 1);
            else Atomics.store(cancel, 0, id);
            if (at >= 0 || !settle) reject(signal?.reason);
          };
          signal?.addEventListener('abort', onAbort, { once: true });
          const stopListening = (): void => signal?.removeEventListener('abort', onAbort);
          const rejectWith = (error: unknown): void => reject(signal?.aborted === true ? signal.reason : error);
          const message: ToReader = { kind: 'call', id, name, input };
          queue.push({ id, message, resolve, reject: rejectWith, onProgress, stopListening });
          next();
        });
      },
      async close() {
        if (dead !== null) return;
        await this.call('close', null, null).catch(() => undefined);
        dead = new AppError('rpc.disconnected', 'The recording was closed.', { details: null });
        await threadEnd(worker);
      },
    };
  }
}

/** Refuses views that no screen can ask for; a range that ends before it starts is empty. */
export function checkView(tags: readonly string[], range: TimeRange, pixels: number): ReaderCalls['view']['input'] {
  if (tags.length > MOST_VIEW_TAGS) {
    throw new AppError('rpc.limit', `A view takes at most ${MOST_VIEW_TAGS} tags.`, {
      details: { what: 'tags of one view', limit: MOST_VIEW_TAGS },
    });
  }
  if (!(pixels >= 1 && pixels <= MOST_PIXELS)) {
    throw new AppError('rpc.limit', `A view takes 1 to ${MOST_PIXELS} pixels.`, {
      details: { what: 'pixels of one view', limit: MOST_PIXELS },
    });
  }
  return { tags, range: { from: range.from, to: Math.max(range.from, range.to) }, pixels: Math.floor(pixels) };
}

/** All of an aggregate's columns, once the reader has worked them out. */
export async function aggregateBy(
  reader: ReaderHandle,
  query: AggregateQuery,
  signal: AbortSignal,
): Promise<AggregatedTag[]> {
  const series: AggregatedTag[] = [];
  for await (const part of partsOf(reader, reader.call('aggregate', query, signal), signal)) series.push(...part);
  return series;
}

/** Parts of a search as they are found, also empty ones that say how far it is. */
export async function* searchBy(
  reader: ReaderHandle,
  query: SearchQuery,
  signal: AbortSignal,
): AsyncGenerator<SearchPart> {
  checkSearch(query);
  yield* partsOf(reader, reader.call('search', query, signal), signal);
}

async function* partsOf<T>(reader: ReaderHandle, begun: Promise<QueryStep<T>>, signal: AbortSignal): AsyncGenerator<T> {
  let step = await begun;
  try {
    for (;;) {
      yield step.part;
      if (step.done) return;
      step = (await reader.call('queryNext', { job: step.job }, signal)) as QueryStep<T>;
    }
  } finally {
    if (!step.done) await reader.call('queryEnd', { job: step.job }, null).catch(() => undefined);
  }
}

/** Pulls a raw stream block by block; ends the reader's side when the consumer stops. */
export async function* rawBlocks(
  reader: ReaderHandle,
  tags: readonly string[],
  range: TimeRange,
  signal: AbortSignal,
): AsyncGenerator<readonly Series[]> {
  const stream = await reader.call('rawStart', { tags, range }, signal);
  try {
    for (;;) {
      const block = await reader.call('rawNext', { stream }, signal);
      if (block === null) return;
      yield block;
    }
  } finally {
    await reader.call('rawEnd', { stream }, null).catch(() => undefined);
  }
}
