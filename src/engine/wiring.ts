import { basename, extname } from 'node:path';
import type { Acquisition } from '#engine/acquisition/index.ts';
import { createExportWriter, exporters } from '#engine/exporters/index.ts';
import type { OpenedFile, SampleStore } from '#engine/historian/index.ts';
import type { RuntimeTag, TagTable } from '#engine/live/index.ts';
import { type Alerts, type Clock, type Logger, readDurable, writeDurable } from '#engine/platform/index.ts';
import { type PlacedIssue, type ProjectStore, placeText } from '#engine/project/index.ts';
import {
  type Archive,
  createArchive,
  type RecordingFiles,
  type SendTargets,
  type SeriesThere,
} from '#engine/recording/index.ts';
import {
  createSourceDesk,
  openConfiguredSources,
  type SourceDesk,
  type SourceDeskDeps,
} from '#engine/sources/index.ts';
import { AppError } from '#shared/errors.ts';

// Modules that do not know each other, kept in step: the project drives acquisition, the tag table drives the store,
// what the history forgets goes through an exporter.

/** Keeps the store's idea of a tag equal to the table's, names of connection and device included. */
export function registerTags(table: TagTable, store: SampleStore, project: ProjectStore): void {
  const register = (tags: readonly RuntimeTag[]): void => {
    if (tags.length === 0) return;
    store.register(
      tags.map((tag) => ({
        index: tag.index,
        id: tag.id,
        name: tag.name,
        description: tag.description,
        connection: project.get('connection', tag.connectionId)?.document.name ?? '',
        device: project.get('device', tag.deviceId)?.document.name ?? '',
        address: tag.address,
        periodMs: tag.periodMs,
        timeKind: tag.timeKind,
        demo: tag.demo,
        decimals: tag.decimals,
        range: tag.range,
        recipe: tag.recipe,
      })),
    );
  };
  table.watch(({ added, changed }) => register([...added, ...changed]));
}

export function applyProject(project: ProjectStore, acquisition: Acquisition): void {
  acquisition.apply({
    connections: project.list('connection').map((stored) => stored.document),
    devices: project.list('device').map((stored) => stored.document),
    tags: project.list('tag').map((stored) => stored.document),
  });
}

/** A connection that is lost or degraded is an alert until it runs again. */
export function watchLinks(acquisition: Acquisition, project: ProjectStore, alerts: Alerts): Disposable {
  let raised = new Set<string>();
  return acquisition.watch(() => {
    const now = new Set<string>();
    for (const link of acquisition.status()) {
      if ((link.state !== 'lost' && link.state !== 'degraded') || link.message === null) continue;
      const id = `link-${link.connectionId}`;
      now.add(id);
      alerts.raise(id, {
        severity: link.state === 'lost' ? 'error' : 'warning',
        source: project.get('connection', link.connectionId)?.document.name ?? 'Connection',
        text: link.message,
        advice: null,
      });
    }
    for (const id of raised) if (!now.has(id)) alerts.clear(id);
    raised = now;
  });
}

/** Writes Parquet files into `directory`; `memoryPath` is where it notes how far it is. */
export function createParquetArchive(
  directory: string,
  { worker, memoryPath, log }: { readonly worker: URL; readonly memoryPath: string; readonly log: Logger },
): Archive {
  const parquet = exporters.find((exporter) => exporter.id === 'parquet')!;
  const options = parquet.options.parse({});
  return createArchive({
    directory,
    extension: parquet.extension,
    openWriter: (path, columns) => createExportWriter({ worker, exporter: parquet.id, path, columns, options }),
    memory: { read: () => readDurable(memoryPath), write: (text) => writeDurable(memoryPath, text) },
    log,
  });
}

