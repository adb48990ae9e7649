-- range 1774742400000000 1774746000000000, samples
-- A: samples, at most 100 series
SELECT v.tag::text, s."ts", v.value, v.quality
FROM "plc"."Messwerte ""1""" s CROSS JOIN LATERAL (VALUES
  ($1::text, s."speed"::float8, 0),
  ($2::text, s."Öl ""°C"""::float8, 0)
) v (tag, value, quality)
WHERE s."ts" >= $3::timestamptz AND s."ts" < $4::timestamptz AND v.value IS NOT NULL
ORDER BY s."ts";
-- $1 "speed"
-- $2 "oil"
-- $3 "2026-03-29T00:00:00.000000Z"
-- $4 "2026-03-29T01:00:00.000000Z"
