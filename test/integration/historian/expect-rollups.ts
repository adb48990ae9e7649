import { expect } from 'vitest';
import { chunkReaderOf, chunkTableOf, tagDecoderOf } from '#engine/historian/chunk-table.ts';
import { LEVELS } from '#engine/historian/rollup.ts';
import { readTags } from '#engine/historian/schema.ts';
import { openDatabase } from '#engine/platform/index.ts';
import { isBad } from '#shared/model/index.ts';

interface Row {
  start: number;
  count: number;
  bad: number;
  quality: number;
  min: number | null;
  max: number | null;
  sum: number | null;
  first: number | null;
  last: number | null;
  first_time: number;
  last_time: number;
  min_time: number | null;
  max_time: number | null;
}

/** Every rollup row of a file equals a recomputation from its samples, and no row that should be there is missing. */
export function expectRollups(path: string): number {
  const database = openDatabase(path, { readonly: true });
  let rows = 0;
  try {
    const table = chunkTableOf(database);
    const reader = chunkReaderOf(table, (damage) => {
      throw damage;
    });
    const select = database.prepare<[number, number], Row>(
      'SELECT * FROM rollups WHERE tag = ? AND level = ? ORDER BY start',
    );
    for (const tag of readTags(database)) {
      if (tag.rollupsStale) continue;
      const decoder = tagDecoderOf(tag.recipes);
      const chunks = table.overlapping(tag.number, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
      const samples = chunks.flatMap((chunk) => {
        const run = reader.numbers(chunk, decoder)!;
        return Array.from({ length: run.length }, (_, i) => ({
          level: chunk.level,
          time: run.time[i]!,
          value: run.value[i]!,
          quality: run.quality[i]!,
        }));
      });
      const sealed = samples.at(-1)?.time ?? 0;
      for (const [level, width] of LEVELS.entries()) {
        const groups = new Map<number, typeof samples>();
        for (const one of samples) {
          const start = Math.floor(one.time / width) * width;
          if (one.level > level || start + width > sealed + 1) continue;
          const group = groups.get(start);
          if (group === undefined) groups.set(start, [one]);
          else group.push(one);
        }
        const found = select.all(tag.number, level);
        expect(found.map((row) => row.start)).toEqual([...groups.keys()]);
        for (const row of found) {
          expectRow(row, groups.get(row.start)!);
          rows++;
        }
      }
    }
  } finally {
    database.close();
  }
  return rows;
}

function expectRow(row: Row, group: readonly { time: number; value: number; quality: number }[]): void {
  const usable = group.filter((one) => !isBad(one.quality) && !Number.isNaN(one.value));
  const least = Math.min(...usable.map((one) => one.value));
  const most = Math.max(...usable.map((one) => one.value));
  const edge = (one: (typeof group)[number]): number | null =>
    isBad(one.quality) || Number.isNaN(one.value) ? null : one.value;
  expect({ ...row, sum: null }).toMatchObject({
    count: usable.length,
    bad: group.length - usable.length,
    quality: Math.max(...group.map((one) => one.quality)),
    min: usable.length === 0 ? null : least,
    max: usable.length === 0 ? null : most,
    first: edge(group[0]!),
    last: edge(group.at(-1)!),
    first_time: group[0]!.time,
    last_time: group.at(-1)!.time,
    min_time: usable.find((one) => one.value === least)?.time ?? null,
    max_time: usable.find((one) => one.value === most)?.time ?? null,
  });
  if (usable.length === 0) expect(row.sum).toBeNull();
  else
    expect(row.sum).toBeCloseTo(
      usable.reduce((sum, one) => sum + one.value, 0),
      3,
    );
}
