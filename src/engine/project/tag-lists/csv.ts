import { type CsvRow, detectSeparator, parseCsv, unprotectText } from '../csv-text.ts';
import { type ColumnName, TAG_COLUMNS } from '../tag-columns.ts';
import type { TagListFormat, TagListRow } from './tag-list.ts';

/** Our own list, and any list from a spreadsheet with headings that are understood. Takes what no other format knows. */
export const csv = {
  id: 'csv',
  title: 'Tag list (CSV)',
  means: 'The list that ParX exports, or any table with a heading line.',
  recognise: () => true,
  read(text) {
    const separator = detectSeparator(text);
    const lines = parseCsv(text, separator);
    const header = lines.next();
    const { columns, unknownColumns } = readHeader(header.done === true ? [] : header.value.cells);
    return { devices: [], rows: readRows(lines, columns), separator, unknownColumns, notes: [] };
  },
} as const satisfies TagListFormat;

function* readRows(lines: Iterable<CsvRow>, columns: ReadonlyMap<ColumnName, number>): Generator<TagListRow, void> {
  const complete = columns.has('name') && columns.has('address');
  for (const { line, cells, unclosed } of lines) {
    const named: Partial<Record<ColumnName, string>> = {};
    for (const [column, index] of columns) named[column] = unprotectText((cells[index] ?? '').trim());
    const problem = unclosed
      ? 'A quotation mark is opened in this row and never closed.'
      : complete
        ? null
        : 'The first line must name the columns; "name" and "address" are needed.';
    yield { line, cells: named, device: null, problem };
  }
}

export const bareHeading = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

/** Which of our columns stand where, by their headings. */
export function readHeader(cells: readonly string[]): { columns: Map<ColumnName, number>; unknownColumns: string[] } {
  const columns = new Map<ColumnName, number>();
  const unknownColumns: string[] = [];
  cells.forEach((heading, index) => {
    const rule = TAG_COLUMNS.find(
      (candidate) =>
        bareHeading(candidate.column) === bareHeading(heading) ||
        candidate.aliases.some((alias) => bareHeading(alias) === bareHeading(heading)),
    );
    if (rule !== undefined && !columns.has(rule.column)) columns.set(rule.column, index);
    else if (heading.trim() !== '') unknownColumns.push(heading.trim());
  });
  return { columns, unknownColumns };
}
