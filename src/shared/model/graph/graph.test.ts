import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAppError } from '#shared/errors.ts';
import { QUALITY } from '../quality.ts';
import {
  aggregationsFor,
  checkResult,
  compareLabels,
  conversionOf,
  createIngest,
  declaredKeyFault,
  type GraphSeries,
  graphJsonSchema,
  graphResolution,
  gridOf,
  gridTimes,
  isLike,
  labelsText,
  type MetricSamples,
  matchesLabels,
  normaliseLabels,
  parseGraph,
  parseUnit,
  resolveRange,
  splitKey,
  stepQuality,
} from './index.ts';

const utc = (text: string): number => Date.parse(text) * 1000;
const HOUR = 3_600_000_000;

const smallest = {
  version: 1,
  range: { from: 'now-1h', to: 'now' },
  series: [{ id: 'A', metric: 'network.port.octets.in', aggregate: 'rate' }],
} as const;

const issuesOf = (run: () => unknown): readonly { path: string; message: string }[] => {
  try {
    run();
  } catch (error) {
    if (isAppError(error, 'config.invalid')) return error.details.issues;
    throw error;
  }
  return [];
};

describe('names of metrics', () => {
  it('splits keys at the first dot and says what is wrong with one', () => {
    expect(splitKey('network.port.octets.in')).toEqual({ namespace: 'network', name: 'port.octets.in' });
    expect(declaredKeyFault('network.port.octets.in')).toBeNull();
    for (const [key, says] of [
      ['speed', 'no namespace'],
      ['Network.port', 'Write "network.port"'],
      ['network..port', 'single dots'],
      ['9net.port', 'a letter first'],
      ['tag.speed', 'belongs to recorded tags'],
      [`a.${'b'.repeat(130)}`, '120 characters'],
    ] as const) {
      expect(declaredKeyFault(key), key).toContain(says);
    }
  });
  it('offers a counter its growth and a gauge its values', () => {
    expect(aggregationsFor('counter')[0]).toBe('rate');
    expect(aggregationsFor('counter')).not.toContain('mean');
    expect(aggregationsFor('gauge')).not.toContain('rate');
  });
  it('writes equal labels equally and different ones differently', () => {
    const label = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.string());
    fc.assert(
      fc.property(label, label, (a, b) => {
        const same = JSON.stringify(Object.entries(a).toSorted()) === JSON.stringify(Object.entries(b).toSorted());
        expect(labelsText(a) === labelsText(b)).toBe(same);
        expect(compareLabels(a, b) === 0).toBe(same);
        expect(Math.sign(compareLabels(a, b))).toBe(-Math.sign(compareLabels(b, a)) + 0);
      }),
    );
  });
});

describe('units', () => {
  it('converts what measures the same', () => {
    for (const [from, to, value, becomes] of [
      ['m/min', 'm/s', 60, 1],
      ['bar', 'kPa', 2, 200],
      ['°C', '°F', 100, 212],
      ['degF', 'K', 32, 273.15],
      ['B/s', 'Mbit/s', 1e6, 8],
      ['kN', 'N', 1, 1000],
      ['m3/h', 'l/s', 3.6, 1],
      ['kWh', 'MJ', 1, 3.6],
      ['rpm', '1/s', 60, 1],
      ['%', '1', 50, 0.5],
      ['kg/m^3', 'g/l', 1, 1],
    ] as const) {
      const found = conversionOf(from, to);
      if ('fault' in found) throw new Error(found.fault);
      expect(value * found.gain + found.offset, `${from} to ${to}`).toBeCloseTo(becomes, 9);
    }
  });
  it('refuses what does not, and what it does not know', () => {
    expect(conversionOf('kN', 'bar')).toEqual({ fault: expect.stringContaining('kN cannot become bar') });
    expect(conversionOf('coils', 'm')).toEqual({ fault: expect.stringContaining('"coils"') });
    expect(conversionOf(null, 'm')).toEqual({ fault: expect.stringContaining('no unit') });
    expect(conversionOf('coils', 'coils')).toEqual({ gain: 1, offset: 0 });
    for (const text of ['dB', 'Nmin', '', 'm//s', '/s', 'm^99', 'constructor', '__proto__'])
      expect(parseUnit(text), text).toBeNull();
  });
  it('comes back from every conversion', () => {
    const names = ['m', 'mm', 'km', 'in', 'ft'];
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.constantFrom(...names),
        fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
        (a, b, x) => {
          const there = conversionOf(a, b);
          const back = conversionOf(b, a);
          if ('fault' in there || 'fault' in back) throw new Error('refused');
          expect((x * there.gain + there.offset) * back.gain + back.offset).toBeCloseTo(x, 6);
        },
      ),
    );
  });
});

