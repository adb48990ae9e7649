import { z } from 'zod';
import { type DeepReadonly, type Issue, labelName } from './graph/index.ts';
import { isTimeZone } from './zone.ts';

/**
 * How samples lie in a table or view that somebody else made, so that one compiler can read all of them. Names are those
 * of the database, of any characters; none of them is ever part of a query without being quoted.
 */
const identifier = z.string().min(1).max(200);
const column = identifier;

export const relationName = z.strictObject({ schema: identifier, name: identifier });
export type RelationName = DeepReadonly<z.infer<typeof relationName>>;

export const epochUnit = z.enum(['s', 'ms', 'us', 'ns']);
export type EpochUnit = z.infer<typeof epochUnit>;

export const mappedTime = z.strictObject({
  column,
  /** An instant, a wall clock without a zone, or a number since 1970. */
  kind: z.enum(['timestamptz', 'timestamp', 'epoch']),
  /** What a number since 1970 counts. */
  unit: epochUnit.default('ms'),
  /** IANA name: whose wall clock a `timestamp` shows. */
  zone: z.string().max(60).default('UTC'),
});

/** What tells the tags of a relation apart. */
export const mappedTag = z.discriminatedUnion('kind', [
  /** Narrow: each row names its tag. */
  z.strictObject({ kind: z.literal('column'), column }),
  /** Narrow: each row holds a key of a table of tags. */
  z.strictObject({
    kind: z.literal('table'),
    /** In the relation of the samples. */
    column,
    relation: relationName,
    /** The rest are columns of the table of tags. */
    key: column,
    name: column,
    unit: column.nullable().default(null),
    description: column.nullable().default(null),
    /** Where the tags are of several metrics: the key of each one's. */
    metric: column.nullable().default(null),
    /** JSON object with labels beside those of `labels`. */
    labels: column.nullable().default(null),
  }),
  /** Wide: each of `values` is a tag. */
  z.strictObject({ kind: z.literal('columns') }),
  /** All rows are of one tag. */
  z.strictObject({ kind: z.literal('fixed'), name: z.string().min(1).max(500) }),
]);

export const mappedValue = z.strictObject({
  column,
  /** Keys that lead to the value in a JSON column. */
  jsonPath: z.array(z.string().max(500)).max(20).default([]),
  /** Of the tag in a wide relation; empty: the column's. */
  name: z.string().max(500).default(''),
  unit: z.string().max(40).nullable().default(null),
  /** Texts that are no number have no value. */
  type: z.enum(['number', 'boolean', 'text']).default('number'),
  /** Column of its own quality, read by the mapping's rule; null: the mapping's. */
  quality: column.nullable().default(null),
});

export const mappedQuality = z.strictObject({
  column,
  /**
   * `opc`: 192 and more good, 64 to 191 uncertain, else bad. `status-code`: 32 bits of OPC UA. `own`: its high word, as
   * ParX keeps it. `boolean`: true is good. `values`: what stands in `good` and `uncertain`, as text; all else is bad.
   */
  rule: z.enum(['opc', 'status-code', 'own', 'boolean', 'values']),
  good: z.array(z.string().max(200)).max(100).default([]),
  uncertain: z.array(z.string().max(200)).max(100).default([]),
});

/** A relation that holds the same samples already aggregated over steps counted from 1970. */
export const mappedRollup = z.strictObject({
  relation: relationName,
  stepMs: z.number().int().min(1).max(31_622_400_000),
  /** Of the start of each step, of the same kind as the samples' own. */
  time: column,
  /** What the samples' tag column is called here; null in a relation of one tag. */
  tag: column.nullable(),
  /**
   * Holds what was written since its last refresh too. Where it does not, its last step and everything after it are read
   * from the samples.
   */
  live: z.boolean().default(true),
  /** Of the usable samples; null for what it does not hold. */
  columns: z.strictObject({
    min: column.nullable().default(null),
    max: column.nullable().default(null),
    sum: column.nullable().default(null),
    /** How many there are: without it a rollup is of no use. */
    count: column,
    first: column.nullable().default(null),
    last: column.nullable().default(null),
    /** How many samples beside them are bad or no number, and the worst quality of all, as ParX keeps it; null: 0, good. */
    other: column.nullable().default(null),
    worst: column.nullable().default(null),
  }),
});

