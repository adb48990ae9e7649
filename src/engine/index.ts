import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createAcquisition } from '#engine/acquisition/index.ts';
import { createGraphDesk, createSources } from '#engine/analytics/index.ts';
import { buildCatalogue, createHandlers, type HostDialogs, historySource, type Services } from '#engine/api/index.ts';
import { createExportWriter } from '#engine/exporters/index.ts';
import { openRecording, openStore, workOnFiles } from '#engine/historian/index.ts';
import { lockDataDirectory, openInstallation, type SecretProtector } from '#engine/installation/index.ts';
import { createLive, createTagTable } from '#engine/live/index.ts';
import {
  type Alerts,
  type Clock,
  createAlerts,
  createLogBook,
  createLogger,
  type Logger,
  type LogLevel,
  type LogLine,
  readDurable,
  systemClock,
  systemNetwork,
  type WorkerUrls,
  withStoreErrors,
  writeDurable,
} from '#engine/platform/index.ts';
import { openMetricRegistry, openProject, type ProjectStore, replaceProject } from '#engine/project/index.ts';
import {
  createExportJobs,
  createRangeFetcher,
  createRecorder,
  createRecordingFiles,
  createRecordingJobs,
  createSendJobs,
} from '#engine/recording/index.ts';
import { isAppError } from '#shared/errors.ts';
import { zoneOf } from '#shared/model/index.ts';
import type { Catalogue } from '#shared/rpc/catalogue.ts';
import { contract } from '#shared/rpc/contract.ts';
import { type Port, type Session, serve } from '#shared/rpc/index.ts';
import { addDemo, type DemoAddress } from './demo.ts';
import { allPlugins, pluginsWithout } from './plugins.ts';
import { noteAbsence, noteConfiguration, openRunMark, watchComputer } from './run-notes.ts';
import {
  applyProject,
  createParquetArchive,
  keepNewestRecordings,
  openSources,
  registerTags,
  sendTargets,
  tellFaults,
  tellRetentionTrouble,
  watchLinks,
} from './wiring.ts';

export type { HostDialogs } from '#engine/api/index.ts';
export type { LogLevel, LogLine, WorkerName, WorkerUrls } from '#engine/platform/index.ts';
export type { DemoAddress } from './demo.ts';

/** What only the process around the engine can do. Absent abilities are simply not offered. */
export interface HostAbilities {
  readonly kind: 'desktop' | 'server';
  /** Called when something is recorded or written (`busy`) and when that ends. */
  readonly keepAwake?: (busy: boolean, recording: string | null) => void;
  readonly dialogs?: HostDialogs;
  /** Starts the demo line's own process, or gives the running one. Absent when demo is off. */
  readonly startDemo?: () => Promise<DemoAddress>;
  /** The operating system's own store for secrets; absent: a key file in the data folder. */
  readonly secrets?: SecretProtector;
}

export interface EngineOptions {
  readonly dataDirectory: string;
  /** The demo project's documents as JSON text; shipped with the program. */
  readonly demoProject?: string;
  /** Bundlers place workers, so the host says where. */
  readonly workers: WorkerUrls;
  readonly version: string;
  readonly logLevel: LogLevel;
  readonly onLog?: (line: LogLine) => void;
  readonly clock?: Clock;
  readonly host: HostAbilities;
  readonly history: {
    readonly maxAgeMs: number;
    readonly maxBytes: number;
    readonly flushMs: number;
    /** Bytes that stay free on its disk; absent: no matter. */
    readonly minFreeBytes?: number;
  };
  /** Recordings in the folder above which the oldest are removed; 0 or absent: all are kept. */
  readonly keepRecordings?: number;
  /** File of sources that configuration gives; null or absent: `sources.yaml` in the data folder, if it is there. */
  readonly sources?: string | null;
  /** Ids of protocols, export formats and backends that are switched off; throws `config.invalid` for one that there is not. */
  readonly without?: readonly string[];
  /** Folder for Parquet files of what is forgotten or removed by these limits; null or absent: none are written. */
  readonly archive?: string | null;
}

