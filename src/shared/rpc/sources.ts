import { z } from 'zod';
import { graphDefinition, labels } from '../model/graph/index.ts';
import {
  catalogueRelation,
  documentId,
  mappingDrift,
  mappingGuess,
  mappingPreview,
  relationName,
  slowQuery,
  sourceLimits,
  sourceStatus,
  sourceTag,
  tableMapping,
  tagSearch,
  testStep,
  timeRange,
  unixMicros,
} from '../model/index.ts';
import { schemaPlan, schemaProgress, schemaRequest, schemaState, schemaStatistics } from '../model/own-schema.ts';
import { answeredSeries, id, settings } from './parts.ts';
import { call, column, nothing, stream } from './procedure.ts';

const of = z.object({ id });
const end = z.object({ time: unixMicros, value: z.number() }).nullable();
const seriesStatistics = z.object({
  metric: z.string(),
  labels,
  unit: z.string().nullable(),
  rows: z.number(),
  bad: z.number(),
  min: z.number().nullable(),
  max: z.number().nullable(),
  /** The first and the last usable sample. */
  first: end,
  last: end,
  /** From the first to the last. */
  delta: z.number().nullable(),
});
const secrets = z.record(z.string().max(100), z.string().max(65_536));
/** What asking a source can end with, whatever it is asked. */
const errors = [
  'store.not-found',
  'config.invalid',
  'tsdb.unavailable',
  'tsdb.timeout',
  'tsdb.refused',
  'tsdb.unsupported-feature',
  'query.too-many-samples',
  'rpc.limit',
] as const;

/**
 * Connections to backends. They are documents of the project (kind `source`) and written, removed and put back with
 * `project.commit`, which refuses settings that hold a secret.
 */
