import { isBad, isGood, QUALITY, type SampleBlock } from '#shared/model/index.ts';
import type { RuntimeTag } from './tag-table.ts';

/**
 * How long a newer sample holds its place against one with an older time. Samples that arrive out of order differ by
 * far less; beyond it the clock that stamps them must have been set back, and the value would otherwise freeze until
 * that clock has caught up.
 */
const ORDER_HOLD_MICROS = 5_000_000;

/**
 * Newest sample of every tag, as columns by tag index. `stored` keeps the last value that was not bad, so that a lost
 * tag shows its last value together with its quality and age instead of nothing.
 */
export interface LastValues {
  readonly size: number;
  readonly time: Float64Array<ArrayBuffer>;
  readonly received: Float64Array<ArrayBuffer>;
  readonly stored: Float64Array<ArrayBuffer>;
  readonly quality: Uint16Array<ArrayBuffer>;
  /** Time of the last good sample; NaN before the first. */
  readonly lastGood: Float64Array<ArrayBuffer>;
  /** Value of `version` when the tag last changed; 0 for a tag without a sample. */
  readonly changedAt: Float64Array<ArrayBuffer>;
  /** 1 where `stored` holds a value of the device. */
  readonly hasValue: Uint8Array<ArrayBuffer>;
  /** Counts blocks and touches. */
  readonly version: number;
  /** Takes the newest of every tag; the block stays the caller's. Older samples than the last are passed over. */
  accept(block: SampleBlock): void;
  /** Makes every subscription send this tag again, because what it is decoded with has changed. */
  touch(index: number): void;
  /** The decoded and scaled value, NaN where there was none. */
  value(tag: RuntimeTag): number;
}

export function createLastValues(): LastValues {
  let capacity = 0;
  let time = new Float64Array(0);
  let received = new Float64Array(0);
  let order = new Float64Array(0);
  let stored = new Float64Array(0);
  let storedWords = new Uint32Array(0);
  let quality = new Uint16Array(0);
  let lastGood = new Float64Array(0);
  let changedAt = new Float64Array(0);
  let hasValue = new Uint8Array(0);
  let version = 0;

  const reserve = (size: number): void => {
    if (size <= capacity) return;
    const before = capacity;
    capacity = Math.max(1024, capacity * 2, size);
    time = grown(time, capacity, before, Number.NaN);
    received = grown(received, capacity, before, Number.NaN);
    order = grown(order, capacity, before, Number.NEGATIVE_INFINITY);
    lastGood = grown(lastGood, capacity, before, Number.NaN);
    changedAt = grown(changedAt, capacity, before, 0);
    const slots = new Float64Array(capacity);
    slots.set(stored);
    stored = slots;
    storedWords = new Uint32Array(stored.buffer);
    const causes = new Uint16Array(capacity).fill(QUALITY.badWaitingForFirst, before);
    causes.set(quality);
    quality = causes;
    const flags = new Uint8Array(capacity);
    flags.set(hasValue);
    hasValue = flags;
  };

  return {
    get size() {
      return capacity;
    },
    get time() {
      return time;
    },
    get received() {
      return received;
    },
    get stored() {
      return stored;
    },
    get quality() {
      return quality;
    },
    get lastGood() {
      return lastGood;
    },
    get changedAt() {
      return changedAt;
    },
    get hasValue() {
      return hasValue;
    },
    get version() {
      return version;
    },
    accept(block) {
      const { length } = block;
      if (length === 0) return;
      version++;
      let highest = 0;
      for (let i = 0; i < length; i++) highest = block.tag[i]! > highest ? block.tag[i]! : highest;
      reserve(highest + 1);
      const receivedColumn = block.received ?? block.time;
      const words = new Uint32Array(block.value.buffer, block.value.byteOffset, length * 2);
      for (let i = 0; i < length; i++) {
        const tag = block.tag[i]!;
        const at = block.time[i]!;
        const receivedAt = receivedColumn[i]!;
        if (at < order[tag]!) {
          const age = receivedAt - received[tag]!;
          if (age >= 0 && age < ORDER_HOLD_MICROS) continue;
        }
        const cause = block.quality[i]!;
        time[tag] = at;
        received[tag] = receivedAt;
        quality[tag] = cause;
        changedAt[tag] = version;
        if (isBad(cause)) continue;
        order[tag] = at;
        storedWords[2 * tag] = words[2 * i]!;
        storedWords[2 * tag + 1] = words[2 * i + 1]!;
        hasValue[tag] = 1;
        if (isGood(cause)) lastGood[tag] = at;
      }
    },
    touch(index) {
      reserve(index + 1);
      changedAt[index] = ++version;
    },
    value(tag) {
      return tag.index < capacity && hasValue[tag.index] === 1 ? tag.decoder.one(stored, tag.index) : Number.NaN;
    },
  };
}

function grown(
  column: Float64Array<ArrayBuffer>,
  capacity: number,
  used: number,
  empty: number,
): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(capacity).fill(empty, used);
  larger.set(column);
  return larger;
}
