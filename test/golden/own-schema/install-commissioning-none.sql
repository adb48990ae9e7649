-- Warning: The database has no TimescaleDB: samples lie in a plain table. Left out: compression, rollups.

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

-- One sample for each time of a series, and reading without touching the table.
CREATE UNIQUE INDEX samples_series_time ON "parx"."samples" (series, time) INCLUDE (value, quality);

-- Version 1: series and samples.
INSERT INTO "parx"."schema_version" (version, name, settings) VALUES (1, 'series and samples', '{"schema":"parx","chunkHours":24,"compressAfterDays":2,"keepDays":0,"rollups":["1m","1h"]}');

-- Series are found by their labels.
CREATE INDEX series_labels ON "parx"."series" USING gin (labels jsonb_path_ops);

-- Series are found by their metric.
CREATE INDEX series_metric ON "parx"."series" (metric);

-- Version 2: search of series by labels.
INSERT INTO "parx"."schema_version" (version, name, settings) VALUES (2, 'search of series by labels', '{"schema":"parx","chunkHours":24,"compressAfterDays":2,"keepDays":0,"rollups":["1m","1h"]}');
