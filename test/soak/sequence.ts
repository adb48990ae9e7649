import { isBad } from '#shared/model/index.ts';

/**
 * Follows series whose good values count up by one, so that a sample that is missing is missed. A bad sample excuses
 * the jump behind it: it says that something was not measured.
 */
export interface Sequences {
  /** In time order per tag; samples that were given before are skipped. */
  follow(tag: string, time: ArrayLike<number>, value: ArrayLike<number>, quality: ArrayLike<number>): void;
  readonly good: number;
  readonly bad: number;
  /** Good samples that must have been there. */
  readonly lost: number;
  /** The first thing that was wrong, for people. */
  readonly complaint: string | null;
}

/** `wrapsAt`: values count from 0 to this less one, and then from 0 again. */
export function createSequences(wrapsAt: number): Sequences {
  const known = new Map<string, { time: number; value: number | null; excused: boolean }>();
  let good = 0;
  let bad = 0;
  let lost = 0;
  let complaint: string | null = null;
  return {
    follow(tag, time, value, quality) {
      let state = known.get(tag);
      if (state === undefined) {
        state = { time: Number.NEGATIVE_INFINITY, value: null, excused: true };
        known.set(tag, state);
      }
      for (let row = 0; row < time.length; row++) {
        if (time[row]! <= state.time) continue;
        state.time = time[row]!;
        if (isBad(quality[row]!)) {
          bad++;
          state.excused = true;
          continue;
        }
        good++;
        const jump = state.value === null ? 1 : (value[row]! - state.value + wrapsAt) % wrapsAt;
        if (jump !== 1 && !state.excused) {
          lost += jump === 0 ? 1 : jump - 1;
          complaint ??= `${tag}: ${state.value} is followed by ${value[row]} at ${new Date(time[row]! / 1_000).toISOString()}`;
        }
        state.value = value[row]!;
        state.excused = false;
      }
    },
    get good() {
      return good;
    },
    get bad() {
      return bad;
    },
    get lost() {
      return lost;
    },
    get complaint() {
      return complaint;
    },
  };
}
