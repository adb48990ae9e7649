import { AppError } from '#shared/errors.ts';
import {
  type AggregateQuery,
  type IntervalStatistics,
  MOST_BUCKETS,
  MOST_CELLS,
  MOST_CONDITIONS,
  MOST_QUERY_TAGS,
  type SearchQuery,
  STATISTICS,
  type TimeRange,
} from '#shared/model/index.ts';
import { isPercentile, percentOf } from './query-moments.ts';
import { FINEST_WIDTH } from './rollup.ts';
import type { Aggregate } from './store.ts';

export interface QueryGridPlan {
  readonly start: number;
  readonly step: number;
  readonly length: number;
}

function invalid(path: string, message: string): AppError {
  return new AppError('config.invalid', message, { details: { issues: [{ path, message }] } });
}

function tooMany(limit: number, message: string): AppError {
  return new AppError('query.too-many-samples', message, { details: { limit } });
}

function checkRange({ from, to }: TimeRange): void {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to)) {
    throw invalid('range', 'The ends of the range must be whole microseconds.');
  }
  if (to < from) throw invalid('range', 'The range is reversed: its end must lie after its start.');
  if (to === from) throw invalid('range', 'The range is empty: its end must lie after its start.');
  if (!Number.isSafeInteger(to - from)) throw invalid('range', 'The range is longer than 285 years. Shorten it.');
}

/** Works out the grid and refuses what cannot be answered; throws `config.invalid`, `query.too-many-samples`, `rpc.limit`. */
export function planAggregate({ tags, range, grid, fill, maxHold }: AggregateQuery): QueryGridPlan {
  checkRange(range);
  if (tags.length > MOST_QUERY_TAGS) {
    throw new AppError('rpc.limit', `A query takes at most ${MOST_QUERY_TAGS} tags.`, {
      details: { what: 'tags of one query', limit: MOST_QUERY_TAGS },
    });
  }
  for (const { tag, functions } of tags) {
    if (functions.length === 0) throw invalid('tags', `No function is asked of tag ${tag}.`);
    for (const name of functions) {
      if (isPercentile(name) && !(percentOf(name) <= 100)) {
        throw invalid('tags', `"${name}" is no percentile: p0 to p100.`);
      }
    }
  }
  for (const [path, micros] of [
    ['maxHold', maxHold],
    ['fill', fill.kind === 'previous' || fill.kind === 'linear' ? fill.maxAge : null],
  ] as const) {
    if (micros !== null && !(micros > 0)) throw invalid(path, 'A longest time must be above zero.');
  }
  const plan = 'step' in grid ? stepGrid(range, grid.step, grid.origin) : countGrid(range, grid.buckets);
  const columns = tags.reduce((sum, { functions }) => sum + functions.length, 0);
  if (plan.length * columns > MOST_CELLS) {
    throw tooMany(
      MOST_CELLS,
      `${plan.length} buckets of ${columns} columns are more than ${MOST_CELLS} values. Ask for a wider step, or in parts.`,
    );
  }
  return plan;
}

function stepGrid({ from, to }: TimeRange, step: number, origin: number): QueryGridPlan {
  if (!(Number.isSafeInteger(step) && step >= 1))
    throw invalid('grid', 'The step must be whole microseconds, 1 or more.');
  if (!Number.isSafeInteger(origin) || !Number.isSafeInteger(from - origin)) {
    throw invalid('grid', 'The origin must be whole microseconds within 285 years of the range.');
  }
  const start = from - modulo(from - origin, step);
  const length = Math.ceil((to - start) / step);
  if (!Number.isSafeInteger(start + length * step)) throw invalid('grid', 'The last bucket ends beyond all time.');
  if (length > MOST_BUCKETS) {
    throw tooMany(MOST_BUCKETS, `${length} buckets are more than ${MOST_BUCKETS}. Ask for a wider step, or in parts.`);
  }
  return { start, step, length };
}

