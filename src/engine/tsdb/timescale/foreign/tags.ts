import { createHash } from 'node:crypto';
import type { Clock } from '#engine/platform/index.ts';
import type { TsdbTag, TsdbTagPage, TsdbTagSearch } from '#engine/tsdb/tsdb.ts';
import { isAppError } from '#shared/errors.ts';
import {
  type BackendOverride,
  type Labels,
  labelsText,
  type MetricIdentifier,
  splitKey,
  TAG_NAMESPACE,
} from '#shared/model/graph/index.ts';
import { mappedValueName, PLANT_NAMESPACE, TAG_LABEL, type TableMapping } from '#shared/model/index.ts';
import { unlessAborted } from '../dial.ts';
import { identifier } from '../sql.ts';
import { costOf } from './cost.ts';
import { type Ask, type Cell, orNull, tableName } from './sql.ts';

/** Tags of one mapping that are listed; more are there, but nobody reads a list of them. */
const MOST_TAGS = 200_000;
/** How old a list may be. New tags of a plant are rare, and each list costs its database something. */
const KEEPS_MS = 300_000;
/** Where no index leads from tag to tag and a whole scan would cost too much, the newest rows tell most tags. */
const NEWEST_ROWS = 200_000;
const LOOK_MS = 10_000;
const TOO_MANY = `it ends after ${MOST_TAGS.toLocaleString('en')} tags. Map the table in parts, by views.`;

export interface TagListOptions {
  readonly mappings: readonly TableMapping[];
  /** What `compile` must be told of a mapping's metric. */
  overrideOf(mapping: TableMapping): BackendOverride | null;
  /** The list of a mapping cannot be read. */
  onFailed?(error: unknown, mapping: TableMapping): void;
  readonly ask: Ask;
  readonly clock: Clock;
  /** Rows that one statement may read. */
  readonly mostRows: number;
}

export interface TagLists {
  /**
   * Of all mappings, by name. A mapping that cannot be read, as its tables are gone, has none for now, and takes nothing
   * from the others; where none can be read, the reason of the first is thrown, and that of a lost link always.
   */
  find(search: TsdbTagSearch, signal: AbortSignal): Promise<TsdbTagPage>;
  /** The next search reads anew. */
  forget(): void;
}

/** The tags of a mapping, and why they are not all, in words. */
interface TagList {
  readonly tags: readonly TsdbTag[];
  readonly note: string | null;
}

interface Reading {
  readonly done: Promise<TagList>;
  readonly ending: AbortController;
  waiting: number;
}

/** The tags of mapped tables. Each mapping's list is read once, kept for some minutes and searched here. */
export function createTagLists({ mappings, overrideOf, onFailed, ask, clock, mostRows }: TagListOptions): TagLists {
  const kept = new Map<TableMapping, { readonly at: number; readonly list: TagList }>();
  let joined: { readonly of: readonly (TagList | null)[]; readonly tags: readonly TsdbTag[] } | null = null;
  const reading = new Map<TableMapping, Reading>();
  /** One read of a list at a time, for all that wait for it; it ends when the last of them does not any more. */
  const listOf = async (mapping: TableMapping, signal: AbortSignal): Promise<TagList> => {
    const known = kept.get(mapping);
    if (known !== undefined && clock.monotonicMs() - known.at < KEEPS_MS) return known.list;
    let one = reading.get(mapping);
    if (one === undefined) {
      const ending = new AbortController();
      const done = readTags(mapping, overrideOf(mapping), ask, mostRows, ending.signal).then((list) => {
        // Unless it was forgotten on the way: what was made since then would be missing for as long as a list is kept.
        if (reading.get(mapping) === made) kept.set(mapping, { at: clock.monotonicMs(), list });
        return list;
      });
      const made: Reading = { done, ending, waiting: 0 };
      const forget = (): void => {
        if (reading.get(mapping) === made) reading.delete(mapping);
      };
      done.then(forget, forget);
      reading.set(mapping, made);
      one = made;
    }
    one.waiting++;
    try {
      return await unlessAborted(one.done, signal);
    } finally {
      if (--one.waiting === 0 && signal.aborted) {
        reading.delete(mapping);
        one.ending.abort(signal.reason);
      }
    }
  };
  return {
    async find({ text, ids, offset, limit }, signal) {
      const lists: (TagList | null)[] = [];
      const failed: unknown[] = [];
      const notes: string[] = [];
      for (const mapping of mappings) {
        try {
          lists.push(await listOf(mapping, signal));
        } catch (error) {
          signal.throwIfAborted();
          if (isAppError(error, 'tsdb.unavailable')) throw error;
          onFailed?.(error, mapping);
          failed.push(error);
          lists.push(null);
          const said = error instanceof Error ? error.message : String(error);
          notes.push(`The tags of "${mapping.name || mapping.relation.name}" cannot be read: ${said}`);
        }
      }
      if (failed.length > 0 && failed.length === mappings.length) throw failed[0];
      if (joined === null || joined.of.some((list, at) => list !== lists[at])) {
        joined = { of: lists, tags: lists.flatMap((list) => list?.tags ?? []).sort(byName) };
      }
      for (const list of lists) if (list !== null && list.note !== null) notes.push(list.note);
      const words = text.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = ids === null ? null : new Set(ids);
      const found = joined.tags.filter((tag) => {
        if (wanted !== null) return wanted.has(tag.id);
        if (words.length === 0) return true;
        const all = [tag.name, tag.description ?? '', ...Object.values(tag.labels)].join('\n').toLowerCase();
        return words.every((word) => all.includes(word));
      });
      return { tags: found.slice(offset, offset + limit), total: found.length, notes };
    },
    forget() {
      kept.clear();
      reading.clear();
    },
  };
}

