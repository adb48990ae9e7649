import type { ClientBase } from 'pg';
import type { SchemaPolicy } from '#shared/model/own-schema.ts';
import { identifier, relation } from '../sql.ts';
import { type Edition, VERSION_TABLE } from './migrations.ts';
import { type OwnSettings, ownSettings, rollupSeconds } from './settings.ts';

/** A job of the server that looks after one of our tables. */
export interface Job extends Omit<SchemaPolicy, 'says'> {
  /** Days after which it acts; of a rollup's refresh: how far back it looks, null without end. */
  readonly days: number | null;
}

export interface RollupFacts {
  readonly name: string;
  readonly seconds: number;
  readonly bytes: number;
  readonly filled: { readonly from: number; readonly to: number } | null;
}

/** Everything that a plan depends on, read in one go. */
export interface Facts {
  readonly edition: Edition;
  /** Of the extension; null where it is not in the database. */
  readonly extension: string | null;
  /** The extension could be put into the database. */
  readonly available: boolean;
  readonly server: string;
  readonly database: string;
  readonly user: string;
  readonly mayCreate: boolean;
  readonly schemaExists: boolean;
  /** Relations and indexes of the schema: name and kind as pg_class has them. */
  readonly relations: ReadonlyMap<string, string>;
  /** Columns of our tables: `samples.time` and its type. */
  readonly columns: ReadonlyMap<string, string>;
  readonly version: number | null;
  readonly settings: OwnSettings | null;
  /** Null where the samples lie in a plain table. */
  readonly hypertable: { readonly chunkHours: number; readonly compression: boolean; readonly chunks: number } | null;
  readonly jobs: readonly Job[];
  readonly rollups: readonly RollupFacts[];
  /** A policy that refreshes a rollup can be told how many buckets to do at once. */
  readonly batches: boolean;
}

const RELATIONS = `SELECT c.relname AS name, c.relkind::text AS kind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1`;
const COLUMNS = `SELECT c.relname || '.' || a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped`;
const SERVER = `SELECT current_setting('server_version') AS server, current_database() AS database, current_user::text AS user,
  (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS extension,
  (SELECT nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'timescaledb') AS functions,
  EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') AS available,
  current_setting('timescaledb.license', true) AS license,
  EXISTS (SELECT FROM pg_namespace WHERE nspname = $1) AS schema_exists,
  coalesce(
    (SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = $1),
    has_database_privilege(current_database(), 'CREATE')
  ) AS may_create`;
const HYPERTABLE = `SELECT h.compression_enabled AS compression, h.num_chunks::int AS chunks,
  extract(epoch FROM d.time_interval)::float8 / 3600 AS hours
FROM timescaledb_information.hypertables h JOIN timescaledb_information.dimensions d USING (hypertable_schema, hypertable_name)
WHERE h.hypertable_schema = $1 AND h.hypertable_name = 'samples' AND d.dimension_number = 1`;
const ROLLUPS = `SELECT view_name AS name, materialization_hypertable_schema AS schema, materialization_hypertable_name AS stored
FROM timescaledb_information.continuous_aggregates WHERE view_schema = $1 AND hypertable_name = 'samples' ORDER BY 1`;
const JOBS = `SELECT j.proc_name AS proc, coalesce(c.view_name, j.hypertable_name) AS on,
  extract(epoch FROM coalesce(j.config->>'compress_after', j.config->>'drop_after', j.config->>'start_offset')::interval)::float8 / 86400 AS days,
  extract(epoch FROM s.last_run_started_at)::float8 * 1e6 AS last_run, s.last_run_status AS status,
  extract(epoch FROM coalesce(s.next_start, j.next_start))::float8 * 1e6 AS next_run,
  coalesce(s.total_runs, 0)::int AS runs, coalesce(s.total_failures, 0)::int AS failures
FROM timescaledb_information.jobs j
LEFT JOIN timescaledb_information.job_stats s USING (job_id)
LEFT JOIN timescaledb_information.continuous_aggregates c
  ON (c.materialization_hypertable_schema, c.materialization_hypertable_name) = (j.hypertable_schema, j.hypertable_name)
  OR (c.view_schema, c.view_name) = (j.hypertable_schema, j.hypertable_name)
WHERE (j.hypertable_schema = $1 AND j.hypertable_name = 'samples') OR c.view_schema = $1 ORDER BY j.job_id`;

