import type { Database } from '#engine/platform/index.ts';
import type { ChunkTable } from './chunk-table.ts';
import { deleteGapsBefore } from './event-table.ts';
import { timeOfOpen } from './open-samples.ts';
import type { Pyramid } from './pyramid.ts';
import type { TagState } from './tag-state.ts';

/** Tags that are pruned in one transaction, so that no commit holds the log up for long. */
const TAGS_PER_STEP = 100;
/** Pages given back to the disk in one step: 4 MB. */
const PAGES_PER_STEP = 1_000;

/** Bytes of the file that hold something. */
export function usedBytes(database: Database): number {
  const pages = Number(database.pragma('page_count', { simple: true }));
  const free = Number(database.pragma('freelist_count', { simple: true }));
  return (pages - free) * Number(database.pragma('page_size', { simple: true }));
}

export interface Pruned {
  readonly bytesFreed: number;
  /** Samples of tags that are or were texts which were removed, and at most one chunk's per tag that stayed. */
  readonly textSamples: number;
}

/**
 * Removes chunks that end before `before`, except the one with each tag's last sample before it, so that a value that
 * seldom changes stays known at the edge; and events and gaps that lie wholly before it.
 */
export async function pruneBefore(
  database: Database,
  table: ChunkTable,
  pyramid: Pyramid,
  states: ReadonlyMap<number, TagState>,
  before: number,
  pause: () => Promise<void>,
): Promise<Pruned> {
  const used = usedBytes(database);
  let textSamples = 0;
  const ending = database
    .prepare<[number, number], number>('SELECT coalesce(sum(count), 0) FROM chunks WHERE tag = ? AND last < ?')
    .pluck();
  const tags = database.prepare('SELECT DISTINCT tag FROM chunks WHERE last < ?').pluck().all(before) as number[];
  const remove = database
    .prepare<[number, number, number], number>(
      'DELETE FROM chunks WHERE tag = ? AND last < ? AND id <> ? RETURNING first',
    )
    .pluck();
  for (let i = 0; i < tags.length; i += TAGS_PER_STEP) {
    database.transaction(() => {
      for (const number of tags.slice(i, i + TAGS_PER_STEP)) {
        const edge = table.preceding(number, before - 1);
        const state = states.get(number);
        if (edge === null || state === undefined) continue;
        // A row that waits to be replaced must not vanish under its replacement.
        if (state.replaced.size > 0) continue;
        if (state.recipes.some((recipe) => recipe.form === 'text')) textSamples += ending.get(number, before) ?? 0;
        const removed = remove.all(number, before, edge.last < before ? edge.id : -1);
        if (removed.length === 0) continue;
        for (const chunk of removed) pyramid.remove(number, chunk);
        pyramid.settle(number, state.since);
        const first = table.following(number, Number.MIN_SAFE_INTEGER)?.first ?? null;
        const open = state.open.length > 0 ? timeOfOpen(state.open, 0) : null;
        state.first = first ?? state.closed[0]?.first ?? state.growing?.first ?? open;
      }
    })();
    await pause();
  }
  database.transaction(() => {
    deleteGapsBefore(database, before);
    database.prepare('DELETE FROM events WHERE coalesce(to_time, from_time) < ?').run(before);
  })();
  await shrink(database, pause);
  return { bytesFreed: Math.max(0, used - usedBytes(database)), textSamples };
}

/** Gives free pages back to the disk while they are more than a share of the file; returns the bytes. */
export async function shrink(database: Database, pause: () => Promise<void>, share = 1 / 4): Promise<number> {
  let given = 0;
  for (;;) {
    const pages = Number(database.pragma('page_count', { simple: true }));
    const free = Number(database.pragma('freelist_count', { simple: true }));
    if (free < pages * share || free < PAGES_PER_STEP) return given;
    given += PAGES_PER_STEP * Number(database.pragma('page_size', { simple: true }));
    database.pragma(`incremental_vacuum(${PAGES_PER_STEP})`);
    await pause();
  }
}

/** The time before which so many of the oldest chunks lie that the file comes below `bytes`; null if it is below. */
export function timeToFree(database: Database, bytes: number): number | null {
  const used = usedBytes(database);
  if (used <= bytes) return null;
  const chunks = Number(database.prepare('SELECT count(*) FROM chunks').pluck().get());
  // A tenth more than asked, so that it does not have to be done again at once.
  const surplus = Math.ceil(chunks * Math.min(1, (used - bytes * 0.9) / used));
  const last = database
    .prepare<[number], number>('SELECT last FROM chunks ORDER BY last LIMIT 1 OFFSET ?')
    .pluck()
    .get(Math.min(chunks - 1, surplus));
  return last === undefined ? null : last;
}
