import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createAcquisition } from '#engine/acquisition/index.ts';
import { createLive, createTagTable } from '#engine/live/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import { protocols } from '#engine/protocols/index.ts';
import { QUALITY } from '#shared/model/index.ts';
import { startEgdProducer } from '#simulators/egd/index.ts';
import { createTagMemory, startEipSimulator } from '#simulators/ethernet-ip/index.ts';
import { createRegisterImage, startModbusSimulator } from '#simulators/modbus/index.ts';
import { makeConnection, makeDevice, makeTag } from '#test/support/documents.ts';

/**
 * Acquisition and a device in network namespaces of their own, with a cable between them. The device loses its address
 * and gets it back: to acquisition the peer is gone without a word, as behind a switch whose other cable is pulled. The
 * parent runs this in a namespace that may be changed; it prints what it has measured as JSON.
 */
const OWN = '10.99.0.1';
const MOVED = '10.99.0.3';
const PEER = '10.99.0.2';
const GROUP = '224.0.7.1';
const PORT = 15_000;
const PERIOD_MS = 100;
const TIMEOUT_MS = 500;
/** As figures.ts has it, which needs the test runner. */
const LONG = process.env.PARX_LONG === '1';
const ip = (...args: readonly string[]): void =>
  void execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });

export interface HalfOpenResult {
  /** From the moment the device was gone to the first bad value, and from its return to the next good one. */
  readonly badAfterMs: number;
  readonly goodAfterMs: number;
  readonly message: string;
  readonly state: string;
  readonly sockets: number;
}

const parts = {
  modbus: {
    settings: { host: PEER, port: PORT },
    device: { unitId: 1, responseTimeoutMs: TIMEOUT_MS },
    address: '400001',
    type: 'uint16',
    start: () =>
      startModbusSimulator({ host: PEER, port: PORT, units: { 1: createRegisterImage({ everything: true }) } }),
  },
  'ethernet-ip': {
    settings: { host: PEER, port: PORT },
    device: { route: '1,0', responseTimeoutMs: TIMEOUT_MS },
    address: 'Speed',
    type: 'int32',
    start: () => {
      const memory = createTagMemory();
      memory.define('Speed', 'DINT');
      return startEipSimulator({ host: PEER, port: PORT, memory });
    },
  },
  'egd-group': {
    settings: { port: PORT, localAddress: OWN, groups: [GROUP] },
    device: { producerId: PEER, exchangeId: 1, timeoutMs: TIMEOUT_MS },
    address: '0',
    type: 'uint32',
    start: () =>
      startEgdProducer({
        producerId: PEER,
        host: GROUP,
        port: PORT,
        adapter: PEER,
        exchanges: [{ id: 1, periodMs: PERIOD_MS, data: Buffer.alloc(4) }],
      }),
  },
  egd: {
    settings: { port: PORT, localAddress: OWN },
    device: { producerId: PEER, exchangeId: 1, timeoutMs: TIMEOUT_MS },
    address: '0',
    type: 'uint32',
    start: () =>
      startEgdProducer({
        producerId: PEER,
        host: OWN,
        port: PORT,
        adapter: '0.0.0.0',
        exchanges: [{ id: 1, periodMs: PERIOD_MS, data: Buffer.alloc(4) }],
      }),
  },
} as const;
export type HalfOpenKind = keyof typeof parts;

const [role = '', given = ''] = process.argv.slice(2);
const kind = given as HalfOpenKind;
if (role === 'device') await beDevice();
else await beAcquisition();

/** Answers each line when it is done. */
async function beDevice(): Promise<void> {
  let running: { close(): Promise<void> } | null = null;
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  say('here');
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'start') {
      ip('link', 'set', 'lo', 'up');
      ip('addr', 'add', `${PEER}/24`, 'dev', 'v1');
      ip('link', 'set', 'v1', 'up');
      running = await parts[kind].start();
    } else if (line === 'cut') ip('addr', 'flush', 'dev', 'v1');
    else if (line === 'back') ip('addr', 'add', `${PEER}/24`, 'dev', 'v1');
    else if (line === 'new') {
      // As after a power cut: it knows none of its connections any more.
      await running?.close();
      ip('addr', 'add', `${PEER}/24`, 'dev', 'v1');
      ip('link', 'set', 'v1', 'up');
      running = await parts[kind].start();
    }
    say(line);
  }
  await running?.close();
}

