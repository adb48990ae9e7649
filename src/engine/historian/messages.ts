import type { MessagePort } from 'node:worker_threads';
import { AppError, type ErrorCatalogue, type ErrorCode } from '#shared/errors.ts';
import type {
  AggregateQuery,
  EventKind,
  Gap,
  HistoryEvent,
  Quality,
  RecordingFile,
  Sample,
  SampleBlock,
  SearchQuery,
  Series,
  TimeRange,
} from '#shared/model/index.ts';
import type { FileWork } from './file-work.ts';
import type { QueryStep } from './query-job.ts';
import type { Run } from './run.ts';
import type { AggregatedTag, NewEvent, RecoveryReport, SearchPart, StoredTag, TagRegistration } from './store.ts';
import type { SweptTexts } from './string-sweep.ts';

/** What the store, its writer and its readers tell each other. Samples travel as transferred columns. */
export interface StringRow {
  readonly number: number;
  readonly text: string;
}
export interface WriterOptions {
  readonly path: string;
  readonly flushMs: number;
  /** Segment size at which the log is folded into the file. */
  readonly segmentBytes: number;
  /** Age at which it is, if anything can be. */
  readonly foldMs: number;
  /** Samples of a full chunk. */
  readonly chunkSamples: number;
  /** Time from a text's number being given out for the last time to its samples being here. */
  readonly textGraceMs: number;
}
export interface WriterCounts {
  readonly storedUntil: number | null;
  readonly samplesStored: number;
  readonly bytes: number;
  /** Samples with an unknown tag or a time that is no time. */
  readonly refused: number;
  readonly paused: string | null;
}
export interface WriterStart {
  readonly recovery: RecoveryReport;
  readonly strings: readonly StringRow[];
  readonly counts: WriterCounts;
  /** See `TailStarts`. */
  readonly tailStarts: SharedArrayBuffer;
}
/** `upTo`: id of the last append that is on the disk. `error`: why the ones after it are not, while that lasts. */
export interface DurableNote {
  readonly upTo: number;
  readonly error: unknown;
  readonly counts: WriterCounts;
}
/** Last samples of all tags in the order in which they became known; the time of a tag without samples is NaN. */
export interface LastValues {
  /** Of the tags that the asker did not know yet. */
  readonly ids: readonly string[];
  readonly time: Float64Array<ArrayBuffer>;
  readonly value: Float64Array<ArrayBuffer>;
  readonly quality: Uint16Array<ArrayBuffer>;
}
/** Samples of a tag that are not in the file yet; `closed` oldest first, `open` after them, newer wins. */
export interface TailPart {
  readonly id: string;
  readonly closed: readonly {
    readonly recipe: number;
    /** Time of the last sample. */
    readonly last: number;
    readonly data: Uint8Array<ArrayBuffer>;
  }[];
  readonly open: Run | null;
  readonly form: number;
}

/** Calls that the writer answers; names are those of `Writer`. */
export interface WriterCalls {
  flush: { input: null; output: null };
  seal: { input: { range: TimeRange; tags: readonly string[] }; output: null };
  count: { input: { range: TimeRange; tags: readonly string[] }; output: number };
  addEvent: { input: NewEvent; output: HistoryEvent };
  addGap: {
    input: { range: TimeRange; reason: string; quality: Quality; tags: readonly string[] };
    output: null;
  };
  tags: { input: null; output: readonly StoredTag[] };
  bounds: { input: null; output: TimeRange | null };
  /** `known`: how many tags' ids the asker has. */
  lastValues: { input: { known: number }; output: LastValues };
  status: { input: null; output: WriterCounts };
  prune: { input: { before: number }; output: { readonly bytesFreed: number } };
  /** Gives free pages back to the disk; answers with the bytes. */
  giveBack: { input: null; output: number };
  surplusBefore: { input: { maxBytes: number | null; spare: number }; output: number | null };
  close: { input: null; output: null };
}

export type ToWriter =
  | { readonly kind: 'open'; readonly options: WriterOptions }
  | { readonly kind: 'reader'; readonly port: MessagePort }
  | { readonly kind: 'register'; readonly tags: readonly TagRegistration[] }
  | { readonly kind: 'intern'; readonly number: number; readonly text: string }
  | { readonly kind: 'append'; readonly id: number; readonly block: SampleBlock }
  | { readonly kind: 'call'; readonly id: number; readonly name: keyof WriterCalls; readonly input: unknown };
