import { LRUCache } from 'lru-cache';
import type { Clock } from '#engine/platform/index.ts';
import type { PlannedSeries, QueryPlan } from '#engine/tsdb/tsdb.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import {
  type Aggregation,
  compareLabels,
  type GraphSeries,
  type Grid,
  gridTimes,
  keyOf,
  labelsText,
  type MetricSamples,
  type TimeSeriesResult,
} from '#shared/model/graph/index.ts';
import { QUALITY, type SourceHealth } from '#shared/model/index.ts';
import type { PlannedQuery } from './planned.ts';

/** Steps that are kept together: few enough that little is read beyond what is shown. */
const TILE = 128;
/** Shorter grids are asked as they are: reading whole tiles for them would cost more than it saves. */
export const SHORTEST_KEPT = 32;
/** What is younger than this may still change: samples are on their way, aggregates are being refreshed. */
const UNSETTLED_US = 120_000_000;
const MOST_BYTES_OF_KEYS = 32 * 1024 * 1024;

/** A series in one tile; columns of `TILE` steps. */
type Part = Omit<GraphSeries, 'definition' | 'time'>;

export interface QueryCache {
  query(query: PlannedQuery, signal: AbortSignal): Promise<TimeSeriesResult>;
  /** Our own samples have been stored: what they touch is forgotten, late ones included. */
  written(samples: readonly Pick<MetricSamples, 'time'>[]): void;
  clear(): void;
  status(): SourceHealth['cache'];
}

export interface QueryCacheOptions {
  /** 0: nothing is kept. */
  readonly bytes: number;
  readonly ttlMs: number;
  readonly clock: Clock;
  /** Steps of the shortest grid whose answer is kept. */
  readonly shortest: number;
  ask(plan: QueryPlan, capabilities: PlannedQuery['capabilities'], signal: AbortSignal): Promise<TimeSeriesResult>;
}

/** Steps `[from, to)` of the asked grid, for some of its definitions; `keep` says which tiles they are. */
interface Piece {
  readonly from: number;
  readonly to: number;
  readonly series: readonly PlannedSeries[];
  readonly keep: boolean;
}

/**
 * Answers on a grid, kept in tiles of its steps: a picture that is moved or comes back asks only for what is new in it.
 * Steps are the same whichever range they are asked in, but for those that the range cuts, which are asked anew each
 * time, as is all that may still change.
 */
