import type { ValueType } from '#shared/model/index.ts';
import type { Table } from './table.ts';

/** A place in a table, without suffixes. `type` where the name itself says it, as in HRF106. */
export interface Located {
  readonly table: Table;
  readonly offset: number;
  readonly type: ValueType | null;
}

type Fail = (reason: string) => never;

const digitTables: Readonly<Record<string, Table>> = { '0': 'coil', '1': 'discrete', '3': 'input', '4': 'holding' };
const namedTables: Readonly<Record<string, Table>> = { HR: 'holding', IR: 'input', DI: 'discrete', C: 'coil' };
const offsetTables: Readonly<Record<string, Table>> = { h: 'holding', i: 'input', d: 'discrete', c: 'coil' };
const iecTables: Readonly<Record<string, Table>> = {
  MW: 'holding',
  IW: 'input',
  M: 'coil',
  Q: 'coil',
  I: 'discrete',
};
// Letters that Ignition puts between the table and the number.
const namedTypes: Readonly<Record<string, ValueType | null>> = {
  '': null,
  F: 'float32',
  D: 'float64',
  I: 'int32',
  UI: 'uint32',
  US: 'uint16',
  I_64: 'int64',
  UI_64: 'uint64',
  S: 'string',
};

/** Reads the place part of an address text. `fail` gets a sentence without the text itself and must throw. */
export function locate(text: string, addressBase: 'one' | 'zero', fail: Fail): Located {
  if (/^\d+$/.test(text)) return fromDigits(text, fail);

  const prefixed = /^([134])x(\d+)$/i.exec(text);
  if (prefixed !== null) {
    return { table: digitTables[prefixed[1]!]!, offset: oneBased(prefixed[2]!, `${prefixed[1]}x1`, fail), type: null };
  }
  const hex = /^0x([0-9a-f]+)$/i.exec(text);
  if (hex !== null) return { table: 'holding', offset: wireOffset(hex[1]!, 16, fail), type: null };
  if (text.startsWith('%')) return fromIec(text, fail);

  // A small c is ModbusScope's coil by offset, a capital C the coil by name: the case is all that tells them apart.
  const byOffset = /^([hidHID]|c)(0x)?([0-9a-f]+)$/i.exec(text);
  if (byOffset !== null && byOffset[1] !== 'C' && (byOffset[2] !== undefined || /^\d+$/.test(byOffset[3]!))) {
    const table = offsetTables[byOffset[1]!.toLowerCase()]!;
    return { table, offset: wireOffset(byOffset[3]!, byOffset[2] === undefined ? 10 : 16, fail), type: null };
  }

  const named = /^(HR|IR|DI|C)(F|D|I_64|UI_64|UI|US|I|S|BCD_32|BCD)?(0x[0-9a-f]+|\d+)$/i.exec(text);
  if (named === null) {
    return fail(
      'this is not a place in a device. Write a 5 or 6 digit number (40001, 400001), HR1, IR1, DI1, C1, h0, %MW0 or 0x1A.',
    );
  }
  const table = namedTables[named[1]!.toUpperCase()]!;
  const letters = (named[2] ?? '').toUpperCase();
  if (letters.startsWith('BCD')) return fail('BCD values are not supported. Read the register as uint16.');
  if (letters !== '' && (table === 'coil' || table === 'discrete')) {
    return fail(`only registers have a type. Write ${named[1]!.toUpperCase()}${named[3]}.`);
  }
  const type = namedTypes[letters] ?? null;
  const number = named[3]!;
  if (/^0x/i.test(number)) return { table, offset: wireOffset(number.slice(2), 16, fail), type };
  const offset =
    addressBase === 'zero' ? wireOffset(number, 10, fail) : oneBased(number, `${named[1]!.toUpperCase()}1`, fail);
  return { table, offset, type };
}

/** 41, 40001 and 400001 are one register: the first digit is the table, the rest counts from 1. */
function fromDigits(text: string, fail: Fail): Located {
  const table = digitTables[text[0]!];
  if (table === undefined) {
    return fail(
      `the first digit names the table: 0 coil, 1 discrete input, 3 input register, 4 holding register. For a register number without table write HR${text.slice(0, 6)}.`,
    );
  }
  if (text.length === 1) return fail(`this names only a table. Its first place is ${text}00001.`);
  if (text.length > 6) return fail('a number has at most 6 digits: the table and 00001 to 65536.');
  return { table, offset: oneBased(text.slice(1), `${text[0]}00001`, fail), type: null };
}

function fromIec(text: string, fail: Fail): Located {
  const parts = /^%(MW|IW|MD|MF|MX|M|QW|Q|I)([0-9a-f]+h|\d+)$/i.exec(text);
  if (parts === null) return fail('write %MW, %IW, %M, %Q or %I and an offset, for example %MW100 or %MW64h.');
  const letters = parts[1]!.toUpperCase();
  const table = iecTables[letters];
  if (table === undefined) {
    return fail(
      `what %${letters} means differs between makers. Write the register as %MW and the type behind it, for example %MW100:f32.`,
    );
  }
  const number = parts[2]!;
  const isHex = /h$/i.test(number);
  return { table, offset: wireOffset(isHex ? number.slice(0, -1) : number, isHex ? 16 : 10, fail), type: null };
}

function oneBased(digits: string, first: string, fail: Fail): number {
  const number = Number(digits);
  if (number === 0) {
    return fail(
      `the count begins at 1, so the first place is ${first}, at wire offset 0. For offsets that count from 0 write h, i, d or c before the number.`,
    );
  }
  if (number > 65_536) return fail(`${shown(digits)} is beyond 65536, the last place of a table.`);
  return number - 1;
}

function wireOffset(digits: string, radix: 10 | 16, fail: Fail): number {
  const number = Number.parseInt(digits, radix);
  if (number > 65_535) {
    return radix === 10
      ? fail(`${shown(digits)} is beyond 65535, the last offset of a table.`)
      : fail(`hex ${shown(digits)} is beyond FFFF, the last offset of a table.`);
  }
  return number;
}

const shown = (digits: string): string => (digits.length > 12 ? `${digits.slice(0, 12)}…` : digits);
