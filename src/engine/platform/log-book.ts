import { appendFileSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { LogLevel, LogLine } from './log.ts';
import { createChanging } from './watch.ts';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** The log of this run: a rotating file of JSON lines, the newest lines in memory for the viewer, levels per module. */
export interface LogBook {
  write(line: LogLine): void;
  /** Level from which on lines are kept; for one module, or for all that have none of their own. */
  setLevel(module: string | null, level: LogLevel): void;
  /** Lines after number `after`, oldest first, and the number of the newest. Lines that have left memory are counted. */
  since(after: number): { readonly lines: readonly LogLine[]; readonly last: number; readonly dropped: number };
  watch(listener: () => void): Disposable;
}

export interface LogBookOptions {
  /** Null keeps lines in memory only. */
  readonly directory: string | null;
  readonly level: LogLevel;
  readonly maxFileBytes?: number;
  readonly files?: number;
  readonly keepLines?: number;
  /** Called for each kept line as well; a host prints it. */
  readonly echo?: (line: LogLine) => void;
}

export function createLogBook(options: LogBookOptions): LogBook {
  const maxFileBytes = options.maxFileBytes ?? 5 * 1024 * 1024;
  const files = options.files ?? 5;
  const keepLines = options.keepLines ?? 5_000;
  const levels = new Map<string, LogLevel>();
  let defaultLevel = options.level;
  let lines: LogLine[] = [];
  let last = 0;
  let size = 0;
  let usable = options.directory !== null;
  const path = options.directory === null ? null : join(options.directory, 'parx.log');
  const changes = createChanging();

  if (path !== null && options.directory !== null) {
    try {
      mkdirSync(options.directory, { recursive: true });
      size = existsSync(path) ? statSync(path).size : 0;
    } catch {
      // A read-only data folder must not keep the program from starting; the viewer still has the lines.
      usable = false;
    }
  }

  const rotate = (): void => {
    if (path === null) return;
    rmSync(`${path}.${files - 1}`, { force: true });
    for (let n = files - 2; n >= 1; n--) if (existsSync(`${path}.${n}`)) renameSync(`${path}.${n}`, `${path}.${n + 1}`);
    renameSync(path, `${path}.1`);
    size = 0;
  };

  return {
    write(line) {
      const from = levels.get(line.module) ?? defaultLevel;
      if (LEVELS.indexOf(line.level) < LEVELS.indexOf(from)) return;
      lines.push(line);
      last += 1;
      if (lines.length > keepLines * 1.2) lines = lines.slice(-keepLines);
      options.echo?.(line);
      if (usable && path !== null) {
        const text = `${JSON.stringify(line)}\n`;
        try {
          if (size + text.length > maxFileBytes && size > 0) rotate();
          appendFileSync(path, text);
          size += Buffer.byteLength(text);
        } catch {
          // The disk is full or gone: the log must not take the recording down with it. The next line tries again.
        }
      }
      changes.notify();
    },
    setLevel(module, level) {
      if (module === null) defaultLevel = level;
      else levels.set(module, level);
    },
    since(after) {
      const first = last - lines.length;
      const from = Math.max(after, first);
      return { lines: lines.slice(from - first), last, dropped: from - after };
    },
    watch: changes.watch,
  };
}
