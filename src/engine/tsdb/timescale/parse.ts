import pg from 'pg';

/** How cells become values: times are microseconds since 1970, wall clocks as if they were UTC; whole numbers are numbers. */
type Parser = (text: string) => unknown;

const asNumber: Parser = (text) => Number(text);
const parsers = new Map<number, Parser>([
  // bool, int8, int2, int4, oid, float4, float8, numeric, json, jsonb, timestamp, timestamptz
  [16, (text) => text === 't'],
  ...[20, 21, 23, 26, 700, 701, 1700].map((type) => [type, asNumber] as const),
  [114, (text) => JSON.parse(text) as unknown],
  [3802, (text) => JSON.parse(text) as unknown],
  [1114, microsOf],
  [1184, microsOf],
  // Lists of the kinds that the catalogue has: bool, char, name, int2, int4, text, varchar, int8, float8, oid.
  ...[1000, 1002, 1003, 1005, 1007, 1009, 1015, 1016, 1022, 1028].map(
    (type) => [type, pg.types.getTypeParser(type, 'text') as Parser] as const,
  ),
]);
const asText: Parser = (text) => text;

export const cellTypes = { getTypeParser: (type: number): Parser => parsers.get(type) ?? asText };

const DAY_DIGITS = 10;
let lastDay = '';
let lastMidnight = 0;

/**
 * A time as the server writes it in the date style ISO: `2026-03-29 02:00:00.25+00`. NaN for none; infinite ones stay so.
 * Samples of one day come together, so that the date is worked out once.
 */
export function microsOf(text: string): number {
  // The usual case: four digits of year, the server's zone UTC or none.
  if (text.charCodeAt(4) === 45 && text.charCodeAt(13) === 58 && !text.endsWith('BC')) {
    const day = text.slice(0, DAY_DIGITS);
    if (day !== lastDay) {
      lastMidnight = Date.UTC(Number(day.slice(0, 4)), Number(day.slice(5, 7)) - 1, Number(day.slice(8)));
      // Date.UTC takes the years 0 to 99 for those of the last century.
      if (day.startsWith('00')) lastMidnight = Date.parse(`${day}T00:00:00Z`);
      lastDay = day;
    }
    const digit = (at: number): number => text.charCodeAt(at) - 48;
    let micros =
      lastMidnight * 1_000 +
      ((digit(11) * 10 + digit(12)) * 3_600 + (digit(14) * 10 + digit(15)) * 60 + digit(17) * 10 + digit(18)) * 1e6;
    let at = 19;
    if (text.charCodeAt(at) === 46) {
      let weight = 100_000;
      for (at++; at < text.length; at++, weight /= 10) {
        const value = digit(at);
        if (value < 0 || value > 9) break;
        micros += value * weight;
      }
    }
    if (at === text.length || text.endsWith('+00')) return micros;
    return micros - offsetOf(text.slice(at));
  }
  if (text === 'infinity') return Number.POSITIVE_INFINITY;
  if (text === '-infinity') return Number.NEGATIVE_INFINITY;
  const [, year, rest, clock, fraction = '', offset = '', era] =
    /^(\d+)-(\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?([+-][\d:]+)?( BC)?$/.exec(text) ?? [];
  if (year === undefined) return Number.NaN;
  const astronomical = era === undefined ? Number(year) : 1 - Number(year);
  const sign = astronomical < 0 ? '-' : '+';
  const instant = Date.parse(`${sign}${String(Math.abs(astronomical)).padStart(6, '0')}-${rest}T${clock}Z`);
  return instant * 1_000 + Math.round(Number(fraction) * 1e6) - offsetOf(offset);
}

/** Microseconds of `+02`, `-03:30` or `+00:53:28`. */
function offsetOf(text: string): number {
  if (text === '') return 0;
  const [hours = 0, minutes = 0, seconds = 0] = text.slice(1).split(':').map(Number);
  return (text.startsWith('-') ? -1 : 1) * (hours * 3_600 + minutes * 60 + seconds) * 1e6;
}
