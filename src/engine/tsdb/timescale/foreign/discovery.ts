import type { CatalogueColumn, CatalogueRelation, ColumnKind, RelationName } from '#shared/model/index.ts';
import { identifier } from '../sql.ts';
import { type KeptAggregate, rollupOf } from './rollups.ts';
import { type Ask, type Cell, orNull, tableName } from './sql.ts';

/** Relations whose ranges are looked up by an index; with thousands of tables the large ones are the likely ones. */
const MOST_RANGES = 300;
const RANGES_AT_ONCE = 50;
/** Relations whose columns are asked for at once. */
const RELATIONS_AT_ONCE = 500;

/**
 * Everything that the login may read, from the database's own catalogue alone: no row of a table is read but for the
 * first and last entry of an index. Chunks, parts of partitioned tables and what extensions bring are left out.
 * `only`: these relations alone.
 */
export async function discover(
  ask: Ask,
  signal: AbortSignal,
  only: readonly RelationName[] | null = null,
): Promise<CatalogueRelation[]> {
  const found = await ask(RELATIONS(only !== null), only === null ? [] : names(only), signal);
  if (found.length === 0) return [];
  const [parts, time] = [byKey(await ask(PARTS, [], signal), 'id'), await timescaleOf(ask, signal)];
  const relations: Draft[] = [];
  for (let at = 0; at < found.length; at += RELATIONS_AT_ONCE) {
    const page = found.slice(at, at + RELATIONS_AT_ONCE);
    const ids = page.map(({ id }) => id as string);
    const columns = groupBy(await ask(COLUMNS, [ids], signal), 'id');
    const indexes = groupBy(await ask(INDEXES, [ids], signal), 'id');
    const constraints = groupBy(await ask(CONSTRAINTS, [ids], signal), 'id');
    const named = [page.map(text('schema')), page.map(text('name'))];
    const distinct = groupBy((await orNull(() => ask(DISTINCT, named, signal), signal)) ?? [], 'relation');
    for (const row of page) {
      const id = row.id as string;
      const name = { schema: row.schema as string, name: row.name as string };
      const part = parts.get(id);
      const chunks = time.hypertables.get(nameKey(name));
      // A hypertable whose parts were never analysed counts none.
      const rows = (chunks?.rows || null) ?? (row.kind === 'v' ? null : countOf((part ?? row).rows));
      relations.push({
        ...name,
        kind: chunks === undefined ? kindOf(row.kind as string) : 'hypertable',
        comment: row.comment as string | null,
        rows,
        bytes: Number(part?.bytes ?? 0) + Number(row.bytes),
        columns: (columns.get(id) ?? []).map((column): CatalogueColumn => columnOf(column, rows, distinct.get(id))),
        key: (constraints.get(id) ?? []).filter(({ kind }) => kind === 'p').flatMap((one) => one.columns as string[]),
        indexes: (indexes.get(id) ?? []).map((index) => index.columns as string[]),
        references: (constraints.get(id) ?? [])
          .filter(({ kind }) => kind === 'f')
          .map((one) => ({
            columns: one.columns as string[],
            relation: { schema: one.schema as string, name: one.name as string },
            to: one.to as string[],
          })),
        partition: chunks?.partition ?? null,
        range: chunks?.range ?? null,
        rollupOf: null,
        looksLike: null,
      });
    }
  }
  const byName = new Map(relations.map((relation) => [nameKey(relation), relation]));
  for (const aggregate of time.aggregates) {
    const relation = byName.get(nameKey(aggregate.view));
    if (relation !== undefined) Object.assign(relation, { kind: 'rollup', rollupOf: rollupOf(aggregate) });
  }
  await addRanges(relations, ask, signal);
  return relations;
}

type Draft = { -readonly [Key in keyof CatalogueRelation]: CatalogueRelation[Key] };
type Row = Readonly<Record<string, Cell>>;

export const nameKey = ({ schema, name }: RelationName): string => `${schema}\n${name}`;
const names = (only: readonly RelationName[]): [string[], string[]] => [
  only.map(({ schema }) => schema),
  only.map(({ name }) => name),
];
const text =
  (key: string) =>
  (row: Row): string =>
    row[key] as string;
const byKey = (rows: readonly Row[], key: string): Map<string, Row> =>
  new Map(rows.map((row) => [row[key] as string, row]));
function groupBy(rows: readonly Row[], key: string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const of = row[key] as string;
    const group = groups.get(of);
    if (group === undefined) groups.set(of, [row]);
    else group.push(row);
  }
  return groups;
}

/** A table that was never analysed has -1 rows in the catalogue, one that was analysed while empty has none. */
const countOf = (value: Cell | undefined): number | null =>
  value === null || Number(value) < 0 ? null : Number(value);

const kindOf = (kind: string): CatalogueRelation['kind'] =>
  kind === 'v' ? 'view' : kind === 'm' ? 'materialized' : kind === 'f' ? 'foreign' : 'table';

