import { z } from 'zod';

/**
 * How the stored form of a sample becomes the number a person reads. What is stored is what the device gave; everything
 * an engineer can get wrong (type, word order, range, unit) is here, has a version, and is applied on read.
 *
 * Stored forms:
 * - `number`: the protocol itself delivers numbers (OPC UA double, JSON). `type` and `order` have no effect.
 * - `bits`:   up to 32 wire bits as an unsigned integer in a double; the byte received first is the most significant.
 * - `bits64`: 64 wire bits in the eight bytes of the value slot (a BigUint64 over the same buffer, native endianness);
 *             the byte received first is the most significant. Never read such a slot as a double.
 * - `text`:   index into the string table.
 */
export const storedForm = z.enum(['number', 'bits', 'bits64', 'text']);
export type StoredForm = z.infer<typeof storedForm>;

export const valueType = z.enum([
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
]);
export type ValueType = z.infer<typeof valueType>;

/**
 * Order of the bytes on the wire, named by where the most significant byte A stands: ABCD big endian, CDAB words
 * swapped, BADC bytes swapped inside words, DCBA little endian. For 64 bits the same rule is applied to four words.
 */
export const wordOrder = z.enum(['ABCD', 'CDAB', 'BADC', 'DCBA']);
export type WordOrder = z.infer<typeof wordOrder>;

/** Linear: `engineering = raw * gain + offset`. Kept as the two points people know from the PLC where given so. */
export const scaling = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('gain'), gain: z.number(), offset: z.number() }),
  z.object({
    kind: z.literal('range'),
    rawLow: z.number(),
    rawHigh: z.number(),
    low: z.number(),
    high: z.number(),
    clamp: z.boolean(),
  }),
]);
export type Scaling = z.infer<typeof scaling>;

export const decodeRecipe = z.object({
  version: z.number().int().min(1),
  form: storedForm,
  type: valueType,
  order: wordOrder,
  /** Bit number, 0 = least significant after ordering; only with type `bit` read out of a register. */
  bit: z.number().int().min(0).max(63).nullable(),
  scaling: scaling.nullable(),
  unit: z.string().max(40).nullable(),
});
export type DecodeRecipe = z.infer<typeof decodeRecipe>;

export const PLAIN_RECIPE: DecodeRecipe = {
  version: 1,
  form: 'number',
  type: 'float64',
  order: 'ABCD',
  bit: null,
  scaling: null,
  unit: null,
};

/** Bytes that a value of this type occupies on the wire; strings have their own length. */
export function wireBytes(type: ValueType): number {
  switch (type) {
    case 'int64':
    case 'uint64':
    case 'float64':
      return 8;
    case 'int32':
    case 'uint32':
    case 'float32':
      return 4;
    case 'int8':
    case 'uint8':
      return 1;
    case 'bit':
    case 'int16':
    case 'uint16':
      return 2;
    case 'string':
      return 0;
  }
}

/** Gain and offset of a scaling; a range of zero width has no gain and gives NaN, which callers show as "no value". */
export function linear(scale: Scaling | null): { readonly gain: number; readonly offset: number } {
  if (scale === null) return { gain: 1, offset: 0 };
  if (scale.kind === 'gain') return { gain: scale.gain, offset: scale.offset };
  const gain = (scale.high - scale.low) / (scale.rawHigh - scale.rawLow);
  return { gain, offset: scale.low - scale.rawLow * gain };
}

const scratch = new DataView(new ArrayBuffer(8));

/** Puts up to 32 wire bits into wire order `order` and leaves them big endian at the start of `scratch`. */
function orderBits(bits: number, bytes: number, order: WordOrder): void {
  let value = bits >>> 0;
  if (bytes === 1) {
    scratch.setUint8(0, value);
    return;
  }
  if (order === 'BADC' || order === 'DCBA') {
    value = (((value & 0x00ff00ff) << 8) | ((value >>> 8) & 0x00ff00ff)) >>> 0;
  }
  if (bytes === 2) {
    scratch.setUint16(0, value & 0xffff);
    return;
  }
  if (order === 'CDAB' || order === 'DCBA') value = ((value << 16) | (value >>> 16)) >>> 0;
  scratch.setUint32(0, value);
}

/** Decodes one stored `bits` value to the unscaled number. */
export function decodeBits(bits: number, recipe: DecodeRecipe): number {
  if (recipe.bit !== null) {
    const bytes = recipe.bit > 15 ? 4 : 2;
    orderBits(bits, bytes, recipe.order);
    const ordered = bytes === 2 ? scratch.getUint16(0) : scratch.getUint32(0);
    return (ordered >>> recipe.bit) & 1;
  }
  switch (recipe.type) {
    case 'bit':
      return bits === 0 ? 0 : 1;
    case 'int8':
      return (bits << 24) >> 24;
    case 'uint8':
      return bits & 0xff;
    case 'int16':
      orderBits(bits, 2, recipe.order);
      return scratch.getInt16(0);
    case 'uint16':
      orderBits(bits, 2, recipe.order);
      return scratch.getUint16(0);
    case 'int32':
      orderBits(bits, 4, recipe.order);
      return scratch.getInt32(0);
    case 'uint32':
      orderBits(bits, 4, recipe.order);
      return scratch.getUint32(0);
    case 'float32':
      orderBits(bits, 4, recipe.order);
      return scratch.getFloat32(0);
    default:
      return Number.NaN;
  }
}

