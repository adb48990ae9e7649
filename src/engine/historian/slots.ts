import { type ByteReader, type ByteWriter, readU32, readVarint, writeU32, writeVarint } from './bytes.ts';
import { BLOCK_SAMPLES } from './column-pack.ts';

/** A slot is the eight bytes of a stored form, moved as two words, because a number may change the payload of a NaN. */
export function writeSlot(out: ByteWriter, words: Int32Array, index: number): void {
  writeU32(out, words[2 * index]!);
  writeU32(out, words[2 * index + 1]!);
}

export function fillSlots(words: Int32Array, from: number, to: number, low: number, high: number): void {
  for (let i = from; i < to; i++) {
    words[2 * i] = low;
    words[2 * i + 1] = high;
  }
}

/** Slots of a block that its code would not give back are 1 here; they are written as patches. */
export const odd = new Uint8Array(BLOCK_SAMPLES);

const continues = (words: Int32Array, from: number, i: number): boolean =>
  i > 0 &&
  odd[i - 1] === 1 &&
  words[2 * (from + i)] === words[2 * (from + i) - 2] &&
  words[2 * (from + i) + 1] === words[2 * (from + i) - 1];

/** How many patches the odd slots need: each is a stretch of equal slots. */
export function countPatches(words: Int32Array, from: number, count: number): number {
  let patches = 0;
  for (let i = 0; i < count; i++) if (odd[i] === 1 && !continues(words, from, i)) patches++;
  return patches;
}

export function writePatches(words: Int32Array, from: number, count: number, out: ByteWriter): void {
  writeVarint(out, countPatches(words, from, count));
  let before = 0;
  for (let i = 0; i < count; i++) {
    if (odd[i] === 0) continue;
    let end = i + 1;
    while (end < count && odd[end] === 1 && continues(words, from, end)) end++;
    writeVarint(out, i - before);
    writeVarint(out, end - i);
    writeSlot(out, words, from + i);
    before = end;
    i = end - 1;
  }
}

export function readPatches(reader: ByteReader, words: Int32Array, at: number, count: number): void {
  const patches = readVarint(reader);
  if (patches > count) throw new RangeError('more patches than values');
  let index = 0;
  for (let i = 0; i < patches; i++) {
    index += readVarint(reader);
    const end = index + readVarint(reader);
    if (!(end <= count)) throw new RangeError('a patch behind the last value');
    fillSlots(words, at + index, at + end, readU32(reader), readU32(reader));
    index = end;
  }
}
