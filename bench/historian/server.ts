import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { countServer, forgetServer } from './system.ts';

export interface Server {
  stop(): Promise<void>;
}

const READY_MS = 60_000;

/**
 * Starts a server program of this computer on loopback and waits until `ready` does not throw. Its processor time
 * counts as this process's. It ends with this process; `user` is who it runs as where root is not allowed.
 */
export async function startServer(
  path: string,
  args: readonly string[],
  ready: () => Promise<unknown>,
  user?: { readonly uid: number; readonly gid: number },
): Promise<Server> {
  const child = spawn(path, args, { stdio: ['ignore', 'ignore', 'pipe'], ...user });
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => {
    said = `${said}${bytes.toString()}`.slice(-2_000);
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = once(child, 'exit');
  if (child.pid === undefined) throw new Error(`${path} did not start`);
  countServer(child.pid);
  const until = performance.now() + READY_MS;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${path} ended while starting: ${said}`);
    try {
      await ready();
      break;
    } catch (error) {
      if (performance.now() > until) throw new Error(`${path} was not ready in time (${String(error)}): ${said}`);
      await wait(50);
    }
  }
  return {
    async stop() {
      // PostgreSQL's fast end; the others have no other meaning for it.
      child.kill('SIGINT');
      await ended;
      forgetServer(child.pid!);
      process.off('exit', kill);
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** An answer of a server on loopback; throws with what it said when it is not a success. */
export async function request(url: string, body?: BodyInit, headers: Record<string, string> = {}): Promise<string> {
  const answer = await fetch(url, body === undefined ? { headers } : { method: 'POST', body, headers });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url.slice(0, 200)}: ${answer.status} ${text.slice(0, 500)}`);
  return text;
}
