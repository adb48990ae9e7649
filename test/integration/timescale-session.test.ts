import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '#engine/platform/index.ts';
import { timescaleConfig } from '#engine/tsdb/timescale/config.ts';
import { createSession, type Session } from '#engine/tsdb/timescale/session.ts';
import { testTimescale } from '#engine/tsdb/timescale/test-ladder.ts';
import { isAppError } from '#shared/errors.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { needs } from '#test/support/needs.ts';
import { makeCertificates, type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';

const never = new AbortController().signal;
const SLOW = 'SELECT count(*) FROM generate_series(1, 1000000000)';

const failure = async (run: () => Promise<unknown>): Promise<{ code: string; message: string; retryable: boolean }> => {
  try {
    await run();
  } catch (error) {
    if (isAppError(error)) return error;
    return { code: 'other', message: String(error), retryable: false };
  }
  return { code: 'none', message: '', retryable: false };
};

describe.skipIf(needs('postgresql'))('session with a PostgreSQL server', () => {
  const directory = suiteDirectory();
  let server: PostgresServer;
  let authority: string;
  const startOptions = () => {
    const { key, certificate, authority: own } = makeCertificates(directory.path);
    authority = own;
    return {
      tls: { key, certificate },
      access: ['hostssl all only_tls 127.0.0.1/32 scram-sha-256', 'host all only_tls 127.0.0.1/32 reject'],
    };
  };
  beforeAll(async () => {
    server = await startPostgres('none', startOptions());
  });
  afterAll(() => server.stop());
  guardLeaks();

  const open = (change: object = {}, limits: { statementTimeoutMs?: number; connections?: number } = {}): Session => {
    const { host, port, user, database } = server;
    const { password = server.password, ...settings } = change as { password?: string };
    return createSession({
      backend: 'timescale',
      login: {
        config: timescaleConfig.parse({ host, port, user, database, tls: 'verify', authority, ...settings }),
        password,
      },
      statementTimeoutMs: 20_000,
      connections: 2,
      clock: systemClock(),
      ...limits,
    });
  };
  const using = async (session: Session, work: (session: Session) => Promise<void>): Promise<void> => {
    try {
      await work(session);
    } finally {
      await session.close();
    }
  };
  const ask = (session: Session, text: string, ...values: unknown[]) => session.query(text, values, never);
  /** Statements that run on the server with this text in them. */
  const running = async (text: string): Promise<number> => {
    const sql =
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE $1";
    return (await server.run(sql, [`%${text}%`]))[0]!.n as number;
  };

  it('is encrypted, in UTC, and cannot write, whatever a statement asks for', async () => {
    await using(open(), async (session) => {
      const [row] = await ask(
        session,
        "SELECT current_setting('TimeZone') AS zone, ssl, now() AS now, 1.5::numeric AS n, NULL AS nothing FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
      );
      expect(row).toMatchObject({ zone: 'UTC', ssl: true, n: 1.5, nothing: null });
      expect(Math.abs((row!.now as number) / 1_000 - Date.now())).toBeLessThan(60_000);
      expect(await failure(() => ask(session, 'CREATE TABLE mine (a int)'))).toMatchObject({ code: 'tsdb.refused' });
      const sneaky = session.readOnly(async (client) => {
        await client.query('SET TRANSACTION READ WRITE');
      }, never);
      expect(await failure(() => sneaky)).toMatchObject({ code: 'tsdb.refused' });
      await session.readOnly((client) => client.query('SET default_transaction_read_only = off'), never);
      expect(await failure(() => ask(session, 'CREATE TABLE mine (a int)'))).toMatchObject({ code: 'tsdb.refused' });
      expect(await failure(() => session.lease('write', never))).toMatchObject({ code: 'tsdb.refused' });
    });
  });

  it('writes only on a lease that asks for it, and is read-only again after it', async () => {
    await using(open({ write: true }, { connections: 1 }), async (session) => {
      const lease = await session.lease('write', never);
      await lease.client.query('CREATE TABLE leased (a int)');
      lease.release();
      expect(await failure(() => ask(session, 'INSERT INTO leased VALUES (1)'))).toMatchObject({
        code: 'tsdb.refused',
      });
    });
  });

  it('stops a query at the server within 100 ms of the abort, and is used again', async () => {
    await using(open({}, { connections: 1 }), async (session) => {
      for (const tls of ['on', 'again']) {
        const stop = new AbortController();
        const asked = session.query(`${SLOW} -- ${tls}`, [], stop.signal);
        const ended = failure(() => asked);
        while ((await running(`-- ${tls}`)) === 0) await wait(5);
        const begun = performance.now();
        stop.abort(new Error('enough'));
        expect((await ended).message).toContain('enough');
        expect(performance.now() - begun).toBeLessThan(100);
        while ((await running(`-- ${tls}`)) > 0) expect(performance.now() - begun).toBeLessThan(100);
      }
      expect(await ask(session, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      expect(session.pool()).toEqual({ used: 0, idle: 1, waiting: 0, limit: 1 });
    });
  });

  it('has texts that come again read once, some of them for each connection, and plans each for its values', async () => {
    await using(open({}, { connections: 1 }), async (session) => {
      const rowsOf = async (text: string, ...values: unknown[]) => {
        const rows: unknown[][] = [];
        await session.each(text, values, (row) => void rows.push([...row]), never);
        return rows;
      };
      const kept = () =>
        ask(session, 'SELECT generic_plans::int AS generic, custom_plans::int AS custom FROM pg_prepared_statements');
      for (let round = 0; round < 10; round++) expect(await rowsOf('SELECT $1::int + 1', round)).toEqual([[round + 1]]);
      // The first time is not kept: most texts come once.
      expect(await kept()).toEqual([{ generic: 0, custom: 9 }]);
      for (let n = 0; n < 90; n++)
        for (let round = 0; round < 2; round++) expect(await rowsOf(`SELECT $1::int + ${n}`, 1)).toEqual([[n + 1]]);
      expect(await kept()).toHaveLength(50);
      expect(await rowsOf('SELECT $1::int + 1', 5)).toEqual([[6]]);
      expect(await kept()).toHaveLength(50);
      // Somebody takes them away, and a table is not any more what it was.
      await session.readOnly((client) => client.query('DEALLOCATE ALL'), never);
      expect(await rowsOf('SELECT $1::int + 1', 6)).toEqual([[7]]);
      await server.run('CREATE TABLE changing (a int, at timestamptz); INSERT INTO changing VALUES (7, now())');
      const text = 'SELECT a, at FROM changing WHERE a = $1';
      for (let round = 0; round < 3; round++) expect(await rowsOf(text, '7')).toHaveLength(1);
      await server.run('ALTER TABLE changing ALTER a TYPE text, ALTER at TYPE timestamp');
      expect((await rowsOf(text, '7'))[0]![0]).toBe('7');
      await server.run('DROP TABLE changing');
      expect(await failure(() => rowsOf(text, '7'))).toMatchObject({ code: 'tsdb.refused' });
      expect(await rowsOf('SELECT $1::int + 1', 8)).toEqual([[9]]);
      expect(session.pool()).toMatchObject({ idle: 1 });
    });
  });

  it('gives rows by a cursor as they are taken, and stops the server when nobody takes them', async () => {
    await using(open({}, { connections: 1 }), async (session) => {
      const text = "SELECT generate_series(1, $1::int), 'x'";
      let rows = 0;
      let sum = 0;
      for await (const block of session.cursor(text, [100_000], 1_000, never)) {
        expect(block.length).toBeLessThanOrEqual(1_000);
        rows += block.length;
        for (const row of block) sum += row[0] as number;
      }
      expect([rows, sum]).toEqual([100_000, 5_000_050_000]);
      for await (const block of session.cursor(text, [1_000_000_000], 10, never)) {
        expect(block).toHaveLength(10);
        break;
      }
      expect(await ask(session, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      while ((await running('generate_series')) > 0) await wait(5);
      const stop = new AbortController();
      const taken = (async () => {
        for await (const _ of session.cursor(`${text} OFFSET 100000000`, [1_000_000_000], 10, stop.signal)) return;
      })();
      const ended = failure(() => taken);
      while ((await running('FETCH')) === 0) await wait(5);
      const begun = performance.now();
      stop.abort(new Error('enough'));
      expect((await ended).message).toContain('enough');
      while ((await running('FETCH')) > 0) expect(performance.now() - begun).toBeLessThan(100);
      expect(
        (
          await failure(async () => {
            for await (const _ of session.cursor('SELECT 1 / 0', [], 10, never)) return;
          })
        ).code,
      ).toBe('tsdb.refused');
      expect(await ask(session, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });
  });

  it('gives rows as they come, and ends the query when they are refused', async () => {
    await using(open({}, { connections: 1 }), async (session) => {
      let sum = 0;
      const text = 'SELECT generate_series(1, $1::int)';
      await session.each(text, [1_000], ([value]) => (sum += value as number), never);
      expect(sum).toBe(500_500);
      const refuse = (): void => {
        throw new Error('too many');
      };
      const begun = performance.now();
      const refused = await failure(() => session.each(text, [100_000_000], refuse, never));
      expect(refused.message).toContain('too many');
      expect(performance.now() - begun).toBeLessThan(5_000);
      expect((await failure(() => session.each('SELECT 1 / 0', [], refuse, never))).code).toBe('tsdb.refused');
      expect(await ask(session, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });
  });

  it('counts the time of a statement for each portion of a cursor, not for whoever takes them', async () => {
    await using(open({}, { statementTimeoutMs: 300 }), async (session) => {
      let portions = 0;
      for await (const _ of session.cursor('SELECT generate_series(1, 100000)', [], 20_000, never)) {
        portions++;
        await wait(100);
      }
      expect(portions).toBe(5);
    });
  });

  it('has the server end what takes too long, and says what to do', async () => {
    await using(open({}, { statementTimeoutMs: 300 }), async (session) => {
      const trouble = await failure(() => ask(session, SLOW));
      expect(trouble).toMatchObject({ code: 'tsdb.timeout', retryable: false });
      expect(trouble.message).toContain('0.3 s. Ask for a shorter range');
      while ((await running('generate_series')) > 0) await wait(5);
    });
    await using(open(), async (session) => {
      expect(await failure(() => session.query(SLOW, [], never, 200))).toMatchObject({ code: 'tsdb.timeout' });
      expect(await ask(session, "SELECT current_setting('statement_timeout') AS t")).toEqual([{ t: '20s' }]);
    });
  });

  it('lets those wait who come when all connections are in use, and only as long as they want', async () => {
    await using(open(), async (session) => {
      const slow = [1, 2].map(() => ask(session, 'SELECT pg_sleep(0.3)'));
      await wait(50);
      const stop = new AbortController();
      const third = session.query('SELECT 3', [], stop.signal);
      const given = failure(() => third);
      const fourth = ask(session, 'SELECT 4 AS n');
      expect(session.pool()).toEqual({ used: 2, idle: 0, waiting: 2, limit: 2 });
      stop.abort(new Error('no more'));
      expect((await given).message).toContain('no more');
      expect(await fourth).toEqual([{ n: 4 }]);
      await Promise.all(slow);
    });
  });

  it('says of each fault what to do', async () => {
    const trouble = async (change: object) => {
      const session = open(change);
      const found = await failure(() => ask(session, 'SELECT 1'));
      await session.close();
      return found;
    };
    const cases: [object, boolean, string][] = [
      [{ password: 'wrong' }, false, 'Check user and password'],
      [{ user: 'nobody' }, false, 'Check user and password'],
      [{ database: 'Plant' }, false, 'There is no database "Plant"'],
      [{ port: 1 }, true, 'Check the port, that the database runs'],
      [{ host: 'plant.invalid' }, true, 'is not known here'],
      [{ authority: '' }, false, 'put it into "Certificate authority"'],
      [{ user: 'only_tls', tls: 'off' }, false, 'pg_hba.conf lets this computer in without encryption'],
    ];
    for (const [change, retryable, text] of cases) {
      const found = await trouble(change);
      expect(found, JSON.stringify(change)).toMatchObject({ code: 'tsdb.unavailable', retryable });
      expect(found.message).toContain(text);
      expect(found.message).not.toContain(server.password);
    }
    expect(await trouble({ authority: 'no certificate' })).toMatchObject({ code: 'config.invalid' });
    expect((await trouble({ tls: 'unverified', authority: '' })).code).toBe('none');
    expect((await trouble({ tls: 'off' })).code).toBe('none');
    await using(open(), async (session) => {
      expect((await failure(() => ask(session, 'SELECT * FROM missing_table'))).message).toContain(
        'look at the mapping',
      );
      const raised: [string, boolean, string, string?][] = [
        ['40001', true, 'is asked again', 'tsdb.refused'],
        ['40P01', true, 'is asked again', 'tsdb.refused'],
        ['55P03', false, 'has locked it', 'tsdb.refused'],
        ['57P05', true, 'made again'],
        ['57P04', false, 'has been removed'],
        ['53100', true, 'Have space made'],
      ];
      for (const [code, retryable, text, as = 'tsdb.unavailable'] of raised) {
        const raise = `DO $$ BEGIN RAISE EXCEPTION 'as it says' USING ERRCODE = '${code}'; END $$`;
        const found = await failure(() => ask(session, raise));
        expect(found, code).toMatchObject({ code: as, retryable });
        expect(found.message).toContain(text);
      }
    });
  });

  it('shows in the connection test whose certificate it is, and what to do about one that is not trusted', async () => {
    const encryption = async (change: object) => {
      const { host, port, user, database } = server;
      const config = timescaleConfig.parse({ host, port, user, database, authority, ...change });
      const steps = [];
      for await (const step of testTimescale(config, tsdbContext({ secrets: { password: server.password } }), never)) {
        steps.push(step);
      }
      return steps.find(({ name }) => name === 'Encryption')!;
    };
    const checked = await encryption({});
    expect(checked).toMatchObject({ ok: true, skipped: false });
    expect(checked.says).toContain('"plant-db", issued by "Plant CA"');
    expect(checked.says).toContain('and checked');
    expect((await encryption({ authority: '', tls: 'unverified' })).says).toContain('not checked');
    const unknown = await encryption({ authority: '' });
    expect(unknown.ok).toBe(false);
    expect(`${unknown.says} ${unknown.advice}`).toContain('put it into "Certificate authority"');
    expect(await encryption({ tls: 'off' })).toMatchObject({ ok: true, skipped: true });
  });

  it('knows an idle connection that was cut, and a server that went while it was asked', async () => {
    await using(open({}, { connections: 1 }), async (session) => {
      await ask(session, 'SELECT 1');
      const terminate =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ParX Workstation'";
      await server.run(terminate);
      await wait(50);
      expect(await ask(session, 'SELECT 2 AS n')).toEqual([{ n: 2 }]);
      const asked = failure(() => ask(session, 'SELECT pg_sleep(20)'));
      await wait(100);
      await server.run(terminate);
      expect(await asked).toMatchObject({ code: 'tsdb.unavailable', retryable: true });
      expect(await ask(session, 'SELECT 3 AS n')).toEqual([{ n: 3 }]);
    });
  });

  it('gives a silent server up, and an abort at once', async () => {
    await using(open({ connectTimeoutMs: 300 }, { statementTimeoutMs: 500 }), async (session) => {
      await ask(session, 'SELECT 1');
      server.freeze(true);
      try {
        const stop = new AbortController();
        const asked = session.query('SELECT 1', [], stop.signal);
        const given = failure(() => asked);
        await wait(50);
        const begun = performance.now();
        stop.abort(new Error('enough'));
        expect((await given).message).toContain('enough');
        expect(performance.now() - begun).toBeLessThan(100);
        expect(await failure(() => ask(session, 'SELECT 1'))).toMatchObject({
          code: 'tsdb.unavailable',
          retryable: true,
        });
      } finally {
        server.freeze(false);
      }
    });
  });

  it('ends what runs when it is closed, and can be closed twice', async () => {
    const session = open();
    const asked = failure(() => ask(session, `${SLOW} -- closed`));
    while ((await running('-- closed')) === 0) await wait(5);
    await session.close();
    await session.close();
    expect(await asked).toMatchObject({ code: 'tsdb.unavailable' });
    expect(await failure(() => ask(session, 'SELECT 1'))).toMatchObject({ code: 'tsdb.unavailable' });
    while ((await running('-- closed')) > 0) await wait(5);
  });
});
