import type {
  AggregateFunction,
  AggregateQuery,
  SearchCondition,
  SearchQuery,
  TimeRange,
} from '#shared/model/index.ts';
import type { Known } from './naive-view.ts';

/** Begins of gaps and all samples of a tag, scaled, in time order without duplicates. */
export interface NaiveTag {
  readonly samples: readonly Known[];
  readonly gaps: readonly number[];
}

const usable = (one: Known): boolean => one.quality < 0x8000 && !Number.isNaN(one.value);

/** The samples that a range can depend on: its own, the one before and the one after. */
function near({ samples, gaps }: NaiveTag, range: TimeRange): NaiveTag {
  const first = samples.findLastIndex((one) => one.time < range.from);
  const after = samples.findIndex((one) => one.time >= range.to);
  return { gaps, samples: samples.slice(Math.max(0, first), after < 0 ? samples.length : after + 1) };
}

/** Stretches of time with the line that the value follows there. */
interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly at: (time: number) => number;
}

function stretches({ samples, gaps }: NaiveTag, maxHold: number | null, lines: boolean): Stretch[] {
  const out: Stretch[] = [];
  samples.forEach((one, i) => {
    if (!usable(one)) return;
    const next = samples[i + 1];
    const gap = gaps.find((from) => from >= one.time) ?? Number.POSITIVE_INFINITY;
    const end = Math.min(gap, one.time + (maxHold ?? Number.POSITIVE_INFINITY));
    const to = Math.min(next?.time ?? Number.POSITIVE_INFINITY, end);
    const straight = lines && next !== undefined && usable(next) && next.time <= end;
    const slope = straight ? (next.value - one.value) / (next.time - one.time) : 0;
    if (to > one.time) out.push({ from: one.time, to, at: (time) => one.value + slope * (time - one.time) });
  });
  return out;
}

/** The same question answered from every sample with plain loops over objects. */
export function naiveAggregate(
  whole: NaiveTag,
  query: AggregateQuery,
  grid: { readonly start: number; readonly step: number; readonly length: number },
  functions: readonly AggregateFunction[],
): number[][] {
  const tag = near(whole, query.range);
  const held = stretches(tag, query.maxHold, false);
  const lines = stretches(tag, query.maxHold, true);
  const columns = functions.map((): number[] => []);
  let place = 0;
  let heldPlace = 0;
  let linePlace = 0;
  for (let n = 0; n < grid.length; n++) {
    const start = grid.start + n * grid.step;
    const from = Math.max(start, query.range.from);
    const to = Math.min(start + grid.step, query.range.to);
    while (place < tag.samples.length && tag.samples[place]!.time < from) place++;
    let end = place;
    while (end < tag.samples.length && tag.samples[end]!.time < to) end++;
    const inside = tag.samples.slice(place, end);
    while (heldPlace < held.length && held[heldPlace]!.to <= from) heldPlace++;
    while (linePlace < lines.length && lines[linePlace]!.to <= from) linePlace++;
    const over = (all: readonly Stretch[], at: number): Stretch[] => {
      const some: Stretch[] = [];
      for (let i = at; i < all.length && all[i]!.from < to; i++) {
        const one = all[i]!;
        some.push({ from: Math.max(from, one.from), to: Math.min(to, one.to), at: one.at });
      }
      return some.filter((one) => one.to > one.from);
    };
    const bucket = { start, inside, held: over(held, heldPlace), lines: over(lines, linePlace) };
    for (const [i, name] of functions.entries()) columns[i]!.push(naiveFunction(name, bucket));
  }
  return columns.map((column, i) => filled(tag, column, functions[i]!, query, grid));
}

