-- range 1774742400000000 1774746000000000, samples
-- A: samples, at most 100 series
SELECT t."id"::text, t."metric"::text, t."unit"::text, t."labels"::text
FROM "parx"."series" t
WHERE t."metric" = $1
ORDER BY 2, 1
LIMIT 101;
-- $1 "mill.speed"
SELECT s."series"::text, s."time", s."value"::float8, CASE WHEN s."value" IS NULL THEN greatest(coalesce(s."quality"::int4, 0), 32923) ELSE coalesce(s."quality"::int4, 0) END
FROM "parx"."samples" s
WHERE s."time" >= $2::timestamptz AND s."time" < $3::timestamptz AND s."series" = ANY (ARRAY(SELECT t."id" FROM "parx"."series" t WHERE t."metric" = $1 LIMIT 101))
ORDER BY s."time";
-- $1 "mill.speed"
-- $2 "2026-03-29T00:00:00.000000Z"
-- $3 "2026-03-29T01:00:00.000000Z"
