import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { modbus } from '#engine/protocols/modbus/index.ts';
import { type AppError, isAppError } from '#shared/errors.ts';
import { deviceStatusOf, QUALITY } from '#shared/model/index.ts';
import { freePort } from '#test/support/free-port.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { exception, frame, honest, type ModbusPeer, startPeer, wordAt } from '#test/support/modbus-peer.ts';
import { connectRig, fast, impatient, linkTo, type Rig } from '#test/support/modbus-rig.ts';
import { createDriverContext } from '#test/support/sample-collector.ts';

// Every fault is made by a peer of handwritten bytes, over a real socket.

let peer: ModbusPeer | undefined;
let rig: Rig | undefined;
guardLeaks();
afterEach(async () => {
  await rig?.connection.close();
  await peer?.close();
  rig = undefined;
  peer = undefined;
});

async function start(...args: Parameters<typeof startPeer>): Promise<ModbusPeer> {
  peer = await startPeer(...args);
  return peer;
}
async function connect(...args: Parameters<typeof connectRig>): Promise<Rig> {
  rig = await connectRig(...args);
  return rig;
}
async function failure(work: Promise<unknown>): Promise<AppError> {
  try {
    await work;
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  }
  throw new Error('It succeeded.');
}
const connectOnly = (port: number, signal = new AbortController().signal, change: object = {}) =>
  modbus.connect(linkTo(port, change), new Map([['d1', fast()]]), createDriverContext(), signal);
const patched = (bytes: Buffer, value: number, at: number): Buffer => {
  bytes.writeUInt16BE(value, at);
  return bytes;
};
const holding = (offset: number): number => wordAt({ unit: 1, functionCode: 3 }, offset);

describe('connecting', () => {
  it('says that a port is refused, and what to check', async () => {
    const error = await failure(connectOnly(await freePort()));
    expect(error).toMatchObject({ code: 'protocol.connect-failed', retryable: true });
    expect(error.message).toContain('refused the connection');
    expect(error.message).toContain('Modbus server');
  });

  it('says that a name is not known', async () => {
    const config = modbus.config.parse({ host: 'no-such-host.invalid', port: 502 });
    const work = modbus.connect(config, new Map(), createDriverContext(), new AbortController().signal);
    const error = await failure(work);
    expect(error.code).toBe('protocol.connect-failed');
    expect(error.message).toMatch(/is not known|no name server/);
  });

  it('says that the own address does not exist', async () => {
    peer = await start(() => {});
    const error = await failure(connectOnly(peer.port, undefined, { localAddress: '203.0.113.77' }));
    expect(error.code).toBe('protocol.connect-failed');
    expect(error.message).toContain('no address 203.0.113.77');
  });

  it('stops within 100 ms of an abort, also before it began', async () => {
    const early = AbortSignal.abort(new Error('early'));
    await expect(connectOnly(1, early)).rejects.toThrow('early');
    const controller = new AbortController();
    // A backlog of one that nobody accepts from would still complete the handshake; a name that resolves slowly does not.
    const config = modbus.config.parse({ host: 'no-such-host.invalid', port: 502 });
    const work = modbus.connect(config, new Map(), createDriverContext(), controller.signal);
    const started = performance.now();
    controller.abort(new Error('stop'));
    await expect(work).rejects.toThrow('stop');
    expect(performance.now() - started).toBeLessThan(100);
  });
});

