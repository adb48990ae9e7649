/** The last measurements of something, in a ring of fixed size: adding one allocates nothing. */
export interface Measurements {
  add(value: number): void;
  /** null before the first. */
  mean(): number | null;
  /** `fraction` 0 to 1; the smallest measured value that at least this share does not exceed. null before the first. */
  percentile(fraction: number): number | null;
  clear(): void;
}

export function createMeasurements(size: number): Measurements {
  const ring = new Float64Array(size);
  let count = 0;
  let next = 0;
  return {
    add(value) {
      ring[next] = value;
      next = (next + 1) % size;
      if (count < size) count++;
    },
    mean() {
      if (count === 0) return null;
      let sum = 0;
      for (let i = 0; i < count; i++) sum += ring[i]!;
      return sum / count;
    },
    percentile(fraction) {
      if (count === 0) return null;
      const sorted = ring.slice(0, count).sort();
      return sorted[Math.max(0, Math.ceil(fraction * count) - 1)]!;
    },
    clear() {
      count = 0;
      next = 0;
    },
  };
}

/** How often something happens, from the times of its last occurrences. */
export interface RateGauge {
  mark(nowMs: number): void;
  /** Per second; falls towards zero while nothing happens; null before the second occurrence. */
  perSecond(nowMs: number): number | null;
  clear(): void;
}

export function createRateGauge(size: number): RateGauge {
  const ring = new Float64Array(size);
  let count = 0;
  let next = 0;
  return {
    mark(nowMs) {
      ring[next] = nowMs;
      next = (next + 1) % size;
      if (count < size) count++;
    },
    perSecond(nowMs) {
      if (count < 2) return null;
      const newest = ring[(next + size - 1) % size]!;
      const oldest = ring[(next + size - count) % size]!;
      const pace = (newest - oldest) / (count - 1);
      const silence = nowMs - newest;
      const span = silence > 2 * pace ? nowMs - oldest : newest - oldest;
      return span <= 0 ? null : ((count - 1) * 1000) / span;
    },
    clear() {
      count = 0;
      next = 0;
    },
  };
}
