import type { TimeRange, UnixMicros, Zone } from '#shared/model/index.ts';

const MS = 1000;
const SECOND = 1000 * MS;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const steps: readonly number[] = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  MS,
  2 * MS,
  5 * MS,
  10 * MS,
  20 * MS,
  50 * MS,
  100 * MS,
  200 * MS,
  500 * MS,
  SECOND,
  2 * SECOND,
  5 * SECOND,
  10 * SECOND,
  15 * SECOND,
  30 * SECOND,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  7 * DAY,
  14 * DAY,
];
const monthSteps = [1, 2, 3, 6, 12, 24, 60, 120] as const;

export interface TimeTick {
  readonly time: UnixMicros;
  /** What changes from tick to tick: `14:03:10`, `.250`, `Sat 21`. */
  readonly label: string;
  /** The date below, where a new one begins and at the first tick; null elsewhere. */
  readonly date: string | null;
}

export interface TimeTicks {
  readonly ticks: readonly TimeTick[];
  /** Microseconds between ticks; for months about. */
  readonly step: number;
}

const pad = (value: number, width = 2): string => String(value).padStart(width, '0');
const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

export function stepForTime(span: number, most: number): number {
  const least = span / Math.max(1, most);
  for (const step of steps) if (step >= least) return step;
  for (const months of monthSteps) if (months * 30 * DAY >= least) return months * 30 * DAY;
  return 120 * 30 * DAY;
}

/**
 * Ticks at round wall-clock times of the zone, at most `most`. Days that have 23 or 25 hours keep their ticks on round
 * hours: the missing hour has none, the repeated one has its zone named.
 */
export function timeTicks(range: TimeRange, most: number, zone: Zone): TimeTicks {
  const step = stepForTime(range.to - range.from, most);
  const times =
    step >= 30 * DAY ? monthTimes(range, Math.round(step / (30 * DAY)), zone) : stepTimes(range, step, zone);
  const offsets = times.map((time) => zone.offset(time));
  const ticks: TimeTick[] = [];
  let day = '';
  for (let i = 0; i < times.length; i++) {
    const time = times[i]!;
    const wall = zone.wall(time);
    const date = `${wall.year}-${pad(wall.month)}-${pad(wall.day)}`;
    const changes = i === 0 || date !== day;
    day = date;
    const ambiguous =
      step <= 2 * HOUR && (zone.offset(time - 2 * HOUR) !== offsets[i] || zone.offset(time + 2 * HOUR) !== offsets[i]);
    const label = labelOf(time, step, wall) + (ambiguous ? ` ${zone.abbreviation(time)}` : '');
    ticks.push({ time, label, date: step >= DAY ? yearOf(step, wall, i, ticks, zone) : changes ? date : null });
  }
  return { ticks, step };
}

function yearOf(
  step: number,
  wall: { readonly year: number; readonly month: number },
  index: number,
  ticks: readonly TimeTick[],
  zone: Zone,
): string | null {
  const before = index === 0 ? null : zone.wall(ticks[index - 1]!.time);
  if (step >= 30 * DAY) return before === null || before.year !== wall.year ? String(wall.year) : null;
  const month = `${monthNames[wall.month - 1]} ${wall.year}`;
  return before === null || before.month !== wall.month ? month : null;
}

function labelOf(
  time: UnixMicros,
  step: number,
  wall: {
    readonly day: number;
    readonly month: number;
    readonly hour: number;
    readonly minute: number;
    readonly second: number;
  },
): string {
  if (step >= 30 * DAY) return monthNames[wall.month - 1]!;
  if (step >= DAY) return `${wall.day} ${monthNames[wall.month - 1]}`;
  const minute = `${pad(wall.hour)}:${pad(wall.minute)}`;
  if (step >= MINUTE) return minute;
  const second = `${minute}:${pad(wall.second)}`;
  if (step >= SECOND) return second;
  const micros = ((time % SECOND) + SECOND) % SECOND;
  return step >= MS ? `${second}.${pad(Math.floor(micros / MS), 3)}` : `${second}.${pad(micros, 6)}`;
}

function stepTimes(range: TimeRange, step: number, zone: Zone): number[] {
  const times: number[] = [];
  let offset = zone.offset(range.from);
  let time = Math.ceil((range.from + offset) / step) * step - offset;
  while (time < range.to && times.length < 200) {
    const here = zone.offset(time);
    if (here !== offset) {
      const moved = Math.ceil((time + here) / step) * step - here;
      offset = here;
      // A change by less than a step would leave the rest of the day on odd hours.
      if (moved !== time) {
        time = moved;
        continue;
      }
    }
    if (time >= range.from) times.push(time);
    time += step;
    if (step > HOUR) {
      const later = zone.offset(time);
      if (later !== offset) {
        time += offset - later;
        offset = zone.offset(time);
      }
    }
  }
  return times;
}

function monthTimes(range: TimeRange, months: number, zone: Zone): number[] {
  const start = zone.wall(range.from);
  const times: number[] = [];
  let index = start.year * 12 + (start.month - 1);
  index = Math.floor(index / months) * months;
  for (let i = 0; i < 400; i++) {
    const time = zone.fromWall(Math.floor(index / 12), (index % 12) + 1, 1);
    if (time >= range.to) break;
    if (time >= range.from) times.push(time);
    index += months;
  }
  return times;
}
