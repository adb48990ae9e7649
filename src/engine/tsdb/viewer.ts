import { AppError, isAppError } from '#shared/errors.ts';
import { type Grid, gridOf, isOnScale, keyOf } from '#shared/model/graph/index.ts';
import {
  isBad,
  MOST_STATISTICS_SAMPLES,
  QUALITY,
  type Sample,
  type Series,
  type TimeRange,
} from '#shared/model/index.ts';
import type { HistoryTag } from '#shared/rpc/history.ts';
import type { PlannedSeries, QueryPlan, TsdbBackend, TsdbConnection, TsdbTag, ViewerSource } from './tsdb.ts';
import { createGapFinder } from './viewer-gaps.ts';
import { createHeld } from './viewer-held.ts';
import { drawnSamples, mergedSteps, nothingAt, type Samples } from './viewer-points.ts';
import { createTextReader } from './viewer-texts.ts';

/** Tags that are looked up again after so many others. */
const MOST_KNOWN_TAGS = 50_000;
/** Tags that are counted by one query. */
const TAGS_AT_ONCE = 100;
/** Raw samples that are read at once to find one of them. */
const FEW_SAMPLES = 5_000;
/** Steps of a search for the nearest sample, and how much farther it looks each time. */
const SEARCH_STEPS = 64;
const SEARCH_GROWTH = 16;
/** Farther than so many years from a time no sample is looked for. */
const FARTHEST = 10 * 366 * 86_400e6;
/** Samples of an open interval that one picture merges by itself, where the source cannot. */
const MOST_MERGED = 2_000_000;
/** A source's server is not made to read more than so much for one row of numbers. */
const MOST_READ = Math.min(MOST_STATISTICS_SAMPLES, 5_000_000);

const adapters = new WeakMap<TsdbConnection, ViewerSource>();

/** What a trend reads from: the connection's own reads, or the adapter over its queries; the same one each time. */
export function viewerOf(backend: TsdbBackend, connection: TsdbConnection): ViewerSource {
  if (connection.viewer !== undefined) return connection.viewer;
  let adapter = adapters.get(connection);
  if (adapter === undefined) {
    adapter = adaptViewer(backend, connection);
    adapters.set(connection, adapter);
  }
  return adapter;
}

/**
 * Reads a source for a trend by its queries. A range is asked for on a grid of the screen's width first; of tags with
 * few samples in it every sample is read then, with one before and one after the range, as recordings give it.
 */
