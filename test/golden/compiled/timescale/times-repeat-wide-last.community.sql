-- range 1774742400000000 1774746000000000, grid from 1774742400000000 step 60000000 points 60
-- A: last, at most 100 series
SELECT k0::text, step, last, usable, other, worst
FROM (
  SELECT k0, "ext".time_bucket($5::interval, at, $3::timestamptz) AS step, min(at) AS at, count(*) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS usable, count(*) FILTER (WHERE NOT coalesce(quality < 32768 AND value <> 'NaN', false)) AS other, max(quality) AS worst, "ext".last(CASE WHEN quality < 32768 AND value <> 'NaN' THEN value ELSE 'NaN' END, at) AS last
  FROM (
    SELECT DISTINCT ON (k0, at) v.tag AS k0, s."ts" AS at, v.value AS value, v.quality AS quality
    FROM "plc"."Messwerte ""1""" s CROSS JOIN LATERAL (VALUES
      ($1::text, s."speed"::float8, 0),
      ($2::text, s."oil"::float8, 0)
    ) v (tag, value, quality)
    WHERE s."ts" >= $3::timestamptz AND s."ts" < $4::timestamptz AND v.value IS NOT NULL
    ORDER BY k0, at, quality, value
  ) s
  GROUP BY k0, step
) a
ORDER BY step;
-- $1 "speed"
-- $2 "oil"
-- $3 "2026-03-29T00:00:00.000000Z"
-- $4 "2026-03-29T01:00:00.000000Z"
-- $5 "60000000 microseconds"
