import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startHttpServer } from '#main/http/index.ts';
import { connect, FRAME_LIMITS, type Port, webSocketPort } from '#shared/rpc/index.ts';
import { describePort } from '#test/contracts/port.ts';
import { contract } from '#test/contracts/port-fixture.ts';
import { openSocket, refusalOf, rendererDirectory, type Started, signedInSocket, signIn, start } from './http.ts';

describe('socket', () => {
  it('needs the cookie', async () => {
    const started = await start();
    expect(await refusalOf(openSocket(started, { origin: started.origin }))).toBe(401);
    const wrong = { origin: started.origin, cookie: `parx-session-${started.port}=${'x'.repeat(43)}` };
    expect(await refusalOf(openSocket(started, wrong))).toBe(401);
    expect(started.ports).toHaveLength(0);
  });

  it('needs the own origin, with its port', async () => {
    const started = await start();
    const cookie = await signIn(started);
    for (const origin of ['http://evil.example', 'http://127.0.0.1', 'http://127.0.0.1:1', 'null']) {
      expect([origin, await refusalOf(openSocket(started, { origin, cookie }))]).toEqual([origin, 403]);
    }
    expect(await refusalOf(openSocket(started, { cookie }))).toBe(403);
    const host = `evil.example:${started.port}`;
    expect(await refusalOf(openSocket(started, { cookie, host, origin: `http://${host}` }))).toBe(403);
    expect(started.ports).toHaveLength(0);
  });

  it('is at one address only', async () => {
    const started = await start();
    const headers = { cookie: await signIn(started), origin: started.origin };
    for (const path of ['/', '/rpc/', '/rpc?x=1', '/session']) {
      expect([path, await refusalOf(openSocket(started, headers, path))]).toEqual([path, 404]);
    }
  });

  it('takes at most 64 screens', { timeout: 30_000 }, async () => {
    const started = await start();
    const headers = { cookie: await signIn(started), origin: started.origin };
    const open = await Promise.all(
      Array.from({ length: 64 }, async () => {
        const socket = openSocket(started, headers);
        await once(socket, 'open');
        return socket;
      }),
    );
    expect(await refusalOf(openSocket(started, headers))).toBe(503);
    open[0]!.close();
    await once(open[0]!, 'close');
    await once(openSocket(started, headers), 'open');
  });

  it('gives the signed-in browser the contract', async () => {
    const started = await start();
    const client = connect(contract, webSocketPort(await signedInSocket(started)));
    expect(await client.test.echo({ value: new Float64Array([1, Number.NaN]) })).toEqual({
      value: new Float64Array([1, Number.NaN]),
    });
    client[Symbol.dispose]();
  });

  it('ends a peer that sends text', async () => {
    const socket = await signedInSocket(await start());
    socket.send('hello');
    const [code] = await once(socket, 'close');
    expect(code).toBe(1003);
  });

  it('ends a peer that sends a frame over the limit, and nobody else', async () => {
    const started = await start();
    const other = connect(contract, webSocketPort(await signedInSocket(started)));
    const socket = await signedInSocket(started);
    socket.on('error', () => undefined);
    socket.send(new Uint8Array(FRAME_LIMITS.frameBytes + 1));
    const [code] = await once(socket, 'close');
    expect([1006, 1009]).toContain(code);
    expect(await other.test.echo('still here')).toBe('still here');
    other[Symbol.dispose]();
  });

  it('disconnects a reader that does not read, before much has piled up for it', async () => {
    const started = await start({ maxBufferedBytes: 1_000_000 });
    const socket = await signedInSocket(started);
    const client = connect(contract, webSocketPort(socket));
    await client.test.echo('hello');
    socket.pause();
    const [port] = started.ports;
    let closed = false;
    const stopped = new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        // The kernel takes some megabytes before anything waits in the process.
        if (!closed) port!.send(new Uint8Array(500_000));
        closed = started.warnings.length > 0;
        if (!closed) return;
        clearInterval(timer);
        resolve();
      }, 1);
    });
    await stopped;
    expect(started.warnings).toEqual([
      expect.stringMatching(/^A screen was disconnected\. The reader is slow: \d+ bytes/),
    ]);
    const waited = Number(/\d+/.exec(started.warnings[0]!)![0]);
    expect(waited).toBeLessThan(2_000_000);
    socket.resume();
    await once(socket, 'close');
  });

  it('disconnects a peer that answers no ping', async () => {
    const started = await start({ pingMs: 40 });
    const socket = openSocket(started, { cookie: await signIn(started), origin: started.origin });
    // Without its own answer, the peer looks like a computer that was unplugged.
    socket.pong = () => undefined;
    (socket as unknown as { _autoPong: boolean })._autoPong = false;
    await once(socket, 'close');
    expect(started.warnings).toEqual(['A screen was disconnected. No answer to a ping.']);
  });

  it('keeps a peer that answers', async () => {
    const started = await start({ pingMs: 20 });
    const client = connect(contract, webSocketPort(await signedInSocket(started)));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(await client.test.echo(1)).toBe(1);
    client[Symbol.dispose]();
  });

  it('closing the server ends every screen and stops its streams', async () => {
    const started = await start();
    const client = connect(contract, webSocketPort(await signedInSocket(started)));
    const iterator = client.test.count({ to: 1_000_000 })[Symbol.asyncIterator]();
    await iterator.next();
    await started.server.close();
    await started.server.close();
    await expect(drain(iterator)).rejects.toMatchObject({ code: 'rpc.disconnected' });
    expect(started.seen.ended).toBe(1);
  });
});

/** The whole way: token, cookie, upgrade, and then what every port has to do. */
describePort('HTTP host', async () => {
  let attach: (port: Port) => void = () => undefined;
  const attached = new Promise<Port>((resolve) => {
    attach = resolve;
  });
  const server = await startHttpServer({
    engine: {
      attach(port) {
        attach(port);
        return { [Symbol.dispose]: () => undefined };
      },
      openArtifact: async () => null,
    },
    rendererDirectory: rendererDirectory(),
  });
  const started = { port: server.address.port, origin: `http://127.0.0.1:${server.address.port}`, server } as Started;
  const socket = new WebSocket(`ws://127.0.0.1:${started.port}/rpc`, {
    headers: { cookie: await signIn(started), origin: started.origin },
  });
  const client = new Promise<Port>((resolve) => socket.once('open', () => resolve(webSocketPort(socket))));
  return {
    client: await client,
    server: await attached,
    async release() {
      socket.terminate();
      await server.close();
    },
  };
});

async function drain(iterator: AsyncIterator<unknown>): Promise<void> {
  for (;;) if ((await iterator.next()).done === true) return;
}
