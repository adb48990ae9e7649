-- range 1774742400000000 1774746000000000, grid from 1774742400000000 step 60000000 points 60
-- A: mean, at most 100 series
SELECT k0::text, k1, step, sum / nullif(usable, 0), usable, other, worst
FROM (
  SELECT k0, k1, date_bin($3::interval, at, $1::timestamptz) AS step, min(at) AS at, count(*) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS usable, count(*) FILTER (WHERE NOT coalesce(quality < 32768 AND value <> 'NaN', false)) AS other, max(quality) AS worst, sum(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS sum
  FROM (
    SELECT DISTINCT ON (k0, k1, at) s."Tag" AS k0, s."area"::text AS k1, s."ts" AS at, s."value"::float8 AS value, CASE WHEN s."value" IS NULL THEN greatest(CASE WHEN s."q" IS NULL OR s."q" >= 192 THEN 0 WHEN s."q" >= 64 THEN 16384 ELSE 32768 END, 32923) ELSE CASE WHEN s."q" IS NULL OR s."q" >= 192 THEN 0 WHEN s."q" >= 64 THEN 16384 ELSE 32768 END END AS quality
    FROM "plc"."Messwerte ""1""" s
    WHERE s."ts" >= $1::timestamptz AND s."ts" < $2::timestamptz
    ORDER BY k0, k1, at, quality, value
  ) s
  GROUP BY k0, k1, step
) a
ORDER BY step;
-- $1 "2026-03-29T00:00:00.000000Z"
-- $2 "2026-03-29T01:00:00.000000Z"
-- $3 "60000000 microseconds"
