import {
  type MappedQuality,
  type MappedValue,
  type TableMapping,
  type TimeRange,
  type UnixMicros,
  zoneOf,
} from '#shared/model/index.ts';
import { identifier, instant } from './sql.ts';

/** Collects values of a statement; what it gives stands in the text for the value. */
export interface Parameters {
  readonly values: readonly unknown[];
  /** Equal values of one type are one parameter. */
  add(value: unknown, type?: string): string;
}

export function createParameters(): Parameters {
  const values: unknown[] = [];
  const known = new Map<string, string>();
  return {
    values,
    add(value, type) {
      // What is only known later is itself alone, whatever it is written as.
      const later = typeof value === 'object' && value !== null && 'toJSON' in value;
      const key = later ? `later ${values.length}` : `${type ?? ''} ${JSON.stringify(value)}`;
      let name = known.get(key);
      if (name === undefined) {
        values.push(value);
        name = type === undefined ? `$${values.length}` : `$${values.length}::${type}`;
        known.set(key, name);
      }
      return name;
    },
  };
}

/** Column of a relation under its short name in the statement. */
export const columnOf = (alias: string, name: string): string => `${alias}.${identifier(name)}`;

type Time = TableMapping['time'];

/** What makes microseconds of a number since 1970. */
const MICROS = { s: '* 1000000::int8', ms: '* 1000::int8', us: '', ns: '/ 1000' } as const;

/** An instant of the database's own kind, of a column with or without a zone. */
export function instantOf(time: Time, column: string, parameters: Parameters): string {
  return time.kind === 'timestamp' ? `(${column} AT TIME ZONE ${parameters.add(time.zone, 'text')})` : column;
}

/** Time as a cell: an instant, or whole microseconds where numbers are kept. */
export function timeCell(time: Time, column: string, parameters: Parameters): string {
  return time.kind === 'epoch' ? `(${column} ${MICROS[time.unit]})::int8` : instantOf(time, column, parameters);
}

const isFixed = (zone: string): boolean => ['UTC', 'Etc/UTC', 'GMT', 'Etc/GMT', 'Z'].includes(zone);

/**
 * Rows of `[from, to)`. The column itself is compared, so that indexes and chunks are used; wall clocks are compared
 * exactly too, because an hour may come twice.
 */
export function timeWithin(time: Time, column: string, range: TimeRange, parameters: Parameters): string {
  const at = (micros: UnixMicros): string => parameters.add(instant(micros), 'timestamptz');
  switch (time.kind) {
    case 'timestamptz':
      return `${column} >= ${at(range.from)} AND ${column} < ${at(range.to)}`;
    case 'timestamp': {
      const wall = (micros: UnixMicros): string => parameters.add(instant(micros).slice(0, -1), 'timestamp');
      if (isFixed(time.zone)) return `${column} >= ${wall(range.from)} AND ${column} < ${wall(range.to)}`;
      const { first, last } = wallBounds(range, time.zone);
      const exact = instantOf(time, column, parameters);
      return [
        `${column} >= ${wall(first)} AND ${column} < ${wall(last)}`,
        `${exact} >= ${at(range.from)} AND ${exact} < ${at(range.to)}`,
      ].join(' AND ');
    }
    case 'epoch': {
      const from = counted(range.from, time.unit);
      const to = counted(range.to, time.unit);
      const number = (value: bigint): string => parameters.add(String(value), 'int8');
      const wide = `${column} >= ${number(from.floor)} AND ${column} ${to.exact ? '<' : '<='} ${number(to.floor)}`;
      if (from.exact && to.exact) return wide;
      const exact = (micros: UnixMicros): string =>
        `${parameters.add(String(micros), 'numeric')} / ${time.unit === 's' ? '1000000' : '1000'}`;
      return `${wide} AND ${column} >= ${exact(range.from)} AND ${column} < ${exact(range.to)}`;
    }
  }
}

const DAY_US = 86_400_000_000;

/** What a wall clock shows within a range at the least and at the most, whenever it is set around its ends. */
function wallBounds({ from, to }: TimeRange, name: string): { readonly first: UnixMicros; readonly last: UnixMicros } {
  const zone = zoneOf(name);
  const offsets = (at: UnixMicros): number[] => [at - DAY_US, at, at + DAY_US].map((one) => zone.offset(one));
  return { first: from + Math.min(...offsets(from)), last: to + Math.max(...offsets(to)) };
}

