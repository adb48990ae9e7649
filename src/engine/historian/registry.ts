import { type Clock, type Database, withStoreErrors } from '#engine/platform/index.ts';
import { QUALITY, type TimeRange } from '#shared/model/index.ts';
import type { LastValues } from './messages.ts';
import { decodedSince, readTags, sameDecoding, sameRecipe, storageClassOf, tagWriterOf } from './schema.ts';
import type { StoredTag, TagRegistration } from './store.ts';
import { createTagState, decodingOf, type TagState } from './tag-state.ts';
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
  /** `known`: ids that the asker has already, of the first so many tags. */
  lastValues(known: number): LastValues;
}

/** Of the chunks of a tag: first sample, and last sample and recipe of the newest; null where there is none. */
type TagEnds = { readonly number: number } & (
  | { readonly first: number; readonly last: number; readonly recipe: number }
  | { readonly first: null }
);

export function createRegistry(
  path: string,
  database: Database,
  clock: Clock,
  chunkSamples: number,
  starts: TailStarts,
): Registry {
  const states = new Map<number, TagState>();
  const byId = new Map<string, TagState>();
  const byIndex: (TagState | undefined)[] = [];
  const tagWriter = tagWriterOf(database);
  const older = database.prepare('SELECT 1 FROM rollups WHERE tag = ? AND tier = 0 AND recipe < ? LIMIT 1').pluck();

  // In one statement: thousands of tags are looked up several times as fast.
  const ends = new Map(
    database
      .prepare<[], TagEnds>(
        `SELECT number,
           (SELECT first FROM chunks WHERE tag = number ORDER BY first LIMIT 1) AS first,
           (SELECT last FROM chunks WHERE tag = number ORDER BY first DESC LIMIT 1) AS last,
           (SELECT recipe FROM chunks WHERE tag = number ORDER BY first DESC LIMIT 1) AS recipe
         FROM tags`,
      )
      .all()
      .map((row) => [row.number, row]),
  );
  for (const tag of readTags(database)) {
    const state = createTagState(tag.number, tag.registration, tag.recipes, chunkSamples, starts);
    state.rollupsStale = state.since > 1 && older.get(tag.number, state.since) !== undefined;
    const found = ends.get(tag.number)!;
    if (found.first !== null) {
      state.closedLast = found.last;
      state.lastForm = found.recipe;
      state.first = found.first;
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
            const otherRollups = !sameDecoding(newest, recipe) && Number.isFinite(known.closedLast);
            if (otherForm) forms.push(known.number, recipe.version);
            if (otherRollups) stale = true;
            changes.push(() => {
              if (otherForm) {
                beforeForm(known);
                known.form = recipe.version;
              }
              if (!same) {
                Object.assign(known, decodingOf([...known.recipes, recipe]));
                known.since = decodedSince(known.recipes);
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

    lastValues(known) {
      const ids: string[] = [];
      const time = new Float64Array(states.size).fill(Number.NaN);
      const value = new Float64Array(states.size);
      const quality = new Uint16Array(states.size);
      const slot = new Float64Array(1);
      const words = new Int32Array(slot.buffer);
      let at = 0;
      // Tags are never taken out, so each keeps its place.
      for (const state of states.values()) {
        if (at >= known) ids.push(state.id);
        if (Number.isFinite(state.lastTime)) {
          words[0] = state.lastLow;
          words[1] = state.lastHigh;
          const number = state.decoder.one(slot, 0, state.lastForm);
          time[at] = state.lastTime;
          value[at] = number ?? Number.NaN;
          quality[at] = number === null ? QUALITY.badConfiguration : state.lastQuality;
        }
        at++;
      }
      return { ids, time, value, quality };
    },
  };
}
