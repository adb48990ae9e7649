import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type OpenedFile, removeParts } from '#engine/historian/index.ts';
import { type Clock, createChanging, type Logger } from '#engine/platform/index.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import type { RecordingFile } from '#shared/model/index.ts';

/** Finished recordings in the data folder, and the files that are open for study, wherever they lie. */
export interface RecordingFiles {
  list(): Promise<readonly RecordingFile[]>;
  opened(): readonly RecordingFile[];
  /**
   * For a screen: by the id of the list or of an open file, or by path. A path is taken only when it lies in the
   * recordings folder or was chosen on this computer since the start; otherwise `access.denied`. Opening one that is
   * open already gives the same.
   */
  open(target: { readonly id: string | null; readonly path: string | null }): Promise<RecordingFile>;
  /** For the host: a file that was chosen in the system's own dialog or given to the program, wherever it lies. */
  openChosen(path: string): Promise<RecordingFile>;
  source(id: string): OpenedFile | undefined;
  /** The file of the recordings folder that has this id in the list; throws `store.not-found`. */
  pathOf(id: string): string;
  close(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  /** Also told of files that are put into the folder from outside, within some seconds. */
  watch(listener: () => void): Disposable;
  changed(): void;
  /** Removes the oldest of the folder, by the time of writing, until so many are left; those that are open stay. */
  keepNewest(count: number, before: (path: string) => Promise<void>): Promise<void>;
  closeAll(): Promise<void>;
}

/** How often the folder is looked at while a screen shows the list. */
const LOOK_MS = 2_000;

export function createRecordingFiles(options: {
  readonly directory: string;
  readonly open: (path: string) => Promise<OpenedFile>;
  readonly clock: Clock;
  readonly log: Logger;
}): RecordingFiles {
  const changes = createChanging();
  const folder = resolve(options.directory);
  // Nothing is written yet: what has the name of a part was left by a crash.
  removeParts(folder);
  const opened = new Map<string, { readonly file: OpenedFile; readonly info: RecordingFile }>();
  /** Chosen on this computer since the start: a screen may open these again. */
  const chosen = new Set<string>();
  /** Files that are being opened, by id: two screens that ask at once share one reader. */
  const opening = new Map<string, Promise<RecordingFile>>();
  /** What a file said of itself, by path, as long as size and time of change stay the same. */
  const known = new Map<string, { readonly stamp: string; readonly info: RecordingFile }>();

  const names = (): string[] =>
    existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.parx')) : [];
  /** Null for what is no file, or not there any more. */
  const describe = async (path: string): Promise<RecordingFile | null> => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isFile() !== true) return null;
    const { size, mtimeMs } = found;
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
    const path = join(folder, basename(id));
    if (basename(id) !== id || !id.endsWith('.parx') || !existsSync(path)) {
      throw new AppError('store.not-found', `There is no recording "${id}" in ${options.directory}.`, {
        details: { kind: 'recording', id },
      });
    }
    return path;
  };
  const closeOne = async (id: string): Promise<void> => {
    const known = opened.get(id);
    if (known === undefined) return;
    opened.delete(id);
    changes.notify();
    await known.file.close();
  };
  const openAt = async (target: string): Promise<RecordingFile> => {
    // Opening a pipe or a device would hold a reader's thread for ever.
    if (!isFile(target)) {
      throw new AppError(
        'store.not-found',
        `There is no file ${target}. Check the path, and that the stick or share is connected.`,
        { details: { kind: 'recording', id: target } },
      );
    }
    // One file, one id: what lies in the folder is open under the name that the list has for it.
    const id = dirname(target) === folder ? basename(target) : target;
    const known = opened.get(id);
    if (known !== undefined) return known.info;
    const other = opening.get(id);
    if (other !== undefined) return other;
    const asked = options.open(target).then((file) => {
      const info = { ...file.info, id };
      opened.set(id, { file, info });
      options.log.info('Recording opened.', { path: target, damage: info.damage.length });
      changes.notify();
      return info;
    });
    opening.set(id, asked);
    return asked.finally(() => opening.delete(id));
  };
  const mayOpen = (target: string): boolean =>
    chosen.has(target) || (dirname(target) === folder && target.endsWith('.parx'));

  /** Names, sizes and times of change in the folder; not every file system tells of changes by itself. */
  const look = (): string => {
    return names()
      .map((name) => {
        const found = statSync(join(folder, name), { throwIfNoEntry: false });
        return `${name}/${found?.size}/${found?.mtimeMs}`;
      })
      .join('\n');
  };
  let watchers = 0;
  let seen = '';
  let looking: Disposable | null = null;
  const lookLater = (): void => {
    looking = options.clock.after(LOOK_MS, () => {
      try {
        const now = look();
        if (now !== seen) changes.notify();
        seen = now;
      } catch (error) {
        options.log.warn('The folder of recordings could not be read.', { error: String(error) });
      }
      lookLater();
    });
  };

  return {
    async list() {
      const files: RecordingFile[] = [];
      for (const name of names().sort().reverse()) {
        const info = await describe(join(folder, name));
        if (info !== null) files.push(info);
      }
      return files;
    },
    opened: () => [...opened.values()].map(({ info }) => info),
    async open({ id, path }) {
      if (path === null) return opened.get(id ?? '')?.info ?? openAt(inFolder(id ?? ''));
      const target = resolve(path);
      if (!mayOpen(target)) {
        throw new AppError(
          'access.denied',
          `${target} lies outside of the recordings folder. Copy it to ${folder}, or open it with File > Open recording in the desktop program.`,
          { details: { required: folder } },
        );
      }
      return openAt(target);
    },
    async openChosen(path) {
      const target = resolve(path);
      chosen.add(target);
      return openAt(target);
    },
    source: (id) => opened.get(id)?.file,
    pathOf: inFolder,
    close: closeOne,
    async remove(id) {
      const path = inFolder(id);
      await closeOne(id);
      rmSync(path);
      known.delete(path);
      changes.notify();
    },
    watch(listener) {
      const subscription = changes.watch(listener);
      watchers += 1;
      if (watchers === 1) {
        seen = look();
        lookLater();
      }
      let watching = true;
      return {
        [Symbol.dispose]() {
          if (!watching) return;
          watching = false;
          subscription[Symbol.dispose]();
          watchers -= 1;
          if (watchers === 0) looking?.[Symbol.dispose]();
        },
      };
    },
    changed: changes.notify,
    async keepNewest(count, before) {
      const written = names().flatMap((name) => {
        const found = statSync(join(folder, name), { throwIfNoEntry: false });
        return found?.isFile() === true ? [{ name, time: found.mtimeMs }] : [];
      });
      written.sort((a, b) => a.time - b.time || (a.name < b.name ? -1 : 1));
      for (const { name } of written.slice(0, Math.max(0, written.length - count))) {
        const path = join(folder, name);
        const inUse = (): boolean => opened.has(name) || opening.has(name);
        if (inUse()) continue;
        await before(path);
        if (inUse()) continue;
        rmSync(path, { force: true });
        known.delete(path);
        options.log.info('The oldest recording was removed, because there are more than are to be kept.', { path });
        changes.notify();
      }
    },
    async closeAll() {
      await Promise.allSettled(opening.values());
      for (const id of [...opened.keys()]) await closeOne(id);
    },
  };
}

/** False as well for names that no file can have, and where the system does not let us look. */
function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
}
