import { z } from 'zod';
import { aggregation, backendCapabilities, graphDefinition, metricType } from '../model/graph/index.ts';
import { timeRange, unixMicros } from '../model/index.ts';
import { answeredSeries, id } from './parts.ts';
import { call, column, nothing, stream } from './procedure.ts';

/** A fault in a file, where an editor finds it; line and column from 1. */
const placedIssue = z.object({
  file: z.string(),
  line: z.number().int(),
  column: z.number().int(),
  path: z.string(),
  message: z.string(),
});

const catalogueMetric = z.object({
  key: z.string(),
  title: z.string(),
  description: z.string(),
  type: metricType,
  unit: z.string().nullable(),
  labels: z.array(z.string()),
  /** The usual one first. */
  aggregates: z.array(aggregation),
  bounds: z.object({ low: z.number(), high: z.number() }).nullable(),
  origin: z.enum(['registry', 'tag']),
});
export type CatalogueMetric = z.infer<typeof catalogueMetric>;

/** What series are taken from unless they say otherwise: the running history, or an open recording. */
const source = id;

export const graphs = {
  /** Metrics that a graph can be made of: those of the registry, and every recorded tag. */
  metrics: call({
    role: 'viewer',
    input: z.object({
      source,
      /** Words in any order; empty: all. */
      text: z.string().max(200),
      namespace: z.string().max(40).nullable(),
      offset: z.number().int().min(0),
      limit: z.number().int().min(1).max(500),
    }),
    output: z.object({
      total: z.number().int(),
      metrics: z.array(catalogueMetric),
      namespaces: z.array(z.object({ namespace: z.string(), metrics: z.number().int() })),
      /** What is wrong in the registry's files; the first hundred. */
      faults: z.array(placedIssue),
    }),
    errors: ['store.not-found'],
  }),
  /** Values that a label has among the stored series of a metric. */
  labelValues: call({
    role: 'viewer',
    input: z.object({
      source,
      metric: z.string().max(200),
      label: z.string().max(64),
      text: z.string().max(200),
      limit: z.number().int().min(1).max(500),
    }),
    output: z.object({ values: z.array(z.string()) }),
    errors: ['store.not-found'],
  }),
  /** What a graph is checked against before it is drawn from this source. */
  profile: call({
    role: 'viewer',
    input: z.object({ source }),
    output: z.object({ id: z.string(), title: z.string(), capabilities: backendCapabilities }),
    errors: ['store.not-found', 'tsdb.unavailable'],
  }),
  /** Reads a graph from YAML or JSON; null and the faults where it is none. */
  read: call({
    role: 'viewer',
    input: z.object({ name: z.string().max(200), text: z.string().max(256 * 1024) }),
    output: z.object({ graph: graphDefinition.nullable(), issues: z.array(placedIssue) }),
  }),
  /** The forms of graphs and of files of the registry as JSON Schema, for editors; `version` inside them counts up. */
  schemas: call({
    role: 'viewer',
    input: nothing,
    output: z.object({ graph: z.record(z.string(), z.unknown()), registry: z.record(z.string(), z.unknown()) }),
  }),
  /** The YAML of a graph. */
  write: call({
    role: 'viewer',
    input: z.object({ graph: graphDefinition }),
    output: z.object({ text: z.string() }),
    errors: ['config.invalid'],
  }),
  /** Answers a graph, one series an item; one item without a series where there is none. */
  run: stream({
    role: 'viewer',
    input: z.object({ source, graph: graphDefinition }),
    item: z.object({
      range: timeRange,
      grid: z.object({ start: unixMicros, step: z.number(), length: z.number().int() }),
      warnings: z.array(z.string()),
      /** How many there are in all. */
      count: z.number().int(),
      series: answeredSeries
        .extend({ envelope: z.object({ min: column('f64'), max: column('f64') }).nullable() })
        .nullable(),
    }),
    errors: [
      'config.invalid',
      'query.too-many-samples',
      'store.not-found',
      'tsdb.refused',
      'tsdb.timeout',
      'tsdb.unavailable',
      'tsdb.unsupported-feature',
    ],
  }),
};
