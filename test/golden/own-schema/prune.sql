-- LOST: Chunks whose samples are all before 2026-01-05T00:00:00.000000Z.
SELECT drop_chunks('"parx"."samples"', older_than => TIMESTAMPTZ '2026-01-05T00:00:00.000000Z');
