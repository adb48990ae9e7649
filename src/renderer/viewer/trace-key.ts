import type { TrendDocument } from '#shared/model/index.ts';

/** What a trace is of: a tag of a source, shown later by so much. */
export interface TraceParts {
  /** Null: the source that the trend is looked at on. */
  readonly source: string | null;
  /** 86,400,000 puts yesterday over today. */
  readonly shiftMs: number;
  readonly tagId: string;
}

/**
 * One text for what a trace is of, which names its samples, colour and numbers all over the viewer. A tag of the
 * trend's own source without a shift goes by its plain id; no id of such a tag begins with "@".
 */
export function traceKey({ source, shiftMs, tagId }: TraceParts): string {
  return source === null && shiftMs === 0 ? tagId : `@${shiftMs}@${encodeURIComponent(source ?? '')}@${tagId}`;
}

export function traceParts(key: string): TraceParts {
  const found = /^@(-?\d+)@([^@]*)@(.*)$/s.exec(key);
  if (found === null) return { source: null, shiftMs: 0, tagId: key };
  const source = decodeURIComponent(found[2]!);
  return { source: source === '' ? null : source, shiftMs: Number(found[1]), tagId: found[3]! };
}

export const isPlain = (key: string): boolean => !key.startsWith('@');
export const shiftMicros = (key: string): number => traceParts(key).shiftMs * 1_000;

type Trace = TrendDocument['plots'][number]['traces'][number];
const withTraces = (trend: TrendDocument, change: (trace: Trace) => Trace): TrendDocument => ({
  ...trend,
  plots: trend.plots.map((plot) => ({ ...plot, traces: plot.traces.map(change) })),
});

/** A trend as the viewer handles it: each trace by its key alone. */
export const withKeys = (trend: TrendDocument): TrendDocument =>
  withTraces(trend, ({ tagId, source = null, shiftMs = 0, axisId, visible }) => ({
    tagId: traceKey({ source, shiftMs, tagId }),
    axisId,
    visible,
  }));

/** The same as it is kept in the project. */
export const withoutKeys = (trend: TrendDocument): TrendDocument =>
  withTraces(trend, ({ tagId: key, axisId, visible }) => {
    const { source, shiftMs, tagId } = traceParts(key);
    return {
      tagId,
      axisId,
      visible,
      ...(source === null ? {} : { source }),
      ...(shiftMs === 0 ? {} : { shiftMs }),
    };
  });

/** `+1 d 2 h`; empty without a shift. */
export const shiftText = (ms: number): string =>
  ms === 0 ? '' : `${ms > 0 ? '+' : '\u2212'}${writeShift(Math.abs(ms))}`;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 };
export const MOST_SHIFT_MS = 3e12;

/** Reads `1 d 2 h`, `-90 min`, `250 ms`, or seconds without a unit; null where it is none of them. */
export function readShift(text: string): number | null {
  const plain = text.trim().replaceAll('\u2212', '-').replaceAll(',', '.').toLowerCase();
  const sign = plain.startsWith('-') ? -1 : 1;
  const rest = plain.replace(/^[+-]\s*/, '');
  if (/^\d+(\.\d+)?$/.test(rest)) return within(sign * Number(rest) * 1_000);
  if (!/^(\d+(\.\d+)?\s*(ms|s|min|h|d)\s*)+$/.test(rest)) return null;
  let ms = 0;
  for (const [, number, unit] of rest.matchAll(/(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)/g))
    ms += Number(number) * UNITS[unit!]!;
  return within(sign * ms);
}

/** A shift as it is typed. */
export function writeShift(ms: number): string {
  let left = Math.abs(ms);
  const parts: string[] = [];
  for (const unit of ['d', 'h', 'min', 's', 'ms']) {
    const count = Math.floor(left / UNITS[unit]!);
    if (count > 0) parts.push(`${count} ${unit}`);
    left -= count * UNITS[unit]!;
  }
  return parts.length === 0 ? '0' : `${ms < 0 ? '-' : ''}${parts.join(' ')}`;
}

const within = (ms: number): number | null => (Math.abs(ms) <= MOST_SHIFT_MS ? Math.round(ms) : null);
