import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { createAcquisition } from '#engine/acquisition/index.ts';
import { openStore } from '#engine/historian/index.ts';
import { createLive, createTagTable } from '#engine/live/index.ts';
import { createLogger, systemClock } from '#engine/platform/index.ts';
import type { ConnectionDocument, DeviceDocument, TagDocument } from '#shared/model/index.ts';
import { encodeFrame } from '#shared/rpc/index.ts';
import { countingDriver, createCountingPlant } from '#test/support/counting-driver.ts';
import { watchIdleLoop } from './pipeline/idle-loop.ts';

// 10,000 tags at 10 per second, and beside them one link every 10 ms, from drivers in this process, through
// acquisition, live and the recording, with one screen subscribed: 200 values in a table and 20 traces, framed as for a
// socket. What went in is counted at the driver, what came out is read back from the file, sample by sample.
// Flags: --seconds N (60), --period MS (100), --warm-up SECONDS (3; memory is level after 150, when every tag has filled
// its first chunk).

const flag = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const SECONDS = flag('seconds', 60);
const PERIOD_MS = flag('period', 100);
const LINKS = 10;
const DEVICES = 10;
const TAGS = 100;
const WARM_UP_S = flag('warm-up', 3);
/** A link of its own whose short period is kept, or not, beside all the others. */
const FAST = { id: 'fast', periodMs: 10, tags: 10 };

/** Work that has nothing to do with the program, as a measure of the machine and of what else runs on it. */
function calibrate(): number {
  const started = performance.now();
  let sum = 0;
  for (let index = 0; index < 50_000_000; index++) sum = (sum + index * 31) | 0;
  if (sum === 1) console.log('');
  return performance.now() - started;
}

function project(): { connections: ConnectionDocument[]; devices: DeviceDocument[]; tags: TagDocument[] } {
  const connections: ConnectionDocument[] = [];
  const devices: DeviceDocument[] = [];
  const tags: TagDocument[] = [];
  for (let link = 0; link < LINKS; link++) {
    const connectionId = `link-${link}`;
    connections.push({
      id: connectionId,
      name: connectionId,
      protocol: 'counting',
      enabled: true,
      demo: false,
      settings: {},
    });
    for (let device = 0; device < DEVICES; device++) {
      const deviceId = `${connectionId}-${device}`;
      devices.push({ id: deviceId, connectionId, name: deviceId, enabled: true, settings: {} });
      for (let tag = 0; tag < TAGS; tag++) {
        tags.push({
          id: `${deviceId}-${tag}`,
          deviceId,
          name: `${deviceId} ${tag}`,
          description: '',
          address: 'count',
          type: 'float64',
          order: null,
          scaling: null,
          unit: null,
          decimals: null,
          range: null,
          periodMs: PERIOD_MS,
          timeKind: 'receive',
          enabled: true,
        });
      }
    }
  }
  return { connections, devices, tags };
}

const directory = mkdtempSync(join(tmpdir(), 'parx-bench-'));
const clock = systemClock();
const log = createLogger((line) => {
  if (line.level === 'error' || line.level === 'warn') console.log(`${line.level}: ${line.text}`);
});
const historian = (name: string): URL => new URL(`../src/engine/historian/${name}.ts`, import.meta.url);
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
const plant = createCountingPlant();
const { counts } = plant;
let delivered = 0;
let blocks = 0;
let refused = 0;
let liveMs = 0;
const acquisition = createAcquisition({
  clock,
  log,
  protocols: [countingDriver(plant)],
  table,
  intern: store.intern,
  deliver(block) {
    delivered += block.length;
    blocks++;
    const started = performance.now();
    live.accept(block);
    liveMs += performance.now() - started;
    store.append(block).catch((error: unknown) => {
      refused++;
      if (refused === 1) console.log(`append: ${String(error)}`);
    });
  },
});

const stop = new AbortController();
const { connections, devices, tags } = project();
const screen = { items: 0, bytes: 0, rows: 0, dropped: 0 };
const shown = tags.filter((_, i) => i % 50 === 0).map(({ id }) => id);
const traced = tags.filter((_, i) => i % 500 === 0).map(({ id }) => id);

async function watchValues(): Promise<void> {
  for await (const item of live.values({ tagIds: shown, maxHz: 20 }, stop.signal)) {
    screen.items++;
    screen.bytes += encodeFrame(item).byteLength;
  }
}
async function watchRows(): Promise<void> {
  for await (const item of live.rows({ tagIds: traced, maxHz: 20 }, stop.signal)) {
    screen.items++;
    screen.rows += item.position.length;
    screen.dropped += item.dropped;
    screen.bytes += encodeFrame(item).byteLength;
  }
}

console.log(
  `calibration loop ${calibrate().toFixed(0)} ms; ${tags.length} tags every ${PERIOD_MS} ms over ${LINKS} links, ${SECONDS} s`,
);
const watching = Promise.all([watchValues(), watchRows()]);
const [connection, device, tag] = [connections[0]!, devices[0]!, tags[0]!];
acquisition.apply({
  connections: [...connections, { ...connection, id: FAST.id, name: FAST.id }],
  devices: [...devices, { ...device, id: FAST.id, connectionId: FAST.id, name: FAST.id }],
  tags: [
    ...tags,
    ...Array.from({ length: FAST.tags }, (_, index) => ({
      ...tag,
      id: `${FAST.id}-${index}`,
      name: `${FAST.id} ${index}`,
      deviceId: FAST.id,
      periodMs: FAST.periodMs,
    })),
  ],
});
await wait(WARM_UP_S * 1_000);

