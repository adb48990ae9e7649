import type { ClientBase } from 'pg';
import type { Labels } from '#shared/model/graph/index.ts';
import type { TimeRange } from '#shared/model/index.ts';
import type { SchemaStatistics, SeriesStatistics } from '#shared/model/own-schema.ts';
import { instant, relation } from '../sql.ts';
import type { Facts } from './facts.ts';

/** How much lies there. Without `exact`, rows are the database's own estimate, which takes no time. */
export async function readStatistics(
  client: ClientBase,
  { hypertable, rollups, edition }: Facts,
  schema: string,
  exact: boolean,
): Promise<SchemaStatistics> {
  const one = async (sql: string, values: unknown[] = []) => (await client.query(sql, values)).rows[0];
  const samples = relation(schema, 'samples');
  const { series } = await one(`SELECT count(*)::float8 AS series FROM ${relation(schema, 'series')}`);
  const ends = await one(
    `SELECT (extract(epoch FROM min(time)) * 1000000)::float8 AS first, (extract(epoch FROM max(time)) * 1000000)::float8 AS last FROM ${samples}`,
  );
  const { rows } = exact
    ? await one(`SELECT count(*)::float8 AS rows FROM ${samples}`)
    : { rows: await estimatedRows(client, samples) };
  const size =
    hypertable === null
      ? 'SELECT pg_total_relation_size($1::regclass)::float8 AS total, pg_indexes_size($1::regclass)::float8 AS index'
      : 'SELECT sum(total_bytes)::float8 AS total, sum(index_bytes)::float8 AS index FROM hypertable_detailed_size($1::regclass)';
  const { total, index } = await one(size, [samples]);
  const packed =
    hypertable === null || edition !== 'community' || !hypertable.compression
      ? undefined
      : await one(
          `SELECT sum(number_compressed_chunks)::float8 AS chunks, sum(before_compression_total_bytes)::float8 AS before, sum(after_compression_total_bytes)::float8 AS after FROM hypertable_compression_stats($1::regclass)`,
          [samples],
        );
  return {
    series,
    rows,
    exact,
    first: ends.first,
    last: ends.last,
    bytes: total ?? 0,
    indexBytes: index ?? 0,
    rollupBytes: rollups.reduce((sum, { bytes }) => sum + bytes, 0),
    chunks: hypertable?.chunks ?? 0,
    compression:
      packed === undefined || !(packed.after > 0)
        ? null
        : { chunks: packed.chunks, before: packed.before, after: packed.after, ratio: packed.before / packed.after },
  };
}

/** What the server expects of a scan: from the size of the table, also where it has never been looked at. */
async function estimatedRows(client: ClientBase, table: string): Promise<number> {
  const [plan] = (await client.query(`EXPLAIN (FORMAT JSON) SELECT FROM ${table}`)).rows;
  return plan['QUERY PLAN'][0].Plan['Plan Rows'];
}

/** The series with the most rows of a range, and what their values came to. Reads every sample of the range. */
export async function readSeriesStatistics(
  client: ClientBase,
  schema: string,
  { range, metric, limit }: { readonly range: TimeRange; readonly metric: string | null; readonly limit: number },
): Promise<SeriesStatistics[]> {
  const usable = "quality < 32768 AND value <> 'NaN'";
  const { rows } = await client.query(
    `SELECT s.metric, s.labels, s.unit, t.rows, t.bad, t.min, t.max, a.value AS first_value, z.value AS last_value,
  (extract(epoch FROM t.first_time) * 1000000)::float8 AS first_time, (extract(epoch FROM t.last_time) * 1000000)::float8 AS last_time
FROM (
  SELECT series, count(*)::float8 AS rows, count(*) FILTER (WHERE quality >= 32768)::float8 AS bad,
    min(value) FILTER (WHERE ${usable}) AS min, max(value) FILTER (WHERE ${usable}) AS max,
    min(time) FILTER (WHERE ${usable}) AS first_time, max(time) FILTER (WHERE ${usable}) AS last_time
  FROM ${relation(schema, 'samples')}
  WHERE time >= $1 AND time < $2 AND ($3::text IS NULL OR series IN (SELECT id FROM ${relation(schema, 'series')} WHERE metric = $3))
  GROUP BY series ORDER BY 2 DESC, 1 LIMIT $4
) t
JOIN ${relation(schema, 'series')} s ON s.id = t.series
LEFT JOIN ${relation(schema, 'samples')} a ON a.series = t.series AND a.time = t.first_time
LEFT JOIN ${relation(schema, 'samples')} z ON z.series = t.series AND z.time = t.last_time
ORDER BY t.rows DESC, t.series`,
    [instant(range.from), instant(range.to), metric, limit],
  );
  return rows.map((row): SeriesStatistics => {
    const point = (time: number | null, value: number | null) =>
      time === null || value === null ? null : { time, value };
    const first = point(row.first_time, row.first_value);
    const last = point(row.last_time, row.last_value);
    return {
      metric: row.metric,
      labels: row.labels as Labels,
      unit: row.unit,
      rows: row.rows,
      bad: row.bad,
      min: row.min,
      max: row.max,
      first,
      last,
      delta: first === null || last === null || first.time === last.time ? null : last.value - first.value,
    };
  });
}
