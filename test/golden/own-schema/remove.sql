-- Warning: Schema parx stays, because it holds tables of others: notes.

-- LOST: Rollup samples_1h with everything in it.
DROP MATERIALIZED VIEW "parx"."samples_1h";

-- LOST: All samples.
DROP TABLE "parx"."samples";

-- LOST: All series.
DROP TABLE "parx"."series";

-- LOST: The version of the tables.
DROP TABLE "parx"."schema_version";
