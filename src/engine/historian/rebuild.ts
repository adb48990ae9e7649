import type { Database } from '#engine/platform/index.ts';
import type { ChunkTable } from './chunk-table.ts';
import type { Pyramid } from './pyramid.ts';
import type { TagState } from './tag-state.ts';

/** Chunks of one slice: some milliseconds of work between two turns of the writer. */
const CHUNKS_PER_SLICE = 8;

/**
 * Makes the rollups of tags anew whose decoding was corrected, a slice at a time; until a tag is done, its views read
 * samples. A change of the tag on the way begins it again, a stop leaves it marked for the next start.
 */
export async function rebuildStale(
  database: Database,
  table: ChunkTable,
  pyramid: Pyramid,
  states: ReadonlyMap<number, TagState>,
  pause: () => Promise<void>,
  stopped: () => boolean,
): Promise<void> {
  const markDone = database.prepare('UPDATE tags SET rollups_stale = 0 WHERE number = ?');
  for (const state of states.values()) {
    while (state.rollupsStale && !stopped()) {
      const { decoder, lateCommits } = state;
      database.transaction(() => pyramid.dropAll(state.number))();
      let from = Number.MIN_SAFE_INTEGER;
      while (state.rollupsStale && decoder === state.decoder && lateCommits === state.lateCommits && !stopped()) {
        const slice = sliceFrom(table, state.number, from);
        const last = slice.at(-1);
        database.transaction(() => {
          if (last !== undefined) pyramid.rebuild(state, slice[0]!.first, last.last + 1, state.sealedLast, false);
          if (last === undefined || last.last >= state.sealedLast) {
            markDone.run(state.number);
            state.rollupsStale = false;
          }
        })();
        if (last !== undefined) from = last.last;
        await pause();
      }
    }
  }
}

function sliceFrom(table: ChunkTable, tag: number, after: number) {
  const slice = [];
  let chunk = table.following(tag, after);
  while (chunk !== null && slice.length < CHUNKS_PER_SLICE) {
    slice.push(chunk);
    chunk = table.following(tag, chunk.first);
  }
  return slice;
}
