/** The four tables of a Modbus unit. Offsets are those on the wire, from 0. */
export type ModbusTable = 'coil' | 'discrete' | 'input' | 'holding';
export type ImageType = 'int16' | 'uint16' | 'int32' | 'uint32' | 'float32' | 'int64' | 'uint64' | 'float64' | 'string';
export type ImageOrder = 'ABCD' | 'CDAB' | 'BADC' | 'DCBA';

/** What one unit holds. Cells that were never defined do not exist for a client: reading them is exception 2. */
export interface RegisterImage {
  /** Makes cells exist; they read 0 until they are set. */
  define(table: ModbusTable, offset: number, count: number): void;
  /** Makes cells not exist. */
  undefine(table: ModbusTable, offset: number, count: number): void;
  exists(table: ModbusTable, offset: number, count: number): boolean;
  setBit(table: 'coil' | 'discrete', offset: number, on: boolean): void;
  setRegisters(table: 'input' | 'holding', offset: number, words: readonly number[]): void;
  /**
   * Encodes a value into as many registers as its type takes. Integers are cut to their width, as a PLC would. Text is
   * ASCII, two characters a register, first one in the high byte, filled with zero bytes up to `registers`.
   */
  setValue(
    table: 'input' | 'holding',
    offset: number,
    type: ImageType,
    value: number | bigint | string,
    options?: { readonly order?: ImageOrder; readonly registers?: number },
  ): void;
  getBit(table: 'coil' | 'discrete', offset: number): boolean;
  getRegister(table: 'input' | 'holding', offset: number): number;
}

const SIZE = 65_536;

/** `everything` defines all 65,536 cells of every table. */
export function createRegisterImage(options: { readonly everything?: boolean } = {}): RegisterImage {
  const tables = ['coil', 'discrete', 'input', 'holding'] as const;
  const cells = Object.fromEntries(tables.map((table) => [table, new Uint16Array(SIZE)])) as Record<
    ModbusTable,
    Uint16Array
  >;
  const defined = Object.fromEntries(
    tables.map((table) => [table, new Uint8Array(SIZE).fill(options.everything === true ? 1 : 0)]),
  ) as Record<ModbusTable, Uint8Array>;
  const scratch = new DataView(new ArrayBuffer(8));

  const image: RegisterImage = {
    define(table, offset, count) {
      defined[table].fill(1, offset, offset + count);
    },
    undefine(table, offset, count) {
      defined[table].fill(0, offset, offset + count);
    },
    exists(table, offset, count) {
      if (offset + count > SIZE) return false;
      const marks = defined[table];
      for (let i = offset; i < offset + count; i++) if (marks[i] === 0) return false;
      return true;
    },
    setBit(table, offset, on) {
      cells[table][offset] = on ? 1 : 0;
      defined[table][offset] = 1;
    },
    setRegisters(table, offset, words) {
      cells[table].set(words, offset);
      defined[table].fill(1, offset, offset + words.length);
    },
    setValue(table, offset, type, value, { order = 'ABCD', registers = 1 } = {}) {
      if (type === 'string') {
        const text = String(value);
        const words = Array.from(
          { length: registers },
          (_, i) => ((charAt(text, 2 * i) << 8) | charAt(text, 2 * i + 1)) & 0xffff,
        );
        const swapped = order === 'BADC' || order === 'DCBA';
        image.setRegisters(table, offset, swapped ? words.map(swapBytes) : words);
        return;
      }
      const count = encode(scratch, type, value);
      let words = Array.from({ length: count }, (_, i) => scratch.getUint16(2 * i));
      if (order === 'CDAB' || order === 'DCBA') words = words.reverse();
      if (order === 'BADC' || order === 'DCBA') words = words.map(swapBytes);
      image.setRegisters(table, offset, words);
    },
    getBit: (table, offset) => cells[table][offset] === 1,
    getRegister: (table, offset) => cells[table][offset] ?? 0,
  };
  return image;
}

const charAt = (text: string, index: number): number => (index < text.length ? text.charCodeAt(index) & 0xff : 0);
const swapBytes = (word: number): number => ((word << 8) | (word >>> 8)) & 0xffff;

/** Big endian into `into`; returns the number of registers. */
function encode(into: DataView, type: Exclude<ImageType, 'string'>, value: number | bigint | string): number {
  const whole = (): bigint => (typeof value === 'bigint' ? value : BigInt(Math.round(Number(value))));
  switch (type) {
    case 'int16':
    case 'uint16':
      into.setUint16(0, Number(BigInt.asUintN(16, whole())));
      return 1;
    case 'int32':
    case 'uint32':
      into.setUint32(0, Number(BigInt.asUintN(32, whole())));
      return 2;
    case 'float32':
      into.setFloat32(0, Number(value));
      return 2;
    case 'int64':
    case 'uint64':
      into.setBigUint64(0, BigInt.asUintN(64, whole()));
      return 4;
    case 'float64':
      into.setFloat64(0, Number(value));
      return 4;
  }
}
