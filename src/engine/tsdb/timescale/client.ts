import type { TsdbClient } from '#engine/tsdb/tsdb.ts';
import { AppError } from '#shared/errors.ts';
import {
  compareLabels,
  type GraphSeries,
  type Grid,
  gridTimes,
  keyOf,
  type Labels,
  labelsText,
  stepQuality,
} from '#shared/model/graph/index.ts';
import { isBad, type MappedValue, MOST_CELLS, mappedValueName, TAG_LABEL } from '#shared/model/index.ts';
import type { TimescaleCapabilities } from './capabilities.ts';
import { createParameters } from './expressions.ts';
import type { Settle } from './held.ts';
import { type CompiledSeries, type Statement, type TimescaleQuery, tagStatement } from './query.ts';
import { type FoundTag, type Resolved, resolve, tagConditions } from './relations.ts';
import type { Session } from './session.ts';
import { tooManySeries } from './source.ts';
import { identifier, relation } from './sql.ts';

const BACKEND = 'timescale';
/** Rows that are fetched at a time. */
const ROWS = 5_000;

export interface ClientOptions {
  readonly session: Session;
  readonly found: TimescaleCapabilities['timescale'];
  readonly settle: Settle;
  /** Looks at what a statement would cost before it is sent; throws `query.too-many-samples`. */
  guard(statement: Statement, signal: AbortSignal): Promise<void>;
  /** What an error says of a label that is compared with what its column cannot hold; null where it is not that. */
  mismatched(error: unknown, series: CompiledSeries, signal: AbortSignal): Promise<string | null>;
  /** What an error says of a mapping whose tables have changed; null where it says nothing of the kind. */
  drifted(error: unknown, resolved: Resolved): string | null;
  /** A mapping's table was read without trouble. */
  fits(resolved: Resolved): void;
}

/** What a row says of the series that it belongs to. */
interface Identity {
  readonly labels: Labels;
  readonly unit: string | null;
}

interface Identities {
  readonly samples: Statement;
  identify(cells: readonly unknown[]): Identity | null;
}

