import { createLogger, systemClock, systemNetwork } from '#engine/platform/index.ts';
import type { TsdbContext } from '#engine/tsdb/index.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { createRollup, migrations, type Statement } from '#engine/tsdb/timescale/own-schema/migrations.ts';
import { type OwnSettings, ownSettings } from '#engine/tsdb/timescale/own-schema/settings.ts';
import { createSession } from '#engine/tsdb/timescale/session.ts';
import type { MetricSamples } from '#shared/model/graph/index.ts';
import { DEFAULT_LIMITS } from '#shared/model/index.ts';
import { type PostgresEdition, type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { calibrate, percentile } from '../historian/system.ts';

export const never = new AbortController().signal;
/** A Monday at midnight. */
export const START = 1_767_571_200_000_000;
export const SECOND = 1_000_000;
export const TAGS = 10;
export const metric = { namespace: 'bench', name: 'value', unit: 'm/min', type: 'gauge' } as const;

/** A server as it is set up where it is used, but that a power cut loses what it has: the same for both sides. */
export function startServer(edition: PostgresEdition): Promise<PostgresServer> {
  const settings = { shared_buffers: '512MB', max_wal_size: '8GB', work_mem: '64MB', maintenance_work_mem: '256MB' };
  return startPostgres(edition, { settings });
}

export const statementTimeoutMs = 3_600_000;
const limits = { ...DEFAULT_LIMITS, statementTimeoutMs, rows: 100_000_000 };

export function contextOf(server: PostgresServer): TsdbContext {
  return {
    clock: systemClock(),
    log: createLogger(() => undefined),
    network: systemNetwork,
    history() {
      throw new Error('no history');
    },
    secret: async () => server.password,
    limits: { ...limits, connections: server.edition === 'community' ? 1 : 2 },
    mappings: [],
  };
}

export const configOf = ({ host, port, database, user }: PostgresServer, schema: string) =>
  timescale.config.parse({ host, port, database, user, schema, tls: 'off', write: true });

export const sessionOf = (server: PostgresServer, schema: string) =>
  createSession({
    backend: timescale.id,
    login: { config: configOf(server, schema), password: server.password },
    statementTimeoutMs,
    connections: 2,
    clock: systemClock(),
  });

/** Our tables, by the very statements of the product. */
export async function makeTables(server: PostgresServer, schema: string, rollups: readonly number[]): Promise<void> {
  const settings: OwnSettings = ownSettings.parse({ schema, rollups: [], compressAfterDays: 0 });
  const statements: Statement[] = migrations.flatMap((one) => [...one.statements(settings, server.edition)]);
  if (server.edition === 'community') statements.push(...rollups.map((seconds) => createRollup(schema, seconds)));
  for (const { sql } of statements) await server.run(sql);
}

/** `rows` of `TAGS` series side by side, one a second: numbers with a few decimals, as sensors give them. */
export function samplesOf(rows: number): MetricSamples[] {
  const each = Math.floor(rows / TAGS);
  return Array.from({ length: TAGS }, (_, tag) => ({
    metric,
    labels: { tag: String(tag) },
    time: Float64Array.from({ length: each }, (_, at) => START + at * SECOND),
    value: Float64Array.from({ length: each }, (_, at) => valueAt(tag, at)),
    quality: new Uint16Array(each),
  }));
}
export const valueAt = (tag: number, at: number): number =>
  Math.round((100 * tag + 50 * Math.sin(at / 300) + 5 * Math.sin(at * 12.9898)) * 1_000) / 1_000;

export interface Verdict {
  readonly line: string;
  readonly failed: boolean;
}
/** `floor` null: a figure without one. */
export function verdict(name: string, ratio: number, floor: number | null, about: string): Verdict {
  const failed = floor !== null && !(ratio >= floor);
  const held = floor === null ? '' : `  ${failed ? 'BELOW' : 'floor'} ${floor}`;
  return { line: `${name.padEnd(58)} ${ratio.toFixed(2)}x${held}  (${about})`, failed };
}

export const rate = (rows: number, ms: number): string => `${(rows / ms).toFixed(0)}k rows/s`;
export const median = (values: readonly number[]): number => percentile(values, 0.5);

export async function timed(work: () => Promise<unknown>): Promise<number> {
  globalThis.gc?.();
  const began = performance.now();
  await work();
  return performance.now() - began;
}
export const calibration = (): string => `calibration loop ${calibrate().toFixed(0)} ms`;