describe('a device that does not answer', () => {
  it('gives protocol.timeout within the limit, and says which unit', async () => {
    peer = await start(() => {});
    rig = await connect(peer.port, [fast({ responseTimeoutMs: 150 })]);
    const started = performance.now();
    const error = await failure(rig.poll(rig.plan(['400001'])));
    const took = performance.now() - started;
    expect(error).toMatchObject({ code: 'protocol.timeout', retryable: true, details: { afterMs: 150 } });
    expect(error.message).toContain('unit 1');
    expect(took).toBeGreaterThan(140);
    expect(took).toBeLessThan(1000);
  });

  it('stops within 100 ms of an abort in mid-request, and goes on afterwards', async () => {
    let mute = true;
    peer = await start((request, socket) => {
      if (!mute) socket.write(honest(request));
    });
    rig = await connect(peer.port, [fast({ responseTimeoutMs: 20_000 })]);
    const plan = rig.plan(['400001']);
    const controller = new AbortController();
    const work = rig.poll(plan, controller.signal);
    await wait(30);
    const started = performance.now();
    controller.abort(new Error('enough'));
    await expect(work).rejects.toThrow('enough');
    expect(performance.now() - started).toBeLessThan(100);
    mute = false;
    expect((await rig.poll(plan)).one(0)).toMatchObject({ value: holding(0), quality: QUALITY.good });
  });

  it('a late answer is not taken for the next one', async () => {
    peer = await start((request, socket) => {
      // The answer to the first request, with a wrong value, just before the one to the second.
      if (request.turn === 0) return;
      const late = { ...request, number: request.number - 1, offset: 5000 };
      socket.write(Buffer.concat([honest(late), honest(request)]));
    });
    rig = await connect(peer.port, [impatient(), fast()]);
    expect((await failure(rig.poll(rig.plan(['400001'], 'd1')))).code).toBe('protocol.timeout');
    expect((await rig.poll(rig.plan(['400001'], 'd2'))).one(0)).toMatchObject({
      value: holding(0),
      quality: QUALITY.good,
    });
  });

  it('and answers everything long after its time-out gives no value to a later request', async () => {
    peer = await start((request, socket) => {
      if (request.turn < 3) setTimeout(() => socket.write(honest({ ...request, offset: 9000 + request.turn })), 300);
      else socket.write(honest(request));
    });
    rig = await connect(peer.port, [impatient(), fast()]);
    const lame = rig.plan(['400001', '400200'], 'd1');
    for (let turn = 0; turn < 3; turn++) expect((await failure(rig.poll(lame))).code).toBe('protocol.timeout');
    const plan = rig.plan(['400001', '400200'], 'd2');
    for (let turn = 0; turn < 30; turn++) {
      const sink = await rig.poll(plan);
      expect(sink.one(0).value).toBe(holding(0));
      expect(sink.one(1).value).toBe(holding(199));
      await wait(15);
    }
  });

  it('with 3 s latency scaled to 60 ms delivers right values as long as the time-out allows', async () => {
    peer = await start((request, socket) => void setTimeout(() => socket.write(honest(request)), 60));
    rig = await connect(peer.port);
    const sink = await rig.poll(rig.plan(['400001', '401000', 'DI4']));
    expect(sink.one(0).value).toBe(holding(0));
    expect(sink.one(1).value).toBe(holding(999));
    expect(sink.one(2).value).toBe(1);
  });

  it('that fell silent after good answers loses its link at the third time, so that a new one is made', async () => {
    peer = await start((request, socket) => {
      if (request.turn === 0) socket.write(honest(request));
    });
    rig = await connect(peer.port, [fast(), impatient()]);
    await rig.poll(rig.plan(['400001'], 'd1'));
    const plan = rig.plan(['400001'], 'd2');
    const codes: string[] = [];
    for (let turn = 0; turn < 4; turn++) codes.push((await failure(rig.poll(plan))).code);
    expect(codes).toEqual(['protocol.timeout', 'protocol.timeout', 'protocol.link-lost', 'protocol.link-lost']);
  });

  it('behind a gateway does not take the link from its neighbour', async () => {
    peer = await start((request, socket) => {
      if (request.unit === 2) socket.write(honest(request));
    });
    rig = await connect(peer.port, [impatient({ unitId: 1 }), fast({ unitId: 2 })]);
    const dead = rig.plan(['400001'], 'd1');
    const alive = rig.plan(['400001'], 'd2');
    await rig.poll(alive);
    for (let turn = 0; turn < 8; turn++) expect((await failure(rig.poll(dead))).code).toBe('protocol.timeout');
    expect((await rig.poll(alive)).one(0).value).toBe(wordAt({ unit: 2, functionCode: 3 }, 0));
    expect(peer.accepted).toBe(1);
  });
});

