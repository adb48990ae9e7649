/**
 * Where each tag's tail begins, in memory that the writer and the readers share: a reader whose range ends before it
 * need not ask the writer. Read it before the snapshot of the file is taken, for the writer moves it on after the commit.
 */
export interface TailStarts {
  readonly buffer: SharedArrayBuffer;
  /** Time of the first sample of a tag that is not in the file; infinite where all are. */
  get(tag: number): number;
  set(tag: number, time: number): void;
  /** Samples are on their way to the writer; told by who sends them, before, and by the writer when it has taken them. */
  posted(): void;
  taken(): void;
  /** Something is on its way, so that `get` may be too late. */
  readonly pending: boolean;
}

/** Tags with higher numbers are always asked for. Memory is taken only for what is set. */
const MOST_TAGS = 1 << 17;
const NOTHING = 2n ** 63n - 1n;

export function createTailStarts(buffer = new SharedArrayBuffer(MOST_TAGS * 8)): TailStarts {
  const starts = new BigInt64Array(buffer);
  // Tags are numbered from 1.
  const counts = new Int32Array(buffer, 0, 2);
  return {
    buffer,
    posted: () => void Atomics.add(counts, 0, 1),
    taken: () => void Atomics.add(counts, 1, 1),
    get pending() {
      return Atomics.load(counts, 0) !== Atomics.load(counts, 1);
    },
    get(tag) {
      // What was never set is zero; nothing is known of such a tag, and the writer has to be asked.
      const start = tag < starts.length ? Atomics.load(starts, tag) : 0n;
      return start === NOTHING ? Number.POSITIVE_INFINITY : start === 0n ? Number.NEGATIVE_INFINITY : Number(start);
    },
    set(tag, time) {
      if (tag < starts.length) Atomics.store(starts, tag, Number.isFinite(time) ? BigInt(time) : NOTHING);
    },
  };
}
