import { z } from 'zod';
import type { AddressDescription, ParsedAddress } from '#engine/protocols/protocol.ts';
import { quote, refuse } from '#shared/errors.ts';
import type { ValueType, WordOrder } from '#shared/model/index.ts';
import { locate } from './notation.ts';
import { isBitTable, TABLE_SIZE, type Table, tableName, tables } from './table.ts';
import { readTypeSuffix } from './type-suffix.ts';

/** Where a value lives: stored as table and wire offset, so that no numbering habit can move it afterwards. */
export const modbusAddress = z.object({
  table: tableName,
  /** As on the wire, 0 to 65535. */
  offset: z.number().int().min(0).max(65_535),
  /** Bit of a register, 0 = least significant, 15 = most; null for a whole register and for coils. */
  bit: z.number().int().min(0).max(15).nullable(),
  /** Characters of a string, two in a register; null for everything else. 250 fill the largest request. */
  length: z.number().int().min(1).max(250).nullable(),
});
export type ModbusAddress = z.infer<typeof modbusAddress>;

/** The part of a device's settings that a notation can depend on. */
export interface Numbering {
  readonly addressBase: 'one' | 'zero';
  readonly unitId: number;
}

const MAX_TEXT = 100;

/**
 * Reads any notation of docs/protocols/modbus.md. Throws `config.invalid` with path `address`. A unit named in the text
 * must be the device's own: dropping it silently would show one device's value under another's name.
 */
export function parseAddress(text: string, numbering: Numbering): ParsedAddress<ModbusAddress> {
  const fail = (sentence: string): never => refuse('address', sentence);
  if (text.length > MAX_TEXT) {
    fail(
      `An address has at most ${MAX_TEXT} characters, this text has ${text.length}. Write for example 400001 or HR1.`,
    );
  }
  const typed = text.trim();
  if (typed === '') fail('An address is needed, for example 400001 or HR1.');
  if (/[^\x20-\x7e]/.test(typed)) {
    fail(
      `${quote(typed)} holds characters that no address has. Use plain letters, digits and signs, for example 400001.`,
    );
  }
  let rest = typed.replace(/\s+/g, '');
  if (rest.startsWith('$') || rest.includes('{') || rest.includes('}')) {
    const inner = /^\$\{([^{}]+)\}$/.exec(rest);
    if (inner === null) fail(`${quote(typed)}: write the braces as \${40001} or leave them out.`);
    rest = inner![1]!;
  }

  const ownUnit = (unit: number): void => {
    if (unit !== numbering.unitId) {
      fail(
        `${quote(typed)} names unit ${unit}, this device is unit ${numbering.unitId}. Leave the unit out, or put the tag on the device with unit ${unit}.`,
      );
    }
  };
  const unitPrefix = /^(\d{1,3})\.(?=[A-Za-z%])/.exec(rest);
  if (unitPrefix !== null) {
    ownUnit(Number(unitPrefix[1]));
    rest = rest.slice(unitPrefix[0].length);
  }
  const [place = '', ...suffixes] = rest.split(':');
  const parts = /^([^@.]*)(?:\.(\d{1,3})([HL])?)?(?:@(\d{1,3}))?$/i.exec(place);
  if (parts === null) {
    return fail(
      `${quote(typed)} is not an address. Write a 5 or 6 digit number (40001, 400001), HR1, IR1, DI1, C1, h0, %MW0 or 0x1A; a bit as 400010.3, a string as 400100:string20.`,
    );
  }
  if (parts[4] !== undefined) ownUnit(Number(parts[4]));

  const located = locate(parts[1]!, numbering.addressBase, (reason) => fail(`${quote(typed)}: ${reason}`));
  let type: ValueType | null = located.type;
  let order: WordOrder | null = null;
  let bit: number | null = null;
  let length: number | null = null;

  if (parts[2] !== undefined && parts[3] !== undefined) {
    // Kepware's strings: 400100.20H has the first character in the high byte, 400100.20L in the low byte.
    type = 'string';
    length = Number(parts[2]);
    order = parts[3].toUpperCase() === 'H' ? 'ABCD' : 'BADC';
  } else if (parts[2] !== undefined) {
    bit = Number(parts[2]);
  }
  for (const suffix of suffixes) {
    const read = readTypeSuffix(suffix, located.type === 'string' && length === null);
    if (read === null) {
      return fail(
        `${quote(typed)}: ${quote(suffix)} is neither a type nor an order. Types are int16, uint16, int32, uint32, int64, uint64, float32, float64, string20, and short forms such as f32 and s16b; orders are ABCD, CDAB, BADC, DCBA.`,
      );
    }
    if (read.bit !== undefined) bit = read.bit;
    if (read.order !== undefined) order = read.order;
    if (read.length !== undefined) length = read.length;
    if (read.type !== undefined) {
      if (type !== null && type !== read.type)
        fail(`${quote(typed)} names two types, ${type} and ${read.type}. Keep one.`);
      type = read.type;
    }
  }

  const { table, offset } = located;
  if (isBitTable(table)) {
    if (bit !== null || length !== null || (type !== null && type !== 'bit')) {
      fail(`${quote(typed)}: a ${tables[table].words} is one bit. Leave the suffix out.`);
    }
    return { address: { table, offset, bit: null, length: null }, type: 'bit', order: null };
  }
  if (bit !== null) {
    if (bit > 15) fail(`${quote(typed)}: the bits of a register are 0 (least significant) to 15.`);
    if (type !== null && type !== 'bit') fail(`${quote(typed)} names a bit and the type ${type}. Keep one of them.`);
    return { address: { table, offset, bit, length: null }, type: 'bit', order };
  }
  if (type === 'bit')
    fail(`${quote(typed)}: say which bit of the register, for example ${formatNumber(table, offset)}.3.`);
  if (type === 'string') {
    if (length === null)
      fail(`${quote(typed)}: say how many characters, for example ${formatNumber(table, offset)}:string20.`);
    if (length! < 1 || length! > 250) fail(`${quote(typed)}: a string has 1 to 250 characters.`);
  } else if (length !== null) {
    fail(`${quote(typed)}: only a string has a length.`);
  }
  const address: ModbusAddress = { table, offset, bit: null, length };
  const count = type === null ? 1 : registersOf(type, address);
  if (offset + count > TABLE_SIZE) {
    fail(`${quote(typed)} needs ${count} registers, but the table ends at ${formatNumber(table, TABLE_SIZE - 1)}.`);
  }
  return { address, type, order };
}

