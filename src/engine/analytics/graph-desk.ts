import type { Clock, Logger } from '#engine/platform/index.ts';
import { type LoadedRegistry, placeText } from '#engine/project/index.ts';
import type { AppError } from '#shared/errors.ts';
import {
  aggregationsFor,
  type BackendProfile,
  createMetricRegistry,
  type GraphDefinition,
  keyOf,
  type MetricRegistry,
  type MetricSearch,
  type MetricTag,
  parseGraph,
  type RegisteredMetric,
  suggestLabelValues,
  type TimeSeriesResult,
} from '#shared/model/graph/index.ts';
import { explainGraph, type GraphContext, type GraphSource, leavesOthers, runGraph } from './graph-service.ts';
import type { Sources } from './sources.ts';

export interface GraphDeskDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** What the registry's files declare, read at the start. */
  readonly declared: LoadedRegistry;
  readonly open: Sources['open'];
  /** IANA name of the project's zone. */
  zone(): string;
}

/** Series that label values are suggested from, and tags that metrics are gathered from. */
const LOOKED_THROUGH = 10_000;
const TAGS_AT_ONCE = 1_000;
/** Tags that are new at a source are seen after this long. */
const KNOWN_MS = 30_000;

/** What screens ask about graphs; `source` is the running history, an open recording, or a source of the project. */
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
  /** What a graph is checked against before it is drawn from this source. */
  profile(source: string, signal: AbortSignal): Promise<BackendProfile & { readonly title: string }>;
  /**
   * Throws as `runGraph` does, and `store.not-found` for a source that is not open. Of several sources one that does not
   * answer leaves its series out, and a warning says why.
   */
  run(source: string, graph: unknown, signal: AbortSignal): Promise<TimeSeriesResult>;
  /** The words in which each backend would be asked; nothing is. Throws as `run` does. */
  explain(
    source: string,
    graph: unknown,
    signal: AbortSignal,
  ): Promise<readonly { readonly source: string; readonly backend: string; readonly text: string }[]>;
}

