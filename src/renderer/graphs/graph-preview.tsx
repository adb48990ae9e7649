import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { errorText, useClient, useSession, useZone } from '#renderer/client/index.ts';
import { createPlotStack, type PlotStack, type TraceSegment, traceColour } from '#renderer/plot/index.ts';
import { formatNumber, formatTime, MiddleText, useLook } from '#renderer/ui/index.ts';
import { isAppError } from '#shared/errors.ts';
import { gridTimes } from '#shared/model/graph/index.ts';
import type { TimeRange } from '#shared/model/index.ts';
import { RUNNING_HISTORY } from '#shared/rpc/history.ts';
import type { Graph } from './graph-model.ts';

const RUN_MS = 350;
const AGAIN_MS = 10_000;
const MOST_LEGEND = 60;

export interface DrawnSeries {
  readonly key: string;
  readonly definition: string;
  readonly title: string;
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly unit: string | null;
  readonly last: number;
  readonly segment: TraceSegment;
}

interface Answer {
  readonly range: TimeRange;
  readonly series: readonly DrawnSeries[];
  readonly warnings: readonly string[];
}

/** The graph as it is drawn from its source now; the old picture stays until the new one is there. */
export function GraphPreview({
  graph,
  source,
  onSeries,
}: {
  readonly graph: Graph;
  readonly source: string | null;
  readonly onSeries: (series: readonly DrawnSeries[]) => void;
}): ReactNode {
  const client = useClient();
  const zone = useZone();
  const { theme, textSize } = useLook();
  const open = useSession((state) => state.phase === 'open');
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const host = useRef<HTMLDivElement>(null);
  const stack = useRef<PlotStack | null>(null);
  const shown = useRef(new Map<string, TraceSegment>());
  const asked = JSON.stringify(graph);
  // A range that moves with the clock is drawn again from time to time.
  const moves = /now/.test(`${graph.range.from} ${graph.range.to}`);
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
        const input = { source: source ?? RUNNING_HISTORY, graph };
        for await (const item of client.rpc.graphs.run(input, { signal: abort.signal })) {
          range = item.range;
          warnings = item.warnings;
          if (item.series !== null)
            series.push(drawn(graph, item.series, gridTimes(item.grid), item.range, series.length));
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
    const made = createPlotStack({
      host: host.current,
      source: { prepare: () => undefined, segments: (key) => [shown.current.get(key)].flatMap((one) => one ?? []) },
      timeText: (time) => formatTime(time, null, 'second'),
    });
    stack.current = made;
    return () => {
      stack.current = null;
      made[Symbol.dispose]();
    };
  }, []);
  useLayoutEffect(() => {
    const plots = stack.current;
    if (plots === null) return;
    shown.current = new Map(answer?.series.map(({ key, segment }) => [key, segment]) ?? []);
    if (answer === null) {
      plots.setPlots([]);
      return;
    }
    plots.setZone(graph.range.zone ?? zone);
    plots.setPlots([plotOf(graph, answer.series)]);
    plots.setWindow(answer.range);
    plots.invalidate();
  }, [answer, graph, zone]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the tokens change with the theme and the text size
  useEffect(() => stack.current?.refreshColours(), [theme, textSize]);

  const series = answer?.series ?? [];
  return (
    <section className="graph-preview" aria-label="Preview">
      <div className="graph-plot" ref={host} role="img" aria-label={`${series.length} series`} aria-busy={busy}>
        {graph.series.length === 0 && (
          <p className="graph-empty">Search for a metric at the left and press Enter: its graph is drawn here.</p>
        )}
      </div>
      <div className="graph-words" aria-live="polite">
        {fault !== null && <p className="field-error">{fault}</p>}
        {answer?.warnings.map((warning) => (
          <p key={warning} className="graph-warning">
            {warning}
          </p>
        ))}
      </div>
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
    </section>
  );
}

interface RunSeries {
  readonly definition: string;
  readonly metric: { readonly namespace: string; readonly name: string };
  readonly labels: Readonly<Record<string, string>>;
  readonly unit: string | null;
  readonly value: Float64Array;
  readonly quality: Uint16Array;
  readonly envelope: { readonly min: Float64Array; readonly max: Float64Array } | null;
}

function drawn(graph: Graph, series: RunSeries, time: Float64Array, range: TimeRange, index: number): DrawnSeries {
  const { definition, metric, labels, unit, value, quality, envelope } = series;
  const own = graph.series.find(({ id }) => id === definition);
  const key = `${metric.namespace}.${metric.name}`;
  const named = own?.title === undefined || own.title === '' ? '' : withLabels(own.title, labels);
  const words = Object.values(labels).filter((text) => text !== '');
  const last = value.findLast((number) => !Number.isNaN(number)) ?? Number.NaN;
  return {
    key: `${index}`,
    definition,
    metric: key,
    labels,
    unit,
    last,
    title: named === '' ? (labels.name ?? (words.length === 0 ? key : `${key} ${words.join(' ')}`)) : named,
    segment: {
      columns: { time, value, quality, min: envelope?.min ?? null, max: envelope?.max ?? null, gaps: [] },
      from: range.from,
      to: range.to,
    },
  };
}

const withLabels = (title: string, labels: Readonly<Record<string, string>>): string =>
  title.replace(/\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (whole, name: string) => labels[name] ?? whole);

function plotOf(graph: Graph, series: readonly DrawnSeries[]) {
  const axisOf = (one: DrawnSeries): number => graph.series.find(({ id }) => id === one.definition)?.style.axis ?? 0;
  const axes = [...new Set(series.map(axisOf))].sort((a, b) => a - b);
  return {
    id: 'preview',
    height: 1,
    axes: axes.map((axis) => {
      const { label = '', low = null, high = null } = graph.style.axes[axis] ?? {};
      const unit = series.find((one) => axisOf(one) === axis)?.unit ?? '';
      return {
        id: `axis${axis}`,
        label: label === '' ? unit : label,
        range: low !== null && high !== null && high > low ? { low, high } : null,
      };
    }),
    traces: series.map((one, index) => {
      const definition = graph.series.find(({ id }) => id === one.definition);
      return {
        tagId: one.key,
        name: one.title,
        axisId: `axis${axisOf(one)}`,
        hue: index % 12,
        step: definition?.style.draw === 'steps',
        visible: definition?.style.visible !== false,
        selected: false,
      };
    }),
  };
}
