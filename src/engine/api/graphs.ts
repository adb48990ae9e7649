import { formatGraph, readGraph } from '#engine/project/index.ts';
import { graphJsonSchema, parseGraph, registryJsonSchema } from '#shared/model/graph/index.ts';
import type { AppContract } from '#shared/rpc/contract.ts';
import type { HandlersOf } from '#shared/rpc/index.ts';
import type { Services } from './services.ts';

/** Faults of the registry that one answer names. */
const MOST_FAULTS = 100;

export function graphHandlers({ graphs }: Services): HandlersOf<AppContract>['graphs'] {
  return {
    async metrics({ source, ...search }, { signal }) {
      const { total, metrics, namespaces } = await graphs.search(source, search, signal);
      return {
        total,
        metrics: metrics.map(({ identifier, labels, aggregates, backends: _, ...metric }) => ({
          ...metric,
          type: identifier.type,
          unit: identifier.unit,
          labels: [...labels],
          aggregates: [...aggregates],
        })),
        namespaces: [...namespaces],
        faults: graphs.faults.slice(0, MOST_FAULTS),
      };
    },
    labelValues: async ({ source, ...asked }, { signal }) => ({
      values: await graphs.labelValues(source, asked, signal),
    }),
    async profile({ source }, { signal }) {
      const { id, title, capabilities } = await graphs.profile(source, signal);
      return { id, title, capabilities: structuredClone(capabilities) as Writable<typeof capabilities> };
    },
    async read({ name, text }) {
      const read = readGraph(name, text);
      if ('issues' in read) return { graph: null, issues: [...read.issues] };
      // A copy that may be changed, as the contract's type has it.
      return { graph: structuredClone(read.graph) as Writable<typeof read.graph>, issues: [] };
    },
    schemas: async () => ({ graph: graphJsonSchema(), registry: registryJsonSchema() }),
    write: async ({ graph }) => ({ text: formatGraph(parseGraph(graph)) }),
    async *run({ source, graph }, { signal }) {
      const { range, grid, warnings, series } = await graphs.run(source, graph, signal);
      const item = { range, grid: grid!, warnings: [...warnings], count: series.length };
      if (series.length === 0) yield { ...item, series: null };
      for (const { time: _, ...one } of series) yield { ...item, series: one };
    },
  };
}

type Writable<T> = T extends readonly (infer E)[]
  ? Writable<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Writable<T[K]> }
    : T;
