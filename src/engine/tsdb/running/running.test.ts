import { describe, expect, it } from 'vitest';
import { createLogger } from '#engine/platform/index.ts';
import type { QueryPlan, TsdbConnection } from '#engine/tsdb/tsdb.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import { gridOf, type MetricSamples } from '#shared/model/graph/index.ts';
import { DEFAULT_LIMITS, type SourceLimits } from '#shared/model/index.ts';
import { createFakeClock, FAKE_START, settle } from '#test/support/fake-clock.ts';
import { createFaultyServer, SAMPLE_US } from '#test/support/faulty-backend.ts';
import { createRunning } from './index.ts';

const never = new AbortController().signal;
const metric = { namespace: 'plant', name: 'x', unit: null, type: 'gauge' } as const;

const planOf = (change: Partial<QueryPlan> = {}): QueryPlan => {
  const range = { from: FAKE_START - 86_400 * SAMPLE_US, to: FAKE_START - 85_800 * SAMPLE_US };
  return {
    range,
    grid: gridOf(range, { stepMs: 60_000, maxPoints: 1_000, align: 'epoch', envelope: false }).grid,
    envelope: false,
    series: [
      {
        definition: 'A',
        metric,
        override: null,
        match: { tag: 'a' },
        aggregate: 'mean',
        groupBy: null,
        limit: 10,
        extension: {},
      },
    ],
    ...change,
  };
};
const rows = (tag: string, values: readonly number[]): MetricSamples => ({
  metric,
  labels: { tag },
  time: Float64Array.from(values, (_, at) => FAKE_START + at),
  value: Float64Array.from(values),
  quality: null,
});

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    return isAppError(error) ? error.code : String(error);
  }
  return 'none';
};

const setUp = (limits: Partial<SourceLimits> = {}) => {
  const clock = createFakeClock();
  const server = createFaultyServer((ms, signal) => clock.sleep(ms, signal));
  const changes = { count: 0 };
  const source = createRunning({
    name: 'Plant',
    backend: server.backend,
    limits: { ...DEFAULT_LIMITS, cacheMegabytes: 0, ...limits },
    clock,
    log: createLogger(() => undefined),
    connect: (signal) => server.backend.connect({}, {} as never, signal),
    onChange: () => {
      changes.count++;
    },
  });
  const ask = async (plan = planOf(), signal = never) => {
    const connection = await source.open(signal);
    return await connection.client.query(source.backend.compile(plan, connection.capabilities), signal);
  };
  return { clock, server, source, ask, changes };
};

