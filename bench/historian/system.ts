import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  fdatasyncSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** Work that has nothing to do with the program, as a measure of the machine and of what else runs on it. */
export function calibrate(): number {
  const started = performance.now();
  let sum = 0;
  for (let index = 0; index < 50_000_000; index++) sum = (sum + index * 31) | 0;
  if (sum === 1) console.log('');
  return performance.now() - started;
}

export const percentile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? Number.NaN;

/** Of a processor second in /proc. */
const TICKS = 100;
/** Servers that work for this process; their processor time counts as its own. */
const servers = new Set<number>();
export const countServer = (pid: number): void => void servers.add(pid);
export const forgetServer = (pid: number): void => void servers.delete(pid);

/** Processor seconds, user and system, of all threads of this process and of its servers, also of those that ended. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6 + endedSeconds() + (servers.size > 0 ? serverSeconds() : 0);
}

/** Of child processes that ended, with the children that they had waited for; only Linux tells. */
function endedSeconds(): number {
  const fields = statOf('self');
  return fields === null ? 0 : (Number(fields[13]) + Number(fields[14])) / TICKS;
}

/** Of the servers and the processes they started, ended ones too, from /proc. */
function serverSeconds(): number {
  const parents = new Map<number, number>();
  const ticks = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const fields = statOf(name);
    if (fields === null) continue;
    parents.set(Number(name), Number(fields[1]));
    ticks.set(
      Number(name),
      [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0),
    );
  }
  let sum = 0;
  for (const [pid, own] of ticks) {
    for (let up: number | undefined = pid; up !== undefined && up > 1; up = parents.get(up)) {
      if (servers.has(up)) {
        sum += own;
        break;
      }
    }
  }
  return sum / TICKS;
}

/** Fields of /proc/<pid>/stat from the third (state) on: the second may hold spaces. Null when the process is gone. */
function statOf(pid: string): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

export const threadCpuSeconds = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
};

/** Bytes that this process has asked the system to read, by all threads; null where the system or a server does it uncounted. */
export function bytesRead(): number | null {
  if (process.platform !== 'linux' || servers.size > 0) return null;
  return Number(/^rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))![1]);
}

export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Without the parts of sparse files that were never written. */
export const folderBytes = (folder: string): number =>
  filesIn(folder)
    .map((file) => statSync(file))
    .reduce((sum, { size, blocks }) => sum + Math.min(size, blocks * 512 || size), 0);

function askDd(file: string): boolean {
  const args = [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none'];
  return spawnSync('dd', args, { stdio: 'ignore' }).status === 0;
}

/** Whether the page cache can be emptied of single files here: GNU dd asks for it, which needs no rights. */
export function canDropCache(folder: string): boolean {
  if (process.platform !== 'linux') return false;
  const file = join(folder, 'probe');
  writeFileSync(file, 'probe');
  const can = askDd(file);
  rmSync(file);
  return can;
}

/** Makes the next read of these files come from the disk, as far as the system obeys (`posix_fadvise` DONTNEED). */
export function dropCache(folder: string): void {
  if (process.platform !== 'linux') return;
  // A database server has a thousand small ones besides, which matter to nobody.
  for (const file of filesIn(folder)) if (statSync(file).size > 65_536) askDd(file);
}

/** What a disk gives to a log: `rounds` times `bytes` appended and synced, into a file that grows and one that does not. */
export function diskBound(
  folder: string,
  bytes: number,
  rounds: number,
): { readonly growing: number; readonly preallocated: number } {
  const data = Buffer.alloc(bytes, 7);
  const run = (name: string, ahead: boolean): number => {
    const path = join(folder, name);
    const file = openSync(path, 'w');
    if (ahead) {
      writeSync(file, Buffer.alloc(bytes * rounds));
      fdatasyncSync(file);
    }
    const started = performance.now();
    for (let round = 0; round < rounds; round++) {
      writeSync(file, data, 0, bytes, round * bytes);
      fdatasyncSync(file);
    }
    const took = performance.now() - started;
    closeSync(file);
    rmSync(path);
    return took / rounds;
  };
  return { growing: run('growing', false), preallocated: run('preallocated', true) };
}

/** Path of a program that the system has, or null. */
export function programPath(name: string, ...folders: readonly string[]): string | null {
  for (const folder of [...(process.env.PATH ?? '').split(':'), ...folders]) {
    if (folder !== '' && statSync(join(folder, name), { throwIfNoEntry: false })?.isFile() === true)
      return join(folder, name);
  }
  return null;
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/** Runs a program to its end; throws with what it said. */
export function runProgram(
  path: string,
  args: readonly string[],
  options: { readonly uid?: number; readonly gid?: number } = {},
): string {
  return execFileSync(path, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 26,
    ...options,
  });
}
