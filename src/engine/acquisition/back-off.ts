/** Pauses between attempts: each twice the one before, up to a limit, spread at random so that links don't march in step. */
export interface BackOff {
  /** The next pause as it is told to people, and as it is kept. */
  next(): { readonly nominalMs: number; readonly pauseMs: number };
  reset(): void;
}

export interface BackOffLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

/** `random` gives 0 up to but not including 1. Pauses are 0.8 to 1.2 times the nominal one, never above `maxMs`. */
export function createBackOff({ minMs, maxMs }: BackOffLimits, random: () => number): BackOff {
  let step = 0;
  return {
    next() {
      const nominalMs = Math.min(maxMs, minMs * 2 ** Math.min(step++, 30));
      return { nominalMs, pauseMs: Math.min(maxMs, nominalMs * (0.8 + 0.4 * random())) };
    },
    reset() {
      step = 0;
    },
  };
}
