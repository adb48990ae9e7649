import type { ClientBase } from 'pg';
import { instant, literal, relation } from '../sql.ts';
import type { Facts } from './facts.ts';
import { statement } from './migrations.ts';
import { type Planned, requireInstalled } from './plan.ts';

/** What lies before a time and would be removed. */
export interface Prunable {
  /** At most `MOST_COUNTED` and one more, which stands for any larger number. */
  readonly rows: number;
  /** Chunks that hold nothing else; 0 where the samples lie in a plain table. */
  readonly chunks: number;
}
/** Samples that a plan counts one by one; of more it says that they are more. */
export const MOST_COUNTED = 10_000_000;

export function planPrune(facts: Facts, schema: string, before: number, { rows, chunks }: Prunable): Planned {
  requireInstalled(facts, schema);
  const whole = facts.hypertable !== null;
  if (rows === 0 && chunks === 0) return { steps: [], warnings: [] };
  const samples = relation(schema, 'samples');
  const until = instant(before);
  const sql = whole
    ? `SELECT drop_chunks(${literal(samples)}, older_than => TIMESTAMPTZ '${until}')`
    : `DELETE FROM ${samples} WHERE time < TIMESTAMPTZ '${until}'`;
  const number = rows > MOST_COUNTED ? `More than ${grouped(MOST_COUNTED)}` : grouped(rows);
  const what = rows === 1 ? 'sample' : 'samples';
  const says = whole
    ? `${number} ${what}: ${chunks === 1 ? 'the chunk that lies' : `${grouped(chunks)} chunks that lie`} wholly before ${until}.`
    : `${number} ${what} before ${until}.`;
  const warnings = whole
    ? ['Only whole chunks are removed: samples before that time stay where their chunk reaches beyond it.']
    : [];
  return { steps: [statement(says, sql, { destructive: true })], warnings };
}

const grouped = (count: number): string => count.toLocaleString('en-GB');

/** What a prune would remove, counted up to a bound, so that a plan does not read a year. */
export async function countPrunable(
  client: ClientBase,
  { version, hypertable }: Pick<Facts, 'version' | 'hypertable'>,
  schema: string,
  before: number,
): Promise<Prunable> {
  if (version === null) return { rows: 0, chunks: 0 };
  const one = async (sql: string, values: unknown[]) => (await client.query(sql, values)).rows[0];
  let edge: string | null = instant(before);
  let chunks = 0;
  if (hypertable !== null) {
    // A chunk goes as a whole or not at all.
    const ended = await one(
      `SELECT count(*)::int AS chunks, max(range_end)::text AS edge FROM timescaledb_information.chunks
WHERE hypertable_schema = $1 AND hypertable_name = 'samples' AND range_end <= $2`,
      [schema, edge],
    );
    ({ chunks, edge } = ended);
  }
  if (edge === null) return { rows: 0, chunks };
  const { rows } = await one(
    `SELECT count(*)::int AS rows FROM (SELECT FROM ${relation(schema, 'samples')} WHERE time < $1 LIMIT ${MOST_COUNTED + 1}) s`,
    [edge],
  );
  return { rows, chunks };
}
