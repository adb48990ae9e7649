import { decodeExact64 } from '#shared/model/index.ts';
import type { RuntimeTag } from './tag-table.ts';

/**
 * What a number can't show: the string of a text tag, and all digits of a 64-bit integer beyond 2^53. A scaled integer
 * is an ordinary number and has no exact digits. Undefined where the number says it all.
 */
export function exactText(
  tag: RuntimeTag,
  stored: Float64Array<ArrayBuffer>,
  slot: number,
  value: number,
  textOf: (index: number) => string | undefined,
): string | undefined {
  const { recipe } = tag;
  if (recipe.form === 'text') return textOf(stored[slot]!);
  if (recipe.form !== 'bits64' || recipe.bit !== null || recipe.scaling !== null || recipe.type === 'float64') {
    return undefined;
  }
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return undefined;
  const bits = new BigUint64Array(stored.buffer, stored.byteOffset + slot * 8, 1)[0]!;
  return decodeExact64(bits, recipe).toString();
}
