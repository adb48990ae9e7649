import { Maximize, Pin, ZoomOut } from 'lucide-react';
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { errorText, useClient, useSession, useZone } from '#renderer/client/index.ts';
import { traceColour } from '#renderer/plot/index.ts';
import { formatNumber, formatTime, IconButton, MiddleText, plural, useActions, useLook } from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import type { TimeRange } from '#shared/model/index.ts';
import { type DrawnSeries, drawnSeries, type GraphAnswer } from './graph-answer.ts';
import type { Graph } from './graph-model.ts';
import { createPreviewPlots, type PreviewPlots, type PreviewView } from './preview-plots.ts';

const RUN_MS = 350;
const AGAIN_MS = 10_000;
const MOST_LEGEND = 60;
const PAN_SHARE = 0.1;
const ZOOM_STEP = 1.5;

/**
 * The graph as it is drawn from its source now; the old picture stays until the new one is there. Looking closer draws
 * the range that is looked at, and leaves the graph as it is.
 */
export function GraphPreview({
  graph,
  source,
  onSeries,
  onRange,
}: {
  readonly graph: Graph;
  readonly source: string;
  readonly onSeries: (series: readonly DrawnSeries[]) => void;
  /** What is looked at is to be the graph's own range. */
  readonly onRange: (range: { readonly from: string; readonly to: string }) => void;
}): ReactNode {
  const client = useClient();
  const projectZone = useZone();
  const zone = graph.range.zone ?? projectZone;
  const { theme, textSize } = useLook();
  const open = useSession((state) => state.phase === 'open');
  const [answer, setAnswer] = useState<GraphAnswer | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [view, setView] = useState<PreviewView>({ window: null, canBack: false });
  const host = useRef<HTMLDivElement>(null);
  const plots = useRef<PreviewPlots | null>(null);
  const shade = useRef(theme);
  shade.current = theme;
  const asked = JSON.stringify(view.window === null ? graph : over(graph, view.window));
  // A range that moves with the clock is drawn again from time to time.
  const moves = view.window === null && /now/.test(`${graph.range.from} ${graph.range.to}`);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!moves) return;
    const timer = window.setInterval(() => setTurn((before) => before + 1), AGAIN_MS);
    return () => clearInterval(timer);
  }, [moves]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the text of the graph stands for it
  useEffect(() => {
    if (!open) return;
    if (graph.series.length === 0) {
      setAnswer(null);
      setFault(null);
      onSeries([]);
      return;
    }
    const abort = new AbortController();
    const timer = window.setTimeout(async () => {
      setBusy(true);
      try {
        const series: DrawnSeries[] = [];
        let range: TimeRange | null = null;
        let warnings: readonly string[] = [];
        const input = { source, graph: JSON.parse(asked) as Graph };
        for await (const item of client.rpc.graphs.run(input, { signal: abort.signal })) {
          range = item.range;
          warnings = item.warnings;
          if (item.series !== null) series.push(drawnSeries(graph, item, item.series, series.length));
        }
        if (abort.signal.aborted) return;
        setFault(null);
        if (range !== null) setAnswer({ range, series, warnings });
        onSeries(series);
      } catch (error) {
        if (abort.signal.aborted || isAppError(error, 'rpc.cancelled')) return;
        setFault(errorText(error));
      } finally {
        if (!abort.signal.aborted) setBusy(false);
      }
    }, RUN_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [client, open, source, asked, turn]);

  useLayoutEffect(() => {
    if (host.current === null) return;
    const made = createPreviewPlots({ host: host.current, theme: () => shade.current, onView: setView });
    plots.current = made;
    return () => {
      plots.current = null;
      made[Symbol.dispose]();
    };
  }, []);
  useLayoutEffect(() => plots.current?.show(graph, answer, zone), [answer, graph, zone]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the tokens change with the theme and the text size
  useEffect(() => plots.current?.refreshColours(), [theme, textSize]);
  // Another range was written: that is what is to be seen.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs for the texts of the range
  useEffect(() => plots.current?.whole(), [graph.range.from, graph.range.to]);

  const onPlot = (): boolean => document.activeElement === host.current;
  const act = (
    id: string,
    title: string,
    keys: readonly string[],
    run: (now: PreviewPlots) => void,
    enabled?: () => boolean,
  ) => ({
    id: `graphs.${id}`,
    title,
    group: 'Graphs',
    keys,
    run: () => {
      if (plots.current !== null) run(plots.current);
    },
    ...(enabled === undefined ? {} : { enabled }),
  });
  useActions(
    [
      act('zoom-in', 'Zoom in', ['+', '='], (now) => now.zoom(1 / ZOOM_STEP)),
      act('zoom-out', 'Zoom out', ['-'], (now) => now.zoom(ZOOM_STEP)),
      act('whole', "The graph's own range", ['F'], (now) => now.whole()),
      act('back', 'Back to the view before', ['Backspace'], (now) => now.back()),
      act('pan-left', 'Move left (on the picture)', ['ArrowLeft'], (now) => now.pan(-PAN_SHARE), onPlot),
      act('pan-right', 'Move right (on the picture)', ['ArrowRight'], (now) => now.pan(PAN_SHARE), onPlot),
    ],
    [],
  );

  const series = answer?.series ?? [];
  const zoomed = view.window !== null;
  return (
    <section className="graph-preview" aria-label="Preview">
      {/* biome-ignore-start lint/a11y/noNoninteractiveTabindex: keys move what is drawn */}
      <div
        className="graph-plot"
        ref={host}
        role="application"
        aria-label={`Picture of ${plural(series.length, 'series', 'series')}`}
        aria-busy={busy}
        tabIndex={0}
      >
        {answer === null && (
          <p className="graph-empty">
            {graph.series.length === 0
              ? 'Search for a metric at the left and press Enter: its graph is drawn here.'
              : fault === null
                ? 'The source is being asked.'
                : 'Nothing is drawn: the reason stands below.'}
          </p>
        )}
      </div>
      {/* biome-ignore-end lint/a11y/noNoninteractiveTabindex: as above */}
      <div className="graph-words" aria-live="polite">
        {fault !== null && <p className="field-error">{fault}</p>}
        {answer?.warnings.map((warning) => (
          <p key={warning} className="graph-warning">
            {warning}
          </p>
        ))}
      </div>
      <div className="graph-foot">
        <ul className="graph-legend" aria-label="Series">
          {series.slice(0, MOST_LEGEND).map((one, index) => (
            <li key={one.key}>
              <span className="graph-swatch" style={{ background: traceColour(index % 12, theme) }} />
              <MiddleText text={one.title} />
              <span className="mono">{formatNumber(one.last)}</span>
              <span className="quiet">{one.unit ?? ''}</span>
            </li>
          ))}
          {series.length > MOST_LEGEND && <li className="quiet">and {series.length - MOST_LEGEND} more</li>}
        </ul>
        <IconButton
          icon={ZoomOut}
          label="Back to the view before"
          keys="Backspace"
          disabled={!view.canBack}
          onClick={() => plots.current?.back()}
        />
        <IconButton
          icon={Maximize}
          label="The graph's own range"
          keys="F"
          disabled={!zoomed}
          onClick={() => plots.current?.whole()}
        />
        <IconButton
          icon={Pin}
          label="Make what is seen the graph's range"
          disabled={!zoomed}
          onClick={() => {
            if (view.window === null) return;
            const text = (time: number): string => formatTime(time, zone, 'millisecond');
            onRange({ from: text(view.window.from), to: text(view.window.to) });
          }}
        />
      </div>
    </section>
  );
}

/** The graph over another range; its steps follow where it leaves them to the width. */
function over(graph: Graph, { from, to }: TimeRange): Graph {
  // Written with all microseconds, which a wall clock would need a zone for.
  const text = (time: number): string =>
    `${new Date(Math.floor(time / 1000)).toISOString().slice(0, 19)}.${String(((time % 1e6) + 1e6) % 1e6).padStart(6, '0')}Z`;
  return { ...graph, range: { ...graph.range, from: text(from), to: text(to) } };
}
