import type { PlannedSeries, QueryPlan, TsdbBackend, TsdbConnection } from '#engine/tsdb/index.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import {
  type Conversion,
  checkResult,
  compareLabels,
  conversionOf,
  type GraphDefinition,
  type GraphSeries,
  type Grid,
  graphProblems,
  gridOf,
  gridTimes,
  hasOffset,
  invalid,
  isOnScale,
  labelsText,
  type MetricsBySource,
  type RegisteredMetric,
  resolveRange,
  type TimeSeriesResult,
  unitOfAggregate,
} from '#shared/model/graph/index.ts';
import { MOST_CELLS, MOST_STATISTICS_SAMPLES, type TimeRange, type UnixMicros } from '#shared/model/index.ts';
import { createSteps, type Steps } from './steps.ts';
import { convertSeries, fillSeries, groupSeries, stackSeries } from './transforms.ts';

/** A configured source: a backend and its open connection. */
export interface GraphSource {
  readonly backend: TsdbBackend;
  readonly connection: TsdbConnection;
}

export interface GraphContext {
  readonly registry: MetricsBySource;
  /** By the id that graphs use; null for the usual one. */
  source(id: string | null): GraphSource | null;
  readonly now: UnixMicros;
  /** IANA name of the project's zone. */
  readonly zone: string;
}

type Definition = GraphDefinition['series'][number];

/** What one backend is asked at once, and how much later its answer is shown. */
interface Part {
  readonly source: GraphSource;
  readonly shift: number;
  /** Aggregated by the backend, or from its samples here. */
  readonly native: boolean;
  readonly definitions: Definition[];
}

/**
 * Answers a graph from any backends, with equal results: plans, compiles, asks, and does above them what they cannot.
 * Series of one definition come in the order of their labels, and without those that have no sample in the range.
 * Throws `config.invalid` with every problem, `tsdb.unsupported-feature`, `query.too-many-samples`, and what the
 * backends throw.
 */
export async function runGraph(
  graph: GraphDefinition,
  context: GraphContext,
  signal: AbortSignal,
): Promise<TimeSeriesResult> {
  const { range, parts, grid, warnings } = prepared(graph, context);
  const found = new Map<string, GraphSeries[]>();
  // What cannot be drawn without one of them need not wait for the others.
  const ended = new AbortController();
  const until = AbortSignal.any([signal, ended.signal]);
  const answerOf = async (part: Part): Promise<(Answer | Failure)[]> => {
    const plan = planOf(part, graph, context, range, grid);
    try {
      return [
        part.native ? await ask(part, plan, until) : await workOut(part, plan, grid, graph.resolution.envelope, until),
      ];
    } catch (error) {
      signal.throwIfAborted();
      if (!leavesOthers(error)) throw error;
      const { definitions } = part;
      // One of them may be at fault alone; a source that does not answer is not asked for each.
      if (definitions.length === 1 || isAppError(error, 'tsdb.unavailable')) return [{ failed: error, part }];
      const alone = (one: Definition): Promise<(Answer | Failure)[]> => answerOf({ ...part, definitions: [one] });
      if (!isAppError(error, 'query.too-many-samples')) return (await Promise.all(definitions.map(alone))).flat();
      // Together they may be too large, so they are not all held before it is known which of them fit.
      const found: (Answer | Failure)[] = [];
      for (const one of definitions)
        found.push(...(await alone(one)).map((answer) => withinCells(answer, found, part, one)));
      return found;
    }
  };
  const answers = (await Promise.all(parts.map(answerOf)).finally(() => ended.abort())).flat();
  const failures = answers.flatMap((answer) => ('failed' in answer ? [answer] : []));
  if (failures.length > 0 && failures.length === answers.length) throw failures[0]!.failed;
  for (const { failed, part } of failures) {
    for (const { id } of part.definitions) warnings.push(`${id}: ${failed.message}`);
  }
  for (const answer of answers) {
    if ('failed' in answer) continue;
    warnings.push(...answer.warnings);
    for (const series of answer.series) {
      const own = found.get(series.definition);
      if (own === undefined) found.set(series.definition, [series]);
      else own.push(series);
    }
  }
  const time = gridTimes(grid);
  const series = graph.series.flatMap((definition) => {
    const own = found.get(definition.id) ?? [];
    if (own.length === 0 && !warnings.some((text) => text.startsWith(`${definition.id}:`))) {
      warnings.push(`${definition.id}: there is no sample of ${definition.metric} in this range.`);
    }
    const metric = context.registry.get(definition.metric, definition.source)!;
    return finished(definition, metric, own)
      .sort((a, b) => compareLabels(a.labels, b.labels))
      .map((one) => ({ ...one, time }));
  });
  return checkResult({ range, grid, series: stacked(graph, series, warnings), warnings }, 'graph');
}

