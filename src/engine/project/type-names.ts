import { type ValueType, valueType } from '#shared/model/index.ts';

/** IEC 61131 names beside our own, as spreadsheets and controllers have them. */
const iec: Readonly<Record<string, ValueType>> = {
  bool: 'bit',
  sint: 'int8',
  usint: 'uint8',
  byte: 'uint8',
  int: 'int16',
  uint: 'uint16',
  word: 'uint16',
  dint: 'int32',
  udint: 'uint32',
  dword: 'uint32',
  lint: 'int64',
  ulint: 'uint64',
  lword: 'uint64',
  real: 'float32',
  lreal: 'float64',
};

/** Upper and lower case mean the same; null for a name that is none. */
export function typeNamed(text: string): ValueType | null {
  const name = text.toLowerCase();
  return valueType.options.find((own) => own === name) ?? (Object.hasOwn(iec, name) ? (iec[name] ?? null) : null);
}