describe('answers that are not answers', () => {
  it('of the wrong transaction are never used', async () => {
    peer = await start((request, socket) => socket.write(honest({ ...request, number: request.number + 1 })));
    rig = await connect(peer.port, [impatient()]);
    const error = await failure(rig.poll(rig.plan(['400001'])));
    expect(error.code).toBe('protocol.timeout');
    expect(error.message).toContain('1 unrelated answer came on this link');
    expect(rig.sink.samples).toEqual([]);
  });

  it.each([
    ['another unit', (unit: number, code: number) => [unit + 1, code, 2, 1, 2], 'unit 2 answered instead of unit 1'],
    ['another function', (unit: number) => [unit, 4, 2, 1, 2], 'function 4 was answered'],
    ["another unit's exception", (unit: number, code: number) => [unit + 1, code | 0x80, 2], 'unit 2 answered'],
    ['too few bytes', (unit: number, code: number) => [unit, code, 1, 9], '2 data bytes were due'],
    ['too many bytes', (unit: number, code: number) => [unit, code, 4, 1, 2, 3, 4], '4 were announced'],
    ['a lying byte count', (unit: number, code: number) => [unit, code, 250, 1, 2], '250 were announced'],
    ['a byte count of 0', (unit: number, code: number) => [unit, code, 0], '0 were announced'],
    ['no data', (unit: number, code: number) => [unit, code], '0 came'],
    ['an exception without code', (unit: number, code: number) => [unit, code | 0x80], 'an exception has 3 bytes'],
    ['an exception with more', (unit: number, code: number) => [unit, code | 0x80, 2, 2], 'an exception has 3 bytes'],
  ])('from %s are refused with the reason', async (_, body, reason) => {
    peer = await start((request, socket) =>
      socket.write(frame(request.number, body(request.unit, request.functionCode))),
    );
    rig = await connect(peer.port);
    const error = await failure(rig.poll(rig.plan(['400001'])));
    expect(error).toMatchObject({ code: 'protocol.bad-answer', retryable: true });
    expect(error.message).toContain(reason);
    expect(rig.sink.samples.filter((sample) => sample.quality === QUALITY.good)).toEqual([]);
  });

  it.each([
    ['truncated', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1), 'protocol.timeout'],
    ['announcing 60,000 bytes', (bytes: Buffer) => patched(bytes, 60_000, 4), 'protocol.link-lost'],
    ['announcing 255 bytes', (bytes: Buffer) => patched(bytes, 255, 4), 'protocol.link-lost'],
    ['announcing none', (bytes: Buffer) => patched(bytes, 0, 4), 'protocol.link-lost'],
    ['of another protocol', (bytes: Buffer) => patched(bytes, 7, 2), 'protocol.link-lost'],
    ['text', () => Buffer.from('220 mail.example ESMTP ready\r\n'), 'protocol.link-lost'],
  ])('%s end in a clean error', async (_, bend, code) => {
    peer = await start((request, socket) => socket.write(bend(honest(request))));
    rig = await connect(peer.port, [code === 'protocol.timeout' ? impatient() : fast()]);
    const plan = rig.plan(['400001']);
    const error = await failure(rig.poll(plan));
    expect(error.code).toBe(code);
    expect(rig.sink.samples).toEqual([]);
    if (code === 'protocol.link-lost') {
      expect(error.message).toContain('not Modbus TCP');
      expect((await failure(rig.poll(plan))).code).toBe('protocol.link-lost');
    }
  });

  it('after a truncated frame never shift into the next value', async () => {
    // The rest of the first answer is missing, so the second fills it up and the stream is out of step.
    peer = await start((request, socket) => {
      const bytes = honest(request);
      socket.write(request.turn === 0 ? bytes.subarray(0, bytes.length - 1) : bytes);
    });
    rig = await connect(peer.port, [impatient()]);
    const plan = rig.plan(['400001']);
    await failure(rig.poll(plan));
    for (let turn = 0; turn < 3; turn++) {
      try {
        expect((await rig.poll(plan)).one(0).value).toBe(holding(0));
      } catch (error) {
        expect(isAppError(error)).toBe(true);
      }
    }
  });

  it('flooding the link cost no memory and hide no real answer', async () => {
    peer = await start((request, socket) => {
      const junk = Buffer.concat(
        Array.from({ length: 2000 }, (_, index) =>
          honest({ ...request, number: (request.number + 1 + index) & 0xffff }),
        ),
      );
      socket.write(junk);
      socket.write(honest(request));
    });
    rig = await connect(peer.port, [fast()]);
    const plan = rig.plan(['400001']);
    const before = process.memoryUsage().arrayBuffers;
    for (let turn = 0; turn < 20; turn++) expect((await rig.poll(plan)).one(0).value).toBe(holding(0));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  });
});

