import { type HeldSample, heldAt, isMergedAt, type TraceStatistics, traceStatistics } from '#renderer/plot/index.ts';
import { formatNumber, NO_VALUE } from '#renderer/ui/format.ts';
import { isAppError } from '#shared/errors.ts';
import { qualityText, type TimeRange, type UnixMicros } from '#shared/model/index.ts';
import { shiftMicros } from './trace-key.ts';
import type { TraceStore } from './trace-store.ts';
import type { TrendController } from './trend-controller.ts';
import type { TraceTag } from './trend-model.ts';

export type LegendColumn = 'value' | 'a' | 'b' | 'delta' | 'min' | 'max' | 'mean' | 'deviation' | 'count';

export interface LegendRow {
  readonly tag: TraceTag;
  readonly element: HTMLElement;
}

/**
 * Writes numbers straight into the legend's cells, so that neither a sample nor a moving pointer makes React render.
 * Statistics are worked out for a few traces per frame.
 */
export interface Readout extends Disposable {
  setRows(rows: readonly LegendRow[]): void;
  /** In the frame of a drawing, or when the pointer has moved. */
  paint(): void;
  statisticsOn: boolean;
}

const VALUE_MS = 100;
/** Thirty times a second is as fast as an eye takes numbers in. */
const HOVER_MS = 30;
const STATISTICS_MS = 500;
const TRACES_PER_FRAME = 2;
const EXACT_DELAY_MS = 400;

