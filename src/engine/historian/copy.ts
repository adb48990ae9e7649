import type { Database } from '#engine/platform/index.ts';
import { type Assembled, type AssemblyOptions, assemble } from './assemble.ts';
import { chunkTableOf } from './chunk-table.ts';

/**
 * Writes a range of `source` as a recording file of its own, under a name with `.part` until it is complete and synced.
 * Whole chunks are copied as they are; those at the ends are cut. Reads what is sealed, so the writer must have sealed
 * the range before.
 */
export function copyRecording(source: Database, options: Omit<AssemblyOptions, 'join'>): Assembled {
  return assemble([{ database: source, table: chunkTableOf(source) }], { ...options, join: false });
}
