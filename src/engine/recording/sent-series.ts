import type { StoredTag } from '#engine/historian/index.ts';
import {
  type Labels,
  type MetricIdentifier,
  metricKey,
  normaliseLabels,
  TAG_NAMESPACE,
  tagMetricKey,
} from '#shared/model/graph/index.ts';

/** A tag and the series that its samples go to. */
export interface SentTag {
  readonly tag: StoredTag;
  readonly metric: MetricIdentifier;
  readonly labels: Labels;
  /** The source has this series already. */
  readonly there: boolean;
}

export interface LeftOut {
  readonly names: readonly string[];
  readonly reason: string;
}

/** A series that a source has. */
export interface SeriesThere {
  readonly metric: Pick<MetricIdentifier, 'namespace' | 'name'>;
  readonly labels: Labels;
}

const LONGEST_DESCRIPTION = 1_000;

/**
 * Which series the tags' samples go to: the metric `tag.<id>` with connection, device and name, which graphs of this
 * computer know them by too. A series that the source has of the tag, its connection and its device is gone on with,
 * whatever it was called then: a tag with another name or description is the same tag.
 */
export function sentTags(
  tags: readonly StoredTag[],
  there: readonly SeriesThere[],
): { readonly sent: readonly SentTag[]; readonly leftOut: readonly LeftOut[] } {
  const known = new Map<string, Labels[]>();
  for (const { metric, labels } of there) {
    if (metric.namespace !== TAG_NAMESPACE) continue;
    const key = placeOf(metric.name, labels);
    const others = known.get(key);
    if (others === undefined) known.set(key, [labels]);
    else others.push(labels);
  }
  const sent: SentTag[] = [];
  const texts: string[] = [];
  const nameless: string[] = [];
  for (const tag of tags) {
    const labels = labelsOf(tag);
    if (tag.recipe.form === 'text' || tag.recipe.type === 'string') texts.push(tag.name);
    else if (typeof labels === 'string' || !metricKey.safeParse(tagMetricKey(tag.id)).success) nameless.push(tag.name);
    else {
      const own = known.get(placeOf(tag.id, labels)) ?? [];
      const same = own.find(({ name }) => name === labels.name) ?? own[0];
      const unit = tag.recipe.unit === '' ? null : (tag.recipe.unit?.slice(0, 40) ?? null);
      sent.push({
        tag,
        metric: { namespace: TAG_NAMESPACE, name: tag.id, unit, type: 'gauge' },
        labels: same ?? labels,
        there: same !== undefined,
      });
    }
  }
  const leftOut = [
    { names: texts, reason: 'their values are texts, and the source keeps numbers alone' },
    { names: nameless, reason: 'their ids or names are none that a series can have' },
  ];
  return { sent, leftOut: leftOut.filter(({ names }) => names.length > 0) };
}

const placeOf = (id: string, { connection = '', device = '' }: Labels): string =>
  JSON.stringify([id, connection, device]);

/** What no database keeps becomes a blank. */
const clean = (text: string): string => text.replace(/[\p{Cc}\p{Surrogate}]/gu, ' ');

function labelsOf({ connection, device, name, description, recipe }: StoredTag): Labels | string {
  return normaliseLabels({
    connection: clean(connection),
    device: clean(device),
    name: clean(name),
    description: clean(description).slice(0, LONGEST_DESCRIPTION),
    // Drawn in steps; all other series are numbers.
    ...(recipe.type === 'bit' ? { type: 'bit' } : {}),
  });
}