/** What one source cannot answer, or one series would make too large, takes nothing from what others do. */
export const leavesOthers = (error: unknown): error is AppError =>
  isAppError(error, 'tsdb.unavailable') ||
  isAppError(error, 'tsdb.timeout') ||
  isAppError(error, 'tsdb.refused') ||
  isAppError(error, 'query.too-many-samples');

/** Each fits alone; those that fit together are kept, in their order. */
function withinCells(
  answer: Answer | Failure,
  kept: readonly (Answer | Failure)[],
  part: Part,
  one: Definition,
): Answer | Failure {
  if ('failed' in answer || cellsOf([...kept, answer]) <= MOST_CELLS) return answer;
  const message = 'Together with the series before it, it is more than one graph takes. Ask for fewer points.';
  return { failed: tooMany(MOST_CELLS, message), part: { ...part, definitions: [one] } };
}

const cellsOf = (answers: readonly (Answer | Failure)[]): number =>
  answers
    .flatMap((answer) => ('failed' in answer ? [] : answer.series))
    .reduce((sum, { time, envelope }) => sum + time.length * (envelope === null ? 4 : 6), 0);

/** The words in which each backend would be asked, in the order of the series; nothing is asked. Throws as `runGraph`. */
export function explainGraph(
  graph: GraphDefinition,
  context: GraphContext,
): readonly { readonly definitions: readonly string[]; readonly backend: string; readonly text: string }[] {
  const { range, parts, grid } = prepared(graph, context);
  return parts.map((part) => {
    const { backend, connection } = part.source;
    const query = backend.compile(planOf(part, graph, context, range, grid), connection.capabilities);
    return { definitions: part.definitions.map(({ id }) => id), backend: backend.id, text: query.explain() };
  });
}

/** Everything that is known before a source is asked. */
function prepared(graph: GraphDefinition, context: GraphContext) {
  const problems = graphProblems(graph, context.registry, (id) => {
    const source = context.source(id);
    return source === null ? null : { id: source.backend.id, capabilities: source.connection.capabilities };
  });
  if (problems.length > 0) throw invalid(problems);
  const range = resolveRange(graph.range, context.now, context.zone);
  const parts = partsOf(graph, context);
  const minStepMs = Math.max(...parts.filter(({ native }) => native).map(minStepOf), 1);
  const { grid, widened } = gridOf(range, graph.resolution, minStepMs);
  const warnings: string[] = [];
  if (widened) {
    warnings.push(
      `A step of ${graph.resolution.stepMs} ms gives more than ${graph.resolution.maxPoints} points over this range; it is ${grid.step / 1_000} ms now.`,
    );
  }
  return { range, parts, grid, warnings };
}

/** Definitions that can be asked together, in the order of the first of each. */
function partsOf(graph: GraphDefinition, context: GraphContext): Part[] {
  const parts: Part[] = [];
  for (const definition of graph.series) {
    const source = context.source(definition.source)!;
    const { aggregates, envelope, raw } = source.connection.capabilities;
    const native = aggregates.includes(definition.aggregate) && (!graph.resolution.envelope || envelope || !raw);
    const shift = definition.shiftMs * 1_000;
    const part = parts.find((one) => one.source === source && one.shift === shift && one.native === native);
    if (part === undefined) parts.push({ source, shift, native, definitions: [definition] });
    else part.definitions.push(definition);
  }
  return parts;
}

const minStepOf = ({ source }: Part): number => source.connection.capabilities.minStepMs;

function planOf(
  { source, shift, native, definitions }: Part,
  graph: GraphDefinition,
  context: GraphContext,
  range: TimeRange,
  grid: Grid,
): QueryPlan {
  const { id } = source.backend;
  return {
    range: { from: range.from - shift, to: range.to - shift },
    grid: native ? { ...grid, start: grid.start - shift } : null,
    envelope: native && graph.resolution.envelope,
    series: definitions.map((definition): PlannedSeries => {
      const metric = context.registry.get(definition.metric, definition.source)!;
      return {
        definition: definition.id,
        metric: metric.identifier,
        override: metric.backends[id] ?? null,
        match: definition.match,
        aggregate: definition.aggregate,
        groupBy: null,
        limit: definition.limit,
        extension: { ...graph.extensions[id], ...definition.extensions[id] },
      };
    }),
  };
}

type Answer = Pick<TimeSeriesResult, 'series' | 'warnings'>;
interface Failure {
  readonly failed: AppError;
  readonly part: Part;
}