export interface Engine {
  /** Serves one screen on this port until it closes. */
  attach(port: Port, session: Session): Disposable;
  /** A finished export, for the host to hand out. */
  openArtifact(
    id: string,
  ): Promise<{ readonly path: string; readonly name: string; readonly mediaType: string } | null>;
  /** A file that was chosen on this computer, wherever it lies; screens are told of it. */
  openRecording(path: string): Promise<void>;
  saveProject(path: string): Promise<void>;
  /** Another project file takes the place of the open one, which is kept beside the backups. */
  openProject(path: string): Promise<void>;
  power(event: 'suspend' | 'resume'): void;
  /** For the host's own lines in the program's log. */
  log(module: string): Pick<Logger, 'info' | 'warn'>;
  /** Notes why the process is about to die; synchronous, for the last moments of a crash. */
  noteCrash(reason: string): void;
  /** Closes drivers, seals chunks, leaves no open handle. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * The only door to the product. Opens the data folder (throws `store.locked` when another program holds it,
 * `store.read-only`, `store.too-new`), recovers what a crash left, and goes on with what was running.
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const clock = options.clock ?? systemClock();
  const { protocols, exporters, backends } = pluginsWithout(options.without ?? []);
  const at = (...names: string[]): string => join(options.dataDirectory, ...names);
  withStoreErrors(options.dataDirectory, () => mkdirSync(options.dataDirectory, { recursive: true }));
  const logBook = createLogBook({
    directory: at('log'),
    level: options.logLevel,
    ...(options.onLog === undefined ? {} : { echo: options.onLog }),
  });
  const log = createLogger(logBook.write);
  const startedAt = clock.now();
  const alerts = createAlerts(clock);
  const undo: (() => Promise<void> | void)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of undo.splice(0).reverse()) {
      // One part that fails to close must not keep the others open.
      try {
        await close();
      } catch (error) {
        log.error('A part of the engine did not close.', { error: String(error) });
      }
    }
  };

  try {
    const lock = lockDataDirectory(options.dataDirectory, clock);
    undo.push(() => lock[Symbol.dispose]());
    const installation = openInstallation(options.dataDirectory, {
      clock,
      log: log.module('installation'),
      protector: options.host.secrets ?? null,
    });
    undo.push(() => installation.close());
    const mark = openRunMark(at('running.json'), log);
    undo.push(mark.clear);

    const { archive: archiveFolder = null } = options;
    const archive =
      archiveFolder === null
        ? null
        : createParquetArchive(archiveFolder, {
            worker: options.workers.exporter,
            memoryPath: at('archive.json'),
            log: log.module('archive'),
          });
    const { store, recovery } = await openStore(
      {
        path: at('history.parx'),
        ...options.history,
        ...(archive === null ? {} : { archive: archive.history }),
        onRetentionTrouble: (sentence) => tellRetentionTrouble(alerts, 'history-retention', sentence),
      },
      { clock, log: log.module('historian'), workers: options.workers },
    );
    undo.push(() => store.close());
    for (const sentence of recovery.sentences) log.info(sentence);
    const project = openProject(at('project.parxproject'), {
      clock,
      log: log.module('project'),
      backupsDirectory: at('backups'),
    });
    undo.push(() => project.close());

    const table = createTagTable();
    const live = createLive({ clock, table, textOf: store.textOf });
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    undo.push(() => {
      delay.disable();
    });
    const openFile = (path: string) =>
      openRecording(path, { clock, log: log.module('historian'), workers: options.workers });
    const files = createRecordingFiles({
      directory: at('recordings'),
      open: openFile,
      clock,
      log: log.module('recording'),
    });
    undo.push(() => files.closeAll());
    const { keepRecordings = 0 } = options;
    if (keepRecordings > 0) {
      const keeping = keepNewestRecordings(files, keepRecordings, { clock, alerts, archive, open: openFile });
      undo.push(() => keeping.close());
    }
    const fetcher = createRangeFetcher({
      viewer: (source, signal) => reads.viewer(source, signal),
      openStore: async (path) =>
        (await openStore({ path, flushMs: 0 }, { clock, log: log.module('fetch'), workers: options.workers })).store,
      directory: at('fetching'),
      clock,
    });
    const recordingJobs = createRecordingJobs({
      fetcher,
      directory: at('recordings'),
      pathOf: files.pathOf,
      work: (work, onProgress, signal) => workOnFiles(work, options.workers, onProgress, signal),
      onFiles: files.changed,
      clock,
      log: log.module('recording'),
      newId: randomUUID,
    });
    undo.push(() => recordingJobs.close());
    const recorder = createRecorder({
      store,
      memory: {
        read: () => readDurable(at('recorder.json')),
        write: (text) => writeDurable(at('recorder.json'), text),
      },
      directory: at('recordings'),
      clock,
      log: log.module('recording'),
      alerts,
      freeBytes: () => freeBytes(options.dataDirectory),
      onFile: files.changed,
      tagCount: () => table.all().length,
    });
    undo.push(() => recorder.close());
    const exports = createExportJobs({
      directory: at('exports'),
      exporters,
      openWriter: (exporter, path, columns, settings) =>
        createExportWriter({
          worker: options.workers.exporter,
          exporter: exporter.id,
          path,
          columns,
          options: settings,
        }),
      viewer: (source, signal) => reads.viewer(source, signal),
      clock,
      log: log.module('export'),
      newId: randomUUID,
    });
    undo.push(() => exports.close());

    registerTags(table, store, project);
    const acquisition = createAcquisition({
      clock,
      log: log.module('acquisition'),
      protocols,
      table,
      intern: store.intern,
      deliver(block) {
        live.accept(block);
        recorder.accept(block);
      },
      onGap: (gap) => {
        store
          .addGap({ from: gap.from, to: gap.to }, gap.reason, gap.quality, gap.tagIds)
          .catch((error: unknown) => log.warn('A gap could not be stored.', { error: String(error) }));
      },
    });
    undo.push(() => acquisition.stop());
    noteAbsence(store, mark.lastRun, recovery, startedAt, log);
    mark.set(startedAt);
    const stopWatch = watchComputer(clock, store, log, () => acquisition.networkChanged());
    undo.push(() => stopWatch[Symbol.dispose]());

    const keepAwake = (): void => options.host.keepAwake?.(recorder.busy(), recorder.state().active?.name ?? null);
    let wasBusy: boolean | null = null;
    const recorderWatch = recorder.watch(() => {
      if (recorder.busy() !== wasBusy) {
        wasBusy = recorder.busy();
        keepAwake();
      }
    });
    undo.push(() => recorderWatch[Symbol.dispose]());

    const loadDemo = async (restore: boolean): Promise<{ connectionId: string; trendId: string }> => {
      const { startDemo } = options.host;
      const loaded = await addDemo({ project, demoProject: options.demoProject, startDemo, restore, clock, log });
      alerts.clear('demo-line');
      return loaded;
    };
    const declared = await openMetricRegistry(at('metrics'));
    tellFaults(alerts, 'metric-registry', 'Registry of metrics', declared.issues);
    const declaredMetrics = new Map(declared.metrics.map(({ key, identifier }) => [key, identifier]));
    const sources = await openSources(options.sources ?? at('sources.yaml'), {
      clock,
      log: log.module('sources'),
      alerts,
      network: systemNetwork,
      backends,
      history: (source) => historySource(services, source),
      metric: (key) => declaredMetrics.get(key),
      documents: () => project.list('source').map(({ document }) => document),
      secrets: installation.secrets,
    });
    undo.push(() => sources.close());
    const replaceWith = (path: string, name = path) => {
      const how = { clock, log: log.module('project'), directory: at('backups'), name };
      return sources.replacing(() => replaceProject(project, path, how));
    };
    const sendJobs = createSendJobs({
      history: store,
      openFile,
      targets: sendTargets(sources),
      memory: {
        read: () => readDurable(at('sending.json')),
        write: (text) => writeDurable(at('sending.json'), text),
      },
      clock,
      log: log.module('sending'),
      newId: randomUUID,
    });
    undo.push(() => sendJobs.close());
    const projectWatch = project.watch((changes) => {
      applyProject(project, acquisition);
      if (changes.some(({ kind }) => kind === 'source')) sources.apply();
      noteConfiguration(store, changes, project, clock, log);
    });
    undo.push(() => projectWatch[Symbol.dispose]());
    // The plant's own devices do not wait for the demo line.
    applyProject(project, acquisition);
    await startDemoAtStart(project, options, loadDemo, log, alerts);

    const reads = createSources({
      clock,
      log: log.module('sources'),
      history: (source) => historySource(services, source),
      project: async (id, signal) => (sources.has(id) ? sources.open(id, signal) : undefined),
    });
    const services: Services = {
      clock,
      log,
      logBook,
      alerts,
      protocols,
      exporters,
      project,
      installation,
      table,
      live,
      acquisition,
      store,
      recorder,
      files,
      recordingJobs,
      fetcher,
      sendJobs,
      reread: (path, tags, signal) => workOnFiles({ kind: 'reread', path, tags }, options.workers, () => {}, signal),
      exports,
      sources,
      graphs: createGraphDesk({
        clock,
        log: log.module('graphs'),
        declared,
        open: reads.open,
        zone: () => zoneOf(project.list('settings')[0]?.document.timeZone ?? null).name,
      }),
      viewer: reads.viewer,
      newId: randomUUID,
      loadDemo: () => loadDemo(true),
      async saveProject() {
        // Two screens may save at the same time.
        const path = at(`saving-${randomUUID()}.parxproject`);
        let bytes: Uint8Array<ArrayBuffer>;
        try {
          await project.saveAs(path);
          bytes = new Uint8Array(readFileSync(path));
        } finally {
          rmSync(path, { force: true });
        }
        return { name: `${project.list('settings')[0]?.document.name ?? 'project'}.parxproject`, bytes };
      },
      async replaceProject(bytes) {
        const path = at(`received-${randomUUID()}.parxproject`);
        try {
          withStoreErrors(path, () => writeFileSync(path, bytes));
          return await replaceWith(path, 'The chosen file');
        } finally {
          rmSync(path, { force: true });
        }
      },
      dialogs: options.host.dialogs ?? null,
      health: () => ({
        version: options.version,
        startedAt,
        now: clock.now(),
        memoryBytes: process.memoryUsage.rss(),
        eventLoopP99Ms: delay.percentile(99) / 1e6,
        samplesPerSecond: recorder.state().samplesPerSecond,
        overruns: acquisition
          .status()
          .reduce((sum, link) => sum + link.groups.reduce((all, group) => all + group.overruns, 0), 0),
        dataDirectory: options.dataDirectory,
        host: options.host.kind,
        keepAwake: recorder.busy(),
        historyCache: store.status().cache,
      }),
    };
    sources.apply();
    sendJobs.begin();
    const handlers = createHandlers(services);
    const attached = new Set<Disposable>();
    undo.push(() => {
      for (const served of attached) served[Symbol.dispose]();
    });
    log.info('Engine started.', { version: options.version, dataDirectory: options.dataDirectory });

    let stopping: Promise<void> | null = null;
    const alertsOfLinks = watchLinks(acquisition, project, alerts);
    undo.push(() => alertsOfLinks[Symbol.dispose]());
    return {
      attach(port, session) {
        const served = serve(
          contract,
          handlers,
          forgetting(port, () => attached.delete(served)),
          session,
          {
            onAudit({ session: { user }, procedure, allowed }) {
              const line = { user, action: procedure, subject: '', result: allowed ? 'allowed' : 'refused' };
              try {
                installation.audit.append(line);
              } catch (error) {
                // On a full disk old recordings must still be removed, which is what makes room again.
                if (!isAppError(error, 'store.disk-full')) throw error;
                log.warn('The disk is full: this use is in the log and not in the audit.', line);
              }
            },
            onBug: (error, reference, procedure) =>
              log.error('A procedure failed unexpectedly.', {
                reference,
                procedure,
                error: error instanceof Error ? (error.stack ?? error.message) : String(error),
              }),
            onRefused: (error) => log.warn('A screen was disconnected.', { code: error.code, reason: error.message }),
          },
        );
        attached.add(served);
        return served;
      },
      openArtifact: async (id) => exports.artifact(id),
      async openRecording(path) {
        await files.openChosen(path);
      },
      saveProject: async (path) => project.saveAs(path),
      async openProject(path) {
        await replaceWith(path);
      },
      power(event) {
        log.info(event === 'suspend' ? 'The computer goes to sleep.' : 'The computer has woken up.');
      },
      log: (module) => log.module(module),
      noteCrash(reason) {
        log.error(reason);
        logBook.flush();
        mark.crashed(reason);
      },
      stop() {
        stopping ??= closeAll().then(() => {
          log.info('Engine stopped.');
          return logBook.written();
        });
        return stopping;
      },
    };
  } catch (error) {
    await closeAll();
    log.error('The engine could not be started.', { error: String(error) });
    await logBook.written();
    throw error;
  }
}

/** Protocols, export formats and backends with id, version, abilities and settings, as the screen gets them too. */
export const catalogue = (): Catalogue =>
  buildCatalogue(allPlugins.protocols, allPlugins.exporters, allPlugins.backends);

async function startDemoAtStart(
  project: ProjectStore,
  options: EngineOptions,
  loadDemo: (restore: boolean) => Promise<unknown>,
  log: Logger,
  alerts: Alerts,
): Promise<void> {
  if (options.host.startDemo === undefined) return;
  const untouched = project.list('connection').length === 0 && project.list('tag').length === 0;
  const present = project.list('connection').some(({ document }) => document.demo && document.enabled);
  if (!untouched && !present) return;
  try {
    // What the user has removed from the demo does not come back by itself.
    await loadDemo(untouched);
  } catch (error) {
    log.error('The demo line could not be started.', { error: String(error) });
    alerts.raise('demo-line', {
      severity: 'warning',
      source: 'Demo line',
      text: isAppError(error) ? error.message : 'The demo line could not be started. The log has the reason.',
      advice: 'Start ParX again, or with --no-demo to be without it. Nothing else depends on it.',
    });
  }
}

/** A port has one listener for its end; this one calls `forget` before it. */
function forgetting(port: Port, forget: () => void): Port {
  return {
    ...port,
    onClose: (listener) =>
      port.onClose(() => {
        forget();
        listener();
      }),
  };
}

async function freeBytes(path: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch {
    // Some network file systems do not tell.
    return null;
  }
}
