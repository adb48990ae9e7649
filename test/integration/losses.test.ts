import { createServer, type Server } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import { type AcquiredDocuments, type Acquisition, createAcquisition } from '#engine/acquisition/index.ts';
import { createLive, createTagTable, type Live } from '#engine/live/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { protocols } from '#engine/protocols/index.ts';
import { QUALITY } from '#shared/model/index.ts';
import { startEgdProducer } from '#simulators/egd/index.ts';
import { createTagMemory, startEipSimulator } from '#simulators/ethernet-ip/index.ts';
import { createRegisterImage, startModbusSimulator, startRtuSimulator } from '#simulators/modbus/index.ts';
import { makeConnection, makeDevice, makeTag } from '#test/support/documents.ts';
import { figures, LONG } from '#test/support/figures.ts';
import { freePort, freeUdpPort } from '#test/support/free-port.ts';
import { guardLeaks } from '#test/support/leak-guard.ts';

// Devices that go and come back, by every protocol, on real sockets and with the pauses that the program has.

guardLeaks();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const TAGS = 10;
const PERIOD_MS = 50;
const TIMEOUT_MS = 300;

/** A simulated device, and the ways in which it can be lost. */
interface Device {
  /** Settings of the connection to it. */
  readonly config: object;
  /** Each takes the device away; what it gives brings it back, and resolves when it is there again. */
  readonly losses: Readonly<Record<string, () => () => Promise<void> | void>>;
  /** Open links at the device; null where there are none. */
  readonly links: () => number | null;
  close(): Promise<void>;
}

/** Takes a device down for long enough that its tags go bad. */
function away(restart: (downMs: number) => Promise<void>): () => () => Promise<void> {
  return () => {
    const back = restart(700);
    return () => back;
  };
}

const kinds = {
  modbus: {
    protocol: 'modbus',
    device: { unitId: 1, responseTimeoutMs: TIMEOUT_MS },
    address: (n: number) => String(400_001 + n),
    type: 'uint16',
    async start(): Promise<Device> {
      const device = await startModbusSimulator({
        units: { 1: createRegisterImage({ everything: true }) },
        maxConnections: 200,
      });
      const fault = (faults: Parameters<typeof device.control.set>[0]) => () => {
        device.control.set(faults);
        return () => device.control.clear();
      };
      return {
        config: { host: device.host, port: device.port, connectTimeoutMs: 1_000 },
        losses: {
          restart: away((ms) => device.control.restart(ms)),
          silent: fault({ dropEvery: 1 }),
          // It holds what it has never closed, and comes back by being switched off and on.
          'half-open': () => {
            const comeBack = fault({ halfOpen: true })();
            return () => {
              comeBack();
              device.control.disconnectAll();
            };
          },
          cut: fault({ cutMidAnswer: true }),
          garbage: fault({ garbage: true }),
        },
        links: () => device.control.connections,
        close: () => device.close(),
      };
    },
  },
  'ethernet-ip': {
    protocol: 'ethernet-ip',
    device: { route: '1,0', responseTimeoutMs: TIMEOUT_MS },
    address: (n: number) => `Field[${n}]`,
    type: 'int32',
    async start(): Promise<Device> {
      const memory = createTagMemory();
      memory.define('Field', 'DINT', [TAGS]);
      const device = await startEipSimulator({ memory, maxLinks: 200 });
      const fault = (faults: typeof device.faults) => () => {
        device.faults = faults;
        return () => {
          device.faults = {};
        };
      };
      return {
        config: { host: device.host, port: device.port, connectTimeoutMs: 1_000 },
        losses: {
          restart: away((ms) => device.restart(ms)),
          silent: fault({ silent: true }),
          // It holds what it has never closed, and comes back by being switched off and on.
          'half-open': () => {
            const comeBack = fault({ halfOpen: true })();
            return () => {
              comeBack();
              device.disconnectAll();
            };
          },
          cut: fault({ cutMidAnswer: true }),
          garbage: fault({ garbage: true }),
        },
        links: () => device.links,
        close: () => device.close(),
      };
    },
  },
  egd: {
    protocol: 'egd',
    device: { producerId: '127.0.0.1', exchangeId: 1, timeoutMs: TIMEOUT_MS },
    address: (n: number) => String(4 * n),
    type: 'uint32',
    async start(): Promise<Device> {
      const port = await freeUdpPort();
      const device = await startEgdProducer({
        producerId: '127.0.0.1',
        port,
        exchanges: [{ id: 1, periodMs: PERIOD_MS, data: Buffer.alloc(4 * TAGS) }],
      });
      const fault = (faults: typeof device.faults) => () => {
        device.faults = faults;
        return () => {
          device.faults = {};
        };
      };
      return {
        config: { port, localAddress: '127.0.0.1' },
        losses: {
          restart: away((ms) => device.restart(ms)),
          silent: fault({ silent: true }),
          'another length': fault({ extraBytes: -39 }),
          'a bad status': fault({ status: 4 }),
          garbage: fault({ garbage: true }),
        },
        links: () => null,
        close: () => device.close(),
      };
    },
  },
  'modbus rtu': {
    protocol: 'modbus',
    device: { unitId: 1, responseTimeoutMs: TIMEOUT_MS },
    address: (n: number) => String(400_001 + n),
    type: 'uint16',
    async start(): Promise<Device> {
      const units = { 1: createRegisterImage({ everything: true }) };
      let device = await startRtuSimulator({ units });
      const { host, port } = device;
      const fault = (faults: Parameters<typeof device.control.set>[0]) => () => {
        device.control.set(faults);
        return () => device.control.clear();
      };
      return {
        config: { framing: 'rtu-over-tcp', host, port, connectTimeoutMs: 1_000 },
        losses: {
          restart: away(async (ms) => {
            await device.close();
            await wait(ms);
            device = await startRtuSimulator({ units, port });
          }),
          silent: fault({ dropEvery: 1 }),
          'wrong checksums': fault({ wrongCrcEvery: 1 }),
          cut: fault({ truncateBytes: 3 }),
          garbage: fault({ garbage: true }),
        },
        links: () => null,
        close: () => device.close(),
      };
    },
  },
} as const;
type Kind = keyof typeof kinds;