async function beAcquisition(): Promise<void> {
  ip('link', 'set', 'lo', 'up');
  const device = spawn('unshare', ['--net', process.execPath, fileURLToPath(import.meta.url), 'device', kind], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const tell = teller(device);
  await tell(null);
  const plugIn = (): void => {
    ip('link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1');
    ip('link', 'set', 'v1', 'netns', String(device.pid));
    ip('addr', 'add', `${OWN}/24`, 'dev', 'v0');
    ip('link', 'set', 'v0', 'up');
  };
  plugIn();
  await tell('start');

  const clock = systemClock();
  const table = createTagTable();
  const live = createLive({ clock, table, textOf: () => '' });
  const acquisition = createAcquisition({
    clock,
    log: createLogger(() => undefined),
    protocols,
    table,
    intern: () => 0,
    deliver: (block) => live.accept(block),
  });
  const { settings, device: deviceSettings, address, type } = parts[kind];
  acquisition.apply({
    connections: [
      makeConnection({ id: 'c', protocol: kind === 'egd-group' ? 'egd' : kind, settings: { ...settings } }),
    ],
    devices: [makeDevice({ id: 'd', connectionId: 'c', settings: { ...deviceSettings } })],
    tags: [makeTag({ id: 't', deviceId: 'd', address, type, periodMs: PERIOD_MS })],
  });
  const good = (): boolean => live.latest('t')?.quality === QUALITY.good;
  const until = async (what: string, done: () => boolean): Promise<number> => {
    const started = performance.now();
    while (!done()) {
      if (performance.now() - started > 15_000) throw new Error(`${what}: not within 15 s.`);
      await wait(5);
    }
    return performance.now() - started;
  };
  const results: HalfOpenResult[] = [];
  const note = async (result: Omit<HalfOpenResult, 'sockets'>): Promise<void> => {
    const sockets = process.getActiveResourcesInfo().filter((one) => /^(TCPSocket|UDP)Wrap$/.test(one)).length;
    results.push({ ...result, sockets });
    // Long enough to be sure that it stays so.
    await wait(500);
    if (!good()) throw new Error('It did not stay good.');
  };
  await until('good at first', good);
  if (kind === 'egd-group') await unplug();
  else await cut();
  process.stdout.write(`${JSON.stringify(results)}\n`);
  await acquisition.stop();
  device.removeAllListeners('exit');
  device.kill('SIGKILL');

  async function cut(): Promise<void> {
    const short = [
      ['back', 0],
      ['new', 3_000],
    ] as const;
    for (const [way, awayMs] of LONG ? ([...short, ['back', 7_000], ['new', 12_000]] as const) : short) {
      const [badAfterMs] = await Promise.all([until('bad', () => !good()), tell('cut')]);
      await wait(awayMs);
      const started = performance.now();
      const { state, message } = acquisition.status()[0]!;
      await Promise.all([tell(way), until(`good after ${way}`, good)]);
      await note({ badAfterMs, goodAfterMs: performance.now() - started, state, message: message ?? '' });
    }
    if (kind === 'egd') return;
    // This computer gets another address: what is open on the old one is dead, and nobody says so.
    ip('addr', 'flush', 'dev', 'v0');
    ip('addr', 'add', `${MOVED}/24`, 'dev', 'v0');
    const badAfterMs = await until('bad after the move', () => !good());
    const { state, message } = acquisition.status()[0]!;
    await note({ badAfterMs, goodAfterMs: await until('good after the move', good), state, message: message ?? '' });
  }

  /** An adapter takes what was joined on it along: it is plugged in again at once, and after a while. */
  async function unplug(): Promise<void> {
    for (const awayMs of [0, 3_000]) {
      ip('link', 'del', 'v0');
      if (awayMs === 0) plugIn();
      const badAfterMs = await until('bad without the adapter', () => !good());
      await wait(awayMs);
      const { state, message } = acquisition.status()[0]!;
      if (awayMs > 0) plugIn();
      const started = performance.now();
      await Promise.all([tell('new'), until('good with the adapter', good)]);
      await note({ badAfterMs, goodAfterMs: performance.now() - started, state, message: message ?? '' });
    }
  }
}

/** Sends a line to the device and waits for its answer; null only waits. */
function teller(device: ChildProcess): (line: string | null) => Promise<void> {
  const lines: string[] = [];
  let wake: (() => void) | null = null;
  createInterface({ input: device.stdout! }).on('line', (line) => {
    lines.push(line);
    wake?.();
  });
  device.once('exit', () => process.exit(1));
  return async (line) => {
    if (line !== null) device.stdin!.write(`${line}\n`);
    while (lines.shift() === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
}
