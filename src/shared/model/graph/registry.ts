import { z } from 'zod';
import { quote } from '#shared/errors.ts';
import type { DeepReadonly, Issue } from './graph.ts';
import {
  type Aggregation,
  aggregation,
  aggregationsFor,
  declaredKeyFault,
  labelName,
  labels,
  labelsText,
  type MetricIdentifier,
  metricType,
  splitKey,
  TAG_NAMESPACE,
  tagMetricKey,
} from './metric.ts';
import { conversionOf } from './unit.ts';

/** What one backend calls a metric, where it is not what the registry says. */
export const backendOverride = z.strictObject({
  /** Table, measurement, file or metric name there. */
  source: z.string().min(1).max(500).optional(),
  /** Unit of the stored values; they are converted to the metric's. */
  unit: z.string().max(40).optional(),
  /** Names of labels there, by their names here. */
  labels: z.record(labelName, z.string().min(1).max(200)).optional(),
  /** Series that are there one by one, each under a name of its own, and the labels they stand for. */
  series: z
    .array(z.strictObject({ source: z.string().min(1).max(500), labels }))
    .max(10_000)
    .optional(),
  /** Settings that only this backend understands. */
  options: z.record(z.string().max(100), z.unknown()).optional(),
});
export type BackendOverride = DeepReadonly<z.infer<typeof backendOverride>>;

/** One metric as a registry file declares it, under its key. */
export const metricDeclaration = z.strictObject({
  type: metricType,
  unit: z.string().max(40).nullable().default(null),
  title: z.string().max(200).default(''),
  description: z.string().max(1_000).default(''),
  labels: z.array(labelName).max(40).default([]),
  /** Of those that the type allows; the first is offered first. Left out: all of them. */
  aggregates: z.array(aggregation).min(1).optional(),
  /** Where values are expected; axes start from it, nothing is cut off. */
  bounds: z.strictObject({ low: z.number(), high: z.number() }).nullable().default(null),
  backends: z.record(z.string().max(40), backendOverride).default({}),
});
export type MetricDeclaration = z.infer<typeof metricDeclaration>;

export const registryFile = z.strictObject({
  version: z.literal(1),
  /** Paths of further files, from the folder of this one. */
  include: z.array(z.string().min(1).max(500)).max(100).default([]),
  metrics: z.record(z.string().max(200), metricDeclaration).default({}),
  /** By backend and key: for files of a site that leave the shipped ones as they are. */
  overrides: z.record(z.string().max(40), z.record(z.string().max(200), backendOverride)).default({}),
});

/** The form of a registry file for editors; `registeredMetric` and the loader check what it cannot say. */
export const registryJsonSchema = (): Record<string, unknown> =>
  z.toJSONSchema(registryFile, { io: 'input' }) as Record<string, unknown>;

export interface RegisteredMetric {
  readonly key: string;
  readonly identifier: MetricIdentifier;
  readonly title: string;
  readonly description: string;
  readonly labels: readonly string[];
  /** The usual one first. */
  readonly aggregates: readonly Aggregation[];
  readonly bounds: { readonly low: number; readonly high: number } | null;
  readonly backends: Readonly<Record<string, BackendOverride>>;
  readonly origin: 'registry' | 'tag';
}

/** What a tag must tell to be a metric. */
export interface MetricTag {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly unit: string | null;
  readonly range: { readonly low: number; readonly high: number } | null;
}
/** Labels of every recorded tag, by the names that people have given. */
export const TAG_LABELS = ['connection', 'device', 'name'] as const;

/** A declaration as a registered metric, and what is wrong with it beyond its form. */
export function registeredMetric(
  key: string,
  declared: MetricDeclaration,
): { readonly metric: RegisteredMetric; readonly issues: readonly Issue[] } {
  const issues: Issue[] = [];
  const report = (path: string, message: string): void => {
    issues.push({ path, message });
  };
  const fault = declaredKeyFault(key);
  if (fault !== null) report('', fault);
  const { type, unit, bounds } = declared;
  const allowed = aggregationsFor(type);
  for (const [at, name] of (declared.aggregates ?? []).entries()) {
    if (!allowed.includes(name))
      report(`aggregates.${at}`, `A ${type} has no ${name}. Choose from ${allowed.join(', ')}.`);
  }
  if (bounds !== null && !(bounds.low < bounds.high)) {
    report('bounds', `The bounds are reversed: ${bounds.low} is not below ${bounds.high}. Exchange them.`);
  }
  if (new Set(declared.labels).size < declared.labels.length) report('labels', 'A label is there twice. Remove one.');
  for (const [backend, override] of Object.entries(declared.backends)) {
    for (const issue of overrideFaults(declared, override)) report(`backends.${backend}.${issue.path}`, issue.message);
  }
  return {
    metric: {
      key,
      identifier: { ...splitKey(key), unit, type },
      title: declared.title,
      description: declared.description,
      labels: declared.labels,
      aggregates: declared.aggregates ?? allowed,
      bounds,
      backends: declared.backends,
      origin: 'registry',
    },
    issues,
  };
}

