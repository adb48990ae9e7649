import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TraceSegment } from '#renderer/plot/index.ts';
import { parseRange, parseTime, trendDocument, zoneOf } from '#shared/model/index.ts';
import { edgeBeside, sampleBeside, stepSamples } from './cursor-steps.ts';
import {
  addPlot,
  addTags,
  allTagIds,
  emptyTrend,
  moveTrace,
  removeAxis,
  removeTrace,
  resizePlots,
  soloTrace,
  stacked,
  type TraceTag,
} from './trend-model.ts';

const utc = (text: string): number => Date.parse(text) * 1000;
const berlin = zoneOf('Europe/Berlin');
const now = utc('2026-11-21T13:03:07.250Z');

describe('range text', () => {
  const at = (text: string): string | null => {
    const point = parseTime(text, now, berlin);
    return point === null ? null : new Date(point.time / 1000).toISOString();
  };
  it('reads relative times', () => {
    expect(at('now')).toBe('2026-11-21T13:03:07.250Z');
    expect(at('now-8h')).toBe('2026-11-21T05:03:07.250Z');
    expect(at('now - 90 s')).toBe('2026-11-21T13:01:37.250Z');
    expect(at('now/d')).toBe('2026-11-20T23:00:00.000Z');
    expect(at('now/d+6h')).toBe('2026-11-21T05:00:00.000Z');
    expect(at('now-1d/d')).toBe('2026-11-19T23:00:00.000Z');
    expect(at('now/w')).toBe('2026-11-15T23:00:00.000Z');
    expect(at('now-1M/M')).toBe('2026-09-30T22:00:00.000Z');
    expect(at('now/y')).toBe('2025-12-31T23:00:00.000Z');
  });
  it('reads wall-clock times of the zone and ISO times', () => {
    expect(at('2026-11-21 14:03:07.25')).toBe('2026-11-21T13:03:07.250Z');
    expect(at('2026-07-01')).toBe('2026-06-30T22:00:00.000Z');
    expect(at('14:03')).toBe('2026-11-21T13:03:00.000Z');
    expect(at('2026-11-21T13:00:00Z')).toBe('2026-11-21T13:00:00.000Z');
    expect(parseTime('2026-11-21 14:03:07.000123', now, berlin)?.time).toBe(utc('2026-11-21T13:03:07Z') + 123);
  });
  it('takes a calendar day as long as it is on the days of 23 and 25 hours', () => {
    const summer = utc('2026-03-29T10:00:00Z');
    const start = parseTime('now/d', summer, berlin)!.time;
    const before = parseTime('now-1d/d', utc('2026-03-30T10:00:00Z'), berlin)!.time;
    expect(before).toBe(start);
    expect(parseTime('now/d', utc('2026-03-30T10:00:00Z'), berlin)!.time - start).toBe(23 * 3600e6);
  });
  it('keeps microseconds of ISO times, and tells the two repeated hours of autumn apart', () => {
    expect(parseTime('2026-11-21T14:00:00.000123+01:00', now, berlin)?.time).toBe(utc('2026-11-21T13:00:00Z') + 123);
    const hourOf = (text: string): number => parseTime('now/h', utc(text), berlin)!.time;
    expect(hourOf('2026-10-25T00:20:00Z')).toBe(utc('2026-10-25T00:00:00Z'));
    expect(hourOf('2026-10-25T01:20:00Z')).toBe(utc('2026-10-25T01:00:00Z'));
  });
  it('refuses what is no time', () => {
    for (const text of ['', 'yesterday', 'now-', 'now-3x', '2026-13-01', '2026-02-30', '25:00', '14:60', 'now/q']) {
      expect(at(text), text).toBeNull();
    }
  });
  it('says which end is wrong', () => {
    expect(parseRange('now', 'now-1h', now, berlin)).toMatchObject({ field: 'to' });
    expect(parseRange('x', 'now', now, berlin)).toMatchObject({ field: 'from' });
    expect(parseRange('now-8h', 'now', now, berlin)).toMatchObject({ follows: true });
    expect(parseRange('2026-11-21', '14:00', now, berlin)).toMatchObject({ follows: false });
  });
  it('never throws', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), fc.constantFrom('', 'now', 'now-1', 'now/', '2026-'), (tail, head) => {
        const point = parseTime(head + tail, now, berlin);
        if (point !== null) expect(Number.isInteger(point.time)).toBe(true);
      }),
    );
  });
});

