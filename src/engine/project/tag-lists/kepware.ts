import type { ValueType } from '#shared/model/index.ts';
import { detectSeparator, parseCsv } from '../csv-text.ts';
import { readRow, refuseRow, type TagListFormat, type TagListRow } from './tag-list.ts';

const types: Readonly<Record<string, ValueType>> = {
  boolean: 'bit',
  char: 'int8',
  byte: 'uint8',
  short: 'int16',
  word: 'uint16',
  long: 'int32',
  dword: 'uint32',
  llong: 'int64',
  qword: 'uint64',
  float: 'float32',
  double: 'float64',
  string: 'string',
};

const headings = {
  name: 'tagname',
  address: 'address',
  type: 'datatype',
  rate: 'scanrate',
  scaling: 'scaling',
  rawLow: 'rawlow',
  rawHigh: 'rawhigh',
  low: 'scaledlow',
  high: 'scaledhigh',
  clampLow: 'clamplow',
  clampHigh: 'clamphigh',
  unit: 'engunits',
  description: 'description',
  negate: 'negatevalue',
} as const;
type Heading = keyof typeof headings;

/** Headings without blanks and signs, lower case: what they are called differs a little between versions. */
const bare = (text: string): string => text.toLowerCase().replace(/[^a-z]/g, '');

/** Tags that KEPServerEX exports below one device: the list names neither the device nor its word order. */
export const kepware = {
  id: 'kepware',
  title: 'Kepware CSV',
  means: 'Tags that KEPServerEX or TOP Server exports for a device.',
  recognise(text) {
    const line = text.slice(0, 4096).match(/^[^\r\n]*/)?.[0] ?? '';
    const cells = line.split(detectSeparator(line)).map(bare);
    return cells.includes('tagname') && (cells.includes('respectdatatype') || cells.includes('clientaccess'));
  },
  read(text) {
    const separator = detectSeparator(text);
    const lines = parseCsv(text, separator);
    const header = lines.next();
    const found = header.done === true ? [] : header.value.cells.map(bare);
    const known: readonly string[] = [...Object.values(headings), 'respectdatatype', 'clientaccess', 'scaleddatatype'];
    const rows = function* (): Generator<TagListRow, void> {
      for (const { line, cells } of lines) {
        const cell = (heading: Heading): string => (cells[found.indexOf(headings[heading])] ?? '').trim();
        yield readRow(line, null, { name: cell('name'), address: cell('address') }, () => readCells(cell));
      }
    };
    return {
      devices: [],
      rows: rows(),
      separator,
      unknownColumns: found.filter((heading) => heading !== '' && !known.includes(heading)),
      notes: [
        'A Kepware list does not tell the order of words: that of the device chosen here holds. Kepware puts the low word first unless it was set otherwise, which is CDAB.',
      ],
    };
  },
} as const satisfies TagListFormat;

function readCells(cell: (heading: Heading) => string): TagListRow['cells'] {
  const typeText = cell('type').toLowerCase();
  if (typeText.endsWith('array') || /\[\s*\d+\s*\](\s*\[\s*\d+\s*\])?$/.test(cell('address'))) {
    refuseRow('This is an array. Export its elements as tags of their own, or add them with "Add tags".');
  }
  const type = Object.hasOwn(types, typeText) ? types[typeText] : undefined;
  if (type === undefined && typeText !== '' && typeText !== 'default') {
    refuseRow(`The data type "${cell('type')}" is not supported. Read the registers as a number.`);
  }
  if (cell('negate') === '1') refuseRow('The value is negated in Kepware. Add the tag here with the factor -1.');
  const base = {
    name: cell('name'),
    address: cell('address'),
    type: type ?? '',
    unit: cell('unit'),
    description: cell('description'),
    period_ms: cell('rate') === '0' ? '' : cell('rate'),
  };
  switch (cell('scaling').toLowerCase()) {
    case '':
    case 'none':
      return base;
    case 'linear': {
      const [clampLow, clampHigh] = [cell('clampLow') === '1', cell('clampHigh') === '1'];
      if (clampLow !== clampHigh) {
        refuseRow('The value is limited at one end of its range only. Limit both ends in Kepware, or none.');
      }
      return {
        ...base,
        raw_low: cell('rawLow'),
        raw_high: cell('rawHigh'),
        scaled_low: cell('low'),
        scaled_high: cell('high'),
        clamp: clampLow ? 'yes' : 'no',
      };
    }
    default:
      return refuseRow(`Scaling "${cell('scaling')}" cannot be taken over; only linear scaling can.`);
  }
}
