import { z } from 'zod';
import type { QueryPlan, TsdbBackend, TsdbConnection } from '#engine/tsdb/index.ts';
import { AppError } from '#shared/errors.ts';
import {
  type BackendCapabilities,
  type GraphSeries,
  gridTimes,
  type MetricSamples,
  type Rejection,
} from '#shared/model/graph/index.ts';
import { QUALITY, type TimeRange } from '#shared/model/index.ts';

/** A sample each second, whose value is the second; every hundredth second has none, and tags whose name has two letters have long gaps. */
export const SAMPLE_US = 1_000_000;

const CAPABILITIES: BackendCapabilities = {
  ingest: true,
  raw: true,
  aggregates: ['first', 'last', 'mean', 'min', 'max', 'sum', 'count'],
  groupBy: false,
  envelope: true,
  matches: ['equals'],
  minStepMs: 1,
};

/** What a server may do to us; each is used up by one call. */
export type Fault =
  | 'refuse'
  | 'lost'
  | 'login'
  | 'hang'
  | 'bug'
  | 'reject-first'
  | 'permanent'
  | 'gave-way'
  | 'too-many'
  | { readonly waitMs: number };

export interface FaultyServer {
  /** For the next calls, in order; `connect` for the next connections. */
  readonly faults: Fault[];
  readonly connectFaults: Fault[];
  /** All calls fail as of a server that is not there. */
  down: boolean;
  /** Nothing is answered, neither questions nor whether it is well. */
  silent: boolean;
  connects: number;
  closes: number;
  readonly asked: QueryPlan[];
  readonly written: MetricSamples[][];
  /** Streams that were begun and have not ended. */
  open: number;
  busy: number;
  mostBusy: number;
  /** Added to every value, so that an answer from a cache is told from a new one. */
  offset: number;
  readonly backend: TsdbBackend;
}

const unavailable = (retryable: boolean): AppError =>
  new AppError('tsdb.unavailable', retryable ? 'The server ended the link.' : 'The server refused the login.', {
    details: { backend: 'faulty' },
    retryable,
  });

