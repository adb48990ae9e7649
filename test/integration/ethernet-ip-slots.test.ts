import { describe, expect, it } from 'vitest';
import { isGood, QUALITY } from '#shared/model/index.ts';
import { createTagMemory } from '#simulators/ethernet-ip/index.ts';
import { makeConnection, makeDevice, makeTag } from '#test/support/documents.ts';
import { firstItem, startEngine } from '#test/support/engine.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { closeAll, startRig, startServer } from './ethernet-ip.ts';

guardLeaks();
closeAll();

const PERIODS = { fast: 50, slow: 1_000 } as const;

/** Two controllers of one rack on one link, in slots 0 and 3, in the whole engine. */
async function startRack(connection: 'auto' | 'none') {
  const [fast, slow] = [createTagMemory(), createTagMemory()];
  fast.define('Speed', 'DINT');
  fast.set('Speed', 11);
  slow.define('Speed', 'DINT');
  slow.set('Speed', 33);
  const server = await startServer({ memory: fast, neighbours: { 3: slow } });
  const { engine, client } = await startEngine(temporaryDirectory());
  const screen = client();
  const link = makeConnection({
    id: 'c',
    name: 'Rack',
    protocol: 'ethernet-ip',
    settings: { host: server.host, port: server.port },
  });
  const documents: { kind: 'connection' | 'device' | 'tag'; document: { id: string } }[] = [
    { kind: 'connection', document: link },
  ];
  for (const [id, slot] of [['fast', 0] as const, ['slow', 3] as const]) {
    const settings = { route: `1,${slot}`, responseTimeoutMs: 600, connection };
    documents.push({ kind: 'device', document: makeDevice({ id, name: id, connectionId: 'c', settings }) });
    const tag = {
      id: `${id}-v`,
      deviceId: id,
      name: id,
      address: 'Speed',
      type: 'int32',
      periodMs: PERIODS[id],
    } as const;
    documents.push({ kind: 'tag', document: makeTag(tag) });
  }
  await screen.project.commit({
    changes: documents.map(({ kind, document }) => ({ kind, id: document.id, document, expected: null })),
  });
  const status = (wanted: (fast: string, slow: string) => boolean) =>
    firstItem(screen.connections.watch(), ({ connections }) => {
      const [one, two] = connections[0]?.devices ?? [];
      return one !== undefined && two !== undefined && wanted(one.state, two.state);
    });
  /** Times of the good values of the fast controller's tag, microseconds. */
  const fastTimes = async (forMs: number): Promise<number[]> => {
    const times: number[] = [];
    const end = Date.now() + forMs;
    await firstItem(screen.live.values({ tags: ['fast-v'], maxHz: 50 }), (item) => {
      if (item.quality.every(isGood)) times.push(...item.time);
      return Date.now() > end;
    });
    return [...new Set(times)];
  };
  return { server, engine, screen, status, fastTimes };
}

describe.each(['auto', 'none'] as const)('a slow controller beside a fast one on one link (connection %s)', (kind) => {
  it('costs the fast one its own answers and no more, and where it falls silent only its own tags', async () => {
    const { server, engine, screen, status, fastTimes } = await startRack(kind);
    try {
      await status((fast, slow) => fast === 'running' && slow === 'running');
      const values = await firstItem(
        screen.live.values({ tags: ['fast-v', 'slow-v'], maxHz: 20 }),
        (item) => item.quality.length === 2 && item.quality.every(isGood),
      );
      expect([...values.value].sort()).toEqual([11, 33]);
      server.faults = { delaySlots: { 3: 300 } };
      // A second holds 20 ticks, of which 300 ms belong to the slow one.
      expect((await fastTimes(3_000)).length).toBeGreaterThan(20);
      await status((fast, slow) => fast === 'running' && slow === 'running');

      server.faults = { delaySlots: { 3: 60_000 } };
      await status((fast, slow) => fast === 'running' && slow === 'lost');
      expect((await fastTimes(2_000)).length).toBeGreaterThan(10);
      expect(server.accepted, 'the link goes on').toBe(1);

      server.faults = {};
      await status((fast, slow) => fast === 'running' && slow === 'running');
    } finally {
      await engine.stop();
    }
  });
});

describe('a controller several hops away', () => {
  const hops = [
    [1, 4],
    [2, '192.168.1.5'],
  ] as const;
  it.each(['auto', 'none'])('is read by the way to it, and by no other (connection %s)', async (connection) => {
    const memory = createTagMemory();
    memory.define('Speed', 'DINT');
    memory.set('Speed', 44);
    const way = { memory, hops, slot: 3 };
    const there = await startRig({ ...way, device: { route: '1,4,2,192.168.1.5,1,3', connection } });
    expect(await there.read([['Speed', 'int32']])).toEqual([{ value: 44, quality: QUALITY.good }]);
    for (const route of ['1,3', '1,4,2,192.168.1.6,1,3', '1,4,2,192.168.1.5,1,2', '1,4,2,192.168.1.5']) {
      const astray = await startRig({ ...way, device: { route, connection } });
      expect((await astray.read([['Speed', 'int32']]))[0]!.quality, route).not.toBe(QUALITY.good);
    }
  });
});