const modulo = (value: number, by: number): number => {
  const rest = value % by;
  return rest < 0 ? rest + by : rest;
};

function countGrid({ from, to }: TimeRange, buckets: number): QueryGridPlan {
  if (!(Number.isSafeInteger(buckets) && buckets >= 1 && buckets <= MOST_BUCKETS)) {
    throw tooMany(MOST_BUCKETS, `A query takes 1 to ${MOST_BUCKETS} buckets.`);
  }
  const finest = FINEST_WIDTH;
  let step = Math.max(1, Math.ceil((to - from) / buckets));
  if (step > finest / 2) {
    let width = finest;
    while (width < step) width *= 2;
    step = width;
  }
  for (;;) {
    const start = Math.floor(from / step) * step;
    const length = Math.ceil((to - start) / step);
    // Buckets are aligned to 1970, so that a range across it has two at least.
    const fewest = from < 0 && to > 0 ? 2 : 1;
    if (length <= Math.max(buckets, fewest)) return { start, step, length };
    step = step < finest / 2 ? step + 1 : Math.max(finest, step * 2);
  }
}

/** Refuses searches that cannot be meant; throws `config.invalid`, `rpc.limit`. */
export function checkSearch({ range, where, minDuration }: SearchQuery): void {
  checkRange(range);
  const conditions = where.flat();
  if (where.length === 0 || where.some((group) => group.length === 0)) {
    throw invalid('where', 'A search needs a condition in every group.');
  }
  if (conditions.length > MOST_CONDITIONS) {
    throw new AppError('rpc.limit', `A search takes at most ${MOST_CONDITIONS} conditions.`, {
      details: { what: 'conditions of one search', limit: MOST_CONDITIONS },
    });
  }
  if (!(minDuration >= 0)) throw invalid('minDuration', 'The shortest duration must not be negative.');
  for (const one of conditions) {
    const numbers =
      one.kind === 'compare'
        ? [one.value, one.hysteresis]
        : one.kind === 'between' || one.kind === 'outside'
          ? [one.low, one.high, one.hysteresis]
          : one.kind === 'rises' || one.kind === 'falls'
            ? [one.level, one.hysteresis]
            : [];
    if (numbers.some((number) => Number.isNaN(number))) throw invalid('where', 'A limit is no number.');
    if ('hysteresis' in one && !(one.hysteresis >= 0)) throw invalid('where', 'A hysteresis must not be negative.');
    if (one.kind === 'compare' && (one.op === '==' || one.op === '!=') && one.hysteresis !== 0) {
      throw invalid('where', `"${one.op}" has no hysteresis; use "between".`);
    }
    if ((one.kind === 'between' || one.kind === 'outside') && !(one.low <= one.high)) {
      throw invalid('where', `The limits are reversed: ${one.low} is above ${one.high}.`);
    }
    if (one.kind === 'outside' && one.low + one.hysteresis > one.high - one.hysteresis) {
      throw invalid('where', 'The hysteresis leaves nothing inside the limits. Make it smaller.');
    }
    if (one.kind === 'silent' && !(one.longerThan >= 1)) throw invalid('where', 'A silence must be longer than zero.');
  }
}

/** The question for exact statistics of one interval: one bucket, which is the range. */
export function statisticsQuery(tags: readonly string[], range: TimeRange): AggregateQuery {
  return {
    tags: tags.map((tag) => ({ tag, functions: [...STATISTICS] })),
    range: { from: range.from, to: range.to },
    grid: { step: Math.max(1, range.to - range.from), origin: range.from },
    fill: { kind: 'none' },
    maxHold: null,
  };
}

export function statisticsOf({ series }: Aggregate): IntervalStatistics[] {
  return series.map(({ tag, columns }) => ({
    tag,
    ...(Object.fromEntries(STATISTICS.map((name, i) => [name, columns[i]![0]!])) as Record<
      (typeof STATISTICS)[number],
      number
    >),
  }));
}
