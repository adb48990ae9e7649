import { local } from './local/index.ts';
import { timescale } from './timescale/index.ts';
import type { TsdbBackend } from './tsdb.ts';

export {
  createRunning,
  type RunningOptions,
  type RunningSource,
  type RunningStatus,
  SLOW_QUERY_MS,
} from './running/index.ts';
export { orAborted } from './running/race.ts';
export type {
  CompiledQuery,
  ForeignSchema,
  PlannedSeries,
  QueryPlan,
  RawQuery,
  TsdbBackend,
  TsdbClient,
  TsdbConnection,
  TsdbContext,
  TsdbIngestor,
  TsdbTag,
  TsdbTagPage,
  TsdbTagSearch,
  ViewerSource,
} from './tsdb.ts';
export { viewerOf } from './viewer.ts';

/** All backends. A new one is a folder beside this file and an entry here. */
export const backends = [local, timescale] as const;
export type BackendId = (typeof backends)[number]['id'];

/** The backend of a source's settings; undefined for one that this version does not have. */
export function findBackend(id: string): TsdbBackend | undefined {
  return backends.find((backend) => backend.id === id);
}
