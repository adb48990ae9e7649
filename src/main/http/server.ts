import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, isIPv4 } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { type WebSocket, WebSocketServer } from 'ws';
import { AppError } from '#shared/errors.ts';
import { FRAME_LIMITS, type Port, type Session } from '#shared/rpc/index.ts';
import { cookieName, createAccess, createOrigins } from './access.ts';
import { assetHeaders, dataHeaders, pageHeaders } from './security-headers.ts';
import { sessionFile } from './session-file.ts';
import { socketPort } from './socket-port.ts';
import { createStaticFiles } from './static-files.ts';

/** The part of the engine that this server needs. */
export interface HostedEngine {
  attach(port: Port, session: Session): Disposable;
  /** A finished export, or null when there is none of this id. */
  openArtifact(
    id: string,
  ): Promise<{ readonly path: string; readonly name: string; readonly mediaType: string } | null>;
}

export interface HttpServerOptions {
  readonly engine: HostedEngine;
  /** The built screen. */
  readonly rendererDirectory: string;
  /** Loopback only until users exist. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port?: number;
  /** Where sessions are kept, so that a browser stays signed in over a restart; without it they end with the process. */
  readonly dataDirectory?: string;
  readonly log?: { info(text: string, fields?: object): void; warn(text: string, fields?: object): void };
  readonly maxBufferedBytes?: number;
  readonly pingMs?: number;
}

export interface HttpServer {
  readonly address: { readonly host: string; readonly port: number };
  /** Address of the screen with a token that works once. */
  readonly url: string;
  /** The same with a new token, for another browser. */
  issueUrl(): string;
  close(): Promise<void>;
}

/** Until there are users, whoever may open the program's page on this computer may do everything. */
const LOCAL_SESSION: Session = { user: 'local', role: 'admin' };
const MAX_SOCKETS = 64;
const RPC_PATH = '/rpc';
/** Close code of RFC 6455, 7.4.1. */
const ENDPOINT_FAILED = 1011;

