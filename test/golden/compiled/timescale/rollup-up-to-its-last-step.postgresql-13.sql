-- range 1774742417000000 1774746000000000, grid from 1774742400000000 step 60000000 points 60
-- A: mean, at most 100 series
SELECT k0::text, step, sum / nullif(usable, 0), usable, other, worst
FROM (
  SELECT k0, step, sum(usable) AS usable, sum(other) AS other, max(worst) AS worst, sum(sum) AS sum
  FROM (
    SELECT k0, (round(date_part('epoch', at) * 1000000)::int8 - $5::int8) / $6::int8 AS step, min(at) AS at, sum(usable) AS usable, sum(other) AS other, max(worst) AS worst, sum(sum) AS sum
    FROM (
      SELECT s."Tag" AS k0, s."t" AS at, s."n"::int8 AS usable, 0::int8 AS other, 0 AS worst, s."s"::float8 AS sum
      FROM "plc"."minutes" s
      WHERE s."t" >= $3::timestamptz AND s."t" < $4::timestamptz AND s."t" >= $1::timestamptz AND s."t" < $2::timestamptz
    ) s
    GROUP BY k0, step
    UNION ALL
    SELECT k0, (round(date_part('epoch', at) * 1000000)::int8 - $5::int8) / $6::int8 AS step, min(at) AS at, count(*) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS usable, count(*) FILTER (WHERE NOT coalesce(quality < 32768 AND value <> 'NaN', false)) AS other, max(quality) AS worst, sum(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS sum
    FROM (
      SELECT s."Tag" AS k0, s."ts" AS at, s."value"::float8 AS value, CASE WHEN s."value" IS NULL THEN greatest(0, 32923) ELSE 0 END AS quality
      FROM "plc"."Messwerte ""1""" s
      WHERE s."ts" >= $7::timestamptz AND s."ts" < $4::timestamptz AND s."ts" < $1::timestamptz
    ) s
    GROUP BY k0, step
    UNION ALL
    SELECT k0, (round(date_part('epoch', at) * 1000000)::int8 - $5::int8) / $6::int8 AS step, min(at) AS at, count(*) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS usable, count(*) FILTER (WHERE NOT coalesce(quality < 32768 AND value <> 'NaN', false)) AS other, max(quality) AS worst, sum(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS sum
    FROM (
      SELECT s."Tag" AS k0, s."ts" AS at, s."value"::float8 AS value, CASE WHEN s."value" IS NULL THEN greatest(0, 32923) ELSE 0 END AS quality
      FROM "plc"."Messwerte ""1""" s
      WHERE s."ts" >= $3::timestamptz AND s."ts" < $4::timestamptz AND s."ts" >= $2::timestamptz
    ) s
    GROUP BY k0, step
  ) p
  GROUP BY k0, step
) a
ORDER BY step;
-- $1 "2026-03-29T00:01:00.000000Z"
-- $2 "2026-03-29T01:00:00.000000Z"
-- $3 "2026-03-29T00:01:00.000000Z"
-- $4 "2026-03-29T01:00:00.000000Z"
-- $5 "1774742400000000"
-- $6 "60000000"
-- $7 "2026-03-29T00:00:17.000000Z"
