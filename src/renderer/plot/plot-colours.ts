import { type PlotTheme, TRACE_COLOURS } from './colours.ts';

/** Colours that a canvas needs, read from the page's tokens so that a plot never differs from what is around it. */
export interface PlotColours {
  readonly theme: PlotTheme;
  readonly background: string;
  readonly frame: string;
  readonly grid: string;
  readonly text: string;
  readonly quiet: string;
  readonly accent: string;
  readonly hatch: string;
  readonly warn: string;
  readonly chip: string;
  readonly chipText: string;
  readonly traces: readonly string[];
  readonly textFont: string;
  /** Text size of the page; 1 at 100 %. */
  readonly textScale: number;
}

export function readPlotColours(element: Element): PlotColours {
  const style = getComputedStyle(element);
  const token = (name: string, fallback: string): string => style.getPropertyValue(name).trim() || fallback;
  const theme: PlotTheme = document.documentElement.dataset.theme === 'light' ? 'light' : 'dark';
  const dark = theme === 'dark';
  return {
    theme,
    background: token('--bg-1', dark ? '#1a1e23' : '#f8f9fb'),
    frame: token('--line-strong', dark ? '#444e5a' : '#aab4bf'),
    grid: token('--line', dark ? '#2e353e' : '#d3d9e0'),
    text: token('--text-2', dark ? '#a9b3be' : '#434e5a'),
    quiet: token('--text-3', dark ? '#8a95a2' : '#5b6672'),
    accent: token('--accent', dark ? '#6aaeff' : '#0a5bc4'),
    hatch: token('--hatch', dark ? '#6e7884' : '#8b95a1'),
    warn: token('--warn', dark ? '#f2b13c' : '#855600'),
    chip: token('--bg-3', dark ? '#2a3038' : '#dde2e8'),
    chipText: token('--text', dark ? '#dde3ea' : '#1a2129'),
    traces: TRACE_COLOURS[theme],
    textScale: (Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16) / 16,
    textFont: token('--font-text', 'system-ui, sans-serif'),
  };
}