/** A backend with a server in memory that fails as it is told. `sleep` waits on the test's clock. */
export function createFaultyServer(sleep: (ms: number, signal: AbortSignal) => Promise<void>): FaultyServer {
  const meet = async (faults: Fault[], signal: AbortSignal): Promise<Fault | undefined> => {
    signal.throwIfAborted();
    if (server.down) throw unavailable(true);
    if (server.silent) await new Promise(() => undefined);
    const fault = faults.shift();
    if (fault === 'refuse' || fault === 'lost') throw unavailable(true);
    if (fault === 'login') throw unavailable(false);
    if (fault === 'bug') throw new TypeError('x is not a function');
    if (fault === 'permanent') {
      throw new AppError('tsdb.refused', 'There is no such table.', {
        details: { backend: 'faulty', reason: '42P01' },
      });
    }
    if (fault === 'too-many') {
      const message = 'This would read about 2 billion rows. Ask for a shorter range.';
      throw new AppError('query.too-many-samples', message, { details: { limit: 1 } });
    }
    if (fault === 'gave-way') {
      throw new AppError('tsdb.refused', 'The server gave the query up for other work.', {
        details: { backend: 'faulty', reason: '40001' },
        retryable: true,
      });
    }
    // Heeds no signal, as a library that hangs.
    if (fault === 'hang') await new Promise(() => undefined);
    if (typeof fault === 'object') await sleep(fault.waitMs, signal);
    return fault;
  };
  const call = async <T>(work: (fault: Fault | undefined) => T, signal: AbortSignal): Promise<T> => {
    server.busy++;
    server.mostBusy = Math.max(server.mostBusy, server.busy);
    try {
      return work(await meet(server.faults, signal));
    } finally {
      server.busy--;
    }
  };

  const seriesOf = (plan: QueryPlan): GraphSeries[] =>
    plan.series.flatMap((planned): GraphSeries[] => {
      const { definition, metric, match } = planned;
      const labels = { tag: typeof match.tag === 'string' ? match.tag : 'a' };
      const grid = plan.grid!;
      const time = gridTimes(grid);
      const value = new Float64Array(grid.length).fill(planned.aggregate === 'count' ? 0 : Number.NaN);
      const quality = new Uint16Array(grid.length).fill(
        planned.aggregate === 'count' ? QUALITY.good : QUALITY.badNoData,
      );
      const min = new Float64Array(grid.length).fill(Number.NaN);
      const max = new Float64Array(grid.length).fill(Number.NaN);
      let samples = 0;
      for (let i = 0; i < grid.length; i++) {
        const from = Math.max(time[i]!, plan.range.from);
        const to = Math.min(time[i]! + grid.step, plan.range.to);
        const held = secondsIn({ from, to }, labels.tag);
        samples += held.length;
        if (planned.aggregate === 'count') value[i] = held.length;
        if (held.length === 0 || planned.aggregate === 'count') continue;
        min[i] = held[0]!;
        max[i] = held.at(-1)!;
        quality[i] = QUALITY.good;
        const sum = held.reduce((all, one) => all + one, 0);
        const shown = {
          first: held[0]!,
          last: held.at(-1)!,
          min: held[0]!,
          max: held.at(-1)!,
          sum,
          mean: sum / held.length,
        };
        value[i] = shown[planned.aggregate as keyof typeof shown] + server.offset;
      }
      if (samples === 0) return [];
      const envelope = plan.envelope && planned.aggregate !== 'count' ? { min, max } : null;
      return [{ definition, metric, labels, unit: null, time, value, quality, envelope }];
    });

  const connection = (): TsdbConnection => {
    let closed = false;
    return {
      capabilities: CAPABILITIES,
      client: {
        query: ({ plan }: { plan: QueryPlan } & { explain(): string }, signal: AbortSignal) =>
          call(() => {
            server.asked.push(plan);
            return { range: plan.range, grid: plan.grid, series: seriesOf(plan), warnings: [] };
          }, signal),
        async *stream({ plan }: { plan: QueryPlan } & { explain(): string }, signal: AbortSignal) {
          server.open++;
          try {
            for (let at = plan.range.from; at < plan.range.to; at += 1_000 * SAMPLE_US) {
              await call(() => undefined, signal);
              const length = Math.min(1_000, (plan.range.to - at) / SAMPLE_US);
              const time = Float64Array.from({ length }, (_, i) => at + i * SAMPLE_US);
              const { definition, metric } = plan.series[0]!;
              yield [
                {
                  definition,
                  metric,
                  labels: {},
                  unit: null,
                  time,
                  value: time.map((one) => one / SAMPLE_US),
                  quality: new Uint16Array(length),
                  envelope: null,
                },
              ];
            }
          } finally {
            server.open--;
          }
        },
        series: (_metric: unknown, _limit: number, signal: AbortSignal) => call(() => [{ tag: 'a' }], signal),
        // biome-ignore lint/suspicious/noExplicitAny: the queries of this backend are its own
      } as any,
      ingestor: {
        onConflict: 'replace',
        write: (samples, signal) =>
          call((fault) => {
            server.written.push([...samples]);
            const rejected: Rejection[] =
              fault === 'reject-first' ? [{ series: 0, row: 0, reason: 'The value is out of range.' }] : [];
            return { rejected };
          }, signal),
      },
      planOf: async (text, signal) => call(() => `Seq Scan on "${text.length} samples"`, signal),
      async health() {
        if (server.down) throw unavailable(true);
        if (server.silent) await new Promise(() => undefined);
        return {
          product: 'Faulty',
          version: '1',
          edition: null,
          pool: { used: server.busy, idle: 0, waiting: 0, limit: 2 },
        };
      },
      async close() {
        if (!closed) server.closes++;
        closed = true;
      },
    };
  };

  const server: FaultyServer = {
    faults: [],
    connectFaults: [],
    down: false,
    silent: false,
    connects: 0,
    closes: 0,
    asked: [],
    written: [],
    open: 0,
    busy: 0,
    mostBusy: 0,
    offset: 0,
    backend: {
      id: 'faulty',
      title: 'Faulty',
      version: '1.0.0',
      summary: 'Fails as it is told.',
      config: z.object({
        name: z.string().default('x'),
        password: z.string().default('').meta({ secret: true }),
      }),
      sample: {},
      compile: (plan) => ({ plan, explain: () => JSON.stringify([plan.range, plan.series.map((one) => one.match)]) }),
      endpoint: ({ name }) => `${name}:1`,
      async connect(_config, _context, signal) {
        server.connects++;
        await meet(server.connectFaults, signal);
        return connection();
      },
    },
  };
  return server;
}

/** Seconds whose samples lie in a range. */
function secondsIn({ from, to }: TimeRange, tag: string): number[] {
  const found: number[] = [];
  for (let second = Math.ceil(from / SAMPLE_US); second * SAMPLE_US < to; second++) {
    if (second % 100 !== 0 && !(tag.length % 2 === 0 && second % 1_000 < 700)) found.push(second);
  }
  return found;
}
