import type { SampleSink, TagBinding } from '#engine/protocols/protocol.ts';
import { QUALITY, type UnixMicros, type ValueType } from '#shared/model/index.ts';
import { type ModbusAddress, registersOf } from './address.ts';
import type { Block, Span } from './planner.ts';
import { isBitTable } from './table.ts';

/** A tag of a plan: where it lies and how its stored form is cut out of an answer. */
export interface PlannedTag extends Span {
  /** The engine's tag index. */
  readonly index: number;
  readonly cut: Cut;
  readonly text: TextCut | null;
}

/** Pushes the stored form of every tag of one block. `bytes` are the data bytes of the answer to it. */
export type BlockDecoder = (bytes: Uint8Array, time: UnixMicros, sink: SampleSink) => void;

type Cut = 0 | 1 | 2 | 3 | 4;
const BIT: Cut = 0;
const WORD: Cut = 1;
const DOUBLE_WORD: Cut = 2;
const QUAD_WORD: Cut = 3;
const TEXT: Cut = 4;

/** How to read a string, with the text read last: a string that did not change costs no new one. */
interface TextCut {
  readonly length: number;
  readonly swapped: boolean;
  readonly seen: Uint8Array;
  text: string | null;
}

const cuts: Readonly<Record<ValueType, Cut>> = {
  bit: WORD,
  int8: WORD,
  uint8: WORD,
  int16: WORD,
  uint16: WORD,
  int32: DOUBLE_WORD,
  uint32: DOUBLE_WORD,
  float32: DOUBLE_WORD,
  int64: QUAD_WORD,
  uint64: QUAD_WORD,
  float64: QUAD_WORD,
  string: TEXT,
};

/** `item` is the tag's place in the plan. */
export function planTag(binding: TagBinding<ModbusAddress>, item: number): PlannedTag {
  const { address, recipe, index } = binding;
  if (isBitTable(address.table)) return { item, index, offset: address.offset, count: 1, cut: BIT, text: null };
  const count = registersOf(recipe.type, address);
  const text: TextCut | null =
    recipe.type === 'string'
      ? {
          length: address.length ?? count * 2,
          swapped: recipe.order === 'BADC' || recipe.order === 'DCBA',
          seen: new Uint8Array(count * 2),
          text: null,
        }
      : null;
  return { item, index, offset: address.offset, count, cut: cuts[recipe.type], text };
}

/**
 * Makes the decoder of one block. What runs per sample allocates nothing: places and kinds are columns, values are
 * numbers as the wire bits come, and order, type and scaling are left to the tag's recipe.
 */
export function createBlockDecoder(block: Block, tags: readonly PlannedTag[]): BlockDecoder {
  const count = block.spans.length;
  const cut = new Uint8Array(count);
  const at = new Uint16Array(count);
  const index = new Uint32Array(count);
  const texts: (TextCut | null)[] = [];
  block.spans.forEach((span, slot) => {
    const tag = tags[span.item]!;
    cut[slot] = tag.cut;
    at[slot] = tag.cut === BIT ? tag.offset - block.offset : (tag.offset - block.offset) * 2;
    index[slot] = tag.index;
    texts.push(tag.text);
  });

  return (bytes, time, sink) => {
    for (let slot = 0; slot < count; slot++) {
      const from = at[slot]!;
      const tag = index[slot]!;
      switch (cut[slot]) {
        case BIT:
          sink.push(tag, time, (bytes[from >> 3]! >> (from & 7)) & 1, QUALITY.good);
          break;
        case WORD:
          sink.push(tag, time, (bytes[from]! << 8) | bytes[from + 1]!, QUALITY.good);
          break;
        case DOUBLE_WORD:
          sink.push(tag, time, unsigned32(bytes, from), QUALITY.good);
          break;
        case QUAD_WORD:
          sink.push64(tag, time, unsigned32(bytes, from), unsigned32(bytes, from + 4), QUALITY.good);
          break;
        default:
          sink.pushText(tag, time, readText(texts[slot]!, bytes, from), QUALITY.good);
      }
    }
  };
}

/** One bad sample for a tag, by the call that its stored form needs. */
export function pushBad(tag: PlannedTag, time: UnixMicros, quality: number, sink: SampleSink): void {
  if (tag.cut === TEXT) sink.pushText(tag.index, time, '', quality);
  else if (tag.cut === QUAD_WORD) sink.push64(tag.index, time, 0, 0, quality);
  else sink.push(tag.index, time, Number.NaN, quality);
}

function unsigned32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function readText(cut: TextCut, bytes: Uint8Array, from: number): string {
  const { seen } = cut;
  let same = cut.text !== null;
  for (let index = 0; index < seen.length; index++) {
    const byte = bytes[from + (cut.swapped ? index ^ 1 : index)]!;
    if (seen[index] !== byte) {
      seen[index] = byte;
      same = false;
    }
  }
  if (same && cut.text !== null) return cut.text;
  let end = seen.subarray(0, cut.length).indexOf(0);
  if (end < 0) end = cut.length;
  while (end > 0 && seen[end - 1] === 0x20) end--;
  cut.text = decodeText(seen.subarray(0, end));
  return cut.text;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
const latin1 = new TextDecoder('windows-1252');

/** Controllers write ASCII, some UTF-8 and older ones a Western code page; what is no UTF-8 is taken for the latter. */
function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return latin1.decode(bytes);
    throw error;
  }
}
