import type { Clock, Database } from '#engine/platform/index.ts';
import { isAppError } from '#shared/errors.ts';
import { planAggregate } from './query.ts';
import type { Reader } from './reader.ts';

/** With more tags the first call's list of them is the longer part, and the first answer should not wait for it. */
const MOST_TAGS = 1_000;
/** Tags that are asked for: each kind of value has a decoder of its own. */
const TAGS = 6;
const SAMPLES = 1_000;
/** A small file is asked so often at most. */
const ROUNDS = 30;
/** Enough for V8 to compile what decodes; a reader that is asked for something at once answers later by this. */
const LONGEST_MS = 60;

/**
 * Asks a little of the newest chunks in each way that screens ask, again and again, so that what is loaded and compiled
 * at its first uses is there before somebody waits for it. `rehearsal` is asked, which must remember nothing, or it
 * would be asked in vain; `reader` itself once, for what it alone has: its list of tags and its statements.
 */
export function warmUp(reader: Reader, rehearsal: Reader, database: Database, clock: Clock): void {
  try {
    const until = clock.monotonicMs() + LONGEST_MS;
    if ((database.prepare<[], number>('SELECT count(*) FROM tags').pluck().get() ?? 0) > MOST_TAGS) return;
    const newest = database
      .prepare<[number], [id: string, first: number, last: number, count: number]>(
        'SELECT t.id, c.first, c.last, c.count FROM chunks c JOIN tags t ON t.number = c.tag ORDER BY c.id DESC LIMIT ?',
      )
      .raw()
      .all(TAGS);
    if (newest.length === 0) return;
    askFor(reader, ...newest[0]!, false);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [tag, first, last, count] of newest) {
        askFor(rehearsal, tag, first, last, count, round % 3 === 0);
        if (clock.monotonicMs() >= until) return;
      }
    }
  } catch {
    // Of a damaged file something may be missing: who asks for it is told.
  }
}

/** `wholly`: all samples of the chunk as well, which take longer than all else. */
function askFor(reader: Reader, tag: string, first: number, last: number, count: number, wholly: boolean): void {
  const check = (): void => undefined;
  const range = { from: first, to: last + 1 };
  const few = { from: first, to: first + Math.ceil(((last + 1 - first) / count) * Math.min(count, SAMPLES)) };
  // As they are, put together of rollups, and of samples.
  reader.view([tag], few, SAMPLES, [], check);
  reader.view([tag], range, 32, [], check);
  if (wholly) reader.view([tag], range, 400, [], check);
  const query = {
    tags: [{ tag, functions: ['min' as const, 'max' as const, 'mean' as const, 'count' as const] }],
    range,
    grid: { buckets: 64 },
    fill: { kind: 'none' as const },
    maxHold: null,
  };
  try {
    reader.aggregate(query, planAggregate(query), []).run(check, () => false);
  } catch (error) {
    // A text has no mean; the other tags have one.
    if (!isAppError(error, 'config.invalid')) throw error;
  }
}
