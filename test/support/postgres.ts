import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { freePort } from './free-port.ts';
import { pathOf } from './needs.ts';

/** `none`: PostgreSQL alone. `apache` and `community`: with TimescaleDB of that edition. */
export type PostgresEdition = 'none' | 'apache' | 'community';

export interface PostgresServer {
  readonly edition: PostgresEdition;
  readonly host: string;
  readonly port: number;
  /** May do everything. */
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Statements one after the other, over a connection of its own that is closed before it resolves; rows of the last. */
  run(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Nobody answers from now on, but connections stay; `false` goes on. */
  freeze(frozen: boolean): void;
  /** Ends at once, as by a power cut. */
  kill(): Promise<void>;
  /** Comes back after `kill`, under its port and with what it had stored. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface PostgresOptions {
  /** PEM; the server then takes connections with TLS too. */
  readonly tls?: { readonly key: string; readonly certificate: string };
  readonly settings?: Readonly<Record<string, string>>;
  /** Lines of pg_hba.conf before the usual one, which lets every user in with a password. */
  readonly access?: readonly string[];
  /** The server of the folder with Debian 13, without its extension: of edition `none`, which then needs 'timescaledb'. */
  readonly inFolder?: boolean;
  /** To be asked for where a server has to come back under its old port. */
  readonly port?: number;
}

const USER = 'parx';
const PASSWORD = 'Pässwort mit "Zeichen"';
const READY_MS = 60_000;

/**
 * Starts a server that nothing else uses, on a free port of 127.0.0.1, with data that are removed with it. Call it once
 * per test file at most: they take one or two seconds
 * to start. `none` needs 'postgresql', `apache` needs 'timescaledb' (needs.ts), `community` nothing.
 */
export async function startPostgres(edition: PostgresEdition, options: PostgresOptions = {}): Promise<PostgresServer> {
  const port = options.port ?? (await freePort());
  const isInFolder = edition === 'apache' || (edition === 'none' && options.inFolder === true);
  const { launch, clean, database, user } =
    edition === 'community'
      ? startPglite(port)
      : isInFolder
        ? startInFolder(port, options, edition === 'apache' ? 'timescaledb' : '')
        : startInstalled(port, options);
  let said = '';
  let child = launch();
  let ended: Promise<void> = Promise.resolve();
  const onExit = (): void => {
    signalAll(child, 'SIGKILL');
    clean();
  };
  const follow = (): void => {
    child.stderr?.on('data', (text: Buffer) => {
      said = `${said}${text}`.slice(-2_000);
    });
    child.stdout?.resume();
    const now = child;
    ended = new Promise<void>((resolve) => now.once('exit', () => resolve()));
    process.once('exit', onExit);
  };
  follow();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGCONT');
      child.kill(signal);
      const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(late);
    }
    process.off('exit', onExit);
  };
  const server: PostgresServer = {
    edition,
    host: '127.0.0.1',
    port,
    user,
    password: PASSWORD,
    database,
    async run(sql, values) {
      const client = new pg.Client({ host: '127.0.0.1', port, user, password: PASSWORD, database });
      // A server that is killed on purpose tells its clients so.
      client.on('error', () => {});
      await client.connect();
      try {
        // All connections to it are one session, with the settings of those before.
        if (edition === 'community') {
          await client.query(
            'SET default_transaction_read_only = off; SET statement_timeout = 0; SET lock_timeout = 0',
          );
        }
        const result: unknown = await (values === undefined ? client.query(sql) : client.query(sql, [...values]));
        const last = (Array.isArray(result) ? result.at(-1) : result) as pg.QueryResult<Record<string, unknown>>;
        return last.rows;
      } finally {
        await client.end();
      }
    },
    freeze: (frozen) => void signalAll(child, frozen ? 'SIGSTOP' : 'SIGCONT'),
    async kill() {
      signalAll(child, 'SIGKILL');
      await end('SIGKILL');
    },
    async restart() {
      child = launch();
      follow();
      await ready();
    },
    async stop() {
      signalAll(child, 'SIGCONT');
      await end('SIGINT');
      clean();
    },
  };
  const ready = async (): Promise<void> => {
    for (const begun = performance.now(); ; await wait(50)) {
      try {
        await server.run('SELECT 1');
        return;
      } catch (error) {
        if (child.exitCode !== null || performance.now() - begun > READY_MS) {
          await end('SIGKILL');
          clean();
          throw new Error(`The ${edition} server has not started: ${said}`, { cause: error });
        }
      }
    }
  };
  await ready();
  if (edition === 'apache') await server.run('CREATE EXTENSION IF NOT EXISTS timescaledb');
  return server;
}

interface Started {
  /** Begins the server; again after it has ended. */
  launch(): ChildProcess;
  readonly user: string;
  readonly database: string;
  clean(): void;
}

