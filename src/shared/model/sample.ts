import type { Quality } from './quality.ts';
import type { TimeRange, UnixMicros } from './time.ts';

/**
 * Samples of many tags in arrival order. All columns have `length` used entries and may be longer; they belong to the
 * receiver. Values are stored forms (see `recipe.ts`): a slot of a 64-bit tag holds bits and is only ever moved by a
 * view of integers or by `set`, `slice` and `copyWithin`, never through a number, which may change NaN payloads.
 */
export interface SampleBlock {
  readonly length: number;
  /** Index into the engine's tag table. */
  readonly tag: Uint32Array<ArrayBuffer>;
  /** The tag's own time: its `timeKind` says whose clock. */
  readonly time: Float64Array<ArrayBuffer>;
  readonly value: Float64Array<ArrayBuffer>;
  readonly quality: Uint16Array<ArrayBuffer>;
  /** Receive time of this program, where `time` is another clock's; null when all times are receive times. */
  readonly received: Float64Array<ArrayBuffer> | null;
}

/**
 * A tag's history over a range, ready to draw: time ascending, no duplicates, values decoded and scaled. A bad sample
 * keeps its place with its quality; its value means nothing. Text tags carry string-table indexes and `texts`.
 */
export interface Series {
  readonly tag: string;
  readonly time: Float64Array<ArrayBuffer>;
  readonly value: Float64Array<ArrayBuffer>;
  readonly quality: Uint16Array<ArrayBuffer>;
  /** Present when points were merged: smallest and largest good value of each point's interval. */
  readonly envelope: { readonly min: Float64Array<ArrayBuffer>; readonly max: Float64Array<ArrayBuffer> } | null;
  readonly gaps: readonly Gap[];
  /** Strings behind the indexes in `value`; only for text tags. */
  readonly texts: Readonly<Record<number, string>> | null;
}

/** An interval without samples, and why. */
export interface Gap {
  readonly range: TimeRange;
  readonly reason: string;
  readonly quality: Quality;
}

export interface Sample {
  readonly time: UnixMicros;
  readonly value: number;
  readonly quality: Quality;
}
