import type { Clock } from '#engine/platform/index.ts';
import { QUALITY, type Quality, type SampleBlock, type UnixMicros } from '#shared/model/index.ts';

/** Collects samples of all links into blocks. Blocks leave in arrival order and belong to the receiver. */
export interface BlockBuilder {
  push(tag: number, time: UnixMicros, received: UnixMicros, value: number, quality: Quality): void;
  push64(tag: number, time: UnixMicros, received: UnixMicros, high: number, low: number, quality: Quality): void;
  /** A group is complete: the open block leaves now, or within `COALESCE_MS` together with others. */
  closeSoon(): void;
  /** Delivers what is open. */
  flush(): void;
  /** Samples delivered since the start. */
  readonly delivered: number;
}

/** Many small groups share a block for at most this long, so that the cost per block is paid 50 times a second. */
const COALESCE_MS = 20;
const SMALLEST = 256;
/** A block that grows to this leaves at once; 65,536 samples are 1.7 MB. */
const LARGEST = 65_536;

const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

export function createBlockBuilder(clock: Clock, deliver: (block: SampleBlock) => void): BlockBuilder {
  let capacity = SMALLEST;
  let length = 0;
  let delivered = 0;
  let timer: Disposable | null = null;
  let tag = new Uint32Array(capacity);
  let time = new Float64Array(capacity);
  let value = new Float64Array(capacity);
  let words = new Uint32Array(value.buffer);
  let quality = new Uint16Array(capacity);
  let received: Float64Array<ArrayBuffer> | null = null;

  const allocate = (size: number): void => {
    capacity = size;
    tag = new Uint32Array(size);
    time = new Float64Array(size);
    value = new Float64Array(size);
    words = new Uint32Array(value.buffer);
    quality = new Uint16Array(size);
    received = null;
  };
  const grow = (): void => {
    const old = { tag, time, value, quality, received };
    allocate(capacity * 4);
    tag.set(old.tag);
    time.set(old.time);
    value.set(old.value);
    quality.set(old.quality);
    if (old.received !== null) {
      received = new Float64Array(capacity);
      received.set(old.received);
    }
  };
  const flush = (): void => {
    timer?.[Symbol.dispose]();
    timer = null;
    if (length === 0) return;
    const block: SampleBlock = { length, tag, time, value, quality, received };
    delivered += length;
    // The next block is as large as this one was, within a factor: no growing in steady state, no waste after a burst.
    allocate(Math.min(LARGEST, Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(length * 1.25)))));
    length = 0;
    deliver(block);
  };
  const open = (index: number, at: UnixMicros, receivedAt: UnixMicros, cause: Quality): number => {
    if (length === capacity) {
      if (capacity >= LARGEST) flush();
      else grow();
    }
    const row = length++;
    tag[row] = index;
    time[row] = at;
    quality[row] = cause;
    if (received === null && receivedAt !== at) {
      received = new Float64Array(capacity);
      received.set(time.subarray(0, row));
    }
    if (received !== null) received[row] = receivedAt;
    return row;
  };

  return {
    get delivered() {
      return delivered;
    },
    push(index, at, receivedAt, number, cause) {
      const row = open(index, at, receivedAt, cause);
      value[row] = number;
    },
    push64(index, at, receivedAt, high, low, cause) {
      const row = open(index, at, receivedAt, cause);
      words[2 * row + (littleEndian ? 1 : 0)] = high;
      words[2 * row + (littleEndian ? 0 : 1)] = low;
    },
    closeSoon() {
      if (length === 0) return;
      if (length >= LARGEST / 4) flush();
      else timer ??= clock.after(COALESCE_MS, flush);
    },
    flush,
  };
}

/** Time of a sample as it may be stored: whole microseconds; what a device gives as no time at all becomes `fallback`. */
export function soundTime(time: number, fallback: UnixMicros): UnixMicros {
  return Number.isFinite(time) && Math.abs(time) <= 9_000_000_000_000_000 ? Math.round(time) : fallback;
}

/** Quality as it may be stored; anything that is not a 16-bit number is a fault of the driver. */
export function soundQuality(quality: number): Quality {
  return Number.isInteger(quality) && quality >= 0 && quality <= 0xffff ? quality : QUALITY.bad;
}