export function adaptViewer(backend: TsdbBackend, connection: TsdbConnection): ViewerSource {
  const { client, capabilities } = connection;
  const known = new Map<string, TsdbTag>();
  const aggregate = (['mean', 'last', 'first', 'max', 'min'] as const).find(
    (name) => isOnScale(name) && capabilities.aggregates.includes(name),
  );
  const onGrid = aggregate !== undefined && capabilities.envelope && capabilities.aggregates.includes('count');
  const minStep = capabilities.minStepMs * 1_000;

  const lookUp = async (ids: readonly string[], signal: AbortSignal): Promise<TsdbTag[]> => {
    const missing = [...new Set(ids)].filter((id) => !known.has(id));
    if (missing.length > 0 && connection.tags !== undefined) {
      const search = { text: '', ids: missing, offset: 0, limit: missing.length };
      if (known.size > MOST_KNOWN_TAGS) known.clear();
      for (const tag of (await connection.tags(search, signal)).tags) known.set(tag.id, tag);
    }
    return ids.flatMap((id) => known.get(id) ?? []);
  };

  const planOf = (
    tags: readonly TsdbTag[],
    range: TimeRange,
    grid: Grid | null,
    asked: readonly PlannedSeries['aggregate'][],
  ): QueryPlan => ({
    range,
    grid,
    envelope: grid !== null && asked.some(isOnScale),
    series: tags.flatMap(({ metric, override, labels }, at) =>
      asked.map((name) => ({
        definition: `${name}${at}`,
        metric,
        override,
        match: labels,
        aggregate: name,
        groupBy: null,
        limit: 1,
        extension: {},
      })),
    ),
  });
  const placeOf = (definition: string): number => Number(/\d+$/.exec(definition)![0]);

  /**
   * A table that is gone or was changed is a warning for a graph, whose other series go on. Here it would be an empty
   * trace without a word: throws `tsdb.refused`.
   */
  const ask = async (plan: QueryPlan, signal: AbortSignal) => {
    const answer = await client.query(backend.compile(plan, capabilities), signal);
    for (const { definition } of plan.series) {
      const reason = answer.warnings.find((text) => text.startsWith(`${definition}: `))?.slice(definition.length + 2);
      if (reason === undefined || answer.series.some((one) => one.definition === definition)) continue;
      throw new AppError('tsdb.refused', reason, { details: { backend: backend.id, reason } });
    }
    return answer;
  };

  /** Samples in order of time, from the start of the range; of more than `most` the first ones. */
  const firstOf = async (tag: TsdbTag, range: TimeRange, most: number, signal: AbortSignal): Promise<Samples> => {
    const parts: Samples[] = [];
    let length = 0;
    const query = backend.compile(planOf([tag], range, null, ['last']), capabilities);
    for await (const block of client.stream(query, signal)) {
      for (const { time, value, quality } of block) {
        length += time.length;
        parts.push({ time, value, quality });
      }
      if (length > most) break;
    }
    return joined(parts, length);
  };
  /** Every sample, in order of time; null where they are more than `most`. */
  const samplesOf = async (
    tag: TsdbTag,
    range: TimeRange,
    most: number,
    signal: AbortSignal,
  ): Promise<Samples | null> => {
    const found = await firstOf(tag, range, most, signal);
    return found.time.length > most ? null : found;
  };

  /** Whether anything lies in each step, and how much of it is usable. */
  const stepsOf = async (tag: TsdbTag, grid: Grid, signal: AbortSignal) => {
    const range = { from: grid.start, to: grid.start + grid.step * grid.length };
    const { series } = await ask(planOf([tag], range, grid, [aggregate!, 'count']), signal);
    const count = series.find(({ definition }) => definition === 'count0');
    const held = series.find(({ definition }) => definition === `${aggregate}0`);
    return { count: count?.value ?? null, quality: held?.quality ?? null };
  };

  /** The nearest sample inside `range`, its last one for `backward`. */
  const nearestIn = async (
    tag: TsdbTag,
    range: TimeRange,
    backward: boolean,
    signal: AbortSignal,
  ): Promise<Sample | null> => {
    let { from, to } = range;
    for (;;) {
      const step = Math.max(minStep, Math.ceil((to - from) / SEARCH_STEPS));
      const length = Math.ceil((to - from) / step);
      if (length <= 1) break;
      const { count, quality } = await stepsOf(tag, { start: from, step, length }, signal);
      if (quality === null) return null;
      const filled = (at: number): boolean => quality[at] !== QUALITY.badNoData;
      const places = [...quality.keys()].filter(filled);
      const at = backward ? places.at(-1) : places[0];
      if (at === undefined) return null;
      [from, to] = [from + at * step, Math.min(range.to, from + (at + 1) * step)];
      if ((count?.[at] ?? 0) <= FEW_SAMPLES) break;
    }
    const found = await samplesOf(tag, { from, to }, MOST_MERGED, signal);
    const at = found === null || found.time.length === 0 ? -1 : backward ? found.time.length - 1 : 0;
    return at < 0 ? null : sampleAt(found!, at);
  };

  /** Looks farther and farther away. Without a grid only as far as samples can be read through. */
  const nearest = async (
    tag: TsdbTag,
    time: number,
    span: number,
    backward: boolean,
    signal: AbortSignal,
  ): Promise<Sample | null> => {
    let near = backward ? time : time + 1;
    for (let reach = Math.max(60e6, span); ; reach = Math.min(FARTHEST, reach * SEARCH_GROWTH)) {
      const far = backward ? time - reach : time + 1 + reach;
      const found = await nearestIn(
        tag,
        backward ? { from: far, to: near } : { from: near, to: far },
        backward,
        signal,
      );
      if (found !== null || reach >= FARTHEST || !onGrid) return found;
      near = far;
    }
  };

  const gaps = createGapFinder({
    read: async (tag, range, signal) =>
      capabilities.raw ? (await firstOf(tag, range, FEW_SAMPLES, signal)).time : new Float64Array(0),
    nearest: (tag, time, span, backward, signal) => endOrNone(nearest(tag, time, span, backward, signal)),
  });

  const seriesOf = async (
    tags: readonly TsdbTag[],
    range: TimeRange,
    pixels: number,
    signal: AbortSignal,
  ): Promise<Series[]> => {
    if (!onGrid) return Promise.all(tags.map((tag) => merged(tag, range, pixels, signal)));
    // Round steps are those that the source's own aggregates have, and those that are remembered; a step more on both
    // sides, so that lines reach the edges.
    const resolution = { stepMs: null, maxPoints: Math.ceil(pixels * 1.5), align: 'epoch', envelope: true } as const;
    const { grid: inside } = gridOf(range, resolution, capabilities.minStepMs);
    const grid = { ...inside, start: inside.start - inside.step, length: inside.length + 2 };
    const whole = { from: grid.start, to: grid.start + grid.length * grid.step };
    const coarse = inside.length < pixels / 4;
    const answer = await ask(planOf(tags, whole, grid, [aggregate, 'count']), signal);
    return Promise.all(
      tags.map(async (tag, place) => {
        const own = answer.series.filter(({ definition }) => placeOf(definition) === place);
        const values = own.find(({ definition }) => definition.startsWith(aggregate));
        const counts = own.find(({ definition }) => definition.startsWith('count'));
        const total = counts?.value.reduce((sum, count) => sum + count, 0) ?? 0;
        if (capabilities.raw && total <= pixels * 2) {
          const found = values === undefined ? EMPTY : await samplesOf(tag, range, pixels * 4, signal);
          if (found !== null) return withEnds(tag, range, found, signal);
        }
        if (values === undefined) return nothingAt(tag.id);
        if (coarse && capabilities.raw) return merged(tag, range, pixels, signal);
        const count = counts?.value ?? new Float64Array(grid.length);
        const missing = await gaps.onSteps(tag, grid, count, values.quality, signal);
        return { ...mergedSteps(tag.id, grid, values), gaps: missing };
      }),
    );
  };

  const withEnds = async (tag: TsdbTag, range: TimeRange, inside: Samples, signal: AbortSignal): Promise<Series> => {
    const span = range.to - range.from;
    const [before, after] = await Promise.all([
      endOrNone(nearest(tag, range.from, span, true, signal)),
      endOrNone(nearest(tag, range.to - 1, span, false, signal)),
    ]);
    const samples = joined([samplesFrom(before), inside, samplesFrom(after)]);
    return { ...drawnSamples(tag.id, samples), gaps: await gaps.between(tag, samples.time, signal) };
  };

  /** Where the source does not aggregate so finely, its samples are merged here. */
  const merged = async (tag: TsdbTag, range: TimeRange, pixels: number, signal: AbortSignal): Promise<Series> => {
    const found = await samplesOf(tag, range, MOST_MERGED, signal);
    if (found === null) {
      throw tooMany(
        MOST_MERGED,
        `${tag.name} has more than ${MOST_MERGED} samples in this range, and the source does not merge them. Look at a shorter range.`,
      );
    }
    if (found.time.length <= pixels * 2) return withEnds(tag, range, found, signal);
    const missing = await gaps.between(tag, found.time, signal);
    return { ...drawnSamples(tag.id, found, Math.ceil((range.to - range.from) / pixels)), gaps: missing };
  };

  const texts =
    connection.texts === undefined
      ? null
      : createTextReader(connection.texts, (tag, time, span, backward, signal) =>
          endOrNone(nearest(tag, time, span, backward, signal)),
        );
  const isText = ({ type }: TsdbTag): boolean => type === 'text' && texts !== null;

  return {
    history: null,
    // A source says nothing of where all of its data begin, of gaps as such, and of events; tags have ends and holes.
    bounds: async () => null,
    gaps: async () => [],
    events: async () => [],
    async findTags(search, signal) {
      if (connection.tags === undefined) return { tags: [], total: 0 };
      const { tags, total, notes = [] } = await connection.tags(search, signal);
      if (known.size > MOST_KNOWN_TAGS) known.clear();
      for (const tag of tags) known.set(tag.id, tag);
      return { tags: tags.map(historyTag), total, notes };
    },
    async ends(ids, signal) {
      if (connection.ends === undefined) return ids.map(() => null);
      const tags = await lookUp(ids, signal);
      const ends = await connection.ends(tags, signal);
      const byId = new Map(tags.map(({ id }, at) => [id, ends[at] ?? null]));
      return ids.map((id) => byId.get(id) ?? null);
    },
    async count(ids, range, signal) {
      const tags = await lookUp(ids, signal);
      // Texts are not counted: they are no usable numbers.
      if (tags.some(isText)) return null;
      if (!capabilities.aggregates.includes('count') || range.to - range.from < minStep) return null;
      let sum = 0;
      for (let from = 0; from < tags.length; from += TAGS_AT_ONCE) {
        const part = tags.slice(from, from + TAGS_AT_ONCE);
        const grid = { start: range.from, step: range.to - range.from, length: 1 };
        for (const { value } of (await ask(planOf(part, range, grid, ['count']), signal)).series) sum += value[0]!;
      }
      return sum;
    },
    async view(ids, range, pixels, signal) {
      const tags = await lookUp(ids, signal);
      const numbers = tags.filter((tag) => !isText(tag));
      const drawn = numbers.length === 0 ? [] : await seriesOf(numbers, range, pixels, signal);
      return [
        ...drawn,
        ...(await Promise.all(tags.filter(isText).map((tag) => texts!.view(tag, range, pixels, signal)))),
      ];
    },
    async *raw(ids, range, signal) {
      const all = await lookUp(ids, signal);
      for (const tag of all.filter(isText)) for await (const part of texts!.raw(tag, range, signal)) yield [part];
      const tags = all.filter((tag) => !isText(tag));
      if (tags.length === 0) return;
      const query = backend.compile(planOf(tags, range, null, ['last']), capabilities);
      for await (const block of client.stream(query, signal)) {
        yield block.map((part) => drawnSamples(tags[placeOf(part.definition)]!.id, part));
      }
    },
    async neighbours(id, time, signal) {
      const [tag] = await lookUp([id], signal);
      if (tag === undefined) return { before: null, after: null };
      const [before, after] = await Promise.all([
        nearest(tag, time, 0, true, signal),
        nearest(tag, time, 0, false, signal),
      ]);
      if (!isText(tag)) return { before, after };
      return { before: await texts!.named(tag, before, signal), after: await texts!.named(tag, after, signal) };
    },
    async *statistics(ids, range, signal) {
      let left = MOST_READ;
      for (const tag of (await lookUp(ids, signal)).filter((one) => !isText(one))) {
        const usual = await gaps.usualAt(tag, range.from, signal);
        const held = createHeld(range, await nearest(tag, range.from, range.to - range.from, true, signal), usual);
        const query = backend.compile(planOf([tag], range, null, ['last']), capabilities);
        for await (const block of client.stream(query, signal)) {
          for (const { time, value, quality } of block) {
            left -= time.length;
            if (left < 0) {
              throw tooMany(
                MOST_READ,
                `The range holds more than ${MOST_READ} samples, which is more than is read from a source for exact numbers. Shorten it, or ask for fewer tags.`,
              );
            }
            held.add(time, value, quality);
          }
        }
        yield [{ tag: tag.id, values: held.finish() }];
      }
    },
  };
}

