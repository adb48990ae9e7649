import { appendFileSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { appendFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A text file of lines that grows to a size, is then kept under a number, and begins anew. */
export interface LogFile {
  /** Returns at once; the line is with the operating system some milliseconds later. `line` ends with a line end. */
  append(line: string): void;
  /** Resolves when all lines so far are written, or lost. */
  written(): Promise<void>;
  /** Writes what waits before it returns: for the last moments of a crash. */
  flush(): void;
}

export interface LogFileOptions {
  readonly maxBytes: number;
  /** With the one that is written to. */
  readonly files: number;
  /** A line that says how many were lost before it. */
  readonly lost: (count: number) => string;
}

/** A disk that takes nothing for so long that this waits gets no more; what is left out is counted. */
const MOST_WAITING_BYTES = 1 << 20;

export function openLogFile(path: string, { maxBytes, files, lost }: LogFileOptions): LogFile {
  let waiting: string[] = [];
  let waitingBytes = 0;
  let lostLines = 0;
  let pumping: Promise<void> | null = null;
  // A read-only data folder must not keep the program from starting; the first line tries again.
  let size = 0;
  try {
    mkdirSync(dirname(path), { recursive: true });
    size = existsSync(path) ? statSync(path).size : 0;
  } catch {
    size = 0;
  }

  const rotate = async (): Promise<void> => {
    await rm(`${path}.${files - 1}`, { force: true });
    for (let n = files - 2; n >= 0; n--) {
      const from = n === 0 ? path : `${path}.${n}`;
      if (existsSync(from)) await rename(from, `${path}.${n + 1}`);
    }
    size = 0;
  };
  /** As many lines as fit into the present file; one at least. */
  const take = (): { readonly text: string; readonly bytes: number; readonly lines: number } => {
    let bytes = 0;
    let lines = 0;
    for (const line of waiting) {
      const more = Buffer.byteLength(line);
      if (lines > 0 && size + bytes + more > maxBytes) break;
      bytes += more;
      lines += 1;
    }
    const text = waiting.slice(0, lines).join('');
    waiting = waiting.slice(lines);
    waitingBytes -= bytes;
    return { text, bytes, lines };
  };
  const pump = async (): Promise<void> => {
    // Lines of the same turn go together.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      let lines = 0;
      try {
        if (size > 0 && size + Buffer.byteLength(waiting[0]!) > maxBytes) await rotate();
        const batch = take();
        lines = batch.lines;
        await appendFile(path, batch.text);
        size += batch.bytes;
      } catch {
        // The disk is full or gone: the log must not take the recording down with it. The next line tries again.
        lostLines += lines === 0 ? drop() : lines;
      }
    }
    pumping = null;
  };
  const drop = (): number => {
    const count = waiting.length;
    waiting = [];
    waitingBytes = 0;
    return count;
  };

  return {
    append(line) {
      const text = lostLines === 0 ? line : `${lost(lostLines)}${line}`;
      const bytes = Buffer.byteLength(text);
      if (waitingBytes + bytes > MOST_WAITING_BYTES) {
        lostLines += 1;
        return;
      }
      lostLines = 0;
      waiting.push(text);
      waitingBytes += bytes;
      pumping ??= pump();
    },
    async written() {
      await pumping;
      // The file's handle is let go of a turn after the write; who waits here may end the program next.
      await new Promise((resolve) => setImmediate(resolve));
    },
    flush() {
      const text = waiting.join('');
      drop();
      try {
        if (text !== '') appendFileSync(path, text);
      } catch {
        // There is no later moment to try again.
      }
    },
  };
}
