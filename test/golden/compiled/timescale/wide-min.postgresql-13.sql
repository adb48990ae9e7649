-- range 1774742400000000 1774746000000000, grid from 1774742400000000 step 60000000 points 60
-- A: min, at most 100 series
SELECT k0::text, step, min, usable, other, worst, min, max
FROM (
  SELECT k0, (round(date_part('epoch', at) * 1000000)::int8 - $4::int8) / $5::int8 AS step, min(at) AS at, count(*) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS usable, count(*) FILTER (WHERE NOT coalesce(quality < 32768 AND value <> 'NaN', false)) AS other, max(quality) AS worst, min(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS min, max(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS max
  FROM (
    SELECT v.tag AS k0, s."ts" AS at, v.value AS value, v.quality AS quality
    FROM "plc"."Messwerte ""1""" s CROSS JOIN LATERAL (VALUES
      ($1::text, s."Öl ""°C"""::float8, 0)
    ) v (tag, value, quality)
    WHERE s."ts" >= $2::timestamptz AND s."ts" < $3::timestamptz AND v.value IS NOT NULL
  ) s
  GROUP BY k0, step
) a
ORDER BY step;
-- $1 "oil"
-- $2 "2026-03-29T00:00:00.000000Z"
-- $3 "2026-03-29T01:00:00.000000Z"
-- $4 "1774742400000000"
-- $5 "60000000"
