import type { UnixMicros } from '#shared/model/index.ts';

/** What stands where there is no value. */
export const NO_VALUE = '—';
const THIN_SPACE = '\u202f';
const MINUS = '\u2212';

export interface NumberStyle {
  /** Digits after the decimal sign; decides where it is given. */
  readonly decimals?: number | null | undefined;
  /** Range of the tag in its unit; the span decides the decimals so that about four digits are significant. */
  readonly range?: { readonly low: number; readonly high: number } | null | undefined;
  /** Significant digits where neither is known; 6 is what a float32 is good for. */
  readonly significant?: number | undefined;
}

function group(digits: string): string {
  if (digits.length <= 4) return digits;
  let out = '';
  for (let i = 0; i < digits.length; i++) {
    if (i > 0 && (digits.length - i) % 3 === 0) out += THIN_SPACE;
    out += digits[i];
  }
  return out;
}

/** Groups the integer part by thin spaces and puts a real minus; takes what `toFixed` or a BigInt gives. */
export function groupDigits(text: string): string {
  const negative = text.startsWith('-');
  const body = negative ? text.slice(1) : text;
  const exponentAt = body.search(/e/i);
  const mantissa = exponentAt < 0 ? body : body.slice(0, exponentAt);
  const exponent = exponentAt < 0 ? '' : body.slice(exponentAt).replace('-', MINUS).replace('+', '');
  const [whole = '', fraction] = mantissa.split('.');
  const shown = fraction === undefined ? group(whole) : `${group(whole)}.${fraction}`;
  return `${negative ? MINUS : ''}${shown}${exponent}`;
}

/** Digits after the decimal sign that make about four digits of a range significant; 0 to 6. */
export function decimalsForSpan(low: number, high: number): number {
  const span = Math.abs(high - low);
  if (!Number.isFinite(span) || span === 0) return 3;
  return Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(span))));
}

/** A number as a person reads it. NaN and infinities have no digits and give an em dash. */
export function formatNumber(value: number | null | undefined, style: NumberStyle = {}): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NO_VALUE;
  const decimals = style.decimals ?? (style.range ? decimalsForSpan(style.range.low, style.range.high) : null);
  const size = Math.abs(value);
  if (decimals !== null) {
    if (size >= 1e15) return groupDigits(value.toExponential(5));
    const text = value.toFixed(decimals);
    // A value that rounds to zero has no sign: "−0.00" reads as a fault.
    return groupDigits(Number(text) === 0 && text.startsWith('-') ? text.slice(1) : text);
  }
  if (Number.isInteger(value) && size < 1e15) return groupDigits(String(value === 0 ? 0 : value));
  const significant = style.significant ?? 6;
  if (size !== 0 && (size >= 1e9 || size < 1e-4)) return groupDigits(value.toExponential(significant - 1));
  const whole = size < 1 ? 0 : Math.floor(Math.log10(size)) + 1;
  return groupDigits(value.toFixed(Math.max(0, Math.min(8, significant - whole))));
}

const pad = (value: number, width = 2): string => String(value).padStart(width, '0');

/** Milliseconds as `250 ms`, `7.2 s`, `3 min 07 s`, `1 h 03 min 07 s`, `2 d 03 h 10 min`. */
export function formatDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return NO_VALUE;
  if (ms < 0) return `${MINUS}${formatDuration(-ms)}`;
  if (ms < 1000) return ms < 10 && !Number.isInteger(ms) ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  if (seconds < 86_400) {
    return `${Math.floor(seconds / 3600)} h ${pad(Math.floor(seconds / 60) % 60)} min ${pad(seconds % 60)} s`;
  }
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 1440)} d ${pad(Math.floor(minutes / 60) % 24)} h ${pad(minutes % 60)} min`;
}

/**
 * Age, in at most two parts. Of a value it has tenths below ten seconds; `seconds` is for states, which last, and whose
 * tenths would only flicker.
 */
export function formatAge(ms: number | null | undefined, finest: 'tenths' | 'seconds' = 'tenths'): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return NO_VALUE;
  if (ms < 0) return finest === 'tenths' ? '0.0 s' : '0 s';
  if (ms < 9950 && finest === 'tenths') return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${pad(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${pad(minutes % 60)} min`;
  return `${Math.floor(hours / 24)} d ${pad(hours % 24)} h`;
}

