import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { createRunning } from '#engine/tsdb/index.ts';
import { timescaleConfig } from '#engine/tsdb/timescale/config.ts';
import { timescale } from '#engine/tsdb/timescale/index.ts';
import { createIngestor } from '#engine/tsdb/timescale/own-schema/ingestor.ts';
import { createSchemaManager } from '#engine/tsdb/timescale/own-schema/manager.ts';
import { createSession } from '#engine/tsdb/timescale/session.ts';
import type { MetricSamples } from '#shared/model/graph/index.ts';
import { DEFAULT_LIMITS } from '#shared/model/index.ts';
import { needs } from '#test/support/needs.ts';
import { type PostgresServer, startPostgres } from '#test/support/postgres.ts';
import { accessTo } from '#test/support/postgres-lease.ts';
import { seededRandom } from '#test/support/random.ts';
import { suiteDirectory } from '#test/support/temporary-directory.ts';
import { tsdbContext } from '#test/support/tsdb-context.ts';
import { never, SECOND, START } from '../contracts/store-samples.ts';

const ROWS = 2_000;
const CRASHES = 4;
const BACK_MS = 20_000;

/** Batch `n` of one series: rows that no other batch has. */
const batch = (n: number): MetricSamples => ({
  metric: { namespace: 'mill', name: 'speed', unit: 'm/min', type: 'gauge' },
  labels: {},
  time: Float64Array.from({ length: ROWS }, (_, at) => START + (n * ROWS + at) * SECOND),
  value: Float64Array.from({ length: ROWS }, (_, at) => n * ROWS + at),
  quality: null,
});

describe.skipIf(needs('postgresql'))('a server that fails while it is written to', () => {
  let server: PostgresServer;
  const { write } = { write: (samples: readonly MetricSamples[]) => ingestor.write(samples, never) };
  let ingestor: ReturnType<typeof createIngestor>;
  beforeAll(async () => {
    // What is acknowledged must be on the disk.
    server = await startPostgres('none', { settings: { synchronous_commit: 'on', fsync: 'on' } });
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    await server.run('DROP SCHEMA IF EXISTS parx CASCADE');
    const manager = createSchemaManager(accessTo(server));
    const request = { action: 'install', settings: {} } as const;
    const { token } = await manager.plan(request, never);
    for await (const _ of manager.apply(request, token, never));
    ingestor = createIngestor({
      ...accessTo(server),
      conflict: 'newer',
      copy: true,
      rows: 500,
    });
  });
  const count = async () =>
    (
      await server.run(
        'SELECT count(*)::int AS rows, count(DISTINCT time)::int AS times, sum(value) AS sum FROM parx.samples',
      )
    )[0]!;
  const sumOf = (rows: number): number => (rows * (rows - 1)) / 2;

  it('loses nothing that it has acknowledged and stores nothing twice, through crashes at any moment', async () => {
    const random = seededRandom(4_711);
    const batches = 40;
    let crashes = 0;
    let done = false;
    const crash = async (): Promise<void> => {
      while (!done && crashes < CRASHES) {
        await wait(20 + random.below(150));
        try {
          const rows = await server.run(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
          );
          // The death of one makes the server start anew from its log, as after a power cut.
          for (const { pid } of rows.slice(0, 1)) {
            process.kill(pid as number, 'SIGKILL');
            crashes++;
          }
        } catch {
          // It is still starting.
        }
      }
    };
    const crashing = crash();
    let repeated = 0;
    for (let n = 0; n < batches; n++) {
      for (const began = performance.now(); ; ) {
        try {
          expect(await write([batch(n)])).toEqual({ rejected: [] });
          break;
        } catch (error) {
          if (performance.now() - began > BACK_MS) throw error;
          repeated++;
          await wait(30);
        }
      }
      if (n === batches - 1) done = true;
    }
    await crashing;
    expect(crashes).toBeGreaterThan(2);
    expect(repeated).toBeGreaterThan(1);
    await expect
      .poll(() => count().catch(() => null), { timeout: BACK_MS })
      .toEqual({
        rows: batches * ROWS,
        times: batches * ROWS,
        sum: sumOf(batches * ROWS),
      });
  });

  it('gives up when nothing answers any more, and stores the batch once when it is back', async () => {
    const config = timescaleConfig.parse({ ...server, tls: 'off', write: true });
    const login = { config, password: server.password };
    const clock = systemClock();
    const limits = { statementTimeoutMs: 30_000, connections: 2 };
    const session = createSession({ backend: 'timescale', login, clock, ...limits });
    onTestFinished(() => session.close());
    ingestor = createIngestor({ ...accessTo(server), lease: session.lease, conflict: 'newer', copy: true });
    await write([batch(0)]);
    const stop = new AbortController();
    server.freeze(true);
    try {
      const writing = ingestor.write([batch(1)], stop.signal);
      setTimeout(() => stop.abort(new Error('given up')), 200);
      await expect(Promise.race([writing, wait(5_000).then(() => 'hangs')])).rejects.toThrow('given up');
    } finally {
      server.freeze(false);
    }
    await write([batch(1)]);
    expect(await count()).toEqual({ rows: 2 * ROWS, times: 2 * ROWS, sum: sumOf(2 * ROWS) });
  });
});

