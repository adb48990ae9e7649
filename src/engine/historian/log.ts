import { fdatasyncSync, writeSync } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { RecordBuffer } from './log-record.ts';
import { SEGMENT_HEADER_BYTES, segmentHeader } from './log-record.ts';

/** Space is written ahead in steps of this size, and synced, so that a commit need not change the file's length. */
const STEP_BYTES = 1 << 20;
/** Space that is kept ahead of the records. */
const AHEAD_BYTES = 2 << 20;
const zeros = new Uint8Array(STEP_BYTES);
/** A sync that takes less is waited for in the thread: two changes of threads would take longer. */
const QUICK_MS = 4;

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
  /**
   * Writes the records and returns after `fdatasync`. On an error nothing counts as written; it may be called again.
   * `atOnce`: without a turn of the thread between, but for space that is being written ahead.
   */
  write(records: RecordBuffer, atOnce?: boolean): Promise<void>;
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
  monotonicMs: () => number,
): Promise<Segment> {
  const name = segmentPath(path, number);
  if (reuse !== null) await rename(segmentPath(path, reuse), name);
  const handle = await open(name, reuse === null ? 'w+' : 'r+');
  try {
    const segment = segmentOn(handle, number, (await handle.stat()).size, monotonicMs);
    await segment.begin(segmentHeader(number, owner));
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
  monotonicMs: () => number,
): Segment & { begin(header: Uint8Array): Promise<void> } {
  let allocated = allocatedBytes;
  let end = SEGMENT_HEADER_BYTES;
  let syncMs = 0;
  let growing: Promise<void> | null = null;
  const writeAll = async (bytes: Uint8Array, position: number): Promise<void> => {
    let done = 0;
    while (done < bytes.length) {
      done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
    }
  };
  const grow = async (): Promise<void> => {
    const from = Math.max(allocated, end);
    await writeAll(zeros, from);
    await handle.datasync();
    allocated = from + STEP_BYTES;
  };
  /** Without waiting for it, and without a word where the disk is full: its last bytes are still good for records. */
  const growAhead = (): void => {
    growing ??= grow()
      .catch(() => undefined)
      .finally(() => {
        growing = null;
      });
  };
  return {
    number,
    get end() {
      return end;
    },
    async begin(header) {
      await writeAll(header, 0);
      if (allocated < STEP_BYTES) {
        // As a whole step only where there is room; a record needs no more than itself.
        await grow().catch(() => undefined);
      }
      await handle.datasync();
    },
    async write(records, atOnce = false) {
      records.seal(number);
      const bytes = records.bytes();
      // Zeros must not come over a record that was written meanwhile.
      if (end + bytes.length > allocated && growing !== null) await growing;
      const from = monotonicMs();
      if (atOnce || syncMs < QUICK_MS) {
        let done = 0;
        while (done < bytes.length) done += writeSync(handle.fd, bytes, done, bytes.length - done, end + done);
        fdatasyncSync(handle.fd);
      } else {
        await writeAll(bytes, end);
        await handle.datasync();
      }
      // A single slow one is not held against a disk.
      syncMs += (monotonicMs() - from - syncMs) / 8;
      end += bytes.length;
      if (end + AHEAD_BYTES > allocated) growAhead();
    },
    async close() {
      await growing;
      await handle.close();
    },
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
