import { type HueBook, heldAt, type PlotHit, type PlotTheme, traceColour } from '#renderer/plot/index.ts';
import { formatNumber } from '#renderer/ui/format.ts';
import { qualityText } from '#shared/model/index.ts';
import { sampleText } from './readout.ts';
import type { TrendController } from './trend-controller.ts';
import type { TraceTag } from './trend-model.ts';

export interface HoverBox extends Disposable {
  show(hit: PlotHit, at: { readonly x: number; readonly y: number } | null): void;
}

const MOST_ROWS = 12;
const AWAY = 16;

/**
 * The box beside the pointer: for each trace of the plot the last value at or before the pointer, for the nearest one
 * also when it was sampled, its quality, and minimum and maximum where points are merged.
 */
export function createHoverBox(
  host: HTMLElement,
  options: {
    readonly controller: () => TrendController | null;
    readonly tags: () => ReadonlyMap<string, TraceTag>;
    readonly plots: () => readonly {
      readonly id: string;
      readonly traces: readonly { readonly tagId: string; readonly axisId: string; readonly visible: boolean }[];
    }[];
    readonly hues: HueBook;
    readonly theme: () => PlotTheme;
    readonly timeText: (time: number) => string;
  },
): HoverBox {
  const box = document.createElement('div');
  box.className = 'hover-box';
  box.hidden = true;
  box.setAttribute('aria-hidden', 'true');
  host.append(box);

  const line = (className: string, ...parts: readonly (string | HTMLElement)[]): HTMLElement => {
    const element = document.createElement('div');
    element.className = className;
    element.append(...parts);
    return element;
  };
  const span = (className: string, text: string): HTMLElement => {
    const element = document.createElement('span');
    element.className = className;
    element.textContent = text;
    return element;
  };

  return {
    show(hit, at) {
      const controller = options.controller();
      if (controller === null || at === null || (hit.kind !== 'plot' && hit.kind !== 'cursor')) {
        box.hidden = true;
        return;
      }
      const time = hit.time;
      const plotId = hit.kind === 'plot' ? hit.plotId : null;
      const plots = options.plots();
      const plot = plots.find((one) => one.id === plotId);
      if (plot === undefined) {
        box.hidden = true;
        return;
      }
      const { stack, store } = controller;
      const rows: {
        readonly tag: TraceTag;
        readonly text: string;
        readonly words: string;
        readonly distance: number;
        readonly held: ReturnType<typeof heldAt>;
      }[] = [];
      for (const trace of plot.traces) {
        const tag = options.tags().get(trace.tagId);
        if (!trace.visible || tag === undefined) continue;
        const held = heldAt(store.segments(trace.tagId), time);
        const [text, words] = sampleText(tag, held, store);
        const range = stack.axisRange(plot.id, trace.axisId);
        const share = hit.kind === 'plot' ? hit.share : 0.5;
        const distance =
          range === null || held === null || !Number.isFinite(held.value)
            ? Number.POSITIVE_INFINITY
            : Math.abs((held.value - range.low) / (range.high - range.low) - share);
        rows.push({ tag, text, words, distance, held });
      }
      if (rows.length === 0) {
        box.hidden = true;
        return;
      }
      const nearest = rows.reduce((best, row) => (row.distance < best.distance ? row : best), rows[0]!);
      const allIds = plots.flatMap((one) => one.traces.map((trace) => trace.tagId));
      const children: HTMLElement[] = [line('hover-time mono', options.timeText(time))];
      const shown =
        rows.length <= MOST_ROWS ? rows : [...rows].sort((a, b) => a.distance - b.distance).slice(0, MOST_ROWS);
      for (const row of shown) {
        const mark = span('hover-mark', '');
        mark.style.background = traceColour(options.hues.hueOf(row.tag.id, allIds), options.theme());
        children.push(
          line(
            row === nearest ? 'hover-row hover-nearest' : 'hover-row',
            mark,
            span('hover-name', row.tag.name),
            span('hover-value mono', row.text),
            span('hover-unit', row.tag.unit ?? ''),
          ),
        );
        if (row !== nearest && row.words === '') continue;
        const details: string[] = [];
        if (row.held !== null && row === nearest) {
          details.push(`sampled ${options.timeText(row.held.time)}`);
          details.push(row.words === '' ? qualityText(row.held.quality) : row.words);
          if (row.held.min !== null && row.held.max !== null && row.held.max > row.held.min) {
            details.push(
              `min ${formatNumber(row.held.min, row.tag)}, max ${formatNumber(row.held.max, row.tag)} of the merged samples`,
            );
          }
        } else details.push(row.words);
        children.push(line('hover-detail', details.join(' · ')));
      }
      if (rows.length > shown.length) children.push(line('hover-detail', `and ${rows.length - shown.length} more`));
      for (const event of controller.events) {
        const reach = ((controller.window.to - controller.window.from) / Math.max(1, stack.areaWidth)) * 5;
        const inside =
          event.to === null
            ? Math.abs(event.from - time) <= reach
            : event.from - reach <= time && time <= event.to + reach;
        if (inside) children.push(line('hover-detail hover-event', event.text));
      }
      box.replaceChildren(...children);
      box.hidden = false;
      const frame = host.getBoundingClientRect();
      const width = box.offsetWidth;
      const height = box.offsetHeight;
      const right = at.x - frame.left + AWAY;
      const left = right + width > frame.width ? at.x - frame.left - AWAY - width : right;
      const top = Math.max(2, Math.min(frame.height - height - 2, at.y - frame.top + AWAY));
      box.style.transform = `translate(${Math.max(2, Math.round(left))}px, ${Math.round(top)}px)`;
    },
    [Symbol.dispose]: () => box.remove(),
  };
}
