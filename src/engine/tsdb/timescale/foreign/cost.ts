import { AppError } from '#shared/errors.ts';
import { type Ask, orNull, type Rows } from './sql.ts';

/** What a statement would take of the server, as the server estimates it. */
export interface Cost {
  /** Rows that it would look at; of compressed parts those inside. */
  readonly rows: number;
  /** Tables that it would read from the first row to the last, the largest first. */
  readonly whole: readonly { readonly name: string; readonly rows: number }[];
  /** Parts of divided tables that it would open. */
  readonly parts: number;
}

/** A node of the server's plan, as far as it is read here. */
interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly Schema?: string;
  readonly 'Plan Rows': number;
  readonly 'Plan Width': number;
  readonly 'Total Cost': number;
  readonly 'Parent Relationship'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Custom Plan Provider'?: string;
  readonly Plans?: readonly PlanNode[];
}

/**
 * Asks the server how it would go about a statement, without running it. Null where it does not tell: a statement that
 * cannot be planned fails by itself when it is run, with the server's own words.
 */
export async function costOf(
  ask: Ask,
  text: string,
  values: readonly unknown[],
  signal: AbortSignal,
): Promise<Cost | null> {
  const rows = await orNull(() => ask(`EXPLAIN (FORMAT JSON, VERBOSE) ${text}`, values, signal), signal);
  const plan = planIn(rows);
  if (plan === null) return null;
  const scans = scansIn(plan);
  const sizes = await sizesOf(ask, scans, signal);
  const batches = await batchesOf(ask, scans, signal);
  let sum = 0;
  const whole = new Map<string, { name: string; rows: number }>();
  for (const scan of scans) {
    const { node, times } = scan;
    const size = sizes.get(keyOf(node));
    const all = size === undefined ? node['Plan Rows'] : rowsIn(size, node);
    // What a filter throws away was read all the same; an index reads what it finds.
    const read = scan.whole ? Math.max(all, node['Plan Rows']) : node['Plan Rows'];
    const limited = scan.limit === null ? read : Math.min(read, Math.max(scan.limit, 1));
    const batch = scan.compressed ? (batches.get(keyOf(node)) ?? ROWS_IN_A_BATCH) : 1;
    sum += limited * times * batch;
    if (scan.whole && scan.limit === null) {
      const name = size?.of ?? node['Relation Name'] ?? '';
      const known = whole.get(name);
      whole.set(name, { name, rows: (known?.rows ?? 0) + all * batch });
    }
  }
  return {
    rows: Math.round(sum),
    whole: [...whole.values()].sort((a, b) => b.rows - a.rows),
    parts: new Set(scans.map(({ node }) => keyOf(node))).size,
  };
}

/**
 * Refuses a statement that would read more rows than the source's limit, before it is sent; small ones pass at the price
 * of a plan. Throws `query.too-many-samples` with what can be done about it.
 */
export async function requireCost(
  ask: Ask,
  text: string,
  values: readonly unknown[],
  mostRows: number,
  signal: AbortSignal,
): Promise<void> {
  const cost = await costOf(ask, text, values, signal);
  if (cost === null || cost.rows <= mostRows) return;
  throw new AppError('query.too-many-samples', costText(cost, mostRows), { details: { limit: mostRows } });
}

export function costText({ rows, whole, parts }: Cost, mostRows: number): string {
  const [largest] = whole;
  const why =
    largest === undefined
      ? parts > 1
        ? `, in ${parts} parts`
        : ''
      : `: "${largest.name}" would be read whole, since no index fits`;
  return `This would read about ${round(rows)} rows of the database${why}. The limit of this source is ${round(mostRows)}. Ask for a shorter range or fewer series, or raise "Rows a query may read" in the source's limits if the server can bear it.`;
}

/** Two digits that count, and a word for the rest: nobody has counted these rows. */
function round(rows: number): string {
  for (const [size, word] of [
    [1e9, ' billion'],
    [1e6, ' million'],
    [1e3, ' thousand'],
  ] as const) {
    if (rows >= size) return `${Number((rows / size).toPrecision(2))}${word}`;
  }
  return String(rows);
}

/** A row of a compressed part holds at most so many, and as many where nobody has counted. */
const ROWS_IN_A_BATCH = 1_000;

interface Scan {
  readonly node: PlanNode;
  /** How often it runs, for each row of the other side of a loop. */
  readonly times: number;
  readonly whole: boolean;
  readonly compressed: boolean;
  /** Rows after which whoever asked has enough; null: all are read. */
  readonly limit: number | null;
}

