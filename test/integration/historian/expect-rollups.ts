import { expect } from 'vitest';
import { type ChunkInfo, chunkReaderOf, chunkTableOf, tagDecoderOf } from '#engine/historian/chunk-table.ts';
import { damagedRollups, type RollupInfo, rollupTableOf } from '#engine/historian/pyramid.ts';
import { type BucketList, chunkWidth } from '#engine/historian/rollup.ts';
import { decodedSince, readTags } from '#engine/historian/schema.ts';
import { type Database, openDatabase } from '#engine/platform/index.ts';
import { isBad, type TimeRange } from '#shared/model/index.ts';

interface One {
  readonly time: number;
  readonly value: number;
  readonly quality: number;
}
const EVER: TimeRange = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };

/**
 * Every rollup row of a file equals a recomputation from its samples; every chunk has its row, and none is missing
 * above. Returns the number of buckets that were compared.
 */
export function expectRollups(path: string): number {
  const database = openDatabase(path, { readonly: true });
  try {
    let buckets = 0;
    const table = chunkTableOf(database);
    const rollups = rollupTableOf(database);
    const reader = chunkReaderOf(table, (damage) => {
      throw damage;
    });
    const steps = damagedRollups(database);
    for (;;) {
      const { done, value } = steps.next();
      if (done !== true) continue;
      expect(value, 'rows whose checksum does not fit').toBe(0);
      break;
    }
    for (const tag of readTags(database)) {
      const decoder = tagDecoderOf(tag.recipes);
      const since = decodedSince(tag.recipes);
      const chunks = table.overlapping(tag.number, EVER.from, EVER.to);
      const top = rollups.top(tag.number);
      expect(top, 'a row for the first chunk').toBeGreaterThanOrEqual(chunks.length > 0 ? 0 : -1);
      let below: readonly RollupInfo[] = [];
      for (let tier = 0; tier <= top; tier++) {
        const rows = rollups.rows(tag.number, tier, EVER.from, EVER.to);
        expect(rows.filter((row) => row.recipe < since)).toEqual([]);
        if (tier === 0) expectOneEach(rows, chunks);
        else expectGroups(rows, below);
        for (const row of rows) {
          const samples = chunks
            .filter((chunk) => chunk.first >= row.first && chunk.last <= row.last)
            .flatMap((chunk) => samplesOf(reader.numbers(chunk, decoder)!));
          const list = rollups.buckets(row);
          expect(list).not.toBeNull();
          buckets += expectList(list!, samples, tier === 0);
          expectColumns(database, row, samples);
        }
        below = rows;
      }
      expect(below.length, 'rows of the highest tier').toBeLessThan(4 + (top < 0 ? 1 : 0));
    }
    return buckets;
  } finally {
    database.close();
  }
}

/** Rows that a correction has made worthless; they are not used, and are made anew in the background. */
export function staleRollups(path: string): number {
  const database = openDatabase(path, { readonly: true });
  try {
    const rollups = rollupTableOf(database);
    let stale = 0;
    for (const tag of readTags(database)) {
      const since = decodedSince(tag.recipes);
      for (let tier = 0; tier <= rollups.top(tag.number); tier++) {
        for (const row of rollups.rows(tag.number, tier, EVER.from, EVER.to)) if (row.recipe < since) stale++;
      }
    }
    return stale;
  } finally {
    database.close();
  }
}

function samplesOf(run: { length: number; time: Float64Array; value: Float64Array; quality: Uint16Array }): One[] {
  return Array.from({ length: run.length }, (_, i) => ({
    time: run.time[i]!,
    value: run.value[i]!,
    quality: run.quality[i]!,
  }));
}

function expectOneEach(rows: readonly RollupInfo[], chunks: readonly ChunkInfo[]): void {
  expect(rows.map(({ first, last, width }) => [first, last, width])).toEqual(
    chunks.map(({ first, last, count }) => [first, last, chunkWidth(first, last, count)]),
  );
}