const byName = (a: TsdbTag, b: TsdbTag): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : a.id > b.id ? 1 : 0;

type Draft = Pick<TsdbTag, 'name' | 'labels'> & Partial<Pick<TsdbTag, 'unit' | 'description' | 'metric' | 'type'>>;

async function readTags(
  mapping: TableMapping,
  override: BackendOverride | null,
  ask: Ask,
  mostRows: number,
  signal: AbortSignal,
): Promise<TagList> {
  const metric: MetricIdentifier = { namespace: PLANT_NAMESPACE, name: mapping.id, unit: null, type: 'gauge' };
  const type = mapping.values[0]!.type;
  let note: string | null = null;
  const notWhole = (why: string): void => {
    note = `The list of "${mapping.name || mapping.relation.name}" is not whole: ${why}`;
  };
  const drafts = await draftsOf(mapping, { ask, mostRows, notWhole }, signal);
  const made = drafts.map((draft): TsdbTag => {
    const tag = { unit: null, description: null, metric, type, override, ...draft };
    return { ...tag, id: idOf(tag.metric, tag.labels) };
  });
  return { tags: [...new Map(made.map((tag) => [tag.id, tag])).values()], note };
}

/** Names and labels of a plant may be long; an id stays below 500 characters and apart from every other. */
function idOf({ namespace, name }: MetricIdentifier, labels: Labels): string {
  const id = `${namespace}.${name}${labelsText(labels)}`;
  if (id.length <= 500) return id;
  return `${id.slice(0, 400)}#${createHash('sha256').update(id).digest('hex').slice(0, 40)}`;
}

interface Reads {
  readonly ask: Ask;
  readonly mostRows: number;
  /** Takes why something is missing, as the end of a sentence and what to do. */
  notWhole(why: string): void;
}

async function draftsOf(mapping: TableMapping, reads: Reads, signal: AbortSignal): Promise<Draft[]> {
  const { tag, values, labels } = mapping;
  const own = labels.filter(({ of }) => of === 'samples');
  if (tag.kind === 'table' && own.length === 0)
    return (await tableRows(mapping, tag, reads, signal)).map(({ draft }) => draft);
  if (tag.kind === 'columns' || tag.kind === 'fixed') {
    const sets =
      own.length === 0
        ? [[]]
        : await combinations(
            mapping,
            own.map(({ column }) => column),
            reads,
            signal,
          );
    const named =
      tag.kind === 'fixed'
        ? [{ name: tag.name, unit: values[0]!.unit, type: values[0]!.type }]
        : values.map((value) => ({ ...value, name: mappedValueName(value) }));
    return sets.flatMap((set) => {
      const more = labelsFrom(own, set);
      return named.map(({ name, unit, type }) => ({ name, unit, type, labels: { [TAG_LABEL]: name, ...more } }));
    });
  }
  const sets = await combinations(mapping, [tag.column, ...own.map(({ column }) => column)], reads, signal);
  const tags =
    tag.kind === 'table'
      ? new Map((await tableRows(mapping, tag, reads, signal)).map((row) => [row.key, row.draft]))
      : null;
  return sets.flatMap(([key, ...rest]): Draft[] => {
    if (key === null || key === undefined) return [];
    const of = tags === null ? { name: key, labels: { [TAG_LABEL]: key } } : tags.get(key);
    return of === undefined
      ? []
      : [{ unit: values[0]!.unit, ...of, labels: { ...of.labels, ...labelsFrom(own, rest) } }];
  });
}

