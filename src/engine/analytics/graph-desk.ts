import { type Clock, type Logger, systemNetwork } from '#engine/platform/index.ts';
import { type LoadedRegistry, placeText } from '#engine/project/index.ts';
import { findBackend, type TsdbContext } from '#engine/tsdb/index.ts';
import {
  createMetricRegistry,
  type GraphDefinition,
  type MetricRegistry,
  type MetricSearch,
  parseGraph,
  suggestLabelValues,
  type TimeSeriesResult,
} from '#shared/model/graph/index.ts';
import { DEFAULT_LIMITS } from '#shared/model/index.ts';
import { type GraphSource, runGraph } from './graph-service.ts';

export interface GraphDeskDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** What the registry's files declare, read at the start. */
  readonly declared: LoadedRegistry;
  history: TsdbContext['history'];
  /** IANA name of the project's zone. */
  zone(): string;
}

/** Series that label values are suggested from. */
const LOOKED_THROUGH = 10_000;

/** What screens ask about graphs; `source` is the running history or an open recording. */
export interface GraphDesk {
  search(
    source: string,
    search: MetricSearch,
    signal: AbortSignal,
  ): Promise<ReturnType<MetricRegistry['search']> & { readonly namespaces: ReturnType<MetricRegistry['namespaces']> }>;
  readonly faults: LoadedRegistry['issues'];
  labelValues(
    source: string,
    asked: { readonly metric: string; readonly label: string; readonly text: string; readonly limit: number },
    signal: AbortSignal,
  ): Promise<string[]>;
  /** Throws as `runGraph` does, and `store.not-found` for a source that is not open. */
  run(source: string, graph: unknown, signal: AbortSignal): Promise<TimeSeriesResult>;
}

export function createGraphDesk({ clock, log, declared, history, zone }: GraphDeskDeps): GraphDesk {
  for (const issue of declared.issues) log.warn(`${placeText(issue)} ${issue.path}: ${issue.message}`);
  const backend = findBackend('local')!;

  const registryOf = async (sources: readonly string[], signal: AbortSignal): Promise<MetricRegistry> => {
    const tags = (await Promise.all(sources.map((source) => history(source).tags(signal)))).flat();
    // A text has no number to draw.
    const numbers = tags.filter(({ recipe }) => recipe.form !== 'text');
    return createMetricRegistry(
      declared.metrics,
      numbers.map(({ recipe, ...tag }) => ({ ...tag, unit: recipe.unit })),
    );
  };
  const connect = async (source: string, signal: AbortSignal): Promise<GraphSource> => ({
    backend,
    connection: await backend.connect(
      { source },
      {
        clock,
        log,
        history,
        network: systemNetwork,
        secret: async () => undefined,
        limits: DEFAULT_LIMITS,
        mappings: [],
      },
      signal,
    ),
  });

  return {
    faults: declared.issues,
    async search(source, search, signal) {
      const registry = await registryOf([source], signal);
      return { ...registry.search(search), namespaces: registry.namespaces() };
    },
    async labelValues(source, { metric: key, label, text, limit }, signal) {
      const metric = (await registryOf([source], signal)).get(key);
      if (metric === undefined) return [];
      const { connection } = await connect(source, signal);
      try {
        const asked = { metric: metric.identifier, override: metric.backends[backend.id] ?? null };
        return suggestLabelValues(await connection.client.series(asked, LOOKED_THROUGH, signal), label, text, limit);
      } finally {
        await connection.close();
      }
    },
    async run(usual, given, signal) {
      const graph: GraphDefinition = parseGraph(given);
      const ids = [...new Set(graph.series.map(({ source }) => source ?? usual))];
      const registry = await registryOf(ids, signal);
      const sources = new Map<string, GraphSource>();
      try {
        for (const id of ids) sources.set(id, await connect(id, signal));
        const source = (id: string | null): GraphSource | null => sources.get(id ?? usual) ?? null;
        return await runGraph(graph, { registry, source, now: clock.now(), zone: zone() }, signal);
      } finally {
        await Promise.all([...sources.values()].map(({ connection }) => connection.close()));
      }
    },
  };
}
