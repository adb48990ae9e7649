import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import {
  type CompiledQuery,
  createRunning,
  type QueryPlan,
  type TsdbBackend,
  type TsdbConnection,
} from '#engine/tsdb/index.ts';
import { timescaleConfig } from '#engine/tsdb/timescale/config.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { createSession } from '#engine/tsdb/timescale/session.ts';
import { DEFAULT_LIMITS, tableMapping } from '#shared/model/index.ts';
import { never } from '#test/contracts/store-samples.ts';
import { settingsOf } from '#test/contracts/tsdb-timescale.ts';
import { figures, LONG } from '#test/support/figures.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresEdition, type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { seededRandom } from '#test/support/random.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';

// What is given up ends at the server too: from the abort to the moment at which nobody sees it there any more.
const GONE_MS = 100;
/** The least of so many counts: whatever else runs on the computer may take any one of them its time, and then some more. */
const TRIES = 3;
const MOST_TRIES = 12;
/** Each way of asking is given up so often at another moment, all of them together. */
const ABORTS = LONG ? 8_000 : 400;
const ROWS = 100_000;
/** Read so slowly, no statement over all rows ends within a test. */
const ROW_MS = 1;
const START = Date.parse('2026-01-01T00:00:00Z') * 1_000;
const RANGE = { from: START, to: START + ROWS * 1_000_000 };
const GRID = { start: RANGE.from, step: RANGE.to - RANGE.from, length: 1 };

const backend: TsdbBackend = timescale;
const limits = { ...DEFAULT_LIMITS, connections: 1 };

/** Rows, and a view of them of which each row takes its time. */
async function makeTables(server: PostgresServer): Promise<void> {
  const statements = [
    'CREATE TABLE quick (ts timestamptz NOT NULL, value float8 NOT NULL)',
    server.edition === 'none' ? 'CREATE INDEX ON quick (ts)' : "SELECT create_hypertable('quick', 'ts')",
    `INSERT INTO quick SELECT '2026-01-01'::timestamptz + g * interval '1 second', g FROM generate_series(0, ${ROWS - 1}) g`,
    `CREATE FUNCTION dawdle(value float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE begun timestamptz := clock_timestamp(); BEGIN
WHILE clock_timestamp() < begun + interval '${ROW_MS} ms' LOOP END LOOP; RETURN value; END $$`,
    'CREATE VIEW slow AS SELECT ts, dawdle(value) AS value FROM quick',
    'ANALYZE quick',
  ];
  for (const statement of statements) await server.run(statement);
}
const mapped = (name: string) =>
  tableMapping.parse({
    id: name,
    relation: { schema: 'public', name },
    time: { column: 'ts', kind: 'timestamptz' },
    tag: { kind: 'fixed', name },
    values: [{ column: 'value' }],
  });
const planOf = (name: string, grid: QueryPlan['grid']): QueryPlan => ({
  range: RANGE,
  grid,
  envelope: false,
  series: [
    {
      definition: 'A',
      metric: { namespace: 'plant', name, unit: null, type: 'gauge' },
      override: null,
      match: {},
      aggregate: grid === null ? 'last' : 'mean',
      groupBy: null,
      limit: 10,
      extension: {},
    },
  ],
});

interface Source {
  readonly connection: TsdbConnection;
  compile(plan: QueryPlan): CompiledQuery;
}
/** A source as the program has it in use: with its breaker, its turns and its cache around it. */
async function using(server: PostgresServer, work: (source: Source) => Promise<void>): Promise<void> {
  const mappings = ['quick', 'slow'].map(mapped);
  const context = tsdbContext({ secrets: { password: server.password }, mappings, limits });
  const running = createRunning({
    name: 'cancel',
    backend,
    limits,
    clock: systemClock(),
    log: createLogger(() => undefined),
    connect: (signal) => backend.connect(settingsOf(server), context, signal),
    onChange: () => undefined,
  });
  try {
    const connection = await running.open(never);
    await work({ connection, compile: (plan) => running.backend.compile(plan, connection.capabilities) });
  } finally {
    await running.close();
  }
}

/** What takes long, by the name that it has in the figures; each ends by its signal alone. */
const SLOW: Readonly<Record<string, (source: Source, signal: AbortSignal) => Promise<unknown>>> = {
  query: ({ connection, compile }, signal) => connection.client.query(compile(planOf('slow', GRID)), signal),
  /** Cancelled while the server looks for the next rows. */
  async stream({ connection, compile }, signal) {
    for await (const _ of connection.client.stream(compile(planOf('slow', null)), signal));
  },
  /** Cancelled while whoever takes the rows is busy with some: nothing runs there, but a transaction is open. */
  async 'stream at rest'({ connection, compile }, signal) {
    for await (const _ of connection.client.stream(compile(planOf('quick', null)), signal)) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    }
  },
  raw: ({ connection }, signal) =>
    connection.raw!(
      { text: 'SELECT ts, value FROM slow WHERE ts >= $1 AND ts < $2', range: RANGE, limit: ROWS },
      signal,
    ),
};

