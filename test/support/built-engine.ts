import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The built headless engine in a process of its own, as a user runs it. Whoever starts it ends it. */
export interface BuiltEngine {
  readonly child: ChildProcess;
  /** What it has printed so far, both streams. */
  output(): string;
  /** Exit code; null after a signal. */
  readonly ended: Promise<number | null>;
  /** Its address with a token that works once; rejects with what the program said when it ends before. */
  ready(): Promise<URL>;
  /** As a power cut for this process: nothing runs after it. */
  kill(): Promise<void>;
  /** Orderly, as Ctrl+C; resolves with the exit code. */
  stop(): Promise<number | null>;
}

export interface BuiltEngineOptions {
  readonly flags?: readonly string[];
  readonly nodeFlags?: readonly string[];
  /** A command that runs the rest of its arguments, as `unshare` does. */
  readonly before?: readonly string[];
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** On a free port, unless the flags say another. */
export function startBuiltEngine(dataDirectory: string, options: BuiltEngineOptions = {}): BuiltEngine {
  const { flags = [], nodeFlags = [], before = [] } = options;
  const entry = `${root}/out/main/engine.js`;
  const line = [...before, process.execPath, ...nodeFlags, entry, '--data', dataDirectory, '--port', '0', ...flags];
  const child = spawn(line[0]!, line.slice(1), { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const address = new Promise<URL>((resolve, reject) => {
    const read = (text: string): void => {
      output += text;
      const found = /Open (http:\S+)/.exec(output)?.[1];
      if (found !== undefined) resolve(new URL(found));
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    void ended.then((code) => reject(new Error(`The engine ended with ${code} before it was ready.\n${output}`)));
  });
  // Who expects no address does not wait for it.
  address.catch(() => undefined);
  return {
    child,
    output: () => output,
    ended,
    ready: () => address,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
