import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { createLogger, systemClock, systemNetwork } from '#engine/platform/index.ts';
import type { DriverContext, SampleSink } from '#engine/protocols/index.ts';
import type { PeerKind } from './peer.ts';

export const signal = new AbortController().signal;
export const context: DriverContext = {
  log: createLogger(() => {}),
  clock: systemClock(),
  network: systemNetwork,
  trace: null,
};

/** A simulated peer in its own thread. */
export interface Peer {
  readonly port: number;
  ask<T>(message: unknown): Promise<T>;
  end(): Promise<unknown>;
}
export async function startPeer(kind: PeerKind, tags = 0): Promise<Peer> {
  const worker = new Worker(new URL('./peer.ts', import.meta.url), { workerData: { kind, tags } });
  const [port] = (await once(worker, 'message')) as [number];
  return {
    port,
    async ask<T>(message: unknown) {
      worker.postMessage(message);
      const [answer] = await once(worker, 'message');
      return answer as T;
    },
    end: () => worker.terminate(),
  };
}

/** Values by tag, as cheap as a sink can be. */
export function columnSink(length: number): { readonly column: Float64Array; readonly sink: SampleSink } {
  const column = new Float64Array(length);
  return {
    column,
    sink: {
      push(tag, _time, value) {
        column[tag] = value;
      },
      push64() {},
      pushText() {},
    },
  };
}

/** Time and processor time of one side of a comparison, this thread alone. */
export interface Side {
  readonly ms: number[];
  readonly cpuMs: number[];
}
export const createSide = (): Side => ({ ms: [], cpuMs: [] });

/** One round of one side: so many polls, as time per poll. */
export async function round(side: Side, polls: number, poll: () => Promise<void>): Promise<void> {
  const cpu = process.threadCpuUsage();
  const started = performance.now();
  for (let n = 0; n < polls; n++) await poll();
  side.ms.push((performance.now() - started) / polls);
  const used = process.threadCpuUsage(cpu);
  side.cpuMs.push((used.user + used.system) / 1_000 / polls);
}

export const quantile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;

/** Ours beside the bare one, round by round: the median of the ratios is less disturbed by what else runs. */
export function compare(ours: Side, bare: Side): { time: number; cpu: number; text: string } {
  const ratios = (a: readonly number[], b: readonly number[]): number =>
    quantile(
      a.map((value, i) => value / b[i]!),
      0.5,
    );
  const time = ratios(ours.ms, bare.ms);
  const cpu = ratios(ours.cpuMs, bare.cpuMs);
  const two = (a: number, b: number): string => `${a.toFixed(3)} ms, ${b.toFixed(3)} ms`;
  return {
    time,
    cpu,
    text: `time per poll ${two(quantile(ours.ms, 0.5), quantile(bare.ms, 0.5))}: ratio ${time.toFixed(3)}; processor ${two(quantile(ours.cpuMs, 0.5), quantile(bare.cpuMs, 0.5))}: ratio ${cpu.toFixed(3)}`,
  };
}
