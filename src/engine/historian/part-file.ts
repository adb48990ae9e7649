import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { AppError } from '#shared/errors.ts';

/** What a file takes beside its samples and their descriptions. */
const SPARE_BYTES = 1 << 20;

/** The name under which a file is written until it is complete and synced. */
export const partOf = (path: string): string => `${path}.part`;

/** Removes what an operation that did not come to its end has left under the name of the part. */
export function removePart(path: string): void {
  rmSync(partOf(path), { force: true });
  rmSync(`${partOf(path)}-journal`, { force: true });
}

/** Removes the parts of recordings that a crash has left in a folder; only where nothing is written to it now. */
export function removeParts(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (/\.parx\.part(-journal)?$/.test(name)) rmSync(join(folder, name), { force: true });
  }
}

/** Gives a complete part its name, so that it is found there after a power cut. */
export function movePart(path: string): void {
  syncPath(partOf(path));
  renameSync(partOf(path), path);
  syncPath(dirname(path));
}

/** Refuses to take another file's place. */
export function checkFree(path: string): void {
  if (!existsSync(path)) return;
  throw new AppError('config.invalid', `${path} exists already. Choose another name.`, {
    details: { issues: [{ path: 'name', message: 'There is a file of this name.' }] },
  });
}

function syncPath(path: string): void {
  if (process.platform === 'win32' && statSync(path).isDirectory()) return;
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Throws `store.disk-full` where the disk of `path` has not got `bytes` and a little more. */
export function checkSpace(path: string, bytes: number): void {
  let free: number;
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    free = bavail * bsize;
  } catch {
    // Some network file systems do not tell; writing finds out.
    return;
  }
  const needed = bytes + SPARE_BYTES;
  if (free >= needed) return;
  const megabytes = (size: number): number => Math.ceil(size / 1e6);
  throw new AppError(
    'store.disk-full',
    `Writing ${path} takes up to ${megabytes(needed)} MB, and its disk has ${megabytes(free)} MB left. Free some space and try again.`,
    { details: { path }, retryable: true },
  );
}
