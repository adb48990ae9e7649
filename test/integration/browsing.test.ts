import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { isAppError } from '#shared/errors.ts';
import type { BrowseEntry, BrowseItem } from '#shared/rpc/browsing.ts';
import { startEgdProducer } from '#simulators/egd/index.ts';
import {
  createTagMemory,
  type EipSimulator,
  startEipSimulator,
  type TagMemory,
} from '#simulators/ethernet-ip/index.ts';
import { makeConnection, makeDevice, makeTag } from '#test/support/documents.ts';
import { allItems, type EngineClient, firstItem, startEngine } from '#test/support/engine.ts';
import { freeUdpPort } from '#test/support/free-port.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function startScreen(): Promise<EngineClient> {
  const { engine, client } = await startEngine(temporaryDirectory());
  cleanUp.push(() => engine.stop());
  return client();
}

async function put(screen: EngineClient, ...documents: readonly (readonly [string, { readonly id: string }])[]) {
  await screen.project.commit({
    changes: documents.map(([kind, document]) => ({ kind: kind as 'tag', id: document.id, document, expected: null })),
  });
}

/** A controller with a connection and a device, and a tag that is polled all the while where one is wanted. */
async function startLogix(
  prepare: (memory: TagMemory) => void,
  how: { readonly enabled?: boolean; readonly tag?: boolean } = {},
): Promise<{ readonly server: EipSimulator; readonly screen: EngineClient }> {
  const memory = createTagMemory();
  memory.define('Line', 'REAL');
  prepare(memory);
  const server = await startEipSimulator({ memory });
  cleanUp.push(() => server.close());
  const screen = await startScreen();
  const settings = { host: server.host, port: server.port, connectTimeoutMs: 500 };
  await put(
    screen,
    [
      'connection',
      makeConnection({ id: 'c', name: 'Logix', protocol: 'ethernet-ip', settings, enabled: how.enabled ?? true }),
    ],
    ['device', makeDevice({ id: 'd', connectionId: 'c', settings: { route: '1,0', responseTimeoutMs: 500 } })],
  );
  if (how.tag === true) {
    const tag = makeTag({ id: 'line', deviceId: 'd', name: 'Line', address: 'Line', type: 'float32', periodMs: 50 });
    await put(screen, ['tag', tag]);
    await firstItem(screen.connections.watch(), ({ connections }) => connections[0]?.state === 'running');
  }
  return { server, screen };
}

const listed = async (
  screen: EngineClient,
  parent: string | null,
  deep = false,
): Promise<{ readonly items: readonly BrowseItem[]; readonly nodes: readonly BrowseEntry[] }> => {
  const items = await allItems(screen.browsing.list({ connectionId: 'c', parent, deep }));
  return { items, nodes: items.flatMap((item) => item.nodes) };
};

