import type { Contestant } from './contestant.ts';

/**
 * In the order of the table; the first is the one that the others are compared with. Loaded one by one, so that the
 * memory of a child process is that of its contestant alone.
 */
const loaders = {
  parx: async () => (await import('./ours.ts')).ours,
  rows: async () => (await import('./sqlite-rows.ts')).sqliteRows,
  duckdb: async () => (await import('./duckdb.ts')).duckdb,
  parquet: async () => (await import('./parquet.ts')).parquetUsual,
  'parquet-tuned': async () => (await import('./parquet.ts')).parquetTuned,
  influxdb: async () => (await import('./influxdb.ts')).influxdb,
  prometheus: async () => (await import('./prometheus.ts')).prometheus,
  postgres: async () => (await import('./postgres.ts')).postgres,
} as const satisfies Record<string, () => Promise<Contestant>>;

export type ContestantId = keyof typeof loaders;
export const contestantIds = Object.keys(loaders) as readonly ContestantId[];
export const loadContestant = (id: ContestantId): Promise<Contestant> => loaders[id]();
