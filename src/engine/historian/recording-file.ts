import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { type Database, openDatabase, openDatabaseImage, withStoreErrors } from '#engine/platform/index.ts';
import { AppError } from '#shared/errors.ts';
import type { RecordingFile } from '#shared/model/index.ts';
import { type ChunkTable, chunkTableOf, DamagedChunk } from './chunk-table.ts';
import { readEvents, readGaps } from './event-table.ts';
import { isoTime } from './iso-time.ts';
import { damagedRollups } from './pyramid.ts';
import { salvagedTableOf } from './salvage.ts';
import { checkFormat, metaOf, notARecording, readTags, type TagOnFile } from './schema.ts';
import { notesChanged } from './sums.ts';

/** Files up to this size are checked wholly when they are opened; larger ones are shown at once and checked meanwhile. */
const CHECK_BYTES = 64 << 20;
/** Largest file that is read into memory because its medium does not take the sidecar files of a WAL. */
const IMAGE_BYTES = 1 << 30;
/** Damaged chunks that get a sentence of their own. */
const SENTENCES = 20;

export const NOTES_CHANGED =
  'Names, units, scaling, events or gaps are not what they were when the recording was closed; check them.';
const ROLLUPS_CHANGED = 'Overviews are damaged; they are computed from the samples, which takes longer.';

export interface FileOpened {
  readonly database: Database;
  readonly table: ChunkTable;
  readonly tags: readonly TagOnFile[];
  /** Rollups, events and gaps may be missing or unreadable. */
  readonly broken: boolean;
  readonly info: RecordingFile;
  /** The checks that opening has left out; null when there are none. */
  readonly unchecked: Generator<Finding | null, void> | null;
}

/** Something that is not sound. `rollups`: they must not be used. */
export interface Finding {
  readonly sentence: string;
  readonly rollups: boolean;
}

/**
 * Opens a recording to read it, from any medium. A damaged file opens with what is sound; `info.damage` says what is
 * not. With `structureOnly` the structure is checked whatever the size, and chunks are left to the caller, who reads all
 * of them. Throws `store.too-new`, `store.damaged` where nothing can be read, `store.not-found`.
 */
