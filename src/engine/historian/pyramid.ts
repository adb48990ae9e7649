import { crc32 } from 'node:zlib';
import { type Database, type Statement, storeError } from '#engine/platform/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { TagDecoder } from './chunk-table.ts';
import type { DecodedCache } from './decoded-cache.ts';
import { BUCKET_BYTES, type BucketList, bucketsOf, chunkWidth, joinLists } from './rollup.ts';
import { decodeBuckets, encodeBuckets } from './rollup-codec.ts';
import { type Run, wordsOf } from './run.ts';

/**
 * The pyramid over the chunks of one file. A row of tier 0 sums up one chunk, a row of tier n four neighbouring rows of
 * tier n-1, up to seven where their number does not divide. So a row stands for every chunk between its first and its
 * last sample, and the rows below it are there as well.
 */
const GROUP = 4;

/** What one row says of its samples: as columns, and finer in buckets. Values decoded, not scaled. */
export interface Summary {
  /** Newest recipe version when the samples were decoded. */
  readonly recipe: number;
  readonly first: number;
  readonly last: number;
  readonly width: number;
  readonly count: number;
  readonly bad: number;
  readonly quality: number;
  readonly min: number | null;
  readonly max: number | null;
  readonly sum: number | null;
  readonly firstValue: number | null;
  readonly lastValue: number | null;
  readonly minTime: number | null;
  readonly maxTime: number | null;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Sums up a chunk; `numbers` are its samples, sorted, decoded with all recipes up to version `recipe`. */
export function summaryOf(numbers: Run, recipe: number): Summary {
  const { length, time } = numbers;
  return summarise(bucketsOf(numbers, chunkWidth(time[0]!, time[length - 1]!, length)), recipe);
}

let scratch = new ArrayBuffer(0);
/** The same for samples in stored forms, which it leaves as they are; `form` is the recipe they were stored under. */
export function summaryOfStored(run: Run, form: number, decoder: TagDecoder): Summary {
  return summaryOf(numbersOf(run, 0, run.length, form, decoder), decoder.newest.recipe.version);
}

/** Samples `from` to `to` as numbers, without receive times; valid until it is called again. */
export function numbersOf(run: Run, from: number, to: number, form: number, decoder: TagDecoder): Run {
  const length = to - from;
  if (scratch.byteLength < length * 10) scratch = new ArrayBuffer(length * 10);
  const copy: Run = {
    length,
    time: run.time.subarray(from, to),
    value: new Float64Array(scratch, 0, length),
    quality: new Uint16Array(scratch, length * 8, length),
    received: null,
  };
  wordsOf(copy.value).set(wordsOf(run.value).subarray(from * 2, to * 2));
  copy.quality.set(run.quality.subarray(from, to));
  return decoder.numbers(copy, form);
}

/** The row of buckets; `recipe` as in `summaryOf`. */
export function summarise(list: BucketList, recipe: number): Summary {
  const { length } = list;
  let count = 0;
  let bad = 0;
  let quality = 0;
  let sum = 0;
  let least = -1;
  let most = -1;
  for (let i = 0; i < length; i++) {
    bad += list.bad[i]!;
    if (list.quality[i]! > quality) quality = list.quality[i]!;
    if (list.count[i] === 0) continue;
    count += list.count[i]!;
    sum += list.sum[i]!;
    if (least < 0 || list.min[i]! < list.min[least]!) least = i;
    if (most < 0 || list.max[i]! > list.max[most]!) most = i;
  }
  const known = (value: number): number | null => (Number.isNaN(value) ? null : value);
  const some = count > 0;
  return {
    recipe,
    first: list.firstTime[0]!,
    last: list.lastTime[length - 1]!,
    width: list.width,
    count,
    bad,
    quality,
    min: some ? list.min[least]! : null,
    max: some ? list.max[most]! : null,
    sum: some ? known(sum) : null,
    firstValue: known(list.first[0]!),
    lastValue: known(list.last[length - 1]!),
    minTime: some ? list.minTime[least]! : null,
    maxTime: some ? list.maxTime[most]! : null,
    data: encodeBuckets(list),
  };
}

/** A row without what it holds. */
export interface RollupInfo {
  readonly id: number;
  readonly tier: number;
  readonly recipe: number;
  readonly first: number;
  readonly last: number;
  readonly width: number;
}

/** Reading rows; ranges are half-open, lists in time order. */
export interface RollupTable {
  /** Highest tier that the tag has rows of; -1 where it has none. */
  top(tag: number): number;
  /** Rows of a tier that touch [from, to). */
  rows(tag: number, tier: number, from: number, to: number): RollupInfo[];
  /** The row's buckets; null where it is damaged. */
  buckets(row: RollupInfo): BucketList | null;
}

const SUMMED =
  'tag, tier, recipe, first, last, width, count, bad, quality, min, max, sum, first_value, last_value, min_time, max_time';
type SummedRow = (number | null)[];
const summed = new Float64Array(16);
const summedBytes = new Uint8Array(summed.buffer);

/** Checksum of a row: its columns in their order as f64, null as minus zero, then `data`. */
function rowSum(columns: ArrayLike<number | null>, data: Uint8Array): number {
  for (let i = 0; i < summed.length; i++) {
    const value = columns[i] ?? null;
    // SQLite keeps minus zero as zero, so that it is free to stand for null.
    summed[i] = value === null ? -0 : value + 0;
  }
  return crc32(data, crc32(summedBytes));
}

function columnsOf(tag: number, tier: number, row: Summary): (number | null)[] {
  return [
    tag,
    tier,
    row.recipe,
    row.first,
    row.last,
    row.width,
    row.count,
    row.bad,
    row.quality,
    row.min,
    row.max,
    row.sum,
    row.firstValue,
    row.lastValue,
    row.minTime,
    row.maxTime,
  ];
}

/** What a row should say: of its chunk's samples (`of` a summary) or of the rows that it stands for (`of` their buckets). */
export function rowIsRight(database: Database, row: RollupInfo, of: Summary | readonly BucketList[]): boolean {
  const wanted = Array.isArray(of) ? summarise(joinLists(of), row.recipe) : (of as Summary);
  const found = database
    .prepare<[number], [crc: number, data: Uint8Array, ...SummedRow]>(
      `SELECT crc, data, ${SUMMED} FROM rollups WHERE id = ?`,
    )
    .raw()
    .get(row.id);
  if (found === undefined) return false;
  const [crc, data, tag, tier] = found;
  const columns = columnsOf(tag ?? 0, tier ?? 0, { ...wanted, recipe: row.recipe });
  if (crc !== rowSum(found.slice(2) as SummedRow, data)) return false;
  if (crc === rowSum(columns, wanted.data)) return true;
  // Other bytes may say the same: an earlier version chose other predictions.
  return rowSum(columns, data) === crc && sayTheSame(data, wanted.data, row);
}

function sayTheSame(a: Uint8Array, b: Uint8Array, { first, width }: RollupInfo): boolean {
  try {
    // Bytes of one version are the same for the same buckets.
    const [one, other] = [a, b].map((data) => encodeBuckets(decodeBuckets(data, Math.floor(first / width), width)));
    return Buffer.compare(one!, other!) === 0;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

type InfoRow = [id: number, recipe: number, first: number, last: number, width: number];

/** Without a cache every list is decoded anew. Why values are bound as `+?`: `chunkTableOf`. */
export function rollupTableOf(database: Database, cache: DecodedCache | null = null): RollupTable {
  const top = database.prepare<[number], number | null>('SELECT max(tier) FROM rollups WHERE tag = +?').pluck();
  const rows = database
    .prepare<[number, number, number, number, number, number], InfoRow>(
      `SELECT id, recipe, first, last, width FROM rollups WHERE tag = +? AND tier = +? AND first < +? AND first >=
         coalesce((SELECT first FROM rollups WHERE tag = +? AND tier = +? AND first <= +? ORDER BY first DESC LIMIT 1), -9e18)
       ORDER BY first`,
    )
    .raw();
  const content = contentOf(database);
  return {
    top: (tag) => top.get(tag) ?? -1,
    rows(tag, tier, from, to) {
      const found: RollupInfo[] = [];
      for (const row of rows.all(tag, tier, to, tag, tier, from)) {
        if (row[3] >= from)
          found.push({ id: row[0], tier, recipe: row[1], first: row[2], last: row[3], width: row[4] });
      }
      return found;
    },
    buckets(row) {
      if (cache === null) return content(row);
      const known = cache.get(-row.id) as BucketList | undefined;
      if (known !== undefined) return known;
      const list = content(row);
      // Ids of chunks and rows are counted apart; the sign tells them apart in one cache.
      if (list !== null) cache.set(-row.id, list, list.length * BUCKET_BYTES);
      return list;
    },
  };
}

function contentOf(database: Database): (row: RollupInfo) => BucketList | null {
  const select = database
    .prepare<[number], [crc: number, data: Uint8Array, ...SummedRow]>(
      `SELECT crc, data, ${SUMMED} FROM rollups WHERE id = ?`,
    )
    .raw();
  return (row) => {
    try {
      const found = select.get(row.id);
      if (found === undefined) return null;
      const [crc, data, ...columns] = found;
      if (rowSum(columns, data) !== crc) return null;
      return decodeBuckets(data, Math.floor(row.first / row.width), row.width);
    } catch (error) {
      // What cannot be read is computed from what it sums up.
      if (error instanceof RangeError || isAppError(storeError('', error), 'store.damaged')) return null;
      throw error;
    }
  };
}

/** Checks all rows; yields now and then, returns how many are damaged. Keeps the connection busy until its end. */
export function* damagedRollups(database: Database): Generator<void, number> {
  const rows = database
    .prepare<[], [crc: number, data: Uint8Array, ...SummedRow]>(`SELECT crc, data, ${SUMMED} FROM rollups`)
    .raw();
  let damaged = 0;
  for (const [crc, data, ...columns] of rows.iterate()) {
    if (rowSum(columns, data) !== crc) damaged++;
    yield;
  }
  return damaged;
}

interface Waiting {
  readonly tag: number;
  readonly tier: number;
  readonly row: Summary;
}
/** Rows that wait for each other at most, some 300 KB; more would hardly fill pages better. */
const MOST_WAITING = 512;
/** What SQLite keeps of a row beside its buckets, about, and what a page of 4 KB takes of rows. */
const ROW_BYTES = 114;
const PAGE_ROOM = 4_088;

/** Writing rows; every call inside a transaction of the caller. */
export interface Pyramid {
  /** Adds the row of a chunk that has none. */
  put(tag: number, summary: Summary): void;
  /** Takes the row of the chunk that begins at `first` out, and all rows that it is a part of. */
  remove(tag: number, first: number): void;
  /**
   * Makes the rows above that have become complete by what was put and removed since the last call. Rows of a recipe
   * before `since` are as good as missing.
   */
  settle(tag: number, since: number): void;
  /**
   * Rows of many tags at once: what `work` puts is written some hundred rows at a time, in the order that leaves the
   * least room of pages empty, and what it settles after that. When it throws, nothing of it is left over for the next transaction.
   */
  together(work: () => void): void;
  /** Takes every row of a tag out that has a recipe before `since`, but for those of tier 0; returns the times of those. */
  removeStale(tag: number, since: number): number[];
}

export function pyramidOf(database: Database): Pyramid {
  const info = 'id, recipe, first, last, width';
  const at = database
    .prepare<[number, number, number], InfoRow>(
      `SELECT ${info} FROM rollups WHERE tag = +? AND tier = +? AND first <= +? ORDER BY first DESC LIMIT 1`,
    )
    .raw();
  const after = database
    .prepare<[number, number, number], InfoRow>(
      `SELECT ${info} FROM rollups WHERE tag = +? AND tier = +? AND first > +? ORDER BY first LIMIT 1`,
    )
    .raw();
  const backward = database
    .prepare<[number, number, number, number], InfoRow>(
      `SELECT ${info} FROM rollups WHERE tag = +? AND tier = +? AND first <= +? AND first > +? ORDER BY first DESC`,
    )
    .raw();
  const forward = database
    .prepare<[number, number, number, number], InfoRow>(
      `SELECT ${info} FROM rollups WHERE tag = +? AND tier = +? AND first > +? AND first < +? ORDER BY first`,
    )
    .raw();
  const remove = database.prepare<[number]>('DELETE FROM rollups WHERE id = ?');
  const removeStale = database.prepare<[number, number]>(
    'DELETE FROM rollups WHERE tag = +? AND tier > 0 AND recipe < +?',
  );
  const stale = database
    .prepare<[number, number], number>(
      'SELECT first FROM rollups WHERE tag = +? AND tier = 0 AND recipe < +? ORDER BY first',
    )
    .pluck();
  const insert: Statement = database.prepare(
    `INSERT INTO rollups (${SUMMED}, crc, data) VALUES (${'?, '.repeat(17)}?)`,
  );
  const content = contentOf(database);
  /** Times at which something has changed since a tag was settled. */
  const changed = new Map<number, number[]>();
  const touch = (tag: number, time: number): void => {
    const times = changed.get(tag);
    if (times === undefined) changed.set(tag, [time]);
    else times.push(time);
  };
  const infoOf = (tier: number, row: InfoRow | undefined): RollupInfo | null =>
    row === undefined ? null : { id: row[0], tier, recipe: row[1], first: row[2], last: row[3], width: row[4] };

  const insertRow = ({ tag, tier, row }: Waiting): void => {
    const columns = columnsOf(tag, tier, row);
    insert.run(...columns, rowSum(columns, row.data), row.data);
  };
  /** Null: rows are written as they come. */
  let waiting: Waiting[] | null = null;
  let unsettled = new Map<number, number>();
  /** Of the page that the next row goes to, bytes left. */
  let room = 0;
  const write = (tag: number, tier: number, row: Summary): void => {
    if (waiting === null) insertRow({ tag, tier, row });
    else if (waiting.push({ tag, tier, row }) >= MOST_WAITING) flush();
  };
  /** SQLite appends a row to the last page, or to a new one: each time the largest that still fits is taken. */
  const flush = (): void => {
    if (waiting === null) return;
    const rows = waiting.sort((a, b) => b.row.data.length - a.row.data.length);
    while (rows.length > 0) {
      const fitting = rows.findIndex(({ row }) => row.data.length + ROW_BYTES <= room);
      const [next] = rows.splice(Math.max(0, fitting), 1);
      const bytes = next!.row.data.length + ROW_BYTES;
      room = (fitting < 0 ? PAGE_ROOM : room) - (bytes > PAGE_ROOM ? PAGE_ROOM : bytes);
      insertRow(next!);
    }
  };
  /** Takes out what stands above `time`, from `tier` on. */
  const removeAbove = (tag: number, tier: number, time: number): void => {
    for (let above = tier; ; above++) {
      const row = infoOf(above, at.get(tag, above, time));
      if (row === null || row.last < time) return;
      remove.run(row.id);
    }
  };

  /** Makes rows of `tier` + 1 around `time`, as far as it is not covered; returns where they begin, null for none. */
  const group = (tag: number, tier: number, time: number, since: number): number | null => {
    const left = infoOf(tier + 1, at.get(tag, tier + 1, time));
    if (left !== null && left.last >= time) return null;
    let right = infoOf(tier + 1, after.get(tag, tier + 1, time));
    const run: RollupInfo[] = [];
    for (const row of backward.iterate(tag, tier, time, left?.last ?? Number.MIN_SAFE_INTEGER)) {
      if (row[1] < since) break;
      run.push(infoOf(tier, row)!);
    }
    run.reverse();
    let open = true;
    let from = time;
    for (;;) {
      open = right === null;
      const to = right?.first ?? Number.MAX_SAFE_INTEGER;
      for (const row of forward.iterate(tag, tier, from, to)) {
        open = row[1] < since;
        if (open) break;
        run.push(infoOf(tier, row)!);
      }
      if (open || right === null || run.length === 0 || run.length >= GROUP) break;
      // Too few between two rows above: the one behind them is made anew with them.
      removeAbove(tag, tier + 1, right.first);
      from = to - 1;
      right = infoOf(tier + 1, after.get(tag, tier + 1, from));
    }
    const groups = Math.floor(run.length / GROUP);
    const used = open ? groups * GROUP : run.length;
    let first: number | null = null;
    for (let i = 0; i < groups; i++) {
      const children = run.slice(Math.floor((used * i) / groups), Math.floor((used * (i + 1)) / groups));
      const lists = children.map(content);
      if (!lists.every((list) => list !== null)) continue;
      write(tag, tier + 1, summarise(joinLists(lists), Math.min(...children.map((row) => row.recipe))));
      first ??= children[0]!.first;
    }
    return first;
  };
  /** Tier by tier over all tags, so that rows of many can be put in order; a tag's times one after the other. */
  const settleAll = (tags: ReadonlyMap<number, number>): void => {
    let jobs = new Map<number, { readonly since: number; readonly times: number[] }>();
    for (const [tag, since] of tags) {
      const times = changed.get(tag);
      changed.delete(tag);
      if (times !== undefined) jobs.set(tag, { since, times });
    }
    for (let tier = 0; jobs.size > 0; tier++) {
      const above: typeof jobs = new Map();
      let rounds = 0;
      for (const { times } of jobs.values()) rounds = Math.max(rounds, times.sort((a, b) => a - b).length);
      for (let round = 0; round < rounds; round++) {
        for (const [tag, { since, times }] of jobs) {
          const time = times[round];
          const first = time === undefined ? null : group(tag, tier, time, since);
          if (first === null) continue;
          const known = above.get(tag);
          if (known === undefined) above.set(tag, { since, times: [first] });
          else known.times.push(first);
        }
        flush();
      }
      jobs = above;
    }
  };

  return {
    put(tag, summary) {
      write(tag, 0, summary);
      touch(tag, summary.first);
    },
    remove(tag, first) {
      flush();
      const row = infoOf(0, at.get(tag, 0, first));
      if (row !== null && row.first === first) remove.run(row.id);
      removeAbove(tag, 1, first);
      touch(tag, first);
    },
    settle(tag, since) {
      if (waiting === null) settleAll(new Map([[tag, since]]));
      else unsettled.set(tag, since);
    },
    together(work) {
      waiting = [];
      try {
        work();
        flush();
        settleAll(unsettled);
      } finally {
        waiting = null;
        unsettled = new Map();
      }
    },
    removeStale(tag, since) {
      removeStale.run(tag, since);
      return stale.all(tag, since);
    },
  };
}