export function createTimescaleClient({
  session,
  found,
  settle,
  guard,
  mismatched,
  drifted,
  fits,
}: ClientOptions): TsdbClient<TimescaleQuery> {
  const tagsOf = async (
    statement: Statement,
    tagLabels: readonly string[],
    onTag: (tag: FoundTag) => void,
    signal: AbortSignal,
  ): Promise<void> => {
    const take = ([key, name, unit, json, ...cells]: readonly (string | null)[]): void => {
      const labels = labelsOf(json ?? null);
      for (const [at, label] of tagLabels.entries()) {
        const cell = cells[at];
        if (cell != null) labels[label] = cell;
      }
      onTag({ key: key ?? '', name: name ?? '', unit: unit ?? null, labels });
    };
    await session.each(statement.text, statement.values, (row) => take(row as readonly (string | null)[]), signal);
  };

  /** The statement of a series, and who its rows belong to, by their first cells; null for nobody at all. */
  const identities = async (series: CompiledSeries, signal: AbortSignal): Promise<Identities | null> => {
    const { planned, resolved } = series;
    const { mapping } = resolved;
    let { samples } = series;
    let byKey: Map<string, FoundTag> | null = null;
    if (series.tags !== null) {
      const tags = new Map<string, FoundTag>();
      const names = new Set<string>();
      const take = (tag: FoundTag): void => {
        tags.set(tag.key, tag);
        names.add(labelsText(labelsHere(resolved, tag.name, tag.labels)));
        if (names.size > planned.limit) throw tooManySeries(planned);
      };
      await tagsOf(series.tags, series.tagLabels, take, signal);
      if (tags.size === 0) return null;
      // Keys that were left out may be of any name.
      if (tags.size >= series.mostTags) throw tooManySeries(planned);
      if (names.size < tags.size) samples = series.merged() ?? samples;
      byKey = tags;
    }
    const units = new Map(mapping.values.map((value) => [mappedValueName(value), value.unit]));
    const values: readonly MappedValue[] = mapping.values;
    const only = values.length === 1 ? values[0]!.unit : null;
    const identify = (cells: readonly unknown[]): Identity | null => {
      const first = String(cells[0] ?? '');
      const tag = byKey?.get(first);
      if (byKey !== null && tag === undefined) return null;
      const name = tag?.name ?? first;
      const own: Record<string, string> = {};
      for (const [at, label] of series.labels.entries()) {
        const cell = cells[at + 1];
        if (cell != null) own[label] = String(cell);
      }
      const unit = tag?.unit ?? (mapping.tag.kind === 'columns' ? (units.get(name) ?? null) : only);
      return { unit, labels: labelsHere(resolved, name, { ...tag?.labels, ...own }) };
    };
    return { samples, identify };
  };

  const read = async function* ({ text, values }: Statement, signal: AbortSignal): AsyncGenerator<unknown[][]> {
    await guard({ text, values }, signal);
    yield* session.cursor(text, values, ROWS, signal);
  };

  /** Rows by the series that they belong to; the key tells them apart. */
  const createSorter = (series: CompiledSeries, identify: (cells: readonly unknown[]) => Identity | null) => {
    const width = series.labels.length + 1;
    const byText = new Map<string, { readonly identity: Identity; readonly at: number } | null>();
    let count = 0;
    return {
      width,
      of(row: readonly unknown[]) {
        const text = width === 1 ? String(row[0]) : JSON.stringify(row.slice(0, width));
        let one = byText.get(text);
        if (one === undefined) {
          const identity = identify(row);
          one = identity === null ? null : { identity, at: count++ };
          if (count > series.planned.limit) throw tooManySeries(series.planned);
          byText.set(text, one);
        }
        return one;
      },
    };
  };

  const samplesOf = async function* (series: CompiledSeries, signal: AbortSignal): AsyncGenerator<GraphSeries[]> {
    const known = await identities(series, signal);
    if (known === null) return;
    const sorter = createSorter(series, known.identify);
    /** Time of the last sample of each series: the same time again is left out. */
    const last: number[] = [];
    for await (const rows of read(known.samples, signal)) {
      const parts = new Map<number, { readonly identity: Identity; readonly rows: unknown[][] }>();
      for (const row of rows) {
        const one = sorter.of(row);
        if (one === null) continue;
        const when = row[sorter.width] as number;
        if (!Number.isFinite(when) || when <= (last[one.at] ?? Number.NEGATIVE_INFINITY)) continue;
        last[one.at] = when;
        const part = parts.get(one.at);
        if (part === undefined) parts.set(one.at, { identity: one.identity, rows: [row] });
        else part.rows.push(row);
      }
      if (parts.size > 0)
        yield [...parts.values()].map((part) => block(series, part.identity, part.rows, sorter.width));
    }
  };

  return {
    async query({ plan, series: all }, signal) {
      const { range, grid } = plan;
      if (grid === null) throw new Error('A query for raw samples is streamed.');
      const time = gridTimes(grid);
      const warnings: string[] = [];
      const result: GraphSeries[] = [];
      let cells = 0;
      for (const [n, series] of all.entries()) {
        if (series === null) {
          warnings.push(nothingKnown(plan.series[n]!.definition, keyOf(plan.series[n]!.metric)));
          continue;
        }
        try {
          await readSteps(series);
          fits(series.resolved);
        } catch (error) {
          if (signal.aborted) throw error;
          // The other series of a graph need not suffer from what is wrong with one, or from a table that has changed.
          const told = (await mismatched(error, series, signal)) ?? drifted(error, series.resolved);
          if (told === null) throw error;
          warnings.push(`${series.planned.definition}: ${told}`);
        }
      }
      return { range, grid, series: result, warnings };

      async function readSteps(series: CompiledSeries): Promise<void> {
        if (grid === null) return;
        const known = await identities(series, signal);
        if (known === null) return;
        const sorter = createSorter(series, known.identify);
        const columns: { readonly identity: Identity; readonly steps: Steps }[] = [];
        const samples = { ...known.samples, values: await settle(known.samples.values, signal) };
        await guard(samples, signal);
        const take = (row: readonly unknown[]): void => {
          const one = sorter.of(row);
          if (one === null) return;
          if (one.at === columns.length) {
            columns.push({ identity: one.identity, steps: createSteps(grid!, series) });
            cells += grid!.length * (series.envelope ? 6 : 4);
            if (cells > MOST_CELLS) throw tooManyCells(grid!);
          }
          columns[one.at]!.steps.add(row, sorter.width);
        };
        await session.each(samples.text, samples.values, take, signal);
        const own = columns.map(({ identity, steps }) => ({ ...seriesHead(series, identity), time, ...steps.values }));
        result.push(...own.sort((a, b) => compareLabels(a.labels, b.labels)));
      }
    },

    async *stream({ series: all }, signal) {
      for (const series of all) {
        if (series === null) continue;
        try {
          yield* samplesOf(series, signal);
          fits(series.resolved);
        } catch (error) {
          const told = signal.aborted ? null : await mismatched(error, series, signal);
          if (told === null) {
            drifted(error, series.resolved);
            throw error;
          }
          throw new AppError('tsdb.refused', told, { details: { backend: BACKEND, reason: told }, cause: error });
        }
      }
    },

    async series(asked, limit, signal) {
      const resolved = resolve(asked, found);
      if (resolved === null) return [];
      const { mapping, chosen } = resolved;
      if (chosen !== null) return [...chosen.values()].slice(0, limit);
      const { tag } = mapping;
      if (tag.kind === 'fixed') return [labelsHere(resolved, tag.name, {})];
      if (tag.kind === 'columns') {
        return mapping.values.slice(0, limit).map((value) => labelsHere(resolved, mappedValueName(value), {}));
      }
      if (tag.kind === 'table') {
        const parameters = createParameters();
        const conditions = tagConditions(resolved, {}, { samples: createParameters(), tags: parameters });
        const statement = tagStatement(resolved, conditions?.tags ?? [], limit, parameters);
        const names = mapping.labels.filter(({ of }) => of === 'tags').map(({ name }) => name);
        const found = new Map<string, Labels>();
        const take = ({ name, labels }: FoundTag): void => {
          const here = labelsHere(resolved, name, labels);
          found.set(labelsText(here), here);
        };
        await tagsOf(statement, names, take, signal);
        return [...found.values()];
      }
      const names = await distinctTags(session, resolved, tag.column, limit, signal);
      return names.map((name) => labelsHere(resolved, name, {}));
    },
  };
}

