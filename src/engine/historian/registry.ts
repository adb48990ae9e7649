import { type Clock, type Database, withStoreErrors } from '#engine/platform/index.ts';
import { QUALITY, type TimeRange } from '#shared/model/index.ts';
import { type ChunkTable, tagDecoderOf } from './chunk-table.ts';
import type { LastValue } from './messages.ts';
import { decodedSince, readTags, sameRecipe, storageClassOf, tagWriterOf } from './schema.ts';
import type { StoredTag, TagRegistration } from './store.ts';
import { createTagState, type TagState } from './tag-state.ts';
import type { TailStarts } from './tail-starts.ts';

/** The tags of the writer: those on file and those that the running engine has registered. */
export interface Registry {
  readonly states: ReadonlyMap<number, TagState>;
  byId(id: string): TagState | undefined;
  /** By the engine's tag index, as in sample blocks. */
  at(index: number): TagState | undefined;
  /**
   * Writes tags and new recipes to the file, all or none. `forms`: pairs of tag number and recipe version for the log,
   * where samples are stored in another form from here on. `stale`: rollups must be made anew. `beforeForm` is called
   * while a tag still has its old form.
   */
  register(
    tags: readonly TagRegistration[],
    beforeForm: (state: TagState) => void,
  ): { readonly forms: Uint32Array; readonly stale: boolean };
  described(): StoredTag[];
  bounds(): TimeRange | null;
  lastValues(): LastValue[];
}

export function createRegistry(
  path: string,
  database: Database,
  table: ChunkTable,
  clock: Clock,
  chunkSamples: number,
  starts: TailStarts,
): Registry {
  const states = new Map<number, TagState>();
  const byId = new Map<string, TagState>();
  const byIndex: (TagState | undefined)[] = [];
  const tagWriter = tagWriterOf(database);
  const older = database.prepare('SELECT 1 FROM rollups WHERE tag = ? AND tier = 0 AND recipe < ? LIMIT 1').pluck();

  for (const tag of readTags(database)) {
    const state = createTagState(tag.number, tag.registration, tag.recipes, chunkSamples, starts);
    state.rollupsStale = state.since > 1 && older.get(tag.number, state.since) !== undefined;
    const newest = table.preceding(tag.number, Number.MAX_SAFE_INTEGER);
    if (newest !== null) {
      state.closedLast = newest.last;
      state.lastForm = newest.recipe;
      state.first = table.following(tag.number, Number.MIN_SAFE_INTEGER)?.first ?? newest.first;
    }
    if (tag.last !== null) {
      state.lastTime = tag.last.time;
      state.lastQuality = state.closedQuality = tag.last.quality;
      const slot = new DataView(tag.last.value.buffer, tag.last.value.byteOffset, 8);
      state.lastLow = state.closedLow = slot.getInt32(0, true);
      state.lastHigh = state.closedHigh = slot.getInt32(4, true);
    }
    states.set(tag.number, state);
    byId.set(tag.registration.id, state);
  }

  return {
    states,
    byId: (id) => byId.get(id),
    at: (index) => byIndex[index],

    register(tags, beforeForm) {
      const fresh = new Map<string, TagState>();
      // What the transaction writes is taken over into memory only when it has succeeded, so that it can be repeated.
      const changes: (() => void)[] = [];
      const forms: number[] = [];
      let stale = false;
      withStoreErrors(path, () =>
        database.transaction(() => {
          let next = Number(database.prepare('SELECT coalesce(max(number), 0) FROM tags').pluck().get());
          for (const { index: _, ...tag } of tags) {
            const known = byId.get(tag.id) ?? fresh.get(tag.id);
            const newest = known?.recipes.at(-1);
            if (known === undefined || newest === undefined) {
              const recipe = { ...tag.recipe, version: 1 };
              const state = createTagState(++next, { ...tag, recipe }, [recipe], chunkSamples, starts);
              tagWriter.put(state.number, tag, recipe, clock.now());
              forms.push(state.number, 1);
              fresh.set(tag.id, state);
              continue;
            }
            const same = sameRecipe(newest, tag.recipe);
            const recipe = same ? newest : { ...tag.recipe, version: newest.version + 1 };
            tagWriter.put(known.number, tag, recipe, clock.now());
            const otherForm = storageClassOf(newest) !== storageClassOf(recipe);
            const since = same ? known.since : decodedSince([...known.recipes, recipe]);
            const otherRollups = since !== known.since && Number.isFinite(known.closedLast);
            if (otherForm) forms.push(known.number, recipe.version);
            if (otherRollups) stale = true;
            changes.push(() => {
              if (otherForm) {
                beforeForm(known);
                known.form = recipe.version;
              }
              if (!same) {
                known.recipes = [...known.recipes, recipe];
                known.decoder = tagDecoderOf(known.recipes);
                known.since = since;
              }
              if (otherRollups) known.rollupsStale = true;
              known.registration = { ...tag, recipe };
            });
          }
        })(),
      );
      for (const change of changes) change();
      for (const state of fresh.values()) {
        states.set(state.number, state);
        byId.set(state.id, state);
      }
      for (const tag of tags) byIndex[tag.index] = byId.get(tag.id);
      return { forms: new Uint32Array(forms), stale };
    },

    described: () =>
      [...states.values()].map((state) => ({
        ...state.registration,
        first: state.first,
        last: Number.isFinite(state.lastTime) ? state.lastTime : null,
      })),

    bounds() {
      let from = Number.POSITIVE_INFINITY;
      let to = Number.NEGATIVE_INFINITY;
      for (const state of states.values()) {
        if (state.first !== null && state.first < from) from = state.first;
        if (state.lastTime > to) to = state.lastTime;
      }
      return from <= to ? { from, to: to + 1 } : null;
    },

    lastValues() {
      const values: LastValue[] = [];
      const slot = new Float64Array(1);
      const slotWords = new Int32Array(slot.buffer);
      for (const state of states.values()) {
        if (!Number.isFinite(state.lastTime)) continue;
        slotWords[0] = state.lastLow;
        slotWords[1] = state.lastHigh;
        const value = state.decoder.one(slot, 0, state.lastForm);
        values.push({
          id: state.id,
          time: state.lastTime,
          value: value ?? Number.NaN,
          quality: value === null ? QUALITY.badConfiguration : state.lastQuality,
        });
      }
      return values;
    },
  };
}
