import {
  type Aggregation,
  aggregateFault,
  aggregation,
  type BackendProfile,
  type LabelMatch,
} from '#shared/model/graph/index.ts';
import { type GraphDocument, graphDocument } from '#shared/model/index.ts';
import type { CatalogueMetric } from '#shared/rpc/graphs.ts';

export type Graph = GraphDocument['graph'];
export type GraphSeriesForm = Graph['series'][number];

export const emptyGraph = (id: string, name: string): GraphDocument => ({
  id,
  name,
  source: null,
  graph: {
    version: 1,
    title: '',
    range: { from: 'now-1h', to: 'now', zone: null },
    resolution: { stepMs: null, maxPoints: 1_500, align: 'epoch', envelope: true },
    series: [],
    style: { stack: 'none', legend: true, axes: [] },
    extensions: {},
  },
});

/** The first letter or number that no series has yet: A to Z, then S27 and so on. */
export function nextSeriesId(taken: readonly { readonly id: string }[]): string {
  const known = new Set(taken.map(({ id }) => id));
  for (let n = 0; ; n++) {
    const id = n < 26 ? String.fromCharCode(65 + n) : `S${n + 1}`;
    if (!known.has(id)) return id;
  }
}

const withSeries = (document: GraphDocument, series: Graph['series']): GraphDocument => ({
  ...document,
  graph: { ...document.graph, series },
});

/** Adds a series of a metric, with its usual aggregation where the source has that, on an axis of its unit. */
export function addSeries(
  document: GraphDocument,
  metric: CatalogueMetric,
  source: string | null,
  profile: BackendProfile | null,
  unitOf: (key: string) => string | null | undefined,
): GraphDocument {
  const { series } = document.graph;
  const aggregate = metric.aggregates.find(
    (name) => profile === null || aggregateFault(metric, name, profile) === null,
  );
  const same = series.find((one) => unitOf(one.metric) === metric.unit);
  const axis = same?.style.axis ?? Math.min(7, Math.max(-1, ...series.map((one) => one.style.axis)) + 1);
  return withSeries(document, [
    ...series,
    {
      id: nextSeriesId(series),
      metric: metric.key,
      title: '',
      match: {},
      aggregate: aggregate ?? metric.aggregates[0] ?? 'last',
      groupBy: null,
      fill: { kind: 'none' },
      unit: null,
      source,
      shiftMs: 0,
      limit: 100,
      style: { colour: null, axis, draw: 'line', visible: true },
      extensions: {},
    },
  ]);
}

export const changeSeries = (document: GraphDocument, id: string, change: Partial<GraphSeriesForm>): GraphDocument =>
  withSeries(
    document,
    document.graph.series.map((one) => (one.id === id ? { ...one, ...change } : one)),
  );

export const removeSeries = (document: GraphDocument, id: string): GraphDocument =>
  withSeries(
    document,
    document.graph.series.filter((one) => one.id !== id),
  );

export interface AggregateChoice {
  readonly name: Aggregation;
  /** Why it cannot be had, in a sentence; null where it can. */
  readonly fault: string | null;
}

/** Every aggregation there is, those of the metric first, each with the reason where it cannot be had here. */
export function aggregateChoices(
  metric: Pick<CatalogueMetric, 'key' | 'aggregates'>,
  profile: BackendProfile | null,
): AggregateChoice[] {
  const others = aggregation.options.filter((name) => !metric.aggregates.includes(name));
  return [...metric.aggregates, ...others].map((name) => ({
    name,
    fault:
      profile === null
        ? metric.aggregates.includes(name)
          ? null
          : `${metric.key} has no ${name}.`
        : aggregateFault(metric, name, profile),
  }));
}

export const MATCH_KINDS = ['equals', 'not', 'in', 'notIn', 'like', 'unlike'] as const;
export type MatchKindName = (typeof MATCH_KINDS)[number];
export const MATCH_TITLES: Readonly<Record<MatchKindName, string>> = {
  equals: 'is',
  not: 'is not',
  in: 'is one of',
  notIn: 'is none of',
  like: 'is like',
  unlike: 'is not like',
};

/** A comparison as it is typed; lists are separated by semicolons. */
export function matchText(match: LabelMatch): { readonly kind: MatchKindName; readonly text: string } {
  if (typeof match === 'string') return { kind: 'equals', text: match };
  const [kind, value] = Object.entries(match)[0] as [MatchKindName, string | readonly string[]];
  return { kind, text: typeof value === 'string' ? value : value.join('; ') };
}

export type WritableMatch = GraphSeriesForm['match'][string];
export function readMatch(kind: MatchKindName, text: string): WritableMatch {
  if (kind === 'equals') return text;
  if (kind === 'in' || kind === 'notIn') {
    const values = text
      .split(';')
      .map((one) => one.trim())
      .filter((one) => one !== '');
    const list = values.length === 0 ? [''] : values;
    return kind === 'in' ? { in: list } : { notIn: list };
  }
  return { [kind]: text } as WritableMatch;
}

/** What keeps a draft from being a graph, by path; empty where it can be kept. */
export function draftFaults(document: GraphDocument): readonly { readonly path: string; readonly message: string }[] {
  const parsed = graphDocument.safeParse(document);
  if (parsed.success) return [];
  return parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
}
