import { conflate, copyWhole, type LogLevel } from '#engine/platform/index.ts';
import { formatTagCsv } from '#engine/project/index.ts';
import { AppError } from '#shared/errors.ts';
import type { AppContract } from '#shared/rpc/contract.ts';
import type { HandlersOf } from '#shared/rpc/index.ts';
import { addressesAt, browseStream, bytesStream, mappedPlaces } from './browsing.ts';
import { buildCatalogue } from './catalogue.ts';
import { choicesOf } from './choices.ts';
import { checkConnection, testConnection } from './connections.ts';
import { graphHandlers } from './graphs.ts';
import { movedAddresses, rereadStream, resolveStream, scanAreasOf, scanStream } from './looking.ts';
import { historyHandlers } from './queries.ts';
import { sendingHandlers } from './sending.ts';
import { refuseEmpty, type Services } from './services.ts';
import { sourceHandlers } from './sources.ts';
import { projectStream, tagStream } from './streams.ts';
import { supportFile } from './support.ts';
import { checkAddresses, previewImport } from './tags.ts';
import { keepTrace, keptTraces, readTrace, traceStream } from './traces.ts';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
/** States that people look at; more often than this and the eye can't follow. */
const STATE_MS = 250;

/** One handler per procedure: translation only, the rules live in the modules. */
export function createHandlers(services: Services): HandlersOf<AppContract> {
  const { clock, project, recorder, files, recordingJobs, exports } = services;
  const catalogue = buildCatalogue(services.protocols, services.exporters, services.sources.backends);
  return {
    catalogue: {
      get: async () => catalogue,
      choices: async ({ list }) => ({ choices: await choicesOf(list) }),
    },
    engine: {
      health: (_input, { signal }) =>
        conflate(services.health, (listener) => every(services, 1_000, listener), clock, signal, STATE_MS),
      alerts: (_input, { signal }) =>
        conflate(() => ({ alerts: [...services.alerts.list()] }), services.alerts.watch, clock, signal, STATE_MS),
      supportFile: () => supportFile(services),
      log: (input, { signal }) => logStream(services, input, signal),
      async logLevels() {
        const { level, modules } = services.logBook.levels();
        return { level, modules: [...modules] };
      },
      async setLogLevel(input) {
        if (input.module === null) services.logBook.setLevel(null, input.level);
        else services.logBook.setLevel(input.module, input.level);
      },
    },
    graphs: graphHandlers(services),
    sources: sourceHandlers(services),
    sending: sendingHandlers(services),
    preferences: {
      get: async ({ name }) => ({ value: services.installation.preferences.get(name) }),
      async set({ name, value }) {
        services.installation.preferences.set(name, value);
      },
    },
    project: {
      watch: (_input, { signal }) => projectStream(services, signal),
      async commit({ changes }) {
        for (const [at, { kind, document }] of changes.entries()) {
          if (kind === 'source') await services.sources.accept(document, `changes.${at}.document`);
        }
        const { written, removed } = project.commit(changes);
        return {
          written: [...written],
          removed: removed.map(({ kind, revision, document }) => ({ kind, id: document.id, revision, document })),
        };
      },
      save: () => services.saveProject(),
      async replace({ bytes }) {
        const { documents, problems, keptAt } = await services.replaceProject(bytes);
        return { documents, problems: [...problems], keptAt };
      },
      loadDemo: async () => services.loadDemo(),
    },
    connections: {
      watch: (_input, { signal }) =>
        conflate(
          () => ({ connections: [...services.acquisition.status()] }),
          services.acquisition.watch,
          clock,
          signal,
          STATE_MS,
        ),
      check: async ({ connection, devices }) => checkConnection(services, connection, devices),
      test: (input, { signal }) => testConnection(services, input, signal),
      trace: ({ id }, { signal }) => traceStream(services, id, signal),
      keptTraces: (_input, { signal }) => keptTraces(services, signal),
      keepTrace: async ({ id, on }) => keepTrace(services, id, on),
      readTrace: ({ id }, { signal }) => readTrace(services, id, signal),
      async retry({ id }) {
        services.acquisition.retry(id);
      },
    },
    browsing: {
      list: (input, { signal }) => browseStream(services, input, signal),
      bytes: (input, { signal }) => bytesStream(services, input, signal),
      addresses: async (input) => ({ addresses: addressesAt(services, input) }),
      mapped: async (input) => ({ places: mappedPlaces(services, input) }),
    },
    looking: {
      resolve: (input, { signal }) => resolveStream(services, input, signal),
      moved: async ({ deviceId, shift }) => movedAddresses(services, deviceId, shift),
      reread: ({ tagId }, { signal }) => rereadStream(services, tagId, signal),
      scanAreas: async ({ deviceId }) => ({ areas: scanAreasOf(services, deviceId) }),
      scan: (input, { signal }) => scanStream(services, input, signal),
    },
    tags: {
      watch: (_input, { signal }) => tagStream(services, signal),
      checkAddresses: async ({ deviceId, texts }, { signal }) => ({
        results: await checkAddresses(services, deviceId, texts, signal),
      }),
      async exportCsv({ tagIds }) {
        const chosen = tagIds === null ? null : new Set(tagIds);
        const tags = project.list('tag').map((stored) => stored.document);
        return {
          text: formatTagCsv(chosen === null ? tags : tags.filter((tag) => chosen.has(tag.id)), {
            connections: project.list('connection').map((stored) => stored.document),
            devices: project.list('device').map((stored) => stored.document),
          }),
        };
      },
      previewImport: (input, { signal }) => previewImport(services, input, signal),
    },
    live: {
      values: ({ tags, maxHz }, { signal }) => services.live.values({ tagIds: tags, maxHz }, signal),
      rows: ({ tags, maxHz }, { signal }) => services.live.rows({ tagIds: tags, maxHz }, signal),
    },
    history: {
      ...historyHandlers(services),
      async addNote({ from, to, text, tagIds }, { session }) {
        // A note at an instant may be given as a range of no length.
        if (to !== null) refuseEmpty({ from, to: to + 1 });
        return services.store.addEvent({ kind: 'note', from, to, text, tagIds, author: session.user, labels: {} });
      },
    },
    recording: {
      watch: (_input, { signal }) => conflate(recorder.state, recorder.watch, clock, signal, STATE_MS),
      start: (input) => recorder.start(input),
      stop: () => recorder.stop(),
      files: (_input, { signal }) =>
        conflate(
          async () => ({ files: [...(await files.list())], opened: [...files.opened()] }),
          files.watch,
          clock,
          signal,
          STATE_MS,
        ),
      open: (target) => files.open(target),
      async choose() {
        if (services.dialogs === null) {
          throw new AppError(
            'access.denied',
            'A browser opens only what lies in the recordings folder. Copy the file there, or open it in the desktop program.',
            { details: { required: 'desktop program' } },
          );
        }
        const path = await services.dialogs.openRecording();
        return { opened: path === null ? null : await files.openChosen(path) };
      },
      close: ({ id }) => files.close(id),
      remove: ({ id }) => files.remove(id),
    },
    recordingJobs: {
      async start(request) {
        if (request.kind === 'fetch') refuseEmpty(request.range);
        return { id: recordingJobs.start(request) };
      },
      async estimate(request, { signal }) {
        refuseEmpty(request.range);
        return services.fetcher.estimate(request, signal);
      },
      watch: (_input, { signal }) =>
        conflate(() => ({ jobs: [...recordingJobs.list()] }), recordingJobs.watch, clock, signal, STATE_MS),
      async cancel({ id }) {
        recordingJobs.cancel(id);
      },
      async remove({ id }) {
        recordingJobs.remove(id);
      },
    },
    exports: {
      async start(request) {
        refuseEmpty(request.range);
        return { id: exports.start(request) };
      },
      watch: (_input, { signal }) =>
        conflate(() => ({ jobs: [...exports.list()] }), exports.watch, clock, signal, STATE_MS),
      async cancel({ id }) {
        exports.cancel(id);
      },
      async remove({ id }) {
        exports.remove(id);
      },
      async saveAs({ id }) {
        const artifact = exports.artifact(id);
        if (artifact === null || services.dialogs === null) {
          throw new AppError('store.not-found', 'This export is not there any more. Run it again.', {
            details: { kind: 'export', id },
          });
        }
        const path = await services.dialogs.saveAs(artifact.name);
        if (path !== null) await copyWhole(artifact.path, path);
        return { saved: path !== null };
      },
    },
  };
}

function every(services: Services, ms: number, listener: () => void): Disposable {
  let timer: Disposable = services.clock.after(ms, tick);
  function tick(): void {
    listener();
    timer = services.clock.after(ms, tick);
  }
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

async function* logStream(
  services: Services,
  input: { readonly level: LogLevel; readonly module: string | null },
  signal: AbortSignal,
): AsyncGenerator<{
  lines: { time: string; level: LogLevel; module: string; text: string; fields: string | null }[];
  dropped: number;
}> {
  let after = Math.max(0, services.logBook.since(0).last - 1_000);
  const from = LEVELS.indexOf(input.level);
  yield* conflate(
    () => {
      const { lines, last, dropped } = services.logBook.since(after);
      after = last;
      return {
        dropped,
        lines: lines
          .filter(
            (line) => LEVELS.indexOf(line.level) >= from && (input.module === null || line.module === input.module),
          )
          .map(({ fields, ...line }) => ({ ...line, fields: fields === undefined ? null : JSON.stringify(fields) })),
      };
    },
    services.logBook.watch,
    services.clock,
    signal,
    STATE_MS,
  );
}
