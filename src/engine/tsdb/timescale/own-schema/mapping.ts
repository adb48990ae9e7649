import { type TableMapping, tableMapping } from '#shared/model/index.ts';
import type { Facts } from './facts.ts';
import { standingOf } from './plan.ts';

/** Id of the mapping of our own tables; metrics there have keys of their own. */
const OWN_MAPPING = 'own';

/** The tables of our own as the compiler reads any other; null where there are none of a version that it knows. */
export function ownMapping(facts: Facts, schema: string): TableMapping | null {
  const standing = standingOf(facts);
  if (standing !== 'current' && standing !== 'outdated') return null;
  return tableMapping.parse({
    id: OWN_MAPPING,
    relation: { schema, name: 'samples' },
    time: { column: 'time', kind: 'timestamptz' },
    tag: {
      kind: 'table',
      column: 'series',
      relation: { schema, name: 'series' },
      key: 'id',
      name: 'metric',
      unit: 'unit',
      metric: 'metric',
      labels: 'labels',
    },
    values: [{ column: 'value' }],
    quality: { column: 'quality', rule: 'own' },
    rollups: facts.rollups.map(({ name, seconds }) => ({
      relation: { schema, name },
      stepMs: seconds * 1_000,
      time: 'time',
      tag: 'series',
      columns: {
        min: 'min',
        max: 'max',
        sum: 'sum',
        count: 'usable',
        first: 'first',
        last: 'last',
        other: 'other',
        worst: 'worst',
      },
    })),
  });
}
