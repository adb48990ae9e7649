import { isBad, type SearchCondition, type TimeRange } from '#shared/model/index.ts';
import { eachScaled, type Held, heldBefore, lowerBound, pieceStart, type QueryTag } from './query-source.ts';
import type { Buckets } from './rollup.ts';
import { sampleFrom } from './samples.ts';

/** What rollups say of a condition over some time: it holds nowhere, or everywhere, or samples must be asked. */
export type Verdict = 'never' | 'always' | 'ask';

/** Intervals as pairs of numbers, ascending, not overlapping: begin, end, begin, end ... */
export type Spans = readonly number[];

/** A bucket of rollups of one tag, scaled, with what reaches into it. */
export interface Outline {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly bad: number;
  readonly min: number;
  readonly max: number;
  readonly firstTime: number;
  readonly lastTime: number;
  /** The last sample before `from`. */
  readonly before: Held | null;
  /** Time of the first sample at or after `to`; infinite if there is none. */
  readonly nextTime: number;
  /** Width of the rollup bucket, which may reach beyond from and to. */
  readonly width: number;
}

/** A condition made ready for one tag. */
export interface Test {
  readonly tag: QueryTag;
  judge(outline: Outline): Verdict;
  /** Where it holds in [from, to), from samples. */
  spans(from: number, to: number, check: () => void): Spans;
}

/** State of a condition with hysteresis; `none` where no value is known. */
type State = 'on' | 'off' | 'none';

/** A level condition: by value, and by the least and the greatest of many. Written so that NaN proves nothing. */
interface Level {
  on(value: number): boolean;
  off(value: number): boolean;
  noneOn(min: number, max: number): boolean;
  noneOff(min: number, max: number): boolean;
}

function levelOf(condition: Exclude<SearchCondition, { kind: 'changes' | 'bad' | 'silent' }>): Level {
  if (condition.kind === 'compare') return comparison(condition.op, condition.value, condition.hysteresis);
  if ('level' in condition) {
    // An edge is where the comparison begins to hold.
    return comparison(condition.kind === 'rises' ? '>=' : '<', condition.level, condition.hysteresis);
  }
  const { low, high, hysteresis: h } = condition;
  if (condition.kind === 'between') {
    return {
      on: (v) => v >= low && v <= high,
      off: (v) => v < low - h || v > high + h,
      noneOn: (min, max) => max < low || min > high,
      noneOff: (min, max) => min >= low - h && max <= high + h,
    };
  }
  return {
    on: (v) => v < low || v > high,
    off: (v) => v >= low + h && v <= high - h,
    noneOn: (min, max) => min >= low && max <= high,
    noneOff: (min, max) => max < low + h || min > high - h,
  };
}

function comparison(op: '<' | '<=' | '>' | '>=' | '==' | '!=', level: number, h: number): Level {
  switch (op) {
    case '>':
      return {
        on: (v) => v > level,
        off: (v) => v <= level - h,
        noneOn: (_, max) => max <= level,
        noneOff: (min) => min > level - h,
      };
    case '>=':
      return {
        on: (v) => v >= level,
        off: (v) => v < level - h,
        noneOn: (_, max) => max < level,
        noneOff: (min) => min >= level - h,
      };
    case '<':
      return {
        on: (v) => v < level,
        off: (v) => v >= level + h,
        noneOn: (min) => min >= level,
        noneOff: (_, max) => max < level + h,
      };
    case '<=':
      return {
        on: (v) => v <= level,
        off: (v) => v > level + h,
        noneOn: (min) => min > level,
        noneOff: (_, max) => max <= level + h,
      };
    case '==':
      return {
        on: (v) => v === level,
        off: (v) => v !== level,
        noneOn: (min, max) => level < min || level > max,
        noneOff: (min, max) => min === level && max === level,
      };
    case '!=':
      return {
        on: (v) => v !== level,
        off: (v) => v === level,
        noneOn: (min, max) => min === level && max === level,
        noneOff: (min, max) => level < min || level > max,
      };
  }
}