/** Registers that a value occupies; 1 for a bit of a register and for a coil. */
export function registersOf(type: ValueType, address: ModbusAddress): number {
  switch (type) {
    case 'string':
      return Math.ceil((address.length ?? 1) / 2);
    case 'int64':
    case 'uint64':
    case 'float64':
      return 4;
    case 'int32':
    case 'uint32':
    case 'float32':
      return 2;
    default:
      return 1;
  }
}

function formatNumber(table: Table, offset: number): string {
  return tables[table].digit + String(offset + 1).padStart(5, '0');
}

/** Six digits, one-based by definition, with the bit or the string length: the same for every device's settings. */
export function formatAddress(address: ModbusAddress): string {
  const number = formatNumber(address.table, address.offset);
  if (address.bit !== null) return `${number}.${address.bit}`;
  return address.length === null ? number : `${number}:string${address.length}`;
}

export function describeAddress(address: ModbusAddress): AddressDescription {
  const { words, readFunction } = tables[address.table];
  const bit = address.bit === null ? '' : `, bit ${address.bit}`;
  const registers = address.length === null ? 0 : Math.ceil(address.length / 2);
  const length = registers === 0 ? '' : `, ${registers} ${registers === 1 ? 'register' : 'registers'}`;
  return {
    canonical: formatAddress(address),
    wire: `${words}, function ${readFunction}, offset ${address.offset}${bit}${length}`,
  };
}

export const addressHelp = [
  { text: '400001', means: 'First holding register (wire offset 0). Digits always count from 1.' },
  { text: '40001', means: 'The same register in five digits; 41 and 4x1 are the same as well.' },
  { text: '300001, 100001, 000001', means: 'First input register, discrete input and coil.' },
  { text: 'HR1, IR1, DI1, C1', means: 'The same by name; they count from the device\'s "first register" setting.' },
  { text: 'HRF106, HRI106, HRS106:20', means: 'Name with type: float32, int32, string of 20 characters.' },
  { text: 'h0, i0, d0, c0', means: 'Wire offsets, counted from 0: holding, input, discrete, coil (small c).' },
  { text: '%MW6657, %MW1A01h', means: 'Holding register by wire offset, decimal or hex; %IW, %M and %I likewise.' },
  { text: '0x1A01, IR0x1A01', means: 'Hex is always a wire offset; without a name it is a holding register.' },
  { text: '400010.3', means: 'Bit 3 of a register; 0 is the least significant bit.' },
  { text: '400100:float32, HR100:f32:CDAB', means: 'Type, and word order, of the value that starts there.' },
  { text: '400100:string20', means: 'Text of 20 characters in ten registers.' },
  { text: `\${40001@2:s16b}`, means: "Expression with unit and type; the unit must be the device's own." },
] as const;