/** A period as people set it: `100 ms`, `1 s`, `1.5 s`, `2 min`, `1 h`. */
export function formatPeriod(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`;
  if (ms % 60_000 === 0) return `${ms / 60_000} min`;
  return `${Number((ms / 1000).toFixed(3))} s`;
}

const periodUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };

/** The inverse: `250`, `250 ms`, `1.5 s`, `2 min`; a bare number is milliseconds. Null where it can't be read. */
export function parsePeriod(text: string): number | null {
  const match = /^\s*(\d+(?:[.,]\d+)?)\s*(ms|s|min|h)?\s*$/i.exec(text);
  if (match === null) return null;
  const factor = periodUnits[(match[2] ?? 'ms').toLowerCase()] ?? 1;
  const ms = Number((match[1] ?? '').replace(',', '.')) * factor;
  return Number.isFinite(ms) ? Math.round(ms) : null;
}

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Decimal units, as disks are sold and file managers show them. */
export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined || !Number.isFinite(bytes)) return NO_VALUE;
  let unit = 0;
  let value = Math.abs(bytes);
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1000;
    unit++;
  }
  const text = unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1);
  return `${bytes < 0 ? MINUS : ''}${text} ${byteUnits[unit]}`;
}

/** Counts and rates without a fixed unit: `950`, `12 300`. */
export function formatCount(value: number | null | undefined): string {
  return value === null || value === undefined || !Number.isFinite(value)
    ? NO_VALUE
    : groupDigits(String(Math.round(value)));
}

export type TimeDetail = 'date' | 'minute' | 'second' | 'millisecond';

const zoneFormats = new Map<string, Intl.DateTimeFormat>();

function zoneFormat(zone: string | null): Intl.DateTimeFormat {
  const key = zone ?? '';
  const known = zoneFormats.get(key);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-GB', {
    ...(zone === null ? {} : { timeZone: zone }),
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  zoneFormats.set(key, made);
  return made;
}

function parts(time: UnixMicros, zone: string | null): Record<string, string> {
  const found: Record<string, string> = {};
  for (const part of zoneFormat(zone).formatToParts(Math.floor(time / 1000))) found[part.type] = part.value;
  return found;
}

/** `2026-11-21 14:03:07.250` in the given IANA zone; null is the computer's own. */
export function formatTime(
  time: UnixMicros | null | undefined,
  zone: string | null,
  detail: TimeDetail = 'second',
): string {
  if (time === null || time === undefined || !Number.isFinite(time)) return NO_VALUE;
  const p = parts(time, zone);
  const date = `${p.year}-${p.month}-${p.day}`;
  if (detail === 'date') return date;
  const minute = `${date} ${p.hour}:${p.minute}`;
  if (detail === 'minute') return minute;
  if (detail === 'second') return `${minute}:${p.second}`;
  return `${minute}:${p.second}.${millis(time)}`;
}

/** Time of day only: `14:03:07`, with milliseconds on request. */
export function formatClock(time: UnixMicros | null | undefined, zone: string | null, millisecond = false): string {
  if (time === null || time === undefined || !Number.isFinite(time)) return NO_VALUE;
  const p = parts(time, zone);
  const second = `${p.hour}:${p.minute}:${p.second}`;
  return millisecond ? `${second}.${millis(time)}` : second;
}

function millis(time: UnixMicros): string {
  return pad(((Math.floor(time / 1000) % 1000) + 1000) % 1000, 3);
}

/** Short name of a zone at a time, as shown beside a clock: `CET`, `UTC+1`, `UTC`. */
export function zoneName(time: UnixMicros, zone: string | null): string {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...(zone === null ? {} : { timeZone: zone }),
    timeZoneName: 'short',
  });
  const name = format.formatToParts(time / 1000).find((part) => part.type === 'timeZoneName')?.value ?? 'UTC';
  return name.replace('GMT', 'UTC');
}

/** Keeps both ends, where names of a plant differ: `Mill.Stand 4…tension.actual`. */
export function shortenMiddle(text: string, max: number): string {
  if (text.length <= max || max < 3) return text;
  const tail = Math.ceil((max - 1) / 2);
  return `${text.slice(0, max - 1 - tail)}…${text.slice(text.length - tail)}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
