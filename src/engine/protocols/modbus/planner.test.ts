import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Block, cutBlock, type PlanLimits, planBlocks, type Run, type Span } from './planner.ts';

const spans = (size: number, places: number, maxCount: number): fc.Arbitrary<Span[]> =>
  fc
    .array(fc.record({ offset: fc.nat(places), count: fc.integer({ min: 1, max: maxCount }) }), { maxLength: size })
    .map((list) => list.map((span, item) => ({ ...span, item })));
const runs = (size: number, places: number): fc.Arbitrary<Run[]> =>
  fc
    .array(fc.record({ first: fc.nat(places), length: fc.integer({ min: 1, max: 4 }) }), { maxLength: size })
    .map((list) => list.map(({ first, length }) => ({ first, last: first + length - 1 })));

/** Whether a request for `offset..offset+count-1` is within the limits, told place by place. */
function allowed(offset: number, count: number, all: readonly Span[], limits: PlanLimits): boolean {
  if (count > limits.max) return false;
  let unused = 0;
  for (let place = offset; place < offset + count; place++) {
    if (limits.forbidden.some((run) => run.first <= place && place <= run.last)) return false;
    const used = all.some((span) => span.offset <= place && place < span.offset + span.count);
    unused = used ? 0 : unused + 1;
    if (unused > limits.maxGap) return false;
  }
  const alone = all.some((span) => span.offset === offset && span.count === count);
  return alone || !limits.barriers.some((run) => run.first >= offset && run.last < offset + count);
}

/** The smallest number of requests, by trying every set of possible ones; null where a span fits in none. */
function fewest(list: readonly Span[], limits: PlanLimits): number {
  const readable = list.filter((span) => allowed(span.offset, span.count, [span], { ...limits, barriers: [] }));
  const requests: bigint[] = [];
  const ends = readable.map((span) => span.offset + span.count);
  for (const { offset } of readable) {
    for (const end of ends) {
      if (end <= offset || !allowed(offset, end - offset, readable, limits)) continue;
      let serves = 0n;
      readable.forEach((span, index) => {
        if (span.offset >= offset && span.offset + span.count <= end) serves |= 1n << BigInt(index);
      });
      requests.push(serves);
    }
  }
  const all = (1n << BigInt(readable.length)) - 1n;
  let reached = new Set<bigint>([0n]);
  for (let count = 0; ; count++) {
    if (reached.has(all)) return count;
    const next = new Set<bigint>();
    for (const state of reached) for (const serves of requests) next.add(state | serves);
    reached = next;
  }
}

describe('request planner', () => {
  const limits = fc.record({
    max: fc.integer({ min: 1, max: 12 }),
    maxGap: fc.nat(6),
    forbidden: runs(3, 40),
    barriers: runs(4, 40),
  });

  it('covers each span once, keeps every limit and needs no request too many', () => {
    fc.assert(
      fc.property(spans(7, 36, 5), limits, (list, limit) => {
        const plan = planBlocks(list, limit);
        const served = [...plan.blocks.flatMap((block) => block.spans), ...plan.unreadable];
        expect(served.map((span) => span.item).sort((a, b) => a - b)).toEqual(list.map((span) => span.item));
        const readable = list.filter((span) => !plan.unreadable.includes(span));
        for (const block of plan.blocks) {
          expect(allowed(block.offset, block.count, readable, limit)).toBe(true);
          for (const span of block.spans) {
            expect(span.offset).toBeGreaterThanOrEqual(block.offset);
            expect(span.offset + span.count).toBeLessThanOrEqual(block.offset + block.count);
          }
        }
        for (const span of plan.unreadable) {
          expect(allowed(span.offset, span.count, [span], { ...limit, barriers: [] })).toBe(false);
        }
        expect(plan.blocks.length).toBe(fewest(list, limit));
      }),
      { numRuns: process.env.PARX_LONG === '1' ? 20_000 : 1500 },
    );
  });

  it('does not depend on the order in which tags are given', () => {
    fc.assert(
      fc.property(spans(12, 300, 9), limits, fc.integer(), (list, limit, seed) => {
        const mixed = [...list].sort((a, b) => ((a.item * 7919 + seed) % 13) - ((b.item * 7919 + seed) % 13));
        expect(planBlocks(mixed, limit)).toEqual(planBlocks(list, limit));
      }),
    );
  });

  it('plans all 65,536 registers, one by one and with holes, without growing slow', () => {
    const every = Array.from({ length: 65_536 }, (_, offset) => ({ item: offset, offset, count: 1 }));
    const wide: PlanLimits = { max: 125, maxGap: 64, forbidden: [], barriers: [] };
    expect(planBlocks(every, wide).blocks.length).toBe(Math.ceil(65_536 / 125));
    const holes = every.filter((span) => span.offset % 2 === 0);
    expect(planBlocks(holes, { ...wide, maxGap: 0 }).blocks.length).toBe(32_768);
    const barriers = every
      .filter((span) => span.offset % 3 === 0)
      .map(({ offset }) => ({ first: offset, last: offset }));
    const between = every.filter((span) => span.offset % 3 !== 0);
    expect(planBlocks(between, { ...wide, barriers }).blocks.length).toBe(Math.floor(65_536 / 3));
  });

  it('cuts a refused block between spans, never through one', () => {
    fc.assert(
      fc.property(spans(9, 60, 6), (list) => {
        for (const block of planBlocks(list, { max: 60, maxGap: 60, forbidden: [], barriers: [] }).blocks) {
          const cut = cutBlock(block);
          if (cut === null) {
            expect(everyPlaceInside(block)).toBe(true);
            continue;
          }
          expect([...cut.left.spans, ...cut.right.spans].map((span) => span.item).sort()).toEqual(
            block.spans.map((span) => span.item).sort(),
          );
          for (const half of [cut.left, cut.right]) {
            expect(half.spans.length).toBeGreaterThan(0);
            expect(Math.min(...half.spans.map((span) => span.offset))).toBe(half.offset);
            expect(Math.max(...half.spans.map((span) => span.offset + span.count))).toBe(half.offset + half.count);
          }
        }
      }),
    );
  });
});

/** No place where a cut would not go through a span. */
function everyPlaceInside(block: Block): boolean {
  for (let place = block.offset + 1; place < block.offset + block.count; place++) {
    if (!block.spans.some((span) => span.offset < place && place < span.offset + span.count)) return false;
  }
  return true;
}
