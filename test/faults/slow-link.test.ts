import { connect, createServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { createRunning, type QueryPlan, type TsdbBackend } from '#engine/tsdb/index.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { DEFAULT_LIMITS, tableMapping } from '#shared/model/index.ts';
import { never } from '#test/contracts/store-samples.ts';
import { settingsOf } from '#test/contracts/tsdb-timescale.ts';
import { expectNoNewHandles, openHandles } from '#test/support/leak-guard.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';

// A plant's database at the far end of a slow line: late, and a little at a time, and neither is a fault.

const DELAY_MS = 150;
const PIECE_BYTES = 1_000;
const ROWS = 2_000;
const START = Date.parse('2026-01-01T00:00:00Z') * 1_000;
const RANGE = { from: START, to: START + ROWS * 1_000_000 };
const backend: TsdbBackend = timescale;

/** Everything comes so much later, and answers in small pieces. */
async function slowLine(
  port: number,
): Promise<{ readonly port: number; readonly connections: () => number; stop(): Promise<void> }> {
  const open = new Set<Socket>();
  let connections = 0;
  const late = (): Transform =>
    new Transform({
      transform(bytes: Buffer, _, done) {
        setTimeout(() => {
          for (let at = 0; at < bytes.length; at += PIECE_BYTES) this.push(bytes.subarray(at, at + PIECE_BYTES));
          done();
        }, DELAY_MS);
      },
    });
  const server: Server = createServer((near) => {
    connections++;
    const far = connect({ host: '127.0.0.1', port, noDelay: true });
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        open.delete(socket);
        // What is on its way still arrives.
        setTimeout(() => {
          near.destroySoon();
          far.destroySoon();
        }, 2 * DELAY_MS);
      });
    }
    near.pipe(late()).pipe(far);
    far.pipe(late()).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    connections: () => connections,
    stop: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

describe.skipIf(needs('postgresql'))('a server behind a slow line', () => {
  const before = openHandles();
  let server: PostgresServer;
  let line: Awaited<ReturnType<typeof slowLine>>;
  beforeAll(async () => {
    server = await startPostgres('none');
    await server.run(
      `CREATE TABLE far (ts timestamptz PRIMARY KEY, value float8); INSERT INTO far SELECT '2026-01-01'::timestamptz + g * interval '1 second', g FROM generate_series(0, ${ROWS - 1}) g; ANALYZE far`,
    );
    line = await slowLine(server.port);
  });
  afterAll(async () => {
    await line.stop();
    await server.stop();
    await expectNoNewHandles(before);
  });

  it('gives the same answers, is asked once for each, and stays in use', { timeout: 60_000 }, async () => {
    const mapping = tableMapping.parse({
      id: 'far',
      relation: { schema: 'public', name: 'far' },
      time: { column: 'ts', kind: 'timestamptz' },
      tag: { kind: 'fixed', name: 'far' },
      values: [{ column: 'value' }],
    });
    const context = tsdbContext({ secrets: { password: server.password }, mappings: [mapping] });
    const running = createRunning({
      name: 'far',
      backend,
      limits: DEFAULT_LIMITS,
      clock: systemClock(),
      log: createLogger(() => undefined),
      connect: (signal) => backend.connect({ ...settingsOf(server), port: line.port }, context, signal),
      onChange: () => undefined,
    });
    try {
      const connection = await running.open(never);
      const planOf = (grid: QueryPlan['grid'], to = RANGE.to): QueryPlan => ({
        range: { from: RANGE.from, to },
        grid,
        envelope: false,
        series: [
          {
            definition: 'A',
            metric: { namespace: 'plant', name: 'far', unit: null, type: 'gauge' },
            override: null,
            match: {},
            aggregate: grid === null ? 'last' : 'max',
            groupBy: null,
            limit: 10,
            extension: {},
          },
        ],
      });
      const compile = (plan: QueryPlan) => running.backend.compile(plan, connection.capabilities);
      // More at once than there are connections.
      const many = await Promise.all(
        Array.from({ length: 6 }, async (_, n) => {
          const to = START + (n + 1) * 100_000_000;
          const grid = { start: START, step: to - START, length: 1 };
          return (await connection.client.query(compile(planOf(grid, to)), never)).series[0]!.value[0];
        }),
      );
      expect(many).toEqual([99, 199, 299, 399, 499, 599]);
      let rows = 0;
      for await (const [block] of connection.client.stream(compile(planOf(null)), never)) rows += block!.time.length;
      expect(rows).toBe(ROWS);
      const stop = new AbortController();
      const slow = connection.raw!(
        { text: 'SELECT now() AS t, 1 AS n, pg_sleep(30)::text', range: RANGE, limit: 1 },
        stop.signal,
      );
      const ended = slow.catch((error: unknown) => error);
      const sleeping =
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'ParX Workstation' AND wait_event = 'PgSleep'";
      await expect.poll(async () => (await server.run(sleeping))[0]!.n, { timeout: 10_000, interval: 20 }).toBe(1);
      const begun = performance.now();
      stop.abort(new Error('enough'));
      expect(await ended).toMatchObject({ message: 'enough' });
      expect(performance.now() - begun).toBeLessThan(100);
      // The request takes its time on the way there, and no more.
      await expect.poll(async () => (await server.run(sleeping))[0]!.n, { timeout: 5_000, interval: 20 }).toBe(0);
      const { state, health } = running.status();
      expect({ state, breaker: health.breaker.state, retries: health.retries }).toEqual({
        state: 'running',
        breaker: 'closed',
        retries: 0,
      });
      // Two that are kept, and one that carried the request to cancel.
      expect(line.connections()).toBeLessThanOrEqual(3);
    } finally {
      await running.close();
    }
  });
});
