import { afterEach, describe, expect, it } from 'vitest';
import { AppError, type ErrorCode } from '#shared/errors.ts';
import {
  connect,
  decodeFrame,
  encodeFrame,
  type Port,
  type ServeOptions,
  type Session,
  serve,
} from '#shared/rpc/index.ts';
import { contract, nothingSeen, testHandlers } from './port-fixture.ts';
import { errors, values } from './port-values.ts';

/** Two connected ends of one kind of port, and a way to end what carries them. */
export interface PortPair {
  readonly server: Port;
  readonly client: Port;
  /** Frees sockets and channels; both ports are closed by then or close with it. */
  release(): Promise<void>;
}

/** Resolves when `condition` holds; fails by the test's own time limit otherwise. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function describePort(kind: string, makePair: () => Promise<PortPair>): void {
  describe(`${kind} port`, () => {
    const releases: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const release of releases.splice(0)) await release();
    });

    async function setUp(options: ServeOptions & { session?: Session; clientBuild?: string } = {}) {
      const { session = { user: 'anna', role: 'operator' }, clientBuild, ...rest } = options;
      const pair = await makePair();
      const seen = nothingSeen();
      const served = serve(contract, testHandlers(seen), pair.server, session, {
        onAudit: (entry) => seen.audit.push(entry),
        onBug: (error, reference, procedure) => seen.bugs.push({ error, reference, procedure }),
        onRefused: (error) => seen.refused.push(error),
        ...rest,
      });
      const client = connect(contract, pair.client, {
        ...(clientBuild === undefined ? {} : { build: clientBuild }),
        onOpen: () => seen.opened++,
        onClose: (reason) => {
          seen.closedBy = reason;
        },
      });
      releases.push(async () => {
        client[Symbol.dispose]();
        served[Symbol.dispose]();
        await pair.release();
      });
      return { client, served, seen, pair };
    }

    it.each(values)('carries %s there and back', async (_name, value) => {
      const { client } = await setUp();
      expect(await client.test.echo(value)).toEqual(value);
    });

    it('takes columns for columns on both sides', async () => {
      const { client } = await setUp();
      const answer = await client.test.columns({ time: new Float64Array([1, 2, 3.5]), quality: new Uint16Array(2) });
      expect(answer).toEqual({ sum: 8.5 });
    });

    it.each(Object.keys(errors) as ErrorCode[])('carries the error %s', async (code) => {
      const { client } = await setUp();
      const error = await client.test.fail({ code }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(AppError);
      expect(error).toMatchObject({
        code,
        message: `It was ${code}.`,
        details: errors[code],
        retryable: code === 'protocol.timeout',
      });
    });

    it('says hello before anything else', async () => {
      const { client, seen } = await setUp();
      await client.test.echo(1);
      expect(seen.opened).toBe(1);
    });

    it('answers many calls at once, each with its own answer', async () => {
      const { client } = await setUp();
      const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => client.test.echo({ index })));
      expect(answers).toEqual(Array.from({ length: 200 }, (_, index) => ({ index })));
    });

    it('is not taken for a promise', async () => {
      const { client } = await setUp();
      expect(await (async () => client)()).toBe(client);
    });

    describe('refusals', () => {
      it('name the path of wrong input', async () => {
        const { client, seen } = await setUp({ session: { user: 'eva', role: 'engineer' } });
        const wrong = { devices: [{ name: 'a' }, { name: '' }] };
        await expect(client.test.settings(wrong)).rejects.toMatchObject({
          code: 'config.invalid',
          message: 'The input of test.settings is not valid. devices.1.name: A name is needed.',
          details: { issues: [{ path: 'devices.1.name', message: 'A name is needed.' }] },
        });
        expect(seen.audit).toEqual([]);
      });

      it('list at most 100 issues', async () => {
        const { client } = await setUp({ session: { user: 'eva', role: 'engineer' } });
        const error = await client.test.settings({ devices: new Array(5000).fill({ name: '' }) }).catch((e) => e);
        expect(error.details.issues).toHaveLength(100);
      });

      it('refuse a role that is too low, and audit it', async () => {
        const { client, seen } = await setUp();
        await expect(client.test.settings({ devices: [] })).rejects.toMatchObject({
          code: 'access.denied',
          details: { required: 'engineer' },
        });
        expect(seen.audit).toMatchObject([{ procedure: 'test.settings', allowed: false, session: { user: 'anna' } }]);
      });

      it('audit what is marked, with its input', async () => {
        const { client, seen } = await setUp({ session: { user: 'eva', role: 'admin' } });
        await client.test.settings({ devices: [{ name: 'a' }] });
        await client.test.echo(1);
        expect(seen.audit).toEqual([
          {
            session: { user: 'eva', role: 'admin' },
            procedure: 'test.settings',
            allowed: true,
            input: { devices: [{ name: 'a' }] },
          },
        ]);
      });

      it('do not run what cannot be audited', async () => {
        const { client, seen } = await setUp({
          session: { user: 'eva', role: 'admin' },
          onAudit: () => {
            throw new Error('audit log is full');
          },
        });
        await expect(client.test.settings({ devices: [] })).rejects.toMatchObject({ code: 'internal.bug' });
        expect(seen.bugs).toMatchObject([{ error: { message: 'audit log is full' } }]);
      });

      it('give of a bug the reference only', async () => {
        const { client, seen } = await setUp();
        const error = await client.test.bug().catch((reason: unknown) => reason);
        const [bug] = seen.bugs;
        expect(bug).toMatchObject({ procedure: 'test.bug', error: { message: 'secret of the inside' } });
        expect(error).toMatchObject({ code: 'internal.bug', details: { reference: bug!.reference } });
        expect((error as Error).message).not.toContain('secret');
      });

      it('tell the caller when its own input cannot be framed', async () => {
        const { client } = await setUp();
        await expect(client.test.echo({ a: Number.NaN })).rejects.toMatchObject({
          code: 'rpc.bad-frame',
          details: { reason: '"input.a" is NaN, which a message cannot carry.' },
        });
        expect(await client.test.echo('still alive')).toBe('still alive');
      });
    });

    describe('limits', () => {
      it('refuse a call too many, and take one again when another has ended', async () => {
        const { client, seen } = await setUp({ maxCalls: 2 });
        const controller = new AbortController();
        const hanging = [0, 1].map(() => client.test.hang({ heedsSignal: true }, { signal: controller.signal }));
        await expect(client.test.echo(1)).rejects.toMatchObject({
          code: 'rpc.limit',
          details: { what: 'calls', limit: 2 },
          retryable: true,
        });
        controller.abort();
        await expect(Promise.allSettled(hanging)).resolves.toHaveLength(2);
        await until(() => seen.aborted.length === 2);
        expect(await client.test.echo(1)).toBe(1);
      });

      it('count a cancelled handler until it has really ended', async () => {
        const { client, seen } = await setUp({ maxCalls: 1 });
        const controller = new AbortController();
        const deaf = client.test.hang({ heedsSignal: false }, { signal: controller.signal });
        controller.abort();
        await expect(deaf).rejects.toMatchObject({ code: 'rpc.cancelled' });
        await until(() => seen.aborted.length === 1);
        await expect(client.test.echo(1)).rejects.toMatchObject({ code: 'rpc.limit' });
      });

      it('refuse a stream too many', async () => {
        const { client } = await setUp({ maxStreams: 1 });
        const first = client.test.count({ to: 10 })[Symbol.asyncIterator]();
        await first.next();
        const second = client.test.count({ to: 10 })[Symbol.asyncIterator]();
        await expect(second.next()).rejects.toMatchObject({
          code: 'rpc.limit',
          details: { what: 'streams', limit: 1 },
        });
        expect(await second.next()).toEqual({ done: true, value: undefined });
        await first.return?.();
      });
    });

    describe('streams', () => {
      it('deliver every item in order and end', async () => {
        const { client, seen } = await setUp();
        const items: number[] = [];
        for await (const { n } of client.test.count({ to: 500 })) items.push(n);
        expect(items).toEqual(Array.from({ length: 500 }, (_, n) => n));
        expect(seen.ended).toBe(1);
      });

      it('start nothing before the first step', async () => {
        const { client, seen } = await setUp();
        client.test.count({ to: 5 })[Symbol.asyncIterator]();
        await client.test.echo(1);
        expect(seen.produced).toBe(0);
      });

      it('never run more than the window ahead of the consumer', async () => {
        const { client, seen } = await setUp();
        let taken = 0;
        let furthest = 0;
        for await (const _item of client.test.count({ to: 40 })) {
          taken++;
          // Time for a producer without restraint to run away.
          await pause(3);
          furthest = Math.max(furthest, seen.produced - taken);
        }
        expect(taken).toBe(40);
        expect(furthest).toBeLessThanOrEqual(2);
      });

      it('stop at the window when the consumer stops', async () => {
        const { client, seen } = await setUp();
        const iterator = client.test.count({ to: 1_000_000 })[Symbol.asyncIterator]();
        await iterator.next();
        await pause(30);
        expect(seen.produced).toBeLessThanOrEqual(3);
        await iterator.return?.();
      });

      it('serve several steps asked for at once', async () => {
        const { client } = await setUp();
        const iterator = client.test.count({ to: 3 })[Symbol.asyncIterator]();
        const steps = await Promise.all([1, 2, 3, 4, 5].map(() => iterator.next()));
        expect(steps.map((step) => step.value)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }, undefined, undefined]);
      });

      it('run once for each loop', async () => {
        const { client } = await setUp();
        const twice = client.test.count({ to: 3 });
        for (let round = 0; round < 2; round++) {
          const items: number[] = [];
          for await (const { n } of twice) items.push(n);
          expect(items).toEqual([0, 1, 2]);
        }
      });

      it('end in `finally` when the loop is left', async () => {
        const { client, seen } = await setUp();
        for await (const { n } of client.test.count({ to: 1_000_000 })) if (n === 3) break;
        await until(() => seen.ended === 1);
        expect(seen.produced).toBeLessThanOrEqual(6);
      });

      it('end in `finally` when the caller aborts, even while the producer waits', async () => {
        const { client, seen } = await setUp();
        const controller = new AbortController();
        const loop = (async () => {
          for await (const item of client.test.silent(undefined, { signal: controller.signal })) return item;
        })();
        await client.test.echo(1);
        controller.abort();
        await expect(loop).rejects.toMatchObject({ code: 'rpc.cancelled' });
        await until(() => seen.ended === 1);
        expect(seen.aborted).toMatchObject([{ code: 'rpc.cancelled' }]);
      });

      it('hand over what was sent before an error, then the error, then nothing', async () => {
        const { client } = await setUp();
        const iterator = client.test.failing()[Symbol.asyncIterator]();
        expect(await iterator.next()).toEqual({ done: false, value: 1 });
        await client.test.echo(1);
        await expect(iterator.next()).rejects.toMatchObject({ code: 'store.disk-full', details: { path: '/data' } });
        expect(await iterator.next()).toEqual({ done: true, value: undefined });
      });

      it('fail with the path when an item cannot be framed, and end the producer', async () => {
        const { client, seen } = await setUp();
        const iterator = client.test.unframeable()[Symbol.asyncIterator]();
        await iterator.next();
        await expect(iterator.next()).rejects.toMatchObject({
          code: 'rpc.bad-frame',
          details: { reason: '"value" is NaN, which a message cannot carry.' },
        });
        await until(() => seen.ended === 1);
        expect(seen.bugs).toMatchObject([{ procedure: 'test.unframeable' }]);
      });
    });

    describe('cancelling', () => {
      it('rejects at once and stops the handler', async () => {
        const { client, seen } = await setUp();
        const controller = new AbortController();
        const hanging = client.test.hang({ heedsSignal: true }, { signal: controller.signal });
        await client.test.echo(1);
        controller.abort();
        await expect(hanging).rejects.toMatchObject({ code: 'rpc.cancelled' });
        await until(() => seen.aborted.length === 1);
        expect(seen.aborted).toMatchObject([{ code: 'rpc.cancelled' }]);
        expect(seen.bugs).toEqual([]);
      });

      it('beforehand sends nothing', async () => {
        const { client, seen } = await setUp();
        const signal = AbortSignal.abort();
        await expect(client.test.echo(1, { signal })).rejects.toMatchObject({ code: 'rpc.cancelled' });
        const iterator = client.test.count({ to: 5 }, { signal })[Symbol.asyncIterator]();
        await expect(iterator.next()).rejects.toMatchObject({ code: 'rpc.cancelled' });
        await client.test.echo(1);
        expect(seen.produced).toBe(0);
      });

      it('after the answer does nothing', async () => {
        const { client } = await setUp();
        const controller = new AbortController();
        expect(await client.test.echo(1, { signal: controller.signal })).toBe(1);
        controller.abort();
        expect(await client.test.echo(2)).toBe(2);
      });
    });

    describe('closing', () => {
      it.each(['client', 'server'] as const)('of the %s end in mid-stream ends both sides', async (side) => {
        const { client, served, seen } = await setUp();
        const iterator = client.test.count({ to: 1_000_000 })[Symbol.asyncIterator]();
        await iterator.next();
        const waiting = client.test.silent()[Symbol.asyncIterator]().next();
        const hanging = client.test.hang({ heedsSignal: true });
        await client.test.echo(1);
        if (side === 'client') client[Symbol.dispose]();
        else served[Symbol.dispose]();

        await expect(hanging).rejects.toMatchObject({ code: 'rpc.disconnected', retryable: true });
        await expect(waiting).rejects.toMatchObject({ code: 'rpc.disconnected' });
        await expect(drain(iterator)).rejects.toMatchObject({ code: 'rpc.disconnected' });
        await until(() => seen.ended === 2 && seen.aborted.length === 2);
        expect(seen.aborted).toMatchObject([{ code: 'rpc.disconnected' }, { code: 'rpc.disconnected' }]);
        expect(seen.closedBy).toMatchObject({ code: 'rpc.disconnected' });
        await expect(client.test.echo(1)).rejects.toMatchObject({ code: 'rpc.disconnected' });
        await expect(client.test.count({ to: 1 })[Symbol.asyncIterator]().next()).rejects.toMatchObject({
          code: 'rpc.disconnected',
        });
        expect(seen.bugs).toEqual([]);
      });

      it('can be done twice', async () => {
        const { client, served } = await setUp();
        for (let round = 0; round < 2; round++) {
          client[Symbol.dispose]();
          served[Symbol.dispose]();
        }
      });
    });

    it('keeps frames that come before anybody listens, and delivers none within `onFrame`', async () => {
      const pair = await makePair();
      releases.push(async () => {
        pair.server.close();
        pair.client.close();
        await pair.release();
      });
      pair.server.send(encodeFrame(1));
      pair.server.send(encodeFrame(2));
      await pause(20);
      const received: unknown[] = [];
      pair.client.onFrame((frame) => received.push(decodeFrame(frame)));
      expect(received).toEqual([]);
      await until(() => received.length === 2);
      pair.server.send(encodeFrame(3));
      await until(() => received.length === 3);
      expect(received).toEqual([1, 2, 3]);
    });

    it('tells of a closing that came before anybody listened, once', async () => {
      const pair = await makePair();
      releases.push(() => pair.release());
      let told = 0;
      pair.client.onFrame(() => undefined);
      pair.server.close();
      await pause(20);
      pair.client.onClose(() => told++);
      await until(() => told === 1);
      pair.client.close();
      await pause(5);
      expect(told).toBe(1);
    });

    describe('versions', () => {
      it('another build is told on both sides and closes', async () => {
        const { client, seen } = await setUp({ build: 'new', clientBuild: 'old' });
        await expect(client.test.echo(1)).rejects.toMatchObject({
          code: 'rpc.version-mismatch',
          details: { client: 'old (frame 1)', server: 'new (frame 1)' },
        });
        await until(() => seen.closedBy !== null);
        expect(seen.opened).toBe(0);
      });

      it('a frame from a newer client is answered with the mismatch, then the port closes', async () => {
        const pair = await makePair();
        const refused: AppError[] = [];
        const served = serve({}, {}, pair.server, { user: 'a', role: 'viewer' }, { onRefused: (e) => refused.push(e) });
        releases.push(async () => {
          served[Symbol.dispose]();
          pair.client.close();
          await pair.release();
        });
        let closed = false;
        pair.client.onClose(() => {
          closed = true;
        });
        pair.client.onFrame(() => undefined);
        pair.client.send(newer());
        await until(() => closed);
        expect(refused).toMatchObject([{ code: 'rpc.version-mismatch', details: { client: 'unknown (frame 2)' } }]);
      });

      it('a frame from a newer server ends the client with the mismatch', async () => {
        const pair = await makePair();
        const client = connect(contract, pair.client);
        releases.push(async () => {
          client[Symbol.dispose]();
          pair.server.close();
          await pair.release();
        });
        const answer = client.test.echo(1);
        pair.server.send(newer());
        await expect(answer).rejects.toMatchObject({
          code: 'rpc.version-mismatch',
          details: { server: 'unknown (frame 2)' },
        });
      });
    });

    it.each([
      ['no frame', () => new TextEncoder().encode('not a frame at all')],
      ['a call before the hello', () => encodeFrame({ kind: 'call', id: 1, procedure: 'test.echo' })],
    ])('%s closes the port, with the reason', async (_name, frame) => {
      const pair = await makePair();
      const refused: AppError[] = [];
      const served = serve({}, {}, pair.server, { user: 'a', role: 'viewer' }, { onRefused: (e) => refused.push(e) });
      releases.push(async () => {
        served[Symbol.dispose]();
        pair.client.close();
        await pair.release();
      });
      let closed = false;
      pair.client.onClose(() => {
        closed = true;
      });
      pair.client.onFrame(() => undefined);
      pair.client.send(frame());
      await until(() => closed);
      expect(refused).toMatchObject([{ code: 'rpc.bad-frame' }]);
    });
  });
}

/** The first eight bytes keep their meaning in all versions; the rest may be anything. */
function newer(): Uint8Array {
  const frame = encodeFrame({ kind: 'hello' });
  frame[3] = 2;
  return frame;
}

async function drain(iterator: AsyncIterator<unknown>): Promise<void> {
  for (;;) if ((await iterator.next()).done === true) return;
}
