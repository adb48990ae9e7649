import { constants, deflateRawSync, inflateRawSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { CHUNK_SAMPLES, decodeChunk, encodeChunk } from '#engine/historian/chunk-codec.ts';
import { emptyRun, type Run } from '#engine/historian/run.ts';
import { createMix, emptyBlock, entropyFloor, KINDS } from './mix.ts';

// Bytes a sample and speed of the chunk codec, per kind of the reference mix and of some others, beside the entropy
// floor, a plain copy of the columns and the compressors of Node's zlib on the raw columns of time and value.
// Flags: --chunks N of 16,384 samples per kind (8), --rounds N (5; the fastest counts), --quick.

const flag = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const quick = process.argv.includes('--quick');
const CHUNKS = flag('chunks', quick ? 3 : 8);
const ROUNDS = flag('rounds', quick ? 3 : 5);
/** Microseconds of one round. */
const ROUND_US = 30_000;

let state = 1;
const random = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};
const wire = new DataView(new ArrayBuffer(4));
/** The bits of a single float with its words swapped, as many PLCs send it. */
function swappedReal(value: number): number {
  wire.setFloat32(0, value);
  return ((wire.getUint16(2) << 16) | wire.getUint16(0)) >>> 0;
}

interface Kind {
  readonly name: string;
  readonly floor: number | null;
  readonly runs: readonly Run[];
}

function mixKinds(): Kind[] {
  const floor = entropyFloor();
  const mix = createMix(KINDS.length);
  return KINDS.map((name, tag) => ({
    name,
    floor: (floor.jitter + floor.value[tag]!) / 8,
    runs: Array.from({ length: CHUNKS }, () => {
      const block = emptyBlock(CHUNK_SAMPLES);
      mix.fill(block, 0, tag, CHUNK_SAMPLES);
      return runOf(block.time, block.value);
    }),
  }));
}

function runOf(time: Float64Array, value: Float64Array): Run {
  const run = emptyRun(time.length);
  run.length = time.length;
  run.time.set(time);
  run.value.set(value);
  return run;
}

/** Kinds beside the mix, on a steady raster so that the values show, and a device's clock with its jitter. */
function otherKinds(): Kind[] {
  const kind = (name: string, value: (i: number) => number, time = (i: number) => 1.7e15 + i * 100_000): Kind => ({
    name,
    floor: null,
    runs: Array.from({ length: CHUNKS }, (_, chunk) => {
      const run = emptyRun(CHUNK_SAMPLES);
      run.length = CHUNK_SAMPLES;
      for (let i = 0; i < CHUNK_SAMPLES; i++) {
        const at = chunk * CHUNK_SAMPLES + i;
        run.time[i] = time(at);
        run.value[i] = value(at);
      }
      return run;
    }),
  });
  const sine = (i: number): number => 20 * Math.sin(i / 700) + random() * 0.0137;
  return [
    kind('steady same', () => 12.5),
    kind('steady counter', (i) => i),
    kind('uint16, 200 levels of noise', (i) => Math.floor(20_000 + 3_000 * Math.sin(i / 2_000) + random() * 200)),
    kind('REAL, words swapped', (i) => swappedReal(sine(i))),
    kind('double sine', (i) => 20 * Math.sin(i / 700) + random() * 0.0137),
    kind('doubles of noise', () => random() / 3),
    kind(
      'device clock, us',
      () => 1,
      (i) => 1.7e15 + i * 100_003 + Math.floor(random() * 1_500),
    ),
    kind(
      'irregular, ms',
      () => 1,
      (() => {
        let at = 1.7e15;
        return () => (at += Math.ceil(-Math.log(1 - random()) * 5_000) * 1_000);
      })(),
    ),
  ];
}

/** Least processor time of some rounds, in millions of samples per second; other programs' load takes no part in it. */
function speed(samples: number, work: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    let repeats = 0;
    const started = process.cpuUsage();
    let used = 0;
    while (used < ROUND_US) {
      work();
      repeats++;
      const { user, system } = process.cpuUsage(started);
      used = user + system;
    }
    best = Math.min(best, used / repeats);
  }
  return samples / best;
}

const target = emptyRun(CHUNK_SAMPLES);
/** What any codec does at least: every sample's time and value are read and written once. */
function copySpeed(runs: readonly Run[]): number {
  return speed(runs.length * CHUNK_SAMPLES, () => {
    for (const run of runs) {
      for (let i = 0; i < run.length; i++) {
        target.time[i] = run.time[i]!;
        target.value[i] = run.value[i]!;
      }
    }
  });
}

function rawColumns(run: Run): Buffer {
  return Buffer.concat([Buffer.from(run.time.buffer), Buffer.from(run.value.buffer)]);
}

interface Figures {
  bytes: number;
  encode: number;
  decode: number;
}

function measure<T extends Uint8Array>(
  runs: readonly Run[],
  encode: (run: Run) => T,
  decode: (data: T) => void,
): Figures {
  let packed: T[] = [];
  const samples = runs.length * CHUNK_SAMPLES;
  const encoded = speed(samples, () => {
    packed = runs.map(encode);
  });
  const decoded = speed(samples, () => {
    for (const data of packed) decode(data);
  });
  return { bytes: packed.reduce((sum, data) => sum + data.length, 0) / samples, encode: encoded, decode: decoded };
}

const level = (value: number) => ({ params: { [constants.ZSTD_c_compressionLevel]: value } });
const peers: readonly [name: string, encode: (run: Run) => Buffer, decode: (data: Buffer) => void][] = [
  ['zstd 1', (run) => zstdCompressSync(rawColumns(run), level(1)), (data) => void zstdDecompressSync(data)],
  ['zstd 3', (run) => zstdCompressSync(rawColumns(run), level(3)), (data) => void zstdDecompressSync(data)],
  ['deflate 6', (run) => deflateRawSync(rawColumns(run)), (data) => void inflateRawSync(data)],
];

const out = emptyRun(CHUNK_SAMPLES);
const codec = (runs: readonly Run[]): Figures => measure(runs, encodeChunk, (data) => void decodeChunk(data, out));

const cell = (value: number, digits: number, width: number): string => value.toFixed(digits).padStart(width);
function print(name: string, floor: number | null, figures: Figures, copy: number): void {
  console.log(
    `${name.padEnd(30)}${floor === null ? '      -' : cell(floor, 3, 7)}${cell(figures.bytes, 3, 8)}` +
      `${cell(figures.encode, 1, 9)}${cell(figures.decode, 1, 9)}${cell(copy / figures.encode, 1, 9)}${cell(copy / figures.decode, 1, 9)}`,
  );
}

const mix = mixKinds();
const others = otherKinds();
// All kinds once, so that none is measured on code that has seen only its own.
for (const kind of [...mix, ...others]) for (const run of kind.runs) decodeChunk(encodeChunk(run), out);

const all = mix.flatMap((kind) => kind.runs);
const copy = copySpeed(all);
console.log(`copy of both columns: ${copy.toFixed(0)} M samples/s; cost of a codec is given in copies`);
console.log('                                floor  B/sample  enc M/s  dec M/s  enc cost dec cost');
for (const kind of [...mix, ...others]) print(kind.name, kind.floor, codec(kind.runs), copy);
print(
  'the mix',
  mix.reduce((sum, kind) => sum + kind.floor! / mix.length, 0),
  codec(all),
  copy,
);
for (const [name, encode, decode] of peers) print(`the mix, ${name}`, null, measure(all, encode, decode), copy);
