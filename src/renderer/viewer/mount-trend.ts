import type { AppClient } from '#renderer/client/index.ts';
import { createHoverBox, type HoverBox, type HueBook, type PlotHit, type PlotTheme } from '#renderer/plot/index.ts';
import { formatTime } from '#renderer/ui/format.ts';
import type { TimeRange } from '#shared/model/index.ts';
import { createReadings, rangeText } from './readings.ts';
import { createReadout, type Readout } from './readout.ts';
import { createTrendController, type TrendController, type TrendView } from './trend-controller.ts';
import { trendHover } from './trend-hover.ts';
import type { TraceTag } from './trend-model.ts';
import { createTrendSource } from './trend-source.ts';

export interface TrendHosts {
  readonly plots: HTMLElement;
  readonly map: HTMLElement;
  readonly readings: HTMLElement;
  /** Text of the range; in the bar, which is drawn by React otherwise. */
  readonly range: () => HTMLElement | null;
}

export interface TrendMount extends Disposable {
  readonly controller: TrendController;
  readonly readout: Readout;
}

/** Makes what draws without React: plots, strip, box at the pointer, numbers. Disposing takes all of it away. */
export function mountTrend(options: {
  readonly client: AppClient;
  readonly source: string;
  readonly hosts: TrendHosts;
  readonly hues: HueBook;
  readonly start: { readonly range: TimeRange; readonly follow: boolean } | null;
  readonly zone: () => string | null;
  readonly theme: () => PlotTheme;
  readonly tags: () => ReadonlyMap<string, TraceTag>;
  readonly onView: (view: TrendView) => void;
  /** A trace's source has stopped answering, or answers again. */
  readonly onProblems: (count: number) => void;
  readonly onError: (error: unknown) => void;
  readonly onResizePlots: (above: string, below: string, share: number) => void;
  readonly onMenu: (hit: PlotHit, at: { readonly x: number; readonly y: number }) => void;
}): TrendMount {
  const { client, hosts, hues } = options;
  const source = createTrendSource(client, options.source);
  const timeText = (time: number): string => {
    const span = controller.window.to - controller.window.from;
    const text = formatTime(time, options.zone(), 'millisecond');
    return span < 200_000 ? `${text}${String(Math.floor(time) % 1000).padStart(3, '0')}` : text;
  };
  let box: HoverBox | null = null;
  let readout: Readout | null = null;
  let told = 0;
  const readings = createReadings(hosts.readings);
  const controller: TrendController = createTrendController({
    plots: hosts.plots,
    map: hosts.map,
    source,
    start: options.start,
    hues,
    now: () => client.now(),
    timeText,
    onError: options.onError,
    onResizePlots: options.onResizePlots,
    onMenu: options.onMenu,
    onHover: (hit, at) => box?.show(hit, at),
    onDrawn: () => {
      readout?.paint();
      readings.paint(controller, timeText);
      const { problems } = controller.store;
      if (problems !== told) options.onProblems(problems);
      told = problems;
      const busy = controller.store.incomplete ? 'true' : 'false';
      if (hosts.plots.ariaBusy !== busy) hosts.plots.ariaBusy = busy;
      const label = hosts.range();
      const text = rangeText(controller, options.zone());
      if (label !== null && label.textContent !== text) label.textContent = text;
    },
  });
  box = createHoverBox(hosts.plots, {
    content: trendHover({ controller: () => controller, tags: options.tags, hues, theme: options.theme, timeText }),
    place: () => controller.stack.place,
    timeText,
  });
  readout = createReadout(controller, timeText, options.onError);
  const stop = controller.view.subscribe(options.onView);
  return {
    controller,
    readout,
    [Symbol.dispose]() {
      stop();
      box[Symbol.dispose]();
      readout[Symbol.dispose]();
      controller[Symbol.dispose]();
      source[Symbol.dispose]();
    },
  };
}
