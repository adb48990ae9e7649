import type { TsdbTag } from '#engine/tsdb/tsdb.ts';
import { isAppError } from '#shared/errors.ts';
import type { TimeRange } from '#shared/model/index.ts';
import type { TimescaleCapabilities } from './capabilities.ts';
import { cellOf, timeCell, timeWithin } from './expressions.ts';
import { type Ask, requireCost } from './foreign/index.ts';
import { oneTag } from './one-tag.ts';
import type { Statement } from './query.ts';
import { wideValues } from './relations.ts';
import type { Session } from './session.ts';
import { indent } from './source.ts';

/** Rows that the server may look at for one end: with an index by tag and time it is one. */
const MOST_ROWS = 200_000;
/** An end that takes longer to find is not known. */
const MOST_MS = 2_000;
/** Of these times microseconds are whole numbers. */
const KNOWN_TIMES: TimeRange = { from: Date.UTC(1685, 0) * 1_000, to: Date.UTC(2255, 0) * 1_000 };
/** All that is asked for at once; what is left then is not known this time. */
const ALL_MS = 15_000;

export interface EndsOptions {
  readonly session: Session;
  readonly found: TimescaleCapabilities['timescale'];
  /** Rows that one statement may read. */
  readonly mostRows: number;
  readonly now: () => number;
}

/** First and last time of a tag's samples, where an index leads to them; null where that would cost the server too much. */
export function createEnds({ session, found, mostRows, now }: EndsOptions) {
  const ask = session.query as Ask;
  /** Tags whose ends cost too much: they are not asked for again over this connection. */
  const costly = new Set<string>();

  const one = async (tag: TsdbTag, signal: AbortSignal): Promise<TimeRange | null> => {
    const ends: number[] = [];
    for (const last of [false, true]) {
      const statement = endStatement(tag, last, found);
      if (statement === null) return null;
      await requireCost(ask, statement.text, statement.values, Math.min(mostRows, MOST_ROWS), signal);
      const [row] = await session.query(statement.text, statement.values, signal, MOST_MS);
      if (typeof row?.at !== 'number' || !Number.isFinite(row.at)) return null;
      ends.push(row.at);
    }
    // Behind the last sample, as ranges end.
    return { from: ends[0]!, to: ends[1]! + 1 };
  };

  return async (tags: readonly TsdbTag[], signal: AbortSignal): Promise<(TimeRange | null)[]> => {
    const until = now() + ALL_MS;
    const answers: (TimeRange | null)[] = [];
    for (const tag of tags) {
      if (costly.has(tag.id) || now() > until) {
        answers.push(null);
        continue;
      }
      try {
        answers.push(await one(tag, signal));
      } catch (error) {
        signal.throwIfAborted();
        // What became of a table is told where its samples are read.
        const isCost = isAppError(error, 'query.too-many-samples') || isAppError(error, 'tsdb.timeout');
        if (!isCost && !isAppError(error, 'tsdb.refused')) throw error;
        if (isCost) costly.add(tag.id);
        answers.push(null);
      }
    }
    return answers;
  };
}

/** Null where the tag is of nothing that is known here. */
export function endStatement(
  tag: Pick<TsdbTag, 'metric' | 'override' | 'labels'>,
  last: boolean,
  found: TimescaleCapabilities['timescale'],
): Statement | null {
  const one = oneTag(tag, found);
  if (one === null) return null;
  const { resolved, parameters, relation, time, conditions, keys } = one;
  const { mapping } = resolved;
  // "For ever" and its like would be no end that anybody can go to.
  const all = [...conditions, timeWithin(mapping.time, time, KNOWN_TIMES, parameters)];
  if (mapping.tag.kind === 'columns') {
    const [value] = wideValues(resolved, tag.labels).values();
    if (value === undefined) return null;
    all.push(`${cellOf(value, 's', parameters)} IS NOT NULL`);
  }
  const end = (more: readonly string[]): string =>
    [
      `SELECT ${timeCell(mapping.time, time, parameters)} AS at`,
      `FROM ${relation}`,
      `WHERE ${[...more, ...all].join(' AND ')}`,
      `ORDER BY ${time}${last ? ' DESC' : ''}`,
      'LIMIT 1',
    ].join('\n');
  if (keys === null) return { text: end([]), values: parameters.values };
  // Each key by itself, so that an index by it and the time gives its end at once.
  const text = [
    'SELECT e.at AS at',
    `FROM (${keys.query}) k CROSS JOIN LATERAL (\n${indent(end([`${keys.column} = k.k0`]))}\n) e`,
    `ORDER BY e.at${last ? ' DESC' : ''}`,
    'LIMIT 1',
  ].join('\n');
  return { text, values: parameters.values };
}
