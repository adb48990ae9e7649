import { detectSeparator, parseCsv, unprotectText } from '../csv-text.ts';
import type { ColumnName } from '../tag-columns.ts';
import { typeNamed } from '../type-names.ts';
import { bareHeading, readHeader } from './csv.ts';
import type { TagListFormat, TagListRow } from './tag-list.ts';

/** Headings by which bytes are counted, and what may stand beside them. */
const OFFSET = ['offset', 'byte', 'byteoffset', 'startbyte', 'byteno'];
const BIT = ['bit', 'bitoffset', 'bitno', 'bitnumber'];
const LENGTH = ['length', 'len', 'bytes', 'characters'];
/** "STRING", "string16", "CHAR[16]". */
const TEXT_TYPE = /^(?:string|str|char|text)\s*(?:\[?(\d{1,4})\]?)?$/i;

interface Places {
  readonly offset: number;
  readonly bit: number;
  readonly length: number;
}

const firstLine = (text: string): readonly string[] => {
  const first = parseCsv(text, detectSeparator(text)).next();
  return first.done === true ? [] : first.value.cells;
};
const placeOf = (headings: readonly string[], wanted: readonly string[]): number =>
  headings.findIndex((heading) => wanted.includes(bareHeading(heading)));

/** A block of bytes as controllers' tools list it: a line for each value, by the byte at which it begins. */
export const layout = {
  id: 'layout',
  title: 'Byte layout (CSV)',
  means: 'A table with the columns offset, bit, type, name, and unit, order or description where there are some.',
  recognise(text) {
    const headings = firstLine(text);
    const { columns } = readHeader(headings);
    // With gain an offset is one of scaling; with an address nothing has to be made of it.
    return columns.has('name') && !columns.has('address') && !columns.has('gain') && placeOf(headings, OFFSET) >= 0;
  },
  read(text) {
    const separator = detectSeparator(text);
    const headings = firstLine(text);
    const places = {
      offset: placeOf(headings, OFFSET),
      bit: placeOf(headings, BIT),
      length: placeOf(headings, LENGTH),
    };
    const own = new Set([places.offset, places.bit, places.length]);
    const { columns, unknownColumns } = readHeader(headings.map((heading, index) => (own.has(index) ? '' : heading)));
    return { devices: [], rows: readRows(text, separator, columns, places), separator, unknownColumns, notes: [] };
  },
} as const satisfies TagListFormat;

function* readRows(
  text: string,
  separator: string,
  columns: ReadonlyMap<ColumnName, number>,
  places: Places,
): Generator<TagListRow, void> {
  const lines = parseCsv(text, separator);
  lines.next();
  for (const { line, cells, unclosed } of lines) {
    const cell = (index: number): string => (index < 0 ? '' : unprotectText((cells[index] ?? '').trim()));
    const named: Partial<Record<ColumnName, string>> = {};
    for (const [column, index] of columns) named[column] = cell(index);
    const offset = cell(places.offset);
    const bit = cell(places.bit);
    const type = named.type ?? '';
    const string = TEXT_TYPE.exec(type);
    // Some tools write bit 0 beside every value.
    const isBit = bit !== '' && (bit !== '0' || type === '' || typeNamed(type) === 'bit');
    named.address = isBit ? `${offset}.${bit}` : offset;
    if (string !== null) {
      named.address = `${offset}:string${string[1] ?? cell(places.length)}`;
      named.type = '';
    }
    const problem = unclosed ? 'A quotation mark is opened in this row and never closed.' : null;
    yield { line, cells: named, device: null, problem };
  }
}