/** What does not fit between a metric and what a backend is said to call it. */
export function overrideFaults(
  { unit, labels: names }: { readonly unit: string | null; readonly labels: readonly string[] },
  override: BackendOverride,
): Issue[] {
  const issues: Issue[] = [];
  const strange = (path: string, name: string): void => {
    if (!names.includes(name)) {
      issues.push({
        path,
        message: `The metric has no label ${quote(name)}. Add it to its labels, or correct the name.`,
      });
    }
  };
  if (override.unit !== undefined) {
    const conversion = conversionOf(override.unit, unit);
    if (unit === null)
      issues.push({ path: 'unit', message: 'The metric has no unit. Give it one, or leave this out.' });
    else if ('fault' in conversion) issues.push({ path: 'unit', message: conversion.fault });
  }
  for (const name of Object.keys(override.labels ?? {})) strange(`labels.${name}`, name);
  const seen = new Set<string>();
  for (const [at, one] of (override.series ?? []).entries()) {
    for (const name of Object.keys(one.labels)) strange(`series.${at}.labels.${name}`, name);
    const text = labelsText(one.labels);
    if (seen.has(text)) {
      issues.push({
        path: `series.${at}.labels`,
        message: `${text} is there twice. Give each series labels of its own.`,
      });
    }
    seen.add(text);
  }
  return issues;
}

export function tagMetric({ id, name, description, unit, range }: MetricTag): RegisteredMetric {
  return {
    key: tagMetricKey(id),
    identifier: { namespace: TAG_NAMESPACE, name: id, unit, type: 'gauge' },
    title: name,
    description,
    labels: [...TAG_LABELS],
    aggregates: aggregationsFor('gauge'),
    bounds: range !== null && range.low < range.high ? range : null,
    backends: {},
    origin: 'tag',
  };
}

export interface MetricSearch {
  /** Words that key, title or description hold, in any order and case; empty: all. */
  readonly text: string;
  readonly namespace: string | null;
  readonly offset: number;
  readonly limit: number;
}

/** All metrics that graphs can be made of: declared ones, and every recorded tag. */
export interface MetricRegistry {
  get(key: string): RegisteredMetric | undefined;
  /** In the order of their keys; those whose key or title begins with the text first. */
  search(search: MetricSearch): { readonly total: number; readonly metrics: readonly RegisteredMetric[] };
  namespaces(): readonly { readonly namespace: string; readonly metrics: number }[];
}

export function createMetricRegistry(
  declared: readonly RegisteredMetric[],
  tags: readonly MetricTag[] = [],
): MetricRegistry {
  const metrics = new Map<string, RegisteredMetric>();
  for (const metric of [...declared, ...tags.map(tagMetric)]) metrics.set(metric.key, metric);
  // Sorted when somebody searches: graphs only look keys up.
  let order: { readonly sorted: readonly RegisteredMetric[]; readonly texts: readonly string[] } | null = null;
  const ordered = () => {
    const sorted = order?.sorted ?? [...metrics.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    order ??= {
      sorted,
      texts: sorted.map(({ key, title, description }) => `${key}\n${title}\n${description}`.toLowerCase()),
    };
    return order;
  };
  return {
    get: (key) => metrics.get(key),
    search({ text, namespace, offset, limit }) {
      const { sorted, texts } = ordered();
      const words = text.toLowerCase().split(/\s+/).filter(Boolean);
      const whole = words.join(' ');
      const first: RegisteredMetric[] = [];
      const rest: RegisteredMetric[] = [];
      for (const [at, metric] of sorted.entries()) {
        if (namespace !== null && metric.identifier.namespace !== namespace) continue;
        if (!words.every((word) => texts[at]!.includes(word))) continue;
        const begins = metric.key.startsWith(whole) || metric.title.toLowerCase().startsWith(whole);
        (begins ? first : rest).push(metric);
      }
      const found = [...first, ...rest];
      return { total: found.length, metrics: found.slice(offset, offset + limit) };
    },
    namespaces() {
      const counts = new Map<string, number>();
      for (const { identifier } of ordered().sorted)
        counts.set(identifier.namespace, (counts.get(identifier.namespace) ?? 0) + 1);
      return [...counts].map(([namespace, count]) => ({ namespace, metrics: count }));
    },
  };
}

/** Values of one label among series, for the fields of a graph editor: those that begin with the text, then those that hold it. */
export function suggestLabelValues(
  series: Iterable<Readonly<Record<string, string>>>,
  label: string,
  text: string,
  limit: number,
): string[] {
  const wanted = text.toLowerCase();
  const values = new Set<string>();
  for (const set of series) if (Object.hasOwn(set, label)) values.add(set[label]!);
  const holds = [...values].filter((value) => value.toLowerCase().includes(wanted)).toSorted();
  const begins = holds.filter((value) => value.toLowerCase().startsWith(wanted));
  return [...begins, ...holds.filter((value) => !begins.includes(value))].slice(0, limit);
}
