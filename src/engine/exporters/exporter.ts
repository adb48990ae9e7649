import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { z } from 'zod';
import { AppError } from '#shared/errors.ts';

export interface ColumnSpec {
  readonly name: string;
  readonly unit: string | null;
  readonly type: 'time' | 'number' | 'text';
}

/**
 * Rows in columns, in the order of the column list. `time`: UTC microseconds; `number`: NaN where there is no value;
 * `text`: null where there is none, which is not the empty text. Arrays may be longer than `rows`. A chunk belongs to
 * the writer once it is handed over.
 */
export interface TableChunk {
  readonly rows: number;
  readonly columns: readonly (Float64Array | readonly (string | null)[])[];
}

/**
 * Writes to `<path>.part`, which becomes `path` in `finish`, complete and synced. `abort` removes it, also after a
 * failed write. Memory does not grow with rows. Throws `store.disk-full`, `store.read-only`, `store.not-found`.
 */
export interface TableWriter {
  write(chunk: TableChunk): Promise<void>;
  finish(): Promise<void>;
  /** Safe to call twice and after `finish`, which it leaves alone. */
  abort(): Promise<void>;
}

/** A file format. `options` parse from `{}` to their defaults; no transforms, since the form is drawn from them. */
// biome-ignore lint/suspicious/noExplicitAny: the family's array holds exporters of different options
export interface Exporter<Options = any> {
  readonly id: string;
  readonly title: string;
  /** Without the dot. */
  readonly extension: string;
  readonly mediaType: string;
  readonly options: z.ZodType<Options>;
  open(path: string, columns: readonly ColumnSpec[], options: Options): Promise<TableWriter>;
}

/** The file under way that every exporter writes to. */
export interface PartFile {
  write(bytes: Uint8Array): Promise<void>;
  finish(): Promise<void>;
  abort(): Promise<void>;
}

export async function openPartFile(path: string): Promise<PartFile> {
  const part = `${path}.part`;
  let file: FileHandle | null;
  try {
    file = await open(part, 'w');
  } catch (error) {
    throw fileError(path, error);
  }
  const take = (): FileHandle => {
    if (file === null) throw new Error('The file is closed.');
    return file;
  };
  return {
    async write(bytes) {
      const handle = take();
      try {
        for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
      } catch (error) {
        throw fileError(path, error);
      }
    },
    async finish() {
      const handle = take();
      try {
        await handle.sync();
        file = null;
        await handle.close();
        await rename(part, path);
      } catch (error) {
        throw fileError(path, error);
      }
    },
    async abort() {
      const handle = file;
      file = null;
      try {
        await handle?.close();
      } finally {
        // After `finish` it has its final name and this finds nothing.
        await rm(part, { force: true, maxRetries: 5, retryDelay: 50 });
      }
    },
  };
}

function fileError(path: string, error: unknown): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new AppError('store.disk-full', `The disk with ${path} is full. Free some space and export again.`, {
        details: { path },
        cause: error,
      });
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return new AppError('store.read-only', `${path} cannot be written. Choose another folder.`, {
        details: { path },
        cause: error,
      });
    case 'ENOENT':
    case 'ENOTDIR':
      return new AppError('store.not-found', `The folder of ${path} does not exist.`, {
        details: { kind: 'folder', id: path },
        cause: error,
      });
    default:
      return error;
  }
}