export const sources = {
  /** All sources with what they are doing, also those that are given by configuration. */
  watch: stream({ role: 'viewer', input: nothing, item: z.object({ sources: z.array(sourceStatus) }) }),
  /** What is wrong with settings as typed so far; empty when they could be saved. */
  check: call({
    role: 'engineer',
    input: z.object({ backend: id, settings }),
    output: z.object({
      issues: z.array(z.object({ path: z.string(), message: z.string() })),
      endpoint: z.string().nullable(),
      /** The settings as an address, without secrets; null where the backend has none. */
      url: z.string().nullable(),
    }),
    errors: ['config.invalid'],
  }),
  /** Settings and secrets that an address holds. */
  fromUrl: call({
    role: 'engineer',
    input: z.object({ backend: id, url: z.string().max(4_096) }),
    output: z.object({ settings, secrets }),
    errors: ['config.invalid', 'tsdb.unsupported-feature'],
  }),
  /** Fields whose secret is kept. What it is never leaves the engine. */
  secrets: call({ role: 'engineer', input: of, output: z.object({ fields: z.array(z.string()) }) }),
  /** Keeps a secret under a source's id, which need not be saved yet; null forgets it. */
  setSecret: call({
    role: 'engineer',
    audit: true,
    input: z.object({ id: documentId, field: z.string().min(1).max(60), value: z.string().max(65_536).nullable() }),
    output: nothing,
    errors: ['config.invalid', 'store.disk-full', 'store.read-only'],
  }),
  /** Walks name, network, login and abilities; works on settings that are not saved, with the secrets that are typed. */
  test: stream({
    role: 'engineer',
    audit: true,
    input: z.object({
      /** Whose kept secrets stand for those that are not typed; null: none. */
      id: documentId.nullable(),
      backend: id,
      settings,
      secrets,
      limits: sourceLimits.nullable(),
    }),
    item: testStep,
    errors: ['config.invalid', 'tsdb.unsupported-feature'],
  }),
  /** Tries now instead of waiting; what is cached is forgotten. */
  retry: call({ role: 'operator', audit: true, input: of, output: nothing, errors: ['store.not-found'] }),
  tags: call({
    role: 'viewer',
    input: of.extend(tagSearch.shape),
    output: z.object({
      tags: z.array(sourceTag),
      /** Null where counting them would cost too much. */
      total: z.number().int().nullable(),
      /** Why tags are missing, for people. */
      notes: z.array(z.string()),
    }),
    errors,
  }),

  /** Relations of others that the login may read, in pages as they are found. */
  discover: stream({
    role: 'engineer',
    audit: true,
    input: of,
    item: z.object({ relations: z.array(catalogueRelation) }),
    errors,
  }),
  guess: call({
    role: 'engineer',
    input: of.extend({ relation: relationName }),
    output: z.object({ guesses: z.array(mappingGuess) }),
    errors,
  }),
  /** Real rows as a mapping reads them, which need not be saved. */
  preview: call({
    role: 'engineer',
    audit: true,
    input: of.extend({ mapping: tableMapping }),
    output: mappingPreview,
    errors,
  }),
  /** Looks anew what has become of the mappings' tables. */
  drift: call({ role: 'engineer', input: of, output: z.object({ drift: z.array(mappingDrift) }), errors }),

  /** The settings of a source's own tables as JSON Schema, and usual ones. */
  schemaForm: call({
    role: 'viewer',
    input: of,
    output: z.object({
      settings: z.record(z.string(), z.unknown()),
      presets: z.array(z.object({ id, title: z.string(), summary: z.string(), settings })),
    }),
    errors,
  }),
  schemaState: call({ role: 'viewer', input: of, output: schemaState, errors }),
  schemaPlan: call({ role: 'engineer', input: of.extend({ request: schemaRequest }), output: schemaPlan, errors }),
  /** Does what a plan has shown; the plan's token says that it was seen. */
  schemaApply: stream({
    role: 'engineer',
    audit: true,
    input: of.extend({ request: schemaRequest, token: z.string().max(200) }),
    item: schemaProgress,
    errors: [...errors, 'store.conflict'],
  }),
  /** What the source's own tables hold; `exact` counts, which reads everything. */
  statistics: call({
    role: 'viewer',
    input: of.extend({ exact: z.boolean() }),
    output: schemaStatistics,
    errors,
  }),
  seriesStatistics: call({
    role: 'viewer',
    input: of.extend({
      range: timeRange,
      metric: z.string().max(200).nullable(),
      limit: z.number().int().min(1).max(1_000),
    }),
    output: z.object({ series: z.array(seriesStatistics) }),
    errors,
  }),

  /** The slowest queries since the engine began, the slowest first. */
  slowQueries: call({
    role: 'viewer',
    input: of,
    output: z.object({ thresholdMs: z.number(), queries: z.array(slowQuery) }),
    errors: ['store.not-found'],
  }),
  /** A graph in the words of each backend that it asks. */
  explain: call({
    role: 'viewer',
    input: z.object({
      /** What series are taken from unless they say otherwise. */
      source: id,
      graph: graphDefinition,
      /** Whose server is asked how it goes about its part; null: nobody's. */
      planOf: id.nullable().default(null),
    }),
    output: z.object({
      parts: z.array(
        z.object({
          source: id,
          backend: id,
          text: z.string(),
          /** Its server can be asked for the plan. */
          canPlan: z.boolean(),
          /** Null where it was not asked for, or the server could not tell. */
          plan: z.string().nullable(),
        }),
      ),
    }),
    errors,
  }),
  /** A query in the source's own language, answered as a graph is: one series an item. */
  raw: stream({
    role: 'engineer',
    audit: true,
    input: of.extend({
      text: z.string().min(1).max(100_000),
      range: timeRange,
      /** Rows in all. */
      limit: z.number().int().min(1).max(5_000_000).default(1_000_000),
    }),
    item: z.object({
      warnings: z.array(z.string()),
      /** How many there are in all; one item without a series where there is none. */
      count: z.number().int(),
      series: answeredSeries.extend({ time: column('f64') }).nullable(),
    }),
    errors,
  }),
};
