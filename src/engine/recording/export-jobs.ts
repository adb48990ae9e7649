import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ColumnSpec, Exporter, TableWriter } from '#engine/exporters/index.ts';
import { type Clock, createChanging, type Logger } from '#engine/platform/index.ts';
import type { ViewerSource } from '#engine/tsdb/index.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import type { TimeRange } from '#shared/model/index.ts';
import type { ExportJob } from '#shared/rpc/exporting.ts';
import { columnsOf, createRowMerger } from './export-rows.ts';
import { type ExportedTrace, findTraces, readAligned } from './export-traces.ts';
import { fileName } from './recorder.ts';

export interface ExportRequest {
  /** In the order of the columns; each once. */
  readonly traces: readonly ExportedTrace[];
  /** Of the times at which they are shown. */
  readonly range: TimeRange;
  readonly format: string;
  readonly name: string;
  /** A column with the quality in words after each tag's values. */
  readonly quality: boolean;
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Exports run one after the other, off the caller's path; each ends as an artifact that the host hands out. Those that
 * are not done and those that are kept have limits (`rpc.limit`).
 */
export interface ExportJobs {
  start(request: ExportRequest): string;
  list(): readonly ExportJob[];
  cancel(id: string): void;
  remove(id: string): void;
  artifact(id: string): { readonly path: string; readonly name: string; readonly mediaType: string } | null;
  watch(listener: () => void): Disposable;
  close(): Promise<void>;
}

export interface ExportJobsOptions {
  readonly directory: string;
  readonly exporters: readonly Exporter[];
  /** Opens a writer that does its formatting off this thread. */
  readonly openWriter: (
    exporter: Exporter,
    path: string,
    columns: readonly ColumnSpec[],
    options: Readonly<Record<string, unknown>>,
  ) => Promise<TableWriter>;
  /** What traces of a source are read from. */
  readonly viewer: (source: string, signal: AbortSignal) => Promise<ViewerSource>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly newId: () => string;
}

/** Not done yet, the running one included: what waits behind so many has been forgotten by whoever asked for it. */
const MOST_WAITING = 20;
/** In the list; their files take room on the disk until they are removed or the program ends. */
const MOST_KEPT = 200;

export function createExportJobs(options: ExportJobsOptions): ExportJobs {
  const { clock, log } = options;
  const changes = createChanging();
  const jobs = new Map<
    string,
    { job: ExportJob; readonly abort: AbortController; path: string; fileName: string; mediaType: string }
  >();
  let queue: Promise<void> = Promise.resolve();
  // Jobs live as long as the engine: files of an earlier run can't be reached any more.
  rmSync(options.directory, { recursive: true, force: true });
  mkdirSync(options.directory, { recursive: true });

  const run = async (
    id: string,
    request: ExportRequest,
    exporter: Exporter,
    checked: Readonly<Record<string, unknown>>,
  ): Promise<void> => {
    const entry = jobs.get(id);
    if (entry === undefined || entry.abort.signal.aborted) return;
    const { signal } = entry.abort;
    const update = (part: Partial<ExportJob>): void => {
      entry.job = { ...entry.job, ...part };
      changes.notify();
    };
    update({ state: 'running' });
    let writer: TableWriter | null = null;
    try {
      const { groups, columns, missing } = await findTraces(request.traces, options.viewer, signal);
      if (columns.length === 0)
        throw new AppError('store.not-found', 'None of the chosen tags has samples in its source.', {
          details: { kind: 'tag', id: request.traces[0]?.tag ?? '' },
        });
      const open = await options.openWriter(exporter, entry.path, columnsOf(columns, request.quality), checked);
      writer = open;
      const rows = createRowMerger(columns, request.quality, async (chunk, upTo) => {
        await open.write(chunk);
        const span = request.range.to - request.range.from;
        update({
          rows: entry.job.rows + chunk.rows,
          progress: span > 0 ? Math.min(0.99, (upTo - request.range.from) / span) : 0,
        });
      });
      for await (const block of readAligned(groups, request.range, signal)) {
        signal.throwIfAborted();
        await rows.add(block);
      }
      await rows.flush();
      signal.throwIfAborted();
      await writer.finish();
      writer = null;
      // It may have been removed or cancelled while the file got its name.
      if (signal.aborted) rmSync(entry.path, { force: true });
      signal.throwIfAborted();
      const bytes = statSync(entry.path).size;
      update({ state: 'done', progress: 1, bytes, artifact: id, message: missingText(missing) });
    } catch (error) {
      await writer
        ?.abort()
        .catch((failure: unknown) => log.warn('A cancelled export left its file behind.', { error: String(failure) }));
      if (signal.aborted) update({ state: 'cancelled', message: null });
      else {
        const message = isAppError(error)
          ? isAppError(error, 'tsdb.unavailable') || isAppError(error, 'tsdb.timeout')
            ? `${error.message} The export has ended and no file is left. Export again when the source answers.`
            : error.message
          : 'The export failed because of a fault in the program. The log has the details.';
        log.error('Export failed.', { name: request.name, error: String(error) });
        update({ state: 'failed', message });
      }
    }
  };

  const refuseTooMany = (): void => {
    const waiting = [...jobs.values()].filter(({ job }) => isOpen(job)).length;
    if (waiting >= MOST_WAITING) {
      throw new AppError('rpc.limit', `${waiting} exports are not done yet. Wait for one of them, or cancel one.`, {
        details: { what: 'exports at the same time', limit: MOST_WAITING },
        retryable: true,
      });
    }
    if (jobs.size >= MOST_KEPT) {
      throw new AppError('rpc.limit', `${jobs.size} exports are in the list. Remove some that are saved already.`, {
        details: { what: 'exports in the list', limit: MOST_KEPT },
      });
    }
  };

  return {
    start(request) {
      const exporter = options.exporters.find((candidate) => candidate.id === request.format);
      if (exporter === undefined) {
        throw new AppError('config.invalid', `There is no export format "${request.format}".`, {
          details: {
            issues: [
              { path: 'format', message: `Choose one of ${options.exporters.map((known) => known.id).join(', ')}.` },
            ],
          },
        });
      }
      const checked = exporter.options.safeParse(request.options);
      if (!checked.success) {
        throw new AppError('config.invalid', 'The export settings are not valid.', {
          details: {
            issues: checked.error.issues.map((issue) => ({
              path: `options.${issue.path.join('.')}`,
              message: issue.message,
            })),
          },
        });
      }
      refuseTooMany();
      const id = options.newId();
      const job: ExportJob = {
        id,
        name: request.name,
        format: exporter.id,
        state: 'waiting',
        progress: 0,
        rows: 0,
        bytes: 0,
        started: clock.now(),
        message: null,
        artifact: null,
      };
      const file = `${fileName(request.name)}.${exporter.extension}`;
      jobs.set(id, {
        job,
        abort: new AbortController(),
        path: join(options.directory, `${id}.${exporter.extension}`),
        fileName: file,
        mediaType: exporter.mediaType,
      });
      changes.notify();
      queue = queue.then(() => run(id, request, exporter, checked.data as Readonly<Record<string, unknown>>));
      return id;
    },
    list: () => [...jobs.values()].map((entry) => entry.job).reverse(),
    cancel(id) {
      const entry = jobs.get(id);
      if (entry === undefined || !isOpen(entry.job)) return;
      entry.abort.abort(new AppError('rpc.cancelled', 'The export was cancelled.', { details: null }));
      entry.job = { ...entry.job, state: 'cancelled' };
      changes.notify();
    },
    remove(id) {
      const entry = jobs.get(id);
      if (entry === undefined) return;
      entry.abort.abort(new AppError('rpc.cancelled', 'The export was removed.', { details: null }));
      jobs.delete(id);
      rmSync(entry.path, { force: true });
      changes.notify();
    },
    artifact(id) {
      const entry = jobs.get(id);
      return entry?.job.artifact === id ? { path: entry.path, name: entry.fileName, mediaType: entry.mediaType } : null;
    },
    watch: changes.watch,
    async close() {
      for (const { abort } of jobs.values())
        abort.abort(new AppError('rpc.cancelled', 'The engine is stopping.', { details: null }));
      await queue;
    },
  };
}

const missingText = (missing: readonly ExportedTrace[]): string | null =>
  missing.length === 0
    ? null
    : `Not in the file, as their sources do not have them: ${missing
        .slice(0, 5)
        .map(({ tag, label }) => (label === '' ? tag : `${tag} (${label})`))
        .join(', ')}${missing.length > 5 ? ' …' : ''}.`;

const isOpen = ({ state }: ExportJob): boolean => state === 'waiting' || state === 'running';
