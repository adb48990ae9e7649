import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { zoneOf } from '#shared/model/index.ts';
import { createHueBook, HUES, TRACE_COLOURS } from './colours.ts';
import { timeTicks } from './time-ticks.ts';
import { heldAt, isMergedAt, type TraceColumns, type TraceSegment } from './trace-data.ts';
import { autoRange, valueTicks } from './value-ticks.ts';
import { createZoomHistory, panWindow, snapWindow, zoomValues, zoomWindow } from './window.ts';

const SECOND = 1e6;
const HOUR = 3600 * SECOND;
const utc = (text: string): number => Date.parse(text) * 1000;

function columnsOf(
  rows: readonly (readonly [number, number, number?])[],
  gaps: TraceColumns['gaps'] = [],
): TraceColumns {
  return {
    time: Float64Array.from(rows, (row) => row[0]),
    value: Float64Array.from(rows, (row) => row[1]),
    quality: Uint16Array.from(rows, (row) => row[2] ?? 0),
    min: null,
    max: null,
    gaps,
  };
}
const all = (columns: TraceColumns): TraceSegment[] => [{ columns, from: 0, to: 1_000 }];

describe('value at a time', () => {
  const segments: TraceSegment[] = [
    {
      columns: columnsOf([
        [-5, 9],
        [10, 1],
        [20, 2],
        [30, 3],
      ]),
      from: 0,
      to: 30,
    },
    {
      columns: columnsOf([
        [25, 99],
        [30, 3],
        [90, 4],
      ]),
      from: 30,
      to: 100,
    },
  ];
  it('is the last sample at or before, never the nearest', () => {
    expect(heldAt(segments, 19)?.value).toBe(1);
    expect(heldAt(segments, 20)?.value).toBe(2);
    expect(heldAt(segments, 89)?.value).toBe(3);
    expect(heldAt(segments, 89)?.time).toBe(30);
  });
  it('knows what held when the stretch began', () => {
    expect(heldAt(segments, 3)?.value).toBe(9);
  });
  it('is nothing before all samples', () => {
    expect(heldAt(segments, -6)).toBeNull();
    expect(heldAt([], 5)).toBeNull();
  });
  it('is not known in a stretch that was not read, whatever held before it', () => {
    const read = columnsOf([
      [10, 1],
      [20, 2],
      [80, 8],
    ]);
    const apart = [
      { columns: read, from: 0, to: 30 },
      { columns: read, from: 60, to: 100 },
    ];
    expect(heldAt(apart, 25)?.value).toBe(2);
    expect(heldAt(apart, 45)).toBeNull();
    expect(heldAt(apart, 90)?.value).toBe(8);
    expect(heldAt(apart, 100)).toBeNull();
  });
  it('tells the gap that lies over the asked time', () => {
    const gap = { range: { from: 40, to: 60 }, reason: 'Device offline', quality: 0x808a };
    const held = heldAt(
      [
        {
          columns: columnsOf(
            [
              [10, 1],
              [70, 2],
            ],
            [gap],
          ),
          from: 0,
          to: 100,
        },
      ],
      50,
    );
    expect(held?.gap?.reason).toBe('Device offline');
    expect(
      heldAt(
        [
          {
            columns: columnsOf(
              [
                [10, 1],
                [70, 2],
              ],
              [gap],
            ),
            from: 0,
            to: 100,
          },
        ],
        65,
      )?.gap,
    ).toBeNull();
  });
  it('agrees with a search through all samples', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 999 }), { maxLength: 50 }),
        fc.integer({ min: 0, max: 999 }),
        (times, at) => {
          const sorted = [...times].sort((a, b) => a - b);
          const expected = sorted.filter((time) => time <= at).at(-1);
          expect(heldAt(all(columnsOf(sorted.map((time) => [time, time]))), at)?.time).toBe(expected);
        },
      ),
    );
  });
  it('says where points are merged', () => {
    const merged = { ...columnsOf([[0, 1]]), min: Float64Array.of(0), max: Float64Array.of(2) };
    expect(isMergedAt(all(merged), 5)).toBe(true);
    expect(isMergedAt(all(columnsOf([[0, 1]])), 5)).toBe(false);
  });
});

