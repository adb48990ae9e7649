import type { TagDecoder } from './chunk-table.ts';
import { numbersOf, type Summary, summarise } from './pyramid.ts';
import { addRun, type BucketList, chunkWidth, createBucketList } from './rollup.ts';
import type { Run } from './run.ts';

/**
 * What a chunk that grows comes to, summed up block by block while its samples are there: to decode them again when it
 * is closed takes as long as encoding six blocks, and whoever waits for the next commit waits for that.
 */
export interface GrowingSums {
  /** Samples `from` to `to` of a run in stored forms, which lie behind all before. */
  add(run: Run, from: number, to: number, form: number, decoder: TagDecoder): void;
  /** The chunk's row, for the times of its first and last sample; null where it has to be made from its samples. Nothing can be added. */
  finish(first: number, last: number, count: number, decoder: TagDecoder): Summary | null;
}

/** Of a chunk whose buckets are as narrow as they get, and some for gaps between its samples. */
const BUCKETS = 384;
/** Chunks of a thread that are summed up at once, 34 KB each: with thousands of tags nobody waits for a single one. */
const MOST = 256;
const free: BucketList[] = [];
let made = 0;

/** For a chunk that begins with these samples; null where too many others are summed up. */
export function growingSums(run: Run, from: number, to: number, decoder: TagDecoder): GrowingSums | null {
  if (free.length === 0) {
    if (made === MOST) return null;
    made++;
    free.push(createBucketList(0, BUCKETS));
  }
  const columns = free.pop()!;
  // As wide as they will be if the chunk goes on at this rate.
  const list: BucketList = { ...columns, width: chunkWidth(run.time[from]!, run.time[to - 1]!, to - from), length: 0 };
  let isRight = true;
  return {
    add(more, start, end, form, now) {
      isRight = isRight && now === decoder && addRun(list, numbersOf(more, start, end, form, decoder));
    },
    finish(first, last, count, now) {
      isRight = isRight && now === decoder && list.width === chunkWidth(first, last, count);
      const summary = isRight ? summarise(list, decoder.newest.recipe.version) : null;
      isRight = false;
      free.push(columns);
      return summary;
    },
  };
}
