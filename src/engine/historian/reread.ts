import { withStoreErrors } from '#engine/platform/index.ts';
import type { DecodeRecipe } from '#shared/model/index.ts';
import { metaOf, openForWriting, readTags, sameRecipe, storageClassOf, tagWriterOf } from './schema.ts';
import { notesChanged, writeSums } from './sums.ts';

/** How a tag is to be read from now on; its version counts for nothing. */
export interface Reread {
  readonly id: string;
  readonly recipe: DecodeRecipe;
}

export interface RereadDone {
  /** Tags that are read in another way now. */
  readonly changed: number;
  /** What could not be done, in sentences without the recording's name. */
  readonly refused: readonly string[];
}

/**
 * Gives tags of a closed recording another decode recipe, in place and all or none: samples stay as they were stored, and
 * overviews that were made with the old recipe are no longer used. Throws as opening does, and `store.read-only`.
 */
export function rereadRecording(path: string, wanted: readonly Reread[], now: number): RereadDone {
  const database = openForWriting(path, 'delete');
  try {
    return withStoreErrors(path, () =>
      database.transaction(() => {
        const refused: string[] = [];
        let changed = 0;
        const meta = metaOf(database);
        const damaged = notesChanged(database, meta);
        const summed = meta.get('sum_notes') !== null;
        const writer = tagWriterOf(database);
        const tags = new Map(readTags(database).map((tag) => [tag.registration.id, tag]));
        for (const { id, recipe } of wanted) {
          const tag = tags.get(id);
          const newest = tag?.recipes.at(-1);
          if (tag === undefined || newest === undefined || sameRecipe(newest, recipe)) continue;
          if (storageClassOf(newest) !== storageClassOf(recipe)) {
            refused.push(
              `"${tag.registration.name}" was recorded as ${newest.type}, which holds other bytes than ${recipe.type} needs`,
            );
            continue;
          }
          writer.put(tag.number, tag.registration, { ...recipe, version: newest.version + 1 }, now);
          changed++;
        }
        // A sum that told of damage goes on telling it.
        if (changed > 0 && summed && !damaged) writeSums(database, meta);
        return { changed, refused };
      })(),
    );
  } finally {
    database.close();
  }
}
