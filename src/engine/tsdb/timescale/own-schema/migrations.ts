import { identifier, literal, relation } from '../sql.ts';
import { type OwnSettings, rollupName } from './settings.ts';

/** What the server is: without the extension, with its Apache part, or with everything. */
export type Edition = 'none' | 'apache' | 'community';

export interface Statement {
  readonly says: string;
  readonly sql: string;
  readonly destructive: boolean;
  /** It cannot be part of a transaction. */
  readonly alone: boolean;
}
export const statement = (says: string, sql: string, change: Partial<Statement> = {}): Statement => ({
  says,
  sql,
  destructive: false,
  alone: false,
  ...change,
});

export interface Migration {
  readonly version: number;
  readonly name: string;
  statements(settings: OwnSettings, edition: Edition): readonly Statement[];
}

export const VERSION_TABLE = 'schema_version';

/** Labels of a series are compared by this, because an index takes no values of any length. */
const SERIES_KEY = 'md5(metric || chr(10) || labels::text)::uuid';

/** Numbered from 1 without gaps. What has been released is never changed: a correction is a migration of its own. */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'series and samples',
    statements({ schema, chunkHours }, edition) {
      const series = relation(schema, 'series');
      const samples = relation(schema, 'samples');
      return [
        statement('Schema for everything below.', `CREATE SCHEMA IF NOT EXISTS ${identifier(schema)}`),
        statement(
          'Which version of the tables this is.',
          `CREATE TABLE ${relation(schema, VERSION_TABLE)} (
  version integer PRIMARY KEY,
  name text NOT NULL,
  settings jsonb NOT NULL,
  applied timestamptz NOT NULL DEFAULT now()
)`,
        ),
        statement(
          'One row for each series: its metric, labels and unit.',
          `CREATE TABLE ${series} (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  metric text NOT NULL,
  type text NOT NULL,
  unit text,
  labels jsonb NOT NULL,
  key uuid GENERATED ALWAYS AS (${SERIES_KEY}) STORED UNIQUE
)`,
        ),
        statement(
          'The samples; quality is the high word of an OPC UA status code.',
          `CREATE TABLE ${samples} (
  time timestamptz NOT NULL,
  value double precision NOT NULL,
  series integer NOT NULL,
  quality integer NOT NULL
)`,
        ),
        ...(edition === 'none'
          ? []
          : [
              statement(
                `Chunks of ${chunkHours} h, so that ranges are read and removed without touching the rest.`,
                `SELECT create_hypertable(${literal(samples)}, 'time', chunk_time_interval => INTERVAL '${chunkHours} hours', create_default_indexes => false)`,
              ),
            ]),
        statement(
          'One sample for each time of a series, and reading without touching the table.',
          `CREATE UNIQUE INDEX samples_series_time ON ${samples} (series, time) INCLUDE (value, quality)`,
        ),
      ];
    },
  },
  {
    version: 2,
    name: 'search of series by labels',
    statements: ({ schema }) => [
      statement(
        'Series are found by their labels.',
        `CREATE INDEX series_labels ON ${relation(schema, 'series')} USING gin (labels jsonb_path_ops)`,
      ),
      statement(
        'Series are found by their metric.',
        `CREATE INDEX series_metric ON ${relation(schema, 'series')} (metric)`,
      ),
    ],
  },
];
export const LATEST = migrations.length;

export const noteVersion = (schema: string, migration: Migration, settings: OwnSettings): Statement =>
  statement(
    `Version ${migration.version}: ${migration.name}.`,
    `INSERT INTO ${relation(schema, VERSION_TABLE)} (version, name, settings) VALUES (${migration.version}, ${literal(migration.name)}, ${literal(JSON.stringify(settings))})`,
  );

export const noteSettings = (schema: string, settings: OwnSettings): Statement =>
  statement(
    'The settings, so that it can be seen later whether they still hold.',
    `UPDATE ${relation(schema, VERSION_TABLE)} SET settings = ${literal(JSON.stringify(settings))} WHERE version = (SELECT max(version) FROM ${relation(schema, VERSION_TABLE)})`,
  );

/** Usable, as every backend means it: not bad, and a number. */
const USABLE = "quality < 32768 AND value <> 'NaN'";

/** A continuous aggregate that is empty until it is filled. */
export function createRollup(schema: string, seconds: number): Statement {
  const known = "CASE WHEN quality < 32768 THEN value ELSE 'NaN' END";
  return statement(
    `Rollup of ${seconds} s; what is not filled yet is worked out on reading.`,
    `CREATE MATERIALIZED VIEW ${relation(schema, rollupName(seconds))}
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
  series,
  time_bucket(INTERVAL '${seconds} seconds', time) AS time,
  count(*) FILTER (WHERE ${USABLE}) AS usable,
  count(*) FILTER (WHERE NOT (${USABLE})) AS other,
  max(quality) AS worst,
  min(value) FILTER (WHERE ${USABLE}) AS min,
  max(value) FILTER (WHERE ${USABLE}) AS max,
  sum(value) FILTER (WHERE ${USABLE}) AS sum,
  first(${known}, time) AS first,
  last(${known}, time) AS last
FROM ${relation(schema, 'samples')}
GROUP BY 1, 2
WITH NO DATA`,
  );
}
