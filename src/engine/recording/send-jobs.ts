import type { HistorySource, OpenedFile, StoredTag } from '#engine/historian/index.ts';
import { type Clock, createChanging, type Logger } from '#engine/platform/index.ts';
import { orAborted } from '#engine/tsdb/index.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import type { MetricSamples, Rejection } from '#shared/model/graph/index.ts';
import type { TimeRange } from '#shared/model/index.ts';
import type { SendJob } from '#shared/rpc/sending.ts';
import { createRateMeter } from './rate-meter.ts';
import {
  isOpen,
  jobOf,
  leftOutText,
  NOT_SENT,
  nothingSent,
  readSavedJobs,
  type SavedJob,
  savedJobsText,
  withPiece,
} from './send-job.ts';
import { countPieces, countSamples, PIECE_SAMPLES, type PieceGrid, pieceAt, planPieces } from './send-plan.ts';
import { createSender } from './send-range.ts';
import { type LeftOut, type SeriesThere, sentTags } from './sent-series.ts';

export interface SendRequest {
  /** File of the recording; null: the running history. */
  readonly path: string | null;
  /** As screens call it. */
  readonly source: string;
  readonly sourceName: string;
  /** Null: all. */
  readonly tags: readonly string[] | null;
  readonly range: TimeRange;
  readonly target: string;
}

/** The sources that samples can be sent to. */
export interface SendTargets {
  /** Throws `store.not-found`. The place is what settings lead to: another place has got nothing yet. */
  describe(id: string): { readonly name: string; readonly place: string | null };
  /** Throws as reading a source does, and `tsdb.unsupported-feature` where it is only read. */
  series(id: string, signal: AbortSignal): Promise<readonly SeriesThere[]>;
  write(
    id: string,
    samples: readonly MetricSamples[],
    signal: AbortSignal,
  ): Promise<{ readonly rejected: readonly Rejection[] }>;
}

/**
 * Sends to one source go one after the other, to different ones side by side. A job knows how many samples of each
 * piece of its range have arrived: it goes on after a lost link, a cancel, a failure or a restart with the pieces that
 * are missing and those that have more samples by now.
 */
export interface SendJobs {
  /** Takes up what was not done when the program ended. */
  begin(): void;
  estimate(
    request: Pick<SendRequest, 'path' | 'tags' | 'range'>,
    signal: AbortSignal,
  ): Promise<{ readonly tags: number; readonly samples: number; readonly leftOut: string[] }>;
  /** Tags of a recording that can be sent. */
  numbers(path: string | null, signal: AbortSignal): Promise<readonly StoredTag[]>;
  /** Throws `store.not-found` for a source that is not there, `rpc.limit` where too many wait. */
  start(request: SendRequest): string;
  list(): readonly SendJob[];
  cancel(id: string): void;
  resume(id: string): void;
  remove(id: string): void;
  watch(listener: () => void): Disposable;
  close(): Promise<void>;
}

export interface SendJobsOptions {
  readonly history: HistorySource;
  readonly openFile: (path: string) => Promise<OpenedFile>;
  readonly targets: SendTargets;
  /** What is kept over a restart. */
  readonly memory: { read(): string | null; write(text: string): void };
  readonly clock: Clock;
  readonly log: Logger;
  readonly newId: () => string;
  /** Samples of a piece of the range. */
  readonly pieceSamples?: number;
}

const MOST_WAITING = 20;
const MOST_KEPT = 50;
/** Between attempts while a source does not answer; each is twice as long as the one before. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
const SAVE_MS = 2_000;

interface Entry {
  saved: SavedJob;
  abort: AbortController;
  /** Of the piece under way. */
  partial: number;
  meter: ReturnType<typeof createRateMeter>;
}

