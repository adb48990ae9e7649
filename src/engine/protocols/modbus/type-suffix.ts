import type { ValueType, WordOrder } from '#shared/model/index.ts';

/** What follows a colon: a type, a length, a bit or an order; tools name them in many ways. */
export interface TypeSuffix {
  readonly type?: ValueType;
  readonly order?: WordOrder;
  readonly length?: number;
  readonly bit?: number;
}

const typeNames = new Map<string, ValueType>();
const name = (type: ValueType, texts: string): void => {
  for (const text of texts.split(' ')) typeNames.set(text, type);
};
// Names of IEC 61131 (word, dint, lreal), of the C family, and those with a number of bits (s16b is ModbusScope's).
name('bit', 'bit bool');
name('int16', 'int16 i16 s16 s16b sint16 short int');
name('uint16', 'uint16 u16 u16b 16b word uint');
name('int32', 'int32 i32 s32 s32b sint32 long dint');
name('uint32', 'uint32 u32 u32b 32b dword udint');
name('int64', 'int64 i64 s64 s64b sint64 lint');
name('uint64', 'uint64 u64 u64b 64b qword lword ulint');
name('float32', 'float32 f32 f32b float real');
name('float64', 'float64 f64 f64b double lreal');
name('string', 'string str');

const orders: Readonly<Record<string, WordOrder>> = {
  abcd: 'ABCD',
  cdab: 'CDAB',
  badc: 'BADC',
  dcba: 'DCBA',
  big: 'ABCD',
  be: 'ABCD',
  little: 'DCBA',
  le: 'DCBA',
  mle: 'CDAB',
  wordswap: 'CDAB',
  mbe: 'BADC',
  byteswap: 'BADC',
};

/** `bareLength`: a number alone is a string's length, as in HRS106:20. Null if the text is none of these. */
export function readTypeSuffix(text: string, bareLength: boolean): TypeSuffix | null {
  const lower = text.toLowerCase();
  const type = typeNames.get(lower);
  if (type !== undefined) return { type };
  const order = Object.hasOwn(orders, lower) ? orders[lower] : undefined;
  if (order !== undefined) return { order };
  const string = /^(?:string|str)\[?(\d{1,4})\]?$/.exec(lower);
  if (string !== null) return { type: 'string', length: Number(string[1]) };
  // Schneider writes a bit of a word as %MW10:X3.
  const bit = /^x(\d{1,2})$/.exec(lower);
  if (bit !== null) return { bit: Number(bit[1]) };
  if (bareLength && /^\d{1,4}$/.test(lower)) return { length: Number(lower) };
  return null;
}