function segmentsOf(rows: readonly (readonly [number, number, number?])[]): TraceSegment[] {
  return [
    {
      columns: {
        time: Float64Array.from(rows, (row) => row[0]),
        value: Float64Array.from(rows, (row) => row[1]),
        quality: Uint16Array.from(rows, (row) => row[2] ?? 0),
        min: null,
        max: null,
        gaps: [],
      },
      from: 0,
      to: 1000,
    },
  ];
}

describe('cursor steps', () => {
  const square = segmentsOf([
    [0, 0],
    [10, 0],
    [20, 1],
    [30, 1],
    [40, 0],
    [50, 0, 0x8031],
    [60, 0],
  ]);
  it('go from sample to sample and stop at the ends', () => {
    expect(sampleBeside(square, 10, 1)).toBe(20);
    expect(sampleBeside(square, 15, 1)).toBe(20);
    expect(sampleBeside(square, 15, -1)).toBe(10);
    expect(sampleBeside(square, 60, 1)).toBeNull();
    expect(sampleBeside(square, 0, -1)).toBeNull();
    expect(stepSamples(square, 10, 1, 3)).toBe(40);
    expect(stepSamples(square, 40, 1, 99)).toBe(60);
  });
  it('cross from one segment to the next', () => {
    const cut = [
      { ...square[0]!, to: 25 },
      { ...square[0]!, from: 25 },
    ];
    expect(sampleBeside(cut, 20, 1)).toBe(30);
    expect(sampleBeside(cut, 30, -1)).toBe(20);
  });
  it('go from edge to edge, loss of quality among them', () => {
    expect(edgeBeside(square, 0, 1, 0.5)).toBe(20);
    expect(edgeBeside(square, 20, 1, 0.5)).toBe(40);
    expect(edgeBeside(square, 40, 1, 0.5)).toBe(50);
    expect(edgeBeside(square, 60, 1, 0.5)).toBeNull();
    expect(edgeBeside(square, 45, -1, 0.5)).toBe(40);
    expect(edgeBeside(square, 40, -1, 0.5)).toBe(20);
    expect(edgeBeside(square, 20, -1, 0.5)).toBeNull();
  });
  it('visit the same edges forward and backward', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 2, maxLength: 40 }), (values) => {
        const segments = segmentsOf(values.map((value, i) => [i * 10, value]));
        const forward: number[] = [];
        for (let at: number | null = 0; (at = edgeBeside(segments, at, 1, 0.5)) !== null; ) forward.push(at);
        const backward: number[] = [];
        for (let at: number | null = 999; (at = edgeBeside(segments, at, -1, 0.5)) !== null; ) backward.push(at);
        expect(backward.reverse()).toEqual(forward);
      }),
    );
  });
});

const tag = (id: string, unit: string | null, type: TraceTag['type'] = 'float32'): TraceTag => ({
  id,
  name: id,
  description: '',
  unit,
  type,
  decimals: null,
  range: null,
  demo: false,
});