function planIn(rows: Rows | null): PlanNode | null {
  const cell: unknown = Object.values(rows?.[0] ?? {})[0];
  const document: unknown = typeof cell === 'string' ? JSON.parse(cell) : cell;
  const first = Array.isArray(document) ? (document[0] as { Plan?: PlanNode } | undefined) : undefined;
  return first?.Plan ?? null;
}

/** Nodes that need all of their input before they give the first row. */
const GATHERING = /^(Sort|Hash|Aggregate|WindowAgg|Incremental Sort|Materialize)/;

function scansIn(plan: PlanNode): Scan[] {
  const scans: Scan[] = [];
  const walk = (node: PlanNode, times: number, compressed: boolean, limit: number | null): void => {
    const type = node['Node Type'];
    const provider = node['Custom Plan Provider'] ?? '';
    const unpacks = /DecompressChunk|ColumnarScan/.test(provider);
    if (node['Relation Name'] !== undefined && /Scan$/.test(type) && !unpacks) {
      const whole = type === 'Seq Scan' || (type !== 'Bitmap Heap Scan' && node['Index Cond'] === undefined);
      scans.push({ node, times, whole, compressed, limit });
    }
    const below = type === 'Limit' ? node['Plan Rows'] : GATHERING.test(type) ? null : limit;
    const [outer] = node.Plans ?? [];
    for (const inner of node.Plans ?? []) {
      const repeated = type === 'Nested Loop' && inner !== outer && inner['Parent Relationship'] === 'Inner';
      const again = repeated ? Math.max(1, outer!['Plan Rows']) : 1;
      walk(inner, times * again, compressed || unpacks, inner['Parent Relationship'] === 'InitPlan' ? null : below);
    }
  };
  walk(plan, 1, false, null);
  return scans;
}

interface Size {
  readonly rows: number;
  readonly bytes: number;
  /** What people call it: of a part the table that it is a part of. */
  readonly of: string;
}
const keyOf = (node: PlanNode): string => `${node.Schema ?? ''}\n${node['Relation Name'] ?? ''}`;

async function sizesOf(ask: Ask, scans: readonly Scan[], signal: AbortSignal): Promise<Map<string, Size>> {
  const whole = new Map(scans.filter((scan) => scan.whole).map(({ node }) => [keyOf(node), node]));
  if (whole.size === 0) return new Map();
  const nodes = [...whole.values()];
  const rows = await orNull(
    () => ask(SIZES, [nodes.map(({ Schema }) => Schema ?? ''), nodes.map((one) => one['Relation Name']!)], signal),
    signal,
  );
  return new Map(
    (rows ?? []).map((row) => [
      `${row.schema as string}\n${row.name as string}`,
      { rows: Number(row.rows), bytes: Number(row.bytes), of: row.of as string },
    ]),
  );
}

/** Rows in one of each compressed part, as they were counted when it was compressed. */
async function batchesOf(ask: Ask, scans: readonly Scan[], signal: AbortSignal): Promise<Map<string, number>> {
  const nodes = scans.filter(({ compressed }) => compressed).map(({ node }) => node);
  if (nodes.length === 0) return new Map();
  const names = [nodes.map(({ Schema }) => Schema ?? ''), nodes.map((one) => one['Relation Name']!)];
  const rows = await orNull(() => ask(BATCHES, names, signal), signal);
  return new Map((rows ?? []).map((row) => [`${row.schema as string}\n${row.name as string}`, Number(row.rows)]));
}

/** A table that was never analysed: as many rows of the plan's width as its pages hold. */
const rowsIn = ({ rows, bytes }: Size, node: PlanNode): number =>
  rows >= 0 ? rows : bytes / (node['Plan Width'] + 32);

const SIZES = `
  SELECT n.nspname AS schema, c.relname AS name, c.reltuples::float8 AS rows, pg_relation_size(c.oid)::float8 AS bytes,
    coalesce((SELECT p.relname FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent WHERE i.inhrelid = c.oid LIMIT 1), c.relname) AS of
  FROM unnest($1::name[], $2::name[]) AS u(schema, name)
    JOIN pg_namespace n ON n.nspname = u.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = u.name`;

const BATCHES = `
  SELECT c.schema_name AS schema, c.table_name AS name,
    z.numrows_pre_compression::float8 / z.numrows_post_compression AS rows
  FROM _timescaledb_catalog.chunk c
    JOIN _timescaledb_catalog.compression_chunk_size z ON z.compressed_chunk_id = c.id
    JOIN unnest($1::name[], $2::name[]) AS u(schema, name) ON u.schema = c.schema_name AND u.name = c.table_name
  WHERE z.numrows_post_compression > 0`;
