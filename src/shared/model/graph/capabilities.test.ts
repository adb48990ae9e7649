import { describe, expect, it } from 'vitest';
import {
  aggregateFault,
  type BackendCapabilities,
  createMetricRegistry,
  graphProblems,
  matchKind,
  metricDeclaration,
  parseGraph,
  registeredMetric,
} from './index.ts';

const declare = (key: string, declared: object) => registeredMetric(key, metricDeclaration.parse(declared)).metric;
const octets = declare('net.octets', { type: 'counter', unit: 'B', labels: ['port', 'device'] });
const temperature = declare('furnace.temp', { type: 'gauge', unit: '°C' });
const registry = createMetricRegistry([octets, temperature]);

const all: BackendCapabilities = {
  ingest: true,
  raw: true,
  aggregates: ['mean', 'last'],
  groupBy: true,
  envelope: true,
  matches: [...matchKind.options],
  minStepMs: 1,
};
const problems = (series: object, can: Partial<BackendCapabilities> = {}): Record<string, string> => {
  const graph = parseGraph({
    version: 1,
    range: { from: 'now-1h', to: 'now' },
    series: [{ id: 'A', metric: 'net.octets', aggregate: 'rate', ...series }],
  });
  const found = graphProblems(graph, registry, (source) =>
    source === 'nowhere' ? null : { id: 'rrd', capabilities: { ...all, ...can } },
  );
  return Object.fromEntries(found.map(({ path, message }) => [path, message]));
};

describe('what keeps a graph from being drawn', () => {
  it('is nothing where everything fits', () => {
    expect(
      problems({ match: { port: 'x' }, groupBy: { labels: ['device'], aggregate: 'sum' }, unit: 'Mbit/s' }),
    ).toEqual({});
    expect(problems({ metric: 'furnace.temp', aggregate: 'mean', unit: '°F' })).toEqual({});
  });
  it('names the metric, the source, the aggregate and labels that are not there', () => {
    expect(problems({ metric: 'net.octet' })).toEqual({
      'series.0.metric': expect.stringContaining('no metric "net.octet"'),
    });
    expect(problems({ source: 'nowhere' })).toEqual({
      'series.0.source': expect.stringContaining('no source "nowhere"'),
    });
    expect(problems({ aggregate: 'mean' })).toEqual({
      'series.0.aggregate': 'net.octets has no mean. Choose from rate, increase, last, first, count.',
    });
    expect(problems({ match: { side: 'x' }, groupBy: { labels: ['port', 'zone'], aggregate: 'max' } })).toEqual({
      'series.0.match.side': 'net.octets has no label side. Choose from port, device.',
      'series.0.groupBy.labels.1': 'net.octets has no label zone. Choose from port, device.',
    });
    expect(problems({ metric: 'furnace.temp', aggregate: 'mean', match: { zone: '1' } })).toEqual({
      'series.0.match.zone': 'furnace.temp has no label zone. It has none.',
    });
  });
  it('says which units do not fit, also by their zero', () => {
    expect(problems({ unit: 'B' })['series.0.unit']).toContain('B/s cannot become B');
    expect(problems({ aggregate: 'count', unit: 'B' })['series.0.unit']).toContain('have no unit');
    expect(problems({ metric: 'furnace.temp', aggregate: 'sum', unit: '°F' })['series.0.unit']).toContain(
      'another zero',
    );
    expect(
      problems({ metric: 'furnace.temp', aggregate: 'mean', unit: '°F', groupBy: { labels: [], aggregate: 'sum' } })[
        'series.0.unit'
      ],
    ).toContain('another zero');
  });
  it('says what the backend cannot do, and lets be worked out what can be', () => {
    expect(problems({ match: { port: { like: 'e*' } } }, { matches: ['equals', 'in'] })).toEqual({
      'series.0.match.port': 'rrd cannot compare labels by "like". Use equals, in.',
    });
    expect(problems({}, { aggregates: [] })).toEqual({});
    expect(problems({}, { raw: false })['series.0.aggregate']).toContain('no raw samples to work it out from');
    const backend = { id: 'rrd', capabilities: { ...all, raw: false } };
    expect(aggregateFault(octets, 'last', backend)).toBeNull();
    expect(aggregateFault(octets, 'rate', backend)).toContain('Choose last, or another source');
  });
});