export function createQueryCache({ bytes, ttlMs, clock, shortest, ask }: QueryCacheOptions): QueryCache {
  const tiles =
    bytes < 1
      ? null
      : new LRUCache<string, { readonly parts: readonly Part[]; readonly end: number; readonly begin: number }>({
          maxSize: Math.floor(bytes),
          sizeCalculation: ({ parts }, key) => parts.reduce((sum, part) => sum + sizeOf(part), 2 * key.length + 200),
          ttl: ttlMs,
          perf: { now: () => clock.monotonicMs() },
          ttlResolution: 0,
        });
  let hits = 0;
  let misses = 0;
  /** Counts what was forgotten: an answer that was asked for before is not kept after. */
  let generation = 0;
  let newest = Number.NEGATIVE_INFINITY;
  const names = createNames();

  const clear = (): void => {
    generation++;
    newest = Number.NEGATIVE_INFINITY;
    tiles?.clear();
    names.clear();
  };

  const fromTiles = async (
    kept: NonNullable<typeof tiles>,
    { plan, capabilities }: PlannedQuery,
    grid: Grid,
    signal: AbortSignal,
  ): Promise<TimeSeriesResult> => {
    const { step, length } = grid;
    const first = Math.floor(grid.start / step);
    const phase = grid.start - first * step;
    const keys = plan.series.map((series) => names.of(series, plan.envelope, step, phase));
    const settled = Math.floor((clock.now() - UNSETTLED_US - phase) / step) - first;
    // The first and the last step may be cut by the range.
    const lo = plan.range.from > grid.start ? 1 : 0;
    const hi = plan.range.to < grid.start + length * step ? length - 1 : length;
    const asOf = generation;

    const found: { readonly at: number; readonly definition: string; readonly parts: readonly Part[] }[] = [];
    const pieces: Piece[] = [];
    let fresh = lo;
    for (let tile = Math.floor((first + lo) / TILE); ; tile++) {
      const at = tile * TILE - first;
      if (at >= hi || at + TILE > settled) break;
      fresh = at + TILE;
      const missing: PlannedSeries[] = [];
      const shown = Math.min(hi, at + TILE) - Math.max(lo, at);
      for (const [n, series] of plan.series.entries()) {
        const known = kept.get(`${keys[n]}/${tile}`);
        if (known === undefined) {
          missing.push(series);
          misses += shown;
        } else {
          found.push({ at, definition: series.definition, parts: known.parts });
          hits += shown;
        }
      }
      if (missing.length === 0) continue;
      const before = pieces.at(-1);
      if (before?.to === at && sameSeries(before.series, missing)) {
        pieces[pieces.length - 1] = { ...before, to: at + TILE };
      } else pieces.push({ from: at, to: at + TILE, series: missing, keep: true });
    }
    if (lo > 0) pieces.push({ from: 0, to: lo, series: plan.series, keep: false });
    const rest = Math.max(lo, Math.min(fresh, hi));
    if (rest < length) pieces.push({ from: rest, to: length, series: plan.series, keep: false });
    for (const { from, to, keep } of pieces) if (!keep) misses += (to - from) * plan.series.length;

    const answers = await Promise.all(
      pieces.map(async (piece) => {
        const { from, to, series, keep } = piece;
        const start = grid.start + from * step;
        const end = grid.start + to * step;
        // Tiles are whole; what is not kept ends where the question does.
        const range = keep
          ? { from: start, to: end }
          : { from: Math.max(start, plan.range.from), to: Math.min(end, plan.range.to) };
        const asked = { ...plan, range, grid: { start, step, length: to - from }, series };
        return { piece, result: await ask(asked, capabilities, signal) };
      }),
    );
    for (const { piece, result } of answers) {
      if (piece.keep && result.warnings.length === 0 && asOf === generation) keepTiles(kept, piece, result);
    }
    function keepTiles(into: NonNullable<typeof tiles>, piece: Piece, result: TimeSeriesResult): void {
      for (const series of piece.series) {
        const key = keys[plan.series.indexOf(series)]!;
        const own = result.series.filter(({ definition }) => definition === series.definition);
        for (let at = piece.from; at < piece.to; at += TILE) {
          const parts = own
            .map((one) => cut(one, at - piece.from))
            .filter((part) => series.aggregate === 'count' || holds(part, series));
          const begin = grid.start + at * step;
          into.set(`${key}/${(first + at) / TILE}`, { parts, begin, end: begin + TILE * step });
          newest = Math.max(newest, begin + TILE * step);
        }
      }
    }

    const time = gridTimes(grid);
    const made = new Map<PlannedSeries, readonly GraphSeries[]>();
    for (const planned of plan.series) {
      const byLabels = new Map<string, GraphSeries>();
      const place = (part: Part, at: number, from: number, to: number): void => {
        const key = labelsText(part.labels);
        let target = byLabels.get(key);
        if (target === undefined) {
          target = emptySeries(planned, part, time);
          byLabels.set(key, target);
        }
        paste(part, at, target, from, to);
      };
      for (const { at, definition, parts } of found) {
        if (definition === planned.definition) for (const part of parts) place(part, at, lo, rest);
      }
      for (const { piece, result } of answers) {
        for (const one of result.series) {
          if (one.definition !== planned.definition) continue;
          // Whole tiles hold more than was asked for, the whole of steps that the range cuts among it.
          if (piece.keep) place(one, piece.from, lo, rest);
          else place(one, piece.from, piece.from, piece.to);
        }
      }
      made.set(planned, [...byLabels.values()]);
    }
    const series: GraphSeries[] = [];
    for (const planned of plan.series) {
      const all = withSamples(planned, made);
      if (all === null) return await ask(plan, capabilities, signal);
      if (all.length > planned.limit) {
        const message = `Series ${planned.definition} stands for ${all.length} stored series, more than its limit of ${planned.limit}. Match fewer, or raise the limit.`;
        throw new AppError('query.too-many-samples', message, { details: { limit: planned.limit } });
      }
      series.push(...all.sort((a, b) => compareLabels(a.labels, b.labels)));
    }
    const warnings = [...new Set(answers.flatMap(({ result }) => result.warnings))];
    return { range: plan.range, grid, series, warnings };
  };

  return {
    async query(query, signal) {
      const { plan, capabilities } = query;
      const { grid } = plan;
      if (tiles === null || grid === null || grid.length < shortest || !plan.series.every(isStepwise)) {
        return await ask(plan, capabilities, signal);
      }
      try {
        return await fromTiles(tiles, query, grid, signal);
      } catch (error) {
        // Whole tiles are a little more than was asked for, which alone must not be too much.
        if (!isAppError(error, 'query.too-many-samples')) throw error;
        return await ask(plan, capabilities, signal);
      }
    },
    written(samples) {
      if (tiles === null) return;
      let from = Number.POSITIVE_INFINITY;
      let to = Number.NEGATIVE_INFINITY;
      for (const { time } of samples) {
        for (const at of time) {
          if (at < from) from = at;
          if (at > to) to = at;
        }
      }
      if (from === Number.POSITIVE_INFINITY) return;
      generation++;
      // What is written live is younger than anything that is kept.
      if (from >= newest) return;
      for (const [key, { begin, end }] of tiles.entries()) if (begin <= to && end > from) tiles.delete(key);
    },
    clear,
    status: () => ({
      bytes: tiles?.calculatedSize ?? 0,
      limit: bytes,
      hits,
      misses,
      ratio: hits + misses === 0 ? null : hits / (hits + misses),
    }),
  };
}

