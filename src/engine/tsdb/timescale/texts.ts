import type { TextRows, TsdbTag } from '#engine/tsdb/tsdb.ts';
import type { MappedValue, TableMapping, TimeRange } from '#shared/model/index.ts';
import type { TimescaleCapabilities } from './capabilities.ts';
import { cellOf, narrowCells, type Parameters, qualityOf, timeCell, timeWithin } from './expressions.ts';
import { oneTag } from './one-tag.ts';
import type { Statement } from './query.ts';
import { wideValues } from './relations.ts';
import type { Session } from './session.ts';

/** Rows that are fetched at a time. */
const ROWS = 5_000;
/** Longer ones are cut: they are read on a plot. */
const MOST_LETTERS = 500;

export interface TextsOptions {
  readonly session: Session;
  readonly found: TimescaleCapabilities['timescale'];
  /** Throws `query.too-many-samples` for a statement that would read too much. */
  guard(statement: Statement, signal: AbortSignal): Promise<void>;
}

/** The texts of one tag in order of time, each time once. */
export function createTexts({ session, found, guard }: TextsOptions) {
  return async function* texts(tag: TsdbTag, range: TimeRange, signal: AbortSignal): AsyncGenerator<TextRows> {
    const statement = textStatement(tag, range, found);
    if (statement === null) return;
    await guard(statement, signal);
    let last = Number.NEGATIVE_INFINITY;
    for await (const rows of session.cursor(statement.text, statement.values, ROWS, signal)) {
      const times: number[] = [];
      const text: (string | null)[] = [];
      const quality: number[] = [];
      for (const [at, cell, code] of rows as [number, string | null, number][]) {
        if (!Number.isFinite(at) || at <= last) continue;
        last = at;
        times.push(at);
        text.push(cell);
        quality.push(code);
      }
      if (times.length > 0) yield { time: Float64Array.from(times), text, quality: Uint16Array.from(quality) };
    }
  };
}

/** Rows of: time, text, quality. Null where the tag is of nothing that is known here. */
export function textStatement(
  tag: Pick<TsdbTag, 'metric' | 'override' | 'labels'>,
  range: TimeRange,
  found: TimescaleCapabilities['timescale'],
): Statement | null {
  const one = oneTag(tag, found);
  if (one === null) return null;
  const { resolved, parameters, relation, time, conditions, keys } = one;
  const { mapping } = resolved;
  const cells = cellsOf(mapping, [...wideValues(resolved, tag.labels).values()][0], parameters);
  if (cells === null) return null;
  const keyed = keys === null ? [] : [`${keys.column} = ANY (ARRAY(${keys.query}))`];
  const where = [timeWithin(mapping.time, time, range, parameters), ...keyed, ...conditions, ...cells.conditions];
  const text = [
    `SELECT ${timeCell(mapping.time, time, parameters)}, left(${cells.text}, ${MOST_LETTERS}), ${cells.quality}`,
    `FROM ${relation}`,
    `WHERE ${where.join(' AND ')}`,
    `ORDER BY ${time}`,
  ].join('\n');
  return { text, values: parameters.values };
}

function cellsOf(
  mapping: TableMapping,
  wide: MappedValue | undefined,
  parameters: Parameters,
): { readonly text: string; readonly quality: string; readonly conditions: readonly string[] } | null {
  if (mapping.tag.kind !== 'columns') {
    const cells = mapping.values.map((value) => `${cellOf(value, 's', parameters)}::text`);
    const { quality } = narrowCells(mapping, 's', parameters);
    return { text: cells.length === 1 ? cells[0]! : `coalesce(${cells.join(', ')})`, quality, conditions: [] };
  }
  if (wide === undefined) return null;
  const cell = cellOf(wide, 's', parameters);
  const quality = qualityOf(mapping.quality, 's', parameters, wide.quality ?? undefined);
  return { text: `${cell}::text`, quality, conditions: [`${cell} IS NOT NULL`] };
}