export function createReadout(
  controller: TrendController,
  timeText: (time: UnixMicros) => string,
  onError: (error: unknown) => void,
): Readout {
  const { store } = controller;
  let rows: readonly LegendRow[] = [];
  const texts = new WeakMap<Element, string>();
  const cells = new WeakMap<HTMLElement, Map<string, HTMLElement>>();
  const statistics = new Map<
    string,
    { readonly key: string; readonly at: number; readonly result: TraceStatistics | null; exact: boolean }
  >();
  const exact = new Map<string, { value: number; quality: number } | 'asked'>();
  let next = 0;
  let lastLive = 0;
  let exactTimer: number | undefined;
  let exactKey = '';
  const abort = new AbortController();
  let refining = new AbortController();
  /** Of this range the history refuses exact numbers. */
  let tooMany = '';
  let statisticsOn = true;

  const cellOf = (row: HTMLElement, column: LegendColumn): HTMLElement | undefined => {
    let known = cells.get(row);
    if (known === undefined) {
      known = new Map();
      for (const cell of row.querySelectorAll<HTMLElement>('[data-col]')) known.set(cell.dataset.col ?? '', cell);
      cells.set(row, known);
    }
    return known.get(column);
  };
  const put = (row: HTMLElement, column: LegendColumn, text: string, title = ''): void => {
    const cell = cellOf(row, column);
    if (cell === undefined) return;
    if (texts.get(cell) === `${text}\n${title}`) return;
    texts.set(cell, `${text}\n${title}`);
    cell.textContent = text;
    if (cell.title !== title) cell.title = title;
  };

  /** The value that holds at `time`; where points are merged the historian is asked for the sample itself. */
  const valueAt = (tag: TraceTag, time: UnixMicros): HeldSample | null => {
    const segments = store.segmentsOver(tag.id, { from: time - 60e6, to: time + 1 });
    const inView = store.segments(tag.id);
    const held = heldAt(inView, time) ?? heldAt(segments, time);
    const merged = held !== null && (isMergedAt(inView, time) || held.min !== null);
    if (!merged) return held;
    const key = `${tag.id}/${time}`;
    const known = exact.get(key);
    if (known === undefined) {
      if (exact.size > 500) exact.clear();
      exact.set(key, 'asked');
      store.history
        .neighbours(tag.id, time + 1, abort.signal)
        .then(({ before }) => {
          if (before === null) return;
          exact.set(key, { value: before.value ?? Number.NaN, quality: before.quality });
          paint();
        })
        .catch((error: unknown) => {
          if (!abort.signal.aborted) onError(error);
        });
    }
    return known === undefined || known === 'asked' ? held : { ...held, ...known, min: null, max: null };
  };

  const write = (row: LegendRow, column: LegendColumn, held: HeldSample | null): number => {
    const { tag, element } = row;
    const [text, words] = sampleText(tag, held, store);
    const shift = shiftMicros(tag.id);
    // A shifted trace has two times: where it is shown, and when it was.
    const own = shift === 0 || held === null ? '' : `Sampled ${timeText(held.time - shift)}.`;
    put(element, column, text, [words, own].filter((part) => part !== '').join(' '));
    return held === null || held.quality >= 0x8000 || held.gap !== null ? Number.NaN : held.value;
  };

  function paint(): void {
    const { cursors, follow } = controller.view.getState();
    const at = performance.now();
    const hover = controller.hover;
    const due = at - lastLive >= (hover === null ? VALUE_MS : HOVER_MS);
    if (due) {
      lastLive = at;
      const time = hover ?? controller.window.to - 1;
      for (const row of rows) write(row, 'value', heldAt(store.segments(row.tag.id), time));
    }
    for (const row of rows) {
      if (cellOf(row.element, 'a') === undefined) continue;
      const a = cursors.a === null ? null : write(row, 'a', valueAt(row.tag, cursors.a));
      const b = cursors.b === null ? null : write(row, 'b', valueAt(row.tag, cursors.b));
      if (a === null) put(row.element, 'a', '');
      if (b === null) put(row.element, 'b', '');
      const distance = a === null || b === null || row.tag.type === 'string' ? '' : formatNumber(b - a, row.tag);
      put(row.element, 'delta', distance);
    }
    if (!statisticsOn || rows.length === 0) return;
    const { range, between } = controller.numbersRange;
    const key = `${range.from}/${range.to}`;
    for (let i = 0; i < TRACES_PER_FRAME; i++) {
      const row = rows[next % rows.length]!;
      next++;
      const known = statistics.get(row.tag.id);
      const stale =
        // Nothing was loaded yet, which costs nothing to look for again.
        known?.result == null ||
        (known.key !== key && (!follow || at - known.at >= STATISTICS_MS)) ||
        (!known.exact && at - known.at >= STATISTICS_MS);
      if (!stale) continue;
      const result = traceStatistics(store.segmentsOver(row.tag.id, range), range);
      statistics.set(row.tag.id, { key, at, result, exact: false });
      writeStatistics(row, result);
    }
    // What still grows is not asked for.
    if (!follow || (between && range.to <= controller.window.to)) askExact(key, range);
  }

  /** Once the hand rests, the numbers of merged points are replaced by the history's own, of all samples. */
  function askExact(key: string, range: TimeRange): void {
    if (exactKey === key) return;
    exactKey = key;
    refining.abort();
    clearTimeout(exactTimer);
    const begin = (): void => {
      // The picture goes first.
      if (store.loading > 0) exactTimer = window.setTimeout(begin, EXACT_DELAY_MS);
      else void refine(key, range);
    };
    exactTimer = window.setTimeout(begin, EXACT_DELAY_MS);
  }

  async function refine(key: string, range: TimeRange): Promise<void> {
    // The queue of two per frame may not have come to all yet, and nothing is drawn while all rests.
    for (const row of rows) {
      const result = traceStatistics(store.segmentsOver(row.tag.id, range), range);
      statistics.set(row.tag.id, { key, at: performance.now(), result, exact: true });
      writeStatistics(row, result);
    }
    const merged = rows.filter(
      (row) => statistics.get(row.tag.id)?.result?.merged === true && row.tag.type !== 'string',
    );
    if (merged.length === 0) return;
    refining.abort();
    refining = new AbortController();
    const { signal } = refining;
    try {
      const tags = [...new Set(merged.map((row) => row.tag.id))];
      for await (const { tag, result } of store.history.statistics(tags, range, signal)) {
        if (exactKey !== key) return;
        statistics.set(tag, { key, at: performance.now(), result, exact: true });
        for (const row of rows) if (row.tag.id === tag) writeStatistics(row, result);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (isAppError(error, 'query.too-many-samples')) {
        tooMany = key;
        for (const row of merged) writeStatistics(row, statistics.get(row.tag.id)?.result ?? null);
        return;
      }
      exactKey = '';
      onError(error);
    }
  }

  function writeStatistics({ tag, element }: LegendRow, result: TraceStatistics | null): void {
    const remains = tooMany !== '' && tooMany === exactKey;
    const why = remains
      ? 'Of merged points, near: there are too many samples. Zoom in, or set the cursors closer.'
      : 'Of merged points, near, until all samples have been read.';
    const near = result?.merged === true ? why : '';
    const sign = near === '' ? '' : '≈';
    // Numbers that stand for texts have no order and no mean.
    const isText = tag.type === 'string';
    const number = (value: number | undefined): string =>
      value === undefined || isText ? NO_VALUE : formatNumber(value, tag);
    put(element, 'min', number(result?.min));
    put(element, 'max', number(result?.max));
    put(element, 'mean', result === null || isText ? NO_VALUE : sign + number(result.mean), near);
    put(element, 'deviation', result === null || isText ? NO_VALUE : sign + number(result.deviation), near);
    const count = result === null ? '0' : result.merged ? NO_VALUE : formatNumber(result.count);
    put(element, 'count', count, near);
  }

  return {
    setRows(next_) {
      rows = next_;
      lastLive = 0;
      statistics.clear();
      exactKey = '';
      paint();
    },
    paint,
    get statisticsOn() {
      return statisticsOn;
    },
    set statisticsOn(on) {
      statisticsOn = on;
    },
    [Symbol.dispose]() {
      abort.abort();
      refining.abort();
      clearTimeout(exactTimer);
    },
  };
}

/** A value as the legend and the box at the pointer show it, and the words behind it. */
export function sampleText(tag: TraceTag, held: HeldSample | null, store: TraceStore): readonly [string, string] {
  if (held === null) {
    const problem = store.problem(tag.id);
    if (problem !== null) return [NO_VALUE, problem];
    return [NO_VALUE, store.incomplete ? 'The history is being read.' : 'No sample at or before this time.'];
  }
  if (held.gap !== null) return [NO_VALUE, held.gap.reason];
  if (held.quality >= 0x8000) return [NO_VALUE, qualityText(held.quality)];
  const state = tag.type === 'string' ? store.textOf(tag.id, held.value) : undefined;
  const text = state ?? formatNumber(held.value, tag);
  const words = held.quality >= 0x4000 ? qualityText(held.quality) : '';
  return [text, words];
}
