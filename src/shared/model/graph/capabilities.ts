import { z } from 'zod';
import { quote } from '#shared/errors.ts';
import type { DeepReadonly, GraphDefinition, Issue, LabelMatch, SeriesDefinition } from './graph.ts';
import { type Aggregation, aggregation } from './metric.ts';
import type { RegisteredMetric } from './registry.ts';
import { conversionOf, perSecond } from './unit.ts';

export const matchKind = z.enum(['equals', 'not', 'in', 'notIn', 'like', 'unlike']);
export type MatchKind = z.infer<typeof matchKind>;

/**
 * What one connection can do, found out when it is made: editions and versions of one database differ. What it cannot do
 * is either worked out above it from raw samples, or refused in words; never left out.
 */
export const backendCapabilities = z.object({
  /** Takes samples. */
  ingest: z.boolean(),
  /** Gives every sample of a range, from which anything that it cannot aggregate itself is worked out. */
  raw: z.boolean(),
  /** What it aggregates over steps by itself. */
  aggregates: z.array(aggregation),
  /** Combines series by labels itself. */
  groupBy: z.boolean(),
  /** Smallest and largest value of each step beside the aggregate. */
  envelope: z.boolean(),
  matches: z.array(matchKind),
  /** Shortest step it answers. */
  minStepMs: z.number().int().min(1),
});
export type BackendCapabilities = DeepReadonly<z.infer<typeof backendCapabilities>>;

/** A backend as a graph is checked against it. */
export interface BackendProfile {
  readonly id: string;
  readonly capabilities: BackendCapabilities;
}

/** What a key means on a source: two sources may have different series under one key. */
export interface MetricsBySource {
  get(key: string, source: string | null): RegisteredMetric | undefined;
}

export const matchKindOf = (match: LabelMatch): MatchKind =>
  typeof match === 'string' ? 'equals' : (Object.keys(match)[0] as MatchKind);

/** Why a backend cannot give an aggregation, in a sentence, for a choice that is greyed; null when it can. */
export function aggregateFault(
  metric: Pick<RegisteredMetric, 'key' | 'aggregates'>,
  name: Aggregation,
  backend: BackendProfile,
): string | null {
  if (!metric.aggregates.includes(name)) {
    return `${metric.key} has no ${name}. Choose from ${metric.aggregates.join(', ')}.`;
  }
  const { aggregates, raw } = backend.capabilities;
  if (aggregates.includes(name) || raw) return null;
  const left = metric.aggregates.filter((one) => aggregates.includes(one));
  const advice = left.length === 0 ? 'Choose another source.' : `Choose ${left.join(' or ')}, or another source.`;
  return `${backend.id} gives no ${name}, and no raw samples to work it out from. ${advice}`;
}

/** The unit that the aggregated values of a metric have. */
export function unitOfAggregate(unit: string | null, name: Aggregation): string | null {
  return name === 'count' ? null : name === 'rate' ? perSecond(unit) : unit;
}

/**
 * Everything that keeps a graph from being drawn: metrics that are not there, aggregates and labels that do not fit
 * them, units of another kind, and what a backend cannot do. `backendOf` gives the backend of a series' source, null
 * where there is none of that name.
 */
export function graphProblems(
  graph: GraphDefinition,
  registry: MetricsBySource,
  backendOf: (source: string | null) => BackendProfile | null,
): Issue[] {
  const issues: Issue[] = [];
  for (const [at, series] of graph.series.entries()) {
    const report = (path: string, message: string): void => {
      issues.push({ path: `series.${at}.${path}`, message });
    };
    const metric = registry.get(series.metric, series.source);
    if (metric === undefined) {
      report(
        'metric',
        `There is no metric ${quote(series.metric)}. Choose one from the catalogue, or declare it in the registry.`,
      );
      continue;
    }
    const backend = backendOf(series.source);
    if (backend === null) {
      report('source', `There is no source ${quote(series.source ?? '')}. Choose one from the list of backends.`);
      continue;
    }
    const fault = aggregateFault(metric, series.aggregate, backend);
    if (fault !== null) report('aggregate', fault);
    seriesProblems(series, metric, backend, report);
  }
  return issues;
}

function seriesProblems(
  series: GraphDefinition['series'][number],
  metric: RegisteredMetric,
  { id, capabilities }: BackendProfile,
  report: (path: string, message: string) => void,
): void {
  const has = metric.labels.length === 0 ? 'It has none.' : `Choose from ${metric.labels.join(', ')}.`;
  for (const [name, match] of Object.entries(series.match)) {
    if (!metric.labels.includes(name)) report(`match.${name}`, `${metric.key} has no label ${name}. ${has}`);
    const kind = matchKindOf(match);
    if (!capabilities.matches.includes(kind)) {
      report(`match.${name}`, `${id} cannot compare labels by "${kind}". Use ${capabilities.matches.join(', ')}.`);
    }
  }
  for (const [n, name] of (series.groupBy?.labels ?? []).entries()) {
    if (!metric.labels.includes(name)) report(`groupBy.labels.${n}`, `${metric.key} has no label ${name}. ${has}`);
  }
  if (series.unit !== null) {
    const unit = unitOfAggregate(metric.identifier.unit, series.aggregate);
    const conversion = conversionOf(unit, series.unit);
    if ('fault' in conversion) report('unit', conversion.fault);
    else if (conversion.offset !== 0 && !hasOffset(series)) {
      report(
        'unit',
        `A ${series.aggregate} of ${unit} cannot become ${series.unit}, which counts from another zero. Leave the unit.`,
      );
    }
  }
}

/** Whether aggregated values lie on the scale of the metric itself: only those have an envelope. */
export const isOnScale = (name: Aggregation): boolean => ['first', 'last', 'mean', 'min', 'max'].includes(name);

/** Whether a zero of another unit moves the values, as degrees Celsius move against kelvin. */
export const hasOffset = ({ aggregate, groupBy }: Pick<SeriesDefinition, 'aggregate' | 'groupBy'>): boolean =>
  isOnScale(aggregate) && groupBy?.aggregate !== 'sum';
