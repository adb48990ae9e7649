import { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import {
  aggregateFunction,
  aggregateQuery,
  eventKind,
  historyEvent,
  searchQuery,
  timeKind,
  timeRange,
  unixMicros,
  valueType,
} from '../model/index.ts';
import { id, ids, source } from './parts.ts';
import { type Contract, call, column, stream } from './procedure.ts';

const gap = z.object({ range: timeRange, reason: z.string(), quality: z.number().int() });
/** Tags of sources have the names that others gave them, which may be long. */
const traceTag = z.string().max(500);
const sourceErrors = [
  'store.not-found',
  'tsdb.unavailable',
  'tsdb.timeout',
  'tsdb.refused',
] as const satisfies readonly ErrorCode[];

const series = z.object({
  tag: traceTag,
  time: column('f64'),
  value: column('f64'),
  quality: column('u16'),
  envelope: z.object({ min: column('f64'), max: column('f64') }).nullable(),
  gaps: z.array(gap),
  texts: z.record(z.string(), z.string()).nullable(),
});
const sample = z.object({ time: unixMicros, value: z.number().nullable(), quality: z.number().int() });

export const RUNNING_HISTORY = 'history';

/** Numbers in the order of `STATISTICS`; NaN where nothing is known. */
const tagStatistics = z.object({ tag: traceTag, values: column('f64') });

const historyTag = z.object({
  id: traceTag,
  name: z.string(),
  description: z.string(),
  connection: z.string(),
  device: z.string(),
  address: z.string(),
  unit: z.string().nullable(),
  type: valueType,
  decimals: z.number().nullable(),
  range: z.object({ low: z.number(), high: z.number() }).nullable(),
  timeKind,
  demo: z.boolean(),
  first: unixMicros.nullable(),
  last: unixMicros.nullable(),
  recipeVersion: z.number().int(),
});
export type HistoryTag = z.infer<typeof historyTag>;

export const history = {
  tags: call({
    role: 'viewer',
    input: z.object({ source }),
    output: z.object({ tags: z.array(historyTag) }),
    errors: sourceErrors,
  }),
  /** Tags whose name, description or unit hold all words of the text, or these alone; `total` null: not counted. */
  findTags: call({
    role: 'viewer',
    input: z.object({
      source,
      text: z.string().max(200),
      ids: z.array(traceTag).max(1_000).nullable(),
      offset: z.number().int().min(0),
      limit: z.number().int().min(1).max(1_000),
    }),
    output: z.object({
      tags: z.array(historyTag),
      total: z.number().int().nullable(),
      /** Why tags are missing, for people. */
      notes: z.array(z.string()),
    }),
    errors: sourceErrors,
  }),
  bounds: call({
    role: 'viewer',
    input: z.object({ source }),
    output: z.object({ range: timeRange.nullable() }),
    errors: sourceErrors,
  }),
  /** From the first sample of each tag to behind its last, in their order; null where that is not known. */
  ends: call({
    role: 'viewer',
    input: z.object({ source, tags: z.array(traceTag).max(200) }),
    output: z.object({ ranges: z.array(timeRange.nullable()) }),
    errors: sourceErrors,
  }),
  /** One item per group of tags as they are ready, at most two points per pixel and series. */
  view: stream({
    role: 'viewer',
    input: z.object({
      source,
      tags: z.array(traceTag).max(200),
      range: timeRange,
      pixels: z.number().int().min(1).max(10_000),
    }),
    item: z.object({ series: z.array(series) }),
    errors: [...sourceErrors, 'query.too-many-samples'],
  }),
  neighbours: call({
    role: 'viewer',
    input: z.object({ source, tag: traceTag, time: unixMicros }),
    output: z.object({ before: sample.nullable(), after: sample.nullable() }),
    errors: sourceErrors,
  }),
  /** What the samples of each bucket come to, one item per tag, all on the grid that each item names. */
  aggregate: stream({
    role: 'viewer',
    input: z.object({ source, query: aggregateQuery }),
    item: z.object({
      start: unixMicros,
      step: z.number().int(),
      length: z.number().int(),
      tag: id,
      functions: z.array(aggregateFunction),
      columns: z.array(column('f64')),
      texts: z.record(z.string(), z.string()).nullable(),
    }),
    errors: [...sourceErrors, 'config.invalid', 'query.too-many-samples', 'tsdb.unsupported-feature'],
  }),
  /** Exact numbers over a range, as tags are ready; refused where they would take more samples than the limit. */
  statistics: stream({
    role: 'viewer',
    input: z.object({ source, tags: z.array(traceTag).max(1_000), range: timeRange }),
    item: z.object({ tags: z.array(tagStatistics) }),
    errors: [...sourceErrors, 'config.invalid', 'query.too-many-samples', 'tsdb.unsupported-feature'],
  }),
  /** Where the conditions hold, as it is found; items may be empty and say how far the search has come. */
  search: stream({
    role: 'viewer',
    input: z.object({ source, query: searchQuery }),
    item: z.object({ intervals: z.array(timeRange), reached: unixMicros }),
    errors: [...sourceErrors, 'config.invalid', 'tsdb.unsupported-feature'],
  }),
  events: call({
    role: 'viewer',
    input: z.object({ source, range: timeRange, kinds: z.array(eventKind).nullable() }),
    output: z.object({ events: z.array(historyEvent) }),
    errors: sourceErrors,
  }),
  gaps: call({
    role: 'viewer',
    input: z.object({ source, range: timeRange }),
    output: z.object({ gaps: z.array(gap) }),
    errors: sourceErrors,
  }),
  addNote: call({
    role: 'operator',
    audit: true,
    input: z.object({
      from: unixMicros,
      to: unixMicros.nullable(),
      text: z.string().trim().min(1).max(4000),
      tagIds: ids(1000),
    }),
    output: historyEvent,
  }),
} as const satisfies Contract[string];
