import { existsSync, mkdirSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import type { FileWork, FileWorkDone, SplitBy } from '#engine/historian/index.ts';
import { type Clock, createChanging, type Logger, withStoreErrors } from '#engine/platform/index.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import type { RecordingJob } from '#shared/rpc/recordings.ts';
import type { FetchRequest, RangeFetcher } from './fetch-range.ts';
import { fileName, fileStamp } from './recorder.ts';

/** What a screen asks for; recordings go by the id of the list. */
export type RecordingJobRequest =
  | { readonly kind: 'verify' | 'repair' | 'compact'; readonly id: string }
  | { readonly kind: 'split'; readonly id: string; readonly by: SplitBy }
  | { readonly kind: 'merge'; readonly ids: readonly string[]; readonly name: string }
  | ({ readonly kind: 'fetch' } & FetchRequest);

/** Work on recordings of the folder, one after the other; results lie beside them under names of their own. */
export interface RecordingJobs {
  /** Throws `store.not-found` for a recording that is not in the folder, `rpc.limit` where too many wait. */
  start(request: RecordingJobRequest): string;
  /** Newest first; of those that are done the last ones. */
  list(): readonly RecordingJob[];
  cancel(id: string): void;
  /** Cancels it where it is not done, and takes it off the list; files that it has written stay. */
  remove(id: string): void;
  watch(listener: () => void): Disposable;
  close(): Promise<void>;
}

export interface RecordingJobsOptions {
  readonly directory: string;
  /** The file that an id of the list stands for; throws `store.not-found`. */
  readonly pathOf: (id: string) => string;
  readonly work: (work: FileWork, onProgress: (fraction: number) => void, signal: AbortSignal) => Promise<FileWorkDone>;
  readonly fetcher: Pick<RangeFetcher, 'fetch' | 'kept'>;
  /** Called when files may have been written. */
  readonly onFiles: () => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly newId: () => string;
}

const MOST_WAITING = 20;
const MOST_KEPT = 50;

export function createRecordingJobs(options: RecordingJobsOptions): RecordingJobs {
  const { clock, log, directory, pathOf } = options;
  const changes = createChanging();
  const jobs = new Map<string, { job: RecordingJob; readonly abort: AbortController }>();
  let queue: Promise<void> = Promise.resolve();
  /** A source may take hours: what is done with files does not wait for it. */
  let fetching: Promise<void> = Promise.resolve();

  const run = async (id: string, request: RecordingJobRequest): Promise<void> => {
    const entry = jobs.get(id);
    if (entry === undefined || entry.abort.signal.aborted) return;
    const { signal } = entry.abort;
    const update = (part: Partial<RecordingJob>): void => {
      entry.job = { ...entry.job, ...part };
      changes.notify();
    };
    update({ state: 'running' });
    try {
      const onProgress = (progress: number): void => update({ progress });
      const done =
        request.kind === 'fetch'
          ? await options.fetcher.fetch(request, firstOrNewFile(request.name), onProgress, signal)
          : await options.work(workOf(request), onProgress, signal);
      const files = done.files.map(({ path, bytes, samples }) => ({ id: basename(path), bytes, samples }));
      const { sound, samples, sentences } = done;
      log.info('Work on recordings done.', { kind: request.kind, name: entry.job.name, sound, samples });
      update({ state: 'done', progress: 1, sound, samples, sentences: [...sentences], files });
    } catch (error) {
      if (signal.aborted) update({ state: 'cancelled', message: keptText(request) });
      else {
        log.error('Work on recordings failed.', { kind: request.kind, name: entry.job.name, error: String(error) });
        const message = isAppError(error)
          ? error.message
          : 'It failed because of a fault in the program. The log has the details.';
        const kept = keptText(request);
        update({ state: 'failed', message: kept === null ? message : `${message} ${kept}` });
      }
    }
    options.onFiles();
  };

  /** What a fetch that did not come to its end leaves for the next one; null where that is nothing. */
  const keptText = (request: RecordingJobRequest): string | null => {
    const share = request.kind === 'fetch' ? options.fetcher.kept(request) : 0;
    if (share === 0) return null;
    return `${Math.max(1, Math.floor(share * 100))} % is kept: fetch the same again, and it goes on from there.`;
  };

  // Names are chosen when the work begins: what waits before it may have taken one.
  const workOf = (request: Exclude<RecordingJobRequest, { kind: 'fetch' }>): FileWork => {
    if (request.kind === 'merge') {
      return { kind: 'merge', paths: request.ids.map(pathOf), to: newFile(request.name), name: request.name };
    }
    const path = pathOf(request.id);
    switch (request.kind) {
      case 'verify':
        return { kind: 'verify', path };
      case 'split':
        return { kind: 'split', path, folder: directory, by: request.by };
      default: {
        const stem = basename(path, extname(path));
        const to = freeName(`${stem} ${request.kind === 'repair' ? 'repaired' : 'compact'}`);
        return { kind: request.kind, path, to, name: null };
      }
    }
  };
  /** A fetch may be the first recording that there is. */
  const firstOrNewFile = (name: string): string => {
    withStoreErrors(directory, () => mkdirSync(directory, { recursive: true }));
    return newFile(name);
  };
  const newFile = (name: string): string => freeName(`${fileStamp(clock.now())} ${fileName(name)}`);
  const freeName = (stem: string): string => {
    for (let number = 1; ; number++) {
      const path = join(directory, `${stem}${number === 1 ? '' : ` ${number}`}.parx`);
      if (!existsSync(path)) return path;
    }
  };

  const abort = (id: string): void => {
    const entry = jobs.get(id);
    if (entry === undefined || !isOpen(entry.job)) return;
    entry.abort.abort(new AppError('rpc.cancelled', 'The work was cancelled.', { details: null }));
    entry.job = { ...entry.job, state: 'cancelled' };
    changes.notify();
  };

  return {
    start(request) {
      const ids = request.kind === 'merge' ? request.ids : request.kind === 'fetch' ? [] : [request.id];
      for (const id of ids) pathOf(id);
      const known = [...jobs.values()];
      if (known.filter(({ job }) => isOpen(job)).length >= MOST_WAITING) {
        throw new AppError('rpc.limit', `${MOST_WAITING} such jobs are not done yet. Wait for one, or cancel one.`, {
          details: { what: 'jobs on recordings at the same time', limit: MOST_WAITING },
          retryable: true,
        });
      }
      const done = [...jobs].filter(([, { job }]) => !isOpen(job));
      for (const [old] of done.slice(0, Math.max(0, done.length + 1 - MOST_KEPT))) jobs.delete(old);
      const id = options.newId();
      const job: RecordingJob = {
        id,
        kind: request.kind,
        name: request.kind === 'merge' || request.kind === 'fetch' ? request.name : request.id,
        state: 'waiting',
        progress: 0,
        started: clock.now(),
        message: null,
        sound: null,
        samples: 0,
        sentences: [],
        files: [],
      };
      jobs.set(id, { job, abort: new AbortController() });
      changes.notify();
      if (request.kind === 'fetch') fetching = fetching.then(() => run(id, request));
      else queue = queue.then(() => run(id, request));
      return id;
    },
    list: () => [...jobs.values()].map(({ job }) => job).reverse(),
    cancel: abort,
    remove(id) {
      abort(id);
      if (jobs.delete(id)) changes.notify();
    },
    watch: changes.watch,
    async close() {
      for (const id of jobs.keys()) abort(id);
      await Promise.all([queue, fetching]);
    },
  };
}

const isOpen = ({ state }: RecordingJob): boolean => state === 'waiting' || state === 'running';