/** A connection with one device and its tags: `id-0` and on. */
function documents(id: string, kind: Kind, config: object, over: object = {}): AcquiredDocuments {
  const { protocol, device, address, type } = kinds[kind];
  return {
    connections: [makeConnection({ id, name: id, protocol, settings: { ...config } })],
    devices: [makeDevice({ id, connectionId: id, name: id, settings: { ...device, ...over } })],
    tags: Array.from({ length: TAGS }, (_, n) =>
      makeTag({ id: `${id}-${n}`, name: `${id} ${n}`, deviceId: id, address: address(n), type, periodMs: PERIOD_MS }),
    ),
  };
}

interface Running {
  readonly acquisition: Acquisition;
  readonly live: Live;
  readonly errors: readonly string[];
  /** Called with the place of each sample's tag. */
  onSample: ((tag: number, quality: number) => void) | null;
  placeOf(id: string): number;
  good(id: string): boolean;
}

function acquire(parts: readonly AcquiredDocuments[]): Running {
  const clock = systemClock();
  const table = createTagTable();
  const live = createLive({ clock, table, textOf: () => '' });
  const errors: string[] = [];
  const running: Running = {
    live,
    errors,
    onSample: null,
    acquisition: createAcquisition({
      clock,
      log: createLogger(({ level, text }) => void (level === 'error' && errors.push(text))),
      protocols,
      table,
      intern: () => 0,
      deliver(block) {
        live.accept(block);
        const { onSample } = running;
        if (onSample !== null) for (let i = 0; i < block.length; i++) onSample(block.tag[i]!, block.quality[i]!);
      },
    }),
    placeOf: (id) => table.byId(id)?.index ?? -1,
    good: (id) => live.latest(id)?.quality === QUALITY.good,
  };
  running.acquisition.apply({
    connections: parts.flatMap((part) => part.connections),
    devices: parts.flatMap((part) => part.devices),
    tags: parts.flatMap((part) => part.tags),
  });
  closing.push(() => running.acquisition.stop());
  return running;
}

