import type { CatalogueColumn, CatalogueRelation, EpochUnit, MappingGuess, TableMapping } from '#shared/model/index.ts';
import { NAMES, plain } from './names.ts';

/** Texts that some rows have, by their columns; empty where no rows were looked at. */
export type Examples = ReadonlyMap<string, readonly (string | null)[]>;

export interface TimeGuess {
  readonly column: CatalogueColumn;
  readonly time: TableMapping['time'];
  readonly confidence: number;
  readonly reason: string;
  readonly questions: MappingGuess['questions'];
}

/** What is known of the server's clock and zone. */
export interface Surroundings {
  /** UTC microseconds; null where nobody looked. */
  readonly now: number | null;
  readonly serverZone: string;
}

/** The likeliest column of time; null where no column can be one. */
export function guessTime(relation: CatalogueRelation, examples: Examples, around: Surroundings): TimeGuess | null {
  let best: { column: CatalogueColumn; score: number; why: string } | null = null;
  for (const column of relation.columns) {
    const found = scoreOf(column, relation);
    if (found !== null && found.score > (best?.score ?? 0)) best = { column, ...found };
  }
  if (best === null) return null;
  const { column, score, why } = best;
  const confidence = Math.min(1, score);
  if (column.kind === 'instant') {
    const time = { column: column.name, kind: 'timestamptz', unit: 'ms', zone: 'UTC' } as const;
    return {
      column,
      time,
      confidence,
      reason: `"${column.name}" is the time: ${why}. It knows its zone.`,
      questions: [],
    };
  }
  if (column.kind === 'wall') return wall(column, confidence, why, relation, around);
  return epoch(column, confidence, why, relation, examples);
}

function scoreOf(column: CatalogueColumn, relation: CatalogueRelation): { score: number; why: string } | null {
  const name = plain(column.name);
  const called = NAMES.time.test(name);
  const divides = relation.partition?.column === column.name;
  const kind = { instant: 0.6, wall: 0.5, integer: 0.15, number: 0.1 }[column.kind as string];
  // A number is a time only where its name or the division of the table says so.
  if (kind === undefined || ((column.kind === 'integer' || column.kind === 'number') && !called && !divides))
    return null;
  if (
    relation.key.length === 1 &&
    relation.key[0] === column.name &&
    column.kind === 'integer' &&
    !divides &&
    name === 'id'
  )
    return null;
  const indexed = relation.indexes.some((columns) => columns.includes(column.name));
  const score =
    kind + (called ? 0.3 : 0) + (divides ? 0.6 : 0) + (indexed ? 0.15 : 0) - (NAMES.booked.test(name) ? 0.45 : 0);
  const why = divides
    ? 'the table is divided by it'
    : called
      ? `it is called so${indexed ? ' and has an index' : ''}`
      : `it is the only one of its kind that fits${indexed ? ', and has an index' : ''}`;
  return { score: Math.max(score, 0.05), why };
}

function wall(
  column: CatalogueColumn,
  confidence: number,
  why: string,
  { range }: CatalogueRelation,
  { now, serverZone }: Surroundings,
): TimeGuess {
  const utc = /utc|gmt/i.test(column.name) || /\butc\b|\bgmt\b/i.test(column.comment ?? '');
  const ahead = now !== null && range?.column === column.name ? Math.round((range.to - now) / 60e6) : null;
  const seen =
    ahead !== null && ahead >= 10 && ahead <= 14 * 60
      ? ` Its newest entry is ${ahead} minutes ahead of UTC, so that it is hardly UTC.`
      : '';
  const zone = utc ? 'UTC' : serverZone;
  const choices = [...new Set([zone, 'UTC', serverZone])].map((value) => ({
    value,
    title: value === serverZone ? `${value} (the server's own)` : value,
  }));
  return {
    column,
    time: { column: column.name, kind: 'timestamp', unit: 'ms', zone },
    confidence: utc ? confidence : confidence * 0.9,
    reason: `"${column.name}" is the time: ${why}. It shows a wall clock and does not say in which zone; ${utc ? 'its name says UTC' : `${zone} is the server's own`}.`,
    questions: [
      {
        path: 'time.zone',
        text: `In which zone did the clock of "${column.name}" run?${seen} Where it kept summer time, the hour that comes twice in autumn cannot be told apart.`,
        choices,
      },
    ],
  };
}

const UNITS: readonly { unit: EpochUnit; from: number; title: string }[] = [
  { unit: 'ns', from: 1e17, title: 'nanoseconds' },
  { unit: 'us', from: 1e14, title: 'microseconds' },
  { unit: 'ms', from: 1e11, title: 'milliseconds' },
  { unit: 's', from: 1e8, title: 'seconds' },
];

/** What a number since 1970 counts, if it lies between 1973 and a far future; null where it is no such time. */
export const epochUnitOf = (value: number): EpochUnit | null => UNITS.find(({ from }) => value >= from)?.unit ?? null;

function epoch(
  column: CatalogueColumn,
  confidence: number,
  why: string,
  { range }: CatalogueRelation,
  examples: Examples,
): TimeGuess | null {
  const seen = (examples.get(column.name) ?? []).flatMap((text) => (text === null ? [] : [Number(text)]));
  const value = seen.length > 0 ? Math.max(...seen) : range?.column === column.name ? range.to : null;
  const unit = value === null ? null : epochUnitOf(value);
  // Seen, and far too small: a number of something else.
  if (value !== null && unit === null) return null;
  const title = UNITS.find((one) => one.unit === (unit ?? 'ms'))!.title;
  return {
    column,
    time: { column: column.name, kind: 'epoch', unit: unit ?? 'ms', zone: 'UTC' },
    confidence: unit === null ? confidence * 0.5 : Math.min(1, confidence + 0.3),
    reason: `"${column.name}" is the time: ${why}, and ${unit === null ? 'it may count' : 'its size says that it counts'} ${title} since 1970.`,
    questions:
      unit !== null
        ? []
        : [
            {
              path: 'time.unit',
              text: `What does "${column.name}" count since 1970? No row was there to tell.`,
              choices: UNITS.toReversed().map((one) => ({ value: one.unit, title: one.title })),
            },
          ],
  };
}
