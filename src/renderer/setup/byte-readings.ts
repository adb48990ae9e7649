import {
  type DecodeRecipe,
  ordersOf,
  type RawReading,
  rawSize,
  readRaw,
  type ValueType,
  type WordOrder,
} from '#shared/model/index.ts';

/** One way to read bytes from a place on. */
export interface ByteReading {
  /** Tells it from the others. */
  readonly key: string;
  readonly type: ValueType;
  readonly order: WordOrder;
  /** Of what one address holds, 0 = least significant. */
  readonly bit: number | null;
  /** Characters of a text. */
  readonly length: number | null;
  /** Bytes that it takes. */
  readonly bytes: number;
  readonly recipe: DecodeRecipe;
}

function readingOf(
  type: ValueType,
  order: WordOrder,
  bit: number | null,
  length: number | null,
  unit: number,
): ByteReading {
  const long = type === 'int64' || type === 'uint64' || type === 'float64';
  const form = type === 'string' ? 'text' : long ? 'bits64' : 'bits';
  const recipe: DecodeRecipe = { version: 1, form, type, order, bit, scaling: null, unit: null };
  const bytes = rawSize(recipe, length, unit);
  return { key: `${type} ${order} ${bit ?? ''}`, type, order, bit, length, bytes, recipe };
}

/** All ways that differ: numbers of each type in each order, one text, and the bits of the first address. */
export function readingsOf(types: readonly ValueType[], unit: number, textLength: number): readonly ByteReading[] {
  return types.flatMap((type) => {
    if (type === 'bit') return Array.from({ length: unit * 8 }, (_, bit) => readingOf('bit', 'ABCD', bit, null, unit));
    if (type === 'string') return [readingOf('string', 'ABCD', null, textLength, unit)];
    return ordersOf(type).map((order) => readingOf(type, order, null, null, unit));
  });
}

export function readBytes(bytes: Uint8Array, at: number, reading: ByteReading): RawReading | null {
  return readRaw(bytes, at, reading.bytes, reading.recipe);
}

/** When each byte changed last; what is seen first has not changed. */
export class ByteChanges {
  #last: Uint8Array | null = null;
  #at: Float64Array = new Float64Array(0);

  note(bytes: Uint8Array, nowMs: number): void {
    const last = this.#last;
    if (last === null || last.length !== bytes.length) {
      this.#at = new Float64Array(bytes.length).fill(Number.NEGATIVE_INFINITY);
    } else {
      for (let index = 0; index < bytes.length; index++) if (bytes[index] !== last[index]) this.#at[index] = nowMs;
    }
    this.#last = bytes.slice();
  }

  /** Milliseconds since the byte changed; Infinity where it never did. */
  age(index: number, nowMs: number): number {
    return nowMs - (this.#at[index] ?? Number.NEGATIVE_INFINITY);
  }
}