/** A column that holds nothing gives no label. */
function labelsFrom(
  labels: TableMapping['labels'],
  cells: readonly (string | null | undefined)[],
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [at, { name }] of labels.entries()) {
    const cell = cells[at];
    if (cell !== null && cell !== undefined) found[name] = cell;
  }
  return found;
}

type TagTable = Extract<TableMapping['tag'], { kind: 'table' }>;

async function tableRows(
  { values, labels }: TableMapping,
  tag: TagTable,
  { ask, notWhole }: Reads,
  signal: AbortSignal,
): Promise<{ readonly key: string; readonly draft: Draft }[]> {
  const theirs = labels.filter(({ of }) => of === 'tags');
  const columns = [
    [tag.key, 'key'],
    [tag.name, 'name'],
    [tag.unit, 'unit'],
    [tag.description, 'description'],
    [tag.metric, 'metric'],
    [tag.labels, 'labels'],
    ...theirs.map(({ column }, at) => [column, `l${at}`] as const),
  ].flatMap(([column, as]) => (column === null ? [] : [`${identifier(column!)}::text AS "${as}"`]));
  const rows = await ask(
    `SELECT ${columns.join(', ')} FROM ${tableName(tag.relation)} WHERE ${identifier(tag.name)} IS NOT NULL ORDER BY 2, 1 LIMIT ${MOST_TAGS}`,
    [],
    signal,
  );
  if (rows.length === MOST_TAGS) notWhole(TOO_MANY);
  const text = (cell: Cell | undefined): string | null =>
    cell === null || cell === undefined || cell === '' ? null : String(cell);
  return rows.flatMap((row) => {
    const key = text(row.key);
    const name = text(row.name);
    if (key === null || name === null) return [];
    const metric = text(row.metric);
    const more = labelsFrom(
      theirs,
      theirs.map((_, at) => text(row[`l${at}`])),
    );
    const kept = { ...more, ...labelsIn(text(row.labels)) };
    const unit = text(row.unit) ?? values[0]!.unit;
    return [
      {
        key,
        draft: {
          name: metric === null ? name : seriesName(metric, kept),
          unit,
          description: text(row.description),
          labels: metric === null ? { [TAG_LABEL]: name, ...kept } : kept,
          ...(metric === null ? {} : { metric: { ...splitKey(metric), unit, type: 'gauge' } as const }),
          ...(metric === null ? {} : recordedTag(metric, kept)),
        },
      },
    ];
  });
}

/** A tag that was sent from a recording is listed as it was there, by what its labels say. */
function recordedTag(metric: string, { name, description, type }: Labels): Partial<Draft> {
  if (splitKey(metric).namespace !== TAG_NAMESPACE || name === undefined) return {};
  return { name, description: description ?? null, ...(type === 'bit' ? { type: 'boolean' } : {}) };
}

/** Labels of a JSON document; what is no text and no number is none. */
export function labelsIn(text: string | null): Record<string, string> {
  if (text === null) return {};
  try {
    const document: unknown = JSON.parse(text);
    if (typeof document !== 'object' || document === null || Array.isArray(document)) return {};
    return Object.fromEntries(
      Object.entries(document).flatMap(([name, value]) =>
        typeof value === 'string' ? [[name, value]] : typeof value === 'number' ? [[name, String(value)]] : [],
      ),
    );
  } catch {
    return {};
  }
}