describe('time ticks', () => {
  const berlin = zoneOf('Europe/Berlin');
  it('stand on round wall-clock times of the zone', () => {
    const from = utc('2026-11-21T10:07:13Z');
    const { ticks, step } = timeTicks({ from, to: from + 2 * HOUR }, 8, berlin);
    expect(step).toBe(HOUR / 4);
    expect(ticks[0]).toMatchObject({ label: '11:15', date: '2026-11-21' });
    expect(ticks[1]!.date).toBeNull();
  });
  it('name the repeated hour and count it twice', () => {
    const from = utc('2026-10-24T23:30:00Z');
    const { ticks } = timeTicks({ from, to: from + 4 * HOUR }, 10, berlin);
    const labels = ticks.map((tick) => tick.label);
    const twos = labels.filter((label) => label.startsWith('02:00'));
    expect(twos).toHaveLength(2);
    expect(new Set(twos).size).toBe(2);
  });
  it('leave the missing hour out', () => {
    const from = utc('2026-03-28T23:00:00Z');
    const { ticks } = timeTicks({ from, to: from + 5 * HOUR }, 6, berlin);
    expect(ticks.map((tick) => tick.label.slice(0, 5))).toEqual(['00:00', '01:00', '03:00', '04:00', '05:00']);
  });
  it('keep six-hour ticks on round hours over a day of 25 hours', () => {
    const from = utc('2026-10-24T22:00:00Z');
    const { ticks } = timeTicks({ from, to: from + 30 * HOUR }, 6, berlin);
    expect(ticks.map((tick) => tick.label.slice(0, 5))).toEqual(['00:00', '06:00', '12:00', '18:00', '00:00']);
  });
  it('start months on their first day in the zone', () => {
    const { ticks } = timeTicks({ from: utc('2026-01-15T00:00:00Z'), to: utc('2026-06-15T00:00:00Z') }, 6, berlin);
    expect(ticks.map((tick) => tick.label)).toEqual(['Feb', 'Mar', 'Apr', 'May', 'Jun']);
    expect(ticks[0]!.time).toBe(utc('2026-01-31T23:00:00Z'));
    expect(ticks[3]!.time).toBe(utc('2026-04-30T22:00:00Z'));
  });
  it('show microseconds when close', () => {
    const from = utc('2026-11-21T10:00:00Z');
    expect(timeTicks({ from, to: from + 100 }, 5, berlin).ticks[1]!.label).toBe('11:00:00.000020');
  });
  it('are ascending, inside the range and not too many for any range and zone', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: utc('1975-01-01T00:00:00Z'), max: utc('2060-01-01T00:00:00Z') }),
        fc.double({ min: 2, max: 17, noNaN: true }),
        fc.constantFrom(
          'UTC',
          'Europe/Berlin',
          'Asia/Kolkata',
          'America/St_Johns',
          'Australia/Lord_Howe',
          'America/New_York',
        ),
        (from, power, zone) => {
          const span = Math.round(10 ** Math.min(power, 15.5));
          const { ticks } = timeTicks({ from, to: from + span }, 10, zoneOf(zone));
          expect(ticks.length).toBeLessThanOrEqual(13);
          for (let i = 0; i < ticks.length; i++) {
            expect(ticks[i]!.time).toBeGreaterThanOrEqual(from);
            expect(ticks[i]!.time).toBeLessThan(from + span);
            if (i > 0) expect(ticks[i]!.time).toBeGreaterThan(ticks[i - 1]!.time);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('zone', () => {
  it('turns wall clock into time and back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: utc('1990-01-01T00:00:00Z') / SECOND, max: utc('2040-01-01T00:00:00Z') / SECOND }),
        (second) => {
          const zone = zoneOf('Europe/Berlin');
          const time = second * SECOND;
          const wall = zone.wall(time);
          const back = zone.fromWall(wall.year, wall.month, wall.day, wall.hour, wall.minute, wall.second);
          // In the repeated hour the first of the two is taken.
          expect([time, time - HOUR]).toContain(back);
        },
      ),
    );
  });
});

