import { type Alerts, type Clock, createChanging, type Logger, type Network } from '#engine/platform/index.ts';
import {
  createRunning,
  type RunningSource,
  type TsdbBackend,
  type TsdbConnection,
  type TsdbContext,
} from '#engine/tsdb/index.ts';
import { AppError } from '#shared/errors.ts';
import { backendCapabilities, type MetricIdentifier, type MetricSamples } from '#shared/model/graph/index.ts';
import {
  DEFAULT_LIMITS,
  type MappingDrift,
  NO_ABILITIES,
  type SlowQuery,
  type SourceDocument,
  type SourceLimits,
  type SourceStatus,
  sourceDocument,
  type TestStep,
} from '#shared/model/index.ts';
import { createDriftWatch, type DriftWatch, driftMessage } from './drift-watch.ts';
import { createIngestion, type Stored } from './ingestion.ts';
import { endpointOf, parsedSettings, refuseSecrets } from './settings.ts';
import { createSourceSecrets, type SecretStore } from './source-secrets.ts';

/** A source that configuration gives, beside those of the project. */
export interface ConfiguredSource {
  readonly document: SourceDocument;
  /** Fields that are secret, read anew for each connection. */
  readonly secret: (field: string) => Promise<string | undefined>;
  /** Where it is written, for people. */
  readonly place: { readonly file: string; readonly line: number };
}

export interface SourceDeskDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly alerts: Alerts;
  readonly network: Network;
  /** Those that are not switched off. */
  readonly backends: readonly TsdbBackend[];
  readonly history: TsdbContext['history'];
  /** What the registry declares a metric to be. */
  metric(key: string): MetricIdentifier | undefined;
  /** The project's, as they are now. */
  documents(): readonly SourceDocument[];
  readonly configured: readonly ConfiguredSource[];
  readonly secrets: SecretStore;
}

/** What is shared of a source: the backend whose queries the connection takes, and the connection. */
export interface OpenSource {
  readonly backend: TsdbBackend;
  readonly connection: TsdbConnection;
}

export interface TestTarget {
  /** Whose kept secrets stand for those that are not given; null: nobody's. */
  readonly id: string | null;
  readonly backend: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly limits: SourceLimits | null;
}

/**
 * The sources of the project and of configuration, each opened once and kept. One that does not answer holds up nobody:
 * it is tried again by itself, and is an alert meanwhile.
 */
export interface SourceDesk {
  readonly backends: readonly TsdbBackend[];
  /** Brings what runs in step with the documents. Call it after each change of the project. */
  apply(): void;
  has(id: string): boolean;
  list(): readonly { readonly id: string; readonly name: string; readonly backend: string }[];
  /**
   * Shared; closing it does nothing. Throws `store.not-found`, `config.invalid` for settings that do not hold,
   * `tsdb.unavailable` where it is off or does not answer.
   */
  open(id: string, signal: AbortSignal): Promise<OpenSource>;
  /**
   * Writes what a source takes, and resolves when it is stored there. Throws as `open`, `tsdb.unsupported-feature` where
   * it is only read, and `rpc.limit` where more waits than it keeps up with.
   */
  write(id: string, samples: readonly MetricSamples[], signal: AbortSignal): Promise<Stored>;
  status(): readonly SourceStatus[];
  watch(listener: () => void): Disposable;
  /** Throws `store.not-found`, as the rest below. */
  slowQueries(id: string): readonly SlowQuery[];
  retry(id: string): void;
  /** Looks what has become of the mappings' tables, and keeps it for `status`. */
  drift(id: string, signal: AbortSignal): Promise<readonly MappingDrift[]>;
  /** Fields whose secret is kept. */
  secretFields(id: string): readonly string[];
  /** Null forgets. The source connects anew with it. */
  setSecret(id: string, field: string, value: string | null): Promise<void>;
  /** The connection test. Throws `config.invalid`, and `tsdb.unsupported-feature` for a backend without one. */
  test(target: TestTarget, signal: AbortSignal): AsyncIterable<TestStep>;
  backend(id: string): TsdbBackend;
  /**
   * Looks at a document as it comes from a screen, before it is written: one that holds a secret is refused with
   * `config.invalid`; one that leads elsewhere takes its kept secrets along, because somebody here wants it so.
   */
  accept(document: unknown, path: string): Promise<void>;
  /**
   * Runs `work`, which puts another project in the place of this one. Secrets of sources that were removed before are
   * cleared then, since nothing brings them back; those of sources that go with the project stay, for when it comes back.
   */
  replacing<T>(work: () => Promise<T>): Promise<T>;
  /** Clears secrets of removed sources too. */
  close(): Promise<void>;
}