describe('a running source', () => {
  it('is tried again after a lost link, and the question never knows', async () => {
    const { clock, server, source, ask } = setUp();
    server.faults.push('lost', 'refuse');
    const answer = ask();
    await clock.advance(10_000);
    expect((await answer).series).toHaveLength(1);
    const { state, health } = source.status();
    expect(state).toBe('running');
    expect(health).toMatchObject({ errors: 2, retries: 2 });
    expect(health.queries.count).toBe(1);
    await source.close();
    expect(server.closes).toBe(1);
  });

  it('does not repeat what the server has understood and refused, nor what is a fault of the driver', async () => {
    const { clock, server, source, ask } = setUp();
    await ask();
    const before = server.asked.length;
    for (const [fault, code] of [
      ['permanent', 'tsdb.refused'],
      ['bug', 'TypeError: x is not a function'],
    ] as const) {
      server.faults.push(fault);
      expect(await codeOf(ask())).toBe(code);
    }
    await clock.advance(5_000);
    expect(server.asked.length).toBe(before);
    expect(source.status()).toMatchObject({ state: 'running', health: { retries: 0 } });
    await source.close();
  });

  it('asks again what the server gave up for other work, and takes it for no outage however often', async () => {
    const { clock, server, source, ask } = setUp();
    await ask();
    server.faults.push(...Array.from({ length: 4 }, () => 'gave-way' as const));
    const refused = codeOf(ask());
    await clock.advance(10_000);
    expect(await refused).toBe('tsdb.refused');
    expect(source.status()).toMatchObject({ state: 'running', health: { errors: 4, retries: 3 } });
    expect(server.connects).toBe(1);
    expect((await ask()).series).toHaveLength(1);
    await source.close();
  });

  it('asks nothing of a source that is down until it answers again, with longer and longer waits', async () => {
    const { clock, server, source, ask } = setUp();
    await ask();
    server.down = true;
    const lost = codeOf(ask());
    await clock.advance(10_000);
    expect(await lost).toBe('tsdb.unavailable');
    expect(source.status()).toMatchObject({ state: 'lost', message: 'The server ended the link.' });
    // Refused at once, without a call.
    const errors = source.status().health.errors;
    const refused = codeOf(ask());
    await settle();
    await clock.advance(5_000);
    expect(await refused).toBe('tsdb.unavailable');
    expect(source.status().health.errors).toBe(errors);
    const connects = server.connects;
    await clock.advance(120_000);
    const attempts = server.connects - connects;
    expect(attempts).toBeGreaterThan(3);
    expect(attempts).toBeLessThan(30);
    expect(source.status().health.breaker).toMatchObject({ state: 'open' });
    expect(source.status().health.breaker.nextAttempt).toBeGreaterThan(clock.now());
    server.down = false;
    await clock.advance(60_000);
    expect(source.status()).toMatchObject({
      state: 'running',
      message: null,
      health: { breaker: { state: 'closed' } },
    });
    expect((await ask()).series).toHaveLength(1);
    await source.close();
    expect(server.closes).toBe(2);
  });

  it('does not wait for a clock that is set back', async () => {
    const { clock, server, source } = setUp();
    await settle();
    server.down = true;
    source.retry();
    await clock.advance(1);
    expect(source.status().state).toBe('lost');
    clock.setWall(FAKE_START - 86_400_000_000);
    server.down = false;
    await clock.advance(60_000);
    expect(source.status().state).toBe('running');
    await source.close();
  });

  it('tries a refused login seldom, so that no account is locked, and at once when it is told to', async () => {
    const { clock, server, source } = setUp();
    await settle();
    server.connectFaults.push('login');
    source.retry();
    await settle();
    expect(source.status()).toMatchObject({ state: 'lost', message: 'The server refused the login.' });
    const connects = server.connects;
    await clock.advance(590_000);
    expect(server.connects).toBe(connects);
    source.retry();
    await clock.advance(1);
    expect(server.connects).toBe(connects + 1);
    await source.close();
  });

  it('gives up what a server never answers, and a driver that hangs', async () => {
    const { clock, server, source, ask } = setUp({ statementTimeoutMs: 1_000 });
    await ask();
    server.faults.push('hang');
    const answer = codeOf(ask());
    await clock.advance(5_100);
    expect(await answer).toBe('tsdb.timeout');
    expect((await ask()).series).toHaveLength(1);
    server.connectFaults.push('hang');
    source.retry();
    await clock.advance(30_100);
    expect(source.status()).toMatchObject({ state: 'lost' });
    await clock.advance(5_000);
    expect(source.status()).toMatchObject({ state: 'running' });
    await source.close();
  });

  it('sees by itself that a server is there no more which keeps its sockets open', async () => {
    const { clock, server, source, ask } = setUp();
    await ask();
    server.silent = true;
    await clock.advance(70_000);
    expect(source.status()).toMatchObject({ state: 'lost', message: 'Plant has not answered for 5 s.' });
    server.silent = false;
    await clock.advance(60_000);
    expect(source.status().state).toBe('running');
    await source.close();
  });

  it('does not take a source whose connections are all in use for one that is gone', async () => {
    const { clock, server, source, ask } = setUp({ connections: 1, statementTimeoutMs: 120_000 });
    await ask();
    server.faults.push({ waitMs: 100_000 });
    const long = ask();
    await settle();
    server.silent = true;
    await clock.advance(90_000);
    expect(source.status().state).toBe('running');
    server.silent = false;
    await clock.advance(10_000);
    expect((await long).series).toHaveLength(1);
    await source.close();
  });

  it('is read while it cannot be written', async () => {
    const { clock, server, source, ask } = setUp();
    const ingestor = (await source.open(never)).ingestor!;
    server.faults.push('lost', 'lost', 'lost', 'lost');
    const refused = codeOf(ingestor.write([rows('a', [1])], never));
    await clock.advance(10_000);
    expect(await refused).toBe('tsdb.unavailable');
    expect(source.status().state).toBe('running');
    expect((await ask()).series).toHaveLength(1);
    await source.close();
  });

  it('asks so many at a time, the rest in their turn; who leaves the queue is gone at once', async () => {
    const { clock, server, source, ask } = setUp({ connections: 2 });
    await ask();
    server.faults.push(...Array.from({ length: 6 }, () => ({ waitMs: 1_000 })));
    const cancel = new AbortController();
    const answers = Array.from({ length: 5 }, () => ask());
    const left = codeOf(ask(planOf(), cancel.signal));
    await settle();
    expect(source.status().health.waiting).toBe(4);
    cancel.abort(new AppError('rpc.cancelled', 'Nobody looks any more.', { details: null }));
    expect(await left).toBe('rpc.cancelled');
    await clock.advance(3_000);
    await Promise.all(answers);
    expect(server.mostBusy).toBe(2);
    expect(source.status().health.waiting).toBe(0);
    await source.close();
  });

  it('streams as it is read, begins anew only before the first block, and ends at the server when nobody reads', async () => {
    const { clock, server, source } = setUp();
    const connection = await source.open(never);
    const plan = planOf({ grid: null, range: { from: FAKE_START, to: FAKE_START + 100_000 * SAMPLE_US } });
    const stream = () => connection.client.stream(source.backend.compile(plan, connection.capabilities), never);
    server.faults.push('lost');
    let blocks = 0;
    const read = (async () => {
      for await (const [block] of stream()) {
        blocks++;
        expect(block!.time.length).toBe(1_000);
        if (blocks === 3) break;
      }
    })();
    await clock.advance(2_000);
    await read;
    await settle();
    expect(blocks).toBe(3);
    expect(server.open).toBe(0);
    const broken = (async () => {
      for await (const _ of stream()) server.faults.push('lost');
    })();
    expect(await codeOf(broken)).toBe('tsdb.unavailable');
    await settle();
    expect(server.open).toBe(0);
    expect(source.status().health.waiting).toBe(0);
    await source.close();
  });

  it('names the slow queries with their plan, and what to do', async () => {
    const { clock, server, source, ask } = setUp();
    await ask();
    server.faults.push({ waitMs: 900 });
    const slow = ask();
    await clock.advance(900);
    await slow;
    await clock.advance(10);
    const [entry] = source.slowQueries();
    expect(entry).toMatchObject({ ms: 900, rows: 10, plan: expect.stringContaining('Seq Scan') });
    expect(entry!.text).toContain('"tag":"a"');
    expect(entry!.hints[0]!.advice).toContain('index');
    expect(source.slowQueries()).toHaveLength(1);
    await source.close();
  });

  it('writes batches by size and age; each caller hears of its own rows', async () => {
    const { clock, server, source } = setUp();
    const ingestor = (await source.open(never)).ingestor!;
    server.faults.push('reject-first');
    const first = ingestor.write([rows('a', [1, 2])], never);
    const second = ingestor.write([rows('b', [3]), rows('c', [4])], never);
    await settle();
    expect(server.written).toHaveLength(0);
    expect(source.status().health.buffered).toBe(4);
    await clock.advance(250);
    expect(await first).toEqual({ rejected: [{ series: 0, row: 0, reason: 'The value is out of range.' }] });
    expect(await second).toEqual({ rejected: [] });
    expect(server.written).toHaveLength(1);
    expect(source.status().health).toMatchObject({ rowsWritten: 3, rowsRejected: 1, buffered: 0 });
    const large = ingestor.write([rows('d', new Array(10_000).fill(1))], never);
    await settle();
    await large;
    expect(server.written).toHaveLength(2);
    await source.close();
  });

  it('keeps the samples of others apart from those that the server refuses, and waits out an outage', async () => {
    const { clock, server, source } = setUp();
    const ingestor = (await source.open(never)).ingestor!;
    server.faults.push('permanent', 'permanent');
    const bad = codeOf(ingestor.write([rows('a', [1])], never));
    const good = ingestor.write([rows('b', [2])], never);
    await clock.advance(250);
    expect(await bad).toBe('tsdb.refused');
    expect(await good).toEqual({ rejected: [] });
    server.faults.push('lost', 'lost');
    const late = ingestor.write([rows('c', [3])], never);
    await clock.advance(10_000);
    expect(await late).toEqual({ rejected: [] });
    await source.close();
  });

  it('refuses more rows than it can hold, and takes what is left with it when it ends', async () => {
    const { clock, server, source } = setUp();
    const ingestor = (await source.open(never)).ingestor!;
    server.faults.push('hang');
    const column = { time: new Float64Array(600_000), value: new Float64Array(600_000) };
    const huge = { ...rows('a', []), ...column };
    const stuck = codeOf(ingestor.write([huge], never));
    await settle();
    expect(await codeOf(ingestor.write([huge], never))).toBe('rpc.limit');
    const closing = source.close();
    await clock.advance(6_000);
    await closing;
    expect(await stuck).not.toBe('none');
    const other = setUp();
    const last = (await other.source.open(never)).ingestor!.write([rows('z', [1])], never);
    await other.source.close();
    expect(await last).toEqual({ rejected: [] });
    expect(other.server.written).toHaveLength(1);
    expect(await codeOf(ingestor.write([rows('y', [1])], never))).toBe('rpc.limit');
  });

  it('forgets what was kept of its answers where it writes', async () => {
    const { clock, server, source, ask } = setUp({ cacheMegabytes: 8 });
    const range = { from: FAKE_START - 86_400 * SAMPLE_US, to: FAKE_START - 79_200 * SAMPLE_US };
    const { grid } = gridOf(range, { stepMs: 60_000, maxPoints: 1_000, align: 'epoch', envelope: false });
    const plan = planOf({ range, grid });
    const before = await ask(plan);
    server.offset = 1_000;
    expect(await ask(plan)).toEqual(before);
    expect(source.status().health.cache).toMatchObject({ hits: 120, misses: 120, ratio: 0.5 });
    const ingestor = (await source.open(never)).ingestor as NonNullable<TsdbConnection['ingestor']>;
    const late = ingestor.write([{ ...rows('a', [1]), time: Float64Array.of(range.from) }], never);
    await clock.advance(250);
    await late;
    const after = await ask(plan);
    expect(after.series[0]!.value[0]).toBe(before.series[0]!.value[0]! + 1_000);
    await source.close();
  });

  it('leaves nothing running when it is closed in the middle of things', async () => {
    const { clock, server, source, ask } = setUp();
    await ask();
    server.faults.push('hang', { waitMs: 1_000 });
    const answers = [codeOf(ask()), codeOf(ask()), codeOf(ask())];
    await settle();
    await source.close();
    for (const answer of answers) expect(await answer).not.toBe('none');
    await clock.advance(60_000);
    expect(clock.pending).toBe(0);
    expect(server.closes).toBe(server.connects);
  });
});
