import {
  aggregationsFor,
  keyOf,
  type MetricType,
  metricKey,
  metricType,
  type RegisteredMetric,
  splitKey,
} from '#shared/model/graph/index.ts';
import { PLANT_NAMESPACE, TAG_LABEL, type TableMapping } from '#shared/model/index.ts';
import type { TimescaleCapabilities } from './capabilities.ts';
import type { Session } from './session.ts';
import { relation } from './sql.ts';

/** Every metric that this database holds: one for each mapping, and those of the tables of our own. */
export async function listMetrics(
  session: Session,
  { own, mappings }: TimescaleCapabilities['timescale'],
  signal: AbortSignal,
): Promise<RegisteredMetric[]> {
  const mapped = mappings.map((mapping) =>
    registered(
      `${PLANT_NAMESPACE}.${mapping.id}`,
      'gauge',
      null,
      mapping.name || `${mapping.relation.schema}.${mapping.relation.name}`,
      [TAG_LABEL, ...mapping.labels.map(({ name }) => name)],
    ),
  );
  return own === null ? mapped : [...mapped, ...(await ownMetrics(session, own, signal))];
}

async function ownMetrics(session: Session, own: TableMapping, signal: AbortSignal): Promise<RegisteredMetric[]> {
  const series = relation(own.relation.schema, 'series');
  const text = `SELECT s.metric, min(s.type) AS type, min(s.unit) AS unit, array_agg(DISTINCT l.name) FILTER (WHERE l.name IS NOT NULL) AS labels
FROM ${series} s LEFT JOIN LATERAL jsonb_object_keys(s.labels) AS l (name) ON true
GROUP BY s.metric ORDER BY s.metric LIMIT 100000`;
  const rows = (await session.query(text, [], signal)) as unknown as {
    metric: string;
    type: string;
    unit: string | null;
    labels: string[] | null;
  }[];
  return rows
    .filter(({ metric }) => metricKey.safeParse(metric).success)
    .map(({ metric, type, unit, labels }) =>
      registered(metric, metricType.catch('gauge').parse(type), unit, '', labels ?? []),
    );
}

function registered(
  key: string,
  type: MetricType,
  unit: string | null,
  title: string,
  labels: readonly string[],
): RegisteredMetric {
  const identifier = { ...splitKey(key), unit, type };
  return {
    key: keyOf(identifier),
    identifier,
    title,
    description: '',
    labels,
    aggregates: aggregationsFor(type),
    bounds: null,
    backends: {},
    origin: 'registry',
  };
}