describe('a graph', () => {
  it('is whole, frozen to its depth, and the same after JSON', () => {
    const graph = parseGraph(smallest);
    expect(graph.series[0]).toMatchObject({ match: {}, limit: 100, fill: { kind: 'none' }, style: { draw: 'line' } });
    expect(graph.resolution).toEqual({ stepMs: null, maxPoints: 1_500, align: 'epoch', envelope: false });
    expect(() => {
      (graph.series[0] as { limit: number }).limit = 1;
    }).toThrow(TypeError);
    expect(() => (graph.series as unknown[]).push(0)).toThrow(TypeError);
    expect(parseGraph(JSON.parse(JSON.stringify(graph)))).toEqual(graph);
  });
  it('names every fault with its place', () => {
    const issues = issuesOf(() => parseGraph({ ...smallest, series: [{ id: '1', metric: 'x', aggregate: 'median' }] }));
    expect(issues.map(({ path }) => path).toSorted()).toEqual(['series.0.aggregate', 'series.0.id', 'series.0.metric']);
    const [double] = issuesOf(() => parseGraph({ ...smallest, series: [smallest.series[0], smallest.series[0]] }));
    expect(double).toMatchObject({ path: 'series.1.id', message: expect.stringContaining('twice') });
    expect(issuesOf(() => parseGraph({ ...smallest, range: { from: 'now', to: 'soon' } }))[0]!.path).toBe('range.to');
    expect(issuesOf(() => parseGraph({ ...smallest, range: { ...smallest.range, zone: 'Mars/Base' } }))[0]!.path).toBe(
      'range.zone',
    );
    expect(issuesOf(() => parseGraph({ ...smallest, version: 2 }))[0]!.path).toBe('version');
    expect(
      issuesOf(() => parseGraph({ ...smallest, style: { axes: [{ label: '', low: 5, high: 1 }] } }))[0]!.path,
    ).toBe('style.axes.0');
  });
  it('has a JSON Schema that names its parts', () => {
    const schema = graphJsonSchema() as { properties: Record<string, unknown>; required: string[] };
    expect(Object.keys(schema.properties)).toEqual([
      'version',
      'title',
      'range',
      'resolution',
      'series',
      'style',
      'extensions',
    ]);
    expect(schema.required).toEqual(['version', 'range', 'series']);
  });
  it('reads days of 23 and 25 hours in its zone', () => {
    const day = (from: string, to: string) => resolveRange({ from, to, zone: 'Europe/Berlin' }, 0, 'UTC');
    const spring = day('2026-03-29', '2026-03-30');
    expect(spring).toEqual({ from: utc('2026-03-28T23:00:00Z'), to: utc('2026-03-29T22:00:00Z') });
    const autumn = day('2026-10-25', '2026-10-26');
    expect((autumn.to - autumn.from) / HOUR).toBe(25);
    const relative = resolveRange(
      { from: 'now/d', to: 'now', zone: null },
      utc('2026-10-25T22:30:00Z'),
      'Europe/Berlin',
    );
    expect((relative.to - relative.from) / HOUR).toBe(24.5);
    expect(issuesOf(() => day('2026-03-30', '2026-03-29'))[0]!.message).toContain('after the start');
  });
});

