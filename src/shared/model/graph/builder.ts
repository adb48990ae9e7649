import type { z } from 'zod';
import type { QueryFill } from '../query.ts';
import type { UnixMicros } from '../time.ts';
import {
  type GraphDefinition,
  type GroupBy,
  type graphDefinition,
  type graphStyle,
  type LabelMatch,
  parseGraph,
  type seriesDefinition,
  type seriesStyle,
} from './graph.ts';
import { ALLOWED_AGGREGATIONS, type MetricType } from './metric.ts';

/**
 * Graphs written in code, on the same model as those in files. Every step gives a new builder, so that a beginning can be
 * shared; `build` checks the whole and freezes it.
 *
 *     graph()
 *       .last('8h')
 *       .add('A', counter('network.port.octets.in').rate().where('port', { like: 'eth*' }).by('sum', 'device').in('Mbit/s'))
 *       .build();
 */
type SeriesInput = Omit<z.input<typeof seriesDefinition>, 'id'>;
type GraphInput = z.input<typeof graphDefinition>;

export interface SeriesBuilder {
  readonly input: SeriesInput;
  /** A text, or a comparison; of one label the last counts. */
  where(label: string, match: LabelMatch): SeriesBuilder;
  /** Joins series whose named labels are equal; without labels all of them. */
  by(aggregate: GroupBy['aggregate'], ...labels: readonly string[]): SeriesBuilder;
  in(unit: string): SeriesBuilder;
  titled(title: string): SeriesBuilder;
  filled(fill: QueryFill): SeriesBuilder;
  /** Id of a configured source. */
  from(source: string): SeriesBuilder;
  /** Shown later by so many milliseconds. */
  shifted(ms: number): SeriesBuilder;
  /** Series that it may stand for. */
  atMost(series: number): SeriesBuilder;
  drawn(style: z.input<typeof seriesStyle>): SeriesBuilder;
  /** Settings that one backend alone understands. */
  with(backend: string, settings: Readonly<Record<string, unknown>>): SeriesBuilder;
}

/** Begins a series with an aggregation that the metric's type allows; another one does not compile. */
export type MetricBuilder<T extends MetricType> = {
  readonly [K in (typeof ALLOWED_AGGREGATIONS)[T][number]]: () => SeriesBuilder;
};

const begin =
  <T extends MetricType>(type: T) =>
  (metric: string): MetricBuilder<T> =>
    Object.fromEntries(
      ALLOWED_AGGREGATIONS[type].map((aggregate) => [aggregate, () => seriesBuilder({ metric, aggregate })]),
    ) as MetricBuilder<T>;

export const counter = begin('counter');
export const gauge = begin('gauge');
export const histogram = begin('histogram');
export const summary = begin('summary');

function seriesBuilder(input: SeriesInput): SeriesBuilder {
  const next = (change: Partial<SeriesInput>): SeriesBuilder => seriesBuilder({ ...input, ...change });
  return {
    input,
    where: (label, match) => next({ match: { ...input.match, [label]: match } as SeriesInput['match'] }),
    by: (aggregate, ...labels) => next({ groupBy: { aggregate, labels: [...labels] } }),
    in: (unit) => next({ unit }),
    titled: (title) => next({ title }),
    filled: (fill) => next({ fill }),
    from: (source) => next({ source }),
    shifted: (shiftMs) => next({ shiftMs }),
    atMost: (limit) => next({ limit }),
    drawn: (style) => next({ style: { ...input.style, ...style } }),
    with: (backend, settings) => next({ extensions: { ...input.extensions, [backend]: { ...settings } } }),
  };
}

export interface GraphBuilder {
  titled(title: string): GraphBuilder;
  /** Times as text (see `graphRange`) or in microseconds. */
  between(from: string | UnixMicros, to: string | UnixMicros): GraphBuilder;
  /** `8h`, `30m`, `1d`: from then until now. */
  last(span: string): GraphBuilder;
  /** IANA name of the zone in which times without an offset are meant. */
  zone(name: string): GraphBuilder;
  step(ms: number, align?: 'epoch' | 'range'): GraphBuilder;
  points(most: number): GraphBuilder;
  envelope(): GraphBuilder;
  /** Series come in the order in which they are added. */
  add(id: string, series: SeriesBuilder): GraphBuilder;
  drawn(style: z.input<typeof graphStyle>): GraphBuilder;
  with(backend: string, settings: Readonly<Record<string, unknown>>): GraphBuilder;
  /** Throws `config.invalid` with every fault. */
  build(): GraphDefinition;
}

/** An hour until now, with no series yet. */
export const graph = (): GraphBuilder => graphBuilder({ version: 1, range: { from: 'now-1h', to: 'now' }, series: [] });

function graphBuilder(input: GraphInput): GraphBuilder {
  const next = (change: Partial<GraphInput>): GraphBuilder => graphBuilder({ ...input, ...change });
  const resolution = (change: GraphInput['resolution']): GraphBuilder =>
    next({ resolution: { ...input.resolution, ...change } });
  return {
    titled: (title) => next({ title }),
    between: (from, to) => next({ range: { ...input.range, from: timeText(from), to: timeText(to) } }),
    last: (span) => next({ range: { ...input.range, from: `now-${span}`, to: 'now' } }),
    zone: (zone) => next({ range: { ...input.range, zone } }),
    step: (stepMs, align = 'epoch') => resolution({ stepMs, align }),
    points: (maxPoints) => resolution({ maxPoints }),
    envelope: () => resolution({ envelope: true }),
    add: (id, series) => next({ series: [...input.series, { ...series.input, id }] }),
    drawn: (style) => next({ style: { ...input.style, ...style } }),
    with: (backend, settings) => next({ extensions: { ...input.extensions, [backend]: { ...settings } } }),
    build: () => parseGraph(input),
  };
}

/** ISO text with all six digits, which the range reads back to the same microsecond. */
export function timeText(time: string | UnixMicros): string {
  if (typeof time === 'string') return time;
  const second = Math.floor(time / 1_000_000);
  const rest = String(time - second * 1_000_000).padStart(6, '0');
  return `${new Date(second * 1_000).toISOString().slice(0, 19)}.${rest}Z`;
}
