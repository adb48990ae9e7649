import { z } from 'zod';
import {
  type ColumnSpec,
  type Exporter,
  openPartFile,
  type TableChunk,
  type TableWriter,
} from '#engine/exporters/exporter.ts';
import { isTimeZone } from '#shared/model/index.ts';
import { createLocalTime } from './local-time.ts';

const options = z.object({
  numbers: z.enum(['comma-separated', 'semicolon-separated', 'tab-separated']).default('comma-separated').meta({
    title: 'Separator and decimal sign',
    help: 'comma-separated: 1.5,2.5 - semicolon-separated: 1,5;2,5 as spreadsheets in much of Europe expect - tab-separated: 1.5 and 2.5 with a tab between.',
  }),
  time: z.enum(['local', 'epoch-seconds', 'epoch-milliseconds']).default('local').meta({
    title: 'Time',
    help: 'local: ISO 8601 with the offset from UTC, so that the repeated hour in autumn stays distinct.',
  }),
  timeZone: z
    .string()
    .max(60)
    .refine((name) => isTimeZone(name), 'Use an IANA name such as Europe/Berlin or UTC.')
    .nullable()
    .default(null)
    .meta({
      title: 'Time zone',
      help: 'IANA name such as Europe/Berlin; empty takes that of this computer.',
      choicesFrom: 'time-zones',
    }),
  unitRow: z.boolean().default(true).meta({ title: 'Units in a second row' }),
  byteOrderMark: z.boolean().default(false).meta({
    title: 'Byte order mark',
    help: 'Makes spreadsheets read the file as UTF-8 when it is opened with a double click.',
  }),
  separatorHint: z.boolean().default(false).meta({
    title: 'First line "sep="',
    help: 'Excel reads the separator from it; other programs take the line for data.',
  }),
});
export type CsvOptions = z.infer<typeof options>;

const layouts = {
  'comma-separated': { separator: ',', decimal: '.' },
  'semicolon-separated': { separator: ';', decimal: ',' },
  'tab-separated': { separator: '\t', decimal: '.' },
} as const;

/**
 * What a spreadsheet would run as a formula when it stands at the start of a cell, blanks before it not counted (OWASP,
 * "CSV injection"); the wide signs are taken for the plain ones in East Asian locales.
 */
const FORMULA_START = /^[\s']*[=+\-@|%\uff1d\uff0b\uff0d\uff20]/;

/**
 * RFC 4180 with CRLF. Empty cells are missing values; an empty text is `""`. Numbers are the shortest text that reads
 * back as the same double; infinities are `Infinity` and `-Infinity`. A text that would start a formula gets an
 * apostrophe in front, and so does one that has such an apostrophe already, so that exactly one can be taken off.
 */
export const csv: Exporter<CsvOptions> & { readonly id: 'csv' } = {
  id: 'csv',
  title: 'CSV',
  extension: 'csv',
  mediaType: 'text/csv; charset=utf-8',
  options,
  async open(path, columns, chosen) {
    const { separator, decimal } = layouts[chosen.numbers];
    const special = new RegExp(`["\\r\\n${separator}]`);
    const text = (value: string): string => {
      const safe = FORMULA_START.test(value) ? `'${value}` : value;
      return safe === '' || special.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
    };
    const number = (value: number): string => {
      if (Number.isNaN(value)) return '';
      const plain = Object.is(value, -0) ? '-0' : String(value);
      return decimal === '.' ? plain : plain.replace('.', decimal);
    };
    const time = timeFormat(chosen, number);
    const file = await openPartFile(path);
    try {
      await file.write(Buffer.from(head(columns, chosen, separator, text), 'utf8'));
    } catch (error) {
      await file.abort();
      throw error;
    }
    return rowWriter(file, columns, separator, { text, number, time });
  },
};

interface Formats {
  text(value: string): string;
  number(value: number): string;
  time(value: number): string;
}

function head(
  columns: readonly ColumnSpec[],
  chosen: CsvOptions,
  separator: string,
  text: (value: string) => string,
): string {
  const line = (cells: readonly string[]): string => `${cells.join(separator)}\r\n`;
  const names = line(columns.map((column) => text(column.name)));
  const units = line(columns.map((column) => (column.unit === null ? '' : text(column.unit))));
  return `${chosen.byteOrderMark ? '\ufeff' : ''}${chosen.separatorHint ? line([`sep=${separator}`]) : ''}${names}${chosen.unitRow ? units : ''}`;
}

function timeFormat(chosen: CsvOptions, number: (value: number) => string): (time: number) => string {
  if (chosen.time === 'local') {
    return createLocalTime(chosen.timeZone ?? new Intl.DateTimeFormat().resolvedOptions().timeZone);
  }
  const digits = chosen.time === 'epoch-seconds' ? 6 : 3;
  // Microseconds are exact as an integer; a division would give 0.1 + 0.2 errors in the last digit.
  const point = number(0.5).charAt(1);
  return (time) => {
    const size = String(Math.abs(time)).padStart(digits + 1, '0');
    return `${time < 0 ? '-' : ''}${size.slice(0, -digits)}${point}${size.slice(-digits)}`;
  };
}

/** Text is handed to the file in pieces of about this size. */
const PIECE = 256 * 1024;

function rowWriter(
  file: { write(bytes: Uint8Array): Promise<void>; finish(): Promise<void>; abort(): Promise<void> },
  columns: readonly ColumnSpec[],
  separator: string,
  formats: Formats,
): TableWriter {
  return {
    async write({ rows, columns: data }: TableChunk) {
      let piece = '';
      for (let row = 0; row < rows; row++) {
        for (let at = 0; at < columns.length; at++) {
          const value = data[at]?.[row];
          if (at > 0) piece += separator;
          if (typeof value === 'string') piece += formats.text(value);
          else if (typeof value === 'number' && !Number.isNaN(value)) {
            piece += columns[at]?.type === 'time' ? formats.time(value) : formats.number(value);
          }
        }
        piece += '\r\n';
        if (piece.length > PIECE) {
          await file.write(Buffer.from(piece, 'utf8'));
          piece = '';
        }
      }
      if (piece !== '') await file.write(Buffer.from(piece, 'utf8'));
    },
    finish: () => file.finish(),
    abort: () => file.abort(),
  };
}
