import type { UnixMicros } from '#shared/model/index.ts';

const MINUTE = 60_000_000;
/** Offsets from UTC change on quarters of an hour at the most often; within one quarter the offset is looked up once. */
const QUARTER = 15 * MINUTE;

/** Writes times of one IANA zone as `2026-11-21T05:10:00.000000+01:00`: local time that says which of two equal hours. */
export function createLocalTime(timeZone: string): (time: UnixMicros) => string {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  let quarter = Number.NaN;
  let offset = 0;
  let suffix = '';
  let second = Number.NaN;
  let prefix = '';

  const lookUp = (start: UnixMicros): void => {
    const fields = new Map(parts.formatToParts(start / 1000).map(({ type, value }) => [type, value]));
    const field = (type: Intl.DateTimeFormatPartTypes): number => Number(fields.get(type));
    const year = fields.get('era') === 'BC' ? 1 - field('year') : field('year');
    const local = new Date(0);
    local.setUTCFullYear(year, field('month') - 1, field('day'));
    local.setUTCHours(field('hour'), field('minute'), field('second'));
    // ISO 8601 has whole minutes; zones of the 19th century had seconds, which only shift the shown local time.
    const minutes = Math.round((local.getTime() - start / 1000) / 60_000);
    offset = minutes * MINUTE;
    const size = Math.abs(minutes);
    suffix = `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
  };

  return (time) => {
    const nowQuarter = Math.floor(time / QUARTER);
    if (nowQuarter !== quarter) {
      quarter = nowQuarter;
      lookUp(nowQuarter * QUARTER);
      second = Number.NaN;
    }
    const local = time + offset;
    const nowSecond = Math.floor(local / 1_000_000);
    if (nowSecond !== second) {
      second = nowSecond;
      prefix = new Date(nowSecond * 1000).toISOString().slice(0, -4);
    }
    return `${prefix}${String(local - nowSecond * 1_000_000).padStart(6, '0')}${suffix}`;
  };
}

const two = (value: number): string => String(value).padStart(2, '0');
