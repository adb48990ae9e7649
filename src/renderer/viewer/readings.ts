import { formatDuration, formatNumber, formatTime } from '#renderer/ui/format.ts';
import type { TrendController } from './trend-controller.ts';

/** `2026-11-21 14:03:07 to 14:05:07`, as much as the span needs. */
export function rangeText(controller: TrendController, zone: string | null): string {
  const { from, to } = controller.window;
  const span = to - from;
  if (controller.view.getState().follow) return `Last ${roundSpanText(span)}`;
  const detail = span < 60e6 ? 'millisecond' : span < 86_400e6 ? 'second' : 'minute';
  const start = formatTime(from, zone, detail);
  const end = formatTime(to, zone, detail);
  const sameDay = start.slice(0, 10) === end.slice(0, 10);
  return `${start} to ${sameDay ? end.slice(11) : end}`;
}

/** A span in words; below a second with the digits that tell it apart. */
export function spanText(micros: number): string {
  const size = Math.abs(micros);
  if (size < 1000) return `${formatNumber(micros, { decimals: 0 })} µs`;
  if (size < 1e6) return `${formatNumber(micros / 1000, { decimals: size < 1e5 ? 3 : 1 })} ms`;
  if (size < 60e6) return `${formatNumber(micros / 1e6, { decimals: 3 })} s`;
  return formatDuration(micros / 1000);
}

/** `2 min` rather than `2 min 00 s`; what is not round keeps its digits. */
function roundSpanText(micros: number): string {
  if (micros >= 1e6 && micros % 1e6 === 0) {
    const seconds = micros / 1e6;
    if (seconds < 60) return `${seconds} s`;
    if (seconds % 3600 === 0) return `${seconds / 3600} h`;
    if (seconds % 60 === 0) return `${seconds / 60} min`;
  }
  return spanText(micros);
}

export interface Readings {
  paint(controller: TrendController, timeText: (time: number) => string): void;
}

/** The line above the numbers: what time the values are of, the cursors, their distance. Written without React. */
export function createReadings(host: HTMLElement): Readings {
  const make = (label: string, className = ''): readonly [HTMLElement, HTMLElement] => {
    const outer = document.createElement('span');
    const value = document.createElement('span');
    value.className = `mono ${className}`;
    outer.append(label, value);
    return [outer, value];
  };
  const [at, atValue] = make('Values at');
  const [a, aValue] = make('A');
  const [b, bValue] = make('B');
  const [distance, distanceValue] = make('Δt');
  const [frequency, frequencyValue] = make('1/Δt');
  const about = document.createElement('span');
  about.className = 'trend-reading-about';
  host.replaceChildren(at, about, a, b, distance, frequency);
  const put = (element: HTMLElement, text: string): void => {
    if (element.textContent !== text) element.textContent = text;
  };
  let lastLive = 0;
  return {
    paint(controller, timeText) {
      const { cursors, follow } = controller.view.getState();
      const now = performance.now();
      // The time of the newest values changes in each frame; ten times a second can be read.
      if (controller.hover !== null || !follow || now - lastLive > 100) {
        lastLive = now;
        put(atValue, timeText(controller.hover ?? controller.window.to));
      }
      const both = cursors.a !== null && cursors.b !== null;
      a.hidden = cursors.a === null;
      b.hidden = cursors.b === null;
      distance.hidden = !both;
      frequency.hidden = !both;
      if (cursors.a !== null) put(aValue, timeText(cursors.a));
      if (cursors.b !== null) put(bValue, timeText(cursors.b));
      if (cursors.a !== null && cursors.b !== null) {
        const micros = cursors.b - cursors.a;
        put(distanceValue, spanText(micros));
        put(frequencyValue, micros === 0 ? '—' : `${formatNumber(1e6 / Math.abs(micros), { significant: 5 })} Hz`);
      }
      put(about, controller.numbersRange.between ? 'Statistics between A and B' : 'Statistics over what is visible');
    },
  };
}