export function createTest(tag: QueryTag, condition: SearchCondition, range: TimeRange): Test {
  switch (condition.kind) {
    case 'bad':
      return badTest(tag);
    case 'changes':
      return changeTest(tag, gapsOver(tag, range));
    case 'silent':
      return silenceTest(tag, condition.longerThan);
    case 'rises':
    case 'falls':
      return levelTest(tag, levelOf(condition), true, hysteresisOf(condition), range);
    default:
      return levelTest(tag, levelOf(condition), false, hysteresisOf(condition), range);
  }
}

const hysteresisOf = (condition: { readonly hysteresis: number }): boolean => condition.hysteresis > 0;

interface Gaps {
  /** Begin of the first gap at or after `time`; infinite if there is none. */
  next(time: number): number;
}

function gapsOver(tag: QueryTag, { from, to }: TimeRange): Gaps {
  const before = heldBefore(tag, from);
  const starts = tag.gapStarts(before?.time ?? from, to);
  return {
    next: (time) => starts[lowerBound(starts, time, 0, starts.length)] ?? Number.POSITIVE_INFINITY,
  };
}

function levelTest(tag: QueryTag, level: Level, edges: boolean, hysteresis: boolean, range: TimeRange): Test {
  const gaps = gapsOver(tag, range);
  /** State at `at`; known to be the same back to `from`. */
  let known: { readonly from: number; readonly at: number; readonly state: State } | null = null;

  /** The state after a value that follows `state`. */
  const step = (state: State, value: number): State =>
    Number.isNaN(value) ? 'none' : level.on(value) ? 'on' : state === 'none' || level.off(value) ? 'off' : state;

  /** The state that reaches into `time`, of the sample before it. */
  const stateAt = (time: number, held: Held | null, check: () => void): State => {
    if (held === null || Number.isNaN(held.value) || gaps.next(held.time) <= time) return 'none';
    if (level.on(held.value)) return 'on';
    if (!hysteresis || level.off(held.value)) return 'off';
    if (held.time < range.from) return 'off';
    return lookBack(time, check);
  };

  /** The value lies between on and off: what was last before decides, no further back than the range. */
  const lookBack = (time: number, check: () => void): State => {
    let until = time;
    for (;;) {
      if (known !== null && known.from <= until && until <= known.at) {
        known = { from: known.from, at: Math.max(time, known.at), state: known.state };
        return known.state;
      }
      const floor = known !== null && known.at < until ? known.at : range.from;
      const from = pieceStart(tag.source, floor, until);
      const held = heldBefore(tag, from);
      let state: State | 'open' = held === null ? 'none' : 'open';
      let decided = from;
      let heldTime = held?.time ?? Number.NEGATIVE_INFINITY;
      eachScaled(
        tag,
        from,
        until,
        (times, values, qualities, a, b) => {
          for (let i = a; i < b; i++) {
            const time = times[i]!;
            if (gaps.next(heldTime) <= time) state = 'none';
            heldTime = time;
            const value = isBad(qualities[i]!) ? Number.NaN : values[i]!;
            if (state === 'open' && !Number.isNaN(value) && !level.on(value) && !level.off(value)) continue;
            const next: State = step(state === 'open' ? 'none' : state, value);
            if (next !== state) decided = time + 1;
            state = next;
          }
        },
        check,
      );
      // The compiler does not see what the visit has done.
      state = state as State | 'open';
      if (state !== 'open') {
        known = { from: decided, at: time, state };
        return state;
      }
      if (from <= range.from) {
        const first = heldBefore(tag, range.from);
        state = first !== null && gaps.next(first.time) > range.from ? step('none', first.value) : 'none';
        // A value that is neither on nor off and has nothing before it begins as off.
        if (state === 'none') state = 'off';
        known = { from: range.from, at: time, state };
        return state;
      }
      until = from;
    }
  };

  return {
    tag,
    judge({ from, to, count, bad, min, max, before }) {
      const empty = count === 0;
      if (edges) {
        if (empty || level.noneOn(min, max)) return 'never';
        if (!level.noneOff(min, max)) return 'ask';
        // Without a value that is off before them there is no beginning. With hysteresis a value between on and off is
        // off where it is the first after a bad one or a gap.
        const known = before !== null && !Number.isNaN(before.value);
        if (known && !level.on(before.value)) return 'ask';
        return !hysteresis || (known && bad === 0 && gaps.next(before.time) >= to) ? 'never' : 'ask';
      }
      const void_ = before === null || Number.isNaN(before.value) || gaps.next(before.time) <= from;
      const reaches: State | 'open' = void_
        ? 'none'
        : level.on(before.value)
          ? 'on'
          : !hysteresis || level.off(before.value)
            ? 'off'
            : 'open';
      if ((empty || level.noneOn(min, max)) && (reaches === 'off' || reaches === 'none')) return 'never';
      const unbroken = bad === 0 && before !== null && gaps.next(before.time) >= to;
      if (reaches === 'on' && unbroken && (empty || level.noneOff(min, max))) return 'always';
      return 'ask';
    },
    spans(from, to, check) {
      const spans: number[] = [];
      const held = heldBefore(tag, from);
      let state = stateAt(from, held, check);
      let since = from;
      let end = held === null ? Number.NEGATIVE_INFINITY : gaps.next(held.time);
      const close = (time: number): void => {
        if (state === 'on' && !edges && time > since) push(spans, since, time);
      };
      eachScaled(
        tag,
        from,
        to,
        (times, values, qualities, a, b) => {
          for (let i = a; i < b; i++) {
            const time = times[i]!;
            if (end <= time) {
              close(end);
              state = 'none';
            }
            const next = step(state, isBad(qualities[i]!) ? Number.NaN : values[i]!);
            if (next !== state) {
              close(time);
              if (edges && next === 'on' && state === 'off') push(spans, time, time + 1);
              since = time;
              state = next;
            }
            if (end < time) end = gaps.next(time);
          }
        },
        check,
      );
      close(Math.min(to, end));
      return spans;
    },
  };
}

