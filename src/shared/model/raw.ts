import { type DecodeRecipe, decodeBits, decodeBits64, decodeExact64, wireBytes } from './recipe.ts';

/** A value as a recipe reads it out of raw bytes, unscaled. */
export interface RawReading {
  /** NaN for a text. */
  readonly value: number;
  /** The text, or all digits of an integer that a number does not hold. */
  readonly text: string | null;
}

/** Bytes that a value occupies: `length` characters of a string, `unit` bytes (those of one address) for a bit. */
export function rawSize(recipe: Pick<DecodeRecipe, 'type'>, length: number | null, unit: number): number {
  if (recipe.type === 'string') return length ?? 0;
  return recipe.type === 'bit' ? unit : wireBytes(recipe.type);
}

/** Reads one value of `size` bytes at `at`; null where the bytes end before it does. */
export function readRaw(bytes: Uint8Array, at: number, size: number, recipe: DecodeRecipe): RawReading | null {
  if (at < 0 || size < 1 || at + size > bytes.length) return null;
  if (recipe.form === 'text') return { value: Number.NaN, text: readText(bytes.subarray(at), size, recipe) };
  if (recipe.form === 'bits64') {
    const high = bigEndian(bytes, at, 4);
    const low = bigEndian(bytes, at + 4, 4);
    const value = decodeBits64(high, low, recipe);
    const exact =
      recipe.bit === null && recipe.type !== 'float64' && !Number.isSafeInteger(value)
        ? decodeExact64((BigInt(high) << 32n) | BigInt(low), recipe).toString()
        : null;
    return { value, text: exact };
  }
  return { value: decodeBits(bigEndian(bytes, at, size), recipe), text: null };
}

function bigEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) value = value * 256 + bytes[at + i]!;
  return value;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
const western = new TextDecoder('windows-1252');

/** Up to the first zero, without blanks at the end; what is no UTF-8 is taken for the Western code page. */
function readText(bytes: Uint8Array, length: number, { order }: DecodeRecipe): string {
  const swapped = order === 'BADC' || order === 'DCBA';
  const plain = Uint8Array.from({ length }, (_, i) => bytes[swapped ? i ^ 1 : i] ?? 0);
  const zero = plain.indexOf(0);
  const used = plain.subarray(0, zero < 0 ? length : zero);
  let text: string;
  try {
    text = utf8.decode(used);
  } catch {
    text = western.decode(used);
  }
  return text.replace(/ +$/, '');
}