export function createGraphDesk({ clock, log, declared, open, zone }: GraphDeskDeps): GraphDesk {
  for (const issue of declared.issues) log.warn(`${placeText(issue)} ${issue.path}: ${issue.message}`);
  /** Of sources that are elsewhere: asking for thousands of tags anew for each picture would cost more than the picture. */
  const known = new WeakMap<GraphSource['connection'], { readonly at: number; readonly registry: MetricRegistry }>();
  const registryOf = async (source: GraphSource, signal: AbortSignal): Promise<MetricRegistry> => {
    const before = known.get(source.connection);
    if (before !== undefined && clock.monotonicMs() - before.at < KNOWN_MS) return before.registry;
    const { metrics, tags } = await metricsOf(source, signal);
    const registry = createMetricRegistry([...declared.metrics, ...metrics], tags);
    if (source.connection.viewer?.history == null) {
      known.set(source.connection, { at: clock.monotonicMs(), registry });
    }
    return registry;
  };

  /** Opens what the graph names. A source that is down takes its own series away and leaves the others, where there are any. */
  const prepare = async (usual: string, given: unknown, signal: AbortSignal) => {
    const asked: GraphDefinition = parseGraph(given);
    const idOf = (source: string | null): string => source ?? usual;
    const opened = await Promise.all(
      [...new Set(asked.series.map(({ source }) => idOf(source)))].map(async (id) => {
        try {
          const source = await open(id, signal);
          return { id, source, registry: await registryOf(source, signal) };
        } catch (error) {
          signal.throwIfAborted();
          if (!leavesOthers(error)) throw error;
          return { id, fault: error };
        }
      }),
    );
    const sources = new Map<string, GraphSource>();
    const registries = new Map<string, MetricRegistry>();
    const faults = new Map<string, AppError>();
    for (const one of opened) {
      if ('fault' in one) faults.set(one.id, one.fault);
      else {
        sources.set(one.id, one.source);
        registries.set(one.id, one.registry);
      }
    }
    const series = asked.series.filter(({ source }) => !faults.has(idOf(source)));
    if (series.length === 0) throw [...faults.values()][0]!;
    const warnings = asked.series.flatMap(({ id, source }) => {
      const fault = faults.get(idOf(source));
      return fault === undefined ? [] : [`${id}: ${fault.message}`];
    });
    // What only another source of the graph knows is asked for here too, and found to have no samples.
    const registry = {
      get: (key: string, id: string | null) =>
        registries.get(idOf(id))?.get(key) ?? [...registries.values()].find((one) => one.get(key))?.get(key),
    };
    const source = (id: string | null): GraphSource | null => sources.get(idOf(id)) ?? null;
    const context: GraphContext = { registry, source, now: clock.now(), zone: zone() };
    return { graph: { ...asked, series }, context, warnings };
  };

  return {
    faults: declared.issues,
    async search(source, search, signal) {
      const registry = await registryOf(await open(source, signal), signal);
      return { ...registry.search(search), namespaces: registry.namespaces() };
    },
    async labelValues(id, { metric: key, label, text, limit }, signal) {
      const source = await open(id, signal);
      const metric = (await registryOf(source, signal)).get(key);
      if (metric === undefined) return [];
      const { backend, connection } = source;
      const asked = { metric: metric.identifier, override: metric.backends[backend.id] ?? null };
      return suggestLabelValues(await connection.client.series(asked, LOOKED_THROUGH, signal), label, text, limit);
    },
    async profile(id, signal) {
      const { backend, connection } = await open(id, signal);
      return { id: backend.id, title: backend.title, capabilities: connection.capabilities };
    },
    async run(usual, given, signal) {
      const { graph, context, warnings } = await prepare(usual, given, signal);
      const result = await runGraph(graph, context, signal);
      return { ...result, warnings: [...warnings, ...result.warnings] };
    },
    async explain(usual, given, signal) {
      const { graph, context } = await prepare(usual, given, signal);
      const sourceOf = new Map(graph.series.map(({ id, source }) => [id, source ?? usual]));
      return explainGraph(graph, context).map(({ definitions, backend, text }) => ({
        source: sourceOf.get(definitions[0]!)!,
        backend,
        text,
      }));
    },
  };
}

/** What a source has beside the declared metrics: recorded tags by themselves, or what its backend tells. */
async function metricsOf(
  { backend, connection }: GraphSource,
  signal: AbortSignal,
): Promise<{ readonly metrics: readonly RegisteredMetric[]; readonly tags: readonly MetricTag[] }> {
  const history = connection.viewer?.history;
  if (history != null) {
    // A text has no number to draw.
    const numbers = (await history.tags(signal)).filter(({ recipe }) => recipe.form !== 'text');
    return { metrics: [], tags: numbers.map(({ recipe, ...tag }) => ({ ...tag, unit: recipe.unit })) };
  }
  if (connection.metrics !== undefined) return { metrics: await connection.metrics(signal), tags: [] };
  const metrics = new Map<string, RegisteredMetric>();
  for (let offset = 0; offset < LOOKED_THROUGH && connection.tags !== undefined; offset += TAGS_AT_ONCE) {
    const { tags } = await connection.tags({ text: '', ids: null, offset, limit: TAGS_AT_ONCE }, signal);
    for (const { metric, labels, override } of tags) {
      const key = keyOf(metric);
      const known = metrics.get(key);
      metrics.set(key, {
        key,
        identifier: metric,
        title: '',
        description: '',
        labels: [...new Set([...(known?.labels ?? []), ...Object.keys(labels)])],
        aggregates: aggregationsFor(metric.type),
        bounds: null,
        backends: override === null ? {} : { [backend.id]: override },
        origin: 'tag',
      });
    }
    if (tags.length < TAGS_AT_ONCE) break;
  }
  return { metrics: [...metrics.values()], tags: [] };
}
