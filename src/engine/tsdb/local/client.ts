import type { HistorySource, StoredTag } from '#engine/historian/index.ts';
import type { PlannedSeries, TsdbClient } from '#engine/tsdb/tsdb.ts';
import { AppError } from '#shared/errors.ts';
import {
  compareLabels,
  type GraphSeries,
  type Grid,
  gridTimes,
  isOnScale,
  keyOf,
  type Labels,
  matchesLabels,
  stepQuality,
} from '#shared/model/graph/index.ts';
import { type AggregateFunction, isBad, MOST_CELLS, type TimeRange } from '#shared/model/index.ts';
import { type Candidate, candidatesOf, type LocalQuery } from './query.ts';

/** Tags that are asked of the history at a time. */
const TAGS_AT_ONCE = 100;

interface Found {
  readonly planned: PlannedSeries;
  readonly tag: string;
  readonly labels: Labels;
}

export function createLocalClient(history: HistorySource): TsdbClient<LocalQuery> {
  /** By id, or by name: of several that had a name, the one that was recorded last. */
  const stored = async (signal: AbortSignal): Promise<FindTag> => {
    const tags = await history.tags(signal);
    const byId = new Map(tags.map((tag) => [tag.id, tag]));
    const byName = new Map(tags.toSorted((a, b) => (a.last ?? 0) - (b.last ?? 0)).map((tag) => [tag.name, tag]));
    return (source) => byId.get(source) ?? byName.get(source);
  };

  const find = async ({ plan, candidates }: LocalQuery, signal: AbortSignal) => {
    const tags = await stored(signal);
    const found: Found[] = [];
    const warnings: string[] = [];
    for (const [at, planned] of plan.series.entries()) {
      const series = candidates[at]!.flatMap((candidate): Found[] => {
        const tag = tags(candidate.tag);
        const labels = tag === undefined ? null : labelsOf(candidate, tag);
        return labels === null || !matchesLabels(planned.match, labels) ? [] : [{ planned, tag: tag!.id, labels }];
      });
      if (series.length > planned.limit) {
        const message = `Series ${planned.definition} stands for ${series.length} stored series, more than its limit of ${planned.limit}. Match fewer, or raise the limit.`;
        throw new AppError('query.too-many-samples', message, { details: { limit: planned.limit } });
      }
      if (series.length === 0) warnings.push(nothingFound(planned));
      found.push(...series.sort((a, b) => compareLabels(a.labels, b.labels)));
    }
    return { found, warnings };
  };

  return {
    async query(query, signal) {
      const { range, grid, envelope } = query.plan;
      if (grid === null) throw new Error('A query for raw samples is streamed.');
      const { found, warnings } = await find(query, signal);
      const time = gridTimes(grid);
      const series: GraphSeries[] = [];
      const columns = envelope ? 6 : 4;
      if (grid.length * found.length * columns > MOST_CELLS) {
        const message = `${found.length} series of ${grid.length} points are more than one graph takes. Ask for fewer points, or for fewer series.`;
        throw new AppError('query.too-many-samples', message, { details: { limit: MOST_CELLS } });
      }
      for (let from = 0; from < found.length; from += TAGS_AT_ONCE) {
        const part = found.slice(from, from + TAGS_AT_ONCE);
        for (const [at, values] of (await aggregate(history, part, range, grid, envelope, signal)).entries()) {
          if (values === null) continue;
          const { planned, labels } = part[at]!;
          series.push({ ...identityOf(planned, labels), time, ...values });
        }
      }
      return { range, grid, series, warnings };
    },

    async *stream(query, signal) {
      const { found } = await find(query, signal);
      const byTag = new Map<string, Found[]>();
      for (const one of found) byTag.set(one.tag, [...(byTag.get(one.tag) ?? []), one]);
      const tags = [...byTag.keys()];
      for (let from = 0; from < tags.length; from += TAGS_AT_ONCE) {
        for await (const part of history.raw(tags.slice(from, from + TAGS_AT_ONCE), query.plan.range, signal)) {
          yield part.flatMap(({ tag, time, value, quality }) => {
            const known = value.map((number, at) => (isBad(quality[at]!) ? Number.NaN : number));
            return byTag.get(tag)!.map(({ planned, labels }) => ({
              ...identityOf(planned, labels),
              time,
              value: known,
              quality,
              envelope: null,
            }));
          });
        }
      }
    },

    async series(metric, limit, signal) {
      const tags = await stored(signal);
      const sets: Labels[] = [];
      for (const candidate of candidatesOf(metric)) {
        const tag = tags(candidate.tag);
        if (tag !== undefined) sets.push(labelsOf(candidate, tag));
        if (sets.length === limit) break;
      }
      return sets;
    },
  };
}

type FindTag = (source: string) => StoredTag | undefined;

const labelsOf = ({ labels }: Candidate, { connection, device, name }: StoredTag): Labels =>
  labels ?? { connection, device, name };

const identityOf = ({ definition, metric, override }: PlannedSeries, labels: Labels) => ({
  definition,
  metric,
  labels,
  unit: override?.unit ?? metric.unit,
});

function nothingFound({ definition, metric }: PlannedSeries): string {
  const key = keyOf(metric);
  return `${definition}: no tag of this recording is ${key} with the labels asked for. Name its tags in the registry, under backends, local, series.`;
}

type Values = Pick<GraphSeries, 'value' | 'quality' | 'envelope'>;

/** Null for a series without a sample in the range, which every backend leaves out. */
async function aggregate(
  history: HistorySource,
  part: readonly Found[],
  range: TimeRange,
  grid: Grid,
  envelope: boolean,
  signal: AbortSignal,
): Promise<(Values | null)[]> {
  const answer = await history.aggregate(
    {
      tags: part.map(({ tag, planned }) => ({
        tag,
        functions: functionsOf(planned, envelope),
      })),
      range,
      grid: { step: grid.step, origin: grid.start },
      fill: { kind: 'none' },
      maxHold: null,
    },
    signal,
  );
  let next = 0;
  return part.map(({ tag, planned }) => {
    const one = answer.series[next];
    // A tag that has gone since it was looked up.
    if (one?.tag !== tag) return null;
    next++;
    const [value, usable, other, worst, min, max] = one.columns;
    const quality = new Uint16Array(grid.length);
    let samples = 0;
    for (let i = 0; i < grid.length; i++) {
      samples += usable![i]! + other![i]!;
      // How many there were is known also where there were none.
      if (planned.aggregate !== 'count') quality[i] = stepQuality(usable![i]!, other![i]!, worst![i]! || 0);
    }
    if (samples === 0) return null;
    return { value: value!, quality, envelope: min === undefined || max === undefined ? null : { min, max } };
  });
}

function functionsOf({ aggregate: name }: PlannedSeries, envelope: boolean): AggregateFunction[] {
  const ends = envelope && isOnScale(name) ? (['min', 'max'] as const) : [];
  return [name as AggregateFunction, 'count', 'bad', 'quality', ...ends];
}
