import type { FetchChoice } from '#renderer/recordings/index.ts';
import type { TimeRange, TrendDocument } from '#shared/model/index.ts';
import { traceParts } from './trace-key.ts';
import type { TrendController } from './trend-controller.ts';
import type { TraceTag } from './trend-model.ts';
import type { TrendSourceName } from './use-trace-tags.ts';

/** What of a trend can be fetched, source by source: traces that others have, at the times that these have them. */
export function fetchChoices(
  trend: TrendDocument,
  tags: ReadonlyMap<string, TraceTag>,
  sources: readonly TrendSourceName[],
  controller: Pick<TrendController, 'window' | 'numbersRange'>,
): FetchChoice[] {
  const found = new Map<string, { tags: Map<string, string>; shifts: number[] }>();
  for (const { tagId: key } of trend.plots.flatMap(({ traces }) => traces)) {
    const { source, shiftMs, tagId } = traceParts(key);
    if (source === null) continue;
    const one = found.get(source) ?? { tags: new Map<string, string>(), shifts: [] };
    one.tags.set(tagId, tags.get(key)?.name ?? tagId);
    one.shifts.push(shiftMs * 1_000);
    found.set(source, one);
  }
  const { range, between } = controller.numbersRange;
  return [...found].map(([source, one]) => {
    // Traces of one source with different shifts lie at different times: the range that holds them all.
    const own = ({ from, to }: TimeRange): TimeRange => ({
      from: from - Math.max(...one.shifts),
      to: to - Math.min(...one.shifts),
    });
    return {
      source,
      sourceName: sources.find(({ id }) => id === source)?.name ?? source,
      tags: [...one.tags].map(([id, name]) => ({ id, name })),
      visible: own(controller.window),
      between: between ? own(range) : null,
    };
  });
}
