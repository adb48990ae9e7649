-- range 1774742400000000 1774746000000000, grid from 1774742400000000 step 60000000 points 60
-- A: mean, at most 100 series
SELECT k0::text, step, sum / nullif(usable, 0), usable, other, worst
FROM (
  SELECT k0, "public".time_bucket($6::interval, at, $4::timestamptz) AS step, min(at) AS at, count(*) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS usable, count(*) FILTER (WHERE NOT coalesce(quality < 32768 AND value <> 'NaN', false)) AS other, max(quality) AS worst, sum(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS sum
  FROM (
    SELECT s."Tag" AS k0, (s."ts" AT TIME ZONE $1::text) AS at, s."value"::float8 AS value, CASE WHEN s."value" IS NULL THEN greatest(0, 32923) ELSE 0 END AS quality
    FROM "plc"."Messwerte ""1""" s
    WHERE s."ts" >= $2::timestamp AND s."ts" < $3::timestamp AND (s."ts" AT TIME ZONE $1::text) >= $4::timestamptz AND (s."ts" AT TIME ZONE $1::text) < $5::timestamptz
  ) s
  GROUP BY k0, step
) a
ORDER BY step;
-- $1 "Europe/Berlin"
-- $2 "2026-03-29T01:00:00.000000"
-- $3 "2026-03-29T03:00:00.000000"
-- $4 "2026-03-29T00:00:00.000000Z"
-- $5 "2026-03-29T01:00:00.000000Z"
-- $6 "60000000 microseconds"
