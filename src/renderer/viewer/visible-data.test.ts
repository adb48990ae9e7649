import { describe, expect, it } from 'vitest';
import { type TraceSegment, zoneOf } from '#renderer/plot/index.ts';
import { spanText } from './readings.ts';
import { addTags, emptyTrend, stacked, type TraceTag } from './trend-model.ts';
import { plotSpecs } from './trend-specs.ts';
import { visibleTable } from './visible-data.ts';

const SECOND = 1e6;
const T0 = Date.parse('2026-10-25T00:59:58Z') * 1000;

function trace(rows: readonly (readonly [second: number, value: number, quality?: number])[]): readonly TraceSegment[] {
  return [
    {
      columns: {
        time: Float64Array.from(rows, ([second]) => T0 + second * SECOND),
        value: Float64Array.from(rows, ([, value]) => value),
        quality: Uint16Array.from(rows, ([, , quality]) => quality ?? 0),
        min: null,
        max: null,
        gaps: [],
      },
      from: T0 - 100 * SECOND,
      to: T0 + 100 * SECOND,
    },
  ];
}

describe('visible data as a table', () => {
  const range = { from: T0, to: T0 + 4 * SECOND };
  const berlin = zoneOf('Europe/Berlin');

  it('has a row per time of any trace, each cell what holds there, bad ones empty', () => {
    const table = visibleTable(
      [
        {
          name: 'Force',
          unit: 'kN',
          segments: trace([
            [-5, 1.5],
            [1, 2.5],
            [3, 0, 0x8031],
            [9, 7],
          ]),
        },
        {
          name: 'Gap',
          unit: null,
          segments: trace([
            [1, -3],
            [2, -4],
          ]),
        },
      ],
      range,
      berlin,
    );
    expect(table.text.trimEnd().split('\n')).toEqual([
      'Time\tForce [kN]\tGap',
      '2026-10-25 02:59:59.000000+02:00\t2.5\t-3',
      '2026-10-25 02:00:00.000000+01:00\t2.5\t-4',
      '2026-10-25 02:00:01.000000+01:00\t\t-4',
    ]);
    expect(table).toMatchObject({ rows: 3, cut: false, merged: false });
  });
  it('takes what held before the range into its first row', () => {
    const table = visibleTable(
      [
        { name: 'Held', unit: null, segments: trace([[-5, 1]]) },
        { name: 'Moves', unit: null, segments: trace([[2, 9]]) },
      ],
      range,
      berlin,
    );
    expect(table.text.split('\n')[1]).toMatch(/\t1\t9$/);
  });
  it('begins no formula and ends no cell in a spreadsheet', () => {
    const table = visibleTable(
      [{ name: '=SUM(A1)\tx', unit: null, segments: trace([[1, 3]]), textOf: () => '-cmd|calc' }],
      range,
      berlin,
    );
    expect(table.text).toContain("'=SUM(A1) x");
    expect(table.text).toContain("\t'-cmd|calc");
  });
  it('stops at a number of rows that a clipboard can carry, and says so', () => {
    const rows = Array.from({ length: 100 }, (_, i) => [i / 50, i] as const);
    const table = visibleTable([{ name: 'Fast', unit: null, segments: trace(rows) }], range, berlin, 10);
    expect(table).toMatchObject({ rows: 10, cut: true });
  });
});

describe('spans in words', () => {
  it('have the digits that tell them apart', () => {
    expect(spanText(250)).toBe('250 µs');
    expect(spanText(1_500)).toBe('1.500 ms');
    expect(spanText(-40e6)).toBe('\u221240.000 s');
    expect(spanText(3_783e6)).toBe('1 h 03 min 03 s');
  });
});

describe('what is handed to the plots', () => {
  const tag = (id: string, type: TraceTag['type'], unit: string | null): TraceTag => ({
    id,
    name: id,
    description: '',
    unit,
    type,
    decimals: null,
    range: null,
    demo: false,
  });
  const tags = new Map(
    [tag('f', 'float32', 'kN'), tag('b', 'bit', null), tag('s', 'string', null)].map((one) => [one.id, one]),
  );
  const whole = addTags(emptyTrend('default', 'Trend'), [...tags.values()]);
  const hues = { hueOf: (id: string) => id.charCodeAt(0) };
  const base = {
    whole,
    tags,
    hues,
    axes: new Map(),
    selected: null,
    textOf: (_id: string, value: number) => `state ${value}`,
  };

  it('names states and bits on their axes, and leaves numbers to themselves', () => {
    const specs = plotSpecs({ ...base, shown: whole, stacked: false });
    const axes = specs.flatMap((plot) => plot.axes);
    expect(axes.find((axis) => axis.label === 'kN')?.stateText).toBeUndefined();
    expect(axes.find((axis) => axis.label === 'on/off')?.stateText?.(1)).toBe('1');
    expect(axes.find((axis) => axis.label === 'on/off')?.stateText?.(2)).toBe('');
    expect(axes.find((axis) => axis.label === 'state')?.stateText?.(3)).toBe('state 3');
    expect(specs.flatMap((plot) => plot.traces).map((one) => [one.tagId, one.step])).toEqual([
      ['f', false],
      ['b', true],
      ['s', true],
    ]);
  });
  it('keeps a fixed range, lets a hand override it, and fits stacked traces', () => {
    const fixed = {
      ...whole,
      plots: whole.plots.map((plot) => ({ ...plot, axes: plot.axes.map((axis) => ({ ...axis, low: 0, high: 10 })) })),
    };
    const rangeOf = (axes: ReadonlyMap<string, 'auto' | { low: number; high: number }>) =>
      plotSpecs({ ...base, whole: fixed, shown: fixed, axes, stacked: false })[0]!.axes[0]!.range;
    expect(rangeOf(new Map())).toEqual({ low: 0, high: 10 });
    expect(rangeOf(new Map([['plot1/axis1', 'auto']]))).toBeNull();
    expect(rangeOf(new Map([['plot1/axis1', { low: 2, high: 3 }]]))).toEqual({ low: 2, high: 3 });
    const apart = plotSpecs({
      ...base,
      whole: fixed,
      shown: stacked(fixed),
      stacked: true,
      selected: { plotId: 'plot1', tagId: 'f' },
    });
    expect(apart).toHaveLength(3);
    expect(apart.every((plot) => plot.axes[0]?.range === null)).toBe(true);
    expect(apart[0]!.traces[0]!.selected).toBe(true);
  });
});
