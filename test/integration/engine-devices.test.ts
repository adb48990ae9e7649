import { createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { isBad, isGood } from '#shared/model/index.ts';
import { createRegisterImage, type Misbehaviour, startModbusSimulator } from '#simulators/modbus/index.ts';
import { makeConnection, makeDevice, makeTag, makeTags } from '#test/support/documents.ts';
import { allItems, type EngineClient, firstItem, startEngine } from '#test/support/engine.ts';
import { freePort } from '#test/support/free-port.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

// Devices that misbehave, as seen from a screen: through driver, acquisition, live, history and status.

const cleanUp: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function start(): Promise<EngineClient> {
  const { engine, client } = await startEngine(temporaryDirectory());
  cleanUp.push(() => engine.stop());
  return client();
}

async function device(faults: Partial<Misbehaviour> = {}) {
  const image = createRegisterImage({ everything: true });
  for (let offset = 0; offset < 65_536; offset++) image.setRegisters('holding', offset, [offset]);
  const simulator = await startModbusSimulator({ units: { 1: image } });
  simulator.control.set(faults);
  cleanUp.push(() => simulator.close());
  return { ...simulator, image };
}

type Kind = 'connection' | 'device' | 'tag';
const put = (
  screen: EngineClient,
  documents: readonly (readonly [Kind, { readonly id: string }])[],
): Promise<unknown> =>
  screen.project.commit({
    changes: documents.map(([kind, document]) => ({ kind, id: document.id, document, expected: null })),
  });

/** A connection with one device and one tag, all of one name. */
function plc(name: string, port: number, periodMs = 50, settings: object = {}) {
  return [
    ['connection', makeConnection({ id: name, name, settings: { host: '127.0.0.1', port, connectTimeoutMs: 500 } })],
    [
      'device',
      makeDevice({ id: name, connectionId: name, name, settings: { unitId: 1, responseTimeoutMs: 300, ...settings } }),
    ],
    ['tag', makeTag({ id: name, deviceId: name, name, address: '400100', periodMs })],
  ] as const;
}

describe('ten devices of which nine fail, each in its own way', () => {
  it('are told apart by state and cause, and the tenth is read as if it were alone', async () => {
    const held = new Set<Socket>();
    const silent = createServer((socket) => {
      held.add(socket);
      socket.on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    cleanUp.push(() => {
      for (const socket of held) socket.destroy();
      silent.close();
    });
    const failing: Readonly<Record<string, number>> = {
      refuses: await freePort(),
      silent: (silent.address() as { readonly port: number }).port,
      halfOpen: (await device({ halfOpen: true })).port,
      wrongTransaction: (await device({ wrongTransaction: true })).port,
      garbage: (await device({ garbage: true })).port,
      truncates: (await device({ truncateBytes: 1 })).port,
      cuts: (await device({ cutMidAnswer: true })).port,
      excepts: (await device({ exceptions: [{ code: 4 }] })).port,
      tooMany: (await device({ maxConnections: 0 })).port,
    };
    const sound = await device();
    const screen = await start();
    await put(screen, [
      ...plc('sound', sound.port),
      ...Object.entries(failing).flatMap(([name, port]) => plc(name, port)),
    ]);
    await firstItem(screen.live.values({ tags: ['sound'], maxHz: 20 }), ({ quality }) => quality.some(isGood));
    const from = Date.now() * 1000;
    const tags = Object.keys(failing);
    await firstItem(
      screen.connections.watch(),
      ({ connections }) =>
        connections.length === 10 &&
        connections.filter(({ state }) => state === 'lost' || state === 'degraded').length === 9,
    );
    const last = new Map<string, number>();
    await firstItem(screen.live.values({ tags, maxHz: 20 }), ({ position, quality }) => {
      for (const [index, at] of position.entries()) last.set(tags[at] as string, quality[index] as number);
      return last.size === 9 && [...last.values()].every(isBad);
    });
    await wait(1_500);
    const { connections } = await firstItem(screen.connections.watch());
    for (const { connectionId, state, message, devices } of connections) {
      if (connectionId === 'sound') {
        expect(state).toBe('running');
        expect(devices[0]).toMatchObject({ state: 'running', errors: 0, timeouts: 0 });
        continue;
      }
      const said = message ?? devices[0]?.message ?? '';
      expect(said, connectionId).toMatch(/\.$/);
      expect(said, connectionId).toMatch(new RegExp(`:${failing[connectionId]}|of ${connectionId} are bad`));
    }
    const [series] = (
      await allItems(
        screen.history.view({
          source: 'history',
          tags: ['sound'],
          range: { from, to: Date.now() * 1000 },
          pixels: 10_000,
        }),
      )
    ).flatMap((item) => item.series);
    const times = [...(series?.time ?? [])];
    expect(times.length).toBeGreaterThan(15);
    expect([...(series?.quality ?? [])].filter(isBad)).toEqual([]);
    const longest = Math.max(...times.slice(1).map((time, index) => time - (times[index] as number)));
    // The shortest time-out of a neighbour is 300 ms: whoever waited for one would show it.
    expect(longest / 1000, 'milliseconds between two samples').toBeLessThan(300);
  });
});

describe('a slow or restless device', () => {
  it('with 3 s latency delivers right values at its own pace, and says how slow it is', async () => {
    const slow = await device({ delayMs: 3_000 });
    const screen = await start();
    await put(screen, plc('slow', slow.port, 100, { responseTimeoutMs: 8_000 }));
    const values = await firstItem(screen.live.values({ tags: ['slow'], maxHz: 20 }), ({ quality }) =>
      quality.some(isGood),
    );
    expect(values.value[0]).toBe(99);
    const { connections } = await firstItem(
      screen.connections.watch(),
      (item) => (item.connections[0]?.devices[0]?.responseMs ?? 0) > 0,
    );
    expect(connections[0]).toMatchObject({ state: 'running' });
    expect(connections[0]?.devices[0]?.responseMs).toBeGreaterThan(2_900);
    expect(connections[0]?.groups[0]?.overruns).toBeGreaterThan(10);
  });

  it('that closes after each request is read all the same', async () => {
    const restless = await device({ closeAfterAnswer: true });
    const screen = await start();
    await put(screen, plc('restless', restless.port, 100));
    const good = new Set<number>();
    await firstItem(screen.live.rows({ tags: ['restless'], maxHz: 20 }), ({ time, value, quality }) => {
      for (const [index, at] of time.entries()) {
        if (!isGood(quality[index] as number)) continue;
        expect(value[index]).toBe(99);
        good.add(at);
      }
      return good.size >= 5;
    });
    expect(restless.control.accepted).toBeGreaterThan(1);
  });

  it('whose link is lost in mid-read gives BAD with the cause, then good values again, and no wrong one ever', async () => {
    const plant = await device();
    const screen = await start();
    await put(screen, plc('plant', plant.port, 20));
    await firstItem(screen.live.values({ tags: ['plant'], maxHz: 20 }), ({ quality }) => quality.some(isGood));
    const seen: { readonly value: number; readonly bad: boolean }[] = [];
    let phase = 0;
    await firstItem(screen.live.rows({ tags: ['plant'], maxHz: 50 }), ({ value, quality }) => {
      for (const [index, one] of value.entries()) seen.push({ value: one, bad: isBad(quality[index] as number) });
      const { bad } = seen.at(-1) ?? { bad: false };
      if (phase === 0 && seen.length > 5) {
        plant.control.set({ cutMidAnswer: true });
        phase = 1;
      } else if (phase === 1 && bad) {
        plant.control.clear();
        phase = 2;
      } else if (phase === 2 && !bad) phase = 3;
      return phase === 3;
    });
    expect(seen.filter(({ bad }) => !bad).every(({ value }) => value === 99)).toBe(true);
    // The history tells the same story.
    const { storedUntil } = await firstItem(screen.recording.watch());
    await firstItem(screen.recording.watch(), (state) => (state.storedUntil ?? 0) > (storedUntil ?? 0) + 300_000);
    const { range } = await screen.history.bounds({ source: 'history' });
    const items = await allItems(
      screen.history.view({ source: 'history', tags: ['plant'], range: range ?? { from: 0, to: 1 }, pixels: 10_000 }),
    );
    const qualities = items.flatMap(({ series }) => series.flatMap(({ quality }) => [...quality]));
    expect(qualities.some(isBad)).toBe(true);
    expect(isGood(qualities.at(-1) as number)).toBe(true);
  });
});

describe('65,536 registers of one device as tags', () => {
  it('are read, shown live and stored, each with its own value', async () => {
    const plant = await device();
    const screen = await start();
    const [link, unit] = plc('plant', plant.port);
    const tags = makeTags(65_536, (index) => ({
      id: `r${index}`,
      deviceId: 'plant',
      address: String(400_001 + index),
      periodMs: 2_000,
    }));
    await put(screen, [link, unit]);
    for (const part of [tags.slice(0, 40_000), tags.slice(40_000)])
      await put(
        screen,
        part.map((tag) => ['tag', tag] as const),
      );
    for (const part of [tags.slice(0, 32_768), tags.slice(32_768)]) {
      const values = new Map<number, number>();
      const ids = part.map(({ id }) => id);
      await firstItem(screen.live.values({ tags: ids, maxHz: 5 }), ({ position, value, quality }) => {
        for (const [index, at] of position.entries())
          if (isGood(quality[index] as number)) values.set(at, value[index] as number);
        return values.size === ids.length;
      });
      const wrong = [...values].filter(([at, value]) => `r${value}` !== ids[at]);
      expect(wrong).toEqual([]);
    }
    const { storedUntil } = await firstItem(screen.recording.watch());
    await firstItem(screen.recording.watch(), (state) => (state.storedUntil ?? 0) > (storedUntil ?? 0));
    const { tags: known } = await screen.history.tags({ source: 'history' });
    expect(known.filter(({ id, last }) => /^r\d+$/.test(id) && last !== null)).toHaveLength(65_536);
    const asked = ['r0', 'r32767', 'r65535'];
    const range = { from: Date.now() * 1000 - 60_000_000, to: Date.now() * 1000 };
    const series = (
      await allItems(screen.history.view({ source: 'history', tags: asked, range, pixels: 1_000 }))
    ).flatMap((item) => item.series);
    expect(series.map(({ tag, value }) => [tag, [...value].findLast(Number.isFinite)])).toEqual([
      ['r0', 0],
      ['r32767', 32_767],
      ['r65535', 65_535],
    ]);
  }, 90_000);
});