/** A time as a value that a column of times is compared with; of a number since 1970 its whole units. */
export const timeValue = (time: Time, micros: UnixMicros): string =>
  time.kind === 'epoch' ? String(counted(micros, time.unit).floor) : instant(micros);

/** A time in whole units of a column, and whether that is all of it. */
function counted(micros: UnixMicros, unit: Time['unit']): { readonly floor: bigint; readonly exact: boolean } {
  if (unit === 'ns') return { floor: BigInt(micros) * 1_000n, exact: true };
  const per = { s: 1e6, ms: 1e3, us: 1 }[unit];
  return { floor: BigInt(Math.floor(micros / per)), exact: micros % per === 0 };
}

/** A number as people and programs write it; others have no value. */
const NUMBER = "'^\\s*[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d{1,2})?\\s*$'";

const textAsNumber = (text: string): string =>
  `CASE WHEN length(${text}) <= 200 AND ${text} ~ ${NUMBER} THEN (${text})::float8 WHEN lower(${text}) IN ('true', 't', 'on') THEN 1 WHEN lower(${text}) IN ('false', 'f', 'off') THEN 0 WHEN ${text} IS NOT NULL THEN 'NaN' END`;

/** What stands in a row for a value, as it is: a column, or a text within its JSON. */
export function cellOf({ column, jsonPath }: MappedValue, alias: string, parameters: Parameters): string {
  const bare = columnOf(alias, column);
  return jsonPath.length === 0 ? bare : `(${bare}::jsonb #>> ${parameters.add(jsonPath, 'text[]')})`;
}

/** A value as a number: NULL where there is none, NaN for what is no number. */
export function numberOf(value: MappedValue, alias: string, parameters: Parameters): string {
  const cell = cellOf(value, alias, parameters);
  if (value.jsonPath.length > 0) return textAsNumber(cell);
  return value.type === 'number' ? `${cell}::float8` : textAsNumber(`${cell}::text`);
}

/** A quality as ParX keeps it, 0 to 65535. Where none stands, nobody has judged: good. */
export function qualityOf(quality: MappedQuality | null, alias: string, parameters: Parameters, own?: string): string {
  if (quality === null) return '0';
  const column = columnOf(alias, own ?? quality.column);
  switch (quality.rule) {
    case 'own':
      return `coalesce(${column}::int4, 0)`;
    case 'status-code':
      return `coalesce((${column}::int8 >> 16) & 65535, 0)::int4`;
    case 'opc':
      return `CASE WHEN ${column} IS NULL OR ${column} >= 192 THEN 0 WHEN ${column} >= 64 THEN 16384 ELSE 32768 END`;
    case 'boolean':
      return `CASE WHEN ${column} IS NULL OR ${column} THEN 0 ELSE 32768 END`;
    case 'values': {
      const good = parameters.add(quality.good, 'text[]');
      const uncertain = parameters.add(quality.uncertain, 'text[]');
      return `CASE WHEN ${column} IS NULL OR ${column}::text = ANY (${good}) THEN 0 WHEN ${column}::text = ANY (${uncertain}) THEN 16384 ELSE 32768 END`;
    }
  }
}

/** Quality of a row that has no value at all, where it does not say itself that it is bad. */
export const NO_VALUE_QUALITY = 0x809b;

/**
 * Value and quality of a row of a narrow relation: the first value that is there. A row in which none is there is a
 * sample without a value: somebody wrote down that there was nothing, so that the trace has a gap there.
 */
export function narrowCells(
  { values, quality }: Pick<TableMapping, 'values' | 'quality'>,
  alias: string,
  parameters: Parameters,
): { readonly value: string; readonly quality: string } {
  const cells = values.map((value) => numberOf(value, alias, parameters));
  const value = cells.length === 1 ? cells[0]! : `coalesce(${cells.join(', ')})`;
  const own = qualityOf(quality, alias, parameters);
  const absent = values.map((one) => `${cellOf(one, alias, parameters)} IS NULL`).join(' AND ');
  return { value, quality: `CASE WHEN ${absent} THEN greatest(${own}, ${NO_VALUE_QUALITY}) ELSE ${own} END` };
}
