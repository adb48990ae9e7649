import { crc32 } from 'node:zlib';
import type { Database } from '#engine/platform/index.ts';
import type { Meta } from './schema.ts';

const NOTES = [
  'tags ORDER BY number',
  'recipes ORDER BY tag, version',
  'strings ORDER BY number',
  'events ORDER BY id',
  'event_tags ORDER BY event, tag',
  'event_labels ORDER BY event, name',
  'tag_sets ORDER BY id',
  'tag_set_tags ORDER BY tag_set, tag',
  'gaps ORDER BY id',
];

/**
 * Checksum over everything that describes the samples, written when a recording is closed. Chunks and rollups have
 * their own. An open history has none.
 */
export function writeSums(database: Database, meta: Meta): void {
  meta.set('sum_notes', notesSum(database));
}

export function removeSums(meta: Meta): void {
  meta.remove('sum_notes');
}

/** True when the descriptions are not what they were when the recording was closed; false where there is no sum. */
export function notesChanged(database: Database, meta: Meta): boolean {
  const notes = meta.get('sum_notes');
  return notes !== null && notes !== notesSum(database);
}

function notesSum(database: Database): number {
  let sum = 0;
  for (const table of NOTES) {
    for (const row of database.prepare<[], unknown[]>(`SELECT * FROM ${table}`).raw().iterate()) {
      const cells = row.map((cell) => (cell instanceof Uint8Array ? Buffer.from(cell).toString('hex') : String(cell)));
      sum = crc32(cells.join('\u0000'), sum);
    }
  }
  return sum;
}
