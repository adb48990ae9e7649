import type { UnixMicros } from './time.ts';

const MICROS = 1_000_000;

export interface WallTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** A time zone with what an axis asks of it. `null` is the computer's own. */
export interface Zone {
  readonly name: string;
  /** Wall clock minus UTC, microseconds. */
  offset(time: UnixMicros): number;
  wall(time: UnixMicros): WallTime;
  /** `CET`, `UTC+1`. */
  abbreviation(time: UnixMicros): string;
  /** The time at which the wall clock shows this; in a missing hour the time after the change. */
  fromWall(year: number, month: number, day: number, hour?: number, minute?: number, second?: number): UnixMicros;
}

const zones = new Map<string, Zone>();

export function zoneOf(zone: string | null): Zone {
  const key = zone ?? '';
  const known = zones.get(key);
  if (known !== undefined) return known;
  const made = createZone(zone);
  zones.set(key, made);
  return made;
}

function createZone(zone: string | null): Zone {
  const where = zone === null ? {} : { timeZone: zone };
  const format = new Intl.DateTimeFormat('en-GB', {
    ...where,
    calendar: 'gregory',
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  const short = new Intl.DateTimeFormat('en-GB', { ...where, timeZoneName: 'short' });
  // Offsets change on quarter hours at the earliest, so one entry serves a quarter of an hour.
  const quarters = new Map<number, number>();
  const wallMs = (ms: number): number => {
    const found: Record<string, number> = {};
    for (const part of format.formatToParts(ms)) {
      if (part.type !== 'literal' && part.type !== 'era') found[part.type] = Number(part.value);
    }
    return Date.UTC(found.year!, found.month! - 1, found.day!, found.hour!, found.minute!, found.second!);
  };
  const offset = (time: UnixMicros): number => {
    const quarter = Math.floor(time / (900 * MICROS));
    const known = quarters.get(quarter);
    if (known !== undefined) return known;
    const ms = quarter * 900_000;
    const made = (wallMs(ms) - ms) * 1000;
    if (quarters.size > 2000) quarters.clear();
    quarters.set(quarter, made);
    return made;
  };
  return {
    name: format.resolvedOptions().timeZone,
    offset,
    wall(time) {
      const date = new Date(Math.floor((time + offset(time)) / 1000));
      return {
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
        hour: date.getUTCHours(),
        minute: date.getUTCMinutes(),
        second: date.getUTCSeconds(),
      };
    },
    abbreviation(time) {
      const part = short.formatToParts(time / 1000).find((one) => one.type === 'timeZoneName');
      return (part?.value ?? 'UTC').replace('GMT', 'UTC');
    },
    fromWall(year, month, day, hour = 0, minute = 0, second = 0) {
      const wall = Date.UTC(year, month - 1, day, hour, minute, second) * 1000;
      const before = offset(wall - 86_400 * MICROS);
      const guess = wall - before;
      const after = offset(guess);
      if (after === before) return guess;
      const second_ = wall - after;
      // In the repeated hour both are right and the first is taken; in the missing hour neither is.
      return offset(second_) === after ? second_ : guess;
    },
  };
}

/** Whether this runtime knows the IANA name. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
