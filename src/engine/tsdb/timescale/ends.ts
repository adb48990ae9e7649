import type { TsdbTag } from '#engine/tsdb/tsdb.ts';
import { isAppError } from '#shared/errors.ts';
import type { TimeRange } from '#shared/model/index.ts';
import type { TimescaleCapabilities } from './capabilities.ts';
import { columnOf, createParameters, timeCell } from './expressions.ts';
import { type Ask, requireCost } from './foreign/index.ts';
import type { Statement } from './query.ts';
import { fixedMatches, from, resolve, tagConditions } from './relations.ts';
import type { Session } from './session.ts';
import { createSource } from './source.ts';

/** Rows that the server may look at for one end: with an index by tag and time it is one. */
const MOST_ROWS = 200_000;
/** An end that takes longer to find is not known. */
const MOST_MS = 2_000;
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
  { metric, override, labels }: Pick<TsdbTag, 'metric' | 'override' | 'labels'>,
  last: boolean,
  found: TimescaleCapabilities['timescale'],
): Statement | null {
  const resolved = resolve({ metric, override }, found);
  if (resolved === null || !fixedMatches(resolved, labels)) return null;
  const parameters = createParameters();
  const conditions = tagConditions(resolved, labels, { samples: parameters, tags: parameters });
  if (conditions === null) return null;
  const planned = {
    definition: 'end',
    metric,
    override,
    match: labels,
    aggregate: 'last',
    groupBy: null,
    limit: 1,
    extension: {},
  } as const;
  const source = createSource(resolved, planned, { ...conditions, tags: [] }, parameters);
  if (source === null) return null;
  const { tag, time } = resolved.mapping;
  const all = [...source.conditions, `${source.time} IS NOT NULL`];
  if (tag.kind === 'table' && conditions.tags.length > 0) {
    // One key, so that an index by it and the time gives the end at once.
    const key = `(SELECT ${columnOf('t', tag.key)} FROM ${from(tag.relation, 't')} WHERE ${conditions.tags.join(' AND ')} LIMIT 1)`;
    all.push(`${columnOf('s', tag.column)} = ${key}`);
  }
  const text = [
    `SELECT ${timeCell(time, source.time, parameters)} AS at`,
    `FROM ${source.relation}`,
    `WHERE ${all.join(' AND ')}`,
    `ORDER BY ${source.time}${last ? ' DESC' : ''}`,
    'LIMIT 1',
  ].join('\n');
  return { text, values: parameters.values };
}
