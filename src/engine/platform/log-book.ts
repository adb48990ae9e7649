import { appendFileSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { LogLevel, LogLine } from './log.ts';
import { createChanging } from './watch.ts';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
/** A module per connection at most, so far more than there are. */
const MAX_MODULES = 1_000;

/** The log of this run: a rotating file of JSON lines, the newest lines in memory for the viewer, levels per module. */
export interface LogBook {
  write(line: LogLine): void;
  /** Level from which on lines are kept, for all modules that have none of their own. */
  setLevel(module: null, level: LogLevel): void;
  /** A module's own level; null takes it away. */
  setLevel(module: string, level: LogLevel | null): void;
  /** Every module that has written, or has a level of its own, in alphabetical order; at most 1,000. */
  levels(): {
    readonly level: LogLevel;
    readonly modules: readonly { readonly module: string; readonly level: LogLevel | null }[];
  };
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
  /** Of every module that was heard of; a module whose lines are all left out is one as well. */
  const levels = new Map<string, LogLevel | null>();
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
      if (levels.size < MAX_MODULES && !levels.has(line.module)) levels.set(line.module, null);
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
    setLevel(module: string | null, level: LogLevel | null) {
      if (module !== null) levels.set(module, level);
      else if (level !== null) defaultLevel = level;
    },
    levels: () => ({
      level: defaultLevel,
      modules: [...levels]
        .map(([module, level]) => ({ module, level }))
        .sort((a, b) => (a.module < b.module ? -1 : 1))
        .slice(0, MAX_MODULES),
    }),
    since(after) {
      const first = last - lines.length;
      const from = Math.max(after, first);
      return { lines: lines.slice(from - first), last, dropped: from - after };
    },
    watch: changes.watch,
  };
}
