import { type CompiledQuery, type PlannedSeries, type QueryPlan, requireCapabilities } from '#engine/tsdb/tsdb.ts';
import { type BackendCapabilities, isOnScale } from '#shared/model/graph/index.ts';
import { foundOf, type TimescaleCapabilities } from './capabilities.ts';
import { columnOf, createParameters, type Parameters } from './expressions.ts';
import { fixedMatches, from, type Resolved, resolve, tagConditions } from './relations.ts';
import { createSource, rowsText } from './source.ts';
import { stepsText } from './steps.ts';

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** One series definition as statements. */
export interface CompiledSeries {
  readonly planned: PlannedSeries;
  readonly resolved: Resolved;
  /** Tags of a table of tags, in the order of their names: key, name, unit, labels as JSON, label columns. */
  readonly tags: Statement | null;
  /** Rows of `tags` that are read at the most: one more than the limit, more where a name may have several keys. */
  readonly mostTags: number;
  /**
   * Rows of: key or name of the tag, label columns, then time, value, quality; or time of the step, value, number of
   * usable and of other samples, worst quality and with an envelope the smallest and the largest value.
   */
  readonly samples: Statement;
  /**
   * The same where keys of one name and labels are one series, as a tag that was made anew under its name has; null where
   * that cannot be.
   */
  merged(): Statement | null;
  /** Names of labels that come with each row. */
  readonly labels: readonly string[];
  /** Names of labels that come with each tag. */
  readonly tagLabels: readonly string[];
  readonly envelope: boolean;
  /** Steps come as their number in the grid, not as their start. */
  readonly numbered: boolean;
}

export interface TimescaleQuery extends CompiledQuery {
  readonly plan: QueryPlan;
  /** Null where nothing can match, or nothing is known of the metric. */
  readonly series: readonly (CompiledSeries | null)[];
}

export function compileTimescale(plan: QueryPlan, capabilities: BackendCapabilities): TimescaleQuery {
  requireCapabilities('timescale', plan, capabilities);
  const found = foundOf(capabilities);
  const series = plan.series.map((planned) => compileSeries(plan, planned, found));
  return { plan, series, explain: () => explain(plan, series) };
}

/** Rows of a table of tags that one name may have on the average. */
const KEYS_OF_A_NAME = 100;

type Found = TimescaleCapabilities['timescale'];

function compileSeries(plan: QueryPlan, planned: PlannedSeries, found: Found): CompiledSeries | null {
  const resolved = resolve(planned, found);
  if (resolved === null || !fixedMatches(resolved, planned.match)) return null;
  const { mapping } = resolved;
  const { tag } = mapping;
  const ofTags = createParameters();
  const alone = tagConditions(resolved, planned.match, { samples: createParameters(), tags: ofTags });
  if (alone === null) return null;
  const envelope = plan.envelope && isOnScale(planned.aggregate);
  const statement = (merged: boolean): Statement | null => {
    // The conditions on tags are part of both statements, and their values of both lists.
    const parameters = createParameters();
    const conditions = tagConditions(resolved, planned.match, { samples: parameters, tags: parameters });
    const source = conditions === null ? null : createSource(resolved, planned, conditions, parameters, merged);
    if (source === null) return null;
    const text =
      plan.grid === null
        ? rowsText(source, plan.range)
        : stepsText(source, plan.grid, plan.range, planned, envelope, found, parameters);
    return { text, values: parameters.values };
  };
  const samples = statement(false);
  if (samples === null) return null;
  // Of the tables of our own each series has one row.
  const several = tag.kind === 'table' && tag.metric === null;
  const mostTags = (planned.limit + 1) * (several ? KEYS_OF_A_NAME : 1);
  return {
    planned,
    resolved,
    tags: tag.kind === 'table' ? tagStatement(resolved, alone.tags, mostTags, ofTags) : null,
    mostTags,
    samples,
    merged: () => (several ? statement(true) : null),
    labels: mapping.labels.filter(({ of }) => of === 'samples').map(({ name }) => name),
    tagLabels: mapping.labels.filter(({ of }) => of === 'tags').map(({ name }) => name),
    envelope,
    numbered: mapping.time.kind === 'epoch' || found.steps === 'epoch',
  };
}

/** The tags of a metric with what stands for them; without conditions all of them. */
export function tagStatement(
  { mapping: { tag, labels } }: Resolved,
  conditions: readonly string[],
  limit: number,
  parameters: Parameters,
): Statement {
  if (tag.kind !== 'table') throw new Error('There is no table of tags.');
  const cell = (name: string | null): string => (name === null ? 'NULL' : `${columnOf('t', name)}::text`);
  const columns = [
    cell(tag.key),
    cell(tag.name),
    cell(tag.unit),
    cell(tag.labels),
    ...labels.filter(({ of }) => of === 'tags').map(({ column }) => cell(column)),
  ];
  const text = [
    `SELECT ${columns.join(', ')}`,
    `FROM ${from(tag.relation, 't')}`,
    ...(conditions.length === 0 ? [] : [`WHERE ${conditions.join(' AND ')}`]),
    'ORDER BY 2, 1',
    `LIMIT ${limit}`,
  ].join('\n');
  return { text, values: parameters.values };
}

function explain({ range, grid }: QueryPlan, series: readonly (CompiledSeries | null)[]): string {
  const show = ({ text, values }: Statement): string =>
    `${text};\n${values.map((value, at) => `-- $${at + 1} ${JSON.stringify(value)}\n`).join('')}`;
  const parts = series.map((one) => {
    if (one === null) return '-- nothing is known of it here\n';
    const { planned, tags, samples } = one;
    const head = `-- ${planned.definition}: ${grid === null ? 'samples' : planned.aggregate}, at most ${planned.limit} series\n`;
    return `${head}${tags === null ? '' : show(tags)}${show(samples)}`;
  });
  const head =
    grid === null
      ? `-- range ${range.from} ${range.to}, samples\n`
      : `-- range ${range.from} ${range.to}, grid from ${grid.start} step ${grid.step} points ${grid.length}\n`;
  return `${head}${parts.join('\n')}`;
}
