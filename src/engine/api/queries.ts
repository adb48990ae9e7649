import { type Aggregate, statisticsQuery } from '#engine/historian/index.ts';
import { AppError } from '#shared/errors.ts';
import { type AggregateQuery, MOST_STATISTICS_SAMPLES, type SearchQuery, type TimeRange } from '#shared/model/index.ts';
import { historySource, type Services } from './services.ts';

/** Tags of one item. */
const TAGS_PER_ITEM = 4;

export async function* aggregateStream(
  services: Services,
  { source, query }: { readonly source: string; readonly query: AggregateQuery },
  signal: AbortSignal,
): AsyncGenerator<WireAggregate> {
  for await (const { start, step, length, series } of aggregatesOf(services, source, query, signal)) {
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

export async function* statisticsStream(
  services: Services,
  { source, tags, range }: { readonly source: string; readonly tags: readonly string[]; readonly range: TimeRange },
  signal: AbortSignal,
): AsyncGenerator<{ tags: { tag: string; values: Float64Array<ArrayBuffer> }[] }> {
  const question = statisticsQuery(tags, range);
  let samples = 0;
  // Counts come from rollups, so that what would take too long is refused at once.
  const counting = { ...question, tags: tags.map((tag) => ({ tag, functions: ['count' as const] })) };
  for (const { columns } of (await historySource(services, source).aggregate(counting, signal)).series) {
    samples += columns[0]![0]!;
  }
  if (samples > MOST_STATISTICS_SAMPLES) {
    const message = `The range holds ${samples} samples; exact statistics are worked out from at most ${MOST_STATISTICS_SAMPLES}. Shorten it, or ask for fewer tags.`;
    throw new AppError('query.too-many-samples', message, { details: { limit: MOST_STATISTICS_SAMPLES } });
  }
  for await (const { series } of aggregatesOf(services, source, question, signal)) {
    yield {
      tags: series.map(({ tag, columns }) => ({ tag, values: Float64Array.from(columns, (column) => column[0]!) })),
    };
  }
}

/** A few tags at a time, so that the first are answered while the others are still worked out. */
async function* aggregatesOf(
  services: Services,
  source: string,
  query: AggregateQuery,
  signal: AbortSignal,
): AsyncGenerator<Aggregate> {
  const history = historySource(services, source);
  for (let from = 0; from < query.tags.length; from += TAGS_PER_ITEM) {
    yield await history.aggregate({ ...query, tags: query.tags.slice(from, from + TAGS_PER_ITEM) }, signal);
  }
}

export async function* searchStream(
  services: Services,
  { source, query }: { readonly source: string; readonly query: SearchQuery },
  signal: AbortSignal,
): AsyncGenerator<{ intervals: { from: number; to: number }[]; reached: number }> {
  for await (const { intervals, reached } of historySource(services, source).search(query, signal)) {
    yield { intervals: [...intervals], reached };
  }
}
