import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '#engine/platform/index.ts';
import { type TsdbTagPage, type ViewerSource, viewerOf } from '#engine/tsdb/index.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { createSession } from '#engine/tsdb/timescale/session.ts';
import { catalogueRelation, DEFAULT_LIMITS, type TestStep, tableMapping, timeRange } from '#shared/model/index.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';

const never = new AbortController().signal;
const context = (password: string) => tsdbContext({ clock: systemClock(), secrets: { password } });

/** A message of the server's: its letter, its length, what is in it. */
function message(letter: string, ...body: readonly Buffer[]): Buffer {
  const all = Buffer.concat(body);
  const head = Buffer.alloc(5);
  head.write(letter);
  head.writeInt32BE(all.length + 4, 1);
  return Buffer.concat([head, all]);
}
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const LET_IN = Buffer.concat([
  message('R', int32(0)),
  message('K', int32(1), int32(2)),
  message('Z', Buffer.from('I')),
]);

describe('servers that answer what nobody expects', () => {
  guardLeaks();

  /** Answers a login so, and every question after it. */
  async function withStranger(login: Buffer, answer: Buffer, work: (port: number) => Promise<void>): Promise<void> {
    const open = new Set<net.Socket>();
    const server = net.createServer((socket) => {
      open.add(socket);
      let asked = 0;
      socket.on('error', () => undefined);
      socket.on('close', () => open.delete(socket));
      socket.on('data', () => socket.write(asked++ === 0 ? login : answer));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await work((server.address() as net.AddressInfo).port);
    } finally {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  }
  const connect = (port: number) =>
    timescale.connect(timescale.config.parse({ port, user: 'anna', tls: 'off' }), context('x'), never);

  it.each([
    ['GSSAPI', 7],
    ['SSPI', 9],
  ])('says what to ask for where it wants a login by the domain: %s', async (_, kind) => {
    await withStranger(message('R', int32(kind)), Buffer.alloc(0), async (port) => {
      await expect(connect(port)).rejects.toMatchObject({
        code: 'tsdb.unavailable',
        retryable: false,
        message: expect.stringMatching(/wants anna to log in by the domain.*pg_hba\.conf.*with a password/),
      });
      const steps: TestStep[] = [];
      const config = timescale.config.parse({ port, user: 'anna', tls: 'off' });
      for await (const step of timescale.test(config, context('x'), never)) steps.push(step);
      const login = steps.find(({ name }) => name === 'Login');
      expect(login).toMatchObject({ ok: false, advice: expect.stringContaining('scram-sha-256') });
    });
  });

  it.each([
    ['a row that ends within a cell', message('D', Buffer.from([0, 9, 0, 0]))],
    ['a description that ends within a name', message('T', Buffer.from([0, 40, 65]))],
  ])('ends the connection, not the program, where it sends %s', async (_, answer) => {
    await withStranger(LET_IN, answer, async (port) => {
      await expect(connect(port)).rejects.toMatchObject({
        code: 'tsdb.unavailable',
        message: expect.stringContaining('sent what no PostgreSQL server sends'),
      });
    });
  });
});

describe.skipIf(needs('postgresql'))('servers with settings of their own', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres('none');
    await server.run(`CREATE ROLE few LOGIN PASSWORD 'few' CONNECTION LIMIT 1;
      ALTER ROLE few SET quote_all_identifiers = on; ALTER ROLE few SET DateStyle = 'SQL, DMY'; ALTER ROLE few SET TimeZone = 'Asia/Tokyo';
      ALTER ROLE few SET standard_conforming_strings = off; ALTER ROLE few SET search_path = ''; ALTER ROLE few SET statement_timeout = '5s';
      CREATE SCHEMA plant; GRANT USAGE ON SCHEMA plant TO few;
      CREATE TABLE plant.validity (since timestamptz PRIMARY KEY, tag text, value float8);
      INSERT INTO plant.validity VALUES ('-infinity', 'a', 0), ('2026-03-01Z', 'a', 1), ('2026-03-02Z', 'a', 2), ('infinity', 'a', 3);
      CREATE TABLE plant.times (time timestamptz NOT NULL, tag text NOT NULL, value float8, PRIMARY KEY (tag, time));
      INSERT INTO plant.times SELECT t::timestamptz, 'a', 1 FROM unnest(ARRAY['-infinity', '0001-01-01Z', '2026-03-01Z', '2026-03-02Z', '9999-12-31Z', 'infinity']) AS t;
      CREATE TABLE plant.anew (time timestamptz, tag varchar(20), value float8, PRIMARY KEY (tag, time));
      INSERT INTO plant.anew VALUES ('2026-03-01Z', 'a', 1), ('2026-03-02Z', 'a', 2);
      CREATE TABLE plant.largest (time timestamptz, tag text, value float8);
      INSERT INTO plant.largest SELECT '2026-03-01Z'::timestamptz + n * interval '1 s', 'a', 1.7976931348623157e308 FROM generate_series(0, 29) AS n;
      CREATE TABLE plant.tags (id int PRIMARY KEY, tagpath text, retired bigint);
      INSERT INTO plant.tags VALUES (1, 'line/speed', 5), (2, 'line/speed', NULL), (3, 'line/force', NULL);
      CREATE TABLE plant.samples (tagid int, value float8, time timestamptz, PRIMARY KEY (tagid, time));
      INSERT INTO plant.samples SELECT 1 + n % 3, n, '2026-03-01Z'::timestamptz + n * interval '1 s' FROM generate_series(0, 29) AS n;
      GRANT SELECT ON ALL TABLES IN SCHEMA plant TO few;
      CREATE TABLE plant.part AS SELECT '2026-03-01Z'::timestamptz + n * interval '1 s' AS time, CASE WHEN n % 2 = 0 THEN 'a' ELSE 'b' END AS tag, n::float8 AS value, 'x'::text AS secret FROM generate_series(0, 999) AS n;
      GRANT SELECT (time, tag, value) ON plant.part TO few; ANALYZE plant.part`);
  });
  afterAll(() => server.stop());
  guardLeaks();
  // On a busy computer a server may take longer to end a connection than anybody waits for it.
  beforeEach(async () => {
    for (const begun = performance.now(); performance.now() - begun < 10_000; await wait(50)) {
      const [row] = await server.run("SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = 'few'");
      if (row!.n === 0) return;
    }
  });
  const config = () => timescale.config.parse({ port: server.port, user: 'few', tls: 'off' });

  it('does with as many connections as a login is given, and asks no server for more again and again', async () => {
    const session = createSession({
      backend: 'timescale',
      login: { config: config(), password: 'few' },
      statementTimeoutMs: 10_000,
      connections: 3,
      clock: systemClock(),
    });
    try {
      const work = Array.from({ length: 6 }, (_, n) =>
        session.query('SELECT $1::int AS n, pg_sleep(0.05)::text', [n], never),
      );
      expect((await Promise.all(work)).map(([row]) => row!.n)).toEqual([0, 1, 2, 3, 4, 5]);
      expect(session.pool()).toEqual({ used: 0, idle: 1, waiting: 0, limit: 1 });
    } finally {
      await session.close();
    }
  });

  it('climbs the whole ladder with a login of one connection', async () => {
    const steps: TestStep[] = [];
    for await (const step of timescale.test(config(), context('few'), never)) steps.push(step);
    expect(steps.filter(({ ok }) => !ok)).toEqual([]);
    expect(steps.at(-1)!.name).toBe('One read');
  });

  const viewing = async (mapping: object, work: (viewer: ViewerSource, tags: TsdbTagPage) => Promise<void>) => {
    const mappings = [tableMapping.parse(mapping)];
    const connection = await timescale.connect(config(), { ...context('few'), mappings }, never);
    try {
      const page = await connection.tags!({ text: '', ids: null, offset: 0, limit: 100 }, never);
      await work(viewerOf(timescale, connection), page);
    } finally {
      await connection.close();
    }
  };
  const march = (second: number): number => Date.UTC(2026, 2, 1, 0, 0, second) * 1_000;

  it('ends a tag where its samples end, whatever stands there for "never" and "for ever"', async () => {
    const mapping = {
      id: 'times',
      relation: { schema: 'plant', name: 'times' },
      time: { column: 'time', kind: 'timestamptz' },
      tag: { kind: 'column', column: 'tag' },
      values: [{ column: 'value' }],
    };
    await viewing(mapping, async (viewer, { tags }) => {
      const ends = await viewer.ends([tags[0]!.id], never);
      expect(ends).toEqual([{ from: march(0), to: march(86_400) + 1 }]);
      expect(timeRange.parse(ends[0])).toEqual(ends[0]);
    });
  });

  it('says what to do about the largest numbers there are, which no mean can hold', async () => {
    const mapping = {
      id: 'largest',
      relation: { schema: 'plant', name: 'largest' },
      time: { column: 'time', kind: 'timestamptz' },
      tag: { kind: 'column', column: 'tag' },
      values: [{ column: 'value' }],
    };
    await viewing(mapping, async (viewer, { tags }) => {
      const drawing = viewer.view([tags[0]!.id], { from: march(0), to: march(30) }, 3, never);
      await expect(drawing).rejects.toMatchObject({
        code: 'tsdb.refused',
        message: expect.stringMatching(/the largest numbers there are.*map a view/),
      });
    });
  });

  it('tells of a table that was made anew with other types, not of a label that would not fit', async () => {
    const connection = await timescale.connect(config(), context('few'), never);
    const [guess] = await connection.foreign!.guess({ schema: 'plant', name: 'anew' }, never);
    await connection.close();
    await viewing(guess!.mapping, async (viewer, { tags }) => {
      await server.run(`DROP TABLE plant.anew; CREATE TABLE plant.anew (time timestamptz, tag int, value float8);
        INSERT INTO plant.anew VALUES ('2026-03-01Z', 1, 1); GRANT SELECT ON plant.anew TO few`);
      const drawing = viewer.view([tags[0]!.id], { from: march(0), to: march(30) }, 100, never);
      await expect(drawing).rejects.toMatchObject({
        code: 'tsdb.refused',
        message: expect.stringContaining('The table "plant"."anew" has changed since it was mapped'),
      });
    });
  });

  it('lists the tags of a table of which it may read some columns alone, and which is too large to read', async () => {
    const mapping = tableMapping.parse({
      id: 'part',
      relation: { schema: 'plant', name: 'part' },
      time: { column: 'time', kind: 'timestamptz' },
      tag: { kind: 'column', column: 'tag' },
      values: [{ column: 'value' }],
    });
    const limits = { ...DEFAULT_LIMITS, rows: 10 };
    const connection = await timescale.connect(config(), { ...context('few'), mappings: [mapping], limits }, never);
    try {
      const { tags, notes } = await connection.tags!({ text: '', ids: null, offset: 0, limit: 10 }, never);
      expect(tags.map(({ name }) => name)).toEqual(['a', 'b']);
      expect(notes!.join()).toContain('is not whole');
    } finally {
      await connection.close();
    }
  });

  it('says what to do about texts that are in no encoding that it knows', async () => {
    const connection = await timescale.connect(config(), context('few'), never);
    try {
      const text = "SELECT now(), convert_from('\\xf6df'::bytea, 'UTF8'), 1";
      const asked = connection.raw!({ text, range: { from: march(0), to: march(1) }, limit: 10 }, never);
      await expect(asked).rejects.toMatchObject({
        code: 'tsdb.refused',
        message: expect.stringContaining('map a view that converts them'),
      });
    } finally {
      await connection.close();
    }
  });

  it('draws tags that were made anew under their name as one, and each by itself with a label', async () => {
    const mapping = {
      id: 'samples',
      relation: { schema: 'plant', name: 'samples' },
      time: { column: 'time', kind: 'timestamptz' },
      tag: {
        kind: 'table',
        column: 'tagid',
        relation: { schema: 'plant', name: 'tags' },
        key: 'id',
        name: 'tagpath',
      },
      values: [{ column: 'value' }],
    };
    const range = { from: march(0), to: march(30) };
    await viewing(mapping, async (viewer, { tags, notes }) => {
      expect(tags.map(({ name }) => name)).toEqual(['line/force', 'line/speed']);
      expect(notes).toEqual([]);
      const drawn = await viewer.view(
        tags.map(({ id }) => id),
        range,
        100,
        never,
      );
      expect(drawn.map(({ time }) => time.length)).toEqual([10, 20]);
    });
    const labels = [{ column: 'id', name: 'id', of: 'tags' }];
    await viewing({ ...mapping, labels }, async (viewer, { tags, notes }) => {
      expect(notes).toEqual([]);
      const ids = tags.map(({ id }) => id);
      const drawn = await viewer.view(ids, range, 100, never);
      expect(tags.map(({ labels: { tag, id } }, at) => [tag, id, drawn[at]!.value[0]])).toEqual([
        ['line/force', '3', 2],
        ['line/speed', '1', 0],
        ['line/speed', '2', 1],
      ]);
    });
  });

  it('tells from when to when a table reaches, without what is valid for ever', async () => {
    const connection = await timescale.connect(config(), context('few'), never);
    try {
      for await (const page of connection.foreign!.discover(never)) {
        expect(page.map((one) => catalogueRelation.parse(one))).toEqual(page);
        expect(page.find(({ name }) => name === 'validity')!.columns.map(({ type }) => type)).toEqual([
          'timestamp with time zone',
          'text',
          'double precision',
        ]);
        expect(page.find(({ name }) => name === 'validity')!.range).toEqual({
          column: 'since',
          from: Date.UTC(2026, 2, 1) * 1_000,
          to: Date.UTC(2026, 2, 2) * 1_000,
        });
      }
    } finally {
      await connection.close();
    }
  });
});
