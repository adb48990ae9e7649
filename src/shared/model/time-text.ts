import type { TimeRange, UnixMicros } from './time.ts';
import type { Zone } from './zone.ts';

/** A point in time as people write it; a relative one moves with the clock. */
export interface TimePoint {
  readonly time: UnixMicros;
  readonly relative: boolean;
}

export interface ParsedRange {
  readonly range: TimeRange;
  /** The end is now: a trend with this range follows. */
  readonly follows: boolean;
}

const SECOND = 1e6;
const DAY = 86_400 * SECOND;
const fixed: Readonly<Record<string, number>> = {
  ms: 1000,
  s: SECOND,
  m: 60 * SECOND,
  min: 60 * SECOND,
  h: 3600 * SECOND,
};

/**
 * Reads `now`, `now-8h`, `now/d`, `now-1d/d`, `now/d+6h` (units ms, s, m, h, d, w, M, y; `/d` goes to the start of the
 * day in the zone), `2026-11-21 14:03:07.250`, `2026-11-21`, `14:03` (today), and ISO text with an offset. Days, weeks,
 * months and years are those of the wall clock. Null where it can't be read.
 */
export function parseTime(text: string, now: UnixMicros, zone: Zone): TimePoint | null {
  const trimmed = text.trim();
  if (/^now/i.test(trimmed)) {
    const time = parseRelative(trimmed.slice(3), now, zone);
    return time === null ? null : { time, relative: true };
  }
  const iso = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,6}))?(Z|[+-]\d{2}:?\d{2})$/i.exec(trimmed);
  if (iso !== null) {
    const [, second = '', fraction = '', offset = ''] = iso;
    const ms = Date.parse(second + offset);
    return Number.isNaN(ms) ? null : { time: ms * 1000 + Number(fraction.padEnd(6, '0')), relative: false };
  }
  const match =
    /^(?:(\d{4})-(\d{1,2})-(\d{1,2}))?(?:(?:^|[ T])(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,6}))?)?)?$/.exec(trimmed);
  if (match === null || trimmed === '') return null;
  const [, year, month, day, hour, minute, second, fraction] = match;
  const today = zone.wall(now);
  const parts = {
    year: year === undefined ? today.year : Number(year),
    month: month === undefined ? today.month : Number(month),
    day: day === undefined ? today.day : Number(day),
    hour: Number(hour ?? 0),
    minute: Number(minute ?? 0),
    second: Number(second ?? 0),
  };
  if (parts.month < 1 || parts.month > 12 || parts.day < 1 || parts.hour > 23 || parts.minute > 59 || parts.second > 59)
    return null;
  const check = new Date(Date.UTC(parts.year, parts.month - 1, parts.day));
  if (check.getUTCDate() !== parts.day) return null;
  const time = zone.fromWall(parts.year, parts.month, parts.day, parts.hour, parts.minute, parts.second);
  return { time: time + (fraction === undefined ? 0 : Number(fraction.padEnd(6, '0'))), relative: false };
}

function parseRelative(rest: string, now: UnixMicros, zone: Zone): UnixMicros | null {
  let time = now;
  const pattern = /\s*(?:([+-])\s*(\d+)\s*(ms|min|s|m|h|d|w|M|y)|\/\s*([smhdwMy]))/y;
  let at = 0;
  while (at < rest.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(rest);
    if (match === null) return rest.slice(at).trim() === '' ? time : null;
    at = pattern.lastIndex;
    const [, sign, count, unit, start] = match;
    time =
      start === undefined
        ? shift(time, (sign === '-' ? -1 : 1) * Number(count), unit ?? '', zone)
        : startOf(time, start, zone);
  }
  return Math.round(time);
}

function shift(time: UnixMicros, count: number, unit: string, zone: Zone): UnixMicros {
  const micros = fixed[unit];
  if (micros !== undefined) return time + count * micros;
  const wall = zone.wall(time);
  const rest = (((time % SECOND) + SECOND) % SECOND) as number;
  const at = (year: number, month: number, day: number): UnixMicros => {
    // Date arithmetic carries over: day 35 is in the next month. The 31st of a short month is its last day.
    const first = new Date(Date.UTC(year, month - 1, 1));
    const last = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
    const inMonth = unit === 'M' || unit === 'y' ? Math.min(day, last) : day;
    const date = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth(), inMonth));
    return (
      zone.fromWall(
        date.getUTCFullYear(),
        date.getUTCMonth() + 1,
        date.getUTCDate(),
        wall.hour,
        wall.minute,
        wall.second,
      ) + rest
    );
  };
  if (unit === 'd') return at(wall.year, wall.month, wall.day + count);
  if (unit === 'w') return at(wall.year, wall.month, wall.day + 7 * count);
  if (unit === 'M') return at(wall.year, wall.month + count, wall.day);
  return at(wall.year + count, wall.month, wall.day);
}

function startOf(time: UnixMicros, unit: string, zone: Zone): UnixMicros {
  const wall = zone.wall(time);
  switch (unit) {
    case 's':
      return Math.floor(time / SECOND) * SECOND;
    case 'm':
      return Math.floor(time / (60 * SECOND)) * 60 * SECOND;
    case 'h': {
      // Not by the wall clock's reading, which is the same in both of two repeated hours.
      const offset = zone.offset(time);
      return Math.floor((time + offset) / (3600 * SECOND)) * 3600 * SECOND - offset;
    }
    case 'w': {
      // Weeks begin on Monday (ISO 8601).
      const weekday = (new Date(Date.UTC(wall.year, wall.month - 1, wall.day)).getUTCDay() + 6) % 7;
      const day = zone.fromWall(wall.year, wall.month, wall.day);
      return startOf(day - weekday * DAY + DAY / 2, 'd', zone);
    }
    case 'M':
      return zone.fromWall(wall.year, wall.month, 1);
    case 'y':
      return zone.fromWall(wall.year, 1, 1);
    default:
      return zone.fromWall(wall.year, wall.month, wall.day);
  }
}

export type RangeFault = { readonly field: 'from' | 'to'; readonly message: string };

export function parseRange(from: string, to: string, now: UnixMicros, zone: Zone): ParsedRange | RangeFault {
  const hint = 'Write a time as 2026-11-21 14:03:07, 14:03, now-8h or now/d+6h.';
  const start = parseTime(from, now, zone);
  if (start === null) return { field: 'from', message: hint };
  const end = parseTime(to, now, zone);
  if (end === null) return { field: 'to', message: hint };
  if (end.time <= start.time) return { field: 'to', message: 'The end has to lie after the start.' };
  return { range: { from: start.time, to: end.time }, follows: to.trim().toLowerCase() === 'now' && start.relative };
}
