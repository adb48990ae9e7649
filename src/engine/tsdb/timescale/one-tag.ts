import type { TsdbTag } from '#engine/tsdb/tsdb.ts';
import type { TimescaleCapabilities } from './capabilities.ts';
import { columnOf, createParameters, type Parameters } from './expressions.ts';
import { fixedMatches, from, type Resolved, resolve, tagConditions } from './relations.ts';

/** Where the rows of one tag lie, as parts of a statement over its samples `s`. */
export interface OneTag {
  readonly resolved: Resolved;
  readonly parameters: Parameters;
  readonly relation: string;
  readonly time: string;
  /** Beside those of time, and that there is a value. */
  readonly conditions: readonly string[];
}

/**
 * Null where the tag is of nothing that is known here. Its key is one that is equal to something, so that an index by it
 * and the time gives rows in the order of their times, from either end.
 */
export function oneTag(
  { metric, override, labels }: Pick<TsdbTag, 'metric' | 'override' | 'labels'>,
  found: TimescaleCapabilities['timescale'],
): OneTag | null {
  const resolved = resolve({ metric, override }, found);
  if (resolved === null || !fixedMatches(resolved, labels)) return null;
  const parameters = createParameters();
  const parts = tagConditions(resolved, labels, { samples: parameters, tags: parameters });
  if (parts === null) return null;
  const { tag, time, relation } = resolved.mapping;
  const conditions = [...parts.samples];
  if (tag.kind === 'table' && parts.tags.length > 0) {
    const key = `(SELECT ${columnOf('t', tag.key)} FROM ${from(tag.relation, 't')} WHERE ${parts.tags.join(' AND ')} LIMIT 1)`;
    conditions.push(`${columnOf('s', tag.column)} = ${key}`);
  }
  return { resolved, parameters, relation: from(relation, 's'), time: columnOf('s', time.column), conditions };
}