function badTest(tag: QueryTag): Test {
  const wasBad = (held: Held | null): boolean => held !== null && Number.isNaN(held.value);
  return {
    tag,
    judge({ count, bad, before }) {
      if (bad === 0 && !wasBad(before)) return 'never';
      if (count === 0 && wasBad(before)) return 'always';
      return 'ask';
    },
    spans(from, to, check) {
      const spans: number[] = [];
      let since = wasBad(heldBefore(tag, from)) ? from : Number.NaN;
      eachScaled(
        tag,
        from,
        to,
        (times, values, qualities, a, b) => {
          for (let i = a; i < b; i++) {
            const bad = isBad(qualities[i]!) || Number.isNaN(values[i]!);
            if (bad === !Number.isNaN(since)) continue;
            const time = times[i]!;
            if (!bad && time > since) push(spans, since, time);
            since = bad ? time : Number.NaN;
          }
        },
        check,
      );
      if (!Number.isNaN(since)) push(spans, since, to);
      return spans;
    },
  };
}

function changeTest(tag: QueryTag, gaps: Gaps): Test {
  return {
    tag,
    judge({ count, min, max, before }) {
      if (count === 0) return 'never';
      const same = before === null || Number.isNaN(before.value) || before.value === min;
      return min === max && same ? 'never' : 'ask';
    },
    spans(from, to, check) {
      const spans: number[] = [];
      const held = heldBefore(tag, from);
      let before = held?.value ?? Number.NaN;
      let end = held === null ? Number.NEGATIVE_INFINITY : gaps.next(held.time);
      eachScaled(
        tag,
        from,
        to,
        (times, values, qualities, a, b) => {
          for (let i = a; i < b; i++) {
            const time = times[i]!;
            const value = isBad(qualities[i]!) ? Number.NaN : values[i]!;
            // Comparisons with NaN are false, so that nothing changes from or to what is not usable.
            if (end > time && (value < before || value > before)) push(spans, time, time + 1);
            before = value;
            if (end < time) end = gaps.next(time);
          }
        },
        check,
      );
      return spans;
    },
  };
}

