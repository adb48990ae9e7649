/** A small repeatable source of chance: the same seed gives the same series on every machine. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** Normally distributed, mean 0, deviation 1. */
  normal(): number;
}

/**
 * A 32-bit multiply-and-rotate generator over two words. Its quality is ample for process noise and its state is small
 * enough that a model can own several independent ones.
 */
export function createRandom(seed: number): Random {
  let a = (seed | 0) ^ 0x51f15eed;
  let b = Math.imul(seed | 0, 0x2c9277b5) ^ 0x3c6ef35f;
  const word = (): number => {
    a = (a + 0x6d2b79f5) | 0;
    let mixed = Math.imul(a ^ (a >>> 16), 0x45d9f3b3);
    b = (Math.imul(b, 0x19660d) + 0x3c6ef35f) | 0;
    mixed = Math.imul(mixed ^ (mixed >>> 13) ^ b, 0x2c1b3c6d);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  for (let i = 0; i < 8; i++) word();
  const next = (): number => word() / 4_294_967_296;
  let spare: number | null = null;
  return {
    next,
    between: (low, high) => low + (high - low) * next(),
    normal() {
      if (spare !== null) {
        const kept = spare;
        spare = null;
        return kept;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - next()));
      const angle = 2 * Math.PI * next();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
  };
}

/** Noise with a memory: wanders around 0 with deviation `sigma` and forgets over `tauS` seconds. */
export interface Drift {
  step(dtS: number): number;
}

export function createDrift(random: Random, sigma: number, tauS: number): Drift {
  let value = sigma * random.normal();
  return {
    step(dtS) {
      const keep = Math.exp(-dtS / tauS);
      value = value * keep + sigma * Math.sqrt(1 - keep * keep) * random.normal();
      return value;
    },
  };
}
