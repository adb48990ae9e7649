/** Values that are selected from in memory: 8 MB. Where there are more, what cannot be the answer is left out first. */
export const MOST_RANKED = 1_048_576;
const BINS = 65_536;

/**
 * The k-th smallest (from 0) of `values[0]` to `values[length - 1]`, which are moved about: afterwards none before place k
 * is greater and none behind it is smaller. Without NaN.
 */
export function selectRank(values: Float64Array, length: number, k: number): number {
  let low = 0;
  let high = length - 1;
  while (low < high) {
    // The median of three keeps sorted columns, the usual ones, from the worst case.
    const a = values[low]!;
    const b = values[(low + high) >>> 1]!;
    const c = values[high]!;
    const pivot = a < b ? (b < c ? b : a < c ? c : a) : a < c ? a : b < c ? c : b;
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i > j) break;
      const moved = values[i]!;
      values[i++] = values[j]!;
      values[j--] = moved;
    }
    if (k <= j) high = j;
    else if (k >= i) low = i;
    else break;
  }
  return values[k]!;
}

/** The percentile on the line between its two nearest ranks: place (n - 1) * p / 100. */
export function percentileOf(values: Float64Array, length: number, p: number): number {
  const place = ((length - 1) * p) / 100;
  const k = Math.floor(place);
  const below = selectRank(values, length, k);
  if (k === place || k + 1 >= length) return below;
  let above = Number.POSITIVE_INFINITY;
  for (let i = k + 1; i < length; i++) if (values[i]! < above) above = values[i]!;
  return between(below, above, place - k);
}

const between = (below: number, above: number, share: number): number =>
  below === above ? below : below + (above - below) * share;

/** Hands every value to `visit`, pausing now and then; may be asked for several times and gives the same each time. */
export type ValueReader = (visit: (value: number) => void) => Generator<null, void>;

/**
 * The same percentile of values that are too many to keep (more than `most`), exact too: each further reading leaves
 * fewer to look at.
 */
export function* percentileOfMany(
  read: ValueReader,
  count: number,
  min: number,
  max: number,
  p: number,
  most = MOST_RANKED,
): Generator<null, number> {
  const place = ((count - 1) * p) / 100;
  const k = Math.floor(place);
  const below = yield* rankOf(read, count, min, max, k, most);
  if (k === place || k + 1 >= count) return below;
  return between(below, yield* rankOf(read, count, min, max, k + 1, most), place - k);
}

function* rankOf(
  read: ValueReader,
  count: number,
  min: number,
  max: number,
  rank: number,
  most: number,
): Generator<null, number> {
  let low = min + 0;
  let high = max + 0;
  let inside = count;
  let wanted = rank;
  while (low < high) {
    if (inside <= most) {
      const values = new Float64Array(inside);
      let length = 0;
      yield* read((value) => {
        if (value >= low && value <= high) values[length++] = value;
      });
      return selectRank(values, length, wanted);
    }
    // Bins are even in the order of the bit patterns, so that a few readings do for any distribution.
    const place = placesBetween(low, high);
    const counts = new Uint32Array(BINS);
    const least = new Float64Array(BINS).fill(Number.POSITIVE_INFINITY);
    const greatest = new Float64Array(BINS).fill(Number.NEGATIVE_INFINITY);
    yield* read((one) => {
      // Minus zero and zero are one value here.
      const value = one + 0;
      if (!(value >= low && value <= high)) return;
      const bin = place(value);
      counts[bin]!++;
      if (value < least[bin]!) least[bin] = value;
      if (value > greatest[bin]!) greatest[bin] = value;
    });
    let bin = 0;
    while (wanted >= counts[bin]!) wanted -= counts[bin++]!;
    low = least[bin]!;
    high = greatest[bin]!;
    inside = counts[bin]!;
  }
  return low;
}

/** Bin of a value between two others, never falling with the value; the ends fall into the first and the last bin. */
function placesBetween(low: number, high: number): (value: number) => number {
  const slot = new Float64Array(1);
  const words = new Uint32Array(slot.buffer);
  slot[0] = 1;
  const upper = words[1] === 0 ? 0 : 1;
  const lower = 1 - upper;
  const orderedHigh = (value: number): number => {
    slot[0] = value;
    const word = words[upper]!;
    return word >= 0x8000_0000 ? 0xffff_ffff - word : word + 0x8000_0000;
  };
  /** Of the value that `orderedHigh` was last asked for. */
  const orderedLow = (): number => (words[upper]! >= 0x8000_0000 ? 0xffff_ffff - words[lower]! : words[lower]!);
  const baseHigh = orderedHigh(low);
  const baseLow = orderedLow();
  const distance = (value: number): number => {
    const high32 = orderedHigh(value) - baseHigh;
    return high32 * 4_294_967_296 + (orderedLow() - baseLow);
  };
  const scale = (BINS - 1) / distance(high);
  return (value) => Math.floor(distance(value) * scale);
}
