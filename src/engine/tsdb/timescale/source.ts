import type { PlannedSeries } from '#engine/tsdb/tsdb.ts';
import { AppError } from '#shared/errors.ts';
import type { TimeRange } from '#shared/model/index.ts';
import { columnOf, narrowCells, numberOf, type Parameters, qualityOf, timeCell, timeWithin } from './expressions.ts';
import { from, type Resolved, wideValues } from './relations.ts';

/** Where the rows of a series come from, as parts of a statement. */
export interface Source {
  readonly resolved: Resolved;
  readonly parameters: Parameters;
  /** FROM and everything that is joined. */
  readonly relation: string;
  /** What tells series apart: the tag first. */
  readonly keys: readonly string[];
  readonly value: string;
  readonly quality: string;
  /** Beside those of time. */
  readonly conditions: readonly string[];
  /** Keys of one name and labels are one series; no rollup knows of it. */
  readonly merged: boolean;
  readonly time: string;
}

export function createSource(
  resolved: Resolved,
  planned: PlannedSeries,
  conditions: { readonly samples: readonly string[]; readonly tags: readonly string[] },
  parameters: Parameters,
  merged = false,
): Source | null {
  const { mapping } = resolved;
  const { tag } = mapping;
  const labels = mapping.labels
    .filter(({ of }) => of === 'samples')
    .map(({ column }) => `${columnOf('s', column)}::text`);
  const source = {
    resolved,
    parameters,
    merged,
    relation: from(mapping.relation, 's'),
    time: columnOf('s', mapping.time.column),
  };
  const all = [...conditions.samples];
  if (tag.kind === 'columns') {
    const values = wideValues(resolved, planned.match);
    if (values.size === 0) return null;
    if (values.size > planned.limit) throw tooManySeries(planned);
    const rows = [...values].map(([name, value]) => {
      const quality = qualityOf(mapping.quality, 's', parameters, value.quality ?? undefined);
      return `(${parameters.add(name, 'text')}, ${numberOf(value, 's', parameters)}, ${quality})`;
    });
    return {
      ...source,
      relation: `${source.relation} CROSS JOIN LATERAL (VALUES\n  ${rows.join(',\n  ')}\n) v (tag, value, quality)`,
      keys: ['v.tag', ...labels],
      value: 'v.value',
      quality: 'v.quality',
      conditions: [...all, 'v.value IS NOT NULL'],
    };
  }
  const cells = narrowCells(mapping, 's', parameters);
  if (tag.kind === 'fixed') {
    return { ...source, keys: [parameters.add(tag.name, 'text'), ...labels], ...cells, conditions: all };
  }
  const key = columnOf('s', tag.column);
  if (tag.kind === 'table' && conditions.tags.length > 0) {
    // An array that is known before the scan begins: indexes and compressed chunks are looked up by it.
    const limit = merged ? '' : ` LIMIT ${planned.limit + 1}`;
    all.push(
      `${key} = ANY (ARRAY(SELECT ${columnOf('t', tag.key)} FROM ${from(tag.relation, 't')} WHERE ${conditions.tags.join(' AND ')}${limit}))`,
    );
  }
  if (tag.kind === 'table' && merged) {
    const relation = `${source.relation} JOIN (${newestKeys(resolved, conditions.tags)}) g ON g.key = ${key}`;
    return { ...source, relation, keys: ['g.own', ...labels], ...cells, conditions: all };
  }
  return { ...source, keys: [key, ...labels], ...cells, conditions: all };
}

/** Every key of a table of tags, with the newest one of its name and labels, which stands for all of them. */
function newestKeys({ mapping, chosen }: Resolved, conditions: readonly string[]): string {
  const { tag, labels } = mapping;
  if (tag.kind !== 'table') throw new Error('There is no table of tags.');
  const key = columnOf('t', tag.key);
  const told =
    chosen !== null
      ? []
      : [
          ...labels.filter(({ of }) => of === 'tags').map(({ column }) => column),
          ...(tag.labels === null ? [] : [tag.labels]),
        ];
  const same = [tag.name, ...told].map((column) => `${columnOf('t', column)}::text`);
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  return `SELECT ${key} AS key, first_value(${key}) OVER (PARTITION BY ${same.join(', ')} ORDER BY ${key} DESC) AS own FROM ${from(tag.relation, 't')}${where}`;
}

export const whereOf = ({ resolved, time, conditions, parameters }: Source, range: TimeRange): string =>
  `WHERE ${[timeWithin(resolved.mapping.time, time, range, parameters), ...conditions].join(' AND ')}`;

/**
 * Rows of a range as k0, k1 ..., at, value and quality. Where times repeat, one of those with the same keys and time: it is
 * the same one in samples and in steps, whatever order the database reads them in.
 */
export function rangeText(source: Source, range: TimeRange): string {
  const { resolved, keys, value, quality, relation, time, parameters } = source;
  const { time: kind, timesRepeat } = resolved.mapping;
  const at = timeCell(kind, time, parameters);
  const same = [...keys.map((_, n) => `k${n}`), 'at'].join(', ');
  return [
    `SELECT ${timesRepeat ? `DISTINCT ON (${same}) ` : ''}${keys.map((key, n) => `${key} AS k${n}`).join(', ')}, ${at} AS at, ${value} AS value, ${quality} AS quality`,
    `FROM ${relation}`,
    whereOf(source, range),
    ...(timesRepeat ? [`ORDER BY ${same}, quality, value`] : []),
  ].join('\n');
}

/** Every row of a range. */
export function rowsText(source: Source, range: TimeRange): string {
  const { resolved, keys, value, quality, relation, time, parameters } = source;
  if (resolved.mapping.timesRepeat) {
    const own = ['k0::text', ...keys.slice(1).map((_, n) => `k${n + 1}`), 'at', 'value', 'quality'];
    return `SELECT ${own.join(', ')}\nFROM (\n${indent(rangeText(source, range))}\n) s\nORDER BY at`;
  }
  const cells = [
    ...keys.map((key, at) => (at === 0 ? `${key}::text` : key)),
    timeCell(resolved.mapping.time, time, parameters),
    value,
    quality,
  ];
  return [`SELECT ${cells.join(', ')}`, `FROM ${relation}`, whereOf(source, range), `ORDER BY ${time}`].join('\n');
}

export const indent = (text: string): string => text.replaceAll(/^/gm, '  ');

export function tooManySeries({ definition, limit }: PlannedSeries): AppError {
  const message = `Series ${definition} stands for more than ${limit} stored series, its limit. Match fewer, or raise the limit.`;
  return new AppError('query.too-many-samples', message, { details: { limit } });
}
