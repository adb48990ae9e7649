import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  BIGINT,
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  INTEGER,
  USMALLINT,
} from '@duckdb/node-api';
import bindings from '@duckdb/node-bindings';
import type { SampleBlock } from '#shared/model/index.ts';
import { type Contestant, emptyBuckets, type Grid, type Reading } from './contestant.ts';

// A table of samples, filled by the appender with whole vectors, and sorted by tag and time for the questions.

const FILE = 'samples.duckdb';
const TABLE = 'CREATE TABLE samples (tag INTEGER, time BIGINT, value DOUBLE, quality USMALLINT)';
const VECTOR = 2_048;

async function openDuck(path: string): Promise<{ connection: DuckDBConnection; close(): void }> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  return {
    connection,
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** Times as 64-bit whole numbers, put together of halves: a BigInt for each would cost more than the rest. */
export function wholeTimes(time: Float64Array, from = 0, length = time.length): BigInt64Array<ArrayBuffer> {
  const halves = new Int32Array(2 * length);
  for (let i = 0; i < length; i++) {
    const high = Math.floor(time[from + i]! / 4_294_967_296);
    halves[2 * i] = (time[from + i]! - high * 4_294_967_296) | 0;
    halves[2 * i + 1] = high;
  }
  return new BigInt64Array(halves.buffer);
}

async function appender(
  connection: DuckDBConnection,
): Promise<{ put(block: SampleBlock): void; flush(): void; close(): void }> {
  const target = await connection.createAppender('samples');
  const chunk = DuckDBDataChunk.create([INTEGER, BIGINT, DOUBLE, USMALLINT], VECTOR);
  const columns = [0, 1, 2, 3].map((at) => bindings.data_chunk_get_vector(chunk.chunk, at));
  return {
    put(block) {
      for (let from = 0; from < block.length; from += VECTOR) {
        const rows = Math.min(VECTOR, block.length - from);
        chunk.rowCount = rows;
        const copy = (column: number, data: ArrayBufferView<ArrayBuffer>, at: number, size: number): void =>
          bindings.copy_data_to_vector(columns[column]!, 0, data.buffer, data.byteOffset + at * size, rows * size);
        copy(0, block.tag, from, 4);
        copy(1, wholeTimes(block.time, from, rows), 0, 8);
        copy(2, block.value, from, 8);
        copy(3, block.quality, from, 2);
        target.appendDataChunk(chunk);
      }
    },
    flush: () => target.flushSync(),
    close: () => target.closeSync(),
  };
}

export const duckdb: Contestant = {
  title: 'DuckDB',
  missing: () => null,
  async stream(folder) {
    const { connection, close } = await openDuck(join(folder, FILE));
    await connection.run(TABLE);
    const target = await appender(connection);
    return {
      async commit(block) {
        target.put(block);
        target.flush();
      },
      async close() {
        target.close();
        close();
      },
    };
  },
  async load(folder, _size, blocks, started) {
    const { connection, close } = await openDuck(join(folder, FILE));
    await connection.run(TABLE);
    const target = await appender(connection);
    started();
    for (const block of blocks) target.put(block);
    target.close();
    await connection.run('CHECKPOINT');
    close();
  },
  async arrange(folder) {
    // Into a file of its own, which the sorted table fills without holes.
    const path = join(folder, FILE);
    const sorted = join(folder, 'sorted.duckdb');
    const { connection, close } = await openDuck(sorted);
    await connection.run(`ATTACH '${path}' AS loaded (READ_ONLY)`);
    await connection.run('CREATE TABLE samples AS SELECT * FROM loaded.samples ORDER BY tag, time');
    await connection.run('CHECKPOINT');
    close();
    rmSync(path);
    if (existsSync(`${path}.wal`)) rmSync(`${path}.wal`);
    renameSync(sorted, path);
  },
  async open(folder) {
    const { connection, close } = await openDuck(join(folder, FILE));
    return askDuck(
      connection,
      'samples',
      'SELECT tag, max(time)::DOUBLE, arg_max(value, time) FROM samples GROUP BY tag',
      close,
    );
  },
};

/** The questions in DuckDB's SQL, of a table or of Parquet files. */
export async function askDuck(
  connection: DuckDBConnection,
  table: string,
  lastSql: string,
  close: () => void,
): Promise<Reading> {
  const raw = await connection.prepare(
    `SELECT time::DOUBLE, value FROM ${table} WHERE tag = $1 AND time >= $2 AND time < $3 ORDER BY time`,
  );
  const last = await connection.prepare(lastSql);
  return {
    async overview(tags, grid) {
      const found = await connection.runAndReadAll(overviewSql(table, tags, grid));
      const columns = found.getColumns() as number[][];
      return () => spread(columns, tags, grid);
    },
    async raw(tag, from, to) {
      raw.bindInteger(1, tag);
      raw.bindBigInt(2, BigInt(from));
      raw.bindBigInt(3, BigInt(to));
      const [time, value] = (await raw.runAndReadAll()).getColumns() as [number[], number[]];
      return () => ({ time: Float64Array.from(time), value: Float64Array.from(value) });
    },
    async last() {
      const [tag, time, value] = (await last.runAndReadAll()).getColumns() as [number[], number[], number[]];
      return () => {
        const times = new Float64Array(tag.length);
        const values = new Float64Array(tag.length);
        for (let i = 0; i < tag.length; i++) {
          times[tag[i]!] = time[i]!;
          values[tag[i]!] = value[i]!;
        }
        return { time: times, value: values };
      };
    },
    async close() {
      raw.destroySync();
      last.destroySync();
      close();
    },
  };
}

const overviewSql = (table: string, tags: readonly number[], { from, to, width }: Grid): string =>
  `SELECT tag, ((time - ${from}) // ${width})::INTEGER AS bucket, min(value), max(value), avg(value), count(*)::DOUBLE
   FROM ${table} WHERE tag IN (${tags.join(', ')}) AND time >= ${from} AND time < ${to} GROUP BY tag, bucket`;

function spread(columns: readonly number[][], tags: readonly number[], grid: Grid) {
  const [tag, bucket, min, max, mean, count] = columns as [number[], number[], number[], number[], number[], number[]];
  const byTag = new Map(tags.map((one) => [one, emptyBuckets(grid)]));
  for (let i = 0; i < tag.length; i++) {
    const buckets = byTag.get(tag[i]!)!;
    const at = bucket[i]!;
    buckets.min[at] = min[i]!;
    buckets.max[at] = max[i]!;
    buckets.mean[at] = mean[i]!;
    buckets.count[at] = count[i]!;
  }
  return tags.map((one) => byTag.get(one)!);
}
