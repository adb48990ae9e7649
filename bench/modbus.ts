import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import ModbusRTU from 'modbus-serial';
import { createLogger, systemClock, systemNetwork } from '#engine/platform/index.ts';
import type { PollConnection, SampleSink, TagBinding } from '#engine/protocols/index.ts';
import { createBlockDecoder, planTag } from '#engine/protocols/modbus/decode.ts';
import { modbus } from '#engine/protocols/modbus/index.ts';

// 1,000 registers spread over a device in several ways: requests per poll against the theoretical minimum and against
// what is counted on the wire; time per poll against bare modbus-serial with the same requests, turn about, in this run.

const POLLS = 200;
const clock = systemClock();
const signal = new AbortController().signal;

interface Layout {
  readonly name: string;
  readonly offsets: readonly number[];
  readonly settings: object;
}

/** Repeatable numbers from 0 up to but not including 1. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
function spread(places: number, seed: number): number[] {
  const random = randomFrom(seed);
  const chosen = new Set<number>();
  while (chosen.size < 1000) chosen.add(Math.floor(random() * places));
  return [...chosen].sort((a, b) => a - b);
}
const clusters = Array.from({ length: 1000 }, (_, index) => Math.floor(index / 50) * 3000 + (index % 50));
const layouts: readonly Layout[] = [
  { name: 'side by side', offsets: Array.from({ length: 1000 }, (_, index) => index), settings: {} },
  { name: '20 groups of 50', offsets: clusters, settings: {} },
  { name: 'anywhere in 10,000', offsets: spread(10_000, 1), settings: {} },
  { name: 'anywhere in 65,536', offsets: spread(65_536, 2), settings: {} },
  { name: 'same, at most 32 a request', offsets: spread(65_536, 2), settings: { maxRegisters: 32 } },
  { name: 'same, no gaps', offsets: spread(65_536, 2), settings: { maxGapRegisters: 0 } },
  { name: 'in 10,000, a range forbidden', offsets: spread(10_000, 3), settings: { forbidden: ['400501-400600'] } },
];

/** By trying every way to end a request, not by the planner's argument. */
function fewest(offsets: readonly number[], max: number, gap: number, forbidden: (offset: number) => boolean): number {
  const wanted = offsets.filter((offset) => !forbidden(offset));
  const best = new Array<number>(wanted.length + 1).fill(Number.POSITIVE_INFINITY);
  best[0] = 0;
  for (let end = 1; end <= wanted.length; end++) {
    for (let start = end; start >= 1; start--) {
      const from = wanted[start - 1]!;
      if (wanted[end - 1]! - from >= max) break;
      if (start < end && (wanted[start]! - from > gap + 1 || between(from, wanted[start]!, forbidden))) break;
      best[end] = Math.min(best[end]!, best[start - 1]! + 1);
    }
  }
  return best[wanted.length]!;
}
function between(from: number, to: number, forbidden: (offset: number) => boolean): boolean {
  for (let offset = from; offset <= to; offset++) if (forbidden(offset)) return true;
  return false;
}

function bind(offsets: readonly number[], device: ReturnType<typeof modbus.device.parse>): TagBinding<never>[] {
  return offsets.map((offset, index) => {
    const { address } = modbus.parseAddress(`h${offset}`, device);
    const recipe = modbus.recipe({ type: 'uint16', order: null, scaling: null, unit: null }, address, device);
    return { index, address, recipe } as TagBinding<never>;
  });
}

const quantile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;
const ms = (value: number): string => value.toFixed(2).padStart(8);

/** Work that has nothing to do with the program, as a measure of the machine and of what else runs on it. */
function calibrate(): number {
  const started = performance.now();
  let sum = 0;
  for (let index = 0; index < 50_000_000; index++) sum = (sum + index * 31) | 0;
  if (sum === 1) console.log('');
  return performance.now() - started;
}

const worker = new Worker(new URL('./modbus/device.ts', import.meta.url));
const ask = async <T>(message: string): Promise<T> => {
  worker.postMessage(message);
  const [answer] = await once(worker, 'message');
  return answer as T;
};
const [{ port }] = (await once(worker, 'message')) as [{ port: number }];

const column = new Float64Array(1000);
const sink: SampleSink = {
  push(tag, _time, value) {
    column[tag] = value;
  },
  push64() {},
  pushText() {},
};

