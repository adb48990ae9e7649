import { refuse } from '#shared/errors.ts';
import type { DecodeRecipe, TagDocument, ValueType } from '#shared/model/index.ts';
import { formatAddress, type ModbusAddress, registersOf } from './address.ts';
import type { ModbusDevice } from './config.ts';
import { isBitTable, TABLE_SIZE, tables } from './table.ts';

export const valueTypes: readonly ValueType[] = [
  'bit',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float32',
  'float64',
  'string',
];

/** Throws `config.invalid` where type, order and address do not go together. */
export function createRecipe(
  tag: Pick<TagDocument, 'type' | 'order' | 'scaling' | 'unit'>,
  address: ModbusAddress,
  device: ModbusDevice,
): DecodeRecipe {
  const { type } = tag;
  const text = formatAddress(address);
  const { words } = tables[address.table];
  const common = { version: 1, type, scaling: tag.scaling, unit: tag.unit };
  if (isBitTable(address.table)) {
    if (type !== 'bit') refuse('type', `${text} is a ${words} and holds one bit. Choose the type bit.`);
    return { ...common, form: 'bits', order: 'ABCD', bit: null };
  }
  if (!valueTypes.includes(type)) {
    refuse(
      'type',
      `A register has 16 bits, so ${type} does not exist here. Choose int16 or uint16, or one bit as ${text}.0.`,
    );
  }
  if (address.bit !== null) {
    if (type !== 'bit')
      refuse('type', `${text} is a single bit. Choose the type bit, or leave the ".${address.bit}" out.`);
    return { ...common, form: 'bits', order: tag.order ?? device.wordOrder, bit: address.bit };
  }
  if (type === 'bit') refuse('address', `Say which bit of the ${words}: ${text}.0 to ${text}.15.`);
  if (type === 'string' && address.length === null) {
    refuse('address', `Say how many characters the string has, for example ${text}:string20.`);
  }
  if (type !== 'string' && address.length !== null) {
    refuse('type', `${text} is a string. Choose the type string, or leave the length out.`);
  }
  const count = registersOf(type, address);
  if (address.offset + count > TABLE_SIZE) {
    refuse('address', `${text} needs ${count} registers, but the table ends after ${TABLE_SIZE - address.offset}.`);
  }
  if (count > device.maxRegisters) {
    refuse(
      'address',
      `${text} needs ${count} registers in one request, but this device allows ${device.maxRegisters}. Raise "Registers per request" or shorten the value.`,
    );
  }
  if (type !== 'string') {
    const form = count === 4 ? 'bits64' : 'bits';
    return { ...common, form, order: tag.order ?? device.wordOrder, bit: null };
  }
  if (tag.order === 'CDAB' || tag.order === 'DCBA') {
    refuse('order', 'A string has the order ABCD (first character in the high byte) or BADC (in the low byte).');
  }
  return { ...common, form: 'text', order: tag.order ?? device.stringOrder, bit: null };
}
