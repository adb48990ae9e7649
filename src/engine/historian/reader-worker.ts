import { type MessagePort, parentPort } from 'node:worker_threads';
import { openDatabase, storeError, systemClock } from '#engine/platform/index.ts';
import { chunkTableOf } from './chunk-table.ts';
import { copyRecording } from './copy.ts';
import { doFileWork } from './file-work.ts';
import { isoTime } from './iso-time.ts';
import {
  type FromReader,
  postError,
  type ReaderCalls,
  type TailAnswer,
  type TailPart,
  type TailStartsNote,
  type ToReader,
} from './messages.ts';
import { planAggregate } from './query.ts';
import { PIECE_MS, type QueryJob, type QueryStep } from './query-job.ts';
import { createReader, type RawStream, type Reader } from './reader.ts';
import { type FileOpened, type Finding, openRecordingFile } from './recording-file.ts';
import { createTailStarts, type TailStarts } from './tail-starts.ts';
import { viewReach } from './view.ts';
import { warmUp } from './warm-up.ts';

/** Entry of a reader's thread: one file, one call at a time. */
const port = parentPort;
if (port === null) throw new Error('This file is the entry of a worker thread.');
const clock = systemClock();
const send = (message: FromReader, transfer: readonly ArrayBuffer[] = []): void => port.postMessage(message, transfer);

/** Checks run for this long and then leave as much time to calls. */
const CHECK_MS = 10;
const PROGRESS_MS = 100;

interface Opened {
  readonly reader: Reader;
  readonly database: ReturnType<typeof openDatabase>;
  readonly path: string;
}
let opened: Opened | null = null;
let writer: MessagePort | null = null;
let cancel = new Int32Array(1);
let cacheCounts: Float64Array = new Float64Array(4);
let starts: TailStarts | null = null;
let asks = 0;
const tails = new Map<number, (parts: readonly TailPart[]) => void>();
let unchecked: FileOpened['unchecked'] = null;
const streams = new Map<number, RawStream>();
const jobs = new Map<number, QueryJob<unknown>>();

class Cancelled extends Error {}

port.on('message', (message: ToReader) => {
  if (message.kind === 'open') {
    try {
      open(message);
    } catch (error) {
      send({ kind: 'failed', error: postError(error) });
      end();
    }
    return;
  }
  if (message.kind === 'work') {
    work(message);
    end();
    return;
  }
  const { id } = message;
  call(id, message.name, message.input).then(
    (value) => {
      tellCache();
      send({ kind: 'result', id, value }, [...buffersOf(value)]);
      // Nothing more is asked of a reader that was told to close.
      if (message.name === 'close') end();
    },
    (error: unknown) => send({ kind: 'error', id, error: postError(storeError(opened?.path ?? '', error)) }),
  );
});

/** Without ports the thread ends by itself. */
function end(): void {
  writer?.close();
  port?.close();
}

function tellCache(): void {
  if (opened === null) return;
  const { bytes, limit, hits, misses } = opened.reader.cache;
  cacheCounts.set([bytes, limit, hits, misses]);
}

function open(message: Extract<ToReader, { kind: 'open' }>): void {
  cancel = message.cancel as Int32Array<ArrayBuffer>;
  cacheCounts = message.cache;
  writer = message.writer;
  writer?.on('message', (answer: TailAnswer | TailStartsNote) => {
    if ('starts' in answer) {
      starts = createTailStarts(answer.starts);
      return;
    }
    tails.get(answer.id)?.(answer.parts);
    tails.delete(answer.id);
  });
  const file = message.writer === null && !message.checked ? openRecordingFile(message.path) : null;
  const database = file?.database ?? openDatabase(message.path, { readonly: true });
  let broken = file?.broken ?? false;
  const table = file?.table ?? chunkTableOf(database);
  const reader = createReader({
    database,
    cacheBytes: message.cacheBytes,
    table,
    get broken() {
      return broken;
    },
    onDamage(tag, damage) {
      // The checks of a recording name every damaged chunk, whether it is read or not.
      if (file !== null) return;
      const { chunk } = damage;
      send({
        kind: 'damage',
        sentence: `Tag number ${tag ?? '?'}: ${chunk.count} samples from ${isoTime(chunk.first)} to ${isoTime(chunk.last)} are damaged and left out.`,
      });
    },
  });
  opened = { reader, database, path: message.path };
  tellCache();
  send({ kind: 'opened', info: file?.info ?? null });
  warmUp(reader, createReader({ database, table, broken, cacheBytes: 0, onDamage: () => undefined }), database, clock);
  unchecked = file?.unchecked ?? null;
  if (unchecked !== null) {
    checkOn((finding) => {
      broken ||= finding.rollups;
      send({ kind: 'damage', sentence: finding.sentence });
    });
  }
}

/** Does one thing with recordings from its begin to its end; a thread that does that has nothing open. */
function work({ work, cancel: stop }: Extract<ToReader, { kind: 'work' }>): void {
  const flag = stop as Int32Array<ArrayBuffer>;
  let told = 0;
  try {
    const value = doFileWork(work, {
      now: clock.now(),
      onProgress(fraction) {
        const now = clock.monotonicMs();
        if (now - told < PROGRESS_MS) return;
        told = now;
        send({ kind: 'progress', id: 0, fraction });
      },
      check() {
        if (Atomics.load(flag, 0) === 1) throw new Cancelled('cancelled');
      },
    });
    send({ kind: 'result', id: 0, value });
  } catch (error) {
    send({ kind: 'error', id: 0, error: postError(error) });
  }
}