describe('a grid', () => {
  const resolution = (change: object) => graphResolution.parse(change);
  it('takes the shortest round step, and steps that do not divide the range', () => {
    const range = { from: utc('2026-01-01T00:00:07Z'), to: utc('2026-01-01T01:00:00Z') };
    expect(gridOf(range, resolution({ maxPoints: 400 })).grid).toEqual({
      start: utc('2026-01-01T00:00:00Z'),
      step: 10e6,
      length: 360,
    });
    const { grid, widened } = gridOf(range, resolution({ stepMs: 420_000, align: 'range' }));
    expect(grid).toEqual({ start: range.from, step: 420e6, length: 9 });
    expect(widened).toBe(false);
    expect(gridOf(range, resolution({ stepMs: 1, maxPoints: 100 }))).toMatchObject({ widened: true });
    expect(gridOf(range, resolution({}), 60_000).grid.step).toBe(60e6);
  });
  it('is found at once for a short step over a century across 1970', () => {
    const { grid } = gridOf({ from: -1.5e15, to: 1.6e15 }, resolution({ stepMs: 1, maxPoints: 1 }));
    expect(grid.length).toBe(2);
  });
  it('covers the range with at most as many points as allowed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -4e15, max: 4e15 }),
        fc.integer({ min: 1, max: 4e15 }),
        fc.record({
          stepMs: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 1e8 })),
          maxPoints: fc.integer({ min: 1, max: 2_000 }),
          align: fc.constantFrom('epoch' as const, 'range' as const),
          envelope: fc.constant(false),
        }),
        (from, span, asked) => {
          const range = { from, to: from + span };
          const { grid } = gridOf(range, asked);
          expect(grid.length).toBeLessThanOrEqual(Math.max(2, asked.maxPoints));
          expect(grid.start).toBeLessThanOrEqual(from);
          expect(grid.start + grid.step).toBeGreaterThan(from);
          expect(grid.start + grid.length * grid.step).toBeGreaterThanOrEqual(range.to);
          expect(grid.start + (grid.length - 1) * grid.step).toBeLessThan(range.to);
        },
      ),
    );
  });
});

describe('matches', () => {
  it('compare whole values, a missing label being empty', () => {
    const set = { stand: '3', site: 'Ölmühle "Nord"' };
    expect(matchesLabels({ stand: '3', site: { like: 'Öl*"Nord"' } }, set)).toBe(true);
    expect(matchesLabels({ side: '' }, set)).toBe(true);
    expect(matchesLabels({ side: { not: '' } }, set)).toBe(false);
    expect(matchesLabels({ stand: { in: ['1', '3'] }, site: { notIn: ['x'] } }, set)).toBe(true);
    expect(matchesLabels({ stand: { unlike: '?' } }, set)).toBe(false);
    expect(matchesLabels({ toString: { not: '' } }, set)).toBe(false);
    expect(matchesLabels({ stand: { equals: '4' } }, set)).toBe(false);
  });
  it('like agrees with the regular expression of the pattern, and stays fast where that does not', () => {
    const sign = fc.constantFrom('a', 'b', '*', '?', '.');
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', '.') }),
        fc.string({ unit: sign, maxLength: 8 }),
        (text, pattern) => {
          const same = pattern.replace(/[.*?]/g, (one) => (one === '*' ? '.*' : one === '?' ? '.' : '\\.'));
          expect(isLike(text, pattern)).toBe(new RegExp(`^${same}$`, 'us').test(text));
        },
      ),
    );
    expect(isLike('a'.repeat(1_000), `${'*a'.repeat(300)}b`)).toBe(false);
  });
});

describe('results', () => {
  it('keep gap, bad and not-a-number apart', () => {
    expect(stepQuality(0, 0, 0)).toBe(QUALITY.badNoData);
    expect(stepQuality(0, 2, QUALITY.badTimeout)).toBe(QUALITY.badTimeout);
    expect(stepQuality(0, 1, QUALITY.good)).toBe(QUALITY.good);
    expect(stepQuality(3, 1, QUALITY.badTimeout)).toBe(QUALITY.uncertain);
    expect(stepQuality(3, 0, QUALITY.good)).toBe(QUALITY.good);
  });
  it('are checked where they leave a backend', () => {
    const grid = { start: 0, step: 10, length: 2 };
    const series = (change: Partial<GraphSeries>): GraphSeries => ({
      definition: 'A',
      metric: { namespace: 'a', name: 'b', unit: null, type: 'gauge' },
      labels: {},
      unit: null,
      time: gridTimes(grid),
      value: Float64Array.of(1, 2),
      quality: new Uint16Array(2),
      envelope: null,
      ...change,
    });
    const check = (change: Partial<GraphSeries>, on: typeof grid | null = grid) =>
      checkResult({ range: { from: 0, to: 20 }, grid: on, series: [series(change)], warnings: [] }, 'test');
    expect(() => check({})).not.toThrow();
    expect(() => check({ time: Float64Array.of(0, 11) })).toThrow('beside the grid');
    expect(() => check({ time: Float64Array.of(5, 5) }, null)).toThrow('do not ascend');
    expect(() => check({ value: Float64Array.of(1) })).toThrow('different lengths');
    expect(() => check({ quality: Uint16Array.of(0, QUALITY.badNoData) })).toThrow('where there is none');
  });
});

