import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countAddress, countUp, fromTsv, toTsv } from './table-text.ts';

describe('tab separated text', () => {
  it('comes back as it went', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'ä', '"', '\t', '\n', '\r', ' ', ',', ';', '1') });
    const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(table, (rows) => {
        expect(fromTsv(toTsv(rows))).toEqual(rows);
      }),
    );
  });

  it('reads what a spreadsheet puts on the clipboard', () => {
    expect(fromTsv('name\taddress\r\nSpeed\t40001\r\n')).toEqual([
      ['name', 'address'],
      ['Speed', '40001'],
    ]);
    expect(fromTsv('a "b"\t2')).toEqual([['a "b"', '2']]);
    expect(fromTsv('')).toEqual([]);
  });
});

describe('countUp', () => {
  it.each([
    ['HR100', 3, 2, 'HR106'],
    ['Temp 08', 2, 1, 'Temp 10'],
    ['Zone 1 temperature', 1, 1, 'Zone 2 temperature'],
    ['40001', 4, 1, '40005'],
    ['Speed', 4, 1, 'Speed'],
    ['HR3', 1, -5, 'HR3'],
  ])('%s, row %d by %d -> %s', (start, index, step, expected) => {
    expect(countUp(start, index, step)).toBe(expected);
  });
});

describe('countAddress', () => {
  it.each([
    ['HR100:f32', 2, 2, 'HR104:f32'],
    ['400021:string20', 1, 10, '400031:string20'],
    ['400012.1', 3, 1, '400012.4'],
    ['ns=2;i=1001', 1, 1, 'ns=2;i=1002'],
    ['Arr[3]', 2, 1, 'Arr[5]'],
    ['topic:7', 1, 1, 'topic:8'],
  ])('%s, row %d by %d -> %s', (start, index, step, expected) => {
    expect(countAddress(start, index, step)).toBe(expected);
  });

  it.each([
    ['400012.1', 3, 1, 16, '400012.4'],
    ['400012.14', 2, 1, 16, '400013.0'],
    ['400012.0', 2, 16, 16, '400014.0'],
    ['HR9.15', 1, 1, 16, 'HR10.0'],
    ['12.6', 3, 1, 8, '13.1'],
    ['12.9', 1, 1, 8, '12.10'],
    ['17', 1, 1, 8, '18'],
  ])('of bits: %s, row %d by %d with %d at a place -> %s', (start, index, step, bits, expected) => {
    expect(countAddress(start, index, step, bits)).toBe(expected);
  });
});
