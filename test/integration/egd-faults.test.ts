import { createSocket } from 'node:dgram';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { findProtocol, type PushConnection } from '#engine/protocols/index.ts';
import { QUALITY } from '#shared/model/index.ts';
import { type EgdFaults, startEgdProducer } from '#simulators/egd/index.ts';
import { childrenOf } from '#test/support/browse.ts';
import { figures, LONG } from '#test/support/figures.ts';
import { freeUdpPort } from '#test/support/free-port.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { type SeededRandom, seededRandom } from '#test/support/random.ts';
import { createCollector, createDriverContext } from '#test/support/sample-collector.ts';

const driver = findProtocol('egd')!;
const closing: (() => unknown)[] = [];
guardLeaks();
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A producer whose data are the number of the production, and a connection that listens to them. */
async function startRig() {
  const port = await freeUdpPort();
  const data = Buffer.alloc(8);
  const producer = await startEgdProducer({
    producerId: '10.0.0.1',
    port,
    running: false,
    exchanges: [{ id: 5, periodMs: 10, data }],
  });
  closing.push(() => producer.close());
  const context = createDriverContext();
  const device = driver.device.parse({ producerId: '10.0.0.1', exchangeId: 5, dataBytes: 8 });
  const connection = (await driver.connect(
    driver.config.parse({ port, localAddress: '127.0.0.1' }),
    new Map([['device', device]]),
    context,
    new AbortController().signal,
  )) as PushConnection;
  closing.push(() => connection.close());
  const { address } = driver.parseAddress('0', device);
  const recipe = driver.recipe({ type: 'uint32', order: 'ABCD', scaling: null, unit: null }, address, device);
  const sink = createCollector();
  const controller = new AbortController();
  const listening = connection.listen([{ index: 0, address, recipe, deviceId: 'device' }], sink, controller.signal);
  closing.push(async () => {
    controller.abort();
    await listening;
  });
  let number = 0;
  return {
    port,
    sink,
    connection,
    context,
    async produce(faults: EgdFaults = {}): Promise<number> {
      producer.faults = faults;
      data.writeUInt32BE(++number, 0);
      await producer.produce();
      return number;
    },
  };
}

describe('disturbed productions', () => {
  it('that overtake each other keep value and time together, and are not counted as lost', async () => {
    const { sink, connection, produce } = await startRig();
    for (let n = 0; n < 10; n++) {
      await produce({ reorder: true });
      await wait(5);
    }
    await expect.poll(() => sink.samples.length).toBe(10);
    const values = sink.samples.map(({ value }) => value);
    expect(values).toEqual([2, 1, 4, 3, 6, 5, 8, 7, 10, 9]);
    const inTime = [...sink.samples].sort((a, b) => a.time - b.time);
    expect(inTime.map(({ value }) => value)).toEqual([...values].sort((a, b) => Number(a) - Number(b)));
    const [exchange] = await childrenOf(connection, '10.0.0.1');
    expect(exchange!.description).not.toContain('lost');
  });

  it('that jump in their numbers, or begin anew, are used like others', async () => {
    const { sink, produce } = await startRig();
    await produce();
    await produce({ wrongSequence: true });
    await produce();
    await expect.poll(() => sink.samples.length).toBe(3);
    expect(sink.samples.every(({ quality }) => quality === QUALITY.good)).toBe(true);
  });

  it('cut short or of another length are bad, longer ones than there can be are none, and the next one is right', async () => {
    const { sink, context, produce } = await startRig();
    for (const extraBytes of [-8, -5, -1, 1, 1_392]) {
      await produce({ extraBytes });
      await produce();
    }
    await expect.poll(() => sink.samples.length).toBe(10);
    sink.samples.forEach(({ quality, value }, n) => {
      expect(quality).toBe(n % 2 === 0 ? QUALITY.badConfiguration : QUALITY.good);
      if (n % 2 === 1) expect(value).toBe(n + 1);
    });
    sink.clear();
    for (const extraBytes of [1_393, 40_000]) await produce({ extraBytes });
    const last = await produce();
    await expect.poll(() => sink.samples.map(({ value }) => value)).toEqual([last]);
    expect(context.lines.join()).toContain('1401 bytes of data are more than a production has (1400)');
  });
});

describe('hostile datagrams', () => {
  const ROUNDS = LONG ? 100_000 : 2_000;
  const EVERY = 20;

  it(`${ROUNDS} of them hide no production and cost no memory`, { timeout: 300_000 }, async () => {
    const { port, sink, connection, context, produce } = await startRig();
    const random = seededRandom(20_261);
    const socket = createSocket('udp4');
    closing.push(() => new Promise<void>((resolve) => socket.close(() => resolve())));
    const send = (bytes: Uint8Array): Promise<void> =>
      new Promise((resolve) => socket.send(bytes, port, '127.0.0.1', () => resolve()));
    const started = performance.now();
    let sound = 0;
    let heldBefore = 0;
    for (let round = 0; round < ROUNDS; round++) {
      await send(hostile(random));
      if (round % EVERY !== 0) continue;
      const number = await produce();
      await expect.poll(() => sink.samples.at(-1)?.value, { interval: 1, timeout: 5_000 }).toBe(number);
      sound++;
      // What hostile productions of the right exchange have brought is theirs; what is sound must have come.
      expect(sink.samples.filter(({ value, quality }) => value === number && quality === QUALITY.good)).toHaveLength(1);
      sink.clear();
      if (round === ROUNDS / 2) heldBefore = process.memoryUsage().heapUsed;
    }
    const more = (process.memoryUsage().heapUsed - heldBefore) / 2 ** 20;
    expect(more, 'MiB in the second half').toBeLessThan(60);
    let exchanges = 0;
    for (const producer of await childrenOf(connection, null)) {
      exchanges += (await childrenOf(connection, producer.id)).length;
    }
    expect(exchanges).toBeLessThanOrEqual(2_000);
    // Strangers are named up to a hundred; what does not fit is said at most once a second.
    const misfits = context.lines.filter((line) => line.includes('does not fit')).length;
    expect(context.lines.length - misfits).toBeLessThanOrEqual(110);
    expect(misfits).toBeLessThanOrEqual(8 + (performance.now() - started) / 1_000);
    figures({ rounds: ROUNDS, productions: sound });
  });

  /** Bytes of any kind, and productions with one thing or another wrong in them. */
  function hostile({ below }: SeededRandom): Uint8Array {
    const bytes = Buffer.alloc(below(4) === 0 ? below(40) : 32 + below(1_500));
    for (let at = 0; at < bytes.length; at++) bytes[at] = below(256);
    if (bytes.length < 32 || below(5) === 0) return bytes;
    bytes[0] = 13;
    bytes[1] = 1;
    if (below(3) === 0) bytes.set([1, 13], 0);
    if (below(2) === 0) Buffer.from([10, 0, 0, 1]).copy(bytes, 4);
    if (below(3) === 0) bytes.writeUInt32LE(5, 8);
    if (below(2) === 0) bytes.writeUInt32LE([0, 1, 2, 0xffff_ffff][below(4)]!, 12);
    return bytes;
  }
});