async function until(what: string, limitMs: number, done: () => boolean): Promise<number> {
  const started = performance.now();
  while (!done()) {
    if (performance.now() - started > limitMs) throw new Error(`${what}: not within ${limitMs} ms.`);
    await wait(5);
  }
  return performance.now() - started;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heldMiB = (): number => {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 2 ** 20;
};
const count = (kind: string): number => process.getActiveResourcesInfo().filter((one) => one === kind).length;

describe('a device that is lost and comes back', () => {
  const ROUNDS = LONG ? 20 : 5;

  it.each(Object.keys(kinds) as Kind[])(
    `is good again within 2 s each time, and leaves nothing behind, ${ROUNDS} times: %s`,
    { timeout: 300_000 },
    async (kind) => {
      const device = await kinds[kind].start();
      closing.push(() => device.close());
      const running = acquire([documents('plc', kind, device.config)]);
      const last = `plc-${TAGS - 1}`;
      await until('good at first', 5_000, () => running.good(last));
      const names = Object.keys(device.losses);
      const took: number[] = [];
      let before = { sockets: 0, timers: 0, heldMiB: 0 };
      for (let round = 0; round < ROUNDS; round++) {
        const name = names[round % names.length]!;
        const comeBack = device.losses[name]!();
        await until(`${name}, bad in round ${round}`, 5_000, () => !running.good(last));
        // In every other turn of losses it stays away for longer than the longest pause between two tries.
        if (LONG && Math.floor(round / names.length) % 2 === 1) await wait(4_000);
        await comeBack();
        took.push(await until(`${name}, good in round ${round}`, 2_000, () => running.good(last)));
        if (round === (LONG ? 4 : 1)) {
          before = { sockets: count('TCPSocketWrap') + count('UDPWrap'), timers: count('Timeout'), heldMiB: heldMiB() };
        }
      }
      // A link that was given up may take a turn to close on the other side.
      await until('one link', 3_000, () => (device.links() ?? 1) === 1);
      expect(count('TCPSocketWrap') + count('UDPWrap')).toBeLessThanOrEqual(before.sockets);
      expect(count('Timeout')).toBeLessThanOrEqual(before.timers + 3);
      expect(heldMiB() - before.heldMiB, 'MiB more than after the first rounds').toBeLessThan(3);
      expect(running.errors).toEqual([]);
      figures({ rounds: ROUNDS });
      if (LONG) console.log(`${kind}: good again after ${Math.max(...took).toFixed(0)} ms at most`);
    },
  );
});

describe('connections of which most are dead', () => {
  const ALIVE = LONG ? 10 : 3;
  const DEAD = LONG ? 90 : 27;
  const SECONDS = LONG ? 20 : 3;
  const DEAD_TIMEOUT_MS = 1_500;

  it(`do not disturb the others: ${ALIVE} of ${ALIVE + DEAD}`, { timeout: 300_000 }, async () => {
    const names = Object.keys(kinds) as Kind[];
    const alive: AcquiredDocuments[] = [];
    for (let n = 0; n < ALIVE; n++) {
      const kind = names[n % names.length]!;
      const device = await kinds[kind].start();
      closing.push(() => device.close());
      alive.push(documents(`alive${n}`, kind, device.config));
    }
    const mute = await startMute();
    const hanging = { modbus: await kinds.modbus.start(), 'ethernet-ip': await kinds['ethernet-ip'].start() };
    for (const device of Object.values(hanging)) {
      closing.push(() => device.close());
      device.losses['half-open']!();
    }
    const refusing = await freePort();
    const dead: AcquiredDocuments[] = [];
    for (let n = 0; n < DEAD; n++) {
      const kind = n % 2 === 0 ? 'modbus' : 'ethernet-ip';
      const port = [refusing, mute, null][n % 3]!;
      const config = port === null ? hanging[kind].config : { host: '127.0.0.1', port, connectTimeoutMs: 1_000 };
      // Every ninth hears nothing at all.
      if (n % 9 === 8)
        dead.push(documents(`dead${n}`, 'egd', { port: await freeUdpPort(), localAddress: '127.0.0.1' }));
      else dead.push(documents(`dead${n}`, kind, config, { responseTimeoutMs: DEAD_TIMEOUT_MS }));
    }

    const ids = alive.map((_, n) => `alive${n}-0`);
    const measure = async (running: Running): Promise<{ good: number; bad: number; longestMs: number }> => {
      await until('the living are good', 10_000, () => ids.every((id) => running.good(id)));
      const seen = new Map(ids.map((id) => [running.placeOf(id), performance.now()]));
      const result = { good: 0, bad: 0, longestMs: 0 };
      running.onSample = (tag, quality) => {
        const before = seen.get(tag);
        if (before === undefined) return;
        const now = performance.now();
        result.longestMs = Math.max(result.longestMs, now - before);
        seen.set(tag, now);
        if (quality === QUALITY.good) result.good++;
        else result.bad++;
      };
      await wait(1_000 * SECONDS);
      running.onSample = null;
      return result;
    };
    const alone = acquire(alive);
    const undisturbed = await measure(alone);
    await alone.acquisition.stop();
    const all = acquire([...alive, ...dead]);
    // Long enough that every dead one has been tried and found dead.
    await wait(2_500);
    const disturbed = await measure(all);
    expect(disturbed.bad).toBe(0);
    expect(disturbed.good).toBeGreaterThan(0.8 * undisturbed.good);
    // One dead device that is waited for would show as its whole time-out; stalls of a busy machine are shorter.
    expect(disturbed.longestMs).toBeLessThan(0.7 * DEAD_TIMEOUT_MS);
    const status = all.acquisition.status();
    expect(status.filter(({ state }) => state === 'running').length).toBeGreaterThanOrEqual(ALIVE);
    for (let n = 0; n < DEAD; n++) expect(all.good(`dead${n}-0`)).toBe(false);
    expect(all.errors).toEqual([]);
    const started = performance.now();
    await all.acquisition.stop();
    expect(performance.now() - started).toBeLessThan(2_000);
    figures({ rounds: ALIVE + DEAD });
  });
});

/** A listener that accepts and never says a word. */
async function startMute(): Promise<number> {
  const sockets = new Set<{ destroy(): void }>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(
    () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  );
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
