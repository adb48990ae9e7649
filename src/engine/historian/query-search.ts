import { AppError } from '#shared/errors.ts';
import type { SearchQuery, TimeRange } from '#shared/model/index.ts';
import {
  createTest,
  intersection,
  type Outline,
  outlinesOf,
  type Spans,
  type Test,
  union,
  type Verdict,
} from './query-condition.ts';
import type { QueryJob } from './query-job.ts';
import { finestWidth, periodNear, pieceEnd, pieceStart, type QueryTag, rollupWidth } from './query-source.ts';
import { ceilTo, createBuckets, floorTo } from './rollup.ts';
import type { SearchPart } from './store.ts';
import { fillBuckets } from './view.ts';

/** Found intervals that wait to be fetched, before the search pauses. */
const MOST_WAITING = 1_000;
/** The range is first looked at in about so many buckets, and what is left open in buckets finer by `FINER`. */
const BUCKETS_FIRST = 256;
const FINER = 16;
/** Buckets of one tag that are looked at together. */
const BUCKETS_TOGETHER = 1_024;
/** So few samples are read at once, without looking at rollups first. */
const READ_AT_ONCE = 4_096;

/**
 * Finds where the conditions hold, in time order or against it. A bucket of rollups that rules a group of conditions
 * out, or proves all of them, is not read; of the others finer buckets are asked, and in the end samples. Holds some
 * buckets per tag, a chunk, and what waits to be fetched.
 */
export function searchTags(tagOf: (id: string) => QueryTag | null, query: SearchQuery): QueryJob<SearchPart> {
  const { range, backward, minDuration } = query;
  const tags = new Map<string, QueryTag>();
  const groups: Test[][] = query.where.map((group) =>
    group.map((condition) => {
      const tag = tags.get(condition.tag) ?? tagOf(condition.tag);
      if (tag === null) {
        throw new AppError('store.not-found', `There is no tag ${condition.tag} in this history.`, {
          details: { kind: 'tag', id: condition.tag },
        });
      }
      if (tag.text && !['changes', 'bad', 'silent'].includes(condition.kind)) {
        const message = `${condition.tag} is a text and has no numbers to compare. Search for changes, bad or silent.`;
        throw new AppError('config.invalid', message, { details: { issues: [{ path: 'where', message }] } });
      }
      tags.set(condition.tag, tag);
      return createTest(tag, condition, range);
    }),
  );
  const all = [...tags.values()];
  const period = Math.min(...all.map((tag) => periodNear(tag.source, (range.from + range.to) / 2)));
  const finest = finestWidth(period);

  let found: TimeRange[] = [];
  let open: { from: number; to: number } | null = null;
  let reached = backward ? range.to : range.from;
  const flush = (): void => {
    if (open !== null && open.to - open.from >= minDuration) found.push(open);
    open = null;
  };
  /** Takes what comes in the order of the search, and joins what touches. */
  const emit = (from: number, to: number): void => {
    if (open !== null && from <= open.to && to >= open.from) {
      open = { from: Math.min(from, open.from), to: Math.max(to, open.to) };
      return;
    }
    flush();
    open = { from, to };
  };
  const emitAll = (spans: Spans): void => {
    const pairs = spans.length / 2;
    for (let n = 0; n < pairs; n++) {
      const i = 2 * (backward ? pairs - 1 - n : n);
      emit(spans[i]!, spans[i + 1]!);
    }
  };

  function* read(from: number, to: number, check: () => void): Generator<null, void> {
    let [low, high] = [from, to];
    while (low < high) {
      const pieceFrom = backward ? Math.max(...all.map((tag) => pieceStart(tag.source, low, high))) : low;
      const pieceTo = backward ? high : Math.min(...all.map((tag) => pieceEnd(tag.source, low, high)));
      let holds: Spans = [];
      for (const group of groups) {
        let inGroup: Spans = [pieceFrom, pieceTo];
        for (const test of group) {
          if (inGroup.length === 0) break;
          inGroup = intersection(inGroup, test.spans(pieceFrom, pieceTo, check));
        }
        holds = union(holds, inGroup);
      }
      emitAll(holds);
      if (backward) high = pieceFrom;
      else low = pieceTo;
      reached = backward ? high : low;
      yield null;
    }
  }

  function* walk(from: number, to: number, width: number, check: () => void): Generator<null, void> {
    if (width < finest || (to - from) / period <= READ_AT_ONCE) {
      yield* read(from, to, check);
      return;
    }
    const together = width * BUCKETS_TOGETHER;
    const first = floorTo(from, width);
    const pieces = Math.ceil((to - first) / together);
    for (let n = 0; n < pieces; n++) {
      const start = first + (backward ? pieces - 1 - n : n) * together;
      const [low, high] = [Math.max(from, start), Math.min(to, start + together)];
      const outlines = new Map<QueryTag, Outline[]>();
      for (const tag of all) {
        check();
        const buckets = createBuckets(start, ceilTo(high, width), width);
        fillBuckets(tag.source, buckets, buckets.from, buckets.from + buckets.length * width, check);
        outlines.set(tag, outlinesOf(tag, buckets, low, high));
      }
      const runs = runsOf(ceilTo(high - start, width) / width, (i) => judge(groups, outlines, i));
      if (backward) runs.reverse();
      for (const run of runs) {
        const [runFrom, runTo] = [Math.max(low, start + run.from * width), Math.min(high, start + run.to * width)];
        if (run.verdict === 'ask') yield* walk(runFrom, runTo, rollupWidth(width / FINER), check);
        else if (run.verdict === 'always') emit(runFrom, runTo);
        reached = backward ? runFrom : runTo;
      }
      yield null;
    }
  }

  let check: () => void = () => undefined;
  const steps = walk(
    range.from,
    range.to,
    Math.max(rollupWidth((range.to - range.from) / BUCKETS_FIRST), rollupWidth(finest)),
    () => check(),
  );
  return {
    run(checking, until) {
      check = checking;
      while (found.length < MOST_WAITING) {
        if (steps.next().done === true) {
          flush();
          return true;
        }
        if (until()) return false;
      }
      return false;
    },
    take() {
      const intervals = found;
      found = [];
      return { intervals, reached };
    },
  };
}

function judge(
  groups: readonly (readonly Test[])[],
  outlines: ReadonlyMap<QueryTag, readonly Outline[]>,
  i: number,
): Verdict {
  let any: Verdict = 'never';
  for (const group of groups) {
    let all: Verdict = 'always';
    for (const test of group) {
      const one = test.judge(outlines.get(test.tag)![i]!);
      if (one === 'never') {
        all = 'never';
        break;
      }
      if (one === 'ask') all = 'ask';
    }
    if (all === 'always') return 'always';
    if (all === 'ask') any = 'ask';
  }
  return any;
}

interface VerdictRun {
  readonly verdict: Verdict;
  readonly from: number;
  readonly to: number;
}

function runsOf(length: number, verdictOf: (index: number) => Verdict): VerdictRun[] {
  const runs: VerdictRun[] = [];
  for (let i = 0; i < length; i++) {
    const verdict = verdictOf(i);
    const last = runs.at(-1);
    if (last?.verdict === verdict) runs[runs.length - 1] = { ...last, to: i + 1 };
    else runs.push({ verdict, from: i, to: i + 1 });
  }
  return runs;
}
