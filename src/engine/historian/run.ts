/**
 * Samples of one tag in columns. A run that is `sorted` is strictly ascending in time. Value slots are stored forms:
 * eight bytes that are moved as two 32-bit words, because a number may change the payload of a NaN.
 */
export interface Run {
  length: number;
  time: Float64Array<ArrayBuffer>;
  value: Float64Array<ArrayBuffer>;
  quality: Uint16Array<ArrayBuffer>;
  /** Receive times; null where each equals the sample's own time. */
  received: Float64Array<ArrayBuffer> | null;
}

/** Its columns share one buffer: to make three takes three times as long, and readers make many small ones. */
export function emptyRun(capacity: number, received = false): Run {
  const buffer = new ArrayBuffer(capacity * 18);
  return {
    length: 0,
    time: new Float64Array(buffer, 0, capacity),
    value: new Float64Array(buffer, capacity * 8, capacity),
    quality: new Uint16Array(buffer, capacity * 16, capacity),
    received: received ? new Float64Array(capacity) : null,
  };
}

/** The slots of a value column as pairs of 32-bit words. */
export function wordsOf(value: Float64Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  return new Int32Array(value.buffer, value.byteOffset, value.length * 2);
}

/** Samples `from` (included) to `to` (excluded), in arrays of their own. */
export function sliceRun(run: Run, from: number, to: number): Run {
  return {
    length: to - from,
    time: run.time.slice(from, to),
    value: run.value.slice(from, to),
    quality: run.quality.slice(from, to),
    received: run.received === null ? null : run.received.slice(from, to),
  };
}

/** Index of the first sample at or after `time` in a sorted run; `length` if there is none. */
export function firstAtOrAfter(run: Run, time: number): number {
  let low = 0;
  let high = run.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (run.time[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function isSorted(run: Run): boolean {
  for (let i = 1; i < run.length; i++) if (!(run.time[i]! > run.time[i - 1]!)) return false;
  return true;
}

/** Time order without duplicates: of samples with the same time the one that arrived last stays. */
export function sortRun(run: Run): Run {
  if (isSorted(run)) return run;
  const order = new Uint32Array(run.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  order.sort((a, b) => run.time[a]! - run.time[b]! || a - b);
  const out = emptyRun(run.length, run.received !== null);
  const from = wordsOf(run.value);
  const to = wordsOf(out.value);
  let count = 0;
  for (let i = 0; i < order.length; i++) {
    const source = order[i]!;
    if (i + 1 < order.length && run.time[order[i + 1]!] === run.time[source]) continue;
    copySample(run, from, source, out, to, count++);
  }
  out.length = count;
  return out;
}

function copySample(run: Run, words: Int32Array, index: number, out: Run, outWords: Int32Array, at: number): void {
  out.time[at] = run.time[index]!;
  outWords[2 * at] = words[2 * index]!;
  outWords[2 * at + 1] = words[2 * index + 1]!;
  out.quality[at] = run.quality[index]!;
  if (out.received !== null) out.received[at] = run.received === null ? run.time[index]! : run.received[index]!;
}

/** Two sorted runs as one; where both have a sample at the same time, `newer` wins. */
export function mergeRuns(older: Run, newer: Run): Run {
  if (older.length === 0) return newer;
  if (newer.length === 0) return older;
  const out = emptyRun(older.length + newer.length, older.received !== null || newer.received !== null);
  const olderWords = wordsOf(older.value);
  const newerWords = wordsOf(newer.value);
  const outWords = wordsOf(out.value);
  let a = 0;
  let b = 0;
  let count = 0;
  while (a < older.length || b < newer.length) {
    const timeA = a < older.length ? older.time[a]! : Number.POSITIVE_INFINITY;
    const timeB = b < newer.length ? newer.time[b]! : Number.POSITIVE_INFINITY;
    if (timeA < timeB) copySample(older, olderWords, a++, out, outWords, count++);
    else {
      copySample(newer, newerWords, b++, out, outWords, count++);
      if (timeA === timeB) a++;
    }
  }
  out.length = count;
  return out;
}

/** Puts `more` behind `run`, whose last sample must be earlier. */
export function appendRun(run: Run, more: Run): Run {
  const out = emptyRun(run.length + more.length, run.received !== null || more.received !== null);
  out.length = run.length + more.length;
  for (const [part, at] of [
    [run, 0],
    [more, run.length],
  ] as const) {
    out.time.set(part.time.subarray(0, part.length), at);
    wordsOf(out.value).set(wordsOf(part.value).subarray(0, part.length * 2), at * 2);
    out.quality.set(part.quality.subarray(0, part.length), at);
    out.received?.set((part.received ?? part.time).subarray(0, part.length), at);
  }
  return out;
}

/** Grows the columns of `run` to hold at least `capacity` samples. */
export function growRun(run: Run, capacity: number): void {
  if (run.time.length >= capacity) return;
  const grown = emptyRun(Math.max(capacity, run.time.length * 2), run.received !== null);
  grown.time.set(run.time.subarray(0, run.length));
  wordsOf(grown.value).set(wordsOf(run.value).subarray(0, run.length * 2));
  grown.quality.set(run.quality.subarray(0, run.length));
  if (run.received !== null) grown.received?.set(run.received.subarray(0, run.length));
  run.time = grown.time;
  run.value = grown.value;
  run.quality = grown.quality;
  run.received = grown.received;
}

/** Gives the run a receive-time column, filled with the samples' own times. */
export function addReceived(run: Run): Float64Array<ArrayBuffer> {
  if (run.received === null) {
    run.received = new Float64Array(run.time.length);
    run.received.set(run.time.subarray(0, run.length));
  }
  return run.received;
}