export function openRecordingFile(path: string, checkBytes = CHECK_BYTES, structureOnly = false): FileOpened {
  const damage: string[] = [];
  const truncated = truncation(path);
  if (truncated !== null) damage.push(truncated);
  const database = openAnyMedium(path, truncated !== null);
  try {
    withStoreErrors(path, () => checkFormat(database, path));
    const tags = withStoreErrors(path, () => readTags(database));
    const plain = chunkTableOf(database);
    const { size } = statSync(path);
    const checkNow = size <= checkBytes && !structureOnly;
    const whole = checkNow || structureOnly;
    const broken = truncated !== null || !(whole ? soundStructure(database) : soundIndex(plain, tags));
    if (broken && truncated === null) damage.push('The structure of the file is damaged; what can be found is shown.');
    if (broken) damage.push(...unreadableNotes(database));
    const table = broken ? salvagedTableOf(database, plain) : plain;
    const counts = countChunks(table, tags);
    let distrusted = broken;
    if (checkNow || (broken && !structureOnly)) {
      for (const finding of findings(database, table, tags, !broken)) {
        if (finding === null) continue;
        damage.push(finding.sentence);
        distrusted ||= finding.rollups;
      }
    }
    return {
      database,
      table,
      tags,
      broken: distrusted,
      unchecked: whole || broken ? null : checkApart(path),
      info: {
        id: path,
        name: nameOf(database, path),
        path,
        from: counts.from,
        to: counts.to,
        bytes: size,
        tags: tags.length,
        samples: counts.samples,
        damage,
      },
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

function openAnyMedium(path: string, tolerant: boolean): Database {
  try {
    return openDatabase(path, { readonly: true, tolerant });
  } catch (error) {
    // A file left in WAL mode needs sidecar files that a read-only stick does not take.
    if (error instanceof AppError && error.code === 'store.read-only') return openDatabaseImage(path, IMAGE_BYTES);
    if (isOtherFile(error)) throw notARecording(path, error);
    throw error;
  }
}

/** SQLite's word for a file whose beginning is not that of a database. */
function isOtherFile(error: unknown): boolean {
  const cause = error instanceof AppError ? (error.cause as { readonly code?: unknown } | undefined) : undefined;
  return cause?.code === 'SQLITE_NOTADB';
}

function nameOf(database: Database, path: string): string {
  try {
    return String(metaOf(database).get('name') ?? basename(path));
  } catch {
    return basename(path);
  }
}

/** Says how much of the file is missing, by the size that SQLite's header gives; null for a whole file. */
function truncation(path: string): string | null {
  let header: Buffer;
  try {
    const handle = openSync(path, 'r');
    try {
      header = Buffer.alloc(32);
      if (readSync(handle, header, 0, 32, 0) < 32) return null;
    } finally {
      closeSync(handle);
    }
  } catch {
    // Opening it as a database gives the error its code.
    return null;
  }
  if (header.toString('latin1', 0, 15) !== 'SQLite format 3') return null;
  const pageSize = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  const wanted = header.readUInt32BE(28) * pageSize;
  const { size } = statSync(path);
  // In WAL mode the newest pages may still lie in the WAL, and the header counts them.
  if (size >= wanted || header[18] === 2) return null;
  const lost = ((1 - size / wanted) * 100).toFixed(1);
  return `The file ends early: ${wanted - size} of its ${wanted} bytes (${lost} %) are missing.`;
}

function soundStructure(database: Database): boolean {
  try {
    return database.pragma('integrity_check(1)', { simple: true }) === 'ok';
  } catch {
    return false;
  }
}

/** Reads all events and gaps once; says which of them cannot be read. */
function unreadableNotes(database: Database): string[] {
  const ever = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };
  const sentences: string[] = [];
  try {
    readEvents(database, ever, null);
  } catch {
    sentences.push('Events can only be read in part or not at all.');
  }
  try {
    readGaps(database, ever);
  } catch {
    sentences.push('The reasons of gaps can only be read in part or not at all.');
  }
  return sentences;
}

/** Every chunk's row can be found by the index. */
function soundIndex(table: ChunkTable, tags: readonly TagOnFile[]): boolean {
  try {
    countChunks(table, tags);
    return true;
  } catch {
    return false;
  }
}

function countChunks(table: ChunkTable, tags: readonly TagOnFile[]) {
  let from: number | null = null;
  let to: number | null = null;
  let samples = 0;
  for (const { number } of tags) {
    for (const chunk of table.overlapping(number, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) {
      samples += chunk.count;
      if (from === null || chunk.first < from) from = chunk.first;
      if (to === null || chunk.last >= to) to = chunk.last + 1;
    }
  }
  return { from, to, samples };
}

/** The same checks on a connection of their own, which readers do not wait for. */
function* checkApart(path: string): Generator<Finding | null, void> {
  const database = openAnyMedium(path, false);
  try {
    yield* findings(database, chunkTableOf(database), readTags(database), true);
  } finally {
    database.close();
  }
}

/** Checks every chunk and, with `sums`, what is not a chunk; yields at every step, with what it has found or null. */
function* findings(
  database: Database,
  table: ChunkTable,
  tags: readonly TagOnFile[],
  sums: boolean,
): Generator<Finding | null, void> {
  let chunks = 0;
  let samples = 0;
  const say = (sentence: string): Finding => ({ sentence, rollups: false });
  for (const tag of tags) {
    for (const chunk of table.overlapping(tag.number, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) {
      yield null;
      try {
        // Fetching the bytes checks them.
        table.data(chunk);
      } catch (error) {
        if (!(error instanceof DamagedChunk)) throw error;
        chunks++;
        samples += chunk.count;
        if (chunks > SENTENCES) continue;
        const [from, to] = [isoTime(chunk.first), isoTime(chunk.last)];
        yield say(`${tag.registration.name}: ${chunk.count} samples from ${from} to ${to} are damaged and left out.`);
      }
    }
  }
  if (chunks > SENTENCES) yield say(`In all ${samples} samples in ${chunks} chunks are damaged and left out.`);
  if (!sums) return;
  const meta = metaOf(database);
  if (notesChanged(database, meta)) yield say(NOTES_CHANGED);
  const rollups = damagedRollups(database);
  for (;;) {
    const step = rollups.next();
    if (step.done !== true) yield null;
    else {
      if (step.value > 0) yield say(ROLLUPS_CHANGED);
      return;
    }
  }
}