describe('samples on their way in', () => {
  const metric = { namespace: 'net', name: 'octets', unit: 'B', type: 'counter' } as const;
  const rows = (change: Partial<MetricSamples>, values: readonly number[] = [1, 2, 3]): MetricSamples => ({
    metric,
    labels: { port: 'eth0' },
    time: Float64Array.from(values, (_, at) => at * 10),
    value: Float64Array.from(values),
    quality: null,
    ...change,
  });
  it('have labels that every backend takes', () => {
    expect(normaliseLabels({ 'if-name': ' Mu\u0308hle ', b: '', a: 'x' })).toEqual({ a: 'x', if_name: 'Mühle' });
    expect(normaliseLabels({ '1st': 'x' })).toEqual({ _1st: 'x' });
    expect(normaliseLabels({ 'a-b': '1', a_b: '2' })).toContain('Two labels become a_b');
    expect(normaliseLabels({ '': 'x' })).toContain('Use 1 to 64');
    expect(normaliseLabels({ a: 'x'.repeat(1_001) })).toContain('1,000 characters');
  });
  it('are held to the type and unit of their metric', () => {
    const ingest = createIngest((key) => (key === 'net.octets' ? metric : undefined));
    const { samples, rejected } = ingest.accept([
      rows({ metric: { ...metric, type: 'gauge' } }),
      rows({ metric: { ...metric, unit: 'bit' } }),
      rows({}, [5, -1, Number.NaN, 6]),
    ]);
    expect(rejected.map(({ series, row }) => [series, row])).toEqual([
      [0, null],
      [1, null],
      [2, 1],
      [2, 2],
    ]);
    expect(samples).toHaveLength(1);
    expect([...samples[0]!.value]).toEqual([5, 6]);
    const other = createIngest(() => undefined);
    expect(other.accept([rows({})]).rejected).toEqual([]);
    expect(other.accept([rows({ metric: { ...metric, type: 'gauge' } })]).rejected[0]!.reason).toContain(
      'is a counter',
    );
  });
  it('come in order, the last of equal times winning, and times that are none are refused', () => {
    const { samples, rejected } = createIngest(() => undefined).accept([
      rows({ time: Float64Array.of(30, 10, 30, Number.NaN), value: Float64Array.of(3, 1, 4, 9) }),
    ]);
    expect([...samples[0]!.time]).toEqual([10, 30]);
    expect([...samples[0]!.value]).toEqual([1, 4]);
    expect(rejected).toEqual([{ series: 0, row: 3, reason: expect.stringContaining('microseconds') }]);
  });
  it('show restarts of counters, over calls as well, and not for late or bad samples', () => {
    const ingest = createIngest(() => undefined);
    expect(ingest.accept([rows({}, [10, 20, 5, 6])]).resets).toEqual([{ series: 0, time: 20, from: 20, to: 5 }]);
    const later = (time: number, value: number, quality: number = QUALITY.good) =>
      rows({ time: Float64Array.of(time), value: Float64Array.of(value), quality: Uint16Array.of(quality) });
    expect(ingest.accept([later(25, 1)]).resets, 'late').toEqual([]);
    expect(ingest.accept([later(40, 0, QUALITY.badTimeout)]).resets, 'bad').toEqual([]);
    expect(ingest.accept([later(50, 2)]).resets).toEqual([{ series: 0, time: 50, from: 6, to: 2 }]);
    expect(ingest.accept([{ ...later(60, 0), labels: { port: 'eth1' } }]).resets, 'another series').toEqual([]);
  });
});
