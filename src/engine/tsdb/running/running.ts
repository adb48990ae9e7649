import type { Clock, Logger } from '#engine/platform/index.ts';
import type { CompiledQuery, TsdbBackend, TsdbConnection } from '#engine/tsdb/tsdb.ts';
import { isAppError } from '#shared/errors.ts';
import { type Accepted, checkResult, type GraphSeries } from '#shared/model/graph/index.ts';
import {
  NO_ABILITIES,
  type ServerHealth,
  type SlowQuery,
  type SourceAbilities,
  type SourceHealth,
  type SourceLimits,
} from '#shared/model/index.ts';
import type { SchemaManager } from '#shared/model/own-schema.ts';
import { createAttempts, type Work } from './attempts.ts';
import { createQueryCache, SHORTEST_KEPT } from './cache.ts';
import { createLanes } from './lanes.ts';
import { createLink, type LinkStatus } from './link.ts';
import { isPlanned, plannedBackend } from './planned.ts';
import { createDurations, createSlowQueries } from './statistics.ts';
import { createBatchWriter } from './writer.ts';

/** The server ends a statement by itself; only where it does not, it is given up here. */
const GRACE_MS = 3_000;
/** Timers know no longer ones: 24 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Statements that one look at a source may take, one after the other. */
const MOST_STATEMENTS = 10;
/** How often an idle source is asked whether it is well. */
const HEALTH_MS = 15_000;
const HEALTH_LIMIT_MS = 5_000;
const PLAN_MS = 30_000;

export interface RunningOptions {
  readonly name: string;
  readonly backend: TsdbBackend;
  readonly limits: SourceLimits;
  readonly clock: Clock;
  readonly log: Logger;
  connect(signal: AbortSignal): Promise<TsdbConnection>;
  /** Steps of the shortest grid whose answer is kept; shorter ones are asked as they are. */
  readonly shortestKept?: number;
  /** What `status` gives has changed. */
  onChange(): void;
  /** A new connection is there. */
  onConnected?(): void;
}

export interface RunningStatus extends LinkStatus {
  readonly server: ServerHealth | null;
  readonly capabilities: TsdbConnection['capabilities'] | null;
  readonly can: SourceAbilities;
  readonly health: SourceHealth;
}

const innerOf = (query: CompiledQuery): CompiledQuery => (isPlanned(query) ? query.inner : query);

const rowsOf = (series: readonly Pick<GraphSeries, 'time'>[]): number =>
  series.reduce((sum, { time }) => sum + time.length, 0);

/**
 * A source in use: one connection that comes back by itself, with everything around it that no driver does. Reads are
 * tried again where that may help, wait for their turn, are given up in time, counted and kept; writes are gathered.
 */
export interface RunningSource {
  /** Compiles what `connection` understands. */
  readonly backend: TsdbBackend;
  /**
   * The same one for as long as the source runs, whatever becomes of the link below it. Rejects with `tsdb.unavailable`
   * where the source was never reached and is not being connected just now.
   */
  open(signal: AbortSignal): Promise<TsdbConnection>;
  status(): RunningStatus;
  slowQueries(): readonly SlowQuery[];
  /** Connects anew at once, and forgets what was kept. */
  retry(): void;
  /** Writes what is gathered, as far as that goes quickly. May be called twice. */
  close(): Promise<void>;
}