/** The server and its workers, which are processes of their own. */
function signalAll(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const children = (pid: number): number[] => {
    try {
      const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
      return text.split(' ').filter(Boolean).map(Number);
    } catch {
      return [];
    }
  };
  for (const pid of [...children(child.pid), child.pid]) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Which program to run where: directly as another user, or in the folder with a system of its own. */
interface Place {
  /** Folder with the server's programs, as they see it. */
  readonly programs: string;
  /** An empty folder of the server's user, as we see it and as the server does. */
  readonly outside: string;
  readonly inside: string;
  /** The server's user, who must not be root; null: ours. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  readonly root: string | null;
  readonly preload: string;
}

function startInstalled(port: number, options: PostgresOptions): Started {
  const programs = dirname(realpathSync(pathOf('postgresql')));
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'parx-postgres-')));
  const owner = process.getuid?.() === 0 ? userOf('/etc/passwd', 'postgres') : null;
  return startCluster({ programs, outside: folder, inside: folder, owner, root: null, preload: '' }, port, options);
}

function startInFolder(port: number, options: PostgresOptions, preload: string): Started {
  const root = pathOf('timescaledb');
  const outside = mkdtempSync(join(root, 'tmp/parx-postgres-'));
  const inside = outside.slice(root.length);
  const owner = userOf(join(root, 'etc/passwd'), 'postgres');
  const programs = '/usr/lib/postgresql/17/bin';
  return startCluster({ programs, outside, inside, owner, root, preload }, port, options);
}

function userOf(passwd: string, name: string): { uid: number; gid: number } {
  const line = readFileSync(passwd, 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined) throw new Error(`There is no user ${name} in ${passwd}.`);
  return { uid: Number(uid), gid: Number(gid) };
}

function startCluster(place: Place, port: number, { tls, settings, access }: PostgresOptions): Started {
  const { outside, inside, owner } = place;
  const own = (path: string, mode: number): void => {
    chmodSync(path, mode);
    if (owner !== null) chownSync(path, owner.uid, owner.gid);
  };
  own(outside, 0o700);
  const clean = (): void => rmSync(outside, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  const file = (name: string, text: string): string => {
    writeFileSync(join(outside, name), text);
    own(join(outside, name), 0o600);
    return `${inside}/${name}`;
  };
  const data = `${inside}/data`;
  const [initdb, ...initArgs] = command(place, 'initdb', [
    ...['-D', data, '-U', USER, '-E', 'UTF8', '--locale=C.UTF-8', '-A', 'scram-sha-256', '--no-sync'],
    ...[`--pwfile=${file('password', PASSWORD)}`, '--no-instructions'],
  ]);
  const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8' };
  const options = { env, ...(place.root === null && owner !== null ? owner : {}), cwd: place.root ?? outside };
  const made = spawnSync(initdb!, initArgs, { ...options, encoding: 'utf8' });
  if (made.status !== 0) {
    clean();
    throw new Error(`initdb failed: ${made.stderr}`);
  }
  const hba = join(outside, 'data/pg_hba.conf');
  writeFileSync(hba, [...(access ?? []), 'host all all 127.0.0.1/32 scram-sha-256', ''].join('\n'));
  const all: Record<string, string> = {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: inside,
    max_connections: '40',
    shared_buffers: '64MB',
    // The folder with a system of its own has no /dev/shm.
    dynamic_shared_memory_type: 'mmap',
    jit: 'off',
    ...(place.preload === '' ? {} : { shared_preload_libraries: place.preload, 'timescaledb.telemetry_level': 'off' }),
    ...(tls === undefined
      ? {}
      : { ssl: 'on', ssl_cert_file: file('server.crt', tls.certificate), ssl_key_file: file('server.key', tls.key) }),
    ...settings,
  };
  const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [postgres, ...rest] = command(place, 'postgres', ['-D', data, ...args]);
  const launch = () => spawn(postgres!, rest, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  return { launch, user: USER, database: 'postgres', clean };
}

function command({ programs, root }: Place, program: string, args: readonly string[]): string[] {
  const path = `${programs}/${program}`;
  // `chroot` runs the program in its own place, so that signals reach the server.
  return root === null ? [path, ...args] : ['/usr/sbin/chroot', '--userspec=postgres:postgres', root, path, ...args];
}

function startPglite(port: number): Started {
  const script = fileURLToPath(new URL('./pglite-server.mjs', import.meta.url));
  const launch = () => spawn(process.execPath, [script, String(port)], { stdio: ['ignore', 'pipe', 'pipe'] });
  return { launch, user: 'postgres', database: 'postgres', clean: () => undefined };
}

/** A certificate authority of our own and a certificate of it for 127.0.0.1, made by openssl into an empty folder. */
export function makeCertificates(folder: string): { authority: string; key: string; certificate: string } {
  const run = (...args: string[]): void => {
    const ran = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
    if (ran.status !== 0) throw new Error(`openssl failed: ${ran.stderr}`);
  };
  const pair = (name: string, subject: string): string[] => [
    ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`],
    ...['-subj', `/CN=${subject}`],
  ];
  run('req', '-x509', ...pair('authority', 'Plant CA'), '-days', '30', '-out', 'authority.crt');
  run('req', ...pair('server', 'plant-db'), '-out', 'server.csr');
  writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  const by = ['-CA', 'authority.crt', '-CAkey', 'authority.key', '-CAcreateserial'];
  run('x509', '-req', '-in', 'server.csr', ...by, '-days', '30', '-extfile', 'names', '-out', 'server.crt');
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return { authority: read('authority.crt'), key: read('server.key'), certificate: read('server.crt') };
}
