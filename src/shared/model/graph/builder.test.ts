import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTime } from '../time-text.ts';
import { zoneOf } from '../zone.ts';
import { counter, gauge, graph, parseGraph, resolveRange, summary, timeText } from './index.ts';

describe('graphs written in code', () => {
  it('are the same as those in files', () => {
    const built = graph()
      .titled('Octets')
      .between('2026-03-29', '2026-03-30')
      .zone('Europe/Berlin')
      .step(60_000)
      .envelope()
      .add(
        'A',
        counter('network.port.octets.in')
          .rate()
          .where('port', { like: 'eth*' })
          .where('site', 'Müller "Nord"')
          .by('sum', 'device')
          .in('Mbit/s')
          .filled({ kind: 'previous', maxAge: 1_000 })
          .from('plant')
          .shifted(86_400_000)
          .atMost(5)
          .titled('{device}')
          .drawn({ draw: 'area' })
          .with('timescale', { hint: 1 }),
      )
      .add('B', gauge('tag.speed-1').mean())
      .drawn({ stack: 'values' })
      .with('timescale', { planner: 'x' })
      .build();
    expect(built).toEqual(
      parseGraph({
        version: 1,
        title: 'Octets',
        range: { from: '2026-03-29', to: '2026-03-30', zone: 'Europe/Berlin' },
        resolution: { stepMs: 60_000, align: 'epoch', envelope: true },
        series: [
          {
            id: 'A',
            metric: 'network.port.octets.in',
            aggregate: 'rate',
            match: { port: { like: 'eth*' }, site: 'Müller "Nord"' },
            groupBy: { labels: ['device'], aggregate: 'sum' },
            unit: 'Mbit/s',
            fill: { kind: 'previous', maxAge: 1_000 },
            source: 'plant',
            shiftMs: 86_400_000,
            limit: 5,
            title: '{device}',
            style: { draw: 'area' },
            extensions: { timescale: { hint: 1 } },
          },
          { id: 'B', metric: 'tag.speed-1', aggregate: 'mean' },
        ],
        style: { stack: 'values' },
        extensions: { timescale: { planner: 'x' } },
      }),
    );
  });
  it('leave a beginning that is shared as it was', () => {
    const start = graph().last('8h');
    const series = gauge('tag.a').max();
    const one = start.add('A', series.where('name', 'x')).build();
    const other = start.add('B', series).points(10).build();
    expect(one.series.map(({ id, match }) => [id, match])).toEqual([['A', { name: 'x' }]]);
    expect(other.series.map(({ id, match }) => [id, match])).toEqual([['B', {}]]);
    expect(other.range).toEqual({ from: 'now-8h', to: 'now', zone: null });
  });
  it('do not compile where the type has no such aggregation, and are checked when they are built', () => {
    // @ts-expect-error a gauge has no rate
    expect(gauge('tag.a').rate).toBeUndefined();
    // @ts-expect-error a counter has no mean
    expect(counter('a.b').mean).toBeUndefined();
    // @ts-expect-error a summary has no sum
    expect(summary('a.b').sum).toBeUndefined();
    expect(() => graph().build()).toThrow('series');
    expect(() => graph().last('tomorrow').add('A', gauge('tag.a').last()).build()).toThrow('is no time');
  });
  it('take times to the microsecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: -8e15, max: 9e15 }), (time) => {
        expect(parseTime(timeText(time), 0, zoneOf('UTC'))?.time).toBe(time);
      }),
    );
    const built = graph().between(1_000_001, 2_000_000).add('A', gauge('tag.a').last()).build();
    expect(resolveRange(built.range, 0, 'UTC')).toEqual({ from: 1_000_001, to: 2_000_000 });
  });
});
