import { finished } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { TsdbIngestor } from '#engine/tsdb/tsdb.ts';
import { AppError, refuse } from '#shared/errors.ts';
import type { MetricSamples, Rejection } from '#shared/model/graph/index.ts';
import { identifier, relation } from '../sql.ts';
import { COLUMNS, chunksOf, encodeColumns, encodeCopy, type Part, ROW_BYTES, rowsOf } from './copy.ts';
import { inTransaction, type OwnSchemaAccess, withLease } from './lease.ts';
import { codeOf, createSeriesIds, isDataFault, said, UNIQUE } from './series.ts';

/** What becomes of a sample whose series has one at that very time already. */
export type ConflictRule = 'newer' | 'first';

export interface IngestorOptions extends OwnSchemaAccess {
  readonly conflict: ConflictRule;
  /** Told when series were made that were not there. */
  readonly onSeries?: () => void;
  /** The server takes COPY; else rows go as parameters, which is several times slower. */
  readonly copy: boolean;
  /** Of one transaction, at most. */
  readonly rows?: number;
  readonly bytes?: number;
}

const ROWS = 50_000;
const BYTES = 8 * 2 ** 20;
/** Few enough that the message comes in one piece, which the server in WebAssembly needs. */
const ROWS_AS_PARAMETERS = 400;
/** Rows of one call that are looked for one by one; of a chunk that is still refused after so many, all are named. */
const MOST_REFUSED = 1_000;
/** Chunks after a conflict that go by way of the staging table, because more of them will come. */
const CAUTIOUS = 16;
/** Others wrote the same rows at the same time. */
const COLLISIONS = new Set(['40001', '40P01']);
const ATTEMPTS = 4;
const NO_RIGHT = '42501';
const STAGE = 'pg_temp.parx_stage';

/**
 * Writes samples into the tables of our own. Each chunk is a transaction, and a sample that comes again changes nothing:
 * after a failure the whole call can be repeated, whatever of it was stored. What is refused for its own sake (a
 * constraint of the administrator's, a unit that does not fit) is named; everything else is stored when it resolves.
 */
