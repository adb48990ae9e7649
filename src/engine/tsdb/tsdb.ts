import type { z } from 'zod';
import type { HistorySource } from '#engine/historian/index.ts';
import type { Clock, Logger, Network } from '#engine/platform/index.ts';
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
  RegisteredMetric,
  TimeSeriesResult,
} from '#shared/model/graph/index.ts';
import type {
  CatalogueRelation,
  MappingDrift,
  MappingGuess,
  MappingPreview,
  OnConflict,
  RelationName,
  ServerHealth,
  SourceLimits,
  TableMapping,
  TestStep,
  TimeRange,
} from '#shared/model/index.ts';
import type { SchemaManager } from '#shared/model/own-schema.ts';
import type { HistoryTag } from '#shared/rpc/history.ts';

export { climb, climbNetwork, type Finding, type Ladder } from '#engine/platform/ladder.ts';

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
  /** What becomes of a sample whose series has one at that very time. */
  readonly onConflict: OnConflict;
  /** What was refused by the backend, with series and rows; everything else is stored when it resolves. */
  write(samples: readonly MetricSamples[], signal: AbortSignal): Promise<Pick<Accepted, 'rejected'>>;
}

/** A series that a source has, as a tag of it. */
export interface TsdbTag {
  /** Stable within the source; at most 500 characters. */
  readonly id: string;
  readonly name: string;
  readonly unit: string | null;
  readonly description: string | null;
  readonly type: 'number' | 'boolean' | 'text';
  readonly metric: MetricIdentifier;
  /** With the metric they mean this series alone. */
  readonly labels: Labels;
  /** What `compile` must know of the metric, as in `PlannedSeries`. */
  readonly override: BackendOverride | null;
}
/** Texts of one tag; null where there is none. */
export interface TextRows {
  readonly time: Float64Array<ArrayBuffer>;
  readonly text: readonly (string | null)[];
  readonly quality: Uint16Array<ArrayBuffer>;
}
export interface TsdbTagSearch {
  /** Words in any order and case; empty: all. */
  readonly text: string;
  /** These alone, whatever the text; null: all that the text finds. */
  readonly ids: readonly string[] | null;
  readonly offset: number;
  readonly limit: number;
}
export interface TsdbTagPage {
  readonly tags: readonly TsdbTag[];
  /** Null where counting them would cost too much. */
  readonly total: number | null;
  /** Why tags are missing, for people; absent or empty where these are all. */
  readonly notes?: readonly string[];
}

/**
 * What a trend reads from, whichever source it is. Local recordings hand their own reads through; others are read by one
 * adapter over `query`, `stream` and `tags` (`viewerOf`).
 */
export interface ViewerSource
  extends Pick<HistorySource, 'bounds' | 'view' | 'raw' | 'neighbours' | 'gaps' | 'events'> {
  findTags(
    search: TsdbTagSearch,
    signal: AbortSignal,
  ): Promise<{ readonly tags: readonly HistoryTag[] } & Pick<TsdbTagPage, 'total' | 'notes'>>;
  /** From the first sample of each of these tags to behind its last; null where that is not known. */
  ends(tags: readonly string[], signal: AbortSignal): Promise<readonly (TimeRange | null)[]>;
  /** Usable samples of all these tags; null where the source cannot count without reading them. */
  count(tags: readonly string[], range: TimeRange, signal: AbortSignal): Promise<number | null>;
  /**
   * Exact numbers over a range in the order of `STATISTICS`, as tags are ready; NaN where nothing is known. Throws
   * `query.too-many-samples` where that would read more than the source takes.
   */
  statistics(
    tags: readonly string[],
    range: TimeRange,
    signal: AbortSignal,
  ): AsyncIterable<readonly { readonly tag: string; readonly values: Float64Array<ArrayBuffer> }[]>;
  /** For aggregates and searches of this computer's recordings; null where the source is no recording. */
  readonly history: HistorySource | null;
}

