import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { contract } from '#shared/rpc/contract.ts';
import { connect, webSocketPort } from '#shared/rpc/index.ts';
import type { EngineClient } from '#test/support/engine.ts';

/** The built headless engine in a process of its own, with screens over real WebSockets. */
export interface EngineProcess {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Exit code; null after a signal. */
  readonly ended: Promise<number | null>;
  /** Waits for the address; rejects with what the program said when it ends before. */
  ready(): Promise<URL>;
  screen(): Promise<EngineClient>;
  /** As a power cut for this process. */
  kill(): Promise<void>;
  /** Orderly, as Ctrl+C. */
  stop(): Promise<number | null>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const entry = fileURLToPath(new URL('../../out/main/engine.js', import.meta.url));

/** Ends with the running test. `before` is a command that runs the rest of its arguments, as `unshare` does. */
export function startEngineProcess(
  dataDirectory: string,
  options: {
    readonly flags?: readonly string[];
    readonly nodeFlags?: readonly string[];
    readonly before?: readonly string[];
  } = {},
): EngineProcess {
  const { flags = [], nodeFlags = [], before = [] } = options;
  const line = [...before, process.execPath, ...nodeFlags, entry, '--data', dataDirectory, '--port', '0', ...flags];
  const child = spawn(line[0] as string, line.slice(1), { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
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
  // A test that expects no address does not wait for it.
  address.catch(() => undefined);
  let cookie: Promise<string> | null = null;
  return {
    child,
    output: () => output,
    ended,
    ready: () => address,
    async screen() {
      const { origin, host } = await address;
      cookie ??= signIn(await address);
      const socket = new WebSocket(`ws://${host}/rpc`, { headers: { cookie: await cookie, origin } });
      await once(socket, 'open');
      const { build } = JSON.parse(readFileSync(`${root}/out/build.json`, 'utf8')) as { readonly build: string };
      return connect(contract, webSocketPort(socket), { build }) as EngineClient;
    },
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

async function signIn(address: URL): Promise<string> {
  const answer = await fetch(new URL('/session', address), {
    method: 'POST',
    headers: { origin: address.origin, 'content-type': 'application/json' },
    body: JSON.stringify({ token: address.hash.slice('#token='.length) }),
  });
  return answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
}
