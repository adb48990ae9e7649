import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeAll } from 'vitest';
import { WebSocket } from 'ws';
import { type HttpServer, type HttpServerOptions, startHttpServer } from '#main/http/index.ts';
import { type Port, serve } from '#shared/rpc/index.ts';
import { contract, nothingSeen, testHandlers } from '#test/contracts/port-fixture.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';

const folder = suiteDirectory();
/** A built screen, and beside it what must not be served. */
export const rendererDirectory = (): string => join(folder.path, 'renderer');
export const dataDirectory = (): string => folder.path;
beforeAll(() => {
  const renderer = rendererDirectory();
  mkdirSync(join(renderer, 'assets'), { recursive: true });
  writeFileSync(join(renderer, 'index.html'), '<!doctype html><title>ParX</title>');
  writeFileSync(join(renderer, 'assets', 'index-abc123.js'), 'export {};');
  writeFileSync(join(renderer, 'icon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  writeFileSync(join(renderer, 'notes.unknown'), 'not served');
  writeFileSync(join(folder.path, 'secret.txt'), 'the secret');
  symlinkSync(join(folder.path, 'secret.txt'), join(renderer, 'link.txt'));
  writeFileSync(join(folder.path, 'export.csv'), 'time,value\n');
});

// Registered first, so that it looks after the servers below have been closed.
guardLeaks();

const servers: HttpServer[] = [];
const sockets: WebSocket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  for (const server of servers.splice(0)) await server.close();
});

export async function start(options: Partial<HttpServerOptions> = {}) {
  const seen = nothingSeen();
  const ports: Port[] = [];
  const warnings: string[] = [];
  const server = await startHttpServer({
    engine: {
      attach(port, session) {
        ports.push(port);
        return serve(contract, testHandlers(seen), port, session);
      },
      async openArtifact(id) {
        if (id === 'gone') return { path: join(folder.path, 'gone.csv'), name: 'gone.csv', mediaType: 'text/csv' };
        if (id !== 'job-1') return null;
        return { path: join(folder.path, 'export.csv'), name: 'Dicke "Walze 1".csv', mediaType: 'text/csv' };
      },
    },
    rendererDirectory: rendererDirectory(),
    log: { info: () => undefined, warn: (text) => warnings.push(text) },
    ...options,
  });
  servers.push(server);
  const { port } = server.address;
  return { server, seen, ports, warnings, port, origin: `http://127.0.0.1:${port}` };
}
export type Started = Awaited<ReturnType<typeof start>>;

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
/** A request with exactly these headers; `path` goes over the wire as it is, without being made regular first. */
export async function ask(
  { port }: Started,
  path: string,
  { method = 'GET', headers = {}, body = '' }: { method?: string; headers?: OutgoingHttpHeaders; body?: string } = {},
): Promise<Answer> {
  const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false });
  request.end(body);
  const [response] = await once(request, 'response');
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode, headers: response.headers, body: text };
}

export const tokenOf = (url: string): string => new URL(url).hash.slice('#token='.length);
export function exchange(started: Started, token: string, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
  return ask(started, '/session', {
    method: 'POST',
    headers: { origin: started.origin, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ token }),
  });
}
export async function signIn(started: Started): Promise<string> {
  const answer = await exchange(started, tokenOf(started.server.issueUrl()));
  return answer.headers['set-cookie']![0]!.split(';')[0]!;
}

export function openSocket(started: Started, headers: OutgoingHttpHeaders, path = '/rpc'): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${started.port}${path}`, { headers: headers as Record<string, string> });
  // A refused handshake is an error event too; the tests look at the answer.
  socket.on('error', () => undefined);
  sockets.push(socket);
  return socket;
}
export async function refusalOf(socket: WebSocket): Promise<number> {
  const [request, response] = await once(socket, 'unexpected-response');
  request.destroy();
  return response.statusCode;
}
export async function signedInSocket(started: Started): Promise<WebSocket> {
  const socket = openSocket(started, { cookie: await signIn(started), origin: started.origin });
  await once(socket, 'open');
  return socket;
}