console.log(
  `calibration loop ${calibrate().toFixed(0)} ms; ${POLLS} polls each, loopback, simulator in its own thread`,
);
console.log(
  'layout                          requests  fewest  wire   driver p50  p99 ms   bare p50  p99 ms   ratio  wrong values',
);
let failed = false;
for (const layout of layouts) {
  const device = modbus.device.parse({ responseTimeoutMs: 5000, ...layout.settings });
  const connection: PollConnection = (await modbus.connect(
    modbus.config.parse({ host: '127.0.0.1', port }),
    new Map([['d', device]]),
    { log: createLogger(() => {}), clock, network: systemNetwork, trace: null },
    signal,
  )) as PollConnection;
  const plan = connection.plan('d', bind(layout.offsets, device));
  const isForbidden = (offset: number): boolean => device.forbidden.length > 0 && offset >= 500 && offset < 600;
  const least = fewest(layout.offsets, device.maxRegisters, device.maxGapRegisters, isForbidden);

  // The same requests, as the library alone would send them, its answers put into the same column.
  const bare = new ModbusRTU();
  await bare.connectTCP('127.0.0.1', { port });
  bare.setID(1);
  bare.setTimeout(5000);
  const blocks = blocksOf(layout, device, isForbidden);
  const pollBare = async (): Promise<void> => {
    for (const block of blocks) {
      const { buffer } = await bare.readHoldingRegisters(block.offset, block.count);
      for (const place of block.places) column[place.index] = buffer.readUInt16BE(2 * (place.offset - block.offset));
    }
  };

  for (let turn = 0; turn < 20; turn++) {
    await connection.poll(plan, sink, signal);
    await pollBare();
  }
  await ask('clear');
  await connection.poll(plan, sink, signal);
  const wire = (await ask<{ requests: number }>('count')).requests;
  const wrong = layout.offsets.filter(
    (offset, index) => !isForbidden(offset) && column[index] !== ((offset * 31) & 0xffff),
  ).length;
  const driverMs: number[] = [];
  const bareMs: number[] = [];
  for (let turn = 0; turn < POLLS; turn++) {
    let started = performance.now();
    await connection.poll(plan, sink, signal);
    driverMs.push(performance.now() - started);
    started = performance.now();
    await pollBare();
    bareMs.push(performance.now() - started);
  }
  const ratio = quantile(driverMs, 0.5) / quantile(bareMs, 0.5);
  console.log(
    `${layout.name.padEnd(32)}${String(plan.requests).padStart(7)} ${String(least).padStart(7)} ${String(wire).padStart(5)}  ${ms(quantile(driverMs, 0.5))} ${ms(quantile(driverMs, 0.99))}    ${ms(quantile(bareMs, 0.5))} ${ms(quantile(bareMs, 0.99))} ${ratio.toFixed(2).padStart(7)} ${String(wrong).padStart(8)}`,
  );
  if (plan.requests !== least || wire !== least || wrong > 0) failed = true;
  await connection.close();
  await new Promise<void>((resolve) => bare.close(() => resolve()));
}
measureDecoding();
await worker.terminate();
if (failed) {
  console.log('FAILED: more requests than the theoretical minimum, or wrong values.');
  process.exitCode = 1;
}

function blocksOf(
  layout: Layout,
  device: ReturnType<typeof modbus.device.parse>,
  isForbidden: (offset: number) => boolean,
): { offset: number; count: number; places: { offset: number; index: number }[] }[] {
  const blocks: { offset: number; count: number; places: { offset: number; index: number }[] }[] = [];
  layout.offsets.forEach((offset, index) => {
    if (isForbidden(offset)) return;
    const last = blocks.at(-1);
    const end = last === undefined ? 0 : last.offset + last.count;
    if (
      last !== undefined &&
      offset - last.offset < device.maxRegisters &&
      offset - end <= device.maxGapRegisters &&
      !between(last.offset, offset, isForbidden)
    ) {
      last.count = offset - last.offset + 1;
      last.places.push({ offset, index });
    } else {
      blocks.push({ offset, count: 1, places: [{ offset, index }] });
    }
  });
  return blocks;
}

/** Time and memory per sample of what runs between an answer and the sink. */
function measureDecoding(): void {
  const device = modbus.sample.device;
  const tags = bind(
    Array.from({ length: 125 }, (_, index) => index),
    device,
  ).map((binding, item) => planTag(binding, item));
  const decode = createBlockDecoder({ offset: 0, count: 125, spans: tags }, tags);
  const bytes = new Uint8Array(250).map((_, index) => index);
  const time = clock.now();
  for (let turn = 0; turn < 20_000; turn++) decode(bytes, time, sink);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const started = performance.now();
  const turns = 80_000;
  for (let turn = 0; turn < turns; turn++) decode(bytes, time, sink);
  const took = performance.now() - started;
  const heap = process.memoryUsage().heapUsed - before;
  console.log(
    `decoding: ${((turns * 125) / took / 1000).toFixed(0)} million samples/s, ${(heap / (turns * 125)).toFixed(4)} bytes of heap per sample`,
  );
}
