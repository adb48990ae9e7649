import type { CompiledQuery, QueryPlan, TsdbBackend } from '#engine/tsdb/tsdb.ts';
import type { BackendCapabilities } from '#shared/model/graph/index.ts';

/** A compiled query that still knows what was asked, so that parts of its answer can be kept. */
export interface PlannedQuery extends CompiledQuery {
  readonly plan: QueryPlan;
  readonly capabilities: BackendCapabilities;
  readonly inner: CompiledQuery;
}

/** Whether a query was compiled by the wrapped backend; one of the backend itself is asked as it is, and not kept. */
export const isPlanned = (query: CompiledQuery): query is PlannedQuery => 'inner' in query;

const wrapped = new WeakMap<TsdbBackend, TsdbBackend>();

/** The backend whose queries the running connections of this folder understand. Compiling stays pure. */
export function plannedBackend(backend: TsdbBackend): TsdbBackend {
  let own = wrapped.get(backend);
  if (own === undefined) {
    own = {
      ...backend,
      compile: (plan, capabilities): PlannedQuery => {
        const inner: CompiledQuery = backend.compile(plan, capabilities);
        return { plan, capabilities, inner, explain: () => inner.explain() };
      },
    };
    wrapped.set(backend, own);
  }
  return own;
}