describe('packets', () => {
  it('of one byte each are put together', async () => {
    peer = await start(async (request, socket) => {
      for (const byte of honest(request)) {
        socket.write(Uint8Array.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    rig = await connect(peer.port, [fast()]);
    const sink = await rig.poll(rig.plan(['400001', '400125', 'HRF3']));
    expect(sink.one(0).value).toBe(holding(0));
    expect(sink.one(1).value).toBe(holding(124));
    expect(sink.one(2).value).toBe(holding(2) * 65_536 + holding(3));
  });

  it('with several frames in one are taken apart', async () => {
    peer = await start((request, socket) => {
      const other = honest({ ...request, number: request.number + 100, offset: 777 });
      socket.write(Buffer.concat([other, honest(request), other]));
    });
    rig = await connect(peer.port);
    const plan = rig.plan(['400001', '401000']);
    for (let turn = 0; turn < 5; turn++) {
      const sink = await rig.poll(plan);
      expect([sink.one(0).value, sink.one(1).value]).toEqual([holding(0), holding(999)]);
    }
  });

  it('that come twice are used once', async () => {
    peer = await start((request, socket) => {
      const right = honest(request);
      const wrong = honest({ ...request, offset: 4000 });
      socket.write(Buffer.concat([right, wrong, right]));
    });
    rig = await connect(peer.port);
    const plan = rig.plan(['400001', '401000', '402000']);
    for (let turn = 0; turn < 5; turn++) {
      const sink = await rig.poll(plan);
      expect(sink.samples.map((sample) => sample.value)).toEqual([holding(0), holding(999), holding(1999)]);
    }
  });
});

describe('a link that goes away', () => {
  it('in mid-read fails the poll at once, not at its time-out', async () => {
    peer = await start((request, socket) => {
      const bytes = honest(request);
      socket.write(bytes.subarray(0, 8), () => socket.resetAndDestroy());
    });
    rig = await connect(peer.port, [fast({ responseTimeoutMs: 20_000 })]);
    const plan = rig.plan(['400001']);
    const started = performance.now();
    expect((await failure(rig.poll(plan))).code).toBe('protocol.link-lost');
    expect(performance.now() - started).toBeLessThan(1000);
    expect((await failure(rig.poll(plan))).code).toBe('protocol.link-lost');
  });

  it('by a device that is switched off after its answer says so with the next poll', async () => {
    peer = await start((request, socket) => socket.end(honest(request)));
    rig = await connect(peer.port);
    const plan = rig.plan(['400001']);
    expect((await rig.poll(plan)).one(0).value).toBe(holding(0));
    await wait(30);
    await peer.close();
    const error = await failure(rig.poll(plan));
    expect(error.code).toBe('protocol.link-lost');
    expect(error.message).toMatch(/the device closed it, and no new one could be made\. .* refused the connection/);
    expect((await failure(rig.poll(plan))).code).toBe('protocol.link-lost');
  });

  it('before any answer names the connection limit', async () => {
    peer = await start(
      () => {},
      (socket) => socket.destroy(),
    );
    rig = await connect(peer.port);
    await wait(30);
    const error = await failure(rig.poll(rig.plan(['400001'])));
    expect(error.code).toBe('protocol.link-lost');
    expect(error.message).toContain('few connections');
  });

  it('by close twice, also in mid-request, leaves nothing behind', async () => {
    peer = await start(() => {});
    rig = await connect(peer.port, [fast({ responseTimeoutMs: 20_000 })]);
    const work = failure(rig.poll(rig.plan(['400001'])));
    await wait(10);
    await Promise.all([rig.connection.close(), rig.connection.close()]);
    expect((await work).code).toBe('protocol.link-lost');
    await rig.connection.close();
  });
});

describe('a device that ends its connections in order', () => {
  const PLAN = ['400001', '401000', '402000'];
  const VALUES = [holding(0), holding(999), holding(1999)];

  it('after each answer is read whole, at a limited rate of connections, and it is said', async () => {
    peer = await start((request, socket) => socket.end(honest(request)));
    rig = await connect(peer.port);
    const { notice } = rig.connection;
    expect(notice?.()).toBeNull();
    const plan = rig.plan(PLAN);
    const started = performance.now();
    for (let turn = 0; turn < 3; turn++) {
      expect((await rig.poll(plan)).samples.map(({ value }) => value)).toEqual(VALUES);
    }
    expect(peer.accepted).toBe(9);
    // Before the habit is known, the second request crosses the end of the connection and is asked again.
    expect(peer.requests.length).toBeLessThanOrEqual(10);
    expect(performance.now() - started, 'eight connections, 50 ms apart').toBeGreaterThan(8 * 49);
    expect(notice?.()).toContain('ends the connection after each answer');
    expect(rig.context.lines.filter((line) => line.includes('ended the connection'))).toHaveLength(1);
  });

  it('while the next request is under way gets that request again', async () => {
    peer = await start((request, socket) => {
      // Takes two requests per connection and answers the first.
      if (request.turn % 2 === 0) socket.write(honest(request));
      else socket.end();
    });
    rig = await connect(peer.port);
    const plan = rig.plan(PLAN);
    for (let turn = 0; turn < 3; turn++) {
      expect((await rig.poll(plan)).samples.map(({ value }) => value)).toEqual(VALUES);
    }
    const { number: _, turn: __, ...again } = peer.requests[2]!;
    expect(peer.requests[1]).toMatchObject(again);
  });

  it('in a pause is read on without a word about each answer', async () => {
    peer = await start((request, socket) => {
      socket.write(honest(request));
      if (request.turn % 3 === 2) setTimeout(() => socket.end(), 5);
    });
    rig = await connect(peer.port);
    const plan = rig.plan(PLAN);
    for (let turn = 0; turn < 5; turn++) {
      expect((await rig.poll(plan)).samples.map(({ value }) => value)).toEqual(VALUES);
      await wait(30);
    }
    expect(peer.accepted).toBeGreaterThanOrEqual(4);
    expect(rig.connection.notice?.()).toBeNull();
  });

  it('but owes an answer on the new one as well has lost the link', async () => {
    peer = await start((request, socket) => {
      if (request.turn === 0) socket.end(honest(request));
      else socket.end();
    });
    rig = await connect(peer.port);
    const error = await failure(rig.poll(rig.plan(PLAN)));
    expect(error.code).toBe('protocol.link-lost');
    expect(error.message).toContain('before it answered anything');
    expect(peer.accepted).toBe(2);
  });

  it('in the middle of an answer has lost the link', async () => {
    peer = await start((request, socket) => {
      if (request.turn === 0) socket.write(honest(request));
      else socket.end(honest(request).subarray(0, 9));
    });
    rig = await connect(peer.port);
    expect((await failure(rig.poll(rig.plan(PLAN)))).code).toBe('protocol.link-lost');
    expect(peer.accepted).toBe(1);
  });

  it('leaves nothing behind when a poll is aborted, or the link closed, between two connections', async () => {
    peer = await start((request, socket) => socket.end(honest(request)));
    rig = await connect(peer.port);
    const plan = rig.plan(PLAN);
    const controller = new AbortController();
    const aborted = expect(rig.poll(plan, controller.signal)).rejects.toThrow('aborted by the test');
    await wait(25);
    controller.abort(new Error('aborted by the test'));
    await aborted;
    expect((await rig.poll(plan)).samples.map(({ value }) => value)).toEqual(VALUES);
    const work = failure(rig.poll(plan));
    await wait(25);
    await rig.connection.close();
    expect((await work).message).toContain('closed here');
  });
});

describe('exceptions', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 127])(
    'code %i on every function marks the tags and keeps the link',
    async (code) => {
      peer = await start((request, socket) => socket.write(exception(request, code)));
      rig = await connect(peer.port);
      const plan = rig.plan(['C1', 'DI1', 'IR1', 'HR1', 'HRD10', 'HRS20:6', 'C900']);
      for (let turn = 0; turn < 3; turn++) {
        const sink = await rig.poll(plan);
        expect(sink.samples.map((sample) => sample.tag).sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
        for (const { quality } of sink.samples) expect(deviceStatusOf(quality)).toBe(code);
      }
      expect(peer.accepted).toBe(1);
    },
  );

  it('busy and acknowledge are asked again, without a new link', async () => {
    peer = await start((request, socket) =>
      socket.write(request.turn % 3 === 2 ? honest(request) : exception(request, request.turn % 2 === 0 ? 6 : 5)),
    );
    rig = await connect(peer.port);
    const plan = rig.plan(['400001', '401000']);
    const sink = await rig.poll(plan);
    expect([sink.one(0).value, sink.one(1).value]).toEqual([holding(0), holding(999)]);
    expect(peer.requests.length).toBe(6);
    expect(peer.accepted).toBe(1);
  });

  it('of a gateway make one unit bad, and cost one request a poll', async () => {
    peer = await start((request, socket) =>
      socket.write(request.unit === 1 ? exception(request, 11) : honest(request)),
    );
    rig = await connect(peer.port, [fast({ unitId: 1 }), fast({ unitId: 2 })]);
    const gone = rig.plan(['400001', '401000', '402000'], 'd1');
    const sink = await rig.poll(gone);
    expect(sink.samples.map((sample) => deviceStatusOf(sample.quality))).toEqual([11, 11, 11]);
    expect(peer.requests.length).toBe(1);
    expect((await rig.poll(rig.plan(['400001'], 'd2'))).one(0).quality).toBe(QUALITY.good);
  });
});
