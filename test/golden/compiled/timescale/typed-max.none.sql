-- range 1774742400000000 1774746000000000, grid from 1774742400000000 step 60000000 points 60
-- A: max, at most 100 series
SELECT k0::text, step, max, usable, other, worst
FROM (
  SELECT k0, date_bin($5::interval, at, $3::timestamptz) AS step, min(at) AS at, count(*) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS usable, count(*) FILTER (WHERE NOT coalesce(quality < 32768 AND value <> 'NaN', false)) AS other, max(quality) AS worst, max(value) FILTER (WHERE quality < 32768 AND value <> 'NaN') AS max
  FROM (
    SELECT s."Tag" AS k0, s."ts" AS at, coalesce(s."value_int"::float8, s."value_float"::float8, CASE WHEN length(s."value_text"::text) <= 200 AND s."value_text"::text ~ '^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,2})?\s*$' THEN (s."value_text"::text)::float8 WHEN lower(s."value_text"::text) IN ('true', 't', 'on') THEN 1 WHEN lower(s."value_text"::text) IN ('false', 'f', 'off') THEN 0 WHEN s."value_text"::text IS NOT NULL THEN 'NaN' END) AS value, CASE WHEN s."value_int" IS NULL AND s."value_float" IS NULL AND s."value_text" IS NULL THEN greatest(CASE WHEN s."state" IS NULL OR s."state"::text = ANY ($1::text[]) THEN 0 WHEN s."state"::text = ANY ($2::text[]) THEN 16384 ELSE 32768 END, 32923) ELSE CASE WHEN s."state" IS NULL OR s."state"::text = ANY ($1::text[]) THEN 0 WHEN s."state"::text = ANY ($2::text[]) THEN 16384 ELSE 32768 END END AS quality
    FROM "plc"."Messwerte ""1""" s
    WHERE s."ts" >= $3::timestamptz AND s."ts" < $4::timestamptz
  ) s
  GROUP BY k0, step
) a
ORDER BY step;
-- $1 ["OK"]
-- $2 ["?"]
-- $3 "2026-03-29T00:00:00.000000Z"
-- $4 "2026-03-29T01:00:00.000000Z"
-- $5 "60000000 microseconds"
