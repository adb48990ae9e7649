import type { Aggregate, HistorySource } from '#engine/historian/index.ts';
import type { ViewerSource } from '#engine/tsdb/index.ts';
import { AppError } from '#shared/errors.ts';
import type { AggregateQuery, Sample, Series, TimeRange } from '#shared/model/index.ts';
import type { AppContract } from '#shared/rpc/contract.ts';
import type { HandlersOf } from '#shared/rpc/index.ts';
import { refuseEmpty, type Services } from './services.ts';

/** Tags of one item; small enough that the first curves are drawn while the others are still read. */
const TAGS_PER_ITEM = 4;
/** Of a source that is no recording, where all tags are asked for; further ones are found by search. */
const MOST_LISTED = 1_000;

/** What a trend reads, by source: one way for recordings and for every backend. */
export function historyHandlers(services: Services): Omit<HandlersOf<AppContract>['history'], 'addNote'> {
  const { viewer } = services;
  return {
    async tags({ source }, { signal }) {
      const reads = await viewer(source, signal);
      const limit = reads.history === null ? MOST_LISTED : Number.MAX_SAFE_INTEGER;
      return { tags: [...(await reads.findTags({ text: '', ids: null, offset: 0, limit }, signal)).tags] };
    },
    async findTags({ source, ...search }, { signal }) {
      const { tags, total, notes = [] } = await (await viewer(source, signal)).findTags(search, signal);
      return { tags: [...tags], total, notes: [...notes] };
    },
    bounds: async ({ source }, { signal }) => ({ range: await (await viewer(source, signal)).bounds(signal) }),
    ends: async ({ source, tags }, { signal }) => ({
      ranges: [...(await (await viewer(source, signal)).ends(tags, signal))],
    }),
    view: (input, { signal }) => viewStream(services, input, signal),
    async neighbours({ source, tag, time }, { signal }) {
      const { before, after } = await (await viewer(source, signal)).neighbours(tag, time, signal);
      return { before: plainSample(before), after: plainSample(after) };
    },
    aggregate: (input, { signal }) => aggregateStream(services, input, signal),
    async *statistics({ source, tags, range }, { signal }) {
      for await (const part of (await viewer(source, signal)).statistics(tags, range, signal))
        yield { tags: [...part] };
    },
    async *search({ source, query }, { signal }) {
      const history = ownHistory(await viewer(source, signal), source, 'searches by condition');
      for await (const { intervals, reached } of history.search(query, signal)) {
        yield { intervals: [...intervals], reached };
      }
    },
    async events({ source, range, kinds }, { signal }) {
      return { events: [...(await (await viewer(source, signal)).events(range, kinds, signal))] };
    },
    async gaps({ source, range }, { signal }) {
      return { gaps: [...(await (await viewer(source, signal)).gaps(range, signal))] };
    },
  };
}

async function* viewStream(
  services: Services,
  input: {
    readonly source: string;
    readonly tags: readonly string[];
    readonly range: TimeRange;
    readonly pixels: number;
  },
  signal: AbortSignal,
): AsyncGenerator<{ series: WireSeries[] }> {
  const source = await services.viewer(input.source, signal);
  refuseEmpty(input.range);
  for (let from = 0; from < input.tags.length; from += TAGS_PER_ITEM) {
    const series = await source.view(input.tags.slice(from, from + TAGS_PER_ITEM), input.range, input.pixels, signal);
    yield { series: series.map((one) => ({ ...one, gaps: [...one.gaps] })) };
  }
}
type WireSeries = Omit<Series, 'gaps'> & { gaps: Series['gaps'][number][] };

/** A few tags at a time, so that the first are answered while the others are still worked out. */
async function* aggregateStream(
  services: Services,
  { source, query }: { readonly source: string; readonly query: AggregateQuery },
  signal: AbortSignal,
): AsyncGenerator<WireAggregate> {
  const history = ownHistory(await services.viewer(source, signal), source, 'aggregates of this kind');
  for (let from = 0; from < query.tags.length; from += TAGS_PER_ITEM) {
    const part = { ...query, tags: query.tags.slice(from, from + TAGS_PER_ITEM) };
    const { start, step, length, series } = await history.aggregate(part, signal);
    for (const { tag, functions, columns, texts } of series) {
      yield { start, step, length, tag, functions: [...functions], columns: [...columns], texts };
    }
  }
}
type WireAggregate = Pick<Aggregate, 'start' | 'step' | 'length'> & {
  tag: string;
  functions: Aggregate['series'][number]['functions'][number][];
  columns: Float64Array<ArrayBuffer>[];
  texts: Aggregate['series'][number]['texts'];
};

function ownHistory({ history }: ViewerSource, source: string, feature: string): HistorySource {
  if (history !== null) return history;
  throw new AppError(
    'tsdb.unsupported-feature',
    `Only recordings of this computer have ${feature}. Ask for a graph, or fetch the range to a local recording first.`,
    { details: { backend: source, feature } },
  );
}

function plainSample(sample: Sample | null): { time: number; value: number | null; quality: number } | null {
  if (sample === null) return null;
  return { ...sample, value: Number.isFinite(sample.value) ? sample.value : null };
}
