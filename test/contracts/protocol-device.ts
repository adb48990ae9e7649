import type { DecodeRecipe, ValueType, WordOrder } from '#shared/model/index.ts';
import { createDecoder, decodeExact64 } from '#shared/model/index.ts';
import type { Pushed } from '#test/support/sample-collector.ts';

export interface KnownTag {
  readonly address: string;
  readonly type: ValueType;
  readonly order: WordOrder | null;
  readonly value: number | bigint | string;
}

/** Numbers at the ends of their types, and those that are none; every driver must bring them as they are. */
export const EDGES = [
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 2 ** -149, 2 ** -126].map(
    (value) => ['float32', value] as const,
  ),
  ['float32', -(2 - 2 ** -23) * 2 ** 127],
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, Number.MIN_VALUE, Number.MAX_VALUE].map(
    (value) => ['float64', value] as const,
  ),
  ['int16', -32_768],
  ['int16', 32_767],
  ['uint16', 65_535],
  ['int32', -2_147_483_648],
  ['int32', 2_147_483_647],
  ['uint32', 4_294_967_295],
  ['int64', -9_223_372_036_854_775_808n],
  ['int64', 9_223_372_036_854_775_807n],
  ['int64', 9_007_199_254_740_993n],
  ['uint64', 18_446_744_073_709_551_615n],
] as const satisfies readonly (readonly [ValueType, number | bigint])[];

/** What a protocol needs to be held to the contract: a device that is not made with the driver's own library. */
export type ProtocolSimulator =
  | { readonly mode: 'poll'; start(): Promise<RunningSimulator> }
  | { readonly mode: 'push'; start(): Promise<TellingSimulator> };

/** A device that tells by itself, all that it knows several times a second. */
export interface TellingSimulator extends RunningSimulator {
  /** Takes what the driver needs to listen (a port, a broker) until it is disposed of. */
  block(): Promise<AsyncDisposable>;
}
export interface RunningSimulator {
  readonly config: unknown;
  readonly device: unknown;
  /** One at least of every value type that the driver names. */
  readonly known: readonly KnownTag[];
  /** A well-formed address between readable ones that the device refuses. */
  readonly refused: Pick<KnownTag, 'address' | 'type'>;
  /** Address of the n-th of many numeric tags, n from 0 to 999, and what it holds. */
  many(n: number): KnownTag;
  /** Texts that are no addresses of this protocol. */
  readonly nonsense: readonly string[];
  /** Answers nothing any more, without closing. */
  silence(): void;
  speak(): void;
  /** Ends all links. */
  drop(): void;
  /** Requests, and links, that it has seen since the start. */
  readonly seen: { readonly requests: number; readonly links: number };
  /** The longest that a silent device may cost, in milliseconds. */
  readonly timeoutMs: number;
  close(): Promise<void>;
}

/** The number or text that a person reads, from a stored form. */
export function readable(sample: Pushed, recipe: DecodeRecipe): number | bigint | string {
  if (typeof sample.value === 'string') return sample.value;
  const stored = new Float64Array(1);
  if (typeof sample.value === 'bigint') {
    if (recipe.type === 'int64' || recipe.type === 'uint64') return decodeExact64(sample.value, recipe);
    new BigUint64Array(stored.buffer)[0] = sample.value;
  } else {
    stored[0] = sample.value;
  }
  return createDecoder(recipe).one(stored, 0);
}
