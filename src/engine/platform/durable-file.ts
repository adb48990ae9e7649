import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { copyFile, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { storeError, withStoreErrors } from './database.ts';

/** Replaces a small file as a whole: after a power cut it holds either the old text or the new one. */
export function writeDurable(path: string, text: string): void {
  withStoreErrors(path, () => {
    const part = `${path}.part`;
    const file = openSync(part, 'w');
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(part, path);
    if (process.platform === 'win32') return;
    // The new name is safe only with the folder; Windows neither needs nor allows this.
    const folder = openSync(dirname(path), 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  });
}

/** Copies a file of any size: under its own name there is nothing, what was there before, or the whole. */
export async function copyWhole(from: string, to: string): Promise<void> {
  const part = `${to}.part`;
  try {
    await copyFile(from, part);
    const file = await open(part, 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, to);
  } catch (error) {
    await rm(part, { force: true });
    throw storeError(to, error);
  }
}

/** The text, or null when there is no such file. */
export function readDurable(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