export function createRunning(options: RunningOptions): RunningSource {
  const { name, limits, clock, log } = options;
  const backend = plannedBackend(options.backend);
  const { id } = backend;
  const counters = { rowsRead: 0, rowsWritten: 0, rowsRejected: 0, errors: 0, retries: 0 };
  const queries = createDurations();
  const writes = createDurations();
  const slow = createSlowQueries(clock);
  const lanes = createLanes(name, limits.connections);
  let server: ServerHealth | null = null;
  /** Of the last look at its health: how long an answer takes while nothing has been asked. */
  let answerMs: number | null = null;
  const stop = new AbortController();

  const link = createLink({
    backend: id,
    name,
    clock,
    log,
    connect: options.connect,
    onChange: options.onChange,
    onConnected() {
      void lookAtHealth();
      options.onConnected?.();
    },
  });

  const {
    within,
    once,
    again,
    ask: inTurn,
  } = createAttempts({
    id,
    name,
    clock,
    link,
    lanes,
    counters,
    stop: stop.signal,
  });
  /** So many statements one after the other at most, each of which the server ends in time. */
  const limitOf = (statements: number): { readonly limitMs: number } => ({
    limitMs: Math.min(LONGEST_TIMER_MS, statements * limits.statementTimeoutMs + GRACE_MS),
  });
  const usual = limitOf(MOST_STATEMENTS);
  /** A read: it waits for its turn, and is tried again. */
  const ask = <T>(work: Work<T>, signal: AbortSignal): Promise<T> => inTurn(work, usual, signal);
  /** What has to run to its end, and is tried once. */
  const change = <T>(work: Work<T>, signal: AbortSignal): Promise<T> =>
    lanes.run(() => once(work, { limitMs: null }, signal), signal);

  const told = async (
    query: CompiledQuery,
    began: number,
    rows: number,
    raw: boolean,
    failed: string | null,
  ): Promise<void> => {
    const ms = clock.monotonicMs() - began;
    queries.add(ms);
    const entry = slow.add({ text: () => query.explain(), ms, rows, raw, failed });
    await tellPlan(entry);
  };
  const tellPlan = async (entry: SlowQuery | null): Promise<void> => {
    if (entry === null || link.last()?.planOf === undefined) return;
    try {
      const plan = await lanes.run(
        () => once((now, signal) => now.planOf!(entry.text, signal), { limitMs: PLAN_MS, tells: false }, stop.signal),
        stop.signal,
      );
      slow.setPlan(entry.id, plan);
    } catch {
      // A plan is an extra; without one the entry stands.
    }
  };

  const askQuery = async (query: CompiledQuery, signal: AbortSignal) => {
    const began = clock.monotonicMs();
    try {
      // A driver may ask for the tags and for the samples of each definition one after the other.
      const limit = isPlanned(query) ? limitOf(2 * query.plan.series.length) : usual;
      const result = await inTurn((now, both) => now.client.query(innerOf(query), both), limit, signal);
      const rows = rowsOf(result.series);
      counters.rowsRead += rows;
      void told(query, began, rows, false, null);
      return result;
    } catch (error) {
      if (isAppError(error, 'tsdb.timeout')) void told(query, began, 0, false, error.message);
      throw error;
    }
  };
  const cache = createQueryCache({
    bytes: limits.cacheMegabytes * 1024 * 1024,
    ttlMs: limits.cacheTtlS * 1_000,
    clock,
    shortest: options.shortestKept ?? SHORTEST_KEPT,
    ask: (plan, capabilities, signal) => askQuery(backend.compile(plan, capabilities), signal),
  });

  const writer = createBatchWriter({
    clock,
    write: async (samples, signal) => {
      const began = clock.monotonicMs();
      // A batch may be written twice where the answer was lost: the backend's conflict rule makes one of the two. That
      // nothing can be written, as with a full disk, must not keep others from reading.
      const store: Work<Pick<Accepted, 'rejected'>> = (now, both) => now.ingestor!.write(samples, both);
      const receipt = await again(
        () => lanes.run(() => once(store, { ...usual, tells: false }, signal), signal),
        signal,
      );
      writes.add(clock.monotonicMs() - began);
      const rows = rowsOf(samples);
      const rejected = receipt.rejected.reduce(
        (sum, { series, row }) => sum + (row === null ? samples[series]!.time.length : 1),
        0,
      );
      counters.rowsWritten += rows - rejected;
      counters.rowsRejected += rejected;
      cache.written(samples);
      return receipt;
    },
  });

  const reads: Pick<
    Required<TsdbConnection>,
    'client' | 'tags' | 'ends' | 'texts' | 'metrics' | 'raw' | 'planOf' | 'foreign'
  > = {
    client: {
      query: (query, signal) => (isPlanned(query) ? cache.query(query, signal) : askQuery(query, signal)),
      stream: (query, signal) => stream(query, signal),
      series: (metric, limit, signal) => ask((now, both) => now.client.series(metric, limit, both), signal),
    },
    tags: (search, signal) => ask((now, both) => now.tags!(search, both), signal),
    ends: (tags, signal) => ask((now, both) => now.ends!(tags, both), signal),
    texts: (tag, range, signal) => each((now, both) => now.texts!(tag, range, both), signal, usual.limitMs),
    metrics: (signal) => ask((now, both) => now.metrics!(both), signal),
    async raw(query, signal) {
      const began = clock.monotonicMs();
      const result = checkResult(await ask((now, both) => now.raw!(query, both), signal), id);
      const ms = clock.monotonicMs() - began;
      const rows = rowsOf(result.series);
      counters.rowsRead += rows;
      queries.add(ms);
      void tellPlan(slow.add({ text: () => query.text, ms, rows, raw: false, failed: null }));
      return result;
    },
    planOf: (text, signal) => ask((now, both) => now.planOf!(text, both), signal),
    foreign: {
      discover: (signal) => each((now, both) => now.foreign!.discover(both), signal),
      guess: (relation, signal) => ask((now, both) => now.foreign!.guess(relation, both), signal),
      preview: (mapping, signal) => ask((now, both) => now.foreign!.preview(mapping, both), signal),
      drift: (mappings, signal) => ask((now, both) => now.foreign!.drift(mappings, both), signal),
    },
  };
  const schemaOf = ({ settings, presets }: SchemaManager): SchemaManager => ({
    settings,
    presets,
    state: (signal) => ask((now, both) => now.schema!.state(both), signal),
    plan: (request, signal) => ask((now, both) => now.schema!.plan(request, both), signal),
    async *apply(request, token, signal) {
      try {
        yield* each((now, both) => now.schema!.apply(request, token, both), signal);
      } finally {
        // What the connection has found out about its tables is not so any more.
        cache.clear();
        link.retry();
      }
    },
    // Counting every row takes as long as it takes.
    statistics: (asked, signal) => change((now, both) => now.schema!.statistics(asked, both), signal),
    seriesStatistics: (asked, signal) => ask((now, both) => now.schema!.seriesStatistics(asked, both), signal),
  });

  const shown = new WeakMap<TsdbConnection, TsdbConnection>();
  /** What is handed out for a connection: it has what that one has, and goes on with the next one when it is lost. */
  const handedOut = (now: TsdbConnection): TsdbConnection => {
    let own = shown.get(now);
    if (own === undefined) {
      const { tags, ends, texts, metrics, raw, planOf, foreign, schema, viewer } = now;
      own = {
        capabilities: now.capabilities,
        client: reads.client,
        ingestor: now.ingestor === null ? null : { write: writer.write, onConflict: now.ingestor.onConflict },
        ...(tags === undefined ? {} : { tags: reads.tags }),
        ...(ends === undefined ? {} : { ends: reads.ends }),
        ...(texts === undefined ? {} : { texts: reads.texts }),
        ...(metrics === undefined ? {} : { metrics: reads.metrics }),
        ...(raw === undefined ? {} : { raw: reads.raw }),
        ...(planOf === undefined ? {} : { planOf: reads.planOf }),
        ...(foreign === undefined ? {} : { foreign: reads.foreign }),
        ...(schema === undefined ? {} : { schema: schema === null ? null : schemaOf(schema) }),
        ...(viewer === undefined ? {} : { viewer }),
        // The source is shared: whoever made it ends it.
        close: async () => undefined,
      };
      shown.set(now, own);
    }
    return own;
  };

  /** Items one by one; each is waited for so long, and the consumer may take its time between them. */
  async function* each<T>(
    begin: (connection: TsdbConnection, signal: AbortSignal) => AsyncIterable<T>,
    signal: AbortSignal,
    limitMs: number | null = null,
  ): AsyncGenerator<T> {
    const turn = await lanes.take(signal);
    const ended = new AbortController();
    const all = AbortSignal.any([signal, ended.signal, stop.signal]);
    let begun: AsyncIterator<T> | null = null as AsyncIterator<T> | null;
    // Nothing has been handed on before the first item, so until then it may begin anew.
    const first = async () => {
      const connection = await link.get(all);
      const items = begin(connection, all)[Symbol.asyncIterator]();
      begun = items;
      return { connection, items, result: await within(connection, () => items.next(), { limitMs }, all) };
    };
    try {
      const { connection, items, result } = await again(first, all);
      for (let item = result; item.done !== true; ) {
        yield item.value;
        item = await within(connection, () => items.next(), { limitMs }, all);
      }
    } finally {
      // Not waited for: the driver may hang in the very call that was given up.
      ended.abort(new Error('The reader has left.'));
      void begun?.return?.()?.catch(() => undefined);
      turn[Symbol.dispose]();
    }
  }

  async function* stream(query: CompiledQuery, signal: AbortSignal) {
    const began = clock.monotonicMs();
    let rows = 0;
    let waited = 0;
    for await (const block of each((now, both) => now.client.stream(innerOf(query), both), signal, usual.limitMs)) {
      rows += rowsOf(block);
      const handed = clock.monotonicMs();
      yield block;
      waited += clock.monotonicMs() - handed;
    }
    counters.rowsRead += rows;
    void told(query, began + waited, rows, true, null);
  }

  let looking = false;
  async function lookAtHealth(): Promise<void> {
    const now = link.last();
    // A source whose connections are all in use would be asked whether it is well only after them.
    if (looking || now?.health === undefined || lanes.free === 0) return;
    looking = true;
    try {
      const began = clock.monotonicMs();
      server = await once((current, signal) => current.health!(signal), { limitMs: HEALTH_LIMIT_MS }, stop.signal);
      answerMs = clock.monotonicMs() - began;
      options.onChange();
    } catch {
      // The link has been told.
    } finally {
      looking = false;
    }
  }
  let healthTimer = clock.after(HEALTH_MS, tick);
  function tick(): void {
    healthTimer = clock.after(HEALTH_MS, tick);
    if (link.status().state === 'running') void lookAtHealth();
  }

  const abilities = (now: TsdbConnection): SourceAbilities => ({
    tags: now.tags !== undefined,
    raw: now.raw !== undefined,
    foreign: now.foreign !== undefined,
    schema: now.schema !== undefined && now.schema !== null,
    statistics: now.schema !== undefined && now.schema !== null,
    write: now.ingestor?.onConflict ?? null,
  });

  link.start();
  let closed: Promise<void> | null = null;
  return {
    backend,
    async open(signal) {
      return handedOut(link.last() ?? (await link.get(signal)));
    },
    status() {
      const now = link.last();
      const asked = queries.summary();
      return {
        ...link.status(),
        server,
        capabilities: now?.capabilities ?? null,
        can: now === null ? NO_ABILITIES : abilities(now),
        health: {
          queries: asked.count > 0 ? asked : { count: 0, p50Ms: answerMs, p99Ms: answerMs },
          writes: writes.summary(),
          ...counters,
          waiting: lanes.waiting,
          buffered: writer.buffered(),
          breaker: link.status().breaker,
          cache: cache.status(),
        },
      };
    },
    slowQueries: () => slow.list(),
    retry() {
      cache.clear();
      link.retry();
    },
    close() {
      closed ??= (async () => {
        healthTimer[Symbol.dispose]();
        await writer.close();
        stop.abort();
        await link.close();
      })();
      return closed;
    },
  };
}