/** A line that ends early is better than none: where looking farther costs too much, it ends. */
async function endOrNone(end: Promise<Sample | null>): Promise<Sample | null> {
  try {
    return await end;
  } catch (error) {
    if (isAppError(error, 'query.too-many-samples') || isAppError(error, 'tsdb.timeout')) return null;
    throw error;
  }
}

const EMPTY: Samples = { time: new Float64Array(0), value: new Float64Array(0), quality: new Uint16Array(0) };

function joined(parts: readonly Samples[], length = parts.reduce((sum, { time }) => sum + time.length, 0)): Samples {
  if (parts.length === 1) return parts[0]!;
  const made = { time: new Float64Array(length), value: new Float64Array(length), quality: new Uint16Array(length) };
  let at = 0;
  for (const { time, value, quality } of parts) {
    made.time.set(time, at);
    made.value.set(value, at);
    made.quality.set(quality, at);
    at += time.length;
  }
  return made;
}

const samplesFrom = (sample: Sample | null): Samples =>
  sample === null
    ? EMPTY
    : {
        time: Float64Array.of(sample.time),
        value: Float64Array.of(sample.value),
        quality: Uint16Array.of(sample.quality),
      };

const sampleAt = ({ time, value, quality }: Samples, at: number): Sample => ({
  time: time[at]!,
  value: isBad(quality[at]!) ? Number.NaN : value[at]!,
  quality: quality[at]!,
});

const tooMany = (limit: number, message: string): AppError =>
  new AppError('query.too-many-samples', message, { details: { limit } });

const TYPES = { number: 'float64', boolean: 'bit', text: 'string' } as const;

function historyTag({ id, name, unit, description, type, metric, labels }: TsdbTag): HistoryTag {
  return {
    id,
    name,
    description: description ?? '',
    connection: '',
    // Which of the source's mappings it comes from.
    device: keyOf(metric),
    address: Object.entries(labels)
      .map(([label, value]) => `${label}=${value}`)
      .join(', '),
    unit,
    type: TYPES[type],
    decimals: null,
    range: null,
    timeKind: 'source',
    demo: false,
    first: null,
    last: null,
    recipeVersion: 1,
  };
}
