import { emptyRun, growRun, type Run, sortRun, wordsOf } from './run.ts';

/**
 * Samples that have come and are not encoded yet, of one tag, in the order in which they came. They lie in pages that
 * all tags of the thread share: with thousands of tags, columns of each tag's own would be mostly room for what is to
 * come, and growing them would be most of the work of a start.
 */
export interface OpenSamples {
  length: number;
  /** Receive times are kept, since one differs from its sample's time. */
  received: boolean;
  readonly pages: number[];
  /** Where the next sample goes, unless a new page has to be taken. */
  slab: Slab;
  at: number;
}

/** Samples of a page, 1.2 KB. On average half a page of each tag is room. */
const PAGE_BITS = 6;
const PAGE = 1 << PAGE_BITS;
const SLAB_BITS = 8;
/** Pages that are made at once. */
const SLAB_PAGES = 1 << SLAB_BITS;

interface Slab {
  readonly time: Float64Array<ArrayBuffer>;
  /** Slots as pairs of 32-bit words. */
  readonly words: Int32Array<ArrayBuffer>;
  readonly quality: Uint16Array<ArrayBuffer>;
  received: Float64Array<ArrayBuffer> | null;
}

function createSlab(pages: number): Slab {
  const samples = pages << PAGE_BITS;
  const buffer = new ArrayBuffer(samples * 18);
  return {
    time: new Float64Array(buffer, 0, samples),
    words: new Int32Array(buffer, samples * 8, samples * 2),
    quality: new Uint16Array(buffer, samples * 16, samples),
    received: null,
  };
}

const none = createSlab(0);
const slabs: (Slab | null)[] = [];
/** Free pages; the last is taken first. */
let free: number[] = [];
let scratch: Run = emptyRun(PAGE);

export function openSamples(): OpenSamples {
  return { length: 0, received: false, pages: [], slab: none, at: 0 };
}

const slabOf = (page: number): Slab => slabs[page >>> SLAB_BITS]!;
const startOf = (page: number): number => (page & (SLAB_PAGES - 1)) << PAGE_BITS;

function takePage(open: OpenSamples): void {
  if (free.length === 0) {
    const empty = slabs.indexOf(null);
    const place = empty < 0 ? slabs.length : empty;
    slabs[place] = createSlab(SLAB_PAGES);
    for (let page = SLAB_PAGES - 1; page >= 0; page--) free.push((place << SLAB_BITS) + page);
  }
  const page = free.pop()!;
  open.pages.push(page);
  open.slab = slabOf(page);
  open.at = startOf(page);
  if (open.received) open.slab.received ??= new Float64Array(open.slab.time.length);
}

/** From here on each sample has a receive time; so far it was its own. */
function keepReceived(open: OpenSamples): void {
  open.received = true;
  for (const page of open.pages) {
    const slab = slabOf(page);
    slab.received ??= new Float64Array(slab.time.length);
    const start = startOf(page);
    slab.received.set(slab.time.subarray(start, start + PAGE), start);
  }
}

/** Puts one sample behind the others; `low` and `high` are the slot's words. `received` null: the same as `time`. */
export function pushOpen(
  open: OpenSamples,
  time: number,
  low: number,
  high: number,
  quality: number,
  received: number | null,
): void {
  if (received !== null && !open.received) keepReceived(open);
  if ((open.length & (PAGE - 1)) === 0) takePage(open);
  const { slab } = open;
  const at = open.at++;
  slab.time[at] = time;
  slab.words[2 * at] = low;
  slab.words[2 * at + 1] = high;
  slab.quality[at] = quality;
  if (open.received) slab.received![at] = received ?? time;
  open.length++;
}

/** Puts samples `from` (included) to `to` (excluded) of the columns behind the others. */
export function appendOpen(open: OpenSamples, columns: Run, from: number, to: number): void {
  const { time, quality, received } = columns;
  const words = wordsOf(columns.value);
  if (received !== null && !open.received) keepReceived(open);
  for (let i = from; i < to; ) {
    const used = open.length & (PAGE - 1);
    if (used === 0) takePage(open);
    const end = Math.min(to, i + PAGE - used);
    const { slab, at } = open;
    slab.time.set(time.subarray(i, end), at);
    slab.words.set(words.subarray(2 * i, 2 * end), 2 * at);
    slab.quality.set(quality.subarray(i, end), at);
    if (open.received) slab.received!.set((received ?? time).subarray(i, end), at);
    open.length += end - i;
    open.at += end - i;
    i = end;
  }
}

export function clearOpen(open: OpenSamples): void {
  for (const page of open.pages) free.push(page);
  open.pages.length = 0;
  open.length = 0;
  open.received = false;
  open.slab = none;
  open.at = 0;
}

export function timeOfOpen(open: OpenSamples, index: number): number {
  const page = open.pages[index >>> PAGE_BITS]!;
  return slabOf(page).time[startOf(page) + (index & (PAGE - 1))]!;
}

/** The samples as a run, in the order in which they came. In columns that the next call for any tag uses again. */
export function runOfOpen(open: OpenSamples): Run {
  const { length } = open;
  const out = scratch;
  out.length = 0;
  out.received = null;
  growRun(out, length);
  const words = wordsOf(out.value);
  const received = open.received ? new Float64Array(length) : null;
  for (const [i, page] of open.pages.entries()) {
    const slab = slabOf(page);
    const to = i << PAGE_BITS;
    const from = startOf(page);
    const end = from + Math.min(PAGE, length - to);
    out.time.set(slab.time.subarray(from, end), to);
    words.set(slab.words.subarray(2 * from, 2 * end), 2 * to);
    out.quality.set(slab.quality.subarray(from, end), to);
    received?.set(slab.received!.subarray(from, end), to);
  }
  out.length = length;
  out.received = received;
  return out;
}

/** The same in order of time, without duplicates. */
export const sortedOpen = (open: OpenSamples): Run => sortRun(runOfOpen(open));

/** Gives slabs back that no tag has a page of, but for one, and lets the lowest pages be taken next. */
export function trimPages(): void {
  const isFree = new Uint8Array(slabs.length << SLAB_BITS);
  const counts = new Uint32Array(slabs.length);
  for (const page of free) {
    isFree[page] = 1;
    counts[page >>> SLAB_BITS]!++;
  }
  let kept = false;
  for (let place = 0; place < slabs.length; place++) {
    if (counts[place] !== SLAB_PAGES) continue;
    if (kept) {
      slabs[place] = null;
      isFree.fill(0, place << SLAB_BITS, (place + 1) << SLAB_BITS);
    }
    kept = true;
  }
  while (slabs.at(-1) === null) slabs.pop();
  free = [];
  for (let page = isFree.length - 1; page >= 0; page--) if (isFree[page] === 1) free.push(page);
  if (scratch.time.length > 1 << 14) scratch = emptyRun(PAGE);
}