function naiveFunction(
  name: AggregateFunction,
  bucket: {
    readonly start: number;
    readonly inside: readonly Known[];
    readonly held: readonly Stretch[];
    readonly lines: readonly Stretch[];
  },
): number {
  const good = bucket.inside.filter(usable);
  const values = good.map((one) => one.value);
  const n = values.length;
  const none = Number.NaN;
  const sum = values.reduce((a, b) => a + b, 0);
  const squares = values.reduce((a, b) => a + (b - sum / n) ** 2, 0);
  const least = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const known = bucket.held.reduce((all, one) => all + one.to - one.from, 0);
  const weighted = (of: (value: number) => number): number =>
    bucket.held.reduce((all, one) => all + of(one.at(one.from)) * (one.to - one.from), 0) / known;
  const first = bucket.inside[0];
  const last = bucket.inside.at(-1);
  switch (name) {
    case 'count':
      return n;
    case 'bad':
      return bucket.inside.length - n;
    case 'quality':
      return first === undefined ? none : Math.max(...bucket.inside.map((one) => one.quality));
    case 'min':
      return n === 0 ? none : least;
    case 'max':
      return n === 0 ? none : most;
    case 'sum':
      return n === 0 ? none : sum;
    case 'mean':
      return sum / n;
    case 'first':
      return first !== undefined && usable(first) ? first.value : none;
    case 'last':
      return last !== undefined && usable(last) ? last.value : none;
    case 'firstTime':
      return first?.time ?? none;
    case 'lastTime':
      return last?.time ?? none;
    case 'minTime':
      return good.find((one) => one.value === least)?.time ?? none;
    case 'maxTime':
      return good.find((one) => one.value === most)?.time ?? none;
    case 'deviation':
      return n < 2 ? none : Math.sqrt(squares / (n - 1));
    case 'populationDeviation':
      return n === 0 ? none : Math.sqrt(squares / n);
    case 'heldMin':
      return known === 0 ? none : Math.min(...bucket.held.map((one) => one.at(one.from)));
    case 'heldMax':
      return known === 0 ? none : Math.max(...bucket.held.map((one) => one.at(one.from)));
    case 'heldMean':
      return weighted((value) => value);
    case 'heldDeviation': {
      const mean = weighted((value) => value);
      return Math.sqrt(weighted((value) => (value - mean) ** 2));
    }
    case 'duty':
      return weighted((value) => (value === 0 ? 0 : 1));
    case 'known':
      return known;
    case 'at':
      return bucket.held[0]?.from === bucket.start ? bucket.held[0].at(bucket.start) : none;
    case 'linearAt':
      return bucket.lines[0]?.from === bucket.start ? bucket.lines[0].at(bucket.start) : none;
    case 'linearMean': {
      const total = bucket.lines.reduce((all, one) => all + one.to - one.from, 0);
      const area = bucket.lines.reduce(
        (all, one) => all + ((one.at(one.from) + one.at(one.to)) / 2) * (one.to - one.from),
        0,
      );
      return area / total;
    }
    default: {
      const p = Number(name.slice(1));
      const sorted = [...values].sort((a, b) => a - b);
      const place = ((n - 1) * p) / 100;
      if (n === 0) return none;
      const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
      return low + (high - low) * (place - Math.floor(place));
    }
  }
}

function filled(
  tag: NaiveTag,
  column: readonly number[],
  name: AggregateFunction,
  { fill, range }: AggregateQuery,
  grid: { readonly start: number; readonly step: number },
): number[] {
  if (['count', 'bad', 'quality', 'known', 'minTime', 'maxTime', 'firstTime', 'lastTime'].includes(name)) {
    return [...column];
  }
  const derived = ['sum', 'deviation', 'populationDeviation', 'heldDeviation', 'duty'].includes(name);
  const before = tag.samples.findLast((one) => one.time < range.from);
  return column.map((value, i) => {
    if (!Number.isNaN(value) || fill.kind === 'none') return value;
    if (fill.kind === 'constant') return fill.value;
    const longest = fill.maxAge ?? Number.POSITIVE_INFINITY;
    let left = i - 1;
    while (left >= 0 && Number.isNaN(column[left]!)) left--;
    if (fill.kind === 'previous') {
      if (left >= 0) return (i - left) * grid.step <= longest ? column[left]! : Number.NaN;
      if (before === undefined || !usable(before) || derived) return Number.NaN;
      return grid.start + i * grid.step - before.time <= longest ? before.value : Number.NaN;
    }
    let right = i + 1;
    while (right < column.length && Number.isNaN(column[right]!)) right++;
    if (left < 0 || right >= column.length || (right - left) * grid.step > longest) return Number.NaN;
    return column[left]! + ((column[right]! - column[left]!) * (i - left)) / (right - left);
  });
}