describe.skipIf(needs('postgresql', 'root'))('a server whose disk is full', () => {
  const directory = suiteDirectory();
  let server: PostgresServer;
  let disk: string;
  beforeAll(async () => {
    server = await startPostgres('none');
    disk = join(directory.path, 'small');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=777', 'parx-test', disk]);
    execFileSync('chmod', ['711', directory.path]);
    const space = join(disk, 'space');
    mkdirSync(space);
    const [data] = await server.run("SELECT current_setting('data_directory') AS folder");
    const { uid, gid } = statSync(data!.folder as string);
    chownSync(space, uid, gid);
    await server.run(`CREATE TABLESPACE small LOCATION '${space}'`);
    const manager = createSchemaManager(accessTo(server));
    const { token } = await manager.plan({ action: 'install', settings: {} }, never);
    for await (const _ of manager.apply({ action: 'install', settings: {} }, token, never));
    await server.run('ALTER TABLE parx.samples SET TABLESPACE small');
  });
  afterAll(async () => {
    await server.stop();
    execFileSync('umount', [disk]);
  });

  it('stores whole batches until then, says so, and goes on when there is room', async () => {
    const ingestor = createIngestor({
      ...accessTo(server),
      conflict: 'first',
      copy: true,
    });
    let stored = 0;
    const failure = await (async () => {
      for (; stored < 1_000; stored++) await ingestor.write([batch(stored)], never);
    })().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: '53100' });
    expect(stored).toBeGreaterThan(3);
    const rows = async () => (await server.run('SELECT count(*)::int AS rows FROM parx.samples'))[0]!.rows;
    expect(await rows()).toBe(stored * ROWS);
    execFileSync('mount', ['-o', 'remount,size=64m', disk]);
    await ingestor.write([batch(stored)], never);
    expect(await rows()).toBe((stored + 1) * ROWS);
  });

  it('is told in words, takes no reading with it, and is written to when there is room', {
    timeout: 60_000,
  }, async () => {
    await server.run('TRUNCATE parx.samples');
    execFileSync('mount', ['-o', 'remount,size=3m', disk]);
    const running = createRunning({
      name: 'full',
      backend: timescale,
      limits: DEFAULT_LIMITS,
      clock: systemClock(),
      log: createLogger(() => undefined),
      connect: (signal) =>
        timescale.connect(
          timescaleConfig.parse({ ...server, tls: 'off', write: true }),
          tsdbContext({ secrets: { password: server.password } }),
          signal,
        ),
      onChange: () => undefined,
    });
    onTestFinished(() => running.close());
    const { ingestor, raw } = await running.open(never);
    const rows = async (): Promise<number> => {
      const text = 'SELECT max(time) AS time, count(*) AS n FROM parx.samples';
      const { series } = await raw!({ text, range: { from: 0, to: 1 }, limit: 10 }, never);
      return series[0]!.value[0]!;
    };
    let stored = 0;
    const failure = await (async () => {
      for (; stored < 1_000; stored++) await ingestor!.write([batch(stored)], never);
    })().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'tsdb.unavailable', message: expect.stringContaining('Have space made') });
    expect(stored).toBeGreaterThan(3);
    expect(await rows()).toBe(stored * ROWS);
    expect(running.status().state).toBe('running');
    execFileSync('mount', ['-o', 'remount,size=64m', disk]);
    await ingestor!.write([batch(stored)], never);
    expect(await rows()).toBe((stored + 1) * ROWS);
  });
});