export const tableMapping = z.strictObject({
  /** The metric is `plant.<id>`. */
  id: z.string().regex(/^[a-z0-9_]{1,60}$/, 'Use 1 to 60 lower-case letters, digits or "_".'),
  /** For people; empty: the relation's. */
  name: z.string().max(200).default(''),
  /** Counts the times that it was changed. */
  version: z.number().int().min(1).default(1),
  relation: relationName,
  time: mappedTime,
  tag: mappedTag,
  /** In a narrow relation the first that is not NULL counts, for example whole numbers, fractions and texts apart. */
  values: z.array(mappedValue).min(1).max(5_000),
  quality: mappedQuality.nullable().default(null),
  /** Further columns that tell series apart, or describe the tag where they are of its table. */
  labels: z
    .array(z.strictObject({ column, name: labelName, of: z.enum(['samples', 'tags']).default('samples') }))
    .max(20)
    .default([]),
  /**
   * The same sample may be there twice. Of rows with one tag, labels and time one counts then: that of the best quality, and
   * of those the smallest value. Otherwise each of them counts in figures, which costs less.
   */
  timesRepeat: z.boolean().default(false),
  rollups: z.array(mappedRollup).max(20).default([]),
  /** The mapped columns as they were found, so that one that is renamed later is known by its position. */
  seen: z
    .array(
      z.strictObject({
        relation: relationName,
        columns: z
          .array(z.strictObject({ name: column, type: z.string().max(200), position: z.number().int() }))
          .max(5_000),
      }),
    )
    .max(22)
    .optional(),
});
export type TableMapping = DeepReadonly<z.infer<typeof tableMapping>>;
export type MappedValue = TableMapping['values'][number];
export type MappedQuality = NonNullable<TableMapping['quality']>;
export type MappedRollup = TableMapping['rollups'][number];

/** Namespace of metrics that mappings stand for. */
export const PLANT_NAMESPACE = 'plant';
/** Label that holds a tag's name. */
export const TAG_LABEL = 'tag';

/** Name of the tag that a value of a wide relation is: the column's, with the way into its JSON. */
export const mappedValueName = ({ name, column: of, jsonPath }: MappedValue): string =>
  name !== '' ? name : [of, ...jsonPath].join('.');

/**
 * Whether a zone means the same here and in a database: offsets have the other sign in some, and short names such as CET
 * are zones without summer time there.
 */
export const isMappedZone = (zone: string): boolean => /^(UTC|GMT|[A-Za-z_]+\/.+)$/.test(zone) && isTimeZone(zone);

/** What the form of a mapping allows and its sense does not. */
export function tableMappingFaults(mapping: TableMapping): Issue[] {
  const { time, tag, values, quality, labels, rollups } = mapping;
  const issues: Issue[] = [];
  const report = (path: string, message: string): void => {
    issues.push({ path, message });
  };
  if (!isMappedZone(time.zone)) report('time.zone', 'Write an IANA name such as Europe/Berlin or UTC.');
  if (tag.kind === 'columns') {
    const seen = new Set<string>();
    for (const [at, value] of values.entries()) {
      const name = mappedValueName(value);
      if (seen.has(name)) report(`values.${at}.name`, `Two values are called "${name}". Give each a name of its own.`);
      seen.add(name);
    }
    if (rollups.length > 0)
      report('rollups', 'A relation with a column for each tag has no rollups yet. Leave them out.');
  } else if (values.some(({ quality: own }) => own !== null)) {
    report(
      'values',
      'Only a relation with a column for each tag has qualities of their own. Use the quality of the mapping.',
    );
  }
  if (quality === null && values.some(({ quality: own }) => own !== null)) {
    report('quality', 'Values have quality columns, and no rule says how to read them. Choose a rule.');
  }
  if (quality?.rule === 'values' && quality.good.length === 0) {
    report('quality.good', 'Name at least one value that means good.');
  }
  const names = new Set<string>([TAG_LABEL]);
  for (const [at, { name, of }] of labels.entries()) {
    if (names.has(name)) report(`labels.${at}.name`, `There is a label "${name}" already. Choose another name.`);
    names.add(name);
    if (of === 'tags' && tag.kind !== 'table')
      report(`labels.${at}.of`, 'There is no table of tags. Take a column of the samples.');
  }
  return issues;
}