const seriesName = (metric: string, labels: Labels): string =>
  Object.keys(labels).length === 0 ? metric : `${metric} ${labelsText(labels)}`;

/**
 * The different values that columns have together. Along an index one look leads from each to the next; without one
 * the table is read where the source's limit allows it, and else its newest rows.
 */
async function combinations(
  mapping: TableMapping,
  columns: readonly string[],
  { ask, mostRows, notWhole }: Reads,
  signal: AbortSignal,
): Promise<(string | null)[][]> {
  const { relation, time } = mapping;
  const from = tableName(relation);
  const texts = (prefix: string, order: readonly string[]): string =>
    columns
      .map(
        (column, at) =>
          `${prefix}${order.length > 0 ? `c${order.indexOf(column)}` : identifier(column)}::text AS "c${at}"`,
      )
      .join(', ');
  // A label that may be NULL would be stepped over.
  const indexes = await orNull(
    () => ask(INDEXES, [relation.schema, relation.name, mapping.tag.kind === 'columns' ? null : columns[0]], signal),
    signal,
  );
  const index = indexes
    ?.map((row) => (row.columns as readonly string[]).slice(0, columns.length))
    .find((order) => order.length === columns.length && columns.every((column) => order.includes(column)));
  const cells = (rows: readonly Readonly<Record<string, Cell>>[]): (string | null)[][] => {
    if (rows.length === MOST_TAGS) notWhole(TOO_MANY);
    return rows.map((row) => columns.map((_, at) => row[`c${at}`] as string | null));
  };
  if (index !== undefined) {
    const found = await orNull(() => ask(steps(from, index, texts), [], signal, LOOK_MS), signal);
    if (found !== null) return cells(found);
  }
  const whole = `SELECT DISTINCT ${texts('', [])} FROM ${from} LIMIT ${MOST_TAGS}`;
  const cost = await costOf(ask, whole, [], signal);
  if (cost !== null && cost.rows <= mostRows) {
    const found = await orNull(() => ask(whole, [], signal), signal);
    if (found !== null) return cells(found);
  }
  const when = identifier(time.column);
  const names = columns.map((column) => `"${column}"`).join(', ');
  notWhole(
    `no index leads from tag to tag, and reading the whole table would cost too much. Tags are those of its newest ${NEWEST_ROWS.toLocaleString('en')} rows. Have an index made that begins with ${names}, map a table of tags, or raise "Rows a query may read" in the source's limits.`,
  );
  // A login may read some columns alone.
  const own = [...new Set(columns)].map(identifier).join(', ');
  const newest = `SELECT DISTINCT ${texts('', [])} FROM (SELECT ${own} FROM ${from} WHERE ${when} IS NOT NULL ORDER BY ${when} DESC LIMIT ${NEWEST_ROWS}) AS newest`;
  return cells(await ask(newest, [], signal));
}

/** From each combination to the next one of the index: as many looks as there are combinations. */
function steps(
  from: string,
  order: readonly string[],
  texts: (prefix: string, order: readonly string[]) => string,
): string {
  const names = order.map(identifier).join(', ');
  const as = order.map((column, at) => `${identifier(column)} AS c${at}`).join(', ');
  const own = order.map((_, at) => `c${at}`);
  const known = order.map((column) => `${identifier(column)} IS NOT NULL`).join(' AND ');
  return `WITH RECURSIVE step AS (
    (SELECT ${as} FROM ${from} WHERE ${known} ORDER BY ${names} LIMIT 1)
    UNION ALL
    SELECT next.* FROM step CROSS JOIN LATERAL (
      SELECT ${as} FROM ${from}
      WHERE (${names}) > (${own.map((name) => `step.${name}`).join(', ')}) AND ${known} ORDER BY ${names} LIMIT 1) AS next)
    SELECT ${texts('step.', order)} FROM step LIMIT ${MOST_TAGS}`;
}

const INDEXES = `
  SELECT (SELECT array_agg(CASE WHEN a.attnotnull OR a.attname = $3 THEN a.attname::text END ORDER BY k.at)
      FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, at)
      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum WHERE k.at <= i.indnkeyatts) AS columns
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
  WHERE n.nspname = $1 AND c.relname = $2 AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
    AND m.amname = 'btree'`;
