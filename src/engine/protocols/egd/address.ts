import { z } from 'zod';
import type { AddressDescription, ParsedAddress, RawPlaced, RawValue } from '#engine/protocols/protocol.ts';
import { quote, refuse } from '#shared/errors.ts';
import type { DecodeRecipe, TagDocument, ValueType } from '#shared/model/index.ts';
import { wireBytes } from '#shared/model/index.ts';
import type { EgdDevice } from './config.ts';
import { MAX_DATA_BYTES } from './header.ts';

export const headerField = z.enum(['status', 'signature', 'request', 'length']);
export type HeaderField = z.infer<typeof headerField>;

/** A place in the data of an exchange, or a field of its header. */
export const egdAddress = z.object({
  /** Null for a place in the data. `length` is that of the data, in bytes. */
  field: headerField.nullable(),
  /** Byte in the data, from 0. */
  offset: z
    .number()
    .int()
    .min(0)
    .max(MAX_DATA_BYTES - 1),
  /** Bit of that byte, 0 = least significant. */
  bit: z.number().int().min(0).max(7).nullable(),
  /** Bytes of a text. */
  length: z.number().int().min(1).max(MAX_DATA_BYTES).nullable(),
});
export type EgdAddress = z.infer<typeof egdAddress>;

const MAX_TEXT = 60;
const LAST = MAX_DATA_BYTES - 1;

