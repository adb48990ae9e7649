import { type HueBook, heldAt, type PlotHit, type PlotTheme, traceColour } from '#renderer/plot/index.ts';
import { formatNumber } from '#renderer/ui/format.ts';
import { qualityText } from '#shared/model/index.ts';
import { sampleText } from './readout.ts';
import { shiftMicros } from './trace-key.ts';
import type { TrendController } from './trend-controller.ts';
import { type TraceTag, traceName } from './trend-model.ts';

export interface HoverBox extends Disposable {
  show(hit: PlotHit, at: { readonly x: number; readonly y: number } | null): void;
}

export interface HoverBoxOptions {
  readonly controller: () => TrendController | null;
  readonly tags: () => ReadonlyMap<string, TraceTag>;
  readonly hues: HueBook;
  readonly theme: () => PlotTheme;
  readonly timeText: (time: number) => string;
}

type At = { readonly x: number; readonly y: number };
interface Row {
  readonly tag: TraceTag;
  readonly text: string;
  readonly words: string;
  readonly distance: number;
  readonly held: ReturnType<typeof heldAt>;
}

const MOST_ROWS = 12;
const AWAY = 16;

/**
 * The box beside the pointer: for each trace of the plot the last value at or before the pointer, for the nearest one
 * also when it was sampled, its quality, and minimum and maximum where points are merged. Filled once per animation
 * frame, into lines that are kept.
 */
export function createHoverBox(host: HTMLElement, options: HoverBoxOptions): HoverBox {
  const box = document.createElement('div');
  box.className = 'hover-box';
  box.hidden = true;
  box.setAttribute('aria-hidden', 'true');
  host.append(box);
  const lines: { readonly element: HTMLElement; shape: string }[] = [];
  let used = 0;
  let pending: { readonly hit: PlotHit; readonly at: At } | null = null;
  let frame = 0;
  let size = { width: 0, height: 0, key: '' };

  /** The next line with as many parts as `parts`; a line that had the same shape before only changes its texts. */
  const line = (
    className: string,
    parts: readonly (readonly [className: string, text: string])[],
    colour = '',
  ): void => {
    let entry = lines[used];
    if (entry === undefined) {
      entry = { element: document.createElement('div'), shape: '' };
      lines.push(entry);
      box.append(entry.element);
    }
    used++;
    const shape = `${className}|${parts.map(([part]) => part).join(' ')}`;
    if (entry.shape !== shape) {
      entry.shape = shape;
      entry.element.className = className;
      entry.element.replaceChildren(
        ...parts.map(([part]) => {
          const element = document.createElement('span');
          element.className = part;
          return element;
        }),
      );
    }
    entry.element.hidden = false;
    parts.forEach(([, text], index) => {
      const part = entry.element.children[index];
      if (part instanceof HTMLElement && part.textContent !== text) part.textContent = text;
    });
    const mark = entry.element.firstElementChild;
    if (colour !== '' && mark instanceof HTMLElement && mark.style.background !== colour)
      mark.style.background = colour;
  };

  const rowsAt = (controller: TrendController, hit: Extract<PlotHit, { kind: 'plot' | 'cursor' }>): Row[] => {
    const plot = controller.shownPlots.find((one) => one.id === hit.plotId);
    const rows: Row[] = [];
    for (const trace of plot?.traces ?? []) {
      const tag = options.tags().get(trace.tagId);
      if (!trace.visible || tag === undefined || plot === undefined) continue;
      const held = heldAt(controller.store.segments(trace.tagId), hit.time);
      const [text, words] = sampleText(tag, held, controller.store);
      const range = controller.stack.axisRange(plot.id, trace.axisId);
      const distance =
        range === null || held === null || !Number.isFinite(held.value)
          ? Number.POSITIVE_INFINITY
          : Math.abs((held.value - range.low) / (range.high - range.low) - hit.share);
      rows.push({ tag, text, words, distance, held });
    }
    return rows;
  };

  const details = (row: Row): string => {
    if (row.held === null) return row.words;
    const shift = shiftMicros(row.tag.id);
    const parts = [
      `sampled ${options.timeText(row.held.time - shift)}`,
      ...(shift === 0 ? [] : [`shown at ${options.timeText(row.held.time)}`]),
      row.words === '' ? qualityText(row.held.quality) : row.words,
    ];
    const { min, max } = row.held;
    if (min !== null && max !== null && max > min) {
      parts.push(`min ${formatNumber(min, row.tag)}, max ${formatNumber(max, row.tag)} of the merged samples`);
    }
    return parts.join(' · ');
  };

  function fill(): void {
    frame = 0;
    const controller = options.controller();
    const asked = pending;
    if (controller === null || asked === null || (asked.hit.kind !== 'plot' && asked.hit.kind !== 'cursor')) return;
    const { hit, at } = asked;
    const rows = rowsAt(controller, hit);
    if (rows.length === 0) {
      box.hidden = true;
      return;
    }
    const nearest = rows.reduce((best, row) => (row.distance < best.distance ? row : best));
    const shown =
      rows.length <= MOST_ROWS ? rows : [...rows].sort((a, b) => a.distance - b.distance).slice(0, MOST_ROWS);
    const all = controller.shownPlots.flatMap((plot) => plot.traces.map((trace) => trace.tagId));
    used = 0;
    line('hover-time mono', [['', options.timeText(hit.time)]]);
    for (const row of shown) {
      line(
        row === nearest ? 'hover-row hover-nearest' : 'hover-row',
        [
          ['hover-mark', ''],
          ['hover-name', traceName(row.tag)],
          ['hover-value mono', row.text],
          ['hover-unit', row.tag.unit ?? ''],
        ],
        traceColour(options.hues.hueOf(row.tag.id, all), options.theme()),
      );
      if (row === nearest) line('hover-detail', [['', details(row)]]);
      else if (row.words !== '') line('hover-detail', [['', row.words]]);
    }
    if (rows.length > shown.length) line('hover-detail', [['', `and ${rows.length - shown.length} more`]]);
    const reach = ((controller.window.to - controller.window.from) / Math.max(1, controller.stack.areaWidth)) * 5;
    for (const event of controller.events) {
      const end = event.to ?? event.from;
      if (event.from - reach <= hit.time && hit.time <= end + reach)
        line('hover-detail hover-event', [['', event.text]]);
    }
    for (let i = used; i < lines.length; i++) lines[i]!.element.hidden = true;
    box.hidden = false;
    // The box is measured when its lines change, not for each move: asking for a size makes the browser lay it out.
    const key =
      lines
        .slice(0, used)
        .map(({ shape }) => shape)
        .join('\n') + nearest.tag.id;
    if (size.key !== key) size = { width: box.offsetWidth, height: box.offsetHeight, key };
    const frameBox = controller.stack.place;
    const right = at.x - frameBox.left + AWAY;
    const left = right + size.width > frameBox.width ? at.x - frameBox.left - AWAY - size.width : right;
    const top = Math.max(2, Math.min(frameBox.height - size.height - 2, at.y - frameBox.top + AWAY));
    box.style.transform = `translate(${Math.max(2, Math.round(left))}px, ${Math.round(top)}px)`;
  }

  return {
    show(hit, at) {
      if (at === null || (hit.kind !== 'plot' && hit.kind !== 'cursor')) {
        pending = null;
        box.hidden = true;
        return;
      }
      pending = { hit, at };
      if (frame === 0) frame = requestAnimationFrame(fill);
    },
    [Symbol.dispose]() {
      cancelAnimationFrame(frame);
      box.remove();
    },
  };
}
