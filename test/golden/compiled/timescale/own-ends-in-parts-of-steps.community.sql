-- range 1774742417000000 1774760417000000, grid from 1774742400000000 step 3600000000 points 6
-- A: last, at most 100 series
SELECT t."id"::text, t."metric"::text, t."unit"::text, t."labels"::text
FROM "parx"."series" t
WHERE t."metric" = $1 AND coalesce((t."labels" ->> $2::text)::text, '') LIKE $3::text
ORDER BY 2, 1
LIMIT 101;
-- $1 "mill.speed"
-- $2 "stand"
-- $3 "a%\\__"
SELECT k0::text, step, last, usable, other, worst, min, max
FROM (
  SELECT k0, step, sum(usable) AS usable, sum(other) AS other, max(worst) AS worst, min(min) AS min, max(max) AS max, (max(ARRAY[date_part('epoch', at), last]))[2] AS last
  FROM (
    SELECT k0, "ext".time_bucket($7::interval, at, $8::timestamptz) AS step, min(at) AS at, sum(usable) AS usable, sum(other) AS other, max(worst) AS worst, "ext".last(last, at) AS last, min(min) AS min, max(max) AS max
    FROM (
      SELECT s."series" AS k0, s."time" AS at, s."usable"::int8 AS usable, s."other"::int8 AS other, s."worst"::int4 AS worst, s."last"::float8 AS last, s."min"::float8 AS min, s."max"::float8 AS max
      FROM "parx"."samples_1h" s
      WHERE s."time" >= $5::timestamptz AND s."time" < $6::timestamptz AND s."time" >= $4::timestamptz AND s."series" = ANY (ARRAY(SELECT t."id" FROM "parx"."series" t WHERE t."metric" = $1 AND coalesce((t."labels" ->> $2::text)::text, '') LIKE $3::text LIMIT 101))
    ) s
    GROUP BY k0, step
    UNION ALL
    SELECT k0, "ext".time_bucket($7::interval, at, $8::timestamptz) AS step, min(at) AS at, count(*) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS usable, count(*) FILTER (WHERE NOT coalesce(quality < 32768 AND value <> 'NaN', false)) AS other, max(quality) AS worst, "ext".last(CASE WHEN quality < 32768 AND value <> 'NaN' THEN value ELSE 'NaN' END, at) AS last, min(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS min, max(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS max
    FROM (
      SELECT s."series" AS k0, s."time" AS at, s."value"::float8 AS value, CASE WHEN s."value" IS NULL THEN greatest(coalesce(s."quality"::int4, 0), 32923) ELSE coalesce(s."quality"::int4, 0) END AS quality
      FROM "parx"."samples" s
      WHERE s."time" >= $9::timestamptz AND s."time" < $6::timestamptz AND s."series" = ANY (ARRAY(SELECT t."id" FROM "parx"."series" t WHERE t."metric" = $1 AND coalesce((t."labels" ->> $2::text)::text, '') LIKE $3::text LIMIT 101)) AND s."time" < $4::timestamptz
    ) s
    GROUP BY k0, step
    UNION ALL
    SELECT k0, "ext".time_bucket($7::interval, at, $8::timestamptz) AS step, min(at) AS at, count(*) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS usable, count(*) FILTER (WHERE NOT coalesce(quality < 32768 AND value <> 'NaN', false)) AS other, max(quality) AS worst, "ext".last(CASE WHEN quality < 32768 AND value <> 'NaN' THEN value ELSE 'NaN' END, at) AS last, min(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS min, max(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS max
    FROM (
      SELECT s."series" AS k0, s."time" AS at, s."value"::float8 AS value, CASE WHEN s."value" IS NULL THEN greatest(coalesce(s."quality"::int4, 0), 32923) ELSE coalesce(s."quality"::int4, 0) END AS quality
      FROM "parx"."samples" s
      WHERE s."time" >= $6::timestamptz AND s."time" < $10::timestamptz AND s."series" = ANY (ARRAY(SELECT t."id" FROM "parx"."series" t WHERE t."metric" = $1 AND coalesce((t."labels" ->> $2::text)::text, '') LIKE $3::text LIMIT 101))
    ) s
    GROUP BY k0, step
  ) p
  GROUP BY k0, step
) a
ORDER BY step;
-- $1 "mill.speed"
-- $2 "stand"
-- $3 "a%\\__"
-- $4 "2026-03-29T01:00:00.000000Z"
-- $5 "2026-03-29T01:00:00.000000Z"
-- $6 "2026-03-29T05:00:00.000000Z"
-- $7 "3600000000 microseconds"
-- $8 "2026-03-29T00:00:00.000000Z"
-- $9 "2026-03-29T00:00:17.000000Z"
-- $10 "2026-03-29T05:00:17.000000Z"
