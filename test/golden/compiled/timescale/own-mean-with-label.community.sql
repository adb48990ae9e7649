-- range 1774742400000000 1774746000000000, grid from 1774742400000000 step 60000000 points 60
-- A: mean, at most 100 series
SELECT t."id"::text, t."metric"::text, t."unit"::text, t."labels"::text
FROM "parx"."series" t
WHERE t."metric" = $1 AND (t."labels" ->> $2::text) = $3
ORDER BY 2, 1
LIMIT 101;
-- $1 "mill.speed"
-- $2 "stand"
-- $3 "1\"; DROP"
SELECT k0::text, step, sum / nullif(usable, 0), usable, other, worst
FROM (
  SELECT k0, step, sum(usable) AS usable, sum(other) AS other, max(worst) AS worst, sum(sum) AS sum
  FROM (
    SELECT k0, "ext".time_bucket($7::interval, at, $5::timestamptz) AS step, min(at) AS at, sum(usable) AS usable, sum(other) AS other, max(worst) AS worst, sum(sum) AS sum
    FROM (
      SELECT s."series" AS k0, s."time" AS at, s."usable"::int8 AS usable, s."other"::int8 AS other, s."worst"::int4 AS worst, s."sum"::float8 AS sum
      FROM "parx"."samples_1m" s
      WHERE s."time" >= $5::timestamptz AND s."time" < $6::timestamptz AND s."time" >= $4::timestamptz AND s."series" = ANY (ARRAY(SELECT t."id" FROM "parx"."series" t WHERE t."metric" = $1 AND (t."labels" ->> $2::text) = $3 LIMIT 101))
    ) s
    GROUP BY k0, step
    UNION ALL
    SELECT k0, "ext".time_bucket($7::interval, at, $5::timestamptz) AS step, min(at) AS at, count(*) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS usable, count(*) FILTER (WHERE NOT coalesce(quality < 32768 AND value <> 'NaN', false)) AS other, max(quality) AS worst, sum(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS sum
    FROM (
      SELECT s."series" AS k0, s."time" AS at, s."value"::float8 AS value, CASE WHEN s."value" IS NULL THEN greatest(coalesce(s."quality"::int4, 0), 32923) ELSE coalesce(s."quality"::int4, 0) END AS quality
      FROM "parx"."samples" s
      WHERE s."time" >= $5::timestamptz AND s."time" < $6::timestamptz AND s."series" = ANY (ARRAY(SELECT t."id" FROM "parx"."series" t WHERE t."metric" = $1 AND (t."labels" ->> $2::text) = $3 LIMIT 101)) AND s."time" < $4::timestamptz
    ) s
    GROUP BY k0, step
  ) p
  GROUP BY k0, step
) a
ORDER BY step;
-- $1 "mill.speed"
-- $2 "stand"
-- $3 "1\"; DROP"
-- $4 "2026-03-29T00:00:00.000000Z"
-- $5 "2026-03-29T00:00:00.000000Z"
-- $6 "2026-03-29T01:00:00.000000Z"
-- $7 "60000000 microseconds"
