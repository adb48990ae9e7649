import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Clock, readDurable, writeDurable } from '#engine/platform/index.ts';
import { type TimeRange, unixMicros } from '#shared/model/index.ts';

/** What is asked for: the same again goes on where it was. */
export interface FetchedRange {
  readonly source: string;
  readonly tags: readonly string[];
  readonly range: TimeRange;
}

const kept = z.object({
  /** Ids that the source had, in the order of their numbers in the store. */
  tags: z.array(z.string()),
  range: z.object({ from: unixMicros, to: unixMicros }),
  /** Every sample before this is in the store. */
  reached: unixMicros,
  /** When it was last worked on. */
  at: unixMicros,
});
export type Kept = z.infer<typeof kept>;

const MOST_KEPT = 3;
const KEEPS_US = 7 * 86_400e6;
const NOTE = 'kept.json';

/** Folders with what was fetched of ranges whose fetch did not come to its end: the newest, for a week. */
export interface KeptFetches {
  folderOf(request: FetchedRange): string;
  /** What is there; null where nothing is, or nothing that can be gone on with. */
  read(request: FetchedRange): Kept | null;
  write(request: FetchedRange, state: Omit<Kept, 'at' | 'range'>): void;
  remove(request: FetchedRange): void;
  /** Takes away what is too old or too many. */
  tidy(): void;
}

export function openKeptFetches(directory: string, clock: Pick<Clock, 'now'>): KeptFetches {
  const removeFolder = (folder: string): void => {
    // Windows keeps a file for a moment after its last handle is closed.
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };
  const nameOf = ({ source, tags, range }: FetchedRange): string =>
    createHash('sha256')
      .update(JSON.stringify([source, [...tags].sort(), range.from, range.to]))
      .digest('hex')
      .slice(0, 32);
  const folderOf = (request: FetchedRange): string => join(directory, nameOf(request));
  const readIn = (folder: string): Kept | null => {
    try {
      const text = readDurable(join(folder, NOTE));
      return text === null ? null : kept.parse(JSON.parse(text));
    } catch {
      return null;
    }
  };
  const tidy = (): void => {
    if (!existsSync(directory)) return;
    const all = readdirSync(directory)
      .map((name) => join(directory, name))
      .map((path) => ({ path, state: statSync(path).isDirectory() ? readIn(path) : null }))
      .sort((a, b) => (b.state?.at ?? 0) - (a.state?.at ?? 0));
    for (const [place, { path, state }] of all.entries()) {
      if (state === null || place >= MOST_KEPT || clock.now() - state.at > KEEPS_US) removeFolder(path);
    }
  };
  tidy();
  return {
    folderOf,
    read: (request) => readIn(folderOf(request)),
    write(request, state) {
      const folder = folderOf(request);
      mkdirSync(folder, { recursive: true });
      writeDurable(join(folder, NOTE), JSON.stringify({ ...state, range: request.range, at: clock.now() }));
    },
    remove: (request) => removeFolder(folderOf(request)),
    tidy,
  };
}