async function ask({ source, definitions }: Part, plan: QueryPlan, signal: AbortSignal): Promise<Answer> {
  const { backend, connection } = source;
  const query = backend.compile(plan, connection.capabilities);
  const result = checkResult(await connection.client.query(query, signal), backend.id);
  const aggregates = new Map(definitions.map(({ id, aggregate }) => [id, aggregate]));
  return {
    warnings: result.warnings,
    series: result.series.map((series) => ({
      ...series,
      unit: unitOfAggregate(series.unit, aggregates.get(series.definition)!),
    })),
  };
}

/** Aggregates from the backend's samples, in memory that the number of samples does not change. */
async function workOut(
  part: Part,
  plan: QueryPlan,
  grid: Grid,
  envelope: boolean,
  signal: AbortSignal,
): Promise<Answer> {
  const { backend, connection } = part.source;
  const shifted = { ...grid, start: grid.start - part.shift };
  const definitions = new Map(part.definitions.map((definition) => [definition.id, definition]));
  const found = new Map<string, { readonly series: GraphSeries; readonly steps: Steps }>();
  let samples = 0;
  for await (const block of connection.client.stream(backend.compile(plan, connection.capabilities), signal)) {
    signal.throwIfAborted();
    checkResult({ range: plan.range, grid: null, series: block, warnings: [] }, backend.id);
    for (const series of block) {
      if (series.time.length === 0) continue;
      const key = `${series.definition} ${labelsText(series.labels)}`;
      let one = found.get(key);
      if (one === undefined) {
        const definition = definitions.get(series.definition)!;
        one = {
          series,
          steps: createSteps(shifted, definition.aggregate, envelope && isOnScale(definition.aggregate)),
        };
        found.set(key, one);
        if (found.size * grid.length * 5 > MOST_CELLS) {
          throw tooMany(
            MOST_CELLS,
            `More than ${found.size - 1} series of ${grid.length} points are more than one graph takes. Ask for fewer points, or for fewer series.`,
          );
        }
      }
      samples += series.time.length;
      if (samples > MOST_STATISTICS_SAMPLES) {
        throw tooMany(
          MOST_STATISTICS_SAMPLES,
          `The range holds more than ${MOST_STATISTICS_SAMPLES} samples, and ${backend.id} cannot aggregate them itself. Shorten it, or ask for fewer series.`,
        );
      }
      one.steps.add(series.time, series.value, series.quality);
    }
  }
  const time = gridTimes(shifted);
  return {
    warnings: [],
    series: [...found.values()].map(({ series, steps }) => {
      const { aggregate } = definitions.get(series.definition)!;
      return { ...series, unit: unitOfAggregate(series.unit, aggregate), time, ...steps.finish() };
    }),
  };
}

const tooMany = (limit: number, message: string): AppError =>
  new AppError('query.too-many-samples', message, { details: { limit } });

/** From what a backend stores to what the definition shows: the metric's unit, filled, grouped, the unit asked for. */
function finished(definition: Definition, metric: RegisteredMetric, own: readonly GraphSeries[]): GraphSeries[] {
  const into = (series: GraphSeries, unit: string | null): GraphSeries => {
    const conversion = conversionOf(series.unit, unit);
    if ('fault' in conversion) throw invalid([{ path: 'unit', message: conversion.fault }]);
    const exact: Conversion = hasOffset(definition) ? conversion : { ...conversion, offset: 0 };
    return unit === null ? series : convertSeries(series, exact, unit);
  };
  const metricUnit = unitOfAggregate(metric.identifier.unit, definition.aggregate);
  const filled = own.map((series) => fillSeries(into(series, metricUnit), definition.fill));
  const grouped = definition.groupBy === null ? filled : groupSeries(filled, definition.groupBy);
  return grouped.map((series) => into(series, series.unit === null ? null : definition.unit));
}

/** Series of one axis are piled up; those with another unit stay beside the pile. */
function stacked(graph: GraphDefinition, series: readonly GraphSeries[], warnings: string[]): GraphSeries[] {
  const { stack } = graph.style;
  if (stack === 'none') return [...series];
  const styles = new Map(graph.series.map(({ id, style }) => [id, style]));
  const piles = new Map<number, GraphSeries[]>();
  for (const one of series) {
    const style = styles.get(one.definition)!;
    if (!style.visible) continue;
    const pile = piles.get(style.axis) ?? [];
    if (pile.length > 0 && pile[0]!.unit !== one.unit) {
      warnings.push(
        `${one.definition} has the unit ${one.unit ?? 'none'} and is not stacked on ${pile[0]!.unit ?? 'none'}. Choose one unit, or another axis.`,
      );
      continue;
    }
    piles.set(style.axis, [...pile, one]);
  }
  const piled = new Map<GraphSeries, GraphSeries>();
  for (const pile of piles.values()) {
    for (const [at, one] of stackSeries(pile, stack).entries()) piled.set(pile[at]!, one);
  }
  return series.map((one) => piled.get(one) ?? one);
}
