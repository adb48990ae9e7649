import { afterEach, describe, expect, it, vi } from 'vitest';
import { AppError, isAppError } from '#shared/errors.ts';
import { type AppContract, contract } from '#shared/rpc/contract.ts';
import { type HandlersOf, type Port, pairedPorts, serve } from '#shared/rpc/index.ts';
import { createSession, type Session } from './session.ts';

/** An engine of which only what a test uses answers; the rest would be a bug of the test. */
function engine(health: () => AsyncIterable<{ now: number }>): HandlersOf<AppContract> {
  const missing = (): never => {
    throw new Error('Not part of this test.');
  };
  const handlers: Record<string, Record<string, unknown>> = {};
  for (const [namespace, procedures] of Object.entries(contract)) {
    handlers[namespace] = Object.fromEntries(Object.keys(procedures).map((name) => [name, missing]));
  }
  handlers.engine = {
    ...handlers.engine,
    async *health() {
      for await (const { now } of health()) {
        yield {
          version: '1',
          startedAt: 0,
          now,
          memoryBytes: 0,
          eventLoopP99Ms: 0,
          samplesPerSecond: 0,
          overruns: 0,
          dataDirectory: '',
          host: 'server',
          keepAwake: false,
          historyCache: { bytes: 0, limit: 0, hits: 0, misses: 0 },
        };
      }
    },
  };
  handlers.catalogue = { get: () => Promise.resolve({ protocols: [], exporters: [], backends: [] }) };
  return handlers as unknown as HandlersOf<AppContract>;
}

const until = async (check: () => boolean): Promise<void> => {
  for (let i = 0; i < 500 && !check(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(check()).toBe(true);
};

let session: Session | undefined;
afterEach(() => session?.[Symbol.dispose]());

describe('session', () => {
  it('calls through whatever port is open, and follows streams across a loss', async () => {
    const servers: Port[] = [];
    let count = 0;
    const handlers = engine(async function* () {
      yield { now: ++count };
      await new Promise(() => undefined);
    });
    session = createSession(
      async () => {
        const [page, server] = pairedPorts();
        servers.push(server);
        serve(contract, handlers, server, { user: 'test', role: 'admin' });
        return page;
      },
      (error) => {
        throw error;
      },
    );
    const seen: [number, number][] = [];
    session.follow(
      (rpc, signal) => rpc.engine.health(undefined, { signal }),
      (item, generation) => seen.push([item.now, generation]),
    );
    await until(() => seen.length === 1);
    expect(session.state.getState()).toMatchObject({ phase: 'open', generation: 1 });
    expect(await session.rpc.catalogue.get()).toEqual({ protocols: [], exporters: [], backends: [] });

    servers[0]?.close();
    await until(() => session?.state.getState().phase === 'lost');
    const refused = await session.rpc.catalogue.get().catch((error: unknown) => error);
    expect(isAppError(refused, 'rpc.disconnected')).toBe(true);

    session.retryNow();
    await until(() => seen.length === 2);
    expect(seen).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(session.state.getState()).toMatchObject({ phase: 'open', generation: 2, message: null });
  });

  it('tries again with a pause while nobody answers, and says why', async () => {
    let attempts = 0;
    session = createSession(
      () => {
        attempts++;
        return Promise.reject(
          new AppError('rpc.disconnected', 'The engine cannot be reached.', { details: null, retryable: true }),
        );
      },
      () => undefined,
    );
    await until(() => attempts >= 2);
    const state = session.state.getState();
    expect(state.phase).toBe('connecting');
    expect(state.message).toBe('The engine cannot be reached.');
  });

  it.each([
    [0, [125, 250, 500, 1000, 2000, 2500, 2500]],
    [0.5, [188, 375, 750, 1500, 3000, 3750, 3750]],
    [1, [250, 500, 1000, 2000, 4000, 5000, 5000]],
  ])('waits between half the pause and all of it: chance %d', async (chance, pauses) => {
    vi.useFakeTimers();
    try {
      let attempts = 0;
      session = createSession(
        () => {
          attempts++;
          return Promise.reject(
            new AppError('rpc.disconnected', 'The engine cannot be reached.', { details: null, retryable: true }),
          );
        },
        () => undefined,
        () => chance,
      );
      await vi.advanceTimersByTimeAsync(0);
      for (const [index, pause] of pauses.entries()) {
        expect(attempts).toBe(index + 1);
        expect(session.state.getState().nextAttempt).toBe(Date.now() + pause);
        await vi.advanceTimersByTimeAsync(pause - 1);
        expect(attempts).toBe(index + 1);
        await vi.advanceTimersByTimeAsync(1);
      }
      expect(attempts).toBe(pauses.length + 1);
    } finally {
      vi.useRealTimers();
    }
  });

  it('stops trying when another try cannot help', async () => {
    let attempts = 0;
    session = createSession(
      () => {
        attempts++;
        return Promise.reject(
          new AppError('access.denied', 'Open the newest address.', { details: { required: 'session' } }),
        );
      },
      () => undefined,
    );
    await until(() => session?.state.getState().phase === 'refused');
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(attempts).toBe(1);
    expect(session.state.getState().message).toBe('Open the newest address.');
  });
});
