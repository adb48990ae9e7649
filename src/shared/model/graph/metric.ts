import { z } from 'zod';
import { quote } from '#shared/errors.ts';

/**
 * What a series of numbers measures, whichever database holds it. The key `namespace.name` is the identity that graphs
 * refer to and never changes; title, unit and description may be corrected.
 */
export const metricType = z.enum(['counter', 'gauge', 'histogram', 'summary']).meta({
  title: 'Type',
  help: 'counter: only ever grows, and starts again at zero. gauge: goes up and down. histogram: counts below limits, one series per limit. summary: percentiles that the source has worked out.',
});
export type MetricType = z.infer<typeof metricType>;

/** First part of a key: whose words these are. */
export const METRIC_NAMESPACE = /^[a-z][a-z0-9_]{0,39}$/;
/** The rest of a declared key: parts of lower-case letters, digits and "_", joined by dots. */
export const METRIC_NAME = /^[a-z0-9_]+(\.[a-z0-9_]+)*$/;
/** Keys as they are referred to. Names in `tag` are ids of recorded tags, which may hold capitals and "-". */
export const METRIC_KEY = /^[a-z][a-z0-9_]{0,39}\.[A-Za-z0-9_.-]{1,160}$/;
/** Every recorded tag is a metric of this namespace by itself; a registry cannot declare one. */
export const TAG_NAMESPACE = 'tag';

export const metricKey = z
  .string()
  .regex(METRIC_KEY, 'Write a key as namespace.name, for example network.port.octets.in or tag.speed-1.');

export const metricIdentifier = z.object({
  namespace: z.string().regex(METRIC_NAMESPACE, 'Use 1 to 40 lower-case letters, digits or "_", a letter first.'),
  name: z.string().regex(/^[A-Za-z0-9_.-]{1,160}$/, 'Use 1 to 160 letters, digits, "_", "-" or ".".'),
  /** As `parseUnit` reads it; null where the number has none. */
  unit: z.string().max(40).nullable(),
  type: metricType,
});
export type MetricIdentifier = Readonly<z.infer<typeof metricIdentifier>>;

export const keyOf = ({ namespace, name }: Pick<MetricIdentifier, 'namespace' | 'name'>): string =>
  `${namespace}.${name}`;

/** The two parts of a key; the namespace ends at the first dot. */
export function splitKey(key: string): { readonly namespace: string; readonly name: string } {
  const dot = key.indexOf('.');
  return { namespace: key.slice(0, dot), name: key.slice(dot + 1) };
}

export const tagMetricKey = (tagId: string): string => `${TAG_NAMESPACE}.${tagId}`;

/** Why a key cannot be declared in a registry, in a sentence; null when it can. */
export function declaredKeyFault(key: string): string | null {
  if (!key.includes('.'))
    return `${quote(key)} has no namespace. Write namespace.name, for example network.port.octets.in.`;
  if (key.length > 120) return `${quote(key)} is longer than 120 characters. Shorten it.`;
  if (/[A-Z]/.test(key)) return `${quote(key)} has capitals. Write ${quote(key.toLowerCase())}.`;
  const { namespace, name } = splitKey(key);
  if (namespace === TAG_NAMESPACE) {
    return `The namespace "${TAG_NAMESPACE}" belongs to recorded tags, which are there by themselves. Choose another.`;
  }
  if (!METRIC_NAMESPACE.test(namespace)) {
    return `${quote(namespace)} is no namespace. Use 1 to 40 lower-case letters, digits or "_", a letter first.`;
  }
  if (!METRIC_NAME.test(name)) {
    return `${quote(name)} is no name. Join parts of lower-case letters, digits and "_" by single dots.`;
  }
  return null;
}

/**
 * What the usable samples of one step come to; usable is a sample that is not bad and whose value is a number.
 *
 * - `mean`, `min`, `max`, `sum`, `count`: each sample counts once.
 * - `first`, `last`: of the first and the last sample, nothing where that one is not usable.
 * - `increase`: what a counter grew by, from each usable sample of the range to the next, counted where the later one
 *   lies; a fall is a restart at zero. `rate`: the same per second of the time between these samples.
 */
export const aggregation = z.enum(['first', 'last', 'mean', 'min', 'max', 'sum', 'count', 'rate', 'increase']);
export type Aggregation = z.infer<typeof aggregation>;

export const ALLOWED_AGGREGATIONS = {
  counter: ['rate', 'increase', 'last', 'first', 'count'],
  gauge: ['mean', 'min', 'max', 'last', 'first', 'sum', 'count'],
  histogram: ['rate', 'increase', 'last', 'first', 'count'],
  summary: ['last', 'first', 'min', 'max', 'count'],
} as const satisfies Record<MetricType, readonly Aggregation[]>;
/** Aggregations that mean something for the type, the usual one first. */
export const aggregationsFor = (type: MetricType): readonly Aggregation[] => ALLOWED_AGGREGATIONS[type];

/** Whether values that fall are restarts. */
export const isCumulative = (type: MetricType): boolean => type === 'counter' || type === 'histogram';

export const labelName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'Use 1 to 64 letters, digits or "_", no digit first.');
export const labelValue = z.string().max(1_000, 'At most 1,000 characters.');
export const labels = z.record(labelName, labelValue);
export type Labels = Readonly<Record<string, string>>;
/** Labels of one series at most. */
export const MOST_LABELS = 40;

/** Equal for equal label sets in any order, and different for different ones whatever characters they hold. */
export function labelsText(set: Labels): string {
  const names = Object.keys(set).toSorted();
  return `{${names.map((name) => `${name}=${JSON.stringify(set[name])}`).join(', ')}}`;
}