const KINDS: Readonly<Record<string, ColumnKind>> = {
  timestamptz: 'instant',
  timestamp: 'wall',
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  float4: 'number',
  float8: 'number',
  numeric: 'number',
  bool: 'boolean',
  json: 'json',
  jsonb: 'json',
  uuid: 'text',
  char: 'text',
};

function columnOf(row: Row, rows: number | null, distinct: readonly Row[] | undefined): CatalogueColumn {
  const name = row.name as string;
  const estimate = Number(distinct?.find((one) => one.name === name)?.distinct ?? 0);
  return {
    name,
    type: row.type as string,
    kind: KINDS[row.base as string] ?? (row.category === 'S' || row.category === 'E' ? 'text' : 'other'),
    position: Number(row.position),
    nullable: row.nullable as boolean,
    comment: row.comment as string | null,
    // A negative figure is a share of the rows.
    distinct: estimate > 0 ? estimate : estimate < 0 && rows !== null ? Math.round(-estimate * rows) : null,
  };
}

interface Hypertable {
  readonly rows: number | null;
  readonly partition: CatalogueRelation['partition'];
  readonly range: CatalogueRelation['range'];
}

/** What the extension tells, where it is there. */
async function timescaleOf(ask: Ask, signal: AbortSignal) {
  const hypertables = new Map<string, Hypertable>();
  const none: readonly KeptAggregate[] = [];
  const [extension] = await ask(EXTENSION, [], signal);
  if (extension === undefined) return { hypertables, aggregates: none };
  const rows = await orNull(() => ask(HYPERTABLE_ROWS(identifier(extension.schema as string)), [], signal), signal);
  const counted = new Map((rows ?? []).map((row) => [nameKey(row as unknown as RelationName), countOf(row.rows)]));
  for (const row of (await orNull(() => ask(HYPERTABLES, [], signal), signal)) ?? []) {
    const name = nameKey({ schema: row.schema as string, name: row.name as string });
    const column = row.column as string;
    hypertables.set(name, {
      rows: counted.get(name) ?? null,
      partition: { column, parts: Number(row.parts), compressed: Number(row.compressed) },
      range: row.from === null || row.to === null ? null : { column, from: Number(row.from), to: Number(row.to) },
    });
  }
  const aggregates = ((await orNull(() => ask(AGGREGATES, [], signal), signal)) ?? []).map(
    (row): KeptAggregate => ({
      view: { schema: row.schema as string, name: row.name as string },
      of: { schema: row.of_schema as string, name: row.of_name as string },
      definition: row.definition as string,
      live: row.live as boolean,
    }),
  );
  return { hypertables, aggregates };
}

/** First and last entry of an index that begins with what may be the time. */
async function addRanges(relations: readonly Draft[], ask: Ask, signal: AbortSignal): Promise<void> {
  const open = relations
    .flatMap((relation) => {
      if (relation.range !== null || relation.kind === 'view' || relation.kind === 'foreign') return [];
      const column = relation.columns.find(
        ({ name, kind }) =>
          (kind === 'instant' || kind === 'wall' || (kind === 'integer' && LIKE_A_TIME.test(name))) &&
          relation.indexes.some(([first]) => first === name),
      );
      return column === undefined ? [] : [{ relation, column }];
    })
    .sort((a, b) => (b.relation.rows ?? 0) - (a.relation.rows ?? 0))
    .slice(0, MOST_RANGES);
  for (let at = 0; at < open.length; at += RANGES_AT_ONCE) {
    const part = open.slice(at, at + RANGES_AT_ONCE);
    const parts = part.map(({ relation, column }, n) => {
      const name = identifier(column.name);
      const whole = column.kind === 'integer';
      const value = whole ? `${name}::float8` : `extract(epoch FROM ${name})::float8 * 1e6`;
      // "Valid until for ever" is no time of a sample.
      const known = whole ? `${name} IS NOT NULL` : `${name} > '-infinity' AND ${name} < 'infinity'`;
      const ends = ['ASC', 'DESC'].map(
        (order) => `(SELECT ${value} FROM ${tableName(relation)} WHERE ${known} ORDER BY ${name} ${order} LIMIT 1)`,
      );
      return `SELECT ${n} AS at, ${ends[0]} AS "from", ${ends[1]} AS "to"`;
    });
    // A table that cannot be read after all only costs these ranges.
    for (const row of (await orNull(() => ask(parts.join('\nUNION ALL '), [], signal), signal)) ?? []) {
      const { relation, column } = part[Number(row.at)]!;
      if (row.from === null || row.to === null) continue;
      relation.range = { column: column.name, from: Math.round(Number(row.from)), to: Math.round(Number(row.to)) };
    }
  }
}

export const LIKE_A_TIME = /(^|_)(t|ts|time|zeit|stamp|epoch|unix|date|datum|when)(_|$)|time|stamp|zeit|epoch/i;

const OWN_SCHEMAS = `n.nspname NOT IN ('information_schema', 'timescaledb_information', 'timescaledb_experimental', 'toolkit_experimental')
    AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT LIKE '\\_timescaledb\\_%'`;

