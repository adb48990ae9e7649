import type {
  AggregateFunction,
  AggregateQuery,
  DecodeRecipe,
  EventKind,
  Gap,
  HistoryEvent,
  Quality,
  RecordingFile,
  Sample,
  SampleBlock,
  SearchQuery,
  Series,
  TimeKind,
  TimeRange,
  UnixMicros,
} from '#shared/model/index.ts';

/** What the store must know of a tag: identity, description for foreign readers, and the recipe it is decoded with. */
export interface TagRegistration {
  /** Index in the engine's tag table, as in `SampleBlock.tag`; unique in the running engine, not across restarts. */
  readonly index: number;
  /** Stable identity: the tag document's id. */
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly connection: string;
  readonly device: string;
  readonly address: string;
  readonly periodMs: number;
  readonly timeKind: TimeKind;
  readonly demo: boolean;
  readonly decimals: number | null;
  readonly range: { readonly low: number; readonly high: number } | null;
  /** `version` is assigned by the store: a recipe equal to the newest one on file keeps its number. */
  readonly recipe: DecodeRecipe;
}

export interface StoredTag extends Omit<TagRegistration, 'index'> {
  readonly first: UnixMicros | null;
  readonly last: UnixMicros | null;
}

export type NewEvent = Omit<HistoryEvent, 'id'>;

/** One tag's columns, one per function in the order asked, each as long as the grid. */
export interface AggregatedTag {
  readonly tag: string;
  readonly functions: readonly AggregateFunction[];
  readonly columns: readonly Float64Array<ArrayBuffer>[];
  /** Strings behind the indexes in values; only for text tags. */
  readonly texts: Readonly<Record<number, string>> | null;
}

/** All tags on one grid: bucket `n` is [start + n * step, start + (n + 1) * step). */
export interface Aggregate {
  readonly start: UnixMicros;
  readonly step: UnixMicros;
  readonly length: number;
  /** In the order asked, without tags that the source does not know. */
  readonly series: readonly AggregatedTag[];
}

/** Found intervals in the order of the search, which do not touch each other, and how far it has come. */
export interface SearchPart {
  readonly intervals: readonly TimeRange[];
  /** Everything up to here (down to here, backward) has been searched. */
  readonly reached: UnixMicros;
}

/** What the viewer reads from: the running history, a recording file, later every backend. */
export interface HistorySource {
  tags(signal: AbortSignal): Promise<readonly StoredTag[]>;
  /** Ends of the data; null when there is none. */
  bounds(signal: AbortSignal): Promise<TimeRange | null>;
  /**
   * One series per tag that the source knows, in the order asked. At most about two points per pixel: where more
   * samples exist, points are merged and `envelope` holds every interval's smallest and largest good value. The last
   * sample before the range and the first one after it are included, so that lines reach the edges. Values are decoded
   * by the tag's newest recipe and scaled. At most 1,000 tags and 10,000 pixels.
   */
  view(tags: readonly string[], range: TimeRange, pixels: number, signal: AbortSignal): Promise<readonly Series[]>;
  /** Every sample, decoded and scaled, in blocks of bounded size; a tag's blocks come in time order, tags interleaved by time. */
  raw(tags: readonly string[], range: TimeRange, signal: AbortSignal): AsyncIterable<readonly Series[]>;
  /** The nearest samples strictly before and strictly after `time`. */
  neighbours(
    tag: string,
    time: UnixMicros,
    signal: AbortSignal,
  ): Promise<{ readonly before: Sample | null; readonly after: Sample | null }>;
  /**
   * What the samples of each bucket come to, all tags on one grid; from rollups where the functions allow. Holds 8 bytes
   * a value of the answer (at most 32 MB) and about 15 MB beside it. Throws `config.invalid`,
   * `query.too-many-samples`, `rpc.limit`.
   */
  aggregate(query: AggregateQuery, signal: AbortSignal): Promise<Aggregate>;
  /**
   * Intervals in which the conditions hold, in time order or against it, as they are found. Parts may be empty and say
   * how far the search is. Memory does not grow with the range. Throws as `aggregate` does, and `store.not-found` for a
   * tag that is not there.
   */
  search(query: SearchQuery, signal: AbortSignal): AsyncIterable<SearchPart>;
  gaps(range: TimeRange, signal: AbortSignal): Promise<readonly Gap[]>;
  events(range: TimeRange, kinds: readonly EventKind[] | null, signal: AbortSignal): Promise<readonly HistoryEvent[]>;
}