/** Goes on with the checks that opening has left out, between calls and never for long. */
function checkOn(report: (finding: Finding) => void): void {
  const until = clock.monotonicMs() + CHECK_MS;
  try {
    while (unchecked !== null && clock.monotonicMs() < until) {
      const { done, value } = unchecked.next();
      if (done === true) unchecked = null;
      else if (value !== null) report(value);
    }
  } catch (error) {
    unchecked = null;
    report({ sentence: `The file could not be checked to its end: ${String(error)}`, rollups: true });
  }
  if (unchecked !== null) clock.after(CHECK_MS, () => checkOn(report));
}

function tailOf(tags: readonly string[], from: number, to: number): Promise<readonly TailPart[]> {
  const source = writer;
  const needed = starts === null || opened === null ? tags : opened.reader.unsealed(tags, to, starts);
  if (source === null || needed.length === 0) return Promise.resolve([]);
  return new Promise((resolve) => {
    const id = ++asks;
    tails.set(id, resolve);
    source.postMessage({ id, tags: needed, from, to });
  });
}

async function call(id: number, name: keyof ReaderCalls, input: unknown): Promise<unknown> {
  if (opened === null) throw new Error('The recording is not open.');
  const { reader, database } = opened;
  const given = <K extends keyof ReaderCalls>(_: K): ReaderCalls[K]['input'] => input as ReaderCalls[K]['input'];
  const check = (): void => {
    if (Atomics.load(cancel, 0) === id) throw new Cancelled('cancelled');
  };
  switch (name) {
    case 'view': {
      const { tags, range, pixels } = given('view');
      const { from, to } = viewReach(range.from, range.to, pixels);
      return reader.view(tags, range, pixels, await tailOf(tags, from, to), check);
    }
    case 'rawStart': {
      const { tags, range } = given('rawStart');
      streams.set(id, reader.raw(tags, range, await tailOf(tags, range.from, range.to)));
      return id;
    }
    case 'rawNext':
      return streams.get(given('rawNext').stream)?.next(check) ?? null;
    case 'rawEnd':
      streams.delete(given('rawEnd').stream);
      return null;
    case 'neighbours': {
      const { tag, time } = given('neighbours');
      return reader.neighbours(tag, time, await tailOf([tag], time, time + 1));
    }
    case 'aggregate': {
      const query = given('aggregate');
      const ids = query.tags.map(({ tag }) => tag);
      const tail = await tailOf(ids, query.range.from, query.range.to);
      jobs.set(id, reader.aggregate(query, planAggregate(query), tail));
      return workOn(id, check);
    }
    case 'search': {
      const query = given('search');
      const ids = [...new Set(query.where.flat().map(({ tag }) => tag))];
      jobs.set(id, reader.search(query, await tailOf(ids, query.range.from, query.range.to)));
      return workOn(id, check);
    }
    case 'queryNext':
      return workOn(given('queryNext').job, check);
    case 'queryEnd':
      jobs.delete(given('queryEnd').job);
      return null;
    case 'gaps':
      return reader.gaps(given('gaps').range);
    case 'events': {
      const { range, kinds } = given('events');
      return reader.events(range, kinds);
    }
    case 'measure': {
      const { range, tags, unsealed } = given('measure');
      return reader.measure(range, tags, unsealed);
    }
    case 'tags':
      return reader.tags();
    case 'bounds':
      return reader.bounds();
    case 'moveWal': {
      const writable = openDatabase(opened.path, { mustExist: true });
      try {
        writable.pragma('wal_checkpoint(PASSIVE)');
      } finally {
        writable.close();
      }
      return null;
    }
    case 'copy': {
      const { to, name: title, range, tags } = given('copy');
      return copyRecording(database, {
        to,
        name: title,
        range,
        tags,
        now: clock.now(),
        onProgress: (fraction) => send({ kind: 'progress', id, fraction }),
        check,
        onMissing: (sentence) => send({ kind: 'damage', sentence }),
      });
    }
    case 'close':
      unchecked?.return();
      unchecked = null;
      database.close();
      opened = null;
      return null;
  }
}

/** Works on a query for a moment and answers with what it has by then. */
function workOn(job: number, check: () => void): QueryStep<unknown> {
  const work = jobs.get(job);
  if (work === undefined) throw new Error('The query has ended.');
  const until = clock.monotonicMs() + PIECE_MS;
  try {
    const done = work.run(check, () => clock.monotonicMs() >= until);
    if (done) jobs.delete(job);
    return { job, part: work.take(), done };
  } catch (error) {
    jobs.delete(job);
    throw error;
  }
}

/** The buffers of columns at the top of an answer, in lists and parts, to be transferred and not copied. */
function buffersOf(value: unknown, into = new Set<ArrayBuffer>()): Set<ArrayBuffer> {
  if (value instanceof Float64Array || value instanceof Uint16Array) into.add(value.buffer as ArrayBuffer);
  else if (Array.isArray(value)) {
    // A list of anything else than series and columns, such as events, holds none.
    if (typeof value[0] === 'object') for (const one of value) buffersOf(one, into);
  } else if (typeof value === 'object' && value !== null) {
    const { part, columns, time, value: values, quality, envelope } = value as Record<string, unknown>;
    if (part !== undefined) buffersOf(part, into);
    if (columns !== undefined) buffersOf(columns, into);
    if (!(time instanceof Float64Array)) return into;
    for (const column of [time, values, quality]) buffersOf(column, into);
    if (envelope !== null) for (const column of Object.values(envelope as object)) buffersOf(column, into);
  }
  return into;
}