export interface TsdbConnection<Query extends CompiledQuery = CompiledQuery> {
  /** Found out on connecting. */
  readonly capabilities: BackendCapabilities;
  readonly client: TsdbClient<Query>;
  /** Null where the backend is only read. */
  readonly ingestor: TsdbIngestor | null;
  /** Its tags in the order of their names, for people to choose from; absent where it cannot list them. */
  tags?(search: TsdbTagSearch, signal: AbortSignal): Promise<TsdbTagPage>;
  /**
   * From the first sample of each of these tags to behind its last, in their order; null where there is none, or where
   * finding out would cost the server too much. Absent where that is never known.
   */
  ends?(tags: readonly TsdbTag[], signal: AbortSignal): Promise<readonly (TimeRange | null)[]>;
  /**
   * Values of a tag of the type `text`, in blocks of bounded size, in order of time and each time once; results of
   * queries have none. Absent where there are no such tags. Throws as `stream` does.
   */
  texts?(tag: TsdbTag, range: TimeRange, signal: AbortSignal): AsyncIterable<TextRows>;
  /** Every metric there, as the registry takes it; absent where its tags alone tell. */
  metrics?(signal: AbortSignal): Promise<readonly RegisteredMetric[]>;
  /** Where it has reads of its own for a trend; absent: the common adapter reads it. */
  readonly viewer?: ViewerSource;
  /**
   * A query in the backend's own language, of at most `limit` rows in all; more throw `query.too-many-samples`. Absent
   * where it has no language. What the text asks for beyond reading is refused by the session, not by its looks.
   */
  raw?(query: RawQuery, signal: AbortSignal): Promise<TimeSeriesResult>;
  /** How the server goes about a query whose text `explain()` gave; null where it cannot tell. */
  planOf?(text: string, signal: AbortSignal): Promise<string | null>;
  /** What relations of others there are, and what they mean; absent where there are none. */
  readonly foreign?: ForeignSchema;
  /** Its own tables; null where this login or its settings leave them alone. */
  readonly schema?: SchemaManager | null;
  /** Looks whether the server is well. Throws as `query` does. */
  health?(signal: AbortSignal): Promise<ServerHealth>;
  /** May be called twice; resolves when sockets are gone. */
  close(): Promise<void>;
}

/** A question in a backend's own words. */
export interface RawQuery {
  readonly text: string;
  /** Handed to the text as parameters, as the backend's page says. */
  readonly range: TimeRange;
  readonly limit: number;
}

export interface ForeignSchema {
  /** All relations that this login may read, in pages as they are found. */
  discover(signal: AbortSignal): AsyncIterable<readonly CatalogueRelation[]>;
  /** What a relation may mean, the surest first; looks at some of its rows. */
  guess(relation: RelationName, signal: AbortSignal): Promise<readonly MappingGuess[]>;
  preview(mapping: TableMapping, signal: AbortSignal): Promise<MappingPreview>;
  /** Those alone whose tables are not any more what they say. */
  drift(mappings: readonly TableMapping[], signal: AbortSignal): Promise<readonly MappingDrift[]>;
}

export interface TsdbContext {
  readonly clock: Clock;
  readonly log: Logger;
  /** The running history (`history`) or an opened recording, by its id: what the local backend reads. */
  history(source: string): HistorySource;
  /** What is kept apart from the settings under the name of a field that is marked as secret; undefined: nothing. */
  secret(name: string): Promise<string | undefined>;
  readonly limits: SourceLimits;
  /** How samples lie in relations of others, of this source. */
  readonly mappings: readonly TableMapping[];
  /** Told after each read of a mapping's table: what has become of it, or null where it was read without trouble. */
  onMapping?(mapping: string, problem: string | null): void;
  /** This computer's addresses, names and routes. */
  readonly network: Network;
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
  /** What is at the other end, short, without user and password: "192.168.0.10:5432/plant". Absent: this computer. */
  endpoint?(config: Config): string;
  /** Settings from an address in the backend's usual form, secrets apart. Throws `config.invalid`. */
  fromUrl?(url: string): {
    readonly settings: Readonly<Record<string, unknown>>;
    readonly secrets: Readonly<Record<string, string>>;
  };
  /** The other way round, without secrets. */
  toUrl?(config: Config): string;
  /** Usual settings to begin with. */
  readonly presets?: readonly {
    readonly id: string;
    readonly title: string;
    readonly summary: string;
    readonly settings: Readonly<Record<string, unknown>>;
  }[];
  /** The connection test: each step as it ends; never throws for what it finds. */
  test?(config: Config, context: TsdbContext, signal: AbortSignal): AsyncIterable<TestStep>;
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