/** Every moment of the range at which a condition may begin or end, and whether it holds from there. */
export function naiveSearch(tags: ReadonlyMap<string, NaiveTag>, query: SearchQuery): TimeRange[] {
  const groups = query.where.map((group) =>
    group.map((condition) => naiveCondition(near(tags.get(condition.tag)!, query.range), condition, query.range)),
  );
  const moments = new Set([query.range.from, query.range.to]);
  for (const one of groups.flat(2)) moments.add(one.from).add(one.to);
  const times = [...moments].sort((a, b) => a - b);
  // Where each condition stands while the moments go by.
  const places = groups.map((group) => group.map(() => 0));
  const found: { from: number; to: number }[] = [];
  for (let i = 0; i + 1 < times.length; i++) {
    const from = times[i]!;
    const to = times[i + 1]!;
    const holds = groups.map((group, g) =>
      group
        .map((intervals, c) => {
          while (places[g]![c]! < intervals.length && intervals[places[g]![c]!]!.to <= from) places[g]![c]!++;
          const one = intervals[places[g]![c]!];
          return one !== undefined && one.from <= from;
        })
        .every(Boolean),
    );
    if (!holds.some(Boolean)) continue;
    const last = found.at(-1);
    if (last?.to === from) last.to = to;
    else found.push({ from, to });
  }
  const long = found.filter((one) => one.to - one.from >= query.minDuration);
  return query.backward ? long.reverse() : long;
}

function naiveCondition({ samples, gaps }: NaiveTag, condition: SearchCondition, range: TimeRange): TimeRange[] {
  const out: TimeRange[] = [];
  const add = (from: number, to: number): void => {
    const [a, b] = [Math.max(from, range.from), Math.min(to, range.to)];
    if (a < b) out.push({ from: a, to: b });
  };
  if (condition.kind === 'silent') {
    const times = [Number.NEGATIVE_INFINITY, ...samples.map((one) => one.time), Number.POSITIVE_INFINITY];
    for (let i = 1; i < times.length; i++) {
      if (times[i]! - times[i - 1]! > condition.longerThan) add(times[i - 1]!, times[i]!);
    }
    return out;
  }
  if (condition.kind === 'bad') {
    samples.forEach((one, i) => {
      if (!usable(one)) add(one.time, samples[i + 1]?.time ?? Number.POSITIVE_INFINITY);
    });
    return out;
  }
  // The sample before the range begins it, as if nothing had been before.
  const first = Math.max(
    0,
    samples.findLastIndex((one) => one.time < range.from),
  );
  let state = false;
  let before: Known | null = null;
  samples.slice(first).forEach((one, i, some) => {
    const gap = gaps.find((from) => before !== null && from >= before.time);
    if (before !== null && (!usable(before) || (gap !== undefined && gap <= one.time))) before = null;
    const value = one.value;
    const end = Math.min(
      some[i + 1]?.time ?? Number.POSITIVE_INFINITY,
      gaps.find((from) => from >= one.time) ?? Number.POSITIVE_INFINITY,
    );
    if (!('hysteresis' in condition)) {
      if (before !== null && usable(one) && value !== before.value) add(one.time, one.time + 1);
    } else {
      const was = before === null ? null : state;
      state =
        usable(one) &&
        (naiveOn(condition, value, 0) || (was === true && naiveOn(condition, value, condition.hysteresis)));
      const edge = condition.kind === 'rises' || condition.kind === 'falls';
      if (edge && was === false && state) add(one.time, one.time + 1);
      if (!edge && state) add(one.time, end);
    }
    before = one;
  });
  return out;
}

/** `slack`: how far beyond its limit the condition still goes on. */
function naiveOn(
  condition: Exclude<SearchCondition, { kind: 'changes' | 'bad' | 'silent' }>,
  v: number,
  slack: number,
) {
  switch (condition.kind) {
    case 'rises':
      return v >= condition.level - slack;
    case 'falls':
      return v < condition.level + slack;
    case 'between':
      return v >= condition.low - slack && v <= condition.high + slack;
    case 'outside':
      return v < condition.low + slack || v > condition.high - slack;
    case 'compare': {
      const { op, value } = condition;
      if (op === '<') return v < value + slack;
      if (op === '<=') return v <= value + slack;
      if (op === '>') return v > value - slack;
      if (op === '>=') return v >= value - slack;
      return op === '==' ? v === value : v !== value;
    }
  }
}