describe('value axis', () => {
  it('has round ticks with as many decimals as the step needs', () => {
    expect(valueTicks({ low: -0.07, high: 0.31 }, 5).labels).toEqual(['0.0', '0.1', '0.2', '0.3']);
    expect(valueTicks({ low: -12_000, high: 12_000 }, 5).labels).toEqual([
      '\u221210\u202f000',
      '\u22125000',
      '0',
      '5000',
      '10\u202f000',
    ]);
    expect(valueTicks({ low: 0, high: 3e9 }, 3).labels).toEqual(['0', '1e9', '2e9', '3e9']);
  });
  it('are two at least, the outermost round ones, however low the plot is', () => {
    expect(valueTicks({ low: 0.3, high: 1.9 }, 2).labels).toEqual(['0.5', '1.5']);
    expect(valueTicks({ low: 119.6, high: 121.4 }, 2).values).toEqual([120, 121]);
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
        fc.integer({ min: 1, max: 12 }),
        (low, span, most) => {
          const range = { low, high: low + span };
          const { values } = valueTicks(range, most);
          expect(values.length).toBeGreaterThanOrEqual(2);
          expect(values.length).toBeLessThanOrEqual(Math.max(2, most + 1));
          const edge = span * 1e-6;
          expect(values[0]).toBeGreaterThanOrEqual(low - edge);
          expect(values.at(-1)).toBeLessThanOrEqual(range.high + edge);
        },
      ),
    );
  });
  it('contains the data and stays while the data stays', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e9, max: 1e9, noNaN: true }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (low, span) => {
          const range = autoRange(low, low + span, null);
          expect(range.low).toBeLessThanOrEqual(low);
          expect(range.high).toBeGreaterThanOrEqual(low + span);
          expect(range.high).toBeGreaterThan(range.low);
          expect(autoRange(low, low + span, range)).toBe(range);
        },
      ),
    );
  });
});

describe('window', () => {
  it('keeps the time under the pointer when it zooms', () => {
    const zoomed = zoomWindow({ from: 0, to: 1000 * SECOND }, 250 * SECOND, 0.5);
    expect(zoomed).toEqual({ from: 125 * SECOND, to: 625 * SECOND });
    expect(panWindow(zoomed, -25 * SECOND).from).toBe(100 * SECOND);
    expect(zoomValues({ low: 0, high: 10 }, 2, 0.5)).toEqual({ low: 1, high: 6 });
  });
  it('snaps to pixels of one grid wherever it stands', () => {
    const a = snapWindow({ from: 12_345, to: 12_345 + 1000 }, 100);
    const b = snapWindow({ from: 12_349, to: 12_349 + 1000 }, 100);
    expect(a).toEqual(b);
  });
  it('steps back through views, one step per gesture', () => {
    const history = createZoomHistory<null>();
    const view = (from: number) => ({ range: { from, to: from + 10 }, follow: false, axes: null });
    history.remember(view(0), 0);
    history.remember(view(1), 100);
    history.remember(view(2), 200);
    history.remember(view(3), 2000);
    expect(history.depth).toBe(2);
    expect(history.back(view(9))?.range.from).toBe(3);
    expect(history.back(view(3))?.range.from).toBe(0);
    expect(history.back(view(0))).toBeNull();
    expect(history.forward(view(0))?.range.from).toBe(3);
    history.remember(view(3), 9000);
    expect(history.forward(view(5))).toBeNull();
  });
  it('takes a drag with rests in it for one step', () => {
    const history = createZoomHistory<null>();
    const view = (from: number) => ({ range: { from, to: from + 10 }, follow: false, axes: null });
    history.remember(view(0), 0);
    history.beginGesture();
    history.remember(view(1), 10);
    history.remember(view(2), 5000);
    history.remember(view(3), 9000);
    history.endGesture();
    history.remember(view(4), 9001);
    expect(history.depth).toBe(3);
    expect(history.back(view(9))?.range.from).toBe(4);
    expect(history.back(view(4))?.range.from).toBe(1);
  });
});

