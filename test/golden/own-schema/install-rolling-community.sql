-- Schema for everything below.
CREATE SCHEMA IF NOT EXISTS "parx";

-- Which version of the tables this is.
CREATE TABLE "parx"."schema_version" (
  version integer PRIMARY KEY,
  name text NOT NULL,
  settings jsonb NOT NULL,
  applied timestamptz NOT NULL DEFAULT now()
);

-- One row for each series: its metric, labels and unit.
CREATE TABLE "parx"."series" (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  metric text NOT NULL,
  type text NOT NULL,
  unit text,
  labels jsonb NOT NULL,
  key uuid GENERATED ALWAYS AS (md5(metric || chr(10) || labels::text)::uuid) STORED UNIQUE
);

-- The samples; quality is the high word of an OPC UA status code.
CREATE TABLE "parx"."samples" (
  time timestamptz NOT NULL,
  value double precision NOT NULL,
  series integer NOT NULL,
  quality integer NOT NULL
);

-- Chunks of 24 h, so that ranges are read and removed without touching the rest.
SELECT create_hypertable('"parx"."samples"', 'time', chunk_time_interval => INTERVAL '24 hours', create_default_indexes => false);

-- One sample for each time of a series, and reading without touching the table.
CREATE UNIQUE INDEX samples_series_time ON "parx"."samples" (series, time) INCLUDE (value, quality);

-- Version 1: series and samples.
INSERT INTO "parx"."schema_version" (version, name, settings) VALUES (1, 'series and samples', '{"schema":"parx","chunkHours":24,"compressAfterDays":1,"keepDays":31,"rollups":["1m 366d","1h"]}');

-- Series are found by their labels.
CREATE INDEX series_labels ON "parx"."series" USING gin (labels jsonb_path_ops);

-- Series are found by their metric.
CREATE INDEX series_metric ON "parx"."series" (metric);

-- Version 2: search of series by labels.
INSERT INTO "parx"."schema_version" (version, name, settings) VALUES (2, 'search of series by labels', '{"schema":"parx","chunkHours":24,"compressAfterDays":1,"keepDays":31,"rollups":["1m 366d","1h"]}');

-- Compression by series, in order of time.
ALTER TABLE "parx"."samples" SET (timescaledb.compress, timescaledb.compress_segmentby = 'series', timescaledb.compress_orderby = 'time');

-- Compresses chunks older than 1 d.
SELECT add_compression_policy('"parx"."samples"', INTERVAL '1 days');

-- Removes chunks older than 31 d.
SELECT add_retention_policy('"parx"."samples"', INTERVAL '31 days');

-- Rollup of 60 s; what is not filled yet is worked out on reading.
CREATE MATERIALIZED VIEW "parx"."samples_1m"
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
  series,
  time_bucket(INTERVAL '60 seconds', time) AS time,
  count(*) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS usable,
  count(*) FILTER (WHERE NOT (quality < 32768 AND value <> 'NaN')) AS other,
  max(quality) AS worst,
  min(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS min,
  max(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS max,
  sum(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS sum,
  first(CASE WHEN quality < 32768 THEN value ELSE 'NaN' END, time) AS first,
  last(CASE WHEN quality < 32768 THEN value ELSE 'NaN' END, time) AS last
FROM "parx"."samples"
GROUP BY 1, 2
WITH NO DATA;

-- Brings samples_1m up to date every 5 min.
SELECT add_continuous_aggregate_policy('"parx"."samples_1m"', start_offset => INTERVAL '31 days', end_offset => INTERVAL '60 seconds', schedule_interval => INTERVAL '300 seconds', buckets_per_batch => 1440);

-- Removes chunks older than 366 d.
SELECT add_retention_policy('"parx"."samples_1m"', INTERVAL '366 days');

-- Rollup of 3600 s; what is not filled yet is worked out on reading.
CREATE MATERIALIZED VIEW "parx"."samples_1h"
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
  series,
  time_bucket(INTERVAL '3600 seconds', time) AS time,
  count(*) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS usable,
  count(*) FILTER (WHERE NOT (quality < 32768 AND value <> 'NaN')) AS other,
  max(quality) AS worst,
  min(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS min,
  max(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS max,
  sum(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS sum,
  first(CASE WHEN quality < 32768 THEN value ELSE 'NaN' END, time) AS first,
  last(CASE WHEN quality < 32768 THEN value ELSE 'NaN' END, time) AS last
FROM "parx"."samples"
GROUP BY 1, 2
WITH NO DATA;

-- Brings samples_1h up to date every 60 min.
SELECT add_continuous_aggregate_policy('"parx"."samples_1h"', start_offset => INTERVAL '31 days', end_offset => INTERVAL '3600 seconds', schedule_interval => INTERVAL '3600 seconds', buckets_per_batch => 24);
