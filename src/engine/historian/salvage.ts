import type { Database } from '#engine/platform/index.ts';
import type { ChunkInfo, ChunkTable } from './chunk-table.ts';
import { metaOf } from './schema.ts';

/** Row numbers that are tried where the file does not say how many chunks it has. */
const MOST_TRIES = 10_000_000;
const MISSES = 100_000;

/**
 * The chunks of a file whose index cannot be trusted: every row that can still be reached by its number, sorted here.
 * A lost page costs the rows on it, not those behind it.
 */
export function salvagedTableOf(database: Database, plain: ChunkTable): ChunkTable {
  const row = database.prepare<[number], { tag: number; recipe: number; first: number; last: number; count: number }>(
    'SELECT tag, recipe, first, last, count FROM chunks WHERE id = ?',
  );
  const byTag = new Map<number, ChunkInfo[]>();
  const highest = highestChunk(database);
  let misses = 0;
  for (let id = 1; id <= (highest ?? MOST_TRIES) && misses < MISSES; id++) {
    try {
      const found = row.get(id);
      if (found === undefined) {
        if (highest === null) misses++;
        continue;
      }
      misses = 0;
      const { tag, ...info } = found;
      const list = byTag.get(tag) ?? [];
      list.push({ id, ...info });
      byTag.set(tag, list);
    } catch {
      // The page of this row is lost; the sentence about the file says so for all of them.
      if (highest === null) misses++;
    }
  }
  for (const list of byTag.values()) list.sort((a, b) => a.first - b.first);
  const lastAtOrBefore = (list: readonly ChunkInfo[], time: number): number => {
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (list[middle]!.first <= time) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  };
  return {
    overlapping(tag, from, to) {
      const list = byTag.get(tag) ?? [];
      return list
        .slice(Math.max(0, lastAtOrBefore(list, from)))
        .filter((chunk) => chunk.first < to && chunk.last >= from);
    },
    preceding(tag, time) {
      const list = byTag.get(tag) ?? [];
      return list[lastAtOrBefore(list, time)] ?? null;
    },
    following(tag, time) {
      const list = byTag.get(tag) ?? [];
      return list[lastAtOrBefore(list, time) + 1] ?? null;
    },
    data: (chunk) => plain.data(chunk),
  };
}

function highestChunk(database: Database): number | null {
  try {
    const value = metaOf(database).get('highest_chunk');
    return typeof value === 'number' ? value : null;
  } catch {
    return null;
  }
}
