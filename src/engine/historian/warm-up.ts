import type { Database } from '#engine/platform/index.ts';
import { planAggregate } from './query.ts';
import type { Reader } from './reader.ts';

/** With more tags the first call's list of them is the longer part, and opening should not wait for it. */
const MOST_TAGS = 1_000;
const SAMPLES = 1_000;

/**
 * Asks a little of the newest chunk in each way that screens ask, so that what is loaded and compiled at its first use
 * is there before somebody waits for it: some milliseconds at opening for ten or more at the first picture.
 */
export function warmUp(reader: Reader, database: Database): void {
  try {
    if ((database.prepare<[], number>('SELECT count(*) FROM tags').pluck().get() ?? 0) > MOST_TAGS) return;
    const newest = database
      .prepare<[], [id: string, first: number, last: number, count: number]>(
        'SELECT t.id, c.first, c.last, c.count FROM chunks c JOIN tags t ON t.number = c.tag ORDER BY c.id DESC LIMIT 1',
      )
      .raw()
      .get();
    if (newest === undefined) return;
    const [tag, first, last, count] = newest;
    const check = (): void => undefined;
    const range = { from: first, to: last + 1 };
    const few = { from: first, to: first + Math.ceil(((last + 1 - first) / count) * Math.min(count, SAMPLES)) };
    // As they are, put together of rollups, and of samples.
    reader.view([tag], few, SAMPLES, [], check);
    reader.view([tag], range, 32, [], check);
    reader.view([tag], range, 400, [], check);
    const query = {
      tags: [{ tag, functions: ['min' as const, 'max' as const, 'mean' as const, 'count' as const] }],
      range,
      grid: { buckets: 64 },
      fill: { kind: 'none' as const },
      maxHold: null,
    };
    reader.aggregate(query, planAggregate(query), []).run(check, () => false);
  } catch {
    // A text has no mean, and of a damaged file something may be missing: who asks for it is told.
  }
}
