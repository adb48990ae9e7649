import {
  type HoverBoxOptions,
  type HueBook,
  heldAt,
  hoverDistance,
  type PlotTheme,
  traceColour,
} from '#renderer/plot/index.ts';
import { formatNumber } from '#renderer/ui/format.ts';
import { qualityText } from '#shared/model/index.ts';
import { sampleText } from './readout.ts';
import { shiftMicros } from './trace-key.ts';
import type { TrendController } from './trend-controller.ts';
import { type TraceTag, traceName } from './trend-model.ts';

/**
 * What the box at the pointer tells of a trend: for each trace of the plot the last value at or before the pointer; of
 * the nearest also when it was sampled, its quality, and minimum and maximum where points are merged.
 */
export function trendHover(options: {
  readonly controller: () => TrendController | null;
  readonly tags: () => ReadonlyMap<string, TraceTag>;
  readonly hues: HueBook;
  readonly theme: () => PlotTheme;
  readonly timeText: (time: number) => string;
}): HoverBoxOptions['content'] {
  const details = (tag: TraceTag, held: ReturnType<typeof heldAt>, words: string): string => {
    if (held === null) return words;
    const shift = shiftMicros(tag.id);
    const parts = [
      `sampled ${options.timeText(held.time - shift)}`,
      ...(shift === 0 ? [] : [`shown at ${options.timeText(held.time)}`]),
      words === '' ? qualityText(held.quality) : words,
    ];
    const { min, max } = held;
    if (min !== null && max !== null && max > min) {
      parts.push(`min ${formatNumber(min, tag)}, max ${formatNumber(max, tag)} of the merged samples`);
    }
    return parts.join(' · ');
  };

  return (hit) => {
    const controller = options.controller();
    const plot = controller?.shownPlots.find((one) => one.id === hit.plotId);
    if (controller === null || plot === undefined) return null;
    const all = controller.shownPlots.flatMap(({ traces }) => traces.map(({ tagId }) => tagId));
    const rows = plot.traces.flatMap(({ tagId, axisId, visible }) => {
      const tag = options.tags().get(tagId);
      if (!visible || tag === undefined) return [];
      const held = heldAt(controller.store.segments(tagId), hit.time);
      const [text, words] = sampleText(tag, held, controller.store);
      return {
        id: tag.id,
        name: traceName(tag),
        text,
        unit: tag.unit ?? '',
        colour: traceColour(options.hues.hueOf(tag.id, all), options.theme()),
        words,
        distance: hoverDistance(controller.stack.axisRange(plot.id, axisId), held, hit.share),
        details: () => details(tag, held, words),
      };
    });
    const { from, to } = controller.window;
    const reach = ((to - from) / Math.max(1, controller.stack.areaWidth)) * 5;
    const near = controller.events.filter(
      (event) => event.from - reach <= hit.time && hit.time <= (event.to ?? event.from) + reach,
    );
    return { rows, notes: near.map(({ text }) => text) };
  };
}