describe('trend document', () => {
  it('puts tags of one unit on one axis and bits into a plot of theirs', () => {
    const trend = addTags(emptyTrend('default', 'Trend'), [
      tag('a', 'kN'),
      tag('b', 'mm'),
      tag('c', 'kN'),
      tag('d', null, 'bit'),
    ]);
    expect(trend.plots).toHaveLength(2);
    expect(trend.plots[0]!.axes.map((axis) => axis.label)).toEqual(['kN', 'mm']);
    expect(trend.plots[0]!.traces.map((trace) => trace.axisId)).toEqual(['axis1', 'axis2', 'axis1']);
    expect(trend.plots[1]!.traces[0]!.tagId).toBe('d');
  });
  it('moves traces between plots and takes unused axes along', () => {
    let trend = addTags(emptyTrend('default', 'Trend'), [tag('a', 'kN'), tag('b', 'mm')]);
    trend = moveTrace(trend, { plotId: 'plot1', tagId: 'b' }, tag('b', 'mm'), {
      plotId: null,
      axisId: null,
      beforeTagId: null,
    });
    expect(trend.plots.map((plot) => plot.traces.map((trace) => trace.tagId))).toEqual([['a'], ['b']]);
    expect(trend.plots[0]!.axes.map((axis) => axis.label)).toEqual(['kN']);
    trend = moveTrace(trend, { plotId: 'plot2', tagId: 'b' }, tag('b', 'mm'), {
      plotId: 'plot1',
      axisId: 'axis1',
      beforeTagId: 'a',
    });
    expect(trend.plots[0]!.traces).toEqual([
      { tagId: 'b', axisId: 'axis1', visible: true },
      { tagId: 'a', axisId: 'axis1', visible: true },
    ]);
  });
  it('solos and brings all back', () => {
    const trend = addTags(emptyTrend('default', 'Trend'), [tag('a', 'kN'), tag('b', 'mm')]);
    const solo = soloTrace(trend, { plotId: 'plot1', tagId: 'b' });
    expect(solo.plots[0]!.traces.map((trace) => trace.visible)).toEqual([false, true]);
    expect(soloTrace(solo, { plotId: 'plot1', tagId: 'b' })).toEqual(trend);
  });
  it('stays a valid document whatever is done to it', () => {
    const tags = ['a', 'b', 'c', 'd', 'e', 'f'].map((id, i) =>
      tag(id, ['kN', 'mm', null][i % 3]!, i === 5 ? 'bit' : 'int16'),
    );
    const step = fc.record({
      what: fc.constantFrom('add', 'remove', 'move', 'plot', 'axis', 'solo', 'size', 'stack'),
      tag: fc.integer({ min: 0, max: 5 }),
      plot: fc.integer({ min: 0, max: 3 }),
      own: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let trend = emptyTrend('default', 'Trend');
        for (const { what, tag: n, plot, own } of steps) {
          const mine = tags[n]!;
          const plotId = trend.plots[plot]?.id ?? null;
          const holder = trend.plots.find((one) => one.traces.some((trace) => trace.tagId === mine.id))?.id ?? 'none';
          const ref = { plotId: holder, tagId: mine.id };
          if (what === 'add') trend = addTags(trend, [mine], own ? { plotId } : {});
          else if (what === 'remove') trend = removeTrace(trend, ref);
          else if (what === 'move')
            trend = moveTrace(trend, ref, mine, { plotId, axisId: own ? 'own' : null, beforeTagId: tags[plot]!.id });
          else if (what === 'plot') trend = addPlot(trend).trend;
          else if (what === 'axis') trend = removeAxis(trend, holder, trend.plots[plot]?.axes[0]?.id ?? 'axis1');
          else if (what === 'solo') trend = soloTrace(trend, ref);
          else if (what === 'size')
            trend = resizePlots(trend, trend.plots[0]?.id ?? '', trend.plots[1]?.id ?? '', n / 3 - 1);
          else expect(allTagIds(stacked(trend)).length).toBeLessThanOrEqual(allTagIds(trend).length);
          expect(trendDocument.safeParse(trend).success).toBe(true);
          for (const one of trend.plots) {
            const axes = one.axes.map((axis) => axis.id);
            for (const trace of one.traces) expect(axes).toContain(trace.axisId);
            expect(new Set(one.traces.map((trace) => trace.tagId)).size).toBe(one.traces.length);
          }
        }
      }),
    );
  });
});
