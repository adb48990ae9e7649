import { createLogger, type Logger, systemClock, systemNetwork } from '#engine/platform/index.ts';
import type { DriverContext, SampleSink } from '#engine/protocols/index.ts';
import type { Quality, UnixMicros } from '#shared/model/index.ts';

/** One sample as a driver pushed it; `value` is the stored form: a number, 64 bits, or a text. */
export interface Pushed {
  readonly tag: number;
  readonly time: UnixMicros;
  readonly value: number | bigint | string;
  readonly quality: Quality;
}

/** A sink that keeps what it is given, in order. */
export interface SampleCollector extends SampleSink {
  readonly samples: readonly Pushed[];
  clear(): void;
  /** The only sample of a tag; throws where it got none or several. */
  one(tag: number): Pushed;
}

export function createCollector(): SampleCollector {
  let samples: Pushed[] = [];
  return {
    get samples() {
      return samples;
    },
    push: (tag, time, value, quality) => void samples.push({ tag, time, value, quality }),
    push64: (tag, time, high, low, quality) =>
      void samples.push({ tag, time, value: (BigInt(high) << 32n) | BigInt(low), quality }),
    pushText: (tag, time, value, quality) => void samples.push({ tag, time, value, quality }),
    clear() {
      samples = [];
    },
    one(tag) {
      const found = samples.filter((sample) => sample.tag === tag);
      if (found.length !== 1 || found[0] === undefined) throw new Error(`Tag ${tag} got ${found.length} samples.`);
      return found[0];
    },
  };
}

/** What a driver is given in tests: the real clock unless told otherwise, and a log that is kept as texts. */
export function createDriverContext(
  change: Partial<DriverContext> = {},
): DriverContext & { readonly lines: readonly string[] } {
  const lines: string[] = [];
  const log: Logger = createLogger((line) => lines.push(line.text), 'driver');
  return { log, clock: systemClock(), network: systemNetwork, trace: null, ...change, lines };
}