describe('colours', () => {
  const luminance = (hex: string): number => {
    const part = (at: number): number => {
      const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
  };
  const contrast = (a: string, b: string): number => {
    const [x, y] = [luminance(a), luminance(b)].sort((one, two) => two - one);
    return (x! + 0.05) / (y! + 0.05);
  };
  it('stand out against the background of their theme', () => {
    for (const colour of TRACE_COLOURS.dark) expect(contrast(colour, '#14171b')).toBeGreaterThan(4.5);
    for (const colour of TRACE_COLOURS.light) expect(contrast(colour, '#f8f9fb')).toBeGreaterThan(3);
  });
  it('stay apart for colour-blind eyes', () => {
    // Linear-light simulation matrices of Viénot, Brettel and Mollon (1999), distances in CIELAB.
    const linear = (hex: string): [number, number, number] => {
      const part = (at: number): number => {
        const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
        return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
      };
      return [part(1), part(3), part(5)];
    };
    const lab = ([r, g, b]: readonly number[]): number[] => {
      const f = (t: number): number => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
      const x = f((0.4124 * r! + 0.3576 * g! + 0.1805 * b!) / 0.9505);
      const y = f(0.2126 * r! + 0.7152 * g! + 0.0722 * b!);
      const z = f((0.0193 * r! + 0.1192 * g! + 0.9505 * b!) / 1.089);
      return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
    };
    const eyes: Record<string, readonly number[]> = {
      normal: [1, 0, 0, 0, 1, 0, 0, 0, 1],
      protanope: [0.11238, 0.88762, 0, 0.11238, 0.88762, 0, 0.00401, -0.00401, 1],
      deuteranope: [0.29275, 0.70725, 0, 0.29275, 0.70725, 0, -0.02234, 0.02234, 1],
    };
    for (const theme of ['dark', 'light'] as const) {
      for (const [name, m] of Object.entries(eyes)) {
        const seen = TRACE_COLOURS[theme].map((hex) => {
          const [r, g, b] = linear(hex);
          return lab([0, 3, 6].map((row) => Math.max(0, m[row]! * r + m[row + 1]! * g + m[row + 2]! * b)));
        });
        for (let i = 0; i < seen.length; i++) {
          for (let j = 0; j < i; j++) {
            const distance = Math.hypot(...seen[i]!.map((value, k) => value - seen[j]![k]!));
            const least = i < 6 ? 16 : 10;
            expect(distance, `${theme} ${name} ${TRACE_COLOURS[theme][i]} ${TRACE_COLOURS[theme][j]}`).toBeGreaterThan(
              least,
            );
          }
        }
      }
    }
  });
  it('are given in order, kept, and shared only when all are used', () => {
    let saved: Readonly<Record<string, number>> = {};
    const late: (() => void)[] = [];
    const book = createHueBook(
      () => saved,
      (hues) => {
        saved = hues;
      },
      (run) => late.push(run),
    );
    const tags = Array.from({ length: HUES + 1 }, (_, i) => `t${i}`);
    const shown: string[] = [];
    for (const tag of tags) {
      book.hueOf(tag, shown);
      shown.push(tag);
    }
    expect(tags.map((tag) => book.hueOf(tag, tags))).toEqual([...Array.from({ length: HUES }, (_, i) => i), 0]);
    expect(saved).toEqual({});
    late.shift()?.();
    const again = createHueBook(
      () => saved,
      () => undefined,
      () => undefined,
    );
    expect(again.hueOf('t7', [])).toBe(7);
  });
  it('take back the hue that was kept when it comes after the first drawing', () => {
    let kept: Readonly<Record<string, number>> = {};
    const book = createHueBook(
      () => kept,
      () => undefined,
      () => undefined,
    );
    expect(book.hueOf('a', ['a'])).toBe(0);
    kept = { a: 5 };
    expect(book.hueOf('a', ['a'])).toBe(5);
  });
});
