import type { Database, Statement } from '#engine/platform/index.ts';
import type { ChunkReader, ChunkTable, TagDecoder } from './chunk-table.ts';
import {
  addSamples,
  ceilTo,
  createBuckets,
  floorTo,
  joinRows,
  LEVELS,
  ROLLUP_COLUMNS,
  type RollupRow,
  rowsOf,
} from './rollup.ts';
import { firstAtOrAfter, type Run } from './run.ts';

/**
 * Rows of the pyramid in one file. A row is written once its bucket lies wholly before the tag's last sealed sample,
 * so that sealing in time order only ever inserts; a change further back rewrites the buckets it touches. A level's
 * row holds what all chunks that enter the pyramid at or below that level have in its bucket; chunks that enter above
 * it are read raw.
 */
export interface Pyramid {
  /** Rows of one level with start in [from, to). */
  rows(tag: number, level: number, from: number, to: number): RollupRow[];
  /**
   * Makes the rows right for every bucket that touches [from, to), as far as the tag is sealed (`sealedLast`, the time
   * of its last sealed sample). `fresh`: no row can exist there yet.
   */
  rebuild(tag: PyramidTag, from: number, to: number, sealedLast: number, fresh: boolean): void;
  /** Forgets all buckets that end at or before `time`; returns the number of rows. */
  drop(tag: number, time: number): number;
  dropAll(tag: number): void;
}

export interface PyramidTag {
  readonly number: number;
  readonly decoder: TagDecoder;
  /** Bit n is set where a chunk of the tag enters the pyramid at level n. */
  readonly entryLevels: number;
}

export function pyramidOf(database: Database, table: ChunkTable, reader: ChunkReader): Pyramid {
  const select = database
    .prepare<[number, number, number, number], RollupRow>(
      `SELECT ${ROLLUP_COLUMNS} FROM rollups WHERE tag = ? AND level = ? AND start >= ? AND start < ?`,
    )
    .raw();
  let insert: Statement | null = null;
  let remove: Statement | null = null;
  const rows = (tag: number, level: number, from: number, to: number): RollupRow[] => select.all(tag, level, from, to);
  return {
    rows,
    rebuild(tag, from, to, sealedLast, fresh) {
      insert ??= database.prepare(
        `INSERT OR REPLACE INTO rollups (tag, level, ${ROLLUP_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      );
      remove ??= database.prepare('DELETE FROM rollups WHERE tag = ? AND level = ? AND start >= ? AND start < ?');
      for (let level = 0; level < LEVELS.length; level++) {
        const width = LEVELS[level]!;
        const start = floorTo(from, width);
        const end = Math.min(ceilTo(to, width), floorTo(sealedLast + 1, width));
        if (end <= start) continue;
        if (!fresh) remove.run(tag.number, level, start, end);
        const parts = level === 0 ? [] : rows(tag.number, level - 1, start, end);
        if ((tag.entryLevels & (1 << level)) !== 0) {
          for (const chunk of table.overlapping(tag.number, start, end)) {
            if (chunk.level !== level) continue;
            const run = reader.numbers(chunk, tag.decoder);
            if (run !== null) parts.push(...rowsOfRun(run, start, end, width));
          }
        }
        for (const row of joinRows(parts, width)) insert.run(tag.number, level, ...row);
      }
    },
    drop(tag, time) {
      let dropped = 0;
      const statement = database.prepare('DELETE FROM rollups WHERE tag = ? AND level = ? AND start < ?');
      for (let level = 0; level < LEVELS.length; level++) {
        dropped += statement.run(tag, level, floorTo(time, LEVELS[level]!)).changes;
      }
      return dropped;
    },
    dropAll(tag) {
      database.prepare('DELETE FROM rollups WHERE tag = ?').run(tag);
    },
  };
}

function rowsOfRun(run: Run, start: number, end: number, width: number): RollupRow[] {
  const from = firstAtOrAfter(run, start);
  const to = firstAtOrAfter(run, end);
  if (to <= from) return [];
  const buckets = createBuckets(floorTo(run.time[from]!, width), floorTo(run.time[to - 1]!, width) + width, width);
  addSamples(buckets, run.time, run.value, run.quality, from, to);
  return rowsOf(buckets);
}
