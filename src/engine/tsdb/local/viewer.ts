import { type HistorySource, type StoredTag, statisticsQuery } from '#engine/historian/index.ts';
import type { ViewerSource } from '#engine/tsdb/tsdb.ts';
import { AppError } from '#shared/errors.ts';
import { MOST_STATISTICS_SAMPLES, type TimeRange } from '#shared/model/index.ts';
import type { HistoryTag } from '#shared/rpc/history.ts';

/** Tags that statistics are answered for at a time, so that the first are there while others are worked out. */
const TAGS_PER_ITEM = 4;

/** A recording's own reads, handed through as they are. */
export function localViewer(history: HistorySource): ViewerSource {
  /** From rollups, whatever the range. */
  const count = async (tags: readonly string[], range: TimeRange, signal: AbortSignal): Promise<number> => {
    const counting = {
      ...statisticsQuery(tags, range),
      tags: tags.map((tag) => ({ tag, functions: ['count' as const] })),
    };
    const { series } = await history.aggregate(counting, signal);
    return series.reduce((sum, { columns }) => sum + columns[0]![0]!, 0);
  };
  return {
    history,
    bounds: (signal) => history.bounds(signal),
    view: (tags, range, pixels, signal) => history.view(tags, range, pixels, signal),
    raw: (tags, range, signal) => history.raw(tags, range, signal),
    neighbours: (tag, time, signal) => history.neighbours(tag, time, signal),
    gaps: (range, signal) => history.gaps(range, signal),
    events: (range, kinds, signal) => history.events(range, kinds, signal),
    async findTags({ text, ids, offset, limit }, signal) {
      const words = text.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = ids === null ? null : new Set(ids);
      const found = (await history.tags(signal)).filter((tag) => {
        if (wanted !== null) return wanted.has(tag.id);
        const searched = `${tag.name} ${tag.description} ${tag.recipe.unit ?? ''}`.toLowerCase();
        return words.every((word) => searched.includes(word));
      });
      return { tags: found.slice(offset, offset + limit).map(historyTag), total: found.length };
    },
    async ends(tags, signal) {
      const known = new Map((await history.tags(signal)).map((tag) => [tag.id, tag]));
      return tags.map((id) => {
        const { first = null, last = null } = known.get(id) ?? {};
        return first === null || last === null ? null : { from: first, to: last + 1 };
      });
    },
    count,
    async *statistics(tags, range, signal) {
      const question = statisticsQuery(tags, range);
      // What would take too long is refused at once.
      const samples = await count(tags, range, signal);
      if (samples > MOST_STATISTICS_SAMPLES) {
        const message = `The range holds ${samples} samples; exact statistics are worked out from at most ${MOST_STATISTICS_SAMPLES}. Shorten it, or ask for fewer tags.`;
        throw new AppError('query.too-many-samples', message, { details: { limit: MOST_STATISTICS_SAMPLES } });
      }
      for (let from = 0; from < question.tags.length; from += TAGS_PER_ITEM) {
        const part = { ...question, tags: question.tags.slice(from, from + TAGS_PER_ITEM) };
        const { series } = await history.aggregate(part, signal);
        yield series.map(({ tag, columns }) => ({ tag, values: Float64Array.from(columns, (column) => column[0]!) }));
      }
    },
  };
}

function historyTag(tag: StoredTag): HistoryTag {
  return {
    id: tag.id,
    name: tag.name,
    description: tag.description,
    connection: tag.connection,
    device: tag.device,
    address: tag.address,
    unit: tag.recipe.unit,
    type: tag.recipe.type,
    decimals: tag.decimals,
    range: tag.range,
    timeKind: tag.timeKind,
    demo: tag.demo,
    first: tag.first,
    last: tag.last,
    recipeVersion: tag.recipe.version,
  };
}