/** Why nothing is forgotten, as an alert that goes when that is over. */
export function tellRetentionTrouble(alerts: Alerts, id: string, sentence: string | null): void {
  if (sentence === null) alerts.clear(id);
  else {
    alerts.raise(id, {
      severity: 'error',
      source: 'History',
      text: sentence,
      advice: 'Nothing is lost, but the disk fills. Check that the folder of the archive can be written and has room.',
    });
  }
}

/** What is wrong in a file of configuration, as one alert that names the first places; the log has them all. */
export function tellFaults(alerts: Alerts, id: string, source: string, issues: readonly PlacedIssue[]): void {
  const [first] = issues;
  if (first === undefined) {
    alerts.clear(id);
    return;
  }
  const more = issues.length === 1 ? '' : ` There are ${issues.length - 1} more.`;
  alerts.raise(id, {
    severity: 'warning',
    source,
    text: `${placeText(first)} ${first.path}: ${first.message}${more}`,
    advice: 'Correct the file and start ParX again. Only what is named is left out; the log lists every place.',
  });
}

/** The sources of the project, and those of a file beside them. */
export async function openSources(path: string, deps: Omit<SourceDeskDeps, 'configured'>): Promise<SourceDesk> {
  const { sources, issues } = await openConfiguredSources(path, deps.backends);
  for (const issue of issues) deps.log.warn(`${placeText(issue)} ${issue.path}: ${issue.message}`);
  tellFaults(deps.alerts, 'source-configuration', 'Sources', issues);
  return createSourceDesk({ ...deps, configured: sources });
}

/** Series of a source that are listed at a time. */
const SERIES_AT_ONCE = 10_000;

/** The sources as a send writes to them. */
export const sendTargets = (sources: SourceDesk): SendTargets => ({
  describe(id) {
    const found = sources.status().find((one) => one.id === id);
    if (found !== undefined) return { name: found.name, place: found.endpoint };
    throw new AppError('store.not-found', 'There is no such source any more. Choose one from the list of backends.', {
      details: { kind: 'source', id },
    });
  },
  async series(id, signal) {
    const { connection } = await sources.open(id, signal);
    const series: SeriesThere[] = [];
    for (let offset = 0; connection.tags !== undefined; offset += SERIES_AT_ONCE) {
      const { tags } = await connection.tags({ text: '', ids: null, offset, limit: SERIES_AT_ONCE }, signal);
      series.push(...tags);
      if (tags.length < SERIES_AT_ONCE) break;
    }
    return series;
  },
  write: (id, samples, signal) => sources.write(id, samples, signal),
});

const KEEP_MS = 60_000;

/** Keeps so many recordings in the folder, each archived before it is removed; where that fails it stays. */
export function keepNewestRecordings(
  files: RecordingFiles,
  count: number,
  deps: {
    readonly clock: Clock;
    readonly alerts: Alerts;
    readonly archive: Archive | null;
    readonly open: (path: string) => Promise<OpenedFile>;
  },
): { close(): Promise<void> } {
  const { clock, alerts, archive } = deps;
  const stop = new AbortController();
  const archiveFile = async (path: string): Promise<void> => {
    stop.signal.throwIfAborted();
    if (archive === null) return;
    const file = await deps.open(path);
    try {
      await archive.recording(file, basename(path, extname(path)), stop.signal);
    } finally {
      await file.close();
    }
  };
  let running: Promise<void> = Promise.resolve();
  const later = (): Disposable =>
    clock.after(KEEP_MS, () => {
      running = files
        .keepNewest(count, archiveFile)
        .then(
          () => tellRetentionTrouble(alerts, 'recordings-kept', null),
          (error: unknown) => {
            if (stop.signal.aborted) return;
            const reason = error instanceof Error ? error.message : String(error);
            tellRetentionTrouble(alerts, 'recordings-kept', `The oldest recordings are not removed: ${reason}`);
          },
        )
        .finally(() => {
          if (!stop.signal.aborted) timer = later();
        });
    });
  let timer = later();
  return {
    async close() {
      stop.abort();
      timer[Symbol.dispose]();
      await running;
    },
  };
}
