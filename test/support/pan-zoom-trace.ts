import type { TimeRange } from '#shared/model/index.ts';
import { seededRandom } from './random.ts';

/** As the trend zooms: one notch of the wheel. */
const NOTCH = 1.25;

/**
 * The windows of somebody who looks for something in history, one for each picture that is asked for: drags in steps of
 * a few per cent, some notches of the wheel in and out around the pointer, steps back to what was seen before. The same
 * each time.
 */
export function panZoomTrace(all: TimeRange, pictures = 400, seed = 7): readonly TimeRange[] {
  const { next: random } = seededRandom(seed);
  const between = (low: number, high: number): number => low + (high - low) * random();
  const windows: TimeRange[] = [];
  const seen: TimeRange[] = [];
  let now: TimeRange = { from: all.from + (all.to - all.from) * 0.4, to: all.from + (all.to - all.from) * 0.6 };
  const show = (next: TimeRange): void => {
    const span = Math.min(next.to - next.from, all.to - all.from);
    const from = Math.min(Math.max(next.from, all.from), all.to - span);
    now = { from: Math.round(from), to: Math.round(from + span) };
    windows.push(now);
  };
  const span = (): number => now.to - now.from;
  while (windows.length < pictures) {
    const what = random();
    if (what < 0.55) {
      // A drag: a picture each frame that the hand allows, up to half a window in all.
      const step = between(0.01, 0.06) * (random() < 0.5 ? -1 : 1);
      for (let n = Math.ceil(between(3, 9)); n > 0; n--) {
        show({ from: now.from + step * span(), to: now.to + step * span() });
      }
    } else if (what < 0.9) {
      seen.push(now);
      const at = now.from + span() * between(0.2, 0.8);
      // Not nearer than ten minutes: from there on every sample is drawn.
      const inward = span() > 20 * 60e6 && (random() < 0.5 || span() > (all.to - all.from) / 3);
      const factor = inward ? 1 / NOTCH : NOTCH;
      for (let n = Math.ceil(between(1, 5)); n > 0; n--) {
        show({ from: at - (at - now.from) * factor, to: at + (now.to - at) * factor });
      }
    } else show(seen.splice(Math.floor(random() * seen.length), 1)[0] ?? now);
  }
  return windows.slice(0, pictures);
}