/** The labels that a series has here, from what stands there. */
export function labelsHere({ mapping, renamed, chosen }: Resolved, tagName: string, there: Labels): Labels {
  const known = chosen?.get(tagName);
  if (known !== undefined) return known;
  const { tag } = mapping;
  const own = tag.kind === 'table' && tag.metric !== null ? {} : { [TAG_LABEL]: tagName };
  const names = new Map(Object.entries(renamed).map(([here, name]) => [name, here]));
  const labels = Object.entries(there).map(([name, value]) => [names.get(name) ?? name, value] as const);
  return { ...own, ...Object.fromEntries(labels) };
}

function labelsOf(json: string | null): Record<string, string> {
  if (json === null) return {};
  const parsed: unknown = JSON.parse(json);
  if (typeof parsed !== 'object' || parsed === null) return {};
  return Object.fromEntries(
    Object.entries(parsed).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

const seriesHead = ({ planned }: CompiledSeries, { labels, unit }: Identity) => ({
  definition: planned.definition,
  metric: planned.metric,
  labels,
  unit: planned.override?.unit ?? unit ?? planned.metric.unit,
});

interface Steps {
  /** A row with its keys before `from`. */
  add(row: readonly unknown[], from: number): void;
  readonly values: Pick<GraphSeries, 'value' | 'quality' | 'envelope'>;
}

function createSteps({ start, step, length }: Grid, { planned, envelope, numbered }: CompiledSeries): Steps {
  const counts = planned.aggregate === 'count';
  const value = new Float64Array(length).fill(counts ? 0 : Number.NaN);
  const quality = new Uint16Array(length).fill(counts ? 0 : stepQuality(0, 0, 0));
  const ends = envelope
    ? { min: new Float64Array(length).fill(Number.NaN), max: new Float64Array(length).fill(Number.NaN) }
    : null;
  return {
    values: { value, quality, envelope: ends },
    add(row, from) {
      const cell = row[from] as number;
      const at = numbered ? cell : Math.round((cell - start) / step);
      if (!(at >= 0 && at < length)) return;
      const [, number, usable, other, worst, min, max] = row.slice(from) as (number | null)[];
      value[at] = number ?? Number.NaN;
      if (!counts) quality[at] = stepQuality(usable!, other!, worst ?? 0);
      if (isBad(quality[at]!)) value[at] = Number.NaN;
      if (ends !== null) {
        ends.min[at] = min ?? Number.NaN;
        ends.max[at] = max ?? Number.NaN;
      }
    },
  };
}

function block(
  series: CompiledSeries,
  identity: Identity,
  rows: readonly (readonly unknown[])[],
  from: number,
): GraphSeries {
  const time = new Float64Array(rows.length);
  const value = new Float64Array(rows.length);
  const quality = new Uint16Array(rows.length);
  for (const [at, row] of rows.entries()) {
    time[at] = row[from] as number;
    quality[at] = row[from + 2] as number;
    value[at] = isBad(quality[at]!) ? Number.NaN : ((row[from + 1] as number | null) ?? Number.NaN);
  }
  return { ...seriesHead(series, identity), time, value, quality, envelope: null };
}

/** Names of the tags in a column: from one to the next, which an index answers without reading all rows. */
async function distinctTags(
  session: Session,
  { mapping }: Resolved,
  column: string,
  limit: number,
  signal: AbortSignal,
): Promise<string[]> {
  const table = relation(mapping.relation.schema, mapping.relation.name);
  const name = identifier(column);
  const text = [
    'WITH RECURSIVE tags AS (',
    `  (SELECT ${name} AS tag FROM ${table} WHERE ${name} IS NOT NULL ORDER BY 1 LIMIT 1)`,
    '  UNION ALL',
    `  SELECT (SELECT ${name} FROM ${table} WHERE ${name} > tags.tag ORDER BY 1 LIMIT 1) FROM tags WHERE tags.tag IS NOT NULL`,
    ')',
    `SELECT tag::text AS tag FROM tags WHERE tag IS NOT NULL LIMIT ${limit}`,
  ].join('\n');
  return (await session.query(text, [], signal)).map(({ tag }) => String(tag));
}

const nothingKnown = (definition: string, key: string): string =>
  `${definition}: nothing is known of ${key} in this database. Map the table that holds it, or name it in the registry, under backends, timescale.`;

function tooManyCells({ length }: Grid): AppError {
  const message = `So many series of ${length} points are more than one graph takes. Ask for fewer points, or for fewer series.`;
  return new AppError('query.too-many-samples', message, { details: { limit: MOST_CELLS } });
}
