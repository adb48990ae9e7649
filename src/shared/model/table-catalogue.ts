import { z } from 'zod';
import type { DeepReadonly } from './graph/index.ts';
import { relationName, tableMapping } from './table-mapping.ts';
import { unixMicros } from './time.ts';

/**
 * What there is to be mapped in a database that others have made, as its login may see it, and what becomes of rows
 * once they are mapped.
 */

/** What a column can be read as. `instant` knows its zone, `wall` is a clock on some wall. */
export const columnKind = z.enum(['instant', 'wall', 'integer', 'number', 'boolean', 'text', 'json', 'other']);
export type ColumnKind = z.infer<typeof columnKind>;

export const catalogueColumn = z.object({
  name: z.string(),
  /** In the database's own words. */
  type: z.string(),
  kind: columnKind,
  /** Stays with the column when it is renamed. */
  position: z.number().int(),
  nullable: z.boolean(),
  comment: z.string().nullable(),
  /** Different values, as the database estimates; null while it does not know. */
  distinct: z.number().nullable(),
});
export type CatalogueColumn = DeepReadonly<z.infer<typeof catalogueColumn>>;

export const relationKind = z.enum(['table', 'view', 'materialized', 'foreign', 'hypertable', 'rollup']);
export type RelationKind = z.infer<typeof relationKind>;

/** What a column of a rollup holds of the column that it is made from. */
export const rollupColumn = z.object({
  name: z.string(),
  of: z.enum(['time', 'key', 'min', 'max', 'sum', 'count', 'mean', 'first', 'last', 'other']),
  /** Column of the samples; null where it is of none, or of an expression. */
  source: z.string().nullable(),
});

export const catalogueRelation = z.object({
  schema: z.string(),
  name: z.string(),
  kind: relationKind,
  comment: z.string().nullable(),
  /** Estimated; null where the database has not counted yet. */
  rows: z.number().nullable(),
  bytes: z.number().nullable(),
  /** Those alone that the login may read. */
  columns: z.array(catalogueColumn),
  key: z.array(z.string()),
  /** Columns of each index in their order. */
  indexes: z.array(z.array(z.string())),
  references: z.array(z.object({ columns: z.array(z.string()), relation: relationName, to: z.array(z.string()) })),
  /** Parts by time, where the relation has them. */
  partition: z.object({ column: z.string(), parts: z.number().int(), compressed: z.number().int() }).nullable(),
  /**
   * From when to when, as the parts or an index tell without reading rows: UTC microseconds, of wall clocks as if they
   * were UTC, of numbers the numbers themselves. Null where it would cost a scan.
   */
  range: z.object({ column: z.string(), from: z.number(), to: z.number() }).nullable(),
  /** What it aggregates, where the database keeps it up to date by itself. */
  rollupOf: z
    .object({
      relation: relationName,
      /** Of one length and counted from 1970: in ms, or in the count of a time that is a number. Null: they are not. */
      step: z.object({ ms: z.number().nullable(), count: z.number().nullable() }).nullable(),
      /** Holds what was written since the last refresh too. */
      live: z.boolean(),
      /** Of some rows alone, or of more than one table. */
      filtered: z.boolean(),
      columns: z.array(rollupColumn),
    })
    .nullable(),
  /** Whether it looks like samples at all, for the order of a list; null where nothing speaks for it. */
  looksLike: z.object({ layout: z.string(), confidence: z.number().min(0).max(1) }).nullable(),
});
export type CatalogueRelation = DeepReadonly<z.infer<typeof catalogueRelation>>;

export const tableLayout = z.enum(['narrow', 'tag table', 'wide', 'one tag']);
export type TableLayout = z.infer<typeof tableLayout>;

/** A mapping as it might be, and why. Nothing of it holds before a person has seen it. */
export const mappingGuess = z.object({
  mapping: tableMapping,
  layout: tableLayout,
  confidence: z.number().min(0).max(1),
  reasons: z.array(
    z.object({ part: z.enum(['relation', 'time', 'tag', 'values', 'quality', 'labels', 'rollups']), text: z.string() }),
  ),
  /** What the tables do not tell and somebody has to say; `path` as in the mapping. */
  questions: z.array(
    z.object({
      path: z.string(),
      text: z.string(),
      choices: z.array(z.object({ value: z.string(), title: z.string() })),
    }),
  ),
});
export type MappingGuess = DeepReadonly<z.infer<typeof mappingGuess>>;

/** What is wrong with a mapping or its rows; with an error nothing can be read by it. `path` as in the mapping. */
export const tableProblem = z.object({
  path: z.string(),
  message: z.string(),
  severity: z.enum(['error', 'warning']),
});
export type TableProblem = Readonly<z.infer<typeof tableProblem>>;

/** Some rows as they lie there, and what becomes of them. */
export const mappingPreview = z.object({
  columns: z.array(z.string()),
  /** Cells as the database writes them; null: NULL. */
  rows: z.array(z.array(z.string().nullable())),
  samples: z.array(
    z.object({
      /** Of `rows`. */
      row: z.number().int(),
      time: unixMicros.nullable(),
      tag: z.string().nullable(),
      unit: z.string().nullable(),
      value: z.union([z.number(), z.string(), z.boolean()]).nullable(),
      quality: z.number().int().min(0).max(0xffff),
      labels: z.record(z.string(), z.string()),
      /** Why it is no sample, or not what one would think. */
      problems: z.array(z.string()),
    }),
  ),
  /** The newest rows, or any where finding the newest would cost a scan. */
  newest: z.boolean(),
  problems: z.array(tableProblem),
});
export type MappingPreview = DeepReadonly<z.infer<typeof mappingPreview>>;

/** What has become of a mapping's tables since it was made; without problems all is as it was. */
export const mappingDrift = z.object({ mapping: z.string(), problems: z.array(tableProblem) });
export type MappingDrift = DeepReadonly<z.infer<typeof mappingDrift>>;
