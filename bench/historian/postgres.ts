import { chownSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { SampleBlock } from '#shared/model/index.ts';
import { type Contestant, emptyBuckets } from './contestant.ts';
import { type Server, startServer } from './server.ts';
import { isRoot, programPath, runProgram } from './system.ts';

// PostgreSQL: a row per sample with a key of tag and time, filled by COPY in its binary form over a local socket.

const FOLDERS = [18, 17, 16, 15, 14, 13].map((version) => `/usr/lib/postgresql/${version}/bin`);
const program = (name: string): string | null => programPath(name, ...FOLDERS);
const TABLE = 'CREATE TABLE samples (tag int4 NOT NULL, time int8 NOT NULL, value float8, quality int2)';
const KEY = 'ALTER TABLE samples ADD PRIMARY KEY (tag, time)';

/** It refuses to run as root: its own user of the system does. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (!isRoot()) return undefined;
  const id = (flag: string): number => Number(runProgram('id', [flag, 'postgres']));
  return { uid: id('-u'), gid: id('-g') };
}

interface Connection {
  query(sql: string): Promise<string[][]>;
  /** The whole of a COPY ... FROM STDIN. */
  copy(sql: string, blocks: Iterable<SampleBlock>): Promise<void>;
  close(): void;
}

async function start(folder: string): Promise<{ connection: Connection; stop(): Promise<void> }> {
  const user = serverUser();
  const data = join(folder, 'data');
  if (mkdirSync(data, { recursive: true }) !== undefined) {
    if (user !== undefined) for (const path of [folder, data]) chownSync(path, user.uid, user.gid);
    const args = ['-D', data, '-U', 'bench', '-A', 'trust', '-E', 'UTF8', '--locale=C'];
    runProgram(program('initdb')!, args, user);
  }
  const settings = {
    listen_addresses: '',
    unix_socket_directories: folder,
    shared_buffers: '512MB',
    work_mem: '64MB',
    maintenance_work_mem: '512MB',
    max_wal_size: '4GB',
    wal_level: 'minimal',
    max_wal_senders: '0',
    jit: 'off',
  };
  const args = ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  let connection: Connection | undefined;
  const server: Server = await startServer(
    program('postgres')!,
    args,
    async () => {
      connection = await dial(join(folder, '.s.PGSQL.5432'));
    },
    user,
  );
  return {
    connection: connection!,
    async stop() {
      connection!.close();
      await server.stop();
    },
  };
}

/** Protocol 3.0: one thing at a time, answers as text. */
function dial(path: string): Promise<Connection> {
  return new Promise((connected, failed) => {
    const socket = connect(path);
    let rest: Buffer = Buffer.alloc(0);
    let rows: string[][] = [];
    let error: Error | null = null;
    let copying: (() => void) | null = null;
    let waiting: { resolve(rows: string[][]): void; reject(error: Error): void } | null = null;
    const send = (kind: string, ...parts: readonly Buffer[]): void => {
      const head = Buffer.alloc(5);
      head.write(kind);
      head.writeUInt32BE(
        parts.reduce((sum, part) => sum + part.length, 4),
        1,
      );
      socket.write(Buffer.concat([head, ...parts]));
    };
    const text = (value: string): Buffer => Buffer.from(`${value}\0`);
    const ask = (sql: string): Promise<string[][]> =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        send('Q', text(sql));
      });
    const connection: Connection = {
      query: ask,
      async copy(sql, blocks) {
        const ready = new Promise<void>((resolve) => {
          copying = resolve;
        });
        const done = ask(sql);
        await Promise.race([ready, done]);
        send('d', COPY_HEAD);
        for (const block of blocks) {
          send('d', toTuples(block));
          if (socket.writableNeedDrain) await new Promise((resolve) => socket.once('drain', resolve));
        }
        send('d', COPY_END);
        send('c');
        await done;
      },
      close() {
        send('X');
        socket.end();
      },
    };
    const take = (kind: string, body: Buffer): void => {
      if (kind === 'D') rows.push(toRow(body));
      else if (kind === 'G') copying?.();
      else if (kind === 'E') error = new Error(body.toString('utf8').replaceAll('\0', ' '));
      else if (kind === 'Z') {
        const [asked, found, problem] = [waiting, rows, error];
        [waiting, rows, error] = [null, [], null];
        if (asked === null) connected(connection);
        else if (problem === null) asked.resolve(found);
        else asked.reject(problem);
      }
    };
    socket.on('connect', () => {
      const body = Buffer.from('user\0bench\0database\0postgres\0\0');
      const head = Buffer.alloc(8);
      head.writeUInt32BE(body.length + 8);
      head.writeUInt32BE(196_608, 4);
      socket.write(Buffer.concat([head, body]));
    });
    socket.on('data', (bytes: Buffer) => {
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      let at = 0;
      while (rest.length - at >= 5 && rest.length - at > rest.readUInt32BE(at + 1)) {
        const end = at + 1 + rest.readUInt32BE(at + 1);
        take(String.fromCharCode(rest[at]!), rest.subarray(at + 5, end));
        at = end;
      }
      rest = rest.subarray(at);
    });
    const broken = (reason: Error): void => {
      failed(reason);
      waiting?.reject(reason);
    };
    socket.on('error', broken);
    socket.on('close', () => broken(error ?? new Error('PostgreSQL has closed the connection')));
  });
}

