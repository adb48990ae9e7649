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
  /** Beside those of time, of its keys, and that there is a value. */
  readonly conditions: readonly string[];
  /**
   * Where keys of a table of tags stand in the rows: that column, and a query for those of the tag as `k0`. They are few,
   * and more than one where a tag was made anew under its old name. Null: the conditions say all.
   */
  readonly keys: { readonly column: string; readonly query: string } | null;
}

/** A tag that has more keys than this was not made anew so often: it is not told apart from others. */
const MOST_KEYS = 100;

/** Null where the tag is of nothing that is known here. */
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
  const keys =
    tag.kind === 'table' && parts.tags.length > 0
      ? {
          column: columnOf('s', tag.column),
          query: `SELECT ${columnOf('t', tag.key)} AS k0 FROM ${from(tag.relation, 't')} WHERE ${parts.tags.join(' AND ')} LIMIT ${MOST_KEYS}`,
        }
      : null;
  return {
    resolved,
    parameters,
    relation: from(relation, 's'),
    time: columnOf('s', time.column),
    conditions: parts.samples,
    keys,
  };
}
