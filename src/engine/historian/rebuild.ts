import type { Database } from '#engine/platform/index.ts';
import type { ChunkReader, ChunkTable } from './chunk-table.ts';
import { type Pyramid, summaryOf } from './pyramid.ts';
import type { TagState } from './tag-state.ts';

/** Chunks of one slice: some milliseconds of work between two turns of the writer. */
const CHUNKS_PER_SLICE = 8;

/**
 * Makes the rollups of tags anew whose decoding was corrected, a slice at a time; views read samples where it has not
 * been yet. Another correction on the way begins the tag again; after a stop the next start goes on.
 */
export async function rebuildStale(
  database: Database,
  table: ChunkTable,
  reader: ChunkReader,
  pyramid: Pyramid,
  states: ReadonlyMap<number, TagState>,
  pause: () => Promise<void>,
  stopped: () => boolean,
): Promise<void> {
  for (const state of states.values()) {
    while (state.rollupsStale && !stopped()) {
      const { since, number } = state;
      const times = database.transaction(() => pyramid.removeStale(number, since))();
      let at = 0;
      while (at < times.length && since === state.since && !stopped()) {
        database.transaction(() => {
          for (const first of times.slice(at, at + CHUNKS_PER_SLICE)) {
            pyramid.remove(number, first);
            const chunk = table.preceding(number, first);
            const numbers = chunk?.first === first ? reader.numbers(chunk, state.decoder) : null;
            if (numbers !== null) pyramid.put(number, summaryOf(numbers, state.decoder.newest.recipe.version));
          }
          pyramid.settle(number, since);
        })();
        at += CHUNKS_PER_SLICE;
        await pause();
      }
      if (at >= times.length && since === state.since) state.rollupsStale = false;
    }
  }
}
