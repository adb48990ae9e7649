/** Places that one tag occupies in one table; `item` is the caller's own number for it. */
export interface Span {
  readonly item: number;
  readonly offset: number;
  readonly count: number;
}

/** One request: `count` places from `offset`, and the spans that its answer serves. */
export interface Block {
  readonly offset: number;
  readonly count: number;
  readonly spans: readonly Span[];
}

/** Both ends belong to it. */
export interface Run {
  readonly first: number;
  readonly last: number;
}

export interface PlanLimits {
  /** Places per request. */
  readonly max: number;
  /** Places in a row, used by no span of the plan, that a request may read along. */
  readonly maxGap: number;
  /** No request may touch any place of these. */
  readonly forbidden: readonly Run[];
  /** No request may hold one of these as a whole: what the device has refused. A single span may. */
  readonly barriers: readonly Run[];
}

export interface BlockPlan {
  /** In order of offset. */
  readonly blocks: readonly Block[];
  /** Spans that can't be read: wider than a request, or touching a forbidden place. */
  readonly unreadable: readonly Span[];
}

/**
 * The fewest requests that cover every span whole. Greedy from the left is optimal here: the leftmost uncovered span
 * needs a request that starts at it, the farthest end such a request may have grows with its start, and whatever else
 * fits into it can only be served earlier than otherwise. The property test holds it against trying everything.
 */
export function planBlocks(spans: readonly Span[], limits: PlanLimits): BlockPlan {
  const forbidden = disjoint(limits.forbidden);
  const nearestBarrier = barrierSearch(limits.barriers);
  const blocks: Block[] = [];
  const unreadable: Span[] = [];
  const whole: Span[] = [];
  const free: Span[] = [];
  // Spans with the same stretch number have no gap wider than allowed between them.
  const stretches: number[] = [];
  let stretch = 0;
  let reach = 0;
  for (const span of [...spans].sort((a, b) => a.offset - b.offset || b.count - a.count || a.item - b.item)) {
    const end = span.offset + span.count;
    if (span.count > limits.max || nextForbidden(forbidden, span.offset) < end) {
      unreadable.push(span);
      continue;
    }
    if (span.offset - reach > limits.maxGap) stretch++;
    if (end > reach) reach = end;
    if (nearestBarrier(span.offset) < end) {
      whole.push(span);
    } else {
      free.push(span);
      stretches.push(stretch);
    }
  }

  const covered = new Uint8Array(free.length);
  planWhole(whole, free, covered, blocks);
  for (let first = 0; first < free.length; first++) {
    if (covered[first] === 1) continue;
    const start = free[first]!.offset;
    const limit = Math.min(start + limits.max, nextForbidden(forbidden, start), nearestBarrier(start));
    const taken: Span[] = [];
    let end = start;
    for (let index = first; index < free.length; index++) {
      const span = free[index]!;
      if (stretches[index] !== stretches[first] || span.offset >= limit) break;
      const spanEnd = span.offset + span.count;
      if (covered[index] === 1 || spanEnd > limit) continue;
      covered[index] = 1;
      taken.push(span);
      if (spanEnd > end) end = spanEnd;
    }
    blocks.push({ offset: start, count: end - start, spans: taken });
  }
  blocks.sort((a, b) => a.offset - b.offset || a.count - b.count);
  return { blocks, unreadable };
}

/** A span that holds a barrier itself has to be asked for alone; spans inside it come along for nothing. */
function planWhole(whole: readonly Span[], free: readonly Span[], covered: Uint8Array, blocks: Block[]): void {
  let from = 0;
  for (const span of whole) {
    const end = span.offset + span.count;
    const last = blocks.at(-1);
    if (last !== undefined && end <= last.offset + last.count) {
      blocks[blocks.length - 1] = { ...last, spans: [...last.spans, span] };
      continue;
    }
    while (from < free.length && free[from]!.offset < span.offset) from++;
    const along: Span[] = [];
    for (let index = from; index < free.length && free[index]!.offset < end; index++) {
      const other = free[index]!;
      if (covered[index] === 1 || other.offset + other.count > end) continue;
      covered[index] = 1;
      along.push(other);
    }
    blocks.push({ offset: span.offset, count: span.count, spans: [span, ...along] });
  }
}

/** The smallest `last` of all barriers that begin at or after a place: no request from there may reach past it. */
function barrierSearch(barriers: readonly Run[]): (offset: number) => number {
  const sorted = [...barriers].sort((a, b) => a.first - b.first);
  const smallest = new Array<number>(sorted.length + 1).fill(Number.POSITIVE_INFINITY);
  for (let index = sorted.length - 1; index >= 0; index--) {
    smallest[index] = Math.min(sorted[index]!.last, smallest[index + 1]!);
  }
  return (offset) => smallest[lowerBound(sorted.length, (index) => sorted[index]!.first >= offset)]!;
}

/** The first forbidden place at or after `offset`. */
function nextForbidden(runs: readonly Run[], offset: number): number {
  const run = runs[lowerBound(runs.length, (index) => runs[index]!.last >= offset)];
  return run === undefined ? Number.POSITIVE_INFINITY : Math.max(run.first, offset);
}

/** The smallest index for which `holds`, which must hold for all above it; `length` if there is none. */
export function lowerBound(length: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function disjoint(runs: readonly Run[]): readonly Run[] {
  const merged: Run[] = [];
  for (const run of [...runs].sort((a, b) => a.first - b.first)) {
    const last = merged.at(-1);
    if (last !== undefined && run.first <= last.last + 1) {
      merged[merged.length - 1] = { first: last.first, last: Math.max(last.last, run.last) };
    } else {
      merged.push(run);
    }
  }
  return merged;
}

export interface Cut {
  readonly left: Block;
  readonly right: Block;
}

/**
 * Where to cut a refused block in two so that no span is split: the place nearest the middle of its spans, and of
 * places equally near the one with the wider gap. Null if every place is inside a span.
 */
export function cutBlock(block: Block): Cut | null {
  const spans = [...block.spans].sort((a, b) => a.offset - b.offset);
  const middle = spans.length / 2;
  let best: { index: number; end: number; distance: number; gap: number } | null = null;
  let end = block.offset;
  spans.forEach((span, index) => {
    if (index > 0 && span.offset >= end) {
      const distance = Math.abs(index - middle);
      const gap = span.offset - end;
      if (best === null || distance < best.distance || (distance === best.distance && gap > best.gap)) {
        best = { index, end, distance, gap };
      }
    }
    end = Math.max(end, span.offset + span.count);
  });
  if (best === null) return null;
  const found: { index: number; end: number } = best;
  const from = spans[found.index]!.offset;
  return {
    left: { offset: block.offset, count: found.end - block.offset, spans: spans.slice(0, found.index) },
    right: { offset: from, count: block.offset + block.count - from, spans: spans.slice(found.index) },
  };
}
