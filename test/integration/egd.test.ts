import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { systemNetwork } from '#engine/platform/index.ts';
import type { PushConnection } from '#engine/protocols/index.ts';
import { findProtocol } from '#engine/protocols/index.ts';
import { QUALITY } from '#shared/model/index.ts';
import { type EgdProducer, startEgdProducer } from '#simulators/egd/index.ts';
import { childrenOf } from '#test/support/browse.ts';
import { freeUdpPort } from '#test/support/free-port.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { createCollector, createDriverContext } from '#test/support/sample-collector.ts';

const driver = findProtocol('egd')!;

describe('EGD over a real socket', () => {
  guardLeaks();
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });

  const rig = async (config: object = {}, settings: object = {}, host = '127.0.0.1') => {
    const port = await freeUdpPort();
    const data = Buffer.alloc(8);
    data.writeFloatLE(12.5, 0);
    const producer: EgdProducer = await startEgdProducer({
      producerId: '10.0.0.1',
      host,
      port,
      running: false,
      exchanges: [{ id: 5, periodMs: 100, data, signature: 256 }],
    });
    open.push(producer);
    const context = createDriverContext();
    const device = driver.device.parse({ producerId: '10.0.0.1', exchangeId: 5, timeoutMs: 300, ...settings });
    const connection = (await driver.connect(
      driver.config.parse({ port, localAddress: '127.0.0.1', ...config }),
      new Map([['device', device]]),
      context,
      new AbortController().signal,
    )) as PushConnection;
    open.push(connection);
    const { address } = driver.parseAddress('0', device);
    const recipe = driver.recipe({ type: 'float32', order: null, scaling: null, unit: null }, address, device);
    const sink = createCollector();
    const controller = new AbortController();
    const listening = connection.listen([{ index: 0, address, recipe, deviceId: 'device' }], sink, controller.signal);
    open.unshift({
      async close() {
        controller.abort();
        await listening;
      },
    });
    const produce = async (): Promise<void> => {
      await producer.produce();
      await wait(20);
    };
    return { port, producer, produce, sink, context, connection, device };
  };

  it('takes the time of the producer, and none where it gives none or its clock is not set', async () => {
    const { producer, produce, sink } = await rig();
    const now = Date.now() * 1_000;
    producer.faults = { clockAheadS: 3_600 };
    await produce();
    producer.faults = { noTime: true };
    await produce();
    producer.faults = { clockAheadS: 3_600, status: 3 };
    await produce();
    const [ahead, none, unset] = sink.samples.map(({ time }) => Math.round((time - now) / 60_000_000));
    expect([ahead, none, unset]).toEqual([60, Number.NaN, Number.NaN]);
    expect(sink.samples.every(({ quality }) => quality === QUALITY.good)).toBe(true);
  });

  it('of another signature or length is bad and not wrong, says so once, and is good again', async () => {
    const { producer, produce, sink, context, connection } = await rig({}, { signature: 256, dataBytes: 8 });
    await produce();
    expect(connection.notice?.()).toBeNull();
    producer.faults = { signature: 257 };
    await produce();
    await produce();
    expect(connection.notice?.()).toMatch(
      /^Exchange 5 of 10\.0\.0\.1 does not fit .* signature is 1\.1, .* for 1\.0\./,
    );
    producer.faults = { extraBytes: -4 };
    await produce();
    expect(connection.notice?.()).toMatch(/it has 4 bytes of data, and the layout was made for 8/);
    producer.faults = {};
    await produce();
    expect(connection.notice?.()).toBeNull();
    expect(sink.samples.map(({ quality }) => quality)).toEqual([
      QUALITY.good,
      QUALITY.badConfiguration,
      QUALITY.badConfiguration,
      QUALITY.badConfiguration,
      QUALITY.good,
    ]);
    expect(context.lines.filter((line) => line.includes('does not fit'))).toHaveLength(2);
  });

  it('with a swapped header is named, and used only when asked to', async () => {
    const refused = await rig();
    refused.producer.faults = { swapped: true };
    await refused.produce();
    await refused.produce();
    expect(refused.sink.samples).toEqual([]);
    expect(refused.connection.notice?.()).toMatch(
      /^Productions from 127\.0\.0\.1 have type and version .* wrong order/,
    );
    expect(refused.context.lines.filter((line) => line.includes('wrong order'))).toHaveLength(1);
    const accepted = await rig({ acceptSwapped: true });
    accepted.producer.faults = { swapped: true };
    await accepted.produce();
    expect(accepted.sink.samples).toHaveLength(1);
    expect(accepted.connection.notice?.()).toBeNull();
  });

  it('of several producers on one port goes to the tags of its own, though the exchanges have one number', async () => {
    const port = await freeUdpPort();
    const ids = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
    const devices = new Map(ids.slice(0, 2).map((producerId) => [producerId, { producerId, exchangeId: 5 }]));
    const connection = (await driver.connect(
      driver.config.parse({ port, localAddress: '127.0.0.1' }),
      new Map([...devices].map(([id, settings]) => [id, driver.device.parse(settings)])),
      createDriverContext(),
      new AbortController().signal,
    )) as PushConnection;
    open.push(connection);
    const sink = createCollector();
    const controller = new AbortController();
    const tags = ids.slice(0, 2).map((deviceId, index) => {
      const settings = driver.device.parse(devices.get(deviceId));
      const { address } = driver.parseAddress('0', settings);
      const recipe = driver.recipe({ type: 'uint8', order: null, scaling: null, unit: null }, address, settings);
      return { index, address, recipe, deviceId };
    });
    const listening = connection.listen(tags, sink, controller.signal);
    for (const [at, producerId] of ids.entries()) {
      const exchanges = [{ id: 5, periodMs: 100, data: Buffer.of(10 + at) }];
      const producer = await startEgdProducer({ producerId, port, running: false, exchanges });
      open.push(producer);
      await producer.produce();
      await producer.produce();
    }
    await expect
      .poll(() => sink.samples.map(({ tag, value }) => [tag, value]))
      .toEqual([
        [0, 10],
        [0, 10],
        [1, 11],
        [1, 11],
      ]);
    expect((await childrenOf(connection, null)).map(({ id }) => id)).toEqual(ids);
    controller.abort();
    await listening;
  });

  it('lists producers and exchanges heard, wanted or not, with what was lost', async () => {
    const { producer, produce, connection } = await rig();
    for (let i = 0; i < 9; i++) {
      producer.faults = i === 4 ? { silent: true } : {};
      await produce();
    }
    const [found] = await childrenOf(connection, null);
    expect(found).toMatchObject({ id: '10.0.0.1', hasChildren: true });
    expect(found!.description).toBe('sent from 127.0.0.1, 1 exchange');
    const [exchange] = await childrenOf(connection, found!.id);
    expect(exchange).toMatchObject({ name: 'Exchange 5', typeName: '8 bytes', bytes: { count: 8, at: '0' } });
    expect(exchange!.description).toMatch(/^every [\d.]+ ms, signature 1\.0, 1 lost$/);
  });

  it('survives garbage, and doubled productions give a sample each', async () => {
    const { producer, produce, sink, context } = await rig();
    producer.faults = { garbage: true };
    await produce();
    producer.faults = { twice: true };
    await produce();
    expect(sink.samples).toHaveLength(2);
    expect(context.lines.filter((line) => line.includes('is no EGD production'))).toHaveLength(1);
  });

  it('hears a multicast group that it has joined', async () => {
    const { produce, sink } = await rig({ groups: ['224.0.7.1'] }, {}, '224.0.7.1');
    await produce();
    expect(sink.samples).toHaveLength(1);
  });

  it('goes on in the groups that it has joined after a change of the network', async () => {
    const groups = ['224.0.7.1', '224.0.7.2'];
    const { produce, sink, connection } = await rig({ groups }, {}, '224.0.7.1');
    connection.renew?.();
    await produce();
    expect(sink.samples).toHaveLength(1);
  });

  it('loses its link when its own address is gone', async (test) => {
    const [own] = systemNetwork
      .ownAddresses()
      .filter(({ family, address }) => family === 4 && !address.startsWith('127.'));
    test.skip(own === undefined, 'needs an adapter with an IPv4 address');
    const context = createDriverContext({ network: { ...systemNetwork, ownAddresses: () => [] } });
    const config = driver.config.parse({ port: await freeUdpPort(), localAddress: own!.address });
    const { signal } = new AbortController();
    const other = (await driver.connect(config, new Map(), context, signal)) as PushConnection;
    open.push(other);
    const lost = expect(other.listen([], createCollector(), signal)).rejects.toMatchObject({
      code: 'protocol.link-lost',
    });
    other.renew?.();
    await lost;
  });

  it('says in words that its port is in use', async () => {
    const { port } = await rig();
    await expect(
      driver.connect(
        driver.config.parse({ port, localAddress: '127.0.0.1' }),
        new Map(),
        createDriverContext(),
        new AbortController().signal,
      ),
    ).rejects.toMatchObject({
      code: 'protocol.connect-failed',
      message: expect.stringMatching(/port \d+ is in use.* Close the other program/) as string,
    });
  });

  it('tells in the connection test which producer and which exchange it hears instead', async () => {
    const { producer, connection, device } = await rig();
    const sending = setInterval(() => void producer.produce(), 20);
    try {
      const failing = async (settings: object): Promise<string> => {
        for await (const step of driver.test(
          { config: driver.config.parse({}), device: { ...device, ...settings }, readAddress: null },
          createDriverContext(),
          new AbortController().signal,
          { run: (use) => use(connection) },
        )) {
          if (!step.ok && !step.skipped) return `${step.name}: ${step.says}`;
        }
        return 'none';
      };
      expect(await failing({})).toBe('none');
      expect(await failing({ producerId: '10.0.0.2' })).toMatch(/^Producer: .*but 10\.0\.0\.1\.$/);
      expect(await failing({ exchangeId: 9 })).toMatch(/^Exchange: .*this producer sends 5\.$/);
      expect(await failing({ signature: 512 })).toMatch(/^Layout: .*signature is 1\.0.* 2\.0\.$/);
    } finally {
      clearInterval(sending);
    }
  });
});
