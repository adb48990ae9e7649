// Aggregates, statistics and searches of the historian, beside DuckDB and SQLite rows with the same samples: five tags of
// the reference mix over ten hours, 360,000 samples each. Every answer is compared with DuckDB's. Run by
//
//   node_modules/.bin/node bench/history-questions.ts [--hours N] [--rounds N] [--data DIR keeps the data]
//
// Times are medians of warm rounds in one process each after the other; exit code 1 when an answer differs.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import Sqlite from 'better-sqlite3';
import { type SampleStore, statisticsOf, statisticsQuery } from '#engine/historian/index.ts';
import type { AggregateFunction, AggregateQuery, SearchQuery } from '#shared/model/index.ts';
import { duckdb } from './historian/duckdb.ts';
import { load } from './historian/measures.ts';
import { PER_HOUR, PERIOD_US, START } from './historian/mix.ts';
import { openHistory, ours } from './historian/ours.ts';
import { sqliteRows } from './historian/sqlite-rows.ts';

const { values: flags } = parseArgs({
  options: {
    hours: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '7' },
    data: { type: 'string' },
  },
});
const size = { tags: 5, perTag: Number(flags.hours) * PER_HOUR };
const rounds = Number(flags.rounds);
const range = { from: START, to: START + size.perTag * PERIOD_US };
const signal = new AbortController().signal;
const folder = flags.data ?? mkdtempSync(join(tmpdir(), 'parx-questions-'));
const places = { parx: join(folder, 'parx'), duckdb: join(folder, 'duckdb'), rows: join(folder, 'rows') };

async function timed(work: () => unknown): Promise<number> {
  // Until the code is compiled.
  for (const until = performance.now() + 200; performance.now() < until; ) await work();
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[rounds >> 1]!;
}

interface Asked {
  readonly title: string;
  readonly ours: () => Promise<readonly number[]>;
  /** In DuckDB's SQL, and in SQLite's where it is another; columns of the rows in the order of `ours`. */
  readonly sql: string;
  readonly sqlite: string | null;
}

function questions(store: SampleStore): Asked[] {
  const aggregate = async (
    functions: AggregateFunction[],
    grid: AggregateQuery['grid'],
    over = range,
  ): Promise<readonly number[]> => {
    const query = {
      tags: [{ tag: 'tag-0', functions }],
      range: over,
      grid,
      fill: { kind: 'none' },
      maxHold: null,
    } as const;
    const { series } = await store.aggregate({ ...query, tags: query.tags.map((one) => ({ ...one })) }, signal);
    const columns = series[0]!.columns;
    return [...columns[0]!].flatMap((_, i) => columns.map((column) => column[i]!));
  };
  const step = Math.ceil((range.to - range.from) / 1_000);
  const bucket = (width: number, origin: number): string => `(time - ${origin}) ${'//'} ${width}`;
  const whole = `tag = 0 AND time >= ${range.from} AND time < ${range.to}`;
  const free = { step, origin: range.from };
  const hour = { from: range.from, to: range.from + 3_600_000_000 };
  const inSqlite = (sql: string): string => sql.replaceAll('//', '/');
  const basic = `SELECT min(value), max(value), avg(value), count(*) * 1.0 FROM samples WHERE ${whole} GROUP BY ${bucket(step, range.from)} ORDER BY ${bucket(step, range.from)}`;
  const deviation = `SELECT stddev_samp(value) FROM samples WHERE ${whole} GROUP BY ${bucket(step, range.from)} ORDER BY ${bucket(step, range.from)}`;
  const held = `SELECT sum(value * held) / sum(held) FROM (SELECT value, coalesce(lead(time) OVER (ORDER BY time), ${range.to}) - time AS held FROM samples WHERE ${whole})`;
  const search: SearchQuery = {
    range,
    where: [[{ kind: 'compare', tag: 'tag-0', op: '>', value: 0, hysteresis: 0 }]],
    minDuration: 0,
    backward: false,
  };
  const found = async (level: number): Promise<readonly number[]> => {
    let count = 0;
    let length = 0;
    const where = [[{ ...search.where[0]![0]!, value: level } as (typeof search.where)[number][number]]];
    for await (const { intervals } of store.search({ ...search, where }, signal)) {
      count += intervals.length;
      for (const { from, to } of intervals) length += to - from;
    }
    return [count, length];
  };
  const islands = (level: number): string =>
    `SELECT sum(CASE WHEN value > ${level} AND NOT coalesce(was, 0) > ${level} THEN 1 ELSE 0 END) * 1.0, coalesce(sum(CASE WHEN value > ${level} THEN held ELSE 0 END), 0) * 1.0
     FROM (SELECT value, lag(value) OVER (ORDER BY time) AS was, coalesce(lead(time) OVER (ORDER BY time), ${range.to}) - time AS held FROM samples WHERE ${whole})`;
  const statistics = async (): Promise<readonly number[]> => {
    const ids = Array.from({ length: size.tags }, (_, tag) => `tag-${tag}`);
    const numbers = statisticsOf(await store.aggregate(statisticsQuery(ids, range), signal));
    return numbers.flatMap((one) => [one.count, one.min, one.max, one.mean, one.deviation]);
  };
  return [
    {
      title: 'min, max, mean, count, 1,000 buckets of a free step',
      ours: () => aggregate(['min', 'max', 'mean', 'count'], free),
      sql: basic,
      sqlite: inSqlite(basic),
    },
    { title: 'deviation, 1,000 buckets', ours: () => aggregate(['deviation'], free), sql: deviation, sqlite: null },
    {
      title: 'p95 of an hour (36,000 samples)',
      ours: () => aggregate(['p95'], { step: 3_600_000_000, origin: range.from }, hour),
      sql: `SELECT quantile_cont(value, 0.95) FROM samples WHERE tag = 0 AND time >= ${hour.from} AND time < ${hour.to}`,
      sqlite: null,
    },
    {
      title: 'mean by hold, all of a tag',
      ours: () => aggregate(['heldMean'], { step: range.to - range.from, origin: range.from }, range),
      sql: held,
      sqlite: held,
    },
    {
      title: `exact statistics of ${size.tags} tags`,
      ours: statistics,
      sql: 'SELECT count(*)::DOUBLE, min(value), max(value), avg(value), stddev_samp(value) FROM samples GROUP BY tag ORDER BY tag',
      sqlite: null,
    },
    { title: 'search, nothing to find', ours: () => found(1e9), sql: islands(1e9), sqlite: islands(1e9) },
    { title: 'search, at a level that is often crossed', ours: () => found(60), sql: islands(60), sqlite: islands(60) },
  ];
}