const BATCHES = `SELECT EXISTS (
  SELECT FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'timescaledb'
  WHERE p.proname = 'add_continuous_aggregate_policy' AND 'buckets_per_batch' = ANY (p.proargnames)
) AS batches`;

const KINDS = {
  policy_compression: 'compression',
  policy_retention: 'retention',
  policy_refresh_continuous_aggregate: 'rollup',
} as const;

/**
 * Reads; changes nothing but where functions are looked for: those of the extension lie in a schema of the
 * administrator's choice. `forTransaction`: only until the end of the one that runs.
 */
export async function gatherFacts(client: ClientBase, schema: string, forTransaction: boolean): Promise<Facts> {
  const rows = async (sql: string, values: unknown[] = [schema]) => (await client.query(sql, values)).rows;
  const [about] = await rows(SERVER);
  const edition: Edition = about.extension === null ? 'none' : about.license === 'apache' ? 'apache' : 'community';
  const path = [identifier(about.functions ?? 'public'), 'pg_catalog'].join(', ');
  await rows(`SELECT set_config('search_path', $1, $2)`, [path, forTransaction]);
  const relations = new Map((await rows(RELATIONS)).map(({ name, kind }) => [name as string, kind as string]));
  const columns = new Map((await rows(COLUMNS)).map(({ name, type }) => [name as string, type as string]));
  const noted = columns.has(`${VERSION_TABLE}.version`) && columns.has(`${VERSION_TABLE}.settings`);
  const [version] = noted
    ? await rows(`SELECT version, settings FROM ${relation(schema, VERSION_TABLE)} ORDER BY version DESC LIMIT 1`, [])
    : [];
  const kept = ownSettings.safeParse(version?.settings);
  const [hypertable] = edition === 'none' ? [] : await rows(HYPERTABLE);
  const rollups: RollupFacts[] = [];
  for (const { name, schema: of, stored } of edition === 'none' ? [] : await rows(ROLLUPS)) {
    const seconds = rollupSeconds(name);
    if (seconds === null) continue;
    const table = relation(of, stored);
    const [range] = await rows(
      `SELECT (extract(epoch FROM min(time)) * 1000000)::float8 AS first, (extract(epoch FROM max(time)) * 1000000)::float8 AS last, hypertable_size($1::regclass)::float8 AS bytes FROM ${table}`,
      [table],
    );
    const filled = range.first === null ? null : { from: range.first, to: range.last + seconds * 1e6 };
    rollups.push({ name, seconds, bytes: range.bytes ?? 0, filled });
  }
  const jobs = (edition === 'none' ? [] : await rows(JOBS)).flatMap((row): Job[] => {
    const kind = KINDS[row.proc as keyof typeof KINDS];
    if (kind === undefined) return [];
    const { on, days, runs, failures } = row;
    const lastOk = row.status === null ? null : row.status === 'Success';
    return [{ kind, on, days, lastRun: finite(row.last_run), lastOk, nextRun: finite(row.next_run), runs, failures }];
  });
  const [policies] = edition === 'community' ? await rows(BATCHES, []) : [];
  return {
    edition,
    extension: about.extension,
    available: about.available,
    server: about.server,
    database: about.database,
    user: about.user,
    mayCreate: about.may_create,
    schemaExists: about.schema_exists,
    relations,
    columns,
    version: version?.version ?? null,
    settings: kept.success ? kept.data : null,
    hypertable:
      hypertable === undefined
        ? null
        : { chunkHours: hypertable.hours, compression: hypertable.compression, chunks: hypertable.chunks },
    jobs,
    rollups,
    batches: policies?.batches === true,
  };
}

/** Jobs that have not run say so by times of plus or minus infinity. */
const finite = (value: number | null): number | null =>
  value !== null && Number.isFinite(value) ? Math.round(value) : null;