/** Serves the screen, its socket and finished exports. Throws `config.invalid` for an address that is not loopback. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { engine, host = '127.0.0.1', log, maxBufferedBytes = 33_554_432, pingMs = 15_000 } = options;
  refuseOtherThanLoopback(host);

  const shownHost = host.includes(':') ? `[${host}]` : host;
  const keptSessions =
    options.dataDirectory === undefined
      ? null
      : sessionFile(join(options.dataDirectory, 'web-sessions.json'), (sentence) => log?.warn(sentence));
  let port = 0;
  const access = createAccess(() => cookieName(port), keptSessions);
  const origins = createOrigins(shownHost, () => port);
  const findFile = createStaticFiles(options.rendererDirectory);
  const app = Fastify({
    bodyLimit: 1024,
    requestTimeout: 30_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
    // An address that cannot be decoded gets here without passing any hook.
    frameworkErrors: (_error, _request, reply) => refuse(reply, 400, 'The address is not valid.'),
  });

  app.addHook('onRequest', async (request, reply) => {
    const refusal = origins.refusal(request.headers, request.method !== 'GET' && request.method !== 'HEAD');
    if (refusal !== null) return refuse(reply, 403, refusal);
    return undefined;
  });
  app.setNotFoundHandler((_request, reply) => refuse(reply, 404, 'There is nothing at this address.'));
  app.setErrorHandler((error: { readonly statusCode?: number; readonly message?: string }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return refuse(reply, status, 'The request is not valid.');
    log?.warn('A request failed.', { url: request.routeOptions.url, error: String(error.message) });
    return refuse(reply, 500, 'The request failed. The log has the reason.');
  });

  app.get('/healthz', (_request, reply) => reply.headers(dataHeaders()).send({ status: 'ok' }));

  app.get('/session', (request, reply) => {
    reply.headers(dataHeaders());
    return access.isSignedIn(request.headers) ? reply.code(204).send() : refuse(reply, 401, SIGN_IN_AGAIN);
  });
  app.post('/session', (request, reply) => {
    const token = (request.body as { readonly token?: unknown } | null)?.token;
    const session = typeof token === 'string' ? access.exchange(token) : null;
    if (session === null) {
      log?.warn('A token was refused: it is unknown or has been used.');
      return refuse(reply, 401, SIGN_IN_AGAIN);
    }
    const cookie = `${cookieName(port)}=${session}; Path=/; HttpOnly; SameSite=Strict`;
    return reply.code(204).headers(dataHeaders()).header('set-cookie', cookie).send();
  });

  app.get(
    '/artifacts/:id',
    { exposeHeadRoute: false },
    async (request: FastifyRequest<{ Params: { id: string } }>, reply) => {
      if (!access.isSignedIn(request.headers)) return refuse(reply, 401, SIGN_IN_AGAIN);
      const artifact = await engine.openArtifact(request.params.id);
      if (artifact === null) return refuse(reply, 404, 'This export is not there any more.');
      const file = await open(artifact.path).catch(() => null);
      if (file === null) return refuse(reply, 404, 'The file of this export is not there any more.');
      return reply
        .headers(dataHeaders())
        .header('content-type', artifact.mediaType)
        .header('content-length', (await file.stat()).size)
        .header('content-disposition', attachment(artifact.name))
        .send(file.createReadStream());
    },
  );

  app.get('/*', (request, reply) => {
    const pathname = request.url.split('?', 1)[0]!;
    const file = findFile(pathname);
    if (file === null) {
      return pathname === '/'
        ? refuse(reply, 503, 'The screen has not been built. Run "npm run build" and start again.')
        : refuse(reply, 404, 'There is nothing at this address.');
    }
    const headers = file.mediaType.startsWith('text/html')
      ? pageHeaders(request.headers.host!)
      : assetHeaders(pathname.startsWith('/assets/'));
    return reply.headers(headers).header('content-type', file.mediaType).send(createReadStream(file.path));
  });

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: FRAME_LIMITS.frameBytes,
    perMessageDeflate: false,
  });
  const attached = new Set<Disposable>();
  app.server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    // Until `ws` takes over, nobody else listens for what a broken stream throws.
    const ignore = (): undefined => undefined;
    stream.on('error', ignore);
    const status = refusedUpgrade(request);
    if (status !== null) {
      stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => stream.destroy());
      return;
    }
    stream.off('error', ignore);
    sockets.handleUpgrade(request, stream, head, attach);
  });

  function refusedUpgrade(request: IncomingMessage): string | null {
    if (request.url !== RPC_PATH) return '404 Not Found';
    if (origins.refusal(request.headers, true) !== null) return '403 Forbidden';
    if (!access.isSignedIn(request.headers)) return '401 Unauthorized';
    return sockets.clients.size >= MAX_SOCKETS ? '503 Service Unavailable' : null;
  }

  function attach(socket: WebSocket): void {
    socket.on('error', (error) => log?.warn('A screen sent what is no WebSocket message.', { error: error.message }));
    const onDropped = (reason: string): void => log?.warn(`A screen was disconnected. ${reason}`);
    let screen: Disposable;
    try {
      screen = engine.attach(socketPort(socket, { maxBufferedBytes, pingMs, onDropped }), LOCAL_SESSION);
    } catch (error) {
      log?.warn('A screen could not be connected to the engine.', { error: String(error) });
      socket.close(ENDPOINT_FAILED);
      return;
    }
    attached.add(screen);
    socket.once('close', () => {
      attached.delete(screen);
      screen[Symbol.dispose]();
    });
  }

  try {
    // One socket for "localhost": its IPv6 twin might belong to another program.
    await app.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port: options.port ?? 0 });
  } catch (error) {
    throw cannotListen(host, options.port ?? 0, error);
  }
  port = (app.server.address() as AddressInfo).port;
  const issueUrl = (): string => `http://${shownHost}:${port}/#token=${access.issueToken()}`;

  let closing: Promise<void> | null = null;
  return {
    address: { host, port },
    url: issueUrl(),
    issueUrl,
    close() {
      closing ??= (async () => {
        for (const screen of attached) screen[Symbol.dispose]();
        for (const socket of sockets.clients) socket.terminate();
        sockets.close();
        await app.close();
      })();
      return closing;
    },
  };
}

const SIGN_IN_AGAIN =
  'This browser is not signed in: the token of the address has been used or belongs to an earlier start. Open the address that ParX printed last.';

function refuse(reply: FastifyReply, status: number, message: string): FastifyReply {
  return reply.code(status).headers(dataHeaders()).send({ message });
}

function refuseOtherThanLoopback(host: string): void {
  if (host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))) return;
  throw new AppError(
    'config.invalid',
    `ParX does not listen on ${host}: anybody who reaches that address could control it, because no users have been set up. Use 127.0.0.1.`,
    { details: { issues: [{ path: 'host', message: 'Only loopback until users exist.' }] } },
  );
}

function cannotListen(host: string, port: number, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'Another program uses it. Choose another with --port, or --port 0 for any free one.',
    EACCES: 'The system does not allow it. Choose a port from 1024 up with --port.',
    EADDRNOTAVAIL: 'This computer does not have the address. Use 127.0.0.1.',
  };
  const reason = code === undefined ? undefined : reasons[code];
  if (reason === undefined) return error;
  return new AppError('config.invalid', `ParX cannot listen on ${host}, port ${port}. ${reason}`, {
    details: { issues: [{ path: code === 'EADDRNOTAVAIL' ? 'host' : 'port', message: reason }] },
    cause: error,
  });
}

/** RFC 6266: a plain name for old readers, the true one encoded beside it. */
function attachment(name: string): string {
  const plain = name.replaceAll(/[^\w. ()-]/g, '_');
  const encoded = encodeURIComponent(name).replaceAll(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
