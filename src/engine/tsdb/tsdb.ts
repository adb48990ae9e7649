import type { z } from 'zod';
import type { HistorySource } from '#engine/historian/index.ts';
import type { Clock, Logger } from '#engine/platform/index.ts';
import { AppError } from '#shared/errors.ts';
import type {
  Accepted,
  Aggregation,
  BackendCapabilities,
  BackendOverride,
  GraphSeries,
  Grid,
  GroupBy,
  LabelMatches,
  Labels,
  MetricIdentifier,
  MetricSamples,
  TimeSeriesResult,
} from '#shared/model/graph/index.ts';
import type { TimeRange } from '#shared/model/index.ts';

/** One series definition made ready for a backend: everything looked up that a compiler must know. */
export interface PlannedSeries {
  readonly definition: string;
  readonly metric: MetricIdentifier;
  /** What this backend calls the metric, from the registry. */
  readonly override: BackendOverride | null;
  readonly match: LabelMatches;
  readonly aggregate: Aggregation;
  /** Null also where labels are combined above the backend. */
  readonly groupBy: GroupBy | null;
  /** Series that it may expand to; more throw `query.too-many-samples`. */
  readonly limit: number;
  /** Settings of the graph that are meant for this backend alone. */
  readonly extension: Readonly<Record<string, unknown>>;
}

/** What one backend is asked at once: all series over one range, on one grid or as raw samples. */
export interface QueryPlan {
  readonly range: TimeRange;
  /** Null: every sample of the range. */
  readonly grid: Grid | null;
  /** Of the series whose aggregate is on the metric's own scale (`isOnScale`); null for the others. */
  readonly envelope: boolean;
  readonly series: readonly PlannedSeries[];
}

/** Opaque above the boundary. */
export interface CompiledQuery {
  /** The backend's own text of the query, for golden files and diagnostics; values are shown as parameters. */
  explain(): string;
}

export interface TsdbClient<Query extends CompiledQuery = CompiledQuery> {
  /** The answer on the plan's grid, in the values that are stored: units are converted above. */
  query(query: Query, signal: AbortSignal): Promise<TimeSeriesResult>;
  /** Raw samples in blocks of bounded size; the blocks of one series come in time order. */
  stream(query: Query, signal: AbortSignal): AsyncIterable<readonly GraphSeries[]>;
  /** Label sets of the stored series of a metric, at most `limit`, for suggestions. */
  series(
    metric: Pick<PlannedSeries, 'metric' | 'override'>,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly Labels[]>;
}

/** Takes samples that `createIngest` has accepted. */
export interface TsdbIngestor {
  /** What was refused by the backend, with series and rows; everything else is stored when it resolves. */
  write(samples: readonly MetricSamples[], signal: AbortSignal): Promise<Pick<Accepted, 'rejected'>>;
}

export interface TsdbConnection<Query extends CompiledQuery = CompiledQuery> {
  /** Found out on connecting. */
  readonly capabilities: BackendCapabilities;
  readonly client: TsdbClient<Query>;
  /** Null where the backend is only read. */
  readonly ingestor: TsdbIngestor | null;
  /** May be called twice; resolves when sockets are gone. */
  close(): Promise<void>;
}

export interface TsdbContext {
  readonly clock: Clock;
  readonly log: Logger;
  /** The running history (`history`) or an opened recording, by its id: what the local backend reads. */
  history(source: string): HistorySource;
}

// Configurations and compiled queries are private to each backend; whoever holds any backend passes on what it gave.
// biome-ignore lint/suspicious/noExplicitAny: see above
export interface TsdbBackend<Config = any, Query extends CompiledQuery = any> {
  readonly id: string;
  readonly title: string;
  readonly version: string;
  readonly summary: string;
  /** One source's settings; also draws the form. */
  readonly config: z.ZodType<Config>;
  /** Settings as the page of the backend shows them; the first of its tests. */
  readonly sample: unknown;
  /** No input or output: the same plan and capabilities give the same query. Throws `tsdb.unsupported-feature`. */
  compile(plan: QueryPlan, capabilities: BackendCapabilities): Query;
  connect(config: Config, context: TsdbContext, signal: AbortSignal): Promise<TsdbConnection<Query>>;
}

/** Refuses what the capabilities exclude, the same way in every compiler; throws `tsdb.unsupported-feature`. */
export function requireCapabilities(backend: string, plan: QueryPlan, can: BackendCapabilities): void {
  const missing = (feature: string, advice: string): never => {
    throw new AppError('tsdb.unsupported-feature', `${backend} has no ${feature}. ${advice}`, {
      details: { backend, feature },
    });
  };
  if (plan.grid === null) {
    if (!can.raw) missing('raw samples', 'Ask for values on a grid, or choose another source.');
  } else {
    if (plan.grid.step < can.minStepMs * 1_000) missing(`steps below ${can.minStepMs} ms`, 'Ask for a longer step.');
    if (plan.envelope && !can.envelope) missing('envelopes', 'Leave it out.');
  }
  for (const { aggregate, groupBy, match } of plan.series) {
    if (plan.grid !== null && !can.aggregates.includes(aggregate)) {
      missing(`aggregate "${aggregate}"`, `Choose from ${can.aggregates.join(', ') || 'none'}.`);
    }
    if (groupBy !== null && !can.groupBy) missing('grouping by labels', 'Ask for the series one by one.');
    for (const one of Object.values(match)) {
      const kind = typeof one === 'string' ? 'equals' : Object.keys(one)[0]!;
      if (!can.matches.some((known) => known === kind))
        missing(`comparison of labels by "${kind}"`, 'Use another one.');
    }
  }
}
