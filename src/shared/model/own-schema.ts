import { z } from 'zod';
import type { Labels } from './graph/metric.ts';
import type { TimeRange } from './time.ts';

/**
 * What a backend that holds tables of our own says of them, and how they are changed: a request becomes a plan that is
 * shown in the backend's own words, and only the plan that was shown is carried out. Times are microseconds since 1970.
 */
const time = z.number().int();

/** Something to be changed. `settings` are the manager's own and draw a form. */
export const schemaRequest = z.discriminatedUnion('action', [
  /** Makes what is missing, brings what is older up to date, and puts policies as the settings say. */
  z.object({ action: z.literal('install'), settings: z.record(z.string(), z.unknown()) }),
  /** Fills a rollup from the samples; null: from the first, to the last of them. */
  z.object({ action: z.literal('refresh'), rollup: z.string(), from: time.nullable(), to: time.nullable() }),
  z.object({ action: z.literal('drop'), rollup: z.string() }),
  /** Removes samples before a time, and nothing of the rollups. */
  z.object({ action: z.literal('prune'), before: time }),
  /** Removes everything that `install` has made, with the samples. */
  z.object({ action: z.literal('remove') }),
]);
export type SchemaRequest = z.infer<typeof schemaRequest>;

/**
 * - `absent`: nothing of ours is there. `current`: of this version.
 * - `outdated`: of an earlier version, with migrations to run. `newer`: made by a later version of this program.
 * - `foreign`: the name is taken by something else.
 */
export const schemaStanding = z.enum(['absent', 'current', 'outdated', 'newer', 'foreign']);
export type SchemaStanding = z.infer<typeof schemaStanding>;

export const schemaObject = z.object({
  name: z.string(),
  /** In the database's words: table, index, hypertable, continuous aggregate, policy. */
  kind: z.string(),
  says: z.string(),
});
export type SchemaObject = z.infer<typeof schemaObject>;

export const schemaStep = z.object({
  says: z.string(),
  /** The whole statement, with its values in it. */
  sql: z.string(),
  /** Samples or settings of somebody are lost by it. */
  destructive: z.boolean(),
});
export type SchemaStep = z.infer<typeof schemaStep>;

export const schemaPlan = z.object({
  standing: schemaStanding,
  /** Null where nothing of ours is there. */
  version: z.number().int().nullable(),
  latest: z.number().int(),
  existing: z.array(schemaObject),
  /** In the order in which they run; none: there is nothing to do. */
  steps: z.array(schemaStep),
  /** What is left out or should be known before consenting, in sentences. */
  warnings: z.array(z.string()),
  /** Hash of everything above and of the request: who sends it back has consented to exactly this. */
  token: z.string(),
});
export type SchemaPlan = z.infer<typeof schemaPlan>;

export const schemaProgress = z.object({
  done: z.number().int(),
  total: z.number().int(),
  /** Of the step that has ended. */
  says: z.string(),
});
export type SchemaProgress = z.infer<typeof schemaProgress>;

export const schemaPolicy = z.object({
  kind: z.enum(['compression', 'retention', 'rollup']),
  /** The table or rollup that it looks after. */
  on: z.string(),
  says: z.string(),
  lastRun: time.nullable(),
  /** Null: it has never run. */
  lastOk: z.boolean().nullable(),
  nextRun: time.nullable(),
  runs: z.number().int(),
  failures: z.number().int(),
});
export type SchemaPolicy = z.infer<typeof schemaPolicy>;

export const schemaRollup = z.object({
  name: z.string(),
  /** Milliseconds. */
  step: z.number(),
  /** What is worked out and stored; null where nothing is yet. What lies outside is worked out on reading. */
  filled: z.object({ from: time, to: time }).nullable(),
  bytes: z.number(),
  policy: z.boolean(),
});
export type SchemaRollup = z.infer<typeof schemaRollup>;

export const schemaState = z.object({
  standing: schemaStanding,
  version: z.number().int().nullable(),
  latest: z.number().int(),
  /** What the server is, and what that means for the schema, in a sentence. */
  edition: z.string(),
  /** Those of the last install; null where it is not there. */
  settings: z.record(z.string(), z.unknown()).nullable(),
  objects: z.array(schemaObject),
  policies: z.array(schemaPolicy),
  rollups: z.array(schemaRollup),
  /** What is not as it was installed, in sentences; `install` with the same settings mends it. */
  problems: z.array(z.string()),
});
export type SchemaState = z.infer<typeof schemaState>;

export const schemaStatistics = z.object({
  series: z.number(),
  rows: z.number(),
  /** False: the database's own estimate. */
  exact: z.boolean(),
  first: time.nullable(),
  last: time.nullable(),
  /** Of samples with their indexes, without rollups. */
  bytes: z.number(),
  indexBytes: z.number(),
  rollupBytes: z.number(),
  chunks: z.number(),
  /** Null where nothing is compressed. */
  compression: z.object({ chunks: z.number(), before: z.number(), after: z.number(), ratio: z.number() }).nullable(),
});
export type SchemaStatistics = z.infer<typeof schemaStatistics>;

/** One series over a range. */
export interface SeriesStatistics {
  readonly metric: string;
  readonly labels: Labels;
  readonly unit: string | null;
  readonly rows: number;
  readonly bad: number;
  readonly min: number | null;
  readonly max: number | null;
  /** Of the first and the last usable sample; null where there is none. */
  readonly first: { readonly time: number; readonly value: number } | null;
  readonly last: { readonly time: number; readonly value: number } | null;
  /** From the first to the last; null where there are not two. */
  readonly delta: number | null;
}

export interface SchemaPreset {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  /** With every value, so that nothing about it is hidden. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface SchemaManager {
  readonly settings: z.ZodType;
  readonly presets: readonly SchemaPreset[];
  /** What is there, and whether it is as it was installed. Changes nothing. */
  state(signal: AbortSignal): Promise<SchemaState>;
  /** Changes nothing. Throws `config.invalid` for settings and names that do not fit. */
  plan(request: SchemaRequest, signal: AbortSignal): Promise<SchemaPlan>;
  /**
   * Carries out the plan that has this token, and throws `store.conflict` when what would be done now is another one.
   * One report per step; steps that belong together are in one transaction, and none of them is left half done.
   */
  apply(request: SchemaRequest, token: string, signal: AbortSignal): AsyncIterable<SchemaProgress>;
  /** `exact` counts, which reads the whole table. */
  statistics(options: { readonly exact: boolean }, signal: AbortSignal): Promise<SchemaStatistics>;
  /** The series with the most rows in a range first, at most `limit`. */
  seriesStatistics(
    options: { readonly range: TimeRange; readonly metric: string | null; readonly limit: number },
    signal: AbortSignal,
  ): Promise<readonly SeriesStatistics[]>;
}