/** Rows stand for four to seven neighbours each; before, between and behind them are never four without one. */
function expectGroups(rows: readonly RollupInfo[], below: readonly RollupInfo[]): void {
  let left = 0;
  let at = 0;
  for (const row of rows) {
    for (left = 0; at < below.length && below[at]!.first < row.first; at++) left++;
    expect(left, 'left out between two rows').toBe(0);
    const children: RollupInfo[] = [];
    for (; at < below.length && below[at]!.last <= row.last; at++) children.push(below[at]!);
    expect(children.length).toBeGreaterThanOrEqual(4);
    expect(children.length).toBeLessThanOrEqual(7);
    expect(children[0]!.first).toBe(row.first);
    expect(children.at(-1)!.last).toBe(row.last);
    expect(row.width).toBeGreaterThanOrEqual(4 * Math.max(...children.map((child) => child.width)));
    expect(row.recipe).toBe(Math.min(...children.map((child) => child.recipe)));
  }
  expect(below.length - at, 'left over at the end').toBeLessThan(4);
}

function expectList(list: BucketList, samples: readonly One[], exactSum: boolean): number {
  const groups = new Map<number, One[]>();
  for (const one of samples) {
    const number = Math.floor(one.time / list.width);
    const group = groups.get(number);
    if (group === undefined) groups.set(number, [one]);
    else group.push(one);
  }
  expect([...list.number.subarray(0, list.length)]).toEqual([...groups.keys()]);
  let at = 0;
  for (const group of groups.values()) {
    const wanted = summed(group);
    const found: Record<string, number> = {};
    for (const key of Object.keys(wanted)) found[key] = list[key as 'min'][at]!;
    const { sum, ...others } = wanted;
    expect(found).toMatchObject(others);
    if (exactSum) expect(found.sum).toBe(sum);
    else expectNear(found.sum!, sum!, group);
    at++;
  }
  return at;
}

/** A sum depends in its last bits on the order of adding. */
function expectNear(found: number, wanted: number, group: readonly One[]): void {
  if (!Number.isFinite(wanted)) expect(found).toBe(wanted);
  else {
    const size = group.reduce((sum, one) => sum + (Number.isFinite(one.value) ? Math.abs(one.value) : 0), 0);
    expect(Math.abs(found - wanted)).toBeLessThanOrEqual(size * 1e-12);
  }
}

function summed(group: readonly One[]): Record<string, number> {
  const usable = group.filter((one) => !isBad(one.quality) && !Number.isNaN(one.value));
  const least = usable.reduce((best, one) => Math.min(best, one.value), Number.POSITIVE_INFINITY);
  const most = usable.reduce((best, one) => Math.max(best, one.value), Number.NEGATIVE_INFINITY);
  const edge = (one: One): number => (isBad(one.quality) ? Number.NaN : one.value);
  return {
    count: usable.length,
    bad: group.length - usable.length,
    quality: group.reduce((worst, one) => Math.max(worst, one.quality), 0),
    min: usable.find((one) => one.value === least)?.value ?? Number.POSITIVE_INFINITY,
    max: usable.find((one) => one.value === most)?.value ?? Number.NEGATIVE_INFINITY,
    sum: usable.reduce((sum, one) => sum + one.value, 0),
    first: edge(group[0]!),
    last: edge(group.at(-1)!),
    firstTime: group[0]!.time,
    lastTime: group.at(-1)!.time,
    minTime: usable.find((one) => one.value === least)?.time ?? Number.NaN,
    maxTime: usable.find((one) => one.value === most)?.time ?? Number.NaN,
  };
}

function expectColumns(database: Database, { id }: RollupInfo, samples: readonly One[]): void {
  const row = database.prepare<[number], Record<string, number | null>>('SELECT * FROM rollups WHERE id = ?').get(id)!;
  const wanted = summed(samples);
  const known = (value: number | undefined): number | null => (Number.isFinite(value) ? value! : null);
  const finite = (value: number | null | undefined): number | null => known(value ?? undefined);
  expect({
    count: row.count,
    bad: row.bad,
    quality: row.quality,
    min: finite(row.min),
    max: finite(row.max),
    firstValue: finite(row.first_value),
    lastValue: finite(row.last_value),
    first: row.first,
    last: row.last,
    minTime: row.min_time,
    maxTime: row.max_time,
  }).toEqual({
    count: wanted.count,
    bad: wanted.bad,
    quality: wanted.quality,
    min: known(wanted.min),
    max: known(wanted.max),
    firstValue: known(wanted.first),
    lastValue: known(wanted.last),
    first: wanted.firstTime,
    last: wanted.lastTime,
    minTime: known(wanted.minTime),
    maxTime: known(wanted.maxTime),
  });
  if (wanted.count === 0) expect(row.sum).toBeNull();
  else if (Number.isFinite(wanted.sum)) expectNear(row.sum!, wanted.sum!, samples);
}
