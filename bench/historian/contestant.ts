import type { SampleBlock } from '#shared/model/index.ts';
import type { Size } from './mix.ts';

/** What an overview says of one tag: bucket `i` is [first + i * width, first + (i + 1) * width). */
export interface Buckets {
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly mean: Float64Array;
  readonly count: Float64Array;
}

/** Bounds are multiples of the width, in microseconds, the second one not included. */
export interface Grid {
  readonly from: number;
  readonly to: number;
  readonly width: number;
}

export interface Points {
  readonly time: Float64Array;
  readonly value: Float64Array;
}

/** The contestant's own form of an answer, which is what is timed, and how to compare it. */
export type Answer<T> = () => T;

export interface Reading {
  overview(tags: readonly number[], grid: Grid): Promise<Answer<readonly Buckets[]>>;
  /** The overview as a screen gets it, where that is another question. */
  picture?(tags: readonly number[], grid: Grid): Promise<unknown>;
  raw(tag: number, from: number, to: number): Promise<Answer<Points>>;
  /** Last sample of every tag, by tag. */
  last(): Promise<Answer<Points>>;
  close(): Promise<void>;
}

export interface Writing {
  /** Resolves when the samples are on the disk. */
  commit(block: SampleBlock): Promise<void>;
  close(): Promise<void>;
}

export interface Contestant {
  readonly title: string;
  /** Why it cannot take part on this computer; null when it can. */
  missing(): string | null;
  /** Null for those that have no durable commit of some samples. `lazy`: as the product runs, not a commit each. */
  stream: ((folder: string, tags: number, lazy: boolean) => Promise<Writing>) | null;
  /** Takes all blocks and closes; `started` is called when it is open, where the measure begins. */
  load(folder: string, size: Size, blocks: Iterable<SampleBlock>, started: () => void): Promise<void>;
  /** Brings what was loaded into the best order for questions. Not measured. */
  arrange?(folder: string, size: Size): Promise<void>;
  open(folder: string, size: Size): Promise<Reading>;
  /** Below its folder, what counts as its bytes; without it all. */
  readonly bytes?: string;
  /** The parts of its files in bytes. */
  parts?(folder: string): Record<string, number>;
}

export function emptyBuckets({ from, to, width }: Grid): Buckets {
  const length = (to - from) / width;
  const column = (): Float64Array => new Float64Array(length).fill(Number.NaN);
  return { min: column(), max: column(), mean: column(), count: new Float64Array(length) };
}