describe('browsing a device', () => {
  it('brings 20,000 tags in bounded pages over the running link, whose polls go on meanwhile', {
    timeout: 30_000,
  }, async () => {
    const { server, screen } = await startLogix(
      (memory) => {
        for (let n = 0; n < 20_000; n++) memory.define(`Tag_${String(n).padStart(5, '0')}`, 'DINT');
      },
      { tag: true },
    );
    const accepted = server.accepted;
    const times: number[] = [];
    const stop = new AbortController();
    const polls = (async () => {
      for await (const item of screen.live.rows({ tags: ['line'], maxHz: 50 }, { signal: stop.signal })) {
        times.push(...item.time);
      }
    })().catch(() => undefined);
    const began = Date.now();
    const { items, nodes } = await listed(screen, 'd');
    const tookMs = Date.now() - began;
    stop.abort();
    await polls;
    expect(nodes.length).toBe(20_001);
    expect(Math.max(...items.map((item) => item.nodes.length))).toBeLessThanOrEqual(500);
    // The list is counted while it is asked for, before the first node can be given.
    expect(items.filter((item) => item.nodes.length === 0 && item.found > 0).length).toBeGreaterThan(10);
    expect(items.every((item) => !item.own && !item.told && !item.cut)).toBe(true);
    expect(server.accepted).toBe(accepted);
    // Half of the ticks of 50 ms at least: a busy machine may lose some.
    const during = times.filter((time) => time >= began * 1_000 && time < (began + tookMs) * 1_000);
    expect(during.length).toBeGreaterThan(tookMs / 50 / 2 - 1);
  });

  it('ends when it is cancelled, and the link goes on', { timeout: 20_000 }, async () => {
    const { server, screen } = await startLogix(
      (memory) => {
        for (let n = 0; n < 20_000; n++) memory.define(`Tag_${n}`, 'DINT');
      },
      { tag: true },
    );
    const cancel = new AbortController();
    let came = 0;
    const list = (async () => {
      for await (const item of screen.browsing.list(
        { connectionId: 'c', parent: 'd', deep: false },
        { signal: cancel.signal },
      )) {
        came = Math.max(came, item.found);
        if (came > 500) cancel.abort();
      }
    })();
    await expect(list).rejects.toSatisfy((error: unknown) => isAppError(error, 'rpc.cancelled'));
    expect(came).toBeLessThan(10_000);
    server.clear();
    await firstItem(screen.live.rows({ tags: ['line'], maxHz: 50 }), (item) => item.quality.some((one) => one === 0));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(server.services().filter(({ service }) => service === 0x55).length).toBeLessThan(3);
    expect(server.links).toBe(1);
  });

  it('walks everything below a structure to its single values, hostile names as they are', async () => {
    const { screen } = await startLogix((memory) => {
      memory.defineType('Motor', [
        { name: 'Running', type: 'BOOL' },
        { name: 'Current', type: 'REAL' },
        { name: 'toString', type: 'DINT' },
      ]);
      memory.defineType('Reel', [
        { name: 'Motors', type: 'Motor', length: 2 },
        { name: 'Name', type: 'STRING' },
        { name: 'constructor', type: 'INT' },
      ]);
      memory.define('Reels', 'Reel', [2]);
    });
    const { items, nodes } = await listed(screen, 'd|Reels[1]', true);
    expect(nodes.flatMap(({ address, type }) => (address === null ? [] : [[address, type]]))).toEqual([
      ['Reels[1].Name', 'string'],
      ['Reels[1].constructor', 'int16'],
      ['Reels[1].Motors[0].Running', 'bit'],
      ['Reels[1].Motors[0].Current', 'float32'],
      ['Reels[1].Motors[0].toString', 'int32'],
      ['Reels[1].Motors[1].Running', 'bit'],
      ['Reels[1].Motors[1].Current', 'float32'],
      ['Reels[1].Motors[1].toString', 'int32'],
    ]);
    expect(nodes.every(({ deviceId }) => deviceId === 'd')).toBe(true);
    expect(items.filter(({ complete }) => complete).map(({ parent }) => parent)).toEqual([
      'd|Reels[1]',
      'd|Reels[1].Motors',
      'd|Reels[1].Motors[0]',
      'd|Reels[1].Motors[1]',
    ]);
  });

  it('stops a walk that finds more than a screen holds, and says so', { timeout: 30_000 }, async () => {
    const { screen } = await startLogix((memory) => {
      for (let n = 0; n < 3; n++) memory.define(`Long_${n}`, 'DINT', [24_000]);
    });
    const { items, nodes } = await listed(screen, 'd', true);
    expect(nodes.length).toBe(50_000);
    expect(items.at(-1)?.cut).toBe(true);
  });

  it('holds the link of a connection without tags open, and of one that is switched off opens its own', async () => {
    const idle = await startLogix(() => undefined);
    expect(idle.server.accepted).toBe(0);
    expect((await listed(idle.screen, null)).items[0]).toMatchObject({ own: false, found: 1 });
    await listed(idle.screen, 'd');
    expect(idle.server.accepted).toBe(1);

    const off = await startLogix(() => undefined, { enabled: false });
    expect((await listed(off.screen, null)).items[0]).toMatchObject({ own: true, found: 1 });
    await listed(off.screen, 'd');
    expect(off.server.accepted).toBe(1);
    expect(off.server.links).toBe(1);
    // Switched on, the connection has the controller for itself.
    await off.screen.project.commit({
      changes: [
        {
          kind: 'connection',
          id: 'c',
          document: makeConnection({
            id: 'c',
            name: 'Logix',
            protocol: 'ethernet-ip',
            settings: { host: off.server.host, port: off.server.port, connectTimeoutMs: 500 },
          }),
          expected: 1,
        },
      ],
    });
    await put(off.screen, [
      'tag',
      makeTag({ id: 'line', deviceId: 'd', name: 'Line', address: 'Line', type: 'float32', periodMs: 50 }),
    ]);
    await firstItem(off.screen.connections.watch(), ({ connections }) => connections[0]?.state === 'running');
    expect(off.server.links).toBe(1);
  });

  it('opens the link of a connection without tags anew when the controller has closed it', async () => {
    for (const enabled of [true, false]) {
      const { server, screen } = await startLogix(() => undefined, { enabled });
      await listed(screen, 'd');
      server.faults = { silent: true };
      const asked = listed(screen, 'd').catch(() => undefined);
      await wait(100);
      server.disconnectAll();
      await asked;
      server.faults = {};
      // Who asked when it went was told so; whoever asks after him is not.
      expect((await listed(screen, 'd')).nodes.length).toBeGreaterThan(0);
      for (let turn = 0; turn < 3; turn++) {
        server.disconnectAll();
        await wait(turn * 20);
        expect((await listed(screen, 'd')).nodes.length).toBeGreaterThan(0);
      }
    }
  });

  it('goes on with a controller that has forgotten the connection, as large as before', async () => {
    for (const enabled of [true, false]) {
      const { server, screen } = await startLogix(() => undefined, { enabled });
      await listed(screen, 'd');
      server.faults = { forgetConnections: true };
      await expect(listed(screen, null).then(() => listed(screen, 'd'))).rejects.toSatisfy((error: unknown) =>
        isAppError(error, 'protocol.timeout'),
      );
      server.faults = {};
      server.clear();
      await listed(screen, null);
      await listed(screen, 'd');
      expect(
        server
          .services()
          .filter(({ service }) => service === 0x55)
          .map(({ connected }) => connected),
      ).toEqual([true]);
    }
  });

  it('says in words what stands in the way', async () => {
    const { server, screen } = await startLogix(() => undefined);
    await server.close();
    await expect(listed(screen, null)).rejects.toSatisfy(
      (error: unknown) => isAppError(error, 'protocol.connect-failed') && /[.]$/.test(error.message),
    );
    await put(screen, ['connection', makeConnection({ id: 'modbus', name: 'Registers' })]);
    await expect(
      allItems(screen.browsing.list({ connectionId: 'modbus', parent: null, deep: false })),
    ).rejects.toSatisfy((error: unknown) => isAppError(error, 'config.invalid') && /by address/.test(error.message));
    await expect(allItems(screen.browsing.list({ connectionId: 'gone', parent: null, deep: false }))).rejects.toSatisfy(
      (error: unknown) => isAppError(error, 'store.not-found'),
    );
  });
});

