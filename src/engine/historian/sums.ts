import { crc32 } from 'node:zlib';
import type { Database } from '#engine/platform/index.ts';
import { ROLLUP_COLUMNS, type RollupRow } from './rollup.ts';
import type { Meta } from './schema.ts';

/** More rows than this are not summed when a history is closed, so that closing takes seconds at most. */
const MOST_ROWS = 3_000_000;
const ROWS_PER_STEP = 5_000;
const NOTES = [
  'tags ORDER BY number',
  'recipes ORDER BY tag, version',
  'strings ORDER BY number',
  'levels ORDER BY level',
  'events ORDER BY id',
  'event_tags ORDER BY event, tag',
  'event_labels ORDER BY event, name',
  'tag_sets ORDER BY id',
  'tag_set_tags ORDER BY tag_set, tag',
  'gaps ORDER BY id',
];

/**
 * Checksums over what is not a chunk, written when a recording is closed: rollups, and everything that describes the
 * samples. Chunks have their own. An open history has none.
 */
export function writeSums(database: Database, meta: Meta): void {
  meta.set('sum_notes', notesSum(database));
  const rollups = allSteps(rollupsSum(database));
  if (rollups === null) meta.remove('sum_rollups');
  else meta.set('sum_rollups', rollups);
}

export function removeSums(meta: Meta): void {
  meta.remove('sum_notes');
  meta.remove('sum_rollups');
}

/** True when the descriptions are not what they were when the recording was closed; false where there is no sum. */
export function notesChanged(database: Database, meta: Meta): boolean {
  const notes = meta.get('sum_notes');
  return notes !== null && notes !== notesSum(database);
}

/** The same for rollups, in steps: yields now and then, returns the answer. Keeps the connection busy until its end. */
export function* rollupsChanged(database: Database, meta: Meta): Generator<void, boolean> {
  const rollups = meta.get('sum_rollups');
  return rollups !== null && rollups !== (yield* rollupsSum(database));
}

/** Takes all steps at once. */
export function allSteps<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
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

function* rollupsSum(database: Database): Generator<void, number | null> {
  const rows = database
    .prepare<[], [number, number, ...RollupRow]>(
      `SELECT tag, level, ${ROLLUP_COLUMNS} FROM rollups ORDER BY tag, level, start`,
    )
    .raw();
  const numbers = new Float64Array(15);
  const bytes = new Uint8Array(numbers.buffer);
  let sum = 0;
  let count = 0;
  for (const row of rows.iterate()) {
    if (++count > MOST_ROWS) return null;
    // Null as minus zero: a number that no column holds, since SQLite keeps minus zero as zero.
    for (let i = 0; i < 15; i++) numbers[i] = row[i] ?? -0;
    sum = crc32(bytes, sum);
    if (count % ROWS_PER_STEP === 0) yield;
  }
  return sum;
}
