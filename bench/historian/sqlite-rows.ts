import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import type { SampleBlock } from '#shared/model/index.ts';
import { type Contestant, emptyBuckets } from './contestant.ts';

// One row per sample, in the table's own tree by tag and time: the layout that answers all four questions with one tree.

type Row = readonly [number, number];
type Bucket = readonly [bucket: number, min: number, max: number, mean: number, count: number];

function openRows(folder: string): Sqlite.Database {
  const database = new Sqlite(join(folder, 'rows.db'));
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('cache_size = -65536');
  database.exec(
    `CREATE TABLE IF NOT EXISTS samples (tag INTEGER, time INTEGER, value REAL, quality INTEGER,
     PRIMARY KEY (tag, time)) WITHOUT ROWID`,
  );
  return database;
}

function inserter(database: Sqlite.Database): (block: SampleBlock) => void {
  const insert = database.prepare('INSERT INTO samples VALUES (?, ?, ?, ?)');
  const begin = database.prepare('BEGIN');
  const commit = database.prepare('COMMIT');
  return ({ length, tag, time, value, quality }) => {
    begin.run();
    for (let i = 0; i < length; i++) insert.run(tag[i], time[i], value[i], quality[i]);
    commit.run();
  };
}

export const sqliteRows: Contestant = {
  title: 'SQLite rows',
  missing: () => null,
  async stream(folder) {
    const database = openRows(folder);
    const put = inserter(database);
    return {
      commit: async (block) => put(block),
      close: async () => void database.close(),
    };
  },
  async load(folder, _size, blocks, started) {
    const database = openRows(folder);
    const put = inserter(database);
    started();
    for (const block of blocks) put(block);
    database.pragma('wal_checkpoint(TRUNCATE)');
    database.close();
  },
  async open(folder, { tags }) {
    const database = openRows(folder);
    const overview = database
      .prepare<[number, number, number, number, number], Bucket>(
        `SELECT (time - CAST(? AS INTEGER)) / CAST(? AS INTEGER) AS bucket, min(value), max(value), avg(value), count(*) FROM samples
         WHERE tag = ? AND time >= ? AND time < ? GROUP BY bucket`,
      )
      .raw();
    const raw = database
      .prepare<[number, number, number], Row>(
        'SELECT time, value FROM samples WHERE tag = ? AND time >= ? AND time < ? ORDER BY time',
      )
      .raw();
    const last = database
      .prepare<[number], Row>('SELECT time, value FROM samples WHERE tag = ? ORDER BY time DESC LIMIT 1')
      .raw();
    return {
      async overview(asked, grid) {
        const { from, to, width } = grid;
        const rows = asked.map((tag) => overview.all(from, width, tag, from, to));
        return () =>
          rows.map((list) => {
            const buckets = emptyBuckets(grid);
            for (const [bucket, min, max, mean, count] of list) {
              buckets.min[bucket] = min;
              buckets.max[bucket] = max;
              buckets.mean[bucket] = mean;
              buckets.count[bucket] = count;
            }
            return buckets;
          });
      },
      async raw(tag, from, to) {
        const rows = raw.all(tag, from, to);
        return () => toPoints(rows);
      },
      async last() {
        const rows = Array.from({ length: tags }, (_, tag) => last.get(tag)!);
        return () => toPoints(rows);
      },
      close: async () => void database.close(),
    };
  },
};

export const toPoints = (rows: readonly Row[]): { time: Float64Array; value: Float64Array } => ({
  time: Float64Array.from(rows, ([time]) => time),
  value: Float64Array.from(rows, ([, value]) => value),
});
