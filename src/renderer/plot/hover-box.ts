import type { UnixMicros } from '#shared/model/index.ts';
import type { PlotHit } from './plot-spec.ts';
import type { HeldSample } from './trace-data.ts';
import type { ValueRange } from './value-ticks.ts';
import './hover-box.css';

/** A place within a plot, where traces have values. */
export type PlotPlace = Extract<PlotHit, { kind: 'plot' | 'cursor' }>;

export interface HoverRow {
  readonly id: string;
  readonly name: string;
  readonly text: string;
  readonly unit: string;
  readonly colour: string;
  /** Why there is no value, or what is to be known of it; empty: nothing. */
  readonly words: string;
  /** From the pointer, as a share of the plot's height; infinite where there is nothing to be near to. */
  readonly distance: number;
  /** Said of the nearest row alone. */
  readonly details: () => string;
}

export interface HoverBox extends Disposable {
  show(hit: PlotHit, at: At | null): void;
}

export interface HoverBoxOptions {
  /** What is to be told of a place; null and no rows hide the box. Asked once per animation frame at most. */
  readonly content: (
    place: PlotPlace,
  ) => { readonly rows: readonly HoverRow[]; readonly notes: readonly string[] } | null;
  /** Of the host, on the page. */
  readonly place: () => DOMRect;
  readonly timeText: (time: UnixMicros) => string;
}

type At = { readonly x: number; readonly y: number };

const MOST_ROWS = 12;
/** CSS pixels that a row takes about, with what may be said beneath it. */
const ROW = 22;
const AWAY = 16;

/** How far what is held lies from a place of its plot. */
export function hoverDistance(range: ValueRange | null, held: HeldSample | null, share: number): number {
  return range === null || held === null || !Number.isFinite(held.value)
    ? Number.POSITIVE_INFINITY
    : Math.abs((held.value - range.low) / (range.high - range.low) - share);
}

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
  let pending: { readonly hit: PlotPlace; readonly at: At } | null = null;
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

  function fill(): void {
    frame = 0;
    if (pending === null) return;
    const { hit, at } = pending;
    const content = options.content(hit);
    if (content === null || content.rows.length === 0) {
      box.hidden = true;
      return;
    }
    const { rows, notes } = content;
    const nearest = rows.reduce((best, row) => (row.distance < best.distance ? row : best));
    const frameBox = options.place();
    // A low plot has room for a few; the time, the details and the number of the others take three.
    const most = Math.max(1, Math.min(MOST_ROWS, Math.floor(frameBox.height / ROW) - 3));
    const shown = rows.length <= most ? rows : [...rows].sort((a, b) => a.distance - b.distance).slice(0, most);
    used = 0;
    line('hover-time mono', [['', options.timeText(hit.time)]]);
    for (const row of shown) {
      line(
        row === nearest ? 'hover-row hover-nearest' : 'hover-row',
        [
          ['hover-mark', ''],
          ['hover-name', row.name],
          ['hover-value mono', row.text],
          ['hover-unit', row.unit],
        ],
        row.colour,
      );
      if (row === nearest) line('hover-detail', [['', row.details()]]);
      else if (row.words !== '') line('hover-detail', [['', row.words]]);
    }
    if (rows.length > shown.length) line('hover-detail', [['', `and ${rows.length - shown.length} more`]]);
    for (const note of notes) line('hover-detail hover-event', [['', note]]);
    for (let i = used; i < lines.length; i++) lines[i]!.element.hidden = true;
    box.hidden = false;
    // The box is measured when its lines change, not for each move: asking for a size makes the browser lay it out.
    const key =
      lines
        .slice(0, used)
        .map(({ shape }) => shape)
        .join('\n') + nearest.id;
    if (size.key !== key) size = { width: box.offsetWidth, height: box.offsetHeight, key };
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
