import { describe, expect, it } from 'vitest';
import {
  decimalsForSpan,
  formatAge,
  formatBytes,
  formatClock,
  formatDuration,
  formatNumber,
  formatPeriod,
  formatTime,
  groupDigits,
  NO_VALUE,
  parsePeriod,
  plural,
  shortenMiddle,
  zoneName,
} from './format.ts';

describe('formatNumber', () => {
  it.each([
    [0, {}, '0'],
    [-0, {}, '0'],
    [1234, {}, '1234'],
    [12345, {}, '12\u202f345'],
    [-1234567.5, { decimals: 1 }, '\u22121\u202f234\u202f567.5'],
    [-0.001, { decimals: 2 }, '0.00'],
    [20.4567, { range: { low: 0, high: 100 } }, '20.5'],
    [20.4567, { range: { low: 0, high: 50 } }, '20.46'],
    [0.12345678, {}, '0.123457'],
    [123.456789, {}, '123.457'],
    [1.5e12 + 0.5, {}, '1.50000e12'],
    [2.5e-7, {}, '2.50000e\u22127'],
    [Number.NaN, {}, NO_VALUE],
    [Number.POSITIVE_INFINITY, { decimals: 2 }, NO_VALUE],
    [null, {}, NO_VALUE],
  ] as const)('%s %j -> %s', (value, style, expected) => {
    expect(formatNumber(value, style)).toBe(expected);
  });

  it('keeps the digits of integers beyond 2^53 that arrive as text', () => {
    expect(groupDigits('18446744073709551615')).toBe('18\u202f446\u202f744\u202f073\u202f709\u202f551\u202f615');
  });

  it('takes decimals from the span', () => {
    expect(decimalsForSpan(0, 1)).toBe(3);
    expect(decimalsForSpan(0, 1000)).toBe(0);
    expect(decimalsForSpan(-0.01, 0.01)).toBe(5);
    expect(decimalsForSpan(5, 5)).toBe(3);
  });
});

describe('durations and periods', () => {
  it.each([
    [0, '0 ms'],
    [0.4, '0.4 ms'],
    [250, '250 ms'],
    [7200, '7.2 s'],
    [59_600, '1 min 00 s'],
    [187_000, '3 min 07 s'],
    [3_787_000, '1 h 03 min 07 s'],
    [183_000_000, '2 d 02 h 50 min'],
    [Number.NaN, NO_VALUE],
  ])('%s ms -> %s', (ms, expected) => {
    expect(formatDuration(ms)).toBe(expected);
  });

  it.each([
    [200, '0.2 s'],
    [-50, '0.0 s'],
    [9_949, '9.9 s'],
    [12_700, '12 s'],
    [187_000, '3 min 07 s'],
    [7_500_000, '2 h 05 min'],
    [190_000_000, '2 d 04 h'],
  ])('age of %s ms -> %s', (ms, expected) => {
    expect(formatAge(ms)).toBe(expected);
  });

  it.each([
    ['100', 100],
    ['100 ms', 100],
    ['1,5 s', 1500],
    ['2min', 120_000],
    ['1 h', 3_600_000],
    ['fast', null],
    ['-5', null],
    ['', null],
  ])('reads %j as %s', (text, expected) => {
    expect(parsePeriod(text)).toBe(expected);
  });

  it('shows what it reads', () => {
    for (const ms of [1, 100, 999, 1000, 1500, 60_000, 90_000, 3_600_000, 86_400_000]) {
      expect(parsePeriod(formatPeriod(ms))).toBe(ms);
    }
  });
});

describe('times', () => {
  const time = Date.UTC(2026, 10, 21, 13, 3, 7, 250) * 1000;

  it('shows the project zone', () => {
    expect(formatTime(time, 'Europe/Berlin', 'millisecond')).toBe('2026-11-21 14:03:07.250');
    expect(formatTime(time, 'UTC')).toBe('2026-11-21 13:03:07');
    expect(formatTime(time, 'UTC', 'date')).toBe('2026-11-21');
    expect(formatClock(time, 'Asia/Tokyo', true)).toBe('22:03:07.250');
    expect(zoneName(time, 'UTC')).toBe('UTC');
  });

  it('shows both hours of the change from summer time', () => {
    const first = Date.UTC(2026, 9, 25, 0, 30) * 1000;
    const second = Date.UTC(2026, 9, 25, 1, 30) * 1000;
    expect(formatClock(first, 'Europe/Berlin')).toBe('02:30:00');
    expect(formatClock(second, 'Europe/Berlin')).toBe('02:30:00');
    expect(zoneName(first, 'Europe/Berlin')).not.toBe(zoneName(second, 'Europe/Berlin'));
  });

  it('has a dash for no time', () => {
    expect(formatTime(Number.NaN, 'UTC')).toBe(NO_VALUE);
    expect(formatClock(null, null)).toBe(NO_VALUE);
  });
});

describe('sizes and names', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1500, '1.5 kB'],
    [999_960, '1.0 MB'],
    [123_456_789, '123 MB'],
    [5e12, '5.0 TB'],
  ])('%s bytes -> %s', (bytes, expected) => {
    expect(formatBytes(bytes)).toBe(expected);
  });

  it('shortens in the middle and keeps both ends', () => {
    expect(shortenMiddle('Mill.Stand4.Roll.Force.Actual', 15)).toBe('Mill.St….Actual');
    expect(shortenMiddle('short', 15)).toBe('short');
    expect(shortenMiddle('x'.repeat(200), 21)).toHaveLength(21);
  });

  it('counts', () => {
    expect(plural(1, 'tag')).toBe('1 tag');
    expect(plural(12_000, 'tag')).toBe('12\u202f000 tags');
  });
});
