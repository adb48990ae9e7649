-- range 1774742400000000 1774746000000000, grid from 1774742400000000 step 60000000 points 60
-- A: sum, at most 100 series
SELECT t."id"::text, t."name"::text, t."unit"::text, NULL, t."area"::text
FROM "plc"."tags" t
WHERE t."name" = $1 AND coalesce(t."area"::text, '') NOT LIKE $2::text
ORDER BY 2, 1
LIMIT 10100;
-- $1 "x"
-- $2 "y%"
SELECT k0::text, step, sum, usable, other, worst
FROM (
  SELECT k0, (at - $5::int8) / $6::int8 AS step, to_timestamp(min(at) / 1e6) AS at, count(*) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS usable, count(*) FILTER (WHERE NOT coalesce(quality < 32768 AND value <> 'NaN', false)) AS other, max(quality) AS worst, sum(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS sum
  FROM (
    SELECT s."tag_id" AS k0, (s."t" * 1000::int8)::int8 AS at, s."value"::float8 AS value, CASE WHEN s."value" IS NULL THEN greatest(coalesce((s."status"::int8 >> 16) & 65535, 0)::int4, 32923) ELSE coalesce((s."status"::int8 >> 16) & 65535, 0)::int4 END AS quality
    FROM "plc"."Messwerte ""1""" s
    WHERE s."t" >= $3::int8 AND s."t" < $4::int8 AND s."tag_id" = ANY (ARRAY(SELECT t."id" FROM "plc"."tags" t WHERE t."name" = $1 AND coalesce(t."area"::text, '') NOT LIKE $2::text LIMIT 101))
  ) s
  GROUP BY k0, step
) a
ORDER BY step;
-- $1 "x"
-- $2 "y%"
-- $3 "1774742400000"
-- $4 "1774746000000"
-- $5 "1774742400000000"
-- $6 "60000000"
