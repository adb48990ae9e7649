-- range 1774742400000000 1774746000000000, grid from 1774742400000000 step 60000000 points 60
-- A: first, at most 100 series
SELECT k0::text, k1, step, first, usable, other, worst
FROM (
  SELECT k0, k1, (round(date_part('epoch', at) * 1000000)::int8 - $5::int8) / $6::int8 AS step, min(at) AS at, count(*) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS usable, count(*) FILTER (WHERE NOT coalesce(quality < 32768 AND value <> 'NaN', false)) AS other, max(quality) AS worst, (min(ARRAY[date_part('epoch', at), CASE WHEN quality < 32768 AND value <> 'NaN' THEN value ELSE 'NaN' END]))[2] AS first
  FROM (
    SELECT s."Tag" AS k0, s."area"::text AS k1, s."ts" AS at, s."value"::float8 AS value, CASE WHEN s."value" IS NULL THEN greatest(CASE WHEN s."q" IS NULL OR s."q" >= 192 THEN 0 WHEN s."q" >= 64 THEN 16384 ELSE 32768 END, 32923) ELSE CASE WHEN s."q" IS NULL OR s."q" >= 192 THEN 0 WHEN s."q" >= 64 THEN 16384 ELSE 32768 END END AS quality
    FROM "plc"."Messwerte ""1""" s
    WHERE s."ts" >= $3::timestamptz AND s."ts" < $4::timestamptz AND s."Tag" = ANY ($1) AND coalesce(s."area"::text, '') <> $2::text
  ) s
  GROUP BY k0, k1, step
) a
ORDER BY step;
-- $1 ["a","b'"]
-- $2 "hall 2"
-- $3 "2026-03-29T00:00:00.000000Z"
-- $4 "2026-03-29T01:00:00.000000Z"
-- $5 "1774742400000000"
-- $6 "60000000"