function silenceTest(tag: QueryTag, longerThan: number): Test {
  return {
    tag,
    judge({ count, bad, firstTime, lastTime, before, nextTime, width }) {
      const left = before?.time ?? Number.NEGATIVE_INFINITY;
      if (count + bad === 0) return nextTime - left > longerThan ? 'always' : 'never';
      // In a bucket no wider than that two samples are never so far apart.
      if (width > longerThan) return 'ask';
      return firstTime - left <= longerThan && nextTime - lastTime <= longerThan ? 'never' : 'ask';
    },
    spans(from, to, check) {
      const spans: number[] = [];
      let last = heldBefore(tag, from)?.time ?? Number.NEGATIVE_INFINITY;
      const next = (time: number): void => {
        const begin = Math.max(last, from);
        const end = Math.min(time, to);
        if (time - last > longerThan && end > begin) push(spans, begin, end);
        last = time;
      };
      eachScaled(
        tag,
        from,
        to,
        (times, _values, _qualities, a, b) => {
          for (let i = a; i < b; i++) next(times[i]!);
        },
        check,
      );
      next(sampleFrom(tag.source, to)?.time ?? Number.POSITIVE_INFINITY);
      return spans;
    },
  };
}

/** Appends an interval, which begins at or after the end of the last one, and joins it where they touch. */
function push(spans: number[], from: number, to: number): void {
  if (spans.length > 0 && spans[spans.length - 1]! >= from) spans[spans.length - 1] = Math.max(spans.at(-1)!, to);
  else spans.push(from, to);
}

export function intersection(a: Spans, b: Spans): Spans {
  const out: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const from = Math.max(a[i]!, b[j]!);
    const to = Math.min(a[i + 1]!, b[j + 1]!);
    if (from < to) out.push(from, to);
    if (a[i + 1]! < b[j + 1]!) i += 2;
    else j += 2;
  }
  return out;
}

export function union(a: Spans, b: Spans): Spans {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const out: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (j >= b.length || (i < a.length && a[i]! <= b[j]!)) {
      push(out, a[i]!, a[i + 1]!);
      i += 2;
    } else {
      push(out, b[j]!, b[j + 1]!);
      j += 2;
    }
  }
  return out;
}

/** The buckets of one tag as a test sees them, clipped to [from, to), scaled. */
export function outlinesOf(tag: QueryTag, buckets: Buckets, from: number, to: number): Outline[] {
  const outlines: Outline[] = [];
  let before = heldBefore(tag, from);
  const falling = (tag.scaling.linear?.gain ?? 1) < 0;
  for (let i = 0; i < buckets.length; i++) {
    const start = buckets.from + i * buckets.width;
    const count = buckets.count[i]!;
    const bad = buckets.bad[i]!;
    const ends = [buckets.min[i]!, buckets.max[i]!].map((value) => (count > 0 ? tag.scaling.one(value) : Number.NaN));
    outlines.push({
      from: Math.max(from, start),
      to: Math.min(to, start + buckets.width),
      count,
      bad,
      min: falling ? ends[1]! : ends[0]!,
      max: falling ? ends[0]! : ends[1]!,
      firstTime: buckets.firstTime[i]!,
      lastTime: buckets.lastTime[i]!,
      before,
      nextTime: Number.POSITIVE_INFINITY,
      width: buckets.width,
    });
    if (count + bad > 0) {
      const last = buckets.last[i]!;
      before = { time: buckets.lastTime[i]!, value: Number.isNaN(last) ? last : tag.scaling.one(last) };
    }
  }
  let next = sampleFrom(tag.source, to)?.time ?? Number.POSITIVE_INFINITY;
  for (let i = outlines.length - 1; i >= 0; i--) {
    outlines[i] = { ...outlines[i]!, nextTime: next };
    if (outlines[i]!.count + outlines[i]!.bad > 0) next = outlines[i]!.firstTime;
  }
  return outlines;
}
