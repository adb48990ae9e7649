import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What a long run looks like from outside, taken again and again. Bytes, milliseconds. */
export interface Look {
  readonly at: number;
  /** What this thread's JavaScript holds after a collection, buffers included. */
  readonly held: number;
  /** The whole process, worker threads included. */
  readonly resident: number;
  /** 99th percentile of the event loop's delay since the look before. */
  readonly stallP99: number;
  readonly stallMax: number;
}

export interface Watch {
  look(): Look;
  readonly looks: readonly Look[];
  /** Medians of the looks from one share of the run to another, 0 to 1. */
  between(from: number, to: number): Look;
  end(): void;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

export function watchProcess(): Watch {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const looks: Look[] = [];
  return {
    looks,
    look() {
      // The collection below is a stall of the test's own making: the figures are taken before it.
      const [stallP99, stallMax] = [delay.percentile(99) / 1e6, delay.max / 1e6];
      delay.disable();
      collect();
      const { heapUsed, external, rss } = process.memoryUsage();
      const taken = { at: performance.now(), held: heapUsed + external, resident: rss, stallP99, stallMax };
      looks.push(taken);
      delay.reset();
      delay.enable();
      return taken;
    },
    between(from, to) {
      const part = looks.slice(Math.floor(looks.length * from), Math.ceil(looks.length * to));
      const of = (name: keyof Look): number => median(part.map((one) => one[name]));
      return {
        at: of('at'),
        held: of('held'),
        resident: of('resident'),
        stallP99: of('stallP99'),
        stallMax: of('stallMax'),
      };
    },
    end: () => delay.disable(),
  };
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

export const mebibytes = (bytes: number): number => Math.round(bytes / 1024 ** 2);

/** Files, sockets and pipes that the process holds; null where the system does not tell. */
export function openDescriptors(): number | null {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : null;
}
