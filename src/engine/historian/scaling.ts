import { type DecodeRecipe, linear } from '#shared/model/index.ts';

/** A recipe's scaling, with the same arithmetic as `createDecoder`, for numbers that were decoded unscaled. */
export interface Scaling {
  /** Gain and offset; null where values are also clamped, or the scaling has no gain. */
  readonly linear: { readonly gain: number; readonly offset: number } | null;
  /** Nothing changes. */
  readonly identity: boolean;
  /** Scales `values[from]` up to `values[to - 1]` into the same places of `out`, which may be the same array. */
  apply(values: Float64Array, from: number, to: number, out: Float64Array): void;
  one(value: number): number;
}

export function scalingOf(recipe: DecodeRecipe): Scaling {
  const scaling = recipe.form === 'text' ? null : recipe.scaling;
  const { gain, offset } = linear(scaling);
  const clamp = scaling?.kind === 'range' && scaling.clamp ? scaling : null;
  const low = clamp === null ? Number.NEGATIVE_INFINITY : Math.min(clamp.low, clamp.high);
  const high = clamp === null ? Number.POSITIVE_INFINITY : Math.max(clamp.low, clamp.high);
  const one = (value: number): number => {
    const scaled = value * gain + offset;
    return scaled < low ? low : scaled > high ? high : scaled;
  };
  const usual = clamp === null && Number.isFinite(gain) && gain !== 0;
  return {
    linear: usual ? { gain, offset } : null,
    identity: scaling === null,
    one: scaling === null ? (value) => value : one,
    apply(values, from, to, out) {
      if (scaling === null) {
        if (out !== values) out.set(values.subarray(from, to), from);
      } else for (let i = from; i < to; i++) out[i] = one(values[i]!);
    },
  };
}
