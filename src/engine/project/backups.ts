import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, extname, join } from 'node:path';
import { openDatabase } from '#engine/platform/index.ts';
import type { UnixMicros } from '#shared/model/index.ts';

export interface Backup {
  readonly path: string;
  readonly time: UnixMicros;
  readonly bytes: number;
}

export interface BackupPolicy {
  /** So many newest are kept whatever their age. */
  readonly newest: number;
  /** Of older ones the last of each day (UTC), for so many days. */
  readonly days: number;
}
export const DEFAULT_POLICY: BackupPolicy = { newest: 10, days: 30 };

const DAY = 86_400_000_000;

/** Which backups to delete: what is neither among the newest nor the last of a recent day. */
export function outdated(backups: readonly Backup[], now: UnixMicros, policy: BackupPolicy): readonly Backup[] {
  const newestFirst = [...backups].sort((a, b) => b.time - a.time);
  const daysKept = new Set<number>();
  return newestFirst.filter((backup, index) => {
    const day = Math.floor(backup.time / DAY);
    const lastOfDay = !daysKept.has(day);
    daysKept.add(day);
    if (index < policy.newest) return false;
    return !lastOfDay || now - backup.time > policy.days * DAY;
  });
}

/** `plant.parx` at some time -> `plant 2026-11-21T041000.123Z.parx`: sorts by time and says it to a reader. */
export function backupName(project: string, time: UnixMicros): string {
  const extension = extname(project);
  const stamp = new Date(time / 1000).toISOString().replaceAll(':', '');
  return `${basename(project, extension)} ${stamp}${extension}`;
}

export function listBackups(directory: string, project: string): readonly Backup[] {
  if (!existsSync(directory)) return [];
  const extension = extname(project);
  const prefix = `${basename(project, extension)} `;
  return readdirSync(directory)
    .flatMap((name) => {
      if (!name.startsWith(prefix) || !name.endsWith(extension)) return [];
      const stamp = /^(\d{4}-\d\d-\d\d)T(\d\d)(\d\d)(\d\d\.\d{3})Z$/.exec(
        name.slice(prefix.length, name.length - extension.length),
      );
      if (stamp === null) return [];
      const time = Date.parse(`${stamp[1]}T${stamp[2]}:${stamp[3]}:${stamp[4]}Z`) * 1000;
      const path = join(directory, name);
      return [{ path, time, bytes: statSync(path).size }];
    })
    .sort((a, b) => b.time - a.time);
}

/**
 * Puts a copy that `write` makes in place: written beside its name, taken out of WAL mode so that it is one file that
 * opens anywhere, synced, then renamed.
 */
export async function placeCopy(path: string, write: (part: string) => Promise<void> | void): Promise<void> {
  const part = `${path}.part`;
  rmSync(part, { force: true });
  try {
    await write(part);
    openDatabase(part, { journal: 'delete', mustExist: true }).close();
    const file = openSync(part, 'r+');
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(part, path);
  } catch (error) {
    for (const rest of [part, `${part}-wal`, `${part}-shm`, `${part}-journal`]) rmSync(rest, { force: true });
    throw error;
  }
}

export function prepareDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true });
}
