import { describe, expect, it } from 'vitest';
import { graphDocument } from '#shared/model/index.ts';
import type { CatalogueMetric } from '#shared/rpc/graphs.ts';
import {
  addSeries,
  aggregateChoices,
  emptyGraph,
  matchText,
  nextSeriesId,
  readMatch,
  removeSeries,
} from './graph-model.ts';

const metric = (key: string, unit: string | null): CatalogueMetric => ({
  key,
  title: key,
  description: '',
  type: 'gauge',
  unit,
  labels: ['stand'],
  aggregates: ['mean', 'min', 'max', 'last', 'first', 'sum', 'count'],
  bounds: null,
  origin: 'registry',
});
const profile = (aggregates: readonly ('mean' | 'last' | 'count')[], raw: boolean) => ({
  id: 'some',
  capabilities: {
    ingest: false,
    raw,
    aggregates,
    groupBy: false,
    envelope: true,
    matches: ['equals'] as const,
    minStepMs: 1,
  },
});

describe('a graph that is made', () => {
  it('gets its series one by one, by letters, each unit on an axis of its own', () => {
    const units: Record<string, string | null> = { 'mill.speed': 'm/min', 'mill.force': 'kN', 'mill.pace': 'm/min' };
    let made = emptyGraph('g', 'Graph');
    for (const [key, unit] of Object.entries(units)) {
      made = addSeries(made, metric(key, unit), null, null, (known) => units[known]);
    }
    expect(made.graph.series.map(({ id, style }) => [id, style.axis])).toEqual([
      ['A', 0],
      ['B', 1],
      ['C', 0],
    ]);
    expect(graphDocument.parse(made)).toEqual(made);
    expect(nextSeriesId(removeSeries(made, 'B').graph.series)).toBe('B');
  });

  it('takes the first aggregation that its source has, and says of the others why not', () => {
    const speed = metric('mill.speed', 'm/min');
    const made = addSeries(emptyGraph('g', 'Graph'), speed, null, profile(['last', 'count'], false), () => undefined);
    expect(made.graph.series[0]!.aggregate).toBe('last');
    const choices = aggregateChoices(speed, profile(['last', 'count'], false));
    const possible = choices.filter(({ fault }) => fault === null).map(({ name }) => name);
    expect(possible).toEqual(['last', 'count']);
    for (const { fault } of choices) if (fault !== null) expect(fault).toMatch(/Choose/);
    // What can be worked out from samples is not missing.
    const worked = aggregateChoices(speed, profile([], true)).filter(({ fault }) => fault === null);
    expect(worked.map(({ name }) => name)).toEqual(speed.aggregates);
  });
});

describe('a comparison of a label', () => {
  it.each([
    ['equals', 'a; b', 'a; b'],
    ['in', 'a; b ;;c', { in: ['a', 'b', 'c'] }],
    ['notIn', 'a', { notIn: ['a'] }],
    ['like', 'stand-*', { like: 'stand-*' }],
  ] as const)('%s of "%s" is kept', (kind, text, kept) => {
    const match = readMatch(kind, text);
    expect(match).toEqual(kept);
    expect(matchText(match).kind).toBe(kind);
    expect(readMatch(kind, matchText(match).text)).toEqual(match);
  });
});
