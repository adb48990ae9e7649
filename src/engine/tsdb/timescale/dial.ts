import { isIP, connect as tcpConnect } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import pg from 'pg';
import type { Clock } from '#engine/platform/index.ts';
import { refuse } from '#shared/errors.ts';
import type { TimescaleConfig } from './config.ts';
import { cellTypes } from './parse.ts';

/** What a session needs to be made: settings, and the password, which is no part of them. */
export interface Login {
  readonly config: TimescaleConfig;
  readonly password: string;
}

/** A certificate is checked against the given authority, else against what this computer and this program trust. */
export function tlsOptions({ tls: mode, authority, host }: TimescaleConfig): tls.ConnectionOptions | false {
  if (mode === 'off') return false;
  if (authority !== '' && !authority.includes('-----BEGIN CERTIFICATE-----')) {
    refuse('authority', 'This is no certificate. Paste the whole PEM text, from BEGIN CERTIFICATE to END CERTIFICATE.');
  }
  const ca = authority !== '' ? authority : [...tls.getCACertificates('default'), ...tls.getCACertificates('system')];
  return {
    rejectUnauthorized: mode === 'verify',
    ca,
    // A name is told to the server, an address is not: so the protocol has it.
    ...(isIP(host) === 0 ? { servername: host } : {}),
  };
}

/**
 * A connection that is logged in, read-only, in UTC, and ends statements after `statementTimeoutMs`. Throws what the
 * network or the server says; the signal's reason within 100 ms of its abort.
 */
export async function connectClient(
  { config, password }: Login,
  statementTimeoutMs: number,
  signal: AbortSignal,
): Promise<pg.Client> {
  signal.throwIfAborted();
  const client = new pg.Client({
    host: config.host,
    port: config.port,
    database: config.database,
    user: config.user,
    password,
    ssl: tlsOptions(config),
    connectionTimeoutMillis: config.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: 'ParX Workstation',
    types: cellTypes as pg.CustomTypesConfig,
  });
  // What ends a connection is told to the query that runs; one that is idle is noticed by the next query.
  client.on('error', () => {});
  guardReading(client);
  const ready = (async () => {
    await client.connect();
    await client.query(sessionSettings(statementTimeoutMs));
  })();
  try {
    await unlessAborted(ready, signal);
  } catch (error) {
    ready.catch(() => {});
    destroy(client);
    throw error;
  }
  return client;
}

/** Of an answer that the client cannot read. */
export const UNREADABLE = 'UNREADABLE';

/**
 * What the client cannot read, as a login by Kerberos or what no such server sends, is thrown out of the socket's own
 * call, where nobody catches it: it would end the program. It ends the connection instead.
 */
function guardReading(client: pg.Client): void {
  const { connection } = client as unknown as { connection: { attachListeners(stream: Duplex): void } };
  const attach = connection.attachListeners.bind(connection);
  connection.attachListeners = (stream) => {
    const before = new Set(stream.listeners('data'));
    attach(stream);
    for (const read of stream.listeners('data') as ((chunk: Buffer) => void)[]) {
      if (before.has(read)) continue;
      stream.off('data', read);
      stream.on('data', (chunk: Buffer) => {
        try {
          read(chunk);
        } catch (cause) {
          const said = cause instanceof Error ? cause.message : String(cause);
          stream.destroy(Object.assign(new Error(said, { cause }), { code: UNREADABLE }));
        }
      });
    }
  };
}

/**
 * Reading alone is allowed until a lease says otherwise, whatever a statement asks for. Texts and times look the same
 * whatever the server or the login are set to. A lock that is not had soon is somebody's who works on the table.
 */
const sessionSettings = (statementTimeoutMs: number): string =>
  [
    "SET default_transaction_read_only = on; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres';",
    "SET extra_float_digits = 1; SET bytea_output = 'hex'; SET standard_conforming_strings = on;",
    // Definitions of views and names of types are read too.
    'SET quote_all_identifiers = off;',
    `SET statement_timeout = ${statementTimeoutMs}; SET lock_timeout = ${Math.min(statementTimeoutMs, 10_000)};`,
    `SET idle_in_transaction_session_timeout = ${Math.max(statementTimeoutMs, 600_000)};`,
    // Streams are read to their end.
    'SET cursor_tuple_fraction = 1;',
    // A plan for any range knows no chunks: each is planned for itself, also where the text is kept.
    'SET plan_cache_mode = force_custom_plan;',
  ].join(' ');

/** Ends a connection without a word to the server. */
export function destroy(client: pg.Client): void {
  const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
  stream.destroy();
}

/** How long a server may take to end a connection. */
const LEAVE_MS = 500;

/** Ends a connection in order. Resolves when the server has it no more, or does not answer. */
export function leave(client: pg.Client, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    client.once('end', () => resolve());
    const late = clock.after(LEAVE_MS, () => {
      destroy(client);
      resolve();
    });
    client.once('end', () => late[Symbol.dispose]());
    client.end().catch(() => destroy(client));
  });
}

/** Number of the protocol's request to cancel what another connection does; in the place of a version. */
const CANCEL_CODE = 80_877_102;
const TLS_CODE = 80_877_103;
/** A server that does not take a request by then is not going to. */
const CANCEL_MS = 3_000;

/**
 * Asks the server to stop what a connection does, over a connection of its own that needs no login and counts as none,
 * so that it works where all of them are in use. Resolves when the request is delivered or cannot be. What a server
 * answers is read and left out: unread it would keep the connection open.
 */
export function requestCancel({ config }: Login, client: pg.Client, clock: Clock): Promise<void> {
  const { processID, secretKey } = client as unknown as { processID: number | null; secretKey: number | null };
  if (processID === null || secretKey === null) return Promise.resolve();
  const packet = Buffer.alloc(16);
  packet.writeInt32BE(16, 0);
  packet.writeInt32BE(CANCEL_CODE, 4);
  packet.writeInt32BE(processID, 8);
  packet.writeInt32BE(secretKey, 12);
  return new Promise((resolve) => {
    const options = tlsOptions(config);
    const socket = tcpConnect({ host: config.host, port: config.port, noDelay: true });
    const done = (): void => {
      timer[Symbol.dispose]();
      socket.destroy();
      resolve();
    };
    const timer = clock.after(CANCEL_MS, done);
    socket.on('error', done);
    socket.once('close', done);
    socket.once('connect', () => {
      if (options === false) return socket.resume().end(packet);
      const ask = Buffer.alloc(8);
      ask.writeInt32BE(8, 0);
      ask.writeInt32BE(TLS_CODE, 4);
      socket.write(ask);
      socket.once('data', (answer) => {
        if (answer.toString('latin1', 0, 1) !== 'S') return done();
        const secure = tls.connect({ ...options, socket, host: config.host });
        secure.on('error', done);
        secure.once('secureConnect', () => secure.resume().end(packet));
        secure.once('close', done);
      });
    });
  });
}

/** What cannot be cancelled goes on unheard. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