/** Puts 64 wire bits, given as two big-endian halves, into order and leaves them big endian in `scratch`. */
function orderBits64(high: number, low: number, order: WordOrder): void {
  let upper = high >>> 0;
  let lower = low >>> 0;
  if (order === 'BADC' || order === 'DCBA') {
    upper = ((upper & 0x00ff00ff) << 8) | ((upper >>> 8) & 0x00ff00ff);
    lower = ((lower & 0x00ff00ff) << 8) | ((lower >>> 8) & 0x00ff00ff);
  }
  if (order === 'CDAB' || order === 'DCBA') {
    const oldUpper = upper;
    upper = (lower << 16) | (lower >>> 16);
    lower = (oldUpper << 16) | (oldUpper >>> 16);
  }
  scratch.setUint32(0, upper >>> 0);
  scratch.setUint32(4, lower >>> 0);
}

/** Decodes 64 wire bits to the unscaled number; integers beyond 2^53 are rounded, use `decodeExact64` for all digits. */
export function decodeBits64(high: number, low: number, recipe: DecodeRecipe): number {
  orderBits64(high, low, recipe.order);
  if (recipe.bit !== null) {
    return recipe.bit < 32
      ? (scratch.getUint32(4) >>> recipe.bit) & 1
      : (scratch.getUint32(0) >>> (recipe.bit - 32)) & 1;
  }
  switch (recipe.type) {
    case 'float64':
      return scratch.getFloat64(0);
    case 'int64':
      return Number(scratch.getBigInt64(0));
    case 'uint64':
      return Number(scratch.getBigUint64(0));
    default:
      return Number.NaN;
  }
}

export function decodeExact64(bits: bigint, recipe: DecodeRecipe): bigint {
  orderBits64(Number((bits >> 32n) & 0xffffffffn), Number(bits & 0xffffffffn), recipe.order);
  return recipe.type === 'int64' ? scratch.getBigInt64(0) : scratch.getBigUint64(0);
}

/** A recipe made ready for columns: no branch per sample on anything but the recipe's own kind. */
export interface Decoder {
  readonly recipe: DecodeRecipe;
  /**
   * Decodes `length` stored values from `stored[from...]` into `out[at...]` and scales them. `stored` and `out` may be
   * the same array. Text stays a string-table index. Slots whose sample is bad may give any number.
   */
  decode(stored: Float64Array, from: number, length: number, out: Float64Array, at: number, scaled: boolean): void;
  /** The scaled number of one slot. */
  one(stored: Float64Array, index: number): number;
}

const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

export function createDecoder(recipe: DecodeRecipe): Decoder {
  const { gain, offset } = linear(recipe.scaling);
  const clamp = recipe.scaling?.kind === 'range' && recipe.scaling.clamp ? recipe.scaling : null;
  const identity = gain === 1 && offset === 0 && clamp === null;
  const low = clamp === null ? 0 : Math.min(clamp.low, clamp.high);
  const high = clamp === null ? 0 : Math.max(clamp.low, clamp.high);
  const unsigned16 =
    recipe.form === 'bits' &&
    recipe.bit === null &&
    recipe.type === 'uint16' &&
    (recipe.order === 'ABCD' || recipe.order === 'CDAB');
  const passThrough =
    recipe.form === 'number' ||
    recipe.form === 'text' ||
    unsigned16 ||
    (recipe.form === 'bits' && recipe.bit === null && recipe.type === 'uint32' && recipe.order === 'ABCD');

  const unscaled = (stored: Float64Array, index: number): number => {
    if (passThrough) return stored[index]!;
    if (recipe.form === 'bits') return decodeBits(stored[index]!, recipe);
    const words = new Uint32Array(stored.buffer, stored.byteOffset + index * 8, 2);
    return littleEndian ? decodeBits64(words[1]!, words[0]!, recipe) : decodeBits64(words[0]!, words[1]!, recipe);
  };
  const scale = (value: number): number => {
    const result = value * gain + offset;
    return clamp === null ? result : result < low ? low : result > high ? high : result;
  };
  return {
    recipe,
    decode(stored, from, length, out, at, scaled) {
      if (recipe.form === 'bits64') {
        const words = new Uint32Array(stored.buffer, stored.byteOffset + from * 8, length * 2);
        const highAt = littleEndian ? 1 : 0;
        for (let i = 0; i < length; i++) {
          out[at + i] = decodeBits64(words[2 * i + highAt]!, words[2 * i + 1 - highAt]!, recipe);
        }
      } else if (passThrough) {
        if (out !== stored || at !== from) for (let i = 0; i < length; i++) out[at + i] = stored[from + i]!;
      } else {
        for (let i = 0; i < length; i++) out[at + i] = decodeBits(stored[from + i]!, recipe);
      }
      if (scaled && recipe.form !== 'text' && !identity) {
        for (let i = 0; i < length; i++) out[at + i] = scale(out[at + i]!);
      }
    },
    one(stored, index) {
      const value = unscaled(stored, index);
      return recipe.form === 'text' || identity ? value : scale(value);
    },
  };
}
