import type { ValueType } from '#shared/model/index.ts';

/** Type codes of values on the wire (CIP volume 1, appendix C), with what they are here. */
export interface DataType {
  readonly name: string;
  /** Bytes of one element; 0 where each has its own length. */
  readonly size: number;
  /** The types that a tag may have; the first is the one that is advised. */
  readonly as: readonly ValueType[];
}

const types: Readonly<Record<number, DataType>> = {
  193: { name: 'BOOL', size: 1, as: ['bit'] },
  194: { name: 'SINT', size: 1, as: ['int8'] },
  195: { name: 'INT', size: 2, as: ['int16'] },
  196: { name: 'DINT', size: 4, as: ['int32'] },
  197: { name: 'LINT', size: 8, as: ['int64'] },
  198: { name: 'USINT', size: 1, as: ['uint8'] },
  199: { name: 'UINT', size: 2, as: ['uint16'] },
  200: { name: 'UDINT', size: 4, as: ['uint32'] },
  201: { name: 'ULINT', size: 8, as: ['uint64'] },
  202: { name: 'REAL', size: 4, as: ['float32'] },
  203: { name: 'LREAL', size: 8, as: ['float64'] },
  208: { name: 'STRING', size: 0, as: ['string'] },
  209: { name: 'BYTE', size: 1, as: ['uint8', 'int8'] },
  210: { name: 'WORD', size: 2, as: ['uint16', 'int16'] },
  211: { name: 'DWORD', size: 4, as: ['uint32', 'int32'] },
  212: { name: 'LWORD', size: 8, as: ['uint64', 'int64'] },
  218: { name: 'SHORT_STRING', size: 0, as: ['string'] },
  219: { name: 'TIME', size: 4, as: ['int32', 'uint32'] },
  223: { name: 'LTIME', size: 8, as: ['int64', 'uint64'] },
};

export const BOOL = 0xc1;
export const SINT = 0xc2;
export const USINT = 0xc6;
export const DINT = 0xc4;
export const DWORD = 0xd3;
export const STRING = 0xd0;
export const SHORT_STRING = 0xda;
export const STRUCTURE = 0x02a0;
/** The controller's own STRING: 82 characters behind their number, 88 bytes. Others have a handle of their own. */
export const STRING_HANDLE = 0x0fce;
export const STRING_BYTES = 88;

/** By code, since it is asked for with each value. */
const byCode: (DataType | undefined)[] = Array.from({ length: 256 }, (_, code) => types[code]);

export const dataType = (code: number): DataType | undefined => byCode[code];

export function typeName(code: number): string {
  if (code === STRUCTURE) return 'a structure';
  return dataType(code)?.name ?? `of type 0x${code.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Bits can be taken out of it. */
export const isWhole = (type: DataType): boolean =>
  type.size > 0 && type.as.every((one) => one.startsWith('int') || one.startsWith('uint'));
