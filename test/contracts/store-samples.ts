import type {
  OpenedFile,
  RecoveryReport,
  SampleStore,
  StoreOptions,
  TagRegistration,
} from '#engine/historian/index.ts';
import { type DecodeRecipe, PLAIN_RECIPE, QUALITY, type SampleBlock, type TimeRange } from '#shared/model/index.ts';

/** What makes a store for the suite; it is closed by the tests. */
export interface StoreFactory {
  open(options: StoreOptions): Promise<{ readonly store: SampleStore; readonly recovery: RecoveryReport }>;
  openRecording(path: string): Promise<OpenedFile>;
}

export const START = 1_760_000_000_000_000;
export const SECOND = 1_000_000;
export const EVER: TimeRange = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };
export const never = new AbortController().signal;
type Written = readonly [tag: number, time: number, value: number, quality?: number];

export function block(samples: readonly Written[]): SampleBlock {
  return {
    length: samples.length,
    tag: Uint32Array.from(samples, (one) => one[0]),
    time: Float64Array.from(samples, (one) => one[1]),
    value: Float64Array.from(samples, (one) => one[2]),
    quality: Uint16Array.from(samples, (one) => one[3] ?? QUALITY.good),
    received: null,
  };
}

export function tag(index: number, recipe: DecodeRecipe = PLAIN_RECIPE): TagRegistration {
  return {
    index,
    id: `tag-${index}`,
    name: `Stand ${index} speed`,
    description: 'Speed behind the stand',
    connection: 'Mill',
    device: 'PLC 1',
    address: `HR${100 + index}:f32`,
    periodMs: 100,
    timeKind: 'receive',
    demo: false,
    decimals: 2,
    range: { low: 0, high: 20 },
    recipe,
  };
}

export async function all(
  store: SampleStore | OpenedFile,
  id: string,
  range = EVER,
): Promise<[number, number, number][]> {
  const samples: [number, number, number][] = [];
  for await (const part of store.raw([id], range, never)) {
    for (const series of part) {
      for (const [i, time] of series.time.entries()) samples.push([time, series.value[i]!, series.quality[i]!]);
    }
  }
  return samples;
}

export const ramp = (index: number, count: number, from = 0): Written[] =>
  Array.from({ length: count }, (_, i) => [index, START + (from + i) * 100_000, from + i] as const);
