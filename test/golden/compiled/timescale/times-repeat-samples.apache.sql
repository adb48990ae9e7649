-- range 1774742400000000 1774746000000000, samples
-- A: samples, at most 100 series
SELECT k0::text, k1, at, value, quality
FROM (
  SELECT DISTINCT ON (k0, k1, at) s."Tag" AS k0, s."area"::text AS k1, s."ts" AS at, s."value"::float8 AS value, CASE WHEN s."value" IS NULL THEN greatest(CASE WHEN s."q" IS NULL OR s."q" >= 192 THEN 0 WHEN s."q" >= 64 THEN 16384 ELSE 32768 END, 32923) ELSE CASE WHEN s."q" IS NULL OR s."q" >= 192 THEN 0 WHEN s."q" >= 64 THEN 16384 ELSE 32768 END END AS quality
  FROM "plc"."Messwerte ""1""" s
  WHERE s."ts" >= $1::timestamptz AND s."ts" < $2::timestamptz
  ORDER BY k0, k1, at, quality, value
) s
ORDER BY at;
-- $1 "2026-03-29T00:00:00.000000Z"
-- $2 "2026-03-29T01:00:00.000000Z"
