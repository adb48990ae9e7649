/** Seconds over which a new rate replaces the old one; blobs are written in bursts. */
const SETTLE_S = 30;

/**
 * Time left on the disk from a rate that jumps: an estimate that a person can read must not change by half each
 * second. What is averaged is the rate at which the time is used up, so that a long pause does not count for ever.
 */
export function createSteadyTimeLeft(): (secondsLeft: number | null, nowMs: number) => number | null {
  let rate: number | null = null;
  let at = 0;
  return (secondsLeft, nowMs) => {
    // Nothing is written at the moment: what was known before still says how long it would last.
    if (secondsLeft === null || secondsLeft <= 0) {
      if (secondsLeft === null) return rate === null ? null : Math.round(1 / rate);
      rate = null;
      return secondsLeft;
    }
    const fresh = 1 / secondsLeft;
    const weight = rate === null ? 1 : 1 - Math.exp(-Math.max(0, nowMs - at) / (SETTLE_S * 1000));
    rate = rate === null ? fresh : rate + (fresh - rate) * weight;
    at = nowMs;
    return Math.round(1 / rate);
  };
}