export function createIngestor(options: IngestorOptions): TsdbIngestor {
  const { lease, explain, schema, conflict, copy, rows = ROWS, bytes = BYTES, onSeries } = options;
  const table = relation(schema, 'samples');
  const ids = createSeriesIds(schema, onSeries);
  const most = Math.max(1, Math.min(copy ? rows : Math.min(rows, ROWS_AS_PARAMETERS), Math.floor(bytes / ROW_BYTES)));
  const onConflict =
    conflict === 'first'
      ? 'ON CONFLICT (series, time) DO NOTHING'
      : 'ON CONFLICT (series, time) DO UPDATE SET value = excluded.value, quality = excluded.quality WHERE (samples.value, samples.quality) IS DISTINCT FROM (excluded.value, excluded.quality)';
  /** Time of the newest sample that was written, by series: what is not after it may be there already. */
  const newest = new Map<number, number>();
  let cautious = 0;

  const send = async (client: ClientBase, to: string, parts: readonly Part[]): Promise<void> => {
    const stream = client.query(copyFrom(`COPY ${to} ${COLUMNS} FROM STDIN (FORMAT binary)`));
    stream.end(encodeCopy(parts));
    await finished(stream);
  };
  const staged = (client: ClientBase, parts: readonly Part[]): Promise<void> =>
    inTransaction(client, async () => {
      await client.query(
        `CREATE TEMP TABLE IF NOT EXISTS parx_stage (time timestamptz, value double precision, series integer, quality integer) ON COMMIT DELETE ROWS`,
      );
      await send(client, STAGE, parts);
      // In one order everywhere, so that two that write the same rows do not wait for each other.
      await client.query(
        `INSERT INTO ${table} AS samples ${COLUMNS} SELECT time, value, series, quality FROM ${STAGE} ORDER BY series, time ${onConflict}`,
      );
    });
  const parameters = async (client: ClientBase, parts: readonly Part[]): Promise<void> => {
    await client.query(
      `INSERT INTO ${table} AS samples ${COLUMNS} SELECT * FROM unnest($1::timestamptz[], $2::float8[], $3::int4[], $4::int4[]) ${onConflict}`,
      encodeColumns(parts),
    );
  };
  const isNew = ({ id, columns, from }: Part): boolean =>
    columns.time[from]! > (newest.get(id) ?? Number.NEGATIVE_INFINITY);

  /** One chunk, all or nothing. */
  const store = async (client: ClientBase, parts: readonly Part[]): Promise<void> => {
    if (!copy) return parameters(client, parts);
    if (cautious === 0 && parts.every(isNew)) {
      try {
        // Straight into the table, which fails as a whole where one row is there already.
        return await send(client, table, parts);
      } catch (error) {
        if (codeOf(error) !== UNIQUE) throw error;
        cautious = CAUTIOUS;
      }
    } else if (cautious > 0) cautious--;
    await staged(client, parts);
  };

  return {
    onConflict: conflict === 'first' ? 'keep' : 'replace',
    async write(samples, signal) {
      signal.throwIfAborted();
      if (samples.length === 0) return { rejected: [] };
      const rejected: Rejection[] = [];
      const reject = (parts: readonly Part[], reason: string): void => {
        for (const { series, from, to } of parts) {
          for (let row = from; row < to; row++) rejected.push({ series, row, reason });
        }
      };
      /** Halves what is refused until the rows are found that it is refused for. */
      const storeWhatGoes = async (client: ClientBase, parts: readonly Part[]): Promise<void> => {
        signal.throwIfAborted();
        try {
          await patiently(() => store(client, parts));
          for (const { id, columns, to } of parts) {
            newest.set(id, Math.max(newest.get(id) ?? Number.NEGATIVE_INFINITY, columns.time[to - 1]!));
          }
        } catch (error) {
          if (!isDataFault(error)) throw error;
          const count = rowsOf(parts);
          if (count === 1)
            return reject(
              parts,
              `The database refused it: ${said(error)} Correct the value, or ask the administrator for the rule behind it.`,
            );
          if (rejected.length >= MOST_REFUSED) {
            return reject(
              parts,
              `The database refused it, or one of ${count} rows that came with it: ${said(error)} Send them again when the cause is mended.`,
            );
          }
          for (const half of chunksOf(parts, Math.ceil(count / 2))) await storeWhatGoes(client, half);
        }
      };
      try {
        await withLease(lease, 'write', signal, async (client) => {
          const found = await findIds(client, samples);
          const parts = found.flatMap((id, series): Part[] => {
            const columns = samples[series]!;
            const rows = columns.time.length;
            if (typeof id !== 'string') return rows === 0 ? [] : [{ id, series, columns, from: 0, to: rows }];
            rejected.push({ series, row: null, reason: id });
            return [];
          });
          for (const round of roundsOf(parts)) {
            for (const chunk of chunksOf(round, most)) await storeWhatGoes(client, chunk);
          }
        });
      } catch (error) {
        signal.throwIfAborted();
        throw codeOf(error) === NO_RIGHT ? noRight(error) : explain(error);
      }
      return { rejected };
    },
  };

  function noRight(cause: unknown): AppError {
    const grants = `GRANT USAGE ON SCHEMA ${identifier(schema)} TO ...; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA ${identifier(schema)} TO ...`;
    const message = `The database does not let this login write: ${said(cause)} Have an administrator run: ${grants}`;
    return new AppError('tsdb.refused', message, { details: { backend: 'timescale', reason: said(cause) }, cause });
  }

  async function findIds(client: ClientBase, samples: readonly MetricSamples[]): Promise<readonly (number | string)[]> {
    try {
      return await patiently(() => ids.find(client, samples));
    } catch (error) {
      const code = codeOf(error);
      if (code !== '42P01' && code !== '3F000') throw error;
      return refuse(
        'schema',
        `There are no tables of ours in schema ${schema} to write into. Make them first: look at the plan of the source's own tables, and consent to it.`,
      );
    }
  }
}

/**
 * A series may come several times, as from several writers. One statement takes each time of a series once: what
 * overlaps goes one after the other, so that it is clear which is the newer. Each round in the order of the table.
 */
function roundsOf(parts: readonly Part[]): Part[][] {
  const rounds: Part[][] = [];
  const last = new Map<number, { readonly round: number; readonly end: number }>();
  for (const part of parts) {
    const { id, columns, from, to } = part;
    const before = last.get(id);
    const follows = before === undefined || columns.time[from]! > before.end;
    const round = before === undefined ? 0 : before.round + (follows ? 0 : 1);
    (rounds[round] ??= []).push(part);
    last.set(id, { round, end: columns.time[to - 1]! });
  }
  for (const round of rounds) round.sort((a, b) => a.id - b.id || a.columns.time[a.from]! - b.columns.time[b.from]!);
  return rounds;
}

async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === ATTEMPTS || !COLLISIONS.has(codeOf(error))) throw error;
    }
  }
}
