import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detectSeparator, formatText, parseCsv, parseNumber, unprotectText } from './csv-text.ts';

const cells = (text: string, separator = ','): readonly (readonly string[])[] =>
  [...parseCsv(text, separator)].map((row) => row.cells);

describe('CSV text', () => {
  it('reads quoted cells with separators, quotes and line ends, and every kind of line end', () => {
    expect(cells('a,"b,c","d ""e""","f\ng"\r\nh\ri\n')).toEqual([['a', 'b,c', 'd "e"', 'f\ng'], ['h'], ['i']]);
  });

  it('leaves out a byte order mark and empty lines, and keeps the line numbers of an editor', () => {
    const rows = [...parseCsv('\ufeffa,b\n\n"x\ny",2\n\r\nz,3', ',')];
    expect(rows.map(({ line, cells: [first] }) => [line, first])).toEqual([
      [1, 'a'],
      [3, 'x\ny'],
      [6, 'z'],
    ]);
  });

  it('says when a quotation mark never closes', () => {
    expect([...parseCsv('a,"b\nc', ',')].at(-1)?.unclosed).toBe(true);
    expect([...parseCsv('a,"b"\nc', ',')].at(-1)?.unclosed).toBe(false);
  });

  it('finds the separator in the first line, quoted cells not counted', () => {
    expect(detectSeparator('name;address;x,y')).toBe(';');
    expect(detectSeparator('"a,b,c";d')).toBe(';');
    expect(detectSeparator('name\taddress')).toBe('\t');
    expect(detectSeparator('one')).toBe(',');
  });

  it('gives any texts back as they were, formulas and apostrophes included', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 30 }),
      fc.constantFrom('=1+1', "'=1+1", "''-2", '@cmd', '+49', '"', ';', ' a ', '\t', 'a\r\nb'),
    );
    fc.assert(
      fc.property(
        fc.array(fc.array(text, { minLength: 2, maxLength: 5 }), { minLength: 1, maxLength: 6 }),
        fc.constantFrom(',', ';', '\t'),
        (table, separator) => {
          const lines = table.map((row) => row.map((cell) => formatText(cell, separator)).join(separator)).join('\r\n');
          expect(cells(lines, separator).map((row) => row.map(unprotectText))).toEqual(table);
        },
      ),
    );
  });

  it('takes a decimal comma only where the comma does not separate', () => {
    expect(parseNumber('0,5', ';')).toBe(0.5);
    expect(parseNumber('0,5', ',')).toBeNull();
    expect(parseNumber('-1.5e3', ',')).toBe(-1500);
    expect(parseNumber('1.000,5', ';')).toBeNull();
    expect(parseNumber('abc', ',')).toBeNull();
    expect(parseNumber('Infinity', ',')).toBeNull();
  });
});