describe('bytes that a producer sends', () => {
  it('are seen as they change before any device is configured, and places among them get addresses', async () => {
    const port = await freeUdpPort();
    const data = Buffer.alloc(16);
    const exchanges = [{ id: 7, periodMs: 20, data, signature: 0x0102 }];
    const producer = await startEgdProducer({ producerId: '10.0.0.9', port, exchanges });
    cleanUp.push(() => producer.close());
    const screen = await startScreen();
    await put(screen, ['connection', makeConnection({ id: 'c', name: 'EGD', protocol: 'egd', settings: { port } })]);
    const [root] = await heard(screen, null);
    expect(root).toMatchObject({ id: '10.0.0.9', hasChildren: true });
    const [exchange] = await heard(screen, root!.id);
    expect(exchange).toMatchObject({
      id: '10.0.0.9/7',
      deviceId: null,
      bytes: { count: 16, at: '0' },
      newDevice: { settings: { producerId: '10.0.0.9', exchangeId: 7, dataBytes: 16, signature: 0x0102 } },
    });
    const seen: number[] = [];
    for await (const { raw } of screen.browsing.bytes({ connectionId: 'c', node: exchange!.id, count: 1_400 })) {
      if (raw === null) continue;
      expect(raw.bytes.length).toBe(16);
      seen.push(raw.bytes[3]!);
      data[3] = 77;
      if (raw.bytes[3] === 77) break;
    }
    expect(seen[0]).toBe(0);

    const settings = exchange!.newDevice!.settings;
    const { addresses } = await screen.browsing.addresses({
      connectionId: 'c',
      settings,
      at: '0',
      values: [
        { offset: 4, type: 'float32', bit: null, length: null },
        { offset: 3, type: 'bit', bit: 6, length: null },
        { offset: 8, type: 'string', bit: null, length: 6 },
        { offset: 1_399, type: 'int16', bit: null, length: null },
      ],
    });
    expect(addresses).toEqual(['4', '3.6', '8:string6', null]);
    await put(
      screen,
      ['device', makeDevice({ id: 'x', connectionId: 'c', settings })],
      ...(['float32', 'bit', 'string'] as const).map(
        (type, index) =>
          [
            'tag',
            makeTag({ id: type, deviceId: 'x', name: type, address: addresses[index]!, type, periodMs: 20 }),
          ] as const,
      ),
    );
    expect((await screen.browsing.mapped({ deviceId: 'x', at: '0' })).places).toEqual([
      { tagId: 'float32', offset: 4, bytes: 4, bit: null },
      { tagId: 'bit', offset: 3, bytes: 1, bit: 6 },
      { tagId: 'string', offset: 8, bytes: 6, bit: null },
    ]);
    await firstItem(screen.connections.watch(), ({ connections }) => connections[0]?.state === 'running');
    // The exchange belongs to its device now, and the header's fields can be had as tags of it.
    const [again] = await heard(screen, root!.id);
    expect(again).toMatchObject({ deviceId: 'x', newDevice: null, hasChildren: true });
    expect((await heard(screen, again!.id)).map(({ address }) => address)).toContain('signature');
  });

  async function heard(screen: EngineClient, parent: string | null): Promise<readonly BrowseEntry[]> {
    for (;;) {
      const { items, nodes } = await listed(screen, parent);
      expect(items.every(({ told }) => told)).toBe(true);
      if (nodes.length > 0) return nodes;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
});
