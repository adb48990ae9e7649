-- Warning: Only whole chunks are removed: samples before that time stay where their chunk reaches beyond it.

-- LOST: 1,234,567 samples: 12 chunks that lie wholly before 2026-01-05T00:00:00.000000Z.
SELECT drop_chunks('"parx"."samples"', older_than => TIMESTAMPTZ '2026-01-05T00:00:00.000000Z');
