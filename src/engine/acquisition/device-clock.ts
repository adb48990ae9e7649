import type { UnixMicros } from '#shared/model/index.ts';
import { durationText } from './sentences.ts';

/** How a device's clock stands to this computer's, from the times of its samples and of their receipt. */
export interface DeviceClock {
  /** The device dated something `time` that came at `received`. */
  note(time: UnixMicros, received: UnixMicros): void;
  /** Milliseconds that it is ahead, negative: behind; null while it dates nothing. */
  aheadMs(): number | null;
  /** Milliseconds that it gains a day, negative: loses; null until it was watched for ten minutes. */
  gainPerDayMs(): number | null;
}

const SECOND = 1_000_000;
/** What comes was under way for a while, so of the offsets of such a time the largest is the nearest to the truth. */
const WINDOW = 10 * SECOND;
/** Windows whose offset is kept for the drift: one a minute, an hour long. */
const MINUTE = 60 * SECOND;
const MOST_POINTS = 60;
const LEAST_SPAN = 10 * MINUTE;
/** One of the clocks was set: what was measured before says nothing of the drift. */
const STEP = SECOND / 2;
const DAY_MS = 86_400_000;

export function createDeviceClock(): DeviceClock {
  let lastTime = Number.NaN;
  let from = Number.NaN;
  let largest = Number.NEGATIVE_INFINITY;
  /** Of the last window that is over. */
  let settled: number | null = null;
  let points: { readonly at: UnixMicros; readonly offset: number }[] = [];

  const closeWindow = (): void => {
    if (settled !== null && Math.abs(largest - settled) > STEP) points = [];
    settled = largest;
    const last = points.at(-1);
    if (last === undefined || from - last.at >= MINUTE)
      points = [...points, { at: from, offset: largest }].slice(-MOST_POINTS);
  };
  return {
    note(time, received) {
      // All tags of one production carry its time.
      if (time === lastTime) return;
      lastTime = time;
      if (!(received - from < WINDOW && received >= from)) {
        if (received >= from) closeWindow();
        else points = [];
        from = received;
        largest = Number.NEGATIVE_INFINITY;
      }
      largest = Math.max(largest, time - received);
    },
    aheadMs() {
      if (Number.isNaN(from)) return null;
      // A clock that was set is believed at once.
      const offset = settled === null || Math.abs(settled - largest) > STEP ? largest : Math.max(settled, largest);
      return offset / 1000;
    },
    gainPerDayMs() {
      const first = points[0];
      const last = points.at(-1);
      if (first === undefined || last === undefined || last.at - first.at < LEAST_SPAN) return null;
      return ((last.offset - first.offset) / (last.at - first.at)) * DAY_MS;
    },
  };
}

/** Further apart, samples of two devices cannot be laid beside each other by eye any more. */
const LARGE_MS = 1_000;
/** Beyond what quartzes do: 50 millionths. */
const FAST_PER_DAY_MS = 4_320;

/** What is wrong with the clock of a device, and what to do; null while nothing is. */
export function clockTrouble(name: string, aheadMs: number | null, gainPerDayMs: number | null): string | null {
  if (aheadMs !== null && Math.abs(aheadMs) >= LARGE_MS) {
    return `The clock of ${name} is ${spanText(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} this computer's. Tags with the time of the device stand by as much beside the others: set one of the clocks, or choose the time of receipt for these tags.`;
  }
  if (gainPerDayMs !== null && Math.abs(gainPerDayMs) >= FAST_PER_DAY_MS) {
    return `The clock of ${name} ${gainPerDayMs > 0 ? 'gains' : 'loses'} ${spanText(Math.abs(gainPerDayMs))} a day against this computer's. Give both the same time server, or choose the time of receipt for tags of this device.`;
  }
  return null;
}

const spanText = (ms: number): string => (ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : durationText(ms));
