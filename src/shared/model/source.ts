import { z } from 'zod';
import { backendCapabilities, type DeepReadonly, labels } from './graph/index.ts';
import { displayName, documentId } from './names.ts';
import { mappingDrift } from './table-catalogue.ts';
import { tableMapping } from './table-mapping.ts';
import { unixMicros } from './time.ts';

/** What a source may take of its server and of this computer. Defaults suit a plant's database that others live from. */
export const sourceLimits = z.object({
  /** The server ends a statement that takes longer. */
  statementTimeoutMs: z
    .number()
    .int()
    .min(100)
    .max(3_600_000)
    .default(30_000)
    .meta({ title: 'Longest query', unit: 'ms', help: 'The server ends a query that takes longer.' }),
  connections: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(2)
    .meta({ title: 'Connections', help: 'At most this many at a time; further queries wait for one.' }),
  /** Of one query, as estimated before it is sent. */
  rows: z
    .number()
    .int()
    .min(1_000)
    .max(10_000_000_000)
    .default(50_000_000)
    .meta({ title: 'Rows a query may read', help: 'A query that would read more is refused, with how many it were.' }),
  /** Answers that are kept for the next question; 0: none. */
  cacheMegabytes: z
    .number()
    .min(0)
    .max(16_384)
    .default(64)
    .meta({ title: 'Cache', unit: 'MB', help: 'Answers that are kept for the next question. 0 keeps none.' }),
  cacheTtlS: z
    .number()
    .min(1)
    .max(86_400)
    .default(300)
    .meta({ title: 'Cache keeps', unit: 's', help: 'An answer that is older is asked for again.' }),
});
export type SourceLimits = Readonly<z.infer<typeof sourceLimits>>;
export const DEFAULT_LIMITS: SourceLimits = sourceLimits.parse({});

/**
 * A backend's connection as the project keeps it: where samples are read from beside the recordings. Passwords are not
 * in it; the installation keeps them under the source's id.
 */
export const sourceDocument = z.object({
  id: documentId.refine((id) => id !== 'history', 'This id stands for the running history. Choose another.'),
  name: displayName,
  /** Id of the backend; its settings are checked with the backend's own schema. */
  backend: z.string().max(40),
  enabled: z.boolean(),
  settings: z.record(z.string(), z.unknown()),
  /** How samples lie in relations that others have made. */
  mappings: z.array(tableMapping).max(500).default([]),
  limits: sourceLimits.prefault({}),
});
export type SourceDocument = z.infer<typeof sourceDocument>;

/** `degraded`: it answers, but not all is well. `lost`: it does not, and is tried again by itself. */
export const sourceState = z.enum(['disabled', 'invalid', 'connecting', 'running', 'degraded', 'lost']);
export type SourceState = z.infer<typeof sourceState>;

/** What an open connection tells of its server. */
export const serverHealth = z.object({
  /** "PostgreSQL" */
  product: z.string(),
  version: z.string(),
  /** In words: what kind of it, what it has beside the usual; null where there are no kinds. */
  edition: z.string().nullable(),
  pool: z.object({
    used: z.number().int(),
    idle: z.number().int(),
    waiting: z.number().int(),
    limit: z.number().int(),
  }),
});
export type ServerHealth = Readonly<z.infer<typeof serverHealth>>;

/** Of the last 500; before the first query of the last look whether the source is well. */
const latency = z.object({ count: z.number().int(), p50Ms: z.number().nullable(), p99Ms: z.number().nullable() });

