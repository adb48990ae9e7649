const THIN_SPACE = '\u202f';
const MINUS = '\u2212';

export interface ValueRange {
  readonly low: number;
  readonly high: number;
}

/** 1, 2 or 5 times a power of ten, so that at most `most` steps cover the span. */
export function stepForValues(span: number, most: number): number {
  const least = span / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(least));
  for (const factor of [1, 2, 5]) if (factor * power >= least * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

export interface ValueTicks {
  readonly step: number;
  readonly values: readonly number[];
  readonly labels: readonly string[];
}

/**
 * Round values over the range, in at most `most` steps. A low plot has two all the same, as a scale cannot be read off
 * one: the outermost round values.
 */
export function valueTicks(range: ValueRange, most: number): ValueTicks {
  const span = range.high - range.low;
  if (!(span > 0) || !Number.isFinite(span)) return { step: 0, values: [], labels: [] };
  let step = stepForValues(span, most);
  let values = multiples(range, step);
  for (let finer = 2 * most; values.length < 2 && finer <= 8 * most; finer *= 2) {
    step = stepForValues(span, finer);
    const all = multiples(range, step);
    values = all.length > 2 ? [all[0]!, all.at(-1)!] : all;
  }
  const size = Math.max(Math.abs(range.low), Math.abs(range.high));
  const decimals = Math.max(0, Math.min(12, -Math.floor(Math.log10(step) + 1e-9)));
  const scientific = size >= 1e7 || size < 1e-4;
  const labels = values.map((value) => (scientific ? scientificLabel(value, step) : fixedLabel(value, decimals)));
  return { step, values, labels };
}

function multiples(range: ValueRange, step: number): number[] {
  const first = Math.ceil(range.low / step - 1e-9);
  const last = Math.floor(range.high / step + 1e-9);
  return Array.from({ length: Math.max(0, Math.min(100, last - first + 1)) }, (_, index) => (first + index) * step);
}

/** Ticks of states: whole numbers only, as many as there is room for, with their names. */
export function stateTicks(range: ValueRange, most: number, textOf: (value: number) => string | undefined): ValueTicks {
  const first = Math.ceil(range.low);
  const last = Math.floor(range.high);
  const step = Math.max(1, Math.ceil((last - first + 1) / Math.max(1, most)));
  const values: number[] = [];
  for (let value = first; value <= last; value += step) values.push(value);
  return { step, values, labels: values.map((value) => textOf(value) ?? '') };
}

function fixedLabel(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  const negative = text.startsWith('-') && Number(text) !== 0;
  const body = text.replace('-', '');
  const [whole = '', fraction] = body.split('.');
  const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, THIN_SPACE) : whole;
  return `${negative ? MINUS : ''}${grouped}${fraction === undefined ? '' : `.${fraction}`}`;
}

function scientificLabel(value: number, step: number): string {
  if (value === 0) return '0';
  const digits = Math.max(
    0,
    Math.min(9, Math.floor(Math.log10(Math.abs(value)) + 1e-9) - Math.floor(Math.log10(step) + 1e-9)),
  );
  return value.toExponential(digits).replace('e+', 'e').replaceAll('-', MINUS);
}

/**
 * Range for data that scales by itself: the extremes with a margin. The range that is shown stays as long as the data is
 * inside and fills a good part of it, so that the axis does not twitch with every sample.
 */
export function autoRange(low: number, high: number, shown: ValueRange | null): ValueRange {
  if (!(high >= low)) return shown ?? { low: 0, high: 1 };
  const span = high - low;
  if (shown !== null && low >= shown.low && high <= shown.high) {
    const room = shown.high - shown.low;
    const constant = span < leastSpan(low) * 1e-3;
    if (span > 0.45 * room || (constant && room <= 2.5 * leastSpan(low))) return shown;
  }
  if (span < leastSpan(low) * 1e-3) {
    const half = leastSpan(low);
    return roundOut(low - half, low + half);
  }
  return roundOut(low - span * 0.06, high + span * 0.06);
}

/** A constant is drawn in the middle of a span that suits its size. */
function leastSpan(value: number): number {
  return Math.abs(value) < 1e-12 ? 1 : Math.abs(value) * 0.05;
}

function roundOut(low: number, high: number): ValueRange {
  const step = stepForValues(high - low, 40);
  return { low: Math.floor(low / step + 1e-9) * step, high: Math.ceil(high / step - 1e-9) * step };
}
