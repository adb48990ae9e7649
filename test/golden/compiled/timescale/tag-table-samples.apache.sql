-- range 1774742400000001 1774746000000000, samples
-- A: samples, at most 100 series
SELECT t."id"::text, t."name"::text, t."unit"::text, NULL, t."area"::text
FROM "plc"."tags" t
ORDER BY 2, 1
LIMIT 10100;
SELECT s."tag_id"::text, (s."t" * 1000::int8)::int8, s."value"::float8, CASE WHEN s."value" IS NULL THEN greatest(coalesce((s."status"::int8 >> 16) & 65535, 0)::int4, 32923) ELSE coalesce((s."status"::int8 >> 16) & 65535, 0)::int4 END
FROM "plc"."Messwerte ""1""" s
WHERE s."t" >= $1::int8 AND s."t" < $2::int8 AND s."t" >= $3::numeric / 1000 AND s."t" < $4::numeric / 1000
ORDER BY s."t";
-- $1 "1774742400000"
-- $2 "1774746000000"
-- $3 "1774742400000001"
-- $4 "1774746000000000"
