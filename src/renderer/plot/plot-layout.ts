import type { Box } from './paint.ts';
import type { PlotSpec } from './plot-spec.ts';
import { stateTicks, type ValueRange, type ValueTicks, valueTicks } from './value-ticks.ts';

/** One axis with its place; sizes in device pixels. */
export interface PlacedAxis {
  readonly id: string;
  readonly label: string;
  readonly side: 'left' | 'right';
  readonly range: ValueRange;
  readonly ticks: ValueTicks;
  /** Where labels stand; as high as the plot's area. */
  readonly box: Box;
}

export interface PlacedPlot {
  readonly id: string;
  /** Names of the traces stand here. */
  readonly head: Box;
  readonly area: Box;
  /** Hatched where values are missing. */
  readonly strip: Box;
  readonly axes: readonly PlacedAxis[];
}

export interface StackLayout {
  readonly plots: readonly PlacedPlot[];
  /** Left edge and width of all areas: they are in line. */
  readonly left: number;
  readonly width: number;
  readonly timeAxis: Box;
}

export const HEAD = 18;
export const STRIP = 6;
export const TIME_AXIS = 32;
export const BETWEEN = 6;
const LEAST_GUTTER = 44;
const RIGHT_EDGE = 14;
const GUTTER_STEP = 8;
const LEAST_AREA = 24;
const TICK_PITCH = 34;
const STATE_PITCH = 14;
const MOST_TICK_LABEL = 90;
/** A longer axis label is shortened rather than taking room from the plot. */
const MOST_LABEL = 64;

/**
 * Places stacked plots. Axes take turns left and right; the gutters of all plots are as wide as the widest needs, and
 * only shrink by more than two steps, so that areas stay in line and do not twitch with the digits.
 */
export function placePlots(
  plots: readonly PlotSpec[],
  rangeOf: (plotId: string, axisId: string) => ValueRange,
  size: { readonly width: number; readonly height: number; readonly ratio: number },
  textWidth: (text: string) => number,
  before: { readonly left: number; readonly right: number } | null,
): StackLayout & { readonly gutters: { readonly left: number; readonly right: number } } {
  const { ratio } = size;
  const chrome = plots.length * (HEAD + STRIP + BETWEEN) * ratio + TIME_AXIS * ratio;
  const room = Math.max(plots.length * LEAST_AREA * ratio, size.height - chrome);
  const weights = plots.reduce((sum, plot) => sum + Math.max(0.05, plot.height), 0) || 1;
  const heights = plots.map((plot) => Math.max(LEAST_AREA * ratio, (room * Math.max(0.05, plot.height)) / weights));

  const drafts = plots.map((plot, index) =>
    plot.axes.map((axis, n) => {
      const range = rangeOf(plot.id, axis.id);
      const room = heights[index]! / ratio;
      const ticks =
        axis.stateText === undefined
          ? valueTicks(range, Math.max(2, Math.floor(room / TICK_PITCH)))
          : stateTicks(range, Math.max(1, Math.floor(room / STATE_PITCH)), axis.stateText);
      const widest = ticks.labels.reduce(
        (most, label) => Math.max(most, Math.min(textWidth(label), MOST_TICK_LABEL * ratio)),
        Math.min(textWidth(axis.label), MOST_LABEL * ratio),
      );
      return {
        axis,
        range,
        ticks,
        side: n % 2 === 0 ? ('left' as const) : ('right' as const),
        width: widest + 14 * ratio,
      };
    }),
  );
  const gutter = (side: 'left' | 'right'): number => {
    let most = 0;
    for (const axes of drafts) {
      most = Math.max(
        most,
        axes.filter((one) => one.side === side).reduce((sum, one) => sum + one.width, 0),
      );
    }
    const least = side === 'left' ? LEAST_GUTTER * ratio : RIGHT_EDGE * ratio;
    const step = GUTTER_STEP * ratio;
    const wanted = Math.ceil(Math.max(least, most) / step) * step;
    const shown = before === null ? 0 : before[side];
    return shown > wanted && shown - wanted <= 2 * step ? shown : wanted;
  };
  const gutters = { left: gutter('left'), right: gutter('right') };
  const left = Math.round(gutters.left);
  const width = Math.max(10, Math.round(size.width - gutters.left - gutters.right));

  const placed: PlacedPlot[] = [];
  let y = 0;
  plots.forEach((plot, index) => {
    const head: Box = { x: left, y: Math.round(y), width, height: HEAD * ratio };
    const area: Box = { x: left, y: Math.round(y + HEAD * ratio), width, height: Math.round(heights[index]!) };
    const strip: Box = { x: left, y: area.y + area.height, width, height: STRIP * ratio };
    let leftEdge = left;
    let rightEdge = left + width;
    const axes = drafts[index]!.map((draft): PlacedAxis => {
      const axisWidth = Math.round(draft.width);
      const x = draft.side === 'left' ? leftEdge - axisWidth : rightEdge;
      if (draft.side === 'left') leftEdge = x;
      else rightEdge = x + axisWidth;
      const box = { x, y: area.y, width: axisWidth, height: area.height };
      return {
        id: draft.axis.id,
        label: draft.axis.label,
        side: draft.side,
        range: draft.range,
        ticks: draft.ticks,
        box,
      };
    });
    placed.push({ id: plot.id, head, area, strip, axes });
    y = strip.y + strip.height + BETWEEN * ratio;
  });
  return {
    plots: placed,
    left,
    width,
    timeAxis: {
      x: left,
      y: Math.round(y - (plots.length > 0 ? BETWEEN * ratio : 0)),
      width,
      height: TIME_AXIS * ratio,
    },
    gutters,
  };
}
