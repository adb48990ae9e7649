import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ColumnSpec, Exporter, TableChunk, TableWriter } from '#engine/exporters/index.ts';
import type { HistorySource, StoredTag } from '#engine/historian/index.ts';
import { type Clock, createChanging, type Logger } from '#engine/platform/index.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import { isBad, qualityText, type Series, type TimeRange } from '#shared/model/index.ts';
import type { ExportJob } from '#shared/rpc/exporting.ts';
import { fileName } from './recorder.ts';

export interface ExportRequest {
  readonly source: HistorySource;
  readonly tags: readonly string[];
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
  readonly clock: Clock;
  readonly log: Logger;
  readonly newId: () => string;
}

/** Not done yet, the running one included: what waits behind so many has been forgotten by whoever asked for it. */
const MOST_WAITING = 20;
/** In the list; their files take room on the disk until they are removed or the program ends. */
const MOST_KEPT = 200;

/** Rows of a chunk of a narrow table; wide ones have fewer, so that a chunk takes this thread some milliseconds. */
const ROWS_PER_CHUNK = 8_192;
const CELLS_PER_CHUNK = 131_072;

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
      const known = new Map((await request.source.tags(signal)).map((tag) => [tag.id, tag]));
      const tags = request.tags.flatMap((tag) => known.get(tag) ?? []);
      if (tags.length === 0)
        throw new AppError('store.not-found', 'None of the chosen tags has samples in this source.', {
          details: { kind: 'tag', id: request.tags[0] ?? '' },
        });
      const open = await options.openWriter(exporter, entry.path, columnsOf(tags, request.quality), checked);
      writer = open;
      const rows = createRowMerger(tags, request.quality, async (chunk, upTo) => {
        await open.write(chunk);
        const span = request.range.to - request.range.from;
        update({
          rows: entry.job.rows + chunk.rows,
          progress: span > 0 ? Math.min(0.99, (upTo - request.range.from) / span) : 0,
        });
      });
      for await (const block of request.source.raw(
        tags.map((tag) => tag.id),
        request.range,
        signal,
      )) {
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
      update({ state: 'done', progress: 1, bytes: statSync(entry.path).size, artifact: id });
    } catch (error) {
      await writer
        ?.abort()
        .catch((failure: unknown) => log.warn('A cancelled export left its file behind.', { error: String(failure) }));
      if (signal.aborted) update({ state: 'cancelled', message: null });
      else {
        const message = isAppError(error)
          ? error.message
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

const isOpen = ({ state }: ExportJob): boolean => state === 'waiting' || state === 'running';

function columnsOf(tags: readonly StoredTag[], quality: boolean): ColumnSpec[] {
  const columns: ColumnSpec[] = [{ name: 'time', unit: null, type: 'time' }];
  for (const tag of tags) {
    columns.push({ name: tag.name, unit: tag.recipe.unit, type: tag.recipe.form === 'text' ? 'text' : 'number' });
    if (quality) columns.push({ name: `${tag.name} quality`, unit: null, type: 'text' });
  }
  return columns;
}

/**
 * Puts the samples of many tags on rows of equal time. Each block holds all samples of one stretch of time, so rows are
 * complete when a block ends. A bad sample leaves its value empty; its quality says why.
 */
export function createRowMerger(
  tags: readonly Pick<StoredTag, 'id' | 'recipe'>[],
  quality: boolean,
  write: (chunk: TableChunk, upTo: number) => Promise<void>,
): { add(block: readonly Series[]): Promise<void>; flush(): Promise<void> } {
  const perTag = quality ? 2 : 1;
  const rowsPerChunk = Math.max(16, Math.min(ROWS_PER_CHUNK, Math.floor(CELLS_PER_CHUNK / (1 + tags.length * perTag))));
  const text = tags.map((tag) => tag.recipe.form === 'text');
  const fresh = (): (Float64Array<ArrayBuffer> | (string | null)[])[] => {
    const columns: (Float64Array<ArrayBuffer> | (string | null)[])[] = [new Float64Array(rowsPerChunk)];
    for (const isText of text) {
      columns.push(
        isText ? new Array<string | null>(rowsPerChunk).fill(null) : new Float64Array(rowsPerChunk).fill(Number.NaN),
      );
      if (quality) columns.push(new Array<string | null>(rowsPerChunk).fill(null));
    }
    return columns;
  };
  let columns = fresh();
  let rows = 0;
  const flush = async (): Promise<void> => {
    if (rows === 0) return;
    const full = columns;
    const count = rows;
    const upTo = (full[0] as Float64Array)[count - 1]!;
    columns = fresh();
    rows = 0;
    await write(
      { rows: count, columns: full.map((column) => (count === rowsPerChunk ? column : column.slice(0, count))) },
      upTo,
    );
  };
  return {
    async add(block) {
      const bySlot = tags.map((tag) => block.find((series) => series.tag === tag.id) ?? null);
      const at = new Array<number>(tags.length).fill(0);
      for (;;) {
        let time = Number.POSITIVE_INFINITY;
        for (let slot = 0; slot < bySlot.length; slot++) {
          const next = bySlot[slot]?.time[at[slot]!];
          if (next !== undefined && next < time) time = next;
        }
        if (time === Number.POSITIVE_INFINITY) return;
        (columns[0] as Float64Array)[rows] = time;
        for (let slot = 0; slot < bySlot.length; slot++) {
          const series = bySlot[slot];
          const index = at[slot]!;
          if (series === null || series === undefined || series.time[index] !== time) continue;
          at[slot] = index + 1;
          const code = series.quality[index]!;
          const target = columns[1 + slot * perTag]!;
          if (!isBad(code))
            target[rows] = text[slot] ? (series.texts?.[series.value[index]!] ?? '') : series.value[index]!;
          if (quality) columns[2 + slot * perTag]![rows] = qualityText(code);
        }
        rows += 1;
        if (rows === rowsPerChunk) await flush();
      }
    },
    flush,
  };
}
