import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type DecodeRecipe, PLAIN_RECIPE } from '#shared/model/index.ts';
import { unless } from '#test/support/needs.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { EVER, openDirect, registration, type WrittenSample } from './direct.ts';

const python = spawnSync('python3', ['-c', 'import sqlite3']).status === 0;
const START = 1_700_000_000_000_000;
const script = fileURLToPath(new URL('../../../docs/read-recording.py', import.meta.url));

const bits = (type: DecodeRecipe['type'], more: Partial<DecodeRecipe> = {}): DecodeRecipe => ({
  ...PLAIN_RECIPE,
  form: 'bits',
  type,
  ...more,
});
const word = (number: number): number => (Math.imul(number, 2_654_435_761) >>> 0) & 0xffff;
const wire = new DataView(new ArrayBuffer(4));
/** The bits of a single float, the bytes of each word swapped. */
function real(number: number): number {
  wire.setFloat32(0, number);
  return ((wire.getUint16(0, true) << 16) | wire.getUint16(2, true)) >>> 0;
}
const double = (number: number): number => Math.imul(number, 2_654_435_761) >>> 0;

/** One tag per code of the chunk format and per kind of recipe, with values that lead to it. */
const cases: readonly {
  name: string;
  recipe: DecodeRecipe;
  value: (i: number) => number;
  step?: (i: number) => number;
}[] = [
  { name: 'same', recipe: PLAIN_RECIPE, value: () => -0 },
  { name: 'runs', recipe: PLAIN_RECIPE, value: (i) => Math.floor(i / 90) * 0.3 },
  { name: 'whole from least', recipe: bits('uint16'), value: word },
  { name: 'whole steps', recipe: PLAIN_RECIPE, value: (i) => 1e6 + i * 3 },
  { name: 'decimals', recipe: PLAIN_RECIPE, value: (i) => Math.round(Math.sin(i / 9) * 1e4) / 100 },
  { name: 'doubles', recipe: PLAIN_RECIPE, value: (i) => Math.sin(i) / 3 },
  { name: 'singles', recipe: PLAIN_RECIPE, value: (i) => Math.fround(Math.sin(i) / 3) },
  { name: 'float bits', recipe: bits('float32', { order: 'CDAB' }), value: double },
  { name: 'infinities', recipe: PLAIN_RECIPE, value: (i) => (i % 3 === 0 ? Number.POSITIVE_INFINITY : -i / 7) },
  { name: 'swapped', recipe: bits('int16', { order: 'BADC' }), value: word },
  { name: 'long', recipe: bits('int32', { order: 'DCBA' }), value: double },
  { name: 'byte', recipe: bits('int8'), value: (i) => i & 0xff },
  { name: 'bit', recipe: bits('bit', { bit: 9 }), value: word },
  { name: 'high bit', recipe: bits('bit', { bit: 17, order: 'CDAB' }), value: double },
  { name: 'wide', recipe: { ...PLAIN_RECIPE, form: 'bits64', type: 'float64', order: 'CDAB' }, value: (i) => i / 3 },
  { name: 'wide integer', recipe: { ...PLAIN_RECIPE, form: 'bits64', type: 'int64' }, value: (i) => (i + 1) * 1e-310 },
  { name: 'jitter', recipe: PLAIN_RECIPE, value: (i) => i, step: (i) => i * 100_000 + ((i * 7) % 5) * 1_000 },
  { name: 'odd times', recipe: PLAIN_RECIPE, value: (i) => i, step: (i) => i * i * 977 },
  { name: 'gaps', recipe: PLAIN_RECIPE, value: (i) => i, step: (i) => (i + 600 * Math.floor(i / 300)) * 100_000 },
  { name: 'clock', recipe: PLAIN_RECIPE, value: (i) => i, step: (i) => Math.floor(i * 100_003.7) + (word(i) & 255) },
  { name: 'seldom', recipe: PLAIN_RECIPE, value: (i) => i, step: (i) => (i + (i > 1_200 ? 40 * i : 0)) * 2 ** 33 },
  { name: 'noise', recipe: PLAIN_RECIPE, value: (i) => Math.round(500 * Math.sin(i / 300) + (word(i) % 90)) / 10 },
  {
    name: 'patches',
    recipe: PLAIN_RECIPE,
    value: (i) => (i % 200 === 7 ? Number.NaN : i % 300 === 9 ? 1e-200 : i / 4),
  },
  { name: 'outliers', recipe: PLAIN_RECIPE, value: (i) => (i % 100 === 7 ? 1e8 : word(i) % 6) },
  {
    name: 'real',
    recipe: bits('float32', { order: 'BADC' }),
    value: (i) => real(9 * Math.sin(i / 90) + word(i) / 1e7),
  },
  { name: 'real decimals', recipe: bits('float32', { order: 'BADC' }), value: (i) => real((i % 777) / 100) },
  {
    name: 'range',
    recipe: bits('uint16', {
      scaling: { kind: 'range', rawLow: 0, rawHigh: 60_000, low: 10, high: -90, clamp: false },
    }),
    value: word,
  },
  { name: 'gain', recipe: bits('uint16', { scaling: { kind: 'gain', gain: 0.1, offset: -5 } }), value: word },
];

describe.skipIf(unless(python, 'needs python3 with its sqlite3 module'))('a reader in another language', () => {
  it('reads every kind of chunk and recipe as this program does', async () => {
    const path = join(temporaryDirectory(), 'recording.parx');
    const store = await openDirect(path, { chunkSamples: 3_000 });
    store.writer.register(cases.map(({ name, recipe }, i) => ({ ...registration(i, recipe), name })));
    const samples: WrittenSample[] = cases.flatMap(({ value, step }, tag) =>
      Array.from({ length: 1_400 }, (_, i) => ({
        tag,
        time: START + (step?.(i) ?? i * 100_000),
        value: value(i),
        quality: tag % 4 === 0 && i % 100 < 3 ? 0x8005 : 0,
        received: START + (step?.(i) ?? i * 100_000) + (i % 9),
      })),
    );
    store.append(samples);
    await store.writer.seal([], EVER);
    const ours = cases.map((_, tag) =>
      store
        .raw([`tag-${tag}`], EVER)
        .flatMap(({ time, value, quality }) => [...time].map((at, i) => [at, value[i]!, quality[i]!] as const)),
    );
    await store.close();
    for (const [tag, { name }] of cases.entries()) {
      const text = execFileSync('python3', [script, path, name], { encoding: 'utf8', maxBuffer: 1 << 28 });
      const theirs = text
        .trim()
        .split('\n')
        .map((line) => {
          const [time = '', value = '', quality = ''] = line.split(',');
          const number = value.endsWith('inf')
            ? Number(value.replace('inf', 'Infinity'))
            : value === 'nan'
              ? Number.NaN
              : Number(value);
          return [Number(time), number, Number(quality)] as const;
        });
      expect(theirs, name).toEqual(ours[tag]);
    }
  }, 120_000);
});