const RELATIONS = (some: boolean): string => `
  SELECT c.oid::text AS id, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
    c.reltuples::float8 AS rows, c.relpages::float8 * current_setting('block_size')::float8 AS bytes,
    obj_description(c.oid, 'pg_class') AS comment
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND ${some ? '(n.nspname, c.relname) IN (SELECT s, r FROM unnest($1::name[], $2::name[]) AS u(s, r))' : OWN_SCHEMAS}
    AND has_schema_privilege(n.oid, 'USAGE')
    AND (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT'))
    ${
      some
        ? ''
        : `AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`
    }
  ORDER BY n.nspname, c.relname`;

const PARTS = `
  WITH RECURSIVE tree(root, oid) AS (
    SELECT inhparent, inhrelid FROM pg_inherits
    UNION ALL SELECT tree.root, i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid)
  SELECT tree.root::text AS id, sum(c.relpages)::float8 * current_setting('block_size')::float8 AS bytes,
    CASE WHEN bool_and(c.reltuples < 0) THEN -1 ELSE sum(greatest(c.reltuples, 0)) END::float8 AS rows
  FROM tree JOIN pg_class c ON c.oid = tree.oid
  WHERE c.relkind IN ('r', 'f') GROUP BY tree.root`;

const COLUMNS = `
  SELECT a.attrelid::text AS id, a.attname AS name, a.attnum::int4 AS position, NOT a.attnotnull AS nullable,
    format_type(a.atttypid, a.atttypmod) AS type, b.typname AS base, b.typcategory::text AS category,
    col_description(a.attrelid, a.attnum) AS comment
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
  WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
    AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
  ORDER BY a.attrelid, a.attnum`;

const INDEXES = `
  SELECT i.indrelid::text AS id,
    (SELECT array_agg(a.attname::text ORDER BY k.at) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, at)
      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum WHERE k.at <= i.indnkeyatts) AS columns
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
  WHERE i.indrelid = ANY ($1::oid[]) AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND m.amname = 'btree'
  ORDER BY i.indrelid, c.relname`;

const CONSTRAINTS = `
  SELECT k.conrelid::text AS id, k.contype::text AS kind, n.nspname AS schema, f.relname AS name,
    (SELECT array_agg(a.attname::text ORDER BY u.at) FROM unnest(k.conkey) WITH ORDINALITY AS u(attnum, at)
      JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum) AS columns,
    (SELECT array_agg(a.attname::text ORDER BY u.at) FROM unnest(k.confkey) WITH ORDINALITY AS u(attnum, at)
      JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum) AS "to"
  FROM pg_constraint k LEFT JOIN pg_class f ON f.oid = k.confrelid LEFT JOIN pg_namespace n ON n.oid = f.relnamespace
  WHERE k.conrelid = ANY ($1::oid[]) AND k.contype IN ('p', 'f')
  ORDER BY k.conrelid, k.conname`;

const DISTINCT = `
  SELECT DISTINCT ON (c.oid, s.attname) c.oid::text AS relation, s.attname AS name, s.n_distinct::float8 AS distinct
  FROM unnest($1::name[], $2::name[]) AS u(schema, name)
    JOIN pg_stats s ON s.schemaname = u.schema AND s.tablename = u.name
    JOIN pg_namespace n ON n.nspname = u.schema
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = u.name
  ORDER BY c.oid, s.attname, s.inherited DESC`;

const EXTENSION = `
  SELECT n.nspname AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'timescaledb'`;

const HYPERTABLES = `
  SELECT d.hypertable_schema AS schema, d.hypertable_name AS name, d.column_name AS "column",
    count(c.chunk_name)::float8 AS parts, (count(*) FILTER (WHERE c.is_compressed))::float8 AS compressed,
    coalesce(extract(epoch FROM min(c.range_start)) * 1e6, min(c.range_start_integer))::float8 AS "from",
    coalesce(extract(epoch FROM max(c.range_end)) * 1e6, max(c.range_end_integer))::float8 AS "to"
  FROM timescaledb_information.dimensions d
    LEFT JOIN timescaledb_information.chunks c
      ON c.hypertable_schema = d.hypertable_schema AND c.hypertable_name = d.hypertable_name
  WHERE d.dimension_number = 1
  GROUP BY 1, 2, 3`;

const HYPERTABLE_ROWS = (schema: string): string => `
  SELECT hypertable_schema AS schema, hypertable_name AS name,
    ${schema}.approximate_row_count(format('%I.%I', hypertable_schema, hypertable_name)::regclass)::float8 AS rows
  FROM timescaledb_information.hypertables
  WHERE has_schema_privilege(hypertable_schema, 'USAGE')`;

const AGGREGATES = `
  SELECT view_schema AS schema, view_name AS name, hypertable_schema AS of_schema, hypertable_name AS of_name,
    view_definition AS definition, NOT materialized_only AS live
  FROM timescaledb_information.continuous_aggregates`;