const typeNames = new Map<string, ValueType>();
for (const [type, texts] of [
  ['bit', 'bit bool'],
  ['int8', 'int8 i8 s8 sint'],
  ['uint8', 'uint8 u8 byte usint'],
  ['int16', 'int16 i16 s16 int'],
  ['uint16', 'uint16 u16 word uint'],
  ['int32', 'int32 i32 s32 dint'],
  ['uint32', 'uint32 u32 dword udint'],
  ['int64', 'int64 i64 s64 lint'],
  ['uint64', 'uint64 u64 lword ulint'],
  ['float32', 'float32 f32 real float'],
  ['float64', 'float64 f64 lreal double'],
] as const) {
  for (const text of texts.split(' ')) typeNames.set(text, type);
}
export const valueTypes: readonly ValueType[] = [
  'bit',
  'int8',
  'uint8',
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

/** Bytes that a value takes in the data. */
export function dataBytesOf(type: ValueType, address: EgdAddress): number {
  if (address.length !== null) return address.length;
  return type === 'bit' ? 1 : wireBytes(type);
}

/** Reads `12`, `0x0C`, `12.3`, `12:f32`, `20:string16` and the fields of the header. Throws `config.invalid`. */
export function parseAddress(text: string): ParsedAddress<EgdAddress> {
  const fail = (sentence: string): never => refuse('address', sentence);
  if (text.length > MAX_TEXT) fail(`An address has at most ${MAX_TEXT} characters. Write for example 12 or 12.3.`);
  const typed = text.trim().toLowerCase();
  if (typed === '') fail('An address is needed: the byte in the data, for example 12, or a bit as 12.3.');
  const field = headerField.safeParse(typed);
  if (field.success) {
    return { address: { field: field.data, offset: 0, bit: null, length: null }, type: 'uint32', order: null };
  }
  const parts = /^(0x[0-9a-f]{1,3}|\d{1,4})(?:\.(\d{1,2}))?(?::([a-z]+\d*)(?:\[(\d{1,4})\])?)?$/.exec(
    typed.replace(/\s+/g, ''),
  );
  if (parts === null) {
    return fail(
      `${quote(text)} is not an address. Write the byte in the data, counted from 0: 12, 0x0C, 12:float32, a bit as 12.3, a text as 20:string16.`,
    );
  }
  const offset = Number(parts[1]);
  if (offset > LAST) fail(`${quote(text)}: the data have at most ${MAX_DATA_BYTES} bytes, so the last one is ${LAST}.`);
  const bit = parts[2] === undefined ? null : Number(parts[2]);
  if (bit !== null && bit > 7) fail(`${quote(text)}: the bits of a byte are 0 (least significant) to 7.`);
  if (parts[3] === undefined) {
    return { address: { field: null, offset, bit, length: null }, type: bit === null ? null : 'bit', order: null };
  }
  const string = /^(?:string|str)(\d{1,4})?$/.exec(parts[3]);
  if (string !== null) {
    const length = Number(string[1] ?? parts[4] ?? 0);
    if (bit !== null) fail(`${quote(text)} names a bit and a text. Keep one of them.`);
    if (length < 1) fail(`${quote(text)}: say how many bytes the text has, for example ${offset}:string16.`);
    if (offset + length > MAX_DATA_BYTES) fail(`${quote(text)} ends behind the last byte of the data, ${LAST}.`);
    return { address: { field: null, offset, bit: null, length }, type: 'string', order: null };
  }
  const type = parts[4] === undefined ? typeNames.get(parts[3]) : undefined;
  if (type === undefined) {
    return fail(
      `${quote(text)}: ${quote(parts[3])} is not a type. Types are bit, int8, uint8, int16, uint16, int32, uint32, int64, uint64, float32, float64 and string16.`,
    );
  }
  if (bit !== null && type !== 'bit') fail(`${quote(text)} names a bit and the type ${type}. Keep one of them.`);
  if (type === 'bit' && bit === null) fail(`${quote(text)}: say which bit of the byte, for example ${offset}.0.`);
  const address: EgdAddress = { field: null, offset, bit, length: null };
  if (offset + dataBytesOf(type, address) > MAX_DATA_BYTES) {
    fail(`${quote(text)} ends behind the last byte of the data, ${LAST}.`);
  }
  return { address, type, order: null };
}

export function formatAddress(address: EgdAddress): string {
  if (address.field !== null) return address.field;
  if (address.bit !== null) return `${address.offset}.${address.bit}`;
  return address.length === null ? String(address.offset) : `${address.offset}:string${address.length}`;
}

export const fieldWords: Readonly<Record<HeaderField, string>> = {
  status: 'header, status of the production',
  signature: 'header, configuration signature',
  request: 'header, number of the production, modulo 65536',
  length: 'bytes of data in the production',
};

export function describeAddress(address: EgdAddress): AddressDescription {
  const canonical = formatAddress(address);
  if (address.field !== null) return { canonical, wire: fieldWords[address.field] };
  const bit = address.bit === null ? '' : `, bit ${address.bit}`;
  const length = address.length === null ? '' : `, ${address.length} ${address.length === 1 ? 'byte' : 'bytes'}`;
  return { canonical, wire: `data byte ${address.offset}${bit}${length}` };
}

/** Bits count within the byte. Fields of the header have no place among the data. */
export function addressAt(from: EgdAddress, bytes: number, value: RawValue): EgdAddress | null {
  if (from.field !== null) return null;
  const offset = from.offset + bytes + Math.floor((value.bit ?? 0) / 8);
  const address = egdAddress.safeParse({
    field: null,
    offset,
    bit: value.bit === null ? null : value.bit % 8,
    length: value.type === 'string' ? value.length : null,
  });
  if (!address.success || offset + dataBytesOf(value.type, address.data) > MAX_DATA_BYTES) return null;
  return address.data;
}

export function placeOf(from: EgdAddress, address: EgdAddress, type: ValueType): RawPlaced | null {
  if (from.field !== null || address.field !== null) return null;
  return { offset: address.offset - from.offset, bytes: dataBytesOf(type, address), bit: address.bit };
}

/** Throws `config.invalid` where type and address do not go together. */
export function createRecipe(
  tag: Pick<TagDocument, 'type' | 'order' | 'scaling' | 'unit'>,
  address: EgdAddress,
  device: EgdDevice,
): DecodeRecipe {
  const { type } = tag;
  const text = formatAddress(address);
  const common = { version: 1, type, scaling: tag.scaling, unit: tag.unit };
  if (address.field !== null) {
    if (type !== 'uint32') refuse('type', `${text} is a number of the header. Choose the type uint32.`);
    return { ...common, form: 'bits', order: 'ABCD', bit: null };
  }
  if (address.bit !== null) {
    if (type !== 'bit') refuse('type', `${text} is a single bit. Choose the type bit, or leave ".${address.bit}" out.`);
    return { ...common, form: 'bits', order: 'ABCD', bit: address.bit };
  }
  if (type === 'bit') refuse('address', `Say which bit of the byte: ${text}.0 to ${text}.7.`);
  if (type === 'string' && address.length === null) {
    refuse('address', `Say how many bytes the text has, for example ${text}:string16.`);
  }
  if (type !== 'string' && address.length !== null) {
    refuse('type', `${text} is a text. Choose the type string, or leave the length out.`);
  }
  const end = address.offset + dataBytesOf(type, address);
  if (end > MAX_DATA_BYTES) refuse('address', `${text} ends behind the last byte of the data, ${LAST}.`);
  if (device.dataBytes > 0 && end > device.dataBytes) {
    refuse('address', `${text} ends at byte ${end - 1}, but this exchange has ${device.dataBytes} bytes of data.`);
  }
  if (type === 'string') return { ...common, form: 'text', order: 'ABCD', bit: null };
  return {
    ...common,
    form: wireBytes(type) === 8 ? 'bits64' : 'bits',
    order: tag.order ?? device.byteOrder,
    bit: null,
  };
}

export const addressHelp = [
  { text: '12', means: 'The value that starts at byte 12 of the data, counted from 0.' },
  { text: '0x0C', means: 'The same in hex.' },
  { text: '12.3', means: 'Bit 3 of byte 12; 0 is the least significant bit.' },
  { text: '12:float32', means: 'With its type; REAL, DINT, WORD and the like are understood too.' },
  { text: '20:string16', means: 'Text of 16 bytes.' },
  { text: 'status, signature, request, length', means: 'Fields of the header, to see what a producer says of itself.' },
] as const;
