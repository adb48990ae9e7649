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
  SELECT k0, (round(date_part('epoch', at) * 1000000)::int8 - $6::int8) / $7::int8 AS step, min(at) AS at, count(*) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS usable, count(*) FILTER (WHERE NOT coalesce(quality < 32768 AND value <> 'NaN', false)) AS other, max(quality) AS worst, (max(ARRAY[date_part('epoch', at), CASE WHEN quality < 32768 AND value <> 'NaN' THEN value ELSE 'NaN' END]))[2] AS last, min(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS min, max(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS max
  FROM (
    SELECT s."series" AS k0, s."time" AS at, s."value"::float8 AS value, CASE WHEN s."value" IS NULL THEN greatest(coalesce(s."quality"::int4, 0), 32923) ELSE coalesce(s."quality"::int4, 0) END AS quality
    FROM "parx"."samples" s
    WHERE s."time" >= $4::timestamptz AND s."time" < $5::timestamptz AND s."series" = ANY (ARRAY(SELECT t."id" FROM "parx"."series" t WHERE t."metric" = $1 AND coalesce((t."labels" ->> $2::text)::text, '') LIKE $3::text LIMIT 101))
  ) s
  GROUP BY k0, step
) a
ORDER BY step;
-- $1 "mill.speed"
-- $2 "stand"
-- $3 "a%\\__"
-- $4 "2026-03-29T00:00:17.000000Z"
-- $5 "2026-03-29T05:00:17.000000Z"
-- $6 "1774742400000000"
-- $7 "3600000000"
