import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { RecordBuffer } from './log-record.ts';
import { SEGMENT_HEADER_BYTES, segmentHeader } from './log-record.ts';

/** Space is written ahead in steps of this size, so that a commit seldom has to change the file's length. */
const STEP_BYTES = 1 << 20;
const zeros = new Uint8Array(STEP_BYTES);

export const segmentPath = (path: string, segment: number): string => `${path}.log-${String(segment).padStart(6, '0')}`;

/** Numbers of the segments that lie beside the history, ascending. */
export async function listSegments(path: string): Promise<number[]> {
  const prefix = `${basename(path)}.log-`;
  const names = await readdir(dirname(path));
  return names
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b);
}

/** Makes the names in a folder durable. Windows has no such call and does not need one. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export interface Segment {
  readonly number: number;
  /** Where the next record goes; bytes before it are durable. */
  readonly end: number;
  /** Writes the records and returns after `fdatasync`. On an error nothing counts as written; it may be called again. */
  write(records: RecordBuffer): Promise<void>;
  close(): Promise<void>;
}

/**
 * Makes segment `number`, from an old one that is no longer needed where there is one: its space is already the
 * disk's, and records of its former life do not carry the new number.
 */
export async function createSegment(
  path: string,
  number: number,
  owner: Uint8Array,
  reuse: number | null,
): Promise<Segment> {
  const name = segmentPath(path, number);
  if (reuse !== null) await rename(segmentPath(path, reuse), name);
  const handle = await open(name, reuse === null ? 'w+' : 'r+');
  try {
    const allocated = (await handle.stat()).size;
    const segment = segmentOn(handle, number, allocated);
    await segment.writeAt(segmentHeader(number, owner), 0);
    await handle.datasync();
    await syncFolder(dirname(path));
    return segment;
  } catch (error) {
    await handle.close();
    await rm(name, { force: true });
    throw error;
  }
}

function segmentOn(
  handle: FileHandle,
  number: number,
  allocatedBytes: number,
): Segment & { writeAt(bytes: Uint8Array, position: number): Promise<void> } {
  let allocated = allocatedBytes;
  let end = SEGMENT_HEADER_BYTES;
  const writeAll = async (bytes: Uint8Array, position: number): Promise<void> => {
    let done = 0;
    while (done < bytes.length) {
      done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
    }
  };
  const writeAt = async (bytes: Uint8Array, position: number): Promise<void> => {
    try {
      while (position + bytes.length > allocated) {
        await writeAll(zeros, allocated);
        allocated += STEP_BYTES;
      }
    } catch (error) {
      // The last bytes of a disk are still good for records, if not for a whole step.
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
    await writeAll(bytes, position);
  };
  return {
    number,
    get end() {
      return end;
    },
    writeAt,
    async write(records) {
      records.seal(number);
      const bytes = records.bytes();
      await writeAt(bytes, end);
      await handle.datasync();
      end += bytes.length;
    },
    close: () => handle.close(),
  };
}

export async function removeSegment(path: string, segment: number): Promise<void> {
  await rm(segmentPath(path, segment), { force: true });
}

/** Bytes that the log takes beside the history. */
export async function logBytes(path: string): Promise<number> {
  let bytes = 0;
  for (const segment of await listSegments(path)) {
    bytes += await stat(segmentPath(path, segment)).then(
      (entry) => entry.size,
      () => 0,
    );
  }
  return bytes;
}