async function rowsOf(connection: DuckDBConnection, sql: string): Promise<number[]> {
  return (await connection.runAndReadAll(sql)).getRows().flat().map(Number);
}

function differs(is: readonly number[], should: readonly number[]): boolean {
  const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-7 * Math.max(1, Math.abs(b));
  return is.length !== should.length || is.some((value, i) => !near(value, should[i]!));
}

try {
  for (const [contestant, place] of [
    [ours, places.parx],
    [duckdb, places.duckdb],
    [sqliteRows, places.rows],
  ] as const) {
    if (existsSync(place)) continue;
    mkdirSync(place, { recursive: true });
    await load(contestant, place, size, PER_HOUR);
  }
  const store = await openHistory(places.parx);
  const instance = await DuckDBInstance.create(join(places.duckdb, 'samples.duckdb'));
  const connection = await instance.connect();
  const sqlite = new Sqlite(join(places.rows, 'rows.db'), { readonly: true, fileMustExist: true });
  const ms = (value: number | null): string => (value === null ? '-' : value.toFixed(2)).padStart(10);

  console.log(`${size.tags} tags, ${size.perTag} samples each; medians of ${rounds} rounds in ms\n`);
  console.log(`${''.padEnd(56)}${['ParX', 'DuckDB', 'SQLite'].map((one) => one.padStart(10)).join('')}`);
  const view = await timed(() => store.view(['tag-0'], range, 667, signal));
  const cheap = await timed(() =>
    store.aggregate(
      {
        tags: [{ tag: 'tag-0', functions: ['min', 'max', 'mean', 'count', 'first', 'last'] }],
        range,
        grid: { buckets: 1_000 },
        fill: { kind: 'none' },
        maxHold: null,
      },
      signal,
    ),
  );
  console.log(`${'view, up to 1,000 buckets'.padEnd(56)}${ms(view)}`);
  console.log(`${'six functions that rollups answer, up to 1,000 buckets'.padEnd(56)}${ms(cheap)}`);
  let wrong = 0;
  for (const one of questions(store)) {
    const [is, should] = [await one.ours(), await rowsOf(connection, one.sql)];
    const bad = differs(is, should);
    if (bad) {
      wrong++;
      console.error(`DIFFERENT: ${one.title}: ${is.slice(0, 6)} is not ${should.slice(0, 6)}`);
    }
    const statement = one.sqlite === null ? null : sqlite.prepare(one.sqlite).raw();
    if (statement !== null && differs((statement.all() as number[][]).flat(), should)) {
      wrong++;
      console.error(`DIFFERENT: ${one.title}: SQLite from DuckDB`);
    }
    const times = [
      await timed(one.ours),
      await timed(() => connection.runAndReadAll(one.sql)),
      statement === null ? null : await timed(() => statement.all()),
    ];
    console.log(`${one.title.padEnd(56)}${times.map(ms).join('')}`);
  }
  sqlite.close();
  connection.closeSync();
  instance.closeSync();
  await store.close();
  process.exitCode = wrong > 0 ? 1 : 0;
} finally {
  if (flags.data === undefined) rmSync(folder, { recursive: true });
}
