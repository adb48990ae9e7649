import type { Database } from '#engine/platform/index.ts';
import { BLOCK_SAMPLES, decodeChunk } from './chunk-codec.ts';
import { type ChunkReader, type ChunkTable, DamagedChunk } from './chunk-table.ts';
import { runOfOpen } from './open-samples.ts';
import { emptyRun, type Run } from './run.ts';
import { recipeFor } from './schema.ts';
import type { TagState } from './tag-state.ts';

/** Numbers of texts that the engine must not give out any more, and those that are gone. */
export interface SweptTexts {
  readonly forget: readonly number[];
  readonly removed: readonly number[];
}

export interface StringSweep {
  /** Told how many samples of text tags have been removed; true when a sweep is worth its work. */
  due(removedSamples: number): boolean;
  /** Looks through all samples of text tags, in turns; null where a damaged chunk may use what seems to be unused. */
  run(): Promise<SweptTexts | null>;
}

/** Removed samples below which nothing is looked through. */
const LEAST_REMOVED = 1_000;
const TURN_MS = 10;

/**
 * Removes texts that no sample uses any more, in two steps, because a text's number may be on its way here: a sweep
 * names unused numbers, so that the engine gives them out no longer; the next one, at least `graceMs` later, removes
 * those of them that are still unused. The highest number always stays, so that none is ever given to another text.
 */
export function stringSweepOf(
  database: Database,
  table: ChunkTable,
  reader: ChunkReader,
  states: ReadonlyMap<number, TagState>,
  monotonicMs: () => number,
  pause: () => Promise<void>,
  graceMs: number,
): StringSweep {
  const numbers = database.prepare<[], number>('SELECT number FROM strings ORDER BY number').pluck();
  const count = database.prepare<[], number>('SELECT count(*) FROM strings').pluck();
  const highestChunk = database.prepare<[], number>('SELECT coalesce(max(id), 0) FROM chunks').pluck();
  const remove = database.prepare('DELETE FROM strings WHERE number = ?');
  let removedSamples = 0;
  let condemned = new Set<number>();
  let condemnedAt = Number.NEGATIVE_INFINITY;

  const isText = (state: TagState, version: number): boolean => recipeFor(state.recipes, version).form === 'text';
  const textTags = (): TagState[] =>
    [...states.values()].filter((state) => state.recipes.some((recipe) => recipe.form === 'text'));
  const mark = (used: Uint8Array, run: Run): void => {
    for (let i = 0; i < run.length; i++) {
      const number = run.value[i]!;
      if (number < used.length) used[number] = 1;
    }
  };
  /** Marks what the chunks of a tag use whose id is above `after`, a chunk per step. */
  function* chunksOf(state: TagState, used: Uint8Array, after: number): Generator<void> {
    let chunk = table.following(state.number, Number.MIN_SAFE_INTEGER);
    while (chunk !== null) {
      if (chunk.id > after && isText(state, chunk.recipe)) {
        mark(used, reader.stored(chunk));
        yield;
      }
      chunk = table.following(state.number, chunk.first);
    }
  }

  return {
    due(removed) {
      removedSamples += removed;
      return removedSamples >= Math.max(LEAST_REMOVED, (count.get() ?? 0) / 4);
    },

    async run() {
      removedSamples = 0;
      const rows = numbers.all();
      const highest = rows.pop();
      if (highest === undefined) return { forget: [], removed: [] };
      const used = new Uint8Array(highest + 1);
      const before = highestChunk.get() ?? 0;
      try {
        let until = monotonicMs() + TURN_MS;
        for (const state of textTags()) {
          for (const _ of chunksOf(state, used, 0)) {
            if (monotonicMs() < until) continue;
            await pause();
            until = monotonicMs() + TURN_MS;
          }
        }
        // What was sealed meanwhile, and what is not in the file yet, in one turn with what follows from it.
        const fresh = (highestChunk.get() ?? 0) > before;
        for (const state of textTags()) {
          if (fresh) for (const _ of chunksOf(state, used, before));
          for (const { recipe, data, count: samples } of state.closed) {
            if (isText(state, recipe)) mark(used, decodeChunk(data, emptyRun(samples)));
          }
          if (!isText(state, state.form)) continue;
          mark(used, runOfOpen(state.open));
          if (state.growing !== null) mark(used, decodeChunk(state.growing.builder.finish(), emptyRun(BLOCK_SAMPLES)));
        }
      } catch (error) {
        if (error instanceof DamagedChunk) return null;
        throw error;
      }
      const unused = rows.filter((number) => used[number] === 0);
      const ripe = monotonicMs() - condemnedAt >= graceMs;
      const removed = ripe ? unused.filter((number) => condemned.has(number)) : [];
      database.transaction(() => {
        for (const number of removed) remove.run(number);
      })();
      if (!ripe) return { forget: [], removed };
      const gone = new Set(removed);
      condemned = new Set(unused.filter((number) => !gone.has(number)));
      condemnedAt = monotonicMs();
      return { forget: [...condemned], removed };
    },
  };
}
