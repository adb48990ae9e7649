import dgram from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createAcquisition } from '#engine/acquisition/index.ts';
import { openStore } from '#engine/historian/index.ts';
import { createLive, createTagTable } from '#engine/live/index.ts';
import { createLogger } from '#engine/platform/index.ts';
import { egd } from '#engine/protocols/egd/index.ts';
import { watchIdleLoop } from '../pipeline/idle-loop.ts';
import type { EgdLoad } from './peer.ts';
import { context, startPeer } from './rig.ts';

const EXCHANGES = 50;
const BYTES = 1_400;
const PERIOD_MS = 10;
/** Of each exchange, besides the number of the production. */
const VALUES = 10;

/**
 * 50 exchanges of 1,400 bytes every 10 ms through driver, acquisition, live and the history. Every production brings its
 * number as a sample, so that what is missing in the file is what was lost. A bare socket with the same buffer hears the
 * same load before and after, for a tenth of the time each.
 */
export async function measureEgd(seconds: number): Promise<string[]> {
  const { clock } = context;
  const peer = await startPeer('egd');
  const port = await freeUdpPort();
  const load: EgdLoad = { port, exchanges: EXCHANGES, bytes: BYTES, periodMs: PERIOD_MS, seconds };
  const short = { ...load, seconds: Math.max(1, seconds / 10) };
  const before = await hearBare(() => peer.ask(short), port);

  const directory = mkdtempSync(join(tmpdir(), 'parx-bench-'));
  const historian = (name: string): URL => new URL(`../../src/engine/historian/${name}.ts`, import.meta.url);
  const log = createLogger((line) => {
    if (line.level === 'error' || line.level === 'warn') console.log(`${line.level}: ${line.text}`);
  });
  const { store } = await openStore(
    { path: join(directory, 'history.parx') },
    {
      clock,
      log,
      workers: {
        'historian-writer': historian('writer-worker'),
        'historian-reader': historian('reader-worker'),
        exporter: historian('reader-worker'),
      },
    },
  );
  const table = createTagTable();
  const live = createLive({ clock, table, textOf: store.textOf });
  table.watch(({ added }) =>
    store.register(
      added.map(({ index, id, name, connectionId, deviceId, recipe }) => ({
        index,
        id,
        name,
        description: '',
        connection: connectionId,
        device: deviceId,
        address: '',
        periodMs: PERIOD_MS,
        timeKind: 'receive',
        demo: false,
        decimals: null,
        range: null,
        recipe,
      })),
    ),
  );
  let delivered = 0;
  let refused = 0;
  const acquisition = createAcquisition({
    clock,
    log,
    protocols: [egd],
    table,
    intern: store.intern,
    deliver(block) {
      delivered += block.length;
      live.accept(block);
      store.append(block).catch(() => refused++);
    },
  });
  const ids = Array.from({ length: EXCHANGES }, (_, n) => `x${n + 1}`);
  acquisition.apply({
    connections: [
      {
        id: 'egd',
        name: 'egd',
        protocol: 'egd',
        enabled: true,
        demo: false,
        settings: { port, localAddress: '127.0.0.1' },
      },
    ],
    devices: ids.map((id, n) => ({
      id,
      connectionId: 'egd',
      name: id,
      enabled: true,
      settings: { producerId: '127.0.0.1', exchangeId: n + 1, dataBytes: BYTES },
    })),
    tags: ids.flatMap((id) =>
      Array.from({ length: VALUES + 1 }, (_, n) => ({
        id: `${id}-${n}`,
        deviceId: id,
        name: `${id} ${n}`,
        description: '',
        address: n === 0 ? 'request' : String(4 * n),
        type: 'uint32' as const,
        order: null,
        scaling: null,
        unit: null,
        decimals: null,
        range: null,
        periodMs: PERIOD_MS,
        timeKind: 'receive' as const,
        enabled: true,
      })),
    ),
  });
  const deadline = performance.now() + 10_000;
  while (acquisition.status()[0]?.state === 'connecting' && performance.now() < deadline) await wait(20);
  const idle = watchIdleLoop();
  const cpu = process.cpuUsage();
  const thread = process.threadCpuUsage();
  const startedDelivered = delivered;
  const started = performance.now();
  const { sent, late } = await peer.ask<{ sent: number; late: number }>(load);
  const took = (performance.now() - started) / 1_000;
  await wait(300);
  const used = process.cpuUsage(cpu);
  const own = process.threadCpuUsage(thread);
  const beside = await idle.end();
  const samples = delivered - startedDelivered;
  await acquisition.stop();

  // The history itself says what arrived: one sample of the production's number each.
  let kept = 0;
  for await (const run of store.raw(
    ids.map((id) => `${id}-0`),
    { from: 0, to: clock.now() + 1 },
    new AbortController().signal,
  )) {
    for (const series of run) for (const quality of series.quality) kept += Number(quality === 0);
  }
  const dropped = store.status().dropped;
  await store.close();
  rmSync(directory, { recursive: true });
  const after = await hearBare(() => peer.ask(short), port);
  await peer.end();

  const percent = (use: NodeJS.CpuUsage): string => ((use.user + use.system) / 1e4 / took).toFixed(0);
  console.log(
    `EGD: ${EXCHANGES} exchanges of ${BYTES} bytes, ${(sent / took).toFixed(0)} datagrams a second for ${took.toFixed(0)} s (${late} turns left out by the sender), ${(samples / took).toFixed(0)} samples a second recorded`,
  );
  console.log(
    `  sent ${sent}, in the history ${kept}, lost ${sent - kept}; dropped by the store ${dropped}, refused blocks ${refused}`,
  );
  console.log(
    `  engine thread ${percent(own)} %, all threads with the sender ${percent(used)} %; longest stall of an idle process beside ${beside.maxMs.toFixed(0)} ms`,
  );
  for (const [when, { lost, of, cpuMs, buffer }] of [
    ['before', before],
    ['after', after],
  ] as const) {
    console.log(
      `  bare socket ${when}: lost ${lost} of ${of}, ${((1_000 * cpuMs) / of).toFixed(1)} µs of its thread each, buffer ${buffer} bytes`,
    );
  }
  const lost = sent - kept;
  return lost === 0 && dropped === 0 && refused === 0 ? [] : [`EGD: ${lost} of ${sent} productions were lost.`];
}

async function freeUdpPort(): Promise<number> {
  const socket = dgram.createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

/** What a socket that only counts loses of the same load. */
async function hearBare(
  send: () => Promise<{ sent: number }>,
  port: number,
): Promise<{ lost: number; of: number; cpuMs: number; buffer: number }> {
  const socket = dgram.createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
  socket.setRecvBufferSize(4 << 20);
  const buffer = socket.getRecvBufferSize();
  let heard = 0;
  socket.on('message', () => heard++);
  const cpu = process.threadCpuUsage();
  const { sent } = await send();
  await wait(200);
  const used = process.threadCpuUsage(cpu);
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return { lost: sent - heard, of: sent, cpuMs: (used.user + used.system) / 1_000, buffer };
}
