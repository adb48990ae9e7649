import { join } from 'node:path';
import type { LogLevel, LogLine } from './log.ts';
import { openLogFile } from './log-file.ts';
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
  /** Resolves when the file has all lines so far. */
  written(): Promise<void>;
  /** Brings waiting lines into the file before it returns: for the last moments of a crash. */
  flush(): void;
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
  const keepLines = options.keepLines ?? 5_000;
  /** Of every module that was heard of; a module whose lines are all left out is one as well. */
  const levels = new Map<string, LogLevel | null>();
  let defaultLevel = options.level;
  let lines: LogLine[] = [];
  let last = 0;
  const changes = createChanging();
  const textOf = (line: LogLine): string => `${JSON.stringify(line)}\n`;
  const file =
    options.directory === null
      ? null
      : openLogFile(join(options.directory, 'parx.log'), {
          maxBytes: options.maxFileBytes ?? 5 * 1024 * 1024,
          files: options.files ?? 5,
          lost: (count) =>
            textOf({
              time: new Date().toISOString(),
              level: 'warn',
              module: 'log',
              text: `${count} lines before this one could not be written.`,
            }),
        });

  return {
    write(line) {
      if (levels.size < MAX_MODULES && !levels.has(line.module)) levels.set(line.module, null);
      const from = levels.get(line.module) ?? defaultLevel;
      if (LEVELS.indexOf(line.level) < LEVELS.indexOf(from)) return;
      lines.push(line);
      last += 1;
      if (lines.length > keepLines * 1.2) lines = lines.slice(-keepLines);
      options.echo?.(line);
      file?.append(textOf(line));
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
    written: async () => file?.written(),
    flush: () => file?.flush(),
  };
}