export type FromWriter =
  | { readonly kind: 'opened'; readonly start: WriterStart }
  | { readonly kind: 'failed'; readonly error: PostedError }
  | { readonly kind: 'durable'; readonly note: DurableNote & { readonly error: PostedError | null } }
  | { readonly kind: 'warning'; readonly text: string }
  | { readonly kind: 'large-wal' }
  | { readonly kind: 'texts'; readonly swept: SweptTexts }
  | Answer;

/** Calls that a reader answers. */
export interface ReaderCalls {
  view: {
    input: { tags: readonly string[]; range: TimeRange; pixels: number };
    output: readonly Series[];
  };
  rawStart: { input: { tags: readonly string[]; range: TimeRange }; output: number };
  rawNext: { input: { stream: number }; output: readonly Series[] | null };
  rawEnd: { input: { stream: number }; output: null };
  neighbours: {
    input: { tag: string; time: number };
    output: {
      readonly before: Sample | null;
      readonly after: Sample | null;
    };
  };
  /** A query is worked on for some milliseconds a call: begun by one of the first two, then asked for until it is done. */
  aggregate: { input: AggregateQuery; output: QueryStep<AggregatedTag[]> };
  search: { input: SearchQuery; output: QueryStep<SearchPart> };
  queryNext: { input: { job: number }; output: QueryStep<unknown> };
  queryEnd: { input: { job: number }; output: null };
  gaps: { input: { range: TimeRange }; output: readonly Gap[] };
  events: {
    input: { range: TimeRange; kinds: readonly EventKind[] | null };
    output: readonly HistoryEvent[];
  };
  measure: {
    input: { range: TimeRange; tags: readonly string[]; unsealed: number };
    output: { readonly bytes: number; readonly samples: number };
  };
  tags: { input: null; output: readonly StoredTag[] };
  bounds: { input: null; output: TimeRange | null };
  /** Moves the WAL into the file; never waits for a reader. */
  moveWal: { input: null; output: null };
  copy: {
    input: { to: string; name: string; range: TimeRange; tags: readonly string[] };
    output: { readonly bytes: number; readonly samples: number };
  };
  close: { input: null; output: null };
}
/** `cancel`: set to 1 by the asker to stop the call between two chunks. */
export type ToReader =
  | {
      readonly kind: 'open';
      readonly path: string;
      readonly writer: MessagePort | null;
      readonly cancel: Int32Array;
      readonly cacheBytes: number;
      /** Filled by the reader after every call: bytes, limit, hits and misses of what it remembers. */
      readonly cache: Float64Array;
      /** A recording that another reader has found sound. */
      readonly checked: boolean;
    }
  /** Instead of opening a file; answered once, with id 0. `cancel`: set to 1 to stop it. */
  | { readonly kind: 'work'; readonly work: FileWork; readonly cancel: Int32Array }
  | { readonly kind: 'call'; readonly id: number; readonly name: keyof ReaderCalls; readonly input: unknown };
export type FromReader =
  | { readonly kind: 'opened'; readonly info: RecordingFile | null }
  | { readonly kind: 'failed'; readonly error: PostedError }
  | { readonly kind: 'progress'; readonly id: number; readonly fraction: number }
  | { readonly kind: 'damage'; readonly sentence: string }
  | Answer;

export type Answer =
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: PostedError };

/** Readers ask the writer over a port of their own, past the engine's thread. */
export interface TailRequest {
  readonly id: number;
  readonly tags: readonly string[];
  readonly from: number;
  readonly to: number;
}
/** Where tails begin; the first that a reader is told. */
export interface TailStartsNote {
  readonly starts: SharedArrayBuffer;
}
export interface TailAnswer {
  readonly id: number;
  readonly parts: readonly TailPart[];
}

/** An error in a form that crosses threads with its code. */
export interface PostedError {
  readonly code: ErrorCode | null;
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly details: unknown;
  readonly retryable: boolean;
}

export function postError(error: unknown): PostedError {
  if (error instanceof AppError) {
    const { code, name, message, stack, details, retryable } = error;
    return { code, name, message, stack, details, retryable };
  }
  const known = error instanceof Error ? error : new Error(String(error));
  return { code: null, name: known.name, message: known.message, stack: known.stack, details: null, retryable: false };
}

export function receiveError(posted: PostedError): Error {
  if (posted.code !== null) {
    const details = posted.details as ErrorCatalogue[ErrorCode];
    return new AppError(posted.code, posted.message, { details, retryable: posted.retryable });
  }
  const error = new Error(posted.message);
  error.name = posted.name;
  if (posted.stack !== undefined) error.stack = posted.stack;
  return error;
}