for (const [edition, missing] of [
  ['none', needs('postgresql')],
  ['apache', needs('timescaledb')],
] as const satisfies [PostgresEdition, boolean][]) {
  describe.skipIf(missing)(`what is given up on a server of the edition ${edition}`, () => {
    let server: PostgresServer;
    let watcher: pg.Client;
    beforeAll(async () => {
      server = await startPostgres(edition);
      await makeTables(server);
      const { host, port, user, password, database } = server;
      watcher = new pg.Client({ host, port, user, password, database });
      await watcher.connect();
    }, 60_000);
    afterAll(async () => {
      await watcher.end();
      await server.stop();
    });

    /** What the source does there: a statement that runs, or a transaction that is open. */
    const busy = async (): Promise<readonly { pid: number; state: string; query: string }[]> =>
      (
        await watcher.query(
          "SELECT pid, state, query FROM pg_stat_activity WHERE application_name = 'ParX Workstation' AND (state = 'active' OR xact_start IS NOT NULL)",
        )
      ).rows;

    it.each(Object.keys(SLOW))(`ends there within ${GONE_MS} ms: %s`, async (name) => {
      await using(server, async (source) => {
        const resting = name.includes('at rest');
        const here: number[] = [];
        const there: number[] = [];
        const connections = new Set<number>();
        const isDone = (): boolean => there.length >= TRIES && Math.min(...there) < GONE_MS;
        while (there.length < MOST_TRIES && !isDone()) {
          const stop = new AbortController();
          let early: unknown = null;
          const work = SLOW[name]!(source, stop.signal)
            .catch((error: unknown) => error)
            .then((how) => {
              early = how;
              return how;
            });
          // It runs in the very statement that it is about, not in what prepares that.
          const runs = (all: Awaited<ReturnType<typeof busy>>): boolean =>
            all.some(({ state, query }) =>
              resting
                ? state === 'idle in transaction' && query.startsWith('FETCH')
                : /^FETCH|dawdle|"slow"/.test(query),
            );
          for (let all = await busy(); ; all = await busy()) {
            if (early !== null) throw new Error(`It ended before it was given up: ${early}`);
            if (!runs(all)) continue;
            connections.add(all[0]!.pid);
            break;
          }
          if (!resting) await wait(20);
          const begun = performance.now();
          stop.abort(new Error('enough'));
          const ended = work.then((how) => {
            here.push(performance.now() - begun);
            return how;
          });
          while ((await busy()).length > 0) if (performance.now() - begun > 5_000) break;
          there.push(performance.now() - begun);
          expect(await ended).toMatchObject({ message: 'enough' });
        }
        figures({ hereMs: Math.round(Math.min(...here)), thereMs: Math.round(Math.min(...there)) });
        expect(Math.min(...here), `here ${here}`).toBeLessThan(GONE_MS);
        expect(Math.min(...there), `there ${there}`).toBeLessThan(GONE_MS);
        expect(connections.size, 'connections used, of one that is used again').toBe(1);
      });
    });

    it('leaves a connection as it was, whatever it was just doing', { timeout: LONG ? 600_000 : 60_000 }, async () => {
      const { host, port, user, database, password } = server;
      const session = createSession({
        backend: 'timescale',
        login: { config: timescaleConfig.parse({ host, port, user, database, tls: 'off' }), password },
        statementTimeoutMs: 20_000,
        connections: 1,
        clock: systemClock(),
      });
      const rows = 'SELECT ts, value FROM quick';
      const random = seededRandom(11);
      // Sizes at which a request that is on its way meets the end of what it is about.
      const some = (): number => 100 * 2 ** random.below(8);
      const ways: readonly ((signal: AbortSignal) => Promise<unknown>)[] = [
        async (signal) => {
          for await (const _ of session.cursor(rows, [], some(), signal));
        },
        // Given up while the first rows are looked at: what comes next is not even asked for.
        async (signal) => {
          for await (const _ of session.cursor(rows, [], some(), signal)) await wait(1);
        },
        (signal) => session.readOnly((client) => client.query(`${rows} LIMIT ${some()}`), signal),
        (signal) => session.query(`${rows} LIMIT ${some()}`, [], signal, 5_000),
      ];
      try {
        for (let n = 0; n < ABORTS; n++) {
          const stop = new AbortController();
          setTimeout(() => stop.abort(new Error('enough')), random.below(5));
          await ways[n % ways.length]!(stop.signal).catch((error: unknown) => {
            if (error !== stop.signal.reason) throw error;
          });
          const [after] = await session.query("SELECT current_setting('statement_timeout') AS timeout", [], never);
          expect(after, `after ${n}`).toEqual({ timeout: '20s' });
        }
      } finally {
        await session.close();
      }
    });
  });
}

// Nothing can be seen of a server in WebAssembly while it works: it has one connection at a time, and looks for nothing
// else until the statement has ended. What can be shown is that nobody here waits for it.
describe('what is given up on a server of the edition community', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres('community');
    await makeTables(server);
  }, 60_000);
  afterAll(() => server.stop());

  it(`is given up here within ${GONE_MS} ms`, async () => {
    await using(server, async (source) => {
      const slow = { ...planOf('slow', GRID), range: { from: START, to: START + 1_500_000_000 } };
      const stop = new AbortController();
      const work = source.connection.client.query(source.compile(slow), stop.signal).catch((error: unknown) => error);
      await wait(500);
      const begun = performance.now();
      stop.abort(new Error('enough'));
      expect(await work).toMatchObject({ message: 'enough' });
      expect(performance.now() - begun).toBeLessThan(GONE_MS);
    });
  });
});
