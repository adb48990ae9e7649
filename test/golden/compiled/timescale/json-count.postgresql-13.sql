-- range 1774742400000000 1774746000000000, grid from 1774742400000000 step 60000000 points 60
-- A: count, at most 100 series
SELECT k0::text, step, usable, usable, other, worst
FROM (
  SELECT k0, (round(date_part('epoch', at) * 1000000)::int8 - $5::int8) / $6::int8 AS step, min(at) AS at, count(*) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS usable, count(*) FILTER (WHERE NOT coalesce(quality < 32768 AND value <> 'NaN', false)) AS other, max(quality) AS worst
  FROM (
    SELECT $2::text AS k0, s."ts" AS at, CASE WHEN length((s."data"::jsonb #>> $1::text[])) <= 200 AND (s."data"::jsonb #>> $1::text[]) ~ '^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,2})?\s*$' THEN ((s."data"::jsonb #>> $1::text[]))::float8 WHEN lower((s."data"::jsonb #>> $1::text[])) IN ('true', 't', 'on') THEN 1 WHEN lower((s."data"::jsonb #>> $1::text[])) IN ('false', 'f', 'off') THEN 0 WHEN (s."data"::jsonb #>> $1::text[]) IS NOT NULL THEN 'NaN' END AS value, CASE WHEN (s."data"::jsonb #>> $1::text[]) IS NULL THEN greatest(0, 32923) ELSE 0 END AS quality
    FROM "plc"."Messwerte ""1""" s
    WHERE s."ts" >= $3::timestamptz AND s."ts" < $4::timestamptz
  ) s
  GROUP BY k0, step
) a
ORDER BY step;
-- $1 ["motor","rpm"]
-- $2 "rpm"
-- $3 "2026-03-29T00:00:00.000000Z"
-- $4 "2026-03-29T01:00:00.000000Z"
-- $5 "1774742400000000"
-- $6 "60000000"
