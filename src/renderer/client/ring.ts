import type { Quality, UnixMicros } from '#shared/model/index.ts';

/** Views into a ring: time ascending. Valid until the next append, so only within one animation frame. */
export interface RingView {
  readonly length: number;
  readonly time: Float64Array;
  readonly value: Float64Array;
  readonly quality: Uint16Array;
}

export interface Ring {
  readonly length: number;
  /** NaN while empty. */
  readonly firstTime: UnixMicros;
  readonly lastTime: UnixMicros;
  /** Appends one sample; a time not after the last one is refused, because the columns stay sorted. */
  append(time: UnixMicros, value: number, quality: Quality): boolean;
  /** Samples at or after `from`, and the one before it, which is what holds at `from`. */
  since(from: UnixMicros): RingView;
  all(): RingView;
  clear(): void;
}

const FIRST_CAPACITY = 256;

/**
 * The newest samples of one tag as three columns. The columns are one run in memory (no wrap), so that a view costs
 * nothing and can go to the canvas as it is: when the room is used up, the newest `max` samples move to the front,
 * which happens once per `max` appends.
 */
export function createRing(max: number): Ring {
  let capacity = Math.min(FIRST_CAPACITY, max * 2);
  let time = new Float64Array(capacity);
  let value = new Float64Array(capacity);
  let quality = new Uint16Array(capacity);
  let start = 0;
  let end = 0;

  const makeRoom = (): void => {
    if (capacity < max * 2) {
      capacity = Math.min(capacity * 2, max * 2);
      const grown = [new Float64Array(capacity), new Float64Array(capacity), new Uint16Array(capacity)] as const;
      grown[0].set(time.subarray(start, end));
      grown[1].set(value.subarray(start, end));
      grown[2].set(quality.subarray(start, end));
      [time, value, quality] = grown;
    } else {
      const from = Math.max(start, end - max);
      time.copyWithin(0, from, end);
      value.copyWithin(0, from, end);
      quality.copyWithin(0, from, end);
      start = from;
    }
    end -= start;
    start = 0;
  };

  const view = (from: number): RingView => ({
    length: end - from,
    time: time.subarray(from, end),
    value: value.subarray(from, end),
    quality: quality.subarray(from, end),
  });

  return {
    get length() {
      return end - start;
    },
    get firstTime() {
      return end > start ? time[start]! : Number.NaN;
    },
    get lastTime() {
      return end > start ? time[end - 1]! : Number.NaN;
    },
    append(at, sample, cause) {
      if (end > start && at <= time[end - 1]!) return false;
      if (end === capacity) makeRoom();
      time[end] = at;
      value[end] = sample;
      quality[end] = cause;
      end++;
      if (end - start > max) start++;
      return true;
    },
    since(from) {
      let low = start;
      let high = end;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (time[middle]! < from) low = middle + 1;
        else high = middle;
      }
      return view(Math.max(start, low - 1));
    },
    all: () => view(start),
    clear() {
      start = 0;
      end = 0;
    },
  };
}
