import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAppError } from '#shared/errors.ts';
import { addressHelp, describeAddress, formatAddress, type ModbusAddress, parseAddress } from './address.ts';

const one = { addressBase: 'one', unitId: 1 } as const;
const zero = { addressBase: 'zero', unitId: 1 } as const;

function refusal(text: string, numbering: Parameters<typeof parseAddress>[1] = one): string {
  try {
    parseAddress(text, numbering);
  } catch (error) {
    if (!isAppError(error, 'config.invalid')) throw error;
    expect(error.details.issues).toEqual([{ path: 'address', message: error.message }]);
    return error.message;
  }
  throw new Error(`${JSON.stringify(text)} was accepted.`);
}

describe('address notations', () => {
  // text, canonical, wire offset, type, order
  it.each([
    ['400001', '400001', 0, null, null],
    ['40001', '400001', 0, null, null],
    ['4001', '400001', 0, null, null],
    ['401', '400001', 0, null, null],
    ['41', '400001', 0, null, null],
    ['4x1', '400001', 0, null, null],
    ['4X00001', '400001', 0, null, null],
    ['49999', '409999', 9998, null, null],
    ['465536', '465536', 65_535, null, null],
    ['30001', '300001', 0, null, null],
    ['3x10', '300010', 9, null, null],
    ['10001', '100001', 0, 'bit', null],
    ['1x00017', '100017', 16, 'bit', null],
    ['00001', '000001', 0, 'bit', null],
    ['000017', '000017', 16, 'bit', null],
    ['HR1', '400001', 0, null, null],
    ['hr 65536', '465536', 65_535, null, null],
    ['IR1', '300001', 0, null, null],
    ['DI1', '100001', 0, 'bit', null],
    ['C1', '000001', 0, 'bit', null],
    ['HRF106', '400106', 105, 'float32', null],
    ['HRD106', '400106', 105, 'float64', null],
    ['HRI106', '400106', 105, 'int32', null],
    ['HRUI106', '400106', 105, 'uint32', null],
    ['HRUS106', '400106', 105, 'uint16', null],
    ['HRI_64106', '400106', 105, 'int64', null],
    ['IRUI_641', '300001', 0, 'uint64', null],
    ['HRS106:20', '400106:string20', 105, 'string', null],
    ['h0', '400001', 0, null, null],
    ['H65535', '465536', 65_535, null, null],
    ['i0', '300001', 0, null, null],
    ['d0', '100001', 0, 'bit', null],
    ['c0', '000001', 0, 'bit', null],
    ['c1', '000002', 1, 'bit', null],
    ['h0x1A', '400027', 26, null, null],
    ['HR0x1A', '400027', 26, null, null],
    ['0x1A01', '406658', 6657, null, null],
    ['0xffff', '465536', 65_535, null, null],
    ['%MW6657', '406658', 6657, null, null],
    ['%MW1A01h', '406658', 6657, null, null],
    ['%mw0', '400001', 0, null, null],
    ['%IW5', '300006', 5, null, null],
    ['%M0', '000001', 0, 'bit', null],
    ['%Q8', '000009', 8, 'bit', null],
    ['%I8', '100009', 8, 'bit', null],
    ['%MW10:X3', '400011.3', 10, 'bit', null],
    ['%MW10.3', '400011.3', 10, 'bit', null],
    ['400010.3', '400010.3', 9, 'bit', null],
    ['HR40010.3', '440010.3', 40_009, 'bit', null],
    ['300010.15', '300010.15', 9, 'bit', null],
    ['400010.3:bit', '400010.3', 9, 'bit', null],
    ['400010.3:BADC', '400010.3', 9, 'bit', 'BADC'],
    ['HR100:f32', '400100', 99, 'float32', null],
    ['HR100:f32:CDAB', '400100', 99, 'float32', 'CDAB'],
    ['HR100:mle:dint', '400100', 99, 'int32', 'CDAB'],
    ['400001:s16b', '400001', 0, 'int16', null],
    ['400001:uint32', '400001', 0, 'uint32', null],
    ['400001:lreal', '400001', 0, 'float64', null],
    ['400001:string20', '400001:string20', 0, 'string', null],
    ['400001:STR5:BADC', '400001:string5', 0, 'string', 'BADC'],
    ['400100.20H', '400100:string20', 99, 'string', 'ABCD'],
    ['400100.20L', '400100:string20', 99, 'string', 'BADC'],
    [`\${40001}`, '400001', 0, null, null],
    [`\${40001@1:s16b}`, '400001', 0, 'int16', null],
    [`\${ h0 @1 : 32b }`, '400001', 0, 'uint32', null],
    ['1.HR5', '400005', 4, null, null],
    ['465533:float64', '465533', 65_532, 'float64', null],
  ] as const)('%s is %s', (text, canonical, offset, type, order) => {
    const parsed = parseAddress(text, one);
    expect(parsed.address.offset).toBe(offset);
    expect({ canonical: formatAddress(parsed.address), type: parsed.type, order: parsed.order }).toEqual({
      canonical,
      type,
      order,
    });
  });

  it('lets the first-register setting move names, and nothing else', () => {
    expect(parseAddress('HR0', zero).address.offset).toBe(0);
    expect(parseAddress('C5', zero).address).toEqual({ table: 'coil', offset: 5, bit: null, length: null });
    for (const text of ['400005', '40005', '4x5', 'h4', 'c4', '%MW4', '0x4', 'HR0x4']) {
      expect(parseAddress(text, zero)).toEqual(parseAddress(text, one));
    }
  });

  it('accepts a unit in the text only if it is the device itself', () => {
    const unit2 = { addressBase: 'one', unitId: 2 } as const;
    expect(parseAddress(`\${40001@2:s16b}`, unit2).type).toBe('int16');
    expect(refusal(`\${40001@2:s16b}`)).toContain('names unit 2, this device is unit 1');
    expect(refusal('2.HR5')).toContain('names unit 2, this device is unit 1');
  });

  it.each([
    ['', 'An address is needed'],
    ['   ', 'An address is needed'],
    ['4', 'only a table'],
    ['400000', 'the first place is 400001'],
    ['HR0', 'the first place is HR1'],
    ['465537', '65537 is beyond 65536'],
    ['HR65537', '65537 is beyond 65536'],
    ['h65536', '65536 is beyond 65535'],
    ['%MW10000h', 'beyond FFFF'],
    ['0x10000', 'beyond FFFF'],
    ['4000001', 'at most 6 digits'],
    ['2', 'the first digit names the table'],
    ['20001', 'the first digit names the table'],
    ['65537', 'the first digit names the table'],
    ['HR', 'not a place in a device'],
    ['banana', 'not a place in a device'],
    ['DB1.DBW0', 'is not an address'],
    ['HR-1', 'not a place in a device'],
    ['HR1.16', '0 (least significant) to 15'],
    ['HR1.3:f32', 'names a bit and the type float32'],
    ['C1.3', 'a coil is one bit'],
    ['000001:f32', 'a coil is one bit'],
    ['CF1', 'only registers have a type'],
    ['HR1:bit', 'say which bit'],
    ['HR1:string', 'say how many characters'],
    ['HR1:string0', '1 to 250 characters'],
    ['HR1:string251', '1 to 250 characters'],
    ['HR1:20', 'neither a type nor an order'],
    ['HR1:f33', 'neither a type nor an order'],
    ['HR1:__proto__', 'neither a type nor an order'],
    ['HRF1:int16', 'names two types, float32 and int16'],
    ['HRBCD1', 'BCD values are not supported'],
    ['%MD100', 'differs between makers'],
    ['%X1', 'write %MW'],
    ['465536:float32', 'needs 2 registers, but the table ends at 465536'],
    ['${40001', 'write the braces as'],
    ['}{', 'write the braces as'],
    ['４０００１', 'characters that no address has'],
    ['HR1\u0000', 'characters that no address has'],
    ['ħř1', 'characters that no address has'],
  ])('refuses %j and says what would be right', (text, sentence) => {
    expect(refusal(text)).toContain(sentence);
  });

  it('answers a page of rubbish with one short sentence', () => {
    for (const text of ['4'.repeat(200), 'x'.repeat(200), '\u{1f600}'.repeat(100), '${'.repeat(100)]) {
      expect(refusal(text).length).toBeLessThan(250);
    }
    expect(refusal('9'.repeat(90)).length).toBeLessThan(250);
  });

  it('formats so that any device reads the same address back', () => {
    const address: fc.Arbitrary<ModbusAddress> = fc.oneof(
      fc.record({
        table: fc.constantFrom('coil', 'discrete', 'input', 'holding'),
        offset: fc.nat(65_535),
        bit: fc.constant(null),
        length: fc.constant(null),
      }),
      fc.record({
        table: fc.constantFrom('input', 'holding'),
        offset: fc.nat(65_535),
        bit: fc.nat(15),
        length: fc.constant(null),
      }),
      fc.record({
        table: fc.constantFrom('input', 'holding'),
        offset: fc.nat(65_400),
        bit: fc.constant(null),
        length: fc.integer({ min: 1, max: 250 }),
      }),
    );
    fc.assert(
      fc.property(address, fc.constantFrom('one', 'zero'), fc.nat(255), (given, addressBase, unitId) => {
        const { canonical } = describeAddress(given);
        expect(canonical).toMatch(/^[0134]\d{5}(\.\d{1,2}|:string\d+)?$/);
        expect(parseAddress(canonical, { addressBase, unitId }).address).toEqual(given);
      }),
    );
  });

  it('parses any text or refuses it with a sentence', () => {
    const pieces = fc.constantFrom(
      ...'0123456789.:@%{}$xhHRIDCFSMWQ_ -'.split(''),
      'float32',
      'string',
      'CDAB',
      '40001',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces, { maxLength: 12 }).map((list) => list.join('')),
        ),
        (text) => {
          try {
            const { address } = parseAddress(text, one);
            expect(parseAddress(formatAddress(address), zero).address).toEqual(address);
          } catch (error) {
            expect(isAppError(error, 'config.invalid')).toBe(true);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('says where it is on the wire', () => {
    expect(describeAddress(parseAddress('HR100', one).address).wire).toBe('holding register, function 3, offset 99');
    expect(describeAddress(parseAddress('300010.3', one).address).wire).toBe(
      'input register, function 4, offset 9, bit 3',
    );
    expect(describeAddress(parseAddress('HRS1:5', one).address).wire).toBe(
      'holding register, function 3, offset 0, 3 registers',
    );
    expect(describeAddress(parseAddress('C1', one).address).wire).toBe('coil, function 1, offset 0');
    expect(describeAddress(parseAddress('DI1', one).address).wire).toBe('discrete input, function 2, offset 0');
  });

  it('shows in its help only what it accepts', () => {
    for (const { text } of addressHelp) {
      for (const example of text.split(', ')) {
        expect(() => parseAddress(example, example.includes('@2') ? { ...one, unitId: 2 } : one)).not.toThrow();
      }
    }
  });
});
