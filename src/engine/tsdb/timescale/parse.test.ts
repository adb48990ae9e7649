import { describe, expect, it } from 'vitest';
import { cellTypes, microsOf } from './parse.ts';

describe('cells of a server', () => {
  it.each([
    ['2026-03-29 02:00:00+00', '2026-03-29T02:00:00.000Z', 0],
    ['2026-03-29 02:00:00.25+00', '2026-03-29T02:00:00.250Z', 0],
    ['2026-03-29 02:00:00.123456+00', '2026-03-29T02:00:00.123Z', 456],
    ['1969-12-31 23:59:59.999999+00', '1969-12-31T23:59:59.999Z', 999],
    ['2026-03-29 02:00:00.5', '2026-03-29T02:00:00.500Z', 0],
    ['2026-03-29 02:00:00+02', '2026-03-29T00:00:00.000Z', 0],
    ['2026-03-29 02:00:00.5-03:30', '2026-03-29T05:30:00.500Z', 0],
    ['1890-01-01 00:53:28+00:53:28', '1890-01-01T00:00:00.000Z', 0],
    ['0044-03-15 12:00:00+00 BC', '-000043-03-15T12:00:00.000Z', 0],
    ['0099-03-15 12:00:00+00', '0099-03-15T12:00:00.000Z', 0],
    ['12026-03-29 02:00:00.5+00', '+012026-03-29T02:00:00.500Z', 0],
  ])('reads the time %s', (text, iso, rest) => {
    expect(microsOf(text)).toBe(Date.parse(iso) * 1_000 + rest);
  });

  it('keeps what is no time apart', () => {
    expect(microsOf('infinity')).toBe(Number.POSITIVE_INFINITY);
    expect(microsOf('-infinity')).toBe(Number.NEGATIVE_INFINITY);
    expect(microsOf('')).toBeNaN();
    expect(microsOf('soon')).toBeNaN();
  });

  it('gives numbers, truth and JSON as such, and all else as text', () => {
    const read = (type: number, text: string) => cellTypes.getTypeParser(type)(text);
    expect(read(701, '-1.5e-7')).toBe(-1.5e-7);
    expect(read(701, 'NaN')).toBeNaN();
    expect(read(701, '-Infinity')).toBe(Number.NEGATIVE_INFINITY);
    expect(read(20, '1767225600000000')).toBe(1_767_225_600_000_000);
    expect(read(16, 't')).toBe(true);
    expect(read(3802, '{"a":[1]}')).toEqual({ a: [1] });
    expect(read(1009, '{a,"b c"}')).toEqual(['a', 'b c']);
    expect(read(1082, '2026-01-01')).toBe('2026-01-01');
  });
});
