import { AppError } from '#shared/errors.ts';
import {
  type BackendOverride,
  keyOf,
  type LabelMatches,
  type Labels,
  type MetricIdentifier,
  matchesLabels,
} from '#shared/model/graph/index.ts';
import {
  type MappedValue,
  mappedValueName,
  PLANT_NAMESPACE,
  TAG_LABEL,
  type TableMapping,
  tableMapping,
} from '#shared/model/index.ts';
import type { TimescaleCapabilities } from './capabilities.ts';
import { columnOf, type Parameters } from './expressions.ts';
import { matchCondition } from './match.ts';
import { relation } from './sql.ts';

/** A metric as it lies there. */
export interface Resolved {
  readonly mapping: TableMapping;
  /** Where a table of tags says which metric each is of: the one that is asked for. */
  readonly key: string;
  /** Names of labels there, by their names here. */
  readonly renamed: Readonly<Record<string, string>>;
  /** Tags that stand for a series each, with the labels that it has here; null: all tags, with their own labels. */
  readonly chosen: ReadonlyMap<string, Labels> | null;
}

type Asked = { readonly metric: MetricIdentifier; readonly override: BackendOverride | null };

/** The mapping that a metric is read by; null where there is none of it. Throws `config.invalid` for one that is none. */
export function resolve({ metric, override }: Asked, found: TimescaleCapabilities['timescale']): Resolved | null {
  const given = override?.options?.mapping;
  const id = typeof given === 'string' ? given : metric.namespace === PLANT_NAMESPACE ? metric.name : null;
  const parsed = typeof given === 'object' ? tableMapping.safeParse(given) : null;
  if (parsed?.success === false) {
    const issues = parsed.error.issues.map(({ path, message }) => ({
      path: ['mapping', ...path].join('.'),
      message,
    }));
    throw new AppError('config.invalid', `${keyOf(metric)}: ${issues[0]!.path}: ${issues[0]!.message}`, {
      details: { issues },
    });
  }
  const mapping = parsed?.data ?? (id === null ? found.own : (found.mappings.find((one) => one.id === id) ?? null));
  if (mapping === null) return null;
  return {
    mapping,
    key: override?.source ?? keyOf(metric),
    renamed: override?.labels ?? {},
    chosen:
      override?.series === undefined ? null : new Map(override.series.map(({ source, labels }) => [source, labels])),
  };
}

/** What a statement says of labels: conditions on columns, or nothing at all that can match. */
export interface TagPart {
  /** Conditions of the rows of samples, and of the table of tags. */
  readonly samples: readonly string[];
  readonly tags: readonly string[];
}

/** Splits the match of a series into conditions; null where no row can match. */
export function tagConditions(
  { mapping, key, renamed, chosen }: Resolved,
  match: LabelMatches,
  parameters: { readonly samples: Parameters; readonly tags: Parameters },
): TagPart | null {
  const { tag, labels } = mapping;
  const samples: string[] = [];
  const tags: string[] = [];
  const name =
    tag.kind === 'column' ? columnOf('s', tag.column) : tag.kind === 'table' ? columnOf('t', tag.name) : null;
  if (tag.kind === 'table' && tag.metric !== null) {
    tags.push(`${columnOf('t', tag.metric)} = ${parameters.tags.add(key)}`);
  }
  if (chosen !== null) {
    const names = [...chosen].filter(([, set]) => matchesLabels(match, set)).map(([source]) => source);
    if (names.length === 0) return null;
    if (tag.kind === 'column') samples.push(`${name} = ANY (${parameters.samples.add(names)})`);
    if (tag.kind === 'table') tags.push(`${name} = ANY (${parameters.tags.add(names)})`);
    return { samples, tags };
  }
  for (const [label, one] of Object.entries(match)) {
    const column = labels.find((of) => of.name === label);
    const hasMetric = tag.kind === 'table' && tag.metric !== null;
    if (column?.of === 'samples') {
      samples.push(matchCondition(one, columnOf('s', column.column), parameters.samples));
    } else if (column !== undefined) {
      tags.push(matchCondition(one, columnOf('t', column.column), parameters.tags));
    } else if (label === TAG_LABEL && !hasMetric && tag.kind === 'column') {
      samples.push(matchCondition(one, name!, parameters.samples));
    } else if (label === TAG_LABEL && !hasMetric && tag.kind === 'table') {
      tags.push(matchCondition(one, name!, parameters.tags));
    } else if (tag.kind === 'table' && tag.labels !== null) {
      const there = renamed[label] ?? label;
      tags.push(
        matchCondition(
          one,
          `(${columnOf('t', tag.labels)} ->> ${parameters.tags.add(there, 'text')})`,
          parameters.tags,
        ),
      );
    } else if (label !== TAG_LABEL && !matchesLabels({ [label]: one }, {})) return null;
  }
  return { samples, tags };
}

/** The values of a wide relation that a series may mean, by the names of their tags. */
export function wideValues({ mapping, chosen }: Resolved, match: LabelMatches): ReadonlyMap<string, MappedValue> {
  const own = match[TAG_LABEL];
  const found = new Map<string, MappedValue>();
  for (const value of mapping.values) {
    const name = mappedValueName(value);
    if (chosen !== null) {
      const labels = chosen.get(name);
      if (labels !== undefined && matchesLabels(match, labels)) found.set(name, value);
    } else if (own === undefined || matchesLabels({ [TAG_LABEL]: own }, { [TAG_LABEL]: name })) found.set(name, value);
  }
  return found;
}

/** Whether the only tag of a relation is meant. */
export function fixedMatches({ mapping: { tag }, chosen }: Resolved, match: LabelMatches): boolean {
  if (tag.kind !== 'fixed') return true;
  if (chosen !== null) return chosen.has(tag.name);
  const own = match[TAG_LABEL];
  return own === undefined || matchesLabels({ [TAG_LABEL]: own }, { [TAG_LABEL]: tag.name });
}

export const from = ({ schema, name }: TableMapping['relation'], alias: string): string =>
  `${relation(schema, name)} ${alias}`;

/** A tag as the statement of `tagStatement` gives it. */
export interface FoundTag {
  readonly key: string;
  readonly name: string;
  readonly unit: string | null;
  readonly labels: Labels;
}