export interface StoreStatus {
  /** Every appended sample with a time before this is on the disk; null before the first. Never moves backward. */
  readonly storedUntil: UnixMicros | null;
  readonly bytes: number;
  /** Samples accepted but not yet durable. */
  readonly backlog: number;
  /** Samples refused since start because the queue was full or the disk would not take them. */
  readonly dropped: number;
  readonly samplesStored: number;
  /** Why writing is paused (disk full, folder read-only), in a sentence; null while it works. */
  readonly paused: string | null;
  /** What readers remember of what they have decoded: bytes now and at most; look-ups that found it and that did not. */
  readonly cache: { readonly bytes: number; readonly limit: number; readonly hits: number; readonly misses: number };
}

export interface SampleStore extends HistorySource {
  register(tags: readonly TagRegistration[]): void;
  /** Number of a text in the string table; the same text gives the same number for the life of the file. */
  intern(text: string): number;
  textOf(index: number): string | undefined;
  /**
   * Resolves when the samples have passed `fdatasync`; joins other calls into one commit, at the latest after the
   * flush interval. Owns the block from here on. Rejects with `store.disk-full`, `store.read-only` when they are lost.
   */
  append(block: SampleBlock): Promise<void>;
  addEvent(event: NewEvent): Promise<HistoryEvent>;
  /** An interval without samples for these tags (empty: all). */
  addGap(range: TimeRange, reason: string, quality: Quality, tags: readonly string[]): Promise<void>;
  status(): StoreStatus;
  watchStatus(listener: (status: StoreStatus) => void): Disposable;
  /** Last durable value of every tag, from memory. */
  lastValues(): Promise<
    readonly { readonly id: string; readonly time: UnixMicros; readonly value: number; readonly quality: Quality }[]
  >;
  /** While held, retention removes nothing at or after `from`. */
  pin(name: string, from: UnixMicros): Disposable;
  prune(before: UnixMicros): Promise<{ readonly bytesFreed: number }>;
  /**
   * Writes a range as a recording file of its own: to `path` with `.part`, moved into place when complete and synced.
   * `tags` empty: all. Leaves one file outside WAL mode.
   */
  copyRange(
    path: string,
    name: string,
    range: TimeRange,
    tags: readonly string[],
    onProgress: (fraction: number) => void,
    signal: AbortSignal,
  ): Promise<{ readonly bytes: number; readonly samples: number }>;
  /** Estimate for the recording panel: what the range holds now. */
  measure(range: TimeRange, tags: readonly string[]): Promise<{ readonly bytes: number; readonly samples: number }>;
  /** Seals everything, folds the log in, leaves one file that opens read-only. */
  close(): Promise<void>;
}

export interface StoreOptions {
  /** The history file; beside it lie its log segments while it is open. */
  readonly path: string;
  /** Longest time from append to durable; default 1,000 ms. */
  readonly flushMs?: number;
  /** Retention of the rolling history. */
  readonly maxAgeMs?: number;
  readonly maxBytes?: number;
  /** Bytes that stay free on its disk; the newest day stays whatever the disk is like. */
  readonly minFreeBytes?: number;
  /** Called with what is about to be forgotten; where it fails nothing is. */
  readonly archive?: (history: HistorySource, range: TimeRange, signal: AbortSignal) => Promise<void>;
  /** Told in a sentence why nothing is forgotten, and null when that is over. */
  readonly onRetentionTrouble?: (sentence: string | null) => void;
  /** Bounded queue to the writer, in samples; what does not fit is dropped and counted. Default 2,000,000. */
  readonly maxBacklog?: number;
  /** Memory for decoded samples and overviews, in all readers together; default 64 MB. */
  readonly cacheBytes?: number;
}

/** What recovery did on opening, in sentences, for the log and an event in the history. */
export interface RecoveryReport {
  readonly clean: boolean;
  readonly samplesReplayed: number;
  readonly sentences: readonly string[];
  /** End of the last sample before the program ended; null for a new file. */
  readonly lastSample: UnixMicros | null;
  /**
   * When the last sample was stored, by this computer's clock and not by a device's: at most the time of this start.
   * Null for a new file.
   */
  readonly lastStored: UnixMicros | null;
}

export interface OpenedFile extends HistorySource {
  readonly info: RecordingFile;
  close(): Promise<void>;
}