/** What an answer costs, and whether the source is well, since the engine began to use it. */
export const sourceHealth = z.object({
  queries: latency,
  writes: latency,
  /** Rows that were read and written. */
  rowsRead: z.number(),
  rowsWritten: z.number(),
  rowsRejected: z.number(),
  errors: z.number().int(),
  retries: z.number().int(),
  /** Queries that wait for their turn, and rows that wait to be written. */
  waiting: z.number().int(),
  buffered: z.number().int(),
  breaker: z.object({
    /** `open`: nothing is asked until `nextAttempt`. `trying`: one question is on its way. */
    state: z.enum(['closed', 'open', 'trying']),
    since: unixMicros,
    nextAttempt: unixMicros.nullable(),
  }),
  cache: z.object({
    bytes: z.number(),
    limit: z.number(),
    hits: z.number().int(),
    misses: z.number().int(),
    /** Hits of hits and misses; null before the first. */
    ratio: z.number().nullable(),
  }),
});
export type SourceHealth = Readonly<z.infer<typeof sourceHealth>>;

/** What becomes of a sample that is written where its series has one at that very time: the newer one, or the first. */
export const onConflict = z.enum(['replace', 'keep']);
export type OnConflict = z.infer<typeof onConflict>;

/** What a screen may offer for a source; found out on connecting. */
export const sourceAbilities = z.object({
  /** Lists its tags. */
  tags: z.boolean(),
  /** Takes a query in its own language. */
  raw: z.boolean(),
  /** Relations that others made can be found and mapped. */
  foreign: z.boolean(),
  /** Makes and keeps tables of its own. */
  schema: z.boolean(),
  statistics: z.boolean(),
  /** May be written, if it takes samples (`ingest`); null: it is only read. */
  write: onConflict.nullable(),
});
export type SourceAbilities = Readonly<z.infer<typeof sourceAbilities>>;
export const NO_ABILITIES: SourceAbilities = {
  tags: false,
  raw: false,
  foreign: false,
  schema: false,
  statistics: false,
  write: null,
};

export const sourceStatus = z.object({
  id: documentId,
  name: z.string(),
  backend: z.string(),
  state: sourceState,
  since: unixMicros,
  /** A sentence: what happened, to what; null while all is well. */
  message: z.string().nullable(),
  /** What to do about it. */
  advice: z.string().nullable(),
  /** What is at the other end, short, without user and password; null while the settings do not say. */
  endpoint: z.string().nullable(),
  /** From configuration rather than from the project: shown, not to be changed here. */
  configured: z.boolean(),
  /** Where it stands there; null for one of the project. */
  place: z.object({ file: z.string(), line: z.number().int() }).nullable(),
  server: serverHealth.nullable(),
  /** Null until it was connected for the first time. */
  capabilities: backendCapabilities.nullable(),
  can: sourceAbilities,
  health: sourceHealth,
  /** What has become of its mappings' tables, as looked at last; those alone that have problems. */
  drift: z.array(mappingDrift),
});
export type SourceStatus = z.infer<typeof sourceStatus>;

/** A series that a source has, as the tree of tags shows it. */
export const sourceTag = z.object({
  /** Stable within the source. */
  id: z.string().max(500),
  name: z.string(),
  unit: z.string().nullable(),
  description: z.string().nullable(),
  type: z.enum(['number', 'boolean', 'text']),
  /** Key of its metric. */
  metric: z.string(),
  /** With the metric they mean this series alone. */
  labels,
});
export type SourceTag = DeepReadonly<z.infer<typeof sourceTag>>;
export const tagSearch = z.object({
  /** Words in any order; empty: all. */
  text: z.string().max(200).default(''),
  /** These alone, where they are known; null: all. */
  ids: z.array(z.string().max(500)).max(1_000).nullable().default(null),
  offset: z.number().int().min(0).default(0),
  limit: z.number().int().min(1).max(1_000).default(200),
});
export type TagSearch = DeepReadonly<z.infer<typeof tagSearch>>;
/** A query that took long, with what it cost. */
export const slowQuery = z.object({
  id: z.string(),
  time: unixMicros,
  ms: z.number(),
  /** In the backend's own language, values as parameters. */
  text: z.string(),
  rows: z.number(),
  /** The server's plan; null where it was not asked for or could not be told. */
  plan: z.string().nullable(),
  /** One thing to do for each thing that was found. */
  hints: z.array(z.object({ finding: z.string(), advice: z.string() })),
});
export type SlowQuery = z.infer<typeof slowQuery>;