const delay = monitorEventLoopDelay({ resolution: 1 });
/** Resident, and what of it JavaScript and its buffers hold; a forced collection would itself stall, so none is made. */
const memory: { readonly resident: number; readonly held: number }[] = [];
const measureMemory = (): void => {
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  memory.push({ resident: rss / 2 ** 20, held: (heapUsed + arrayBuffers) / 2 ** 20 });
};
const smallest = (part: typeof memory): string =>
  `${Math.min(...part.map(({ held }) => held)).toFixed(0)} held, ${Math.min(...part.map(({ resident }) => resident)).toFixed(0)} resident`;
globalThis.gc?.();
const idle = watchIdleLoop();
await wait(500);
delay.enable();
const fastGroup = () => acquisition.status().find(({ connectionId }) => connectionId === FAST.id)?.groups[0];
const from = {
  fast: counts.get(FAST.id) ?? 0,
  missed: fastGroup()?.overruns ?? 0,
  delivered,
  blocks,
  liveMs,
  cpu: process.cpuUsage(),
  at: performance.now(),
};
for (let second = 0; second < SECONDS; second++) {
  await wait(1_000);
  measureMemory();
}
delay.disable();
const beside = await idle.end();
const seconds = (performance.now() - from.at) / 1000;
const cpu = process.cpuUsage(from.cpu);
const status = acquisition.status();
const groups = status.flatMap((link) => (link.connectionId === FAST.id ? [] : link.groups));
const fast = {
  share: (((counts.get(FAST.id) ?? 0) - from.fast) * FAST.periodMs) / 10 / seconds,
  missed: (fastGroup()?.overruns ?? 0) - from.missed,
  lateMs: fastGroup()?.jitterP99Ms ?? Number.NaN,
};
await acquisition.stop();
stop.abort();
await watching;

const polled = devices.reduce((sum, { id }) => sum + (counts.get(id) ?? 0), 0) * TAGS;
const range = { from: 0, to: clock.now() + 1 };
let lost = 0;
let readBack = 0;
const ids = tags.map(({ id }) => id);
for (let at = 0; at < ids.length; at += 500) {
  const part = ids.slice(at, at + 500);
  const next = new Map<string, number>();
  for await (const run of store.raw(part, range, new AbortController().signal)) {
    for (const series of run) {
      for (let i = 0; i < series.value.length; i++) {
        if (series.quality[i] !== 0) continue;
        const expected = next.get(series.tag) ?? 0;
        readBack++;
        lost += series.value[i]! - expected;
        next.set(series.tag, series.value[i]! + 1);
      }
    }
  }
  for (const [i, id] of part.entries()) {
    lost += (counts.get(devices[Math.floor((at + i) / TAGS)]?.id ?? '') ?? 0) - (next.get(id) ?? 0);
  }
}
const stored = store.status();
await store.close();
rmSync(directory, { recursive: true });

const overruns = groups.reduce((sum, group) => sum + group.overruns, 0);
const rows: readonly (readonly [string, string])[] = [
  ['samples per second', ((delivered - from.delivered) / seconds).toFixed(0)],
  ['samples read at the drivers', String(polled)],
  ['samples read back from the file', String(readBack)],
  ['samples lost on the way', String(lost)],
  ['dropped by the store, refused blocks', `${stored.dropped}, ${refused}`],
  ['overruns of the schedule', String(overruns)],
  ['poll start p99 after its tick', `${Math.max(...groups.map((group) => group.jitterP99Ms ?? 0)).toFixed(2)} ms`],
  [
    'polls per second and group, mean',
    (groups.reduce((sum, group) => sum + (group.actualHz ?? 0), 0) / groups.length).toFixed(3),
  ],
  [
    'event loop stall p99, idle process beside',
    `${(delay.percentile(99) / 1e6).toFixed(1)} ms, ${beside.p99Ms.toFixed(1)} ms`,
  ],
  ['event loop stall max, idle process beside', `${(delay.max / 1e6).toFixed(1)} ms, ${beside.maxMs.toFixed(1)} ms`],
  [
    `every ${FAST.periodMs} ms beside: due, missed, p99`,
    `${fast.share.toFixed(1)} %, ${fast.missed}, ${fast.lateMs.toFixed(2)} ms`,
  ],
  ['live per 1,000 samples', `${((1000 * (liveMs - from.liveMs)) / (delivered - from.delivered)).toFixed(3)} ms`],
  ['blocks per second', ((blocks - from.blocks) / seconds).toFixed(0)],
  ['processor, all threads', `${((cpu.user + cpu.system) / 1e4 / seconds).toFixed(0)} %`],
  [
    'screen items per second, KiB per second',
    `${(screen.items / seconds).toFixed(1)}, ${(screen.bytes / 1024 / seconds).toFixed(0)}`,
  ],
  ['screen rows, dropped', `${screen.rows}, ${screen.dropped}`],
  ['memory, least of first third, MiB', smallest(memory.slice(0, Math.ceil(memory.length / 3)))],
  ['memory, least of last third, MiB', smallest(memory.slice(-Math.ceil(memory.length / 3)))],
  [
    'file',
    `${(stored.bytes / 2 ** 20).toFixed(1)} MiB, ${(stored.bytes / Math.max(1, readBack)).toFixed(2)} bytes a sample`,
  ],
];
for (const [name, value] of rows) console.log(`${name.padEnd(44)}${value}`);
if (lost !== 0 || stored.dropped > 0 || refused > 0 || screen.dropped > 0) {
  console.log('FAILED: samples were lost.');
  process.exitCode = 1;
}