interface Entry {
  document: SourceDocument;
  readonly configured: ConfiguredSource | null;
  /** What the connection depends on, to see what has changed. */
  readonly fingerprint: string;
  readonly running: RunningSource | null;
  /** Why it does not run although it should. */
  readonly fault: AppError | null;
  readonly since: number;
  readonly drift: DriftWatch;
  readonly ingestion: ReturnType<typeof createIngestion>;
}

const TROUBLE: ReadonlySet<string> = new Set(['lost', 'invalid', 'degraded']);

const alertId = (id: string): string => `source-${id}`;

export function createSourceDesk(deps: SourceDeskDeps): SourceDesk {
  const { clock, log, alerts, backends } = deps;
  const secrets = createSourceSecrets(deps.secrets, backends);
  const changes = createChanging();
  const entries = new Map<string, Entry>();
  const closing = new Set<Promise<void>>();
  const stop = new AbortController();
  /** Gone from the project, or never in it, since this one began: undo still finds their secrets. */
  const removed = new Set<string>();
  let closed = false;

  const backendNamed = (id: string): TsdbBackend => {
    const found = backends.find((backend) => backend.id === id);
    if (found !== undefined) return found;
    const message = `There is no backend "${id}" in this version of ParX, or it is switched off by --without. Choose from ${backends.map((one) => one.id).join(', ')}.`;
    throw new AppError('config.invalid', message, { details: { issues: [{ path: 'backend', message }] } });
  };
  const contextOf = (
    name: string,
    secret: TsdbContext['secret'],
    limits: SourceLimits,
    mappings: SourceDocument['mappings'],
    onMapping?: TsdbContext['onMapping'],
  ): TsdbContext => ({
    clock,
    log: log.module(name),
    history: deps.history,
    network: deps.network,
    secret,
    limits,
    mappings,
    ...(onMapping === undefined ? {} : { onMapping }),
  });

  const begin = (document: SourceDocument, configured: ConfiguredSource | null): Entry => {
    const drift = createDriftWatch({
      clock,
      mappings: () => document.mappings,
      compare: async (signal) => {
        const { connection } = await open(document.id, signal);
        return (await connection.foreign?.drift(document.mappings, signal)) ?? [];
      },
      onChange() {
        tellAlert(document.id);
        changes.notify();
      },
    });
    const base = {
      document,
      configured,
      fingerprint: fingerprintOf(document),
      since: clock.now(),
      drift,
      ingestion: createIngestion(deps.metric, {
        write: async (samples, signal) => (await ingestorOf(document.id, signal)).write(samples, signal),
      }),
    };
    if (!document.enabled) return { ...base, running: null, fault: null };
    try {
      const backend = backendNamed(document.backend);
      const config = parsedSettings(backend, document.settings);
      const secret = configured?.secret ?? ((field: string) => secrets.of(document, field));
      const context = contextOf(document.name, secret, document.limits, document.mappings, drift.met);
      const running = createRunning({
        name: document.name,
        backend,
        limits: document.limits,
        clock,
        log: context.log,
        connect: (signal) => backend.connect(config, context, signal),
        onChange: () => {
          tellAlert(document.id);
          changes.notify();
        },
        onConnected: () => {
          if (document.mappings.length > 0) void drift.look(stop.signal).catch(() => undefined);
        },
      });
      return { ...base, running, fault: null };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return { ...base, running: null, fault: error };
    }
  };
  const end = (entry: Entry): void => {
    alerts.clear(alertId(entry.document.id));
    entry.drift.end();
    if (entry.running === null) return;
    const done = entry.running
      .close()
      .catch((error: unknown) => log.warn('A source did not close.', { error: String(error) }))
      .finally(() => closing.delete(done));
    closing.add(done);
  };

  function tellAlert(id: string): void {
    const entry = entries.get(id);
    if (entry === undefined) return;
    const { state, message, advice } = statusOf(entry);
    if (!TROUBLE.has(state) || message === null) alerts.clear(alertId(id));
    else alerts.raise(alertId(id), { severity: 'warning', source: entry.document.name, text: message, advice });
  }

  const statusOf = (entry: Entry): SourceStatus => {
    const { document, running, fault } = entry;
    const now = running?.status() ?? null;
    const drift = entry.drift.list();
    const own = {
      id: document.id,
      name: document.name,
      backend: document.backend,
      endpoint: endpointOf(backends, document),
      configured: entry.configured !== null,
      place: entry.configured?.place ?? null,
      drift: drift.map((one) => ({ ...one, problems: [...one.problems] })) as SourceStatus['drift'],
    };
    if (now === null) {
      return {
        ...own,
        state: fault === null ? 'disabled' : 'invalid',
        since: entry.since,
        message: fault?.message ?? null,
        advice: fault === null ? null : 'Correct the settings of the source.',
        server: null,
        capabilities: null,
        can: NO_ABILITIES,
        health: idleHealth(entry),
      };
    }
    const { state, since, message, advice, server, capabilities, can, health } = now;
    const drifted = state === 'running' && drift.length > 0;
    return {
      ...own,
      state: drifted ? 'degraded' : state,
      since,
      message: drifted ? driftMessage(drift, document.mappings) : message,
      advice: drifted ? 'Open the mappings that are marked, and correct them.' : advice,
      server,
      // A driver's own facts beside them are for its compiler, and may be many.
      capabilities: capabilities === null ? null : backendCapabilities.parse(capabilities),
      can,
      health,
    };
  };

  const apply = (): void => {
    if (closed) return;
    const wanted = new Map<
      string,
      { readonly document: SourceDocument; readonly configured: ConfiguredSource | null }
    >();
    for (const document of deps.documents()) wanted.set(document.id, { document, configured: null });
    for (const configured of deps.configured)
      wanted.set(configured.document.id, { document: configured.document, configured });
    for (const [id, entry] of entries) {
      const next = wanted.get(id);
      if (
        next !== undefined &&
        fingerprintOf(next.document) === entry.fingerprint &&
        next.configured === entry.configured
      ) {
        entry.document = next.document;
        continue;
      }
      entries.delete(id);
      if (next === undefined && entry.configured === null) removed.add(id);
      end(entry);
    }
    for (const id of wanted.keys()) removed.delete(id);
    for (const [id, { document, configured }] of wanted) {
      if (entries.has(id)) continue;
      entries.set(id, begin(document, configured));
      tellAlert(id);
    }
    changes.notify();
  };

  const clearSecrets = (ids: readonly string[]): void => {
    try {
      for (const id of ids) secrets.clear(id);
    } catch (error) {
      log.warn('Passwords of removed sources stay kept: they could not be cleared.', { error: String(error) });
    }
  };

  const entryOf = (id: string): Entry => {
    const entry = entries.get(id);
    if (entry !== undefined) return entry;
    throw new AppError('store.not-found', 'There is no such source any more. Choose one from the list of backends.', {
      details: { kind: 'source', id },
    });
  };
  const open = async (id: string, signal: AbortSignal): Promise<OpenSource> => {
    const { document, running, fault } = entryOf(id);
    if (fault !== null) throw fault;
    if (running === null) {
      throw new AppError('tsdb.unavailable', `${document.name} is switched off. Enable it on the page of backends.`, {
        details: { backend: document.backend },
      });
    }
    return { backend: running.backend, connection: await running.open(signal) };
  };

  const ingestorOf = async (id: string, signal: AbortSignal): Promise<NonNullable<TsdbConnection['ingestor']>> => {
    const { ingestor } = (await open(id, signal)).connection;
    if (ingestor !== null) return ingestor;
    const { name, backend } = entryOf(id).document;
    throw new AppError('tsdb.unsupported-feature', `${name} is only read. Allow writing in its settings.`, {
      details: { backend, feature: 'writing' },
    });
  };

  return {
    backends,
    apply,
    has: (id) => entries.has(id),
    list: () => [...entries.values()].map(({ document: { id, name, backend } }) => ({ id, name, backend })),
    open,
    async write(id, samples, signal) {
      // Before anything is remembered of counters whose samples nobody takes.
      await ingestorOf(id, signal);
      return await entryOf(id).ingestion.write(samples, signal);
    },
    status: () => [...entries.values()].map(statusOf),
    watch: changes.watch,
    slowQueries: (id) => entryOf(id).running?.slowQueries() ?? [],
    retry(id) {
      entryOf(id).running?.retry();
    },
    drift: (id, signal) => entryOf(id).drift.look(signal),
    secretFields: secrets.fields,
    async setSecret(id, field, value) {
      // The form of a new source keeps its password first; nobody may ever save it.
      if (!entries.has(id)) removed.add(id);
      await secrets.set(id, field, value);
      entries.get(id)?.running?.retry();
    },
    test({ id, backend: backendId, settings: asked, secrets: given, limits }, signal) {
      const settings = { ...asked };
      const backend = backendNamed(backendId);
      const config = parsedSettings(backend, settings);
      if (backend.test === undefined) {
        throw new AppError(
          'tsdb.unsupported-feature',
          `${backend.title} has nothing to test: it needs no connection.`,
          {
            details: { backend: backendId, feature: 'connection test' },
          },
        );
      }
      const secret = async (field: string): Promise<string | undefined> => {
        if (Object.hasOwn(given, field)) return given[field];
        if (id === null) return undefined;
        // Settings that somebody has just typed lead where they should; those of the project may have come with it.
        const saved = entries.get(id)?.document;
        const typed =
          saved === undefined || endpointOf(backends, saved) !== endpointOf(backends, { ...saved, settings });
        return await (typed ? secrets.get(id, field) : secrets.of(saved, field));
      };
      const mappings = id === null ? [] : (entries.get(id)?.document.mappings ?? []);
      return backend.test(config, contextOf('test', secret, limits ?? DEFAULT_LIMITS, mappings), signal);
    },
    backend: backendNamed,
    async accept(document, path) {
      refuseSecrets(backends, document, path);
      const next = sourceDocument.safeParse(document);
      const before = next.success ? entries.get(next.data.id)?.document : undefined;
      if (next.success && before !== undefined) await secrets.move(before, next.data);
    },
    async replacing(work) {
      const before = [...removed];
      const result = await work();
      clearSecrets(before.filter((id) => !entries.has(id)));
      removed.clear();
      return result;
    },
    async close() {
      closed = true;
      stop.abort();
      clearSecrets([...removed]);
      for (const entry of entries.values()) end(entry);
      entries.clear();
      await Promise.all(closing);
    },
  };
}

/** What a new connection is needed for when it changes; the name is not. */
const fingerprintOf = ({ backend, enabled, settings, mappings, limits }: SourceDocument): string =>
  JSON.stringify([backend, enabled, settings, mappings, limits]);

const idleHealth = ({ document, since }: Entry): SourceStatus['health'] => ({
  queries: { count: 0, p50Ms: null, p99Ms: null },
  writes: { count: 0, p50Ms: null, p99Ms: null },
  rowsRead: 0,
  rowsWritten: 0,
  rowsRejected: 0,
  errors: 0,
  retries: 0,
  waiting: 0,
  buffered: 0,
  breaker: { state: 'closed', since, nextAttempt: null },
  cache: { bytes: 0, limit: document.limits.cacheMegabytes * 1024 * 1024, hits: 0, misses: 0, ratio: null },
});
