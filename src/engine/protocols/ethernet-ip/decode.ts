import type { SampleSink } from '#engine/protocols/protocol.ts';
import { QUALITY, type Quality, type UnixMicros, wireBytes } from '#shared/model/index.ts';
import {
  BOOL,
  type DataType,
  DWORD,
  dataType,
  isWhole,
  SHORT_STRING,
  STRING,
  STRUCTURE,
  typeName,
} from './data-type.ts';
import type { PlannedTag, Use } from './plan.ts';

/** The data of a read: their type, for a structure its handle, and the bytes behind. */
export interface Value {
  readonly type: number;
  readonly handle: number | null;
  readonly bytes: Buffer;
  /** Bytes of one element. */
  readonly size: number;
}

/** Null where the type does not stand before the data. */
export function parseValue(data: Buffer, count: number): Value | null {
  if (data.length < 2) return null;
  const type = data.readUInt16LE(0);
  const structure = type === STRUCTURE;
  if (structure && data.length < 4) return null;
  const bytes = data.subarray(structure ? 4 : 2);
  const size = dataType(type)?.size ?? 0;
  return {
    type,
    handle: structure ? data.readUInt16LE(2) : null,
    bytes,
    size: size > 0 ? size : Math.floor(bytes.length / count),
  };
}

export const valueTypeBytes = (value: Value): number => (value.handle === null ? 2 : 4);

/** What is wrong with a tag, in words, and the quality that it gets. */
export interface Mistake {
  readonly quality: Quality;
  readonly sentence: string;
}

/** One bad sample for a tag, by the call that its stored form needs. */
export function pushBad(tag: PlannedTag, time: UnixMicros, quality: number, sink: SampleSink): void {
  if (tag.type === 'string') sink.pushText(tag.index, time, '', quality);
  else if (wireBytes(tag.type) === 8) sink.push64(tag.index, time, 0, 0, quality);
  else sink.push(tag.index, time, Number.NaN, quality);
}

/** Pushes the stored form of one tag, or says why it has none; `isText` knows the handles of strings. */
export function pushValue(
  use: Use,
  value: Value,
  isText: (handle: number) => boolean,
  time: UnixMicros,
  sink: SampleSink,
): Mistake | null {
  const { tag } = use;
  const { bytes } = value;
  if (tag.type === 'string') return pushString(use, value, isText, time, sink);
  const type = dataType(value.type);
  if (type === undefined || type.size === 0) return wrongType(tag, value.type, isText, value.handle);
  const from = use.element * type.size;
  if (from + type.size > bytes.length) {
    return { quality: QUALITY.badCommunication, sentence: 'the answer is too short for it' };
  }
  if (tag.type === 'bit') return pushBit(use, type, value.type, bytes, from, time, sink);
  if (!type.as.includes(tag.type)) return wrongType(tag, value.type, isText, null);
  switch (type.size) {
    case 1:
      sink.push(tag.index, time, bytes[from]!, QUALITY.good);
      break;
    case 2:
      sink.push(tag.index, time, bytes.readUInt16BE(from), QUALITY.good);
      break;
    case 4:
      sink.push(tag.index, time, bytes.readUInt32BE(from), QUALITY.good);
      break;
    default:
      sink.push64(tag.index, time, bytes.readUInt32BE(from), bytes.readUInt32BE(from + 4), QUALITY.good);
  }
  return null;
}

function pushBit(
  { tag, flag }: Use,
  type: DataType,
  code: number,
  bytes: Buffer,
  from: number,
  time: UnixMicros,
  sink: SampleSink,
): Mistake | null {
  const bit = flag ?? tag.address.bit;
  if (flag !== null ? code !== DWORD : bit === null ? code !== BOOL : !isWhole(type)) {
    return wrongType(tag, code, () => false, null);
  }
  if (bit === null) {
    sink.push(tag.index, time, bytes[from] === 0 ? 0 : 1, QUALITY.good);
    return null;
  }
  if (bit >= type.size * 8) {
    return {
      quality: QUALITY.badConfiguration,
      sentence: `it is ${type.name} in the controller, with bits 0 to ${type.size * 8 - 1}`,
    };
  }
  sink.push(tag.index, time, (bytes[from + (bit >> 3)]! >> (bit & 7)) & 1, QUALITY.good);
  return null;
}

function wrongType(tag: PlannedTag, code: number, isText: (handle: number) => boolean, handle: number | null): Mistake {
  const type = dataType(code);
  const quality = QUALITY.badConfiguration;
  if (handle !== null && isText(handle)) {
    return { quality, sentence: 'it is a text in the controller. Set its type to string' };
  }
  if (code === STRUCTURE) {
    return { quality, sentence: 'it is a structure in the controller. Name one of its members' };
  }
  if (type === undefined)
    return { quality, sentence: `it is ${typeName(code)} in the controller, which can't be read` };
  const advice =
    tag.type === 'bit' && tag.address.bit === null && isWhole(type)
      ? `Name one of its bits, such as ${tag.text}.0, or set its type to ${type.as[0]}`
      : tag.address.bit !== null
        ? `Leave ".${tag.address.bit}" out and set its type to ${type.as[0]}`
        : `Set its type to ${type.as[0]}`;
  return { quality, sentence: `it is ${type.name} in the controller and ${tag.type} here. ${advice}` };
}

function pushString(
  { tag }: Use,
  value: Value,
  isText: (handle: number) => boolean,
  time: UnixMicros,
  sink: SampleSink,
): Mistake | null {
  const { bytes } = value;
  let text: Buffer | null = null;
  if (value.handle !== null && isText(value.handle)) {
    const length = bytes.length < 4 ? -1 : bytes.readInt32LE(0);
    if (length >= 0 && 4 + length <= bytes.length) text = bytes.subarray(4, 4 + length);
  } else if (value.type === SHORT_STRING) {
    const length = bytes[0];
    if (length !== undefined && 1 + length <= bytes.length) text = bytes.subarray(1, 1 + length);
  } else if (value.type === STRING) {
    const length = bytes.length < 2 ? -1 : bytes.readUInt16LE(0);
    if (length >= 0 && 2 + length <= bytes.length) text = bytes.subarray(2, 2 + length);
  } else if (value.handle !== null) {
    return {
      quality: QUALITY.badConfiguration,
      sentence: 'it is a structure in the controller and not a text with LEN and DATA. Name one of its members',
    };
  } else return wrongType(tag, value.type, isText, value.handle);
  if (text === null) {
    return { quality: QUALITY.badEncoding, sentence: 'its length says more characters than there are' };
  }
  if (tag.seen === null || !tag.seen.bytes.equals(text)) {
    tag.seen = { bytes: Buffer.from(text), text: decodeText(text) };
  }
  sink.pushText(tag.index, time, tag.seen.text, QUALITY.good);
  return null;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
const latin1 = new TextDecoder('windows-1252');

/** Controllers keep ASCII, some UTF-8 and older ones a Western code page; what is no UTF-8 is taken for the latter. */
function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return latin1.decode(bytes);
    throw error;
  }
}
