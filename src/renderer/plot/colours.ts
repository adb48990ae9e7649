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
}

type Hues = Readonly<Record<string, number>>;
const MOST_KEPT = 2000;
const SAVE_MS = 1500;

/**
 * `load` gives what is kept, which may come a moment after the first drawing; what is kept goes before what was given
 * here meanwhile, and saving waits until it can be told apart.
 */
export function createHueBook(
  load: () => Hues,
  save: (hues: Hues) => void,
  later: (run: () => void, ms: number) => void = (run, ms) => setTimeout(run, ms),
): HueBook {
  const given = new Map<string, number>();
  let waiting = false;
  const known = (tagId: string): number | undefined => {
    const kept = load()[tagId];
    return Number.isInteger(kept) && kept !== undefined && kept >= 0 ? kept % HUES : given.get(tagId);
  };
  const saveSoon = (): void => {
    if (waiting) return;
    waiting = true;
    later(() => {
      waiting = false;
      const all = Object.entries({ ...Object.fromEntries(given), ...load() });
      save(Object.fromEntries(all.slice(-MOST_KEPT)));
    }, SAVE_MS);
  };
  return {
    hueOf(tagId, among) {
      const mine = known(tagId);
      if (mine !== undefined) return mine;
      const used = new Array<number>(HUES).fill(0);
      for (const other of among) {
        const hue = known(other);
        if (hue !== undefined) used[hue]!++;
      }
      const free = used.indexOf(Math.min(...used));
      given.set(tagId, free);
      saveSoon();
      return free;
    },
  };
}
