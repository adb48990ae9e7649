import { type Database, openDatabase } from '#engine/platform/index.ts';
import { AppError } from '#shared/errors.ts';
import type { DecodeRecipe, Scaling, StoredForm, TimeKind, ValueType, WordOrder } from '#shared/model/index.ts';
import type { TagRegistration } from './store.ts';

/** "ParX" in SQLite's application id: what `file` and foreign tools can tell a recording by. */
export const APPLICATION_ID = 0x50617258;
/** The format that this program writes and reads; FORMAT.md describes it. */
export const FORMAT_VERSION = 2;
/** FORMAT.md says why. */
const PAGE_BYTES = 4_096;
const WAL_BYTES = 16 << 20;

/** Number of wire bytes and form together: what a recipe may not change, because the other bits were never stored. */
export type StorageClass = 'number' | 'text' | 'bits64' | 'bits8' | 'bits16' | 'bits32';

// Ids of chunks and rollups are never used twice (AUTOINCREMENT): readers remember what they have decoded by id.
const DDL = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE tags (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, description TEXT NOT NULL,
  connection TEXT NOT NULL, device TEXT NOT NULL, address TEXT NOT NULL, period_ms INTEGER NOT NULL,
  time_kind TEXT NOT NULL, demo INTEGER NOT NULL, decimals INTEGER, range_low REAL, range_high REAL,
  recipe INTEGER NOT NULL, last_time INTEGER, last_value BLOB, last_quality INTEGER
);
CREATE TABLE recipes (
  tag INTEGER NOT NULL REFERENCES tags(number), version INTEGER NOT NULL, form TEXT NOT NULL, type TEXT NOT NULL,
  word_order TEXT NOT NULL, bit INTEGER, scaling TEXT, gain REAL, "offset" REAL, raw_low REAL, raw_high REAL,
  low REAL, high REAL, clamp INTEGER, unit TEXT, since INTEGER NOT NULL,
  PRIMARY KEY (tag, version)
) WITHOUT ROWID;
CREATE TABLE strings (number INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE chunks (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tag INTEGER NOT NULL REFERENCES tags(number), recipe INTEGER NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE INDEX chunks_by_time ON chunks (tag, first, last, count, recipe);
CREATE INDEX chunks_by_end ON chunks (last);
CREATE TABLE rollups (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tag INTEGER NOT NULL, tier INTEGER NOT NULL, recipe INTEGER NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, width INTEGER NOT NULL, count INTEGER NOT NULL, bad INTEGER NOT NULL,
  quality INTEGER NOT NULL, min REAL, max REAL, sum REAL, first_value REAL, last_value REAL, min_time INTEGER,
  max_time INTEGER, crc INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE INDEX rollups_by_time ON rollups (tag, tier, first, last, width, recipe);
CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, from_time INTEGER NOT NULL, to_time INTEGER,
  text TEXT NOT NULL, author TEXT
);
CREATE INDEX events_by_time ON events (from_time);
CREATE TABLE event_tags (event INTEGER NOT NULL REFERENCES events(id) ON DELETE CASCADE, tag TEXT NOT NULL,
  PRIMARY KEY (event, tag)) WITHOUT ROWID;
CREATE TABLE event_labels (event INTEGER NOT NULL REFERENCES events(id) ON DELETE CASCADE, name TEXT NOT NULL,
  value TEXT NOT NULL, PRIMARY KEY (event, name)) WITHOUT ROWID;
CREATE TABLE tag_sets (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE);
CREATE TABLE tag_set_tags (tag_set INTEGER NOT NULL REFERENCES tag_sets(id) ON DELETE CASCADE, tag TEXT NOT NULL,
  PRIMARY KEY (tag_set, tag)) WITHOUT ROWID;
CREATE TABLE gaps (id INTEGER PRIMARY KEY, from_time INTEGER NOT NULL, to_time INTEGER NOT NULL, reason TEXT NOT NULL,
  quality INTEGER NOT NULL, tag_set INTEGER REFERENCES tag_sets(id));
CREATE INDEX gaps_by_time ON gaps (from_time);
`;

/** Opens the file for writing, making it when it does not exist. Throws `store.too-new` and what `openDatabase` throws. */
export function openForWriting(path: string, journal: 'wal' | 'delete'): Database {
  const database = openDatabase(path, { pageSize: PAGE_BYTES, shrinkable: true, journal });
  try {
    database.pragma('wal_autocheckpoint = 0');
    // After a large fold the WAL gives its space back.
    database.pragma(`journal_size_limit = ${WAL_BYTES}`);
    const made = database.prepare('SELECT count(*) FROM sqlite_master').pluck().get() !== 0;
    if (made) checkFormat(database, path);
    else {
      database.transaction(() => {
        database.exec(DDL);
        database.pragma(`application_id = ${APPLICATION_ID}`);
        database.pragma(`user_version = ${FORMAT_VERSION}`);
      })();
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

export function notARecording(path: string, cause?: unknown): AppError<'store.damaged'> {
  return new AppError(
    'store.damaged',
    `${path} is not a ParX recording. Choose a file that ParX recorded, with the ending .parx.`,
    { details: { path, reason: 'not a ParX recording' }, cause },
  );
}

/** Refuses files of other programs and of other versions. */
export function checkFormat(database: Database, path: string): void {
  const application = database.pragma('application_id', { simple: true });
  if (application !== APPLICATION_ID) throw notARecording(path);
  const found = Number(database.pragma('user_version', { simple: true }));
  if (found > FORMAT_VERSION) {
    throw new AppError(
      'store.too-new',
      `${path} has format ${found}; this program reads up to ${FORMAT_VERSION}. Open it with a newer version.`,
      { details: { path, found, supported: FORMAT_VERSION } },
    );
  }
  if (found < FORMAT_VERSION) {
    const reason = `made by an older version in format ${found}; this program reads format ${FORMAT_VERSION}`;
    throw new AppError('store.damaged', `${path} cannot be read: ${reason}. Open it with the version that made it.`, {
      details: { path, reason },
    });
  }
}

export interface Meta {
  get(key: string): string | number | null;
  set(key: string, value: string | number): void;
  remove(key: string): void;
}
export function metaOf(database: Database): Meta {
  const get = database.prepare<[string], string | number>('SELECT value FROM meta WHERE key = ?').pluck();
  const set = database.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)');
  const remove = database.prepare('DELETE FROM meta WHERE key = ?');
  return {
    get: (key) => get.get(key) ?? null,
    set: (key, value) => void set.run(key, value),
    remove: (key) => void remove.run(key),
  };
}

/** A tag as it stands on file, with every recipe it had, oldest first. */
export interface TagOnFile {
  readonly number: number;
  readonly registration: Omit<TagRegistration, 'index'>;
  readonly recipes: readonly DecodeRecipe[];
  /** Last sample that was sealed; null before the first. */
  readonly last: { readonly time: number; readonly value: Uint8Array; readonly quality: number } | null;
}

interface TagRow {
  number: number;
  id: string;
  name: string;
  description: string;
  connection: string;
  device: string;
  address: string;
  period_ms: number;
  time_kind: TimeKind;
  demo: number;
  decimals: number | null;
  range_low: number | null;
  range_high: number | null;
  recipe: number;
  last_time: number | null;
  last_value: Uint8Array | null;
  last_quality: number | null;
}
interface RecipeRow {
  tag: number;
  version: number;
  form: StoredForm;
  type: ValueType;
  word_order: WordOrder;
  bit: number | null;
  scaling: string | null;
  gain: number | null;
  offset: number | null;
  raw_low: number | null;
  raw_high: number | null;
  low: number | null;
  high: number | null;
  clamp: number | null;
  unit: string | null;
}

export function readTags(database: Database): TagOnFile[] {
  const recipes = new Map<number, DecodeRecipe[]>();
  for (const row of database.prepare<[], RecipeRow>('SELECT * FROM recipes ORDER BY tag, version').all()) {
    const list = recipes.get(row.tag) ?? [];
    list.push(recipeOf(row));
    recipes.set(row.tag, list);
  }
  const tags: TagOnFile[] = [];
  for (const row of database.prepare<[], TagRow>('SELECT * FROM tags ORDER BY number').all()) {
    const list = recipes.get(row.number);
    const newest = list?.at(-1);
    if (list === undefined || newest === undefined) continue;
    tags.push({
      number: row.number,
      registration: {
        id: row.id,
        name: row.name,
        description: row.description,
        connection: row.connection,
        device: row.device,
        address: row.address,
        periodMs: row.period_ms,
        timeKind: row.time_kind,
        demo: row.demo !== 0,
        decimals: row.decimals,
        range: row.range_low === null || row.range_high === null ? null : { low: row.range_low, high: row.range_high },
        recipe: newest,
      },
      recipes: list,
      last:
        row.last_time === null || row.last_value === null
          ? null
          : { time: row.last_time, value: row.last_value, quality: row.last_quality ?? 0 },
    });
  }
  return tags;
}

function recipeOf(row: RecipeRow): DecodeRecipe {
  let scaling: Scaling | null = null;
  // SQLite has no NaN: a gain that was NaN is read back as null and stays "no value".
  if (row.scaling === 'gain')
    scaling = { kind: 'gain', gain: row.gain ?? Number.NaN, offset: row.offset ?? Number.NaN };
  else if (row.scaling === 'range') {
    scaling = {
      kind: 'range',
      rawLow: row.raw_low ?? Number.NaN,
      rawHigh: row.raw_high ?? Number.NaN,
      low: row.low ?? Number.NaN,
      high: row.high ?? Number.NaN,
      clamp: row.clamp === 1,
    };
  }
  return {
    version: row.version,
    form: row.form,
    type: row.type,
    order: row.word_order,
    bit: row.bit,
    scaling,
    unit: row.unit,
  };
}

export interface TagWriter {
  /** Inserts or updates the tag and, where `recipe` is new, its row. */
  put(number: number, tag: Omit<TagRegistration, 'index'>, recipe: DecodeRecipe, since: number): void;
}
export function tagWriterOf(database: Database): TagWriter {
  const tagStatement = database.prepare(
    `INSERT INTO tags (number, id, name, description, connection, device, address, period_ms, time_kind, demo, decimals,
       range_low, range_high, recipe) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (number) DO UPDATE SET name = excluded.name, description = excluded.description,
       connection = excluded.connection, device = excluded.device, address = excluded.address,
       period_ms = excluded.period_ms, time_kind = excluded.time_kind, demo = excluded.demo,
       decimals = excluded.decimals, range_low = excluded.range_low, range_high = excluded.range_high,
       recipe = excluded.recipe`,
  );
  const recipeStatement = database.prepare(
    'INSERT OR IGNORE INTO recipes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  );
  return {
    put(number, tag, recipe, since) {
      tagStatement.run(
        number,
        tag.id,
        tag.name,
        tag.description,
        tag.connection,
        tag.device,
        tag.address,
        tag.periodMs,
        tag.timeKind,
        tag.demo ? 1 : 0,
        tag.decimals,
        tag.range?.low ?? null,
        tag.range?.high ?? null,
        recipe.version,
      );
      const scale = recipe.scaling;
      const linear = scale?.kind === 'gain' ? scale : null;
      const range = scale?.kind === 'range' ? scale : null;
      recipeStatement.run(
        number,
        recipe.version,
        recipe.form,
        recipe.type,
        recipe.order,
        recipe.bit,
        scale?.kind ?? null,
        linear?.gain ?? null,
        linear?.offset ?? null,
        range?.rawLow ?? null,
        range?.rawHigh ?? null,
        range?.low ?? null,
        range?.high ?? null,
        range === null ? null : range.clamp ? 1 : 0,
        recipe.unit,
        since,
      );
    },
  };
}

export function storageClassOf(recipe: DecodeRecipe): StorageClass {
  if (recipe.form !== 'bits') return recipe.form;
  if (recipe.bit !== null) return recipe.bit > 15 ? 'bits32' : 'bits16';
  switch (recipe.type) {
    case 'int8':
    case 'uint8':
      return 'bits8';
    case 'int32':
    case 'uint32':
    case 'float32':
      return 'bits32';
    default:
      return 'bits16';
  }
}

/** The part of a recipe that rollups were built with; scaling is applied to them on read. */
export function sameDecoding(a: DecodeRecipe, b: DecodeRecipe): boolean {
  return a.form === b.form && a.type === b.type && a.order === b.order && a.bit === b.bit;
}

/**
 * The version from which on every recipe decodes alike: rollups of an older one must not be used. Samples of another
 * class are put into the newest recipe's scale, so that with such ones a change of scaling decodes otherwise as well.
 */
export function decodedSince(recipes: readonly DecodeRecipe[]): number {
  let at = recipes.length - 1;
  const mixed = recipes.some((recipe) => storageClassOf(recipe) !== storageClassOf(recipes[at]!));
  const alike = mixed ? sameRecipe : sameDecoding;
  while (at > 0 && alike(recipes[at - 1]!, recipes[at]!)) at--;
  return recipes[at]?.version ?? 1;
}

export function sameRecipe(a: DecodeRecipe, b: DecodeRecipe): boolean {
  if (!sameDecoding(a, b) || a.unit !== b.unit) return false;
  const x = a.scaling;
  const y = b.scaling;
  if (x === null || y === null) return x === y;
  if (x.kind === 'gain') return y.kind === 'gain' && Object.is(x.gain, y.gain) && Object.is(x.offset, y.offset);
  return (
    y.kind === 'range' &&
    Object.is(x.rawLow, y.rawLow) &&
    Object.is(x.rawHigh, y.rawHigh) &&
    Object.is(x.low, y.low) &&
    Object.is(x.high, y.high) &&
    x.clamp === y.clamp
  );
}

/**
 * The recipe that samples stored under `version` are decoded with: the newest one, or where that speaks of other bits
 * than were stored, the newest one that fits them.
 */
export function recipeFor(recipes: readonly DecodeRecipe[], version: number): DecodeRecipe {
  const newest = recipes.at(-1);
  if (newest === undefined) throw new RangeError('a tag without a recipe');
  const stored = recipes.find((recipe) => recipe.version === version) ?? newest;
  const kind = storageClassOf(stored);
  for (let i = recipes.length - 1; i >= 0; i--) if (storageClassOf(recipes[i]!) === kind) return recipes[i]!;
  return stored;
}
