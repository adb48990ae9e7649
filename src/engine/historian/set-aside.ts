import { closeSync, existsSync, openSync, readdirSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { APPLICATION_ID } from './schema.ts';

/** True for a SQLite file that a ParX program made, whatever state the rest of it is in. */
export function isOurFile(path: string): boolean {
  if (!existsSync(path) || !statSync(path).isFile()) return false;
  const header = Buffer.alloc(100);
  const handle = openSync(path, 'r');
  try {
    if (readSync(handle, header, 0, 100, 0) < 100) return false;
  } finally {
    closeSync(handle);
  }
  return header.toString('latin1', 0, 15) === 'SQLite format 3' && header.readUInt32BE(68) === APPLICATION_ID;
}

/**
 * Renames a history that cannot be opened, with everything that belongs to it, so that recording can go on in a new
 * file and nothing is lost that may still be read. `stamp` makes the name new. Returns the new path.
 */
export function setAside(path: string, stamp: string): string {
  const extension = extname(path);
  const stem = basename(path, extension);
  const to = join(dirname(path), `${stem}-damaged-${stamp}${extension}`);
  for (const name of readdirSync(dirname(path))) {
    if (
      name !== basename(path) &&
      !name.startsWith(`${basename(path)}-`) &&
      !name.startsWith(`${basename(path)}.log-`)
    ) {
      continue;
    }
    const rest = name.slice(basename(path).length);
    // The index of the WAL is made anew by whoever opens it.
    if (rest === '-shm') rmSync(join(dirname(path), name));
    else renameSync(join(dirname(path), name), `${to}${rest}`);
  }
  return to;
}
