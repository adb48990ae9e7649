import type { ColumnName } from '../tag-columns.ts';

export type GiveWay = () => Promise<void> | null;

/** A format that tag lists come in. Readers are pure, and bounded against hostile input. */
export interface TagListFormat {
  readonly id: string;
  /** For people: "Kepware CSV". */
  readonly title: string;
  /** One sentence: which file of which program. */
  readonly means: string;
  /** Told by the content alone. The first format in the array that answers yes is taken. */
  recognise(text: string): boolean;
  /**
   * Throws `config.invalid` for a text that is not of this format at all; what is wrong with a row stays with the row.
   * `giveWay` is asked every few rows, and waited for when it answers, since a long list takes its time.
   */
  read(text: string, giveWay: GiveWay): TagList | Promise<TagList>;
}

export interface TagList {
  /** That the list names itself, in its order. */
  readonly devices: readonly NamedDevice[];
  readonly rows: Iterable<TagListRow>;
  /** Between the cells; null where the list has none. */
  readonly separator: string | null;
  readonly unknownColumns: readonly string[];
  /** For people: what the list does not tell, or what is done with it here. */
  readonly notes: readonly string[];
}

/** A row in our own columns, as text with a decimal point. */
export interface TagListRow {
  /** From 1, as an editor shows it. */
  readonly line: number;
  readonly cells: Readonly<Partial<Record<ColumnName, string>>>;
  /** Key of one of the list's devices; null where the cells name it, or nothing does. */
  readonly device: string | null;
  /** Why the row can't be taken; null where nothing speaks against it so far. */
  readonly problem: string | null;
}

/** A device with its connection as another program has them. */
export interface NamedDevice {
  readonly key: string;
  readonly name: string;
  readonly connection: string;
  readonly protocol: string;
  /** Settings by which one of the project is known to be the same. */
  readonly same: {
    readonly connection: Readonly<Record<string, unknown>>;
    readonly device: Readonly<Record<string, unknown>>;
  };
  /** Further settings for one that is made. */
  readonly more: {
    readonly connection: Readonly<Record<string, unknown>>;
    readonly device: Readonly<Record<string, unknown>>;
  };
  /** Its names are those that a project of ours has them by: one with the same names is the same. */
  readonly named?: true;
  /** Why none can be made of it; its rows need a device of the project then. */
  readonly problem: string | null;
}

/** Rows of one list at most; each becomes an object here and in the answer. */
export const MOST_ROWS = 100_000;

/** Refuses a row while it is read. */
export class RowRefused extends Error {}
export function refuseRow(reason: string): never {
  throw new RowRefused(reason);
}

/** Cells and device of one row from `read`; what it refuses becomes the row's problem. `fallback` is shown then. */
export function readRow(
  line: number,
  device: string | null,
  fallback: TagListRow['cells'],
  read: () => TagListRow['cells'],
): TagListRow {
  try {
    return { line, device, cells: read(), problem: null };
  } catch (error) {
    if (!(error instanceof RowRefused)) throw error;
    return { line, device, cells: fallback, problem: error.message };
  }
}

/** Lines of entries in the order of a text, found by a word of each; entries in a row may share one. */
export function lineFinder(text: string): (word: string) => number {
  let at = 0;
  let line = 1;
  return (word) => {
    const found = word === '' ? -1 : text.indexOf(word, at);
    if (found < 0) return line;
    for (let end = text.indexOf('\n', at); end >= 0 && end < found; end = text.indexOf('\n', end + 1)) line++;
    at = found + word.length;
    return line;
  };
}

/** A part of a text from outside that may be anything. */
export type Loose = Readonly<Record<string, unknown>>;
export const isLoose = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const looseText = (value: unknown): string =>
  typeof value === 'string' ? value.trim() : typeof value === 'number' || typeof value === 'bigint' ? `${value}` : '';
/** Null for what is no number. */
export function looseNumber(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

/**
 * Tag names are unique in a project, names in other programs only on their device: one that stands on several devices
 * gets the device's name in front.
 */
export function distinctNames(rows: readonly TagListRow[], devices: readonly NamedDevice[]): readonly TagListRow[] {
  const owners = new Map<string, string | null>();
  const shared = new Set<string>();
  for (const { cells, device } of rows) {
    const name = cells.name ?? '';
    if (owners.has(name) && owners.get(name) !== device) shared.add(name);
    owners.set(name, device);
  }
  if (shared.size === 0) return rows;
  const names = new Map(devices.map(({ key, name }) => [key, name]));
  return rows.map((row) => {
    const name = row.cells.name ?? '';
    if (!shared.has(name) || row.device === null) return row;
    return { ...row, cells: { ...row.cells, name: `${names.get(row.device) ?? row.device}.${name}` } };
  });
}
