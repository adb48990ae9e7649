/**
 * Twelve hues per theme in a fixed order, the first six farthest apart. They were chosen so that any two stay apart for
 * normal, protanope and deuteranope eyes, and all stand out from the plot's background; the test computes both.
 */
export const TRACE_COLOURS = {
  dark: [
    '#65b1ef',
    '#b87c20',
    '#4a9a67',
    '#dc60c4',
    '#a7e339',
    '#856dfe',
    '#db625d',
    '#50d7cf',
    '#93bb20',
    '#dcb166',
    '#a281f9',
    '#fdd4bf',
  ],
  light: [
    '#1d84ce',
    '#957e31',
    '#14595c',
    '#be4381',
    '#643d00',
    '#7300dc',
    '#d24320',
    '#078f9d',
    '#636700',
    '#aa4245',
    '#174388',
    '#48562e',
  ],
} as const;
export type PlotTheme = keyof typeof TRACE_COLOURS;
export const HUES = TRACE_COLOURS.dark.length;

export function traceColour(hue: number, theme: PlotTheme): string {
  return TRACE_COLOURS[theme][((hue % HUES) + HUES) % HUES] ?? TRACE_COLOURS[theme][0];
}

/** Which tag has which hue: the same everywhere, and again after the next start. */
export interface HueBook {
  /** The tag's hue; a tag without one takes the first that fewest of `among` use. */
  hueOf(tagId: string, among: readonly string[]): number;
  set(tagId: string, hue: number): void;
}

const MOST_KEPT = 2000;

export function createHueBook(
  load: () => Readonly<Record<string, number>>,
  save: (hues: Record<string, number>) => void,
): HueBook {
  let hues: Map<string, number> | null = null;
  const known = (): Map<string, number> => {
    hues ??= new Map(Object.entries(load()).filter(([, hue]) => Number.isInteger(hue) && hue >= 0));
    return hues;
  };
  const keep = (tagId: string, hue: number): void => {
    const map = known();
    map.delete(tagId);
    map.set(tagId, hue % HUES);
    for (const oldest of map.keys()) {
      if (map.size <= MOST_KEPT) break;
      map.delete(oldest);
    }
    save(Object.fromEntries(map));
  };
  return {
    hueOf(tagId, among) {
      const map = known();
      const mine = map.get(tagId);
      if (mine !== undefined) return mine;
      const used = new Array<number>(HUES).fill(0);
      for (const other of among) {
        const hue = map.get(other);
        if (hue !== undefined) used[hue % HUES]!++;
      }
      const free = used.indexOf(Math.min(...used));
      keep(tagId, free);
      return free;
    },
    set: keep,
  };
}