export function createSendJobs(options: SendJobsOptions): SendJobs {
  const { clock, log, targets, memory, pieceSamples = PIECE_SAMPLES } = options;
  const changes = createChanging();
  const queues = new Map<string, Promise<void>>();
  let savedAt = Number.NEGATIVE_INFINITY;
  const entryOf = (saved: SavedJob): Entry => ({
    saved,
    abort: new AbortController(),
    partial: 0,
    meter: createRateMeter(clock, 20),
  });
  const shown = ({ saved, partial, meter }: Entry): SendJob =>
    jobOf(saved, partial, saved.state === 'running' && saved.message === null ? meter.perSecond() : 0);
  const jobs = new Map<string, Entry>(readJobs().map((saved) => [saved.id, entryOf(saved)]));

  function readJobs(): SavedJob[] {
    try {
      return readSavedJobs(memory.read());
    } catch (error) {
      log.warn('What was being sent is not known any more; start it again.', { error: String(error) });
      return [];
    }
  }
  const save = (): void => {
    savedAt = clock.monotonicMs();
    try {
      memory.write(savedJobsText([...jobs.values()].map(({ saved }) => saved)));
    } catch (error) {
      // It goes on; after a restart more is sent twice, which changes nothing.
      log.warn('How far a send is could not be kept.', { error: String(error) });
    }
  };
  const change = (entry: Entry, part: Partial<SavedJob>): void => {
    const turns = part.state !== undefined && part.state !== entry.saved.state;
    entry.saved = { ...entry.saved, ...part };
    if (turns) save();
    changes.notify();
  };

  const reading = async <T>(path: string | null, work: (history: HistorySource) => Promise<T>): Promise<T> => {
    const file = path === null ? null : await options.openFile(path);
    try {
      return await work(file ?? options.history);
    } finally {
      await file?.close();
    }
  };

  /** What passes by itself is waited for, however long that takes. */
  const patiently = async <T>(entry: Entry, work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(LONGEST_WAIT_MS, wait * 2)) {
      try {
        const result = await orAborted(work(), signal);
        if (entry.saved.message !== null) change(entry, { message: null });
        return result;
      } catch (error) {
        if (signal.aborted || !passes(error)) throw error;
        if (entry.saved.message !== error.message) {
          log.warn('A send waits for its source.', { source: entry.saved.targetName, reason: error.message });
        }
        change(entry, { message: error.message });
        await clock.sleep(wait, signal);
      }
    }
  };

  const run = async (id: string): Promise<void> => {
    const entry = jobs.get(id);
    if (entry === undefined || entry.abort.signal.aborted) return;
    const { signal } = entry.abort;
    change(entry, { state: 'running', message: null });
    try {
      const lost = await reading(entry.saved.path, (history) => sendAll(entry, history, signal));
      change(entry, { state: 'done', message: lost });
      const { sent, refused } = jobOf(entry.saved, 0, 0);
      log.info('Samples were sent to a source.', { source: entry.saved.targetName, sent, refused });
    } catch (error) {
      if (!signal.aborted) {
        log.error('A send failed.', { source: entry.saved.targetName, error: String(error) });
        const message = isAppError(error)
          ? error.message
          : 'It failed because of a fault in the program. The log has the details.';
        change(entry, { state: 'failed', message });
      }
    } finally {
      entry.partial = 0;
    }
  };

  /** Resolves with a sentence on what could not be sent any more. */
  const sendAll = async (entry: Entry, history: HistorySource, signal: AbortSignal): Promise<string | null> => {
    const { target, range } = entry.saved;
    const { sent, leftOut } = await patiently(
      entry,
      async () => sentTags(await chosenTags(history, entry.saved, signal), await targets.series(target, signal)),
      signal,
    );
    if (sent.length === 0) throw nothingToSend(leftOut);
    const ids = sent.map(({ tag }) => tag.id);
    const { name, place } = targets.describe(target);
    const grid: PieceGrid = entry.saved.grid ?? (await planPieces(history, ids, range, pieceSamples, signal));
    // Tables that were removed, or another database: what had arrived is not there any more.
    const anew = entry.saved.grid === null || place !== entry.saved.place || !sent.some(({ there }) => there);
    const counts = await countPieces(history, ids, range, grid, signal);
    change(entry, {
      targetName: name,
      place,
      grid,
      tagCount: sent.length,
      total: counts.reduce((sum, count) => sum + count, 0),
      leftOut: leftOut.map(leftOutText),
      ...(anew ? { ...nothingSent(grid), refusals: [] } : {}),
    });
    let acknowledged = 0;
    const sender = createSender({
      history,
      tags: sent,
      write: (samples, by) => patiently(entry, () => targets.write(target, samples, by), by),
      onRows(rows) {
        entry.partial += rows;
        acknowledged += rows;
        entry.meter.total(acknowledged);
        changes.notify();
      },
    });
    for (let at = 0; at < grid.length; at++) {
      if (entry.saved.read[at]! !== NOT_SENT && entry.saved.read[at]! >= counts[at]!) continue;
      entry.partial = 0;
      const piece = await sender.send(pieceAt(grid, at, range), signal);
      entry.partial = 0;
      change(entry, withPiece(entry.saved, at, piece));
      if (clock.monotonicMs() - savedAt >= SAVE_MS) save();
    }
    const missing = entry.saved.total - entry.saved.read.reduce((sum, read) => sum + read, 0);
    return missing <= 0
      ? null
      : `${missing} samples had left the history before they were sent, or are damaged: the check on the page of recordings names those.`;
  };

  const begin = (id: string): void => {
    const { target } = jobs.get(id)!.saved;
    queues.set(
      target,
      (queues.get(target) ?? Promise.resolve()).then(() => run(id)),
    );
  };
  const refuseTooMany = (): void => {
    if ([...jobs.values()].filter(({ saved }) => isOpen(saved)).length < MOST_WAITING) return;
    throw new AppError('rpc.limit', `${MOST_WAITING} sends are not done yet. Wait for one, or cancel one.`, {
      details: { what: 'sends at the same time', limit: MOST_WAITING },
      retryable: true,
    });
  };
  const abort = (id: string): void => {
    const entry = jobs.get(id);
    if (entry === undefined || !isOpen(entry.saved)) return;
    entry.abort.abort(new AppError('rpc.cancelled', 'The send was cancelled.', { details: null }));
    change(entry, { state: 'cancelled', message: null });
  };

  return {
    begin() {
      for (const [id, { saved }] of jobs) if (isOpen(saved)) begin(id);
    },
    estimate: ({ path, tags, range }, signal) =>
      reading(path, async (history) => {
        const { sent, leftOut } = sentTags(await chosenTags(history, { tags }, signal), []);
        const ids = sent.map(({ tag }) => tag.id);
        const samples = await countSamples(history, ids, range, signal);
        return { tags: sent.length, samples, leftOut: leftOut.map(leftOutText) };
      }),
    numbers: (path, signal) =>
      reading(path, async (history) => sentTags(await history.tags(signal), []).sent.map(({ tag }) => tag)),
    start({ path, source, sourceName, tags, range, target }) {
      const { name, place } = targets.describe(target);
      refuseTooMany();
      const ended = [...jobs].filter(([, { saved }]) => !isOpen(saved));
      for (const [old] of ended.slice(0, Math.max(0, ended.length + 1 - MOST_KEPT))) jobs.delete(old);
      const id = options.newId();
      const saved: SavedJob = {
        id,
        path,
        source,
        sourceName,
        tags: tags === null ? null : [...tags],
        range,
        target,
        targetName: name,
        place,
        state: 'waiting',
        started: clock.now(),
        message: null,
        tagCount: tags?.length ?? 0,
        total: 0,
        leftOut: [],
        grid: null,
        read: [],
        marks: [],
        refused: [],
        refusals: [],
      };
      jobs.set(id, entryOf(saved));
      save();
      changes.notify();
      begin(id);
      return id;
    },
    list: () => [...jobs.values()].map(shown).reverse(),
    cancel: abort,
    resume(id) {
      const entry = jobs.get(id);
      if (entry === undefined) {
        throw new AppError('store.not-found', 'This send is not in the list any more. Start it anew.', {
          details: { kind: 'send', id },
        });
      }
      if (isOpen(entry.saved)) return;
      refuseTooMany();
      jobs.set(id, entryOf(entry.saved));
      change(jobs.get(id)!, { state: 'waiting', message: null });
      begin(id);
    },
    remove(id) {
      abort(id);
      if (!jobs.delete(id)) return;
      save();
      changes.notify();
    },
    watch: changes.watch,
    async close() {
      const reason = new AppError('rpc.cancelled', 'The engine is stopping.', { details: null });
      for (const { abort: end } of jobs.values()) end.abort(reason);
      await Promise.all(queues.values());
      // Those that are not done go on when the program is started again.
      save();
    },
  };
}

const passes = (error: unknown): error is AppError =>
  isAppError(error) && (error.retryable || isAppError(error, 'tsdb.timeout') || isAppError(error, 'rpc.limit'));

const chosenTags = async (
  history: HistorySource,
  { tags: wanted }: { readonly tags: readonly string[] | null },
  signal: AbortSignal,
) => {
  const all = await history.tags(signal);
  if (wanted === null) return all;
  const ids = new Set(wanted);
  return all.filter(({ id }) => ids.has(id));
};

function nothingToSend(leftOut: readonly LeftOut[]): AppError {
  const why =
    leftOut.length === 0 ? 'None of the chosen tags is in this recording.' : leftOut.map(leftOutText).join(' ');
  return new AppError('store.not-found', `There is nothing to send. ${why} Choose tags with numbers.`, {
    details: { kind: 'tag', id: '' },
  });
}