function toRow(body: Buffer): string[] {
  const row: string[] = [];
  let at = 2;
  for (let left = body.readUInt16BE(0); left > 0; left--) {
    const length = body.readInt32BE(at);
    row.push(length < 0 ? 'NaN' : body.toString('latin1', at + 4, at + 4 + length));
    at += 4 + Math.max(0, length);
  }
  return row;
}

const COPY_HEAD = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
const COPY_END = Buffer.from([0xff, 0xff]);
const TUPLE = 2 + 4 * 4 + 4 + 8 + 8 + 2;

function toTuples({ length, tag, time, value, quality }: SampleBlock): Buffer {
  const bytes = Buffer.allocUnsafe(length * TUPLE);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0, at = 0; i < length; i++, at += TUPLE) {
    view.setInt16(at, 4);
    view.setInt32(at + 2, 4);
    view.setInt32(at + 6, tag[i]!);
    view.setInt32(at + 10, 8);
    view.setInt32(at + 14, Math.floor(time[i]! / 4_294_967_296));
    view.setUint32(at + 18, time[i]! % 4_294_967_296);
    view.setInt32(at + 22, 8);
    view.setFloat64(at + 26, value[i]!);
    view.setInt32(at + 34, 2);
    view.setInt16(at + 38, quality[i]!);
  }
  return bytes;
}

export const postgres: Contestant = {
  title: 'PostgreSQL',
  missing() {
    if (process.platform === 'win32') return 'its server is started over a local socket, not on Windows.';
    if (program('initdb') === null) return 'it is not installed (Debian: apt-get install postgresql).';
    return null;
  },
  async stream(folder) {
    const { connection, stop } = await start(folder);
    await connection.query(TABLE);
    await connection.query(KEY);
    return {
      commit: (block) => connection.copy('COPY samples FROM STDIN (FORMAT binary)', [block]),
      close: stop,
    };
  },
  async load(folder, _size, blocks, started) {
    const { connection, stop } = await start(folder);
    started();
    await connection.query('BEGIN');
    await connection.query(TABLE);
    await connection.copy('COPY samples FROM STDIN (FORMAT binary, FREEZE)', blocks);
    await connection.query('COMMIT');
    await connection.query(KEY);
    await stop();
  },
  async arrange(folder) {
    const { connection, stop } = await start(folder);
    await connection.query('CLUSTER samples USING samples_pkey');
    await connection.query('VACUUM (FREEZE, ANALYZE) samples');
    await connection.query('CHECKPOINT');
    await stop();
  },
  bytes: 'data/base',
  async open(folder, { tags }) {
    const { connection, stop } = await start(folder);
    return {
      async overview(asked, grid) {
        const rows = await connection.query(
          `SELECT tag, (time - ${grid.from}) / ${grid.width}, min(value), max(value), avg(value), count(*) FROM samples
           WHERE tag IN (${asked.join(', ')}) AND time >= ${grid.from} AND time < ${grid.to} GROUP BY 1, 2`,
        );
        return () => {
          const byTag = new Map(asked.map((tag) => [tag, emptyBuckets(grid)]));
          for (const [tag, bucket, min, max, mean, count] of rows) {
            const buckets = byTag.get(Number(tag))!;
            const at = Number(bucket);
            buckets.min[at] = Number(min);
            buckets.max[at] = Number(max);
            buckets.mean[at] = Number(mean);
            buckets.count[at] = Number(count);
          }
          return asked.map((tag) => byTag.get(tag)!);
        };
      },
      async raw(tag, from, to) {
        const rows = await connection.query(
          `SELECT time, value FROM samples WHERE tag = ${tag} AND time >= ${from} AND time < ${to} ORDER BY time`,
        );
        return () => toPoints(rows);
      },
      async last() {
        const rows = await connection.query(
          `SELECT one.time, one.value FROM generate_series(0, ${tags - 1}) AS t(tag), LATERAL
           (SELECT time, value FROM samples WHERE samples.tag = t.tag ORDER BY time DESC LIMIT 1) AS one ORDER BY t.tag`,
        );
        return () => toPoints(rows);
      },
      close: stop,
    };
  },
};

const toPoints = (rows: readonly (readonly string[])[]) => ({
  time: Float64Array.from(rows, ([time]) => Number(time)),
  value: Float64Array.from(rows, ([, value]) => Number(value)),
});