/** Whether each step is worked out from its own samples alone. */
const STEPWISE: readonly Aggregation[] = ['first', 'last', 'mean', 'min', 'max', 'sum', 'count'];
const isStepwise = ({ aggregate }: PlannedSeries): boolean => STEPWISE.includes(aggregate);

const sizeOf = ({ labels, envelope }: Part): number =>
  TILE * (envelope === null ? 10 : 26) + 2 * labelsText(labels).length + 300;

const sameSeries = (a: readonly PlannedSeries[], b: readonly PlannedSeries[]): boolean =>
  a.length === b.length && a.every((one, at) => one === b[at]);

/** Columns of their own, so that a tile does not keep the whole answer alive. */
function cut({ metric, labels, unit, value, quality, envelope }: GraphSeries, from: number): Part {
  const to = from + TILE;
  return {
    metric,
    labels,
    unit,
    value: value.slice(from, to),
    quality: quality.slice(from, to),
    envelope: envelope === null ? null : { min: envelope.min.slice(from, to), max: envelope.max.slice(from, to) },
  };
}

/** A series without a sample is left out, as every backend does. */
function holds({ value, quality }: Pick<Part, 'value' | 'quality'>, { aggregate }: PlannedSeries): boolean {
  return aggregate === 'count' ? value.some((count) => count > 0) : quality.some((one) => one !== QUALITY.badNoData);
}

/**
 * Series with a sample in the range. Counts of nothing do not tell whether there were bad samples, for which the series
 * would be there: another aggregate of the same series does. Null where nothing tells.
 */
function withSamples(
  planned: PlannedSeries,
  made: ReadonlyMap<PlannedSeries, readonly GraphSeries[]>,
): GraphSeries[] | null {
  const all = made.get(planned)!;
  const sure = all.filter((one) => holds(one, planned));
  if (planned.aggregate !== 'count' || sure.length === all.length) return sure;
  const subject = JSON.stringify(planned.match);
  for (const [other, theirs] of made) {
    if (other.aggregate === 'count' || other.override !== planned.override) continue;
    if (keyOf(other.metric) !== keyOf(planned.metric) || JSON.stringify(other.match) !== subject) continue;
    const there = new Set(theirs.filter((one) => holds(one, other)).map(({ labels }) => labelsText(labels)));
    return all.filter(({ labels }) => there.has(labelsText(labels)));
  }
  return null;
}

function emptySeries(
  { definition, aggregate }: PlannedSeries,
  { metric, labels, unit, envelope }: Part,
  time: Float64Array<ArrayBuffer>,
): GraphSeries {
  const { length } = time;
  const counts = aggregate === 'count';
  const nan = (): Float64Array<ArrayBuffer> => new Float64Array(length).fill(Number.NaN);
  return {
    definition,
    metric,
    labels,
    unit,
    time,
    // How many there were is known also where there were none.
    value: counts ? new Float64Array(length) : nan(),
    quality: new Uint16Array(length).fill(counts ? QUALITY.good : QUALITY.badNoData),
    envelope: envelope === null ? null : { min: nan(), max: nan() },
  };
}

/** Steps `[from, to)` of the target, of a part whose first one is its step `at`. */
function paste(part: Part, at: number, target: GraphSeries, from: number, to: number): void {
  const skip = Math.max(0, from - at);
  const count = Math.min(part.value.length, to - at) - skip;
  if (count <= 0) return;
  const columns: [Float64Array | Uint16Array, Float64Array | Uint16Array][] = [
    [part.value, target.value],
    [part.quality, target.quality],
  ];
  if (part.envelope !== null && target.envelope !== null) {
    columns.push([part.envelope.min, target.envelope.min], [part.envelope.max, target.envelope.max]);
  }
  for (const [own, column] of columns) column.set(own.subarray(skip, skip + count), at + skip);
}

/** A short name for everything that makes two questions the same but their time. */
function createNames(): {
  of(series: PlannedSeries, envelope: boolean, step: number, phase: number): string;
  clear(): void;
} {
  const texts = new WeakMap<object, string>();
  const ids = new Map<string, number>();
  let bytes = 0;
  // Settings of a backend may be long and are the same object each time.
  const textOf = (value: object): string => {
    let text = texts.get(value);
    if (text === undefined) {
      text = JSON.stringify(value);
      texts.set(value, text);
    }
    return text;
  };
  let next = 0;
  return {
    of({ metric, override, match, aggregate, groupBy, limit, extension }, envelope, step, phase) {
      const own = [metric, Object.entries(match).toSorted(byName), aggregate, groupBy, limit, extension];
      const text = `${JSON.stringify([...own, envelope, step, phase])}${override === null ? '' : textOf(override)}`;
      let id = ids.get(text);
      if (id === undefined) {
        // Names that are forgotten leave their tiles to be pushed out by others.
        if (bytes > MOST_BYTES_OF_KEYS) {
          ids.clear();
          bytes = 0;
        }
        id = next++;
        ids.set(text, id);
        bytes += 2 * text.length;
      }
      return String(id);
    },
    clear() {
      ids.clear();
      bytes = 0;
    },
  };
}
const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0;
