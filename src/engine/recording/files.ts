import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { OpenedFile } from '#engine/historian/index.ts';
import { createChanging, type Logger } from '#engine/platform/index.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import type { RecordingFile } from '#shared/model/index.ts';

/** Finished recordings in the data folder, and the files that are open for study, wherever they lie. */
export interface RecordingFiles {
  list(): Promise<readonly RecordingFile[]>;
  opened(): readonly RecordingFile[];
  /** By the list's id or by path; opening one that is open already gives the same. */
  open(target: { readonly id: string | null; readonly path: string | null }): Promise<RecordingFile>;
  source(id: string): OpenedFile | undefined;
  close(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  watch(listener: () => void): Disposable;
  changed(): void;
  closeAll(): Promise<void>;
}

export function createRecordingFiles(options: {
  readonly directory: string;
  readonly open: (path: string) => Promise<OpenedFile>;
  readonly log: Logger;
}): RecordingFiles {
  const changes = createChanging();
  const opened = new Map<string, OpenedFile>();
  /** Files that are being opened, by path: two screens that ask at once share one reader. */
  const opening = new Map<string, Promise<OpenedFile>>();
  /** What a file said of itself, by path, as long as size and time of change stay the same. */
  const known = new Map<string, { readonly stamp: string; readonly info: RecordingFile }>();

  const describe = async (path: string): Promise<RecordingFile> => {
    const { size, mtimeMs } = statSync(path);
    const stamp = `${size} ${mtimeMs}`;
    const cached = known.get(path);
    if (cached?.stamp === stamp) return cached.info;
    let info: RecordingFile;
    try {
      const file = await options.open(path);
      info = { ...file.info, id: basename(path), path, bytes: size };
      await file.close();
    } catch (error) {
      const reason = isAppError(error) ? error.message : String(error);
      info = {
        id: basename(path),
        name: basename(path),
        path,
        from: null,
        to: null,
        bytes: size,
        tags: 0,
        samples: 0,
        damage: [reason],
      };
    }
    known.set(path, { stamp, info });
    return info;
  };
  const inFolder = (id: string): string => {
    const path = join(options.directory, basename(id));
    if (basename(id) !== id || !id.endsWith('.parx') || !existsSync(path)) {
      throw new AppError('store.not-found', `There is no recording "${id}" in ${options.directory}.`, {
        details: { kind: 'recording', id },
      });
    }
    return path;
  };
  const closeOne = async (id: string): Promise<void> => {
    const file = opened.get(id);
    if (file === undefined) return;
    opened.delete(id);
    changes.notify();
    await file.close();
  };

  return {
    async list() {
      if (!existsSync(options.directory)) return [];
      const names = readdirSync(options.directory).filter((name) => name.endsWith('.parx'));
      const files: RecordingFile[] = [];
      for (const name of names.sort().reverse()) files.push(await describe(join(options.directory, name)));
      return files;
    },
    opened: () => [...opened.values()].map((file) => file.info),
    async open({ id, path }) {
      const target = path !== null ? resolve(path) : inFolder(id ?? '');
      // Opening a pipe or a device would hold a reader's thread for ever.
      if (statSync(target, { throwIfNoEntry: false })?.isFile() !== true) {
        throw new AppError(
          'store.not-found',
          `There is no file ${target}. Check the path, and that the stick or share is connected.`,
          {
            details: { kind: 'recording', id: target },
          },
        );
      }
      for (const file of opened.values()) if (file.info.path === target) return file.info;
      const other = opening.get(target);
      if (other !== undefined) return (await other).info;
      const asked = options.open(target);
      opening.set(target, asked);
      const file = await asked.finally(() => opening.delete(target));
      opened.set(file.info.id, file);
      options.log.info('Recording opened.', { path: target, damage: file.info.damage.length });
      changes.notify();
      return file.info;
    },
    source: (id) => opened.get(id),
    close: closeOne,
    async remove(id) {
      const path = inFolder(id);
      for (const file of [...opened.values()]) if (file.info.path === path) await closeOne(file.info.id);
      rmSync(path);
      known.delete(path);
      changes.notify();
    },
    watch: changes.watch,
    changed: changes.notify,
    async closeAll() {
      for (const id of [...opened.keys()]) await closeOne(id);
    },
  };
}
