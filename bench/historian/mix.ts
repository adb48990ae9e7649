import type { SampleBlock } from '#shared/model/index.ts';

// The reference mix: what plants send, in five equal parts, every 100 ms in whole milliseconds with a jitter of its own
// of 0 to 4 ms on each sample. Deterministic: the n-th sample of a tag is the same however the blocks are cut.

export const KINDS = ['analogue', 'counter', 'on/off', 'float32 sine', 'set point'] as const;
export const PERIOD_US = 100_000;
export const PER_HOUR = 36_000;
const JITTER_MS = 5;
/** A multiple of every bucket width that is used (15,625 us times powers of two up to 65,536 s). */
export const START = 26_970 * 65_536 * 1_000_000;

/** The slow reading that the noise lies on, known to whoever computes the floor. */
const analogueSignal = (tag: number, index: number): number => 50 + 40 * Math.sin(index / 3_000 + tag);
const sineSignal = (tag: number, index: number): number => 20 * Math.sin(index / 700 + tag);
/** Sum of three uniforms: close to a normal distribution with a deviation of 0.1, that is ten steps of 0.01. */
const ANALOGUE_NOISE = 0.2;
const SINE_NOISE = 0.0137;
const FLIP = 1 / 128;
const HOLD_LEAST = 600;
const HOLD_SPREAD = 2_400;
const LEVELS = 200;

export interface Mix {
  /** Writes the next `count` samples of `tag` to `block` from `at` on. */
  fill(block: SampleBlock, at: number, tag: number, count: number): void;
}

export function createMix(tags: number, seed = 1): Mix {
  const random = new Uint32Array(tags).map((_, tag) => Math.imul(seed, 0x9e37_79b1) ^ Math.imul(tag + 1, 0x85eb_ca6b));
  const done = new Uint32Array(tags);
  const held = new Float64Array(tags);
  const until = new Uint32Array(tags);

  return {
    fill(block, at, tag, count) {
      let state = random[tag]! | 0;
      /** Uniform in [0, 1), 32 bits. */
      const next = (): number => {
        state = (state + 0x6d2b_79f5) | 0;
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
      };
      const { time, value } = block;
      const first = done[tag]!;
      const kind = tag % KINDS.length;
      let level = held[tag]!;
      let change = until[tag]!;
      for (let i = 0; i < count; i++) {
        const index = first + i;
        time[at + i] = START + index * PERIOD_US + Math.floor(next() * JITTER_MS) * 1_000;
        switch (kind) {
          case 0: {
            const noise = (next() + next() + next() - 1.5) * ANALOGUE_NOISE;
            value[at + i] = Math.round((analogueSignal(tag, index) + noise) * 100) / 100;
            break;
          }
          case 1:
            value[at + i] = tag * 1_000 + index;
            break;
          case 2:
            if (next() < FLIP) level = 1 - level;
            value[at + i] = level;
            break;
          case 3:
            value[at + i] = Math.fround(sineSignal(tag, index) + next() * SINE_NOISE);
            break;
          default:
            if (index >= change) {
              level = Math.floor(next() * LEVELS) * 0.5;
              change = index + HOLD_LEAST + Math.floor(next() * HOLD_SPREAD);
            }
            value[at + i] = level;
        }
      }
      block.tag.fill(tag, at, at + count);
      random[tag] = state >>> 0;
      done[tag] = first + count;
      held[tag] = level;
      until[tag] = change;
    },
  };
}

/** A block of good samples; new each time, since the store owns what it was given. */
export function emptyBlock(length: number): SampleBlock {
  return {
    length,
    tag: new Uint32Array(length),
    time: new Float64Array(length),
    value: new Float64Array(length),
    quality: new Uint16Array(length),
    received: null,
  };
}

/** Size of a data set: so many tags with so many samples each. */
export interface Size {
  readonly tags: number;
  readonly perTag: number;
}

/**
 * The whole data set for bulk ingest: window by window, in each one block per tag. With the whole length as window a
 * tag follows the other, with a short one the blocks come as they would live.
 */
export function* bulkBlocks(size: Size, window = PER_HOUR): Generator<SampleBlock> {
  const mix = createMix(size.tags);
  for (let from = 0; from < size.perTag; from += window) {
    const count = Math.min(window, size.perTag - from);
    for (let tag = 0; tag < size.tags; tag++) {
      const block = emptyBlock(count);
      mix.fill(block, 0, tag, count);
      yield block;
    }
  }
}

/** The same samples as they come live: `polls` polls of all tags per block, poll by poll. */
export function* liveBlocks(tags: number, polls: number): Generator<SampleBlock> {
  const mix = createMix(tags);
  const column = emptyBlock(polls);
  for (;;) {
    const block = emptyBlock(tags * polls);
    for (let tag = 0; tag < tags; tag++) {
      mix.fill(column, 0, tag, polls);
      for (let poll = 0; poll < polls; poll++) {
        const at = poll * tags + tag;
        block.tag[at] = tag;
        block.time[at] = column.time[poll]!;
        block.value[at] = column.value[poll]!;
      }
    }
    yield block;
  }
}

/**
 * Bytes a sample that no lossless code can go below, counted over `perTag` samples of each kind: entropy of the jitter,
 * and of the values for a reader that knows the undisturbed signal.
 */
export function entropyFloor(perTag = 200_000): {
  readonly jitter: number;
  readonly value: readonly number[];
  readonly bytes: number;
} {
  const mix = createMix(KINDS.length);
  const block = emptyBlock(perTag);
  const jitters = new Map<number, number>();
  const value = KINDS.map((_, tag) => {
    mix.fill(block, 0, tag, perTag);
    for (let i = 0; i < perTag; i++) count(jitters, (block.time[i]! - START) % PERIOD_US);
    return valueBits(tag, block, perTag);
  });
  const jitter = entropy(jitters);
  const bytes = (jitter + value.reduce((sum, bits) => sum + bits, 0) / KINDS.length) / 8;
  return { jitter, value, bytes };
}

function valueBits(tag: number, block: SampleBlock, length: number): number {
  const { value } = block;
  const seen = new Map<number, number>();
  switch (tag) {
    case 0:
      for (let i = 0; i < length; i++) {
        count(seen, Math.round(value[i]! * 100) - Math.round(analogueSignal(tag, i) * 100));
      }
      return entropy(seen);
    case 1:
      for (let i = 1; i < length; i++) count(seen, value[i]! - value[i - 1]!);
      return entropy(seen);
    case 3: {
      // The noise spans thousands of floats: its coarse distribution, and the floats that lie in one step of it.
      const step = SINE_NOISE / 64;
      let floats = 0;
      for (let i = 0; i < length; i++) {
        count(seen, Math.floor((value[i]! - sineSignal(tag, i)) / step));
        floats += Math.log2(step / 2 ** (Math.floor(Math.log2(Math.abs(value[i]!))) - 23));
      }
      return entropy(seen) + floats / length;
    }
    default: {
      let changes = 0;
      for (let i = 1; i < length; i++) if (value[i] !== value[i - 1]) changes++;
      const rate = changes / length;
      const which = tag === 2 ? 0 : Math.log2(LEVELS);
      return -rate * Math.log2(rate) - (1 - rate) * Math.log2(1 - rate) + rate * which;
    }
  }
}

function count(seen: Map<number, number>, what: number): void {
  seen.set(what, (seen.get(what) ?? 0) + 1);
}

function entropy(seen: ReadonlyMap<number, number>): number {
  let all = 0;
  for (const times of seen.values()) all += times;
  let bits = 0;
  for (const times of seen.values()) bits -= (times / all) * Math.log2(times / all);
  return bits;
}
