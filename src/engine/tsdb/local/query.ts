import { type CompiledQuery, type PlannedSeries, type QueryPlan, requireCapabilities } from '#engine/tsdb/tsdb.ts';
import {
  type BackendCapabilities,
  type Labels,
  labelsText,
  matchesLabels,
  TAG_NAMESPACE,
} from '#shared/model/graph/index.ts';

/** The history aggregates by itself what its rollups keep; the rest is worked out from samples above the boundary. */
export const LOCAL_CAPABILITIES: BackendCapabilities = {
  ingest: false,
  raw: true,
  aggregates: ['first', 'last', 'mean', 'min', 'max', 'sum', 'count'],
  groupBy: false,
  envelope: true,
  matches: ['equals', 'not', 'in', 'notIn', 'like', 'unlike'],
  minStepMs: 1,
};

/** A tag that a series definition may mean; `labels` null: those of the tag itself. */
export interface Candidate {
  /** Its id or its name. */
  readonly tag: string;
  readonly labels: Labels | null;
}

export interface LocalQuery extends CompiledQuery {
  readonly plan: QueryPlan;
  /** Tags by the series definitions, in their order. */
  readonly candidates: readonly (readonly Candidate[])[];
}

/** Tags that stand for a metric: the tag itself, or those that the registry names for this backend. */
export function candidatesOf({ metric, override }: Pick<PlannedSeries, 'metric' | 'override'>): readonly Candidate[] {
  if (metric.namespace === TAG_NAMESPACE) return [{ tag: metric.name, labels: null }];
  if (override?.series !== undefined) return override.series.map(({ source, labels }) => ({ tag: source, labels }));
  return override?.source === undefined ? [] : [{ tag: override.source, labels: {} }];
}

export function compileLocal(plan: QueryPlan, capabilities: BackendCapabilities): LocalQuery {
  requireCapabilities('local', plan, capabilities);
  const candidates = plan.series.map((series) =>
    candidatesOf(series).filter(({ labels }) => labels === null || matchesLabels(series.match, labels)),
  );
  return { plan, candidates, explain: () => explain(plan, candidates) };
}

function explain({ range, grid, envelope, series }: QueryPlan, candidates: LocalQuery['candidates']): string {
  const lines = [
    `range ${range.from} ${range.to}`,
    grid === null ? 'samples' : `grid from ${grid.start} step ${grid.step} points ${grid.length}`,
  ];
  for (const [at, { definition, aggregate, match, limit }] of series.entries()) {
    const asked = grid === null ? 'samples' : [aggregate, ...(envelope ? ['min', 'max'] : [])].join(', ');
    lines.push(`${definition}: ${asked}, at most ${limit} series`);
    for (const { tag, labels } of candidates[at]!) {
      lines.push(`  tag ${tag} ${labels === null ? `where ${JSON.stringify(match)}` : labelsText(labels)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
