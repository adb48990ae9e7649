import { isBad, QUALITY } from '../quality.ts';
import {
  isCumulative,
  keyOf,
  type Labels,
  labelName,
  labelsText,
  labelValue,
  type MetricIdentifier,
  MOST_LABELS,
} from './metric.ts';

/** Samples of one series on their way into a backend, as columns of equal length in any order of time. */
export interface MetricSamples {
  readonly metric: MetricIdentifier;
  readonly labels: Labels;
  readonly time: Float64Array<ArrayBuffer>;
  readonly value: Float64Array<ArrayBuffer>;
  /** Null: all good. */
  readonly quality: Uint16Array<ArrayBuffer> | null;
}

/** `row` null: the whole series. */
export interface Rejection {
  readonly series: number;
  readonly row: number | null;
  readonly reason: string;
}

/** A counter that fell, from one usable sample to the next: its source was restarted. */
export interface CounterReset {
  readonly series: number;
  readonly time: number;
  readonly from: number;
  readonly to: number;
}

export interface Accepted {
  /** Time ascending, one sample per time, the later row winning; series that lost all rows are left out. */
  readonly samples: readonly MetricSamples[];
  /** Where each of `samples` comes from: the given series, and its row for each row. */
  readonly origin: readonly { readonly series: number; readonly rows: Uint32Array<ArrayBuffer> }[];
  readonly rejected: readonly Rejection[];
  readonly resets: readonly CounterReset[];
}

/** Series whose last value is remembered, so that a restart between two calls is seen; the longest unused is forgotten. */
const REMEMBERED = 100_000;

/**
 * Normalises samples before they reach a backend. `declared` knows what a metric is; a metric that it does not know is
 * taken as its first samples say and held to that.
 */
export function createIngest(declared: (key: string) => MetricIdentifier | undefined): {
  accept(samples: readonly MetricSamples[]): Accepted;
} {
  const seen = new Map<string, MetricIdentifier>();
  const last = new Map<string, { readonly time: number; readonly value: number }>();

  return {
    accept(series) {
      const samples: MetricSamples[] = [];
      const origin: Accepted['origin'][number][] = [];
      const rejected: Rejection[] = [];
      const resets: CounterReset[] = [];
      for (const [at, one] of series.entries()) {
        const reject = (row: number | null, reason: string): void => {
          rejected.push({ series: at, row, reason });
        };
        const key = keyOf(one.metric);
        const known = declared(key) ?? seen.get(key);
        const fault = known === undefined ? null : identityFault(key, known, one.metric);
        if (fault !== null) {
          reject(null, fault);
          continue;
        }
        const labels = normaliseLabels(one.labels);
        if (typeof labels === 'string') {
          reject(null, labels);
          continue;
        }
        const { rows, ...clean } = cleanRows(one, isCumulative(one.metric.type), reject);
        if (clean.time.length === 0) continue;
        seen.set(key, one.metric);
        if (isCumulative(one.metric.type)) findResets(at, `${key}${labelsText(labels)}`, clean, last, resets);
        samples.push({ metric: one.metric, labels, ...clean });
        origin.push({ series: at, rows });
      }
      return { samples, origin, rejected, resets };
    },
  };
}

function identityFault(key: string, known: MetricIdentifier, given: MetricIdentifier): string | null {
  if (known.type !== given.type) {
    return `${key} is a ${known.type}, and these samples call it a ${given.type}. Send them under another name, or correct the registry.`;
  }
  if (known.unit !== given.unit) {
    return `${key} is measured in ${known.unit ?? 'no unit'}, and these samples in ${given.unit ?? 'none'}. Convert them before they are sent.`;
  }
  return null;
}

/**
 * Names that every backend takes (other characters become "_"), values in composed form without blanks around them, no
 * empty ones, in the order of the names. A sentence where that cannot be.
 */
export function normaliseLabels(given: Labels): Labels | string {
  const found = new Map<string, string>();
  for (const [rawName, rawValue] of Object.entries(given)) {
    const value = rawValue.normalize('NFC').trim();
    if (value === '') continue;
    const name = rawName
      .normalize('NFC')
      .trim()
      .replace(/[^A-Za-z0-9_]/g, '_')
      .replace(/^(?=\d)/, '_');
    if (!labelName.safeParse(name).success)
      return `A label is called "${rawName.slice(0, 60)}". Use 1 to 64 letters, digits or "_".`;
    if (!labelValue.safeParse(value).success) return `Label ${name} has more than 1,000 characters. Shorten it.`;
    if (found.has(name)) return `Two labels become ${name}. Rename one of them.`;
    found.set(name, value);
  }
  if (found.size > MOST_LABELS) return `${found.size} labels are more than ${MOST_LABELS}. Leave some out.`;
  return Object.fromEntries([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

type Columns = Pick<MetricSamples, 'time' | 'value'> & { readonly quality: Uint16Array<ArrayBuffer> };

function cleanRows(
  { time, value, quality }: MetricSamples,
  cumulative: boolean,
  reject: (row: number, reason: string) => void,
): Columns & { readonly rows: Uint32Array<ArrayBuffer> } {
  const rows: number[] = [];
  let sorted = true;
  for (let i = 0; i < time.length; i++) {
    const bad = quality !== null && isBad(quality[i]!);
    if (!Number.isSafeInteger(time[i]!)) {
      reject(i, 'The time is no whole number of microseconds since 1970.');
    } else if (!bad && cumulative && !(value[i]! >= 0 && value[i]! < Number.POSITIVE_INFINITY)) {
      reject(i, `A counter cannot be ${value[i]}. Send it as a gauge, or mark the sample as bad.`);
    } else {
      if (rows.length > 0 && time[i]! <= time[rows.at(-1)!]!) sorted = false;
      rows.push(i);
    }
  }
  // Sorting keeps the order of equal times, so that the last of them is the newest.
  if (!sorted) rows.sort((a, b) => time[a]! - time[b]! || a - b);
  const kept = sorted ? rows : rows.filter((row, at) => at + 1 === rows.length || time[rows[at + 1]!] !== time[row]);
  const columns = {
    time: new Float64Array(kept.length),
    value: new Float64Array(kept.length),
    quality: new Uint16Array(kept.length),
  };
  for (const [to, row] of kept.entries()) {
    columns.time[to] = time[row]!;
    columns.value[to] = value[row]!;
    columns.quality[to] = quality === null ? QUALITY.good : quality[row]!;
  }
  return { ...columns, rows: Uint32Array.from(kept) };
}

function findResets(
  series: number,
  key: string,
  { time, value, quality }: Columns,
  last: Map<string, { readonly time: number; readonly value: number }>,
  resets: CounterReset[],
): void {
  let before = last.get(key);
  for (let i = 0; i < time.length; i++) {
    // What comes late says nothing of the order of values that are already stored.
    if (isBad(quality[i]!) || (before !== undefined && time[i]! <= before.time)) continue;
    if (before !== undefined && value[i]! < before.value) {
      resets.push({ series, time: time[i]!, from: before.value, to: value[i]! });
    }
    before = { time: time[i]!, value: value[i]! };
  }
  if (before === undefined) return;
  last.delete(key);
  last.set(key, before);
  if (last.size > REMEMBERED) last.delete(last.keys().next().value!);
}
