import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { contract } from '#shared/rpc/contract.ts';
import { connect, webSocketPort } from '#shared/rpc/index.ts';
import { type BuiltEngine, type BuiltEngineOptions, startBuiltEngine } from '#test/support/built-engine.ts';
import type { EngineClient } from '#test/support/engine.ts';

/** The built engine with screens over real WebSockets. */
export interface EngineProcess extends BuiltEngine {
  screen(): Promise<EngineClient>;
}

/** Ends with the running test. */
export function startEngineProcess(dataDirectory: string, options: BuiltEngineOptions = {}): EngineProcess {
  const engine = startBuiltEngine(dataDirectory, options);
  onTestFinished(() => void engine.child.kill('SIGKILL'));
  let cookie: Promise<string> | null = null;
  return {
    ...engine,
    async screen() {
      const address = await engine.ready();
      const { origin, host } = address;
      cookie ??= signIn(address);
      const socket = new WebSocket(`ws://${host}/rpc`, { headers: { cookie: await cookie, origin } });
      await once(socket, 'open');
      const { build } = JSON.parse(readFileSync(new URL('../../out/build.json', import.meta.url), 'utf8')) as {
        readonly build: string;
      };
      return connect(contract, webSocketPort(socket), { build }) as EngineClient;
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
