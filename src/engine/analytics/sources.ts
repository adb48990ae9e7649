import { systemNetwork } from '#engine/platform/index.ts';
import { findBackend, type TsdbContext, type ViewerSource, viewerOf } from '#engine/tsdb/index.ts';
import { DEFAULT_LIMITS } from '#shared/model/index.ts';
import type { GraphSource } from './graph-service.ts';

/** By the id that screens use. What is given is shared and stays open. Throws `store.not-found`, `tsdb.unavailable`. */
export interface Sources {
  open(id: string, signal: AbortSignal): Promise<GraphSource>;
  /** What a trend reads from. */
  viewer(id: string, signal: AbortSignal): Promise<ViewerSource>;
}

/**
 * The one place where the id of a source becomes a connection: recordings of this computer by the local backend, the
 * project's sources by `project`, which gives undefined for an id that it does not have.
 */
export function createSources({
  project,
  ...given
}: Pick<TsdbContext, 'clock' | 'log' | 'history'> & {
  readonly project: (id: string, signal: AbortSignal) => Promise<GraphSource | undefined>;
}): Sources {
  const backend = findBackend('local')!;
  const context: TsdbContext = {
    ...given,
    secret: async () => undefined,
    limits: DEFAULT_LIMITS,
    mappings: [],
    network: systemNetwork,
  };
  const open: Sources['open'] = async (id, signal) =>
    (await project(id, signal)) ?? { backend, connection: await backend.connect({ source: id }, context, signal) };
  return {
    open,
    async viewer(id, signal) {
      const source = await open(id, signal);
      return viewerOf(source.backend, source.connection);
    },
  };
}
