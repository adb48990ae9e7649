import { readFileSync } from 'node:fs';
import type { ColumnSpec } from '#engine/exporters/index.ts';
import type { ReadTable } from './exporter.ts';

/** How a CSV file under test is laid out; the reader is told, as a person would choose it in an import dialog. */
export interface CsvLayout {
  readonly separator: ',' | ';' | '\t';
  readonly decimal: '.' | ',';
  readonly skip: number;
  readonly unitRow: boolean;
  readonly epochDigits: 0 | 3 | 6;
}

/** A state machine over RFC 4180: quoted cells are told from empty ones, which the tests need. */
export function parseRecords(text: string, separator: string): { readonly text: string; readonly quoted: boolean }[][] {
  const records: { text: string; quoted: boolean }[][] = [];
  let record: { text: string; quoted: boolean }[] = [];
  let cell = '';
  let quoted = false;
  let inside = false;
  for (let at = 0; at < text.length; at++) {
    const sign = text.charAt(at);
    if (inside) {
      if (sign !== '"') cell += sign;
      else if (text.charAt(at + 1) === '"') {
        cell += '"';
        at++;
      } else inside = false;
    } else if (sign === '"') {
      if (cell !== '') throw new Error('A quote inside an unquoted cell.');
      inside = true;
      quoted = true;
    } else if (sign === separator || sign === '\r') {
      record.push({ text: cell, quoted });
      cell = '';
      quoted = false;
      if (sign === '\r') {
        if (text.charAt(++at) !== '\n') throw new Error('A carriage return without line feed.');
        records.push(record);
        record = [];
      }
    } else if (sign === '\n') throw new Error('A line feed without carriage return.');
    else cell += sign;
  }
  if (inside || cell !== '' || record.length > 0) throw new Error('The last record is not closed.');
  return records;
}

export function readCsv(path: string, columns: readonly ColumnSpec[], layout: CsvLayout): ReadTable {
  const bytes = readFileSync(path);
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/^\ufeff/, '');
  const records = parseRecords(text, layout.separator).slice(layout.skip);
  const names = records[0] ?? [];
  const units = layout.unitRow ? (records[1] ?? []) : [];
  const plain = (cell: string): string =>
    /^'[\s']*[=+\-@|%\uff1d\uff0b\uff0d\uff20]/.test(cell) ? cell.slice(1) : cell;
  const number = (cell: string): number => {
    if (cell === '') return Number.NaN;
    const value = Number(cell.replace(layout.decimal, '.'));
    if (Number.isNaN(value)) throw new Error(`Not a number: ${cell}`);
    return value;
  };
  return {
    columns: names.map((cell, index) => ({
      name: plain(cell.text),
      unit: units[index] === undefined || units[index].text === '' ? null : plain(units[index].text),
    })),
    rows: records.slice(layout.unitRow ? 2 : 1).map((record) =>
      columns.map(({ type }, index) => {
        const cell = record[index] ?? { text: '', quoted: false };
        if (type === 'text') return cell.text === '' && !cell.quoted ? null : plain(cell.text);
        if (type === 'number') return number(cell.text);
        return layout.epochDigits === 0 ? isoMicros(cell.text) : epochMicros(cell.text, layout);
      }),
    ),
  };
}

function isoMicros(text: string): number {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6})([+-]\d\d:\d\d)$/.exec(text);
  if (parts === null) throw new Error(`Not an ISO 8601 time with six digits and offset: ${text}`);
  return Date.parse(`${parts[1]}${parts[3]}`) * 1000 + Number(parts[2]);
}

function epochMicros(text: string, layout: CsvLayout): number {
  const [whole = '', fraction = ''] = text.split(layout.decimal);
  if (fraction.length !== layout.epochDigits) throw new Error(`Not an epoch time: ${text}`);
  // Six digits of a second, or three of a millisecond: in both cases the digits are microseconds.
  return Number(BigInt(`${whole}${fraction}`));
}
